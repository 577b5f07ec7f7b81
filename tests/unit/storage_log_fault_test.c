/* What a disk does to a log that is running, and what years do to one that is not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "log_rig.h"

/* Frames that a reader finds, as a picture of the log to change and to compare. */
static uint64_t frame_offset(struct rig *r, unsigned which, uint32_t *size)
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    cr_assert_eq(log_reader_open(&reader, r->log, log_begin(r->log)), OK);
    uint64_t offset = UINT64_MAX;
    for (unsigned n = 0; n <= which && (f = log_reader_next(reader, UINT64_MAX, &e)); n++) {
        offset = f->offset;
        *size = f->size;
    }
    log_reader_close(reader);
    return offset;
}

Test(log_fault, every_kind_of_damage_below_the_mark_is_refused_and_named)
{
    /* one byte of: magic, crc, size, pad, offset, first_seq, incarnation, batch header, body */
    static const unsigned at[] = {0, 4, 8, 12, 16, 24, 32, 50, 150};
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct rig r;
        rig_fill(&r, 5, 60);
        uint32_t size;
        uint64_t offset = frame_offset(&r, 20, &size);
        char name[DISK_NAME_SIZE], expected[64];
        segment_name(segment_base(offset, RIG_SEGMENT), name);
        cr_assert_gt(size, at[i]);
        cr_assert_eq(disk_sim_corrupt(r.disk, name, offset % RIG_SEGMENT + at[i], 1), OK);
        rig_die(&r);
        cr_assert_eq(rig_open(&r), ERR_CORRUPT);
        cr_assert(strstr(log_error(r.log), name), "%s", log_error(r.log));
        snprintf(expected, sizeof expected, "offset %lu", offset);
        cr_assert(strstr(log_error(r.log), expected), "%s", log_error(r.log));
        rig_end(&r);
    }
}

Test(log_fault, damage_in_an_older_segment_is_named_by_its_reader)
{
    struct rig r;
    rig_fill(&r, 6, 2500);
    cr_assert_gt(log_end(r.log), 2 * RIG_SEGMENT);
    uint32_t size;
    uint64_t offset = frame_offset(&r, 5, &size);
    cr_assert_lt(offset, RIG_SEGMENT);
    cr_assert_eq(disk_sim_corrupt(r.disk, "0000000000000000.log", offset + size - 1, 1), OK);
    rig_die(&r);
    cr_assert_eq(rig_open(&r), OK, "the start looks at the end only: %s", log_error(r.log));
    struct log_reader *reader;
    enum err e;
    cr_assert_eq(log_reader_open(&reader, r.log, 0), OK);
    unsigned frames = 0;
    while (log_reader_next(reader, UINT64_MAX, &e))
        frames++;
    cr_assert_eq(frames, 5);
    cr_assert_eq(e, ERR_CORRUPT);
    cr_assert(strstr(log_reader_error(reader), "0000000000000000.log"), "%s", log_reader_error(reader));
    cr_assert_eq(log_reader_offset(reader), offset);
    log_reader_close(reader);
    rig_end(&r);
}

Test(log_fault, damage_above_the_mark_cuts_the_log_there)
{
    struct rig r;
    rig_fill(&r, 7, 60);
    uint64_t mark = log_durable(r.log);
    r.config.boot[0]++;
    rig_commit(&r, 1);
    disk_sim_set_latency(r.disk, 0, 1000000000000, 0);
    rig_settle(&r, false);
    cr_assert_eq(disk_sim_corrupt(r.disk, "0000000000000000.log", mark + 20, 1), OK);
    rig_die(&r);
    disk_sim_set_latency(r.disk, 0, 0, 0);
    cr_assert_eq(rig_open(&r), OK);
    cr_assert_eq(log_end(r.log), mark);
    rig_end(&r);
}

Test(log_fault, missing_files_are_refused_and_named)
{
    struct rig r;
    rig_fill(&r, 6, 1500);
    uint64_t end_base = segment_base(log_durable(r.log), RIG_SEGMENT);
    rig_die(&r);
    char name[DISK_NAME_SIZE];
    segment_name(end_base, name);
    cr_assert_eq(r.disk->ops->rename(r.disk, name, "away"), OK);
    cr_assert_eq(rig_open(&r), ERR_CORRUPT);
    cr_assert_neq(log_error(r.log)[0], 0);
    rig_die(&r);
    cr_assert_eq(r.disk->ops->rename(r.disk, "away", name), OK);
    cr_assert_eq(r.disk->ops->rename(r.disk, MARK_FILE_NAME, "away"), OK);
    cr_assert_eq(rig_open(&r), ERR_CORRUPT);
    cr_assert(strstr(log_error(r.log), MARK_FILE_NAME), "%s", log_error(r.log));
    rig_die(&r);
    cr_assert_eq(r.disk->ops->rename(r.disk, "away", MARK_FILE_NAME), OK);
    rig_start(&r);
    rig_end(&r);
}

