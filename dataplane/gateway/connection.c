/* Connections: the port's events, received bytes, connects, closes. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/text.h"

/* Names of connections
 * ---------------------------------------------------------------------------------------------- */

static uint32_t handle_home(const struct gateway *g, uint32_t handle)
{
    return (uint32_t)hash_u64(handle) & g->by_handle_mask;
}

static uint32_t handle_find(const struct gateway *g, uint32_t handle)
{
    for (uint32_t at = handle_home(g, handle); g->by_handle[at]; at = (at + 1) & g->by_handle_mask)
        if (g->connections[g->by_handle[at] - 1].handle == handle)
            return at;
    return NO_INDEX;
}

struct connection *connection_of(struct gateway *g, uint32_t handle)
{
    uint32_t at = handle_find(g, handle);
    return at == NO_INDEX ? NULL : &g->connections[g->by_handle[at] - 1];
}

static void handle_add(struct gateway *g, const struct connection *c)
{
    uint32_t at = handle_home(g, c->handle);
    while (g->by_handle[at])
        at = (at + 1) & g->by_handle_mask;
    g->by_handle[at] = (uint32_t)(c - g->connections) + 1;
}

/* What probed past the hole moves back into it. */
static void handle_remove(struct gateway *g, uint32_t handle)
{
    uint32_t hole = handle_find(g, handle), mask = g->by_handle_mask;
    assert(hole != NO_INDEX);
    for (uint32_t at = (hole + 1) & mask; g->by_handle[at]; at = (at + 1) & mask) {
        uint32_t home = handle_home(g, g->connections[g->by_handle[at] - 1].handle);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        g->by_handle[hole] = g->by_handle[at];
        hole = at;
    }
    g->by_handle[hole] = 0;
}

static struct connection *connection_new(struct gateway *g, uint32_t handle, const struct sockaddr_in *peer)
{
    if (g->connection_free == NO_INDEX)
        return NULL;
    struct connection *c = &g->connections[g->connection_free];
    g->connection_free = c->next_free;
    uint8_t *buffer = c->buffer;
    *c = (struct connection){
        .handle = handle, .channel = NO_INDEX, .opened_ns = g->now_ns, .peer = *peer, .buffer = buffer};
    handle_add(g, c);
    return c;
}

/* The port knows it no more. */
static void connection_gone(struct gateway *g, struct connection *c)
{
    handle_remove(g, c->handle);
    if (c->left_over)
        g->left_over--;
    if (c->closing)
        g->closing--;
    c->handle = PORT_CONN_NONE;
    c->left_over = c->closing = false;
    c->begin = c->end = 0;
    c->next_free = g->connection_free;
    g->connection_free = (uint32_t)(c - g->connections);
    uint32_t channel = c->channel;
    c->channel = NO_INDEX;
    if (channel == NO_INDEX)
        g->unbound--;
    else
        channel_lost(g, &g->channels[channel]);
}

void connection_close(struct gateway *g, struct connection *c)
{
    port_close(g->port, c->handle);
    connection_gone(g, c);
}

void connection_refuse(struct gateway *g, struct connection *c, enum refused_slot why)
{
    counter_add(g->refused[why], 1);
    connection_close(g, c);
}

void connection_finish(struct gateway *g, struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    g->closing++;
    c->close_after = g->channels[c->channel].durable->next_out - 1;
    c->close_by_ns = g->now_ns + GATEWAY_CLOSE_NS;
    if (c->left_over)
        g->left_over--;
    c->left_over = false;
    c->begin = c->end = 0;
}

/* Received bytes
 * ---------------------------------------------------------------------------------------------------- */

static void too_long(struct gateway *g, struct connection *c)
{
    static_assert(FIX_MESSAGE_SIZE_MAX == 65536, "the text says so");
    counter_add(g->refused[REFUSED_TOO_LONG], 1);
    if (c->channel == NO_INDEX)
        connection_close(g, c);
    else
        channel_end(g, &g->channels[c->channel], "a message is longer than 65536 bytes");
}

enum read_end { READ_ALL, READ_MORE, READ_CLOSED };

/* What the session has kept and is in order now, then messages from the front of `bytes`; POLL_ITEMS_MAX of
 * both at most. READ_MORE: it stopped for room or for that limit, with whole messages perhaps still there. */
