/* Distribution's state as a whole: made, changed by its events, rebuilt after loading. What each event does
 * is in the files of its object: distribution_reference.c, _rfq.c, _delivery.c, _quote.c.
 */
#include "dataplane/model/distribution.h"

#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/memory.h"
#include "dataplane/model/distribution_apply.h"

static void apply(struct state *base, const struct record *r)
{
    struct distribution_state *s = (struct distribution_state *)base;
    const void *ev = r;
    switch (r->type) {
    case RECORD_DISTRIBUTION_STARTED:
        base->marks.epoch = ((const struct engine_started *)ev)->epoch;
        base->marks.next_id = 1;
        s->draining = false;
        break;
    case RECORD_SETTINGS_SET:
        settings_apply(s, ev);
        break;
    case RECORD_INSTRUMENT_SET:
        instrument_apply(s, ev);
        break;
    case RECORD_DISTRIBUTION_DRAIN:
        s->draining = ((const struct distribution_drain *)ev)->draining;
        break;
    case RECORD_LP_SET:
        lp_apply(s, ev);
        break;
    case RECORD_TAKER_SET:
        taker_apply(s, ev);
        break;
    case RECORD_DISTRIBUTION_SESSION:
        session_apply(s, ev);
        break;
    case RECORD_RFQ_CREATED:
        rfq_created_apply(s, ev);
        break;
    case RECORD_RFQ_TRANSITION:
        rfq_transition_apply(s, ev);
        break;
    case RECORD_RFQ_SHOWN:
        rfq_shown_apply(s, ev);
        break;
    case RECORD_RFQ_AWARDED:
        rfq_awarded_apply(s, ev);
        break;
    case RECORD_RFQ_ORDER:
        rfq_order_apply(s, ev);
        break;
    case RECORD_RFQ_CANCEL_ORDER:
        rfq_cancel_order_apply(s, ev);
        break;
    case RECORD_RFQ_RETIRED:
        rfq_retired_apply(s, ev);
        break;
    case RECORD_RFQ_EXTENDED:
        rfq_extended_apply(s, ev);
        break;
    case RECORD_RFQ_TIMED:
        rfq_timed_apply(s, ev);
        break;
    case RECORD_CLIENT_ANSWERED:
        client_answered_apply(s, ev);
        break;
    case RECORD_DELIVERY_RELEASED:
        delivery_released_apply(s, ev);
        break;
    case RECORD_DELIVERY_STATE:
        delivery_state_apply(s, ev);
        break;
    case RECORD_DELIVERY_ENDED:
        delivery_ended_apply(s, ev);
        break;
    case RECORD_QUOTE_ADDED:
        quote_added_apply(s, ev);
        break;
    case RECORD_QUOTE_REFUSED:
        quote_refused_apply(s, ev);
        break;
    case RECORD_QUOTE_ENDED:
        quote_ended_apply(s, ev);
        break;
    case RECORD_QUOTES_RANKED:
        quotes_ranked_apply(s, ev);
        break;
    default: /* facts that change nothing here: skips, refusals, offers, notes, digests */
        break;
    }
}

/* Rebuild
 * -------------------------------------------------------------------------------------------------------- */

/* What was loaded, to be visited by id: that is the order in which it was made, an RFQ before its deliveries,
 * those before the quotes. So lists, and timers that fall due together, come to stand as they stood. */
enum loaded_kind { LOADED_RFQ, LOADED_DELIVERY, LOADED_QUOTE, LOADED_CLIENT_KEY };
struct loaded {
    uint64_t id;
    enum loaded_kind kind;
    uint32_t slot;
};

static uint32_t collect(const struct table *t, enum loaded_kind kind, struct loaded *out)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < table_slots(t); slot++) {
        const void *entity = table_at(t, slot);
        if (entity)
            out[count++] = (struct loaded){.id = *(const uint64_t *)entity, .kind = kind, .slot = slot};
    }
    return count;
}

static void sift(struct loaded *heap, uint32_t at, uint32_t count)
{
    struct loaded moved = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].id > heap[child].id)
            child++;
        if (heap[child].id <= moved.id)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sort_by_id(struct loaded *heap, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift(heap, i, count);
    for (uint32_t end = count; end-- > 1;) {
        struct loaded largest = heap[0];
        heap[0] = heap[end];
        heap[end] = largest;
        sift(heap, 0, end);
    }
}

static void rebuild(struct state *base)
{
    struct distribution_state *s = (struct distribution_state *)base;
    key_index_clear(&s->index->requests);
    key_index_clear(&s->index->quotes);
    key_index_clear(&s->index->client_keys);
    s->index->oldest_key = s->index->newest_key = SLOT_NONE;
    reference_rebuild(s);
    size_t size = ((size_t)table_count(s->rfqs) + table_count(s->deliveries) + table_count(s->quotes) +
                   table_count(s->client_keys)) *
                  sizeof(struct loaded);
    struct loaded *all = memory_take(size);
    assert(all); /* at start only: without memory there is no going on */
    uint32_t count = collect(s->rfqs, LOADED_RFQ, all);
    count += collect(s->deliveries, LOADED_DELIVERY, all + count);
    count += collect(s->quotes, LOADED_QUOTE, all + count);
    count += collect(s->client_keys, LOADED_CLIENT_KEY, all + count);
    sort_by_id(all, count);
    for (uint32_t i = 0; i < count; i++)
        if (all[i].kind == LOADED_RFQ)
            rfq_rebuild(s, table_at(s->rfqs, all[i].slot));
        else if (all[i].kind == LOADED_DELIVERY)
            delivery_rebuild(s, table_at(s->deliveries, all[i].slot));
        else if (all[i].kind == LOADED_QUOTE)
            quote_rebuild(s, table_at(s->quotes, all[i].slot));
        else
            client_key_rebuild(s, table_at(s->client_keys, all[i].slot));
    memory_give(all, size);
}

