/* Configuration: shown, checked, and read again. A reload has three parts: on a thread the file is read and
 * compared with what is in force; on the control core distribution, routing and the gateway are asked one
 * after the other; and when the replica has seen all of it in the log, it is in force and answered. The
 * journal says what came of it, for who asked by a signal.
 */
#include <stdlib.h>
#include <string.h>

#include "control/config/check.h"
#include "control/config/values.h"
#include "control/ops/commands.h"

/* show
 * ------------------------------------------------------------------------------------------------------------------
 */

static void show_entry(struct ops_request *r, enum config_section s, const void *entry, unsigned at)
{
    char name[ID_TEXT_SIZE], path[96], value[CONFIG_VALUE_SIZE];
    config_entry_name(s, entry, at, name);
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        if (k->section != s)
            continue;
        config_key_path(k, path, sizeof path);
        config_value_text(k, entry, value);
        json_open(r->out, NULL, '{');
        json_text(r->out, "key", path);
        json_text(r->out, "entry", name);
        json_text(r->out, "value", value);
        json_text(r->out, "unit", k->unit);
        json_text(r->out, "changes", k->live ? "at a reload" : "at a restart");
        json_close(r->out, '}');
        json_line(r->out);
    }
}

/* By place, because a reload may put another configuration in force while it is shown. */
struct config_place {
    enum config_section section;
    unsigned entry;
};

static bool show_step(struct ops_request *r)
{
    struct config_place *at = r->going;
    size_t used = r->out->used;
    while (at->section < SECTIONS && r->out->used - used < OPS_BYTES_PER_STEP) {
        const void *entry = config_entry(ops_config_now(r), at->section, at->entry);
        if (entry)
            show_entry(r, at->section, entry, at->entry);
        *at = entry ? (struct config_place){at->section, at->entry + 1}
                    : (struct config_place){at->section + 1, 0};
    }
    return at->section == SECTIONS;
}

static void show_end(struct ops_request *r)
{
    free(r->going);
}

void ops_config_show(struct ops_request *r)
{
    struct config_place *at = calloc(1, sizeof *at);
    if (!at) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    at->section = SECTION_TOP;
    r->going = at;
    r->step = show_step;
    r->end = show_end;
}

/* check
 * -----------------------------------------------------------------------------------------------------------------
 */

/* Each error is a line. journal: where it is said too; NULL: nowhere. */
static void error_out(struct ops_request *r, const char *text, struct journal *journal)
{
    json_open(r->out, NULL, '{');
    json_text(r->out, "error", text);
    json_close(r->out, '}');
    json_line(r->out);
    journal_say(journal, JOURNAL_WARNING, "config_error", journal_text("error", text));
}

static void errors_out(struct ops_request *r, const struct config *c, struct journal *journal)
{
    for (unsigned i = 0; i < c->error_count && i < CONFIG_ERRORS_MAX; i++)
        error_out(r, c->errors[i], journal);
}

/* NULL: refused, and why is said. */
static struct config *load(struct ops_request *r, const char *path, struct journal *journal)
{
    struct config *c = NULL;
    enum err e = config_load(&c, path);
    if (e == OK)
        return c;
    if (c) {
        errors_out(r, c, journal);
        ops_fail(r, "config", "%u error%s in %.200s; nothing was changed", c->error_count,
                 c->error_count == 1 ? "" : "s", path);
    } else {
        ops_fail(r, "memory", "no memory");
    }
    config_free(c);
    return NULL;
}

void ops_config_check(struct ops_request *r)
{
    const char *path = r->arguments[1];
    if (*path != '/') {
        ops_fail(r, "bad_path", "'%.100s' is not an absolute path; it is read on rfqd's host", path);
        return;
    }
    struct config *c = load(r, path, NULL);
    if (!c)
        return;
    json_open(r->out, NULL, '{');
    json_text(r->out, "file", path);
    json_text(r->out, "verdict", "fine");
    json_close(r->out, '}');
    json_line(r->out);
    config_free(c);
}

/* reload: on the thread
 * --------------------------------------------------------------------------------------------------- */

#define NAMES_PER_STEP 64u /* looked for, each in up to SESSIONS_MAX */

enum reload_stage {
    LOOK_FOR_PLACES,
    ASK_DISTRIBUTION,
    AWAIT_DISTRIBUTION,
    ASK_ROUTING,
    AWAIT_ROUTING,
    TELL,
    AWAIT_TOLD,
    APPLIED
};

