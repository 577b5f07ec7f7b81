/* The simulated network: time, streams, and what happens to them. */
#include "dataplane/net/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *sim_memory(void *old, size_t size)
{
    void *p = realloc(old, size);
    if (p == NULL) {
        abort();
    }
    return p;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* splitmix64. The bias of the multiplication is below 2^-32 for what is asked here. */
uint64_t sim_random(struct sim_net *net, uint64_t below)
{
    net->random += 0x9e3779b97f4a7c15u;
    return (uint64_t)(((unsigned __int128)mix(net->random) * below) >> 64);
}

void sim_digest_add(struct sim_net *net, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t h = net->digest ^ size;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    uint64_t rest = 0;
    if (size > 0) {
        memcpy(&rest, at, size);
    }
    net->digest = mix(h ^ rest);
}

uint64_t sim_net_digest(const struct sim_net *net)
{
    return net->digest;
}

unsigned sim_net_connections(const struct sim_net *net)
{
    return net->conn_count;
}

unsigned sim_side_index(const struct side *s)
{
    return s == &s->conn->sides[1];
}

/* Events in time: a binary heap. */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void events_room(struct sim_events *e)
{
    if (e->count == e->room) {
        e->room = e->room == 0 ? 64 : 2 * e->room;
        e->at = sim_memory(e->at, e->room * sizeof *e->at);
    }
}

static void queue_add(struct sim_net *net, struct sim_event event)
{
    struct sim_events *q = &net->queue;
    events_room(q);
    event.order = net->order++;
    size_t i = q->count++;
    while (i > 0 && earlier(&event, &q->at[(i - 1) / 2])) {
        q->at[i] = q->at[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->at[i] = event;
}

static struct sim_event queue_take(struct sim_net *net)
{
    struct sim_events *q = &net->queue;
    struct sim_event first = q->at[0];
    struct sim_event last = q->at[--q->count];
    size_t i = 0;
    for (size_t child = 1; child < q->count; child = 2 * i + 1) {
        if (child + 1 < q->count && earlier(&q->at[child + 1], &q->at[child])) {
            child++;
        }
        if (!earlier(&q->at[child], &last)) {
            break;
        }
        q->at[i] = q->at[child];
        i = child;
    }
    q->at[i] = last;
    return first;
}

static uint64_t delay_ns(struct sim_net *net)
{
    const struct sim_net_options *o = &net->options;
    return o->delay_ns_min + sim_random(net, o->delay_ns_max - o->delay_ns_min + 1);
}

/* Something sets out for side `to`: behind all that is on its way there. */
void sim_post(struct sim_conn *c, enum sim_event_type type, unsigned to, uint64_t offset)
{
    struct sim_net *net = c->net;
    struct stream *stream = &c->streams[1 - to];
    uint64_t at_ns = net->now_ns + delay_ns(net);
    if (at_ns < stream->last_ns) {
        at_ns = stream->last_ns;
    }
    stream->last_ns = at_ns;
    queue_add(net, (struct sim_event){.at_ns = at_ns,
                                      .conn = c,
                                      .serial = c->serial,
                                      .offset = offset,
                                      .type = (uint8_t)type,
                                      .to = (uint8_t)to});
}

static void post_at(struct sim_conn *c, enum sim_event_type type, unsigned to, uint64_t at_ns)
{
    queue_add(c->net,
              (struct sim_event){
                  .at_ns = at_ns, .conn = c, .serial = c->serial, .type = (uint8_t)type, .to = (uint8_t)to});
}

void sim_post_linger(struct sim_conn *c, unsigned side)
{
    post_at(c, SIM_LINGER, side, c->net->now_ns + SIM_LINGER_NS);
}

/* Connections. */

struct sim_conn *sim_conn_new(struct sim_net *net)
{
    struct sim_conn *c = net->free_conns;
    if (c != NULL) {
        net->free_conns = c->next;
    } else {
        c = sim_memory(NULL, sizeof *c);
    }
    *c = (struct sim_conn){.net = net, .serial = ++net->serial, .window_size = net->options.window_size};
    for (unsigned i = 0; i < 2; i++) {
        c->sides[i] = (struct side){.conn = c, .piece_first = UINT32_MAX, .piece_last = UINT32_MAX};
        c->streams[i].cut = UINT64_MAX;
    }
    c->next = net->conns;
    if (c->next != NULL) {
        c->next->previous = c;
    }
    net->conns = c;
    net->conn_count++;
    return c;
}

static uint8_t *window_take(struct sim_net *net, uint32_t size)
{
    if (size == net->windows_size && net->window_count > 0) {
        return net->windows[--net->window_count];
    }
    return sim_memory(NULL, size);
}

static void window_give(struct sim_net *net, uint8_t *window, uint32_t size)
{
    if (size != net->windows_size || window == NULL) {
        free(window);
        return;
    }
    if (net->window_count == net->window_room) {
        net->window_room = net->window_room == 0 ? 32 : 2 * net->window_room;
        net->windows = sim_memory(net->windows, net->window_room * sizeof *net->windows);
    }
    net->windows[net->window_count++] = window;
}

void sim_conn_check(struct sim_conn *c)
{
    struct sim_net *net = c->net;
    bool client_gone = c->sides[0].state == SIDE_GONE;
    bool server_gone = c->sides[1].state == SIDE_GONE || c->sides[1].state == SIDE_NONE;
    if (!client_gone || !server_gone || c->streams[0].pinned || c->streams[1].pinned || c->serial == 0) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        window_give(net, c->streams[i].bytes, c->window_size);
        free(c->sides[i].backlog);
    }
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        net->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    c->serial = 0;
    c->next = net->free_conns;
    net->free_conns = c;
    net->conn_count--;
}

/* Streams. */

static uint32_t cut_size(struct sim_net *net, size_t size, uint32_t max)
{
    uint32_t most = size < max ? (uint32_t)size : max;
    return sim_random(net, 1000) < net->options.whole_permille ? most : 1 + (uint32_t)sim_random(net, most);
}

static void stream_append(struct sim_conn *c, struct stream *stream, const uint8_t *bytes, uint32_t size)
{
    if (stream->bytes == NULL) {
        stream->bytes = window_take(c->net, c->window_size);
    }
    uint32_t at = (uint32_t)(stream->sent % c->window_size);
    uint32_t first = size < c->window_size - at ? size : c->window_size - at;
    memcpy(stream->bytes + at, bytes, first);
    memcpy(stream->bytes, bytes + first, size - first);
    stream->sent += size;
}

/* Hands to the network what the window has room for; segments set out. Returns the bytes taken. */
static size_t stream_send(struct side *s, const uint8_t *bytes, size_t size)
{
    struct sim_conn *c = s->conn;
    struct sim_net *net = c->net;
    unsigned from = sim_side_index(s);
    struct stream *stream = &c->streams[from];
    size_t taken = 0;
    while (taken < size && !c->lost) {
        uint64_t room = c->window_size - (stream->sent - stream->read);
        if (room == 0) {
            return taken;
        }
        size_t rest = size - taken < room ? size - taken : (size_t)room;
        uint32_t segment = cut_size(net, rest, net->options.segment_size_max);
        stream_append(c, stream, bytes + taken, segment);
        taken += segment;
        sim_post(c, SIM_SEGMENT, 1 - from, stream->sent);
        if (net->options.loss_per_million > 0 && sim_random(net, 1000000) < net->options.loss_per_million) {
            sim_lose(c);
        }
    }
    return size; /* what is sent into a lost connection vanishes */
}

static void backlog_add(struct side *s, const uint8_t *bytes, size_t size)
{
    if (s->backlog_at > 0 && s->backlog_at + s->backlog_size + size > s->backlog_room) {
        memmove(s->backlog, s->backlog + s->backlog_at, s->backlog_size);
        s->backlog_at = 0;
    }
    if (s->backlog_size + size > s->backlog_room) {
        s->backlog_room = 2 * (s->backlog_size + size);
        s->backlog = sim_memory(s->backlog, s->backlog_room);
    }
    memcpy(s->backlog + s->backlog_at + s->backlog_size, bytes, size);
    s->backlog_size += size;
}

void sim_transmit(struct side *s, const uint8_t *bytes, size_t size)
{
    size_t taken = s->backlog_size > 0 ? 0 : stream_send(s, bytes, size);
    if (taken == size) {
        return;
    }
    if (size - taken > PORT_BACKLOG_MAX - s->backlog_size) {
        s->backlog_size = 0;
        sim_side_end(s, ENOBUFS, true);
        return;
    }
    backlog_add(s, bytes + taken, size - taken);
}

static void backlog_drain(struct side *s)
{
    if (s->backlog_size > 0) {
        size_t taken = stream_send(s, s->backlog + s->backlog_at, s->backlog_size);
        s->backlog_at += taken;
        s->backlog_size -= taken;
    }
    if (s->backlog_size == 0) {
        s->backlog_at = 0;
    }
    sim_side_linger_step(s);
}

/* The reader has done with bytes: poison them, open the window, and tell a sender that waits for it. */
void sim_read(struct sim_conn *c, unsigned stream_index, uint32_t size)
{
    struct stream *stream = &c->streams[stream_index];
    struct side *sender = &c->sides[stream_index];
    uint32_t at = (uint32_t)(stream->read % c->window_size);
    uint32_t first = size < c->window_size - at ? size : c->window_size - at;
    memset(stream->bytes + at, 0xdd, first);
    memset(stream->bytes, 0xdd, size - first);
    stream->read += size;
    if (sender->backlog_size > 0 && !sender->window_waits) {
        sender->window_waits = true;
        sim_post(c, SIM_WINDOW, stream_index, 0);
    }
}

void sim_read_rest(struct sim_conn *c, unsigned stream_index)
{
    struct stream *stream = &c->streams[stream_index];
    if (!stream->pinned && stream->arrived > stream->read) {
        sim_read(c, stream_index, (uint32_t)(stream->arrived - stream->read));
    }
}

void sim_cut_at_random(struct sim_conn *c, unsigned stream_index)
{
    struct stream *stream = &c->streams[stream_index];
    uint64_t cut = stream->arrived + sim_random(c->net, stream->sent - stream->arrived + 1);
    if (cut < stream->cut) {
        stream->cut = cut;
    }
}

void sim_lose(struct sim_conn *c)
{
    if (c->lost) {
        return;
    }
    c->lost = true;
    for (unsigned i = 0; i < 2; i++) {
        sim_cut_at_random(c, i);
        sim_post(c, SIM_RESET, i, 0);
    }
}

/* What arrives. */

static struct sim_port *listening(struct sim_net *net, const struct sockaddr_in *at,
                                  struct sim_listener **listener)
{
    for (struct sim_port *p = net->ports; p != NULL; p = p->next) {
        *listener = sim_port_listener(p, at);
        if (*listener != NULL) {
            return p;
        }
    }
    return NULL;
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/* A connect from an address and port that the host still has a connection for: its process is dead, and this
 * tells. */
static void clear_predecessors(struct sim_net *net, const struct sim_conn *c)
{
    for (struct sim_conn *old = net->conns, *after; old != NULL; old = after) {
        after = old->next;
        bool same = old != c && same_address(&old->address[0], &c->address[0]) &&
                    same_address(&old->address[1], &c->address[1]);
        if (same && old->sides[0].state == SIDE_GONE) {
            old->lost = true;
            sim_side_end(&old->sides[1], ECONNRESET, false);
        }
    }
}

static void connect_arrives(struct sim_conn *c)
{
    if (c->sides[0].state != SIDE_CONNECTING) {
        return; /* given up on the way */
    }
    struct sim_listener *listener = NULL;
    struct sim_port *p = listening(c->net, &c->address[1], &listener);
    clear_predecessors(c->net, c);
    if (p == NULL) {
        sim_post(c, SIM_REFUSED, 0, 0);
        return;
    }
    sim_post(c, SIM_CONNECTED, 0, 0);
    if (p->live == p->live_max) { /* as a kernel does: it was connected, and then the process closed it */
        c->sides[1].state = SIDE_GONE;
        sim_post(c, SIM_FIN, 0, 0);
        return;
    }
    c->sides[1].state = SIDE_OPEN;
    sim_side_attach(p, &c->sides[1], listener->tag);
    sim_side_ready(&c->sides[1]);
}

static void connect_answered(struct sim_conn *c, bool connected)
{
    struct side *s = &c->sides[0];
    if (s->state != SIDE_CONNECTING) {
        return;
    }
    s->state = SIDE_OPEN;
    if (!connected) {
        s->error = ECONNREFUSED;
    }
    sim_side_ready(s);
}

/* A segment for a side that is gone. Its host answers with a reset, if there is one; else the sender tries
 * again, and gives up in the end. */
static void nobody_reads(struct sim_conn *c, unsigned to)
{
    struct side *s = &c->sides[to];
    bool host = !s->silent;
    for (const struct sim_port *p = c->net->ports; p != NULL && !host; p = p->next) {
        host = p->ip.s_addr == c->address[to].sin_addr.s_addr;
    }
    if (host) {
        sim_post(c, SIM_RESET, 1 - to, 0);
    } else if (s->probes == SIM_PROBES_MAX) {
        sim_side_end(&c->sides[1 - to], ETIMEDOUT, false);
    } else {
        uint64_t wait_ns = (uint64_t)SIM_PROBE_NS << s->probes++;
        post_at(c, SIM_PROBE, to, c->net->now_ns + wait_ns);
    }
}

static void segment_arrives(struct sim_conn *c, unsigned to, uint64_t offset)
{
    struct stream *stream = &c->streams[1 - to];
    struct side *s = &c->sides[to];
    if (offset > stream->cut) {
        offset = stream->cut;
    }
    if (offset <= stream->arrived || s->ended) {
        return;
    }
    if (s->state == SIDE_GONE || s->state == SIDE_NONE) {
        if (!s->answered) {
            s->answered = true;
            nobody_reads(c, to);
        }
        return;
    }
    stream->arrived = offset;
    if (s->state == SIDE_LINGER) {
        sim_read_rest(c, 1 - to);
    } else {
        sim_side_ready(s);
    }
}

static void end_arrives(struct sim_conn *c, unsigned to, int error)
{
    struct side *s = &c->sides[to];
    if (s->state == SIDE_OPEN) {
        sim_side_end(s, error, false);
    } else if (s->state == SIDE_LINGER) {
        s->ended = true;
        if (error != 0) {
            sim_side_gone(s);
        } else {
            sim_side_linger_step(s);
        }
    }
}

static void linger_ends(struct sim_conn *c, unsigned side)
{
    struct side *s = &c->sides[side];
    if (s->state == SIDE_LINGER) {
        if (s->backlog_size > 0) {
            sim_post(c, SIM_RESET, 1 - side, 0);
        }
        sim_side_gone(s);
    }
}

static void happen(const struct sim_event *e)
{
    struct sim_conn *c = e->conn;
    if (c->serial != e->serial) {
        return;
    }
    switch ((enum sim_event_type)e->type) {
    case SIM_CONNECT:
        connect_arrives(c);
        break;
    case SIM_CONNECTED:
        connect_answered(c, true);
        break;
    case SIM_REFUSED:
        connect_answered(c, false);
        break;
    case SIM_SEGMENT:
        segment_arrives(c, e->to, e->offset);
        break;
    case SIM_FIN:
        if (c->streams[1 - e->to].arrived ==
            c->streams[1 - e->to].sent) { /* else lost like the bytes before it */
            end_arrives(c, e->to, 0);
        }
        break;
    case SIM_RESET:
        end_arrives(c, e->to, ECONNRESET);
        break;
    case SIM_WINDOW:
        c->sides[e->to].window_waits = false;
        if (c->sides[e->to].state == SIDE_OPEN || c->sides[e->to].state == SIDE_LINGER) {
            backlog_drain(&c->sides[e->to]);
        }
        break;
    case SIM_PROBE:
        nobody_reads(c, e->to);
        break;
    case SIM_LINGER:
        linger_ends(c, e->to);
        break;
    }
}

void sim_side_linger_step(struct side *s)
{
    struct sim_conn *c = s->conn;
    unsigned index = sim_side_index(s);
    if (s->state != SIDE_LINGER || s->backlog_size > 0) {
        return;
    }
    if (!s->fin_sent) {
        s->fin_sent = true;
        sim_post(c, SIM_FIN, 1 - index, 0);
    }
    if (s->ended) {
        sim_side_gone(s);
    }
}

/* Time. */

static bool is_held(const struct sim_net *net, const struct sim_event *e)
{
    if (e->conn->serial != e->serial || e->type == SIM_LINGER) {
        return false;
    }
    const struct sockaddr_in *address = e->conn->address;
    for (unsigned i = 0; i < net->hold_count; i++) {
        in_addr_t a = net->holds[i].a.s_addr, b = net->holds[i].b.s_addr;
        in_addr_t x = address[0].sin_addr.s_addr, y = address[1].sin_addr.s_addr;
        if ((a == x && b == y) || (a == y && b == x)) {
            return true;
        }
    }
    return false;
}

void sim_net_advance(struct sim_net *net, uint64_t now_ns)
{
    assert(now_ns >= net->now_ns);
    while (net->queue.count > 0 && net->queue.at[0].at_ns <= now_ns) {
        struct sim_event e = queue_take(net);
        net->now_ns = e.at_ns > net->now_ns ? e.at_ns : net->now_ns;
        if (net->hold_count > 0 && is_held(net, &e)) {
            events_room(&net->held);
            net->held.at[net->held.count++] = e;
        } else {
            happen(&e);
        }
    }
    net->now_ns = now_ns;
    while (net->queue.count > 0 && net->queue.at[0].conn->serial != net->queue.at[0].serial) {
        queue_take(net); /* of a connection that is gone: nothing to wait for */
    }
}

uint64_t sim_net_next_event_ns(const struct sim_net *net)
{
    return net->queue.count > 0 ? net->queue.at[0].at_ns : UINT64_MAX;
}

/* What was held sets out again in its order; new bytes stay behind it by their stream's last time. */
static void held_release(struct sim_net *net)
{
    struct sim_events held = net->held;
    net->held = (struct sim_events){0};
    uint64_t at_ns = net->now_ns + delay_ns(net);
    for (size_t i = 0; i < held.count; i++) {
        struct sim_event e = held.at[i];
        if (e.conn->serial != e.serial) {
            continue;
        }
        e.at_ns = at_ns;
        uint64_t *last_ns = &e.conn->streams[1 - e.to].last_ns;
        *last_ns = *last_ns > at_ns ? *last_ns : at_ns;
        queue_add(net, e);
    }
    free(held.at);
}

void sim_net_hold(struct sim_net *net, struct in_addr a, struct in_addr b, bool held)
{
    for (unsigned i = 0; i < net->hold_count; i++) {
        struct sim_hold *h = &net->holds[i];
        bool same = (h->a.s_addr == a.s_addr && h->b.s_addr == b.s_addr) ||
                    (h->a.s_addr == b.s_addr && h->b.s_addr == a.s_addr);
        if (same) {
            if (!held) {
                *h = net->holds[--net->hold_count];
                held_release(net);
            }
            return;
        }
    }
    if (held) {
        assert(net->hold_count < SIM_HOLDS_MAX);
        net->holds[net->hold_count++] = (struct sim_hold){a, b};
    }
}

/* Life. */

static bool options_fit(const struct sim_net_options *o)
{
    return o->delay_ns_min <= o->delay_ns_max && o->delay_ns_max < UINT64_MAX / 4 && o->window_size > 0 &&
           o->window_size <= SIM_WINDOW_SIZE_MAX && o->segment_size_max > 0 && o->whole_permille <= 1000 &&
           o->loss_per_million <= 1000000;
}

enum err sim_net_configure(struct sim_net *net, const struct sim_net_options *options)
{
    if (!options_fit(options)) {
        return ERR_RANGE;
    }
    if (options->window_size != net->windows_size) {
        while (net->window_count > 0) {
            free(net->windows[--net->window_count]);
        }
        net->windows_size = options->window_size;
    }
    net->options = *options;
    return OK;
}

enum err sim_net_create(struct sim_net **out, uint64_t seed, const struct sim_net_options *options)
{
    static const struct sim_net_options defaults = SIM_NET_DEFAULTS;
    struct sim_net *net = calloc(1, sizeof *net);
    if (net == NULL) {
        return ERR_MEMORY;
    }
    net->random = mix(seed + 0x9e3779b97f4a7c15u);
    enum err e = sim_net_configure(net, options != NULL ? options : &defaults);
    if (e != OK) {
        free(net);
        return e;
    }
    *out = net;
    return OK;
}

void sim_net_destroy(struct sim_net *net)
{
    while (net->ports != NULL) {
        sim_net_kill(&net->ports->port, SIM_KILL_SILENT);
    }
    assert(net->conns == NULL); /* a connection needs a port on one side */
    while (net->free_conns != NULL) {
        struct sim_conn *c = net->free_conns;
        net->free_conns = c->next;
        free(c);
    }
    while (net->window_count > 0) {
        free(net->windows[--net->window_count]);
    }
    free(net->windows);
    free(net->queue.at);
    free(net->held.at);
    free(net);
}
