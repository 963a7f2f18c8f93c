// resolv.conf(5): how names are completed, and how patient one is. Its servers are the ones not to be asked.
'use strict';
const { hostname } = require('node:os');
const { watched, wordsOfLines } = require('./file.js');

// Bounds of glibc (RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY).
const OPTIONS = { ndots: 15, timeout: 30, attempts: 5 };

const file = watched('/etc/resolv.conf', parse);

/** { search: suffixes without dots around them (the root is ''), ndots, timeout in seconds, attempts } */
function read() {
	return file();
}

function parse(text) {
	const settings = { search: null, ndots: 1, timeout: 5, attempts: 2 };
	for (const [key, ...words] of wordsOfLines(text, /^\s*[;#].*/)) {
		if (key === 'search')
			settings.search = words;
		else if (key === 'domain')
			settings.search = words.slice(0, 1);
		else if (key === 'options')
			setOptions(settings, words);
	}
	if (process.env.LOCALDOMAIN !== undefined)
		settings.search = process.env.LOCALDOMAIN.split(/\s+/);
	setOptions(settings, (process.env.RES_OPTIONS ?? '').split(/\s+/));
	settings.search ??= [hostname().split('.').slice(1).join('.')]; // the domain of this machine
	settings.search = settings.search.filter(Boolean).map((suffix) => suffix.replace(/^\.+|\.+$/g, ''));
	return settings;
}

function setOptions(settings, words) {
	for (const word of words) {
		const [, key, digits] = /^(ndots|timeout|attempts):(\d+)/.exec(word) ?? [];
		if (key)
			settings[key] = Math.max(key === 'ndots' ? 0 : 1, Math.min(Number(digits), OPTIONS[key]));
	}
}

module.exports = { read };