static enum read_end read_frames(struct gateway *g, struct connection *c, const uint8_t *bytes, size_t size,
                                 size_t *used)
{
    *used = 0;
    for (unsigned items = 0; items < POLL_ITEMS_MAX; items++) {
        size_t frame_size = 0;
        enum err parse_error = OK;
        enum taken taken;
        if (inbound_has_kept(g, c)) {
            taken = inbound_take_kept(g, c);
            if (taken == TAKEN)
                continue;
            return taken == TAKEN_NOT ? READ_MORE : READ_CLOSED;
        }
        switch (
            fix_frame_parse(&g->msg, (const char *)bytes + *used, size - *used, &frame_size, &parse_error)) {
        case FIX_FRAME_PARTIAL:
            return READ_ALL;
        case FIX_FRAME_GARBLED:
            if (c->channel == NO_INDEX) {
                notice_refused(&g->notices, g->now_ns, &c->peer, NULL, "the first message is not FIX");
                connection_refuse(g, c, REFUSED_NOT_LOGON);
                return READ_CLOSED;
            }
            counter_add(g->channels[c->channel].count.garbled, 1);
            *used += frame_size;
            continue;
        case FIX_FRAME_TOO_LONG: /* the stream cannot be followed any further */
            too_long(g, c);
            return READ_CLOSED;
        case FIX_FRAME_OK:
            break;
        }
        taken = inbound_take(g, c, parse_error);
        if (taken == TAKEN_NOT)
            return READ_MORE;
        if (taken == TAKEN_CLOSED)
            return READ_CLOSED;
        *used += frame_size;
    }
    return *used < size || inbound_has_kept(g, c) ? READ_MORE : READ_ALL;
}

static void set_left_over(struct gateway *g, struct connection *c, bool left_over)
{
    if (c->left_over != left_over)
        g->left_over += left_over ? 1 : -1u;
    c->left_over = left_over;
    if (left_over && !c->paused)
        port_pause(g->port, c->handle);
    if (!left_over && c->paused)
        port_resume(g->port, c->handle);
    c->paused = left_over;
}

/* Handle what lies in the buffer, then keep the rest at its front. */
static void read_buffer(struct gateway *g, struct connection *c)
{
    size_t used;
    enum read_end end = read_frames(g, c, c->buffer + c->begin, c->end - c->begin, &used);
    if (end == READ_CLOSED)
        return;
    c->begin += (uint32_t)used;
    if (c->begin == c->end)
        c->begin = c->end = 0;
    set_left_over(g, c, end == READ_MORE);
}

static void received(struct gateway *g, struct connection *c, const uint8_t *bytes, size_t size)
{
    if (c->closing)
        return;
    if (c->begin != c->end) { /* the front of a message is here: the rest joins it */
        if (c->begin > 0) {
            memmove(c->buffer, c->buffer + c->begin, c->end - c->begin);
            c->end -= c->begin;
            c->begin = 0;
        }
        assert(
            c->end + size <=
            GATEWAY_RECEIVE_SIZE); /* a front is shorter than the longest message, a chunk than its limit */
        memcpy(c->buffer + c->end, bytes, size);
        c->end += (uint32_t)size;
        read_buffer(g, c);
        return;
    }
    size_t used;
    enum read_end end = read_frames(g, c, bytes, size, &used);
    if (end == READ_CLOSED)
        return;
    assert(size - used <= GATEWAY_RECEIVE_SIZE);
    memcpy(c->buffer, bytes + used, size - used);
    c->begin = 0;
    c->end = (uint32_t)(size - used);
    set_left_over(g, c, end == READ_MORE);
}

static uint32_t kept_count(const struct gateway *g, const struct connection *c)
{
    return c->channel == NO_INDEX ? 0 : g->channels[c->channel].fix.kept.count;
}

unsigned connection_left_overs(struct gateway *g)
{
    unsigned work = 0;
    for (uint32_t i = 0; g->left_over && i < g->connection_count; i++) {
        struct connection *c = &g->connections[i];
        if (!c->left_over)
            continue;
        uint32_t begin = c->begin, end = c->end;
        uint32_t kept = kept_count(g, c);
        read_buffer(g, c);
        work += c->begin != begin || c->end != end || kept_count(g, c) != kept;
    }
    return work;
}

/* The port's events
 * ------------------------------------------------------------------------------------------------- */

static void accepted(struct gateway *g, const struct port_event *e)
{
    counter_add(g->connections_total, 1);
    /* Those without a logon take no place from sessions. */
    struct connection *c =
        g->unbound < GATEWAY_SPARE_CONNECTIONS ? connection_new(g, e->conn, &e->peer) : NULL;
    if (!c) {
        counter_add(g->refused[REFUSED_CROWDED], 1);
        notice_refused(&g->notices, g->now_ns, &e->peer, NULL, "too many connections without a Logon");
        port_close(g->port, e->conn);
        return;
    }
    g->unbound++;
    if (atomic_load_explicit(&g->stopping, memory_order_relaxed))
        connection_refuse(g, c, REFUSED_STOPPING);
}

