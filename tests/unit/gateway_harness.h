/* A gateway in a made-up world: simulated network, scripted FIX peers, a stand-in for the log agent that
 * keeps every batch, and a twin of the gateway's state that is made from those batches only.
 *
 * Peers are naive on purpose: they know FIX as text (SOH written as '|') and share no code with the gateway
 * but the validator, by which they check all that they get.
 */
#ifndef RFQD_TESTS_GATEWAY_HARNESS_H
#define RFQD_TESTS_GATEWAY_HARNESS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/core/clock.h"
#include "dataplane/gateway/gateway.h"
#include "dataplane/net/sim_net.h"
#include "fix/msg.h"

#define SECOND      1000000000ull
#define MILLISECOND 1000000ull
#define START_NS    (1795000000ull * SECOND) /* 2026-11-18 */

enum { TAKER = 0, LP = 1, LP2 = 2, WORLD_SESSIONS = 3 };

/* Peers
 * ----------------------------------------------------------------------------------------------------------
 */

struct peer {
    struct port *port;
    uint32_t conn;
    bool connected, closed;
    const char *name; /* its CompID; ours is RFQD */
    uint64_t next_out, next_in;
    bool answers_tests; /* Heartbeat for each TestRequest, by itself */
    uint64_t now_ns;
    char stream[1 << 18];
    size_t stream_size;
    char **messages; /* received, '|' for SOH, oldest first */
    unsigned message_count, message_next;
};

static inline size_t fix_text(char *out, size_t room, const char *name, uint64_t seq, uint64_t now_ns,
                              const char *body)
{
    struct clock_civil c;
    clock_to_civil(now_ns, &c);
    char inner[1 << 17], *end = strchr(body, '|');
    cr_assert(end, "a body begins with 35=…|");
    int type_size = (int)(end - body) + 1;
    int n = snprintf(inner, sizeof inner, "%.*s34=%llu|49=%s|52=%04d%02u%02u-%02u:%02u:%02u.%03u|56=RFQD|%s",
                     type_size, body, (unsigned long long)seq, name, c.year, c.month, c.day, c.hour, c.minute,
                     c.second, c.ns / 1000000, body + type_size);
    cr_assert(n > 0 && (size_t)n < sizeof inner);
    int size = snprintf(out, room, "8=FIX.4.4|9=%d|%s", n, inner);
    cr_assert(size > 0 && (size_t)size + 8 < room);
    for (int i = 0; i < size; i++)
        if (out[i] == '|')
            out[i] = '\x01';
    unsigned sum = 0;
    for (int i = 0; i < size; i++)
        sum += (unsigned char)out[i];
    return (size_t)size + (size_t)snprintf(out + size, room - (size_t)size, "10=%03u\x01", sum & 255);
}

static inline void peer_bytes(struct peer *p, const void *bytes, size_t size)
{
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    cr_assert_eq(port_send(p->port, p->conn, copy, size), OK);
    port_flush(p->port);
    free(copy);
}

/* "35=R|131=…|" under the peer's next number, or under one given. */
static inline void peer_send_as(struct peer *p, uint64_t seq, const char *body)
{
    static char bytes[1 << 18];
    peer_bytes(p, bytes, fix_text(bytes, sizeof bytes, p->name, seq, p->now_ns, body));
}

__attribute__((format(printf, 2, 3))) static inline void peer_send(struct peer *p, const char *format, ...)
{
    static char body[1 << 16];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    peer_send_as(p, p->next_out++, body);
}

/* The value of a field, in static storage; NULL: none. */
static inline const char *field(const char *message, unsigned tag)
{
    static char values[8][256];
    static unsigned turn;
    char key[16];
    snprintf(key, sizeof key, "|%u=", tag);
    const char *at = strstr(message, key);
    if (!at)
        return NULL;
    at += strlen(key);
    size_t size = strcspn(at, "|");
    char *value = values[turn++ % 8];
    snprintf(value, 256, "%.*s", (int)size, at);
    return value;
}

static inline bool field_is(const char *message, unsigned tag, const char *value)
{
    const char *v = field(message, tag);
    return v && strcmp(v, value) == 0;
}

