/* One contract for both disks, and what only the real one can get wrong. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/log/disk_sim.h"

#define SIZE 65536u

struct place {
    struct disk *disk;
    char directory[64];
};

static void place_make(struct place *p, bool real)
{
    *p = (struct place){0};
    if (!real) {
        cr_assert_eq(disk_sim_create(&p->disk, 1), OK);
        return;
    }
    snprintf(p->directory, sizeof p->directory, "/tmp/rfqd-disk-XXXXXX");
    cr_assert_not_null(mkdtemp(p->directory));
    cr_assert_eq(disk_uring_create(&p->disk, p->directory), OK);
}

static void place_end(struct place *p)
{
    char name[DISK_NAME_SIZE];
    while (p->disk->ops->list(p->disk, 0, name) == OK)
        cr_assert_eq(p->disk->ops->remove(p->disk, name), OK);
    p->disk->ops->destroy(p->disk);
    if (p->directory[0])
        rmdir(p->directory);
}

#define BOTH(name)                                                \
    static void name(struct disk *d, const struct disk_ops *ops); \
    Test(disk_sim, name)                                          \
    {                                                             \
        struct place p;                                           \
        place_make(&p, false);                                    \
        name(p.disk, p.disk->ops);                                \
        place_end(&p);                                            \
    }                                                             \
    Test(disk_uring, name)                                        \
    {                                                             \
        struct place p;                                           \
        place_make(&p, true);                                     \
        name(p.disk, p.disk->ops);                                \
        place_end(&p);                                            \
    }                                                             \
    static void name(struct disk *d, const struct disk_ops *ops)

static struct disk_completion completion(struct disk *d)
{
    struct disk_completion done;
    while (d->ops->poll(d, &done, 1) == 0)
        d->ops->wait(d);
    return done;
}

BOTH(opens_what_exists_and_makes_zeros_where_a_size_is_given)
{
    int a, b;
    uint64_t size;
    char bytes[SIZE], zeros[SIZE] = {0};
    cr_assert_eq(ops->open(d, "a", 0, &a), ERR_NOT_FOUND);
    cr_assert_eq(ops->open(d, "a", SIZE, &a), OK);
    cr_assert_eq(ops->size(d, a, &size), OK);
    cr_assert_eq(size, SIZE);
    cr_assert_eq(ops->read(d, a, 0, bytes, SIZE), OK);
    cr_assert_eq(memcmp(bytes, zeros, SIZE), 0);
    cr_assert_eq(ops->read(d, a, SIZE - 4, bytes, 8), ERR_RANGE);
    cr_assert_eq(ops->open(d, "a", 2 * SIZE, &b), OK);
    cr_assert_eq(ops->size(d, b, &size), OK);
    cr_assert_eq(size, SIZE, "what exists stays as it is");
    ops->close(d, a);
    ops->close(d, b);
}

BOTH(writes_and_syncs_complete_with_their_tokens_and_are_read_back)
{
    int file;
    static char from[DISK_INFLIGHT_MAX][8192], to[8192];
    bool seen[DISK_INFLIGHT_MAX] = {false};
    cr_assert_eq(ops->open(d, "a", DISK_INFLIGHT_MAX * sizeof to, &file), OK);
    for (unsigned i = 0; i < DISK_INFLIGHT_MAX; i++) {
        memset(from[i], (int)(i + 1), sizeof from[i]);
        cr_assert_eq(ops->write(d, file, i * sizeof to, from[i], sizeof from[i], 100 + i), OK);
    }
    cr_assert_eq(ops->write(d, file, 0, from[0], 8, 1), ERR_FULL);
    cr_assert_eq(ops->sync(d, file, 1), ERR_FULL);
    for (unsigned i = 0; i < DISK_INFLIGHT_MAX; i++) {
        struct disk_completion done = completion(d);
        cr_assert_eq(done.error, 0);
        cr_assert(done.token >= 100 && done.token < 100 + DISK_INFLIGHT_MAX && !seen[done.token - 100]);
        seen[done.token - 100] = true;
    }
    cr_assert_eq(ops->sync(d, file, UINT64_MAX), OK);
    struct disk_completion done = completion(d);
    cr_assert(done.token == UINT64_MAX && done.error == 0);
    for (unsigned i = 0; i < DISK_INFLIGHT_MAX; i++) {
        cr_assert_eq(ops->read(d, file, i * sizeof to, to, sizeof to), OK);
        cr_assert_eq(memcmp(to, from[i], sizeof to), 0);
    }
    cr_assert_eq(ops->poll(d, &done, 1), 0);
    ops->close(d, file);
}

static int prepared(struct disk *d, const char *from, const char *name, uint64_t size)
{
    cr_assert_eq(d->ops->prepare(d, from, name, size, 5), OK);
    struct disk_completion done = completion(d);
    cr_assert_eq(done.token, 5);
    cr_assert_eq(done.error, 0, "%s", strerror(done.error));
    cr_assert_geq(done.file, 0);
    return done.file;
}

static void byte_write(struct disk *d, int file, const char *byte)
{
    cr_assert_eq(d->ops->write(d, file, 0, byte, 1, 6), OK);
    cr_assert_eq(completion(d).error, 0);
}

static char byte_read(struct disk *d, int file)
{
    char c;
    cr_assert_eq(d->ops->read(d, file, 0, &c, 1), OK);
    return c;
}

BOTH(prepare_makes_or_renames_or_takes_what_is_there)
{
    uint64_t size;
    int first = prepared(d, NULL, "first", SIZE), old;
    cr_assert_eq(byte_read(d, first), 0);
    byte_write(d, first, "x");
    int second = prepared(d, "first", "second", SIZE);
    cr_assert_eq(byte_read(d, second), 'x', "renamed, not zeroed");
    cr_assert_eq(ops->open(d, "first", 0, &old), ERR_NOT_FOUND);
    int again = prepared(d, NULL, "second", SIZE);
    cr_assert_eq(byte_read(d, again), 'x', "taken as it is");
    int larger = prepared(d, NULL, "second", 2 * SIZE);
    cr_assert_eq(ops->size(d, larger, &size), OK);
    cr_assert_eq(size, 2 * SIZE, "of another size: made anew");
    cr_assert_eq(byte_read(d, larger), 0);
    cr_assert_eq(ops->prepare(d, "missing", "third", SIZE, 5), OK);
    cr_assert_eq(completion(d).error, ENOENT);
    ops->close(d, first);
    ops->close(d, second);
    ops->close(d, again);
    ops->close(d, larger);
}

BOTH(one_job_at_a_time_beside_writes)
{
    int file;
    cr_assert_eq(ops->open(d, "a", SIZE, &file), OK);
    cr_assert_eq(ops->prepare(d, NULL, "b", SIZE, 1), OK);
    cr_assert_eq(ops->prepare(d, NULL, "c", SIZE, 2), ERR_FULL);
    cr_assert_eq(ops->discard(d, "a", 2), ERR_FULL);
    cr_assert_eq(ops->write(d, file, 0, "abc", 3, 3), OK);
    for (unsigned i = 0; i < 2; i++) {
        struct disk_completion done = completion(d);
        cr_assert_eq(done.error, 0);
        if (done.token == 1)
            ops->close(d, done.file);
    }
    cr_assert_eq(ops->discard(d, "b", 4), OK);
    cr_assert_eq(completion(d).error, 0);
    int gone;
    cr_assert_eq(ops->open(d, "b", 0, &gone), ERR_NOT_FOUND);
    ops->close(d, file);
}

BOTH(names_are_listed_in_order_renamed_and_removed)
{
    static const char *const names[] = {"c", "a", "b"};
    char name[DISK_NAME_SIZE];
    for (unsigned i = 0; i < 3; i++) {
        int file;
        cr_assert_eq(ops->open(d, names[i], 4096, &file), OK);
        ops->close(d, file);
    }
    cr_assert_eq(ops->rename(d, "b", "z"), OK);
    cr_assert_eq(ops->rename(d, "b", "y"), ERR_NOT_FOUND);
    cr_assert_eq(ops->remove(d, "a"), OK);
    cr_assert_eq(ops->remove(d, "a"), ERR_NOT_FOUND);
    cr_assert_eq(ops->sync_directory(d), OK);
    char all[64] = "";
    for (unsigned i = 0; ops->list(d, i, name) == OK; i++)
        if (strcmp(name, "lock") != 0)
            strcat(all, name);
    cr_assert_str_eq(all, "cz");
}

BOTH(after_abandon_nothing_completes)
{
    int file;
    static char bytes[SIZE];
    struct disk_completion done;
    cr_assert_eq(ops->open(d, "a", SIZE, &file), OK);
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(ops->write(d, file, 0, bytes, SIZE, i), OK);
    cr_assert_eq(ops->prepare(d, NULL, "b", SIZE, 9), OK);
    ops->abandon(d);
    cr_assert_eq(ops->poll(d, &done, 1), 0);
    cr_assert_eq(ops->prepare(d, NULL, "c", SIZE, 9), OK, "and it can go on");
    done = completion(d);
    ops->close(d, done.file);
    ops->close(d, file);
}

Test(disk_uring, a_directory_belongs_to_one_at_a_time)
{
    struct place p;
    place_make(&p, true);
    struct disk *second;
    cr_assert_eq(disk_uring_create(&second, p.directory), ERR_STATE);
    place_end(&p);
    cr_assert_eq(disk_uring_create(&second, "/proc/none/such"), ERR_IO);
}

/* A write that the file size limit cuts in two: the first part is taken, the rest is tried and fails. Were
 * the short count taken for the whole, it would be reported as done. */
