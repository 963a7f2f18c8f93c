// Labels and precedences of addresses (RFC 6724 section 2.1), as glibc has them, or as gai.conf(5) says.
'use strict';
const { isIPv4 } = require('node:net');
const { mapped, octets } = require('./address.js');
const { watched, wordsOfLines } = require('./file.js');

const LABELS = { '::1/128': 0, '::/0': 1, '2002::/16': 2, '::/96': 3, '::ffff:0:0/96': 4, 'fec0::/10': 5, 'fc00::/7': 6,
	'2001::/32': 7 };
const PRECEDENCES = { '::1/128': 50, '::/0': 40, '2002::/16': 30, '::/96': 20, '::ffff:0:0/96': 10 };

const file = watched('/etc/gai.conf', (text) => ({
	label: tableOf(text, 'label', LABELS, 1),
	precedence: tableOf(text, 'precedence', PRECEDENCES, 40),
}));

const label = (address) => valueOf(address, file().label);
const precedence = (address) => valueOf(address, file().precedence);

/** The value of the longest prefix that an address has. */
function valueOf(address, table) {
	const all = octets(isIPv4(address) ? mapped(address) : address);
	return table.find(({ prefix, length }) => commonBits(all, prefix) >= length).value;
}

/** Longest prefixes first. Lines of the file take the place of all that is built in; `otherwise` is for the rest. */
function tableOf(text, key, builtIn, otherwise) {
	const lines = wordsOfLines(text).filter(([first, prefix, value]) => first === key && prefix && value)
		.map(([, prefix, value]) => [prefix, Number(value)]);
	const entries = lines.length > 0 ? [...lines, ['::/0', otherwise]] : Object.entries(builtIn);
	return entries.map(([text, value]) => {
		const [address, length = '128'] = text.split('/');
		return { prefix: octets(address), length: Number(length), value };
	}).sort((a, b) => b.length - a.length);
}

/** How many leading bits two addresses have in common. */
function commonBits(a, b) {
	const differs = a.findIndex((octet, i) => octet !== b[i]);
	return differs < 0 ? a.length * 8 : differs * 8 + Math.clz32(a[differs] ^ b[differs]) - 24;
}

module.exports = { commonBits, label, precedence };
