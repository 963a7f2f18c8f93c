// dns.lookup() and dns.promises.lookup(), on which http, https, http2, net, tls, dgram, fetch and WebSocket stand.
'use strict';
const dns = require('node:dns');
const { isIP, isIPv4, isIPv6 } = require('node:net');
const { lookupError } = require('./errors.js');
const { getaddrinfo } = require('./getaddrinfo.js');
const { replace } = require('./replace.js');

const ADDRESS = '127.0.0.1'; // is nobody's name: Node's own functions judge the other arguments by it
const ignore = () => {};
const knowsOrder = throws(() => dns.lookup(ADDRESS, { order: 'wrong' }, ignore)); // Node 20.13 and later

function install(resolver) {
	replace(dns, 'lookup', (stock) => function lookup(hostname, ...rest) {
		if (isForStock(hostname))
			return stock.call(this, hostname, ...rest);
		const [options, done] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest;
		if (options !== undefined || typeof done !== 'function') // then Node's own function says what is wrong
			stock.call(this, ADDRESS, ...rest.map((argument) => typeof argument === 'function' ? ignore : argument));
		find(resolver, hostname, options, (error, found) => {
			if (error)
				done(error);
			else if (Array.isArray(found))
				done(null, found);
			else
				done(null, found.address, found.family);
		});
		return {};
	});

	replace(dns.promises, 'lookup', (stock) => function lookup(hostname, options) {
		if (isForStock(hostname))
			return stock.apply(this, arguments);
		stock.call(this, ADDRESS, options);
		return new Promise((resolve, reject) =>
			find(resolver, hostname, options, (error, found) => error ? reject(error) : resolve(found)));
	});
}

/** done(error), or done(null, what the options ask for: one result or a list). */
function find(resolver, hostname, options, done) {
	const settings = settingsOf(options);
	getaddrinfo(resolver, hostname, settings, (errno, addresses) => {
		if (errno)
			return done(lookupError(errno, 'getaddrinfo', hostname));
		const results = resultsOf(addresses, settings);
		done(null, settings.all ? results : results[0]);
	});
}

/** No names, or wrong: that is Node's own matter, and nobody is asked about them. */
function isForStock(hostname) {
	return typeof hostname !== 'string' || hostname === '' || isIP(hostname) !== 0;
}

/** The options, which Node's own function has found to be good, with defaults. */
function settingsOf(options) {
	if (typeof options !== 'object' || options === null)
		return { family: options ?? 0, hints: 0, all: false, order: dns.getDefaultResultOrder() };
	const byVerbatim = { true: 'verbatim', false: 'ipv4first' }[options.verbatim];
	return {
		family: { IPv4: 4, IPv6: 6 }[options.family] ?? options.family ?? 0,
		hints: options.hints ?? 0,
		all: options.all === true,
		order: (knowsOrder ? options.order : undefined) ?? byVerbatim ?? dns.getDefaultResultOrder(),
	};
}

function resultsOf(addresses, { order }) {
	const arranged = order === 'verbatim' ? addresses :
		order === 'ipv6first' ? [...addresses.filter(isIPv6), ...addresses.filter(isIPv4)] :
			[...addresses.filter(isIPv4), ...addresses.filter(isIPv6)];
	return arranged.map((address) => ({ address, family: isIP(address) }));
}

function throws(run) {
	try {
		run();
		return false;
	} catch {
		return true;
	}
}

module.exports = { install };