struct reload {
    struct config *config; /* what is to be in force */
    struct engine_change change;
    struct instrument *instruments;
    struct lp *lps;
    struct taker *takers;
    uint32_t tell[SESSIONS_MAX]; /* sessions that an LP or taker has been put on */
    unsigned tell_count, told;
    unsigned now, at_a_restart; /* differences */
    unsigned looked_for;        /* names of the change, so far; those that nobody knows yet: */
    unsigned new_instruments, new_lps, new_takers;
    unsigned faults;
    bool in_force;
    enum reload_stage stage;
    uint64_t asked_ns;
    uint64_t distribution_position, routing_position, gateway_position;
};

static void difference_out(void *ctx, const struct config_difference *d)
{
    struct ops_request *r = ctx;
    struct reload *x = r->going;
    char path[96];
    if (d->key)
        config_key_path(d->key, path, sizeof path);
    json_open(r->out, NULL, '{');
    json_text(r->out, "key", d->key ? path : config_sections[d->section].name);
    json_text(r->out, "entry", d->entry);
    json_text(r->out, "was", d->was ? d->was : "");
    json_text(r->out, "is", d->is ? d->is : "");
    json_text(r->out, "changes", d->live ? "now" : "at a restart");
    json_close(r->out, '}');
    json_line(r->out);
    if (d->live)
        x->now++;
    else
        x->at_a_restart++;
}

static void fault(struct ops_request *r, const char *what, const char *name, const char *session,
                  const char *why)
{
    struct reload *x = r->going;
    char text[256];
    snprintf(text, sizeof text, "%s '%s': session '%s' %s", what, name, session, why);
    error_out(r, text, r->config->journal);
    x->faults++;
}

/* Sessions are made at a start: who is put on one must find it there, in the role it has. */
static void check_session(struct ops_request *r, const char *what, const char *name, const char *session,
                          enum session_role role)
{
    const struct config *running = r->config->config;
    for (unsigned i = 0; i < running->session_count; i++)
        if (strcmp(running->sessions[i].session.name, session) == 0) {
            if (running->sessions[i].session.role != role)
                fault(r, what, name, session, "changes its role, which takes a restart");
            return;
        }
    fault(r, what, name, session, "is new, which takes a restart");
}

static void tell(struct reload *x, uint32_t session)
{
    if (x->tell_count < SESSIONS_MAX)
        x->tell[x->tell_count++] = session;
}

/* Those that are gone first: a session that they had may be another's now. */
static void take_lps(struct ops_request *r, const struct config *was, const struct config *is)
{
    struct reload *x = r->going;
    for (unsigned i = 0; i < was->lp_count; i++) {
        unsigned j = 0;
        while (j < is->lp_count && strcmp(is->lps[j].lp.code, was->lps[i].lp.code) != 0)
            j++;
        if (j < is->lp_count)
            continue;
        struct lp *gone = &x->lps[x->change.lp_count++];
        *gone = was->lps[i].lp;
        gone->status = LP_INACTIVE;
        gone->session = SESSION_NONE;
        gone->gateway = AGENT_GATEWAY;
    }
    for (unsigned i = 0; i < is->lp_count; i++) {
        const struct config_lp *l = &is->lps[i];
        unsigned j = 0;
        check_session(r, "LP", l->lp.code, l->session, ROLE_LP);
        struct lp *wanted = &x->lps[x->change.lp_count++];
        *wanted = l->lp;
        wanted->session = node_session_number(r->config->node, l->session);
        wanted->gateway = AGENT_GATEWAY;
        while (j < was->lp_count && strcmp(was->lps[j].lp.code, l->lp.code) != 0)
            j++;
        if (j == was->lp_count || strcmp(was->lps[j].session, l->session) != 0)
            tell(x, wanted->session);
    }
}

static void take_takers(struct ops_request *r, const struct config *was, const struct config *is)
{
    struct reload *x = r->going;
    for (unsigned i = 0; i < was->taker_count; i++) {
        unsigned j = 0;
        while (j < is->taker_count && strcmp(is->takers[j].taker.code, was->takers[i].taker.code) != 0)
            j++;
        if (j < is->taker_count)
            continue;
        struct taker *gone = &x->takers[x->change.taker_count++];
        *gone = was->takers[i].taker;
        gone->session = SESSION_NONE;
        gone->gateway = AGENT_NONE; /* as a user's who has no session */
    }
    for (unsigned i = 0; i < is->taker_count; i++) {
        const struct config_taker *t = &is->takers[i];
        unsigned j = 0;
        check_session(r, "taker", t->taker.code, t->session, ROLE_TAKER);
        struct taker *wanted = &x->takers[x->change.taker_count++];
        *wanted = t->taker;
        wanted->session = node_session_number(r->config->node, t->session);
        wanted->gateway = AGENT_GATEWAY;
        while (j < was->taker_count && strcmp(was->takers[j].taker.code, t->taker.code) != 0)
            j++;
        if (j == was->taker_count || strcmp(was->takers[j].session, t->session) != 0)
            tell(x, wanted->session);
    }
}

