/* See request.h. */
#include "control/request.h"

#include <stdio.h>

void request_refuse(struct session *session, int error, const char *problem)
{
	connection_send(&session->connection,
	                json_pack("{s:b,s:i,s:o}", "ok", 0, "code", error, "error",
	                          connection_text(*problem ? problem : mist_strerror(error))));
}

json_t *request_read(struct session *session, const char *line, size_t len, const struct verb **verb)
{
	json_error_t fault;
	char problem[256];
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &fault);
	const char *name = json_string_value(json_object_get(request, "verb"));
	*verb = name ? verb_find(name) : NULL;
	if (*verb)
		return request;
	if (!request)
		snprintf(problem, sizeof(problem), "not a line of JSON: %s", fault.text);
	else if (!name)
		snprintf(problem, sizeof(problem), "a request is an object with a \"verb\"");
	else
		snprintf(problem, sizeof(problem), "\"%.40s\" is no verb of this server; it is version %s", name, mist_version());
	request_refuse(session, MIST_EINVAL, problem);
	json_decref(request);
	return NULL;
}

void request_answer(struct session *session, const struct verb *verb, const json_t *request)
{
	char problem[VERB_PROBLEM_SIZE] = "";
	json_t *reply = json_pack("{s:b}", "ok", 1);
	int error = reply ? verb->run(session, request, reply, problem) : MIST_ENOMEM;
	if (verb->silent) {
		json_decref(reply);
	} else if (error) {
		json_decref(reply);
		request_refuse(session, error, problem);
	} else {
		connection_send(&session->connection, reply);
	}
}
