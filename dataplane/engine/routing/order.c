#include "dataplane/engine/routing/order.h"

#include <assert.h>

bool order_has_room(const struct emit *e)
{
    const struct routing_state *s = routing_of(e);
    uint32_t orders = table_count(s->orders);
    return orders < table_capacity(s->orders) && table_count(s->fills) + orders < table_capacity(s->fills);
}

void order_cl_ord_id(const struct order *o, char out[ID_TEXT_SIZE])
{
    if (o->cl_ord_id[0])
        memcpy(out, o->cl_ord_id, ID_TEXT_SIZE);
    else
        name_print('O', o->id, out);
}

static void copy_text(char to[TEXT_SIZE], const char *from)
{
    size_t size = strnlen(from, TEXT_SIZE - 1);
    memcpy(to, from, size);
    memset(to + size, 0, TEXT_SIZE - size);
}

struct order_state *order_state_begin(struct emit *e, const struct order *o, enum order_status state,
                                      enum reason reason)
{
    struct order_state *ev = emit_begin(e, RECORD_ORDER_STATE, sizeof *ev);
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->due_ns = o->due_ns;
    ev->state = (uint16_t)state;
    ev->reason = (uint16_t)reason;
    ev->in_doubt = o->in_doubt;
    ev->cancel_asked = o->cancel_asked;
    return ev;
}

void order_release(struct emit *e, const struct order *o)
{
    assert(o->state == ORDER_PENDING && e->now_ns < o->valid_until_ns);
    struct order_released *ev = emit_begin(e, RECORD_ORDER_RELEASED, sizeof *ev);
    emit_to(ev, o->lp_gateway, LANE_ENGINE, o->lp_session);
    ev->out = (struct outbound){
        .rfq = o->rfq, .ref = o->id, .ref_kind = REF_ORDER, .expires_ns = o->valid_until_ns};
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->award = o->award;
    ev->quote = o->quote;
    ev->lp = o->lp;
    ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_ack_timeout_ns;
    ev->valid_until_ns = o->valid_until_ns;
    ev->quantity = o->quantity;
    ev->price = o->price;
    ev->side = o->side;
    ev->attempt = (uint8_t)(o->attempts < UINT8_MAX ? o->attempts + 1 : UINT8_MAX);
    memcpy(ev->lp_quote_id, o->lp_quote_id, sizeof ev->lp_quote_id);
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    ev->lp_session = o->lp_session;
    ev->session_losses = routing_session_losses(routing_of(e), o->lp_session);
    ev->lp_gateway = o->lp_gateway;
    emit_end(e, ev);
}

/* What the workflow is told as the cause: whose doing the end was. */
static enum reason update_reason(const struct order *o)
{
    if (o->state != ORDER_CANCELLED && o->state != ORDER_REJECTED)
        return o->in_doubt ? REASON_IN_DOUBT : REASON_NONE;
    if (o->cancel_asked >= CANCEL_BY_TAKER)
        return REASON_TAKER_REQUEST;
    switch (o->reason) {
    case REASON_QUOTE_EXPIRED_IN_FLIGHT:
    case REASON_SESSION_DOWN: /* it never left */
    case REASON_LP_REJECTED_ORDER:
    case REASON_TAKER_REQUEST:
        return o->reason;
    case REASON_ENCODE: /* ours, not the LP's */
    case REASON_REFUSED_BY_CONTROLS:
        return REASON_REFUSED_BY_CONTROLS;
    default:
        return REASON_LP_DEFAULT;
    }
}

static void update(struct emit *e, const struct order *o, bool cancel_refused)
{
    if (!o->award)
        return;
    struct order_update *ev = emit_begin(e, RECORD_ORDER_UPDATE, sizeof *ev);
    emit_to(ev, AGENT_DISTRIBUTION, LANE_ENGINE, SESSION_NONE);
    ev->rfq = o->rfq;
    ev->award = o->award;
    ev->order = o->id;
    ev->filled_quantity = o->filled_quantity;
    ev->state = o->state;
    ev->reason = (uint16_t)update_reason(o);
    ev->in_doubt = o->in_doubt != DOUBT_NONE;
    ev->final = order_is_final(o);
    ev->cancelled_for = o->cancel_asked;
    ev->cancel_refused = cancel_refused;
    emit_end(e, ev);
}

