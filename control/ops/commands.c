#include "control/ops/commands.h"

#include <string.h>

#include "dataplane/engine/rfq/workflow.h"

static const struct replica_config *copies(const struct ops_request *r)
{
    return replica_config(node_replica(r->config->node));
}

static const char *session_label(const struct ops_request *r, uint32_t number, char out[ID_TEXT_SIZE])
{
    const struct session *s = gateway_session(copies(r)->gateways[0], number);
    memcpy(out, s ? s->name : "?", s ? ID_TEXT_SIZE : 2);
    return out;
}

/* status
 * -----------------------------------------------------------------------------------------------------------------
 */

static void rfq_counts(struct ops_request *r)
{
    unsigned counts[RFQ_ARCHIVED + 1] = {0};
    const struct table *t = copies(r)->distribution->rfqs;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct rfq *q = table_at(t, i);
        if (q && q->state <= RFQ_ARCHIVED)
            counts[q->state]++;
    }
    json_open(r->out, "rfqs", '{');
    for (unsigned s = RFQ_DRAFT; s <= RFQ_ARCHIVED; s++)
        if (counts[s])
            json_uint(r->out, rfq_state_name(s), counts[s]);
    json_close(r->out, '}');
}

static void session_counts(struct ops_request *r)
{
    unsigned up = 0, all = 0;
    const struct table *t = copies(r)->gateways[0]->sessions;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct session *s = table_at(t, i);
        if (s) {
            all++;
            up += s->state != SESSION_DOWN;
        }
    }
    json_uint(r->out, "sessions_up", up);
    json_uint(r->out, "sessions", all);
}

static void run_status(struct ops_request *r)
{
    struct node *n = r->config->node;
    struct log *l = node_log(n);
    const struct node_recovery *rec = node_recovery(n);
    json_open(r->out, NULL, '{');
    json_text(r->out, "instance", r->config->config->instance);
    json_time(r->out, "time", r->now_ns);
    json_text(r->out, "accepting",
              log_failed(l)    ? "no: the log failed"
              : log_stalled(l) ? "as far as the rings reach: the log waits"
                               : "yes");
    if (log_failed(l) || log_stalled(l))
        json_text(r->out, "log_error", log_failed(l) ? log_error(l) : log_stalled(l));
    if (replica_error(node_replica(n)))
        json_text(r->out, "store_error", replica_error(node_replica(n)));
    json_uint(r->out, "seq", replica_seq(node_replica(n)));
    json_uint(r->out, "log_end", log_end(l));
    json_uint(r->out, "log_durable", log_durable(l));
    json_uint(r->out, "replica_lag_bytes", log_end(l) - replica_offset(node_replica(n)));
    json_uint(r->out, "checkpoint_lag_bytes", log_end(l) - replica_checkpoint_offset(node_replica(n)));
    json_uint(r->out, "stream_epoch", log_stream_epoch(l));
    const char *divergence = replica_divergence(node_replica(n));
    json_text(r->out, "replica", divergence ? divergence : "equal");
    session_counts(r);
    rfq_counts(r);
    json_uint(r->out, "orders", table_count(copies(r)->routing->orders));
    json_uint(r->out, "quotes", table_count(copies(r)->distribution->quotes));
    json_open(r->out, "recovery", '{');
    json_flag(r->out, "first_start", rec->first_start);
    json_flag(r->out, "power_cut", rec->power_cut);
    json_uint(r->out, "frames", rec->frames);
    json_uint(r->out, "batches", rec->batches);
    json_uint(r->out, "redelivered", rec->redelivered);
    json_close(r->out, '}');
    json_close(r->out, '}');
    json_line(r->out);
}

/* sessions, lps
 * ---------------------------------------------------------------------------------------------------------
 */

static void run_sessions(struct ops_request *r)
{
    const struct table *t = copies(r)->gateways[0]->sessions;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct session *s = table_at(t, i);
        if (!s)
            continue;
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
    }
}