Test(log_fault, one_slot_of_the_mark_may_be_lost_not_both)
{
    for (unsigned slot = 0; slot < 2; slot++) {
        struct rig r;
        rig_fill(&r, 10 + slot, 60);
        uint64_t end = log_end(r.log);
        rig_die(&r);
        cr_assert_eq(disk_sim_corrupt(r.disk, MARK_FILE_NAME, slot * MARK_SLOT_SIZE + 30, 4), OK);
        rig_start(&r);
        cr_assert_eq(log_end(r.log), end);
        rig_die(&r);
        for (unsigned i = 0; i < 2; i++)
            cr_assert_eq(disk_sim_corrupt(r.disk, MARK_FILE_NAME, i * MARK_SLOT_SIZE + 30, 1), OK);
        cr_assert_eq(rig_open(&r), ERR_CORRUPT);
        rig_end(&r);
    }
}

Test(log_fault, a_log_of_another_instance_or_segment_size_is_refused)
{
    struct rig r;
    rig_fill(&r, 12, 60);
    rig_die(&r);
    r.config.instance[3]++;
    cr_assert_eq(rig_open(&r), ERR_STALE);
    rig_die(&r);
    r.config.instance[3]--;
    r.config.segment_size *= 2;
    cr_assert_eq(rig_open(&r), ERR_STATE);
    rig_die(&r);
    r.config.segment_size = RIG_SEGMENT - 4096;
    cr_assert_eq(rig_open(&r), ERR_RANGE);
    rig_die(&r);
    r.config.segment_size = RIG_SEGMENT;
    rig_start(&r);
    rig_end(&r);
}

Test(log_fault, segments_are_recycled_behind_the_hold_and_the_retention_only)
{
    struct rig r;
    rig_init(&r, 20, NULL);
    disk_sim_set_latency(r.disk, 1000000, 3000000, 5000000);
    r.config.retain_size = 2 * RIG_SEGMENT;
    rig_start(&r);
    uint64_t used_max = 0;
    for (unsigned round = 0; round < 3000; round++) {
        rig_commit(&r, 10);
        rig_poll(&r, 1000000);
        uint64_t begin = log_begin(r.log), end = log_end(r.log);
        cr_assert(begin == 0 || begin + 2 * RIG_SEGMENT <= end, "the retention is kept");
        if (round < 500)
            cr_assert_eq(begin, 0, "nobody has let go");
        if (round >= 500 && round % 100 == 0)
            rig_hold(&r);
        if (round > 1000 && disk_sim_used(r.disk) > used_max)
            used_max = disk_sim_used(r.disk);
    }
    cr_assert_gt(log_end(r.log), 12 * RIG_SEGMENT);
    cr_assert_gt(rig_counter(&r, "rfqd_log_recycled_total"), 5);
    cr_assert_leq(used_max, 7 * RIG_SEGMENT, "bounded by hold and retention");
    rig_settle(&r, true);
    rig_check(&r);
    rig_die(&r);
    rig_start(&r);
    rig_end(&r);
}

