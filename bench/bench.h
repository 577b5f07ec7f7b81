/* What the measurements of rfqbench share: options, stamps, planned times, the reference of the machine, the
 * report.
 *
 * How we measure: open loop. A message has a planned time, whatever became of the ones before; what counts
 * for a peer is the time from the plan to the end («from plan»). The time that the measured piece itself took
 * («own time») stands beside it, and beside both the bare reference, taken in the same run and stamped in the
 * same way. A figure whose results did not check is no figure: the program then ends with 1.
 */
#ifndef RFQD_BENCH_BENCH_H
#define RFQD_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/histogram.h"

struct bench_options {
    unsigned seconds;     /* of the measured part */
    bool json;            /* one object on standard output, for machines */
    bool tiny;            /* a thousand messages or so: that it works, not how fast */
    unsigned rate;        /* rfq: RFQs a second */
    unsigned lps;         /* rfq: this many LPs; 0: one, then five */
    unsigned subscribers; /* fanout: this many; 0: 10,000 */
    const char *dir;      /* where files go that are to be on a disk */
};

/* One line of the table in rfqbench.c. Returns the program's exit status: what bench_report_end says. */
struct bench_command {
    const char *name, *summary;
    int (*run)(const struct bench_options *o);
};
int bench_core(const struct bench_options *o);
int bench_codec(const struct bench_options *o);
int bench_ring(const struct bench_options *o);
int bench_lane(const struct bench_options *o);
int bench_net(const struct bench_options *o);
int bench_rfq(const struct bench_options *o);
int bench_fanout(const struct bench_options *o);
int bench_beside(const struct bench_options *o);

/* Stamps: nothing before is still going on, nothing after has begun (stores may still be on their way to the
 * cache: they are never waited for in life either). */
static inline uint64_t bench_stamp(void)
{
    __builtin_ia32_lfence();
    uint64_t t = clock_ticks();
    __builtin_ia32_lfence();
    return t;
}
static inline uint64_t bench_ns(uint64_t from, uint64_t to)
{
    return to > from ? clock_ticks_to_ns(to - from) : 0; /* stamps of two cores may differ by a few ticks */
}

/* Planned times: the n-th is start + n × interval, exactly, however late the ones before were. */
struct bench_plan {
    uint64_t start, count, per_second;
    uint64_t ticks_per_second;
};
void bench_plan_start(struct bench_plan *p, uint64_t per_second);
/* Spins until the next planned time, and returns it in ticks; at once when it has passed. */
uint64_t bench_plan_next(struct bench_plan *p);
/* The next planned time, in ticks: for those who have something to do until then. */
uint64_t bench_plan_peek(const struct bench_plan *p);

/* Median of a cache line's way to another core and back, ns; 0 where there is only one CPU. The two threads
 * are pinned as bench_pin does. A run in which it moved by more than half measured something else too:
 * bench_report_line tells. */
uint64_t bench_line_round_trip_ns(bool tiny);

/* Once, in main, before any thread: calibrates the clock and notes the CPUs. */
void bench_start(void);

/* Pin the calling thread to the n-th CPU of the process's affinity mask, if there are so many. */
void bench_pin(unsigned n);
/* The calling thread may run on all of them again, and so what it starts. */
void bench_unpin(void);
/* A child process does not run until it is resumed: the CPU is for another. false: it is gone. */
bool bench_pause(pid_t child);
bool bench_resume(pid_t child);
/* That CPU's number; -1: there are not so many. */
int bench_cpu(unsigned n);

/* Report: begin, rows, ratios and facts in any order, end. */
struct bench_report {
    const struct bench_options *options;
    bool rows; /* the head of the table is printed */
};
void bench_report_begin(struct bench_report *r, const struct bench_options *o, const char *name,
                        const char *headline);
/* p50, p90, p99, p99.9, max and the count of a histogram in ns. */
void bench_report_row(struct bench_report *r, const char *name, const struct histogram *h);
/* measured ÷ reference; target as ×1000 (2000: at most 2.0), 0 for none. */
void bench_report_ratio(struct bench_report *r, const char *name, uint64_t measured, uint64_t reference,
                        uint64_t target_permille);
/* A number; target_max 0 for none. */
void bench_report_fact(struct bench_report *r, const char *name, uint64_t value, const char *unit,
                       uint64_t target_max);
/* The reference round trip before and after, and whether the run counts. */
void bench_report_line(struct bench_report *r, uint64_t before_ns, uint64_t after_ns);
/* checked: every result was right. Returns the exit status: 0, or 1 when not checked. */
int bench_report_end(struct bench_report *r, bool checked);

#endif
