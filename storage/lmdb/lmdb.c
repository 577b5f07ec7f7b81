/* The store in LMDB: one environment, a named database for each table.
 *
 * Flags and why: MDB_NOTLS, so that a read transaction belongs to its cursor and not to a thread (a thread
 * may scan while it scans). Never MDB_WRITEMAP: a stray write of ours must not reach the file. Syncs stay on:
 * a commit that returned survives a power cut, and LMDB's two meta pages make it whole or absent.
 *
 * Database handles are opened by the writer (all that exist at create, new ones inside the transaction that
 * makes them) and are published to readers after that transaction's commit by one release store of their
 * number; a reader takes a handle before it begins, so its snapshot always has the table. A read-only store
 * opens them on demand, one thread at a time.
 */
#include <lmdb.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "storage/store.h"
#include "storage/store_fail.h"

#define DISK_FULL_SIZE 1048576u /* with less than this left, a write that was not whole found no space */

#define MARKS_TABLE "marks"
#define KEY_MARKS   "marks"
#define KEY_LAYOUT  "layout"

struct stored_marks {
    uint64_t version; /* of this layout */
    struct store_marks marks;
};
#define MARKS_VERSION 1

struct table_handle {
    char name[STORE_NAME_SIZE];
    MDB_dbi dbi;
};

struct lmdb {
    struct store store;
    MDB_env *env;
    bool read_only;
    pthread_mutex_t opening; /* read-only: handles on demand */
    MDB_txn *txn;            /* the writer's */
    unsigned opened;         /* handles, those of the open transaction included */
    _Atomic unsigned published;
    struct table_handle tables[STORE_TABLES_MAX];
};

static struct lmdb *lmdb_of(const struct store *s)
{
    return (struct lmdb *)(uintptr_t)s;
}

/* Errors
 * ----------------------------------------------------------------------------------------------------- */

static enum err fail(struct lmdb *l, int rc, const char *doing)
{
    MDB_envinfo info;
    switch (rc) {
    case MDB_MAP_FULL:
        mdb_env_info(l->env, &info);
        return store_fail(ERR_FULL,
                          "%s: the store's map of %zu bytes is full: reserve more (store map size), or "
                          "keep less (retention)",
                          doing, info.me_mapsize);
    case ENOSPC:
    case EDQUOT:
        return store_fail(ERR_FULL, "%s: the disk under the store is full", doing);
    case ENOMEM:
        return store_fail(ERR_MEMORY, "%s: %s", doing, strerror(rc));
    case ENOENT:
        return store_fail(ERR_NOT_FOUND, "%s: no store is there", doing);
    case MDB_VERSION_MISMATCH:
        return store_fail(ERR_VERSION, "%s: the file is of another version of LMDB", doing);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return store_fail(ERR_CORRUPT, "%s: %s", doing, mdb_strerror(rc));
    case MDB_READERS_FULL:
    case MDB_DBS_FULL:
        return store_fail(ERR_LIMIT, "%s: %s", doing, mdb_strerror(rc));
    default:
        errno = rc > 0 ? rc : EIO;
        return store_fail(ERR_IO, "%s: %s", doing, mdb_strerror(rc));
    }
}

/* LMDB says EIO of a write that a full disk took a part of. As nothing was committed, that is no worse than
 * ENOSPC, and as curable. */
static int commit_cause(struct lmdb *l, int rc)
{
    const char *path;
    struct statvfs disk;
    if (rc == EIO && mdb_env_get_path(l->env, &path) == 0 && statvfs(path, &disk) == 0 &&
        (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_SIZE)
        return ENOSPC;
    return rc;
}

/* Handles
 * ---------------------------------------------------------------------------------------------------- */

static struct table_handle *find(struct lmdb *l, const char *table, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(l->tables[i].name, table) == 0)
            return &l->tables[i];
    return NULL;
}

static int handle_open(struct lmdb *l, MDB_txn *txn, const char *table, unsigned flags,
                       struct table_handle **out)
{
    if (l->opened == STORE_TABLES_MAX || strlen(table) >= STORE_NAME_SIZE)
        return MDB_DBS_FULL;
    struct table_handle *h = &l->tables[l->opened];
    int rc = mdb_dbi_open(txn, table, flags, &h->dbi);
    if (rc)
        return rc;
    memcpy(h->name, table, strlen(table) + 1);
    l->opened++;
    *out = h;
    return 0;
}

