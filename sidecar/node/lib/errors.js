// What goes wrong, in the numbers of libuv and the shape of Node's own errors.
'use strict';
const { getSystemErrorName } = require('node:util');

// uv.h; the same on every platform.
const EAI = { ADDRFAMILY: -3000, AGAIN: -3001, FAIL: -3004, NODATA: -3007, NONAME: -3008, INVAL: -22 };

// What getaddrinfo() and getnameinfo() say of what c-ares saw. All that is not here is for another time: EAI_AGAIN.
const OF_CARES = { ENOTFOUND: EAI.NONAME, ENODATA: EAI.NODATA, EBADNAME: EAI.NONAME, EFORMERR: EAI.FAIL };

/** The number that stands for a code of c-ares. */
function eaiOf(code) {
	return OF_CARES[code] ?? EAI.AGAIN;
}

/** The error that Node makes of a number: `getaddrinfo ENOTFOUND some.name`. Some come without a hostname. */
function lookupError(errno, syscall, hostname) {
	const code = errno === EAI.NONAME || errno === EAI.NODATA ? 'ENOTFOUND' : getSystemErrorName(errno);
	const error = Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
	return hostname ? Object.assign(error, { message: `${error.message} ${hostname}`, hostname }) : error;
}

module.exports = { EAI, eaiOf, lookupError };
