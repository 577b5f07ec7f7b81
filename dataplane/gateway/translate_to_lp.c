/* Events to LPs. */
#include "dataplane/gateway/translate_put.h"

void translate_request(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct delivery_released *ev = (const void *)event;
    put_name(e, FIX_TAG_QuoteReqID, 'R', ev->rfq);
    fix_put_uint(e, FIX_TAG_NoRelatedSym, 1);
    put_symbol(e, ev->symbol);
    fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
    put_side(e, ev->side);
    fix_put_decimal(e, FIX_TAG_OrderQty, ev->quantity);
    if (ev->settl_date)
        fix_put_date(e, FIX_TAG_SettlDate, ev->settl_date);
    fix_put_time(e, FIX_TAG_ExpireTime, ev->deadline_ns, p);
    fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
}

bool translate_request_same(const struct record *a, const struct record *b)
{
    const struct delivery_released *x = (const void *)a, *y = (const void *)b;
    return x->rfq == y->rfq && a->time_ns == b->time_ns && x->deadline_ns == y->deadline_ns &&
           x->quantity == y->quantity && x->settl_date == y->settl_date && x->side == y->side &&
           memcmp(x->symbol, y->symbol, sizeof x->symbol) == 0;
}

const char *translate_ended_choose(const struct record *event)
{
    const struct delivery_ended *ev = (const void *)event;
    return ev->by_aj ? FIX_MSGTYPE_QuoteResponse : FIX_MSGTYPE_QuoteCancel;
}

void translate_ended(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct delivery_ended *ev = (const void *)event;
    if (ev->by_aj) {
        put_name(e, FIX_TAG_QuoteRespID, 'D', ev->delivery);
        put_if(e, FIX_TAG_QuoteID, ev->lp_quote_id);
        fix_put_uint(e, FIX_TAG_QuoteRespType, FIX_QuoteRespType_DONE_AWAY);
        put_symbol(e, ev->symbol);
        put_side(e, ev->side);
        fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
        put_why(e, "", ev->reason);
        return;
    }
    put_name(e, FIX_TAG_QuoteReqID, 'R', ev->rfq);
    if (*ev->lp_quote_id)
        fix_put_text(e, FIX_TAG_QuoteID, ev->lp_quote_id);
    else
        put_name(e, FIX_TAG_QuoteID, 'R', ev->rfq);
    fix_put_uint(e, FIX_TAG_QuoteCancelType,
                 *ev->lp_quote_id ? FIX_QuoteCancelType_CANCEL_FOR_SYMBOL
                                  : FIX_QuoteCancelType_CANCEL_ALL_QUOTES);
    put_cancel_symbol(e, ev->symbol);
}

void translate_quote_refused(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct quote_refused *ev = (const void *)event;
    translate_status(e, ev->request_id, ev->lp_quote_id, "", ev->symbol, FIX_QuoteStatus_REJECTED, ev->reason,
                     ev->text);
}

/* Immediate or cancel: what a quote does not fill at once is not left working at the LP. */
void translate_order(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct order_released *ev = (const void *)event;
    put_name(e, FIX_TAG_ClOrdID, 'O', ev->order);
    put_symbol(e, ev->symbol);
    put_side(e, ev->side);
    fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
    fix_put_decimal(e, FIX_TAG_OrderQty, ev->quantity);
    fix_put_char(e, FIX_TAG_OrdType, FIX_OrdType_PREVIOUSLY_QUOTED);
    fix_put_decimal(e, FIX_TAG_Price, ev->price);
    put_if(e, FIX_TAG_QuoteID, ev->lp_quote_id);
    fix_put_char(e, FIX_TAG_TimeInForce, FIX_TimeInForce_IMMEDIATE_OR_CANCEL);
}

void translate_order_cancel(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct order_cancel_asked *ev = (const void *)event;
    put_name(e, FIX_TAG_OrigClOrdID, 'O', ev->order);
    put_if(e, FIX_TAG_OrderID, ev->lp_order_id);
    put_name_numbered(e, FIX_TAG_ClOrdID, 'O', ev->order, "-C", ev->attempt);
    put_symbol(e, ev->symbol);
    put_side(e, ev->side);
    fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
    fix_put_decimal(e, FIX_TAG_OrderQty, ev->quantity);
}

void translate_order_status(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct order_status_asked *ev = (const void *)event;
    put_if(e, FIX_TAG_OrderID, ev->lp_order_id);
    put_name(e, FIX_TAG_ClOrdID, 'O', ev->order);
    put_symbol(e, ev->symbol);
    put_side(e, ev->side);
}
