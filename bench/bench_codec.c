/* rfqbench codec: frame, parse, validate and encode over a realistic mix, beside a bare SIMD pass over the
 * same bytes and beside QuickFIX with the same dictionary.
 *
 * All in the same form. The ways take turns over the same 256 messages: the first 64 warm the way's code and
 * tables and do not count, the others do, each once, in bursts of 32 (as many as a poll takes of a
 * connection). Before a burst its bytes are read, as a receive has just written them; the mix is long enough
 * that no branch predictor knows a message by heart when it comes again. Ratios are between medians.
 *
 * The cold rows: one message after the caches have been filled with other things, as after a pause.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/codec_mix.h"
#include "fix/msg.h"
#include "fix/scan.h"

#ifdef RFQD_QUICKFIX_XML
#include "bench/quickfix_codec.h"
#endif

#define SAMPLES_MAX 100000
#define BURST       32u /* messages of one sample */
#define TURN        256u
#define TURN_WARM   64u
#define TURN_COLD   2u /* cold messages of each way in a turn */
#define TURNS_TINY  (CODEC_MIX_MESSAGES / TURN)
#define TICK_PARTS  16u                  /* a burst's mean is kept in parts of a tick */
#define COLD_SIZE   (4u * 1024u * 1024u) /* more than the caches that a core has to itself */

static_assert(TURN % BURST == 0 && TURN_WARM % BURST == 0 && CODEC_MIX_MESSAGES % TURN == 0, "whole bursts");

enum way { BARE, PARSE, VALIDATE, ENCODE, PEER_PARSE, PEER_VALIDATE, PEER_ENCODE, WAYS };
enum state { WARM, COLD, STATES };

struct run {
    struct codec_mix mix;
    struct codec_values values[CODEC_MIX_MESSAGES];
    struct fix_template template;
    uint32_t fields[CODEC_MIX_MESSAGES];
    struct fix_msg msg, other;
    struct fix_shapes shapes;
    uint64_t ticks[STATES][WAYS][SAMPLES_MAX]; /* a message: of a burst's mean, or a cold one's */
    unsigned samples[STATES];
    uint64_t wrong;            /* what did not come out right in the measured loops */
    uint64_t found[WAYS], due; /* fields, and how many there should be */
    struct quickfix_codec *quickfix;
    char room[8192], peer_room[8192];
    unsigned char elsewhere[COLD_SIZE]; /* what the caches are filled with */
    unsigned read;                      /* so that reading is not left out */
};

static void go_bare(struct run *r, uint32_t first, uint32_t count)
{
    uint64_t found = 0;
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t sum, size = r->mix.at[i + 1] - r->mix.at[i];
        found += fix_scan(r->mix.bytes + r->mix.at[i], size, r->msg.ends, FIX_FIELDS_MAX, &sum);
    }
    r->found[BARE] += found;
}

static void go_parse(struct run *r, uint32_t first, uint32_t count, bool validate)
{
    uint64_t found = 0, end = r->mix.at[first + count];
    struct fix_refusal why;
    size_t size;
    for (uint64_t at = r->mix.at[first]; at < end; at += size) {
        enum err e = OK;
        if (fix_frame_parse(&r->msg, r->mix.bytes + at, end - at, &size, &e) != FIX_FRAME_OK) {
            r->wrong++;
            return;
        }
        if (validate && e == OK)
            e = fix_validate(&r->msg, false, &why);
        r->wrong += e != OK;
        found += r->msg.count;
    }
    r->found[validate ? VALIDATE : PARSE] += found;
}

static void go_encode(struct run *r, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const char *bytes;
        size_t size;
        r->wrong += codec_encode(&r->values[i], &r->template, r->room, sizeof r->room, &bytes, &size) != OK;
    }
}

#ifdef RFQD_QUICKFIX_XML

static void go_peer(struct run *r, uint32_t first, uint32_t count, enum way way)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (way == PEER_PARSE)
            r->wrong += quickfix_parse(r->quickfix, i) < 0;
        else if (way == PEER_VALIDATE)
            r->wrong += quickfix_parse_and_validate(r->quickfix, i) < 0;
        else
            r->wrong += quickfix_encode(r->quickfix, &r->values[i], r->peer_room, sizeof r->peer_room) == 0;
    }
}

static void peer_read(struct run *r, uint32_t i)
{
    r->read += quickfix_read(r->quickfix, i);
}

static bool peer_open(struct run *r)
{
    r->quickfix = quickfix_codec_open(RFQD_QUICKFIX_XML);
    if (r->quickfix)
        quickfix_codec_load(r->quickfix, &r->mix);
    return r->quickfix != NULL;
}