Test(log_fault, surplus_segments_are_removed_when_a_long_hold_ends)
{
    struct rig r;
    rig_fill(&r, 21, 6000);
    rig_die(&r);
    r.config.retain_size = RIG_SEGMENT;
    rig_start(&r);
    uint64_t before = disk_sim_used(r.disk);
    cr_assert_gt(before, 7 * RIG_SEGMENT);
    rig_hold(&r);
    for (unsigned n = 0; n < 300; n++)
        rig_poll(&r, 1000000);
    cr_assert_leq(disk_sim_used(r.disk), 5 * RIG_SEGMENT + MARK_FILE_SIZE);
    cr_assert_gt(rig_counter(&r, "rfqd_log_removed_total"), 0);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_segment_that_could_not_be_recycled_for_want_of_space_stays_the_oldest)
{
    struct rig r;
    rig_fill(&r, 24, 4000);
    rig_die(&r);
    r.config.retain_size = RIG_SEGMENT;
    rig_start(&r);
    rig_commit(&r, 10);
    rig_settle(&r, true);
    disk_sim_fail_jobs(r.disk, ENOSPC, 3);
    rig_hold(&r);
    for (unsigned n = 0; n < 250; n++) {
        rig_poll(&r, 1000000);
        cr_assert_eq(log_begin(r.log) > 0 && r.log->job == LOG_JOB_NONE, false, "nothing is gone");
    }
    cr_assert_eq(rig_check(&r).frames,
                 r.rings[0].count + r.rings[1].count + r.rings[2].count + r.rings[3].count);
    for (unsigned n = 0; n < 400; n++)
        rig_poll(&r, 1000000);
    cr_assert_gt(log_begin(r.log), 0, "tried again until it could be");
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_segment_that_cannot_be_made_for_another_reason_fails_the_log)
{
    struct rig r;
    rig_init(&r, 25, NULL);
    rig_start(&r);
    disk_sim_fail_jobs(r.disk, EIO, 1);
    rig_commit(&r, 10);
    rig_poll(&r, 1000000);
    rig_poll(&r, 1000000);
    cr_assert(log_failed(r.log));
    cr_assert(strstr(log_error(r.log), "segment"), "%s", log_error(r.log));
    rig_end(&r);
}

Test(log_fault, a_reader_that_is_too_slow_is_told_so)
{
    struct rig r;
    rig_init(&r, 22, NULL);
    r.config.retain_size = 1;
    rig_start(&r);
    struct log_reader *reader;
    enum err e;
    cr_assert_eq(log_reader_open(&reader, r.log, 0), OK);
    rig_commit(&r, 50);
    rig_settle(&r, true);
    cr_assert_not_null(log_reader_next(reader, UINT64_MAX, &e));
    while (log_begin(r.log) < 2 * RIG_SEGMENT) {
        rig_commit(&r, 50);
        rig_settle(&r, true);
        rig_hold(&r);
        for (unsigned n = 0; n < 150; n++)
            rig_poll(&r, 1000000);
    }
    while (log_reader_next(reader, UINT64_MAX, &e))
        ;
    cr_assert_eq(e, ERR_NOT_FOUND, "%s", err_text(e));
    cr_assert_neq(log_reader_error(reader)[0], 0);
    log_reader_close(reader);
    cr_assert_eq(log_reader_open(&reader, r.log, 0), ERR_NOT_FOUND);
    cr_assert_eq(log_reader_open(&reader, r.log, log_written(r.log) + 8), ERR_RANGE);
    rig_end(&r);
}

static void commit_until_full(struct rig *r)
{
    for (unsigned n = 0; n < 100000; n++) {
        if (!rig_commit(r, 1))
            return;
        if (n % 16 == 0)
            rig_poll(r, 200000);
    }
    cr_assert_fail("the rings never filled");
}

Test(log_fault, no_space_for_a_segment_stalls_and_goes_on_without_loss)
{
    struct rig r;
    rig_init(&r, 30, NULL);
    disk_sim_set_capacity(r.disk, 2 * RIG_SEGMENT + MARK_FILE_SIZE);
    rig_start(&r);
    commit_until_full(&r);
    rig_poll(&r, 1000000);
    cr_assert_not_null(log_stalled(r.log));
    cr_assert(strstr(log_stalled(r.log), "no space"), "%s", log_stalled(r.log));
    cr_assert_eq(rig_counter(&r, "rfqd_log_stalled"), 1);
    cr_assert_not(log_failed(r.log));
    cr_assert_eq(log_flush(r.log), ERR_FULL, "a stop does not wait for space");
    rig_check(&r);
    disk_sim_set_capacity(r.disk, 20 * RIG_SEGMENT);
    rig_settle(&r, true);
    cr_assert_null(log_stalled(r.log));
    cr_assert_eq(rig_counter(&r, "rfqd_log_stalled"), 0);
    cr_assert_eq(rig_counter(&r, "rfqd_log_stalls_total"), 1);
    struct rig_found found = rig_check(&r);
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        cr_assert_eq(found.positions[i + 1], ring_tail(&r.rings[i].ring));
    rig_end(&r);
}

