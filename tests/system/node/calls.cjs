// Calls functions of `dns` as the JSON on standard input says, one after another: [[form, function, ...arguments], ...],
// form being "dns" or "promises". Prints their outcomes; "()" stands for a callback.
'use strict';
const dns = require('node:dns');
const { outcomeOf } = require('./outcomes.js');

function run([form, name, ...args]) {
	if (form === 'promises')
		return dns.promises[name](...args);
	return new Promise((resolve, reject) => {
		const done = (error, ...results) => error ? reject(error) : resolve(results);
		dns[name](...args.map((argument) => argument === '()' ? done : argument));
		if (!args.includes('()'))
			resolve('no callback');
	});
}

async function main() {
	const outcomes = [];
	for (const call of JSON.parse(require('node:fs').readFileSync(0, 'utf8')))
		outcomes.push(await outcomeOf(() => run(call)));
	console.log(JSON.stringify(outcomes));
}

main();
