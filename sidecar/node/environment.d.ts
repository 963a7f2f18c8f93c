/**
 * The environment of a Node.js child whose look-ups shall go to `server` ("127.0.0.1:5380"): a copy of `env`, by default
 * this process's, with MIST_DNS, and with this package in front of what NODE_OPTIONS says.
 *
 * @throws Error when `server` is no address with a port; its message says what to write instead
 */
export declare function environment(
	server: string,
	env?: Record<string, string | undefined>,
): Record<string, string | undefined>;
