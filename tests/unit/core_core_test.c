#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/core.h"
#include "dataplane/core/err.h"

struct probe {
    atomic_uint polls;
    unsigned work_until; /* says it worked in its first so many polls */
    uint64_t now_last;
    bool went_back;
    unsigned *order; /* filled with number in the order of polling */
    unsigned *order_count, number;
    atomic_uint warmed, warmed_long;
    unsigned warmed_first; /* polls there were when it was first kept warm */
};

static unsigned probe_poll(void *self, uint64_t now_ns)
{
    struct probe *p = self;
    p->went_back |= now_ns < p->now_last;
    p->now_last = now_ns;
    if (p->order)
        p->order[(*p->order_count)++] = p->number;
    return atomic_fetch_add(&p->polls, 1) < p->work_until ? 2 : 0;
}

static struct agent probe_agent(struct probe *p)
{
    return (struct agent){.name = "probe", .poll = probe_poll, .self = p};
}

static void probe_warm(void *self, bool long_idle)
{
    struct probe *p = self;
    if (!p->warmed_first)
        p->warmed_first = atomic_load(&p->polls);
    atomic_fetch_add(long_idle ? &p->warmed_long : &p->warmed, 1);
}

static struct counters *counters(void)
{
    struct counters *c;
    cr_assert_eq(counters_create(&c, NULL), OK);
    return c;
}

static void wait_for(struct probe *p, unsigned polls)
{
    while (atomic_load(&p->polls) < polls)
        sched_yield();
}

static uint64_t next_now;

static uint64_t rising(void)
{
    return next_now++;
}

Test(core_core, a_round_polls_every_agent_in_order_and_sums_their_work)
{
    next_now = 55;
    unsigned order[3], n = 0;
    struct probe a = {.work_until = 1, .order = order, .order_count = &n, .number = 1}, b = a, c = a;
    b.number = 2;
    b.work_until = 0;
    c.number = 3;
    struct core core = {.agent_count = 3, .agents = {probe_agent(&a), probe_agent(&b), probe_agent(&c)}};
    cr_assert_eq(core_round(&core, rising), 4);
    cr_assert(order[0] == 1 && order[1] == 2 && order[2] == 3);
    cr_assert(a.now_last == 55 && b.now_last == 56 && c.now_last == 57, "each agent its own reading");
}

Test(core_core, every_strategy_runs_stops_and_starts_again)
{
    clock_init();
    struct counters *c = counters();
    for (unsigned s = IDLE_SPIN; s <= IDLE_BACKOFF; s++) {
        struct probe p[2] = {{.work_until = 50}, {.work_until = 50}};
        struct core cores[2] = {{.cpu = -1, .idle = s, .agent_count = 1, .agents = {probe_agent(&p[0])}},
                                {.cpu = -1, .idle = s, .agent_count = 1, .agents = {probe_agent(&p[1])}}};
        for (unsigned run = 1; run <= 2; run++) {
            cr_assert_eq(cores_start(cores, 2, c), OK);
            wait_for(&p[0], run * 400);
            wait_for(&p[1], run * 400);
            cores_stop(cores, 2);
            unsigned polls = atomic_load(&p[0].polls);
            cr_assert_not(cores[0].running);
            cr_assert_eq(atomic_load(&p[0].polls), polls, "stopped is stopped");
        }
        cr_assert_not(p[0].went_back || p[1].went_back);
    }
    counters_close(c);
}

Test(core_core, counts_rounds_and_those_with_work)
{
    clock_init();
    struct counters *c = counters();
    struct probe p = {.work_until = 30};
    struct core core = {.cpu = -1, .idle = IDLE_YIELD, .agent_count = 1, .agents = {probe_agent(&p)}};
    cr_assert_eq(cores_start(&core, 1, c), OK);
    wait_for(&p, 100);
    cores_stop(&core, 1);
    cr_assert_eq(counter_get(core.rounds), atomic_load(&p.polls));
    cr_assert_eq(counter_get(core.busy_rounds), 30);
    counters_close(c);
}

