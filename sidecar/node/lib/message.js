// DNS messages (RFC 1035 section 4), as far as questions for addresses and their plain answers go.
'use strict';
const { addressOf } = require('./address.js');

const TYPES = { 4: 1, 6: 28 }; // A, AAAA
const CODES = { 1: 'EFORMERR', 2: 'ESERVFAIL', 3: 'ENOTFOUND', 4: 'ENOTIMP', 5: 'EREFUSED' };
const PLAIN = /^(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/; // what needs no escapes
const PLAIN_MAX = 253; // characters of a name of 255 octets
const HEADER = 12;
const OPT = Buffer.from([0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0]); // RFC 6891, nothing special
const RESPONSE = 0x80;
const TRUNCATED = 0x02;

/** Can question() write this name? */
function isPlain(name) {
	return name.length <= PLAIN_MAX && PLAIN.test(name);
}

/** A question for the addresses of a name that is plain. */
function question(id, name, family) {
	const plain = name.endsWith('.') ? name.slice(0, -1) : name;
	const end = HEADER + plain.length + 2;
	const message = Buffer.allocUnsafe(end + 4 + OPT.length).fill(0);
	message.writeUInt16BE(id, 0);
	message[2] = 1; // RD
	message[5] = 1; // one question
	message[11] = 1; // one additional record: OPT
	let start = HEADER;
	for (const label of plain.split('.')) {
		message[start] = label.length;
		message.latin1Write(label, start + 1);
		start += 1 + label.length;
	}
	message.writeUInt16BE(TYPES[family], end);
	message[end + 3] = 1; // IN
	OPT.copy(message, end + 4);
	return message;
}

/** Does a message answer this question, octet for octet? */
function answers(message, asked) {
	const end = asked.length - OPT.length;
	return message.length >= end && (message[2] & RESPONSE) !== 0 && message[0] === asked[0] && message[1] === asked[1] &&
		message[4] === 0 && message[5] === 1 && asked.compare(message, HEADER, end, HEADER, end) === 0;
}

/**
 * What an answer says: { addresses }, or { code } of c-ares. Undefined if it is cut or makes no sense: then somebody
 * more patient has to ask.
 */
function read(message, asked, family) {
	if (message[2] & TRUNCATED)
		return undefined;
	const rcode = message[3] & 15;
	if (rcode !== 0)
		return CODES[rcode] && { code: CODES[rcode] };
	const addresses = [];
	let at = asked.length - OPT.length;
	for (let left = message.readUInt16BE(6); left > 0; left--) {
		at = skipName(message, at);
		const data = at + 10; // behind type, class, TTL and length
		if (data > message.length)
			return undefined;
		const type = message.readUInt16BE(at);
		const size = message.readUInt16BE(at + 8);
		at = data + size;
		if (at > message.length)
			return undefined;
		if (type === TYPES[family]) {
			if (size !== (family === 4 ? 4 : 16))
				return undefined;
			addresses.push(addressOf(message, data, size));
		}
	}
	return addresses.length > 0 ? { addresses } : { code: 'ENODATA' };
}

/** Where a name ends: at its root, or at the pointer to its rest. Beyond the message if it does not. */
function skipName(message, at) {
	while (at < message.length) {
		const length = message[at];
		if (length >= 0xc0)
			return at + 2;
		if (length === 0)
			return at + 1;
		at += 1 + length;
	}
	return message.length;
}

module.exports = { answers, isPlain, question, read };
