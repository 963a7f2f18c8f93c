/*
 * What other resolvers are told, so that they ask us, at our port, for the zones that are served here and
 * for nothing else, and trust our signatures: one form for each of them. Text only; install.h puts it
 * in place.
 */
#ifndef MIST_CONTROL_INTEGRATE_H
#define MIST_CONTROL_INTEGRATE_H

#include <stdbool.h>
#include <stdio.h>

#include "control/address.h"
#include "control/install.h"
#include "control/served.h"

/* Where others reach us. */
struct integrate_endpoint {
	char address[ADDRESS_TEXT_SIZE]; /* "": that which suits the form best */
	uint16_t port;                   /* 0: that of the server */
};

struct integration {
	const struct served *served;
	struct integrate_endpoint at;
	const struct mist_reporter *reporter;
	struct install_set files;
	FILE *open;                      /* the file that is being written */
	char *text;
	size_t text_len;
	bool out_of_memory;
};

struct integrate_form {
	const char *name;                /* NULL ends the table */
	const char *const *places;       /* install.h; NULL where `elsewhere` */
	const char *makes;               /* a directory that is made if it is missing; NULL: none */
	char comment;                    /* begins a comment in its files */
	enum {
		REACH_LOCAL,                 /* it asks from this machine */
		REACH_REMOTE,                /* it asks from a network of its own: loopback is another one there */
	} reach;
	bool port_53;                    /* it cannot be told a port */
	bool replaces;                   /* install.h: its file takes the place of another's */
	bool elsewhere;                  /* its files are not this machine's: they are printed only */
	void (*write)(struct integration *integration, const struct integrate_form *form);
	const char *then, *undone;       /* commands that make it read them, and see that they are gone (NULL: the
	                                    same) */
};

extern const struct integrate_form integrate_forms[];

/*
 * Writes the files of a form into `integration`, whose served, at and reporter are set, and which is to be
 * freed in any case. MIST_EINVAL (no address or port that the form can use; reported), MIST_ENOMEM.
 */
int integrate_write(struct integration *integration, const struct integrate_form *form);
void integration_free(struct integration *integration);

/* Puts the files in place, or takes them away: install.h. `root` as there. */
int integrate_apply(const struct integration *integration, const struct integrate_form *form, const char *root);
int integrate_undo(const struct integrate_form *form, const char *root, const struct mist_reporter *reporter);

#endif
