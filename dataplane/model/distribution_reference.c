/* Applying reference data and settings: what configuration made into events, and what sessions are up to. */
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/model/distribution_apply.h"
#include "dataplane/model/distribution_key.h"

/* The entity with this id, touched; a new one where there is none. */
static void *entity_for(struct table *t, uint64_t id)
{
    void *e = table_get(t, id);
    if (!e)
        return table_insert(t, id);
    table_touch(t, e);
    return e;
}

void settings_apply(struct distribution_state *s, const struct settings_set *ev)
{
    struct settings_entity *e = entity_for(s->settings, 1);
    e->settings = ev->settings;
}

void instrument_apply(struct distribution_state *s, const struct instrument_set *ev)
{
    bool known = table_get(s->instruments, ev->instrument.id);
    struct instrument *i = entity_for(s->instruments, ev->instrument.id);
    assert(!known || memcmp(i->symbol, ev->instrument.symbol, SYMBOL_SIZE) == 0);
    memcpy(i, &ev->instrument, offsetof(struct instrument, transient));
    if (!known)
        key_index_add(&s->index->symbols, symbol_key(i->symbol), table_slot(s->instruments, i));
}

static void lp_index(struct distribution_state *s, const struct lp *lp)
{
    uint32_t slot = table_slot(s->lps, lp);
    assert(lp->id <= LPS_MAX);
    s->index->lps[lp->id] = slot;
    if (lp->session < SESSIONS_MAX)
        s->index->lp_by_session[lp->session] = slot;
}

/* Two never have one session: who had it in an earlier configuration has lost it before. */
static void session_leave(uint32_t *by_session, uint32_t session, uint32_t slot)
{
    if (session < SESSIONS_MAX && by_session[session] == slot)
        by_session[session] = SLOT_NONE;
}

/* The event carries the whole entity; statistics and the session's state stay as they are here. */
void lp_apply(struct distribution_state *s, const struct lp_set *ev)
{
    bool known = table_get(s->lps, ev->lp.id);
    struct lp *lp = entity_for(s->lps, ev->lp.id), old = *lp;
    memcpy(lp, &ev->lp, offsetof(struct lp, transient));
    lp->session_state = known && old.session == lp->session ? old.session_state : SESSION_DOWN;
    lp->session_lost = old.session_lost;
    lp->open_rfqs = old.open_rfqs;
    const size_t from = offsetof(struct lp, released);
    memcpy((char *)lp + from, (const char *)&old + from, offsetof(struct lp, transient) - from);
    if (known)
        session_leave(s->index->lp_by_session, old.session, table_slot(s->lps, lp));
    lp_index(s, lp);
}

static void taker_index(struct distribution_state *s, const struct taker *taker)
{
    if (taker->session < SESSIONS_MAX)
        s->index->taker_by_session[taker->session] = table_slot(s->takers, taker);
}

void taker_apply(struct distribution_state *s, const struct taker_set *ev)
{
    bool known = table_get(s->takers, ev->taker.id);
    struct taker *taker = entity_for(s->takers, ev->taker.id), old = *taker;
    memcpy(taker, &ev->taker, offsetof(struct taker, transient));
    taker->session_state = known && old.session == taker->session ? old.session_state : SESSION_DOWN;
    taker->rfqs = old.rfqs;
    if (known)
        session_leave(s->index->taker_by_session, old.session, table_slot(s->takers, taker));
    taker_index(s, taker);
}

void session_apply(struct distribution_state *s, const struct engine_session *ev)
{
    uint32_t session = ev->head.session;
    if (session >= SESSIONS_MAX)
        return;
    struct lp *lp = slot_entity(s->lps, s->index->lp_by_session[session]);
    if (lp) {
        table_touch(s->lps, lp);
        if (ev->state == SESSION_DOWN) /* told once for each time */
            lp->session_lost++;
        lp->session_state = (uint8_t)ev->state;
    }
    struct taker *taker = slot_entity(s->takers, s->index->taker_by_session[session]);
    if (taker) {
        table_touch(s->takers, taker);
        taker->session_state = (uint8_t)ev->state;
    }
}

void reference_rebuild(struct distribution_state *s)
{
    struct distribution_index *ix = s->index;
    key_index_clear(&ix->symbols);
    memset(ix->lps, 0xff, sizeof ix->lps);
    memset(ix->lp_by_session, 0xff, sizeof ix->lp_by_session);
    memset(ix->taker_by_session, 0xff, sizeof ix->taker_by_session);
    for (uint32_t i = 0; i < table_slots(s->instruments); i++) {
        const struct instrument *in = table_at(s->instruments, i);
        if (in)
            key_index_add(&ix->symbols, symbol_key(in->symbol), i);
    }
    for (uint32_t i = 0; i < table_slots(s->lps); i++)
        if (table_at(s->lps, i))
            lp_index(s, table_at(s->lps, i));
    for (uint32_t i = 0; i < table_slots(s->takers); i++)
        if (table_at(s->takers, i))
            taker_index(s, table_at(s->takers, i));
}
