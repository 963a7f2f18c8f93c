// Loaded before a program (node --require, node --import, NODE_OPTIONS): from then on every name that the
// program, its workers and its children look up is asked of the server that MIST_DNS names.
'use strict';
const { syncBuiltinESMExports } = require('node:module');
const { isMainThread } = require('node:worker_threads');
const children = require('./lib/children.js');
const lookup = require('./lib/lookup.js');
const nameinfo = require('./lib/nameinfo.js');
const report = require('./lib/report.js');
const resolvers = require('./lib/resolvers.js');
const { Resolver } = require('./lib/resolver.js');
const { parseServer } = require('./lib/server.js');

// One for each thread, however often and from however many copies of this package it is loaded.
const INSTALLED = Symbol.for('@mistcore/preload');

function install() {
	const server = wantedServer();
	const resolver = new Resolver(server); // before resolvers.install(): this one is nobody else's
	lookup.install(resolver);
	nameinfo.install(resolver);
	resolvers.install(server);
	children.install(server);
	report.install();
	syncBuiltinESMExports();
	return server.text;
}

/** What MIST_DNS says. Without it the program does not start: its look-ups would go to the system's servers. */
function wantedServer() {
	try {
		return parseServer(process.env.MIST_DNS);
	} catch (error) {
		if (!isMainThread)
			throw error; // the Worker's `error` event says so
		process.stderr.write(`@mistcore/preload: ${error.message}\n`);
		process.exit(1);
	}
}

if (!(INSTALLED in globalThis))
	Object.defineProperty(globalThis, INSTALLED, { value: install() });

module.exports = { server: globalThis[INSTALLED] };