static void handles_publish(struct lmdb *l)
{
    /* Pairs with the acquire in reader_handle. */
    atomic_store_explicit(&l->published, l->opened, memory_order_release);
}

/* The handle for a reader who has not begun yet; NULL: no such table. */
static struct table_handle *reader_handle(struct lmdb *l, const char *table)
{
    struct table_handle *h = find(l, table, atomic_load_explicit(&l->published, memory_order_acquire));
    if (h || !l->read_only)
        return h;
    pthread_mutex_lock(&l->opening);
    MDB_txn *txn;
    h = find(l, table, l->opened);
    if (!h && mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn) == 0) {
        if (handle_open(l, txn, table, 0, &h) == 0 && mdb_txn_commit(txn) == 0)
            handles_publish(l);
        else
            mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&l->opening);
    return h;
}

/* Writer
 * ----------------------------------------------------------------------------------------------------- */

static void lmdb_abandon(struct store *s)
{
    struct lmdb *l = lmdb_of(s);
    if (!l->txn)
        return;
    mdb_txn_abort(l->txn); /* closes the handles it opened */
    l->txn = NULL;
    l->opened = atomic_load_explicit(&l->published, memory_order_relaxed);
}

static enum err lmdb_begin(struct store *s)
{
    struct lmdb *l = lmdb_of(s);
    assert(!l->txn);
    if (l->read_only)
        return store_fail(ERR_STATE, "the store was opened for reading");
    int rc = mdb_txn_begin(l->env, NULL, 0, &l->txn);
    return rc ? fail(l, rc, "begin") : OK;
}

static enum err lmdb_put(struct store *s, const char *table, const void *key, size_t key_size,
                         const void *value, size_t value_size)
{
    struct lmdb *l = lmdb_of(s);
    assert(l->txn && key_size > 0 && key_size <= STORE_KEY_MAX);
    struct table_handle *h = find(l, table, l->opened);
    int rc = h ? 0 : handle_open(l, l->txn, table, MDB_CREATE, &h);
    MDB_val k = {key_size, (void *)(uintptr_t)key}, v = {value_size, (void *)(uintptr_t)value};
    if (!rc)
        rc = value ? mdb_put(l->txn, h->dbi, &k, &v, 0) : mdb_del(l->txn, h->dbi, &k, NULL);
    if (!rc || (!value && rc == MDB_NOTFOUND))
        return OK;
    enum err e = fail(l, rc, table);
    lmdb_abandon(s);
    return e;
}

static enum err marks_put(struct store *s, const char *key, const void *value, size_t size)
{
    return lmdb_put(s, MARKS_TABLE, key, strlen(key), value, size);
}

static enum err transaction_commit(struct lmdb *l)
{
    int rc = mdb_txn_commit(l->txn); /* frees it either way */
    l->txn = NULL;
    if (rc) {
        l->opened = atomic_load_explicit(&l->published, memory_order_relaxed);
        return fail(l, commit_cause(l, rc), "commit");
    }
    handles_publish(l);
    return OK;
}

static enum err lmdb_commit(struct store *s, const struct store_marks *m)
{
    struct lmdb *l = lmdb_of(s);
    struct stored_marks stored = {.version = MARKS_VERSION, .marks = *m};
    enum err e = marks_put(s, KEY_MARKS, &stored, sizeof stored);
    return e ? e : transaction_commit(l);
}

/* Readers
 * ---------------------------------------------------------------------------------------------------- */

static int scan_in(MDB_txn *txn, MDB_dbi dbi, const void *from, size_t from_size, store_visit *visit,
                   void *ctx)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, dbi, &cursor);
    if (rc)
        return rc;
    MDB_val k = {from_size, (void *)(uintptr_t)from}, v;
    for (rc = mdb_cursor_get(cursor, &k, &v, from ? MDB_SET_RANGE : MDB_FIRST); !rc;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
        if (visit(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size))
            break;
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int scan_down_in(MDB_txn *txn, MDB_dbi dbi, const void *below, size_t below_size, store_visit *visit,
                        void *ctx)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, dbi, &cursor);
    if (rc)
        return rc;
    MDB_val k = {below_size, (void *)(uintptr_t)below}, v;
    rc = below ? mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) : MDB_NOTFOUND;
    for (rc = mdb_cursor_get(cursor, &k, &v, rc ? MDB_LAST : MDB_PREV); !rc;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV))
        if (visit(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size))
            break;
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

typedef int scan_function(MDB_txn *txn, MDB_dbi dbi, const void *from, size_t from_size, store_visit *visit,
                          void *ctx);

