/* Memory taken at start: zeroed, populated, and never grown. Large areas come straight from the kernel, so
 * that the first touch on the hot path faults nothing in; in huge pages from 2 MiB on, where the kernel has
 * them.
 */
#ifndef RFQD_CORE_MEMORY_H
#define RFQD_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* For the simulation, which starts thousands of instances and touches little of each: pages are had when they
 * are first touched, here and in rings and lanes. Before any other call; never in a process that trades. */
void memory_be_lazy(void);
bool memory_is_lazy(void);

/* Zeroed and populated, page aligned; NULL when it cannot be had. size 0 gives a page, so that NULL means
 * failure. */
void *memory_take(size_t size);
/* size as it was asked for; NULL is allowed. */
void memory_give(void *p, size_t size);

/* Ask the caches for what will be written soon. The lines come while other things go on; nothing waits. */
static inline void memory_ask(const void *p, size_t size)
{
    for (size_t i = 0; i < size; i += 64)
        __builtin_prefetch((const char *)p + i, 1);
}

#endif
