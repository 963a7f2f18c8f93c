// In which order addresses are tried: destination address selection (RFC 6724 section 6) as glibc does it. Rules 3, 4
// and 7 (deprecated, home and encapsulated addresses) want to know more than a program is told, and are left out.
'use strict';
const { isIPv4 } = require('node:net');
const { performance } = require('node:perf_hooks');
const { octets } = require('./address.js');
const { commonBits, label, precedence } = require('./policy.js');
const { sourceOf } = require('./source.js');

const KNOWN_MS = 1000; // routes and policies seldom change, and it is about an order only
const SEEN_MAX = 1000; // addresses

const seen = new Map(); // address -> what the rules look at

/** done(the same addresses, the best first); those that are equally good stay as they were. */
function inOrder(addresses, done) {
	if (addresses.length < 2)
		return done(addresses);
	const targets = [];
	let open = addresses.length;
	addresses.forEach((address, i) => describe(address, (target) => {
		targets[i] = target;
		if (--open === 0)
			done(targets.sort(compare).map((each) => each.address));
	}));
}

/** done(what the rules look at), found out anew when that is some time ago. */
function describe(address, done) {
	const now = performance.now();
	const known = seen.get(address);
	if (known !== undefined && now - known.when < KNOWN_MS)
		return done(known);
	sourceOf(address, (source) => {
		if (seen.size >= SEEN_MAX)
			seen.clear();
		const target = { ...propertiesOf(address, source), when: now };
		seen.set(address, target);
		done(target);
	});
}

function propertiesOf(address, source) {
	const reached = source !== undefined;
	return {
		address,
		family: isIPv4(address) ? 4 : 6,
		reached: Number(reached),
		sameScope: Number(reached && scope(address) === scope(source.address)),
		sameLabel: Number(reached && label(address) === label(source.address)),
		precedence: precedence(address),
		scope: scope(address),
		bits: reached ? bitsInCommon(address, source) : 0,
	};
}

function compare(a, b) {
	return b.reached - a.reached || // rule 1
		b.sameScope - a.sameScope || // rule 2
		b.sameLabel - a.sameLabel || // rule 5
		b.precedence - a.precedence || // rule 6
		a.scope - b.scope || // rule 8: the smaller one
		(a.family === b.family ? b.bits - a.bits : 0); // rule 9, among addresses of one kind
}

/** Link-local and loopback addresses have one scope, site-local ones another, all else is global. */
function scope(address) {
	const [first, second, ...rest] = octets(address);
	if (rest.length === 2)
		return first === 127 || first === 169 && second === 254 ? 2 : 14;
	if (first === 0xfe && second >= 0x80)
		return second < 0xc0 ? 2 : 5;
	return [first, second, ...rest.slice(0, -1)].every((octet) => octet === 0) && rest.at(-1) === 1 ? 2 : 14;
}

/** Of IPv4, only within the network of the source. */
function bitsInCommon(address, source) {
	const bits = commonBits(octets(address), octets(source.address));
	return isIPv4(address) && bits < source.prefix ? 0 : bits;
}

module.exports = { inOrder };
