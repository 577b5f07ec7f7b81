/* Start: a new epoch of ids, and configuration as events where it differs from what is known. LPs and takers
 * are known by code, instruments by symbol; ids are kept. What configuration no longer names is not deleted,
 * because history names it: it is made inactive and loses its session. What an operator changes later goes
 * the same way, but for what is not named: that stays.
 */
#include "dataplane/core/id.h"
#include "dataplane/engine/distribution/inside.h"

static void start_epoch(struct emit *e)
{
    struct engine_started *ev = emit_begin(e, RECORD_DISTRIBUTION_STARTED, sizeof *ev);
    ev->epoch = e->state->marks.epoch + 1;
    assert(ev->epoch <= ID_EPOCH_MAX);
    emit_end(e, ev);
}

static void set_settings(struct emit *e, const struct settings *settings)
{
    if (memcmp(distribution_settings(state_of(e)), settings, sizeof *settings) == 0)
        return;
    struct settings_set *ev = emit_begin(e, RECORD_SETTINGS_SET, sizeof *ev);
    ev->settings = *settings;
    emit_end(e, ev);
}

/* Instruments
 * ------------------------------------------------------------------------------------------------------------
 */

static void set_instrument(struct emit *e, const struct instrument *known, const struct instrument *wanted)
{
    const size_t size = offsetof(struct instrument, transient);
    if (known && memcmp(known, wanted, size) == 0)
        return;
    struct instrument_set *ev = emit_begin(e, RECORD_INSTRUMENT_SET, sizeof *ev);
    memcpy(&ev->instrument, wanted, size);
    emit_end(e, ev);
}

/* By symbol; a new one gets the next id. */
static void configure_instrument(struct emit *e, const struct instrument *instrument)
{
    const struct distribution_state *s = state_of(e);
    struct instrument wanted = *instrument;
    const struct instrument *known = distribution_instrument_by_symbol(s, wanted.symbol);
    wanted.id = known ? known->id : table_count(s->instruments) + 1;
    assert(wanted.id <= INSTRUMENTS_MAX);
    set_instrument(e, known, &wanted);
}

static bool names_symbol(const struct engine_setup *setup, const char *symbol)
{
    for (unsigned i = 0; i < setup->instrument_count; i++)
        if (memcmp(setup->instruments[i].symbol, symbol, SYMBOL_SIZE) == 0)
            return true;
    return false;
}

static void set_instruments(struct emit *e, const struct engine_setup *setup)
{
    const struct distribution_state *s = state_of(e);
    for (uint64_t id = 1; id <= table_count(s->instruments); id++) {
        const struct instrument *known = distribution_instrument(s, id);
        struct instrument wanted = *known;
        if (!names_symbol(setup, known->symbol)) {
            wanted.tradable = 0;
            set_instrument(e, known, &wanted);
        }
    }
    for (unsigned i = 0; i < setup->instrument_count; i++)
        configure_instrument(e, &setup->instruments[i]);
}

/* LPs
 * --------------------------------------------------------------------------------------------------------------------
 */

/* Configuration as wanted, everything else as it is known. */
static struct lp merge_lp(const struct lp *known, const struct lp *wanted)
{
    struct lp lp = *known;
    memcpy(lp.code, wanted->code, sizeof lp.code);
    lp.session = wanted->session;
    lp.tenant = wanted->tenant;
    lp.status = wanted->status;
    lp.asset_classes = wanted->asset_classes;
    lp.size_min = wanted->size_min;
    lp.size_max = wanted->size_max;
    lp.concurrent_rfqs_max = wanted->concurrent_rfqs_max;
    lp.ack_required = wanted->ack_required;
    lp.losers_by_aj = wanted->losers_by_aj;
    lp.gateway = wanted->gateway;
    return lp;
}

static void set_lp(struct emit *e, const struct lp *known, const struct lp *wanted)
{
    const size_t size = offsetof(struct lp, transient);
    if (known && memcmp(known, wanted, size) == 0)
        return;
    struct lp_set *ev = emit_begin(e, RECORD_LP_SET, sizeof *ev);
    memcpy(&ev->lp, wanted, size);
    emit_end(e, ev);
}

/* By code; a new one gets the next id. */
static void configure_lp(struct emit *e, const struct lp *lp)
{
    const struct distribution_state *s = state_of(e);
    const struct lp *known = distribution_lp_by_code(s, lp->code);
    const struct lp fresh = {.id = table_count(s->lps) + 1, .session_state = SESSION_DOWN};
    struct lp wanted = merge_lp(known ? known : &fresh, lp);
    assert(wanted.id <= LPS_MAX);
    set_lp(e, known, &wanted);
}

static bool names_lp(const struct engine_setup *setup, const char *code)
{
    for (unsigned i = 0; i < setup->lp_count; i++)
        if (memcmp(setup->lps[i].code, code, sizeof setup->lps[i].code) == 0)
            return true;
    return false;
}

