/* rfqbench codec: frame, parse, validate and encode over a realistic mix, beside a bare SIMD pass over the
 * same bytes and beside QuickFIX with the same dictionary. In turn, round by round, so that all see the same
 * machine; the ratio is between medians of rounds.
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

#define ROUNDS_MAX  20000
#define ROUNDS_TINY 3

enum way { BARE, PARSE, VALIDATE, ENCODE, PEER_PARSE, PEER_VALIDATE, PEER_ENCODE, WAYS };

struct run {
    struct codec_mix mix;
    struct codec_values values[CODEC_MIX_MESSAGES];
    struct fix_template template;
    struct fix_msg msg, other;
    uint64_t ticks[WAYS][ROUNDS_MAX];
    unsigned rounds;
    uint64_t wrong; /* what did not come out right in the measured loops */
    struct quickfix_codec *quickfix;
    char room[8192], peer_room[8192];
};

static void go_bare(struct run *r)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        uint32_t sum, size = r->mix.at[i + 1] - r->mix.at[i];
        found += fix_scan(r->mix.bytes + r->mix.at[i], size, r->msg.ends, FIX_FIELDS_MAX, &sum);
    }
    r->wrong += found != r->mix.fields;
}

static void go_parse(struct run *r, bool validate)
{
    uint64_t found = 0, end = r->mix.at[CODEC_MIX_MESSAGES];
    struct fix_refusal why;
    size_t size;
    for (uint64_t at = 0; at < end; at += size) {
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
    r->wrong += found != r->mix.fields;
}

static void go_encode(struct run *r)
{
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        const char *bytes;
        size_t size;
        r->wrong += codec_encode(&r->values[i], &r->template, r->room, sizeof r->room, &bytes, &size) != OK;
    }
}

#ifdef RFQD_QUICKFIX_XML

static void go_peer(struct run *r, enum way way)
{
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++) {
        if (way == PEER_PARSE)
            r->wrong += quickfix_parse(r->quickfix, i) < 0;
        else if (way == PEER_VALIDATE)
            r->wrong += quickfix_parse_and_validate(r->quickfix, i) < 0;
        else
            r->wrong += quickfix_encode(r->quickfix, &r->values[i], r->peer_room, sizeof r->peer_room) == 0;
    }
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

static void go_peer(struct run *r, enum way way)
{
    (void)r;
    (void)way;
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

static void go(struct run *r, enum way way)
{
    if (way == BARE)
        go_bare(r);
    else if (way == PARSE || way == VALIDATE)
        go_parse(r, way == VALIDATE);
    else if (way == ENCODE)
        go_encode(r);
    else
        go_peer(r, way);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Median of the rounds, ticks for the whole mix. */
static uint64_t median(struct run *r, enum way way)
{
    qsort(r->ticks[way], r->rounds, sizeof r->ticks[way][0], by_value);
    return r->ticks[way][r->rounds / 2];
}

static void row(struct bench_report *report, struct run *r, enum way way, const char *name)
{
    static struct histogram h;
    histogram_reset(&h);
    for (unsigned i = 0; i < r->rounds; i++)
        histogram_record(&h, clock_ticks_to_ns(r->ticks[way][i]) / CODEC_MIX_MESSAGES);
    bench_report_row(report, name, &h);
}

static int report(struct run *r, const struct bench_options *o)
{
    struct bench_report b;
    uint64_t m[WAYS];
    for (int w = 0; w < WAYS; w++)
        m[w] = median(r, (enum way)w);
    bench_report_begin(&b, o, "codec", "FIX messages of a realistic mix, one thread, ns a message by round");
    row(&b, r, BARE, "bare pass: SOHs and sum");
    row(&b, r, PARSE, "frame, parse, index, checksum");
    row(&b, r, VALIDATE, "the same and the dictionary");
    row(&b, r, ENCODE, "encode");
    if (r->quickfix) {
        row(&b, r, PEER_PARSE, "QuickFIX parse");
        row(&b, r, PEER_VALIDATE, "QuickFIX parse and dictionary");
        row(&b, r, PEER_ENCODE, "QuickFIX encode");
    }
    bench_report_fact(&b, "average size", r->mix.at[CODEC_MIX_MESSAGES] / CODEC_MIX_MESSAGES, "bytes", 0);
    bench_report_fact(&b, "average fields", r->mix.fields / CODEC_MIX_MESSAGES, "fields", 0);
    bench_report_ratio(&b, "parse by bare pass", m[PARSE], m[BARE], 4000);
    if (r->quickfix) {
        bench_report_ratio(&b, "40 x parse by QuickFIX", 40 * m[PARSE], m[PEER_PARSE], 1000);
        bench_report_ratio(&b, "20 x parse and dictionary by QuickFIX", 20 * m[VALIDATE], m[PEER_VALIDATE],
                           1000);
        bench_report_ratio(&b, "20 x encode by QuickFIX", 20 * m[ENCODE], m[PEER_ENCODE], 1000);
        bench_report_ratio(&b, "QuickFIX parse by ours", m[PEER_PARSE], m[PARSE], 0);
        bench_report_ratio(&b, "QuickFIX parse and dictionary by ours", m[PEER_VALIDATE], m[VALIDATE], 0);
        bench_report_ratio(&b, "QuickFIX encode by ours", m[PEER_ENCODE], m[ENCODE], 0);
    }
    bool checked = r->wrong == 0 && (!r->quickfix || (same_fields(r) && same_messages(r)));
    return bench_report_end(&b, checked);
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
    fix_template_init(&r->template, "LIQUIDITY1", "RFQHOUSE", FIX_TIME_MS);
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++)
        codec_values_make(&r->values[i], i);
    int ways = peer_open(r) ? WAYS : PEER_PARSE;
    uint64_t end = clock_now_ns() + (o->tiny ? 0 : o->seconds * 1000000000ull);
    do {
        for (int w = 0; w < ways; w++) {
            uint64_t from = bench_stamp();
            go(r, (enum way)w);
            r->ticks[w][r->rounds] = bench_stamp() - from;
        }
        r->rounds++;
    } while (r->rounds < ROUNDS_TINY || (r->rounds < ROUNDS_MAX && clock_now_ns() < end));
    int status = report(r, o);
#ifdef RFQD_QUICKFIX_XML
    quickfix_codec_close(r->quickfix);
#endif
    free(r);
    return status;
}
