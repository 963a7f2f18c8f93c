// What this process starts: child processes, with an environment of ours or of their own, and workers.
'use strict';
const childProcess = require('node:child_process');
const workers = require('node:worker_threads');
const { completed, completedPairs } = require('./environment.js');
const { replace, replaceClass } = require('./replace.js');

function install(server) {
	const complete = (env) => completed(env, server);
	inherit(complete);

	// spawn(), exec(), execFile(), fork() and cluster all come here, with the environment they settled on.
	replace(childProcess.ChildProcess.prototype, 'spawn', (stock) => function spawn(options) {
		const pairs = isObject(options) ? options.envPairs ?? [] : undefined;
		return stock.call(this, Array.isArray(pairs) ? { ...options, envPairs: completedPairs(pairs, server) } : options);
	});

	// The others have no such place in common, but options at their end.
	for (const name of ['spawnSync', 'execFileSync'])
		replace(childProcess, name, (stock) => function(file, ...rest) {
			return stock.call(this, file, ...withEnvironment(rest, isList(rest[0]) ? 1 : 0, complete));
		});
	replace(childProcess, 'execSync', (stock) => function(command, ...rest) {
		return stock.call(this, command, ...withEnvironment(rest, 0, complete));
	});
	if (process.execve)
		replace(process, 'execve', (stock) => function(file, args = [], env = process.env) {
			return stock.call(this, file, args, typeof env === 'object' && env !== null ? complete(env) : env);
		});

	replaceClass(workers, 'Worker', {
		given([file, options, ...rest]) {
			if (isObject(options?.env))
				return [file, { ...options, env: complete(options.env) }, ...rest];
			inherit(complete);
			return [file, options, ...rest];
		},
	});
}

/** Makes this process's own environment complete, for what inherits it. */
function inherit(complete) {
	const { MIST_DNS, NODE_OPTIONS } = complete(process.env);
	if (process.env.MIST_DNS !== MIST_DNS)
		process.env.MIST_DNS = MIST_DNS;
	if (process.env.NODE_OPTIONS !== NODE_OPTIONS)
		process.env.NODE_OPTIONS = NODE_OPTIONS;
}

/** Arguments whose options, at `index`, have a complete environment. What is no options is for Node to complain of. */
function withEnvironment(args, index, complete) {
	const options = args[index];
	if (options !== undefined && !isObject(options))
		return args;
	const env = options?.env || process.env;
	const whole = isObject(env) ? complete(env) : env;
	if (whole === env)
		return args;
	const result = [...args];
	while (result.length < index)
		result.push(undefined);
	result[index] = { ...options, env: whole };
	return result;
}

/** Is it a list of arguments, or left out, so that options come behind it? */
function isList(value) {
	return value === undefined || value === null || Array.isArray(value);
}

function isObject(value) {
	return typeof value === 'object' && value !== null;
}

module.exports = { install };
