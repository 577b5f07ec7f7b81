#include "control/ws/ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/ws/handshake.h"
#include "control/ws/inside.h"

#define PROTOCOL       "rfqd.v1"
#define BEARER         "bearer."
#define TOPICS_AT_ONCE 1024u
#define TICKS_MAX      64u /* connections whose times are looked at in one poll */

/* Upgrade
 * ----------------------------------------------------------------------------------------------------- */

/* Does one of a header's values, separated by commas, begin so? The rest of it into out, cut to its size. */
static bool list_value(const char *list, const char *begin, bool whole, char *out, size_t size)
{
    size_t wanted = strlen(begin);
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t length = strcspn(list, " \t,");
        if (length >= wanted && strncasecmp(list, begin, wanted) == 0 && (!whole || length == wanted)) {
            if (out)
                snprintf(out, size, "%.*s", (int)(length - wanted), list + wanted);
            return true;
        }
        list += length;
    }
    return false;
}

/* Our own page, a page that configuration names, or a program that is no page. */
static bool origin_admitted(const struct ws *w, struct web_request *r)
{
    const char *origin = web_header(r, "origin"), *host = web_header(r, "host");
    if (!origin)
        return true;
    const char *authority = strstr(origin, "://");
    if (authority && host && strcasecmp(authority + 3, host) == 0)
        return true;
    const char *listed = w->config.config->http_origins;
    size_t size = strlen(origin);
    while (*listed) {
        listed += strspn(listed, " ");
        size_t length = strcspn(listed, " ");
        if (length == size && strncasecmp(listed, origin, size) == 0)
            return true;
        listed += length;
    }
    return false;
}

/* By header or subprotocol. True: there is a token, and it is good, or there is none. */
static bool take_token(struct ws *w, struct web_request *r, struct principal *who, bool *has_token)
{
    char offered[AUTH_TOKEN_SIZE_MAX + 2]; /* one that is too long is too long here as well */
    const char *header = web_header(r, "authorization"), *token = NULL,
               *why = "Authorization takes a bearer token";
    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        token = header + 7 + strspn(header + 7, " ");
    else if (!header &&
             list_value(web_header(r, "sec-websocket-protocol"), BEARER, false, offered, sizeof offered))
        token = offered;
    *has_token = token;
    if (!token && !header)
        return true;
    if (token && auth_token(w->config.auth, token, w->now_ns, who, &why) == OK)
        return true;
    ws_count(w, WS_REFUSED_TOKEN);
    web_add_header(r, "WWW-Authenticate", token ? "Bearer error=\"invalid_token\"" : "Bearer");
    web_problem(r, 401, "unauthorized", "%s", why);
    return false;
}

static bool asks_for_websocket(struct web_request *r)
{
    const char *version = web_header(r, "sec-websocket-version"), *key = web_header(r, "sec-websocket-key");
    return list_value(web_header(r, "upgrade"), "websocket", true, NULL, 0) &&
           list_value(web_header(r, "connection"), "upgrade", true, NULL, 0) && version &&
           strcmp(version, "13") == 0 && key && strlen(key) == HANDSHAKE_KEY_SIZE;
}

static bool admit(struct ws *w, struct web_request *r, struct principal *who, bool *has_token)
{
    if (!asks_for_websocket(r)) {
        ws_count(w, WS_REFUSED_UPGRADE);
        web_add_header(r, "Upgrade", "websocket");
        web_add_header(r, "Sec-WebSocket-Version", "13");
        web_problem(r, 426, "upgrade_required", "a WebSocket (RFC 6455, version 13) is spoken here");
    } else if (!origin_admitted(w, r)) {
        ws_count(w, WS_REFUSED_ORIGIN);
        web_problem(r, 403, "origin", "pages of this origin may not connect: http.origins has no %.200s",
                    web_header(r, "origin"));
    } else if (w->going) {
        ws_count(w, WS_REFUSED_GOING_AWAY);
        web_problem(r, 503, "going_away", "the appliance is being stopped");
    } else if (take_token(w, r, who, has_token)) {
        if (!*has_token || ws_conn_fits(w, who))
            return true;
        ws_count(w, WS_REFUSED_TENANT_LIMIT);
        web_problem(r, 429, "connections_per_tenant", "%s", CONN_TENANT_FULL);
    }
    return false;
}

