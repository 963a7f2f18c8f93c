// What the connections of the matrix lead to: servers on all addresses that say on which of them they were reached.
// Prints their ports as JSON. Arguments: files of a key and a certificate.
'use strict';
const { createHash } = require('node:crypto');
const { createSocket } = require('node:dgram');
const fs = require('node:fs');

const [key, cert] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const reached = (socket) => socket.localAddress.replace('::ffff:', '');
const say = (socket) => socket.on('error', () => {}).end(reached(socket));
const answer = (request, response) => response.end(reached(request.socket));

/** RFC 6455 section 1.3, and one text frame. */
function upgrade(request, socket) {
	const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
		.digest('base64');
	socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
		`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
	const text = Buffer.from(reached(socket));
	socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
	socket.on('data', () => socket.end(Buffer.from([0x88, 0])));
}

const servers = {
	text: require('node:net').createServer(say),
	tls: require('node:tls').createServer({ key, cert }, say),
	http: require('node:http').createServer(answer),
	https: require('node:https').createServer({ key, cert }, answer),
	h2c: require('node:http2').createServer(answer),
	h2: require('node:http2').createSecureServer({ key, cert }, answer),
	ws: require('node:http').createServer().on('upgrade', upgrade),
};

async function main() {
	const ports = {};
	for (const [name, server] of Object.entries(servers))
		ports[name] = await new Promise((resolve) => server.listen(0, '::', () => resolve(server.address().port)));
	const udp = createSocket('udp4').on('message', (data, from) => udp.send(data, from.port, from.address));
	ports.udp = await new Promise((resolve) => udp.bind(0, () => resolve(udp.address().port)));
	console.log(JSON.stringify(ports));
}

main();
