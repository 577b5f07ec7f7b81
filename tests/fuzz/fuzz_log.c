/* A log directory written by a program that the input is: frames good and bad, raw bytes, marks; then opened.
 * An oracle of its own (bit-wise CRC, plain loops) says where the log must end, or that it must be refused:
 * what is opened holds exactly the good frames, and can be appended to.
 *
 *   f N     a good frame with a body of N × 8 bytes          F      the same with 60,000
 *   p       a pad to the segment's end                       g N    N × 8 bytes of nothing
 *   r N …   N raw bytes (rounded up to 8)                    x M N  the byte M × 8 + N % 8 back from here is
 * changed h N B   byte N of the last frame's header is B, and the CRC is right again b N B   the same of its
 * batch i N     frames from here on are of incarnation N         s N    the next number is N more m       the
 * mark says durable up to here                 k N B  byte N of the mark is B; N odd: CRC right again c the
 * mark says: closed cleanly                    d N    segment N's file is not there
 */
#include <string.h>

#include "storage/log/disk_sim.h"
#include "storage/log/inside.h"
#include "tests/fuzz/fuzz.h"

#define SEGMENT  LOG_SEGMENT_SIZE_MIN
#define SEGMENTS 3u
#define IMAGE    (SEGMENTS * SEGMENT)

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("f1f2f3mf4f5"),
    FUZZ_SEED("fafbmfcx\x01\x03"
              "fd"),
    FUZZ_SEED("f1mf2i\x02"
              "f3i\x01"
              "f4"),
    FUZZ_SEED("f1f2mpf3f4pf5"),
    FUZZ_SEED("f1h\x08\x40"
              "f2mf3"),
    FUZZ_SEED("f1b\x04\x09mf2b\x40\xff"
              "f3"),
    FUZZ_SEED("f1f2g1f3"),
    FUZZ_SEED("f1r\x30rawbytes"),
    FUZZ_SEED("f1mf2s\x01"
              "f3c"),
    FUZZ_SEED("FFFFFFFFFFFFFFFFFpFmf1"),
    FUZZ_SEED("f1mpf2d\x01"),
    FUZZ_SEED("f1f2mk\x38\x08"),
    FUZZ_SEED("mk\x39\x10"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"f1",    "F",     "p",         "m",         "c",         "g1", "i\x01",
                                   "i\x03", "s\x01", "h\x0c\x01", "h\x08\x30", "x\x01\x01", NULL};

static char image[IMAGE];
static uint64_t used; /* what of it was ever written */
static const uint8_t instance[16] = "fuzzed instance";

struct script {
    const uint8_t *at, *end;
    uint64_t offset, next_seq, incarnation, last; /* last: the last frame's offset, or none */
    struct mark mark;
    bool reseal, missing[SEGMENTS];
};

