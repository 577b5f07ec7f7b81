/* FIX sessions: what they are, and what an operator does to one. The gateway owns them: it is asked, and the
 * answer is given when the replica has seen what came of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/core/text.h"

#define SEQ_MAX 999999999ull /* of FIX: what every engine can read */

static bool session_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    (void)wanted;
    const struct table *t = ops_copies(r)->gateways[0]->sessions;
    if (at >= table_slots(t))
        return false;
    const struct session *s = table_at(t, at);
    if (!s)
        return true;
    json_open(r->out, NULL, '{');
    json_chars(r->out, "session", s->name, sizeof s->name);
    json_text(r->out, "role", s->role == ROLE_LP ? "lp" : "taker");
    json_text(r->out, "state", session_status_name(s->state));
    json_chars(r->out, "target", s->target, sizeof s->target);
    json_uint(r->out, "generation", s->generation);
    json_uint(r->out, "next_in", s->next_in);
    json_uint(r->out, "next_out", s->next_out);
    json_uint(r->out, "received", s->received);
    json_uint(r->out, "sent", s->sent);
    json_time(r->out, "changed", s->changed_ns);
    json_close(r->out, '}');
    json_line(r->out);
    return true;
}

void ops_sessions(struct ops_request *r)
{
    ops_rows(r, session_row);
}

static const struct session *session_named(struct ops_request *r)
{
    const struct session *s = gateway_session_by_name(ops_copies(r)->gateways[0], r->arguments[0]);
    if (!s)
        ops_fail(r, "not_found", "there is no session '%.40s'; 'sessions' lists them", r->arguments[0]);
    return s;
}

void ops_session(struct ops_request *r)
{
    if (r->argument_count == 2 && strcmp(r->arguments[1], "show") != 0) {
        ops_fail(r, "usage", "a session can be told: show, logout, reset, seq; not '%.40s'", r->arguments[1]);
        return;
    }
    const struct session *s = session_named(r);
    if (!s)
        return;
    bool configured = node_session_number(r->config->node, r->arguments[0]) != SESSION_NONE;
    ops_entity(r, "sessions", s, "configured", configured ? "yes" : "no: it is known from an earlier run",
               (const struct ops_name[]){{"role_name", s->role == ROLE_LP ? "lp" : "taker"}, {NULL, NULL}});
}

/* Orders
 * ------------------------------------------------------------------------------------------------------------
 */

struct session_order {
    struct gateway_order order;
    char name[ID_TEXT_SIZE];
    uint64_t asked_ns;
    bool asked, answered;
    struct gateway_answer answer;
};

static void refused_text(struct ops_request *r, const struct session_order *o)
{
    if (o->answer.said == GATEWAY_SAID_DOWN)
        ops_fail(r, "down", "session '%s' is not logged on: there is nobody to log out", o->name);
    else if (o->answer.said == GATEWAY_SAID_CONNECTED)
        ops_fail(r, "connected",
                 "session '%s' is connected: numbers are set while it is down; 'session %s "
                 "logout' first",
                 o->name, o->name);
    else
        ops_fail(r, "not_configured", "session '%s' is not configured any more", o->name);
}

static void answer_out(struct ops_request *r, const struct session_order *o)
{
    json_open(r->out, NULL, '{');
    json_text(r->out, "session", o->name);
    json_text(r->out, "done",
              o->order.kind == GATEWAY_LOGOUT  ? "logged out"
              : o->order.kind == GATEWAY_RESET ? "numbers reset"
                                               : "numbers set");
    json_uint(r->out, "generation", o->answer.generation);
    json_uint(r->out, "next_in", o->answer.next_in);
    json_uint(r->out, "next_out", o->answer.next_out);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool order_step(struct ops_request *r)
{
    struct session_order *o = r->going;
    if (!o->asked)
        o->asked = ops_ask_gateway(r, &o->order);
    else if (!o->answered)
        o->answered = ops_gateway_answered(r, &o->answer);
    if (o->answered && o->answer.said != GATEWAY_SAID_DONE) {
        refused_text(r, o);
        return true;
    }
    if (o->answered && ops_applied(r, AGENT_GATEWAY, o->answer.position)) {
        answer_out(r, o);
        return true;
    }
    if (o->asked_ns + OPS_PATIENCE_NS > r->now_ns)
        return false;
    if (o->asked)
        ops_fail(r, "timeout", "the gateway has not done it in 20 s; it may still do it");
    else
        ops_fail(r, "busy", "the gateway has had another order under way for 20 s");
    return true;
}

static void order_end(struct ops_request *r)
{
    ops_asks_no_more(r);
    free(r->going);
}

static void order_begin(struct ops_request *r, enum gateway_order_kind kind, uint64_t next_in,
                        uint64_t next_out)
{
    const struct session *s = session_named(r);
    struct session_order *o = s ? calloc(1, sizeof *o) : NULL;
    if (!o) {
        if (s)
            ops_fail(r, "memory", "no memory");
        return;
    }
    o->order = (struct gateway_order){
        .kind = kind, .session = (uint32_t)(s->id - 1), .next_in = next_in, .next_out = next_out};
    struct text t = text_in(o->order.text, sizeof o->order.text);
    for (unsigned i = 2; kind == GATEWAY_LOGOUT && i < r->argument_count; i++) {
        text_add(&t, i > 2 ? " " : "");
        text_add(&t, r->arguments[i]);
    }
    if (kind == GATEWAY_LOGOUT && !text_length(&t))
        text_add(&t, "logged out by the operator");
    memcpy(o->name, s->name, sizeof o->name);
    o->asked_ns = r->now_ns;
    r->going = o;
    r->step = order_step;
    r->end = order_end;
    r->finishes = true;
}

void ops_session_logout(struct ops_request *r)
{
    order_begin(r, GATEWAY_LOGOUT, 0, 0);
}

void ops_session_reset(struct ops_request *r)
{
    order_begin(r, GATEWAY_RESET, 0, 0);
}

/* A sequence number of FIX, from 1; 0: it is none. */
static uint64_t number_of(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long v = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return v && !errno && !*end && v <= SEQ_MAX ? v : 0;
}

void ops_session_seq(struct ops_request *r)
{
    uint64_t next_in = number_of(r->arguments[2]), next_out = number_of(r->arguments[3]);
    if (next_in && next_out)
        order_begin(r, GATEWAY_NUMBERS, next_in, next_out);
    else
        ops_fail(r, "bad_number", "'%.40s' is no sequence number: 1 to %llu",
                 next_in ? r->arguments[3] : r->arguments[2], (unsigned long long)SEQ_MAX);
}
