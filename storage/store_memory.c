/* The store in memory: a skip list for each table, kept apart from the instances that use it. What an
 * instance has put is a list of its own until the commit moves it over, so a destroyed instance leaves its
 * last commit, and a new one on the same keep has nothing to build.
 *
 * Heights come from a counter, not from chance: the same calls build the same lists.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "storage/store.h"
#include "storage/store_fail.h"

#define HEIGHT_MAX 16

struct row {
    char *value;
    uint32_t key_size, value_size;
    uint32_t height;
    uint32_t reserved;
    struct row *next[]; /* height links, then the key's bytes */
};

struct rows {
    char name[STORE_NAME_SIZE];
    struct row *first[HEIGHT_MAX];
};

struct store_memory {
    pthread_rwlock_t lock; /* a commit is seen whole or not at all */
    struct rows tables[STORE_TABLES_MAX];
    unsigned table_count;
    uint64_t bytes, limit, inserts;
    bool has_marks;
    struct store_marks marks;
};

struct staged {
    struct staged *next;
    char table[STORE_NAME_SIZE];
    bool is_delete;
    uint32_t key_size, value_size;
    char bytes[]; /* key, value */
};

struct memory {
    struct store store;
    struct store_memory *keep;
    bool open;
    bool is_snapshot; /* holds the keep's lock for reading */
    struct staged *first, **last;
    uint64_t staged_bytes;
};

static struct memory *memory_of(const struct store *s)
{
    return (struct memory *)(uintptr_t)s;
}

/* Skip list
 * -------------------------------------------------------------------------------------------------- */

static const char *row_key(const struct row *r)
{
    return (const char *)&r->next[r->height];
}

static int key_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t common = a_size < b_size ? a_size : b_size;
    int c = common ? memcmp(a, b, common) : 0;
    return c ? c : (a_size > b_size) - (a_size < b_size);
}

/* The links that lead to the first row whose key is not before this one; that row, or NULL. */
static struct row *rows_find(struct rows *t, const void *key, size_t key_size, struct row **links[HEIGHT_MAX])
{
    struct row **at = t->first;
    for (unsigned level = HEIGHT_MAX; level-- > 0;) {
        while (at[level] && key_compare(row_key(at[level]), at[level]->key_size, key, key_size) < 0)
            at = at[level]->next;
        if (links)
            links[level] = &at[level];
    }
    return at[0];
}

/* The row before this key, the last one for NULL; NULL: none is. */
static const struct row *rows_before(const struct rows *t, const void *key, size_t key_size)
{
    struct row *const *at = t->first;
    const struct row *before = NULL;
    for (unsigned level = HEIGHT_MAX; level-- > 0;)
        while (at[level] &&
               (!key || key_compare(row_key(at[level]), at[level]->key_size, key, key_size) < 0)) {
            before = at[level];
            at = at[level]->next;
        }
    return before;
}

static bool row_is(const struct row *r, const void *key, size_t key_size)
{
    return r && key_compare(row_key(r), r->key_size, key, key_size) == 0;
}

static unsigned height_next(struct store_memory *k)
{
    uint64_t bits = hash_u64(++k->inserts) | 1ull << (2 * (HEIGHT_MAX - 1));
    return 1 + (unsigned)__builtin_ctzll(bits) / 2; /* one in four rows is a level higher */
}

static struct row *row_make(unsigned height, const void *key, uint32_t key_size)
{
    struct row *r = calloc(1, sizeof *r + height * sizeof r->next[0] + key_size);
    if (!r)
        abort(); /* of a simulation: nothing to be saved */
    r->height = height;
    r->key_size = key_size;
    memcpy((char *)&r->next[height], key, key_size);
    return r;
}

static void row_set(struct store_memory *k, struct row *r, const char *value, uint32_t value_size)
{
    k->bytes += value_size;
    k->bytes -= r->value_size;
    char *copy = realloc(r->value, value_size ? value_size : 1);
    if (!copy)
        abort();
    memcpy(copy, value, value_size);
    r->value = copy;
    r->value_size = value_size;
}