void ws_serve(struct ws *w, struct web_request *r)
{
    static const struct web_stream_ops ops = {ws_conn_data, ws_conn_closed};
    struct principal who;
    bool has_token;
    char key[HANDSHAKE_ACCEPT_SIZE];
    if (!admit(w, r, &who, &has_token))
        return;
    struct ws_conn *c = ws_conn_new(w, w->now_ns);
    if (!c) {
        ws_count(w, WS_REFUSED_MEMORY);
        web_problem(r, 503, "memory", "there is no memory for one more connection");
        return;
    }
    if (has_token)
        ws_conn_admitted(c, &who);
    ws_handshake_accept(web_header(r, "sec-websocket-key"), key);
    web_add_header(r, "Upgrade", "websocket");
    web_add_header(r, "Sec-WebSocket-Accept", key);
    if (list_value(web_header(r, "sec-websocket-protocol"), PROTOCOL, true, NULL, 0))
        web_add_header(r, "Sec-WebSocket-Protocol", PROTOCOL); /* the token is never given back */
    c->web = web_upgrade(r, &ops, c);
}

/* Polling
 * ----------------------------------------------------------------------------------------------------- */

static unsigned bury(struct ws *w)
{
    unsigned count = 0;
    while (w->dead) {
        struct ws_conn *c = w->dead;
        web_conn_close(*w->config.web, c->web);
        ws_conn_free(c); /* takes it off the list */
        count++;
    }
    return count;
}

/* Those whose peers have read get more; who has had all is off the list. */
static void pump_backed(struct ws *w)
{
    struct ws_conn *list = w->backed;
    w->backed = NULL;
    while (list) {
        struct ws_conn *c = list;
        list = c->next_backed;
        ws_queue_pump(c);
        c->is_backed = c->queue_first != NULL;
        if (c->is_backed) {
            c->next_backed = w->backed;
            w->backed = c;
        }
    }
}

/* A few of them in each poll, in turn: what one misses is read again from the log, and many who come back at
 * one time must not hold up what else the core does. */
static unsigned pump_resuming(struct ws *w)
{
    unsigned work = 0;
    if (!w->resuming) {
        w->resuming = w->resuming_next;
        w->resuming_next = NULL;
    }
    for (unsigned i = 0; w->resuming && i < WS_RESUMING_PER_POLL; i++) {
        struct ws_conn *c = w->resuming;
        w->resuming = c->next_resuming;
        if (!c->closing)
            work += ws_resume_pump(c);
        if (c->resuming && !c->closing) {
            c->next_resuming = w->resuming_next;
            w->resuming_next = c;
        }
    }
    return work;
}

/* Some of this second's round: so a heartbeat to everybody is no burst that others wait behind. */
static unsigned tick(struct ws *w)
{
    unsigned count = 0;
    for (; w->next_tick && count < TICKS_MAX; count++) {
        struct ws_conn *c = w->next_tick;
        w->next_tick = c->next;
        if (!c->closing)
            ws_conn_tick(c);
    }
    return count;
}

unsigned ws_poll(struct ws *w, uint64_t now_ns)
{
    w->now_ns = now_ns;
    unsigned work = w->gathered_count;
    ws_fan_deliver(w);
    if (w->resuming || w->resuming_next)
        work += pump_resuming(w);
    if (w->backed)
        pump_backed(w);
    if (now_ns >= w->next_second_ns) {
        w->next_second_ns = now_ns + S_NS;
        if (!w->next_tick)
            w->next_tick = w->first;
        w->countdown_slot = 0;
    }
    if (w->countdown_slot != UINT32_MAX) {
        work += ws_fan_countdowns(w);
        ws_fan_deliver(w);
    }
    if (w->next_tick)
        work += tick(w);
    if (w->kept || w->dead) {
        web_flush(*w->config.web);
        ws_fan_release(w);
        work += bury(w);
    }
    return work;
}

