/* One sequence of rows out of three places: the store, the buffer that is being committed, and the one being
 * filled. A row may be in the store and in the first buffer at once; then the later word counts. */
#include "control/replica/scan.h"

#include <stdlib.h>
#include <string.h>

struct ahead {
    const struct change *change;
    uint64_t age; /* grows with each change: the last one of a key counts */
};

struct scan {
    const struct replica_range *range;
    uint8_t table;
    struct ahead *ahead; /* rows of the buffers, in the order asked for */
    size_t count, capacity, at;
    bool out_of_memory, stopped;
    replica_row *visit;
    void *ctx;
};

static int compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
    int c = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return c ? c : (a_size > b_size) - (a_size < b_size);
}

/* Before it, where the rows are walked up; behind it, where they are walked down. */
static bool comes_before(const struct scan *s, const void *a, size_t a_size, const void *b, size_t b_size)
{
    int c = compare(a, a_size, b, b_size);
    return s->range->down ? c > 0 : c < 0;
}

static bool has_prefix(const struct replica_range *r, const void *key, size_t key_size)
{
    return r->prefix_size == 0 || (key_size >= r->prefix_size && memcmp(key, r->key, r->prefix_size) == 0);
}

static bool is_wanted(const struct replica_range *r, const struct change *x)
{
    if (!has_prefix(r, change_key(x), x->key_size))
        return false;
    int c = r->key ? compare(change_key(x), x->key_size, r->key, r->key_size) : 0;
    return !r->key || (r->down ? c < 0 : c >= 0);
}

static void collect(struct scan *s, const struct changes *changes)
{
    for (const struct change *x = changes ? changes_first(changes) : NULL; x; x = changes_after(changes, x)) {
        if (x->table != s->table || !is_wanted(s->range, x))
            continue;
        if (s->count == s->capacity) {
            size_t capacity = s->capacity ? 2 * s->capacity : 64;
            struct ahead *wider = realloc(s->ahead, capacity * sizeof *wider);
            if (!wider) {
                s->out_of_memory = true;
                return;
            }
            s->ahead = wider;
            s->capacity = capacity;
        }
        s->ahead[s->count] = (struct ahead){x, s->count};
        s->count++;
    }
}

static int by_key_then_age(const void *a, const void *b)
{
    const struct ahead *x = a, *y = b;
    int c = compare(change_key(x->change), x->change->key_size, change_key(y->change), y->change->key_size);
    return c ? c : (x->age > y->age) - (x->age < y->age);
}

/* In order, each key once. */
static void arrange(struct scan *s)
{
    size_t kept = 0;
    if (s->count)
        qsort(s->ahead, s->count, sizeof *s->ahead, by_key_then_age);
    for (size_t i = 0; i < s->count; i++) {
        const struct change *x = s->ahead[i].change, *last = kept ? s->ahead[kept - 1].change : NULL;
        bool again = last && compare(change_key(last), last->key_size, change_key(x), x->key_size) == 0;
        kept -= again;
        s->ahead[kept++] = s->ahead[i];
    }
    s->count = kept;
    for (size_t i = 0; s->range->down && i < kept / 2; i++) {
        struct ahead other = s->ahead[i];
        s->ahead[i] = s->ahead[kept - 1 - i];
        s->ahead[kept - 1 - i] = other;
    }
}

static void show_ahead(struct scan *s)
{
    const struct change *x = s->ahead[s->at++].change;
    if (!x->is_delete)
        s->stopped = !s->visit(s->ctx, change_key(x), x->key_size, change_value(x), x->value_size);
}

static int stored_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct scan *s = ctx;
    if (!has_prefix(s->range, key, key_size))
        return 1;
    while (!s->stopped && s->at < s->count) {
        const struct change *x = s->ahead[s->at].change;
        if (!comes_before(s, change_key(x), x->key_size, key, key_size))
            break;
        show_ahead(s);
    }
    if (s->stopped)
        return 1;
    if (s->at < s->count) {
        const struct change *x = s->ahead[s->at].change;
        if (compare(change_key(x), x->key_size, key, key_size) == 0) {
            show_ahead(s);
            return s->stopped;
        }
    }
    s->stopped = !s->visit(s->ctx, key, key_size, value, value_size);
    return s->stopped;
}

enum err scan_with_ahead(struct store *store, struct checkpoint *checkpoint,
                         const struct replica_range *range, replica_row *visit, void *ctx)
{
    struct scan s = {
        .range = range, .table = checkpoint_table(checkpoint, range->table), .visit = visit, .ctx = ctx};
    collect(&s, checkpoint_cut_changes(checkpoint));
    collect(&s, checkpoint_filling(checkpoint));
    enum err e = s.out_of_memory ? ERR_MEMORY : OK;
    if (e == OK) {
        arrange(&s);
        e = (range->down ? store->ops->scan_down : store->ops->scan)(store, range->table, range->key,
                                                                     range->key_size, stored_row, &s);
    }
    while (e == OK && !s.stopped && s.at < s.count)
        show_ahead(&s);
    free(s.ahead);
    return e;
}
