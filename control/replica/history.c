/* One timeline out of three places: the store, the buffer that is being committed, and the one being filled.
 * A row may be in the store and in the first buffer at once. */
#include <stdlib.h>
#include <string.h>

#include "control/replica/history.h"

struct ahead {
    uint64_t seq;
    const struct change *change;
};

struct timeline {
    uint64_t rfq;
    struct ahead *ahead; /* rows of the buffers, by seq */
    size_t count, capacity, at;
    bool out_of_memory, stopped;
    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row);
    void *ctx;
    _Alignas(8) char row[sizeof(struct history_row) + RECORD_SIZE_MAX];
};

static void collect(struct timeline *t, const struct changes *changes, uint8_t history)
{
    char prefix[8];
    store_be64(prefix, t->rfq);
    for (const struct change *x = changes ? changes_first(changes) : NULL; x; x = changes_after(changes, x)) {
        if (x->table != history || x->is_delete || memcmp(change_key(x), prefix, sizeof prefix) != 0)
            continue;
        if (t->count == t->capacity) {
            size_t capacity = t->capacity ? 2 * t->capacity : 64;
            struct ahead *wider = realloc(t->ahead, capacity * sizeof *wider);
            if (!wider) {
                t->out_of_memory = true;
                return;
            }
            t->ahead = wider;
            t->capacity = capacity;
        }
        t->ahead[t->count++] = (struct ahead){store_from_be64(change_key(x) + 8), x};
    }
}

static int by_seq(const void *a, const void *b)
{
    uint64_t x = ((const struct ahead *)a)->seq, y = ((const struct ahead *)b)->seq;
    return (x > y) - (x < y);
}

static void show(struct timeline *t, uint64_t seq, const void *row)
{
    if (!t->stopped)
        t->stopped = !t->visit(t->ctx, seq, row);
}

/* Rows of the buffers that come before seq; one that is the same is passed over. */
static void show_before(struct timeline *t, uint64_t seq)
{
    while (t->at < t->count && t->ahead[t->at].seq < seq) {
        show(t, t->ahead[t->at].seq, change_value(t->ahead[t->at].change));
        t->at++;
    }
    while (t->at < t->count && t->ahead[t->at].seq == seq)
        t->at++;
}

static int stored_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct timeline *t = ctx;
    if (key_size != HISTORY_KEY_SIZE || store_from_be64(key) != t->rfq)
        return 1;
    if (value_size < sizeof(struct history_row) + sizeof(struct record) || value_size > sizeof t->row)
        return 0;
    uint64_t seq = store_from_be64((const char *)key + 8);
    show_before(t, seq);
    memcpy(t->row, value, value_size);
    show(t, seq, t->row);
    return t->stopped;
}

enum err history_of(struct store *store, struct checkpoint *checkpoint, uint8_t table, uint64_t rfq,
                    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row), void *ctx)
{
    char from[HISTORY_KEY_SIZE];
    struct timeline *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_MEMORY;
    t->rfq = rfq;
    t->visit = visit;
    t->ctx = ctx;
    collect(t, checkpoint_cut_changes(checkpoint), table);
    collect(t, checkpoint_filling(checkpoint), table);
    if (t->count)
        qsort(t->ahead, t->count, sizeof *t->ahead, by_seq);
    pair_key(from, rfq, 0);
    enum err e = t->out_of_memory ? ERR_MEMORY
                                  : store->ops->scan(store, TABLE_HISTORY, from, sizeof from, stored_row, t);
    if (!e)
        show_before(t, UINT64_MAX);
    free(t->ahead);
    free(t);
    return e;
}
