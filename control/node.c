#include "control/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/model/describe.h"

/* Lanes of the house; one gateway. */
enum {
    GATEWAY_TO_ROUTING_ORDER,
    GATEWAY_TO_DISTRIBUTION_REQUEST,
    GATEWAY_TO_DISTRIBUTION_QUOTE,
    DISTRIBUTION_TO_GATEWAY,
    ROUTING_TO_GATEWAY,
    DISTRIBUTION_TO_ROUTING,
    ROUTING_TO_DISTRIBUTION,
    CLIENTS_TO_DISTRIBUTION,
    NODE_LANES
};

/* As operators see them. */
static const struct {
    const char *from, *to, *subject;
} lane_ends[NODE_LANES] = {
    [GATEWAY_TO_ROUTING_ORDER] = {"gateway", "routing", "order"},
    [GATEWAY_TO_DISTRIBUTION_REQUEST] = {"gateway", "distribution", "request"},
    [GATEWAY_TO_DISTRIBUTION_QUOTE] = {"gateway", "distribution", "quote"},
    [DISTRIBUTION_TO_GATEWAY] = {"distribution", "gateway", "engine"},
    [ROUTING_TO_GATEWAY] = {"routing", "gateway", "engine"},
    [DISTRIBUTION_TO_ROUTING] = {"distribution", "routing", "engine"},
    [ROUTING_TO_DISTRIBUTION] = {"routing", "distribution", "engine"},
    [CLIENTS_TO_DISTRIBUTION] = {"clients", "distribution", "request"},
};

static const struct {
    uint8_t agent;
    const char *file;
} ring_files[] = {{AGENT_GATEWAY, "gateway0.ring"},
                  {AGENT_DISTRIBUTION, "distribution.ring"},
                  {AGENT_ROUTING, "routing.ring"}};
#define NODE_RINGS (sizeof ring_files / sizeof *ring_files)

struct node {
    struct node_config config;
    struct ring rings[NODE_RINGS];
    bool ring_attached[NODE_RINGS];
    struct lane *lanes[NODE_LANES];
    struct distribution_state *distribution, *distribution_copy;
    struct routing_state *routing, *routing_copy;
    struct gateway_state *gateway_live, *gateway_copy;
    struct log *log;
    struct engine *engine_distribution, *engine_routing;
    struct gateway *gateway;
    struct replica *replica;
    struct gateway_session_config *sessions;
    struct lp *lps;
    struct taker *takers;
    struct node_recovery recovery;
    struct recovery_result result;
};

static _Thread_local char error_text[512];

const char *node_error(void)
{
    return error_text;
}

static enum err fail(enum err e, const char *what, const char *why)
{
    snprintf(error_text, sizeof error_text, "%s: %s", what, why ? why : err_text(e));
    return e;
}

/* Memory
 * ------------------------------------------------------------------------------------------------------------
 */

static struct ring *ring_of(struct node *n, uint8_t agent)
{
    for (unsigned i = 0; i < NODE_RINGS; i++)
        if (ring_files[i].agent == agent)
            return &n->rings[i];
    return NULL;
}

static void ring_path(const struct node *n, unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", n->config.config->shared, ring_files[i].file);
}

static enum err make_states(struct node *n, uint64_t now_ns)
{
    const struct settings *s = &n->config.config->settings;
    enum err e = distribution_state_create(&n->distribution, s, true, false, now_ns);
    if (e == OK)
        e = distribution_state_create(&n->distribution_copy, s, false, true, now_ns);
    if (e == OK)
        e = routing_state_create(&n->routing, s, true, false, now_ns);
    if (e == OK)
        e = routing_state_create(&n->routing_copy, s, false, true, now_ns);
    if (e == OK)
        e = gateway_state_create(&n->gateway_live, AGENT_GATEWAY, false);
    if (e == OK)
        e = gateway_state_create(&n->gateway_copy, AGENT_GATEWAY, true);
    return e == OK ? OK : fail(e, "states", NULL);
}