void ws_going_away(struct ws *w, uint64_t now_ns)
{
    char text[96];
    w->going = true;
    w->now_ns = now_ns;
    for (struct ws_conn *c = w->first; c; c = c->next) {
        /* Not all at once: each a part of a delay later, by where it lies in memory. */
        unsigned delay = WS_RECONNECT_MS + (unsigned)((uintptr_t)c / 64 % WS_RECONNECT_MS);
        int size = snprintf(text, sizeof text,
                            "{\"event\":\"going_away\",\"data\":{\"reconnectAfterMs\":%u}}", delay);
        ws_conn_text(c, text, (size_t)size, 0);
        ws_conn_close(c, 1001, "going away");
    }
}

/* Life
 * -------------------------------------------------------------------------------------------------------- */

static void make_counters(struct ws *w, struct counters *k)
{
    static const char *const codes[] = {
#define X(code) #code,
        CLOSE_CODES(X)
#undef X
            "other"};
    static const char *const refusals[] = {
#define X(name, text) text,
        REFUSALS(X)
#undef X
    };
    char label[COUNTER_LABEL_SIZE];
    w->connections = counter_new(k, COUNTER_GAUGE, "rfqd_ws_connections", "");
    w->connects = counter_new(k, COUNTER_TOTAL, "rfqd_ws_connects_total", "");
    w->sent = counter_new(k, COUNTER_TOTAL, "rfqd_ws_sent_messages_total", "");
    w->subscriptions = counter_new(k, COUNTER_GAUGE, "rfqd_ws_subscriptions", "");
    w->slow = counter_new(k, COUNTER_TOTAL, "rfqd_ws_slow_consumers_total", "");
    w->readers = counter_new(k, COUNTER_GAUGE, "rfqd_ws_resume_readers", "");
    w->commands = counter_new(k, COUNTER_TOTAL, "rfqd_ws_commands_total", "");
    for (unsigned i = 0; i < PASSING_NOT; i++) {
        snprintf(label, sizeof label, "event=\"%s\"", ws_passing_names[i]);
        w->coalesced[i] = counter_new(k, COUNTER_TOTAL, "rfqd_ws_coalesced_total", label);
    }
    for (unsigned i = 0; i <= WS_CODES; i++) {
        snprintf(label, sizeof label, "code=\"%s\"", codes[i]);
        w->disconnects[i] = counter_new(k, COUNTER_TOTAL, "rfqd_ws_disconnects_total", label);
    }
    for (unsigned i = 0; i < WS_REFUSALS; i++) {
        snprintf(label, sizeof label, "reason=\"%s\"", refusals[i]);
        w->refused[i] = counter_new(k, COUNTER_TOTAL, "rfqd_ws_refused_total", label);
    }
}

enum err ws_create(struct ws **out, const struct ws_config *c)
{
    struct ws *w = *out = calloc(1, sizeof *w);
    if (!w)
        return ERR_MEMORY;
    w->config = *c;
    w->topics = calloc(TOPICS_AT_ONCE, sizeof *w->topics);
    w->tenant_counts = calloc(c->config->tenant_count + 1, sizeof *w->tenant_counts);
    if (!w->topics || !w->tenant_counts) {
        free(w->topics);
        free(w->tenant_counts);
        free(w);
        *out = NULL;
        return ERR_MEMORY;
    }
    w->topic_mask = TOPICS_AT_ONCE - 1;
    w->countdown_slot = UINT32_MAX;
    make_counters(w, c->counters);
    const struct feed_follower follower = {ws_fan_wants, ws_fan_event, w};
    feed_follow(c->feed, &follower);
    return OK;
}

void ws_destroy(struct ws *w)
{
    while (w->first)
        ws_conn_free(w->first);
    ws_fan_release(w);
    json_free(&w->text);
    free(w->topics);
    free(w->tenant_counts);
    free(w);
}
