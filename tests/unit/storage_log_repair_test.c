/* Logs that are refused, and what repairing them gives up. */
#include <criterion/criterion.h>

#include "log_rig.h"
#include "storage/log/repair.h"

Test(log_repair, a_sound_log_is_described_and_left_alone)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 1, 2000);
    struct rig_found found = rig_check(&r);
    uint64_t durable = log_durable(r.log), incarnation = log_incarnation(r.log);
    rig_die(&r);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), ERR_STATE);
    cr_assert(report.has_mark && !report.damaged && !report.clean);
    cr_assert_eq(report.durable, durable);
    cr_assert_eq(report.begin, 0);
    cr_assert_eq(report.end, found.end);
    cr_assert_eq(report.frames, found.frames);
    cr_assert_eq(report.records, found.next_seq - 1);
    cr_assert_eq(report.next_seq, found.next_seq);
    cr_assert_eq(report.incarnation, incarnation);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_DROP, UINT64_MAX, &report), ERR_STATE);
    rig_start(&r);
    cr_assert_eq(log_end(r.log), found.end);
    rig_end(&r);
}

/* The n-th frame's offset. */
static uint64_t frame_at(struct rig *r, unsigned n)
{
    struct log_reader *reader;
    const struct log_frame *f = NULL;
    enum err e;
    cr_assert_eq(log_reader_open(&reader, r->log, 0), OK);
    for (; n; n--)
        f = log_reader_next(reader, UINT64_MAX, &e);
    uint64_t offset = f->offset;
    log_reader_close(reader);
    return offset;
}

static void damage(struct rig *r, uint64_t offset)
{
    char name[DISK_NAME_SIZE];
    segment_name(segment_base(offset, RIG_SEGMENT), name);
    cr_assert_eq(disk_sim_corrupt(r->disk, name, offset % RIG_SEGMENT + 60, 1), OK);
}

Test(log_repair, a_cut_keeps_what_is_before_the_damage_and_starts_a_new_stream_epoch)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 2, 100);
    uint64_t offset = frame_at(&r, 40), epoch = log_stream_epoch(r.log);
    rig_die(&r);
    damage(&r, offset);
    cr_assert_eq(rig_open(&r), ERR_CORRUPT);
    rig_die(&r);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), OK);
    cr_assert(report.damaged);
    cr_assert_eq(report.end, offset);
    cr_assert_eq(report.frames, 39);
    cr_assert(strstr(report.fault, "0000000000000000.log"), "%s", report.fault);
    cr_assert_eq(rig_open(&r), OK, "%s", log_error(r.log));
    cr_assert_eq(log_end(r.log), offset);
    cr_assert_eq(log_stream_epoch(r.log), epoch + 1);
    cr_assert_eq(rig_check(&r).frames, 39);
    rig_end(&r);
}

Test(log_repair, frames_behind_a_cut_never_come_back)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 3, 100);
    uint64_t offset = frame_at(&r, 40);
    rig_die(&r);
    damage(&r, offset);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), OK);
    /* Were the damage to heal, as a bad cable does, they would be good frames again but for their
     * incarnation. */
    cr_assert_eq(rig_open(&r), OK);
    struct log_source none[AGENTS_MAX] = {0};
    log_start(r.log, none, log_next_seq(r.log));
    cr_assert_eq(log_flush(r.log), OK);
    rig_die(&r);
    cr_assert_eq(rig_open(&r), OK);
    cr_assert_eq(log_end(r.log), offset);
    rig_end(&r);
}

Test(log_repair, a_drop_keeps_what_is_after_the_damaged_segment)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 4, 3500);
    uint64_t end = log_end(r.log), epoch = log_stream_epoch(r.log), offset = frame_at(&r, 30);
    cr_assert(offset < RIG_SEGMENT && end > 3 * RIG_SEGMENT);
    rig_hold(&r); /* the checkpoint knows the rings' positions */
    rig_die(&r);
    damage(&r, offset);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_DROP, RIG_SEGMENT - 8, &report), ERR_STATE,
                 "the store needs what would go");
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_DROP, RIG_SEGMENT, &report), OK);
    cr_assert_eq(report.end, offset);
    rig_start(&r);
    cr_assert_eq(log_begin(r.log), RIG_SEGMENT);
    cr_assert_eq(log_end(r.log), end);
    cr_assert_eq(log_stream_epoch(r.log), epoch);
    rig_commit(&r, 30);
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

Test(log_repair, a_drop_is_refused_where_the_mark_lies_in_the_damaged_segment)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 5, 60);
    uint64_t offset = frame_at(&r, 30);
    rig_die(&r);
    damage(&r, offset);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_DROP, UINT64_MAX, &report), ERR_STATE);
    rig_end(&r);
}

Test(log_repair, a_lost_mark_is_made_anew_from_the_frames)
{
    struct rig r;
    struct log_report report;
    rig_fill(&r, 6, 2500);
    uint64_t end = log_end(r.log), epoch = log_stream_epoch(r.log), incarnation = log_incarnation(r.log);
    rig_die(&r);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(disk_sim_corrupt(r.disk, MARK_FILE_NAME, i * MARK_SLOT_SIZE, 8), OK);
    cr_assert_eq(rig_open(&r), ERR_CORRUPT);
    rig_die(&r);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), OK);
    cr_assert(!report.has_mark && report.damaged);
    rig_start(&r);
    cr_assert_eq(log_end(r.log), end);
    cr_assert_gt(log_stream_epoch(r.log), epoch);
    cr_assert_gt(log_incarnation(r.log), incarnation);
    rig_commit(&r, 30);
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

Test(log_repair, what_is_no_log_of_ours_is_refused)
{
    struct rig r;
    struct log_report report;
    rig_init(&r, 7, NULL);
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), ERR_NOT_FOUND);
    rig_start(&r);
    rig_commit(&r, 20);
    rig_settle(&r, true);
    rig_die(&r);
    r.config.instance[0]++;
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), ERR_STALE);
    r.config.instance[0]--;
    r.config.segment_size *= 2;
    cr_assert_eq(log_repair(&r.config, LOG_REPAIR_CUT, UINT64_MAX, &report), ERR_STATE);
    rig_end(&r);
}
