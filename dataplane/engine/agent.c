/* The agent of both engines: takes items from lanes and timers from the wheel, has each decided as one batch,
 * commits once, and only then gives what is addressed to its lanes. The only file of the engine that touches
 * lanes, and that takes memory.
 */
#include <assert.h>

#include "dataplane/core/memory.h"
#include "dataplane/core/text.h"
#include "dataplane/engine/engine.h"

/* What one decision can add to a lane: its whole batch, each record as an item. */
#define DECISION_LANE_SIZE_MAX (BATCH_SIZE_MAX + BATCH_RECORDS_MAX * LANE_ITEM_HEADER_SIZE)
/* Kept free in lanes for what comes by order and engine lanes and by timers: executions, cancels, ends of
 * RFQs. */
#define LANE_RESERVE (LANE_SIZE_MIN / 4)
/* What a usual release writes, for whom memory is asked ahead. */
#define RELEASE_LPS  5u
#define RELEASE_SIZE 4096u

static_assert(DECISION_LANE_SIZE_MAX + LANE_RESERVE <= LANE_SIZE_MIN, "an empty lane takes any decision");

struct output {
    struct lane *lane;
    uint8_t agent;
};

struct engine {
    struct emit emit;
    const char *name;
    bool is_distribution;
    uint8_t agent;
    struct engine_input high[ENGINE_INPUTS_MAX],
        low[ENGINE_INPUTS_MAX]; /* order and engine lanes; the others */
    unsigned high_count, low_count;
    unsigned turn; /* which of them is first */
    struct output outputs[AGENTS_MAX];
    unsigned output_count;
    struct lane *lane_to[AGENTS_MAX];
    uint64_t forwarded;      /* ring position up to which addressed records are in their lanes */
    uint64_t records;        /* emitted in this poll */
    uint64_t ring_reserve;   /* as LANE_RESERVE, in the ring */
    uint64_t digest_every;   /* batches */
    uint64_t digest_batches; /* marks.batches at the last digest */

    struct mailbox box; /* what an operator changes: the asker's until it is asked, then ours */
    struct engine_change change;
    unsigned change_next;
    bool changed; /* all of it is emitted, to be answered after the commit */
    uint64_t change_position;
    bool sweeps; /* quotes of LPs that are not active end: from this RFQ's slot on */
    uint32_t sweep_next;

    counter_value *commands[UINT8_MAX + 1]; /* by record type */
    counter_value *refusals[UINT8_MAX + 1]; /* by reason */
    counter_value *breaks[UINT8_MAX + 1];   /* by reason */
    counter_value *notes[UINT8_MAX + 1];    /* by reason */
    counter_value *batches, *timers, *ring_full, *lane_full;
    counter_value uncounted; /* where there are no counters */
};

/* Create
 * ----------------------------------------------------------------------------------------------------------
 */

/* agent="routing",key="value" */
static counter_value *new_counter(struct engine *e, struct counters *c, const char *name, const char *key,
                                  const char *value)
{
    if (!c)
        return &e->uncounted;
    char label[COUNTER_LABEL_SIZE];
    struct text t = text_in(label, sizeof label);
    text_add(&t, "agent=\"");
    text_add(&t, e->name);
    text_add(&t, "\"");
    if (key) {
        text_add(&t, ",");
        text_add(&t, key);
        text_add(&t, "=\"");
        text_add(&t, value);
        text_add(&t, "\"");
    }
    return counter_new(c, COUNTER_TOTAL, name, label);
}

static bool comes_by_lane(unsigned type)
{
    switch (type) {
    case RECORD_GATEWAY_SESSION_STATE:
    case RECORD_GATEWAY_SESSION_RESET:
    case RECORD_GATEWAY_SESSION_NUMBERS:
    case RECORD_GATEWAY_UNSENT:
    case RECORD_ACCEPT_REFUSED:
    case RECORD_RFQ_AWARDED:
    case RECORD_RFQ_CANCEL_ORDER:
    case RECORD_ORDER_CREATED:
    case RECORD_ORDER_UPDATE:
        return true;
    default:
        return type >= RECORD_COMMAND_QUOTE_REQUEST;
    }
}

