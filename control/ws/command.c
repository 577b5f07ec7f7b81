/* Commands, the same as over HTTP, for low latency: rfq.create, rfq.accept, rfq.cancel, rfq.extend. Their
 * members are those of the HTTP bodies (control/body), with `rfqId` for the path and `key` for
 * Idempotency-Key: one key stands for one request, by whichever way it comes.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/body/body.h"
#include "control/ws/inside.h"

/* One that is not answered yet. */
struct ws_command {
    struct ws_conn *conn;
    struct ws_command *next;
    char id[WS_ID_MAX + 1]; /* as JSON; empty: none */
};

static const char *const also[] = {"op", "id", "rfqId", "key", NULL};

/* Answers
 * ------------------------------------------------------------------------------------------------------ */

static void take_off(struct ws_command *k)
{
    struct ws_command **at = &k->conn->commands;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->conn->asked--;
}

static void done(void *ctx, const struct client_answered *a)
{
    struct ws_command *k = ctx;
    struct asking asking = {.c = k->conn, .id = k->id[0] ? k->id : NULL};
    take_off(k);
    if (!a) {
        ws_ask_fail(&asking, "no_answer", "what became of it is not known: ask again under the same key");
    } else {
        struct json *j = ws_ask_begin(&asking, a->reason == REASON_NONE);
        if (a->reason != REASON_NONE) {
            json_text(j, "error", reason_name(a->reason));
            json_chars(j, "detail", a->text, sizeof a->text);
        }
        if (a->rfq)
            json_name(j, "rfqId", 'R', a->rfq);
        if (a->quote)
            json_name(j, "quoteId", 'Q', a->quote);
        if (a->value)
            json_time(j, "expiresAt", a->value);
        if (a->repeated)
            json_flag(j, "repeated", true);
        ws_ask_end(&asking, j);
    }
    free(k);
}

void ws_commands_forget(struct ws_conn *c)
{
    while (c->commands) {
        struct ws_command *k = c->commands;
        c->commands = k->next;
        clients_forget(c->ws->config.clients, k);
        free(k);
    }
}

/* Asking
 * ------------------------------------------------------------------------------------------------------- */

/* NULL: refused. */
static struct ws_command *put_on(struct asking *a)
{
    static_assert(WS_COMMANDS_MAX == 64, "the text says so");
    struct ws_conn *c = a->c;
    if (c->asked == WS_COMMANDS_MAX) {
        ws_ask_refuse(a, WS_REFUSED_COMMANDS, "limit", "a connection has at most 64 commands under way");
        return NULL;
    }
    struct ws_command *k = calloc(1, sizeof *k);
    if (!k) {
        ws_ask_refuse(a, WS_REFUSED_MEMORY, "unavailable", "there is no memory for one more command");
        return NULL;
    }
    k->conn = c;
    if (a->id)
        snprintf(k->id, sizeof k->id, "%s", a->id);
    k->next = c->commands;
    c->commands = k;
    c->asked++;
    counter_add(c->ws->commands, 1);
    return k;
}

static bool may_trade(struct asking *a)
{
    if (principal_may_trade(&a->c->who))
        return true;
    ws_ask_refuse(a, WS_REFUSED_REQUEST, "forbidden",
                  "a role that trades is needed: trader, manager or admin");
    return false;
}

static bool bad_body(struct asking *a, const struct body_error *e)
{
    ws_ask_refuse(a, WS_REFUSED_REQUEST, e->code, e->detail);
    return false;
}

static bool find_rfq(struct asking *a, struct view_rfq *v)
{
    if (ws_ask_find_rfq(a, ws_ask_text(a->body, "rfqId"), v))
        return true;
    ws_ask_refuse(a, WS_REFUSED_REQUEST, "unknown_rfq", "no such RFQ");
    return false;
}

/* NULL: none. False: refused. */
static bool take_key(struct asking *a, const char **key)
{
    json_object *given;
    *key = ws_ask_text(a->body, "key");
    if (!json_object_object_get_ex(a->body, "key", &given) || (*key && client_key_fits(*key)))
        return true;
    ws_ask_refuse(a, WS_REFUSED_REQUEST, "bad_idempotency_key",
                  "key takes 1 to 255 visible ASCII characters");
    return false;
}

static void not_sent(struct asking *a, struct ws_command *k, enum err e)
{
    take_off(k);
    free(k);
    ws_ask_refuse(a, WS_REFUSED_UNAVAILABLE, e == ERR_NOT_FOUND ? "no_taker" : "unavailable",
                  clients_why(a->c->ws->config.clients));
}

static void command(struct asking *a, enum body_kind kind)
{
    union body b;
    struct view_rfq v = {0};
    struct body_error wrong;
    const char *key;
    if (!may_trade(a) || !take_key(a, &key) || (kind != BODY_RFQ && !find_rfq(a, &v)) ||
        (!body_read(kind, a->body, also, &b, &wrong) && !bad_body(a, &wrong)))
        return;
    const struct client_who who = {.principal = &a->c->who, .key = key};
    struct ws_command *k = put_on(a);
    enum err e = k ? client_ask(a->c->ws->config.clients, &who, kind, &b, v.rfq, done, k) : OK;
    if (e != OK)
        not_sent(a, k, e);
}

void ws_op_rfq_create(struct asking *a)
{
    command(a, BODY_RFQ);
}

void ws_op_rfq_accept(struct asking *a)
{
    command(a, BODY_ACCEPT);
}

void ws_op_rfq_cancel(struct asking *a)
{
    command(a, BODY_CANCEL);
}

void ws_op_rfq_extend(struct asking *a)
{
    command(a, BODY_EXTEND);
}
