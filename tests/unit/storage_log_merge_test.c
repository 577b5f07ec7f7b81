/* Merging: what order the log gives to the rings, and how much of it a poll takes. */
#include <criterion/criterion.h>

#include "log_rig.h"

Test(log_merge, holds_every_batch_once_after_its_cause_whatever_the_rings_hold)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct rig r;
        rig_init(&r, seed, NULL);
        rig_start(&r);
        for (unsigned round = 0; round < 60; round++) {
            rig_commit(&r, (unsigned)rig_chance(&r, 60));
            for (uint64_t n = rig_chance(&r, 6); n; n--)
                rig_poll(&r, rig_chance(&r, 2000000));
        }
        rig_settle(&r, true);
        struct rig_found found = rig_check(&r);
        uint64_t committed = 0;
        for (unsigned i = 0; i < RIG_AGENTS; i++) {
            cr_assert_eq(found.positions[i + 1], ring_tail(&r.rings[i].ring));
            committed += r.rings[i].count;
        }
        cr_assert_eq(found.frames, committed);
        cr_assert_gt(found.segments, 1);
        cr_assert_eq(rig_counter(&r, "rfqd_log_frames_total"), committed);
        cr_assert_gt(rig_counter(&r, "rfqd_log_merge_waits_total"), 0);
        rig_end(&r);
    }
}

Test(log_merge, any_prefix_is_a_consistent_cut)
{
    struct rig r;
    rig_init(&r, 3, NULL);
    disk_sim_set_latency(r.disk, 3000000, 6000000, 1000000);
    rig_start(&r);
    /* Whatever is written at any moment: rig_check looks for each cause. */
    for (unsigned round = 0; round < 300; round++) {
        rig_commit(&r, 8);
        rig_poll(&r, 300000);
        rig_check(&r);
    }
    rig_end(&r);
}

Test(log_merge, waits_for_a_cause_that_another_ring_has_not_shown_yet)
{
    struct rig r;
    rig_init(&r, 1, NULL);
    r.large = false;
    /* An effect in ring 1 of a cause in ring 2 that is behind ten thousand bytes of other batches. */
    rig_start(&r);
    while (rig_commit_in(&r, 1))
        ;
    struct ring *ring = &r.rings[0].ring;
    struct batch *b = ring_begin(ring, r.now_ns);
    b->cause_agent = 2;
    b->cause = ring_tail(&r.rings[1].ring);
    ring_add(ring, 1, 1, 64);
    uint64_t before = ring_tail(ring);
    ring_end(ring);
    ring_commit(ring);
    rig_poll(&r, 1000);
    cr_assert_eq(rig_counter(&r, "rfqd_log_merge_waits_total"), 1);
    for (unsigned n = 0; n < 1000 && atomic_load(&r.rings[1].ring.shared->head) != b->cause; n++) {
        cr_assert_leq(atomic_load(&ring->shared->head), before, "not written before its cause");
        rig_poll(&r, 100000);
    }
    for (unsigned n = 0; n < 1000 && atomic_load(&ring->shared->head) == before; n++)
        rig_poll(&r, 100000);
    cr_assert_eq(atomic_load(&ring->shared->head), ring_tail(ring));
    rig_end(&r);
}

Test(log_merge, a_poll_takes_a_bounded_number_of_batches_and_says_how_many)
{
    struct rig r;
    rig_init(&r, 5, NULL);
    r.record_size_max = 16;
    r.large = false;
    rig_start(&r);
    rig_commit(&r, 3 * LOG_POLL_BATCHES);
    unsigned taken = rig_poll(&r, 1000);
    cr_assert_leq(taken, LOG_POLL_BATCHES + LOG_TURN_BATCHES + LOG_COMPLETIONS);
    cr_assert_geq(taken, LOG_TURN_BATCHES);
    rig_settle(&r, true);
    cr_assert_eq(rig_poll(&r, 1000), 0, "nothing to do: idle");
    rig_end(&r);
}

Test(log_merge, an_idle_poll_asks_nothing_of_the_disk)
{
    struct rig r;
    rig_init(&r, 5, NULL);
    rig_start(&r);
    rig_commit(&r, 50);
    rig_settle(&r, true);
    for (unsigned n = 0; n < 1000; n++)
        rig_poll(&r, 1000000); /* the mark too comes to rest */
    uint64_t before = disk_sim_operations(r.disk);
    for (unsigned n = 0; n < 1000; n++)
        cr_assert_eq(rig_poll(&r, 1000000), 0);
    cr_assert_eq(disk_sim_operations(r.disk), before);
    rig_end(&r);
}

Test(log_merge, a_batch_that_is_not_sound_fails_the_log_and_never_gets_into_it)
{
    struct rig r;
    rig_init(&r, 6, NULL);
    rig_start(&r);
    rig_commit(&r, 20);
    rig_settle(&r, true);
    struct ring *ring = &r.rings[2].ring;
    struct batch *b = ring_begin(ring, r.now_ns);
    struct record *rec = ring_add(ring, 1, 1, 64);
    rec->dest = AGENTS_MAX;
    (void)b;
    ring_end(ring);
    ring_commit(ring);
    rig_poll(&r, 1000);
    cr_assert(log_failed(r.log));
    cr_assert(strstr(log_error(r.log), "ring of agent 3"), "%s", log_error(r.log));
    rig_check(&r);
    rig_end(&r);
}