static void rows_put(struct store_memory *k, struct rows *t, const struct staged *s)
{
    struct row **links[HEIGHT_MAX];
    struct row *r = rows_find(t, s->bytes, s->key_size, links);
    bool found = row_is(r, s->bytes, s->key_size);
    if (s->is_delete) {
        if (!found)
            return;
        for (unsigned level = 0; level < r->height; level++)
            *links[level] = r->next[level];
        k->bytes -= r->key_size + r->value_size;
        free(r->value);
        free(r);
        return;
    }
    if (!found) {
        r = row_make(height_next(k), s->bytes, s->key_size);
        for (unsigned level = 0; level < r->height; level++) {
            r->next[level] = *links[level];
            *links[level] = r;
        }
        k->bytes += r->key_size;
    }
    row_set(k, r, s->bytes + s->key_size, s->value_size);
}

static struct rows *rows_of(struct store_memory *k, const char *name, bool make)
{
    for (unsigned i = 0; i < k->table_count; i++)
        if (strcmp(k->tables[i].name, name) == 0)
            return &k->tables[i];
    if (!make)
        return NULL;
    assert(k->table_count < STORE_TABLES_MAX && strlen(name) < STORE_NAME_SIZE);
    struct rows *t = &k->tables[k->table_count++];
    memcpy(t->name, name, strlen(name) + 1);
    return t;
}

/* Writer
 * ----------------------------------------------------------------------------------------------------- */

static void memory_abandon(struct store *s)
{
    struct memory *m = memory_of(s);
    for (struct staged *next; m->first; m->first = next) {
        next = m->first->next;
        free(m->first);
    }
    m->last = &m->first;
    m->staged_bytes = 0;
    m->open = false;
}

static enum err memory_begin(struct store *s)
{
    struct memory *m = memory_of(s);
    assert(!m->open);
    if (m->is_snapshot)
        return store_fail(ERR_STATE, "a snapshot is for reading");
    m->open = true;
    return OK;
}

static enum err memory_put(struct store *s, const char *table, const void *key, size_t key_size,
                           const void *value, size_t value_size)
{
    struct memory *m = memory_of(s);
    assert(m->open && key_size > 0 && key_size <= STORE_KEY_MAX && value_size <= UINT32_MAX);
    assert(strlen(table) < STORE_NAME_SIZE);
    if (!value)
        value_size = 0;
    struct staged *put = malloc(sizeof *put + key_size + value_size);
    if (!put) {
        memory_abandon(s);
        return ERR_MEMORY;
    }
    put->next = NULL;
    put->is_delete = !value;
    put->key_size = (uint32_t)key_size;
    put->value_size = (uint32_t)value_size;
    memcpy(put->table, table, strlen(table) + 1);
    memcpy(put->bytes, key, key_size);
    if (value)
        memcpy(put->bytes + key_size, value, value_size);
    *m->last = put;
    m->last = &put->next;
    if (value)
        m->staged_bytes += key_size + value_size;
    return OK;
}

static enum err memory_commit(struct store *s, const struct store_marks *marks)
{
    struct memory *m = memory_of(s);
    struct store_memory *k = m->keep;
    assert(m->open);
    if (k->limit && m->staged_bytes && k->bytes + m->staged_bytes > k->limit) {
        enum err e = store_fail(ERR_FULL, "the store is full: %llu of %llu bytes are in use",
                                (unsigned long long)k->bytes, (unsigned long long)k->limit);
        memory_abandon(s);
        return e;
    }
    pthread_rwlock_wrlock(&k->lock);
    for (const struct staged *put = m->first; put; put = put->next)
        rows_put(k, rows_of(k, put->table, true), put);
    k->marks = *marks;
    k->has_marks = true;
    pthread_rwlock_unlock(&k->lock);
    memory_abandon(s);
    return OK;
}

/* Readers
 * ---------------------------------------------------------------------------------------------------- */

static enum err memory_marks(struct store *s, struct store_marks *marks)
{
    struct store_memory *k = memory_of(s)->keep;
    pthread_rwlock_rdlock(&k->lock);
    enum err e = k->has_marks ? OK : ERR_NOT_FOUND;
    *marks = k->marks;
    pthread_rwlock_unlock(&k->lock);
    return e;
}