/* Both have read the same: the sum over all fields, groups too, of tag × the value's bytes. */
static bool same_fields(struct run *r)
{
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        uint64_t sum = 0;
        if (fix_parse(&r->msg, r->mix.bytes + r->mix.at[i], r->mix.at[i + 1] - r->mix.at[i]) != OK)
            return false;
        for (uint32_t k = 0; k < r->msg.count; k++) {
            const struct fix_field *f = &r->msg.fields[k];
            uint64_t bytes = 0;
            for (uint32_t c = 0; c < f->size; c++)
                bytes += (unsigned char)r->msg.bytes[f->offset + c];
            sum += bytes * f->tag;
        }
        if (sum != quickfix_field_sum(r->quickfix, i))
            return false;
    }
    return true;
}

/* Both have written the same fields, each in its own order. */
static bool same_messages(struct run *r)
{
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        const char *bytes;
        size_t size,
            peer_size = quickfix_encode(r->quickfix, &r->values[i], r->peer_room, sizeof r->peer_room);
        if (codec_encode(&r->values[i], &r->template, r->room, sizeof r->room, &bytes, &size) != OK ||
            fix_parse(&r->msg, bytes, size) != OK || fix_parse(&r->other, r->peer_room, peer_size) != OK ||
            r->msg.count != r->other.count)
            return false;
        for (uint32_t k = 0; k < r->msg.count; k++) {
            const struct fix_field *f = &r->msg.fields[k], *g = fix_find(&r->other, f->tag);
            bool same =
                g && g->size == f->size && !memcmp(fix_value(&r->msg, f), fix_value(&r->other, g), f->size);
            if (!same &&
                f->tag != 10) /* the sum depends on nothing but the bytes, so it is the same as well */
                return false;
        }
    }
    return true;
}

#else

static void go_peer(struct run *r, uint32_t first, uint32_t count, enum way way)
{
    (void)r;
    (void)first;
    (void)count;
    (void)way;
}
static void peer_read(struct run *r, uint32_t i)
{
    (void)r;
    (void)i;
}
static bool peer_open(struct run *r)
{
    (void)r;
    return false;
}
static bool same_fields(struct run *r)
{
    (void)r;
    return true;
}
static bool same_messages(struct run *r)
{
    (void)r;
    return true;
}

#endif

static void go(struct run *r, uint32_t first, uint32_t count, enum way way)
{
    if (way == BARE)
        go_bare(r, first, count);
    else if (way == PARSE || way == VALIDATE)
        go_parse(r, first, count, way == VALIDATE);
    else if (way == ENCODE)
        go_encode(r, first, count);
    else
        go_peer(r, first, count, way);
}

static void read_bytes(struct run *r, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i += 32)
        r->read += at[i];
}

/* What the way works on lies in the nearest cache. */
static void received(struct run *r, uint32_t first, uint32_t count, enum way way)
{
    if (way == PEER_PARSE || way == PEER_VALIDATE)
        for (uint32_t i = first; i < first + count; i++)
            peer_read(r, i);
    else if (way == ENCODE || way == PEER_ENCODE)
        read_bytes(r, &r->values[first], count * sizeof r->values[0]);
    else
        read_bytes(r, r->mix.bytes + r->mix.at[first], r->mix.at[first + count] - r->mix.at[first]);
}

static void sample(struct run *r, enum state state, uint32_t first, uint32_t count, enum way way,
                   unsigned slot)
{
    uint64_t from = bench_stamp();
    go(r, first, count, way);
    r->ticks[state][way][slot] = (bench_stamp() - from) * TICK_PARTS / count;
}

static void turn_warm(struct run *r, uint32_t first, enum way way)
{
    unsigned slot = r->samples[WARM];
    for (uint32_t at = 0; at < TURN; at += BURST) {
        received(r, first + at, BURST, way);
        if (at < TURN_WARM)
            go(r, first + at, BURST, way);
        else
            sample(r, WARM, first + at, BURST, way, slot++);
    }
}

static void turn_cold(struct run *r, uint32_t first, enum way way)
{
    for (unsigned i = 0; i < TURN_COLD; i++) {
        for (size_t at = 0; at < sizeof r->elsewhere; at += 64)
            r->elsewhere[at]++;
        sample(r, COLD, first + i, 1, way, r->samples[COLD] + i);
    }
}