/* First those that are gone: a session that they had may be another's now. */
static void set_lps(struct emit *e, const struct engine_setup *setup)
{
    const struct distribution_state *s = state_of(e);
    for (uint64_t id = 1; id <= table_count(s->lps); id++) {
        const struct lp *known = distribution_lp(s, id);
        struct lp wanted = *known;
        if (!names_lp(setup, known->code)) {
            wanted.status = LP_INACTIVE;
            wanted.session = SESSION_NONE;
            wanted.session_state = known->session == SESSION_NONE ? known->session_state : SESSION_DOWN;
            set_lp(e, known, &wanted);
        }
    }
    for (unsigned i = 0; i < setup->lp_count; i++)
        configure_lp(e, &setup->lps[i]);
}

/* Takers
 * -----------------------------------------------------------------------------------------------------------------
 */

static void set_taker(struct emit *e, const struct taker *known, const struct taker *wanted)
{
    const size_t size = offsetof(struct taker, transient);
    if (known && memcmp(known, wanted, size) == 0)
        return;
    struct taker_set *ev = emit_begin(e, RECORD_TAKER_SET, sizeof *ev);
    memcpy(&ev->taker, wanted, size);
    emit_end(e, ev);
}

/* By code; a new one gets the next id. */
static void configure_taker(struct emit *e, const struct taker *taker)
{
    const struct distribution_state *s = state_of(e);
    const struct taker *known = distribution_taker_by_code(s, taker->code);
    struct taker wanted =
        known ? *known : (struct taker){.id = table_count(s->takers) + 1, .session_state = SESSION_DOWN};
    assert(wanted.id <= SESSIONS_MAX);
    memcpy(wanted.code, taker->code, sizeof wanted.code);
    wanted.session = taker->session;
    wanted.tenant = taker->tenant;
    wanted.gateway = taker->gateway;
    set_taker(e, known, &wanted);
}

static bool names_taker(const struct engine_setup *setup, const char *code)
{
    for (unsigned i = 0; i < setup->taker_count; i++)
        if (memcmp(setup->takers[i].code, code, sizeof setup->takers[i].code) == 0)
            return true;
    return false;
}

static void set_takers(struct emit *e, const struct engine_setup *setup)
{
    const struct distribution_state *s = state_of(e);
    for (uint64_t id = 1; id <= table_count(s->takers); id++) {
        const struct taker *known = distribution_taker(s, id);
        struct taker wanted = *known;
        if (!names_taker(setup, known->code)) {
            wanted.session = SESSION_NONE;
            set_taker(e, known, &wanted);
        }
    }
    for (unsigned i = 0; i < setup->taker_count; i++)
        configure_taker(e, &setup->takers[i]);
}

/* What an earlier release awarded has no time yet: it begins now. */
static void begin_stays(struct emit *e)
{
    const struct distribution_state *s = state_of(e);
    for (uint32_t slot = 0; slot < table_slots(s->rfqs); slot++) {
        const struct rfq *rfq = table_at(s->rfqs, slot);
        if (rfq && !distribution_stay(s, rfq->id))
            stay_begin(e, rfq);
    }
}

struct engine_names engine_names(const struct distribution_state *s, const struct engine_setup *setup)
{
    struct engine_names names = {table_count(s->instruments), table_count(s->lps), table_count(s->takers)};
    for (unsigned i = 0; i < setup->instrument_count; i++)
        names.instruments += !distribution_instrument_by_symbol(s, setup->instruments[i].symbol);
    for (unsigned i = 0; i < setup->lp_count; i++)
        names.lps += !distribution_lp_by_code(s, setup->lps[i].code);
    for (unsigned i = 0; i < setup->taker_count; i++)
        names.takers += !distribution_taker_by_code(s, setup->takers[i].code);
    return names;
}

void distribution_start(struct emit *e, const struct engine_setup *setup)
{
    start_epoch(e);
    set_settings(e, &setup->settings);
    set_instruments(e, setup);
    set_lps(e, setup);
    set_takers(e, setup);
    begin_stays(e);
}

/* Changed while it runs
 * ----------------------------------------------------------------------------------------- */

static void set_draining(struct emit *e, bool draining)
{
    if (state_of(e)->draining == draining)
        return;
    struct distribution_drain *ev = emit_begin(e, RECORD_DISTRIBUTION_DRAIN, sizeof *ev);
    ev->draining = draining;
    emit_end(e, ev);
}

/* Entry `at` of all that there are, in this order: LPs and takers that lose a session come before those that
 * get it, because the asker has put them so. */
static void configure_entry(struct emit *e, const struct engine_change *c, unsigned at)
{
    if (at < c->instrument_count)
        configure_instrument(e, &c->instruments[at]);
    else if (at - c->instrument_count < c->lp_count)
        configure_lp(e, &c->lps[at - c->instrument_count]);
    else
        configure_taker(e, &c->takers[at - c->instrument_count - c->lp_count]);
}

bool distribution_change(struct emit *e, const struct engine_change *c, unsigned *next)
{
    unsigned count = c->instrument_count + c->lp_count + c->taker_count, end = *next + ENGINE_CHANGE_RECORDS;
    if (*next == 0) {
        if (c->drain != ENGINE_DRAIN_AS_IT_IS)
            set_draining(e, c->drain == ENGINE_DRAIN_ON);
        if (c->settings)
            set_settings(e, c->settings);
    }
    while (*next < count && *next < end)
        configure_entry(e, c, (*next)++);
    return *next >= count;
}
