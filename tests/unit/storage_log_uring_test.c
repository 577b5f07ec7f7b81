/* The log on real files. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/hash.h"
#include "log_rig.h"

static char directory[64];

static struct disk *disk_make(void)
{
    struct disk *d;
    if (!directory[0]) {
        snprintf(directory, sizeof directory, "/tmp/rfqd-log-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
    }
    cr_assert_eq(disk_uring_create(&d, directory), OK);
    return d;
}

static void directory_remove(struct disk *d)
{
    char name[DISK_NAME_SIZE];
    while (d->ops->list(d, 0, name) == OK)
        cr_assert_eq(d->ops->remove(d, name), OK);
    rmdir(directory);
}

/* However long disk and helper take: what the test needs has happened, or it has failed. */
static void commit_until_recycled(struct rig *r, uint64_t segments)
{
    for (unsigned round = 0; rig_counter(r, "rfqd_log_recycled_total") < segments; round++) {
        cr_assert_lt(round, 5000);
        for (unsigned n = 0; n < 40; n++) {
            rig_commit(r, 10);
            rig_poll(r, 1000000);
        }
        rig_settle(r, true);
        rig_hold(r);
    }
}

Test(log_uring, writes_syncs_recycles_and_opens_again)
{
    struct rig r;
    rig_init(&r, 1, disk_make());
    r.config.retain_size = RIG_SEGMENT;
    r.config.sync_interval_ns = 1000;
    rig_start(&r);
    commit_until_recycled(&r, 3);
    rig_settle(&r, true);
    rig_check(&r);
    cr_assert_eq(log_flush(r.log), OK);
    uint64_t end = log_end(r.log), epoch = log_stream_epoch(r.log);
    rig_die(&r);
    rig_start(&r);
    cr_assert_eq(log_end(r.log), end);
    cr_assert_eq(log_stream_epoch(r.log), epoch);
    directory_remove(r.disk);
    rig_end(&r);
}

Test(log_uring, closed_with_writes_under_way_it_loses_nothing_written)
{
    struct rig r;
    rig_init(&r, 2, disk_make());
    rig_start(&r);
    for (unsigned round = 0; round < 60; round++) {
        rig_commit(&r, 40);
        rig_poll(&r, 100000);
        uint64_t written = log_written(r.log);
        rig_die(&r);
        rig_start(&r);
        cr_assert_geq(log_end(r.log), written);
    }
    rig_settle(&r, true);
    rig_check(&r);
    directory_remove(r.disk);
    rig_end(&r);
}

struct begun {
    struct disk *disk;
    int file;
    unsigned count;
};

static void *write_and_end(void *arg)
{
    static const char bytes[65536];
    struct begun *b = arg;
    for (; b->count < DISK_INFLIGHT_MAX; b->count++) {
        enum err e = b->count % 2 ? b->disk->ops->sync(b->disk, b->file, b->count)
                                  : b->disk->ops->write(b->disk, b->file, b->count * sizeof bytes, bytes,
                                                        sizeof bytes, b->count);
        if (e)
            break;
    }
    return NULL;
}

/* As a core does at a planned stop: the kernel cancels what a thread that ends had asked for and is not
 * begun. */
Test(log_uring, what_a_thread_began_before_it_ended_is_still_done)
{
    struct begun b = {.disk = disk_make()};
    cr_assert_eq(b.disk->ops->open(b.disk, "ended", DISK_INFLIGHT_MAX * 65536, &b.file), OK);
    for (unsigned round = 0; round < 50; round++) {
        pthread_t thread;
        b.count = 0;
        cr_assert_eq(pthread_create(&thread, NULL, write_and_end, &b), 0);
        pthread_join(thread, NULL);
        cr_assert_eq(b.count, DISK_INFLIGHT_MAX);
        for (unsigned ended = 0; ended < b.count;) {
            struct disk_completion done;
            if (b.disk->ops->poll(b.disk, &done, 1) == 0) {
                b.disk->ops->wait(b.disk);
                continue;
            }
            cr_assert_eq(done.error, 0, "round %u, operation %u: %s", round, (unsigned)done.token,
                         strerror(done.error));
            ended++;
        }
    }
    b.disk->ops->close(b.disk, b.file);
    directory_remove(b.disk);
    b.disk->ops->destroy(b.disk);
}

/* Batches whose content follows from agent and position, so that another process can judge them. */
static void word_batch(struct ring *ring, uint64_t now_ns)
{
    struct batch *b = ring_begin(ring, now_ns);
    uint32_t words = 1 + (uint32_t)(hash_u64(b->position) % 60);
    struct record *rec = ring_add(ring, 1, 1, (uint32_t)sizeof *rec + words * 8);
    for (uint32_t i = 0; i < words; i++)
        ((uint64_t *)(rec + 1))[i] = hash_u64(b->position + i) + ring->agent;
    ring_end(ring);
    ring_commit(ring);
}

static bool word_batch_is_right(const struct batch *b)
{
    uint32_t words = 1 + (uint32_t)(hash_u64(b->position) % 60);
    const struct record *rec = batch_first(b);
    if (b->count != 1 || rec->size != sizeof *rec + words * 8)
        return false;
    for (uint32_t i = 0; i < words; i++)
        if (((const uint64_t *)(rec + 1))[i] != hash_u64(b->position + i) + b->agent)
            return false;
    return true;
}

static void sources_from(struct rig *r, const uint64_t merged[AGENTS_MAX], struct log_source out[AGENTS_MAX])
{
    memset(out, 0, AGENTS_MAX * sizeof *out);
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        out[i + 1] = (struct log_source){.ring = &r->rings[i].ring, .merged = merged[i + 1]};
}

