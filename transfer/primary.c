/* See primary.h. */
#include "transfer/primary.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/message.h"
#include "core/type.h"
#include "core/unpack.h"

__attribute__((format(printf, 3, 4)))
static int fail(struct primary *primary, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(primary->why, sizeof(primary->why), format, arguments);
	va_end(arguments);
	return error;
}

static uint64_t now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

static uint16_t random_id(void)
{
	uint16_t id;
	return getrandom(&id, sizeof(id), 0) == sizeof(id) ? id : (uint16_t)now_ms();
}

/* ------------------------------------------------------------------------------------------------
 * Sockets
 */

/* Waits until the socket is ready, or that moment. */
static int wait_for(struct primary *primary, int fd, short events, uint64_t until_ms)
{
	struct pollfd fds[2] = { { .fd = fd, .events = events }, { .fd = primary->stop, .events = POLLIN } };
	if (primary->until_ms < until_ms)
		until_ms = primary->until_ms;
	for (;;) {
		const uint64_t at_ms = now_ms();
		if (at_ms >= until_ms)
			return fail(primary, MIST_ETIMEOUT, "no answer in time");
		const int ready = poll(fds, 2, (int)(until_ms - at_ms));
		if (ready > 0 && fds[1].revents)
			return fail(primary, MIST_EBUSY, "stopped");
		if (ready > 0)
			return MIST_OK;
		if (ready < 0 && errno != EINTR)
			return fail(primary, MIST_ENETWORK, "%s", strerror(errno));
	}
}

static int open_socket(struct primary *primary, int type, int *fd)
{
	struct sockaddr_storage to;
	const socklen_t len = upstream_to_socket(&primary->address, &to);
	*fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return fail(primary, MIST_ENETWORK, "no socket: %s", strerror(errno));
	int error = MIST_OK;
	if (connect(*fd, (struct sockaddr *)&to, len)) {
		int why = errno;
		socklen_t size = sizeof(why);
		if (why == EINPROGRESS)
			error = wait_for(primary, *fd, POLLOUT, now_ms() + PRIMARY_CONNECT_MS);
		if (why == EINPROGRESS && !error && getsockopt(*fd, SOL_SOCKET, SO_ERROR, &why, &size))
			why = errno;
		if (!error && why)
			error = fail(primary, MIST_ENETWORK, "no connection: %s", strerror(why));
	}
	if (error)
		close(*fd);
	return error;
}

/* All of it or nothing. */
static int send_all(struct primary *primary, int fd, const uint8_t *octets, size_t len)
{
	const uint64_t until_ms = now_ms() + PRIMARY_CONNECT_MS;
	while (len) {
		const ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return fail(primary, MIST_ENETWORK, "%s", strerror(errno));
		if (sent < 0) {
			int error = wait_for(primary, fd, POLLOUT, until_ms);
			if (error)
				return error;
			continue;
		}
		octets += sent;
		len -= (size_t)sent;
	}
	return MIST_OK;
}

/* More of a stream. */
static int wait_for_more(struct primary *primary, int fd, uint64_t until_ms)
{
	const uint64_t idle_ms = now_ms() + PRIMARY_IDLE_MS;
	return wait_for(primary, fd, POLLIN, idle_ms < until_ms ? idle_ms : until_ms);
}

static int receive_all(struct primary *primary, int fd, uint8_t *octets, size_t len, uint64_t until_ms)
{
	while (len) {
		const ssize_t got = recv(fd, octets, len, 0);
		if (got == 0)
			return fail(primary, MIST_ENETWORK, "the connection was closed before the end");
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return fail(primary, MIST_ENETWORK, "%s", strerror(errno));
		if (got < 0) {
			int error = wait_for_more(primary, fd, until_ms);
			if (error)
				return error;
			continue;
		}
		octets += got;
		len -= (size_t)got;
	}
	return MIST_OK;
}

/* A message over TCP into 65,535 octets. */
static int receive_message(struct primary *primary, int fd, uint8_t *message, size_t *len, uint64_t until_ms)
{
	uint8_t prefix[2];
	/* Also where something is there already: time may be over, or all may have to end. */
	int error = wait_for_more(primary, fd, until_ms);
	if (!error)
		error = receive_all(primary, fd, prefix, sizeof(prefix), until_ms);
	*len = error ? 0 : wire_get16(prefix);
	return error ? error : receive_all(primary, fd, message, *len, until_ms);
}

