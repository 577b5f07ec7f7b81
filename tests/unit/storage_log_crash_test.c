/* Death of the process and of the power: what a log holds afterwards. */
#include <criterion/criterion.h>

#include "log_rig.h"

static void latencies(struct rig *r)
{
    disk_sim_set_latency(r->disk, 2000000, 9000000, 20000000);
}

Test(log_crash, kill_at_every_step_loses_nothing_written_and_merges_the_rest_once)
{
    for (unsigned steps = 0; steps < 150; steps++) {
        struct rig r;
        rig_init(&r, steps / 3, NULL);
        latencies(&r);
        rig_start(&r);
        for (unsigned n = 0; n < steps; n++) {
            rig_commit(&r, (unsigned)rig_chance(&r, 30));
            rig_poll(&r, rig_chance(&r, 3000000));
        }
        uint64_t written = log_written(r.log), epoch = log_stream_epoch(r.log);
        rig_die(&r);
        rig_start(&r);
        cr_assert_geq(log_end(r.log), written);
        cr_assert_eq(log_stream_epoch(r.log), epoch, "readers were shown nothing that is gone");
        rig_commit(&r, 40);
        rig_settle(&r, true);
        rig_check(&r);
        rig_end(&r);
    }
}

Test(log_crash, kill_after_kill_on_one_disk)
{
    struct rig r;
    rig_init(&r, 77, NULL);
    latencies(&r);
    rig_start(&r);
    for (unsigned round = 0; round < 200; round++) {
        for (uint64_t n = rig_chance(&r, 12); n; n--) {
            rig_commit(&r, (unsigned)rig_chance(&r, 40));
            rig_poll(&r, rig_chance(&r, 4000000));
        }
        uint64_t written = log_written(r.log);
        rig_die(&r);
        rig_start(&r);
        cr_assert_geq(log_end(r.log), written);
    }
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

/* One run between two cuts, then the cut. */
static void run_and_cut(struct rig *r)
{
    for (uint64_t n = rig_chance(r, 40); n; n--) {
        rig_commit(r, (unsigned)rig_chance(r, 50));
        rig_poll(r, rig_chance(r, 4000000));
        if (rig_chance(r, 12) == 0 && r->config.retain_size)
            rig_hold(r);
    }
    uint64_t durable = log_durable(r->log), epoch = log_stream_epoch(r->log),
             incarnation = log_incarnation(r->log);
    uint64_t positions[RIG_AGENTS];
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        positions[i] = ring_durable(&r->rings[i].ring);
    struct rig_found found = rig_power_cut(r);
    cr_assert_geq(log_end(r->log), durable, "all that was durable is there");
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        cr_assert_geq(found.positions[i + 1], positions[i],
                      "what was called durable to a writer is in the log");
    cr_assert_gt(log_stream_epoch(r->log), epoch, "readers may have been shown more");
    cr_assert_gt(log_incarnation(r->log), incarnation);
}

#ifdef RFQD_SANITIZED /* which looks for other faults, and is slow */
#define FEWER 4u
#else
#define FEWER 1u
#endif

Test(log_crash, power_cuts_by_the_thousand_keep_a_prefix_with_all_that_was_durable)
{
    for (uint64_t seed = 0; seed < 40 / FEWER; seed++) {
        struct rig r;
        rig_init(&r, 1000 + seed, NULL);
        latencies(&r);
        rig_start(&r);
        for (unsigned cut = 0; cut < 25; cut++)
            run_and_cut(&r);
        rig_end(&r);
    }
}

Test(log_crash, power_cuts_over_recycled_segments)
{
    uint64_t recycled = 0;
    for (uint64_t seed = 0; seed < 20 / FEWER; seed++) {
        struct rig r;
        rig_init(&r, 2000 + seed, NULL);
        latencies(&r);
        r.config.retain_size = RIG_SEGMENT / 2;
        rig_start(&r);
        for (unsigned cut = 0; cut < 50; cut++)
            run_and_cut(&r);
        recycled += rig_counter(&r, "rfqd_log_recycled_total");
        rig_end(&r);
    }
    cr_assert_gt(recycled, 20 / FEWER);
}

Test(log_crash, power_cuts_and_kills_in_turn)
{
    struct rig r;
    rig_init(&r, 31, NULL);
    latencies(&r);
    rig_start(&r);
    for (unsigned round = 0; round < 150; round++) {
        for (uint64_t n = rig_chance(&r, 10); n; n--) {
            rig_commit(&r, (unsigned)rig_chance(&r, 50));
            rig_poll(&r, rig_chance(&r, 3000000));
        }
        if (rig_chance(&r, 2)) {
            run_and_cut(&r);
        } else {
            rig_die(&r);
            rig_start(&r);
        }
    }
    rig_settle(&r, true);
    rig_check(&r);
    rig_end(&r);
}

/* log.h, «The stream epoch grows». */
Test(log_crash, stream_epoch_by_the_table)
{
    static const struct {
        bool clean, reboot, boot_known, shown_lost;
        uint64_t growth;
    } rows[] = {
        {true, false, true, false, 0},   {true, true, true, false, 0},  {true, true, false, false, 0},
        {false, false, true, false, 0},  {false, false, true, true, 1}, {false, true, true, false, 1},
        {false, false, false, false, 1},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig r;
        rig_init(&r, i, NULL);
        if (!rows[i].boot_known)
            memset(r.config.boot, 0, sizeof r.config.boot);
        rig_start(&r);
        rig_commit(&r, 30);
        if (rows[i].shown_lost)
            disk_sim_hang(r.disk, 0);
        rig_settle(&r, true);
        uint64_t epoch = log_stream_epoch(r.log), durable = log_durable(r.log);
        if (rows[i].clean)
            cr_assert_eq(log_flush(r.log), OK);
        if (rows[i].shown_lost) {
            /* Written and named in the mark, not synced; then damaged: the page cache has not kept its word.
             */
            for (unsigned n = 0; n < 300; n++)
                rig_poll(&r, 1000000);
            rig_commit(&r, 30);
            disk_sim_set_latency(r.disk, 0, 1, 0);
            struct mark m;
            rig_settle(&r, false);
            mark_compose(r.log, &m, false);
            m.durable = durable;
            m.next_seq = r.log->mark.next_seq;
            mark_seal(&m);
            int file;
            struct disk_completion done;
            cr_assert_eq(r.disk->ops->open(r.disk, MARK_FILE_NAME, 0, &file), OK);
            cr_assert_eq(r.disk->ops->write(r.disk, file, mark_slot_offset(&m), &m, sizeof m, 99), OK);
            while (r.disk->ops->poll(r.disk, &done, 1) == 0 || done.token != 99)
                r.disk->ops->wait(r.disk);
            r.disk->ops->close(r.disk, file);
            cr_assert_eq(disk_sim_corrupt(r.disk, "0000000000000000.log", durable, 16), OK);
        }
        rig_die(&r);
        if (rows[i].reboot)
            r.config.boot[0]++;
        cr_assert_eq(rig_open(&r), OK);
        cr_assert_eq(log_stream_epoch(r.log), epoch + rows[i].growth, "row %u", i);
        rig_end(&r);
    }
}

Test(log_crash, a_clean_stop_is_taken_back_before_anything_is_added)
{
    struct rig r;
    rig_init(&r, 8, NULL);
    latencies(&r);
    rig_start(&r);
    rig_commit(&r, 30);
    cr_assert_eq(log_flush(r.log), OK);
    cr_assert_eq(log_durable(r.log), log_end(r.log));
    cr_assert(rig_is_settled(&r, true));
    /* The same log goes on. */
    rig_commit(&r, 30);
    uint64_t epoch = log_stream_epoch(r.log), end = log_end(r.log);
    while (log_end(r.log) == end)
        rig_poll(&r, 100000);
    cr_assert_eq(r.log->mark.clean, 0);
    rig_power_cut(&r);
    cr_assert_gt(log_stream_epoch(r.log), epoch);
    rig_end(&r);
}

Test(log_crash, flush_after_flush_and_open_after_open_write_no_frame)
{
    struct rig r;
    rig_init(&r, 9, NULL);
    rig_start(&r);
    rig_commit(&r, 100);
    cr_assert_eq(log_flush(r.log), OK);
    cr_assert_eq(log_flush(r.log), OK);
    uint64_t end = log_end(r.log), epoch = log_stream_epoch(r.log);
    for (unsigned n = 0; n < 5; n++) {
        rig_die(&r);
        rig_start(&r);
        cr_assert_eq(log_flush(r.log), OK);
        cr_assert_eq(log_end(r.log), end);
        cr_assert_eq(log_stream_epoch(r.log), epoch);
    }
    rig_end(&r);
}

/* A frame of one record of this size, so that what is written after a cut ends where something older begins.
 */
static void equal_batch(struct rig *r, char letter)
{
    struct ring *ring = &r->rings[0].ring;
    ring_begin(ring, r->now_ns);
    struct record *rec = ring_add(ring, 1, 1, sizeof *rec + 40);
    memset(rec + 1, letter, 40);
    ring_end(ring);
    ring_commit(ring);
}

static unsigned frames_read(struct rig *r, char letters[8])
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    unsigned n = 0;
    cr_assert_eq(log_reader_open(&reader, r->log, 0), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e)))
        letters[n++] = *(const char *)(batch_first(log_frame_batch(f)) + 1);
    cr_assert_eq(e, OK);
    letters[n] = 0;
    log_reader_close(reader);
    return n;
}