static void positions_read(struct rig *r, uint64_t positions[AGENTS_MAX])
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    memset(positions, 0, AGENTS_MAX * sizeof *positions);
    cr_assert_eq(log_reader_open(&reader, r->log, 0), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e))) {
        const struct batch *b = log_frame_batch(f);
        cr_assert(word_batch_is_right(b));
        cr_assert_eq(positions[b->agent], b->position);
        positions[b->agent] += b->size;
    }
    cr_assert_eq(e, OK, "%s", log_reader_error(reader));
    log_reader_close(reader);
}

/* The process that will be killed: it opens what is there, merges, and commits without end. */
static void victim(struct rig *r)
{
    struct disk *d;
    uint64_t positions[AGENTS_MAX];
    struct log_source sources[AGENTS_MAX];
    if (disk_uring_create(&d, directory))
        _exit(1);
    r->config.disk = r->disk = d;
    if (log_open(&r->log, &r->config))
        _exit(2);
    positions_read(r, positions);
    sources_from(r, positions, sources);
    log_start(r->log, sources, log_next_seq(r->log));
    struct agent a = log_agent(r->log);
    for (uint64_t now = 1000000000;; now += 20000) {
        struct ring *ring = &r->rings[now / 20000 % RIG_AGENTS].ring;
        for (unsigned n = 0; n < 4 && ring_room(ring, 1024, 0); n++)
            word_batch(ring, now);
        a.poll(a.self, now);
    }
}

Test(log_uring, kill_9_of_the_real_process_loses_nothing_committed)
{
    struct rig r;
    rig_init(&r, 3, disk_make());
    r.config.sync_interval_ns = 1000000;
    for (unsigned round = 0; round < 20; round++) {
        r.disk->ops->destroy(r.disk);
        /* Its lock is free: the process that held it is gone. */
        uint64_t from = ring_tail(&r.rings[3].ring), far = 5000 + rig_chance(&r, 400000);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0)
            victim(&r);
        int status;
        while (ring_tail(&r.rings[3].ring) < from + far && waitpid(child, &status, WNOHANG) == 0)
            usleep(100);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status), "the victim ended by itself");
        r.disk = r.config.disk = disk_make();
        cr_assert_eq(rig_open(&r), OK, "%s", log_error(r.log));
        cr_assert_eq(log_stream_epoch(r.log), 1);
        uint64_t positions[AGENTS_MAX];
        positions_read(&r, positions);
        for (unsigned i = 0; i < RIG_AGENTS; i++) {
            struct rig_ring *ring = &r.rings[i];
            cr_assert_geq(positions[i + 1], atomic_load(&ring->ring.shared->head),
                          "released only when written");
            /* As ring_open would find it. */
            ring->ring.write = ring_tail(&ring->ring);
            ring->ring.head = atomic_load(&ring->ring.shared->head);
            ring->ring.open = NULL;
            cr_assert_leq(positions[i + 1], ring->ring.write);
        }
        rig_die(&r);
    }
    /* All of it, to the last committed batch. */
    uint64_t positions[AGENTS_MAX];
    struct log_source sources[AGENTS_MAX];
    cr_assert_eq(rig_open(&r), OK);
    positions_read(&r, positions);
    sources_from(&r, positions, sources);
    log_start(r.log, sources, log_next_seq(r.log));
    cr_assert_eq(log_flush(r.log), OK);
    positions_read(&r, positions);
    for (unsigned i = 0; i < RIG_AGENTS; i++)
        cr_assert_eq(positions[i + 1], ring_tail(&r.rings[i].ring));
    directory_remove(r.disk);
    rig_end(&r);
}

/* A reader of its own on another thread, beside the agent that writes, syncs and recycles. */
struct follower {
    const struct log *log;
    atomic_bool stop;
    uint64_t frames, overtaken;
    const char *wrong;
};

static void *follow(void *arg)
{
    struct follower *w = arg;
    struct log_reader *reader = NULL;
    uint64_t next_seq = 0;
    bool last = false;
    while (!w->wrong) {
        bool stop = atomic_load(&w->stop);
        enum err e = OK;
        if (!reader)
            e = log_reader_open(&reader, w->log, log_begin(w->log));
        const struct log_frame *f = e ? NULL : log_reader_next(reader, UINT64_MAX, &e);
        if (e == ERR_NOT_FOUND) { /* overtaken: from the oldest that is kept */
            log_reader_close(reader);
            reader = NULL;
            next_seq = 0;
            w->overtaken++;
        } else if (e) {
            w->wrong = err_text(e);
        } else if (f) {
            if (next_seq && f->first_seq != next_seq)
                w->wrong = "numbers with a gap";
            next_seq = f->first_seq + log_frame_batch(f)->count;
            w->frames++;
        } else if (last) {
            break;
        }
        last = stop; /* once more after the end was said */
    }
    log_reader_close(reader);
    return NULL;
}

Test(log_uring, a_reader_on_another_thread_sees_whole_frames_in_order_while_segments_are_recycled)
{
    struct rig r;
    rig_init(&r, 11, disk_make());
    r.config.retain_size = RIG_SEGMENT;
    r.config.sync_interval_ns = 1000;
    rig_start(&r);
    struct follower w = {.log = r.log};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, follow, &w), 0);
    commit_until_recycled(&r, 5);
    rig_settle(&r, true);
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    cr_assert_null(w.wrong, "%s", w.wrong);
    cr_assert_gt(w.frames, 100);
    directory_remove(r.disk);
    rig_end(&r);
}
