#include "storage/log/disk_sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"

#define PAGE      DISK_SIM_PAGE_SIZE
#define NAMES_MAX 1024u

/* A file's bytes. `dirty`: the page in the cache was not written to the platter as it is. */
struct inode {
    unsigned references; /* names (now and on the platter) and handles */
    uint64_t size;
    char *cache, *platter;
    bool *dirty;
};

struct name {
    char text[DISK_NAME_SIZE];
    struct inode *inode;
};
struct directory {
    struct name names[NAMES_MAX];
    unsigned count;
};

/* A change of names that was not synced: to NULL: removed. */
struct change {
    char from[DISK_NAME_SIZE], to[DISK_NAME_SIZE];
    bool remove;
};

enum op_kind { OP_FREE, OP_WRITE, OP_SYNC, OP_PREPARE, OP_DISCARD };
struct op {
    enum op_kind kind;
    int error;
    uint64_t token, due_ns;
    struct inode *inode;
    uint64_t offset, size;
    const char *from;
    /* a sync's pages, as they were when it was started */
    char *snapshot;
    bool *pages;
    char old_name[DISK_NAME_SIZE], name[DISK_NAME_SIZE]; /* of prepare and discard */
};

#define OPS_MAX (DISK_INFLIGHT_MAX + 1)

struct disk_sim {
    struct disk base;
    uint64_t random, now_ns, hang_until_ns, operations, capacity;
    uint64_t write_ns, sync_ns, prepare_ns;
    int write_error, sync_error, job_error;
    uint32_t write_errors, sync_errors, job_errors;
    struct op ops[OPS_MAX];
    struct inode **handles;
    unsigned handle_count;
    struct directory now, platter;
    struct change *changes;
    unsigned change_count;
};

static struct disk_sim *sim_of(const struct disk *d)
{
    return (struct disk_sim *)d;
}

static uint64_t chance(struct disk_sim *s, uint64_t below)
{
    s->random += HASH_K1;
    return hash_u64(s->random) % below;
}

/* Memory of the simulation: without it there is no test. */
static void *need(void *p)
{
    assert(p);
    return p;
}

/* Inodes
 * ----------------------------------------------------------------------------------------------------------
 */

static uint64_t page_count(const struct inode *n)
{
    return (n->size + PAGE - 1) / PAGE;
}

static struct inode *inode_make(uint64_t size)
{
    struct inode *n = need(calloc(1, sizeof *n));
    n->size = size;
    n->cache = need(calloc(page_count(n) + 1, PAGE));
    n->platter = need(calloc(page_count(n) + 1, PAGE));
    n->dirty = need(calloc(page_count(n) + 1, sizeof *n->dirty));
    return n;
}

static struct inode *inode_hold(struct inode *n)
{
    n->references++;
    return n;
}

static void inode_drop(struct inode *n)
{
    if (--n->references > 0)
        return;
    free(n->cache);
    free(n->platter);
    free(n->dirty);
    free(n);
}

/* Part of a write into the cache: the page's share of it. */
static void page_write(struct inode *n, uint64_t page, const struct op *op)
{
    uint64_t from = page * PAGE, to = from + PAGE;
    if (from < op->offset)
        from = op->offset;
    if (to > op->offset + op->size)
        to = op->offset + op->size;
    memcpy(n->cache + from, op->from + (from - op->offset), to - from);
    n->dirty[page] = true;
}

/* Names
 * ------------------------------------------------------------------------------------------------------------
 */

static struct name *name_find(struct directory *d, const char *text)
{
    for (unsigned i = 0; i < d->count; i++)
        if (strcmp(d->names[i].text, text) == 0)
            return &d->names[i];
    return NULL;
}

static void name_remove(struct directory *d, const char *text)
{
    struct name *n = name_find(d, text);
    if (!n)
        return;
    inode_drop(n->inode);
    *n = d->names[--d->count];
}

static void name_set(struct directory *d, const char *text, struct inode *inode)
{
    inode_hold(inode);
    name_remove(d, text);
    assert(d->count < NAMES_MAX);
    struct name *n = &d->names[d->count++];
    snprintf(n->text, sizeof n->text, "%s", text);
    n->inode = inode;
}

static void change_apply(struct directory *d, const struct change *c)
{
    struct name *from = name_find(d, c->from);
    if (!from)
        return;
    if (!c->remove)
        name_set(d, c->to, from->inode);
    name_remove(d, c->from);
}

