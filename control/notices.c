#include "control/notices.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const struct gateway_state *gateway_copy(const struct notices *n)
{
    return replica_config(node_replica(n->node))->gateways[0];
}

void notices_init(struct notices *n, struct journal *journal, const struct node *node)
{
    memset(n, 0, sizeof *n);
    n->journal = journal;
    n->node = node;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *s = gateway_session(gateway_copy(n), i);
        n->sessions[i] = s ? (uint8_t)s->state : 0;
    }
}

static void logon_refused(struct notices *n, const struct gateway_notice *g)
{
    char ip[INET_ADDRSTRLEN] = "", peer[INET_ADDRSTRLEN + 8];
    inet_ntop(AF_INET, &g->peer.sin_addr, ip, sizeof ip);
    snprintf(peer, sizeof peer, "%s:%u", ip, (unsigned)ntohs(g->peer.sin_port));
    journal_say(n->journal, JOURNAL_WARNING, "logon_refused", journal_text("peer", peer),
                journal_text("sender", g->sender), journal_text("target", g->target),
                journal_text("reason", g->text));
}

static void hear_gateway(struct notices *n)
{
    struct gateway_notice g;
    for (unsigned i = 0; i < GATEWAY_NOTICES && gateway_notice(node_gateway(n->node), &g); i++) {
        switch (g.kind) {
        case GATEWAY_LOGON_REFUSED:
            logon_refused(n, &g);
            break;
        case GATEWAY_REFUSALS_LEFT_OUT:
            journal_say(n->journal, JOURNAL_WARNING, "logons_refused", journal_uint("left_out", g.count));
            break;
        case GATEWAY_WENT_DOWN:
            n->ends[g.session].planned = g.planned;
            memcpy(n->ends[g.session].why, g.text, sizeof g.text);
            break;
        }
    }
}

/* The same record goes down each lane: told once. */
static void session_changed(struct notices *n, const struct gateway_session_state *ev)
{
    uint32_t number = ev->head.session;
    const struct session *s = gateway_session(gateway_copy(n), number);
    if (!s || number >= SESSIONS_MAX || n->sessions[number] == ev->state)
        return;
    bool down = ev->state == SESSION_DOWN, synced = ev->state == SESSION_SYNCED;
    if (down && !n->sessions[number])
        return; /* as it was made */
    n->sessions[number] = (uint8_t)ev->state;
    struct notices_end *end = &n->ends[number];
    const struct journal_field fields[] = {
        journal_chars("session", s->name, sizeof s->name),
        journal_text("role", s->role == ROLE_LP ? "lp" : "taker"),
        journal_chars("target", s->target, sizeof s->target),
        journal_uint("next_in", s->next_in),
        journal_uint("next_out", s->next_out),
        journal_text("reason", end->why),
    };
    const unsigned count = (unsigned)(sizeof fields / sizeof *fields);
    enum journal_level level = synced                  ? JOURNAL_DEBUG
                               : down && !end->planned ? JOURNAL_WARNING
                                                       : JOURNAL_INFO;
    journal_write(n->journal, level,
                  down     ? "session_down"
                  : synced ? "session_synced"
                           : "session_up",
                  fields, down && *end->why ? count : count - 1);
    if (down)
        *end = (struct notices_end){0};
}

/* Somebody has to call the LP: its books and ours differ. */
static void execution_broke(struct notices *n, const struct execution_break *ev)
{
    const struct session *s = gateway_session(gateway_copy(n), ev->head.session);
    char order[ID_TEXT_SIZE] = "", rfq[ID_TEXT_SIZE] = "";
    if (ev->order)
        name_print('O', ev->order, order);
    if (ev->rfq)
        name_print('R', ev->rfq, rfq);
    journal_say(n->journal, JOURNAL_ERROR, "execution_break", journal_text("reason", reason_name(ev->reason)),
                journal_chars("session", s ? s->name : "", s ? sizeof s->name : 1),
                journal_text("order", order), journal_text("rfq", rfq),
                journal_decimal("quantity", ev->quantity), journal_decimal("price", ev->price),
                journal_chars("exec_id", ev->exec_id, sizeof ev->exec_id),
                journal_chars("lp_order_id", ev->lp_order_id, sizeof ev->lp_order_id));
}

void notices_batch(struct notices *n, const struct batch *b)
{
    hear_gateway(n); /* the reason of a record of this batch is there by now */
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        const void *ev = r;
        if (r->type == RECORD_GATEWAY_SESSION_STATE)
            session_changed(n, ev);
        else if (r->type == RECORD_EXECUTION_BREAK)
            execution_broke(n, ev);
    }
}

static void look_at_log(struct notices *n)
{
    const char *why = log_stalled(node_log(n->node));
    if (why == n->log_waits)
        return;
    if (why)
        journal_say(n->journal, JOURNAL_WARNING, "log_waits", journal_text("why", why));
    else
        journal_say(n->journal, JOURNAL_INFO, "log_goes_on");
    n->log_waits = why;
}

static void look_at_store(struct notices *n)
{
    const char *why = replica_error(node_replica(n->node));
    if (why && !n->store_failed)
        journal_say(n->journal, JOURNAL_ERROR, "store_failed", journal_text("why", why));
    else if (!why && n->store_failed)
        journal_say(n->journal, JOURNAL_INFO, "store_goes_on");
    n->store_failed = why != NULL;
    const char *divergence = replica_divergence(node_replica(n->node));
    if (divergence && !n->diverged)
        journal_say(n->journal, JOURNAL_ERROR, "replica_diverged", journal_text("why", divergence));
    n->diverged = divergence != NULL;
}

void notices_poll(struct notices *n, uint64_t now_ns)
{
    if (now_ns < n->next_ns)
        return;
    n->next_ns = now_ns + NOTICES_INTERVAL_NS;
    hear_gateway(n);
    look_at_log(n);
    look_at_store(n);
}
