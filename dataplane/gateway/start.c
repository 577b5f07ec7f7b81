/* Create, restore, start, redeliver: what happens before polling. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/memory.h"
#include "fix/fix_dict.h"

#define RECONNECT_FIRST_NS  1000000000ull
#define RECONNECT_MAX_NS    30000000000ull
#define START_BATCH_RECORDS 64u /* of one batch at start */

static enum err channel_create(struct gateway *g, uint32_t index, const struct gateway_session_config *c,
                               uint32_t store_size)
{
    struct channel *ch = &g->channels[index];
    ch->config = *c;
    ch->index = index;
    ch->connection = NO_INDEX;
    if (ch->config.reconnect_first_ns == 0)
        ch->config.reconnect_first_ns = RECONNECT_FIRST_NS;
    if (ch->config.reconnect_max_ns < ch->config.reconnect_first_ns)
        ch->config.reconnect_max_ns = RECONNECT_MAX_NS > ch->config.reconnect_first_ns
                                          ? RECONNECT_MAX_NS
                                          : ch->config.reconnect_first_ns;
    ch->reconnect_delay_ns = ch->config.reconnect_first_ns;
    ch->durable = gateway_session(g->config.state, c->number);
    fix_session_init(&ch->fix, &ch->config.fix);
    fix_session_keep(&ch->fix, g->kept_buffers + (size_t)index * FIX_KEPT_SIZE, FIX_KEPT_SIZE);
    enum err e = sent_create(&ch->sent, store_size);
    if (e)
        return e;
    g->by_number[c->number] = index;
    return OK;
}

static bool same_pair(const struct gateway_session_config *a, const struct gateway_session_config *b)
{
    return strcmp(a->fix.sender, b->fix.sender) == 0 && strcmp(a->fix.target, b->fix.target) == 0;
}

static enum err check_sessions(const struct gateway_config *c)
{
    if (c->session_count > SESSIONS_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < c->session_count; i++) {
        const struct gateway_session_config *s = &c->sessions[i];
        if (s->number >= SESSIONS_MAX)
            return ERR_LIMIT;
        for (unsigned j = 0; j < i; j++)
            if (c->sessions[j].number == s->number || same_pair(&c->sessions[j], s))
                return ERR_EXISTS;
    }
    return OK;
}

static enum err connections_create(struct gateway *g, unsigned session_count)
{
    g->connection_count = session_count + GATEWAY_SPARE_CONNECTIONS;
    g->connections = memory_take(g->connection_count * sizeof *g->connections);
    g->receive_buffers_size = (size_t)g->connection_count * GATEWAY_RECEIVE_SIZE;
    g->receive_buffers = memory_take(g->receive_buffers_size);
    g->by_handle_mask = 63;
    while (g->by_handle_mask < 4 * g->connection_count)
        g->by_handle_mask = g->by_handle_mask * 2 + 1;
    g->by_handle = memory_take((g->by_handle_mask + 1) * sizeof *g->by_handle);
    if (!g->connections || !g->receive_buffers || !g->by_handle)
        return ERR_MEMORY;
    g->connection_free = NO_INDEX;
    for (uint32_t i = g->connection_count; i-- > 0;) {
        struct connection *c = &g->connections[i];
        c->handle = PORT_CONN_NONE;
        c->channel = NO_INDEX;
        c->buffer = g->receive_buffers + (size_t)i * GATEWAY_RECEIVE_SIZE;
        c->next_free = g->connection_free;
        g->connection_free = i;
    }
    return OK;
}

static enum err parts_create(struct gateway *g, const struct gateway_config *c)
{
    enum err e = connections_create(g, c->session_count);
    if (e)
        return e;
    g->channels = memory_take(c->session_count * sizeof *g->channels);
    g->dirty = memory_take(c->session_count * sizeof *g->dirty);
    g->kept_buffers = memory_take((size_t)c->session_count * FIX_KEPT_SIZE);
    if (!g->channels || !g->dirty || !g->kept_buffers)
        return ERR_MEMORY;
    for (; g->channel_count < c->session_count; g->channel_count++) {
        e = channel_create(g, g->channel_count, &c->sessions[g->channel_count], c->resend_store_size);
        if (e)
            return e;
    }
    g->msg.shapes = &g->shapes;
    count_create(g, c->counters);
    return OK;
}