static void turn(struct run *r, uint32_t first, int ways)
{
    for (int w = 0; w < ways; w++)
        turn_warm(r, first, (enum way)w);
    for (int w = 0; w < ways; w++)
        turn_cold(r, first, (enum way)w);
    r->samples[WARM] += (TURN - TURN_WARM) / BURST;
    r->samples[COLD] += TURN_COLD;
    for (uint32_t i = first; i < first + TURN; i++)
        r->due += r->fields[i] * (i < first + TURN_COLD ? 2 : 1);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t median(struct run *r, enum state state, enum way way)
{
    qsort(r->ticks[state][way], r->samples[state], sizeof r->ticks[state][way][0], by_value);
    return r->ticks[state][way][r->samples[state] / 2];
}

static void row(struct bench_report *report, struct run *r, enum state state, enum way way)
{
    static const char *const names[STATES][WAYS] = {
        {"bare pass: SOHs and sum", "frame, parse, index, checksum", "the same and the dictionary", "encode",
         "QuickFIX parse", "QuickFIX parse and dictionary", "QuickFIX encode"},
        {"cold: bare pass", "cold: frame, parse, index, checksum", "cold: the same and the dictionary",
         "cold: encode", "cold: QuickFIX parse", "cold: QuickFIX parse and dictionary",
         "cold: QuickFIX encode"}};
    static struct histogram h;
    histogram_reset(&h);
    for (unsigned i = 0; i < r->samples[state]; i++)
        histogram_record(&h, clock_ticks_to_ns(r->ticks[state][way][i]) / TICK_PARTS);
    bench_report_row(report, names[state][way], &h);
}

static bool all_right(struct run *r)
{
    return r->wrong == 0 && r->found[BARE] == r->due && r->found[PARSE] == r->due &&
           r->found[VALIDATE] == r->due && (!r->quickfix || (same_fields(r) && same_messages(r)));
}

static int report(struct run *r, const struct bench_options *o, int ways)
{
    struct bench_report b;
    uint64_t m[STATES][WAYS] = {0};
    bench_report_begin(&b, o, "codec", "FIX messages of a realistic mix, one thread, ns a message");
    for (int s = 0; s < STATES; s++)
        for (int w = 0; w < ways; w++) {
            m[s][w] = median(r, (enum state)s, (enum way)w);
            row(&b, r, (enum state)s, (enum way)w);
        }
    bench_report_fact(&b, "average size", r->mix.at[CODEC_MIX_MESSAGES] / CODEC_MIX_MESSAGES, "bytes", 0);
    bench_report_fact(&b, "average fields", r->mix.fields / CODEC_MIX_MESSAGES, "fields", 0);
    const uint64_t *warm = m[WARM], *cold = m[COLD];
    bench_report_ratio(&b, "parse by bare pass", warm[PARSE], warm[BARE], 4000);
    if (r->quickfix) {
        bench_report_ratio(&b, "40 x parse by QuickFIX", 40 * warm[PARSE], warm[PEER_PARSE], 1000);
        bench_report_ratio(&b, "20 x parse and dictionary by QuickFIX", 20 * warm[VALIDATE],
                           warm[PEER_VALIDATE], 1000);
        bench_report_ratio(&b, "20 x encode by QuickFIX", 20 * warm[ENCODE], warm[PEER_ENCODE], 1000);
        bench_report_ratio(&b, "QuickFIX parse by ours", warm[PEER_PARSE], warm[PARSE], 0);
        bench_report_ratio(&b, "QuickFIX parse and dictionary by ours", warm[PEER_VALIDATE], warm[VALIDATE],
                           0);
        bench_report_ratio(&b, "QuickFIX encode by ours", warm[PEER_ENCODE], warm[ENCODE], 0);
        bench_report_ratio(&b, "cold: QuickFIX parse by ours", cold[PEER_PARSE], cold[PARSE], 0);
        bench_report_ratio(&b, "cold: QuickFIX parse and dictionary by ours", cold[PEER_VALIDATE],
                           cold[VALIDATE], 0);
        bench_report_ratio(&b, "cold: QuickFIX encode by ours", cold[PEER_ENCODE], cold[ENCODE], 0);
    }
    return bench_report_end(&b, all_right(r));
}

int bench_codec(const struct bench_options *o)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r) {
        fprintf(stderr, "no memory\n");
        return 2;
    }
    bench_pin(0);
    codec_mix_make(&r->mix);
    r->msg.shapes = &r->shapes;
    fix_template_init(&r->template, "LIQUIDITY1", "RFQHOUSE", FIX_TIME_MS);
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++)
        codec_values_make(&r->values[i], i);
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++)
        for (uint32_t at = r->mix.at[i]; at < r->mix.at[i + 1]; at++)
            r->fields[i] += r->mix.bytes[at] == FIX_SOH;
    int ways = peer_open(r) ? WAYS : PEER_PARSE;
    uint64_t end = clock_now_ns() + (o->tiny ? 0 : o->seconds * 1000000000ull);
    for (uint32_t first = 0, turns = 0; turns < TURNS_TINY || clock_now_ns() < end; turns++) {
        if (r->samples[WARM] + TURN / BURST > SAMPLES_MAX)
            break;
        turn(r, first, ways);
        first = (first + TURN) % CODEC_MIX_MESSAGES;
    }
    int status = report(r, o, ways);
#ifdef RFQD_QUICKFIX_XML
    quickfix_codec_close(r->quickfix);
#endif
    free(r);
    return status;
}
