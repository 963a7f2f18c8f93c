// The resolver that lookup() and lookupService() ask: Node's own, which is c-ares, with our server and nobody
// else's. Programs cannot reach it.
'use strict';
const dns = require('node:dns');
const resolvconf = require('./resolvconf.js');

/** A dns.Resolver that asks `server`, as patiently as the C library would (resolv.conf: timeout, attempts). */
function createResolver(server) {
	const { timeout, attempts } = resolvconf.read();
	const resolver = new dns.Resolver({ timeout: timeout * 1000, tries: attempts });
	resolver.setServers([server.text]);
	return resolver;
}

/**
 * Asks for the addresses of a name, A and AAAA at once for family 0: done(null, addresses), A first, or done(code)
 * with a code of c-ares. When only one of the two is there, that is the answer.
 */
function askAddresses(resolver, name, family, done) {
	if (family === 4)
		return resolver.resolve4(name, (error, addresses) => done(error?.code ?? null, addresses));
	if (family === 6)
		return resolver.resolve6(name, (error, addresses) => done(error?.code ?? null, addresses));

	let first = null;
	const one = (second) => {
		if (first === null) {
			first = second;
			return;
		}
		const [a, aaaa] = first.family === 4 ? [first, second] : [second, first];
		if (a.addresses.length + aaaa.addresses.length > 0)
			done(null, [...a.addresses, ...aaaa.addresses]);
		else
			done(a.code === 'ENODATA' ? aaaa.code : a.code); // as glibc: the first that is no plain "no such records"
	};
	resolver.resolve4(name, (error, addresses = []) => one({ family: 4, code: error?.code, addresses }));
	resolver.resolve6(name, (error, addresses = []) => one({ family: 6, code: error?.code, addresses }));
}

module.exports = { createResolver, askAddresses };
