/* What clients ask by HTTP and WebSocket: an RFQ, an acceptance, a cancel, an extension. Each is decided as a
 * taker's message would be, and answered by one event, CLIENT_ANSWERED, in the same batch: who waits for the
 * answer reads it in the log, and a repetition under the same key gets it again, after a restart too.
 */
#include "dataplane/engine/distribution/inside.h"

struct client_result {
    uint64_t rfq, quote, value;
    struct refusal refusal;
};

/* Answers
 * ------------------------------------------------------------------------------------------------------ */

static bool has_key(const struct client_head *c)
{
    return c->key_high || c->key_low;
}

static struct client_answered *answer_begin(struct emit *e, const struct lane_item *item,
                                            const struct client_head *c)
{
    struct client_answered *ev = emit_begin(e, RECORD_CLIENT_ANSWERED, sizeof *ev);
    ev->ticket = c->ticket;
    ev->taker = c->taker;
    ev->key_high = c->key_high;
    ev->key_low = c->key_low;
    ev->body = c->body;
    ev->command = item->record.type;
    return ev;
}

/* What is refused for a passing cause is not remembered: the same key may try again. */
static bool passes(enum reason reason)
{
    return reason == REASON_LIMIT || reason == REASON_DRAINING;
}

static void answer(struct emit *e, const struct lane_item *item, const struct client_head *c,
                   const struct client_result *result)
{
    const struct distribution_state *s = state_of(e);
    struct client_answered *ev = answer_begin(e, item, c);
    if (has_key(c) && !passes(result->refusal.reason)) {
        bool full = table_count(s->client_keys) >= CLIENT_KEYS_MAX;
        ev->forgets = full ? distribution_oldest_client_key(s)->id : 0;
        ev->id = state_next_id(e->state);
    }
    ev->rfq = result->rfq;
    ev->quote = result->quote;
    ev->value = result->value;
    ev->reason = (uint16_t)result->refusal.reason;
    if (result->refusal.reason != REASON_NONE)
        memcpy(ev->text, result->refusal.text, sizeof ev->text);
    emit_end(e, ev);
}

/* True: the key is known, and the answer is given: the same, or that it was used for something else. */
static bool answered_before(struct emit *e, const struct lane_item *item, const struct client_head *c)
{
    const struct client_key *k =
        has_key(c) ? distribution_client_key(state_of(e), c->key_high, c->key_low) : NULL;
    if (!k)
        return false;
    struct client_answered *ev = answer_begin(e, item, c);
    if (k->body != c->body || k->command != item->record.type) {
        struct refusal r;
        struct text t = refuse(&r, REASON_KEY_REUSED);
        text_add(&t, "this Idempotency-Key was used before, with another request");
        ev->reason = REASON_KEY_REUSED;
        memcpy(ev->text, r.text, sizeof ev->text);
    } else {
        ev->repeated = 1;
        ev->rfq = k->rfq;
        ev->quote = k->quote;
        ev->value = k->value;
        ev->reason = k->reason;
        memcpy(ev->text, k->text, sizeof ev->text);
    }
    emit_end(e, ev);
    return true;
}

/* Guards
 * ------------------------------------------------------------------------------------------------------- */

/* An RFQ of another tenant is as good as none. */
static const struct rfq *find_rfq(const struct emit *e, const struct client_head *c, uint64_t id,
                                  struct refusal *r)
{
    const struct rfq *rfq = distribution_rfq(state_of(e), id);
    r->reason = REASON_NONE;
    if (rfq && rfq->tenant == c->tenant)
        return rfq;
    struct text t = refuse(r, REASON_UNKNOWN_RFQ);
    text_add(&t, "RFQ ");
    add_name(&t, 'R', id);
    text_add(&t, " is not known");
    return NULL;
}

static const struct taker *find_taker(const struct emit *e, const struct client_head *c, struct refusal *r)
{
    const struct taker *taker = distribution_taker(state_of(e), c->taker);
    r->reason = REASON_NONE;
    if (taker && taker->tenant == c->tenant)
        return taker;
    struct text t = refuse(r, REASON_UNKNOWN_SESSION);
    text_add(&t, "not a taker of this tenant");
    return NULL;
}