static inline void check_valid(const char *bytes, size_t size)
{
    static struct fix_msg m;
    struct fix_refusal why = {0};
    cr_assert_eq(fix_parse(&m, bytes, size), OK);
    enum err e = fix_validate(&m, false, &why);
    cr_assert_eq(e, OK, "%s (%u): %.*s", why.text, why.ref_tag, (int)size, bytes);
}

static inline void peer_got(struct peer *p, const char *bytes, size_t size)
{
    check_valid(bytes, size);
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = bytes[i] == '\x01' ? '|' : bytes[i];
    text[size] = 0;
    p->messages = realloc(p->messages, (p->message_count + 1) * sizeof *p->messages);
    p->messages[p->message_count++] = text;
    uint64_t seq = strtoull(field(text, 34), NULL, 10);
    if (field_is(text, 35, "4") && seq <= p->next_in)
        p->next_in = strtoull(field(text, 36), NULL, 10);
    else if (seq == p->next_in)
        p->next_in++;
    if (p->answers_tests && field_is(text, 35, "1"))
        peer_send(p, "35=0|112=%s|", field(text, 112));
}

static inline unsigned peer_poll(struct peer *p, uint64_t now_ns)
{
    p->now_ns = now_ns;
    struct port_event events[PORT_EVENTS_MAX];
    unsigned count = port_poll(p->port, events, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        const struct port_event *e = &events[i];
        if (e->type == PORT_CONNECTED || e->type == PORT_ACCEPTED) {
            p->conn = e->conn;
            p->connected = true;
            p->closed = false;
            p->stream_size = 0;
        } else if (e->type == PORT_DATA) {
            cr_assert(p->stream_size + e->size <= sizeof p->stream);
            memcpy(p->stream + p->stream_size, e->data, e->size);
            p->stream_size += e->size;
        } else {
            p->connected = false;
            p->closed = true;
        }
    }
    size_t size;
    while (p->stream_size && fix_frame(p->stream, p->stream_size, &size) == FIX_FRAME_OK) {
        char message[1 << 16];
        memcpy(message, p->stream, size);
        memmove(p->stream, p->stream + size, p->stream_size - size);
        p->stream_size -= size;
        peer_got(p, message, size);
    }
    return count;
}

static inline bool is_chatter(const char *message)
{
    return field_is(message, 35, "0") || field_is(message, 35, "1");
}

/* The next message received, heartbeats and TestRequests passed over; NULL: none. */
static inline const char *peer_next(struct peer *p)
{
    while (p->message_next < p->message_count && is_chatter(p->messages[p->message_next]))
        p->message_next++;
    return p->message_next < p->message_count ? p->messages[p->message_next++] : NULL;
}

static inline const char *peer_expect(struct peer *p, const char *type)
{
    const char *m = peer_next(p);
    cr_assert(m, "%s expected %s and got nothing", p->name, type);
    cr_assert(field_is(m, 35, type), "%s expected %s: %s", p->name, type, m);
    return m;
}

static inline void peer_nothing(struct peer *p)
{
    const char *m = peer_next(p);
    cr_assert(!m, "%s expected nothing: %s", p->name, m);
}

/* World
 * ----------------------------------------------------------------------------------------------------------
 */

struct world {
    struct sim_net *net;
    uint64_t now_ns;
    struct port *port;
    struct ring ring;
    struct ring_reader reader;
    bool log_stands; /* the log agent does not merge */
    bool not_durable;
    char ring_path[64];
    struct ring_identity identity;
    struct lane *order, *request, *quote, *from_distribution, *from_routing;
    struct gateway_state *state, *twin;
    struct counters *counters;
    struct gateway *gateway;
    uint64_t (*clock)(void);
    const char *(*log_stalled)(const struct log *log);
    struct gateway_session_config sessions[WORLD_SESSIONS];
    unsigned session_count;
    struct sockaddr_in listen;
    uint32_t store_size;
    struct peer peers[WORLD_SESSIONS];
    uint64_t engine_position[AGENTS_MAX]; /* of the made-up engines' rings */
    /* every batch that the log agent saw, in order */
    struct batch **batches;
    unsigned batch_count;
    /* kill -9 at the n-th commit from now, 0: never; each counts twice, before its store and behind it */
    unsigned kill_at_commit;
    jmp_buf killed;
};

