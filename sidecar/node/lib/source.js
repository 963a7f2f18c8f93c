// Which of our addresses would speak to another one. The kernel says so when a datagram socket is connected, and
// nothing is sent by that.
'use strict';
const { networkInterfaces } = require('node:os');
const { isIP } = require('node:net');

const PORT = 9; // discard; any would do

/** done({ address, prefix: its length on its interface }), or done(undefined) when there is no way to `address`. */
function sourceOf(address, done) {
	const { createSocket } = require('node:dgram'); // rarely needed, and late
	const socket = createSocket({
		type: isIP(address) === 6 ? 'udp6' : 'udp4',
		lookup: (literal, family, found) => found(null, literal, family),
	});
	const end = (source) => {
		socket.close();
		done(source);
	};
	socket.once('error', () => end(undefined));
	socket.connect(PORT, address, (error) => {
		if (error)
			return end(undefined);
		const own = socket.address().address;
		end({ address: own, prefix: prefixOf(own) });
	});
}

function prefixOf(address) {
	const plain = address.replace(/%.*/, '');
	const found = Object.values(networkInterfaces()).flat().find((one) => one.address === plain);
	return found?.cidr ? Number(found.cidr.split('/')[1]) : 128;
}

module.exports = { sourceOf };