Test(disk_uring, a_short_write_is_continued_to_its_end)
{
    struct place p;
    place_make(&p, true);
    int file;
    static char bytes[8192];
    memset(bytes, 'x', sizeof bytes);
    cr_assert_eq(p.disk->ops->open(p.disk, "a", 4096, &file), OK);
    struct rlimit before, limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(p.disk->ops->write(p.disk, file, 0, bytes, sizeof bytes, 1), OK);
    struct disk_completion done = completion(p.disk);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(done.error, EFBIG, "%s", strerror(done.error));
    cr_assert_eq(byte_read(p.disk, file), 'x');
    p.disk->ops->close(p.disk, file);
    place_end(&p);
}

Test(disk_uring, a_prepare_that_was_killed_leaves_no_half_file_under_the_name)
{
    struct place p;
    place_make(&p, true);
    char path[128];
    snprintf(path, sizeof path, "%s/prepare.tmp", p.directory);
    p.disk->ops->destroy(p.disk);
    FILE *half = fopen(path, "w");
    cr_assert_not_null(half);
    fputs("half", half);
    fclose(half);
    cr_assert_eq(disk_uring_create(&p.disk, p.directory), OK);
    cr_assert_neq(access(path, F_OK), 0);
    int file = prepared(p.disk, NULL, "a", SIZE);
    cr_assert_eq(byte_read(p.disk, file), 0);
    p.disk->ops->close(p.disk, file);
    place_end(&p);
}

