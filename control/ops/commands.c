/* The table, what its families share, and the commands about the whole. */
#include "control/ops/commands.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/engine/rfq/workflow.h"
#include "dataplane/model/describe.h"

#define ENTITY_TEXT_SIZE 8192 /* no entity has more, however it is escaped */
#define ROWS_PER_STEP    1024u

const char *ops_session_label(const struct ops_request *r, uint32_t number, char out[ID_TEXT_SIZE])
{
    const struct session *s = gateway_session(ops_copies(r)->gateways[0], number);
    memcpy(out, s ? s->name : "?", s ? ID_TEXT_SIZE : 2);
    return out;
}

void ops_entity(struct ops_request *r, const char *table, const void *entity, const char *key,
                const char *value, const struct ops_name *names)
{
    char text[ENTITY_TEXT_SIZE];
    const struct layout *l = layout_of_table(table);
    size_t size = describe_fields(l, entity, l->size, text, sizeof text);
    json_open(r->out, NULL, '{');
    if (key)
        json_text(r->out, key, value);
    json_raw(r->out, NULL, text, size < sizeof text ? size : sizeof text - 1);
    for (; names->key; names++)
        if (*names->value)
            json_text(r->out, names->key, names->value);
    json_close(r->out, '}');
    json_line(r->out);
}

struct rows {
    ops_row *row;
    uint32_t next;
    char wanted[ID_TEXT_SIZE];
};

static bool rows_step(struct ops_request *r)
{
    struct rows *x = r->going;
    size_t used = r->out->used;
    for (unsigned i = 0; i < ROWS_PER_STEP && r->out->used - used < OPS_BYTES_PER_STEP; i++)
        if (!x->row(r, x->next++, x->wanted))
            return true;
    return false;
}

static void free_going(struct ops_request *r)
{
    free(r->going);
}

void ops_rows(struct ops_request *r, ops_row *row)
{
    struct rows *x = calloc(1, sizeof *x);
    if (!x) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    x->row = row;
    snprintf(x->wanted, sizeof x->wanted, "%s", r->argument_count ? r->arguments[0] : "");
    r->going = x;
    r->step = rows_step;
    r->end = free_going;
}

bool ops_applied(const struct ops_request *r, uint8_t agent, uint64_t position)
{
    const struct replica_config *c = ops_copies(r);
    const struct state *s = agent == AGENT_DISTRIBUTION ? &c->distribution->base
                            : agent == AGENT_ROUTING    ? &c->routing->base
                                                        : &c->gateways[0]->base;
    return s->marks.position >= position;
}

/* Agents asked
 * -----------------------------------------------------------------------------------------------------------
 */

bool ops_ask_engine(struct ops_request *r, uint8_t agent, const struct engine_change *c)
{
    const void **asker = &r->desk->askers[agent];
    if (*asker || !engine_ask(node_engine(r->config->node, agent), c))
        return false;
    *asker = r->going;
    return true;
}

bool ops_engine_answered(struct ops_request *r, uint8_t agent, uint64_t *position)
{
    const void **asker = &r->desk->askers[agent];
    assert(*asker == r->going);
    if (!engine_answered(node_engine(r->config->node, agent), position))
        return false;
    *asker = NULL;
    return true;
}

bool ops_ask_gateway(struct ops_request *r, const struct gateway_order *o)
{
    const void **asker = &r->desk->askers[AGENT_GATEWAY];
    if (*asker || !gateway_ask(node_gateway(r->config->node), o))
        return false;
    *asker = r->going;
    return true;
}

bool ops_gateway_answered(struct ops_request *r, struct gateway_answer *out)
{
    const void **asker = &r->desk->askers[AGENT_GATEWAY];
    assert(*asker == r->going);
    if (!gateway_answered(node_gateway(r->config->node), out))
        return false;
    *asker = NULL;
    return true;
}

void ops_asks_no_more(struct ops_request *r)
{
    for (unsigned a = 0; a < AGENTS_MAX; a++)
        if (r->desk->askers[a] == r->going)
            r->desk->askers[a] = NULL;
}

/* status
 * -----------------------------------------------------------------------------------------------------------------
 */

struct rfq_counts {
    uint32_t at; /* slot */
    unsigned states[RFQ_ARCHIVED + 1];
};

