// IP addresses: their octets, their reverse names, and the short forms that inet_aton() reads.
'use strict';
const { isIPv4 } = require('node:net');

const PART = /^(?:0[xX][0-9a-fA-F]*|[0-9]+)$/;

/** The 4 or 16 octets of an address that net.isIP() takes; a zone (%eth0) does not count. */
function octets(address) {
	if (isIPv4(address))
		return address.split('.').map(Number);
	const [head, tail] = address.replace(/%.*/, '').split('::').map(groups);
	return tail === undefined ? head : [...head, ...Array(16 - head.length - tail.length).fill(0), ...tail];
}

/** The octets of "1:2:ffff" or "ffff:127.0.0.1": a part of an IPv6 address without "::". */
function groups(text) {
	return text.split(':').filter(Boolean).flatMap((group) =>
		group.includes('.') ? octets(group) : [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

/** The name that PTR records of an address stand at. */
function reverseName(address) {
	const all = octets(address);
	if (all.length === 4)
		return `${all.reverse().join('.')}.in-addr.arpa`;
	return `${all.map((octet) => octet.toString(16).padStart(2, '0')).join('').split('').reverse().join('.')}.ip6.arpa`;
}

/**
 * "127.0.0.1" for what inet_aton() takes for it: "127.1", "0x7f.1", "2130706433", "0177.0.0.1". Undefined for anything
 * else. A full address is found earlier, by net.isIP().
 */
function shortForm(text) {
	const parts = text.split('.');
	if (parts.length > 4 || !parts.every((part) => PART.test(part)))
		return undefined;
	const numbers = parts.map(number);
	const last = numbers.pop();
	if (!(last < 256 ** (4 - numbers.length)) || !numbers.every((value) => value < 256))
		return undefined;
	const value = numbers.reduce((sum, octet, i) => sum + octet * 256 ** (3 - i), last);
	return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** A part as strtoul() reads it: decimal, 0x hexadecimal, 0 octal; NaN for 08. */
function number(part) {
	if (/^0[xX]/.test(part))
		return part.length > 2 ? parseInt(part, 16) : 0;
	if (part.length > 1 && part[0] === '0')
		return /[89]/.test(part) ? NaN : parseInt(part, 8);
	return Number(part);
}

/** An IPv4 address as an IPv6 one (RFC 4291 section 2.5.5.2). */
function mapped(address) {
	return `::ffff:${address}`;
}

module.exports = { octets, reverseName, shortForm, mapped };
