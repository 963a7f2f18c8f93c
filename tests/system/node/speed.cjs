// What a look-up costs with the package and without it, in one process, in turns: stock dns.lookup() by the servers of
// resolv.conf, ours by MIST_DNS. Arguments: the package, a name, look-ups a turn, turns. Prints medians per look-up, of time
// and of CPU time (all threads), in microseconds: one look-up after another, and 32 at once.
'use strict';
const dns = require('node:dns');

const [path, name, count, turns] = process.argv.slice(2);
const stock = dns.lookup;
require(path);
const ours = dns.lookup;

const once = (lookup) => new Promise((resolve, reject) => lookup(name, (error) => error ? reject(error) : resolve()));
const shapes = {
	'one by one': { at_once: 1, count: Number(count) },
	'32 at once': { at_once: 32, count: Math.ceil(Number(count) / 32) },
};

async function timed(lookup, { at_once, count }) {
	const cpu = process.cpuUsage();
	const start = process.hrtime.bigint();
	for (let i = 0; i < count; i++)
		await Promise.all(Array.from({ length: at_once }, () => once(lookup)));
	const us = Number(process.hrtime.bigint() - start) / 1000;
	const { user, system } = process.cpuUsage(cpu);
	return { us: us / count / at_once, cpu_us: (user + system) / count / at_once };
}

function compared(stock, ours, unit) {
	const [a, b] = [stock, ours].map((turns) => turns.map((turn) => turn[unit]).sort((x, y) => x - y)[turns.length >> 1]);
	return { stock: +a.toFixed(1), ours: +b.toFixed(1), ratio: +(b / a).toFixed(2) };
}

async function main() {
	const results = {};
	for (const [what, shape] of Object.entries(shapes)) {
		const seen = { stock: [], ours: [] };
		for (const lookup of [stock, ours, stock, ours]) // compiled by now
			await timed(lookup, shape);
		for (let turn = 0; turn < Number(turns); turn++) {
			seen.stock.push(await timed(stock, shape));
			seen.ours.push(await timed(ours, shape));
		}
		results[what] = { us: compared(seen.stock, seen.ours, 'us'), cpu_us: compared(seen.stock, seen.ours, 'cpu_us') };
	}
	console.log(JSON.stringify(results));
}

main();
