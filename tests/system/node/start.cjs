// Starts runner.cjs as something else than the main program: start.cjs HOW CONFIG [FLAGS OF NODE ...]
'use strict';
const { fork, spawn } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const path = require('node:path');

const [how, config, ...flags] = process.argv.slice(2);
const runner = path.join(__dirname, 'runner.cjs');

({
	'worker': () => new Worker(runner, { argv: [config] }),
	'worker, own environment': () => new Worker(runner, { argv: [config], env: {}, execArgv: flags }),
	'child': () => fork(runner, [config], { execArgv: flags }),
	'child, own environment': () => spawn(process.execPath, [...flags, runner, config], { env: {}, stdio: 'inherit' }),
})[how]();
