/* rfqbench rfq: a whole rfqd, wire to wire (rfq_run.h). In turn with it, block by block, runs the reference:
 * the same conversation through a thread that only forwards (rfq_bare.h), while rfqd is stopped (SIGSTOP).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/rfq_bare.h"
#include "bench/rfq_run.h"

#define BLOCKS 20u /* each, with the reference in between */

struct run {
    struct rfq_run rfqs;
    struct bare bare;
    struct histogram reference[FIGURES];
};

static bool blocks(struct run *r, unsigned count, unsigned per_block)
{
    unsigned warm = per_block / 10;
    for (unsigned b = 0; b < count; b++) {
        if (!rfq_run_block(&r->rfqs, per_block, warm) || !bench_pause(r->rfqs.house.pid))
            return false;
        memcpy(r->bare.sizes, r->rfqs.sizes, sizeof r->rfqs.sizes);
        bool right = bare_block(&r->bare, per_block, warm, r->rfqs.rate, r->reference);
        if (!bench_resume(r->rfqs.house.pid) || !right)
            return false;
    }
    return true;
}

static bool measure(struct run *r, const struct bench_options *o)
{
    struct rfq_run *rfqs = &r->rfqs;
    struct house_config c = {.lps = rfqs->lps, .rate = rfqs->rate, .dir = o->dir, .small = o->tiny};
    if (!house_start(&rfqs->house, &c))
        return false;
    bench_pin(1);
    unsigned count = o->tiny ? 2 : BLOCKS, per_block = o->tiny ? 50 : rfqs->rate * o->seconds / BLOCKS;
    bool right = rfq_run_logon(rfqs) && bare_open(&r->bare, rfqs->lps);
    if (right) {
        right = blocks(r, count, per_block < 10 ? 10 : per_block);
        bare_close(&r->bare);
    }
    if (!right)
        rfq_run_complain(rfqs);
    rfq_run_close(rfqs);
    return house_stop(&rfqs->house) && right && rfq_run_counts_right(rfqs, rfqs->measured) &&
           rfq_run_counts_right(rfqs, r->reference);
}

/* Report ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint64_t target_permille;
} figures[FIGURES] = {[FIGURE_REQUEST] = {"RFQ in to first LP", 1500},
                      [FIGURE_RELEASE] = {"release, first to last LP", 1200},
                      [FIGURE_QUOTE] = {"quote in to taker", 0},
                      [FIGURE_ORDER] = {"accept in to order at LP", 0},
                      [FIGURE_EXECUTION] = {"execution in to taker", 0}};

static void report(struct bench_report *out, const struct run *r)
{
    char name[64];
    for (unsigned f = 0; f < FIGURES; f++) {
        if (f == FIGURE_RELEASE && r->rfqs.lps == 1)
            continue;
        snprintf(name, sizeof name, "%u LP%s: %s", r->rfqs.lps, r->rfqs.lps == 1 ? "" : "s", figures[f].name);
        bench_report_row(out, name, &r->rfqs.measured[f]);
        snprintf(name, sizeof name, "%u LP%s:   bare", r->rfqs.lps, r->rfqs.lps == 1 ? "" : "s");
        if (out->options->json)
            snprintf(name, sizeof name, "%u LP%s: %s, bare", r->rfqs.lps, r->rfqs.lps == 1 ? "" : "s",
                     figures[f].name);
        bench_report_row(out, name, &r->reference[f]);
    }
}

static void report_ratios(struct bench_report *out, const struct run *r)
{
    char name[64];
    for (unsigned f = 0; f < FIGURES; f++) {
        if (f == FIGURE_RELEASE && r->rfqs.lps == 1)
            continue;
        const struct histogram *m = &r->rfqs.measured[f], *b = &r->reference[f];
        snprintf(name, sizeof name, "%u LP%s: %s to bare, p50", r->rfqs.lps, r->rfqs.lps == 1 ? "" : "s",
                 figures[f].name);
        bench_report_ratio(out, name, histogram_percentile(m, 50000), histogram_percentile(b, 50000),
                           figures[f].target_permille);
        snprintf(name, sizeof name, "%u LP%s: %s to bare, p99", r->rfqs.lps, r->rfqs.lps == 1 ? "" : "s",
                 figures[f].name);
        bench_report_ratio(out, name, histogram_percentile(m, 99000), histogram_percentile(b, 99000), 0);
    }
}

static struct run *run_new(const struct bench_options *o, unsigned lps)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        exit(1);
    rfq_run_init(&r->rfqs, lps, o->tiny ? 500 : o->rate);
    for (unsigned f = 0; f < FIGURES; f++)
        histogram_reset(&r->reference[f]);
    return r;
}

int bench_rfq(const struct bench_options *o)
{
    static const unsigned usual[] = {1, 5};
    unsigned count = o->lps ? 1 : 2;
    struct run *runs[2];
    struct bench_report out;
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);
    bench_report_begin(
        &out, o, "rfq",
        "rfqd over loopback TCP, level committed, stamps of the peers; gateway and engines on one CPU");
    bool right = true;
    for (unsigned i = 0; i < count; i++) {
        runs[i] = run_new(o, o->lps ? o->lps : usual[i]);
        right = right && measure(runs[i], o);
    }
    for (unsigned i = 0; i < count; i++)
        report(&out, runs[i]);
    for (unsigned i = 0; i < count; i++)
        report_ratios(&out, runs[i]);
    bench_report_fact(&out, "RFQs planned a second", runs[0]->rfqs.rate, "/s", 0);
    bench_report_line(&out, line_before_ns, bench_line_round_trip_ns(o->tiny));
    for (unsigned i = 0; i < count; i++)
        free(runs[i]);
    return bench_report_end(&out, right);
}