static enum err attach_rings(struct node *n)
{
    char path[CONFIG_PATH_SIZE + 32];
    if (mkdir(n->config.config->shared, 0700) != 0 && errno != EEXIST)
        return fail(ERR_IO, n->config.config->shared, strerror(errno));
    for (unsigned i = 0; i < NODE_RINGS; i++) {
        ring_path(n, i, path, sizeof path);
        enum err e = ring_open(&n->rings[i], path, ring_files[i].agent, &n->config.identity);
        n->ring_attached[i] = e == OK;
        if (e != OK && e != ERR_NOT_FOUND && e != ERR_STALE)
            return fail(e, path, NULL);
    }
    return OK;
}

/* Rings that did not count are made anew where the log ends. */
static enum err make_rings(struct node *n)
{
    char path[CONFIG_PATH_SIZE + 32];
    const struct config *c = n->config.config;
    for (unsigned i = 0; i < NODE_RINGS; i++) {
        if (n->result.power_cut &&
            n->ring_attached[i]) { /* another is missing: what caused these may be lost */
            ring_close(&n->rings[i]);
            n->ring_attached[i] = false;
        }
        if (!n->ring_attached[i]) {
            uint8_t agent = ring_files[i].agent;
            ring_path(n, i, path, sizeof path);
            uint64_t size = agent == AGENT_GATEWAY ? c->ring_gateway_size : c->ring_engine_size;
            enum err e =
                ring_create(&n->rings[i], path, size, agent, &n->config.identity, n->result.position[agent]);
            if (e != OK)
                return fail(e, path, NULL);
            n->ring_attached[i] = true;
        }
        n->rings[i].on_commit = n->config.on_commit;
        n->rings[i].on_commit_ctx = n->config.on_commit_ctx;
    }
    return OK;
}

/* Recovery
 * ------------------------------------------------------------------------------------------------------------
 */

static void recovery_of(struct node *n, struct recovery_input *in)
{
    memset(in, 0, sizeof *in);
    in->store = n->config.store;
    in->log = n->log;
    in->states[AGENT_DISTRIBUTION] = &n->distribution->base;
    in->states[AGENT_ROUTING] = &n->routing->base;
    in->states[AGENT_GATEWAY] = &n->gateway_live->base;
    for (unsigned i = 0; i < NODE_RINGS; i++)
        in->rings[ring_files[i].agent] = n->ring_attached[i] ? &n->rings[i] : NULL;
}

static enum err recover(struct node *n)
{
    struct recovery_input in;
    recovery_of(n, &in);
    enum err e = recovery_run(&in, &n->result);
    if (e != OK)
        return fail(e, "recovery", n->result.error);
    n->recovery.power_cut = n->result.power_cut;
    n->recovery.first_start = n->result.next_seq <= 1 && n->result.batches == 0;
    n->recovery.frames = n->result.frames;
    n->recovery.batches = n->result.batches;
    if (n->config.on_recovered)
        n->config.on_recovered(n->config.on_commit_ctx, n);
    return OK;
}

static void start_log(struct node *n)
{
    struct log_source sources[AGENTS_MAX];
    memset(sources, 0, sizeof sources);
    for (unsigned i = 0; i < NODE_RINGS; i++) {
        uint8_t agent = ring_files[i].agent;
        sources[agent].ring = &n->rings[i];
        sources[agent].merged = n->result.merged[agent];
    }
    log_start(n->log, sources, n->result.next_seq);
}

static struct lane *lane_from(struct node *n, uint8_t writer, uint8_t dest)
{
    if (writer == AGENT_DISTRIBUTION)
        return n->lanes[dest == AGENT_ROUTING ? DISTRIBUTION_TO_ROUTING : DISTRIBUTION_TO_GATEWAY];
    return n->lanes[dest == AGENT_DISTRIBUTION ? ROUTING_TO_DISTRIBUTION : ROUTING_TO_GATEWAY];
}

/* Everything addressed and not consumed goes into its lane again. It came out of lanes of the same size, so
 * it fits. */
