/*
 * From a configuration to what the library takes: a content and the options of a server.
 */
#ifndef MIST_CONTROL_SETUP_H
#define MIST_CONTROL_SETUP_H

#include <stdbool.h>

#include "control/config.h"
#include "mistcore.h"

enum setup_mode {
	SETUP_SERVE,     /* keys are made and kept, serials are kept */
	SETUP_RELOAD,    /* the same, and not sealed: for mist_reload() */
	SETUP_KEYS,      /* keys are made and kept, serials are left alone: beside a running server */
	SETUP_READ_ONLY, /* nothing is written */
};

/* Makes the state and key directories (0700) if they are missing. MIST_EFILE, reported. */
int setup_directories(const struct config *config, const struct mist_reporter *reporter);

/*
 * Builds and seals the content. MIST_EZONE or MIST_EKEY: zones have failed, but *content is there,
 * sealed, and serves them as SERVFAIL. With any other error there is no content. Problems are
 * reported.
 */
int setup_content(const struct config *config, enum setup_mode mode,
                  const struct mist_reporter *reporter, struct mist_content **content);

/* The options point into the configuration, which must outlive mist_start(). */
struct mist_options setup_options(const struct config *config,
                                  const struct mist_reporter *reporter);

/* The first key that differs and needs a restart, "listen.port"; NULL: a reload takes all of it. */
const char *setup_needs_restart(const struct config *before, const struct config *after);

#endif
