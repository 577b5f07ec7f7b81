#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/hash.h"
#include "dataplane/ring/ring.h"
#include "tests/unit/random.h"

static char path[64], path_new[80];
static const struct ring_identity identity = {.instance = "instance", .boot = "boot"};

static void path_make(void)
{
    snprintf(path, sizeof path, "/dev/shm/rfqd-test-ring-%d", (int)getpid());
    snprintf(path_new, sizeof path_new, "%s.new", path);
    unlink(path);
}

static void path_remove(void)
{
    unlink(path);
    unlink(path_new);
}

TestSuite(ring, .init = path_make, .fini = path_remove, .timeout = 120);

static struct ring ring_make(uint64_t position)
{
    struct ring r;
    cr_assert_eq(ring_create(&r, path, RING_SIZE_MIN, AGENT_ROUTING, &identity, position), OK);
    return r;
}

static struct ring ring_reopen(void)
{
    struct ring r;
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &identity), OK);
    return r;
}

/* Batch number n is a function of n: records, sizes and bytes. So whoever reads it back can tell every bit of
 * it. */
static unsigned batch_records(uint64_t n)
{
    return 1 + (unsigned)(hash_u64(n) % (n % 16 == 0 ? BATCH_RECORDS_MAX : 6));
}

static uint32_t record_bytes(uint64_t n, unsigned i)
{
    uint64_t h = hash_u64(n * 1000 + i);
    return (uint32_t)sizeof(struct record) + (uint32_t)(h % (h % 97 == 0 ? 1700 : 300));
}

static void batch_write(struct ring *r, uint64_t n)
{
    struct batch *b = ring_begin(r, 1000 + n);
    b->cause_agent = AGENT_GATEWAY;
    b->cause = n * 8;
    for (unsigned i = 0; i < batch_records(n); i++) {
        uint32_t size = record_bytes(n, i), reserve = i % 3 == 1 ? 200 : 0;
        struct record *rec = i % 2 ? ring_add_raw(r, (uint16_t)i, 1, size + reserve)
                                   : ring_add(r, (uint16_t)i, 1, size + reserve);
        memset(rec + 1, (int)(hash_u64(n ^ i) & 0xff), size - sizeof *rec);
        if (reserve)
            ring_trim(r, rec, size);
        rec->session = (uint32_t)n;
    }
    ring_end(r);
}

/* What is wrong with it, or NULL. */
static const char *batch_fault(const struct batch *b, uint64_t n)
{
    if (!batch_is_sound(b, b->size))
        return "structure";
    if (b->time_ns != 1000 + n || b->cause != n * 8 || b->cause_agent != AGENT_GATEWAY ||
        b->agent != AGENT_ROUTING)
        return "header";
    if (b->count != batch_records(n) || b->cause_lane || b->cause_time_ns || b->origin_time_ns ||
        b->reserved2)
        return "header's zeros";
    unsigned i = 0;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r), i++) {
        uint32_t size = record_bytes(n, i);
        const unsigned char *body = (const unsigned char *)(r + 1);
        if (r->size != RECORD_ALIGN(size) || r->type != i || r->version != 1 || r->session != n ||
            r->time_ns != 1000 + n || r->dest || r->lane || r->flags || r->reserved)
            return "record's header";
        for (uint32_t k = 0; k < r->size - sizeof *r; k++)
            if (body[k] != (k < size - sizeof *r ? (hash_u64(n ^ i) & 0xff) : 0))
                return "record's bytes";
    }
    return i == b->count ? NULL : "count";
}

#define BATCH_WRITE_MAX (64 + BATCH_RECORDS_MAX * 2000u)

