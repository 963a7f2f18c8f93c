// The hosts file, read as glibc reads it.
'use strict';
const { isIP } = require('node:net');
const { watched, wordsOfLines } = require('./file.js');
const { octets } = require('./address.js');

const WINDOWS = process.platform === 'win32';
const PATH = WINDOWS ? `${process.env.SystemRoot}\\System32\\drivers\\etc\\hosts` : '/etc/hosts';

const file = watched(PATH, parse);
const manyLines = watched('/etc/host.conf', (text) => /^\s*multi\s+on\b/m.test(text));

/** The addresses of a name, for family 0 of both; none if it is not there. */
function addressesOf(name, family) {
	const lines = file().lines.get(name.toLowerCase());
	if (lines === undefined)
		return [];
	const addresses = lines.map((address) => ofFamily(address, family)).filter(Boolean);
	return manyLines() ? addresses : addresses.slice(0, 1);
}

/** An address as one of a family. glibc takes ::1 for 127.0.0.1 and mapped addresses for what they map. */
function ofFamily(address, family) {
	if (family === 0 || isIP(address) === family)
		return address;
	if (family === 6)
		return undefined;
	const all = octets(address);
	if (all.slice(0, 10).every((octet) => octet === 0) && all[10] === 255 && all[11] === 255)
		return all.slice(12).join('.');
	return all.slice(0, 15).every((octet) => octet === 0) && all[15] === 1 ? '127.0.0.1' : undefined;
}

/** The first name of an address, or undefined. */
function nameOf(address) {
	return file().names.get(octets(address).join());
}

function parse(text) {
	const lines = new Map(); // name -> addresses, a line each
	const names = new Map(); // octets -> name
	for (const [address, ...all] of wordsOfLines(text)) {
		if (!isIP(address) || all.length === 0)
			continue;
		const key = octets(address).join();
		if (!names.has(key))
			names.set(key, all[0]);
		for (const name of new Set(all.map((each) => each.toLowerCase())))
			lines.set(name, [...(lines.get(name) ?? []), address]);
	}
	return { lines, names };
}

module.exports = { addressesOf, nameOf };
