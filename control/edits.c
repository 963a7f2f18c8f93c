/*
 * edit.add, edit.remove, edit.commit, edit.abort: one edit at a time for each connection.
 *
 *   {"verb":"edit.add","zone":"a.test","text":"www 300 A 127.0.0.1"}      no reply
 *   {"verb":"edit.remove","zone":"a.test","text":"old"}                   no reply
 *   {"verb":"edit.commit"}    {"ok":true,"zones":[{"name":"a.test","serial":7}]}
 *
 * Operations are not answered, so that a client can send any number of them without waiting; what could
 * not be is told by the commit, which then does nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/session.h"
#include "control/zonefile.h"

enum { TTL_DEFAULT = 300 }; /* of records that are added without one; that of made zones */

/* ---- operations ------------------------------------------------------------------------------ */

struct operation {
	struct session *session;
	const char *zone, *text;
	bool add;
};

static void edit_fail(struct session *session, int error, const char *text)
{
	if (session->edit_error)
		return;
	session->edit_error = error;
	session->edit_problem = strdup(text);
}

static void hear_problem(void *user, enum mist_level level, const char *file, unsigned line,
                         const char *text)
{
	const struct operation *operation = user;
	char problem[VERB_PROBLEM_SIZE];
	(void)file;
	(void)line;
	if (level != MIST_LEVEL_ERROR)
		return;
	snprintf(problem, sizeof(problem), "\"%.200s\": %.1500s", operation->text, text);
	edit_fail(operation->session, MIST_ERECORD, problem);
}

static int collect(void *user, const char *file, const struct mist_record *record)
{
	const struct operation *operation = user;
	struct mist_edit *edit = operation->session->edit;
	(void)file;
	int error = operation->add ? mist_edit_add(edit, operation->zone, record)
	                           : mist_edit_remove(edit, operation->zone, record);
	if (error && error != MIST_ENOMEM) {
		char problem[VERB_PROBLEM_SIZE];
		snprintf(problem, sizeof(problem), "\"%.200s\": %s", operation->text, mist_strerror(error));
		edit_fail(operation->session, error, problem);
	}
	return error;
}

static int operate(struct session *session, const json_t *request, bool add, char *problem)
{
	struct operation operation = { .session = session, .add = add };
	struct mist_reporter reporter = { hear_problem, &operation };
	int error = MIST_OK;
	operation.zone = verb_text(request, "zone", problem);
	operation.text = operation.zone ? verb_text(request, "text", problem) : NULL;
	if (!operation.text)
		error = MIST_EINVAL;
	else if (!session->edit)
		error = mist_edit_begin(session->options->server, &session->edit);
	if (!error)
		error = zonefile_text(operation.text, operation.zone, TTL_DEFAULT, !add, collect, &operation,
		                      &reporter);
	if (error)
		edit_fail(session, error, *problem ? problem : mist_strerror(error));
	return error;
}

int run_edit_add(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	(void)reply;
	return operate(session, request, true, problem);
}

int run_edit_remove(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	(void)reply;
	return operate(session, request, false, problem);
}

/* ---- ends ------------------------------------------------------------------------------------ */

void edit_forget(struct session *session)
{
	mist_edit_abort(session->edit);
	free(session->edit_problem);
	session->edit = NULL;
	session->edit_problem = NULL;
	session->edit_error = MIST_OK;
}

int run_edit_abort(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	(void)request;
	(void)reply;
	(void)problem;
	edit_forget(session);
	return MIST_OK;
}

/* Warnings go to the client, errors are in the reply. */
static void hear_result(void *user, enum mist_level level, const char *file, unsigned line,
                        const char *text)
{
	struct mist_reporter reporter = connection_reporter(user);
	if (level != MIST_LEVEL_ERROR)
		reporter.report(reporter.user, level, file, line, text);
}

static json_t *changed_zones(const struct mist_edit_result *result)
{
	json_t *zones = json_array();
	for (size_t i = 0; i < result->zone_count && i < MIST_EDIT_ZONES; i++)
		json_array_append_new(zones, json_pack("{s:s,s:I}", "name", result->zones[i].name, "serial",
		                                       (json_int_t)result->zones[i].serial));
	return zones;
}

int run_edit_commit(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	struct mist_edit_result result = { .size = sizeof(result) };
	struct mist_edit *edit = session->edit;
	int error = session->edit_error;
	(void)request;
	result.reporter = (struct mist_reporter){ hear_result, &session->connection };
	if (error) {
		snprintf(problem, VERB_PROBLEM_SIZE, "%s",
		         session->edit_problem ? session->edit_problem : mist_strerror(error));
	} else if (edit) {
		session->edit = NULL;
		error = mist_edit_commit(edit, &result);
		snprintf(problem, VERB_PROBLEM_SIZE, "%s", result.text);
	}
	if (!error)
		json_object_set_new(reply, "zones", changed_zones(&result));
	edit_forget(session);
	return error;
}