static void take_instruments(struct reload *x, const struct config *was, const struct config *is)
{
    for (unsigned i = 0; i < was->instrument_count; i++) {
        unsigned j = 0;
        while (j < is->instrument_count &&
               memcmp(is->instruments[j].symbol, was->instruments[i].symbol, SYMBOL_SIZE) != 0)
            j++;
        if (j < is->instrument_count)
            continue;
        struct instrument *gone = &x->instruments[x->change.instrument_count++];
        *gone = was->instruments[i];
        gone->tradable = 0;
    }
    memcpy(&x->instruments[x->change.instrument_count], is->instruments,
           is->instrument_count * sizeof *is->instruments);
    x->change.instrument_count += is->instrument_count;
}

/* Whoever asked by a signal sees no answer. */
static void say_refused(const struct ops_request *r)
{
    journal_say(r->config->journal, JOURNAL_WARNING, "config_refused",
                journal_text("file", r->config->config_path), journal_text("why", r->text));
}

static void reload_end(struct ops_request *r)
{
    struct reload *x = r->going;
    if (r->code && !x->in_force)
        say_refused(r);
    ops_asks_no_more(r);
    config_free(x->config);
    free(x->instruments);
    free(x->lps);
    free(x->takers);
    free(x);
    atomic_store(&r->desk->reloading, false);
}

static bool reload_memory(struct reload *x, const struct config *was, const struct config *is)
{
    x->instruments = calloc(was->instrument_count + is->instrument_count + 1, sizeof *x->instruments);
    x->lps = calloc(was->lp_count + is->lp_count + 1, sizeof *x->lps);
    x->takers = calloc(was->taker_count + is->taker_count + 1, sizeof *x->takers);
    return x->instruments && x->lps && x->takers;
}

static void reload_then(struct ops_request *r);

/* The flag also keeps the configuration in force where it is while this thread reads it. */
void ops_config_reload(struct ops_request *r)
{
    if (atomic_exchange(&r->desk->reloading, true)) {
        ops_fail(r, "busy", "another reload is under way");
        return;
    }
    const struct config *was = ops_config_now(r);
    struct reload *x = calloc(1, sizeof *x);
    if (!x) {
        atomic_store(&r->desk->reloading, false);
        ops_fail(r, "memory", "no memory");
        say_refused(r);
        return;
    }
    r->going = x;
    r->end = reload_end;
    x->config = load(r, r->config->config_path, r->config->journal);
    if (!x->config)
        return;
    if (!reload_memory(x, was, x->config)) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    take_lps(r, was, x->config);
    take_takers(r, was, x->config);
    take_instruments(x, was, x->config);
    if (x->faults) {
        ops_fail(r, "config", "%u thing%s in %.200s cannot be had without a restart; nothing was changed",
                 x->faults, x->faults == 1 ? "" : "s", r->config->config_path);
        return;
    }
    config_compare(was, x->config, difference_out, r);
    config_keep(x->config, was);
    config_check(x->config, r->config->config_path); /* the two, mixed, are what nobody has looked at yet */
    if (x->config->error_count) {
        errors_out(r, x->config, r->config->journal);
        ops_fail(r, "config",
                 "%u error%s while what takes a restart in %.200s is as it was; nothing was changed",
                 x->config->error_count, x->config->error_count == 1 ? "" : "s", r->config->config_path);
        return;
    }
    x->change.settings = &x->config->settings;
    x->change.instruments = x->instruments;
    x->change.lps = x->lps;
    x->change.takers = x->takers;
    r->then = reload_then;
}

/* reload: on the control core
 * --------------------------------------------------------------------------------------------- */

/* False: there are more. LPs and takers are found by a walk. */
static bool look_for_names(struct ops_request *r, struct reload *x)
{
    const struct distribution_state *s = ops_copies(r)->distribution;
    const struct engine_change *c = &x->change;
    for (unsigned n = 0; n < NAMES_PER_STEP; n++) {
        unsigned i = x->looked_for++;
        if (i < c->instrument_count)
            x->new_instruments += !distribution_instrument_by_symbol(s, c->instruments[i].symbol);
        else if ((i -= c->instrument_count) < c->lp_count)
            x->new_lps += !distribution_lp_by_code(s, c->lps[i].code);
        else if ((i -= c->lp_count) < c->taker_count)
            x->new_takers += !distribution_taker_by_code(s, c->takers[i].code);
        else
            return true;
    }
    return false;
}

