// A file of /etc, read again when it has changed.
'use strict';
const { readFileSync, statSync } = require('node:fs'); // as they are now, whatever a program does to `fs` later

/**
 * A function that gives parse(text of the file), kept until the file is another one. A file that is not there, or may
 * not be read, is an empty one.
 */
function watched(path, parse) {
	let seen = null;
	let content;
	return () => {
		const now = identity(path);
		if (now !== seen) {
			content = parse(textOf(path));
			seen = now;
		}
		return content;
	};
}

function identity(path) {
	try {
		const { ino, size, mtimeMs, ctimeMs } = statSync(path);
		return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
	} catch {
		return 'none';
	}
}

function textOf(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

/** The words of each line, comments left out: those of resolv.conf may begin with ";" as well. */
function wordsOfLines(text, comment = /#.*/) {
	return text.split('\n').map((line) => line.replace(comment, '').trim()).filter(Boolean)
		.map((line) => line.split(/\s+/));
}

module.exports = { watched, wordsOfLines };
