// The addresses of a name, as the C library's getaddrinfo() finds them, with our server in the place of resolv.conf's:
// short forms of addresses, the hosts file, the search list, mapped addresses, RFC 6724's order.
'use strict';
const dns = require('node:dns');
const { networkInterfaces } = require('node:os');
const { domainToASCII } = require('node:url');
const { mapped, shortForm } = require('./address.js');
const { EAI, eaiOf } = require('./errors.js');
const hosts = require('./hosts.js');
const { inOrder } = require('./order.js');
const resolvconf = require('./resolvconf.js');
const { search } = require('./search.js');

const { ADDRCONFIG, ALL, V4MAPPED } = dns;
const LENGTH_MAX = 255; // of libuv, for anything

/** done(0, addresses) or done(EAI number), never before it has returned. */
function getaddrinfo(resolver, name, { family, hints }, done) {
	const wanted = hints & ADDRCONFIG ? familyInUse(family) : family;
	if (wanted === undefined)
		return process.nextTick(done, EAI.NONAME);
	const maps = wanted === 6 && (hints & V4MAPPED) !== 0;

	const numeric = shortForm(name);
	if (numeric !== undefined)
		return process.nextTick(numericResult, numeric, wanted, maps, done);

	const ascii = /[^\0-\x7f]/.test(name) ? domainToASCII(name) || name : name;
	if (ascii.length > LENGTH_MAX)
		return process.nextTick(done, EAI.INVAL);
	const finish = (errno, addresses) => errno ? done(errno) : inOrder(addresses, (sorted) => done(0, sorted));
	if (!maps)
		return find(resolver, ascii, wanted, finish);
	find(resolver, ascii, 6, (errno, addresses = []) => {
		if (addresses.length > 0 && !(hints & ALL))
			return finish(0, addresses);
		find(resolver, ascii, 4, (second, plain = []) => {
			const all = [...addresses, ...plain.map(mapped)];
			finish(all.length > 0 ? 0 : errno || second, all);
		});
	});
}

/** The hosts file first, then the server. */
function find(resolver, name, family, done) {
	const known = hosts.addressesOf(name, family);
	if (known.length > 0)
		return process.nextTick(done, 0, known);
	search(name, { ...resolvconf.read(), forgets: family === 4 }, (each, answer) => resolver.addresses(each, family, answer),
		(code, addresses) => code ? done(eaiOf(code)) : done(0, addresses));
}

function numericResult(address, family, maps, done) {
	if (family !== 6)
		done(0, [address]);
	else if (maps)
		done(0, [mapped(address)]);
	else
		done(EAI.ADDRFAMILY);
}

/** AI_ADDRCONFIG: `family` as far as this machine has addresses besides loopback; undefined if it has none of it. */
function familyInUse(family) {
	const all = Object.values(networkInterfaces()).flat();
	const has4 = all.some((one) => one.family === 'IPv4' && one.address !== '127.0.0.1');
	const has6 = all.some((one) => one.family === 'IPv6' && one.address !== '::1');
	if (family === 0)
		return has4 === has6 ? 0 : has4 ? 4 : 6;
	return (family === 4 ? has4 : has6) ? family : undefined;
}

module.exports = { getaddrinfo };
