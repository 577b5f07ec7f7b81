/* The store's contract, held by both of its implementations; then what only LMDB has. */
#include <criterion/criterion.h>

#include <lmdb.h>

#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/store.h"

/* A place that stores are opened at, one after the other. */
struct place {
    bool is_lmdb;
    char directory[64];
    struct store_memory *keep;
};

static void place_make(struct place *p, bool is_lmdb)
{
    memset(p, 0, sizeof *p);
    p->is_lmdb = is_lmdb;
    strcpy(p->directory, "/tmp/rfqd-store-XXXXXX");
    cr_assert(mkdtemp(p->directory));
}

static struct store *place_open(struct place *p)
{
    struct store *s;
    enum err e =
        p->is_lmdb ? store_lmdb_create(&s, p->directory, 64u << 20) : store_memory_create(&s, &p->keep);
    cr_assert_eq(e, OK, "%s", store_error());
    return s;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void place_free(struct place *p)
{
    nftw(p->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    store_memory_free(p->keep);
}

static enum err put(struct store *s, const char *table, const char *key, const char *value)
{
    return s->ops->put(s, table, key, strlen(key), value, value ? strlen(value) : 0);
}

static void must_put(struct store *s, const char *table, const char *key, const char *value)
{
    cr_assert_eq(put(s, table, key, value), OK);
}

static void begin(struct store *s)
{
    cr_assert_eq(s->ops->begin(s), OK);
}

static void commit(struct store *s, uint64_t offset)
{
    struct store_marks m = {.log_offset = offset, .next_seq = offset + 1};
    cr_assert_eq(s->ops->commit(s, &m), OK, "%s", store_error());
}

/* The rows as text: "a=1 b=2 ". */
struct listing {
    char text[4096];
    unsigned left; /* rows until it stops */
};

static int list_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct listing *l = ctx;
    size_t at = strlen(l->text);
    snprintf(l->text + at, sizeof l->text - at, "%.*s=%.*s ", (int)key_size, (const char *)key,
             (int)value_size, (const char *)value);
    return --l->left == 0;
}

static const char *rows(struct store *s, const char *table, const char *from, unsigned limit)
{
    static struct listing l;
    l.text[0] = 0;
    l.left = limit;
    cr_assert_eq(s->ops->scan(s, table, from, from ? strlen(from) : 0, list_row, &l), OK);
    return l.text;
}

static const char *rows_down(struct store *s, const char *table, const char *below, unsigned limit)
{
    static struct listing l;
    l.text[0] = 0;
    l.left = limit;
    cr_assert_eq(s->ops->scan_down(s, table, below, below ? strlen(below) : 0, list_row, &l), OK);
    return l.text;
}

#define CONTRACT(name)                    \
    static void name(struct place *p);    \
    Test(storage_store, name##_in_memory) \
    {                                     \
        struct place p;                   \
        place_make(&p, false);            \
        name(&p);                         \
        place_free(&p);                   \
    }                                     \
    Test(storage_store, name##_in_lmdb)   \
    {                                     \
        struct place p;                   \
        place_make(&p, true);             \
        name(&p);                         \
        place_free(&p);                   \
    }                                     \
    static void name(struct place *p)

CONTRACT(is_empty_at_first)
{
    struct store *s = place_open(p);
    struct store_marks m;
    char name[STORE_NAME_SIZE];
    cr_assert_eq(s->ops->marks(s, &m), ERR_NOT_FOUND);
    cr_assert_str_eq(rows(s, "t", NULL, 100), "");
    cr_assert_eq(s->ops->table(s, 0, name), ERR_NOT_FOUND);
    s->ops->destroy(s);
}

CONTRACT(keeps_rows_in_the_order_of_keys)
{
    struct store *s = place_open(p);
    begin(s);
    must_put(s, "t", "b", "2");
    must_put(s, "t", "a", "1");
    must_put(s, "t", "ab", "12");
    must_put(s, "t", "c", "3");
    must_put(s, "u", "z", "26");
    commit(s, 10);
    cr_assert_str_eq(rows(s, "t", NULL, 100), "a=1 ab=12 b=2 c=3 ");
    cr_assert_str_eq(rows(s, "t", "ab", 100), "ab=12 b=2 c=3 ");
    cr_assert_str_eq(rows(s, "t", "aa", 2), "ab=12 b=2 ");
    cr_assert_str_eq(rows(s, "t", "d", 100), "");
    cr_assert_str_eq(rows(s, "u", NULL, 100), "z=26 ");
    cr_assert_str_eq(rows(s, "v", NULL, 100), "");
    s->ops->destroy(s);
}

CONTRACT(shows_nothing_before_the_commit_and_all_after_it)
{
    struct store *s = place_open(p);
    struct store_marks m;
    begin(s);
    must_put(s, "t", "a", "1");
    must_put(s, "u", "b", "2");
    cr_assert_str_eq(rows(s, "t", NULL, 100), "");
    cr_assert_eq(s->ops->marks(s, &m), ERR_NOT_FOUND);
    commit(s, 77);
    cr_assert_str_eq(rows(s, "t", NULL, 100), "a=1 ");
    cr_assert_str_eq(rows(s, "u", NULL, 100), "b=2 ");
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(m.log_offset, 77);
    cr_assert_eq(m.next_seq, 78);
    s->ops->destroy(s);
}

CONTRACT(replaces_and_deletes)
{
    struct store *s = place_open(p);
    begin(s);
    must_put(s, "t", "a", "1");
    must_put(s, "t", "b", "2");
    must_put(s, "t", "c", "3");
    commit(s, 1);
    begin(s);
    must_put(s, "t", "b", "a longer value than before");
    must_put(s, "t", "a", NULL);
    must_put(s, "t", "not there", NULL);
    must_put(s, "t", "d", "4");
    must_put(s, "t", "d", NULL);
    commit(s, 2);
    cr_assert_str_eq(rows(s, "t", NULL, 100), "b=a longer value than before c=3 ");
    s->ops->destroy(s);
}

CONTRACT(loses_what_was_put_and_not_committed)
{
    struct store *s = place_open(p);
    struct store_marks m;
    begin(s);
    must_put(s, "t", "a", "1");
    commit(s, 5);
    begin(s);
    must_put(s, "t", "a", "changed");
    must_put(s, "t", "b", "2");
    must_put(s, "made in it", "c", "3");
    s->ops->destroy(s); /* a kill between put and commit */
    s = place_open(p);
    cr_assert_str_eq(rows(s, "t", NULL, 100), "a=1 ");
    cr_assert_str_eq(rows(s, "made in it", NULL, 100), "");
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(m.log_offset, 5);
    s->ops->destroy(s);
}

CONTRACT(goes_on_after_an_abandoned_transaction)
{
    struct store *s = place_open(p);
    begin(s);
    must_put(s, "new", "a", "1");
    s->ops->abandon(s);
    s->ops->abandon(s); /* nothing begun: nothing happens */
    begin(s);
    must_put(s, "other", "b", "2");
    must_put(s, "new", "c", "3");
    commit(s, 1);
    cr_assert_str_eq(rows(s, "new", NULL, 100), "c=3 ");
    cr_assert_str_eq(rows(s, "other", NULL, 100), "b=2 ");
    s->ops->destroy(s);
}

CONTRACT(names_its_tables)
{
    struct store *s = place_open(p);
    char name[STORE_NAME_SIZE];
    unsigned found = 0;
    begin(s);
    must_put(s, "quotes", "a", "1");
    must_put(s, "rfqs", "a", "1");
    commit(s, 1);
    for (unsigned i = 0; s->ops->table(s, i, name) == OK; i++)
        found |= !strcmp(name, "quotes") ? 1u : !strcmp(name, "rfqs") ? 2u : 4u;
    cr_assert_eq(found, 3u);
    s->ops->destroy(s);
}

CONTRACT(keeps_large_values_and_empty_ones)
{
    struct store *s = place_open(p);
    static char large[100000];
    memset(large, 'x', sizeof large - 1);
    begin(s);
    must_put(s, "t", "a", large);
    must_put(s, "t", "b", "");
    commit(s, 1);
    s->ops->destroy(s);
    s = place_open(p);
    struct listing l = {.left = 0};
    cr_assert_eq(s->ops->scan(s, "t", "b", 1, list_row, &l), OK);
    cr_assert_str_eq(l.text, "b= ");
    s->ops->destroy(s);
}

CONTRACT(scans_down_from_below_a_key)
{
    struct store *s = place_open(p);
    cr_assert_str_eq(rows_down(s, "t", NULL, 10), "");
    begin(s);
    must_put(s, "t", "b", "2");
    must_put(s, "t", "d", "4");
    must_put(s, "t", "a", "1");
    must_put(s, "t", "cc", "3");
    commit(s, 1);
    cr_assert_str_eq(rows_down(s, "t", NULL, 10), "d=4 cc=3 b=2 a=1 ");
    cr_assert_str_eq(rows_down(s, "t", "d", 10), "cc=3 b=2 a=1 ");
    cr_assert_str_eq(rows_down(s, "t", "c", 10), "b=2 a=1 ");
    cr_assert_str_eq(rows_down(s, "t", "z", 2), "d=4 cc=3 ");
    cr_assert_str_eq(rows_down(s, "t", "a", 10), "");
    cr_assert_str_eq(rows_down(s, "u", "a", 10), "");
    s->ops->destroy(s);
}

/* A naive twin: an array of values by key number. */
#define TWIN_KEYS 200
struct twin {
    unsigned values[TWIN_KEYS]; /* 0: no row */
    unsigned at;
    bool differs;
};

static int compare_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct twin *t = ctx;
    unsigned v;
    uint64_t k = store_from_be64(key);
    while (t->at < TWIN_KEYS && !t->values[t->at])
        t->at++;
    memcpy(&v, value, sizeof v);
    t->differs |=
        key_size != 8 || value_size != sizeof v || t->at == TWIN_KEYS || k != t->at || v != t->values[t->at];
    t->at++;
    return t->differs;
}

/* The same from the other end: `at` is one past what is expected next. */
static int compare_row_down(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct twin *t = ctx;
    unsigned v;
    while (t->at > 0 && !t->values[t->at - 1])
        t->at--;
    memcpy(&v, value, sizeof v);
    t->differs |= key_size != 8 || value_size != sizeof v || t->at == 0 ||
                  store_from_be64(key) != t->at - 1 || v != t->values[t->at - 1];
    t->at -= t->at > 0;
    return t->differs;
}

static void must_equal_down(struct store *s, struct twin *t, unsigned below)
{
    char key[8];
    store_be64(key, below);
    t->at = below;
    cr_assert_eq(s->ops->scan_down(s, "t", key, sizeof key, compare_row_down, t), OK);
    while (t->at > 0 && !t->values[t->at - 1])
        t->at--;
    cr_assert(!t->differs && t->at == 0);
}

static void must_equal(struct store *s, struct twin *t)
{
    t->at = 0;
    cr_assert_eq(s->ops->scan(s, "t", NULL, 0, compare_row, t), OK);
    while (t->at < TWIN_KEYS && !t->values[t->at])
        t->at++;
    cr_assert(!t->differs && t->at == TWIN_KEYS);
}

CONTRACT(equals_a_naive_twin_over_random_commits_and_kills)
{
    struct store *s = place_open(p);
    struct twin committed = {0}, open;
    srand(7);
    for (unsigned round = 1; round <= 120; round++) {
        open = committed;
        begin(s);
        for (unsigned i = (unsigned)rand() % 40; i > 0; i--) {
            unsigned k = (unsigned)rand() % TWIN_KEYS, v = rand() % 3 ? (unsigned)rand() | 1u : 0;
            char key[8];
            store_be64(key, k);
            cr_assert_eq(s->ops->put(s, "t", key, 8, v ? &v : NULL, sizeof v), OK);
            open.values[k] = v;
        }
        if (rand() % 4) {
            commit(s, round);
            committed = open;
        } else {
            s->ops->destroy(s);
            s = place_open(p);
        }
        must_equal(s, &committed);
        must_equal_down(s, &committed, TWIN_KEYS);
        must_equal_down(s, &committed, (unsigned)rand() % TWIN_KEYS);
    }
    s->ops->destroy(s);
}

static int nested(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct store *s = ctx;
    (void)value;
    (void)value_size;
    cr_assert(key_size == 1 && *(const char *)key == 'a');
    cr_assert_str_eq(rows(s, "u", NULL, 10), "b=2 ");
    return 1;
}

CONTRACT(can_be_scanned_during_a_scan)
{
    struct store *s = place_open(p);
    begin(s);
    must_put(s, "t", "a", "1");
    must_put(s, "u", "b", "2");
    commit(s, 1);
    cr_assert_eq(s->ops->scan(s, "t", NULL, 0, nested, s), OK);
    s->ops->destroy(s);
}

/* Each commit writes one number into every row; a scan must never see two of them. */
struct racing {
    struct store *store;
    _Atomic bool stop;
    unsigned scans, torn;
};

static int one_number(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    uint64_t *seen = ctx, v;
    (void)key;
    (void)key_size;
    (void)value_size;
    memcpy(&v, value, sizeof v);
    if (!seen[1])
        seen[0] = v;
    seen[1]++;
    seen[2] |= v != seen[0];
    return 0;
}

static void *race_reader(void *arg)
{
    struct racing *r = arg;
    while (!atomic_load(&r->stop)) {
        uint64_t seen[3] = {0};
        if (r->store->ops->scan(r->store, "t", NULL, 0, one_number, seen) != OK || seen[2] ||
            (seen[1] != 0 && seen[1] != 50))
            r->torn++;
        r->scans++;
    }
    return NULL;
}

CONTRACT(shows_readers_whole_commits_while_it_is_written)
{
    struct racing r = {.store = place_open(p)};
    pthread_t reader;
    cr_assert_eq(pthread_create(&reader, NULL, race_reader, &r), 0);
    for (uint64_t round = 1; round <= 60; round++) {
        begin(r.store);
        for (unsigned i = 0; i < 50; i++)
            cr_assert_eq(r.store->ops->put(r.store, "t", &(char){(char)i}, 1, &round, sizeof round), OK);
        commit(r.store, round);
    }
    atomic_store(&r.stop, true);
    pthread_join(reader, NULL);
    cr_assert_eq(r.torn, 0);
    r.store->ops->destroy(r.store);
}

CONTRACT(shows_one_commit_in_a_snapshot)
{
    struct store *s = place_open(p), *snapshot;
    struct store_marks m;
    char name[STORE_NAME_SIZE];
    begin(s);
    must_put(s, "t", "a", "1");
    commit(s, 1);
    cr_assert_eq(s->ops->snapshot(s, &snapshot), OK);
    if (p->is_lmdb) { /* the memory store's writer would wait */
        begin(s);
        must_put(s, "t", "a", "2");
        must_put(s, "u", "b", "2");
        commit(s, 2);
    }
    cr_assert_str_eq(rows(snapshot, "t", NULL, 10), "a=1 ");
    cr_assert_str_eq(rows(snapshot, "u", NULL, 10), "");
    cr_assert_eq(snapshot->ops->marks(snapshot, &m), OK);
    cr_assert_eq(m.log_offset, 1);
    cr_assert_eq(snapshot->ops->table(snapshot, 0, name), OK);
    cr_assert_str_eq(name, "t");
    cr_assert_eq(snapshot->ops->table(snapshot, 1, name), ERR_NOT_FOUND);
    cr_assert_eq(snapshot->ops->begin(snapshot), ERR_STATE);
    snapshot->ops->destroy(snapshot);
    begin(s);
    must_put(s, "t", "a", "3");
    commit(s, 3);
    cr_assert_str_eq(rows(s, "t", NULL, 10), "a=3 ");
    s->ops->destroy(s);
}

Test(storage_store, memory_refuses_a_commit_beyond_its_limit_and_recovers)
{
    struct store_memory *keep = NULL;
    struct store *s;
    struct store_marks m = {.log_offset = 9};
    cr_assert_eq(store_memory_create(&s, &keep), OK);
    store_memory_limit(keep, 10);
    begin(s);
    must_put(s, "t", "a", "12345678901234567890");
    cr_assert_eq(s->ops->commit(s, &m), ERR_FULL);
    cr_assert_str_eq(rows(s, "t", NULL, 10), "");
    cr_assert_eq(s->ops->marks(s, &m), ERR_NOT_FOUND);
    store_memory_limit(keep, 0);
    begin(s);
    must_put(s, "t", "a", "12345678901234567890");
    commit(s, 9);
    cr_assert_str_eq(rows(s, "t", NULL, 10), "a=12345678901234567890 ");
    s->ops->destroy(s);
    store_memory_free(keep);
}

Test(storage_store, lmdb_says_that_its_map_is_full_and_goes_on_with_a_larger_one)
{
    struct place p;
    struct store *s;
    struct store_marks m = {.log_offset = 3};
    enum err e = OK;
    static char large[50000];
    place_make(&p, true);
    memset(large, 'x', sizeof large);
    cr_assert_eq(store_lmdb_create(&s, p.directory, 1u << 20), OK);
    begin(s);
    must_put(s, "t", "first", "1");
    commit(s, 1);
    begin(s);
    for (unsigned i = 0; !e && i < 100; i++)
        e = s->ops->put(s, "t", &i, sizeof i, large, sizeof large);
    cr_assert_eq(e, ERR_FULL);
    cr_assert(strstr(store_error(), "map of 1048576 bytes is full"), "%s", store_error());
    cr_assert_str_eq(rows(s, "t", NULL, 10), "first=1 ");
    begin(s); /* it is usable as before */
    must_put(s, "t", "second", "2");
    commit(s, 2);
    s->ops->destroy(s);
    cr_assert_eq(store_lmdb_create(&s, p.directory, 64u << 20), OK);
    begin(s);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(s->ops->put(s, "t", &i, sizeof i, large, sizeof large), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    s->ops->destroy(s);
    place_free(&p);
}

/* Put a number under a key of the table of marks, as a program of the future would. */
static void write_mark(const char *directory, const char *key, const void *value, size_t size)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {strlen(key), (void *)(uintptr_t)key}, v = {size, (void *)(uintptr_t)value};
    cr_assert(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, 8) && !mdb_env_open(env, directory, 0, 0600));
    cr_assert(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, "marks", MDB_CREATE, &dbi));
    cr_assert(!mdb_put(txn, dbi, &k, &v, 0) && !mdb_txn_commit(txn));
    mdb_env_close(env);
}