static enum err redeliver(struct node *n)
{
    struct recovery_input in;
    struct recovery_cursor *cursor;
    recovery_of(n, &in);
    enum err e = recovery_pending_open(&cursor, &in, &n->result);
    if (e != OK)
        return fail(e, "recovery of what was under way", NULL);
    const struct record *r;
    uint8_t writer;
    uint64_t position, origin_ns;
    while ((r = recovery_pending_peek(cursor, &writer, &position, &origin_ns)) != NULL) {
        bool put;
        if (writer >= AGENT_GATEWAY)
            put = gateway_redeliver(n->gateway, r, position, origin_ns);
        else
            put = lane_put(lane_from(n, writer, r->dest), writer, r->lane, position, origin_ns, r, 0);
        if (!put) {
            recovery_pending_close(cursor);
            return fail(ERR_FULL, "recovery of what was under way",
                        "a lane is full: lanes may not shrink at a restart");
        }
        n->recovery.redelivered++;
        recovery_pending_next(cursor);
    }
    recovery_pending_close(cursor);
    for (unsigned i = 0; i < NODE_LANES; i++)
        lane_commit(n->lanes[i]);
    return OK;
}

static void restore_sent(void *ctx, const struct gateway_out *sent)
{
    gateway_restore_sent(ctx, sent);
}

/* Agents
 * -----------------------------------------------------------------------------------------------------------------
 */

static enum err make_lanes(struct node *n)
{
    for (unsigned i = 0; i < NODE_LANES; i++) {
        enum err e = lane_create(&n->lanes[i], n->config.config->lane_size);
        if (e != OK)
            return fail(e, "lane", NULL);
    }
    return OK;
}

static enum err make_engines(struct node *n)
{
    struct engine_config d = {.agent = AGENT_DISTRIBUTION,
                              .ring = ring_of(n, AGENT_DISTRIBUTION),
                              .state = &n->distribution->base,
                              .counters = n->config.counters,
                              .digest_every_batches = n->config.config->digest_every_batches};
    d.inputs[0] = (struct engine_input){n->lanes[ROUTING_TO_DISTRIBUTION], AGENT_ROUTING, LANE_ENGINE};
    d.inputs[1] =
        (struct engine_input){n->lanes[GATEWAY_TO_DISTRIBUTION_REQUEST], AGENT_GATEWAY, LANE_REQUEST};
    d.inputs[2] = (struct engine_input){n->lanes[GATEWAY_TO_DISTRIBUTION_QUOTE], AGENT_GATEWAY, LANE_QUOTE};
    d.inputs[3] = (struct engine_input){n->lanes[CLIENTS_TO_DISTRIBUTION], AGENT_NONE, LANE_REQUEST};
    d.input_count = 4;
    d.out[AGENT_GATEWAY] = n->lanes[DISTRIBUTION_TO_GATEWAY];
    d.out[AGENT_ROUTING] = n->lanes[DISTRIBUTION_TO_ROUTING];
    enum err e = engine_create(&n->engine_distribution, &d);

    struct engine_config r = {.agent = AGENT_ROUTING,
                              .ring = ring_of(n, AGENT_ROUTING),
                              .state = &n->routing->base,
                              .counters = n->config.counters,
                              .digest_every_batches = n->config.config->digest_every_batches};
    r.inputs[0] = (struct engine_input){n->lanes[DISTRIBUTION_TO_ROUTING], AGENT_DISTRIBUTION, LANE_ENGINE};
    r.inputs[1] = (struct engine_input){n->lanes[GATEWAY_TO_ROUTING_ORDER], AGENT_GATEWAY, LANE_ORDER};
    r.input_count = 2;
    r.out[AGENT_GATEWAY] = n->lanes[ROUTING_TO_GATEWAY];
    r.out[AGENT_DISTRIBUTION] = n->lanes[ROUTING_TO_DISTRIBUTION];
    if (e == OK)
        e = engine_create(&n->engine_routing, &r);
    return e == OK ? OK : fail(e, "engines", NULL);
}

/* A session keeps its number by its name; a new one gets the next that is free. */
static enum err number_sessions(struct node *n)
{
    const struct config *c = n->config.config;
    uint32_t next = 0;
    while (gateway_session(n->gateway_live, next))
        next++;
    n->sessions = calloc(c->session_count ? c->session_count : 1, sizeof *n->sessions);
    if (!n->sessions)
        return fail(ERR_MEMORY, "sessions", NULL);
    for (unsigned i = 0; i < c->session_count; i++) {
        const struct session *known = gateway_session_by_name(n->gateway_live, c->sessions[i].session.name);
        n->sessions[i] = c->sessions[i].session;
        n->sessions[i].number = known ? (uint32_t)(known->id - 1) : next++;
    }
    return next <= SESSIONS_MAX ? OK
                                : fail(ERR_LIMIT, "sessions", "more than SESSIONS_MAX were ever configured");
}

