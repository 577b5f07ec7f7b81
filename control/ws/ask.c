/* Requests: {"op":…,"id":…}, each answered by {"re":id,"success":…}; a ping by the event pong, with `re`
 * where it had an id. PROTOCOL.md has them all. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/body/body.h"
#include "control/ws/inside.h"
#include "dataplane/core/decimal.h"

/* Answers
 * ------------------------------------------------------------------------------------------------------ */

struct json *ws_ask_begin(const struct asking *a, bool success)
{
    struct json *j = &a->c->ws->text;
    j->used = 0;
    j->comma = j->failed = false;
    json_open(j, NULL, '{');
    json_raw(j, "re", a->id ? a->id : "null", a->id ? strlen(a->id) : 4);
    json_flag(j, "success", success);
    return j;
}

static void answer_end_at(const struct asking *a, struct json *j, uint64_t seq)
{
    json_close(j, '}');
    if (!j->failed)
        ws_conn_text(a->c, j->text, j->used, seq);
}

void ws_ask_end(const struct asking *a, struct json *j)
{
    answer_end_at(a, j, 0);
}

void ws_ask_refuse(const struct asking *a, enum ws_refusal why, const char *error, const char *detail)
{
    ws_count(a->c->ws, why);
    ws_ask_fail(a, error, detail);
}

void ws_ask_fail(const struct asking *a, const char *error, const char *detail)
{
    struct json *j = ws_ask_begin(a, false);
    json_text(j, "error", error);
    json_text(j, "detail", detail);
    ws_ask_end(a, j);
}

void ws_ask_refuse_full(const struct asking *a)
{
    static_assert(WS_SUBSCRIPTIONS_MAX == 1000, "the text says so");
    ws_ask_refuse(a, WS_REFUSED_SUBSCRIPTIONS, "limit", "a connection has at most 1000 subscriptions");
}

static void refuse_not_subscribed(const struct asking *a)
{
    ws_ask_refuse(a, WS_REFUSED_NOT_SUBSCRIBED, "not_subscribed", "there was no such subscription");
}

static void done(const struct asking *a)
{
    ws_ask_end(a, ws_ask_begin(a, true));
}

const char *ws_ask_text(json_object *body, const char *name)
{
    json_object *v;
    return json_object_object_get_ex(body, name, &v) && json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : NULL;
}

bool ws_ask_number(json_object *body, const char *name, uint64_t *out)
{
    json_object *v;
    if (!json_object_object_get_ex(body, name, &v) || !json_object_is_type(v, json_type_int) ||
        json_object_get_int64(v) < 0)
        return false;
    *out = (uint64_t)json_object_get_int64(v);
    return true;
}

/* Who, and what they may see
 * ------------------------------------------------------------------------------------------------ */

static void op_auth(struct asking *a)
{
    struct ws *w = a->c->ws;
    const char *token = ws_ask_text(a->body, "token"), *why = "auth takes a token";
    struct principal who;
    if (!token || auth_token(w->config.auth, token, w->now_ns, &who, &why) != OK) {
        ws_ask_refuse(a, WS_REFUSED_TOKEN, "unauthorized", why);
        if (!a->c->authenticated)
            ws_conn_close(a->c, 1008, why);
    } else if (a->c->authenticated && who.user != a->c->who.user) {
        ws_ask_refuse(a, WS_REFUSED_OTHER_USER, "unauthorized", "this connection is another user's");
    } else if (!a->c->authenticated && !ws_conn_fits(w, &who)) {
        ws_ask_refuse(a, WS_REFUSED_TENANT_LIMIT, "limit", CONN_TENANT_FULL);
        ws_conn_close(a->c, 1013, CONN_TENANT_FULL);
    } else if (a->c->subscriptions && (a->c->who.roles & ~who.roles)) {
        ws_count(w, WS_REFUSED_TOKEN);
        ws_conn_close(a->c, 1008, "the new token has fewer roles than the subscriptions were had with");
    } else {
        ws_conn_admitted(a->c, &who);
        done(a);
    }
}