static inline struct sockaddr_in address(const char *ip, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

static inline void world_commit_hook(void *ctx, struct ring *r)
{
    (void)r;
    struct world *w = ctx;
    if (w->kill_at_commit && --w->kill_at_commit == 0)
        longjmp(w->killed, 1);
}

/* The log agent: keep, apply to the twin, give back. */
static inline void world_log(struct world *w)
{
    const struct batch *b;
    while (!w->log_stands && (b = ring_next(&w->reader)) != NULL) {
        struct batch *copy = malloc(b->size);
        memcpy(copy, b, b->size);
        w->batches = realloc(w->batches, (w->batch_count + 1) * sizeof *w->batches);
        w->batches[w->batch_count++] = copy;
        state_apply_batch(&w->twin->base, copy);
        ring_release(&w->reader, b->position + b->size);
    }
    if (!w->not_durable)
        ring_set_durable(&w->reader, w->reader.next);
}

static inline void world_gateway(struct world *w)
{
    struct gateway_config c = {.agent = AGENT_GATEWAY,
                               .ring = &w->ring,
                               .state = w->state,
                               .port = w->port,
                               .order = w->order,
                               .request = w->request,
                               .quote = w->quote,
                               .from_distribution = w->from_distribution,
                               .from_routing = w->from_routing,
                               .listen = &w->listen,
                               .sessions = w->sessions,
                               .session_count = w->session_count,
                               .resend_store_size = w->store_size,
                               .counters = w->counters,
                               .clock = w->clock,
                               .log_stalled = w->log_stalled};
    cr_assert_eq(gateway_create(&w->gateway, &c), OK);
}

static inline void world_lanes(struct world *w)
{
    struct lane **lanes[] = {&w->order, &w->request, &w->quote, &w->from_distribution, &w->from_routing};
    for (unsigned i = 0; i < 5; i++) {
        lane_destroy(*lanes[i]);
        cr_assert_eq(lane_create(lanes[i], LANE_SIZE_MIN), OK);
    }
}

static inline void world_session(struct gateway_session_config *s, const char *name, uint32_t number,
                                 enum session_role role, bool initiator)
{
    *s = (struct gateway_session_config){.number = number, .role = role};
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->fix.sender, sizeof s->fix.sender, "RFQD");
    snprintf(s->fix.target, sizeof s->fix.target, "%s", name);
    s->fix.initiator = initiator;
    s->fix.heartbeat_s = 30;
    s->fix.logon_timeout_ms = 10000;
    s->fix.logout_timeout_ms = 2000;
    s->fix.time_tolerance_s = 120;
    s->fix.admit_reset = true;
    s->fix.validate = true;
}

/* Everything made, nothing started: a test may change sessions, then world_start. */
static inline struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->now_ns = START_NS;
    struct sim_net_options options = SIM_NET_DEFAULTS;
    options.window_size = 1 << 20;
    cr_assert_eq(sim_net_create(&w->net, seed, &options), OK);
    sim_net_advance(w->net, w->now_ns);
    snprintf(w->ring_path, sizeof w->ring_path, "/dev/shm/rfqd-gateway-test-%d", (int)getpid());
    cr_assert_eq(ring_create(&w->ring, w->ring_path, RING_SIZE_MIN, AGENT_GATEWAY, &w->identity, 0), OK);
    unlink(w->ring_path);
    ring_reader_init(&w->reader, &w->ring, 0);
    w->ring.on_commit = world_commit_hook;
    w->ring.on_commit_ctx = w;
    world_lanes(w);
    cr_assert_eq(gateway_state_create(&w->state, AGENT_GATEWAY, false), OK);
    cr_assert_eq(gateway_state_create(&w->twin, AGENT_GATEWAY, true), OK);
    cr_assert_eq(counters_create(&w->counters, NULL), OK);
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.1", 0).sin_addr, 64, &w->port), OK);
    w->listen = address("10.0.0.1", 9000);
    w->session_count = 2;
    w->store_size = 1 << 20;
    world_session(&w->sessions[TAKER], "T1", 0, ROLE_TAKER, false);
    world_session(&w->sessions[LP], "L1", 1, ROLE_LP, false);
    world_session(&w->sessions[LP2], "L2", 2, ROLE_LP, true);
    w->sessions[LP2].address = address("10.0.0.22", 7000);
    w->sessions[LP2].reconnect_first_ns = SECOND;
    w->sessions[LP2].reconnect_max_ns = 4 * SECOND;
    static const char *const names[] = {"T1", "L1", "L2"};
    for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
        struct peer *p = &w->peers[i];
        char ip[16];
        snprintf(ip, sizeof ip, "10.0.0.2%u", i);
        cr_assert_eq(sim_net_port(w->net, address(ip, 0).sin_addr, 8, &p->port), OK);
        p->name = names[i];
        p->next_out = p->next_in = 1;
        p->answers_tests = true;
        p->now_ns = w->now_ns;
    }
    return w;
}