/* True: all of them are counted. */
static bool count_rfqs(struct ops_request *r, struct rfq_counts *c)
{
    const struct table *t = ops_copies(r)->distribution->rfqs;
    for (unsigned i = 0; i < OPS_LOOKS_PER_STEP && c->at < table_slots(t); i++) {
        const struct rfq *q = table_at(t, c->at++);
        if (q && q->state <= RFQ_ARCHIVED)
            c->states[q->state]++;
    }
    return c->at >= table_slots(t);
}

static void rfq_counts_out(struct ops_request *r, const struct rfq_counts *c)
{
    json_open(r->out, "rfqs", '{');
    for (unsigned s = RFQ_DRAFT; s <= RFQ_ARCHIVED; s++)
        if (c->states[s])
            json_uint(r->out, rfq_state_name(s), c->states[s]);
    json_close(r->out, '}');
}

static void session_counts(struct ops_request *r)
{
    unsigned up = 0, all = 0;
    const struct table *t = ops_copies(r)->gateways[0]->sessions;
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

static void status_out(struct ops_request *r)
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
    json_text(r->out, "draining",
              !ops_copies(r)->distribution->draining ? "no"
              : r->desk->stop_when_idle              ? "yes, then it stops"
                                                     : "yes");
    json_text(r->out, "your_level", ops_level_name(r->level));
    json_uint(r->out, "seq", replica_seq(node_replica(n)));
    json_uint(r->out, "log_end", log_end(l));
    json_uint(r->out, "log_durable", log_durable(l));
    json_uint(r->out, "replica_lag_bytes", log_end(l) - replica_offset(node_replica(n)));
    json_uint(r->out, "checkpoint_lag_bytes", log_end(l) - replica_checkpoint_offset(node_replica(n)));
    json_uint(r->out, "stream_epoch", log_stream_epoch(l));
    const char *divergence = replica_divergence(node_replica(n));
    json_text(r->out, "replica", divergence ? divergence : "equal");
    session_counts(r);
    rfq_counts_out(r, r->going);
    json_uint(r->out, "orders", table_count(ops_copies(r)->routing->orders));
    json_uint(r->out, "quotes", table_count(ops_copies(r)->distribution->quotes));
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

static bool status_step(struct ops_request *r)
{
    bool counted = count_rfqs(r, r->going);
    if (counted)
        status_out(r);
    return counted;
}

void ops_status(struct ops_request *r)
{
    r->going = calloc(1, sizeof(struct rfq_counts));
    if (!r->going) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    r->step = status_step;
    r->end = free_going;
}

/* workflow, stop, help
 * ------------------------------------------------------------------------------------------------ */

void ops_workflow(struct ops_request *r)
{
    static char text[WORKFLOW_TEXT_SIZE];
    const char *as = r->argument_count ? r->arguments[0] : "";
    size_t size;
    if (!*as) {
        size = workflow_print(text, sizeof text);
    } else if (strcmp(as, "dot") == 0) {
        size = workflow_dot(text, sizeof text);
    } else if (strcmp(as, "page") == 0) {
        size = workflow_page(text, sizeof text);
    } else {
        ops_fail(r, "usage", "usage: workflow [dot|page]");
        return;
    }
    json_open(r->out, NULL, '{');
    json_chars(r->out, "text", text, size);
    json_close(r->out, '}');
    json_line(r->out);
}

void ops_stop(struct ops_request *r)
{
    r->desk->stop_asked = true;
    json_open(r->out, NULL, '{');
    json_text(r->out, "stopping", "sessions are logged out, then the record is completed");
    json_close(r->out, '}');
    json_line(r->out);
}

void ops_help(struct ops_request *r)
{
    for (unsigned i = 0; i < ops_command_count; i++) {
        json_open(r->out, NULL, '{');
        json_text(r->out, "command", ops_commands[i].name);
        json_text(r->out, "arguments", ops_commands[i].arguments);
        json_text(r->out, "level", ops_level_name(ops_commands[i].level));
        json_text(r->out, "does", ops_commands[i].sentence);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

/* The table
 * -----------------------------------------------------------------------------------------------------------
 */

const struct ops_command ops_commands[] = {
#define X(id, name, verb, verb_at, arguments, least, most, level, where, sentence) \
    {name, verb, verb_at, arguments, least, most, OPS_##level, ops_##id, OPS_##where, sentence},
    OPS_COMMAND_LIST(X)
#undef X
};
const unsigned ops_command_count = sizeof ops_commands / sizeof *ops_commands;
