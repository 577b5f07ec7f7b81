/* A port of the simulated network: the face's calls, and the sides of connections that it owns. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/sim.h"

#define EPHEMERAL_FIRST 49152u
#define EPHEMERAL_COUNT 16384u

static struct sim_port *sim_of(struct port *p)
{
    return (struct sim_port *)p;
}

static struct side *side_of(struct port *p, uint32_t handle)
{
    struct sim_port *sp = sim_of(p);
    uint32_t slot = handle_slot(handle);
    if (slot >= sp->live_max || sp->slots[slot] == NULL || sp->slots[slot]->handle != handle) {
        return NULL;
    }
    return sp->slots[slot];
}

static struct side *side_open(struct port *p, uint32_t handle)
{
    struct side *s = side_of(p, handle);
    return s != NULL && s->state == SIDE_OPEN && s->announced && !s->at_once ? s : NULL;
}

void sim_side_attach(struct sim_port *p, struct side *s, uint64_t tag)
{
    assert(p->free_count > 0);
    uint32_t slot = p->free_slots[--p->free_count];
    p->handles[slot] = handle_next(p->handles[slot]);
    p->slots[slot] = s;
    p->live++;
    s->port = p;
    s->handle = p->handles[slot];
    s->tag = tag;
}

static void ready_remove(struct side *s)
{
    struct side **at = &s->port->ready_first;
    struct side *before = NULL;
    while (*at != s) {
        before = *at;
        at = &(*at)->next_ready;
    }
    *at = s->next_ready;
    if (s->port->ready_last == s) {
        s->port->ready_last = before;
    }
    s->on_ready = false;
}

void sim_side_detach(struct side *s)
{
    struct sim_port *p = s->port;
    uint32_t slot = handle_slot(s->handle);
    if (p->slots[slot] != s) {
        return;
    }
    if (s->on_ready) {
        ready_remove(s);
    }
    for (uint32_t i = 0; i < p->sender_count; i++) {
        if (p->senders[i] == s) {
            p->senders[i] = NULL;
        }
    }
    p->slots[slot] = NULL;
    p->free_slots[p->free_count++] = slot;
    p->live--;
}

void sim_side_gone(struct side *s)
{
    if (s->port != NULL) {
        sim_side_detach(s);
    }
    s->state = SIDE_GONE;
    s->backlog_size = 0;
    sim_conn_check(s->conn);
}

void sim_side_ready(struct side *s)
{
    if (s->on_ready) {
        return;
    }
    struct sim_port *p = s->port;
    s->on_ready = true;
    s->next_ready = NULL;
    if (p->ready_first == NULL) {
        p->ready_first = s;
    } else {
        p->ready_last->next_ready = s;
    }
    p->ready_last = s;
}

void sim_side_end(struct side *s, int error, bool at_once)
{
    if (s->state != SIDE_OPEN && s->state != SIDE_LINGER) {
        return;
    }
    if (s->state == SIDE_LINGER) {
        sim_side_gone(s);
        return;
    }
    if (!s->ended || at_once) {
        s->error = error;
    }
    s->ended = true;
    s->at_once |= at_once;
    sim_side_ready(s);
}

struct sim_listener *sim_port_listener(struct sim_port *p, const struct sockaddr_in *at)
{
    for (unsigned i = 0; p->ip.s_addr == at->sin_addr.s_addr && i < p->listener_count; i++) {
        if (p->listeners[i].at.sin_port == at->sin_port) {
            return &p->listeners[i];
        }
    }
    return NULL;
}

/* The face. */

static enum err sim_listen(struct port *p, const struct sockaddr_in *at, uint64_t tag)
{
    struct sim_port *sp = sim_of(p);
    struct sockaddr_in here = *at;
    if (here.sin_addr.s_addr == htonl(INADDR_ANY)) {
        here.sin_addr = sp->ip;
    }
    if (here.sin_addr.s_addr != sp->ip.s_addr) {
        errno = EADDRNOTAVAIL;
        return ERR_IO;
    }
    for (struct sim_port *other = sp->net->ports; other != NULL; other = other->next) {
        if (sim_port_listener(other, &here) != NULL) {
            errno = EADDRINUSE;
            return ERR_IO;
        }
    }
    if (sp->listener_count == SIM_LISTENERS_MAX) {
        return ERR_LIMIT;
    }
    sp->listeners[sp->listener_count++] = (struct sim_listener){.at = here, .tag = tag};
    return OK;
}

