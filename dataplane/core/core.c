#include "dataplane/core/core.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/clock.h"

#define SPIN_HINT_ROUNDS     64
#define BACKOFF_SPIN_ROUNDS  128
#define BACKOFF_YIELD_ROUNDS 256
#define BACKOFF_SLEEP_NS_MIN 50000
#define BACKOFF_SLEEP_NS_MAX 1000000

unsigned core_round(struct core *c, uint64_t (*now)(void))
{
    unsigned work = 0;
    for (unsigned i = 0; i < c->agent_count; i++)
        work += c->agents[i].poll(c->agents[i].self, now());
    return work;
}

/* idle_rounds: rounds without work in a row, this one included, ≥ 1. */
static void idle(enum idle_strategy s, uint64_t idle_rounds)
{
    switch (s) {
    case IDLE_SPIN:
        if (idle_rounds % SPIN_HINT_ROUNDS == 0)
            __builtin_ia32_pause();
        return;
    case IDLE_PAUSE:
        __builtin_ia32_pause();
        return;
    case IDLE_YIELD:
        sched_yield();
        return;
    case IDLE_BACKOFF:
        if (idle_rounds <= BACKOFF_SPIN_ROUNDS) {
            __builtin_ia32_pause();
        } else if (idle_rounds <= BACKOFF_YIELD_ROUNDS) {
            sched_yield();
        } else {
            uint64_t doublings = idle_rounds - BACKOFF_YIELD_ROUNDS - 1;
            long sleep_ns = doublings >= 5 ? BACKOFF_SLEEP_NS_MAX : BACKOFF_SLEEP_NS_MIN << doublings;
            struct timespec nap = {0, sleep_ns < BACKOFF_SLEEP_NS_MAX ? sleep_ns : BACKOFF_SLEEP_NS_MAX};
            nanosleep(&nap, NULL);
        }
        return;
    }
}

static void warm(struct core *c, bool long_idle)
{
    for (unsigned i = 0; i < c->agent_count; i++)
        if (c->agents[i].warm)
            c->agents[i].warm(c->agents[i].self, long_idle);
}

/* In each idle round. *since_ns: of the last work, or of the last time that all was kept warm. */
static void keep_warm(struct core *c, uint64_t idle_rounds, uint64_t *since_ns)
{
    if (idle_rounds > 1 && clock_now_ns() - *since_ns < c->warm_ns)
        return;
    warm(c, idle_rounds > 1);
    counter_add(c->warmed, idle_rounds > 1);
    *since_ns = clock_now_ns();
}

static void *core_main(void *arg)
{
    struct core *c = arg;
    uint64_t idle_rounds = 0, warm_since_ns = clock_now_ns();
    bool keeps_warm = c->warm_ns && (c->idle == IDLE_SPIN || c->idle == IDLE_PAUSE);
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed)) {
        unsigned work = core_round(c, clock_now_ns);
        counter_add(c->rounds, 1);
        if (work) {
            counter_add(c->busy_rounds, 1);
            idle_rounds = 0;
        } else {
            idle(c->idle, ++idle_rounds);
            if (keeps_warm)
                keep_warm(c, idle_rounds, &warm_since_ns);
        }
    }
    return NULL;
}

/* 0 or an errno. */
static int core_start(struct core *c, unsigned number, struct counters *counters)
{
    char label[COUNTER_LABEL_SIZE], name[16];
    snprintf(label, sizeof label, "core=\"%u\"", number);
    c->rounds = counter_new(counters, COUNTER_TOTAL, "rfqd_core_rounds_total", label);
    c->busy_rounds = counter_new(counters, COUNTER_TOTAL, "rfqd_core_busy_rounds_total", label);
    c->warmed = counter_new(counters, COUNTER_TOTAL, "rfqd_core_warmed_total", label);
    atomic_store_explicit(&c->stop, false, memory_order_relaxed);

    pthread_attr_t attr;
    int failed = pthread_attr_init(&attr);
    if (failed)
        return failed;
    if (c->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        if (c->cpu >= CPU_SETSIZE)
            failed = EINVAL;
        else {
            CPU_SET((size_t)c->cpu, &set);
            failed = pthread_attr_setaffinity_np(&attr, sizeof set, &set);
        }
    }
    if (!failed)
        failed = pthread_create(&c->thread, &attr, core_main, c);
    pthread_attr_destroy(&attr);
    if (failed)
        return failed;
    c->running = true;
    snprintf(name, sizeof name, "rfqd:%s", c->agent_count ? c->agents[0].name : "idle");
    (void)pthread_setname_np(c->thread, name); /* cosmetic: top and perf show it */
    return 0;
}

enum err cores_start(struct core *cores, unsigned count, struct counters *counters)
{
    assert(count <= CORES_MAX);
    for (unsigned i = 0; i < count; i++) {
        assert(cores[i].agent_count <= CORE_AGENTS_MAX);
        assert(!cores[i].running);
    }
    for (unsigned i = 0; i < count; i++) {
        int failed = core_start(&cores[i], i, counters);
        if (failed) {
            cores_stop(cores, i);
            errno = failed;
            return ERR_IO;
        }
    }
    return OK;
}

void cores_stop(struct core *cores, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        atomic_store_explicit(&cores[i].stop, true, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        if (!cores[i].running)
            continue;
        pthread_join(cores[i].thread, NULL); /* what the agents wrote is seen by the joiner */
        cores[i].running = false;
    }
}

enum idle_strategy idle_fitting(enum idle_strategy configured, unsigned pollers)
{
    if (configured != IDLE_SPIN && configured != IDLE_PAUSE)
        return configured;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return IDLE_YIELD; /* not known: the choice that harms nobody */
    return pollers >= (unsigned)CPU_COUNT(&set) ? IDLE_YIELD : configured;
}

static const char *const idle_names[] = {
    [IDLE_SPIN] = "spin", [IDLE_PAUSE] = "pause", [IDLE_YIELD] = "yield", [IDLE_BACKOFF] = "backoff"};

const char *idle_name(enum idle_strategy s)
{
    unsigned i = (unsigned)s;
    return i < sizeof idle_names / sizeof idle_names[0] ? idle_names[i] : NULL;
}
