/* Applying what clients asked: extensions, and the answers that are remembered by their keys. */
#include <string.h>

#include "dataplane/model/distribution_apply.h"
#include "dataplane/model/distribution_key.h"

void rfq_extended_apply(struct distribution_state *s, const struct rfq_extended *ev)
{
    struct rfq *rfq = rfq_touched(s, ev->rfq);
    if (ev->state) /* its stay has it */
        return;
    rfq->deadline_ns = ev->deadline_ns;
    rfq->length_ms = (uint32_t)(ev->length_ns / 1000000);
    rfq->extensions = ev->number;
    rfq_arm(s, rfq);
}

static void append(struct distribution_state *s, struct client_key *k)
{
    uint32_t slot = table_slot(s->client_keys, k);
    k->next = SLOT_NONE;
    if (s->index->oldest_key == SLOT_NONE)
        s->index->oldest_key = slot;
    else
        ((struct client_key *)table_at(s->client_keys, s->index->newest_key))->next = slot;
    s->index->newest_key = slot;
    key_index_add(&s->index->client_keys, client_key_hash(k->key_high, k->key_low), slot);
}

/* The engine names the oldest, so that what is forgotten does not depend on whose memory is how large. */
static void forget(struct distribution_state *s, uint64_t id)
{
    struct client_key *k = slot_entity(s->client_keys, s->index->oldest_key);
    assert(k && k->id == id);
    s->index->oldest_key = k->next;
    if (k->next == SLOT_NONE)
        s->index->newest_key = SLOT_NONE;
    key_index_remove(&s->index->client_keys, client_key_hash(k->key_high, k->key_low),
                     table_slot(s->client_keys, k));
    table_remove(s->client_keys, k);
}

void client_answered_apply(struct distribution_state *s, const struct client_answered *ev)
{
    if (ev->forgets)
        forget(s, ev->forgets);
    if (!ev->id)
        return;
    state_id_used(&s->base, ev->id);
    struct client_key *k = table_insert(s->client_keys, ev->id);
    k->key_high = ev->key_high;
    k->key_low = ev->key_low;
    k->body = ev->body;
    k->taker = ev->taker;
    k->rfq = ev->rfq;
    k->quote = ev->quote;
    k->value = ev->value;
    k->time_ns = s->base.now_ns;
    k->command = ev->command;
    k->reason = ev->reason;
    memcpy(k->text, ev->text, sizeof k->text);
    append(s, k);
}

void client_key_rebuild(struct distribution_state *s, struct client_key *k)
{
    append(s, k);
}

const struct client_key *distribution_client_key(const struct distribution_state *s, uint64_t high,
                                                 uint64_t low)
{
    uint64_t hash = client_key_hash(high, low);
    uint32_t at = KEY_INDEX_START, slot;
    while ((slot = key_index_next(&s->index->client_keys, hash, &at)) != SLOT_NONE) {
        const struct client_key *k = table_at(s->client_keys, slot);
        if (k->key_high == high && k->key_low == low)
            return k;
    }
    return NULL;
}

const struct client_key *distribution_oldest_client_key(const struct distribution_state *s)
{
    return slot_entity(s->client_keys, s->index->oldest_key);
}