/* What was ever known keeps its place: new names must find one. */
static bool has_places(struct ops_request *r)
{
    const struct reload *x = r->going;
    const struct distribution_state *s = ops_copies(r)->distribution;
    unsigned instruments = table_count(s->instruments) + x->new_instruments,
             lps = table_count(s->lps) + x->new_lps, takers = table_count(s->takers) + x->new_takers;
    if (instruments <= INSTRUMENTS_MAX && lps <= LPS_MAX && takers <= SESSIONS_MAX)
        return true;
    ops_fail(r, "limit",
             "too many names, with those that were ever known: %u instruments of %u, %u LPs of "
             "%u, %u takers of %u; nothing was changed",
             instruments, INSTRUMENTS_MAX, lps, LPS_MAX, takers, SESSIONS_MAX);
    return false;
}

static void tell_next(struct ops_request *r, struct reload *x)
{
    struct gateway_order order = {.kind = GATEWAY_TELL};
    if (x->told == x->tell_count) {
        x->stage = APPLIED;
        return;
    }
    order.session = x->tell[x->told];
    if (ops_ask_gateway(r, &order))
        x->stage = AWAIT_TOLD;
}

static void take_told(struct ops_request *r, struct reload *x)
{
    struct gateway_answer told;
    if (!ops_gateway_answered(r, &told))
        return;
    x->gateway_position = told.position;
    x->told++;
    x->stage = TELL;
}

static bool is_applied(const struct ops_request *r, const struct reload *x)
{
    return ops_applied(r, AGENT_DISTRIBUTION, x->distribution_position) &&
           ops_applied(r, AGENT_ROUTING, x->routing_position) &&
           ops_applied(r, AGENT_GATEWAY, x->gateway_position);
}

static void reloaded(struct ops_request *r, struct reload *x)
{
    json_open(r->out, NULL, '{');
    json_text(r->out, "reloaded", r->config->config_path);
    json_uint(r->out, "now", x->now);
    json_uint(r->out, "at_a_restart", x->at_a_restart);
    json_close(r->out, '}');
    json_line(r->out);
    journal_say(r->config->journal, JOURNAL_INFO, "config_reloaded",
                journal_text("file", r->config->config_path), journal_uint("now", x->now),
                journal_uint("at_a_restart", x->at_a_restart));
    if (x->config->journal_level != ops_config_now(r)->journal_level)
        journal_level_set(r->config->journal, (enum journal_level)x->config->journal_level);
    x->in_force = true;
    config_free(r->desk->config);
    r->desk->config = x->config;
    x->config = NULL;
}

/* Once an agent has been asked there is no way back: what it was given stays until it has answered. A replica
 * that stands still will never show what came of it, but it has come: the file is in force, and that is said.
 */
static bool reload_step(struct ops_request *r)
{
    struct reload *x = r->going;
    const char *why = replica_divergence(node_replica(r->config->node));
    switch (x->stage) {
    case LOOK_FOR_PLACES:
        if (!look_for_names(r, x))
            break;
        if (!has_places(r))
            return true;
        x->stage = ASK_DISTRIBUTION;
        break;
    case ASK_DISTRIBUTION:
        if (ops_ask_engine(r, AGENT_DISTRIBUTION, &x->change)) {
            x->stage = AWAIT_DISTRIBUTION;
        } else if (x->asked_ns + OPS_PATIENCE_NS < r->now_ns) {
            ops_fail(r, "busy", "distribution has had another change under way for 20 s");
            return true;
        }
        break;
    case AWAIT_DISTRIBUTION:
        if (ops_engine_answered(r, AGENT_DISTRIBUTION, &x->distribution_position))
            x->stage = ASK_ROUTING;
        break;
    case ASK_ROUTING:
        if (ops_ask_engine(r, AGENT_ROUTING, &x->change))
            x->stage = AWAIT_ROUTING;
        break;
    case AWAIT_ROUTING:
        if (ops_engine_answered(r, AGENT_ROUTING, &x->routing_position))
            x->stage = TELL;
        break;
    case TELL:
        tell_next(r, x);
        break;
    case AWAIT_TOLD:
        take_told(r, x);
        break;
    case APPLIED:
        if (!is_applied(r, x) && !why)
            break;
        if (!is_applied(r, x))
            ops_fail(r, "diverged", "it is in force, but the replica stands still and will not show it: %s",
                     why);
        reloaded(r, x);
        return true;
    }
    return false;
}

static void reload_then(struct ops_request *r)
{
    struct reload *x = r->going;
    x->asked_ns = r->now_ns;
    r->finishes = true;
    r->step = reload_step;
}
