// What came of cells, in a form that can be compared: all that a program can see of results and errors, without what
// differs between two servers of the same configuration (serials, TTLs that count down).
'use strict';
const DEADLINE = 60_000;

/** { cell: outcome } of cells that run all at once. */
async function outcomesOf(cells) {
	const outcomes = {};
	await Promise.all(Object.entries(cells).map(async ([cell, run]) => {
		outcomes[cell] = await outcomeOf(run);
	}));
	return outcomes;
}

async function outcomeOf(run) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error('nothing came of it')), DEADLINE);
	});
	try {
		return { result: comparable(await Promise.race([new Promise((resolve) => resolve(run())), late])) };
	} catch (error) {
		return { error: shape(error) };
	} finally {
		clearTimeout(timer);
	}
}

function comparable(value) {
	return JSON.parse(JSON.stringify(value ?? null, (key, inner) => ['ttl', 'serial'].includes(key) ? typeof inner : inner));
}

function shape(error) {
	const { name, message, code, errno, syscall, hostname, cause } = error;
	return { name, message, code, errno, syscall, hostname, cause: cause && shape(cause), keys: Object.keys(error).sort() };
}

module.exports = { outcomesOf, outcomeOf };
