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

/** The text of an address whose `size` octets stand at `start`, as libuv writes it (RFC 5952). */
function addressOf(octets, start, size) {
	if (size === 4)
		return `${octets[start]}.${octets[start + 1]}.${octets[start + 2]}.${octets[start + 3]}`;
	const all = Array.from({ length: 8 }, (_, i) => octets[start + 2 * i] << 8 | octets[start + 2 * i + 1]);
	const zeros = longestZeros(all);
	const inV4 = zeros.start === 0 && (zeros.length === 6 || zeros.length === 5 && all[5] === 0xffff);
	const words = inV4 ? [...all.slice(0, 6), addressOf(octets, start + 12, 4)] : all;
	const text = (part) => part.map((word) => word.toString(16)).join(':');
	if (zeros.length < 2)
		return text(words);
	return `${text(words.slice(0, zeros.start))}::${text(words.slice(Math.min(zeros.start + zeros.length, inV4 ? 6 : 8)))}`;
}

/** The longest run of zeros, the first of those that are equally long. */
function longestZeros(words) {
	let best = { start: 0, length: 0 };
	let length = 0;
	words.forEach((word, i) => {
		length = word === 0 ? length + 1 : 0;
		if (length > best.length)
			best = { start: i - length + 1, length };
	});
	return best;
}

/** An IPv4 address as an IPv6 one (RFC 4291 section 2.5.5.2). */
function mapped(address) {
	return `::ffff:${address}`;
}

module.exports = { addressOf, octets, reverseName, shortForm, mapped };