void order_update(struct emit *e, const struct order *o)
{
    update(e, o, false);
}

char order_ord_status(const struct order *o)
{
    switch ((enum order_status)o->state) {
    case ORDER_WORKING:
        return '0';
    case ORDER_PARTLY_FILLED:
        return '1';
    case ORDER_IS_FILLED:
        return '2';
    case ORDER_CANCELLED:
        return '4';
    case ORDER_REJECTED:
        return '8';
    case ORDER_AWAITING:
    case ORDER_PENDING:
    case ORDER_SENT:
    case ORDER_UNKNOWN:
        break;
    }
    return 'A'; /* pending new */
}

/* For display only: the sum is exact, the average is it divided, rounded half to even. */
static int64_t average_price(const struct order *o)
{
    if (o->filled_quantity == 0)
        return 0;
    unsigned __int128 value = (unsigned __int128)(uint64_t)o->value_high << 64 | o->value_low;
    unsigned __int128 quantity = (unsigned __int128)o->filled_quantity;
    unsigned __int128 average = value / quantity, rest = value % quantity;
    if (rest * 2 > quantity || (rest * 2 == quantity && (average & 1)))
        average++;
    return (int64_t)average;
}

void order_report(struct emit *e, const struct order *o, char exec_type, const struct fill_report *fill,
                  const char *text)
{
    struct order_report *ev = emit_begin(e, RECORD_ORDER_REPORT, sizeof *ev);
    emit_to(ev, o->taker_gateway, LANE_ENGINE, o->taker_session);
    ev->out = (struct outbound){.rfq = o->rfq, .ref = o->id, .ref_kind = REF_ORDER, .must_reach = 1};
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->quote = o->quote;
    ev->report = o->reports + 1;
    ev->exec_type = exec_type;
    ev->ord_status = order_ord_status(o);
    ev->side = (char)o->side;
    ev->quantity = o->quantity;
    ev->price = o->price;
    if (fill) {
        ev->last_quantity = fill->quantity;
        ev->last_price = fill->price;
    }
    ev->filled_quantity = o->filled_quantity;
    ev->leaves_quantity = order_is_final(o) ? 0 : o->quantity - o->filled_quantity;
    ev->average_price = average_price(o);
    ev->reason = o->reason;
    if (exec_type == '8')
        ev->reject_reason = 99; /* 103: other; the text says which */
    order_cl_ord_id(o, ev->cl_ord_id);
    if (exec_type == '4' && o->cancel_asked == CANCEL_BY_TAKER) {
        memcpy(ev->orig_cl_ord_id, ev->cl_ord_id, sizeof ev->orig_cl_ord_id);
        memcpy(ev->cl_ord_id, o->cancel_id, sizeof ev->cl_ord_id);
    }
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    if (text)
        copy_text(ev->text, text);
    emit_end(e, ev);
}

void order_end(struct emit *e, const struct order *o, enum order_status state, enum reason reason,
               const char *lp_order_id, const char *text)
{
    assert(state == ORDER_CANCELLED || state == ORDER_REJECTED);
    if (!text || !*text)
        text = reason ? reason_name(reason) : "";
    struct order_state *ev = order_state_begin(e, o, state, reason);
    ev->due_ns = 0;
    ev->in_doubt = DOUBT_NONE;
    if (lp_order_id)
        memcpy(ev->lp_order_id, lp_order_id, sizeof ev->lp_order_id);
    copy_text(ev->text, text);
    emit_end(e, ev);
    order_report(e, o, state == ORDER_CANCELLED ? '4' : '8', NULL, text);
    if (state == ORDER_REJECTED && o->cancel_asked == CANCEL_BY_TAKER)
        order_refuse_open_cancel(e, o, 0, REASON_ORDER_FINAL, "the order was rejected");
    order_update(e, o);
}

void order_end_unknown(struct emit *e, const struct order *o, const char *text)
{
    assert(o->filled_quantity == 0);
    if (o->cancel_asked >= CANCEL_BY_TAKER)
        order_end(e, o, ORDER_CANCELLED, REASON_TAKER_REQUEST, NULL, text);
    else
        order_end(e, o, ORDER_REJECTED, REASON_TIMEOUT, NULL, text);
}

