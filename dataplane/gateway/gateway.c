/* The agent: one poll, and what all files of this room use: batches, lanes, room. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"

/* Batches
 * -------------------------------------------------------------------------------------------------------- */

void gateway_batch_begin(struct gateway *g, const struct lane_item *cause, uint64_t origin_time_ns)
{
    struct batch *b = ring_begin(g->ring, g->now_ns);
    b->origin_time_ns = origin_time_ns;
    if (cause) {
        b->cause_agent = cause->agent;
        b->cause_lane = cause->lane;
        b->cause = cause->position;
        b->cause_time_ns = cause->record.time_ns;
    }
    g->begun = false;
}

uint64_t gateway_record_done(struct gateway *g, const struct record *r)
{
    const struct batch *b = g->ring->open;
    if (!g->begun) {
        state_begin(g->state, b);
        g->begun = true;
    }
    state_apply(g->state, r);
    return batch_record_position(b, r);
}

void gateway_batch_end(struct gateway *g)
{
    if (g->ring->open->count == 0) {
        ring_abandon(g->ring);
        return;
    }
    assert(g->begun);
    state_end(g->state, ring_end(g->ring));
}

/* Lanes and room
 * ------------------------------------------------------------------------------------------------- */

struct lane *gateway_lane(const struct gateway *g, uint8_t dest, uint8_t subject)
{
    if (dest == AGENT_ROUTING)
        return g->config.order;
    if (dest != AGENT_DISTRIBUTION)
        return NULL;
    return subject == LANE_QUOTE ? g->config.quote : g->config.request;
}

uint8_t gateway_subject(uint8_t dest, uint32_t role)
{
    if (dest == AGENT_ROUTING)
        return LANE_ORDER;
    return role == ROLE_LP ? LANE_QUOTE : LANE_REQUEST;
}

bool gateway_ring_room(struct gateway *g, uint64_t bytes, enum gateway_class c)
{
    return ring_room(g->ring, bytes, class_reserve(g->ring->size, c));
}

bool gateway_lane_room(struct lane *l, uint64_t bytes, enum gateway_class c)
{
    return !l || lane_room(l, bytes, class_reserve(l->size, c));
}

struct channel *gateway_channel(struct gateway *g, uint32_t number)
{
    uint32_t index = number < SESSIONS_MAX ? g->by_number[number] : NO_INDEX;
    return index == NO_INDEX ? NULL : &g->channels[index];
}

/* What is in the lanes is in the ring: so the ring first. */
static void commit(struct gateway *g)
{
    ring_commit(g->ring);
    lane_commit(g->config.order);
    lane_commit(g->config.request);
    lane_commit(g->config.quote);
}

/* Poll
 * -----------------------------------------------------------------------------------------------------------
 */

static unsigned gateway_poll(void *self, uint64_t now_ns)
{
    struct gateway *g = self;
    g->now_ns = now_ns;
    if (g->start_next != g->start_end && !start_deliver(g))
        return 0;
    unsigned work = connection_left_overs(g);
    work += connection_events(g);
    commit(g);
    work += outbound_lane(g, g->config.from_routing);
    work += outbound_lane(g, g->config.from_distribution);
    work += channel_ticks(g);
    work += channel_upkeep(g);
    work += resend_poll(g);
    enum order_end order = operator_poll(g);
    commit(g);
    if (order == ORDER_ENDED)
        operator_answer(g);
    work += order == ORDER_ENDED;
    work += outbound_transmit(g);
    commit(g); /* when what was released left */
    work += connection_upkeep(g);
    if (!work)
        state_settle(g->state);
    return work;
}

struct agent gateway_agent(struct gateway *g)
{
    return (struct agent){.name = "gateway", .poll = gateway_poll, .warm = gateway_warm, .self = g};
}

/* Stop
 * -----------------------------------------------------------------------------------------------------------
 */

void gateway_stop(struct gateway *g, const char *text, uint64_t now_ns)
{
    (void)now_ns; /* the next poll does it, at its own time */
    if (atomic_load_explicit(&g->stopping, memory_order_relaxed))
        return;
    struct text t = text_in(g->stop_text, sizeof g->stop_text);
    text_add(&t, text);
    /* Pairs with the poll's acquire in channel_upkeep. */
    atomic_store_explicit(&g->stopping, true, memory_order_release);
}

bool gateway_stopped(const struct gateway *g)
{
    return atomic_load_explicit(&g->stopped, memory_order_acquire);
}

bool gateway_notice(struct gateway *g, struct gateway_notice *out)
{
    return notice_take(&g->notices, out);
}

static void earlier(uint64_t *deadline, uint64_t t)
{
    if (t < *deadline)
        *deadline = t;
}

uint64_t gateway_next_deadline(const struct gateway *g)
{
    uint64_t deadline = UINT64_MAX;
    if (g->start_next != g->start_end || g->left_over || g->down_due || g->resending || g->tick_next)
        return g->now_ns;
    if (atomic_load_explicit(&g->stopping, memory_order_relaxed) && !gateway_stopped(g))
        earlier(&deadline, g->upkeep_ns);
    for (uint32_t i = 0; i < g->channel_count; i++) {
        const struct channel *ch = &g->channels[i];
        if (ch->connection != NO_INDEX)
            earlier(&deadline, g->tick_ns);
        else if (ch->config.fix.initiator)
            earlier(&deadline, ch->reconnect_at_ns);
    }
    for (uint32_t i = 0; i < g->connection_count; i++) {
        const struct connection *c = &g->connections[i];
        if (c->handle == PORT_CONN_NONE)
            continue;
        if (c->closing)
            earlier(&deadline, c->close_by_ns);
        else if (c->channel == NO_INDEX)
            earlier(&deadline, c->opened_ns + GATEWAY_LOGON_NS);
    }
    return deadline;
}