static enum err memory_scan(struct store *s, const char *table, const void *from, size_t from_size,
                            store_visit *visit, void *ctx)
{
    struct store_memory *k = memory_of(s)->keep;
    pthread_rwlock_rdlock(&k->lock);
    struct rows *t = rows_of(k, table, false);
    const struct row *r = NULL;
    if (t)
        r = from ? rows_find(t, from, from_size, NULL) : t->first[0];
    while (r && !visit(ctx, row_key(r), r->key_size, r->value, r->value_size))
        r = r->next[0];
    pthread_rwlock_unlock(&k->lock);
    return OK;
}

/* Links lead one way only: each row before is looked for. */
static enum err memory_scan_down(struct store *s, const char *table, const void *below, size_t below_size,
                                 store_visit *visit, void *ctx)
{
    struct store_memory *k = memory_of(s)->keep;
    pthread_rwlock_rdlock(&k->lock);
    const struct rows *t = rows_of(k, table, false);
    const struct row *r = t ? rows_before(t, below, below_size) : NULL;
    while (r && !visit(ctx, row_key(r), r->key_size, r->value, r->value_size))
        r = rows_before(t, row_key(r), r->key_size);
    pthread_rwlock_unlock(&k->lock);
    return OK;
}

static enum err memory_table(struct store *s, unsigned i, char name[STORE_NAME_SIZE])
{
    struct store_memory *k = memory_of(s)->keep;
    pthread_rwlock_rdlock(&k->lock);
    bool there = i < k->table_count;
    if (there)
        memcpy(name, k->tables[i].name, STORE_NAME_SIZE);
    pthread_rwlock_unlock(&k->lock);
    return there ? OK : ERR_NOT_FOUND;
}

static const struct store_ops memory_ops;

static enum err memory_snapshot(struct store *s, struct store **out)
{
    struct memory *snapshot = calloc(1, sizeof *snapshot);
    *out = NULL;
    if (!snapshot)
        return store_fail(ERR_MEMORY, "no memory for a snapshot");
    snapshot->store.ops = &memory_ops;
    snapshot->keep = memory_of(s)->keep;
    snapshot->last = &snapshot->first;
    snapshot->is_snapshot = true;
    pthread_rwlock_rdlock(&snapshot->keep->lock);
    *out = &snapshot->store;
    return OK;
}

static enum err memory_copy(struct store *s, const char *directory)
{
    (void)s;
    return store_fail(ERR_STATE, "%s: a store in memory has no files to copy", directory);
}

static void memory_size(struct store *s, uint64_t *used, uint64_t *reserved)
{
    struct store_memory *k = memory_of(s)->keep;
    pthread_rwlock_rdlock(&k->lock);
    *used = k->bytes;
    *reserved = k->limit;
    pthread_rwlock_unlock(&k->lock);
}

/* Instances
 * -------------------------------------------------------------------------------------------------- */

static void memory_destroy(struct store *s)
{
    struct memory *m = memory_of(s);
    memory_abandon(s);
    if (m->is_snapshot)
        pthread_rwlock_unlock(&m->keep->lock);
    free(m);
}

static const struct store_ops memory_ops = {
    .begin = memory_begin,
    .put = memory_put,
    .commit = memory_commit,
    .abandon = memory_abandon,
    .marks = memory_marks,
    .scan = memory_scan,
    .scan_down = memory_scan_down,
    .table = memory_table,
    .snapshot = memory_snapshot,
    .copy = memory_copy,
    .size = memory_size,
    .destroy = memory_destroy,
};

enum err store_memory_create(struct store **out, struct store_memory **keep)
{
    *out = NULL;
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return ERR_MEMORY;
    if (!*keep) {
        *keep = calloc(1, sizeof **keep);
        if (!*keep) {
            free(m);
            return ERR_MEMORY;
        }
        pthread_rwlock_init(&(*keep)->lock, NULL);
    }
    m->store.ops = &memory_ops;
    m->keep = *keep;
    m->last = &m->first;
    *out = &m->store;
    return OK;
}

void store_memory_free(struct store_memory *keep)
{
    if (!keep)
        return;
    for (unsigned i = 0; i < keep->table_count; i++)
        for (struct row *r = keep->tables[i].first[0], *next; r; r = next) {
            next = r->next[0];
            free(r->value);
            free(r);
        }
    pthread_rwlock_destroy(&keep->lock);
    free(keep);
}

void store_memory_limit(struct store_memory *keep, uint64_t bytes)
{
    keep->limit = bytes;
}