/* Whether a living process of this host has a connection from this address and port to that one. */
static bool address_taken(const struct sim_net *net, const struct sockaddr_in *from,
                          const struct sockaddr_in *to)
{
    for (const struct sim_conn *c = net->conns; c != NULL; c = c->next) {
        bool same = c->address[0].sin_addr.s_addr == from->sin_addr.s_addr &&
                    c->address[0].sin_port == from->sin_port &&
                    c->address[1].sin_addr.s_addr == to->sin_addr.s_addr &&
                    c->address[1].sin_port == to->sin_port;
        if (same && c->sides[0].state != SIDE_GONE) {
            return true;
        }
    }
    return false;
}

static enum err sim_connect(struct port *p, const struct sockaddr_in *to, const struct sockaddr_in *local,
                            uint64_t tag, uint32_t *handle)
{
    struct sim_port *sp = sim_of(p);
    struct sim_net *net = sp->net;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = sp->ip};
    if (local != NULL && local->sin_addr.s_addr != htonl(INADDR_ANY) &&
        local->sin_addr.s_addr != sp->ip.s_addr) {
        errno = EADDRNOTAVAIL;
        return ERR_IO;
    }
    if (sp->live == sp->live_max) {
        return ERR_LIMIT;
    }
    bool taken = false;
    if (local != NULL && local->sin_port != 0) {
        from.sin_port = local->sin_port;
        taken = address_taken(net, &from, to);
    } else {
        do {
            from.sin_port = htons((uint16_t)(EPHEMERAL_FIRST + sim_random(net, EPHEMERAL_COUNT)));
        } while (address_taken(net, &from, to));
    }
    struct sim_conn *c = sim_conn_new(net);
    struct side *s = &c->sides[0];
    c->address[0] = from;
    c->address[1] = *to;
    s->state = SIDE_CONNECTING;
    sim_side_attach(sp, s, tag);
    *handle = s->handle;
    if (taken) {
        s->error = EADDRNOTAVAIL;
        s->state = SIDE_OPEN;
        sim_side_ready(s);
        return OK;
    }
    sim_post(c, SIM_CONNECT, 1, 0);
    return OK;
}

static void event_digest(struct sim_net *net, const struct port_event *event)
{
    uint64_t words[5] = {net->now_ns, event->type, event->conn, event->tag, (uint64_t)(unsigned)event->error};
    sim_digest_add(net, words, sizeof words);
    if (event->type == PORT_DATA) {
        sim_digest_add(net, event->data, event->size);
    }
}

static void announce(struct side *s, struct port_event *event)
{
    unsigned index = sim_side_index(s);
    s->announced = 1;
    event->peer = s->conn->address[1 - index];
    event->error = s->error;
    event->type = index == 1 ? PORT_ACCEPTED : s->error != 0 ? PORT_CONNECT_FAILED : PORT_CONNECTED;
    if (event->type == PORT_ACCEPTED || s->ended) {
        event->error = 0; /* an end that came meanwhile has its own event */
        event->type = index == 1 ? PORT_ACCEPTED : PORT_CONNECTED;
    }
}

static void give(struct side *s, struct port_event *event)
{
    struct sim_conn *c = s->conn;
    struct sim_port *p = s->port;
    unsigned index = 1 - sim_side_index(s);
    struct stream *stream = &c->streams[index];
    uint64_t size = stream->arrived - stream->read;
    uint32_t at = (uint32_t)(stream->read % c->window_size);
    size = size < c->window_size - at ? size : c->window_size - at; /* one piece of memory */
    size = size < PORT_CHUNK_MAX ? size : PORT_CHUNK_MAX;
    if (sim_random(c->net, 1000) >= c->net->options.whole_permille) {
        size = 1 + sim_random(c->net, size);
    }
    event->type = PORT_DATA;
    event->data = stream->bytes + at;
    event->size = size;
    stream->pinned = true;
    assert(p->given_count < PORT_EVENTS_MAX);
    p->given[p->given_count++] =
        (struct sim_given){.conn = c, .size = (uint32_t)size, .stream = (uint8_t)index};
}

