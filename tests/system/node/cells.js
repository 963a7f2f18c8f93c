// The cells of the matrix: every way by which a Node.js program comes to a name, as {what it is: function that does
// it}. With `override` programs also try to lead their look-ups elsewhere, which must change nothing.
'use strict';
const ELSEWHERE = ['127.9.9.9'];
const TYPES = ['A', 'AAAA', 'ANY', 'CAA', 'CNAME', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'];
const METHODS = ['resolve', 'resolve4', 'resolve6', 'resolveAny', 'resolveCaa', 'resolveCname', 'resolveMx', 'resolveNaptr',
	'resolveNs', 'resolvePtr', 'resolveSoa', 'resolveSrv', 'resolveTxt'];

module.exports = function cellsOf(modules, { name, peer, ca, override }) {
	const { dns, promises } = modules;
	if (override)
		for (const form of [dns, promises])
			form.setServers(ELSEWHERE);
	return { ...lookups(dns, promises, modules.util, name), ...questions(dns, promises, name, override),
		...connections(modules, name, peer, ca) };
};

function lookups(dns, promises, util, name) {
	const { ADDRCONFIG, ALL, V4MAPPED } = dns;
	const options = {
		'': [], '4': [4], '6': [6], '{}': [{}], 'IPv4': [{ family: 'IPv4' }], 'all': [{ all: true }],
		'all 4': [{ all: true, family: 4 }], 'all 6': [{ all: true, family: 6 }],
		'verbatim': [{ all: true, verbatim: true }], 'not verbatim': [{ all: true, verbatim: false }],
		'ipv4first': [{ all: true, order: 'ipv4first' }], 'ipv6first': [{ all: true, order: 'ipv6first' }],
		'ADDRCONFIG': [{ all: true, hints: ADDRCONFIG }], 'ADDRCONFIG 6': [{ all: true, hints: ADDRCONFIG, family: 6 }],
		'V4MAPPED': [{ all: true, hints: V4MAPPED, family: 6 }], 'V4MAPPED ALL': [{ all: true, hints: V4MAPPED | ALL, family: 6 }],
	};
	const cells = { 'promisify(dns.lookup)': () => util.promisify(dns.lookup)(name) };
	for (const [how, rest] of Object.entries(options)) {
		cells[`dns.lookup ${how}`] = () => call(dns.lookup, name, ...rest);
		cells[`dns.promises.lookup ${how}`] = () => promises.lookup(name, ...rest);
	}
	return cells;
}

function questions(dns, promises, name, override) {
	const cells = {};
	const made = (Resolver) => {
		const resolver = new Resolver();
		if (override)
			resolver.setServers(ELSEWHERE);
		return resolver;
	};
	for (const method of METHODS) {
		cells[`dns.${method}`] = () => call(dns[method], name);
		cells[`dns.promises.${method}`] = () => promises[method](name);
		cells[`dns.Resolver ${method}`] = () => {
			const resolver = made(dns.Resolver);
			return call(resolver[method].bind(resolver), name);
		};
		cells[`dns.promises.Resolver ${method}`] = () => made(promises.Resolver)[method](name);
	}
	for (const type of TYPES) {
		cells[`dns.resolve ${type}`] = () => call(dns.resolve, name, type);
		cells[`dns.promises.resolve ${type}`] = () => promises.resolve(name, type);
	}
	cells['dns.resolve4 ttl'] = () => call(dns.resolve4, name, { ttl: true });
	cells['dns.promises.resolve6 ttl'] = () => promises.resolve6(name, { ttl: true });
	class Own extends dns.Resolver {}
	cells['a subclass of dns.Resolver'] = () => {
		const resolver = made(Own);
		return call(resolver.resolve4.bind(resolver), name);
	};
	return cells;
}

function connections({ dgram, http, http2, https, net, tls }, host, peer, ca) {
	net.setDefaultAutoSelectFamilyAttemptTimeout?.(60_000); // on a busy machine the first address may need its time
	const cells = {
		'net.connect': () => everything(net.connect({ host, port: peer.text })),
		'net.connect 4': () => everything(net.connect({ host, port: peer.text, family: 4 })),
		'net.createConnection(port, host)': () => everything(net.createConnection(peer.text, host)),
		'tls.connect': () => everything(tls.connect({ host, port: peer.tls, ca, servername: host })),
		'http.get': () => got(http.get({ host, port: peer.http, agent: false })),
		'http.Agent': () => got(http.get(`http://${host}:${peer.http}/`, { agent: new http.Agent({ keepAlive: false }) })),
		'https.get': () => got(https.get({ host, port: peer.https, ca, agent: false })),
		'http2': () => gotByHttp2(http2, `http://${host}:${peer.h2c}`, {}),
		'http2 over TLS': () => gotByHttp2(http2, `https://${host}:${peer.h2}`, { ca }),
		'dgram.send': () => echoed(dgram, host, peer.udp),
		'dgram.connect': () => connected(dgram, host, peer.udp),
		'fetch': async () => (await fetch(`http://${host}:${peer.http}/`, { headers: { connection: 'close' } })).text(),
	};
	if (globalThis.WebSocket)
		cells.WebSocket = () => greeted(`ws://${host}:${peer.ws}/`);
	return cells;
}

/** What a function calls back with: its results, or its error. */
function call(method, ...args) {
	return new Promise((resolve, reject) => method(...args, (error, ...results) => error ? reject(error) : resolve(results)));
}

function everything(stream) {
	return new Promise((resolve, reject) => {
		let text = '';
		stream.setEncoding('utf8').on('data', (more) => text += more).on('end', () => resolve(text)).on('error', reject);
	});
}

function got(request) {
	return new Promise((resolve, reject) =>
		request.on('response', (response) => everything(response).then(resolve, reject)).on('error', reject));
}

function gotByHttp2(http2, url, options) {
	return new Promise((resolve, reject) => {
		const session = http2.connect(url, options).on('error', reject);
		const request = session.request({ ':path': '/' }).on('error', reject);
		everything(request).then(resolve, reject).finally(() => session.destroy());
	});
}

function echoed(dgram, host, port) {
	return new Promise((resolve, reject) => {
		const socket = dgram.createSocket('udp4').on('error', reject).on('message', (data) => {
			socket.close();
			resolve(`${data}`);
		});
		socket.send('hello', port, host, (error) => {
			if (error) {
				socket.close();
				reject(error);
			}
		});
	});
}

function connected(dgram, host, port) {
	return new Promise((resolve, reject) => {
		const socket = dgram.createSocket('udp4');
		socket.connect(port, host, (error) => {
			if (error) {
				reject(error);
			} else {
				resolve(socket.remoteAddress().address);
			}
			socket.close();
		});
	});
}

function greeted(url) {
	return new Promise((resolve, reject) => {
		const socket = new WebSocket(url);
		socket.onmessage = ({ data }) => {
			socket.close();
			resolve(data);
		};
		socket.onerror = () => reject(new Error('no WebSocket')); // what else it says differs with the version
	});
}
