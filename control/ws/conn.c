/* A connection: frames in (wslay), frames out, its times and its end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ws/inside.h"

#define CONTROL_PAYLOAD_MAX 125u /* RFC 6455, 5.5 */

/* Output that is not an event: answers, and wslay's own frames
 * -------------------------------------------------------------------------------------------- */

void ws_conn_text(struct ws_conn *c, const char *text, size_t size, uint64_t seq)
{
    if (c->closing)
        return;
    struct ws_message *m = ws_message_new(c->ws, text, size);
    if (!m) {
        ws_conn_close(c, 1013, "no memory: resume later");
        return;
    }
    m->whole = true;
    m->seq = seq;
    ws_message_send(c, m);
}

static ssize_t on_send(wslay_event_context_ptr x, const uint8_t *data, size_t size, int flags, void *user)
{
    struct ws_conn *c = user;
    (void)x;
    (void)flags;
    if (!c->closing) /* nothing follows a close frame */
        web_conn_write(*c->ws->config.web, c->web, data, size);
    return (ssize_t)size;
}

static ssize_t on_recv(wslay_event_context_ptr x, uint8_t *to, size_t size, int flags, void *user)
{
    struct ws_conn *c = user;
    (void)flags;
    if (c->in_size == 0) {
        wslay_event_set_error(x, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t taken = size < c->in_size ? size : c->in_size;
    memcpy(to, c->in, taken);
    c->in += taken;
    c->in_size -= taken;
    return (ssize_t)taken;
}

static void on_message(wslay_event_context_ptr x, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
    struct ws_conn *c = user;
    (void)x;
    if (c->closing)
        return;
    if (arg->opcode == WSLAY_TEXT_FRAME)
        ws_ask(c, (const char *)arg->msg, arg->msg_length);
    else if (arg->opcode == WSLAY_BINARY_FRAME)
        ws_conn_close(c, 1003, "text frames are spoken here");
    else if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->msg_length == 1) /* wslay takes it for none */
        ws_conn_close(c, 1002, "a close code has two bytes");
}

/* End
 * -------------------------------------------------------------------------------------------------------------
 */

static unsigned code_index(uint16_t code)
{
    static const uint16_t codes[] = {
#define X(code) code,
        CLOSE_CODES(X)
#undef X
    };
    unsigned i = 0;
    while (i < WS_CODES && codes[i] != code)
        i++;
    return i;
}

/* By hand: wslay writes nothing more once it has met a frame that it cannot read. */
static void send_close(struct ws_conn *c, uint16_t code, const char *reason)
{
    char frame[4 + CONTROL_PAYLOAD_MAX];
    size_t size = strnlen(reason, CONTROL_PAYLOAD_MAX - 2);
    frame[0] = (char)0x88; /* FIN, close */
    frame[1] = (char)(size + 2);
    frame[2] = (char)(code >> 8);
    frame[3] = (char)code;
    memcpy(frame + 4, reason, size);
    web_conn_write(*c->ws->config.web, c->web, frame, size + 4);
}

void ws_conn_close(struct ws_conn *c, uint16_t code, const char *reason)
{
    if (c->closing)
        return;
    c->closing = true;
    counter_add(c->ws->disconnects[code_index(code)], 1);
    ws_queue_clear(c);
    send_close(c, code, reason);
    c->next_dead = c->ws->dead;
    c->ws->dead = c;
}

static void leave(struct ws_conn **list, size_t next, const struct ws_conn *c)
{
    while (*list && *list != c)
        list = (struct ws_conn **)(void *)((char *)*list + next);
    if (*list)
        *list = *(struct ws_conn **)(const void *)((const char *)c + next);
}

/* How many connections a tenant of the configuration has. */
static unsigned *tenant_count(const struct ws *w, uint32_t tenant)
{
    const struct config *c = w->config.config;
    unsigned i = 0;
    while (i + 1 < c->tenant_count && c->tenants[i].number != tenant)
        i++;
    return &w->tenant_counts[i];
}

void ws_conn_free(struct ws_conn *c)
{
    struct ws *w = c->ws;
    ws_unsubscribe_all(c);
    ws_queue_clear(c);
    ws_resume_leave(c);
    ws_commands_forget(c);
    if (c->prev)
        c->prev->next = c->next;
    else
        w->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (c->due)
        leave(&w->due, offsetof(struct ws_conn, next_due), c);
    if (w->next_tick == c)
        w->next_tick = c->next;
    if (c->authenticated)
        --*tenant_count(w, c->tenant_number);
    if (c->is_backed)
        leave(&w->backed, offsetof(struct ws_conn, next_backed), c);
    leave(&w->resuming, offsetof(struct ws_conn, next_resuming), c);
    leave(&w->resuming_next, offsetof(struct ws_conn, next_resuming), c);
    if (c->closing)
        leave(&w->dead, offsetof(struct ws_conn, next_dead), c);
    wslay_event_context_free(c->wslay);
    counter_set(w->connections, --w->count);
    free(c);
}

/* The peer is gone without a word. */
void ws_conn_closed(void *ctx)
{
    struct ws_conn *c = ctx;
    if (c->in_callback) {
        c->gone = true;
        return;
    }
    if (!c->closing)
        counter_add(c->ws->disconnects[WS_CODES], 1);
    ws_conn_free(c);
}

/* Input
 * ------------------------------------------------------------------------------------------------------------
 */

void ws_conn_data(void *ctx, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
    struct ws_conn *c = ctx;
    if (c->closing)
        return;
    c->heard_ns = now_ns;
    c->in = bytes;
    c->in_size = size;
    c->in_callback = true;
    /* Of some frames that it cannot read, such as a ping of 126 bytes, wslay does not say what is wrong: its
     * close frame would have no code. */
    bool broken = wslay_event_recv(c->wslay) != 0;
    if (!c->gone && !broken && wslay_event_want_write(c->wslay))
        broken = wslay_event_send(c->wslay) != 0; /* pongs, and the answer to a close */
    bool done = wslay_event_get_close_received(c->wslay) || wslay_event_get_close_sent(c->wslay);
    c->in_callback = false;
    if (c->gone) {
        ws_conn_free(c);
    } else if (done && !c->closing) { /* wslay has said what there was to say */
        counter_add(c->ws->disconnects[code_index(wslay_event_get_status_code_sent(c->wslay))], 1);
        web_conn_close(*c->ws->config.web, c->web);
        ws_conn_free(c);
    } else if (broken) {
        ws_conn_close(c, 1002, "not a frame as RFC 6455 has it");
    }
}

bool ws_conn_fits(const struct ws *w, const struct principal *who)
{
    return *tenant_count(w, who->tenant) < w->config.config->http_connections_per_tenant_max;
}

void ws_conn_admitted(struct ws_conn *c, const struct principal *who)
{
    if (!c->authenticated)
        ++*tenant_count(c->ws, who->tenant);
    c->who = *who;
    c->tenant_number = who->tenant;
    c->authenticated = true;
    c->is_warned = false;
    memset(c->tenant, 0, sizeof c->tenant);
    memcpy(c->tenant, who->user->tenant, sizeof c->tenant);
}

/* Time
 * -------------------------------------------------------------------------------------------------------------
 */

static struct json *told_begin(struct ws_conn *c, const char *event)
{
    struct json *j = &c->ws->text;
    j->used = 0;
    j->comma = j->failed = false;
    json_open(j, NULL, '{');
    json_text(j, "event", event);
    return j;
}

static void told_end(struct ws_conn *c, struct json *j)
{
    json_close(j, '}');
    if (!j->failed)
        ws_conn_text(c, j->text, j->used, 0);
}

static void beat(struct ws_conn *c)
{
    struct json *j = told_begin(c, "heartbeat");
    json_uint(j, "seq", c->prev_seq);
    json_time(j, "ts", c->ws->now_ns);
    told_end(c, j);
}

static void warn(struct ws_conn *c)
{
    struct json *j = told_begin(c, "auth:expired");
    json_open(j, "data", '{');
    json_time(j, "closesAt", c->who.expires_ns);
    json_close(j, '}');
    told_end(c, j);
}

/* About once a second. */
void ws_conn_tick(struct ws_conn *c)
{
    uint64_t now_ns = c->ws->now_ns;
    if (!c->authenticated && now_ns - c->opened_ns >= WS_AUTH_TIMEOUT_NS) {
        ws_count(c->ws, WS_REFUSED_NO_TOKEN);
        ws_conn_close(c, 1008, "no token came in time");
    } else if (c->authenticated && !c->is_warned && now_ns + WS_EXPIRY_NS >= c->who.expires_ns) {
        c->is_warned = true;
        warn(c);
    } else if (c->authenticated && now_ns >= c->who.expires_ns) {
        ws_conn_close(c, 1008, "the token has expired");
    } else if (now_ns - c->heard_ns >= WS_IDLE_NS) {
        ws_conn_close(c, 1001, "nothing was heard of you");
    } else {
        if (now_ns - c->pinged_ns >= WS_PING_NS) {
            struct wslay_event_msg ping = {.opcode = WSLAY_PING};
            c->pinged_ns = now_ns;
            if (wslay_event_queue_msg(c->wslay, &ping) == 0)
                wslay_event_send(c->wslay);
        }
        if (c->authenticated && now_ns - c->beat_ns >= WS_HEARTBEAT_NS) {
            c->beat_ns = now_ns;
            beat(c);
        }
    }
}

/* Begin
 * ------------------------------------------------------------------------------------------------------------
 */

struct ws_conn *ws_conn_new(struct ws *w, uint64_t now_ns)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv, .send_callback = on_send, .on_msg_recv_callback = on_message};
    struct ws_conn *c = calloc(1, sizeof *c);
    if (!c || wslay_event_context_server_init(&c->wslay, &callbacks, c) != 0) {
        free(c);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(c->wslay, WS_FRAME_MAX);
    c->ws = w;
    c->opened_ns = c->heard_ns = c->pinged_ns = c->beat_ns = now_ns;
    c->next = w->first;
    if (w->first)
        w->first->prev = c;
    w->first = c;
    counter_set(w->connections, ++w->count);
    counter_add(w->connects, 1);
    return c;
}
