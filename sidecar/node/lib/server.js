// The address of the server.
'use strict';
const { isIP } = require('node:net');

const FORM = /^(?:\[([0-9a-fA-F:.]+(?:%[^\]]+)?)\]|([0-9.]+)):([0-9]{1,5})$/; // [IPv6]:port or IPv4:port
const ADVICE = 'set it to the address and port of a mist server, such as MIST_DNS=127.0.0.1:5380 or ' +
	'MIST_DNS=[::1]:5380 (`mist serve` prints both in its ready line)';

/** { address, port, text } of what MIST_DNS says. Throws an Error that says what is wrong and what to do. */
function parseServer(text) {
	if (!text)
		throw new Error(`MIST_DNS is not set; ${ADVICE}`);
	const [, inBrackets, plain, digits] = FORM.exec(text) ?? [];
	const address = inBrackets ?? plain;
	const port = Number(digits);
	if (address === undefined || isIP(address) !== (plain ? 4 : 6))
		throw new Error(`MIST_DNS is "${text}", which is no IP address with a port; ${ADVICE}`);
	if (port < 1 || port > 65535)
		throw new Error(`MIST_DNS is "${text}", and ${digits} is no port; ${ADVICE}`);
	return { address, port, text };
}

module.exports = { parseServer };
