#include "control/replica/rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/model/record_rfq.h"

/* History
 * ------------------------------------------------------------------------------------------------------ */

static void put_history(struct rows *r, uint64_t rfq, uint64_t seq, const struct history_row *row,
                        const struct record *rec)
{
    char key[HISTORY_KEY_SIZE];
    pair_key(key, rfq, seq);
    char *value =
        changes_put(checkpoint_filling(r->checkpoint), r->history, key, sizeof key, sizeof *row + rec->size);
    memcpy(value, row, sizeof *row);
    memcpy(value + sizeof *row, rec, rec->size);
}

static uint64_t rfq_of(const struct record *rec, const struct routing_state *routing)
{
    if (rec->type != RECORD_ORDER_RETIRED)
        return record_rfq(rec);
    const struct order *o = routing_order(routing, ((const struct order_retired *)(const void *)rec)->order);
    return o ? o->rfq : 0;
}

static void put_sent(struct rows *r, const struct gateway_out *out, uint8_t agent)
{
    char key[SENT_KEY_SIZE];
    struct changes *changes = checkpoint_filling(r->checkpoint);
    const struct sent_row row = {.version = STORE_VALUE_VERSION, .agent = agent};
    if (out->head.session >= SESSIONS_MAX)
        return;
    struct sent_window *w = &r->windows[out->head.session];
    if (w->generation != out->generation) {
        for (; w->low < w->high; w->low++) { /* of a generation that is over: nobody can ask for it */
            sent_key(key, out->head.session, w->generation, w->low);
            changes_delete(changes, r->sent, key, sizeof key);
        }
        *w = (struct sent_window){.generation = out->generation, .low = out->seq};
    }
    w->high = out->seq + 1;
    for (; w->high - w->low > r->sent_max; w->low++) {
        sent_key(key, out->head.session, w->generation, w->low);
        changes_delete(changes, r->sent, key, sizeof key);
    }
    sent_key(key, out->head.session, out->generation, out->seq);
    char *value = changes_put(changes, r->sent, key, sizeof key, sizeof row + out->head.size);
    memcpy(value, &row, sizeof row);
    memcpy(value + sizeof row, out, out->head.size);
}

void rows_record(struct rows *r, const struct log_frame *f, const struct record *rec, uint64_t seq,
                 const struct routing_state *routing)
{
    const struct batch *b = log_frame_batch(f);
    uint64_t rfq = rfq_of(rec, routing);
    if (rfq) {
        const struct history_row row = {.version = STORE_VALUE_VERSION,
                                        .agent = b->agent,
                                        .stream_epoch = (uint32_t)f->stream_epoch,
                                        .time_ns = b->time_ns,
                                        .cause_time_ns = b->cause_time_ns,
                                        .origin_time_ns = b->origin_time_ns};
        put_history(r, rfq, seq, &row, rec);
    }
    if (rec->type == RECORD_GATEWAY_OUT) {
        const struct gateway_out *out = (const struct gateway_out *)(const void *)rec;
        if (!out->admin && !out->resend_of)
            put_sent(r, out, b->agent);
    }
}

void rows_cause(struct rows *r, const struct batch *b, uint8_t writer, const struct unconsumed_entry *cause,
                const struct routing_state *routing)
{
    const struct record *frame = unconsumed_record(cause);
    uint64_t rfq = 0;
    for (const struct record *rec = batch_first(b); rec && !rfq; rec = batch_after(b, rec))
        rfq = rfq_of(rec, routing);
    if (!rfq || !frame)
        return;
    const struct history_row row = {.version = STORE_VALUE_VERSION,
                                    .agent = writer,
                                    .stream_epoch = cause->stream_epoch,
                                    .time_ns = frame->time_ns,
                                    .origin_time_ns = frame->time_ns};
    put_history(r, rfq, cause->seq, &row, frame);
}

/* Entities
 * ----------------------------------------------------------------------------------------------------- */

static void put_entity(struct changes *changes, uint8_t table, const char *key, size_t key_size,
                       const void *entity, uint32_t durable_size)
{
    char *value = changes_put(changes, table, key, key_size, 1 + durable_size);
    value[0] = STORE_VALUE_VERSION;
    memcpy(value + 1, entity, durable_size);
}

/* Retention begins when an RFQ leaves memory, and again for an order that outlives it. An order that leaves
 * first begins nothing: its RFQ is still to come. `*from_ns` is not before the RFQ's own beginning, even
 * where two agents' times of a poll differ: then what is forgotten is what left first, whoever looks
 * (verify.h). */
static bool begins_retention(const struct rows_table *x, uint64_t rfq, uint64_t *from_ns)
{
    const struct rows_table *rfqs = x->rows->rfqs;
    *from_ns = x->state->now_ns;
    if (!rfq || (x != rfqs && !x->is_order))
        return false;
    if (x == rfqs || !rfqs)
        return true;
    if (*from_ns < rfqs->state->now_ns)
        *from_ns = rfqs->state->now_ns;
    return !table_get(rfqs->table, rfq);
}

