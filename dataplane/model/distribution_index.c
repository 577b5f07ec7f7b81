/* Reading distribution's state: by id, by the keys that peers use, and along its lists. */
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/model/distribution_apply.h"
#include "dataplane/model/distribution_key.h"

const struct settings *distribution_settings(const struct distribution_state *s)
{
    static const struct settings none;
    const struct settings_entity *e = table_get(s->settings, 1);
    return e ? &e->settings : &none;
}

const struct rfq *distribution_rfq(const struct distribution_state *s, uint64_t id)
{
    return table_get(s->rfqs, id);
}

const struct rfq_stay *distribution_stay(const struct distribution_state *s, uint64_t rfq)
{
    return table_get(s->stays, rfq);
}

const struct quote *distribution_quote(const struct distribution_state *s, uint64_t id)
{
    return table_get(s->quotes, id);
}

const struct delivery *distribution_delivery(const struct distribution_state *s, uint64_t id)
{
    return table_get(s->deliveries, id);
}

const struct lp *distribution_lp(const struct distribution_state *s, uint64_t id)
{
    return id <= LPS_MAX ? slot_entity(s->lps, s->index->lps[id]) : NULL;
}

const struct taker *distribution_taker(const struct distribution_state *s, uint64_t id)
{
    return table_get(s->takers, id);
}

const struct instrument *distribution_instrument(const struct distribution_state *s, uint64_t id)
{
    return table_get(s->instruments, id);
}

const struct instrument *distribution_instrument_by_symbol(const struct distribution_state *s,
                                                           const char *symbol)
{
    uint64_t hash = symbol_key(symbol);
    uint32_t at = KEY_INDEX_START, slot;
    while ((slot = key_index_next(&s->index->symbols, hash, &at)) != SLOT_NONE) {
        const struct instrument *i = table_at(s->instruments, slot);
        if (memcmp(i->symbol, symbol, SYMBOL_SIZE) == 0)
            return i;
    }
    return NULL;
}

/* By code: at start only, so a walk will do. */
const struct lp *distribution_lp_by_code(const struct distribution_state *s, const char *code)
{
    for (uint32_t i = 0; i < table_slots(s->lps); i++) {
        const struct lp *lp = table_at(s->lps, i);
        if (lp && memcmp(lp->code, code, sizeof lp->code) == 0)
            return lp;
    }
    return NULL;
}

const struct taker *distribution_taker_by_code(const struct distribution_state *s, const char *code)
{
    for (uint32_t i = 0; i < table_slots(s->takers); i++) {
        const struct taker *taker = table_at(s->takers, i);
        if (taker && memcmp(taker->code, code, sizeof taker->code) == 0)
            return taker;
    }
    return NULL;
}

const struct lp *distribution_lp_by_session(const struct distribution_state *s, uint32_t session)
{
    return session < SESSIONS_MAX ? slot_entity(s->lps, s->index->lp_by_session[session]) : NULL;
}

const struct taker *distribution_taker_by_session(const struct distribution_state *s, uint32_t session)
{
    return session < SESSIONS_MAX ? slot_entity(s->takers, s->index->taker_by_session[session]) : NULL;
}

const struct rfq *distribution_rfq_by_request(const struct distribution_state *s, uint32_t session,
                                              const char *request_id)
{
    uint64_t hash = request_key(session, request_id);
    uint32_t at = KEY_INDEX_START, slot;
    while ((slot = key_index_next(&s->index->requests, hash, &at)) != SLOT_NONE) {
        const struct rfq *rfq = table_at(s->rfqs, slot);
        if (rfq->session == session && memcmp(rfq->request_id, request_id, ID_TEXT_SIZE) == 0)
            return rfq;
    }
    return NULL;
}

const struct delivery *distribution_delivery_to(const struct distribution_state *s, const struct rfq *rfq,
                                                uint64_t lp)
{
    for (uint32_t i = 0; i < rfq->linked; i++)
        if (rfq->delivery_lps[i] == lp)
            return table_at(s->deliveries, rfq->delivery_slots[i]);
    return NULL;
}

const struct quote *distribution_quote_by_name(const struct distribution_state *s, uint64_t lp,
                                               const char *lp_quote_id, uint64_t rfq)
{
    if (!*lp_quote_id)
        return NULL;
    uint64_t hash = quote_key(lp, lp_quote_id);
    uint32_t at = KEY_INDEX_START, slot;
    const struct quote *found = NULL;
    while ((slot = key_index_next(&s->index->quotes, hash, &at)) != SLOT_NONE) {
        const struct quote *q = table_at(s->quotes, slot);
        if (q->lp != lp || (rfq && q->rfq != rfq) || memcmp(q->lp_quote_id, lp_quote_id, ID_TEXT_SIZE) != 0)
            continue;
        if (q->status == QUOTE_STANDING)
            return q;
        found = q;
    }
    return found;
}

const struct delivery *distribution_first_delivery(const struct distribution_state *s, const struct rfq *rfq)
{
    return rfq->linked ? table_at(s->deliveries, rfq->delivery_slots[0]) : NULL;
}

const struct delivery *distribution_next_delivery(const struct distribution_state *s,
                                                  const struct delivery *d)
{
    return slot_entity(s->deliveries, d->next);
}

const struct quote *distribution_first_quote(const struct distribution_state *s, const struct rfq *rfq)
{
    return slot_entity(s->quotes, rfq->first_quote);
}

const struct quote *distribution_first_ended_quote(const struct distribution_state *s, const struct rfq *rfq)
{
    return slot_entity(s->quotes, rfq->first_ended_quote);
}

const struct quote *distribution_next_quote(const struct distribution_state *s, const struct quote *q)
{
    return slot_entity(s->quotes, q->next);
}