/* The decisions
 * ------------------------------------------------------------------------------------------------- */

void decide_client_rfq(struct emit *e, const struct lane_item *item)
{
    const struct command_client_rfq *c = (const void *)&item->record;
    if (answered_before(e, item, &c->client))
        return;
    struct client_result result = {0};
    const struct taker *taker = find_taker(e, &c->client, &result.refusal);
    if (taker && request_may_create(state_of(e), &result.refusal)) {
        struct command_quote_request request = {.quantity = c->quantity,
                                                .deadline_ns = c->deadline_ns,
                                                .settl_date = c->settl_date,
                                                .legs = c->legs,
                                                .side = c->side};
        memcpy(request.request_id, c->reference, sizeof request.request_id);
        memcpy(request.symbol, c->symbol, sizeof request.symbol);
        result.rfq = request_take(e, item, taker, &request, c->all_or_none, &result.refusal)->id;
    }
    answer(e, item, &c->client, &result);
}

void decide_client_accept(struct emit *e, const struct lane_item *item)
{
    const struct command_client_accept *c = (const void *)&item->record;
    if (answered_before(e, item, &c->client))
        return;
    struct client_result result = {.rfq = c->rfq, .quote = c->quote};
    const struct rfq *rfq = find_rfq(e, &c->client, c->rfq, &result.refusal);
    const struct quote *quote = distribution_quote(state_of(e), c->quote);
    if (rfq && (!quote || quote->rfq != rfq->id)) { /* in one word: whether another has it is not told */
        struct text t = refuse(&result.refusal, REASON_UNKNOWN_QUOTE);
        text_add(&t, "quote ");
        add_name(&t, 'Q', c->quote);
        text_add(&t, " is not one of this RFQ's");
    } else if (rfq) {
        const struct client_acceptance a = {.taker = rfq->taker,
                                            .quote = c->quote,
                                            .quantity = c->quantity,
                                            .price = c->price,
                                            .side = c->side};
        accept_for_client(e, &a, &result.refusal);
    }
    answer(e, item, &c->client, &result);
}

void decide_client_cancel(struct emit *e, const struct lane_item *item)
{
    const struct command_client_cancel *c = (const void *)&item->record;
    if (answered_before(e, item, &c->client))
        return;
    struct client_result result = {.rfq = c->rfq};
    const struct rfq *rfq = find_rfq(e, &c->client, c->rfq, &result.refusal);
    if (rfq && rfq_may_be_cancelled(rfq, &result.refusal)) {
        if (c->reason == REASON_NONE && (rfq->state == RFQ_EVALUATION || rfq->state == RFQ_IS_AWARDED)) {
            struct text t = refuse(&result.refusal, REASON_REASON_REQUIRED);
            text_add(&t, "the RFQ is ");
            text_add(&t, rfq_state_name(rfq->state));
            text_add(&t, ": a cancel needs a reason");
        } else {
            rfq_cancel(e, rfq, c->client.taker, c->reason ? (enum reason)c->reason : REASON_TAKER_REQUEST);
        }
    }
    answer(e, item, &c->client, &result);
}

/* How long the RFQ was asked to live. */
static uint64_t length_ns(const struct rfq *rfq)
{
    return rfq->extensions ? rfq->length_ms * 1000000ull : rfq->deadline_ns - rfq->created_ns;
}

/* How long the present state may last, and what the workflow's table allows beyond it. */
struct lasting {
    const struct workflow_timeout *row; /* NULL: it cannot be extended */
    bool own;                           /* until the RFQ's own deadline; else it has a stay */
    bool ran_out;                       /* of the stay */
    unsigned used;
    uint64_t until_ns, extension_ns;
};

