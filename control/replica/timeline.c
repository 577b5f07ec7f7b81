/* The timeline of one RFQ for who must not keep the replica waiting. What has changed since the last commit
 * lies in two buffers, which are the replica's: it is copied first, a part at a time. A buffer that is
 * committed meanwhile need not be copied to its end: the store is read afterwards, and has all of it by then.
 */
#include "control/replica/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "control/replica/history.h"

#define COPY_BYTES_PER_CALL (1024u * 1024u) /* looked through, of the buffers */
#define PART_SIZE           (256u * 1024u)  /* of rows that one scan takes */

struct row {
    uint64_t seq;
    uint64_t size; /* of what follows: struct history_row and its record, padded to 8 */
};

static_assert(COPY_BYTES_PER_CALL > 2 * RECORD_SIZE_MAX, "each call comes past any change");
static_assert(PART_SIZE >= sizeof(struct row) + sizeof(struct history_row) + RECORD_SIZE_MAX, "any row fits");

struct rows {
    char *bytes;
    size_t used, capacity;
};

/* Of a buffer, what was in it at the begin. */
struct source {
    const struct changes *changes;
    uint64_t cleared; /* another number there: it has been committed */
    size_t at, end;
};

struct replica_timeline {
    struct store *store;
    uint64_t rfq, end_seq;
    uint8_t table; /* history's number in the buffers */
    struct source sources[2];
    unsigned source;
    struct rows ahead;
    bool out_of_memory;

    /* while it is read */
    const struct row **order; /* the rows ahead, by seq, each once */
    size_t order_count, order_at;
    struct rows part;
    uint64_t next_seq;
    bool is_part; /* there is more in the store */
    bool stopped;
    enum err e; /* of a row */
    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row);
    void *ctx;
};

/* On the replica's thread
 * ---------------------------------------------------------------------------------------------- */

static struct source source_of(const struct changes *changes)
{
    return changes ? (struct source){.changes = changes, .cleared = changes->cleared, .end = changes->size}
                   : (struct source){0};
}

enum err timeline_begin(struct replica_timeline **out, struct store *store, struct checkpoint *checkpoint,
                        uint64_t rfq, uint64_t end_seq)
{
    struct replica_timeline *t = *out = calloc(1, sizeof *t);
    if (!t)
        return ERR_MEMORY;
    t->store = store;
    t->rfq = rfq;
    t->end_seq = end_seq;
    t->table = checkpoint_table(checkpoint, TABLE_HISTORY);
    t->sources[0] = source_of(checkpoint_cut_changes(checkpoint)); /* the older one: the later word counts */
    t->sources[1] = source_of(checkpoint_filling(checkpoint));
    return OK;
}

static void add_row(struct rows *rows, uint64_t seq, const void *value, size_t size)
{
    const struct row head = {.seq = seq, .size = RECORD_ALIGN(size)};
    memcpy(rows->bytes + rows->used, &head, sizeof head);
    memcpy(rows->bytes + rows->used + sizeof head, value, size);
    rows->used += sizeof head + head.size;
}

static bool has_room(const struct rows *rows, size_t size)
{
    return rows->capacity - rows->used >= sizeof(struct row) + RECORD_ALIGN(size);
}

static bool is_row(size_t key_size, size_t value_size)
{
    return key_size == HISTORY_KEY_SIZE && value_size >= sizeof(struct history_row) + sizeof(struct record) &&
           value_size <= sizeof(struct history_row) + RECORD_SIZE_MAX;
}

static void copy_change(struct replica_timeline *t, const struct change *x)
{
    if (x->table != t->table || !is_row(x->key_size, x->value_size) ||
        store_from_be64(change_key(x)) != t->rfq)
        return;
    if (!has_room(&t->ahead, x->value_size)) {
        size_t capacity = 2 * t->ahead.capacity + PART_SIZE;
        char *bytes = realloc(t->ahead.bytes, capacity);
        if (!bytes) {
            t->out_of_memory = true;
            return;
        }
        t->ahead.bytes = bytes;
        t->ahead.capacity = capacity;
    }
    add_row(&t->ahead, store_from_be64(change_key(x) + 8), change_value(x), x->value_size);
}

bool replica_timeline_copy(struct replica_timeline *t)
{
    size_t left = COPY_BYTES_PER_CALL;
    while (t->source < 2) {
        struct source *s = &t->sources[t->source];
        if (t->out_of_memory || s->at == s->end || s->changes->cleared != s->cleared) {
            t->source++;
            continue;
        }
        const struct change *x = (const struct change *)(const void *)(s->changes->bytes + s->at);
        if (x->size > left)
            return false;
        left -= x->size;
        s->at += x->size;
        copy_change(t, x);
    }
    return true;
}