static void names_change(struct disk_sim *s, const char *from, const char *to)
{
    s->changes = need(realloc(s->changes, (s->change_count + 1) * sizeof *s->changes));
    struct change *c = &s->changes[s->change_count++];
    *c = (struct change){.remove = to == NULL};
    snprintf(c->from, sizeof c->from, "%s", from);
    if (to)
        snprintf(c->to, sizeof c->to, "%s", to);
    change_apply(&s->now, c);
}

static void names_sync(struct disk_sim *s)
{
    for (unsigned i = 0; i < s->change_count; i++)
        change_apply(&s->platter, &s->changes[i]);
    s->change_count = 0;
}

/* A new file is on the platter, name and zeros, before anybody sees it. */
static void file_make(struct disk_sim *s, const char *name, uint64_t size)
{
    names_sync(s);
    struct inode *n = inode_make(size);
    name_set(&s->now, name, n);
    name_set(&s->platter, name, n);
}

static int handle_make(struct disk_sim *s, struct inode *n)
{
    unsigned i = 0;
    while (i < s->handle_count && s->handles[i])
        i++;
    if (i == s->handle_count) {
        s->handles = need(realloc(s->handles, (i + 1) * sizeof *s->handles));
        s->handle_count++;
    }
    s->handles[i] = inode_hold(n);
    return (int)i;
}

static struct inode *handle_inode(struct disk_sim *s, int file)
{
    assert(file >= 0 && (unsigned)file < s->handle_count && s->handles[file]);
    return s->handles[file];
}

/* Synchronous operations
 * --------------------------------------------------------------------------------------- */

static bool space_for(const struct disk_sim *s, uint64_t size)
{
    return disk_sim_used(&s->base) + size <= s->capacity;
}

static enum err sim_open(struct disk *d, const char *name, uint64_t size, int *file)
{
    struct disk_sim *s = sim_of(d);
    struct name *n = name_find(&s->now, name);
    if (!n) {
        if (size == 0)
            return ERR_NOT_FOUND;
        if (!space_for(s, size))
            return ERR_FULL;
        file_make(s, name, size);
        n = name_find(&s->now, name);
    }
    *file = handle_make(s, n->inode);
    return OK;
}

static void sim_close(struct disk *d, int file)
{
    struct disk_sim *s = sim_of(d);
    inode_drop(handle_inode(s, file));
    s->handles[file] = NULL;
}

static enum err sim_size(struct disk *d, int file, uint64_t *size)
{
    *size = handle_inode(sim_of(d), file)->size;
    return OK;
}

static enum err sim_read(struct disk *d, int file, uint64_t offset, void *to, size_t size)
{
    const struct inode *n = handle_inode(sim_of(d), file);
    if (offset > n->size || size > n->size - offset)
        return ERR_RANGE;
    memcpy(to, n->cache + offset, size);
    return OK;
}

static enum err sim_rename(struct disk *d, const char *from, const char *to)
{
    struct disk_sim *s = sim_of(d);
    if (!name_find(&s->now, from))
        return ERR_NOT_FOUND;
    names_change(s, from, to);
    return OK;
}

static enum err sim_remove(struct disk *d, const char *name)
{
    struct disk_sim *s = sim_of(d);
    if (!name_find(&s->now, name))
        return ERR_NOT_FOUND;
    names_change(s, name, NULL);
    return OK;
}

