/* Start: a new epoch of ids, and configuration as events where it differs from what is known. LPs and takers
 * are known by code, instruments by symbol; ids are kept. What configuration no longer names is not deleted,
 * because history names it: it is made inactive and loses its session.
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
    for (unsigned i = 0; i < setup->instrument_count; i++) {
        struct instrument wanted = setup->instruments[i];
        const struct instrument *known = distribution_instrument_by_symbol(s, wanted.symbol);
        wanted.id = known ? known->id : table_count(s->instruments) + 1;
        assert(wanted.id <= INSTRUMENTS_MAX);
        set_instrument(e, known, &wanted);
    }
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
    for (unsigned i = 0; i < setup->lp_count; i++) {
        const struct lp *known = distribution_lp_by_code(s, setup->lps[i].code);
        const struct lp fresh = {.id = table_count(s->lps) + 1, .session_state = SESSION_DOWN};
        struct lp wanted = merge_lp(known ? known : &fresh, &setup->lps[i]);
        assert(wanted.id <= LPS_MAX);
        set_lp(e, known, &wanted);
    }
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
    for (unsigned i = 0; i < setup->taker_count; i++) {
        const struct taker *known = distribution_taker_by_code(s, setup->takers[i].code);
        struct taker wanted =
            known ? *known : (struct taker){.id = table_count(s->takers) + 1, .session_state = SESSION_DOWN};
        assert(wanted.id <= SESSIONS_MAX);
        memcpy(wanted.code, setup->takers[i].code, sizeof wanted.code);
        wanted.session = setup->takers[i].session;
        wanted.tenant = setup->takers[i].tenant;
        wanted.gateway = setup->takers[i].gateway;
        set_taker(e, known, &wanted);
    }
}

void distribution_start(struct emit *e, const struct engine_setup *setup)
{
    start_epoch(e);
    set_settings(e, &setup->settings);
    set_instruments(e, setup);
    set_lps(e, setup);
    set_takers(e, setup);
}
