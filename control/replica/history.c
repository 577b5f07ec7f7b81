/* The timeline of one RFQ: its rows of `history`, aligned. */
#include "control/replica/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/upcast.h"
#include "storage/store_fail.h"

struct timeline {
    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row);
    void *ctx;
    enum err e;
    _Alignas(8) char row[sizeof(struct history_row) + RECORD_SIZE_MAX];
};

enum err history_check(uint64_t seq, const struct history_row *row)
{
    const struct record *r = history_record(row);
    char why[RECORD_REFUSAL_SIZE];
    if (record_is_known(r))
        return OK;
    record_refusal(r, why);
    return store_fail(ERR_VERSION, "store, table %s, event %" PRIu64 ": %s", TABLE_HISTORY, seq, why);
}

static bool show(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct timeline *t = ctx;
    if (key_size != HISTORY_KEY_SIZE || value_size < sizeof(struct history_row) + sizeof(struct record) ||
        value_size > sizeof t->row)
        return true;
    memcpy(t->row, value, value_size);
    uint64_t seq = store_from_be64((const char *)key + 8);
    t->e = history_check(seq, (const void *)t->row);
    return !t->e && t->visit(t->ctx, seq, (const void *)t->row);
}

enum err history_of(struct replica *r, uint64_t rfq, uint64_t from_seq,
                    bool (*visit)(void *ctx, uint64_t seq, const struct history_row *row), void *ctx)
{
    char from[HISTORY_KEY_SIZE];
    struct timeline *t = malloc(sizeof *t);
    if (!t)
        return ERR_MEMORY;
    t->e = OK;
    t->visit = visit;
    t->ctx = ctx;
    pair_key(from, rfq, from_seq);
    const struct replica_range range = {
        .table = TABLE_HISTORY, .key = from, .key_size = sizeof from, .prefix_size = sizeof rfq};
    enum err e = replica_scan(r, &range, show, t);
    if (!e)
        e = t->e;
    free(t);
    return e;
}
