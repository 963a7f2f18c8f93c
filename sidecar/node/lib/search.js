// The search list: a name is completed with one suffix after another until one is there, in the order and with the
// ends that glibc's res_search() has.
'use strict';

/**
 * Asks for `name` and its completions by ask(name, done(code, addresses)); codes are c-ares's. Gives the first
 * addresses there are, else the code that tells most: done(code, addresses). For IPv4 alone glibc forgets (`forgets`)
 * that the name itself could not be asked for, when its completions are not there either.
 */
function search(name, { search: suffixes, ndots, forgets }, ask, done) {
	if (name.endsWith('.'))
		return ask(name, done);
	const asItIsFirst = name.split('.').length - 1 >= ndots;
	const completed = suffixes.map((suffix) => suffix === '' ? name : `${name}.${suffix}`);
	const askedAnyway = asItIsFirst || completed.includes(name);
	let verdict = null; // what is said at last, if nothing is found

	const last = (code) => askedAnyway ? done(verdict ?? code) :
		ask(name, (final, addresses) => addresses ? done(null, addresses) : done(verdict ?? final));

	const next = (i, previous) => {
		if (i === completed.length)
			return last(previous);
		ask(completed[i], (code, addresses) => {
			if (addresses)
				return done(null, addresses);
			if (code === 'ECONNREFUSED')
				return done(code); // nobody is there to be asked
			if (code === 'ENODATA')
				verdict ??= code;
			else if (code !== 'ENOTFOUND' && code !== 'ESERVFAIL')
				return last(code); // REFUSED or silence: other suffixes would fare no better
			next(i + 1, code);
		});
	};

	if (!asItIsFirst)
		return next(0, 'ENOTFOUND');
	ask(name, (code, addresses) => {
		if (addresses)
			return done(null, addresses);
		if (!forgets || code === 'ENOTFOUND' || code === 'ENODATA')
			verdict = code; // the name as it is decides, whatever the completions say
		next(0, code);
	});
}

module.exports = { search };
