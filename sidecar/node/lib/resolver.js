// Who asks our server for lookup() and lookupService(): a channel of ours for what is plain, else Node's own resolver,
// which is c-ares. Both know our server and nobody else's, and programs cannot reach them.
'use strict';
const { AsyncResource } = require('node:async_hooks');
const dns = require('node:dns');
const { reverseName } = require('./address.js');
const { Channel } = require('./channel.js');
const { isPlain } = require('./message.js');
const resolvconf = require('./resolvconf.js');

const LENGTH_MAX = 253; // characters of a name of 255 octets (RFC 1035 section 2.3.4); c-ares asks for longer ones

class Resolver {
	#server;
	#patience; // milliseconds
	#attempts;
	#channel = null;
	#cares;

	/** Asks `server` ({ address, port, text }), as patiently as the C library would (resolv.conf: timeout, attempts). */
	constructor(server) {
		const { timeout, attempts } = resolvconf.read();
		this.#server = server;
		this.#patience = timeout * 1000;
		this.#attempts = attempts;
		this.#cares = new dns.Resolver({ timeout: this.#patience, tries: Math.max(1, attempts - 1) });
		this.#cares.setServers([server.text]);
	}

	/**
	 * Asks for the addresses of a name, A and AAAA at once for family 0: done(null, addresses), A first, or done(code)
	 * with a code of c-ares. When only one of the two is there, that is the answer.
	 */
	addresses(name, family, done) {
		const caller = new AsyncResource('MISTLOOKUP'); // answers to many come in one piece
		const inContext = (code, found) => caller.runInAsyncScope(done, null, code, found);
		if (name.length > LENGTH_MAX && !(name.length === LENGTH_MAX + 1 && name.endsWith('.')))
			return process.nextTick(done, 'EBADNAME');
		if (family !== 0)
			return this.#ask(name, family, inContext);
		let first = null;
		const one = (second) => {
			if (first === null) {
				first = second;
				return;
			}
			const [a, aaaa] = first.family === 4 ? [first, second] : [second, first];
			if (a.found.length + aaaa.found.length > 0)
				inContext(null, [...a.found, ...aaaa.found]);
			else
				inContext(a.code === 'ENODATA' ? aaaa.code : a.code); // as glibc: the first that says more than that
		};
		this.#ask(name, 4, (code, found = []) => one({ family: 4, code, found }));
		this.#ask(name, 6, (code, found = []) => one({ family: 6, code, found }));
	}

	/** Asks for the names of an address: done(null, names) or done(code). */
	names(address, done) {
		this.#cares.resolvePtr(reverseName(address), (error, names) => done(error?.code ?? null, names));
	}

	#ask(name, family, done) {
		if (!isPlain(name))
			return this.#askCares(name, family, done);
		if (this.#channel === null || this.#channel.isOver)
			this.#channel = new Channel(this.#server, this.#patience);
		this.#channel.ask(name, family, (answer, late) => {
			if (answer !== undefined)
				done(answer.code ?? null, answer.addresses);
			else if (late && this.#attempts === 1)
				done('ETIMEOUT');
			else
				this.#askCares(name, family, done);
		});
	}

	/** By TCP if need be, again if need be, and with c-ares's judgement of what comes back. */
	#askCares(name, family, done) {
		this.#cares[family === 4 ? 'resolve4' : 'resolve6'](name, (error, found) => done(error?.code ?? null, found));
	}
}

module.exports = { Resolver };