static inline void world_start(struct world *w)
{
    world_gateway(w);
    cr_assert_eq(gateway_start(w->gateway, w->now_ns, 0), OK);
}

static inline void world_free(struct world *w)
{
    gateway_destroy(w->gateway);
    sim_net_destroy(w->net);
    ring_close(&w->ring);
    struct lane *lanes[] = {w->order, w->request, w->quote, w->from_distribution, w->from_routing};
    for (unsigned i = 0; i < 5; i++)
        lane_destroy(lanes[i]);
    w->state->base.destroy(&w->state->base);
    w->twin->base.destroy(&w->twin->base);
    counters_close(w->counters);
    for (unsigned i = 0; i < w->batch_count; i++)
        free(w->batches[i]);
    free(w->batches);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++) {
        for (unsigned j = 0; j < w->peers[i].message_count; j++)
            free(w->peers[i].messages[j]);
        free(w->peers[i].messages);
    }
    free(w);
}

/* What a gateway does when it is idle is seen nowhere. */
static inline void world_warm(struct world *w)
{
    struct agent a = gateway_agent(w->gateway);
    uint64_t write = w->ring.write, digest = state_digest(&w->state->base), order = w->order->producer.write,
             request = w->request->producer.write, quote = w->quote->producer.write;
    a.warm(a.self, true);
    cr_assert_eq(w->ring.write, write);
    cr_assert_null(w->ring.open);
    cr_assert_eq(state_digest(&w->state->base), digest);
    cr_assert(w->order->producer.write == order && w->request->producer.write == request &&
              w->quote->producer.write == quote);
}

/* One round of all. Returns the work done. */
static inline unsigned world_round(struct world *w)
{
    struct agent a = gateway_agent(w->gateway);
    unsigned work = a.poll(a.self, w->now_ns);
    if (!work)
        world_warm(w);
    world_log(w);
    for (unsigned i = 0; i < WORLD_SESSIONS; i++)
        work += peer_poll(&w->peers[i], w->now_ns);
    return work;
}

/* Let time pass, event by event. */
static inline void world_run(struct world *w, uint64_t duration_ns)
{
    uint64_t until = w->now_ns + duration_ns;
    for (;;) {
        unsigned idle = 0;
        for (unsigned rounds = 0; idle < 2; rounds++) {
            cr_assert_lt(rounds, 100000, "the gateway never comes to rest");
            idle = world_round(w) ? 0 : idle + 1;
        }
        uint64_t next = sim_net_next_event_ns(w->net), deadline = gateway_next_deadline(w->gateway);
        if (deadline <= w->now_ns)
            deadline = w->now_ns + MILLISECOND; /* it waits for room or for the disk */
        if (deadline < next)
            next = deadline;
        if (next >= until)
            break;
        w->now_ns = next > w->now_ns ? next : w->now_ns + 1;
        sim_net_advance(w->net, w->now_ns);
    }
    w->now_ns = until;
    sim_net_advance(w->net, until);
    world_round(w);
    if (!w->log_stands)
        cr_assert_eq(state_digest(&w->state->base), state_digest(&w->twin->base), "engine and twin differ");
}

static inline void world_connect(struct world *w, unsigned i)
{
    struct peer *p = &w->peers[i];
    p->closed = p->connected = false;
    cr_assert_eq(port_connect(p->port, &w->listen, NULL, 0, &p->conn), OK);
    world_run(w, 2 * MILLISECOND);
}

/* Connected, logged on, in sync. */
static inline void world_logon(struct world *w, unsigned i)
{
    struct peer *p = &w->peers[i];
    world_connect(w, i);
    cr_assert(p->connected);
    peer_send(p, "35=A|98=0|108=30|");
    world_run(w, 5 * MILLISECOND);
    peer_expect(p, "A");
}