static void leaves(void *ctx, const struct table *t, const void *entity)
{
    const struct rows_table *x = ctx;
    const struct rows *r = x->rows;
    struct changes *changes = checkpoint_filling(r->checkpoint);
    uint64_t id, rfq, from_ns;
    char key[16];
    memcpy(&id, entity, sizeof id);
    memcpy(&rfq, (const char *)entity + x->rfq_offset, sizeof rfq);
    pair_key(key, rfq, id);
    put_entity(changes, x->ended, key, ENDED_KEY_SIZE, entity, table_durable_size(t));
    if (x->is_order) {
        store_be64(key, id);
        char *value = changes_put(changes, r->orders_rfq, key, 8, 1 + sizeof rfq);
        value[0] = STORE_VALUE_VERSION;
        memcpy(value + 1, &rfq, sizeof rfq);
    }
    if (begins_retention(x, rfq, &from_ns)) {
        pair_key(key, from_ns, rfq);
        *changes_put(changes, r->purge, key, PURGE_KEY_SIZE, 1) = STORE_VALUE_VERSION;
    }
}

void rows_entities(struct rows *r)
{
    struct changes *changes = checkpoint_filling(r->checkpoint);
    for (unsigned i = 0; i < r->table_count; i++) {
        const struct rows_table *x = &r->tables[i];
        const uint64_t *ids;
        char key[ENTITY_KEY_SIZE];
        for (uint32_t n = table_changes(x->table, &ids), at = 0; at < n; at++) {
            const void *entity = table_get(x->table, ids[at]);
            entity_key(key, x->state->agent, ids[at]);
            if (entity)
                put_entity(changes, x->live, key, sizeof key, entity, table_durable_size(x->table));
            else
                changes_delete(changes, x->live, key, sizeof key);
        }
        table_changes_clear(x->table);
    }
}

/* Start
 * -------------------------------------------------------------------------------------------------------- */

static void open_table(struct rows *r, struct state *s, struct table *t)
{
    struct rows_table *x = &r->tables[r->table_count++];
    *x = (struct rows_table){
        .rows = r, .state = s, .table = t, .live = checkpoint_table(r->checkpoint, table_name(t))};
    if (!table_has_ended(table_name(t), &x->rfq_offset))
        return;
    snprintf(x->ended_name, sizeof x->ended_name, "%s" TABLE_ENDED, table_name(t));
    x->ended = checkpoint_table(r->checkpoint, x->ended_name);
    x->is_order = strcmp(table_name(t), "orders") == 0;
    if (strcmp(table_name(t), "rfqs") == 0)
        r->rfqs = x;
    table_on_remove(t, leaves, x);
}

struct window_scan {
    uint32_t session;
    uint64_t generation, next_out; /* the present ones */
    struct sent_window window;
};

static int scan_window(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct window_scan *w = ctx;
    (void)value;
    (void)value_size;
    if (key_size != SENT_KEY_SIZE || store_from_be32(key) != w->session)
        return 1;
    uint64_t generation = store_from_be64((const char *)key + 4),
             seq = store_from_be64((const char *)key + 12);
    if (w->window.high == 0)
        w->window = (struct sent_window){.generation = generation, .low = seq};
    if (generation != w->window.generation)
        return 1;
    bool present = generation == w->generation; /* then its end is known */
    w->window.high = present ? w->next_out : seq + 1;
    return present;
}

static enum err open_windows(struct rows *r, struct store *store, const struct table *sessions)
{
    enum err e = OK;
    for (uint32_t slot = 0; !e && slot < table_slots(sessions); slot++) {
        const struct session *s = table_at(sessions, slot);
        if (!s)
            continue;
        struct window_scan w = {
            .session = (uint32_t)(s->id - 1), .generation = s->generation, .next_out = s->next_out};
        char from[SENT_KEY_SIZE];
        sent_key(from, w.session, 0, 0);
        e = store->ops->scan(store, TABLE_SENT, from, sizeof from, scan_window, &w);
        if (w.session < SESSIONS_MAX)
            r->windows[w.session] = w.window;
    }
    return e;
}

enum err rows_open(struct rows *r, struct checkpoint *c, const struct replica_config *config,
                   struct store *store, struct state *const states[AGENTS_MAX])
{
    enum err e = OK;
    r->checkpoint = c;
    r->history = checkpoint_table(c, TABLE_HISTORY);
    r->sent = checkpoint_table(c, TABLE_SENT);
    r->orders_rfq = checkpoint_table(c, TABLE_ORDERS_RFQ);
    r->purge = checkpoint_table(c, TABLE_PURGE);
    r->sent_max = config->sent_max ? config->sent_max : SENT_MESSAGES_MAX;
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        for (unsigned i = 0; states[a] && i < states[a]->table_count; i++)
            open_table(r, states[a], states[a]->tables[i]);
    for (unsigned i = 0; !e && i < config->gateway_count; i++)
        e = open_windows(r, store, config->gateways[i]->sessions);
    return e;
}
