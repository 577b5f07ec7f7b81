/* Counters: 64-bit values in a shared file that another process may read while we run. One writer for each
 * counter.
 *
 * Named at start (counter_new), then a pointer: an increment is a relaxed load and store on the writer's own
 * line group. Layout: header, then `capacity` descriptors of 192 bytes (name, label text, kind), then each
 * counter in an own 64-byte line. Naming touches both, so that no increment meets a page for the first time.
 */
#ifndef RFQD_CORE_COUNTERS_H
#define RFQD_CORE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define COUNTERS_MAX       59392u /* what is counted of each of SESSIONS_MAX sessions (gateway), and 7,000 more */
#define COUNTER_NAME_SIZE  64     /* Prometheus name, without labels: rfqd_… */
#define COUNTER_LABEL_SIZE 120 /* `lp="LP1",reason="late"`, empty if none */

enum counter_kind { COUNTER_TOTAL, COUNTER_GAUGE };

typedef _Atomic uint64_t counter_value;

struct counters;

/* path NULL: private memory (tests). The file is made anew. ERR_IO, ERR_MEMORY. */
enum err counters_create(struct counters **out, const char *path) WARN_UNUSED;
/* Read-only, another process. ERR_NOT_FOUND, ERR_CORRUPT. */
enum err counters_open(struct counters **out, const char *path) WARN_UNUSED;
void counters_close(struct counters *c);
/* Before the agents run, on one thread. The same name and label again give the same counter. Beyond
 * COUNTERS_MAX, or when name or label do not fit: a shared spill counter `rfqd_counters_spilled_total`, never
 * NULL; its value means only that something was not counted where it should be. */
counter_value *counter_new(struct counters *c, enum counter_kind kind, const char *name, const char *label);

static inline void counter_add(counter_value *v, uint64_t n)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline void counter_set(counter_value *v, uint64_t n)
{
    atomic_store_explicit(v, n, memory_order_relaxed);
}
static inline uint64_t counter_get(counter_value *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

struct counter_view {
    const char *name, *label;
    enum counter_kind kind;
    uint64_t value;
};
/* i from 0 while true. */
int counters_at(const struct counters *c, uint32_t i, struct counter_view *out);

#endif
