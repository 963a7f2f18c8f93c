// What a look-up costs with the package and without it, in one process, in turns: stock dns.lookup() by the servers of
// resolv.conf, ours by MIST_DNS. Arguments: the package, a name, look-ups a turn, turns. Prints medians in
// microseconds: one look-up after another, and per look-up of 32 at once.
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
	const start = process.hrtime.bigint();
	for (let i = 0; i < count; i++)
		await Promise.all(Array.from({ length: at_once }, () => once(lookup)));
	return Number(process.hrtime.bigint() - start) / 1000 / count / at_once;
}

async function main() {
	const results = {};
	for (const [what, shape] of Object.entries(shapes)) {
		const seen = { stock: [], ours: [] };
		await timed(stock, shape);
		await timed(ours, shape);
		for (let turn = 0; turn < Number(turns); turn++) {
			seen.stock.push(await timed(stock, shape));
			seen.ours.push(await timed(ours, shape));
		}
		const [a, b] = [seen.stock, seen.ours].map((all) => all.sort((x, y) => x - y)[Math.floor(all.length / 2)]);
		results[what] = { stock_us: +a.toFixed(1), ours_us: +b.toFixed(1), ratio: +(b / a).toFixed(2) };
	}
	console.log(JSON.stringify(results));
}

main();
