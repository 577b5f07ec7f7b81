#include "control/node.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/node_inside.h"
#include "dataplane/model/describe.h"

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

const struct node_ring_file node_ring_files[NODE_RINGS] = {{AGENT_GATEWAY, "gateway0.ring"},
                                                           {AGENT_DISTRIBUTION, "distribution.ring"},
                                                           {AGENT_ROUTING, "routing.ring"}};

static _Thread_local char error_text[512];

const char *node_error(void)
{
    return error_text;
}

enum err node_fail(enum err e, const char *what, const char *why)
{
    snprintf(error_text, sizeof error_text, "%s: %s", what, why ? why : err_text(e));
    return e;
}

/* Memory
 * ------------------------------------------------------------------------------------------------------------
 */

/* NODE_RINGS: it has none. */
static unsigned ring_number(uint8_t agent)
{
    unsigned i = 0;
    while (i < NODE_RINGS && node_ring_files[i].agent != agent)
        i++;
    return i;
}

static struct ring *ring_of(struct node *n, uint8_t agent)
{
    unsigned i = ring_number(agent);
    assert(i < NODE_RINGS);
    return &n->rings[i];
}

static void ring_path(const struct node *n, unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", n->config.config->shared, node_ring_files[i].file);
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
    return e == OK ? OK : node_fail(e, "states", NULL);
}

static enum err attach_rings(struct node *n)
{
    char path[CONFIG_PATH_SIZE + 32];
    if (mkdir(n->config.config->shared, 0700) != 0 && errno != EEXIST)
        return node_fail(ERR_IO, n->config.config->shared, strerror(errno));
    for (unsigned i = 0; i < NODE_RINGS; i++) {
        ring_path(n, i, path, sizeof path);
        enum err e = ring_open(&n->rings[i], path, node_ring_files[i].agent, &n->config.identity);
        n->ring_attached[i] = e == OK;
        if (e != OK && e != ERR_NOT_FOUND && e != ERR_STALE)
            return node_fail(e, path, NULL);
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
            uint8_t agent = node_ring_files[i].agent;
            ring_path(n, i, path, sizeof path);
            uint64_t size = agent == AGENT_GATEWAY ? c->ring_gateway_size : c->ring_engine_size;
            enum err e =
                ring_create(&n->rings[i], path, size, agent, &n->config.identity, n->result.position[agent]);
            if (e != OK)
                return node_fail(e, path, NULL);
            n->ring_attached[i] = true;
        }
        n->rings[i].on_commit = n->config.on_commit;
        n->rings[i].on_commit_ctx = n->config.on_commit_ctx;
    }
    return OK;
}

/* Agents
 * -----------------------------------------------------------------------------------------------------------------
 */

static enum err make_lanes(struct node *n)
{
    for (unsigned i = 0; i < NODE_LANES; i++) {
        enum err e = lane_create(&n->lanes[i], n->config.config->lane_size);
        if (e != OK)
            return node_fail(e, "lane", NULL);
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
    return e == OK ? OK : node_fail(e, "engines", NULL);
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
        return node_fail(ERR_MEMORY, "sessions", NULL);
    for (unsigned i = 0; i < c->session_count; i++) {
        const struct session *known = gateway_session_by_name(n->gateway_live, c->sessions[i].session.name);
        n->sessions[i] = c->sessions[i].session;
        n->sessions[i].number = known ? (uint32_t)(known->id - 1) : next++;
    }
    return next <= SESSIONS_MAX
               ? OK
               : node_fail(ERR_LIMIT, "sessions", "more than SESSIONS_MAX were ever configured");
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
    return e == OK ? OK : node_fail(e, "gateway", NULL);
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
    return e == OK ? OK : node_fail(e, "replica", replica_create_error());
}

const char *node_ring_name(unsigned i)
{
    return i < NODE_RINGS ? node_ring_files[i].file : NULL;
}

uint32_t node_session_number(const struct node *n, const char *name)
{
    for (unsigned i = 0; i < n->config.config->session_count; i++)
        if (strcmp(n->sessions[i].name, name) == 0)
            return n->sessions[i].number;
    return SESSION_NONE;
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
        return node_fail(ERR_MEMORY, "node", NULL);
    n->config = *c;
    memcpy(log.instance, c->identity.instance, sizeof log.instance);
    memcpy(log.boot, c->identity.boot, sizeof log.boot);
    enum err e = make_states(n, now_ns);
    if (e == OK) {
        e = log_open(&n->log, &log);
        if (e != OK)
            node_fail(e, "log", n->log ? log_error(n->log) : NULL);
    }
    if (e == OK)
        e = attach_rings(n);
    if (e == OK)
        e = node_recover(n);
    if (e == OK)
        e = make_rings(n);
    if (e == OK) {
        node_start_log(n);
        e = make_lanes(n);
    }
    if (e == OK)
        e = make_engines(n);
    if (e == OK)
        e = make_gateway(n);
    if (e == OK)
        e = make_replica(n);
    if (e == OK)
        e = node_start(n, now_ns);
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
    enum err e = node_complete_log(n);
    if (e != OK)
        return e;
    e = replica_checkpoint_now(n->replica);
    return e == OK ? OK : node_fail(e, "checkpoint", replica_error(n->replica));
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

const struct ring *node_ring(const struct node *n, uint8_t agent)
{
    unsigned i = ring_number(agent);
    return i < NODE_RINGS ? &n->rings[i] : NULL;
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
        *out = (struct node_queue){"ring", agent_name(node_ring_files[i].agent), "log", "", ring_used(r),
                                   r->size};
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