static enum err sim_sync_directory(struct disk *d)
{
    names_sync(sim_of(d));
    return OK;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static enum err sim_list(struct disk *d, unsigned i, char name[DISK_NAME_SIZE])
{
    struct directory *now = &sim_of(d)->now;
    if (i == 0)
        qsort(now->names, now->count, sizeof now->names[0], name_compare);
    if (i >= now->count)
        return ERR_NOT_FOUND;
    memcpy(name, now->names[i].text, DISK_NAME_SIZE);
    return OK;
}

/* Asynchronous operations
 * ---------------------------------------------------------------------------------------- */

static struct op *op_new(struct disk_sim *s, enum op_kind kind, uint64_t token, uint64_t latency_ns)
{
    unsigned used = 0;
    struct op *found = NULL;
    bool is_job = kind == OP_PREPARE || kind == OP_DISCARD;
    for (unsigned i = 0; i < OPS_MAX; i++) {
        struct op *o = &s->ops[i];
        bool other_is_job = o->kind == OP_PREPARE || o->kind == OP_DISCARD;
        if (o->kind == OP_FREE)
            found = o;
        else if (other_is_job == is_job)
            used++;
    }
    if (used >= (is_job ? 1 : DISK_INFLIGHT_MAX))
        return NULL;
    s->operations++;
    uint64_t wait = latency_ns ? latency_ns / 4 + chance(s, latency_ns - latency_ns / 4 + 1) : 0;
    *found = (struct op){.kind = kind, .token = token, .due_ns = s->now_ns + wait};
    return found;
}

static int failure_take(int error, uint32_t *left)
{
    if (*left == 0)
        return 0;
    if (*left != DISK_SIM_ALWAYS)
        --*left;
    return error;
}

static enum err sim_write(struct disk *d, int file, uint64_t offset, const void *from, size_t size,
                          uint64_t token)
{
    struct disk_sim *s = sim_of(d);
    struct inode *n = handle_inode(s, file);
    assert(offset + size <= n->size); /* files have their size from the start */
    struct op *o = op_new(s, OP_WRITE, token, s->write_ns);
    if (!o)
        return ERR_FULL;
    o->error = failure_take(s->write_error, &s->write_errors);
    o->inode = inode_hold(n);
    o->offset = offset;
    o->size = size;
    o->from = from;
    return OK;
}

static enum err sim_sync(struct disk *d, int file, uint64_t token)
{
    struct disk_sim *s = sim_of(d);
    struct inode *n = handle_inode(s, file);
    struct op *o = op_new(s, OP_SYNC, token, s->sync_ns);
    if (!o)
        return ERR_FULL;
    o->error = failure_take(s->sync_error, &s->sync_errors);
    o->inode = inode_hold(n);
    o->pages = need(calloc(page_count(n) + 1, sizeof *o->pages));
    memcpy(o->pages, n->dirty, page_count(n) * sizeof *o->pages);
    uint64_t bytes = 0, at = 0;
    for (uint64_t p = 0; p < page_count(n); p++)
        bytes += o->pages[p] ? PAGE : 0;
    o->snapshot = need(malloc(bytes + 1));
    for (uint64_t p = 0; p < page_count(n); p++)
        if (o->pages[p]) {
            memcpy(o->snapshot + at, n->cache + p * PAGE, PAGE);
            at += PAGE;
        }
    return OK;
}

static enum err sim_prepare(struct disk *d, const char *from, const char *name, uint64_t size, uint64_t token)
{
    struct disk_sim *s = sim_of(d);
    struct op *o = op_new(s, OP_PREPARE, token, s->prepare_ns);
    if (!o)
        return ERR_FULL;
    o->error = failure_take(s->job_error, &s->job_errors);
    o->size = size;
    snprintf(o->name, sizeof o->name, "%s", name);
    if (from)
        snprintf(o->old_name, sizeof o->old_name, "%s", from);
    return OK;
}

static enum err sim_discard(struct disk *d, const char *name, uint64_t token)
{
    struct disk_sim *s = sim_of(d);
    struct op *o = op_new(s, OP_DISCARD, token, s->prepare_ns);
    if (!o)
        return ERR_FULL;
    o->error = failure_take(s->job_error, &s->job_errors);
    snprintf(o->name, sizeof o->name, "%s", name);
    return OK;
}

/* What operations do
 * --------------------------------------------------------------------------------------------- */

static void op_free(struct op *o)
{
    if (o->inode)
        inode_drop(o->inode);
    free(o->snapshot);
    free(o->pages);
    *o = (struct op){0};
}

/* percent: how likely each page is to be reached; 100: all. */
static void write_apply(struct disk_sim *s, const struct op *o, uint64_t percent)
{
    for (uint64_t p = o->offset / PAGE; p * PAGE < o->offset + o->size; p++)
        if (chance(s, 100) < percent)
            page_write(o->inode, p, o);
}

static void sync_apply(struct disk_sim *s, const struct op *o, uint64_t percent)
{
    struct inode *n = o->inode;
    const char *from = o->snapshot;
    for (uint64_t p = 0; p < page_count(n); p++) {
        if (!o->pages[p])
            continue;
        if (chance(s, 100) < percent) {
            memcpy(n->platter + p * PAGE, from, PAGE);
            n->dirty[p] = memcmp(from, n->cache + p * PAGE, PAGE) != 0;
        }
        from += PAGE;
    }
}

/* The pages count as clean though they were not written. */
static void sync_lose(const struct op *o)
{
    for (uint64_t p = 0; p < page_count(o->inode); p++)
        if (o->pages[p])
            o->inode->dirty[p] = false;
}

/* errno, or 0 and the file's inode. */
static int prepare_apply(struct disk_sim *s, const struct op *o, struct inode **inode)
{
    if (o->old_name[0]) {
        if (!name_find(&s->now, o->old_name))
            return ENOENT;
        names_change(s, o->old_name, o->name);
        names_sync(s);
    }
    struct name *n = name_find(&s->now, o->name);
    if (!n || n->inode->size != o->size) {
        if (!space_for(s, o->size))
            return ENOSPC;
        file_make(s, o->name, o->size);
        n = name_find(&s->now, o->name);
    }
    *inode = n->inode;
    return 0;
}

static void op_complete(struct disk_sim *s, struct op *o, struct disk_completion *done)
{
    struct inode *n = NULL;
    *done = (struct disk_completion){.token = o->token, .error = o->error, .file = DISK_FILE_NONE};
    switch (o->kind) {
    case OP_WRITE:
        write_apply(s, o, o->error ? 0 : 100);
        break;
    case OP_SYNC:
        if (o->error)
            sync_lose(o);
        else
            sync_apply(s, o, 100);
        break;
    case OP_PREPARE:
        if (!o->error)
            done->error = prepare_apply(s, o, &n);
        if (n)
            done->file = handle_make(s, n);
        break;
    case OP_DISCARD:
        if (!o->error && name_find(&s->now, o->name))
            names_change(s, o->name, NULL);
        else if (!o->error)
            done->error = ENOENT;
        break;
    case OP_FREE:
        assert(false);
    }
    op_free(o);
}

/* The kernel writes pages back when it likes. */
static void writeback(struct disk_sim *s)
{
    if (s->now.count == 0 || chance(s, 4))
        return;
    struct inode *n = s->now.names[chance(s, s->now.count)].inode;
    uint64_t pages = page_count(n);
    if (!pages)
        return;
    uint64_t first = chance(s, pages);
    for (uint64_t i = 0; i < 16; i++) {
        uint64_t p = (first + i) % pages;
        if (!n->dirty[p])
            continue;
        memcpy(n->platter + p * PAGE, n->cache + p * PAGE, PAGE);
        n->dirty[p] = false;
    }
}

static unsigned sim_poll(struct disk *d, struct disk_completion *done, unsigned max)
{
    struct disk_sim *s = sim_of(d);
    unsigned n = 0;
    writeback(s);
    if (s->now_ns < s->hang_until_ns)
        return 0;
    unsigned first = (unsigned)chance(s, OPS_MAX);
    for (unsigned i = 0; i < OPS_MAX && n < max; i++) {
        struct op *o = &s->ops[(first + i) % OPS_MAX];
        if (o->kind != OP_FREE && o->due_ns <= s->now_ns)
            op_complete(s, o, &done[n++]);
    }
    return n;
}

uint64_t disk_sim_next_event(const struct disk *d)
{
    const struct disk_sim *s = sim_of(d);
    uint64_t earliest = UINT64_MAX;
    for (unsigned i = 0; i < OPS_MAX; i++)
        if (s->ops[i].kind != OP_FREE && s->ops[i].due_ns < earliest)
            earliest = s->ops[i].due_ns;
    return earliest != UINT64_MAX && earliest < s->hang_until_ns ? s->hang_until_ns : earliest;
}

static void sim_wait(struct disk *d)
{
    struct disk_sim *s = sim_of(d);
    uint64_t next = disk_sim_next_event(d);
    assert(next != UINT64_MAX); /* somebody waits for what will never come */
    if (next > s->now_ns)
        s->now_ns = next;
}

/* Death
 * --------------------------------------------------------------------------------------------------------------
 */

/* Done, half done or not done. A sync's effect is a power cut's business. */
static void op_die(struct disk_sim *s, struct op *o, bool power)
{
    static const uint64_t percents[] = {0, 50, 100};
    uint64_t percent = percents[chance(s, 3)];
    struct inode *n;
    if (o->kind == OP_WRITE)
        write_apply(s, o, percent);
    else if (o->kind == OP_SYNC && power)
        sync_apply(s, o, percent);
    else if (o->kind == OP_PREPARE && percent >= 50)
        (void)prepare_apply(s, o, &n);
    else if (o->kind == OP_DISCARD && percent >= 50 && name_find(&s->now, o->name))
        names_change(s, o->name, NULL);
    op_free(o);
}

static void ops_die(struct disk_sim *s, bool power)
{
    for (unsigned i = 0; i < OPS_MAX; i++)
        if (s->ops[i].kind != OP_FREE)
            op_die(s, &s->ops[i], power);
}

void disk_sim_kill(struct disk *d)
{
    ops_die(sim_of(d), false);
}

/* An unsynced page: the old one, the new one, or a part of the new one. */
static void page_cut(struct disk_sim *s, struct inode *n, uint64_t p)
{
    uint64_t outcome = chance(s, 5), bytes = 0;
    if (outcome >= 3)
        bytes = PAGE;
    else if (outcome == 2)
        bytes = DISK_SIM_SECTOR_SIZE * chance(s, PAGE / DISK_SIM_SECTOR_SIZE);
    memcpy(n->platter + p * PAGE, n->cache + p * PAGE, bytes);
}

void disk_sim_power_cut(struct disk *d)
{
    struct disk_sim *s = sim_of(d);
    ops_die(s, true);
    unsigned kept = (unsigned)chance(s, s->change_count + 1);
    for (unsigned i = 0; i < kept; i++)
        change_apply(&s->platter, &s->changes[i]);
    s->change_count = 0;
    while (s->now.count)
        name_remove(&s->now, s->now.names[0].text);
    for (unsigned i = 0; i < s->platter.count; i++) {
        struct name *name = &s->platter.names[i];
        name_set(&s->now, name->text, name->inode);
        struct inode *n = name->inode;
        for (uint64_t p = 0; p < page_count(n); p++)
            if (n->dirty[p])
                page_cut(s, n, p);
        memcpy(n->cache, n->platter, page_count(n) * PAGE);
        memset(n->dirty, 0, page_count(n) * sizeof *n->dirty);
    }
}

/* The driver's side
 * ------------------------------------------------------------------------------------------------ */

void disk_sim_set_latency(struct disk *d, uint64_t write_ns, uint64_t sync_ns, uint64_t prepare_ns)
{
    struct disk_sim *s = sim_of(d);
    s->write_ns = write_ns;
    s->sync_ns = sync_ns;
    s->prepare_ns = prepare_ns;
}

void disk_sim_set_time(struct disk *d, uint64_t now_ns)
{
    struct disk_sim *s = sim_of(d);
    if (now_ns > s->now_ns)
        s->now_ns = now_ns;
}

void disk_sim_set_capacity(struct disk *d, uint64_t bytes)
{
    sim_of(d)->capacity = bytes;
}

uint64_t disk_sim_used(const struct disk *d)
{
    const struct directory *now = &sim_of(d)->now;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < now->count; i++)
        bytes += now->names[i].inode->size;
    return bytes;
}