static void make_counters(struct engine *e, struct counters *c)
{
    e->batches = new_counter(e, c, "rfqd_engine_batches_total", NULL, NULL);
    e->timers = new_counter(e, c, "rfqd_engine_timers_total", NULL, NULL);
    e->ring_full = new_counter(e, c, "rfqd_engine_stalls_total", "full", "ring");
    e->lane_full = new_counter(e, c, "rfqd_engine_stalls_total", "full", "lane");
    for (unsigned i = 0; i <= UINT8_MAX; i++)
        e->commands[i] = e->refusals[i] = e->breaks[i] = e->notes[i] = &e->uncounted;
#define X(type, number, version, body, text) \
    if (comes_by_lane(number))               \
        e->commands[number] = new_counter(e, c, "rfqd_engine_commands_total", "type", #type);
    RECORD_TYPE_LIST(X)
#undef X
#define X(name, number, text)                                                              \
    e->refusals[number] = new_counter(e, c, "rfqd_engine_refusals_total", "reason", text); \
    e->notes[number] = new_counter(e, c, "rfqd_engine_ignored_total", "reason", text);
    REASON_LIST(X)
#undef X
    if (e->is_distribution)
        return;
    static const uint8_t break_reasons[] = {
        REASON_UNKNOWN_ORDER, REASON_BEYOND_ORDER, REASON_ORDER_FINAL,        REASON_WRONG_LP,
        REASON_BAD_EXECUTION, REASON_LIMIT,        REASON_EXECUTIONS_MISSING, REASON_WORSE_PRICE};
    for (unsigned i = 0; i < sizeof break_reasons; i++)
        e->breaks[break_reasons[i]] =
            new_counter(e, c, "rfqd_execution_breaks_total", "reason", reason_name(break_reasons[i]));
}

static bool is_high(const struct engine_input *in)
{
    return in->subject == LANE_ORDER || in->subject == LANE_ENGINE;
}

enum err engine_create(struct engine **out, const struct engine_config *c)
{
    assert(c->agent == AGENT_DISTRIBUTION || c->agent == AGENT_ROUTING);
    assert(c->state->agent == c->agent && c->ring->agent == c->agent && c->state->timers);
    assert(c->input_count <= ENGINE_INPUTS_MAX);
    *out = NULL;
    struct engine *e = memory_take(sizeof *e);
    if (!e)
        return ERR_MEMORY;
    e->emit = (struct emit){.ring = c->ring, .state = c->state};
    e->agent = c->agent;
    e->is_distribution = c->agent == AGENT_DISTRIBUTION;
    e->name = e->is_distribution ? "distribution" : "routing";
    for (unsigned i = 0; i < c->input_count; i++)
        if (is_high(&c->inputs[i]))
            e->high[e->high_count++] = c->inputs[i];
        else
            e->low[e->low_count++] = c->inputs[i];
    for (unsigned i = 0; i < AGENTS_MAX; i++) {
        e->lane_to[i] = c->out[i];
        if (c->out[i])
            e->outputs[e->output_count++] = (struct output){c->out[i], (uint8_t)i};
    }
    e->forwarded = c->ring->write;
    e->ring_reserve = c->ring->size / 4;
    e->digest_every = c->digest_every_batches;
    e->digest_batches = c->state->marks.batches;
    make_counters(e, c->counters);
    *out = e;
    return OK;
}

void engine_destroy(struct engine *e)
{
    memory_give(e, sizeof *e);
}

uint64_t engine_next_deadline(const struct engine *e)
{
    return timer_next_deadline(e->emit.state->timers);
}

/* Room
 * ------------------------------------------------------------------------------------------------------------
 */

/* What this poll has written so far may all be for one lane. */
static bool lanes_have_room(struct engine *e, uint64_t reserve)
{
    uint64_t written = e->emit.ring->write - e->forwarded + e->records * LANE_ITEM_HEADER_SIZE;
    for (unsigned i = 0; i < e->output_count; i++)
        if (!lane_room(e->outputs[i].lane, written + DECISION_LANE_SIZE_MAX, reserve))
            return false;
    return true;
}

/* Why only what goes on is taken up: nothing of a low lane, no new order. NULL: there is room for all. */
static const char *at_mark(struct engine *e)
{
    if (!ring_room(e->emit.ring, BATCH_SIZE_MAX, e->ring_reserve))
        return "busy: the record is not written as fast as it grows";
    return lanes_have_room(e, LANE_RESERVE) ? NULL : "busy: decisions are not taken up as fast as they come";
}

/* Room for the effects of any one decision, asked before it is taken up: a decision is never half done, and
 * never done twice. */
static bool has_room(struct engine *e, bool high)
{
    if (!ring_room(e->emit.ring, BATCH_SIZE_MAX, high ? 0 : e->ring_reserve)) {
        counter_add(e->ring_full, 1);
        return false;
    }
    if (!lanes_have_room(e, high ? 0 : LANE_RESERVE)) {
        counter_add(e->lane_full, 1);
        return false;
    }
    return true;
}

/* Decide
 * -----------------------------------------------------------------------------------------------------------
 */

static void end_batch(struct engine *e)
{
    e->records += e->emit.ring->open->count;
    emit_batch_end(&e->emit);
    counter_add(e->batches, 1);
}

/* What no item caused may emit nothing. */
static void end_batch_if_any(struct engine *e)
{
    if (e->emit.ring->open->count > 0)
        end_batch(e);
    else
        ring_abandon(e->emit.ring);
}

static void decide_item(struct engine *e, const struct lane_item *item)
{
    emit_batch_begin(&e->emit, item);
    if (e->is_distribution)
        distribution_decide(&e->emit, item);
    else
        routing_decide(&e->emit, item);
    assert(e->emit.ring->open->count > 0); /* it was consumed: the record says so */
    end_batch(e);
    counter_add(e->commands[item->record.type & UINT8_MAX], 1);
}

static void decide_timer(struct engine *e, const struct timer *t)
{
    emit_batch_begin(&e->emit, NULL);
    if (e->is_distribution)
        distribution_timer_fired(&e->emit, t);
    else
        routing_timer_fired(&e->emit, t);
    end_batch_if_any(e);
    counter_add(e->timers, 1);
}

static unsigned poll_input(struct engine *e, const struct engine_input *in, bool high)
{
    unsigned taken = 0;
    const struct lane_item *item;
    while (taken < POLL_ITEMS_MAX && (item = lane_peek(in->lane)) && has_room(e, high)) {
        assert(item->agent == in->from && item->lane == in->subject);
        /* An order shares its lane with executions, which may not wait behind it: refused, it is out of their
         * way. */
        e->emit.scarce = item->record.type == RECORD_COMMAND_ORDER ? at_mark(e) : NULL;
        decide_item(e, item);
        lane_pop(in->lane);
        taken++;
    }
    return taken;
}

static unsigned poll_inputs(struct engine *e, const struct engine_input *inputs, unsigned count, bool high)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < count; i++)
        taken += poll_input(e, &inputs[(e->turn + i) % count], high);
    return taken;
}