static struct lasting lasting_of(const struct emit *e, const struct rfq *rfq)
{
    const struct workflow_timeout *row = workflow_running(rfq->profile, rfq->state);
    const struct rfq_stay *stay = distribution_stay(state_of(e), rfq->id);
    if (!row || !row->extensions || (row->duration_ns && !stay))
        return (struct lasting){.row = NULL};
    return (struct lasting){.row = row,
                            .own = !stay,
                            .ran_out = stay && stay->level == WORKFLOW_END,
                            .used = stay ? stay->extensions : rfq->extensions,
                            .until_ns = stay ? stay->timeout_ns : rfq->deadline_ns,
                            .extension_ns = row->extension_ns ? row->extension_ns : length_ns(rfq)};
}

/* As is asked for, or as far as is allowed. */
static uint64_t extended_ns(const struct lasting *l, const struct command_client_extend *c)
{
    return c->deadline_ns ? c->deadline_ns : l->until_ns + (c->extend_ns ? c->extend_ns : l->extension_ns);
}

static void check_extension(const struct settings *settings, const struct rfq *rfq, const struct lasting *l,
                            const struct command_client_extend *c, uint64_t now_ns, struct refusal *r)
{
    if (!l->row) {
        struct text t = refuse(r, REASON_RFQ_STATE);
        text_add(&t, "the RFQ is ");
        text_add(&t, rfq_state_name(rfq->state));
        text_add(&t, ": only BIDDING_OPEN and AWARDED are extended");
    } else if (l->own && now_ns >= l->until_ns) { /* its timer is about to fire */
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "the deadline passed ");
        text_add_duration(&t, now_ns - l->until_ns);
        text_add(&t, " ago");
    } else if (l->ran_out) {
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "its time ran out, and its order is being cancelled");
    } else if (!c->text[0]) {
        struct text t = refuse(r, REASON_REASON_REQUIRED);
        text_add(&t, "an extension needs a reason");
    } else if (l->used >= l->row->extensions) {
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "extended ");
        text_add_number(&t, l->row->extensions);
        text_add(&t, l->row->extensions == 1 ? " time, which is the most" : " times, which is the most");
    } else if (extended_ns(l, c) <= l->until_ns) {
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "the new deadline is not later than the present one");
    } else if (extended_ns(l, c) - l->until_ns > l->extension_ns) {
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "extended by ");
        text_add_duration(&t, extended_ns(l, c) - l->until_ns);
        text_add(&t, ", at most ");
        text_add_duration(&t, l->extension_ns);
    } else if (l->own && extended_ns(l, c) - now_ns < settings->deadline_min_ns) {
        struct text t = refuse(r, REASON_EXTENSION);
        text_add(&t, "the new deadline is ");
        text_add_duration(&t, extended_ns(l, c) - now_ns);
        text_add(&t, " ahead, at least ");
        text_add_duration(&t, settings->deadline_min_ns);
    }
}

static void extend(struct emit *e, const struct rfq *rfq, const struct lasting *l,
                   const struct command_client_extend *c, uint64_t until_ns)
{
    struct rfq_extended *ev = emit_begin(e, RECORD_RFQ_EXTENDED, sizeof *ev);
    ev->rfq = rfq->id;
    ev->who = WHO_USER;
    ev->who_id = c->client.taker;
    ev->deadline_ns = until_ns;
    ev->length_ns = l->own ? length_ns(rfq) : 0;
    ev->number = (uint8_t)(l->used + 1);
    ev->state = l->own ? 0 : rfq->state;
    memcpy(ev->text, c->text, sizeof ev->text);
    emit_end(e, ev);
    if (!l->own)
        stay_extend(e, rfq, until_ns);
}

void decide_client_extend(struct emit *e, const struct lane_item *item)
{
    const struct command_client_extend *c = (const void *)&item->record;
    if (answered_before(e, item, &c->client))
        return;
    struct client_result result = {.rfq = c->rfq};
    const struct rfq *rfq = find_rfq(e, &c->client, c->rfq, &result.refusal);
    struct lasting l = {.row = NULL};
    if (rfq) {
        l = lasting_of(e, rfq);
        check_extension(distribution_settings(state_of(e)), rfq, &l, c, e->now_ns, &result.refusal);
    }
    if (rfq && result.refusal.reason == REASON_NONE) {
        result.value = extended_ns(&l, c);
        extend(e, rfq, &l, c, result.value);
    }
    answer(e, item, &c->client, &result);
}