void disk_sim_hang(struct disk *d, uint64_t until_ns)
{
    sim_of(d)->hang_until_ns = until_ns;
}

void disk_sim_fail_writes(struct disk *d, int error, uint32_t count)
{
    sim_of(d)->write_error = error;
    sim_of(d)->write_errors = error ? count : 0;
}

void disk_sim_fail_syncs(struct disk *d, int error, uint32_t count)
{
    sim_of(d)->sync_error = error;
    sim_of(d)->sync_errors = error ? count : 0;
}

void disk_sim_fail_jobs(struct disk *d, int error, uint32_t count)
{
    sim_of(d)->job_error = error;
    sim_of(d)->job_errors = error ? count : 0;
}

enum err disk_sim_corrupt(struct disk *d, const char *name, uint64_t offset, uint64_t size)
{
    struct name *n = name_find(&sim_of(d)->now, name);
    if (!n)
        return ERR_NOT_FOUND;
    if (offset > n->inode->size || size > n->inode->size - offset)
        return ERR_RANGE;
    for (uint64_t i = offset; i < offset + size; i++) {
        n->inode->cache[i] ^= 0x5a;
        n->inode->platter[i] = n->inode->cache[i];
    }
    return OK;
}

uint64_t disk_sim_operations(const struct disk *d)
{
    return sim_of(d)->operations;
}

static void sim_destroy(struct disk *d)
{
    struct disk_sim *s = sim_of(d);
    for (unsigned i = 0; i < OPS_MAX; i++)
        op_free(&s->ops[i]);
    for (unsigned i = 0; i < s->handle_count; i++)
        if (s->handles[i])
            inode_drop(s->handles[i]);
    while (s->now.count)
        name_remove(&s->now, s->now.names[0].text);
    while (s->platter.count)
        name_remove(&s->platter, s->platter.names[0].text);
    free(s->handles);
    free(s->changes);
    free(s);
}

static const struct disk_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .prepare = sim_prepare,
    .discard = sim_discard,
    .poll = sim_poll,
    .wait = sim_wait,
    .abandon = disk_sim_kill,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_directory = sim_sync_directory,
    .list = sim_list,
    .destroy = sim_destroy,
};

enum err disk_sim_create(struct disk **out, uint64_t seed)
{
    struct disk_sim *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->base.ops = &sim_ops;
    s->random = hash_u64(seed + 1);
    s->capacity = UINT64_MAX / 2;
    *out = &s->base;
    return OK;
}
