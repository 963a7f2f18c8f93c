/*
 * The verb `listen`: a client hands sockets over, bound where the server is not, and the server answers there for as long
 * as the connection lasts.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/session.h"

int run_listen(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	struct connection *connection = &session->connection;
	struct mist_server *server = session->options->server;
	(void)request;
	if (session->listen_count) {
		snprintf(problem, VERB_PROBLEM_SIZE, "this connection has its sockets already; open another one");
		return MIST_EBUSY;
	}
	/* Without sockets it is a question for the port. */
	int error = connection->file_count ? mist_listen_fds(server, connection->files, connection->file_count) : MIST_OK;
	if (error) {
		snprintf(problem, VERB_PROBLEM_SIZE, "these sockets cannot be served: %s", mist_strerror(error));
		connection_drop_files(connection);
		return error;
	}
	memcpy(session->listens, connection->files, sizeof(connection->files));
	session->listen_count = connection->file_count;
	connection->file_count = 0;
	json_object_set_new(reply, "port", json_integer(mist_port(server)));
	return MIST_OK;
}

void listen_forget(struct session *session)
{
	if (!session->listen_count)
		return;
	mist_unlisten(session->options->server, session->listens, session->listen_count);
	while (session->listen_count > 0)
		close(session->listens[--session->listen_count]);
}