Test(ring, what_is_not_committed_is_not_seen)
{
    struct ring r = ring_make(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    batch_write(&r, 1);
    batch_write(&r, 2);
    cr_assert_null(ring_next(&rd));
    cr_assert_eq(ring_tail(&r), 0);
    ring_commit(&r);
    const struct batch *b = ring_next(&rd);
    cr_assert_not_null(b);
    cr_assert_null(batch_fault(b, 1), "%s", batch_fault(b, 1));
    b = ring_next(&rd);
    cr_assert_null(batch_fault(b, 2), "%s", batch_fault(b, 2));
    cr_assert_null(ring_next(&rd));
    cr_assert_eq(ring_tail(&r), rd.next);
    ring_close(&r);
}

Test(ring, an_abandoned_batch_leaves_no_trace)
{
    struct ring r = ring_make(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    struct record *rec;
    ring_begin(&r, 1)->origin_time_ns = 99;
    rec = ring_add(&r, 7, 1, 500);
    memset(rec + 1, 0xff, 400);
    ring_abandon(&r);
    ring_commit(&r);
    cr_assert_null(ring_next(&rd));
    batch_write(&r, 0);
    ring_commit(&r);
    const struct batch *b = ring_next(&rd);
    cr_assert_null(batch_fault(b, 0), "%s", batch_fault(b, 0));
    ring_close(&r);
}

Test(ring, an_added_record_is_zero_whatever_lay_there)
{
    struct ring r = ring_make(0);
    memset(r.data, 0xff, 65536);
    ring_begin(&r, 9);
    struct record *first = ring_add(&r, 7, 1, 1001), *second = ring_add_raw(&r, 8, 1, 30);
    const struct record want = {.size = 1008, .type = 7, .version = 1, .session = SESSION_NONE, .time_ns = 9};
    cr_assert_arr_eq(first, &want, sizeof want);
    for (unsigned i = sizeof want; i < 1008; i++)
        cr_assert_eq(((char *)first)[i], 0);
    cr_assert_eq(second->size, 32);
    cr_assert(((char *)second)[30] == 0 && ((char *)second)[31] == 0, "what rounding adds");
    ring_end(&r);
    ring_close(&r);
}

Test(ring, positions_are_of_ends_and_go_on_across_a_new_file)
{
    const uint64_t start = 123456 * 8;
    struct ring r = ring_make(start);
    struct batch *b = ring_begin(&r, 5);
    cr_assert_eq(b->position, start);
    struct record *one = ring_add(&r, 1, 1, 25), *two = ring_add(&r, 2, 1, 24);
    cr_assert_eq(one->size, 32);
    cr_assert_eq(batch_record_position(b, one), start + 64 + 32);
    cr_assert_eq(batch_record_position(b, two), start + 64 + 32 + 24);
    cr_assert_eq(ring_end(&r), batch_record_position(b, two));
    ring_commit(&r);
    cr_assert_eq(ring_tail(&r), start + 120);
    cr_assert_eq(ring_durable(&r), start);
    ring_close(&r);
}

Test(ring, a_reader_far_behind_makes_it_full_and_loses_nothing)
{
    struct ring r = ring_make(RING_SIZE_MIN - 4096);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, RING_SIZE_MIN - 4096);
    uint64_t written = 0, read = 0, full = 0, seed = 11;
    while (read < 20000) {
        for (uint64_t n = random_below(&seed, 90); n; n--) {
            if (!ring_room(&r, BATCH_WRITE_MAX, 1000)) {
                full++;
                break;
            }
            batch_write(&r, written++);
        }
        ring_commit(&r);
        const struct batch *b;
        for (uint64_t n = random_below(&seed, 60); n && (b = ring_next(&rd)); n--, read++)
            cr_assert_null(batch_fault(b, read), "batch %lu: %s", (unsigned long)read, batch_fault(b, read));
        if (random_next(&seed) & 1)
            ring_release(&rd, rd.next);
    }
    cr_assert_gt(full, 100, "it was full at times");
    cr_assert_gt(rd.next, 20 * RING_SIZE_MIN, "it went round many times");
    ring_close(&r);
}

Test(ring, room_counts_to_the_byte_and_keeps_the_reserve)
{
    struct ring r = ring_make(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    const uint32_t size = 64 * 1024;
    uint64_t left = RING_SIZE_MIN;
    while (ring_room(&r, sizeof(struct batch) + size, 0)) {
        ring_begin(&r, 0);
        ring_add_raw(&r, 0, 1, size);
        ring_end(&r);
        left -= sizeof(struct batch) + size;
    }
    ring_commit(&r);
    cr_assert(left < sizeof(struct batch) + size && left > 2000);
    cr_assert(ring_room(&r, left, 0));
    cr_assert(ring_room(&r, left - 1000, 1000));
    cr_assert_not(ring_room(&r, left - 1000, 1001));
    cr_assert_not(ring_room(&r, left + 1, 0));
    ring_next(&rd);
    cr_assert_not(ring_room(&r, left + 1, 0), "read is not released");
    ring_release(&rd, rd.next);
    cr_assert(ring_room(&r, left + sizeof(struct batch) + size, 0));
    cr_assert_not(ring_room(&r, left + sizeof(struct batch) + size + 1, 0));
    ring_close(&r);
}

Test(ring, a_batch_without_records_is_asserted, .signal = SIGABRT)
{
    struct ring r = ring_make(0);
    ring_begin(&r, 0);
    unlink(path);
    ring_end(&r);
}

Test(ring, a_batch_beyond_the_room_is_asserted, .signal = SIGABRT)
{
    struct ring r = ring_make(0);
    unlink(path);
    for (;;) {
        ring_begin(&r, 0);
        ring_add(&r, 0, 1, RECORD_SIZE_MAX);
        ring_end(&r);
        ring_commit(&r);
    }
}

static unsigned hook_calls;
static uint64_t hook_tails[2];

static void hook(void *ctx, struct ring *r)
{
    cr_assert_eq(ctx, &hook_calls);
    cr_assert_lt(hook_calls, 2);
    hook_tails[hook_calls++] = ring_tail(r);
}

Test(ring, the_simulation_hears_of_each_commit_before_and_after_it_is_visible)
{
    struct ring r = ring_make(0);
    r.on_commit = hook;
    r.on_commit_ctx = &hook_calls;
    ring_commit(&r);
    cr_assert_eq(hook_calls, 0, "nothing to commit");
    uint64_t before = ring_tail(&r);
    batch_write(&r, 0);
    ring_commit(&r);
    cr_assert_eq(hook_calls, 2);
    cr_assert_eq(hook_tails[0], before);
    cr_assert_eq(hook_tails[1], r.write);
    cr_assert_lt(before, r.write);
    ring_close(&r);
}

Test(ring, durable_follows_head)
{
    struct ring r = ring_make(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    batch_write(&r, 0);
    ring_commit(&r);
    ring_next(&rd);
    ring_release(&rd, rd.next);
    cr_assert_eq(ring_durable(&r), 0);
    ring_set_durable(&rd, rd.next);
    cr_assert_eq(ring_durable(&r), ring_tail(&r));
    ring_close(&r);
    r = ring_reopen();
    cr_assert_eq(ring_durable(&r), ring_tail(&r));
    ring_close(&r);
}

/* Opening ------------------------------------------------------------------------------------------------ */

Test(ring, reopened_it_goes_on_where_it_was_committed)
{
    struct ring r = ring_make(0);
    for (uint64_t n = 0; n < 10; n++)
        batch_write(&r, n);
    ring_commit(&r);
    uint64_t tail = ring_tail(&r);
    batch_write(&r, 10); /* never committed */
    ring_close(&r);

    r = ring_reopen();
    cr_assert_eq(r.write, tail);
    batch_write(&r, 10);
    ring_commit(&r);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    for (uint64_t n = 0; n <= 10; n++)
        cr_assert_null(batch_fault(ring_next(&rd), n));
    cr_assert_null(ring_next(&rd));
    ring_close(&r);
}

Test(ring, of_another_boot_or_instance_it_is_stale)
{
    struct ring r = ring_make(0);
    ring_close(&r);
    struct ring_identity other = identity;
    other.boot[15] ^= 1;
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &other), ERR_STALE);
    other = identity;
    other.instance[0] ^= 1;
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &other), ERR_STALE);
    r = ring_reopen();
    ring_close(&r);
}

