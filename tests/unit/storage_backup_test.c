/* Real files: LMDB and io_uring under the small world; and copies of them taken beside it. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "storage/backup.h"
#include "storage_world.h"

static void hold(void *ctx, bool held)
{
    replica_hold_log(ctx, held);
}

static enum err back_up(struct world *w, const char *directory, struct backup_report *report)
{
    char log[80];
    snprintf(log, sizeof log, "%s/log", w->directory);
    const struct backup_input in = {.store = w->store,
                                    .log_directory = log,
                                    .directory = directory,
                                    .hold = hold,
                                    .hold_ctx = w->replica};
    return backup_run(&in, report);
}

Test(storage_backup, recovery_holds_on_real_files)
{
    struct world w;
    world_make_real(&w, 71);
    w.own_thread = true;
    for (unsigned life = 0; life < 6; life++) {
        world_start(&w, false);
        for (uint64_t n = random_below(&w.random, 800); n > 0; n--)
            world_step(&w);
        world_kill(&w);
    }
    world_start(&w, false);
    world_stop(&w);
    world_start(&w, false);
    cr_assert_eq(w.recovered.frames + w.recovered.batches, 0);
    world_kill(&w);
    world_free(&w);
}

/* Another world that begins with the copy: nothing but it, and the journals as the oracle. */
static void come_up_from(const struct world *w, const char *directory)
{
    struct world copy;
    world_make_real(&copy, 5);
    rmdir(copy.directory);
    strcpy(copy.directory, directory);
    copy.identity = w->identity;
    copy.now = w->now;
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        const struct world_journal *j = &w->journals[world_agents[i]];
        copy.journals[world_agents[i]] = (struct world_journal){malloc(j->size + 1), j->size, j->size};
        memcpy(copy.journals[world_agents[i]].bytes, j->bytes, j->size);
    }
    world_start(&copy, true); /* checks that it is the state of a prefix, and what was under way */
    cr_assert_gt(copy.recovered.next_seq, 100);
    for (unsigned n = 0; n < 300; n++)
        world_step(&copy);
    world_stop(&copy);
    world_free(&copy);
}

Test(storage_backup, comes_up_as_a_prefix_of_what_it_was_taken_from)
{
    struct world w;
    struct backup_report report;
    char directory[64];
    world_make_real(&w, 73);
    world_start(&w, false);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned n = 0; n < 700; n++)
            world_step(&w);
        world_settle(&w); /* a real disk is slower than a made-up clock */
        for (unsigned n = 0; n < 700; n++)
            world_step(&w);
        snprintf(directory, sizeof directory, "/tmp/rfqd-backup-%d-%u", getpid(), round);
        cr_assert_eq(back_up(&w, directory, &report), OK, "%s", store_error());
        cr_assert(report.segments >= 1 && report.store_size > 4096 && report.log_size > 4096);
        come_up_from(&w, directory);
    }
    world_stop(&w);
    world_free(&w);
}

struct beside {
    struct world *w;
    char directory[64];
    enum err e;
    struct backup_report report;
    _Atomic bool done;
};

static void *run_beside(void *arg)
{
    struct beside *b = arg;
    b->e = back_up(b->w, b->directory, &b->report);
    b->done = true;
    return NULL;
}

/* The log recycles its segments all the time, were it not held. */
Test(storage_backup, is_whole_though_the_process_goes_on_and_recycles)
{
    struct world w;
    struct beside b = {.w = &w};
    pthread_t thread;
    world_make_real(&w, 79);
    w.own_thread = true;
    w.retain_size = 1;
    world_start(&w, false);
    while (log_begin(w.log) == 0)
        world_step(&w);
    world_settle(&w);
    snprintf(b.directory, sizeof b.directory, "/tmp/rfqd-backup-%d-b", getpid());
    cr_assert_eq(pthread_create(&thread, NULL, run_beside, &b), 0);
    while (!b.done)
        world_step(&w);
    pthread_join(thread, NULL);
    cr_assert_eq(b.e, OK, "%s", store_error());
    come_up_from(&w, b.directory);
    world_kill(&w);
    world_free(&w);
}

Test(storage_backup, holds_the_log_while_somebody_asks_for_it)
{
    struct world w;
    world_make(&w, 83);
    w.retain_size = 1;
    world_start(&w, false);
    replica_hold_log(w.replica, true);
    while (log_end(w.log) < 6 * LOG_SEGMENT_SIZE_MIN)
        world_step(&w);
    world_settle(&w);
    cr_assert_eq(log_begin(w.log), 0);
    replica_hold_log(w.replica, false);
    for (unsigned n = 0; n < 5000 && log_begin(w.log) == 0; n++)
        world_step(&w);
    cr_assert_gt(log_begin(w.log), 0);
    world_stop(&w);
    world_free(&w);
}

Test(storage_backup, refuses_a_directory_that_is_not_empty)
{
    struct world w;
    struct backup_report report;
    world_make_real(&w, 89);
    world_start(&w, false);
    cr_assert_eq(back_up(&w, w.directory, &report), ERR_EXISTS);
    cr_assert(strstr(store_error(), "not empty"));
    world_kill(&w);
    world_free(&w);
}