static enum err scan_by(scan_function *scan, struct store *s, const char *table, const void *from,
                        size_t from_size, store_visit *visit, void *ctx)
{
    struct lmdb *l = lmdb_of(s);
    struct table_handle *h = reader_handle(l, table);
    if (!h)
        return OK;
    MDB_txn *txn;
    int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return fail(l, rc, table);
    rc = scan(txn, h->dbi, from, from_size, visit, ctx);
    mdb_txn_abort(txn);
    return rc ? fail(l, rc, table) : OK;
}

static enum err lmdb_scan(struct store *s, const char *table, const void *from, size_t from_size,
                          store_visit *visit, void *ctx)
{
    return scan_by(scan_in, s, table, from, from_size, visit, ctx);
}

static enum err lmdb_scan_down(struct store *s, const char *table, const void *below, size_t below_size,
                               store_visit *visit, void *ctx)
{
    return scan_by(scan_down_in, s, table, below, below_size, visit, ctx);
}

struct wanted {
    const char *key;
    void *to;
    size_t size; /* of to; of the value afterwards */
    bool found;
};

static int take_wanted(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct wanted *w = ctx;
    if (key_size != strlen(w->key) || memcmp(key, w->key, key_size) != 0)
        return 1;
    memcpy(w->to, value, value_size < w->size ? value_size : w->size);
    w->size = value_size;
    w->found = true;
    return 1;
}

static enum err lmdb_marks(struct store *s, struct store_marks *m)
{
    struct stored_marks stored = {0};
    struct wanted w = {.key = KEY_MARKS, .to = &stored, .size = sizeof stored};
    memset(m, 0, sizeof *m);
    enum err e = s->ops->scan(s, MARKS_TABLE, KEY_MARKS, strlen(KEY_MARKS), take_wanted, &w);
    if (e)
        return e;
    if (!w.found)
        return ERR_NOT_FOUND;
    if (w.size >= sizeof stored.version && stored.version > MARKS_VERSION)
        return store_fail(ERR_VERSION, "the store's marks are of version %llu, this program knows %d",
                          (unsigned long long)stored.version, MARKS_VERSION);
    if (w.size != sizeof stored || stored.version == 0)
        return store_fail(ERR_CORRUPT, "the store's marks have %zu bytes where %zu are right", w.size,
                          sizeof stored);
    *m = stored.marks;
    return OK;
}

static bool is_own(const MDB_val *name)
{
    return name->mv_size == strlen(MARKS_TABLE) && memcmp(name->mv_data, MARKS_TABLE, name->mv_size) == 0;
}

/* Each named database is a row of the unnamed one. */
struct names {
    unsigned wanted, at;
    char *name;
    bool found;
};

static int take_name(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct names *n = ctx;
    MDB_val name = {key_size, (void *)(uintptr_t)key};
    (void)value;
    (void)value_size;
    if (is_own(&name) || key_size >= STORE_NAME_SIZE || n->at++ != n->wanted)
        return 0;
    memcpy(n->name, key, key_size);
    n->name[key_size] = 0;
    n->found = true;
    return 1;
}

static enum err table_in(struct lmdb *l, MDB_txn *txn, unsigned i, char name[STORE_NAME_SIZE])
{
    struct names n = {.wanted = i, .name = name};
    MDB_dbi root;
    int rc = mdb_dbi_open(txn, NULL, 0, &root); /* the unnamed one is always handle 1: no handle is made */
    if (!rc)
        rc = scan_in(txn, root, NULL, 0, take_name, &n);
    if (rc)
        return fail(l, rc, "tables");
    return n.found ? OK : ERR_NOT_FOUND;
}

static enum err lmdb_table(struct store *s, unsigned i, char name[STORE_NAME_SIZE])
{
    struct lmdb *l = lmdb_of(s);
    MDB_txn *txn;
    int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return fail(l, rc, "tables");
    enum err e = table_in(l, txn, i, name);
    mdb_txn_abort(txn);
    return e;
}

static enum err lmdb_copy(struct store *s, const char *directory)
{
    struct lmdb *l = lmdb_of(s);
    char file[4096];
    if (snprintf(file, sizeof file, "%s/data.mdb", directory) >= (int)sizeof file)
        return store_fail(ERR_RANGE, "the name of the directory is too long");
    if (access(file, F_OK) == 0)
        return store_fail(ERR_EXISTS, "%s: a store is there already", directory);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return fail(l, errno, directory);
    int rc = mdb_env_copy2(l->env, directory, MDB_CP_COMPACT);
    return rc ? fail(l, rc, directory) : OK;
}

