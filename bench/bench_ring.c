/* rfqbench ring: what an agent pays to make a decision durable against its own death: one batch of 256 bytes
 * appended to its ring and committed, a million times a second, while a log thread drains the ring into a
 * file and another syncs it.
 *
 * The reference is a bare store of as many bytes, from the same source, into populated memory of the ring's
 * size that is walked through in the same way; it is taken at every planned time together with the append, in
 * turns first and second, so that both see the same machine.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "dataplane/core/crc32c.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"
#include "dataplane/ring/ring.h"

#define APPEND_SIZE    256u
#define BODY_SIZE      (APPEND_SIZE - sizeof(struct batch) - sizeof(struct record))
#define PER_SECOND     1000000u
#define TINY_COUNT     2000u
#define SYNC_NS        5000000 /* between two syncs, at least */
#define WRITE_MAX      (1024u * 1024u)
#define FILE_SIZE      (256u * 1024u * 1024u)
#define SOURCES        64u
#define TARGET_RATIO   2000u /* p50 of an append, by the bare store's */
#define TARGET_TAIL_NS 1000u /* p99.9 of an append */

/* What append number n has as its body. */
struct body {
    uint64_t n;
    unsigned char bytes[BODY_SIZE - 8];
};
static_assert(sizeof(struct body) == BODY_SIZE, "no padding");

struct run {
    const struct bench_options *options;
    struct ring ring;
    struct body sources[SOURCES];
    char *bare; /* of the ring's size */
    uint64_t count, full;
    int fd;
    atomic_bool written;               /* the writer has done: release, so that its last commit is seen */
    atomic_bool drained;               /* and so has the log thread */
    _Atomic uint64_t unsynced;         /* bytes written to the file since the last sync */
    uint64_t read, file_bytes, faults; /* the log thread's */
    uint64_t syncs, sync_faults;       /* the sync thread's */
    struct histogram ring_own, ring_plan, bare_own, sync;
    uint32_t crc; /* of all that was drained, so that it is computed */
};

/* Log thread ----------------------------------------------------------------------------------------------
 */

static bool batch_is_number(const struct run *run, const struct batch *b, uint64_t n)
{
    const struct record *r = batch_first(b);
    const struct body *body = (const struct body *)(r + 1);
    return b->size == APPEND_SIZE && b->count == 1 && r->size == APPEND_SIZE - sizeof *b && body->n == n &&
           memcmp(body->bytes, run->sources[n % SOURCES].bytes, sizeof body->bytes) == 0;
}

/* Batches lie in a row in the ring, also where it wraps: they are written from where they are. */
static bool file_write(struct run *run, const char *bytes, size_t size)
{
    while (size) {
        uint64_t at = run->file_bytes % FILE_SIZE;
        size_t part = size < FILE_SIZE - at ? size : (size_t)(FILE_SIZE - at);
        ssize_t done = pwrite(run->fd, bytes, part, (off_t)at);
        if (done <= 0)
            return false;
        bytes += done;
        size -= (size_t)done;
        run->file_bytes += (uint64_t)done;
        atomic_fetch_add_explicit(&run->unsynced, (uint64_t)done, memory_order_release);
    }
    return true;
}

static void *log_main(void *arg)
{
    struct run *run = arg;
    bench_pin(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &run->ring, 0);
    for (;;) {
        bool last = atomic_load_explicit(&run->written, memory_order_acquire);
        const char *from = NULL;
        size_t size = 0;
        for (const struct batch *b; size < WRITE_MAX && (b = ring_next(&rd)); size += b->size) {
            if (!from)
                from = (const char *)b;
            run->faults += !batch_is_number(run, b, run->read);
            run->crc ^= crc32c(0, b, b->size);
            run->read++;
        }
        if (size) {
            run->faults += !file_write(run, from, size);
            ring_release(&rd, rd.next);
        } else if (last) {
            break;
        } else {
            struct timespec nap = {0, 50000};
            nanosleep(&nap, NULL);
        }
    }
    atomic_store_explicit(&run->drained, true, memory_order_release);
    return NULL;
}