static void run_lps(struct ops_request *r)
{
    char session[ID_TEXT_SIZE];
    const struct table *t = copies(r)->distribution->lps;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct lp *l = table_at(t, i);
        if (!l)
            continue;
        json_open(r->out, NULL, '{');
        json_chars(r->out, "lp", l->code, sizeof l->code);
        json_text(r->out, "status", lp_status_name(l->status));
        json_text(r->out, "session", session_label(r, l->session, session));
        json_text(r->out, "session_state", session_status_name(l->session_state));
        json_uint(r->out, "session_lost", l->session_lost);
        json_uint(r->out, "open_rfqs", l->open_rfqs);
        json_uint(r->out, "released", l->released);
        json_uint(r->out, "acknowledged", l->acknowledged);
        json_uint(r->out, "quoted", l->quoted);
        json_uint(r->out, "declined", l->declined);
        json_uint(r->out, "no_response", l->no_response);
        json_uint(r->out, "rejected", l->rejected);
        json_uint(r->out, "failed", l->failed);
        json_uint(r->out, "quotes", l->quotes);
        json_uint(r->out, "quotes_refused", l->quotes_refused);
        json_uint(r->out, "withdrawals", l->withdrawals);
        json_uint(r->out, "wins", l->wins);
        json_uint(r->out, "defaults", l->defaults);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

/* rfqs, orders
 * ----------------------------------------------------------------------------------------------------------
 */

static const char *side_text(uint8_t side)
{
    return side == SIDE_BUY ? "buy" : side == SIDE_SELL ? "sell" : "two_way";
}

static void rfq_object(struct ops_request *r, const struct rfq *q)
{
    const struct distribution_state *d = copies(r)->distribution;
    const struct taker *t = distribution_taker(d, q->taker);
    const struct lp *winner = q->award_lp ? distribution_lp(d, q->award_lp) : NULL;
    json_open(r->out, NULL, '{');
    json_name(r->out, "rfq", 'R', q->id);
    json_chars(r->out, "request", q->request_id, sizeof q->request_id);
    json_chars(r->out, "taker", t ? t->code : "?", t ? sizeof t->code : 1);
    json_chars(r->out, "symbol", q->symbol, sizeof q->symbol);
    json_text(r->out, "side", side_text(q->side));
    json_decimal(r->out, "quantity", q->quantity);
    json_text(r->out, "state", rfq_state_name(q->state));
    json_text(r->out, "status", rfq_shown_name(q->shown));
    json_uint(r->out, "lps", q->deliveries);
    json_uint(r->out, "quotes", q->quotes);
    json_decimal(r->out, "best_bid", q->best_bid);
    json_decimal(r->out, "best_ask", q->best_ask);
    json_chars(r->out, "winner", winner ? winner->code : "", winner ? sizeof winner->code : 1);
    json_decimal(r->out, "price", q->award_price);
    json_decimal(r->out, "filled", q->filled_quantity);
    json_text(r->out, "reason", reason_name(q->reason));
    json_time(r->out, "created", q->created_ns);
    json_time(r->out, "deadline", q->deadline_ns);
    json_time(r->out, "ended", q->ended_ns);
    json_close(r->out, '}');
    json_line(r->out);
}

static void run_rfqs(struct ops_request *r)
{
    const struct table *t = copies(r)->distribution->rfqs;
    const char *wanted = r->argument_count ? r->arguments[0] : NULL;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct rfq *q = table_at(t, i);
        if (q && (!wanted || strcmp(rfq_state_name(q->state), wanted) == 0 ||
                  strcmp(rfq_shown_name(q->shown), wanted) == 0))
            rfq_object(r, q);
    }
}