/* On any thread
 * -------------------------------------------------------------------------------------------------------- */

static const struct row *row_at(const struct rows *rows, size_t at)
{
    return (const struct row *)(const void *)(rows->bytes + at);
}

static size_t behind(const struct row *row, size_t at)
{
    return at + sizeof *row + row->size;
}

/* Rows were copied in the order in which they were written. */
static int by_seq_then_age(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    return x->seq != y->seq ? (x->seq > y->seq) - (x->seq < y->seq) : (x > y) - (x < y);
}

static enum err arrange(struct replica_timeline *t)
{
    size_t count = 0, kept = 0;
    for (size_t at = 0; at < t->ahead.used; at = behind(row_at(&t->ahead, at), at))
        count++;
    t->order = calloc(count + 1, sizeof *t->order);
    if (!t->order)
        return ERR_MEMORY;
    count = 0;
    for (size_t at = 0; at < t->ahead.used; at = behind(row_at(&t->ahead, at), at))
        t->order[count++] = row_at(&t->ahead, at);
    qsort(t->order, count, sizeof *t->order, by_seq_then_age);
    for (size_t i = 0; i < count; i++) {
        kept -= kept > 0 && t->order[kept - 1]->seq == t->order[i]->seq;
        t->order[kept++] = t->order[i];
    }
    t->order_count = kept;
    return OK;
}

static int take_stored(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct replica_timeline *t = ctx;
    if (key_size < sizeof t->rfq || store_from_be64(key) != t->rfq)
        return 1;
    if (!is_row(key_size, value_size))
        return 0;
    uint64_t seq = store_from_be64((const char *)key + 8);
    t->is_part = seq < t->end_seq && !has_room(&t->part, value_size);
    if (seq >= t->end_seq || t->is_part)
        return 1;
    add_row(&t->part, seq, value, value_size);
    t->next_seq = seq + 1;
    return 0;
}

static void show(struct replica_timeline *t, const struct row *row)
{
    const struct history_row *history = (const struct history_row *)(const void *)(row + 1);
    t->e = history_check(row->seq, history);
    t->stopped = t->e || !t->visit(t->ctx, row->seq, history);
}

/* Those that were on their way, below this seq. */
static void show_ahead(struct replica_timeline *t, uint64_t seq)
{
    while (!t->stopped && t->order_at < t->order_count && t->order[t->order_at]->seq < seq)
        show(t, t->order[t->order_at++]);
}

static void show_part(struct replica_timeline *t)
{
    for (size_t at = 0; at < t->part.used && !t->stopped; at = behind(row_at(&t->part, at), at)) {
        const struct row *row = row_at(&t->part, at);
        show_ahead(t, row->seq);
        bool is_ahead = t->order_at < t->order_count && t->order[t->order_at]->seq == row->seq;
        if (!t->stopped && !is_ahead)
            show(t, row);
    }
}

/* In parts, so that no scan waits for who is shown its rows: it would pin the pages it may yet read. */
static enum err read_parts(struct replica_timeline *t)
{
    enum err e;
    do {
        char from[HISTORY_KEY_SIZE];
        pair_key(from, t->rfq, t->next_seq);
        t->part.used = 0;
        t->is_part = false;
        e = t->store->ops->scan(t->store, TABLE_HISTORY, from, sizeof from, take_stored, t);
        if (e == OK)
            show_part(t);
    } while (e == OK && t->is_part && !t->stopped);
    if (e == OK)
        show_ahead(t, UINT64_MAX);
    return e == OK ? t->e : e;
}

enum err replica_timeline_read(struct replica_timeline *t,
                               bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row),
                               void *ctx)
{
    if (t->out_of_memory)
        return ERR_MEMORY;
    t->visit = visit;
    t->ctx = ctx;
    t->part = (struct rows){.bytes = malloc(PART_SIZE), .capacity = PART_SIZE};
    enum err e = t->part.bytes ? arrange(t) : ERR_MEMORY;
    return e == OK ? read_parts(t) : e;
}

void replica_timeline_end(struct replica_timeline *t)
{
    if (!t)
        return;
    free(t->ahead.bytes);
    free(t->part.bytes);
    free(t->order);
    free(t);
}