static enum err make_gateway(struct node *n)
{
    const struct config *c = n->config.config;
    enum err e = number_sessions(n);
    if (e != OK)
        return e;
    struct gateway_config g = {
        .agent = AGENT_GATEWAY,
        .ring = ring_of(n, AGENT_GATEWAY),
        .state = n->gateway_live,
        .port = n->config.port,
        .order = n->lanes[GATEWAY_TO_ROUTING_ORDER],
        .request = n->lanes[GATEWAY_TO_DISTRIBUTION_REQUEST],
        .quote = n->lanes[GATEWAY_TO_DISTRIBUTION_QUOTE],
        .from_distribution = n->lanes[DISTRIBUTION_TO_GATEWAY],
        .from_routing = n->lanes[ROUTING_TO_GATEWAY],
        .listen = c->has_listen ? &c->listen : NULL,
        .sessions = n->sessions,
        .session_count = c->session_count,
        .resend_store_size = (uint32_t)c->resend_store_size,
        .counters = n->config.counters,
        .clock = n->config.clock,
        .log_stalled = log_stalled,
        .log = n->log,
    };
    e = gateway_create(&n->gateway, &g);
    return e == OK ? OK : fail(e, "gateway", NULL);
}

static enum err make_replica(struct node *n)
{
    const struct config *c = n->config.config;
    struct replica_config r = {
        .log = n->log,
        .store = n->config.store,
        .distribution = n->distribution_copy,
        .routing = n->routing_copy,
        .gateways = {n->gateway_copy},
        .gateway_count = 1,
        .log_offset = n->result.log_offset,
        .next_seq = n->result.next_seq,
        .checkpoint_interval_ns = c->checkpoint_interval_ns,
        .checkpoint_events = c->checkpoint_events,
        .retention_ns = c->retention_ns,
        .sent_max = (uint32_t)c->sent_messages,
        .durable_only = c->level == LEVEL_SYNCED,
        .own_thread = n->config.own_thread,
        .counters = n->config.counters,
    };
    enum err e = replica_create(&n->replica, &r);
    return e == OK ? OK : fail(e, "replica", replica_create_error());
}

uint32_t node_session_number(const struct node *n, const char *name)
{
    for (unsigned i = 0; i < n->config.config->session_count; i++)
        if (strcmp(n->sessions[i].name, name) == 0)
            return n->sessions[i].number;
    return SESSION_NONE;
}

/* Each user acts as the taker of its name: one without a session, where configuration has none with one. */
static unsigned add_users(struct node *n, unsigned count)
{
    const struct config *c = n->config.config;
    for (unsigned i = 0; i < c->user_count; i++) {
        const struct config_user *u = &c->users[i];
        unsigned j = 0;
        while (j < c->taker_count && strcmp(c->takers[j].taker.code, u->name) != 0)
            j++;
        if (j < c->taker_count)
            continue;
        struct taker *t = &n->takers[count++];
        memcpy(t->code, u->name, sizeof t->code);
        t->tenant = config_tenant_named(c, u->tenant)->number;
        t->session = SESSION_NONE;
        t->gateway = AGENT_NONE;
    }
    return count;
}

/* What was ever known keeps its place: new names must find one. */
static enum err check_names(const struct node *n, const struct engine_setup *setup)
{
    struct engine_names names = engine_names(n->distribution, setup);
    char text[200];
    if (names.instruments <= INSTRUMENTS_MAX && names.lps <= LPS_MAX && names.takers <= SESSIONS_MAX)
        return OK;
    snprintf(text, sizeof text,
             "too many names, with those that were ever known: %u instruments of %u, %u LPs of %u, %u takers of %u",
             names.instruments, INSTRUMENTS_MAX, names.lps, LPS_MAX, names.takers, SESSIONS_MAX);
    return fail(ERR_LIMIT, "configuration", text);
}