enum err gateway_create(struct gateway **out, const struct gateway_config *c)
{
    assert(c->agent >= AGENT_GATEWAY && c->agent < AGENTS_MAX && c->ring->agent == c->agent);
    assert(c->order && c->request && c->quote && c->from_distribution && c->from_routing);
    *out = NULL;
    enum err e = check_sessions(c);
    if (e)
        return e;
    struct gateway *g = memory_take(sizeof *g);
    if (!g)
        return ERR_MEMORY;
    g->config = *c;
    g->ring = c->ring;
    g->state = &c->state->base;
    g->port = c->port;
    g->listening = c->listen != NULL;
    if (c->listen)
        g->listen = *c->listen;
    memset(g->by_number, 0xff, sizeof g->by_number);
    e = parts_create(g, c);
    if (e) {
        gateway_destroy(g);
        return e;
    }
    for (uint32_t i = 0; i < g->channel_count; i++)
        if (g->channels[i].durable)
            sent_reset(&g->channels[i].sent, 1);
    g->config.sessions = NULL;
    g->config.listen = NULL;
    *out = g;
    return OK;
}

void gateway_destroy(struct gateway *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; i < g->channel_count; i++)
        sent_destroy(&g->channels[i].sent);
    memory_give(g->channels, g->config.session_count * sizeof *g->channels);
    memory_give(g->dirty, g->config.session_count * sizeof *g->dirty);
    memory_give(g->kept_buffers, (size_t)g->config.session_count * FIX_KEPT_SIZE);
    memory_give(g->connections, g->connection_count * sizeof *g->connections);
    memory_give(g->receive_buffers, g->receive_buffers_size);
    memory_give(g->by_handle, (g->by_handle_mask + 1) * sizeof *g->by_handle);
    memory_give(g, sizeof *g);
}

void gateway_restore_sent(struct gateway *g, const struct gateway_out *sent)
{
    struct channel *ch = gateway_channel(g, sent->head.session);
    if (!ch || !ch->durable || sent->generation != ch->durable->generation || sent->resend_of ||
        sent->seq < ch->sent.next)
        return;
    struct sent_entry *e = sent_put(&ch->sent, sent->seq, UINT64_MAX, sent->bytes, sent->size);
    if (!e)
        return;
    if (sent->kind == FIX_MSG_Logon)
        ch->connections++;
    e->connection = ch->connections;
    e->kind = sent->kind;
    e->admin = sent->admin != 0;
    e->first_sent_ns = sent->head.time_ns;
    e->out = sent->out;
    /* The present tail is at or past its record: what was restored may not be durable yet. */
    e->ring_end = g->ring->write;
}

/* Start
 * ----------------------------------------------------------------------------------------------------------
 */

static void batch_turn(struct gateway *g)
{
    if (g->ring->open->count < START_BATCH_RECORDS)
        return;
    gateway_batch_end(g);
    gateway_batch_begin(g, NULL, 0);
}

static bool is_known(const struct channel *ch)
{
    const struct session *d = ch->durable;
    const struct gateway_session_config *c = &ch->config;
    return d && d->role == (uint32_t)c->role && strncmp(d->name, c->name, sizeof d->name) == 0 &&
           strncmp(d->sender, c->fix.sender, sizeof d->sender) == 0 &&
           strncmp(d->target, c->fix.target, sizeof d->target) == 0;
}

/* Zero padded, whatever the configuration has behind its text. */
static void copy_name(char out[ID_TEXT_SIZE], const char *name)
{
    memset(out, 0, ID_TEXT_SIZE);
    memcpy(out, name, strnlen(name, ID_TEXT_SIZE - 1));
}

static void set_session(struct gateway *g, const struct channel *ch)
{
    struct gateway_session_set *ev = (void *)record_add(g->ring, RECORD_GATEWAY_SESSION_SET, sizeof *ev);
    const struct gateway_session_config *c = &ch->config;
    ev->head.session = c->number;
    if (ch->durable)
        memcpy(&ev->session, ch->durable, offsetof(struct session, transient));
    else
        ev->session = (struct session){.id = (uint64_t)c->number + 1,
                                       .state = SESSION_DOWN,
                                       .generation = 1,
                                       .next_in = 1,
                                       .next_out = 1,
                                       .changed_ns = g->now_ns};
    static_assert(sizeof ev->session.name == sizeof c->name &&
                      sizeof ev->session.sender == sizeof c->fix.sender,
                  "one size of names");
    copy_name(ev->session.name, c->name);
    copy_name(ev->session.sender, c->fix.sender);
    copy_name(ev->session.target, c->fix.target);
    ev->session.role = c->role;
    gateway_record_done(g, &ev->head);
}