Test(log_crash, frames_left_over_from_before_a_cut_are_not_taken_for_what_comes_next)
{
    struct rig r;
    char letters[8];
    rig_init(&r, 55, NULL);
    rig_start(&r);
    disk_sim_set_latency(r.disk, 0, 1000000000000, 0); /* nothing gets durable */
    for (const char *p = "abc"; *p; p++)
        equal_batch(&r, *p);
    rig_settle(&r, false);
    cr_assert_eq(frames_read(&r, letters), 3);
    uint64_t size = log_end(r.log) / 3;
    /* The power cut has taken b and left c. */
    cr_assert_eq(disk_sim_corrupt(r.disk, "0000000000000000.log", size, size), OK);
    rig_die(&r);
    disk_sim_set_latency(r.disk, 0, 0, 0);
    for (unsigned run = 0; run < 2; run++) {
        r.config.boot[0]++;
        cr_assert_eq(rig_open(&r), OK);
        frames_read(&r, letters);
        cr_assert_str_eq(letters, run ? "aB" : "a", "%s", letters);
        if (run == 0) {
            struct ring *ring = &r.rings[0].ring;
            uint64_t merged = size - sizeof(struct log_frame);
            ring->shared->tail = ring->shared->head = ring->shared->durable = ring->write = ring->head =
                merged;
            struct log_source sources[AGENTS_MAX] = {[1] = {.ring = ring, .merged = merged}};
            log_start(r.log, sources, log_next_seq(r.log));
            equal_batch(&r, 'B');
            rig_poll(&r, 1000000);
            rig_poll(&r, 1000000);
            cr_assert_eq(log_written(r.log), 2 * size);
        }
        rig_die(&r);
    }
    rig_end(&r);
}
