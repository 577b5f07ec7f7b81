/* rfqbench core: what the small things cost that every message needs: a reading of the clock, a checksum, a
 * hash, a product of decimals, a timer. Each is the best of several passes, so that it is the thing's own
 * cost and not the machine's mood; the reference is a chain of dependent multiplications, three cycles each,
 * timed in the same way.
 */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "dataplane/core/crc32c.h"
#include "dataplane/core/decimal.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/timer.h"

#define COUNT         10000u /* a pass is over before the machine turns to something else */
#define COUNT_TINY    500u
#define PASSES        201u
#define TIMERS        100000u
#define CRC_SIZE      256u
#define CRC_TARGET_PS 27000u

struct run {
    uint64_t count;
    unsigned char bytes[CRC_SIZE];
    struct timer_wheel *wheel;
    uint64_t now_ns;
    struct histogram histogram;
};

static uint64_t multiply(struct run *run)
{
    uint64_t x = 3;
    for (uint64_t i = 0; i < run->count; i++) {
        x *= HASH_K1;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

static uint64_t clock_read(struct run *run)
{
    uint64_t last = 0, back = 0;
    for (uint64_t i = 0; i < run->count; i++) {
        uint64_t now = clock_now_ns();
        back += now < last;
        last = now;
    }
    return back;
}

static uint64_t crc(struct run *run)
{
    uint32_t c = 0;
    for (uint64_t i = 0; i < run->count; i++)
        c = crc32c(c, run->bytes, CRC_SIZE);
    return c;
}

static uint64_t hash(struct run *run)
{
    uint64_t h = 0;
    for (uint64_t i = 0; i < run->count; i++)
        h = hash_bytes(run->bytes + (h & 127), 16);
    return h;
}

static uint64_t product(struct run *run)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < run->count; i++) {
        int64_t p;
        if (decimal_mul((int64_t)(1000000000000000 + i + (sum & 1)), 123456789, &p) == OK)
            sum += (uint64_t)p;
    }
    return sum;
}

static uint64_t text(struct run *run)
{
    uint64_t wrong = 0;
    char printed[DECIMAL_TEXT_MAX];
    for (uint64_t i = 0; i < run->count; i++) {
        int64_t v = (int64_t)(123456789000 + i), back;
        size_t size = decimal_print(v, printed);
        wrong += decimal_parse(printed, size, &back) != OK || back != v;
    }
    return wrong;
}

static uint64_t timer(struct run *run)
{
    uint64_t h = 1;
    for (uint64_t i = 0; i < run->count; i++) {
        h = hash_u64(h + i);
        timer_cancel(run->wheel, timer_arm(run->wheel, run->now_ns + h % 60000000000u, 0, i));
    }
    return timer_count(run->wheel);
}

static uint64_t timer_poll(struct run *run)
{
    struct timer t;
    uint64_t fired = 0;
    for (uint64_t i = 0; i < run->count; i++)
        fired += timer_pop_due(run->wheel, run->now_ns, &t);
    return fired;
}

static uint64_t record(struct run *run)
{
    for (uint64_t i = 0; i < run->count; i++)
        histogram_record(&run->histogram, i & 4095);
    return run->histogram.count;
}

/* One row: `times` does it count times, with a result that depends on each. */
struct piece {
    const char *name;
    uint64_t (*times)(struct run *run);
    uint64_t target_ps;
};

enum { MULTIPLY, CLOCK, CRC, HASH, PRODUCT, TEXT, TIMER, TIMER_POLL, RECORD, PIECES };
static const struct piece pieces[PIECES] = {
    [MULTIPLY] = {"reference: a multiplication in a chain", multiply, 0},
    [CLOCK] = {"clock_now_ns", clock_read, 0},
    [CRC] = {"crc32c of 256 B in a chain", crc, CRC_TARGET_PS},
    [HASH] = {"hash_bytes of 16 B in a chain", hash, 0},
    [PRODUCT] = {"decimal_mul", product, 0},
    [TEXT] = {"decimal_print and decimal_parse", text, 0},
    [TIMER] = {"timer_arm and timer_cancel, 100,000 armed", timer, 0},
    [TIMER_POLL] = {"timer_pop_due, none due", timer_poll, 0},
    [RECORD] = {"histogram_record", record, 0},
};

/* Best of the passes, in ps each. result: of the last pass. */
static uint64_t time_best(struct run *run, const struct piece *p, uint64_t *result)
{
    uint64_t best_ns = UINT64_MAX;
    for (unsigned i = 0; i < PASSES; i++) {
        uint64_t from = bench_stamp();
        *result = p->times(run);
        uint64_t ns = bench_ns(from, bench_stamp());
        best_ns = ns < best_ns ? ns : best_ns;
    }
    return best_ns * 1000 / run->count;
}

int bench_core(const struct bench_options *o)
{
    static struct run run;
    run.count = o->tiny ? COUNT_TINY : COUNT;
    for (unsigned i = 0; i < CRC_SIZE; i++)
        run.bytes[i] = (unsigned char)i;
    run.now_ns = clock_now_ns();
    histogram_reset(&run.histogram);
    if (timer_wheel_create(&run.wheel, TIMERS + 1, run.now_ns) != OK) {
        fprintf(stderr, "no memory for timers\n");
        return 2;
    }
    for (uint64_t i = 0; i < TIMERS; i++)
        timer_arm(run.wheel, run.now_ns + 1 + hash_u64(i) % 60000000000u, 0, i);

    struct bench_report r;
    uint64_t result[PIECES], ps[PIECES];
    for (unsigned i = 0; i < PIECES; i++)
        ps[i] = time_best(&run, &pieces[i], &result[i]);
    bench_report_begin(&r, o, "core", "small things, best of 201 passes");
    for (unsigned i = 0; i < PIECES; i++)
        bench_report_fact(&r, pieces[i].name, ps[i], "ps", pieces[i].target_ps);
    bench_report_ratio(&r, "crc32c of 256 B by multiplications", ps[CRC], ps[MULTIPLY], 0);

    uint32_t crc_bytewise = 0; /* through the other path: a byte at a time */
    for (uint64_t i = 0; i < run.count * CRC_SIZE; i++)
        crc_bytewise = crc32c(crc_bytewise, &run.bytes[i % CRC_SIZE], 1);
    bool checked = result[CLOCK] == 0 && result[CRC] == crc_bytewise && result[TEXT] == 0 &&
                   result[TIMER] == TIMERS && result[TIMER_POLL] == 0 && result[RECORD] == run.count * PASSES;
    timer_wheel_destroy(run.wheel);
    return bench_report_end(&r, checked);
}
