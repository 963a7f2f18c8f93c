/*
 * The name servers of resolv.conf(5), for contents that name no upstreams of their own.
 */
#ifndef MIST_FORWARD_RESOLV_H
#define MIST_FORWARD_RESOLV_H

#include <stddef.h>

#include "core/view.h"

/*
 * Reads the name servers of `path`, in order, port 53, at most `max`. Lines that name none we could
 * use (an address with a zone index, say) are skipped, so *count may be 0.
 *
 * When the file names systemd-resolved's stub (127.0.0.53 or 127.0.0.54), the servers behind it are
 * read instead, from run/systemd/resolve/resolv.conf below the directory that `path` takes for the
 * root ("/etc/resolv.conf": "/"; "/tmp/x/etc/resolv.conf": "/tmp/x/"): with split DNS the stub
 * would lead the question back to us. If that file says nothing, the stub it is.
 *
 * MIST_OK, or MIST_EFILE when `path` cannot be read; then *count is as it was.
 */
int resolv_read(const char *path, struct upstream_address *addresses, size_t max, size_t *count);

#endif