static unsigned poll_timers(struct engine *e)
{
    unsigned fired = 0;
    struct timer t;
    while (fired < POLL_ITEMS_MAX && has_room(e, true) &&
           timer_pop_due(e->emit.state->timers, e->emit.now_ns, &t)) {
        decide_timer(e, &t);
        fired++;
    }
    return fired;
}

/* Beside what comes by lanes, not before it: an operator can wait. */
static unsigned poll_change(struct engine *e)
{
    if (!mailbox_asked(&e->box) || !has_room(e, false))
        return 0;
    emit_batch_begin(&e->emit, NULL);
    e->changed = e->is_distribution ? distribution_change(&e->emit, &e->change, &e->change_next)
                                    : routing_change(&e->emit, &e->change, &e->change_next);
    end_batch_if_any(e);
    return 1;
}

static void begin_sweep(struct engine *e)
{
    e->sweeps = e->is_distribution;
    e->sweep_next = 0;
}

static unsigned poll_sweep(struct engine *e)
{
    if (!e->sweeps || !has_room(e, false))
        return 0;
    emit_batch_begin(&e->emit, NULL);
    e->sweeps = !distribution_sweep(&e->emit, &e->sweep_next);
    end_batch_if_any(e);
    return 1;
}

static void answer_change(struct engine *e)
{
    begin_sweep(e);
    e->changed = false;
    e->change_position = e->emit.ring->write;
    mailbox_answer(&e->box);
}

bool engine_ask(struct engine *e, const struct engine_change *c)
{
    if (!mailbox_free(&e->box))
        return false;
    e->change = *c;
    e->change_next = 0;
    mailbox_ask(&e->box);
    return true;
}

bool engine_answered(struct engine *e, uint64_t *position)
{
    if (!mailbox_answered(&e->box))
        return false;
    *position = e->change_position;
    mailbox_close(&e->box);
    return true;
}

/* The state before this batch, for the replica to compare with its own there. */
static void emit_digest(struct engine *e)
{
    struct state *s = e->emit.state;
    if (e->digest_every == 0 || s->marks.batches - e->digest_batches < e->digest_every || !has_room(e, true))
        return;
    uint64_t digest = state_digest(s), batches = s->marks.batches;
    emit_batch_begin(&e->emit, NULL);
    struct engine_digest *ev = emit_begin(
        &e->emit, e->is_distribution ? RECORD_DISTRIBUTION_DIGEST : RECORD_ROUTING_DIGEST, sizeof *ev);
    ev->digest = digest;
    ev->batches = batches;
    emit_end(&e->emit, ev);
    end_batch(e);
    e->digest_batches = s->marks.batches;
}

/* Forward
 * ----------------------------------------------------------------------------------------------------------
 */

