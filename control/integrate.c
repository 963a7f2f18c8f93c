/*
 * The table of forms, and a small function for each.
 */
#define _GNU_SOURCE /* open_memstream */
#include "control/integrate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A link of its own, up even when the machine is not on any network: resolved asks nobody then, unless a link has
 * an address. This one is for documentation (RFC 5737), so nobody else's. */
#define RESOLVED_LINK "mist0"
#define RESOLVED_LINK_ADDRESS "192.0.2.53/32"

#define MARK_SIZE 64

static void mark_make(const struct integrate_form *form, char mark[MARK_SIZE])
{
	snprintf(mark, MARK_SIZE, "written by `mist integrate %s`", form->name);
}

__attribute__((format(printf, 3, 4)))
static int say(const struct mist_reporter *reporter, enum mist_level level, const char *format, ...)
{
	char text[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (reporter && reporter->report)
		reporter->report(reporter->user, level, NULL, 0, text);
	return level == MIST_LEVEL_ERROR ? MIST_EINVAL : MIST_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void file_end(struct integration *integration, const char *path)
{
	if (!integration->open)
		return;
	bool good = fclose(integration->open) == 0 && install_add(&integration->files, path, integration->text);
	integration->out_of_memory |= !good;
	integration->open = NULL;
	free(integration->text);
	integration->text = NULL;
}

/* Begins a file with the line that says whose it is; NULL: out of memory. */
static FILE *file_begin(struct integration *integration, const struct integrate_form *form, const char *path)
{
	char mark[MARK_SIZE];
	mark_make(form, mark);
	integration->open = open_memstream(&integration->text, &integration->text_len);
	integration->out_of_memory |= !integration->open;
	if (integration->open)
		fprintf(integration->open, "%c %s: %s%s\n", form->comment, path, mark,
		        form->elsewhere ? "" : ", which --undo removes");
	return integration->open;
}

/* The lines of an anchor, each between two texts. */
static void print_anchor(FILE *out, const char *before, const struct served_zone *zone, const char *after)
{
	for (const char *line = zone->anchor; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		fprintf(out, "%s%.*s%s", before, (int)strcspn(line, "\n"), line, after);
}

static void print_anchors(FILE *out, const struct served *served, const char *before)
{
	for (size_t i = 0; i < served->zone_count; i++)
		print_anchor(out, before, &served->zones[i], "\n");
}

/* "127.0.0.1:5380", "[::1]:5380" */
static const char *endpoint_text(const struct integration *integration, char text[ADDRESS_TEXT_SIZE + 16])
{
	const struct integrate_endpoint *at = &integration->at;
	snprintf(text, ADDRESS_TEXT_SIZE + 16, strchr(at->address, ':') ? "[%s]:%u" : "%s:%u", at->address, at->port);
	return text;
}

/* ---- systemd-resolved ------------------------------------------------------------------------ */

static void write_resolved_anchor(struct integration *integration, const struct integrate_form *form,
                                  const struct served_zone *zone)
{
	char path[400];
	if (!zone->anchor && !zone->insecure)
		return;
	snprintf(path, sizeof(path), "/etc/dnssec-trust-anchors.d/%s.%s", zone->name,
	         zone->anchor ? "positive" : "negative");
	FILE *out = file_begin(integration, form, path);
	if (out && zone->anchor)
		print_anchor(out, "", zone, "\n");
	else if (out)
		fprintf(out, "%s\n", zone->name);
	file_end(integration, path);
}

/*
 * DNS= and Domains= in resolved.conf would have us asked for every other name too: only a link's servers are
 * kept to its domains. So there is a link.
 */
static void write_resolved(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "/etc/systemd/system/mist-resolved.service";
	const struct served *served = integration->served;
	char endpoint[ADDRESS_TEXT_SIZE + 16];
	for (size_t i = 0; i < served->zone_count; i++)
		write_resolved_anchor(integration, form, &served->zones[i]);
	FILE *out = file_begin(integration, form, path);
	if (!out)
		return;
	fprintf(out, "[Unit]\n"
	        "Description=Names of mist, asked for by systemd-resolved\n"
	        "Requires=systemd-resolved.service\n"
	        "After=systemd-resolved.service network-pre.target\n"
	        "PartOf=systemd-resolved.service\n"
	        "\n"
	        "[Service]\n"
	        "Type=oneshot\n"
	        "RemainAfterExit=yes\n"
	        "ExecStart=-ip link add " RESOLVED_LINK " type dummy\n"
	        "ExecStart=ip address replace " RESOLVED_LINK_ADDRESS " dev " RESOLVED_LINK "\n"
	        "ExecStart=ip link set " RESOLVED_LINK " up\n"
	        "ExecStart=resolvectl dns " RESOLVED_LINK " %s\n"
	        "ExecStart=resolvectl domain " RESOLVED_LINK, endpoint_text(integration, endpoint));
	for (size_t i = 0; i < served->zone_count; i++)
		fprintf(out, " ~%s", served->zones[i].name);
	fprintf(out, "\n"
	        "ExecStart=resolvectl default-route " RESOLVED_LINK " no\n"
	        "ExecStart=resolvectl dnssec " RESOLVED_LINK " yes\n"
	        "ExecStart=resolvectl llmnr " RESOLVED_LINK " no\n"
	        "ExecStart=resolvectl mdns " RESOLVED_LINK " no\n"
	        "ExecStop=ip link delete " RESOLVED_LINK "\n"
	        "\n"
	        "[Install]\n"
	        "WantedBy=multi-user.target\n");
	file_end(integration, path);
}

/* ---- dnsmasq, and NetworkManager which runs one ---------------------------------------------- */

/* trust-anchor=editor.land,34637,13,2,HEX */
static void print_dnsmasq_anchor(FILE *out, const struct served_zone *zone)
{
	for (const char *line = zone->anchor; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned tag, algorithm, type;
		char digest[200];
		if (sscanf(line, "%*s IN DS %u %u %u %199[0-9A-Fa-f]", &tag, &algorithm, &type, digest) == 4)
			fprintf(out, "trust-anchor=%s,%u,%u,%u,%s\n", zone->name, tag, algorithm, type, digest);
	}
}

static void print_dnsmasq(FILE *out, const struct integration *integration)
{
	for (size_t i = 0; i < integration->served->zone_count; i++) {
		const struct served_zone *zone = &integration->served->zones[i];
		fprintf(out, "server=/%s/%s#%u\nrebind-domain-ok=/%s/\n", zone->name, integration->at.address,
		        integration->at.port, zone->name);
		print_dnsmasq_anchor(out, zone);
	}
}

static void write_dnsmasq(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "/etc/dnsmasq.d/mist.conf";
	FILE *out = file_begin(integration, form, path);
	if (out)
		print_dnsmasq(out, integration);
	file_end(integration, path);
}

static void write_networkmanager(struct integration *integration, const struct integrate_form *form)
{
	static const char plugin[] = "/etc/NetworkManager/conf.d/mist.conf";
	static const char path[] = "/etc/NetworkManager/dnsmasq.d/mist.conf";
	FILE *out = file_begin(integration, form, plugin);
	if (out)
		fprintf(out, "[main]\ndns=dnsmasq\n");
	file_end(integration, plugin);
	out = file_begin(integration, form, path);
	if (out)
		print_dnsmasq(out, integration);
	file_end(integration, path);
}

/* ---- unbound --------------------------------------------------------------------------------- */

/*
 * A stub zone, so that denied names of ours are final. `transparent` lifts what unbound answers by itself, such as
 * NXDOMAIN for all of test; `private-domain` what it strips where `private-address` is configured.
 */
static void write_unbound(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "/etc/unbound/unbound.conf.d/mist.conf";
	const struct served *served = integration->served;
	FILE *out = file_begin(integration, form, path);
	if (!out)
		return;
	fprintf(out, "server:\n");
	if (address_is_loopback(integration->at.address))
		fprintf(out, "\tdo-not-query-localhost: no\n");
	for (size_t i = 0; i < served->zone_count; i++) {
		const struct served_zone *zone = &served->zones[i];
		fprintf(out, "\tlocal-zone: \"%s.\" transparent\n\tprivate-domain: \"%s.\"\n", zone->name, zone->name);
		print_anchor(out, "\ttrust-anchor: \"", zone, "\"\n");
		if (zone->insecure)
			fprintf(out, "\tdomain-insecure: \"%s.\"\n", zone->name);
	}
	for (size_t i = 0; i < served->zone_count; i++)
		fprintf(out, "stub-zone:\n\tname: \"%s.\"\n\tstub-addr: %s@%u\n", served->zones[i].name,
		        integration->at.address, integration->at.port);
	file_end(integration, path);
}

/* ---- those without a split, or without a port ------------------------------------------------ */

static void write_resolv_conf(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "/etc/resolv.conf";
	FILE *out = file_begin(integration, form, path);
	if (out) {
		fprintf(out, "# There is no split here: all names go to mist, which forwards those that are allowed.\n"
		        "nameserver %s\n", integration->at.address);
		print_anchors(out, integration->served, "# trust anchor: ");
	}
	file_end(integration, path);
	say(integration->reporter, MIST_LEVEL_WARNING, "resolv.conf knows no split: every name goes to mist. So that allowed "
	    "names have somewhere to go, set `forward.upstreams`, or `forward.resolv_conf: /etc/resolv.conf.before-mist`");
}

static void write_docker(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "compose.yaml";
	const char *address = integration->at.address;
	FILE *out = file_begin(integration, form, path);
	if (out) {
		fprintf(out, "# There is no split here: all names go to mist, which forwards those that are allowed.\n"
		        "# One container:   docker run --dns %s IMAGE\n"
		        "# Every container: { \"dns\": [\"%s\"] } in /etc/docker/daemon.json\n"
		        "services:\n"
		        "  app:\n"
		        "    dns: [\"%s\"]\n", address, address, address);
		print_anchors(out, integration->served, "# trust anchor: ");
	}
	file_end(integration, path);
}

/* ---- elsewhere ------------------------------------------------------------------------------- */

static void write_macos(struct integration *integration, const struct integrate_form *form)
{
	for (size_t i = 0; i < integration->served->zone_count; i++) {
		const struct served_zone *zone = &integration->served->zones[i];
		char path[300];
		snprintf(path, sizeof(path), "/etc/resolver/%s", zone->name);
		FILE *out = file_begin(integration, form, path);
		if (out) {
			fprintf(out, "nameserver %s\nport %u\n", integration->at.address, integration->at.port);
			print_anchor(out, "# trust anchor, for those who validate: ", zone, "\n");
		}
		file_end(integration, path);
	}
}

/* The file that k3s, AKS and others import into CoreDNS' Corefile. */
static void write_kubernetes(struct integration *integration, const struct integrate_form *form)
{
	static const char path[] = "coredns-custom.yaml";
	const struct served *served = integration->served;
	char endpoint[ADDRESS_TEXT_SIZE + 16];
	FILE *out = file_begin(integration, form, path);
	if (!out)
		return;
	fprintf(out, "# kubectl apply -f coredns-custom.yaml; where CoreDNS imports no ConfigMap of this name, put the blocks\n"
	        "# into its Corefile: kubectl -n kube-system edit configmap coredns\n"
	        "apiVersion: v1\n"
	        "kind: ConfigMap\n"
	        "metadata:\n"
	        "  name: coredns-custom\n"
	        "  namespace: kube-system\n"
	        "data:\n"
	        "  mist.server: |\n");
	for (size_t i = 0; i < served->zone_count; i++)
		fprintf(out, "    %s:53 {\n"
		        "        errors\n"
		        "        cache 30\n"
		        "        forward . %s\n"
		        "    }\n", served->zones[i].name, endpoint_text(integration, endpoint));
	fprintf(out, "  mist.anchors: |\n    ; for pods that validate; CoreDNS does not\n");
	print_anchors(out, served, "    ");
	file_end(integration, path);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define PLACES(...) (const char *const[]){ __VA_ARGS__, NULL }

const struct integrate_form integrate_forms[] = {
	{ .name = "resolved", .comment = ';',
	  .places = PLACES("/etc/systemd/system/mist-resolved.service", "/etc/dnssec-trust-anchors.d/"),
	  .makes = "/etc/dnssec-trust-anchors.d", .write = write_resolved,
	  .then = "systemctl daemon-reload && systemctl restart systemd-resolved && systemctl enable --now mist-resolved",
	  .undone = "systemctl stop mist-resolved; rm -f /etc/systemd/system/multi-user.target.wants/mist-resolved.service; "
	            "systemctl daemon-reload && systemctl restart systemd-resolved" },
	{ .name = "networkmanager", .comment = '#',
	  .places = PLACES("/etc/NetworkManager/conf.d/mist.conf", "/etc/NetworkManager/dnsmasq.d/mist.conf"),
	  .write = write_networkmanager, .then = "systemctl restart NetworkManager" },
	{ .name = "dnsmasq", .comment = '#', .places = PLACES("/etc/dnsmasq.d/mist.conf"),
	  .write = write_dnsmasq, .then = "systemctl restart dnsmasq" },
	{ .name = "unbound", .comment = '#',
	  .places = PLACES("/etc/unbound/unbound.conf.d/mist.conf"), .write = write_unbound,
	  .then = "systemctl restart unbound" },
	{ .name = "resolv.conf", .comment = '#',
	  .places = PLACES("/etc/resolv.conf"), .write = write_resolv_conf, .port_53 = true, .replaces = true },
	{ .name = "macos", .comment = '#',
	  .write = write_macos, .elsewhere = true },
	{ .name = "docker", .comment = '#',
	  .write = write_docker, .reach = REACH_REMOTE, .port_53 = true,
	  .elsewhere = true },
	{ .name = "kubernetes", .comment = '#',
	  .write = write_kubernetes, .reach = REACH_REMOTE, .elsewhere = true },
	{ .name = NULL },
};

/* ---- what all of them need ------------------------------------------------------------------- */

static bool is_wildcard(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* The first address that suits: of a wildcard the loopback one, for those who are on this machine. */
static const char *address_choose(const struct served *served, bool remote)
{
	for (size_t i = 0; i < served->address_count; i++) {
		const char *address = served->addresses[i];
		if (remote ? !is_wildcard(address) && !address_is_loopback(address) : !is_wildcard(address))
			return address;
		if (!remote)
			return strchr(address, ':') ? "::1" : "127.0.0.1";
	}
	return NULL;
}

static int endpoint_choose(struct integration *integration, const struct integrate_form *form)
{
	struct integrate_endpoint *at = &integration->at;
	const char *chosen = *at->address ? at->address : address_choose(integration->served, form->reach == REACH_REMOTE);
	if (!chosen)
		return say(integration->reporter, MIST_LEVEL_ERROR, "%s reaches us from a network of its own, where loopback is "
		           "not ours: have the server listen on an address of this machine too, as with `--address 127.0.0.1 "
		           "--address 172.17.0.1 --set listen.allow_non_loopback=true`; or say with --at how it is reached",
		           form->name);
	if (chosen != at->address)
		snprintf(at->address, sizeof(at->address), "%s", chosen);
	at->port = at->port ? at->port : integration->served->port;
	if (form->port_53 && at->port != 53)
		return say(integration->reporter, MIST_LEVEL_ERROR, "%s cannot be told a port, and the server has %u: start it "
		           "on port 53, as with `mist serve --port 53 --address 127.0.0.53 --user nobody`, or say with --at "
		           "where port 53 leads to it", form->name, at->port);
	return MIST_OK;
}

/* Letters that mean nothing else in any of the files, nor in their names. */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static bool is_plain(const char *name)
{
	size_t len = strspn(name, LETTERS);
	return *name && *name != '.' && *name != '-' && name[len] == '\0' && len <= 253; /* RFC 1035, as text */
}

/* DS records: lines of names, numbers and hexadecimal digits. */
static bool is_plain_anchor(const char *anchor)
{
	return !anchor || anchor[strspn(anchor, LETTERS " \t\n")] == '\0';
}

static bool is_below_local(const char *name)
{
	size_t len = strlen(name);
	return strcasecmp(name, "local") == 0 || (len > 6 && strcasecmp(name + len - 6, ".local") == 0);
}

/* The zones that can be told to others. */
static int zones_choose(const struct integration *integration, struct served *told)
{
	const struct served *served = integration->served;
	*told = *served;
	told->zones = calloc(served->zone_count + 1, sizeof(*told->zones));
	told->zone_count = 0;
	if (!told->zones)
		return MIST_ENOMEM;
	for (size_t i = 0; i < served->zone_count; i++) {
		const struct served_zone *zone = &served->zones[i];
		if (!is_plain(zone->name)) {
			say(integration->reporter, MIST_LEVEL_WARNING, "zone %.1000s is left out: %s", zone->name,
			    strcmp(zone->name, ".") == 0 ? "it is no part of the names, but all of them"
			                                 : "other programs may not read its name as we do");
			continue;
		}
		if (!is_plain_anchor(zone->anchor)) {
			say(integration->reporter, MIST_LEVEL_WARNING, "zone %s is left out: what the server says is its trust anchor is none",
			    zone->name);
			continue;
		}
		if (is_below_local(zone->name))
			say(integration->reporter, MIST_LEVEL_WARNING, "zone %s is below .local, which belongs to multicast DNS: "
			    "programs that see `mdns4_minimal` in /etc/nsswitch.conf may never ask for it", zone->name);
		if (!zone->anchor && !zone->insecure)
			say(integration->reporter, MIST_LEVEL_WARNING, "zone %s: its key is not known here, so its trust anchor is "
			    "missing; ask again when the zone is served", zone->name);
		told->zones[told->zone_count++] = *zone;
	}
	return told->zone_count ? MIST_OK : say(integration->reporter, MIST_LEVEL_ERROR, "there is no zone to tell others of");
}

int integrate_write(struct integration *integration, const struct integrate_form *form)
{
	const struct served *all = integration->served;
	struct served told = { .zones = NULL };
	int error = endpoint_choose(integration, form);
	if (!error)
		error = zones_choose(integration, &told);
	if (!error) {
		integration->served = &told;
		form->write(integration, form);
		integration->served = all;
	}
	free(told.zones);
	return error ? error : integration->out_of_memory ? MIST_ENOMEM : MIST_OK;
}

void integration_free(struct integration *integration)
{
	pool_free(&integration->files.pool);
}

static int put(const struct integrate_form *form, const struct install_set *set, const char *root,
               const struct mist_reporter *reporter)
{
	char mark[MARK_SIZE];
	const struct install install = {
		.root = root, .mark = mark, .places = form->places, .makes = form->makes, .replaces = form->replaces,
		.reporter = reporter,
	};
	mark_make(form, mark);
	int error = install_put(&install, set);
	const char *now = set || !form->undone ? form->then : form->undone;
	if (!error && now && !root)
		say(reporter, MIST_LEVEL_INFO, "now: %s", now);
	return error;
}

int integrate_apply(const struct integration *integration, const struct integrate_form *form, const char *root)
{
	return put(form, &integration->files, root, integration->reporter);
}

int integrate_undo(const struct integrate_form *form, const char *root, const struct mist_reporter *reporter)
{
	return put(form, NULL, root, reporter);
}
