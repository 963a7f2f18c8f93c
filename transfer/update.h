/*
 * UPDATE messages (RFC 2136): one becomes one edit of one zone, and what became of the edit becomes an
 * rcode. Who may send them is judged before, and the edit is committed in between (transfer/reply.c).
 */
#ifndef MIST_TRANSFER_UPDATE_H
#define MIST_TRANSFER_UPDATE_H

#include "content/edit.h"
#include "core/message.h"

/*
 * Reads prerequisites and updates, in the order of RFC 2136 sections 3.2 and 3.4, for the zone that the
 * message's zone section names. Returns NOERROR and the edit, the caller's; or the rcode that the
 * message deserves.
 */
unsigned update_read(struct edit **edit, const struct request *request);

/* The rcode of an edit that was committed, or failed to be. */
unsigned update_rcode(const struct edit *edit);

#endif