/* The next event of one side; at most one in a poll. */
static unsigned side_event(struct side *s, struct port_event *event)
{
    struct stream *stream = &s->conn->streams[1 - sim_side_index(s)];
    *event = (struct port_event){.conn = s->handle, .tag = s->tag};
    bool data = stream->arrived > stream->read && !s->at_once;
    if (!s->announced) {
        announce(s, event);
        if (event->type == PORT_CONNECT_FAILED) {
            event_digest(s->conn->net, event);
            sim_side_gone(s);
            return 1;
        }
        if (data || s->ended) {
            sim_side_ready(s);
        }
    } else if (s->paused && !s->at_once) {
        return 0; /* resume brings it back */
    } else if (data) {
        give(s, event);
        if (event->size < stream->arrived - stream->read || s->ended) {
            sim_side_ready(s);
        }
    } else if (s->ended) {
        event->type = PORT_CLOSED;
        event->error = s->error;
        event_digest(s->conn->net, event);
        sim_post(s->conn, s->at_once ? SIM_RESET : SIM_FIN, 1 - sim_side_index(s), 0);
        sim_side_gone(s);
        return 1;
    } else {
        return 0;
    }
    event_digest(s->conn->net, event);
    return 1;
}

static void given_release(struct sim_port *p)
{
    for (unsigned i = 0; i < p->given_count; i++) {
        struct sim_given *g = &p->given[i];
        g->conn->streams[g->stream].pinned = false;
        sim_read(g->conn, g->stream, g->size);
        if (g->conn->sides[1 - g->stream].state != SIDE_OPEN) {
            sim_read_rest(g->conn, g->stream);
        }
        sim_conn_check(g->conn);
    }
    p->given_count = 0;
}

static unsigned sim_poll(struct port *p, struct port_event *events, unsigned max)
{
    struct sim_port *sp = sim_of(p);
    if (max > PORT_EVENTS_MAX) {
        max = PORT_EVENTS_MAX;
    }
    given_release(sp);
    unsigned n = 0;
    struct side *last = sp->ready_last;
    bool more = sp->ready_first != NULL;
    while (more && n < max) {
        struct side *s = sp->ready_first;
        more = s != last;
        sp->ready_first = s->next_ready;
        s->on_ready = false;
        n += side_event(s, &events[n]);
    }
    return n;
}

static enum err sim_send(struct port *p, uint32_t handle, const void *bytes, size_t size)
{
    struct sim_port *sp = sim_of(p);
    struct side *s = side_open(p, handle);
    if (s == NULL) {
        s = side_of(p, handle);
        return s != NULL && !s->announced ? ERR_STATE : ERR_CLOSED;
    }
    if (size == 0) {
        return OK;
    }
    if (sp->piece_count == sp->piece_room) {
        sp->piece_room = sp->piece_room == 0 ? 64 : 2 * sp->piece_room;
        sp->pieces = sim_memory(sp->pieces, sp->piece_room * sizeof *sp->pieces);
        sp->senders = sim_memory(sp->senders, sp->piece_room * sizeof *sp->senders);
    }
    uint32_t i = sp->piece_count++;
    sp->pieces[i] = (struct sim_piece){.bytes = bytes, .size = size, .next = UINT32_MAX};
    if (s->piece_first == UINT32_MAX) {
        s->piece_first = i;
        sp->senders[sp->sender_count++] = s;
    } else {
        sp->pieces[s->piece_last].next = i;
    }
    s->piece_last = i;
    return OK;
}

static void sim_flush(struct port *p)
{
    struct sim_port *sp = sim_of(p);
    for (uint32_t i = 0; i < sp->sender_count; i++) {
        struct side *s = sp->senders[i];
        if (s == NULL) {
            continue;
        }
        for (uint32_t at = s->piece_first; at != UINT32_MAX && !s->at_once; at = sp->pieces[at].next) {
            sim_transmit(s, sp->pieces[at].bytes, sp->pieces[at].size);
        }
        s->piece_first = s->piece_last = UINT32_MAX;
    }
    sp->piece_count = 0;
    sp->sender_count = 0;
}

static void sim_pause(struct port *p, uint32_t handle)
{
    struct side *s = side_open(p, handle);
    if (s != NULL) {
        s->paused = true;
    }
}

static void sim_resume(struct port *p, uint32_t handle)
{
    struct side *s = side_open(p, handle);
    if (s != NULL && s->paused) {
        s->paused = false;
        sim_side_ready(s);
    }
}

static void sim_tag(struct port *p, uint32_t handle, uint64_t tag)
{
    struct side *s = side_of(p, handle);
    if (s != NULL) {
        s->tag = tag;
    }
}