/* The simulation's own promises. */

static void page_put(struct disk *d, int file, unsigned page, char value)
{
    static char bytes[DISK_SIM_PAGE_SIZE];
    memset(bytes, value, sizeof bytes);
    cr_assert_eq(d->ops->write(d, file, page * DISK_SIM_PAGE_SIZE, bytes, sizeof bytes, 1), OK);
    cr_assert_eq(completion(d).error, 0);
}

static unsigned pages_with(struct disk *d, int file, unsigned count, char value, unsigned *torn)
{
    unsigned whole = 0;
    for (unsigned p = 0; p < count; p++) {
        char bytes[DISK_SIM_PAGE_SIZE];
        unsigned equal = 0;
        cr_assert_eq(d->ops->read(d, file, p * DISK_SIM_PAGE_SIZE, bytes, sizeof bytes), OK);
        for (unsigned i = 0; i < sizeof bytes; i++)
            equal += bytes[i] == value;
        whole += equal == sizeof bytes;
        *torn += equal > 0 && equal < sizeof bytes;
    }
    return whole;
}

Test(disk_sim, a_power_cut_keeps_what_was_synced_and_some_of_the_rest)
{
    unsigned torn = 0, kept = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct disk *d;
        int file;
        unsigned none = 0;
        cr_assert_eq(disk_sim_create(&d, seed), OK);
        cr_assert_eq(d->ops->open(d, "a", 64 * DISK_SIM_PAGE_SIZE, &file), OK);
        for (unsigned p = 0; p < 32; p++)
            page_put(d, file, p, 's');
        cr_assert_eq(d->ops->sync(d, file, 2), OK);
        cr_assert_eq(completion(d).error, 0);
        for (unsigned p = 32; p < 64; p++)
            page_put(d, file, p, 'u');
        disk_sim_power_cut(d);
        cr_assert_eq(pages_with(d, file, 32, 's', &none), 32);
        cr_assert_eq(none, 0);
        kept += pages_with(d, file, 64, 'u', &torn);
        d->ops->close(d, file);
        d->ops->destroy(d);
    }
    cr_assert(kept > 20 * 32 / 5 && kept < 20 * 32, "%u", kept);
    cr_assert_gt(torn, 20);
}