Test(log_fault, space_that_returns_by_recycling_ends_the_stall)
{
    struct rig r;
    rig_init(&r, 31, NULL);
    r.config.retain_size = 1;
    disk_sim_set_capacity(r.disk, 2 * RIG_SEGMENT + MARK_FILE_SIZE);
    rig_start(&r);
    commit_until_full(&r);
    for (unsigned n = 0; n < 400; n++)
        rig_poll(&r, 1000000);
    cr_assert_not_null(log_stalled(r.log));
    for (unsigned n = 0; n < 100 && !rig_is_settled(&r, true); n++) {
        rig_hold(&r);
        for (unsigned m = 0; m < 400; m++)
            rig_poll(&r, 1000000);
    }
    cr_assert(rig_is_settled(&r, true));
    cr_assert_null(log_stalled(r.log));
    rig_end(&r);
}

Test(log_fault, a_full_disk_at_the_first_start_stalls_and_no_more)
{
    struct rig r;
    rig_init(&r, 32, NULL);
    disk_sim_set_capacity(r.disk, MARK_FILE_SIZE);
    rig_start(&r);
    rig_commit(&r, 10);
    rig_poll(&r, 1000000);
    cr_assert_not_null(log_stalled(r.log));
    cr_assert_eq(log_end(r.log), 0);
    disk_sim_set_capacity(r.disk, 10 * RIG_SEGMENT);
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

/* As at the start of the process, when no poll has told the time yet. */
Test(log_fault, a_flush_before_the_first_poll_on_a_full_disk_says_so)
{
    struct rig r;
    rig_init(&r, 33, NULL);
    disk_sim_set_capacity(r.disk, MARK_FILE_SIZE);
    rig_start(&r);
    rig_commit(&r, 10);
    cr_assert_eq(log_flush(r.log), ERR_FULL);
    cr_assert(log_stalled(r.log) && strstr(log_stalled(r.log), "no space"));
    disk_sim_set_capacity(r.disk, 10 * RIG_SEGMENT);
    cr_assert_eq(log_flush(r.log), OK);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_write_without_space_is_tried_again_in_order)
{
    struct rig r;
    rig_init(&r, 33, NULL);
    disk_sim_set_latency(r.disk, 1000000, 2000000, 3000000);
    rig_start(&r);
    for (unsigned round = 0; round < 40; round++) {
        disk_sim_fail_writes(r.disk, ENOSPC, 1 + (uint32_t)rig_chance(&r, 4));
        rig_commit(&r, 30);
        for (unsigned n = 0; n < 10; n++)
            rig_poll(&r, 1000000);
        cr_assert_not_null(log_stalled(r.log));
        rig_check(&r);
        disk_sim_fail_writes(r.disk, 0, 0);
        rig_settle(&r, true);
        cr_assert_null(log_stalled(r.log));
    }
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_failed_write_fails_the_log_for_good_and_releases_no_ring)
{
    struct rig r;
    rig_init(&r, 34, NULL);
    rig_start(&r);
    rig_commit(&r, 30);
    rig_settle(&r, true);
    uint64_t written = log_written(r.log);
    disk_sim_fail_writes(r.disk, EIO, 1);
    rig_commit(&r, 30);
    for (unsigned n = 0; n < 1000; n++)
        rig_poll(&r, 1000000);
    cr_assert(log_failed(r.log));
    cr_assert(strstr(log_error(r.log), strerror(EIO)), "%s", log_error(r.log));
    cr_assert_eq(rig_counter(&r, "rfqd_log_failed"), 1);
    cr_assert_eq(log_written(r.log), written);
    cr_assert_not(rig_is_settled(&r, false));
    cr_assert_eq(log_flush(r.log), ERR_IO);
    /* A new start with a disk that works again loses nothing. */
    rig_die(&r);
    rig_start(&r);
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_failed_sync_is_never_retried)
{
    struct rig r;
    rig_fill(&r, 35, 30); /* the mark is at rest: the next sync is the segment's */
    uint64_t durable = log_durable(r.log);
    disk_sim_fail_syncs(r.disk, EIO, 1);
    rig_commit(&r, 30);
    for (unsigned n = 0; n < 1000; n++) {
        rig_poll(&r, 1000000);
        cr_assert_eq(log_durable(r.log), durable);
    }
    cr_assert(log_failed(r.log));
    cr_assert(strstr(log_error(r.log), "a sync of the log failed"), "%s", log_error(r.log));
    cr_assert_not(rig_is_settled(&r, true));
    rig_power_cut(&r);
    rig_check(&r);
    rig_end(&r);
}

/* The kernel takes what a failed sync left behind as clean: a sync of the next start that writes nothing would succeed
 * for bytes that are on no disk. */
Test(log_fault, a_start_after_a_failed_sync_makes_durable_what_it_says_is_durable)
{
    struct rig r;
    rig_fill(&r, 35, 30);
    disk_sim_fail_syncs(r.disk, EIO, 1);
    rig_commit(&r, 30);
    for (unsigned n = 0; n < 50 && !log_failed(r.log); n++)
        rig_poll(&r, 1000000);
    cr_assert(log_failed(r.log));
    rig_die(&r); /* on the same boot: the page cache lives */
    rig_start(&r);
    rig_commit(&r, 10);
    rig_settle(&r, true);
    rig_power_cut(&r);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_failed_sync_of_the_mark_fails_the_log_too)
{
    struct rig r;
    rig_fill(&r, 36, 30);
    rig_commit(&r, 30);
    while (r.log->mark_step != MARK_WRITING)
        rig_poll(&r, 1000000);
    disk_sim_fail_syncs(r.disk, EIO, 1);
    for (unsigned n = 0; n < 10; n++)
        rig_poll(&r, 1000);
    cr_assert(log_failed(r.log));
    cr_assert(strstr(log_error(r.log), "mark"), "%s", log_error(r.log));
    rig_power_cut(&r);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, a_disk_that_hangs_blocks_nobody_and_loses_nothing)
{
    struct rig r;
    rig_init(&r, 36, NULL);
    disk_sim_set_latency(r.disk, 500000, 2000000, 1000000);
    rig_start(&r);
    rig_commit(&r, 100);
    rig_settle(&r, true);
    uint64_t written = log_written(r.log);
    disk_sim_hang(r.disk, r.now_ns + 2000000000);
    commit_until_full(&r);
    cr_assert_eq(log_written(r.log), written);
    while (r.now_ns < 1000000000ull + 1900000000ull)
        rig_poll(&r, 1000000);
    cr_assert_not_null(log_stalled(r.log), "after a second it is said");
    cr_assert_not(log_failed(r.log));
    rig_settle(&r, true);
    cr_assert_null(log_stalled(r.log));
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, syncs_that_lag_hold_the_merging_at_a_bounded_distance)
{
    struct rig r;
    rig_init(&r, 37, NULL);
    rig_start(&r);
    disk_sim_set_latency(r.disk, 0, 400000000000, 0);
    for (unsigned n = 0; n < 20000; n++) {
        rig_commit(&r, 4);
        rig_poll(&r, 100000);
    }
    cr_assert_leq(log_end(r.log) - log_durable(r.log), LOG_OPEN_SEGMENTS * RIG_SEGMENT);
    cr_assert_gt(log_end(r.log) - log_durable(r.log),
                 (LOG_OPEN_SEGMENTS - 1) * RIG_SEGMENT - LOG_BUFFER_SIZE);
    cr_assert_not_null(log_stalled(r.log));
    disk_sim_set_latency(r.disk, 0, 0, 0);
    rig_poll(&r, 400000000000);
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

Test(log_fault, syncs_are_at_most_an_interval_apart_and_never_two_at_once)
{
    struct rig r;
    rig_init(&r, 38, NULL);
    r.large = false;
    disk_sim_set_latency(r.disk, 100000, 1000000, 0);
    rig_start(&r);
    uint64_t unsynced_since = 0;
    for (unsigned n = 0; n < 20000; n++) {
        if (rig_chance(&r, 20) == 0)
            rig_commit(&r, 1);
        uint64_t durable = log_durable(r.log);
        rig_poll(&r, 50000);
        if (log_durable(r.log) != durable || log_durable(r.log) == log_written(r.log))
            unsynced_since = r.now_ns;
        /* its interval, its sync, and one of the mark before it */
        cr_assert_leq(r.now_ns - unsynced_since, LOG_SYNC_INTERVAL_NS + 3 * 1000000 + 4 * 50000);
    }
    cr_assert_gt(rig_counter(&r, "rfqd_log_syncs_total"), 100);
    cr_assert_gt(log_sync_times(r.log)->count, 100);
    rig_end(&r);
}
