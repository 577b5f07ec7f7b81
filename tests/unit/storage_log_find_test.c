/* Finding a record or a time in the log, beside a naive oracle that has walked over all of it; and reading it
 * in two halves. */
#include <criterion/criterion.h>

#include "log_rig.h"
#include "storage/log/repair.h"

#define SEGMENTS_MAX 64u

/* What each segment that is kept begins with. */
struct map {
    uint64_t offset[SEGMENTS_MAX], seq[SEGMENTS_MAX], time_ns[SEGMENTS_MAX];
    unsigned count;
    uint64_t next_seq;
};

static struct map map_of(struct rig *r)
{
    struct map m = {0};
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    cr_assert_eq(log_reader_open(&reader, r->log, log_begin(r->log)), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e))) {
        uint64_t base = segment_base(f->offset, RIG_SEGMENT);
        m.next_seq = f->first_seq + log_frame_batch(f)->count;
        if (m.count && m.offset[m.count - 1] == base)
            continue;
        cr_assert(m.count < SEGMENTS_MAX && f->offset == base, "a segment begins with a frame");
        m.offset[m.count] = base;
        m.seq[m.count] = f->first_seq;
        m.time_ns[m.count++] = log_frame_batch(f)->time_ns;
    }
    cr_assert_eq(e, OK);
    log_reader_close(reader);
    return m;
}

static uint64_t seq_place(const struct map *m, uint64_t seq)
{
    unsigned i = m->count - 1;
    while (i && m->seq[i] > seq)
        i--;
    return m->offset[i];
}

static uint64_t time_place(const struct map *m, uint64_t utc_ns)
{
    unsigned i = m->count - 1;
    while (i && m->time_ns[i] >= utc_ns)
        i--;
    return m->offset[i];
}

static void find_everything(struct rig *r)
{
    struct map m = map_of(r);
    uint64_t offset;
    for (uint64_t seq = m.seq[0]; seq < m.next_seq; seq += 1 + rig_chance(r, 40)) {
        cr_assert_eq(log_find_seq(r->log, seq, &offset), OK);
        cr_assert_eq(offset, seq_place(&m, seq), "seq %lu", seq);
    }
    for (unsigned i = 0; i < m.count; i++)
        for (int64_t off = -1; off <= 1; off++) {
            uint64_t seq = m.seq[i] + (uint64_t)off, utc_ns = m.time_ns[i] + (uint64_t)off;
            enum err e = log_find_seq(r->log, seq, &offset);
            cr_assert_eq(e, i == 0 && off < 0 ? ERR_NOT_FOUND : OK, "segment %u: %s", i, err_text(e));
            cr_assert_eq(offset, seq_place(&m, seq), "around the begin of segment %u", i);
            cr_assert_eq(log_find_time(r->log, utc_ns, &offset), OK);
            cr_assert_eq(offset, time_place(&m, utc_ns), "around the time of segment %u", i);
        }
}

static void recycle(struct rig *r, unsigned segments)
{
    r->config.retain_size = 2 * RIG_SEGMENT;
    rig_die(r);
    rig_start(r);
    while (log_begin(r->log) < segments * RIG_SEGMENT) {
        rig_commit(r, 50);
        rig_settle(r, true);
        rig_hold(r);
        for (unsigned n = 0; n < 150; n++)
            rig_poll(r, 1000000);
    }
}

Test(log_find, seq_and_time_are_found_wherever_they_are)
{
    struct rig r;
    rig_fill(&r, 31, 6000);
    cr_assert_gt(log_end(r.log), 7 * RIG_SEGMENT);
    find_everything(&r);
    rig_end(&r);
}

Test(log_find, what_was_recycled_is_not_found_and_the_oldest_is_named)
{
    struct rig r;
    uint64_t offset;
    rig_fill(&r, 32, 3000);
    recycle(&r, 3);
    find_everything(&r);
    cr_assert_eq(log_find_seq(r.log, 1, &offset), ERR_NOT_FOUND);
    cr_assert_eq(offset, log_begin(r.log));
    cr_assert_eq(log_find_time(r.log, 1, &offset), OK);
    cr_assert_eq(offset, log_begin(r.log));
    rig_end(&r);
}

Test(log_find, past_the_end_the_last_segment_is_named)
{
    struct rig r;
    uint64_t offset;
    rig_fill(&r, 33, 2500);
    struct map m = map_of(&r);
    const uint64_t past[] = {m.next_seq - 1, m.next_seq, m.next_seq + 1000, UINT64_MAX};
    for (unsigned i = 0; i < sizeof past / sizeof *past; i++) {
        cr_assert_eq(log_find_seq(r.log, past[i], &offset), OK);
        cr_assert_eq(offset, m.offset[m.count - 1]);
    }
    cr_assert_eq(log_find_time(r.log, UINT64_MAX, &offset), OK);
    cr_assert_eq(offset, m.offset[m.count - 1]);
    rig_end(&r);
}