static enum err start_engines(struct node *n, uint64_t now_ns)
{
    const struct config *c = n->config.config;
    n->lps = calloc(c->lp_count + 1, sizeof *n->lps);
    n->takers = calloc(c->taker_count + c->user_count + 1, sizeof *n->takers);
    if (!n->lps || !n->takers)
        return fail(ERR_MEMORY, "engines", NULL);
    for (unsigned i = 0; i < c->lp_count; i++) {
        n->lps[i] = c->lps[i].lp;
        n->lps[i].session = node_session_number(n, c->lps[i].session);
        n->lps[i].gateway = AGENT_GATEWAY;
    }
    for (unsigned i = 0; i < c->taker_count; i++) {
        n->takers[i] = c->takers[i].taker;
        n->takers[i].session = node_session_number(n, c->takers[i].session);
        n->takers[i].gateway = AGENT_GATEWAY;
    }
    unsigned taker_count = add_users(n, c->taker_count);
    struct engine_setup setup = {.settings = c->settings,
                                 .instruments = c->instruments,
                                 .instrument_count = c->instrument_count,
                                 .lps = n->lps,
                                 .lp_count = c->lp_count,
                                 .takers = n->takers,
                                 .taker_count = taker_count};
    enum err e = check_names(n, &setup);
    if (e != OK)
        return e;
    engine_start(n->engine_distribution, &setup, now_ns);
    engine_start(n->engine_routing, &setup, now_ns);
    return OK;
}

/* All that is committed, durable. */
static enum err complete_log(struct node *n)
{
    enum err e = log_flush(n->log);
    if (e == OK)
        return OK;
    return fail(e, "log", log_failed(n->log) ? log_error(n->log) : log_stalled(n->log));
}

/* The order matters:
 *   1. states from store, log and rings;
 *   2. the new epoch of ids, durable before anybody can see an id of it;
 *   3. what was under way goes into its lanes, before anything newer;
 *   4. the gateway says which sessions the crash took down, listens, and connects; durable before it is
 * polled.
 */
static enum err start(struct node *n, uint64_t now_ns)
{
    struct recovery_input in;
    enum err e = start_engines(n, now_ns);
    if (e == OK)
        e = complete_log(n);
    if (e != OK)
        return e;
    /* before anything is redelivered: a Reject on its way names a message that was sent, by its number */
    recovery_of(n, &in);
    e = recovery_sent(&in, &n->result, (uint32_t)n->config.config->resend_store_size, restore_sent,
                      n->gateway);
    if (e != OK)
        return fail(e, "messages sent", NULL);
    e = redeliver(n);
    if (e != OK)
        return e;
    e = gateway_start(n->gateway, now_ns, n->recovery.power_cut ? OUT_NUMBERS_AHEAD_MAX : 0);
    if (e != OK)
        return fail(e, "gateway", "cannot listen");
    /* Sessions and the numbers that a power cut made us skip are durable before a byte is sent under them. */
    return complete_log(n);
}

enum err node_open(struct node **out, const struct node_config *c, uint64_t now_ns)
{
    struct log_config log = {.disk = c->disk,
                             .segment_size = c->config->log_segment_size,
                             .sync_interval_ns = c->config->log_sync_interval_ns,
                             .retain_size = c->config->log_retain_size,
                             .counters = c->counters};
    struct node *n = *out = calloc(1, sizeof *n);
    if (!n)
        return fail(ERR_MEMORY, "node", NULL);
    n->config = *c;
    memcpy(log.instance, c->identity.instance, sizeof log.instance);
    memcpy(log.boot, c->identity.boot, sizeof log.boot);
    enum err e = make_states(n, now_ns);
    if (e == OK) {
        e = log_open(&n->log, &log);
        if (e != OK)
            fail(e, "log", n->log ? log_error(n->log) : NULL);
    }
    if (e == OK)
        e = attach_rings(n);
    if (e == OK)
        e = recover(n);
    if (e == OK)
        e = make_rings(n);
    if (e == OK) {
        start_log(n);
        e = make_lanes(n);
    }
    if (e == OK)
        e = make_engines(n);
    if (e == OK)
        e = make_gateway(n);
    if (e == OK)
        e = make_replica(n);
    if (e == OK)
        e = start(n, now_ns);
    if (e != OK) {
        node_close(n);
        *out = NULL;
    }
    return e;
}

static void state_free(struct state *s)
{
    if (s)
        s->destroy(s);
}