static int send_message(struct primary *primary, int fd, uint8_t *octets, size_t len)
{
	wire_set16(octets, (uint16_t)len);
	return send_all(primary, fd, octets, 2 + len);
}

/* ------------------------------------------------------------------------------------------------
 * The serial
 */

struct asking {
	struct primary *primary;
	struct tsig tsig;
	uint16_t id;
	size_t len;
	uint8_t octets[2 + MESSAGE_UDP_EDNS]; /* behind room for TCP's length */
	uint8_t *room;               /* of a record */
};

static bool write_question(struct asking *asking)
{
	const struct primary *primary = asking->primary;
	struct writer w = writer_on(asking->octets + 2, MESSAGE_UDP_EDNS);
	asking->id = random_id();
	writer_u16(&w, asking->id);
	writer_u16(&w, 0);
	writer_u16(&w, 1);
	writer_u16(&w, 0);
	writer_u32(&w, 0);
	writer_put(&w, primary->zone, name_len(primary->zone));
	writer_u16(&w, TYPE_SOA);
	writer_u16(&w, CLASS_IN);
	asking->len = writer_len(&w);
	asking->tsig = (struct tsig){ 0 };
	if (!primary->key)
		return true;
	tsig_ask(&asking->tsig, primary->key);
	asking->len = tsig_sign(&asking->tsig, asking->octets + 2, asking->len, MESSAGE_UDP_EDNS, now_s());
	return asking->len > 0;
}

/* Is it an answer to what was asked, whoever says so? */
static bool is_answer(const struct asking *asking, const uint8_t *message, size_t len)
{
	uint8_t name[NAME_MAX];
	if (len < MESSAGE_HEADER || wire_get16(message) != asking->id ||
	    (wire_get16(message + 2) & 0xf800) != FLAG_QR || wire_get16(message + 4) > 1)
		return false;
	if (!wire_get16(message + 4))
		return message[3] & 15; /* a refusal may leave the question out */
	const size_t taken = name_read(message, len, MESSAGE_HEADER, name);
	if (!taken || len < MESSAGE_HEADER + taken + 4)
		return false;
	name_lower(name, name);
	return name_equal(name, asking->primary->zone) &&
	       wire_get16(message + MESSAGE_HEADER + taken) == TYPE_SOA;
}

/* Finds the SOA among the answers, and the TSIG record at the end; names are read, nothing is believed yet. */
static bool read_answer(const struct asking *asking, const uint8_t *message, size_t len, size_t *tsig_at,
                        uint32_t *serial, bool *found)
{
	struct reader r = reader_on(message, len);
	struct unpacked record;
	uint8_t name[NAME_MAX];
	reader_take(&r, MESSAGE_HEADER);
	if (wire_get16(message + 4))
		reader_take(&r, name_read(message, len, MESSAGE_HEADER, name) + 4);
	const unsigned answers = wire_get16(message + 6);
	const unsigned count = answers + wire_get16(message + 8) + wire_get16(message + 10);
	*found = false;
	*tsig_at = 0;
	for (unsigned i = 0; i < count; i++) {
		const size_t at = (size_t)(r.at - r.start);
		if (!unpack_record(&record, &r, asking->room))
			return false;
		*tsig_at = record.type == TYPE_TSIG ? at : 0;
		if (i >= answers || record.type != TYPE_SOA || record.class != CLASS_IN ||
		    !name_equal(record.owner, asking->primary->zone) ||
		    !type_check(TYPE_SOA, record.rdata, record.rdata_len))
			continue;
		*serial = wire_get32(record.rdata + record.rdata_len - 20);
		*found = true;
	}
	return true;
}

/* MIST_EINTERNAL: it is to be asked over TCP. */
static int judge(struct asking *asking, const uint8_t *message, size_t len, uint32_t *serial)
{
	struct primary *primary = asking->primary;
	size_t tsig_at;
	char rcode[16];
	bool found;
	if (!read_answer(asking, message, len, &tsig_at, serial, &found))
		return fail(primary, MIST_EMISMATCH, "its SOA cannot be read");
	if (message[3] & 15)
		return fail(primary, MIST_EREFUSED, "asked for its SOA, it says %s", rcode_to_text(message[3] & 15, rcode));
	if (message[2] & FLAG_TC >> 8)
		return MIST_EINTERNAL;
	if (primary->key && !tsig_check_reply(&asking->tsig, message, len, tsig_at, now_s()))
		return fail(primary, MIST_EMISMATCH, "its SOA is not signed as it has to be");
	if (!(message[2] & FLAG_AA >> 8))
		return fail(primary, MIST_EMISMATCH, "it has no authority over the zone (its own copy may have expired)");
	if (!found)
		return fail(primary, MIST_EMISMATCH, "it does not serve the zone");
	return MIST_OK;
}