Test(storage_store, lmdb_of_a_newer_layout_is_refused_by_number)
{
    struct place p;
    struct store *s;
    uint64_t newer = STORE_LAYOUT + 1;
    place_make(&p, true);
    write_mark(p.directory, "layout", &newer, sizeof newer);
    cr_assert_eq(store_lmdb_create(&s, p.directory, 64u << 20), ERR_VERSION);
    cr_assert_null(s);
    cr_assert(strstr(store_error(), "layout 2, this program knows 1"), "%s", store_error());
    cr_assert_eq(store_lmdb_open(&s, p.directory), ERR_VERSION);
    place_free(&p);
}

Test(storage_store, lmdb_with_marks_of_a_newer_version_is_refused)
{
    struct place p;
    struct store_marks m;
    uint64_t newer = 9;
    place_make(&p, true);
    struct store *s = place_open(&p);
    s->ops->destroy(s);
    write_mark(p.directory, "marks", &newer, sizeof newer);
    s = place_open(&p);
    cr_assert_eq(s->ops->marks(s, &m), ERR_VERSION);
    s->ops->destroy(s);
    place_free(&p);
}

Test(storage_store, lmdb_with_marks_of_another_size_is_corrupt)
{
    struct place p;
    struct store_marks m;
    uint64_t cut[3] = {1};
    place_make(&p, true);
    struct store *s = place_open(&p);
    s->ops->destroy(s);
    write_mark(p.directory, "marks", cut, sizeof cut);
    s = place_open(&p);
    cr_assert_eq(s->ops->marks(s, &m), ERR_CORRUPT);
    s->ops->destroy(s);
    place_free(&p);
}