/* Sessions that the state holds for up, also those that the configuration has no more. */
static void down_sessions(struct gateway *g)
{
    struct table *t = g->config.state->sessions;
    for (uint32_t slot = 0; slot < table_slots(t); slot++) {
        const struct session *s = table_at(t, slot);
        if (!s || s->state == SESSION_DOWN)
            continue;
        notice_down(&g->notices, (uint32_t)(s->id - 1), false, "rfqd had ended without a Logout");
        uint8_t dests[] = {AGENT_ROUTING, AGENT_DISTRIBUTION};
        for (unsigned i = 0; i < 2; i++) {
            struct gateway_session_state *ev =
                (void *)record_add(g->ring, RECORD_GATEWAY_SESSION_STATE, sizeof *ev);
            ev->head.session = (uint32_t)(s->id - 1);
            ev->head.dest = dests[i];
            ev->head.lane = gateway_subject(dests[i], s->role);
            ev->state = SESSION_DOWN;
            ev->role = s->role;
            gateway_record_done(g, &ev->head);
        }
        batch_turn(g);
    }
}

enum err gateway_start(struct gateway *g, uint64_t now_ns, uint64_t reserved_out)
{
    assert(g->start_end == 0);
    uint64_t sessions = (uint64_t)g->channel_count + table_count(g->config.state->sessions);
    uint64_t need = 2 * sizeof(struct batch) + sizeof(struct gateway_started) +
                    sessions * (sizeof(struct gateway_session_set) +
                                2 * sizeof(struct gateway_session_state) + sizeof(struct batch));
    if (!ring_room(g->ring, BATCH_SIZE_MAX, need))
        return ERR_FULL;
    if (g->listening) {
        enum err e = port_listen(g->port, &g->listen, GATEWAY_LISTEN_TAG);
        if (e)
            return e;
    }
    g->now_ns = now_ns;
    g->start_next = g->ring->write;
    gateway_batch_begin(g, NULL, 0);
    struct gateway_started *ev = (void *)record_add(g->ring, RECORD_GATEWAY_STARTED, sizeof *ev);
    ev->reserved_out = reserved_out;
    gateway_record_done(g, &ev->head);
    for (uint32_t i = 0; i < g->channel_count; i++) {
        struct channel *ch = &g->channels[i];
        if (!is_known(ch))
            set_session(g, ch);
        ch->durable = gateway_session(g->config.state, ch->config.number);
        ch->sent_through = ch->durable->next_out - 1;
        ch->durable_through = ch->sent_through; /* the start is durable before the first poll */
        ch->reconnect_at_ns = now_ns;
        batch_turn(g);
    }
    down_sessions(g);
    gateway_batch_end(g);
    ring_commit(g->ring);
    g->start_end = g->ring->write;
    g->tick_ns = now_ns;
    return OK;
}

/* The records lie in our own ring until we write over them, and nothing is written before they are delivered.
 */
bool start_deliver(struct gateway *g)
{
    bool room = true;
    while (room && g->start_next != g->start_end) {
        const struct batch *b = (const void *)(g->ring->data + (g->start_next & (g->ring->size - 1)));
        uint64_t bytes = b->count * (LANE_ITEM_HEADER_SIZE + sizeof(struct gateway_session_state));
        room = lane_room(g->config.order, bytes, 0) && lane_room(g->config.request, bytes, 0) &&
               lane_room(g->config.quote, bytes, 0);
        if (!room)
            break;
        for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
            struct lane *l = gateway_lane(g, r->dest, r->lane);
            if (!l)
                continue;
            bool put = lane_put(l, g->config.agent, r->lane, batch_record_position(b, r), 0, r, 0);
            assert(put);
            (void)put;
        }
        g->start_next += b->size;
    }
    lane_commit(g->config.order);
    lane_commit(g->config.request);
    lane_commit(g->config.quote);
    return room;
}

bool gateway_redeliver(struct gateway *g, const struct record *r, uint64_t position, uint64_t origin_time_ns)
{
    struct lane *l = gateway_lane(g, r->dest, r->lane);
    if (!l)
        return true;
    bool done;
    if (r->type == RECORD_GATEWAY_IN)
        done = inbound_redeliver(g, (const void *)r, position, origin_time_ns);
    else
        done = lane_put(l, g->config.agent, r->lane, position, origin_time_ns, r, 0);
    lane_commit(l);
    return done;
}