/* Refusals that anybody was given, by their reason. */
static void count_record(struct engine *e, const struct record *r)
{
    uint32_t reason;
    switch (r->type) {
    case RECORD_REQUEST_REFUSED:
        reason = ((const struct request_refused *)r)->reason;
        break;
    case RECORD_RFQ_TRANSITION:
        if (((const struct rfq_transition *)r)->to != RFQ_REJECTED)
            return;
        reason = ((const struct rfq_transition *)r)->reason;
        break;
    case RECORD_QUOTE_REFUSED:
        reason = ((const struct quote_refused *)r)->reason;
        break;
    case RECORD_ACCEPT_REFUSED:
        reason = ((const struct accept_refused *)r)->reason;
        break;
    case RECORD_ORDER_CANCEL_REFUSED:
        reason = ((const struct order_cancel_refused *)r)->reason;
        break;
    case RECORD_ORDER_REPORT:
        if (((const struct order_report *)r)->exec_type != '8')
            return;
        reason = ((const struct order_report *)r)->reason;
        break;
    case RECORD_DISTRIBUTION_NOTED:
    case RECORD_ROUTING_NOTED:
        counter_add(e->notes[((const struct engine_noted *)r)->reason & UINT8_MAX], 1);
        return;
    case RECORD_EXECUTION_BREAK:
        counter_add(e->breaks[((const struct execution_break *)r)->reason & UINT8_MAX], 1);
        return;
    default:
        return;
    }
    counter_add(e->refusals[reason & UINT8_MAX], 1);
}

static void forward_batch(struct engine *e, const struct batch *b)
{
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        count_record(e, r);
        if (r->dest == AGENT_NONE)
            continue;
        assert(r->dest < AGENTS_MAX && e->lane_to[r->dest]);
        bool put = lane_put(e->lane_to[r->dest], e->agent, r->lane, batch_record_position(b, r),
                            b->origin_time_ns, r, 0);
        assert(put); /* room was asked for before it was decided */
        (void)put;
    }
}

/* Commit, then send: nothing leaves that a crash could take back. */
static void commit_and_forward(struct engine *e)
{
    struct ring *ring = e->emit.ring;
    ring_commit(ring);
    while (e->forwarded < ring->write) {
        const struct batch *b = (const struct batch *)(ring->data + (e->forwarded & (ring->size - 1)));
        forward_batch(e, b);
        e->forwarded += b->size;
    }
    for (unsigned i = 0; i < e->output_count; i++)
        lane_commit(e->outputs[i].lane);
    e->records = 0;
}

static unsigned engine_poll(void *self, uint64_t now_ns)
{
    struct engine *e = self;
    /* The record's time never goes back, whatever the clock does between two runs. */
    uint64_t last_ns = e->emit.state->marks.time_ns;
    e->emit.now_ns = now_ns > last_ns ? now_ns : last_ns;
    e->turn++;
    unsigned work = poll_inputs(e, e->high, e->high_count, true);
    work += poll_timers(e);
    work += poll_inputs(e, e->low, e->low_count, false);
    work += poll_change(e);
    work += poll_sweep(e);
    if (!work) {
        state_settle(e->emit.state);
        return 0;
    }
    emit_digest(e);
    commit_and_forward(e);
    if (e->changed)
        answer_change(e);
    for (unsigned i = 0; i < e->high_count; i++)
        lane_release(e->high[i].lane);
    for (unsigned i = 0; i < e->low_count; i++)
        lane_release(e->low[i].lane);
    return work;
}

static void engine_warm(void *self, bool long_idle)
{
    (void)long_idle;
    const struct engine *e = self;
    ring_ask_ahead(e->emit.ring, RELEASE_SIZE);
    for (unsigned i = 0; i < e->output_count; i++)
        lane_ask_ahead(e->outputs[i].lane, RELEASE_SIZE);
    state_ask_ahead(e->emit.state, RELEASE_LPS);
}

struct agent engine_agent(struct engine *e)
{
    return (struct agent){.name = e->name, .poll = engine_poll, .warm = engine_warm, .self = e};
}

void engine_start(struct engine *e, const struct engine_setup *setup, uint64_t now_ns)
{
    uint64_t last_ns = e->emit.state->marks.time_ns;
    e->emit.now_ns = now_ns > last_ns ? now_ns : last_ns;
    assert(ring_room(e->emit.ring, BATCH_SIZE_MAX, 0)); /* the log agent has merged what the last run left */
    e->emit.splits = true;
    emit_batch_begin(&e->emit, NULL);
    if (e->is_distribution)
        distribution_start(&e->emit, setup);
    else
        routing_start(&e->emit, setup);
    end_batch(e);
    e->emit.splits = false;
    commit_and_forward(e);
    begin_sweep(e);
}