void order_ask_cancel(struct emit *e, const struct order *o, enum cancel_asked asked_for,
                      const char *cancel_id)
{
    assert(order_is_at_lp(o));
    /* An order that is not acknowledged yet stays due when it was: it may have to be told as in doubt. */
    bool unacknowledged = o->state == ORDER_SENT && !o->in_doubt;
    struct order_cancel_asked *ev = emit_begin(e, RECORD_ORDER_CANCEL_ASKED, sizeof *ev);
    emit_to(ev, o->lp_gateway, LANE_ENGINE, o->lp_session);
    ev->out = (struct outbound){.rfq = o->rfq, .ref = o->id, .ref_kind = REF_CANCEL};
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->due_ns =
        unacknowledged ? o->due_ns : e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
    ev->quantity = o->quantity;
    ev->side = o->side;
    ev->asked_for = (uint8_t)asked_for;
    ev->rfq_waits = asked_for == CANCEL_BY_TAKER && o->rfq_waits;
    ev->attempt = o->cancel_attempts + 1;
    memcpy(ev->lp_order_id, o->lp_order_id, sizeof ev->lp_order_id);
    memcpy(ev->symbol, o->symbol, sizeof ev->symbol);
    memcpy(ev->cancel_id, cancel_id, sizeof ev->cancel_id);
    emit_end(e, ev);
}

void order_refuse_open_cancel(struct emit *e, const struct order *o, uint32_t cancel_reason,
                              enum reason reason, const char *text)
{
    struct order_cancel_refused *ev = emit_begin(e, RECORD_ORDER_CANCEL_REFUSED, sizeof *ev);
    emit_to(ev, o->taker_gateway, LANE_ENGINE, o->taker_session);
    ev->out = (struct outbound){.rfq = o->rfq, .ref = o->id, .ref_kind = REF_ORDER, .must_reach = 1};
    ev->order = o->id;
    ev->rfq = o->rfq;
    ev->cancel_reason = cancel_reason;
    ev->reason = reason;
    ev->ord_status = order_ord_status(o);
    memcpy(ev->cl_ord_id, o->cancel_id, sizeof ev->cl_ord_id);
    order_cl_ord_id(o, ev->orig_cl_ord_id);
    copy_text(ev->text, text);
    emit_end(e, ev);
}

void order_cancel_failed(struct emit *e, const struct order *o, bool known, uint32_t cancel_reason,
                         enum reason reason, const char *text)
{
    static const char no_id[ID_TEXT_SIZE];
    assert(order_is_at_lp(o) && o->cancel_asked);
    bool waits = o->rfq_waits, of_rfq = o->cancel_asked == CANCEL_BY_RFQ;
    if (o->cancel_asked == CANCEL_BY_TAKER)
        order_refuse_open_cancel(e, o, cancel_reason, reason, text);
    bool sent = o->state == ORDER_SENT && !known, missing = o->in_doubt == DOUBT_EXECUTIONS_MISSING;
    struct order_state *ev = order_state_begin(e, o,
                                               sent                     ? ORDER_SENT
                                               : o->state == ORDER_SENT ? ORDER_WORKING
                                                                        : (enum order_status)o->state,
                                               REASON_NONE);
    ev->in_doubt = missing || sent ? o->in_doubt : DOUBT_NONE;
    bool goes_on = ev->in_doubt && !missing;
    ev->cancel_asked = !goes_on ? CANCEL_NOT_ASKED : waits || of_rfq ? CANCEL_BY_RFQ : CANCEL_BY_TIMEOUT;
    if (ev->in_doubt)
        ev->due_ns = e->now_ns + routing_settings(routing_of(e))->order_cancel_retry_ns;
    else if (!sent)
        ev->due_ns = 0;
    emit_end(e, ev);
    if (waits && !goes_on)
        order_ask_cancel(e, o, CANCEL_BY_RFQ, no_id);
    update(e, o, of_rfq && !goes_on);
}

void routing_note(struct emit *e, const struct lane_item *item, const struct order *o, enum reason reason,
                  const char *text)
{
    struct engine_noted *ev = emit_begin(e, RECORD_ROUTING_NOTED, sizeof *ev);
    if (o) {
        ev->rfq = o->rfq;
        ev->ref = o->id;
    }
    ev->reason = reason;
    ev->command = item->record.type;
    copy_text(ev->text, text);
    emit_end(e, ev);
}
