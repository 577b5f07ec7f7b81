/* Step 1 of recovery: the tables of each state as the last commit has them. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "storage/recovery.h"
#include "storage/store_fail.h"
#include "storage/tables.h"

struct loading {
    struct state *state;
    struct table *table;
    enum err e;
};

static int load_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct loading *l = ctx;
    const uint8_t *k = key;
    const char *name = table_name(l->table);
    if (key_size != ENTITY_KEY_SIZE || k[0] != l->state->agent)
        return 1; /* the next agent's */
    uint64_t id = store_from_be64(k + 1), stored_id = 0;
    uint8_t version = value_size ? *(const uint8_t *)value : 0;
    if (version > STORE_VALUE_VERSION)
        l->e = store_fail(ERR_VERSION, "store, %s %" PRIu64 ": of version %u, this program knows %d", name,
                          id, version, STORE_VALUE_VERSION);
    else if (version == 0 || value_size != 1 + (size_t)table_durable_size(l->table))
        l->e = store_fail(ERR_CORRUPT, "store, %s %" PRIu64 ": version %u with %zu bytes, not %u", name, id,
                          version, value_size, 1 + table_durable_size(l->table));
    else if (table_count(l->table) == table_capacity(l->table))
        l->e =
            store_fail(ERR_LIMIT, "store: more %s than their capacity, %u", name, table_capacity(l->table));
    else if (memcpy(&stored_id, (const char *)value + 1, sizeof stored_id), stored_id != id || id == 0)
        l->e =
            store_fail(ERR_CORRUPT, "store, %s %" PRIu64 ": the entity has id %" PRIu64, name, id, stored_id);
    if (l->e)
        return 1;
    memcpy(table_insert(l->table, id), (const char *)value + 1, table_durable_size(l->table));
    return 0;
}

static enum err load_table(struct store *store, struct state *s, struct table *t)
{
    struct loading l = {.state = s, .table = t};
    char from[ENTITY_KEY_SIZE];
    entity_key(from, s->agent, 0);
    enum err e = store->ops->scan(store, table_name(t), from, sizeof from, load_row, &l);
    if (!e)
        e = l.e;
    table_settle(t);
    if (table_is_tracked(t))
        table_changes_clear(t);
    return e;
}

static enum err load_state(struct store *store, struct state *s, const struct store_marks *m)
{
    static const struct state_marks zero;
    assert(memcmp(&s->marks, &zero, sizeof zero) == 0); /* just created */
    for (unsigned i = 0; i < s->table_count; i++) {
        enum err e = load_table(store, s, s->tables[i]);
        if (e)
            return e;
    }
    s->marks = m->agents[s->agent];
    s->now_ns = s->marks.time_ns;
    uint64_t digest = state_digest(s);
    /* An agent that is new to the instance has marks of nothing, and no digest. */
    if (memcmp(&s->marks, &zero, sizeof zero) != 0 && digest != m->digest[s->agent])
        return store_fail(
            ERR_CORRUPT,
            "store: the state of agent %u does not have the digest of its commit at log offset %" PRIu64,
            s->agent, m->log_offset);
    if (s->rebuild)
        s->rebuild(s);
    return OK;
}

enum err recovery_load(struct store *store, struct state *const states[AGENTS_MAX], struct store_marks *marks,
                       const char **error)
{
    *error = NULL;
    enum err e = store->ops->marks(store, marks);
    if (e == ERR_NOT_FOUND) {
        memset(marks, 0, sizeof *marks);
        marks->next_seq = LOG_FIRST_SEQ;
        return OK;
    }
    for (unsigned agent = 0; !e && agent < AGENTS_MAX; agent++)
        if (states[agent])
            e = load_state(store, states[agent], marks);
    if (e)
        *error = store_error();
    return e;
}