static int ask_udp(struct asking *asking, uint8_t *message, uint32_t *serial)
{
	struct primary *primary = asking->primary;
	int fd, error = open_socket(primary, SOCK_DGRAM, &fd);
	if (error)
		return error;
	error = send_all(primary, fd, asking->octets + 2, asking->len);
	const uint64_t until_ms = now_ms() + PRIMARY_WAIT_MS;
	while (!error) {
		error = wait_for(primary, fd, POLLIN, until_ms);
		const ssize_t len = error ? 0 : recv(fd, message, MESSAGE_MAX, 0);
		if (len < 0 && errno != EAGAIN && errno != EINTR)
			error = fail(primary, MIST_ENETWORK, "%s", strerror(errno));
		if (!error && len > 0 && is_answer(asking, message, (size_t)len)) {
			error = judge(asking, message, (size_t)len, serial);
			break;
		}
	}
	close(fd);
	return error;
}

static int ask_tcp(struct asking *asking, uint8_t *message, uint32_t *serial)
{
	struct primary *primary = asking->primary;
	size_t len;
	int fd, error = open_socket(primary, SOCK_STREAM, &fd);
	if (error)
		return error;
	error = send_message(primary, fd, asking->octets, asking->len);
	if (!error)
		error = receive_message(primary, fd, message, &len, now_ms() + PRIMARY_CONNECT_MS);
	close(fd);
	if (!error && !is_answer(asking, message, len))
		error = fail(primary, MIST_EMISMATCH, "it answers another question");
	return error ? error : judge(asking, message, len, serial);
}

int primary_serial(struct primary *primary, uint32_t *serial)
{
	struct asking *asking = malloc(sizeof(*asking));
	uint8_t *message = malloc(MESSAGE_MAX), *room = malloc(UNPACK_RDATA_MAX);
	int error = asking && message && room ? MIST_ETIMEOUT : MIST_ENOMEM;

	for (unsigned i = 0; i < PRIMARY_TRIES && (error == MIST_ETIMEOUT || error == MIST_ENETWORK); i++) {
		*asking = (struct asking){ .primary = primary, .room = room };
		error = write_question(asking) ? ask_udp(asking, message, serial) : MIST_ECRYPTO;
		if (error == MIST_ENETWORK)
			break; /* nobody listens there */
	}
	/* Knot speaks of a catalog over TCP alone, and refuses datagrams. */
	if (error == MIST_EINTERNAL || error == MIST_ETIMEOUT || error == MIST_ENETWORK || error == MIST_EREFUSED)
		error = write_question(asking) ? ask_tcp(asking, message, serial) : MIST_ECRYPTO;
	free(room);
	free(message);
	free(asking);
	return error == MIST_EINTERNAL ? fail(primary, MIST_EMISMATCH, "its SOA is truncated over TCP") : error;
}

/* ------------------------------------------------------------------------------------------------
 * The transfer
 */

int primary_transfer(struct primary *primary, struct in *in)
{
	uint8_t request[2 + MESSAGE_UDP_EDNS];
	const uint64_t until_ms = now_ms() + PRIMARY_TOTAL_MS;
	size_t len = in_request(in, random_id(), request + 2, MESSAGE_UDP_EDNS, now_s());
	uint8_t *message = malloc(MESSAGE_MAX);
	int fd = -1, error = !message ? MIST_ENOMEM : len ? open_socket(primary, SOCK_STREAM, &fd) : MIST_ECRYPTO;

	if (!error) {
		error = send_message(primary, fd, request, len);
		while (!error && in->state != IN_DONE) {
			error = receive_message(primary, fd, message, &len, until_ms);
			if (error)
				break;
			error = in_message(in, message, len, now_s());
			if (error)
				fail(primary, error, "%s", in->why[0] ? in->why : mist_strerror(error));
		}
		close(fd);
	}
	free(message);
	return error;
}