static void run_orders(struct ops_request *r)
{
    const struct table *t = copies(r)->routing->orders;
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct order *o = table_at(t, i);
        if (!o)
            continue;
        const struct lp *l = distribution_lp(copies(r)->distribution, o->lp);
        json_open(r->out, NULL, '{');
        json_name(r->out, "order", 'O', o->id);
        json_name(r->out, "rfq", 'R', o->rfq);
        json_chars(r->out, "cl_ord_id", o->cl_ord_id, sizeof o->cl_ord_id);
        json_chars(r->out, "lp", l ? l->code : "", l ? sizeof l->code : 1);
        json_chars(r->out, "symbol", o->symbol, sizeof o->symbol);
        json_text(r->out, "side", side_text(o->side));
        json_decimal(r->out, "quantity", o->quantity);
        json_decimal(r->out, "price", o->price);
        json_decimal(r->out, "filled", o->filled_quantity);
        json_text(r->out, "state", order_status_name(o->state));
        json_flag(r->out, "in_doubt", o->in_doubt);
        json_time(r->out, "created", o->created_ns);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

/* latency, counters, workflow, stop, help
 * ------------------------------------------------------------------------------- */

static void run_latency(struct ops_request *r)
{
    for (unsigned s = 0; s < STAGES; s++) {
        const struct histogram *h = replica_stage(node_replica(r->config->node), (enum stage)s);
        json_open(r->out, NULL, '{');
        json_text(r->out, "stage", stage_text((enum stage)s));
        json_uint(r->out, "count", h->count);
        json_uint(r->out, "p50_ns", histogram_percentile(h, 50000));
        json_uint(r->out, "p90_ns", histogram_percentile(h, 90000));
        json_uint(r->out, "p99_ns", histogram_percentile(h, 99000));
        json_uint(r->out, "p999_ns", histogram_percentile(h, 99900));
        json_uint(r->out, "max_ns", h->max);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

static void run_counters(struct ops_request *r)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(r->config->counters, i, &v); i++) {
        json_open(r->out, NULL, '{');
        json_text(r->out, "name", v.name);
        json_text(r->out, "labels", v.label);
        json_text(r->out, "kind", v.kind == COUNTER_TOTAL ? "total" : "gauge");
        json_uint(r->out, "value", v.value);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

static void run_workflow(struct ops_request *r)
{
    static char text[WORKFLOW_TEXT_SIZE];
    if (r->argument_count && strcmp(r->arguments[0], "dot") != 0) {
        ops_fail(r, "usage", "usage: workflow [dot]");
        return;
    }
    size_t size = r->argument_count ? workflow_dot(text, sizeof text) : workflow_print(text, sizeof text);
    json_open(r->out, NULL, '{');
    json_chars(r->out, "text", text, size);
    json_close(r->out, '}');
    json_line(r->out);
}

static void run_stop(struct ops_request *r)
{
    *r->stop_asked = true;
    json_open(r->out, NULL, '{');
    json_text(r->out, "stopping", "sessions are logged out, then the record is completed");
    json_close(r->out, '}');
    json_line(r->out);
}

static void run_help(struct ops_request *r)
{
    for (unsigned i = 0; i < ops_command_count; i++) {
        json_open(r->out, NULL, '{');
        json_text(r->out, "command", ops_commands[i].name);
        json_text(r->out, "arguments", ops_commands[i].arguments);
        json_text(r->out, "does", ops_commands[i].sentence);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

const struct ops_command ops_commands[] = {
    {"status", "", 0, 0, run_status, false,
     "The state at a glance: positions, lags, sessions, RFQs by state, the last recovery."},
    {"sessions", "", 0, 0, run_sessions, false, "FIX sessions: state, sequence numbers, messages."},
    {"lps", "", 0, 0, run_lps, false, "Liquidity providers with their statistics."},
    {"rfqs", "[STATE]", 0, 1, run_rfqs, false,
     "RFQs in memory; of one state or status only, where it is named."},
    {"rfq", "ID", 1, 1, ops_rfq, false,
     "One RFQ's timeline: every record about it, with the time of each stage."},
    {"orders", "", 0, 0, run_orders, false, "Orders in memory."},
    {"latency", "", 0, 0, run_latency, false, "Histograms of each stage, from the stamps in the record."},
    {"counters", "", 0, 0, run_counters, false, "Every counter and gauge."},
    {"metrics", "", 0, 0, ops_metrics, false, "Everything there is to watch, as Prometheus text."},
    {"workflow", "[dot]", 0, 1, run_workflow, false,
     "The RFQ state machine, as a table or as a Graphviz diagram."},
    {"verify", "", 0, 0, ops_verify, true,
     "Replays the log from its first record and compares with the store and the live state."},
    {"dump", "[TABLE]", 0, 1, ops_dump, true, "A table of the store as JSON; without a name, all of them."},
    {"stop", "", 0, 0, run_stop, false, "Logs all sessions out, completes the record and ends."},
    {"help", "", 0, 0, run_help, false, "This list."},
};
const unsigned ops_command_count = sizeof ops_commands / sizeof *ops_commands;