/* kill -9: gateway, lanes and port are gone; ring, batches and peers stay. Then recovery and start, as
 * storage and wiring do them. `kept`: the records that no engine had consumed, by position (0: all are
 * redelivered). */
static inline void world_kill(struct world *w)
{
    gateway_destroy(w->gateway);
    w->gateway = NULL;
    sim_net_kill(w->port, SIM_KILL_DELIVERS);
    w->state->base.destroy(&w->state->base);
    w->ring.write = ring_tail(&w->ring);
    w->ring.open = NULL;
    world_log(w);
}

static inline void world_restart(struct world *w, const uint64_t consumed[LANES_MAX])
{
    cr_assert_eq(sim_net_port(w->net, address("10.0.0.1", 0).sin_addr, 64, &w->port), OK);
    world_lanes(w);
    cr_assert_eq(gateway_state_create(&w->state, AGENT_GATEWAY, false), OK);
    for (unsigned i = 0; i < w->batch_count; i++)
        state_apply_batch(&w->state->base, w->batches[i]);
    cr_assert_eq(state_digest(&w->state->base), state_digest(&w->twin->base));
    world_gateway(w);
    unsigned before = w->batch_count;
    for (unsigned i = 0; i < before; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            if (r->type == RECORD_GATEWAY_OUT)
                gateway_restore_sent(w->gateway, (const void *)r);
    cr_assert_eq(gateway_start(w->gateway, w->now_ns, 0), OK);
    for (unsigned i = 0; i < before; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r)) {
            uint64_t position = batch_record_position(w->batches[i], r);
            if (r->dest != AGENT_NONE && position > consumed[r->lane])
                cr_assert(gateway_redeliver(w->gateway, r, position, w->batches[i]->origin_time_ns));
        }
}

/* Made-up engines
 * ------------------------------------------------------------------------------------------------ */

/* Put an event into a lane to the gateway, as an engine would. */
static inline void engine_event(struct world *w, uint8_t agent, void *event, uint16_t type, uint32_t size,
                                uint32_t session)
{
    struct record *r = event;
    r->size = RECORD_ALIGN(size);
    r->type = type;
    r->version = record_type_version(r->type);
    r->dest = AGENT_GATEWAY;
    r->lane = LANE_ENGINE;
    r->session = session;
    r->time_ns = w->now_ns;
    struct lane *l = agent == AGENT_ROUTING ? w->from_routing : w->from_distribution;
    w->engine_position[agent] += r->size + sizeof(struct batch);
    cr_assert(lane_put(l, agent, LANE_ENGINE, w->engine_position[agent], w->now_ns, r, 0));
    lane_commit(l);
}
#define EVENT(w, agent, type, event, session) \
    engine_event(w, agent, &(event), RECORD_##type, sizeof(event), session)

/* The next record of a lane to an engine, copied to static storage; NULL: none. Releases at once. */
static inline const struct lane_item *lane_take(struct lane *l)
{
    static _Alignas(8) char items[4][RECORD_SIZE_MAX];
    static unsigned turn;
    const struct lane_item *item = lane_peek(l);
    if (!item)
        return NULL;
    char *copy = items[turn++ % 4];
    memcpy(copy, item, item->size);
    lane_pop(l);
    lane_release(l);
    return (const struct lane_item *)copy;
}

static inline const void *lane_expect(struct lane *l, uint16_t type)
{
    const struct lane_item *item = lane_take(l);
    cr_assert(item, "expected %s and got nothing", record_type_name(type));
    cr_assert_eq(item->record.type, type, "expected %s: %s", record_type_name(type),
                 record_type_name(item->record.type));
    return &item->record;
}

static inline void lane_drain(struct lane *l)
{
    while (lane_take(l))
        ;
}

static inline void world_drain(struct world *w)
{
    lane_drain(w->order);
    lane_drain(w->request);
    lane_drain(w->quote);
}

static inline uint64_t counted(struct world *w, const char *name, const char *label)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(w->counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && strcmp(v.label, label) == 0)
            return v.value;
    cr_assert(false, "no counter %s{%s}", name, label);
    return 0;
}

#endif
