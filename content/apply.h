/*
 * What an edit makes of zones, and whether it may: its operations are applied, in order, to a fork
 * of each zone they touch; then the names they touched are looked at with the eyes of a zone that
 * loads. What breaks a rule is given up with the forks, and nothing has to be undone.
 */
#ifndef MIST_CONTENT_APPLY_H
#define MIST_CONTENT_APPLY_H

#include "content/edit.h"

/* Zones of a content, each once; who adds one knows whether it is in it. */
struct zone_list {
	struct mist_zone **zones;
	size_t count, room;
};
int zone_list_add(struct zone_list *list, struct mist_zone *zone); /* MIST_OK, MIST_ENOMEM */

/*
 * Judges the edit on the newest versions and, if it is good, makes newer ones (`next` of its zones,
 * which are added to `changed`), complete but for serials and signatures. Else edit->error,
 * edit->failed and its notes tell why, and no zone has changed.
 */
int edit_apply(struct edit *edit, struct mist_content *content, struct zone_list *changed);

#endif