Test(core_core, runs_where_it_is_pinned)
{
    clock_init();
    struct counters *c = counters();
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &set))
        cpu++;
    struct probe p = {0};
    struct core core = {.cpu = (int)cpu, .idle = IDLE_YIELD, .agent_count = 1, .agents = {probe_agent(&p)}};
    cr_assert_eq(cores_start(&core, 1, c), OK);
    cpu_set_t got;
    cr_assert_eq(pthread_getaffinity_np(core.thread, sizeof got, &got), 0);
    cr_assert(CPU_COUNT(&got) == 1 && CPU_ISSET(cpu, &got));
    cores_stop(&core, 1);
    counters_close(c);
}

Test(core_core, one_that_cannot_start_takes_the_others_back)
{
    clock_init();
    struct counters *c = counters();
    struct probe p = {0};
    struct core cores[2] = {{.cpu = -1, .idle = IDLE_YIELD, .agent_count = 1, .agents = {probe_agent(&p)}},
                            {.cpu = CPU_SETSIZE - 1, .idle = IDLE_YIELD}};
    errno = 0;
    cr_assert_eq(cores_start(cores, 2, c), ERR_IO);
    cr_assert_eq(errno, EINVAL);
    cr_assert_not(cores[0].running || cores[1].running);
    counters_close(c);
}

Test(core_core, spinning_gives_way_where_pollers_fill_the_cpus)
{
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned cpus = (unsigned)CPU_COUNT(&set);
    cr_assert_eq(idle_fitting(IDLE_SPIN, cpus), IDLE_YIELD);
    cr_assert_eq(idle_fitting(IDLE_PAUSE, cpus + 1), IDLE_YIELD);
    cr_assert_eq(idle_fitting(IDLE_SPIN, cpus - 1), IDLE_SPIN);
    cr_assert_eq(idle_fitting(IDLE_BACKOFF, cpus), IDLE_BACKOFF);
    cr_assert_eq(idle_fitting(IDLE_YIELD, 0), IDLE_YIELD);
}

Test(core_core, an_idle_core_keeps_its_agents_warm)
{
    clock_init();
    struct counters *c = counters();
    struct probe p = {.work_until = 50}, cold = {.work_until = 50};
    struct core core = {.cpu = -1,
                        .idle = IDLE_PAUSE,
                        .warm_ns = 1000,
                        .agent_count = 2,
                        .agents = {probe_agent(&p), probe_agent(&cold)}};
    core.agents[0].warm = probe_warm; /* the other has nothing to keep warm */
    cr_assert_eq(cores_start(&core, 1, c), OK);
    while (atomic_load(&p.warmed_long) < 20)
        sched_yield();
    cores_stop(&core, 1);
    cr_assert_eq(p.warmed_first, 51, "not while there is work, and when it has just ended");
    cr_assert_eq(p.warmed, 1);
    cr_assert_eq(counter_get(core.warmed), p.warmed_long);
    counters_close(c);
}

Test(core_core, one_that_gives_its_cpu_away_or_is_told_not_to_keeps_nothing_warm)
{
    clock_init();
    for (unsigned s = IDLE_SPIN; s <= IDLE_BACKOFF; s++) {
        struct counters *c = counters();
        struct probe p = {.work_until = 50};
        bool spins = s == IDLE_SPIN || s == IDLE_PAUSE;
        struct core core = {
            .cpu = -1, .idle = s, .warm_ns = spins ? 0 : 1, .agent_count = 1, .agents = {probe_agent(&p)}};
        core.agents[0].warm = probe_warm;
        cr_assert_eq(cores_start(&core, 1, c), OK);
        wait_for(&p, 400);
        cores_stop(&core, 1);
        cr_assert(p.warmed == 0 && p.warmed_long == 0);
        counters_close(c);
    }
}

Test(core_core, strategies_have_names)
{
    cr_assert_str_eq(idle_name(IDLE_SPIN), "spin");
    cr_assert_str_eq(idle_name(IDLE_PAUSE), "pause");
    cr_assert_str_eq(idle_name(IDLE_YIELD), "yield");
    cr_assert_str_eq(idle_name(IDLE_BACKOFF), "backoff");
    cr_assert_null(idle_name((enum idle_strategy)99));
}

Test(core_core, every_error_has_a_sentence)
{
    for (int e = OK; e <= ERR_CLOSED; e++)
        cr_assert_gt(strlen(err_text((enum err)e)), 5);
    cr_assert_not_null(err_text((enum err)1000));
    cr_assert_str_eq(err_text(ERR_EXISTS), "it exists already");
}