static void destroy(struct state *base)
{
    struct distribution_state *s = (struct distribution_state *)base;
    if (s->index) {
        key_index_destroy(&s->index->symbols);
        key_index_destroy(&s->index->requests);
        key_index_destroy(&s->index->quotes);
        key_index_destroy(&s->index->client_keys);
        memory_give(s->index, sizeof *s->index);
    }
    for (unsigned i = 0; i < base->table_count; i++)
        table_destroy(base->tables[i]);
    timer_wheel_destroy(base->timers);
    memory_give(s, sizeof *s);
}

/* Not by configuration: they stay however old, so one that lowers rfqs_max would be refused by its own store.
 * Earlier releases kept as many as RFQs; where that is more, there is room for them. */
static uint32_t client_keys_capacity(const struct settings *c)
{
    return c->rfqs_max > CLIENT_KEYS_MAX ? c->rfqs_max : CLIENT_KEYS_MAX;
}

static enum err make_index(struct distribution_state *s, const struct settings *c)
{
    struct distribution_index *ix = s->index = memory_take(sizeof *ix);
    if (!ix)
        return ERR_MEMORY;
    memset(ix->lps, 0xff, sizeof ix->lps);
    memset(ix->lp_by_session, 0xff, sizeof ix->lp_by_session);
    memset(ix->taker_by_session, 0xff, sizeof ix->taker_by_session);
    ix->oldest_key = ix->newest_key = SLOT_NONE;
    enum err e = key_index_create(&ix->symbols, INSTRUMENTS_MAX);
    if (e == OK)
        e = key_index_create(&ix->requests, c->rfqs_max);
    if (e == OK)
        e = key_index_create(&ix->quotes, c->quotes_max);
    if (e == OK)
        e = key_index_create(&ix->client_keys, client_keys_capacity(c));
    return e;
}

static enum err make_tables(struct distribution_state *s, const struct settings *c, bool track)
{
    const struct {
        struct table **table;
        const char *name;
        uint32_t capacity;
        size_t size, durable;
    } kinds[] = {
        {&s->settings, "settings", 1, sizeof(struct settings_entity),
         offsetof(struct settings_entity, transient)},
        {&s->instruments, "instruments", INSTRUMENTS_MAX, sizeof(struct instrument),
         offsetof(struct instrument, transient)},
        {&s->lps, "lps", LPS_MAX, sizeof(struct lp), offsetof(struct lp, transient)},
        {&s->takers, "takers", SESSIONS_MAX, sizeof(struct taker), offsetof(struct taker, transient)},
        {&s->rfqs, "rfqs", c->rfqs_max, sizeof(struct rfq), offsetof(struct rfq, transient)},
        {&s->deliveries, "deliveries", c->deliveries_max, sizeof(struct delivery),
         offsetof(struct delivery, transient)},
        {&s->quotes, "quotes", c->quotes_max, sizeof(struct quote), offsetof(struct quote, transient)},
        {&s->client_keys, "client_keys", client_keys_capacity(c), sizeof(struct client_key),
         offsetof(struct client_key, transient)},
        {&s->stays, "rfq_stays", c->rfqs_max, sizeof(struct rfq_stay), offsetof(struct rfq_stay, transient)},
    };
    static_assert(sizeof kinds / sizeof *kinds <= STATE_TABLES_MAX, "a state holds them all");
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enum err e = table_create(kinds[i].table, kinds[i].name, kinds[i].capacity, (uint32_t)kinds[i].size,
                                  (uint32_t)kinds[i].durable, track);
        if (e != OK)
            return e;
        s->base.tables[s->base.table_count++] = *kinds[i].table;
    }
    return OK;
}

enum err distribution_state_create(struct distribution_state **out, const struct settings *capacities,
                                   bool with_timers, bool track, uint64_t start_ns)
{
    *out = NULL;
    struct distribution_state *s = memory_take(sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->base.agent = AGENT_DISTRIBUTION;
    s->base.apply = apply;
    s->base.rebuild = rebuild;
    s->base.destroy = destroy;
    enum err e = make_tables(s, capacities, track);
    if (e == OK)
        e = make_index(s, capacities);
    if (e == OK && with_timers) /* one timer for each of what has timers */
        e = timer_wheel_create(&s->base.timers,
                               capacities->rfqs_max + capacities->deliveries_max + capacities->quotes_max,
                               start_ns);
    if (e != OK) {
        destroy(&s->base);
        return e;
    }
    *out = s;
    return OK;
}

void distribution_timer_taken(struct distribution_state *s, const struct timer *t)
{
    uint32_t *handle = NULL;
    if (t->kind == TIMER_RFQ_DEADLINE || t->kind == TIMER_RFQ_RETIRE || t->kind == TIMER_RFQ_STAY) {
        struct rfq *rfq = table_get(s->rfqs, t->id);
        handle = rfq ? &rfq->timer : NULL;
    } else if (t->kind == TIMER_DELIVERY) {
        struct delivery *d = table_get(s->deliveries, t->id);
        handle = d ? &d->timer : NULL;
    } else if (t->kind == TIMER_QUOTE_EXPIRY) {
        struct quote *q = table_get(s->quotes, t->id);
        handle = q ? &q->timer : NULL;
    }
    assert(handle && *handle == t->handle); /* what is removed cancels its timer */
    *handle = TIMER_NONE;
}
