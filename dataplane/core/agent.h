/* An agent: a struct with a poll. Cores are threads that poll a list of agents (core.h).
 *
 * poll(self, now_ns) does a bounded amount of work and says how much (0: it was idle). It never blocks,
 * sleeps or locks, and in the dataplane never allocates (control may). now_ns is UTC in nanoseconds, read
 * once per round by the core from the TSC clock; an agent knows no other time.
 *
 * warm(self, long_idle) gets ready for work that has not come yet, and does none: it asks the caches for the
 * memory that will be needed next, and where the core has been idle for long it goes through what work goes
 * through, so that the first message does not pay for cold code. It says nothing, changes nothing that can
 * be seen, and takes at most some 10 µs.
 */
#ifndef RFQD_CORE_AGENT_H
#define RFQD_CORE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

/* Names an agent as writer of a ring and as addressee of a record. Stored on disk: numbers never change. */
enum agent_id {
    AGENT_NONE = 0, /* addressed to nobody: a fact */
    AGENT_DISTRIBUTION = 1,
    AGENT_ROUTING = 2,
    AGENT_CONTROL = 3,
    AGENT_GATEWAY = 4, /* the first gateway; the n-th is AGENT_GATEWAY + n, n < GATEWAYS_MAX */
};

struct agent {
    const char *name; /* as configuration, counters and threads call it; static storage */
    unsigned (*poll)(void *self, uint64_t now_ns);
    void (*warm)(void *self, bool long_idle); /* NULL: it needs none */
    void *self;
};

#endif
