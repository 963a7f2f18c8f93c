// Runs the matrix in one process or worker, for a CommonJS program: prints { case: { cell: outcome } }. The argument is
// JSON: { cases: { case: name }, peer, ca, override }.
'use strict';
const fs = require('node:fs');
const cellsOf = require('./cells.js');
const { outcomesOf } = require('./outcomes.js');
const modules = {
	dns: require('dns'), promises: require('node:dns/promises'), dgram: require('dgram'), http: require('http'),
	http2: require('http2'), https: require('https'), net: require('net'), tls: require('tls'), util: require('util'),
};

async function main() {
	const config = JSON.parse(process.argv[2]);
	const ca = fs.readFileSync(config.ca);
	const results = {};
	for (const [what, name] of Object.entries(config.cases))
		results[what] = await outcomesOf(cellsOf(modules, { ...config, name, ca }));
	console.log(JSON.stringify(results));
}

main();