Test(storage_store, lmdb_that_is_no_lmdb_is_refused_as_corrupt)
{
    struct place p;
    struct store *s;
    char file[128];
    place_make(&p, true);
    snprintf(file, sizeof file, "%s/data.mdb", p.directory);
    FILE *f = fopen(file, "w");
    for (unsigned i = 0; i < 20000; i++)
        fputc('z', f);
    fclose(f);
    cr_assert_eq(store_lmdb_create(&s, p.directory, 64u << 20), ERR_CORRUPT);
    place_free(&p);
}

Test(storage_store, lmdb_survives_a_killed_writer)
{
    struct place p;
    place_make(&p, true);
    pid_t child = fork();
    if (child == 0) {
        struct store *s = place_open(&p);
        struct store_marks m = {.log_offset = 42};
        if (s->ops->begin(s) || put(s, "t", "a", "1") || s->ops->commit(s, &m) || s->ops->begin(s) ||
            put(s, "t", "a", "2"))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    struct store *s = place_open(&p);
    cr_assert_str_eq(rows(s, "t", NULL, 10), "a=1 ");
    begin(s);
    must_put(s, "t", "a", "3");
    commit(s, 43);
    cr_assert_str_eq(rows(s, "t", NULL, 10), "a=3 ");
    s->ops->destroy(s);
    place_free(&p);
}

Test(storage_store, lmdb_can_be_read_by_another_while_it_is_written_and_copied)
{
    struct place p;
    struct store *s, *reader, *copy;
    struct store_marks m;
    char backup[96];
    place_make(&p, true);
    cr_assert_eq(store_lmdb_open(&reader, p.directory), ERR_NOT_FOUND);
    s = place_open(&p);
    begin(s);
    must_put(s, "t", "a", "1");
    commit(s, 1);
    snprintf(backup, sizeof backup, "%s/backup", p.directory);
    cr_assert_eq(s->ops->copy(s, backup), OK, "%s", store_error());
    cr_assert_eq(s->ops->copy(s, backup), ERR_EXISTS);
    cr_assert_eq(s->ops->copy(s, "/proc/nowhere"), ERR_NOT_FOUND);
    char empty[96];
    snprintf(empty, sizeof empty, "%s/empty", p.directory);
    cr_assert_eq(mkdir(empty, 0700), 0);
    cr_assert_eq(s->ops->copy(s, empty), OK, "a directory that is empty will do");
    begin(s);
    must_put(s, "t", "a", "2");
    commit(s, 2);
    s->ops->destroy(s); /* one environment per directory and process */
    cr_assert_eq(store_lmdb_open(&reader, p.directory), OK);
    cr_assert_str_eq(rows(reader, "t", NULL, 10), "a=2 ");
    cr_assert_eq(reader->ops->begin(reader), ERR_STATE);
    reader->ops->destroy(reader);
    cr_assert_eq(store_lmdb_open(&copy, backup), OK);
    cr_assert_str_eq(rows(copy, "t", NULL, 10), "a=1 ");
    cr_assert_eq(copy->ops->marks(copy, &m), OK);
    cr_assert_eq(m.log_offset, 1);
    copy->ops->destroy(copy);
    place_free(&p);
}

/* A disk of its own, in a mount namespace of its own: gone with the test's process. */
static bool mount_disk(const char *directory, const char *size)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", directory, "tmpfs", 0, size) == 0;
}