static void patch(off_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_RDWR);
    cr_assert_eq(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

Test(ring, what_is_no_ring_of_ours_is_refused_by_its_cause)
{
    struct ring r;
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &identity), ERR_NOT_FOUND);
    r = ring_make(0);
    batch_write(&r, 0);
    batch_write(&r, 1);
    ring_commit(&r);
    uint64_t second = ((struct batch *)r.data)->size;
    ring_close(&r);
    cr_assert_eq(ring_open(&r, path, AGENT_DISTRIBUTION, &identity), ERR_CORRUPT, "another agent's");

    const struct {
        off_t at;
        uint32_t value;
        enum err e;
    } rows[] = {
        {offsetof(struct ring_shared, magic), 0, ERR_CORRUPT},
        {offsetof(struct ring_shared, version), 2, ERR_VERSION},
        {offsetof(struct ring_shared, size), RING_SIZE_MIN * 2, ERR_CORRUPT},
        {offsetof(struct ring_shared, size), RING_SIZE_MIN - 8, ERR_CORRUPT},
        {offsetof(struct ring_shared, tail), 4, ERR_CORRUPT},
        {offsetof(struct ring_shared, tail), RING_SIZE_MIN + 8, ERR_CORRUPT},
        {offsetof(struct ring_shared, tail), (uint32_t)second + 8, ERR_CORRUPT},
        {offsetof(struct ring_shared, head), (uint32_t)second + (1u << 20), ERR_CORRUPT},
        {offsetof(struct ring_shared, head), 8, ERR_CORRUPT},
        {offsetof(struct ring_shared, durable), 8, ERR_CORRUPT},
        {4096, 72, ERR_CORRUPT},                       /* first batch's size */
        {(off_t)(4096 + second), 63, ERR_CORRUPT},     /* second batch's size */
        {(off_t)(4096 + second + 16), 8, ERR_CORRUPT}, /* its position */
        {4096 + 64, 0, ERR_CORRUPT},                   /* first record's size */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t before;
        int fd = open(path, O_RDONLY);
        cr_assert_eq(pread(fd, &before, 4, rows[i].at), 4);
        close(fd);
        patch(rows[i].at, &rows[i].value, 4);
        cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &identity), rows[i].e, "row %zu", i);
        patch(rows[i].at, &before, 4);
    }
    r = ring_reopen();
    ring_close(&r);
    cr_assert_eq(truncate(path, 4096 + RING_SIZE_MIN - 1), 0);
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &identity), ERR_CORRUPT);
    cr_assert_eq(truncate(path, 100), 0);
    cr_assert_eq(ring_open(&r, path, AGENT_ROUTING, &identity), ERR_CORRUPT);
}

