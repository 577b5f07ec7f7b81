/* Memory taken at start: zeroed, populated, and never grown. Large areas come straight from the kernel, so
 * that the first touch on the hot path faults nothing in; in huge pages from 2 MiB on, where the kernel has
 * them.
 */
#ifndef RFQD_CORE_MEMORY_H
#define RFQD_CORE_MEMORY_H

#include <stddef.h>

/* Zeroed and populated, page aligned; NULL when it cannot be had. size 0 gives a page, so that NULL means
 * failure. */
void *memory_take(size_t size);
/* size as it was asked for; NULL is allowed. */
void memory_give(void *p, size_t size);

#endif