static void *sync_main(void *arg)
{
    struct run *run = arg;
    bench_pin(0);
    for (;;) {
        bool last = atomic_load_explicit(&run->drained, memory_order_acquire);
        if (atomic_exchange_explicit(&run->unsynced, 0, memory_order_acquire)) {
            uint64_t from = bench_stamp();
            run->sync_faults += fdatasync(run->fd) != 0;
            histogram_record(&run->sync, bench_ns(from, bench_stamp()));
            run->syncs++;
        }
        if (last)
            return NULL;
        struct timespec nap = {0, SYNC_NS};
        nanosleep(&nap, NULL);
    }
}

/* Writer --------------------------------------------------------------------------------------------------
 */

static inline void append(struct run *run, uint64_t n, uint64_t now_ns)
{
    struct ring *r = &run->ring;
    struct batch *b = ring_begin(r, now_ns);
    b->origin_time_ns = now_ns;
    struct record *rec = ring_add_raw(r, 1, 1, APPEND_SIZE - sizeof *b);
    struct body *body = (struct body *)(rec + 1);
    memcpy(body->bytes, run->sources[n % SOURCES].bytes, sizeof body->bytes);
    body->n = n;
    ring_end(r);
    ring_commit(r);
}

static inline void ring_step(struct run *run, uint64_t n, uint64_t planned)
{
    if (!ring_room(&run->ring, APPEND_SIZE, 0)) {
        run->full++; /* the log thread has been away for a whole ring: told in the report */
        while (!ring_room(&run->ring, APPEND_SIZE, 0))
            sched_yield();
    }
    uint64_t from = bench_stamp();
    bool room = ring_room(&run->ring, APPEND_SIZE, 0); /* asked in life too, so it is within the stamps */
    if (room)
        append(run, n, from);
    uint64_t to = bench_stamp();
    histogram_record(&run->ring_own, bench_ns(from, to));
    histogram_record(&run->ring_plan, bench_ns(planned, to));
}

static inline void bare_step(struct run *run, uint64_t n)
{
    char *to_here = run->bare + (n * APPEND_SIZE & (run->ring.size - 1));
    const struct body *source = &run->sources[n % SOURCES];
    uint64_t from = bench_stamp();
    memcpy(to_here, source, sizeof *source);
    memcpy(to_here + sizeof *source, source, APPEND_SIZE - sizeof *source);
    __asm__ volatile("" ::: "memory"); /* stored here, not later */
    uint64_t to = bench_stamp();
    histogram_record(&run->bare_own, bench_ns(from, to));
}

static void write_all(struct run *run)
{
    struct bench_plan plan;
    bench_pin(1);
    bench_plan_start(&plan, PER_SECOND);
    for (uint64_t n = 0; n < run->count; n++) {
        uint64_t planned = bench_plan_next(&plan);
        if (n & 1)
            bare_step(run, n);
        ring_step(run, n, planned);
        if (!(n & 1))
            bare_step(run, n);
    }
    atomic_store_explicit(&run->written, true, memory_order_release);
}

/* What lies in the file is what was appended, to the last byte that the file can hold. */
static uint64_t file_check(struct run *run)
{
    static _Alignas(8) char bytes[APPEND_SIZE];
    uint64_t found = 0, first = run->file_bytes > FILE_SIZE ? (run->file_bytes - FILE_SIZE) / APPEND_SIZE : 0;
    for (uint64_t n = first; n < run->count; n++) {
        const struct batch *b = (const struct batch *)bytes;
        if (pread(run->fd, bytes, APPEND_SIZE, (off_t)(n * APPEND_SIZE % FILE_SIZE)) != (ssize_t)APPEND_SIZE)
            break;
        if (!batch_is_sound(b, APPEND_SIZE) || b->position != n * APPEND_SIZE || !batch_is_number(run, b, n))
            break;
        found++;
    }
    return found == run->count - first ? found : 0;
}