Test(ring, created_anew_it_replaces_the_old_file_whole_or_not_at_all)
{
    struct ring old = ring_make(0), r;
    batch_write(&old, 0);
    ring_commit(&old);
    /* A creation that fails leaves the old file. */
    cr_assert_eq(ring_create(&r, path, RING_SIZE_MIN + 4096, AGENT_ROUTING, &identity, 0), ERR_RANGE);
    cr_assert_eq(ring_create(&r, path, RING_SIZE_MIN / 2, AGENT_ROUTING, &identity, 0), ERR_RANGE);
    cr_assert_eq(ring_create(&r, "/no/such/directory/ring", RING_SIZE_MIN, AGENT_ROUTING, &identity, 0),
                 ERR_IO);
    cr_assert_eq(ring_create(&r, path, RING_SIZE_MAX * 2, AGENT_ROUTING, &identity, 0), ERR_RANGE);
    struct rlimit limit, none;
    getrlimit(RLIMIT_AS, &limit);
    none = limit;
    none.rlim_cur = 4096;
    setrlimit(RLIMIT_AS, &none);
    enum err e = ring_create(&r, path, RING_SIZE_MIN, AGENT_ROUTING, &identity, 0);
    setrlimit(RLIMIT_AS, &limit);
    cr_assert_eq(e, ERR_MEMORY, "no address space");
    cr_assert_neq(access(path_new, F_OK), 0, "nothing is left behind");
    r = ring_reopen();
    cr_assert_gt(ring_tail(&r), 0);
    ring_close(&r);
    /* A creator that was killed left half a file. */
    int fd = open(path_new, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(write(fd, "half", 4), 4);
    close(fd);
    r = ring_make(8000);
    cr_assert_eq(ring_tail(&r), 8000);
    cr_assert_neq(access(path_new, F_OK), 0);
    /* The old mapping still lives, apart from the new file. */
    batch_write(&old, 1);
    ring_commit(&old);
    cr_assert_eq(ring_tail(&r), 8000);
    ring_close(&old);
    ring_close(&r);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq((uint64_t)st.st_blocks * 512, 4096 + RING_SIZE_MIN, "preallocated, not sparse");
}

Test(ring, the_boot_id_is_the_kernels)
{
    uint8_t id[16], again[16];
    char text[40] = "", want[40];
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    cr_assert_eq(fscanf(f, "%39s", want), 1);
    fclose(f);
    cr_assert_eq(ring_identity_boot(id), OK);
    for (int i = 0, at = 0; i < 16; i++)
        at += sprintf(text + at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    cr_assert_str_eq(text, want);
    cr_assert_eq(ring_identity_boot(again), OK);
    cr_assert_arr_eq(id, again, 16);
}

/* Being killed ------------------------------------------------------------------------------------------- */

enum killed_at { IN_BEGIN, IN_ADD, IN_END, IN_ABANDON, IN_SECOND, IN_COMMIT, PLACES };

Test(ring, killed_at_any_place_it_shows_the_committed_and_nothing_else)
{
    for (unsigned place = 0; place < PLACES; place++) {
        struct ring r = ring_make(0);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (uint64_t n = 0; n < 5; n++)
                batch_write(&r, n);
            ring_commit(&r);
            ring_begin(&r, 1);
            if (place == IN_BEGIN)
                raise(SIGKILL);
            memset(ring_add_raw(&r, 1, 1, 3000) + 1, 0xaa, 2000);
            if (place == IN_ADD)
                raise(SIGKILL);
            ring_abandon(&r);
            if (place == IN_ABANDON)
                raise(SIGKILL);
            batch_write(&r, 5);
            if (place == IN_END)
                raise(SIGKILL);
            batch_write(&r, 6);
            if (place == IN_SECOND)
                raise(SIGKILL);
            ring_commit(&r);
            raise(SIGKILL);
        }
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ring_close(&r);
        r = ring_reopen();
        struct ring_reader rd;
        ring_reader_init(&rd, &r, 0);
        uint64_t n = 0;
        for (const struct batch *b; (b = ring_next(&rd)); n++)
            cr_assert_null(batch_fault(b, n));
        cr_assert_eq(n, place == IN_COMMIT ? 7u : 5u);
        ring_close(&r);
    }
}

struct progress {
    _Atomic uint64_t committing, committed; /* batches: about to be, and certainly */
};

static void write_until_killed(struct ring *r, struct progress *p, uint64_t seed)
{
    uint64_t n = 0;
    for (;;) {
        for (uint64_t k = 1 + random_below(&seed, 5); k; k--) {
            while (!ring_room(r, BATCH_WRITE_MAX, 0))
                sched_yield();
            batch_write(r, n++);
        }
        atomic_store(&p->committing, n);
        ring_commit(r);
        atomic_store(&p->committed, n);
    }
}

Test(ring, killed_in_full_flight_it_loses_nothing_committed)
{
    struct progress *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = 12;
    for (uint64_t round = 0; round < 40; round++) {
        struct ring r = ring_make(round * 8);
        struct ring_reader rd;
        ring_reader_init(&rd, &r, round * 8);
        atomic_store(&p->committing, 0);
        atomic_store(&p->committed, 0);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* should this test fail */
            write_until_killed(&r, p, seed + (uint64_t)round);
        }

        uint64_t read = 0, stop = 20 + random_below(&seed, 4000);
        while (read < stop) {
            const struct batch *b = ring_next(&rd);
            if (!b) {
                sched_yield();
                continue;
            }
            cr_assert_null(batch_fault(b, read), "%s", batch_fault(b, read));
            read++;
            if (read % 7 == 0)
                ring_release(&rd, rd.next);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        ring_close(&r);

        r = ring_reopen();
        ring_reader_init(&rd, &r, rd.next);
        for (const struct batch *b; (b = ring_next(&rd)); read++)
            cr_assert_null(batch_fault(b, read), "%s", batch_fault(b, read));
        cr_assert_geq(read, atomic_load(&p->committed));
        cr_assert_leq(read, atomic_load(&p->committing));
        ring_close(&r);
    }
    munmap(p, 4096);
}

/* Writer and reader on threads of one process -------------------------------------------------------------
 */

#define THREAD_BATCHES 30000u

static void *writer_main(void *arg)
{
    struct ring *r = arg;
    for (uint64_t n = 0; n < THREAD_BATCHES; n++) {
        while (!ring_room(r, BATCH_WRITE_MAX, 0)) {
            ring_commit(r);
            sched_yield();
        }
        batch_write(r, n);
        if (n % 3 == 0)
            ring_commit(r);
    }
    ring_commit(r);
    return NULL;
}

Test(ring, a_reader_on_another_thread_sees_whole_batches_in_order)
{
    struct ring r = ring_make(0);
    struct ring_reader rd;
    ring_reader_init(&rd, &r, 0);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, writer_main, &r), 0);
    for (uint64_t n = 0; n < THREAD_BATCHES;) {
        const struct batch *b = ring_next(&rd);
        if (!b) {
            ring_release(&rd, rd.next);
            sched_yield();
            continue;
        }
        cr_assert_null(batch_fault(b, n), "%s", batch_fault(b, n));
        n++;
        if (n % 50 == 0) {
            ring_release(&rd, rd.next);
            ring_set_durable(&rd, rd.next);
        }
    }
    pthread_join(thread, NULL);
    cr_assert_eq(rd.next, ring_tail(&r));
    ring_close(&r);
}
