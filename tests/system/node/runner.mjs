// The same for an ES module: everything comes by named imports, bound before the program runs.
import { readFileSync } from 'node:fs';
import * as dns from 'node:dns';
import { lookup, resolve4, Resolver, setServers } from 'node:dns';
import * as promises from 'node:dns/promises';
import dgram from 'node:dgram';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import util from 'node:util';
import cellsOf from './cells.js';
import outcomes from './outcomes.js';

const named = { ...dns, lookup, resolve4, Resolver, setServers };
const config = JSON.parse(process.argv[2]);
const ca = readFileSync(config.ca);
const results = {};
for (const [what, name] of Object.entries(config.cases))
	results[what] = await outcomes.outcomesOf(cellsOf({ dns: named, promises, dgram, http, http2, https, net, tls, util },
		{ ...config, name, ca }));
console.log(JSON.stringify(results));