static uint8_t take(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static void frame_put(struct script *s, uint32_t body, bool pad)
{
    uint64_t rest = SEGMENT - s->offset % SEGMENT;
    uint32_t size =
        (uint32_t)(sizeof(struct log_frame) + sizeof(struct batch) + sizeof(struct record) + body);
    if (s->offset >= IMAGE || (pad && rest < sizeof(struct log_frame)))
        return;
    if (!pad && !frame_fits(rest, size))
        return;
    struct log_frame *f = (struct log_frame *)(image + s->offset);
    *f = (struct log_frame){.size = pad ? (uint32_t)rest : size,
                            .pad = pad,
                            .offset = s->offset,
                            .first_seq = s->next_seq,
                            .incarnation = s->incarnation,
                            .stream_epoch = 1};
    if (!pad) {
        struct batch *b = (struct batch *)(f + 1);
        *b = (struct batch){
            .size = (uint32_t)(size - sizeof *f), .count = 1, .agent = 1, .position = s->offset};
        struct record *r = (struct record *)(b + 1);
        *r = (struct record){.size = (uint32_t)sizeof *r + body, .type = 1, .version = 1};
        memset(r + 1, (int)(body & 0x7f), body);
    }
    frame_seal(f, frame_seed(instance));
    s->last = s->offset;
    s->offset += f->size;
    s->next_seq += !pad;
    uint64_t stored = s->last + frame_stored_size(f);
    if (stored > used)
        used = stored;
}

static void gap(struct script *s, uint64_t bytes)
{
    if (s->offset + bytes < IMAGE)
        s->offset += bytes;
}

static void raw(struct script *s, uint32_t bytes)
{
    uint64_t from = s->offset;
    gap(s, RECORD_ALIGN(bytes));
    for (uint64_t at = from; at < s->offset; at++)
        image[at] = (char)take(s);
    if (s->offset > used)
        used = s->offset;
}

/* The CRC is made right only where the sizes do not lead out of the image. */
static void last_change(struct script *s, uint64_t at, uint8_t value)
{
    if (s->last == UINT64_MAX || s->last + at >= IMAGE)
        return;
    struct log_frame *f = (struct log_frame *)(image + s->last);
    image[s->last + at] = (char)value;
    if (s->last + at >= used)
        used = s->last + at + 1;
    if (frame_stored_size(f) >= sizeof *f && s->last + frame_stored_size(f) <= IMAGE)
        frame_seal(f, frame_seed(instance));
}

static void mark_change(struct script *s, uint8_t at, uint8_t value)
{
    ((uint8_t *)&s->mark)[at % sizeof s->mark] = value;
    s->reseal = at & 1;
}

static void step(struct script *s)
{
    uint8_t a, b;
    switch (take(s)) {
    case 'f':
        frame_put(s, 8u * take(s), false);
        break;
    case 'F':
        frame_put(s, 60000, false);
        break;
    case 'p':
        frame_put(s, 0, true);
        break;
    case 'g':
        gap(s, 8u * take(s));
        break;
    case 'r':
        raw(s, take(s));
        break;
    case 'x':
        a = take(s), b = take(s);
        if (s->offset > a * 8u + b % 8u)
            image[s->offset - 1 - (a * 8u + b % 8u)] ^= (char)(b | 1);
        break;
    case 'h':
        a = take(s), b = take(s);
        last_change(s, a % sizeof(struct log_frame), b);
        break;
    case 'b':
        a = take(s), b = take(s);
        last_change(s, sizeof(struct log_frame) + a, b);
        break;
    case 'i':
        s->incarnation = take(s);
        break;
    case 's':
        s->next_seq += take(s);
        break;
    case 'm':
        s->mark.durable = s->offset;
        s->mark.next_seq = s->next_seq;
        s->mark.last_incarnation = s->incarnation;
        s->reseal = true;
        break;
    case 'k':
        a = take(s), b = take(s);
        mark_change(s, a, b);
        break;
    case 'c':
        s->mark.clean = 1;
        s->reseal = true;
        break;
    case 'd':
        s->missing[take(s) % SEGMENTS] = true;
        break;
    }
    if (s->reseal)
        mark_seal(&s->mark);
    s->reseal = false;
}

/* The oracle
 * ------------------------------------------------------------------------------------------------------ */

static uint32_t crc_bits(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    for (crc = ~crc; size; size--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static bool batch_is_right(const char *bytes, uint32_t size)
{
    struct batch b;
    struct record r;
    uint64_t at = sizeof b;
    memcpy(&b, bytes, sizeof b);
    if (b.size != size || !b.count || b.count > BATCH_RECORDS_MAX || b.position % 8 || !b.agent ||
        b.agent >= AGENTS_MAX || b.cause_agent >= AGENTS_MAX || b.cause_lane >= LANES_MAX)
        return false;
    for (unsigned i = 0; i < b.count; i++, at += r.size) {
        if (at + sizeof r > size)
            return false;
        memcpy(&r, bytes + at, sizeof r);
        if (r.size < sizeof r || r.size % 8 || r.size > RECORD_SIZE_MAX || r.size > size - at ||
            r.dest >= AGENTS_MAX || r.lane >= LANES_MAX)
            return false;
    }
    return at == size;
}

struct walk {
    uint64_t offset, seq, incarnation, frames;
};

/* One frame further, where there is a good one. */
static bool walk_on(const struct script *s, struct walk *w, bool any_seq)
{
    struct log_frame f;
    uint64_t rest = SEGMENT - w->offset % SEGMENT;
    if (w->offset >= IMAGE || s->missing[w->offset / SEGMENT] || rest < sizeof f)
        return false;
    memcpy(&f, image + w->offset, sizeof f);
    if (f.magic != LOG_FRAME_MAGIC || f.offset != w->offset || f.size % 8 || f.size < sizeof f ||
        f.size > rest || f.pad > 1)
        return false;
    if (f.pad ? f.size != rest : f.size != rest && rest - f.size < sizeof f)
        return false;
    if (!f.pad && (f.size < sizeof f + sizeof(struct batch) + sizeof(struct record) ||
                   f.size > sizeof f + BATCH_SIZE_MAX))
        return false;
    uint32_t covered = f.pad ? (uint32_t)sizeof f : f.size;
    if (crc_bits(crc_bits(0, instance, 16), image + w->offset + 8, covered - 8) != f.crc)
        return false;
    if (!f.pad && !batch_is_right(image + w->offset + sizeof f, f.size - (uint32_t)sizeof f))
        return false;
    if (f.incarnation < w->incarnation || (!any_seq && f.first_seq != w->seq))
        return false;
    w->incarnation = f.incarnation;
    w->seq = f.first_seq;
    if (!f.pad) {
        w->seq += ((struct batch *)(image + w->offset + sizeof f))->count;
        w->frames++;
    }
    w->offset += f.size;
    return true;
}

/* Where the log must end; false: it must be refused. */
static bool log_must_open(const struct script *s, struct walk *w)
{
    const struct mark *m = &s->mark;
    struct mark sealed = *m;
    uint64_t end = 0;
    mark_seal(&sealed);
    if (memcmp(&sealed, m, sizeof sealed) != 0 || m->generation % 2 || m->segment_size != SEGMENT ||
        memcmp(m->instance, instance, 16) != 0)
        return false;
    /* Segments before the first one that is missing, and after those that are missing at the start. */
    uint64_t begin = 0;
    while (begin < SEGMENTS && s->missing[begin])
        begin++;
    for (end = begin; end < SEGMENTS && !s->missing[end];)
        end++;
    if (begin == end)
        return m->durable == 0;
    if (m->durable < begin * SEGMENT || m->durable > end * SEGMENT)
        return false;
    *w = (struct walk){.offset = m->durable - m->durable % SEGMENT};
    for (bool first = true;; first = false) {
        if (w->offset == m->durable) {
            if (!first && w->seq && w->seq != m->next_seq)
                return false;
            w->seq = m->next_seq;
            w->incarnation = m->last_incarnation;
        }
        uint64_t before = w->offset;
        if (!walk_on(s, w, w->seq == 0))
            return w->offset >= m->durable;
        if (before < m->durable && w->offset > m->durable)
            return false;
    }
}

/* The disk
 * -------------------------------------------------------------------------------------------------------- */

static void file_put(struct disk *d, const char *name, uint64_t size, const void *bytes, uint64_t count)
{
    int file;
    struct disk_completion done;
    FUZZ_HOLDS(d->ops->open(d, name, size, &file) == OK);
    FUZZ_HOLDS(!count || d->ops->write(d, file, 0, bytes, count, 0) == OK);
    FUZZ_HOLDS(!count || (d->ops->poll(d, &done, 1) == 1 && !done.error));
    d->ops->close(d, file);
}

static void directory_put(const struct script *s, struct disk *d)
{
    file_put(d, MARK_FILE_NAME, MARK_FILE_SIZE, &s->mark, sizeof s->mark);
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        char name[DISK_NAME_SIZE];
        uint64_t count = used > i * SEGMENT ? used - i * SEGMENT : 0;
        segment_name(i * SEGMENT, name);
        if (!s->missing[i])
            file_put(d, name, SEGMENT, image + i * SEGMENT, count < SEGMENT ? count : SEGMENT);
    }
}

/* What the reader gives is in the image, byte for byte, and it is as much as the oracle counts. */
static void frames_hold(const struct log *l, const struct walk *w, uint64_t from)
{
    struct log_reader *r;
    const struct log_frame *f;
    enum err e;
    uint64_t frames = 0;
    FUZZ_HOLDS(log_reader_open(&r, l, from) == OK);
    while ((f = log_reader_next(r, UINT64_MAX, &e))) {
        FUZZ_HOLDS(memcmp(f, image + f->offset, f->size) == 0);
        frames++;
    }
    FUZZ_HOLDS(e == OK && log_reader_offset(r) == w->offset && frames == w->frames);
    log_reader_close(r);
}

/* It goes on from there: a clean stop finds nothing to write but the mark, and the next start the same end.
 */
static void log_goes_on(struct log **l, const struct log_config *c)
{
    struct log_source none[AGENTS_MAX] = {0};
    uint64_t end = log_end(*l), seq = log_next_seq(*l), incarnation = log_incarnation(*l);
    log_start(*l, none, seq);
    FUZZ_HOLDS(log_flush(*l) == OK);
    log_close(*l);
    FUZZ_HOLDS(log_open(l, c) == OK);
    FUZZ_HOLDS(log_end(*l) == end && log_next_seq(*l) == seq && log_incarnation(*l) > incarnation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {.at = data, .end = data + size, .next_seq = 1, .incarnation = 1, .last = UINT64_MAX};
    memset(image, 0, used);
    used = 0;
    s.mark = (struct mark){
        .generation = 2, .segment_size = SEGMENT, .incarnation = 5, .stream_epoch = 1, .next_seq = 1};
    memcpy(s.mark.instance, instance, 16);
    mark_seal(&s.mark);
    while (s.at < s.end)
        step(&s);
    struct disk *d;
    struct log *l;
    FUZZ_HOLDS(disk_sim_create(&d, 1) == OK);
    directory_put(&s, d);
    struct log_config c = {.disk = d, .segment_size = SEGMENT, .sync_interval_ns = LOG_SYNC_INTERVAL_NS};
    memcpy(c.instance, instance, 16);
    struct walk w = {.offset = 0, .seq = s.mark.next_seq};
    bool opens = log_must_open(&s, &w);
    enum err e = log_open(&l, &c);
    FUZZ_HOLDS(opens == (e == OK));
    if (e == OK) {
        FUZZ_HOLDS(log_end(l) == w.offset && log_written(l) == w.offset && log_durable(l) == w.offset);
        FUZZ_HOLDS(log_next_seq(l) == w.seq);
        if (w.frames)
            frames_hold(l, &w, segment_base(s.mark.durable, SEGMENT));
        log_goes_on(&l, &c);
    } else {
        FUZZ_HOLDS(log_error(l)[0]);
    }
    log_close(l);
    d->ops->destroy(d);
    return 0;
}
