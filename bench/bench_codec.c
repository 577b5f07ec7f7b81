/* rfqbench codec: frame, parse, validate and encode over a realistic mix, beside a bare SIMD pass over the
 * same bytes and beside QuickFIX with the same dictionary. In turn, 8 messages at a time, so that all see the
 * same machine; the ratio is between tenth percentiles, that is of samples that were not interrupted: those
 * of QuickFIX are long enough to be so often on a shared machine.
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

#define SAMPLES_MAX  200000
#define SAMPLES_TINY (3 * CODEC_MIX_MESSAGES / CHUNK)
#define CHUNK        8 /* messages of one sample: short, so that few are interrupted */
#define QUICK_PASSES \
    4 /* over the chunk in a sample of ours: a gateway's code is warm, its messages are not */

enum way { BARE, PARSE, VALIDATE, ENCODE, PEER_PARSE, PEER_VALIDATE, PEER_ENCODE, WAYS };

struct run {
    struct codec_mix mix;
    struct codec_values values[CODEC_MIX_MESSAGES];
    struct fix_template template;
    uint32_t fields[CODEC_MIX_MESSAGES];
    struct fix_msg msg, other;
    uint64_t ticks[WAYS][SAMPLES_MAX]; /* of a chunk, one pass */
    unsigned samples;
    uint64_t wrong;            /* what did not come out right in the measured loops */
    uint64_t found[WAYS], due; /* fields, and how many there should be */
    struct quickfix_codec *quickfix;
    char room[8192], peer_room[8192];
};

static void go_bare(struct run *r, uint32_t first)
{
    uint64_t found = 0;
    for (uint32_t i = first; i < first + CHUNK; i++) {
        uint32_t sum, size = r->mix.at[i + 1] - r->mix.at[i];
        found += fix_scan(r->mix.bytes + r->mix.at[i], size, r->msg.ends, FIX_FIELDS_MAX, &sum);
    }
    r->found[BARE] += found;
}

static void go_parse(struct run *r, uint32_t first, bool validate)
{
    uint64_t found = 0, end = r->mix.at[first + CHUNK];
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

static void go_encode(struct run *r, uint32_t first)
{
    for (uint32_t i = first; i < first + CHUNK; i++) {
        const char *bytes;
        size_t size;
        r->wrong += codec_encode(&r->values[i], &r->template, r->room, sizeof r->room, &bytes, &size) != OK;
    }
}

#ifdef RFQD_QUICKFIX_XML

static void go_peer(struct run *r, uint32_t first, enum way way)
{
    for (uint32_t i = first; i < first + CHUNK; i++) {
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

static void go_peer(struct run *r, uint32_t first, enum way way)
{
    (void)r;
    (void)first;
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

static void go(struct run *r, uint32_t first, enum way way)
{
    if (way == BARE)
        go_bare(r, first);
    else if (way == PARSE || way == VALIDATE)
        go_parse(r, first, way == VALIDATE);
    else if (way == ENCODE)
        go_encode(r, first);
    else
        go_peer(r, first, way);
}

static void sample(struct run *r, uint32_t first, enum way way)
{
    unsigned passes = way < PEER_PARSE ? QUICK_PASSES : 1;
    uint64_t from = bench_stamp();
    for (unsigned i = 0; i < passes; i++)
        go(r, first, way);
    r->ticks[way][r->samples] = (bench_stamp() - from) / passes;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The tenth percentile of the samples, ticks for a chunk. */
static uint64_t undisturbed(struct run *r, enum way way)
{
    qsort(r->ticks[way], r->samples, sizeof r->ticks[way][0], by_value);
    return r->ticks[way][r->samples / 10];
}

static void row(struct bench_report *report, struct run *r, enum way way, const char *name)
{
    static struct histogram h;
    histogram_reset(&h);
    for (unsigned i = 0; i < r->samples; i++)
        histogram_record(&h, clock_ticks_to_ns(r->ticks[way][i]) / CHUNK);
    bench_report_row(report, name, &h);
}

static int report(struct run *r, const struct bench_options *o)
{
    struct bench_report b;
    uint64_t m[WAYS];
    for (int w = 0; w < WAYS; w++)
        m[w] = undisturbed(r, (enum way)w);
    bench_report_begin(&b, o, "codec", "FIX messages of a realistic mix, one thread, ns a message");
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
    bool checked = r->wrong == 0 && r->found[BARE] == r->due && r->found[PARSE] == r->due &&
                   r->found[VALIDATE] == r->due && (!r->quickfix || (same_fields(r) && same_messages(r)));
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
    for (uint32_t i = 0; i < CODEC_MIX_MESSAGES; i++)
        for (uint32_t at = r->mix.at[i]; at < r->mix.at[i + 1]; at++)
            r->fields[i] += r->mix.bytes[at] == FIX_SOH;
    int ways = peer_open(r) ? WAYS : PEER_PARSE;
    uint64_t end = clock_now_ns() + (o->tiny ? 0 : o->seconds * 1000000000ull);
    uint32_t first = 0;
    do {
        for (int w = 0; w < ways; w++)
            sample(r, first, (enum way)w);
        for (uint32_t i = first; i < first + CHUNK; i++)
            r->due += QUICK_PASSES * (uint64_t)r->fields[i];
        first = (first + CHUNK) % CODEC_MIX_MESSAGES;
        r->samples++;
    } while (r->samples < SAMPLES_TINY || (r->samples < SAMPLES_MAX && clock_now_ns() < end));
    int status = report(r, o);
#ifdef RFQD_QUICKFIX_XML
    quickfix_codec_close(r->quickfix);
#endif
    free(r);
    return status;
}