/* One that the asker may see. Another's is as good as none. */
bool ws_ask_find_rfq(struct asking *a, const char *name, struct view_rfq *out)
{
    struct ws *w = a->c->ws;
    uint64_t id = name ? name_parse('R', name, strlen(name)) : 0;
    return id && view_find_rfq(node_replica(w->config.node), id, out) == OK &&
           principal_may_see(w->config.auth, &a->c->who, out->owner.tenant, out->owner.taker);
}

static void op_subscribe_rfq(struct asking *a)
{
    struct ws_conn *c = a->c;
    struct replica *r = node_replica(c->ws->config.node);
    struct view_rfq v;
    if (!ws_ask_find_rfq(a, ws_ask_text(a->body, "rfqId"), &v)) {
        ws_ask_refuse(a, WS_REFUSED_REQUEST, "unknown_rfq", "no such RFQ");
        return;
    }
    if (!ws_subscribe(c, TOPIC_RFQ, v.owner.rfq)) {
        ws_ask_refuse_full(a);
        return;
    }
    struct json *j = ws_ask_begin(a, true);
    json_uint(j, "epoch", feed_epoch(c->ws->config.feed));
    json_uint(j, "seq", feed_seq(c->ws->config.feed));
    if (view_state(j, "rfq", r, &v, c->ws->now_ns) != OK) {
        ws_unsubscribe(c, TOPIC_RFQ, v.owner.rfq);
        ws_ask_refuse(a, WS_REFUSED_STORE, "store", "the store could not be read");
        return;
    }
    answer_end_at(a, j, feed_seq(c->ws->config.feed));
}

static void op_unsubscribe_rfq(struct asking *a)
{
    const char *name = ws_ask_text(a->body, "rfqId");
    if (name && ws_unsubscribe(a->c, TOPIC_RFQ, name_parse('R', name, strlen(name))))
        done(a);
    else
        refuse_not_subscribed(a);
}

/* Subscriptions without a snapshot say from where on they are. */
static void subscribed(const struct asking *a)
{
    struct ws_conn *c = a->c;
    uint64_t seq = feed_seq(c->ws->config.feed);
    struct json *j = ws_ask_begin(a, true);
    json_uint(j, "epoch", feed_epoch(c->ws->config.feed));
    json_uint(j, "seq", seq);
    answer_end_at(a, j, seq);
}

const struct config_user *ws_ask_find_trader(struct asking *a, const char *name)
{
    struct ws *w = a->c->ws;
    const struct config_user *u = name ? auth_user(w->config.auth, name) : a->c->who.user;
    return u && principal_may_follow(&a->c->who, u) ? u : NULL;
}

static void op_trader(struct asking *a, bool on)
{
    struct ws_conn *c = a->c;
    const struct config_user *u = ws_ask_find_trader(a, ws_ask_text(a->body, "traderId"));
    if (!u) {
        ws_ask_refuse(a, WS_REFUSED_REQUEST, "unknown_trader", "no such trader");
        return;
    }
    uint64_t id = ws_topic_trader_id(u->tenant, u->name);
    if (!on) {
        if (ws_unsubscribe(c, TOPIC_TRADER, id))
            done(a);
        else
            refuse_not_subscribed(a);
    } else if (ws_subscribe(c, TOPIC_TRADER, id)) {
        subscribed(a);
    } else {
        ws_ask_refuse_full(a);
    }
}

static void op_subscribe_trader(struct asking *a)
{
    op_trader(a, true);
}

static void op_unsubscribe_trader(struct asking *a)
{
    op_trader(a, false);
}

static void op_subscribe_tenant(struct asking *a)
{
    struct ws_conn *c = a->c;
    if (!principal_sees_all(&c->who)) {
        ws_ask_refuse(a, WS_REFUSED_REQUEST, "forbidden", "role ops or admin is needed");
    } else if (ws_subscribe(c, TOPIC_TENANT, c->who.tenant)) {
        subscribed(a);
    } else {
        ws_ask_refuse_full(a);
    }
}

