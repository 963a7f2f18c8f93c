/*
 * A program that wants out: hostile ADDRESS PATH ABSTRACT prints a word for each thing it has reached there. Linked
 * statically, so that no library of its host is asked.
 *
 *   udp53 tcp53 tcp80   a server at the address answered, or took the connection
 *   abstract, path      so did a Unix socket of that name
 *   resolv.conf         the file it had before could be uncovered, in namespaces of its own
 *   capable             it may send raw packets, whose port nothing looks at
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 3000

static struct sockaddr_in at(const char *address, int port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };

	inet_pton(AF_INET, address, &name.sin_addr);
	return name;
}

static int udp(const char *address)
{
	static const unsigned char query[] = { 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 1, 0, 1 };
	struct sockaddr_in name = at(address, 53);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return sendto(fd, query, sizeof query, 0, (struct sockaddr *)&name, sizeof name) > 0 && poll(&one, 1, WAIT_MS) == 1 &&
	       recv(fd, (char[512]){ 0 }, 512, 0) > 0;
}

static int tcp(const char *address, int port)
{
	struct sockaddr_in name = at(address, port);

	return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof name) == 0;
}

static int local(const char *path, int abstract)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	memcpy(name.sun_path + abstract, path, len);
	return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name,
	               (socklen_t)(sizeof name.sun_family + (unsigned)abstract + len + !abstract)) == 0;
}

static void read_file(const char *path, char text[4096])
{
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, 4095, file) : 0;

	text[len] = '\0';
	if (file)
		fclose(file);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

static void try_all(const char *address, const char *path, const char *abstract)
{
	if (udp(address))
		puts("udp53");
	if (tcp(address, 53))
		puts("tcp53");
	if (tcp(address, 80))
		puts("tcp80");
	if (local(abstract, 1))
		puts("abstract");
	if (local(path, 0))
		puts("path");
}

/* Where it is root: uncovers what is mounted, as far as it can. */
static void dig(const char *address, const char *path, const char *abstract)
{
	char before[4096], after[4096], map[64];

	read_file("/etc/resolv.conf", before);
	snprintf(map, sizeof map, "0 %u 1", getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
		write_file("/proc/self/uid_map", map);
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
		umount2("/etc/resolv.conf", MNT_DETACH);
		umount2("/run", MNT_DETACH);
		umount2(path, MNT_DETACH);
	}
	read_file("/etc/resolv.conf", after);
	if (strcmp(before, after) != 0)
		puts("resolv.conf");
	try_all(address, path, abstract);
	fflush(stdout);
	_exit(0);
}

int main(int count, char **arguments)
{
	if (count != 4)
		return 2;
	if (socket(AF_INET, SOCK_RAW, IPPROTO_UDP) >= 0)
		puts("capable");
	try_all(arguments[1], arguments[2], arguments[3]);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		dig(arguments[1], arguments[2], arguments[3]);
	waitpid(child, NULL, 0);
	return 0;
}