static void sim_close(struct port *p, uint32_t handle)
{
    struct side *s = side_of(p, handle);
    if (s == NULL) {
        return;
    }
    if (s->piece_first != UINT32_MAX) {
        sim_flush(p);
    }
    unsigned index = sim_side_index(s);
    struct sim_conn *c = s->conn;
    if (s->state == SIDE_CONNECTING || s->at_once || !s->announced) {
        sim_post(c, SIM_RESET, 1 - index, 0);
        sim_side_gone(s);
        return;
    }
    sim_side_detach(s);
    s->state = SIDE_LINGER;
    sim_read_rest(c, 1 - index);
    sim_post_linger(c, index);
    sim_side_linger_step(s);
}

static size_t sim_backlog(struct port *p, uint32_t handle)
{
    struct side *s = side_open(p, handle);
    return s == NULL ? 0 : s->backlog_size;
}

static void sim_destroy(struct port *p)
{
    sim_net_kill(p, SIM_KILL_DELIVERS);
}

/* Its ways are as warm as any. */
static void sim_warm(struct port *p)
{
    (void)p;
}

static const struct port_ops sim_ops = {
    .listen = sim_listen,
    .connect = sim_connect,
    .poll = sim_poll,
    .send = sim_send,
    .flush = sim_flush,
    .pause = sim_pause,
    .resume = sim_resume,
    .tag = sim_tag,
    .close = sim_close,
    .backlog = sim_backlog,
    .warm = sim_warm,
    .destroy = sim_destroy,
};

/* Making and killing ports. */

enum err sim_net_port(struct sim_net *net, struct in_addr ip, unsigned connections_max, struct port **out)
{
    if (connections_max == 0 || connections_max > HANDLE_SLOTS_MAX) {
        return ERR_RANGE;
    }
    struct sim_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return ERR_MEMORY;
    }
    p->port.ops = &sim_ops;
    p->net = net;
    p->ip = ip;
    p->live_max = connections_max;
    p->slots = calloc(connections_max, sizeof(struct side *));
    p->handles = calloc(connections_max, sizeof *p->handles);
    p->free_slots = calloc(connections_max, sizeof *p->free_slots);
    if (p->slots == NULL || p->handles == NULL || p->free_slots == NULL) {
        free(p->slots);
        free(p->handles);
        free(p->free_slots);
        free(p);
        return ERR_MEMORY;
    }
    for (uint32_t i = connections_max; i-- > 0;) {
        p->handles[i] = handle_make(i, HANDLE_GENERATION_MASK);
        p->free_slots[p->free_count++] = i;
    }
    p->next = net->ports;
    if (p->next != NULL) {
        p->next->previous = p;
    }
    net->ports = p;
    *out = &p->port;
    return OK;
}

static void side_kill(struct side *s, enum sim_kill how)
{
    struct sim_conn *c = s->conn;
    unsigned index = sim_side_index(s);
    if (how == SIM_KILL_DELIVERS && s->state != SIDE_CONNECTING) {
        if (!s->fin_sent) {
            sim_post(c, SIM_FIN, 1 - index, 0);
        }
    } else {
        sim_cut_at_random(c, index);
        if (how != SIM_KILL_SILENT) {
            sim_post(c, SIM_RESET, 1 - index, 0);
        }
    }
    s->silent = how == SIM_KILL_SILENT;
    sim_side_gone(s);
    s->port = NULL;
}

void sim_net_kill(struct port *p, enum sim_kill how)
{
    struct sim_port *sp = sim_of(p);
    struct sim_net *net = sp->net;
    given_release(sp);
    for (struct sim_conn *c = net->conns, *after; c != NULL; c = after) {
        after = c->next;
        for (unsigned i = 0; i < 2; i++) {
            struct side *s = &c->sides[i];
            if (s->port == sp && s->state != SIDE_GONE && c->serial != 0) {
                side_kill(s, how);
            }
        }
    }
    if (sp->previous != NULL) {
        sp->previous->next = sp->next;
    } else {
        net->ports = sp->next;
    }
    if (sp->next != NULL) {
        sp->next->previous = sp->previous;
    }
    free(sp->slots);
    free(sp->handles);
    free(sp->free_slots);
    free(sp->pieces);
    free(sp->senders);
    free(sp);
}

void sim_net_cut(struct port *p, uint32_t conn)
{
    struct side *s = side_open(p, conn);
    if (s != NULL) {
        sim_lose(s->conn);
    }
}