Test(disk_sim, process_death_keeps_all_that_had_completed)
{
    struct disk *d;
    int file;
    unsigned torn = 0;
    cr_assert_eq(disk_sim_create(&d, 4), OK);
    cr_assert_eq(d->ops->open(d, "a", 64 * DISK_SIM_PAGE_SIZE, &file), OK);
    for (unsigned p = 0; p < 64; p++)
        page_put(d, file, p, 'w');
    disk_sim_kill(d);
    cr_assert_eq(pages_with(d, file, 64, 'w', &torn), 64);
    d->ops->close(d, file);
    d->ops->destroy(d);
}

Test(disk_sim, a_failed_sync_loses_the_pages_though_they_can_be_read)
{
    struct disk *d;
    int file;
    unsigned torn = 0;
    cr_assert_eq(disk_sim_create(&d, 4), OK);
    cr_assert_eq(d->ops->open(d, "a", 64 * DISK_SIM_PAGE_SIZE, &file), OK);
    for (unsigned p = 0; p < 64; p++)
        page_put(d, file, p, 'w');
    disk_sim_fail_syncs(d, EIO, 1);
    cr_assert_eq(d->ops->sync(d, file, 2), OK);
    cr_assert_eq(completion(d).error, EIO);
    cr_assert_eq(d->ops->sync(d, file, 2), OK);
    cr_assert_eq(completion(d).error, 0, "the next one says nothing of it");
    cr_assert_eq(pages_with(d, file, 64, 'w', &torn), 64);
    disk_sim_power_cut(d);
    cr_assert_lt(pages_with(d, file, 64, 'w', &torn), 64);
    d->ops->close(d, file);
    d->ops->destroy(d);
}

Test(disk_sim, names_that_were_not_synced_are_lost_from_some_point_on)
{
    unsigned outcomes[4] = {0};
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct disk *d;
        int file;
        cr_assert_eq(disk_sim_create(&d, seed), OK);
        for (unsigned i = 0; i < 3; i++) {
            char name[] = {(char)('a' + i), 0};
            cr_assert_eq(d->ops->open(d, name, 4096, &file), OK);
            d->ops->close(d, file);
        }
        for (unsigned i = 0; i < 3; i++) {
            char from[] = {(char)('a' + i), 0}, to[] = {(char)('x' + i), 0};
            cr_assert_eq(d->ops->rename(d, from, to), OK);
        }
        disk_sim_power_cut(d);
        char name[DISK_NAME_SIZE], all[8] = "";
        for (unsigned i = 0; d->ops->list(d, i, name) == OK; i++)
            strcat(all, name);
        static const char *const first_parts[] = {"abc", "bcx", "cxy", "xyz"};
        unsigned which = 0;
        while (which < 4 && strcmp(all, first_parts[which]) != 0)
            which++;
        cr_assert_lt(which, 4, "%s", all);
        outcomes[which]++;
        d->ops->destroy(d);
    }
    for (unsigned i = 0; i < 4; i++)
        cr_assert_gt(outcomes[i], 0);
}

Test(disk_sim, the_same_seed_gives_the_same_behaviour)
{
    char found[2][64 * 16];
    for (unsigned run = 0; run < 2; run++) {
        struct disk *d;
        int file;
        cr_assert_eq(disk_sim_create(&d, 9), OK);
        disk_sim_set_latency(d, 1000, 2000, 3000);
        cr_assert_eq(d->ops->open(d, "a", 64 * DISK_SIM_PAGE_SIZE, &file), OK);
        for (unsigned p = 0; p < 64; p++)
            page_put(d, file, p, (char)p);
        disk_sim_power_cut(d);
        for (unsigned p = 0; p < 64; p++)
            cr_assert_eq(d->ops->read(d, file, p * DISK_SIM_PAGE_SIZE + 2048, found[run] + p * 16, 16), OK);
        d->ops->close(d, file);
        d->ops->destroy(d);
    }
    cr_assert_eq(memcmp(found[0], found[1], sizeof found[0]), 0);
}