static void lmdb_size(struct store *s, uint64_t *used, uint64_t *reserved)
{
    struct lmdb *l = lmdb_of(s);
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(l->env, &info);
    mdb_env_stat(l->env, &stat);
    *used = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    *reserved = info.me_mapsize;
}

static void lmdb_destroy(struct store *s)
{
    struct lmdb *l = lmdb_of(s);
    lmdb_abandon(s);
    if (l->env)
        mdb_env_close(l->env);
    pthread_mutex_destroy(&l->opening);
    free(l);
}

/* Snapshot: the same reads in one transaction.
 * ------------------------------------------------------------------ */

struct snapshot {
    struct store store;
    struct lmdb *of;
    MDB_txn *txn;
    unsigned handles; /* published when it was taken: newer tables are not in it */
};

static struct snapshot *snapshot_of(const struct store *s)
{
    return (struct snapshot *)(uintptr_t)s;
}

static enum err snapshot_begin(struct store *s)
{
    (void)s;
    return store_fail(ERR_STATE, "a snapshot is for reading");
}

static enum err snapshot_put(struct store *s, const char *table, const void *key, size_t key_size,
                             const void *value, size_t value_size)
{
    (void)table;
    (void)key;
    (void)key_size;
    (void)value;
    (void)value_size;
    return snapshot_begin(s);
}

static enum err snapshot_commit(struct store *s, const struct store_marks *m)
{
    (void)m;
    return snapshot_begin(s);
}

static void snapshot_abandon(struct store *s)
{
    (void)s;
}

static enum err snapshot_scan_by(scan_function *scan, struct store *s, const char *table, const void *from,
                                 size_t from_size, store_visit *visit, void *ctx)
{
    struct snapshot *x = snapshot_of(s);
    struct table_handle *h = find(x->of, table, x->handles);
    if (!h)
        return OK;
    int rc = scan(x->txn, h->dbi, from, from_size, visit, ctx);
    return rc ? fail(x->of, rc, table) : OK;
}

static enum err snapshot_scan(struct store *s, const char *table, const void *from, size_t from_size,
                              store_visit *visit, void *ctx)
{
    return snapshot_scan_by(scan_in, s, table, from, from_size, visit, ctx);
}

static enum err snapshot_scan_down(struct store *s, const char *table, const void *below, size_t below_size,
                                   store_visit *visit, void *ctx)
{
    return snapshot_scan_by(scan_down_in, s, table, below, below_size, visit, ctx);
}

static enum err snapshot_table(struct store *s, unsigned i, char name[STORE_NAME_SIZE])
{
    return table_in(snapshot_of(s)->of, snapshot_of(s)->txn, i, name);
}

static enum err snapshot_again(struct store *s, struct store **out)
{
    *out = NULL;
    return snapshot_begin(s);
}

static enum err snapshot_copy(struct store *s, const char *directory)
{
    (void)directory;
    return snapshot_begin(s);
}

static void snapshot_size(struct store *s, uint64_t *used, uint64_t *reserved)
{
    lmdb_size(&snapshot_of(s)->of->store, used, reserved);
}

static void snapshot_destroy(struct store *s)
{
    mdb_txn_abort(snapshot_of(s)->txn);
    free(snapshot_of(s));
}

static const struct store_ops snapshot_ops = {
    .begin = snapshot_begin,
    .put = snapshot_put,
    .commit = snapshot_commit,
    .abandon = snapshot_abandon,
    .marks = lmdb_marks,
    .scan = snapshot_scan,
    .scan_down = snapshot_scan_down,
    .table = snapshot_table,
    .snapshot = snapshot_again,
    .copy = snapshot_copy,
    .size = snapshot_size,
    .destroy = snapshot_destroy,
};

/* A read-only store learns its tables as it is asked for them, and a transaction knows only those that were
 * there before it: all of them, then. */
static void know_tables(struct lmdb *l)
{
    char name[STORE_NAME_SIZE];
    reader_handle(l, MARKS_TABLE);
    for (unsigned i = 0; lmdb_table(&l->store, i, name) == OK; i++)
        reader_handle(l, name);
}