static void connected(struct gateway *g, struct connection *c)
{
    counter_add(g->connections_total, 1);
    struct channel *ch = &g->channels[c->channel];
    c->connecting = false;
    ch->connection = NO_INDEX; /* it had the connection as a mere attempt */
    if (ch->down_due || !channel_room(g, ch, 0, CLASS_SESSION)) {
        connection_close(g, c); /* again after the delay */
        return;
    }
    channel_connected(g, ch, c);
}

static void lost(struct gateway *g, struct connection *c, int error)
{
    if (c->channel != NO_INDEX) {
        char text[GATEWAY_NOTICE_TEXT_SIZE];
        struct text t = text_in(text, sizeof text);
        const char *what = error ? strerrordesc_np(error) : NULL;
        text_add(&t, what ? "the connection broke: " : "the peer closed the connection");
        text_add(&t, what ? what : "");
        channel_why(&g->channels[c->channel], false, text);
    }
    connection_gone(g, c);
}

unsigned connection_events(struct gateway *g)
{
    struct port_event events[PORT_EVENTS_MAX];
    unsigned count = port_poll(g->port, events, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        const struct port_event *e = &events[i];
        if (e->type == PORT_ACCEPTED) {
            accepted(g, e);
            continue;
        }
        struct connection *c = connection_of(g, e->conn);
        if (!c)
            continue; /* closed by us while its event was in this very burst */
        switch (e->type) {
        case PORT_CONNECTED:
            connected(g, c);
            break;
        case PORT_DATA:
            received(g, c, e->data, e->size);
            break;
        case PORT_CONNECT_FAILED:
        case PORT_CLOSED:
            lost(g, c, e->error);
            break;
        case PORT_ACCEPTED:
            break;
        }
    }
    return count;
}

/* Connects and closes
 * ----------------------------------------------------------------------------------------------- */

static void connect_channel(struct gateway *g, struct channel *ch)
{
    const struct sockaddr_in *local = ch->config.local.sin_family == AF_INET ? &ch->config.local : NULL;
    uint32_t handle = PORT_CONN_NONE;
    struct connection *c = NULL;
    if (!port_connect(g->port, &ch->config.address, local, (uint64_t)ch->index + 1, &handle))
        c = connection_new(g, handle, &ch->config.address);
    if (!c) {
        if (handle != PORT_CONN_NONE)
            port_close(g->port, handle);
        channel_lost(g, ch); /* counts as an attempt: again after the delay */
        return;
    }
    c->connecting = true;
    c->channel = ch->index;
    ch->connection = (uint32_t)(c - g->connections);
}

static bool closing_done(const struct gateway *g, const struct connection *c)
{
    const struct channel *ch = &g->channels[c->channel];
    return ch->sent_through >= c->close_after || g->now_ns >= c->close_by_ns;
}

unsigned connection_upkeep(struct gateway *g)
{
    unsigned work = 0;
    if (g->now_ns < g->upkeep_ns && !g->closing)
        return 0;
    notice_upkeep(&g->notices, g->now_ns);
    g->upkeep_ns = g->now_ns + GATEWAY_UPKEEP_NS;
    bool stopping = atomic_load_explicit(&g->stopping, memory_order_relaxed);
    for (uint32_t i = 0; i < g->channel_count && !stopping; i++) {
        struct channel *ch = &g->channels[i];
        if (!ch->config.fix.initiator || ch->connection != NO_INDEX || ch->down_due ||
            g->now_ns < ch->reconnect_at_ns)
            continue;
        connect_channel(g, ch);
        work++;
    }
    for (uint32_t i = 0; i < g->connection_count; i++) {
        struct connection *c = &g->connections[i];
        if (c->handle == PORT_CONN_NONE)
            continue;
        bool silent = c->channel == NO_INDEX && g->now_ns >= c->opened_ns + GATEWAY_LOGON_NS;
        bool give_up = stopping && (c->connecting || c->channel == NO_INDEX);
        if (silent || (give_up && c->channel == NO_INDEX))
            connection_refuse(g, c, silent ? REFUSED_SILENT : REFUSED_STOPPING);
        else if (give_up || (c->closing && closing_done(g, c)))
            connection_close(g, c);
        else
            continue;
        work++;
    }
    return work;
}