void node_close(struct node *n)
{
    if (!n)
        return;
    if (n->replica)
        replica_destroy(n->replica);
    if (n->gateway)
        gateway_destroy(n->gateway);
    if (n->engine_distribution)
        engine_destroy(n->engine_distribution);
    if (n->engine_routing)
        engine_destroy(n->engine_routing);
    if (n->log)
        log_close(n->log);
    for (unsigned i = 0; i < NODE_LANES; i++)
        if (n->lanes[i])
            lane_destroy(n->lanes[i]);
    for (unsigned i = 0; i < NODE_RINGS; i++)
        if (n->ring_attached[i])
            ring_close(&n->rings[i]);
    state_free(n->distribution ? &n->distribution->base : NULL);
    state_free(n->distribution_copy ? &n->distribution_copy->base : NULL);
    state_free(n->routing ? &n->routing->base : NULL);
    state_free(n->routing_copy ? &n->routing_copy->base : NULL);
    state_free(n->gateway_live ? &n->gateway_live->base : NULL);
    state_free(n->gateway_copy ? &n->gateway_copy->base : NULL);
    free(n->sessions);
    free(n->lps);
    free(n->takers);
    free(n);
}

/* The rest
 * ---------------------------------------------------------------------------------------------------------------
 */

struct agent node_agent(struct node *n, enum node_agent which)
{
    switch (which) {
    case NODE_GATEWAY:
        return gateway_agent(n->gateway);
    case NODE_DISTRIBUTION:
        return engine_agent(n->engine_distribution);
    case NODE_ROUTING:
        return engine_agent(n->engine_routing);
    case NODE_LOG:
        return log_agent(n->log);
    case NODE_REPLICA:
    case NODE_AGENTS:
        break;
    }
    return replica_agent(n->replica);
}

const struct node_recovery *node_recovery(const struct node *n)
{
    return &n->recovery;
}

void node_stop_begin(struct node *n, const char *text, uint64_t now_ns)
{
    gateway_stop(n->gateway, text, now_ns);
}

bool node_stopped(const struct node *n)
{
    return gateway_stopped(n->gateway);
}

enum err node_finish(struct node *n)
{
    enum err e = complete_log(n);
    if (e != OK)
        return e;
    e = replica_checkpoint_now(n->replica);
    return e == OK ? OK : fail(e, "checkpoint", replica_error(n->replica));
}

struct replica *node_replica(const struct node *n)
{
    return n->replica;
}

struct lane *node_client_lane(const struct node *n)
{
    return n->lanes[CLIENTS_TO_DISTRIBUTION];
}

struct log *node_log(const struct node *n)
{
    return n->log;
}

struct store *node_store(const struct node *n)
{
    return n->config.store;
}

struct state *node_state(const struct node *n, uint8_t agent)
{
    switch (agent) {
    case AGENT_DISTRIBUTION:
        return &n->distribution->base;
    case AGENT_ROUTING:
        return &n->routing->base;
    case AGENT_GATEWAY:
        return &n->gateway_live->base;
    default:
        return NULL;
    }
}

struct ring *node_ring(const struct node *n, uint8_t agent)
{
    for (unsigned i = 0; i < NODE_RINGS; i++)
        if (ring_files[i].agent == agent)
            return &((struct node *)(uintptr_t)n)->rings[i];
    return NULL;
}

struct gateway *node_gateway(const struct node *n)
{
    return n->gateway;
}

struct engine *node_engine(const struct node *n, uint8_t agent)
{
    return agent == AGENT_ROUTING ? n->engine_routing : n->engine_distribution;
}

bool node_queue_at(const struct node *n, unsigned i, struct node_queue *out)
{
    if (i < NODE_RINGS) {
        const struct ring *r = &n->rings[i];
        *out = (struct node_queue){"ring", agent_name(ring_files[i].agent), "log", "", ring_used(r), r->size};
        return true;
    }
    i -= (unsigned)NODE_RINGS;
    if (i >= NODE_LANES)
        return false;
    *out = (struct node_queue){
        "lane",           lane_ends[i].from, lane_ends[i].to, lane_ends[i].subject, lane_used(n->lanes[i]),
        n->lanes[i]->size};
    return true;
}

uint64_t node_next_deadline(const struct node *n)
{
    uint64_t next = gateway_next_deadline(n->gateway);
    uint64_t d = engine_next_deadline(n->engine_distribution), r = engine_next_deadline(n->engine_routing);
    if (d < next)
        next = d;
    return r < next ? r : next;
}
