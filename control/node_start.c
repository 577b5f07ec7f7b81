#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/node_inside.h"

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
        in->rings[node_ring_files[i].agent] = n->ring_attached[i] ? &n->rings[i] : NULL;
}

enum err node_recover(struct node *n)
{
    struct recovery_input in;
    recovery_of(n, &in);
    enum err e = recovery_run(&in, &n->result);
    if (e != OK)
        return node_fail(e, "recovery", n->result.error);
    n->recovery.power_cut = n->result.power_cut;
    n->recovery.first_start = n->result.next_seq <= 1 && n->result.batches == 0;
    n->recovery.frames = n->result.frames;
    n->recovery.batches = n->result.batches;
    if (n->config.on_recovered)
        n->config.on_recovered(n->config.on_commit_ctx, n);
    return OK;
}

void node_start_log(struct node *n)
{
    struct log_source sources[AGENTS_MAX];
    memset(sources, 0, sizeof sources);
    for (unsigned i = 0; i < NODE_RINGS; i++) {
        uint8_t agent = node_ring_files[i].agent;
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
        return node_fail(e, "recovery of what was under way", NULL);
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
            return node_fail(ERR_FULL, "recovery of what was under way",
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

/* Start
 * ---------------------------------------------------------------------------------------------------------------
 */

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
             "too many names, with those that were ever known: %u instruments of %u, %u LPs of %u, %u takers "
             "of %u",
             names.instruments, INSTRUMENTS_MAX, names.lps, LPS_MAX, names.takers, SESSIONS_MAX);
    return node_fail(ERR_LIMIT, "configuration", text);
}

static enum err start_engines(struct node *n, uint64_t now_ns)
{
    const struct config *c = n->config.config;
    n->lps = calloc(c->lp_count + 1, sizeof *n->lps);
    n->takers = calloc(c->taker_count + c->user_count + 1, sizeof *n->takers);
    if (!n->lps || !n->takers)
        return node_fail(ERR_MEMORY, "engines", NULL);
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

enum err node_complete_log(struct node *n)
{
    enum err e = log_flush(n->log);
    if (e == OK)
        return OK;
    return node_fail(e, "log", log_failed(n->log) ? log_error(n->log) : log_stalled(n->log));
}

/* errno says why an address is not to be had. */
static enum err start_failed(const struct node *n, enum err e)
{
    const struct sockaddr_in *at = &n->config.config->listen;
    char ip[INET_ADDRSTRLEN] = "", text[160];
    const char *why = e == ERR_IO ? strerror(errno) : err_text(e);
    inet_ntop(AF_INET, &at->sin_addr, ip, sizeof ip);
    snprintf(text, sizeof text, "cannot listen on %s:%u: %s", ip, (unsigned)ntohs(at->sin_port), why);
    return node_fail(e, "gateway", text);
}

/* The order matters:
 *   1. states from store, log and rings;
 *   2. the new epoch of ids, durable before anybody can see an id of it;
 *   3. what was under way goes into its lanes, before anything newer;
 *   4. the gateway says which sessions the crash took down, listens, and connects; durable before it is
 * polled.
 */
enum err node_start(struct node *n, uint64_t now_ns)
{
    struct recovery_input in;
    enum err e = start_engines(n, now_ns);
    if (e == OK)
        e = node_complete_log(n);
    if (e != OK)
        return e;
    /* before anything is redelivered: a Reject on its way names a message that was sent, by its number */
    recovery_of(n, &in);
    e = recovery_sent(&in, &n->result, (uint32_t)n->config.config->resend_store_size, restore_sent,
                      n->gateway);
    if (e != OK)
        return node_fail(e, "messages sent", NULL);
    e = redeliver(n);
    if (e != OK)
        return e;
    e = gateway_start(n->gateway, now_ns, n->recovery.power_cut ? OUT_NUMBERS_AHEAD_MAX : 0);
    if (e != OK)
        return start_failed(n, e);
    /* Sessions and the numbers that a power cut made us skip are durable before a byte is sent under them. */
    return node_complete_log(n);
}
