// Diagnostic reports look up the names of all peers, in C++: they are told not to.
'use strict';

function install() {
	if (process.report && 'excludeNetwork' in process.report)
		process.report.excludeNetwork = true;
}

module.exports = { install };