/* Set-up --------------------------------------------------------------------------------------------------
 */

static bool run_make(struct run *run, char *path, size_t path_size)
{
    struct ring_identity id = {.instance = "rfqbench"};
    uint64_t size = run->options->tiny ? RING_SIZE_MIN : RING_SIZE_ENGINE;
    snprintf(path, path_size, "%s/rfqbench-%d.log", run->options->dir, (int)getpid());
    run->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (run->fd < 0) {
        perror(path);
        return false;
    }
    unlink(path);
    if (posix_fallocate(run->fd, 0, run->options->tiny ? 1 << 20 : FILE_SIZE) != 0) {
        fprintf(stderr, "%s: no room\n", path);
        return false;
    }
    snprintf(path, path_size, "/dev/shm/rfqbench-%d.ring", (int)getpid());
    enum err e = ring_identity_boot(id.boot);
    if (!e)
        e = ring_create(&run->ring, path, size, AGENT_ROUTING, &id, 0);
    if (e) {
        fprintf(stderr, "%s: %s\n", path, err_text(e));
        return false;
    }
    unlink(path);
    run->bare = memory_take(size);
    for (uint64_t i = 0; i < SOURCES * sizeof(struct body) / 8; i++)
        ((uint64_t *)run->sources)[i] = hash_u64(i);
    run->count = run->options->tiny ? TINY_COUNT : (uint64_t)run->options->seconds * PER_SECOND;
    histogram_reset(&run->ring_own);
    histogram_reset(&run->ring_plan);
    histogram_reset(&run->bare_own);
    histogram_reset(&run->sync);
    return run->bare != NULL;
}

static int report(struct run *run, uint64_t line_before_ns)
{
    struct bench_report r;
    uint64_t in_file = file_check(run);
    bench_report_begin(&r, run->options, "ring",
                       "append and commit of 256 B at 1 M/s while a log drains it and syncs each 5 ms");
    bench_report_row(&r, "bare store, own time", &run->bare_own);
    bench_report_row(&r, "append and commit, own time", &run->ring_own);
    bench_report_row(&r, "append and commit, from plan", &run->ring_plan);
    bench_report_row(&r, "fdatasync", &run->sync);
    bench_report_ratio(&r, "p50 of append and commit by bare store",
                       histogram_percentile(&run->ring_own, 50000),
                       histogram_percentile(&run->bare_own, 50000), TARGET_RATIO);
    bench_report_fact(&r, "p99.9 of append and commit", histogram_percentile(&run->ring_own, 99900), "ns",
                      TARGET_TAIL_NS);
    bench_report_fact(&r, "times the ring was full", run->full, "", 0);
    bench_report_fact(&r, "records read back from the ring", run->read, "", 0);
    bench_report_fact(&r, "records read back from the file", in_file, "", 0);
    bench_report_line(&r, line_before_ns, bench_line_round_trip_ns(run->options->tiny));
    return bench_report_end(&r,
                            run->faults + run->sync_faults == 0 && run->read == run->count && in_file > 0);
}

int bench_ring(const struct bench_options *o)
{
    static struct run run;
    char path[4096];
    pthread_t log_thread, sync_thread;
    run.options = o;
    if (!run_make(&run, path, sizeof path))
        return 2;
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);
    if (pthread_create(&log_thread, NULL, log_main, &run) != 0 ||
        pthread_create(&sync_thread, NULL, sync_main, &run) != 0)
        abort();
    write_all(&run);
    pthread_join(log_thread, NULL);
    pthread_join(sync_thread, NULL);
    int status = report(&run, line_before_ns);
    ring_close(&run.ring);
    memory_give(run.bare, o->tiny ? RING_SIZE_MIN : RING_SIZE_ENGINE);
    close(run.fd);
    return status;
}
