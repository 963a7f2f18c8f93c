// The environment of what this process starts: it tells Node.js to load this package, and whom to ask.
'use strict';
const { resolve } = require('node:path');

const PATH = resolve(__dirname, '..', 'index.js'); // a name would be looked for from wherever the child stands
const QUOTED = `"${PATH.replace(/["\\]/g, '\\$&')}"`;
const OPTION = `--require=${QUOTED}`;

/**
 * `env` itself if it has all that is needed, else a copy with NODE_OPTIONS and MIST_DNS. A MIST_DNS of its own stays:
 * launchers may start servers of their own.
 */
function completed(env, server) {
	if (env.MIST_DNS && env.NODE_OPTIONS && loadsUs(env.NODE_OPTIONS))
		return env;
	const copy = {};
	for (const key in env) // what is inherited counts too, as in child_process
		copy[key] = env[key];
	copy.MIST_DNS ||= server?.text;
	copy.NODE_OPTIONS = optionsOf(copy.NODE_OPTIONS);
	return copy;
}

/** The same for an environment in pairs, ["NAME=value"]. */
function completedPairs(pairs, server) {
	const env = Object.fromEntries(pairs.map(String).filter((pair) => /^(MIST_DNS|NODE_OPTIONS)=/.test(pair))
		.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
	const { MIST_DNS, NODE_OPTIONS } = completed(env, server);
	return [...pairs.filter((pair) => !/^(MIST_DNS|NODE_OPTIONS)=/.test(pair)), `MIST_DNS=${MIST_DNS}`,
		`NODE_OPTIONS=${NODE_OPTIONS}`];
}

/** We come first, so that nobody else's preload sees look-ups as they were. */
function optionsOf(text) {
	return text ? loadsUs(text) ? text : `${OPTION} ${text}` : OPTION;
}

function loadsUs(text) {
	return text === OPTION || text.startsWith(`${OPTION} `);
}

module.exports = { completed, completedPairs };
