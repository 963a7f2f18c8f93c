/*
 * The table of verbs: what `mist --help` and `mist VERB --help` print comes from here alone.
 */
#include "cli/cli.h"

const struct option cli_config_options[] = {
	{ "config", 'c', "FILE", "read this file instead of " CONFIG_FILE_DEFAULT, NULL },
	{ "zone", 'z', "NAME", "serve this zone, made from 127.0.0.1 (repeat for more)", "zones" },
	{ "allow", 'a', "RULE", "forward this name, or *.name, or .name (repeat)", "forward.allow" },
	{ "deny", 'd', "RULE", "deny this name even if allowed by a shorter rule (repeat)",
	  "forward.deny" },
	{ "upstream", 'u', "ADDRESS", "ask this server for allowed names (repeat)",
	  "forward.upstreams" },
	{ "state-directory", 's', "DIR", "where keys and serials are kept", "state_directory" },
	{ "set", 0, "KEY=VALUE", "set any single key of mist.conf(5), as forward.timeout=5s", NULL },
	{ "verbose", 'v', NULL, "say more on stderr", NULL },
	{ "help", 'h', NULL, "this help", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option serve_options[] = {
	{ "port", 'p', "N", "UDP and TCP port; 0 takes any free one (default 5380)", "listen.port" },
	{ "address", 'l', "ADDRESS", "listen here instead of 127.0.0.1 (repeat)", "listen.address" },
	{ "engine", 0, "NAME", "auto, uring or epoll", "engine" },
	{ "workers", 'w', "N", "threads that answer; auto: one per usable CPU", "workers" },
	{ "port-file", 0, "FILE", "write the port number here once questions are answered", NULL },
	{ "port-fd", 0, "N", "write it to this open descriptor and close that", NULL },
	{ "user", 0, "USER", "started as root: answer as this user, once the ports are bound", "user" },
	{ "socket", 0, "PATH", "where the other verbs find this server; none: nowhere", "control.socket" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option run_options[] = {
	{ "net", 'n', "MODE", "host (default), egress or loopback: the network that COMMAND sees", NULL },
	{ "require", 'r', "WORD,...", "fail unless these guarantees hold; all: each of them", NULL },
	{ "quiet", 'q', NULL, "do not say which guarantees hold", NULL },
	{ "socket", 0, "PATH", "ask the running server with this control socket, start none", NULL },
	{ "node-preload", 0, "FILE", "what Node.js is told to load (default: that of the installation)", NULL },
	{ "engine", 0, "NAME", "auto, uring or epoll", "engine" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option live_options[] = {
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option stats_options[] = {
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ "json", 'j', NULL, "print one JSON object", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option zone_options[] = {
	{ "add", 0, "RECORD", "of edit: add this record, as www 300 A 192.0.2.1 (repeat)", NULL },
	{ "remove", 0, "NAME [TYPE [DATA]]", "of edit: remove a record, a set, or a name (repeat)", NULL },
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option register_options[] = {
	{ "owner", 'o', "OWNER", "who the name belongs to, as a container's id; needed", NULL },
	{ "tier", 0, "N", "kind of owner: of several, the lowest tier is answered (default 0)", NULL },
	{ "lease", 0, "TIME", "the name goes unless it is registered anew in time, as 30s", NULL },
	{ "hold", 0, NULL, "stay, and let the name go when this command ends", NULL },
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option deregister_options[] = {
	{ "owner", 'o', "OWNER", "whose name, or names, go; needed", NULL },
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option query_options[] = {
	{ "dnssec", 'D', NULL, "ask for signatures and proofs (the DO bit)", NULL },
	{ "tcp", 't', NULL, "ask over TCP", NULL },
	{ "server", '@', "ADDR[:PORT]", "ask this server on loopback (default: the configuration's)",
	  NULL },
	{ "short", 0, NULL, "print the data of the answer only", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option anchor_options[] = {
	{ "format", 'f', "FORMAT", "ds (default), dnskey, bind, unbound or resolved", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct option integrate_options[] = {
	{ "apply", 0, NULL, "write the files to where they belong", NULL },
	{ "undo", 0, NULL, "remove them again", NULL },
	{ "at", 0, "ADDR[:PORT]", "how the server is reached, when other than it listens", NULL },
	{ "root", 0, "DIR", "with --apply and --undo: the directory that stands for /", NULL },
	{ "socket", 0, "PATH", "the control socket of the server (default: the configuration's)", NULL },
	{ NULL, 0, NULL, NULL, NULL },
};

const struct command commands[] = {
	{ "serve", serve_run, "", 0, 0, "answer questions until told to stop",
	  "Answers local zones, forwards allowed names, refuses the rest. Without a\n"
	  "configuration file the zone editor.land is served on 127.0.0.1:5380 and\n"
	  "update.editor.land is forwarded.\n"
	  "\n"
	  "When the first question can be answered, one line of JSON is printed on stdout:\n"
	  "address, port, engine, zones. Messages go to stderr. SIGHUP reads the\n"
	  "configuration again and swaps it in if all of it is good; SIGTERM and SIGINT\n"
	  "stop. Sockets that systemd passes (LISTEN_FDS) are served beside its own.\n"
	  "\n"
	  "Examples:\n"
	  "  mist serve                                 the defaults\n"
	  "  sudo mist serve --port 53 --user mist      port 53, and nobody's rights\n"
	  "  mist serve --port 0 --port-file /tmp/port  any free port, told to another program\n"
	  "  mist serve -z corp.test -a '*.example.com' -u 192.0.2.53\n"
	  "  dig @127.0.0.1 -p 5380 anything.editor.land\n",
	  serve_options, true },
	{ "run", run_run, "[--] COMMAND...", 0, ARGUMENTS_REST, "run a command whose names are answered here alone",
	  "Starts a server of its own, from the configuration or the defaults, and runs the\n"
	  "command in namespaces of its own, so that its questions come to that server. No\n"
	  "privilege is needed where the kernel lets users make namespaces. The exit code is\n"
	  "the command's, 128 + n if signal n ended it, 127 if there is no such command, 126\n"
	  "if it cannot be executed, 125 if mist has failed. When the command or mist ends, by\n"
	  "kill -9 too, everything that the command started ends with it.\n"
	  "\n"
	  "  --net host      shares the host's network. resolv.conf is ours where port 53 may be\n"
	  "                  bound; nothing stops a program that asks other servers\n"
	  "  --net egress    a network whose way out is pasta (Debian's package passt); ports 53\n"
	  "                  and 853 of others are shut. DNS over HTTPS is not stopped\n"
	  "  --net loopback  a network with nothing but loopback\n"
	  "\n"
	  "It says which of these hold; --require makes one that does not an error:\n"
	  "  libc        getaddrinfo() and all that reads resolv.conf ask the server alone\n"
	  "  node        so does Node.js, whatever servers a program sets\n"
	  "  sockets     sockets of other resolvers, and of services that run programs for others,\n"
	  "              are masked\n"
	  "  port53      no other name server can be asked over port 53 or 853\n"
	  "  outside     nothing outside can be reached, by name, by address or over HTTPS\n"
	  "  privileges  the command has no capabilities, and can gain none\n"
	  "  processes   it sees no process but its own, and none is left when it ends\n"
	  "\n"
	  "Examples:\n"
	  "  mist run -- curl http://anything.editor.land:8080/\n"
	  "  mist run --net loopback --require outside -- ./untrusted\n"
	  "  mist run --net egress -a '*.npmjs.org' -- npm install\n",
	  run_options, true },
	{ "check", check_run, "", 0, 0, "check configuration and zones, change nothing",
	  "Reads everything that `mist serve` would read, zone files and keys included, and\n"
	  "says what is wrong with file and line. Writes nothing. Exits with 0 only if all\n"
	  "of it is good.\n"
	  "\n"
	  "Examples:\n"
	  "  mist check -c mist.yaml && kill -HUP \"$pid\"\n",
	  NULL, true },
	{ "dump", dump_run, "ZONE", 1, 1, "print a zone as it is served, signatures included",
	  "Prints a master file in canonical order. Tools such as ldns-verify-zone read it.\n"
	  "A zone without a key yet is signed by one that is made for the dump alone; `mist\n"
	  "trust-anchor` or `mist serve` make the lasting one.\n"
	  "\n"
	  "Examples:\n"
	  "  mist dump editor.land\n"
	  "  mist dump -c mist.yaml example.test > example.test.signed\n",
	  NULL, true },
	{ "query", query_run, "NAME [TYPE]", 1, 2, "ask a running server, and show the answer",
	  "Sends one question to a server on loopback and prints what comes back as dig\n"
	  "does, with the reasons (Extended DNS Errors) in words. TYPE is A unless given.\n"
	  "Truncated answers are asked for again over TCP.\n"
	  "\n"
	  "Examples:\n"
	  "  mist query anything.editor.land\n"
	  "  mist query editor.land DNSKEY --dnssec --tcp\n"
	  "  mist query example.com --server 127.0.0.1:5300\n",
	  query_options, true },
	{ "trust-anchor", anchor_run, "[ZONE]", 0, 1,
	  "print what makes others trust a zone's signatures",
	  "Prints the public key of each signed zone, or of one, in the form that a\n"
	  "validator wants. A zone that has no key yet gets one, which `mist serve` then\n"
	  "uses.\n"
	  "\n"
	  "Examples:\n"
	  "  mist trust-anchor editor.land\n"
	  "  mist trust-anchor --format bind > anchor && delv -a anchor +root=editor.land \\\n"
	  "      @127.0.0.1 -p 5380 anything.editor.land\n"
	  "  mist trust-anchor -f resolved editor.land \\\n"
	  "      > /etc/dnssec-trust-anchors.d/editor.land.positive\n",
	  anchor_options, true },
	{ "why", why_run, "NAME [TYPE]", 1, 2, "explain which zone or rule decides about a name",
	  "Says what a client would get for a name, and why, from the configuration alone:\n"
	  "no server need run, and nothing is sent.\n"
	  "\n"
	  "Examples:\n"
	  "  mist why update.editor.land\n"
	  "  mist why www.example.com AAAA -c mist.yaml\n",
	  NULL, true },
	{ "reload", reload_run, "", 0, 0, "have a running server read its files again",
	  "Asks the server at the control socket to read configuration and zone files anew.\n"
	  "What is wrong is shown with file and line, and then nothing changes: the exit\n"
	  "code is 0 only if all of it was good and is now served. SIGHUP does the same\n"
	  "without telling.\n"
	  "\n"
	  "Examples:\n"
	  "  mist reload\n"
	  "  mist reload --socket /run/mist/mist.sock\n",
	  live_options, true },
	{ "stats", stats_run, "", 0, 0, "show the counters of a running server",
	  "Prints what the server has counted since its start: questions, answers by code,\n"
	  "what was forwarded, cached, signed. With --json as one object for programs.\n"
	  "\n"
	  "Examples:\n"
	  "  mist stats\n"
	  "  mist stats --json | jq .counters.udp_queries\n",
	  stats_options, true },
	{ "register", register_run, "NAME ADDRESS...", 2, 64, "give a name to an owner's addresses",
	  "Registers a name in a zone with `registry: true` of the running server. The next\n"
	  "question knows it. NAME alone goes to the only such zone. The addresses take the\n"
	  "place of those that the owner gave before; several owners may share a name, and\n"
	  "it goes with the last one.\n"
	  "\n"
	  "Examples:\n"
	  "  mist register web --owner c0ffee 10.0.0.7 fd00::7\n"
	  "  mist register web.arcbox.local --owner c0ffee --lease 30s 10.0.0.7\n"
	  "  mist register web --owner $$ --hold 127.0.0.1 &\n",
	  register_options, true },
	{ "deregister", deregister_run, "[NAME]", 0, 1, "take an owner's name, or all of them, back",
	  "Without NAME all names of the owner go.\n"
	  "\n"
	  "Examples:\n"
	  "  mist deregister web --owner c0ffee\n"
	  "  mist deregister --owner c0ffee\n",
	  deregister_options, true },
	{ "zone", zone_run, "list | show|export|diff|edit ZONE", 1, 3,
	  "show and edit the zones of a running server",
	  "list    the zones with their serials\n"
	  "show    the zone as it is served at this moment, signatures included\n"
	  "export  the zone as a master file: without what the server makes by itself\n"
	  "diff    what changed since the configuration and its files were written: lines\n"
	  "        with - stand there only, lines with + are served only\n"
	  "edit    opens the zone in $EDITOR, and commits what was changed; with --add and\n"
	  "        --remove, or with lines `add RECORD` and `remove NAME [TYPE [DATA]]` from\n"
	  "        stdin (`edit ZONE -`), without one. All of it is published at once or,\n"
	  "        if one record cannot be, nothing. Serials and signatures follow.\n"
	  "\n"
	  "Examples:\n"
	  "  mist zone edit corp.test\n"
	  "  mist zone edit corp.test --remove 'old' --add 'new 300 A 192.0.2.7'\n"
	  "  mist zone diff corp.test\n"
	  "  mist zone export corp.test > corp.test.zone\n",
	  zone_options, true },
	{ "integrate", integrate_run, "FORM", 1, 1, "have other resolvers ask us for our zones",
	  "Prints what another resolver needs so that names of our zones, and no others, go\n"
	  "to the server at its port, and its signatures are trusted. FORM is one of\n"
	  "\n"
	  "  resolved         systemd-resolved\n"
	  "  networkmanager   NetworkManager with its dnsmasq plugin\n"
	  "  dnsmasq          dnsmasq\n"
	  "  unbound          unbound\n"
	  "  resolv.conf      programs of this machine, for all names; needs port 53\n"
	  "  macos            a Mac, /etc/resolver\n"
	  "  docker           containers of docker, for all names; needs port 53\n"
	  "  kubernetes       CoreDNS of a Kubernetes cluster\n"
	  "\n"
	  "Zones, port and keys are those of the running server, else of the configuration.\n"
	  "With --apply the files are put in place, each as a whole; one that is there and\n"
	  "not ours is left alone, and then nothing is changed. Only resolv.conf is moved to\n"
	  "resolv.conf.before-mist, from where --undo takes it back. Say --apply again when\n"
	  "zones have come or gone.\n"
	  "\n"
	  "Examples:\n"
	  "  mist integrate unbound\n"
	  "  sudo mist integrate resolved --apply\n"
	  "  sudo mist integrate resolved --undo\n"
	  "  mist integrate kubernetes --at 169.254.20.53:53\n",
	  integrate_options, true },
	{ .name = NULL },
};
