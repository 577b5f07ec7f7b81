/* rfqbench lane: messages of 256 bytes from one core to another.
 *
 * First a million a second, each at its planned time: from the plan to the consumer's hands, beside the way
 * of a bare cache line there and back (a message needs one way, and its lines). Then as many as go through,
 * beside one core that copies as many bytes into and out of memory of the same size: what the crossing costs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "dataplane/core/crc32c.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"
#include "dataplane/ring/lane.h"

#define ITEM_SIZE   256u
#define RECORD_SIZE (ITEM_SIZE - LANE_ITEM_HEADER_SIZE)
#define BODY_SIZE   (RECORD_SIZE - sizeof(struct record))
#define PER_SECOND  1000000u
#define TINY_COUNT  2000u
#define BURST       16u /* items to one commit when as many as possible are sent */

struct run {
    const struct bench_options *options;
    struct lane *lane;
    unsigned char source[BODY_SIZE];
    uint32_t source_crc;
    uint64_t count;  /* of this phase */
    bool stamped;    /* origin_time_ns holds the planned ticks */
    uint64_t faults; /* the consumer's */
    _Alignas(128) struct histogram from_plan, put_own;
};

static void *consumer_main(void *arg)
{
    struct run *run = arg;
    bench_pin(0);
    for (uint64_t n = 0; n < run->count;) {
        const struct lane_item *item;
        unsigned taken = 0;
        for (; taken < POLL_ITEMS_MAX && (item = lane_peek(run->lane)); taken++, n++) {
            if (run->stamped)
                histogram_record(&run->from_plan, bench_ns(item->origin_time_ns, bench_stamp()));
            run->faults += item->position != n || item->size != ITEM_SIZE ||
                           memcmp(&item->record + 1, run->source, BODY_SIZE) != 0;
            lane_pop(run->lane);
        }
        lane_release(run->lane);
        if (!taken)
            __builtin_ia32_pause();
    }
    return NULL;
}

static inline bool item_put(struct run *run, uint64_t n, uint64_t stamp)
{
    struct lane_item *item = lane_reserve(run->lane, RECORD_SIZE, 0);
    if (!item)
        return false;
    item->agent = AGENT_GATEWAY;
    item->lane = LANE_ORDER;
    item->position = n;
    item->origin_time_ns = stamp;
    item->record = (struct record){.size = RECORD_SIZE, .type = 1, .version = 1, .time_ns = n};
    memcpy(&item->record + 1, run->source, BODY_SIZE);
    return true;
}

static void produce_planned(struct run *run)
{
    struct bench_plan plan;
    bench_plan_start(&plan, PER_SECOND);
    for (uint64_t n = 0; n < run->count; n++) {
        uint64_t planned = bench_plan_next(&plan), from = bench_stamp();
        while (!item_put(run, n, planned))
            sched_yield();
        lane_commit(run->lane);
        histogram_record(&run->put_own, bench_ns(from, bench_stamp()));
    }
}

static void produce_all(struct run *run)
{
    for (uint64_t n = 0; n < run->count;) {
        unsigned burst = 0;
        for (; burst < BURST && n < run->count && item_put(run, n, 0); burst++)
            n++;
        lane_commit(run->lane);
        if (!burst)
            __builtin_ia32_pause();
    }
}

static void phase(struct run *run, uint64_t count, bool planned)
{
    pthread_t thread;
    run->count = count;
    run->stamped = planned;
    if (pthread_create(&thread, NULL, consumer_main, run) != 0)
        abort();
    bench_pin(1);
    if (planned)
        produce_planned(run);
    else
        produce_all(run);
    pthread_join(thread, NULL);
}

/* One core copies the bytes in and compares them out: ns for each item. */
static uint64_t copy_reference(struct run *run, uint64_t count)
{
    char *area = memory_take(LANE_SIZE);
    if (!area)
        abort();
    uint64_t from = bench_stamp();
    for (uint64_t n = 0; n < count; n += BURST) {
        for (uint64_t k = n; k < n + BURST; k++)
            memcpy(area + (k * ITEM_SIZE & (LANE_SIZE - 1)), run->source, BODY_SIZE);
        __asm__ volatile("" ::: "memory");
        for (uint64_t k = n; k < n + BURST; k++)
            run->faults += memcmp(area + (k * ITEM_SIZE & (LANE_SIZE - 1)), run->source, BODY_SIZE) != 0;
    }
    uint64_t ns = bench_ns(from, bench_stamp());
    memory_give(area, LANE_SIZE);
    return ns;
}

int bench_lane(const struct bench_options *o)
{
    static struct run run;
    struct bench_report r;
    run.options = o;
    if (lane_create(&run.lane, LANE_SIZE) != OK) {
        fprintf(stderr, "no memory for a lane\n");
        return 2;
    }
    for (size_t i = 0; i < BODY_SIZE; i++)
        run.source[i] = (unsigned char)hash_u64(i);
    histogram_reset(&run.from_plan);
    histogram_reset(&run.put_own);
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);

    uint64_t count = o->tiny ? TINY_COUNT : (uint64_t)o->seconds * PER_SECOND;
    phase(&run, count, true);
    uint64_t many = o->tiny ? TINY_COUNT : (uint64_t)o->seconds * PER_SECOND * 4;
    uint64_t from = bench_stamp();
    phase(&run, many, false);
    uint64_t crossing_ns = bench_ns(from, bench_stamp()), copying_ns = copy_reference(&run, many);

    uint64_t line_after_ns = bench_line_round_trip_ns(o->tiny);
    bench_report_begin(&r, o, "lane",
                       "256 B from one core to another, 1 M/s planned, then as many as go through");
    bench_report_row(&r, "reserve, fill and commit, own time", &run.put_own);
    bench_report_row(&r, "from plan to the consumer", &run.from_plan);
    bench_report_ratio(&r, "p50 from plan by a cache line round trip",
                       histogram_percentile(&run.from_plan, 50000), line_before_ns, 0);
    bench_report_fact(&r, "as many as go through, each", crossing_ns / many, "ns", 0);
    bench_report_fact(&r, "one core copying and comparing, each", copying_ns / many, "ns", 0);
    bench_report_ratio(&r, "crossing by copying", crossing_ns, copying_ns, 0);
    bench_report_line(&r, line_before_ns, line_after_ns);
    int status = bench_report_end(&r, run.faults == 0 && run.from_plan.count == count);
    lane_destroy(run.lane);
    return status;
}
