#include "bench/bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

/* CPUs -------------------------------------------------------------------------------------------------- */

#define CPUS_MAX 64

static int cpus[CPUS_MAX];
static unsigned cpu_count;

void bench_start(void)
{
    clock_init();
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE && cpu_count < CPUS_MAX; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            cpus[cpu_count++] = cpu;
}

void bench_pin(unsigned n)
{
    if (n >= cpu_count)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpus[n], &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void bench_unpin(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned i = 0; i < cpu_count; i++)
        CPU_SET((size_t)cpus[i], &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int bench_cpu(unsigned n)
{
    return n < cpu_count ? cpus[n] : -1;
}

bool bench_pause(pid_t child)
{
    int status;
    return kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status);
}

bool bench_resume(pid_t child)
{
    int status;
    return kill(child, SIGCONT) == 0 && waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status);
}

/* Plan -------------------------------------------------------------------------------------------------- */

void bench_plan_start(struct bench_plan *p, uint64_t per_second)
{
    const uint64_t many = 1ull << 40;
    p->ticks_per_second = (uint64_t)((unsigned __int128)many * 1000000000u / clock_ticks_to_ns(many));
    p->per_second = per_second;
    p->count = 0;
    p->start = clock_ticks() + p->ticks_per_second / 1000;
}

uint64_t bench_plan_peek(const struct bench_plan *p)
{
    return p->start + (uint64_t)((unsigned __int128)p->count * p->ticks_per_second / p->per_second);
}

uint64_t bench_plan_next(struct bench_plan *p)
{
    uint64_t at = bench_plan_peek(p);
    p->count++;
    while ((int64_t)(clock_ticks() - at) < 0)
        __builtin_ia32_pause();
    return at;
}

/* The line ---------------------------------------------------------------------------------------------- */

#define ROUND_TRIPS      20000u
#define ROUND_TRIPS_TINY 200u

struct line {
    _Alignas(128) _Atomic uint64_t ping;
    _Alignas(128) _Atomic uint64_t pong;
    uint64_t rounds;
};

static void *line_answer(void *arg)
{
    struct line *l = arg;
    bench_pin(0);
    for (uint64_t i = 1; i <= l->rounds; i++) {
        while (atomic_load_explicit(&l->ping, memory_order_acquire) != i)
            __builtin_ia32_pause();
        atomic_store_explicit(&l->pong, i, memory_order_release);
    }
    return NULL;
}

uint64_t bench_line_round_trip_ns(bool tiny)
{
    static struct histogram h;
    struct line l = {.rounds = tiny ? ROUND_TRIPS_TINY : ROUND_TRIPS};
    pthread_t thread;
    if (cpu_count < 2 || pthread_create(&thread, NULL, line_answer, &l) != 0)
        return 0;
    bench_pin(1);
    histogram_reset(&h);
    for (uint64_t i = 1; i <= l.rounds; i++) {
        uint64_t from = bench_stamp();
        atomic_store_explicit(&l.ping, i, memory_order_release);
        while (atomic_load_explicit(&l.pong, memory_order_acquire) != i)
            __builtin_ia32_pause();
        histogram_record(&h, bench_ns(from, bench_stamp()));
    }
    pthread_join(thread, NULL);
    return histogram_percentile(&h, 50000);
}

/* Report ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint32_t per_100000;
} points[] = {{"p50", 50000}, {"p90", 90000}, {"p99", 99000}, {"p99.9", 99900}};
#define POINTS (sizeof points / sizeof points[0])

/* Names and sentences are our own: there is nothing in them to escape. */
static void json_key(const char *name)
{
    printf(",\"%s\":", name);
}

void bench_report_begin(struct bench_report *r, const struct bench_options *o, const char *name,
                        const char *headline)
{
    *r = (struct bench_report){.options = o};
    if (o->json) {
        printf("{\"bench\":\"%s\",\"what\":\"%s\",\"tiny\":%s", name, headline, o->tiny ? "true" : "false");
        return;
    }
    printf("%s: %s%s\n\n", name, headline, o->tiny ? " (tiny: the times mean nothing)" : "");
}

void bench_report_row(struct bench_report *r, const char *name, const struct histogram *h)
{
    if (r->options->json) {
        json_key(name);
        printf("{");
        for (size_t i = 0; i < POINTS; i++)
            printf("\"%s_ns\":%" PRIu64 ",", points[i].name, histogram_percentile(h, points[i].per_100000));
        printf("\"max_ns\":%" PRIu64 ",\"count\":%" PRIu64 "}", h->max, h->count);
        return;
    }
    if (!r->rows) {
        printf("%-34s", "ns");
        for (size_t i = 0; i < POINTS; i++)
            printf(" %9s", points[i].name);
        printf(" %11s %11s\n", "max", "count");
        r->rows = true;
    }
    printf("%-34s", name);
    for (size_t i = 0; i < POINTS; i++)
        printf(" %9" PRIu64, histogram_percentile(h, points[i].per_100000));
    printf(" %11" PRIu64 " %11" PRIu64 "\n", h->max, h->count);
}

static const char *verdict(const struct bench_report *r, uint64_t value, uint64_t target_max)
{
    if (r->options->tiny || target_max == 0)
        return "";
    return value <= target_max ? "  met" : "  MISSED";
}

void bench_report_ratio(struct bench_report *r, const char *name, uint64_t measured, uint64_t reference,
                        uint64_t target_permille)
{
    uint64_t permille = reference ? measured * 1000 / reference : 0;
    if (r->options->json) {
        json_key(name);
        printf("{\"ratio\":%" PRIu64 ".%03" PRIu64, permille / 1000, permille % 1000);
        if (target_permille)
            printf(",\"target\":%" PRIu64 ".%03" PRIu64, target_permille / 1000, target_permille % 1000);
        printf("}");
        return;
    }
    printf("%-44s %" PRIu64 ".%02" PRIu64, name, permille / 1000, permille % 1000 / 10);
    if (target_permille)
        printf("  (target at most %" PRIu64 ".%02" PRIu64 ")%s", target_permille / 1000,
               target_permille % 1000 / 10, verdict(r, permille, target_permille));
    printf("\n");
}

void bench_report_fact(struct bench_report *r, const char *name, uint64_t value, const char *unit,
                       uint64_t target_max)
{
    if (r->options->json) {
        json_key(name);
        printf("{\"value\":%" PRIu64 ",\"unit\":\"%s\"", value, unit);
        if (target_max)
            printf(",\"target\":%" PRIu64, target_max);
        printf("}");
        return;
    }
    printf("%-44s %" PRIu64 " %s", name, value, unit);
    if (target_max)
        printf("  (target at most %" PRIu64 ")%s", target_max, verdict(r, value, target_max));
    printf("\n");
}

void bench_report_line(struct bench_report *r, uint64_t before_ns, uint64_t after_ns)
{
    bool moved = before_ns * 2 > after_ns * 3 || after_ns * 2 > before_ns * 3;
    bench_report_fact(r, "cache line round trip before", before_ns, "ns", 0);
    bench_report_fact(r, "cache line round trip after", after_ns, "ns", 0);
    if (r->options->json) {
        json_key("machine_steady");
        printf("%s", moved ? "false" : "true");
    } else if (moved && !r->options->tiny) {
        printf("the machine changed under this run: throw it away\n");
    }
}

int bench_report_end(struct bench_report *r, bool checked)
{
    if (r->options->json) {
        json_key("checked");
        printf("%s}\n", checked ? "true" : "false");
    } else {
        printf("%s\n", checked ? "every result checked" : "RESULTS ARE WRONG: the figures count for nothing");
    }
    return checked ? 0 : 1;
}
