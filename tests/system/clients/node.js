// What Node's resolvers say. Reads [[function, ...arguments], ...] as JSON and prints a list of
// [result, null] or [null, error code]. `lookup` is the C library's, in a thread of Node's; the
// others are c-ares's, asking whom /etc/resolv.conf names, or the server on the command line.
const dns = require("dns");
const fs = require("fs");

const resolver = new dns.promises.Resolver({ timeout: 5000, tries: 2 });
if (process.argv[2])
	resolver.setServers([process.argv[2]]);

async function call([name, ...args]) {
	try {
		return [await (name in resolver ? resolver : dns.promises)[name](...args), null];
	} catch (error) {
		return [null, error.code];
	}
}

const calls = JSON.parse(fs.readFileSync(0, "utf8"));
Promise.all(calls.map(call)).then((results) => console.log(JSON.stringify(results)));
