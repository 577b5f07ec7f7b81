/* Core: a thread that polls a list of agents, pinned, and idles by a strategy when none had work.
 *
 * Which agent runs on which core is configuration: from all agents on one core to one each. `cores_start`
 * starts one thread for each struct core; `cores_stop` asks them to end after their round and joins them.
 *
 * A core that gives its CPU to nobody (spin, pause) keeps warm what its agents need: they are asked to when
 * work has just ended, and then each warm_ns without work. On a machine that others use too, caches hold next
 * to nothing of ours after half a millisecond, and the first message would pay for all of it.
 */
#ifndef RFQD_CORE_CORE_H
#define RFQD_CORE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/err.h"

enum idle_strategy {
    IDLE_SPIN,  /* busy, with a pause hint every 64 rounds: isolated cores only */
    IDLE_PAUSE, /* pause each idle round */
    IDLE_YIELD, /* sched_yield each idle round: costs nothing measurable alone, right when pollers ≥ cores */
    IDLE_BACKOFF, /* spin, then yield, then sleep 50 µs to 1 ms: for cores off the data path */
};

#define CORE_AGENTS_MAX 16
#define CORES_MAX       16
#define CORE_WARM_NS    50000u /* where configuration says nothing */

struct core {
    int cpu; /* to pin to; -1: not pinned */
    enum idle_strategy idle;
    uint64_t warm_ns; /* 0: never */
    unsigned agent_count;
    struct agent agents[CORE_AGENTS_MAX];
    /* filled by cores_start */
    pthread_t thread;
    atomic_bool stop;
    counter_value *rounds, *busy_rounds; /* busy share = busy_rounds / rounds */
    counter_value *warmed;               /* after warm_ns without work */
    bool running;
};

/* One round over the agents, each with its own reading of the clock, so that what they stamp tells the stages
 * of a message apart even on one core. Returns the work done. */
unsigned core_round(struct core *c, uint64_t (*now)(void));
/* ERR_IO: a thread could not be started or pinned (errno); those started are stopped again. */
enum err cores_start(struct core *cores, unsigned count, struct counters *counters) WARN_UNUSED;
void cores_stop(struct core *cores, unsigned count);
/* The strategy that fits: `configured` unless pollers ≥ CPUs of the affinity mask, where spin and pause
 * become yield. */
enum idle_strategy idle_fitting(enum idle_strategy configured, unsigned pollers);
/* NULL for a name that is none: spin, pause, yield, backoff. */
const char *idle_name(enum idle_strategy s);

#endif