static enum err lmdb_snapshot(struct store *s, struct store **out)
{
    struct lmdb *l = lmdb_of(s);
    struct snapshot *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x)
        return store_fail(ERR_MEMORY, "no memory for a snapshot");
    if (l->read_only)
        know_tables(l);
    x->store.ops = &snapshot_ops;
    x->of = l;
    x->handles = atomic_load_explicit(&l->published, memory_order_acquire);
    int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &x->txn);
    if (rc) {
        free(x);
        return fail(l, rc, "snapshot");
    }
    *out = &x->store;
    return OK;
}

static const struct store_ops lmdb_ops = {
    .begin = lmdb_begin,
    .put = lmdb_put,
    .commit = lmdb_commit,
    .abandon = lmdb_abandon,
    .marks = lmdb_marks,
    .scan = lmdb_scan,
    .scan_down = lmdb_scan_down,
    .table = lmdb_table,
    .snapshot = lmdb_snapshot,
    .copy = lmdb_copy,
    .size = lmdb_size,
    .destroy = lmdb_destroy,
};

/* Open
 * ------------------------------------------------------------------------------------------------------- */

static enum err env_open(struct lmdb *l, const char *directory, uint64_t map_size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    int rc = mdb_env_create(&l->env);
    if (!rc && map_size)
        rc = mdb_env_set_mapsize(l->env, (map_size + page - 1) / page * page);
    if (!rc)
        rc = mdb_env_set_maxdbs(l->env, STORE_TABLES_MAX);
    if (!rc)
        rc = mdb_env_open(l->env, directory, MDB_NOTLS | (l->read_only ? MDB_RDONLY : 0), 0600);
    if (rc)
        return fail(l, rc, directory);
    int dead; /* readers of killed processes would pin their pages for ever */
    mdb_reader_check(l->env, &dead);
    return OK;
}

static enum err layout_check(struct lmdb *l, bool *found)
{
    uint64_t layout = 0;
    struct wanted w = {.key = KEY_LAYOUT, .to = &layout, .size = sizeof layout};
    enum err e = lmdb_scan(&l->store, MARKS_TABLE, KEY_LAYOUT, strlen(KEY_LAYOUT), take_wanted, &w);
    *found = w.found;
    if (e || !w.found)
        return e;
    if (layout > STORE_LAYOUT)
        return store_fail(ERR_VERSION,
                          "the store has layout %llu, this program knows %d: it was written by a newer one",
                          (unsigned long long)layout, STORE_LAYOUT);
    if (w.size != sizeof layout || layout == 0)
        return store_fail(ERR_CORRUPT, "the store's layout number is damaged");
    return OK;
}

/* Handles of all tables that exist; the number of the layout where the store is new. */
static enum err prepare(struct lmdb *l)
{
    char name[STORE_NAME_SIZE];
    struct table_handle *h;
    uint64_t layout = STORE_LAYOUT;
    bool found;
    int rc = mdb_txn_begin(l->env, NULL, 0, &l->txn);
    if (!rc)
        rc = handle_open(l, l->txn, MARKS_TABLE, MDB_CREATE, &h);
    for (unsigned i = 0; !rc && lmdb_table(&l->store, i, name) == OK; i++)
        rc = handle_open(l, l->txn, name, 0, &h);
    if (rc)
        return fail(l, rc, "tables");
    enum err e = transaction_commit(l);
    if (!e)
        e = layout_check(l, &found);
    if (e || found)
        return e;
    e = lmdb_begin(&l->store);
    if (!e)
        e = marks_put(&l->store, KEY_LAYOUT, &layout, sizeof layout);
    return e ? e : transaction_commit(l);
}

static enum err open_store(struct store **out, const char *directory, uint64_t map_size, bool read_only)
{
    bool found;
    *out = NULL;
    struct lmdb *l = calloc(1, sizeof *l);
    if (!l)
        return store_fail(ERR_MEMORY, "%s: no memory", directory);
    l->store.ops = &lmdb_ops;
    l->read_only = read_only;
    pthread_mutex_init(&l->opening, NULL);
    enum err e = env_open(l, directory, map_size);
    if (!e)
        e = read_only ? layout_check(l, &found) : prepare(l);
    if (e) {
        lmdb_destroy(&l->store);
        return e;
    }
    *out = &l->store;
    return OK;
}

enum err store_lmdb_create(struct store **out, const char *directory, uint64_t map_size)
{
    *out = NULL;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return store_fail(ERR_IO, "%s: %s", directory, strerror(errno));
    return open_store(out, directory, map_size, false);
}

enum err store_lmdb_open(struct store **out, const char *directory)
{
    return open_store(out, directory, 0, true);
}
