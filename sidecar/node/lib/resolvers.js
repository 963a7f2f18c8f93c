// dns.resolve*() and Resolver in both forms. They are c-ares, which can be given a server with a port: so they stay
// Node's own, and only whom they ask is taken out of the program's hands.
'use strict';
const dns = require('node:dns');
const { replace, replaceClass } = require('./replace.js');

function install(server) {
	const { promises } = dns; // loaded before setServers(), which is for both
	const { Resolver } = dns;
	const { setServers } = Resolver.prototype;

	dns.setServers([server.text]);
	for (const form of [dns, promises]) {
		// The arguments are judged as ever, by a resolver that nobody asks. What they say changes nothing.
		const judged = () => function(servers) { setServers.call(new Resolver(), servers); };
		replace(form, 'setServers', judged);
		replace(ownerOf(form.Resolver.prototype, 'setServers'), 'setServers', judged);
		replaceClass(form, 'Resolver', { made: (resolver) => setServers.call(resolver, [server.text]) });
	}
}

/** Whose own a property is: the object itself, or what it inherits it from. */
function ownerOf(object, name) {
	while (!Object.hasOwn(object, name))
		object = Object.getPrototypeOf(object);
	return object;
}

module.exports = { install };
