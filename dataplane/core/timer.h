/* Timer wheel: deadlines as data (deadline, kind, id), so that they can be rebuilt from state at start.
 * Owner: one agent.
 *
 * Fires in the order of (deadline, arm order), exactly when now ≥ deadline (the wheel's tick only buckets, it
 * never delays). Hierarchical: arm and cancel O(1). Memory is taken at create. The wheel reaches every 64-bit
 * deadline. Nothing in it reads a clock. A timer_pop_due does bounded work: it opens slots up to the first
 * that holds a timer, never all that are due.
 */
#ifndef RFQD_CORE_TIMER_H
#define RFQD_CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define TIMER_NONE UINT32_MAX

struct timer {
    uint64_t deadline_ns;
    uint64_t id;   /* of the thing it is for */
    uint32_t kind; /* the owner's enum */
    uint32_t handle;
};

struct timer_wheel;

/* start_ns: any time not after the first deadline that matters (earlier deadlines fire at once). ERR_MEMORY.
 */
enum err timer_wheel_create(struct timer_wheel **out, uint32_t capacity, uint64_t start_ns) WARN_UNUSED;
void timer_wheel_destroy(struct timer_wheel *w);
/* The handle, never TIMER_NONE: capacity is the owner's to keep (asserted). */
uint32_t timer_arm(struct timer_wheel *w, uint64_t deadline_ns, uint32_t kind, uint64_t id);
/* A handle that has fired or was cancelled must not be used again; TIMER_NONE is allowed and does nothing. */
void timer_cancel(struct timer_wheel *w, uint32_t handle);
/* Take the earliest timer that is due at now. False: none. */
bool timer_pop_due(struct timer_wheel *w, uint64_t now_ns, struct timer *out);
/* The earliest deadline, UINT64_MAX if none: for the simulation's clock and for idling. May scan; not for the
 * hot path. */
uint64_t timer_next_deadline(const struct timer_wheel *w);
uint32_t timer_count(const struct timer_wheel *w);

#endif