Test(storage_store, lmdb_says_that_the_disk_is_full_and_goes_on_when_it_is_not)
{
    struct place p;
    struct store *s;
    struct store_marks m = {.log_offset = 2};
    char filler[96];
    static char large[400000];
    place_make(&p, true);
    if (!mount_disk(p.directory, "size=1m")) {
        place_free(&p);
        fputs("storage_store_test: not allowed to mount a file system: a full disk is not tested here\n",
              stderr);
        return;
    }
    s = place_open(&p);
    begin(s);
    must_put(s, "t", "a", "1");
    commit(s, 1);
    snprintf(filler, sizeof filler, "%s/filler", p.directory);
    FILE *f = fopen(filler, "w");
    while (fwrite(large, 1, 4096, f) == 4096 && fflush(f) == 0)
        ;
    fclose(f);
    memset(large, 'x', sizeof large);
    begin(s);
    enum err e = s->ops->put(s, "t", "b", 1, large, sizeof large);
    if (!e)
        e = s->ops->commit(s, &m);
    cr_assert_eq(e, ERR_FULL, "%s", store_error());
    cr_assert(strstr(store_error(), "the disk under the store is full"), "%s", store_error());
    cr_assert_str_eq(rows(s, "t", NULL, 10), "a=1 ");
    cr_assert_eq(unlink(filler), 0);
    begin(s);
    cr_assert_eq(s->ops->put(s, "t", "b", 1, large, sizeof large), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK, "%s", store_error());
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(m.log_offset, 2);
    s->ops->destroy(s);
    umount(p.directory);
    place_free(&p);
}
