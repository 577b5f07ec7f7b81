/* Mirror: a file mapped so that its data lie twice in a row; what starts in the first copy may run on into
 * the second, and so nothing wraps. Private to this room.
 */
#ifndef RFQD_RING_MIRROR_H
#define RFQD_RING_MIRROR_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/err.h"

/* Map header_size + data_size bytes of fd, then the data once more behind; populated for writing, locked
 * where the limit allows (*locked). Both sizes are multiples of a page. Errors: ERR_MEMORY (no address space,
 * or a page cannot be had). */
enum err mirror_map(int fd, size_t header_size, size_t data_size, char **base, bool *locked) WARN_UNUSED;
void mirror_unmap(char *base, size_t header_size, size_t data_size);

#endif