Test(log_find, an_empty_log_has_its_begin)
{
    struct rig r;
    uint64_t offset = 1;
    rig_init(&r, 34, NULL);
    rig_start(&r);
    cr_assert_eq(log_find_seq(r.log, LOG_FIRST_SEQ, &offset), OK);
    cr_assert_eq(offset, 0);
    cr_assert_eq(log_find_time(r.log, 1, &offset), OK);
    cr_assert_eq(offset, 0);
    rig_end(&r);
}

static void damage_first_frame(struct rig *r, unsigned segment)
{
    char name[DISK_NAME_SIZE];
    segment_name(segment * RIG_SEGMENT, name);
    cr_assert_eq(disk_sim_corrupt(r->disk, name, 60, 1), OK);
}

Test(log_find, a_log_whose_begin_was_given_up_by_a_repair_begins_where_it_begins)
{
    struct rig r;
    struct log_report report;
    uint64_t offset;
    rig_fill(&r, 35, 3500);
    cr_assert_gt(log_end(r.log), 3 * RIG_SEGMENT);
    rig_hold(&r);
    rig_die(&r);
    damage_first_frame(&r, 1);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_DROP, 2 * RIG_SEGMENT, &report), OK);
    rig_start(&r);
    cr_assert_eq(log_begin(r.log), 2 * RIG_SEGMENT);
    find_everything(&r);
    cr_assert_eq(log_find_seq(r.log, 1, &offset), ERR_NOT_FOUND);
    rig_end(&r);
}

Test(log_find, a_segment_that_cannot_be_read_is_come_to_by_reading_on)
{
    struct rig r;
    uint64_t offset;
    struct log_reader *reader;
    enum err e;
    rig_fill(&r, 36, 3500);
    struct map m = map_of(&r);
    cr_assert_geq(m.count, 4);
    damage_first_frame(&r, 2);
    for (unsigned i = 0; i < m.count; i++) {
        cr_assert_eq(log_find_seq(r.log, m.seq[i], &offset), OK);
        cr_assert(offset <= m.offset[i], "never behind it");
        cr_assert(i != 2 || offset == RIG_SEGMENT, "the segment before");
    }
    cr_assert_eq(log_find_seq(r.log, m.seq[2], &offset), OK);
    cr_assert_eq(log_reader_open(&reader, r.log, offset), OK);
    while (log_reader_next(reader, UINT64_MAX, &e))
        ;
    cr_assert_eq(e, ERR_CORRUPT);
    cr_assert_eq(log_reader_offset(reader), 2 * RIG_SEGMENT);
    log_reader_close(reader);
    damage_first_frame(&r, 0);
    cr_assert_eq(log_find_seq(r.log, 1, &offset), ERR_CORRUPT, "the oldest says what it is");
    rig_end(&r);
}

/* A disk that nobody may touch */
static enum err no_open(struct disk *d, const char *name, uint64_t size, int *file)
{
    cr_assert_fail("%s is opened (%p, %lu, %p)", name, (void *)d, size, (void *)file);
    return ERR_IO;
}

static enum err no_read(struct disk *d, int file, uint64_t offset, void *to, size_t size)
{
    cr_assert_fail("file %d is read at %lu (%p, %p, %zu)", file, offset, (void *)d, to, size);
    return ERR_IO;
}

static void no_close(struct disk *d, int file)
{
    cr_assert_fail("file %d is closed (%p)", file, (void *)d);
}

Test(log_find, what_was_fetched_is_taken_without_the_disk_and_is_all_there_is)
{
    struct rig r;
    struct log_reader *whole, *halves;
    enum err e;
    unsigned fetches = 0, frames = 0;
    rig_fill(&r, 37, 3500);
    cr_assert_gt(log_end(r.log), 3 * RIG_SEGMENT);
    damage_first_frame(&r, 3);
    const struct disk_ops *open = r.disk->ops;
    struct disk_ops shut = *open;
    shut.open = no_open;
    shut.read = no_read;
    shut.close = no_close;
    cr_assert_eq(log_reader_open(&whole, r.log, 0), OK);
    cr_assert_eq(log_reader_open(&halves, r.log, 0), OK);
    for (const struct log_frame *f; (f = log_reader_next(whole, UINT64_MAX, &e)) != NULL; frames++) {
        const struct log_frame *got;
        r.disk->ops = &shut;
        got = log_reader_fetched(halves, log_end(r.log));
        r.disk->ops = open;
        if (!got) {
            cr_assert_eq(log_reader_fetch(halves, log_end(r.log)), OK);
            fetches++;
            got = log_reader_fetched(halves, log_end(r.log));
        }
        cr_assert(got && got->offset == f->offset && got->crc == f->crc);
    }
    cr_assert_eq(e, ERR_CORRUPT);
    cr_assert_null(log_reader_fetched(halves, log_end(r.log)));
    cr_assert_eq(log_reader_fetch(halves, log_end(r.log)), ERR_CORRUPT);
    cr_assert_str_eq(log_reader_error(halves), log_reader_error(whole));
    cr_assert_eq(log_reader_offset(halves), log_reader_offset(whole));
    cr_assert(fetches >= 3 && fetches < frames / 10, "%u for %u frames", fetches, frames);
    log_reader_close(whole);
    log_reader_close(halves);
    rig_end(&r);
}
