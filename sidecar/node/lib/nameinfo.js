// dns.lookupService() in both forms: the name of an address, by the hosts file and the server, and of a port.
'use strict';
const dns = require('node:dns');
const { isIP } = require('node:net');
const { eaiOf, lookupError } = require('./errors.js');
const { watched, wordsOfLines } = require('./file.js');
const hosts = require('./hosts.js');
const { replace } = require('./replace.js');

const services = watched('/etc/services', (text) => new Map(wordsOfLines(text).map(([name, port]) => [port, name]).reverse()));

function install(resolver) {
	replace(dns, 'lookupService', (stock) => function lookupService(address, port, callback) {
		if (arguments.length !== 3 || !areGood(address, port) || typeof callback !== 'function')
			return stock.apply(this, arguments); // says what is wrong with them
		const failed = (errno) => callback(lookupError(errno, 'getnameinfo', address));
		getnameinfo(resolver, address, failed, (hostname) => callback(null, hostname, serviceOf(port)));
		return {};
	});

	replace(dns.promises, 'lookupService', (stock) => function lookupService(address, port) {
		if (arguments.length !== 2 || !areGood(address, port))
			return stock.apply(this, arguments);
		return new Promise((resolve, reject) => {
			const failed = (errno) => reject(lookupError(errno, 'getnameinfo')); // without the address, as Node does
			getnameinfo(resolver, address, failed, (hostname) => resolve({ hostname, service: serviceOf(port) }));
		});
	});
}

/** What Node takes: an IP address and a port, which may be text. */
function areGood(address, port) {
	return isIP(address) !== 0 && (typeof port === 'number' || typeof port === 'string' && port.trim() !== '') &&
		Number.isInteger(+port) && +port >= 0 && +port <= 65535;
}

function getnameinfo(resolver, address, failed, found) {
	const known = hosts.nameOf(address);
	if (known !== undefined)
		return process.nextTick(found, known);
	resolver.names(address, (code, names) => {
		if (code)
			failed(eaiOf(code));
		else
			found(names[0]);
	});
}

function serviceOf(port) {
	return services().get(`${+port}/tcp`) ?? `${+port}`;
}

module.exports = { install };
