// For launchers: the environment of a Node.js child whose look-ups shall go to a server. Loading this
// changes nothing in the launcher itself.
'use strict';
const { completed } = require('./lib/environment.js');
const { parseServer } = require('./lib/server.js');

exports.environment = function environment(server, env = process.env) {
	return completed({ ...env, MIST_DNS: parseServer(server).text });
};
