// Every way to start a Node.js program from one, each with an environment of its own that says nothing of us: prints
// { way: what dns.lookup(NAME) said there }. Arguments: NAME. As a child it says what it finds.
'use strict';
const childProcess = require('node:child_process');
const { execFileSync, execSync, spawnSync } = childProcess;
const cluster = require('node:cluster');
const dns = require('node:dns');
const { promisify } = require('node:util');
const { SHARE_ENV, Worker } = require('node:worker_threads');

const SAY = '--say';

function say(name, done) {
	dns.lookup(name, (error, address) => done(error ? error.code : address));
}

function all(name) {
	const command = `"${process.execPath}" "${__filename}" ${SAY} ${name}`;
	const args = [__filename, SAY, name];
	const env = { A: 'b' };
	const node = process.execPath;
	const exec = promisify(childProcess.exec);
	const execFile = promisify(childProcess.execFile);
	const output = (child) => new Promise((resolve) => {
		let text = '';
		child.stdout.on('data', (more) => text += more).on('end', () => resolve(text));
	});
	const worker = (options) => output(new Worker(__filename, { argv: [SAY, name], stdout: true, ...options }));
	const bare = { ...process.env, NODE_OPTIONS: '', MIST_DNS: '' };
	return {
		'spawn': () => output(childProcess.spawn(node, args, { env })),
		'spawn inheriting': () => output(childProcess.spawn(node, args)),
		'spawn, NODE_OPTIONS of its own': () => output(childProcess.spawn(node, args, { env: { NODE_OPTIONS: '--no-warnings' } })),
		'spawn, inherited properties': () => output(childProcess.spawn(node, args, { env: Object.create(env) })),
		'spawn, emptied variables': () => output(childProcess.spawn(node, args, { env: bare })),
		'spawn by a shell': () => output(childProcess.spawn(command, { env, shell: true })),
		'exec': async () => (await exec(command, { env })).stdout,
		'execFile': async () => (await execFile(node, args, { env })).stdout,
		'fork': () => output(childProcess.fork(__filename, [SAY, name], { env, silent: true, execArgv: [] })),
		'ChildProcess.spawn': () => {
			const child = new childProcess.ChildProcess();
			child.spawn({ file: node, args: [node, ...args], envPairs: [], stdio: 'pipe' });
			return output(child);
		},
		'spawnSync': () => spawnSync(node, args, { env }).stdout,
		'spawnSync inheriting': () => spawnSync(node, args).stdout,
		'spawnSync(file, options)': () => spawnSync(command, { env, shell: true }).stdout,
		'execFileSync': () => execFileSync(node, args, { env }),
		'execSync': () => execSync(command, { env }),
		'execSync inheriting': () => execSync(command),
		'by a shell of a shell': () => execSync(`sh -c 'exec ${command}'`, { env }),
		'cluster.fork': () => {
			cluster.setupPrimary({ exec: __filename, args: [SAY, name], silent: true, execArgv: [] });
			return output(cluster.fork({ NODE_OPTIONS: '', MIST_DNS: '' }).process);
		},
		'Worker': () => worker({}),
		'Worker, env': () => worker({ env }),
		'Worker, execArgv': () => worker({ execArgv: [] }),
		'Worker, env and execArgv': () => worker({ env, execArgv: [] }),
		'Worker, SHARE_ENV': () => worker({ env: SHARE_ENV, execArgv: [] }),
		'after the variables were deleted': () => {
			delete process.env.NODE_OPTIONS;
			delete process.env.MIST_DNS;
			return execFileSync(node, args);
		},
		'Worker after that': () => worker({ execArgv: [] }),
	};
}

async function main() {
	if (process.argv[2] === SAY)
		return say(process.argv[3], (text) => process.stdout.write(text, () => cluster.isWorker && process.exit()));
	const results = {};
	for (const [way, start] of Object.entries(all(process.argv[2])))
		try {
			results[way] = `${await start()}`;
		} catch (error) {
			results[way] = `${error}`;
		}
	console.log(JSON.stringify(results));
}

main();