static void op_unsubscribe_tenant(struct asking *a)
{
    if (ws_unsubscribe(a->c, TOPIC_TENANT, a->c->who.tenant))
        done(a);
    else
        refuse_not_subscribed(a);
}

static void op_ping(struct asking *a)
{
    struct json *j = &a->c->ws->text;
    j->used = 0;
    j->comma = j->failed = false;
    json_open(j, NULL, '{');
    json_text(j, "event", "pong");
    if (a->id)
        json_raw(j, "re", a->id, strlen(a->id));
    ws_ask_end(a, j);
}

/* Dispatch
 * ------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*run)(struct asking *a);
} ops[] = {
    {"subscribe:rfq", op_subscribe_rfq},
    {"unsubscribe:rfq", op_unsubscribe_rfq},
    {"subscribe:trader", op_subscribe_trader},
    {"unsubscribe:trader", op_unsubscribe_trader},
    {"subscribe:tenant", op_subscribe_tenant},
    {"unsubscribe:tenant", op_unsubscribe_tenant},
    {"rfq.create", ws_op_rfq_create},
    {"rfq.accept", ws_op_rfq_accept},
    {"rfq.cancel", ws_op_rfq_cancel},
    {"rfq.extend", ws_op_rfq_extend},
    {"resume", ws_op_resume},
    {"ping", op_ping},
};

static bool too_many(struct ws_conn *c)
{
    uint64_t second = c->ws->now_ns / S_NS;
    if (second != c->second) {
        c->second = second;
        c->requests = 0;
    }
    return ++c->requests > WS_REQUESTS_MAX;
}

static void dispatch(struct asking *a)
{
    struct ws_conn *c = a->c;
    const char *op = ws_ask_text(a->body, "op");
    if (op && strcmp(op, "auth") == 0) {
        op_auth(a);
        return;
    }
    if (c->resuming) {
        ws_ask_refuse(a, WS_REFUSED_NOT_NOW, "not_now", "resuming: wait for the event resumed");
        return;
    }
    for (unsigned i = 0; op && i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, op) == 0) {
            ops[i].run(a);
            return;
        }
    ws_ask_refuse(a, WS_REFUSED_REQUEST, "unknown_op", op ? op : "a request names its op");
}

/* Before its token nobody gets more than one answer: the token's. */
static bool comes_too_early(const struct asking *a)
{
    const char *op = a->body ? ws_ask_text(a->body, "op") : NULL;
    return !a->c->authenticated && (!op || strcmp(op, "auth") != 0);
}

static void take_id(struct asking *a)
{
    json_object *id;
    if (json_object_object_get_ex(a->body, "id", &id) &&
        (json_object_is_type(id, json_type_int) || json_object_is_type(id, json_type_string)))
        a->id = json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN);
    if (a->id && strlen(a->id) > WS_ID_MAX)
        a->id = NULL;
}

void ws_ask(struct ws_conn *c, const char *text, size_t size)
{
    static_assert(WS_REQUESTS_MAX == 100, "the text says so");
    struct body_error wrong;
    struct asking a = {.c = c, .body = body_parse(text, size, &wrong)};
    if (a.body)
        take_id(&a);
    if (comes_too_early(&a)) {
        ws_count(c->ws, WS_REFUSED_TOKEN);
        ws_conn_close(c, 1008, "auth comes first");
    } else if (too_many(c)) {
        ws_ask_refuse(&a, WS_REFUSED_RATE, "limit", "a connection may ask 100 times a second");
    } else if (!a.body) {
        ws_ask_refuse(&a, WS_REFUSED_JSON, wrong.code, wrong.detail);
    } else {
        dispatch(&a);
    }
    json_object_put(a.body);
}
