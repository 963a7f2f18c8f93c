// A connection to the server that stays open. Most look-ups are two questions, A and AAAA, and their plain answers: here
// they go and come together, and what is asked in one turn of the program goes as one. (c-ares opens and closes a
// socket for each, which costs more than all the rest.) What does not go that smoothly is left to c-ares.
'use strict';
const { connect } = require('node:net');
const { clearTimeout, setTimeout } = require('node:timers'); // those of globalThis may be a test's
const { answers, question, read } = require('./message.js');

const READ_MAX = 16384; // octets a turn: some 200 answers
const IDS = 65536;
const NOTHING = Buffer.alloc(0);
const { nextTick } = process;

class Channel {
	#socket;
	#patience;
	#waiting = new Map(); // id -> what was asked
	#lastId = 0;
	#unsent = [];
	#rest = NOTHING; // of a message whose end is still to come
	isOver = false; // shall another one be asked from now on?

	/** Questions are given up after `patience` milliseconds. */
	constructor({ address, port }, patience) {
		this.#patience = patience;
		const buffer = Buffer.allocUnsafe(READ_MAX);
		const callback = (size) => {
			this.#hear(buffer.subarray(0, size));
			return true; // and go on
		};
		this.#socket = connect({ host: address, port, noDelay: true, onread: { buffer, callback } });
		for (const event of ['error', 'end', 'close'])
			this.#socket.on(event, () => this.#fail());
	}

	/**
	 * Asks for the addresses of one family: done({ addresses }) or done({ code }), or done(undefined, late) when that has to
	 * be found out otherwise. `late` says that the server kept silent.
	 */
	ask(name, family, done) {
		if (this.#waiting.size === IDS)
			return nextTick(done, undefined, false);
		do
			this.#lastId = (this.#lastId + 1) % IDS;
		while (this.#waiting.has(this.#lastId));
		const id = this.#lastId;
		const asked = question(id, name, family);
		const timer = setTimeout(() => this.#end(id, undefined, true), this.#patience);
		if (this.#waiting.size === 0)
			this.#socket.ref();
		this.#waiting.set(id, { asked, family, timer, done });
		if (this.#unsent.push(asked) === 1)
			nextTick(() => this.#send());
	}

	#send() {
		const messages = this.#unsent;
		this.#unsent = [];
		if (this.isOver)
			return;
		const framed = Buffer.allocUnsafe(messages.reduce((sum, message) => sum + 2 + message.length, 0));
		let at = 0;
		for (const message of messages) {
			at = framed.writeUInt16BE(message.length, at);
			at += message.copy(framed, at);
		}
		this.#socket.write(framed);
	}

	#hear(octets) {
		let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, octets]) : octets;
		while (data.length >= 2 && data.length >= 2 + data.readUInt16BE(0)) {
			const end = 2 + data.readUInt16BE(0);
			this.#judge(data.subarray(2, end));
			data = data.subarray(end);
		}
		this.#rest = data.length > 0 ? Buffer.from(data) : NOTHING; // `octets` are written over by the next turn
	}

	#judge(message) {
		const id = message.length >= 2 ? message.readUInt16BE(0) : -1;
		const entry = this.#waiting.get(id);
		if (entry !== undefined && answers(message, entry.asked))
			this.#end(id, read(message, entry.asked, entry.family), false);
	}

	/** Nobody is there, or it is closed: all who wait try otherwise, and the next one starts anew. */
	#fail() {
		this.isOver = true;
		this.#socket.destroy();
		for (const id of [...this.#waiting.keys()])
			this.#end(id, undefined, false);
	}

	#end(id, result, late) {
		const { timer, done } = this.#waiting.get(id);
		clearTimeout(timer);
		this.#waiting.delete(id);
		if (this.#waiting.size === 0)
			this.#socket.unref(); // programs do not wait for a connection that is at rest
		nextTick(done, result, late); // a program that throws there must not end our reading
	}
}

module.exports = { Channel };
