/* Events to takers. */
#include "dataplane/gateway/translate_put.h"

/* A quote of an LP as its taker sees it. */
struct quote_shown {
    uint64_t quote, valid_until_ns;
    const char *request_id, *symbol;
    int64_t bid, ask, bid_size, ask_size;
    uint8_t side;
};

static void write_quote(struct fix_encoder *e, const struct quote_shown *q, uint64_t time_ns,
                        enum fix_time_precision p)
{
    fix_put_text(e, FIX_TAG_QuoteReqID, q->request_id);
    put_name(e, FIX_TAG_QuoteID, 'Q', q->quote);
    fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
    put_symbol(e, q->symbol);
    put_side(e, q->side);
    put_decimal_if(e, FIX_TAG_BidPx, q->bid);
    put_decimal_if(e, FIX_TAG_OfferPx, q->ask);
    put_decimal_if(e, FIX_TAG_BidSize, q->bid ? q->bid_size : 0);
    put_decimal_if(e, FIX_TAG_OfferSize, q->ask ? q->ask_size : 0);
    fix_put_time(e, FIX_TAG_ValidUntilTime, q->valid_until_ns, p);
    fix_put_time(e, FIX_TAG_TransactTime, time_ns, p);
}

void translate_quote_added(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct quote_added *ev = (const void *)event;
    const struct quote_shown q = {.quote = ev->quote,
                                  .valid_until_ns = ev->valid_until_ns,
                                  .request_id = ev->request_id,
                                  .symbol = ev->symbol,
                                  .bid = ev->bid,
                                  .ask = ev->ask,
                                  .bid_size = ev->bid_size,
                                  .ask_size = ev->ask_size,
                                  .side = ev->side};
    write_quote(e, &q, event->time_ns, p);
}

void translate_quote_offered(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct quote_offered *ev = (const void *)event;
    const struct quote_shown q = {.quote = ev->quote,
                                  .valid_until_ns = ev->valid_until_ns,
                                  .request_id = ev->request_id,
                                  .symbol = ev->symbol,
                                  .bid = ev->bid,
                                  .ask = ev->ask,
                                  .bid_size = ev->bid_size,
                                  .ask_size = ev->ask_size,
                                  .side = ev->side};
    write_quote(e, &q, event->time_ns, p);
}

void translate_quote_ended(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct quote_ended *ev = (const void *)event;
    put_if(e, FIX_TAG_QuoteReqID, ev->request_id);
    put_name(e, FIX_TAG_QuoteID, 'Q', ev->quote);
    fix_put_uint(e, FIX_TAG_QuoteCancelType, FIX_QuoteCancelType_CANCEL_FOR_SYMBOL);
    put_cancel_symbol(e, ev->symbol);
}

/* QuoteRequestRejectReason (658). */
static unsigned request_reject_reason(uint32_t reason)
{
    switch (reason) {
    case REASON_UNKNOWN_SYMBOL:
        return FIX_QuoteRequestRejectReason_UNKNOWN_SYMBOL;
    case REASON_QUANTITY_OUT_OF_RANGE:
    case REASON_LIMIT:
        return FIX_QuoteRequestRejectReason_QUOTE_REQUEST_EXCEEDS_LIMIT;
    case REASON_DEADLINE_PAST:
        return FIX_QuoteRequestRejectReason_TOO_LATE_TO_ENTER;
    case REASON_UNKNOWN_SESSION:
        return FIX_QuoteRequestRejectReason_NOT_AUTHORIZED_TO_REQUEST_QUOTE;
    case REASON_NO_ELIGIBLE_LP:
    case REASON_TOO_FEW_LPS:
    case REASON_ALL_DELIVERIES_FAILED:
        return FIX_QuoteRequestRejectReason_NO_MATCH_FOR_INQUIRY;
    case REASON_NOT_TRADABLE:
        return FIX_QuoteRequestRejectReason_NO_MARKET_FOR_INSTRUMENT;
    case REASON_ALL_DECLINED:
        return FIX_QuoteRequestRejectReason_PASS;
    default:
        return FIX_QuoteRequestRejectReason_OTHER;
    }
}

void translate_request_reject(struct fix_encoder *e, const char *request_id, const char *symbol, uint8_t side,
                              uint32_t reason, const char *text)
{
    fix_put_text(e, FIX_TAG_QuoteReqID, request_id);
    fix_put_uint(e, FIX_TAG_QuoteRequestRejectReason, request_reject_reason(reason));
    fix_put_uint(e, FIX_TAG_NoRelatedSym, 1);
    put_symbol(e, symbol);
    /* a side that FIX has not came from the request and may be anything */
    if (side == SIDE_BUY || side == SIDE_SELL)
        put_side(e, side);
    put_why(e, text, reason);
}

void translate_status(struct fix_encoder *e, const char *request_id, const char *quote_id,
                      const char *response_id, const char *symbol, unsigned status, uint32_t reason,
                      const char *text)
{
    put_if(e, FIX_TAG_QuoteReqID, request_id);
    fix_put_text(e, FIX_TAG_QuoteID, *quote_id ? quote_id : "NONE");
    put_if(e, FIX_TAG_QuoteRespID, response_id);
    put_symbol(e, symbol);
    fix_put_uint(e, FIX_TAG_QuoteStatus, status);
    put_why(e, text, reason);
}

/* There is no quote: the request's own id stands in 117. */
static void write_request_status(struct fix_encoder *e, const char *request_id, const char *symbol,
                                 unsigned status, uint32_t reason, const char *text)
{
    translate_status(e, request_id, request_id, "", symbol, status, reason, text);
}

const char *translate_transition_choose(const struct record *event)
{
    const struct rfq_transition *ev = (const void *)event;
    switch (ev->to) {
    case RFQ_REJECTED:
        return FIX_MSGTYPE_QuoteRequestReject;
    case RFQ_CANCELLED:
    case RFQ_EXPIRED:
        return FIX_MSGTYPE_QuoteStatusReport;
    default:
        return "";
    }
}

void translate_transition(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct rfq_transition *ev = (const void *)event;
    if (ev->to == RFQ_REJECTED)
        translate_request_reject(e, ev->request_id, ev->symbol, ev->side, ev->reason, ev->text);
    else
        write_request_status(e, ev->request_id, ev->symbol,
                             ev->to == RFQ_CANCELLED ? FIX_QuoteStatus_CANCELED_ALL : FIX_QuoteStatus_EXPIRED,
                             ev->reason, ev->text);
}

static unsigned shown_status(uint8_t shown)
{
    switch (shown) {
    case SHOWN_QUOTED:
    case SHOWN_AWARDED:
    case SHOWN_FILLED:
        return FIX_QuoteStatus_ACCEPTED;
    case SHOWN_CANCELLED:
    case SHOWN_ARCHIVED:
        return FIX_QuoteStatus_CANCELED_ALL;
    case SHOWN_REJECTED:
        return FIX_QuoteStatus_REJECTED;
    case SHOWN_EXPIRED:
        return FIX_QuoteStatus_EXPIRED;
    default:
        return FIX_QuoteStatus_PENDING;
    }
}

const char *translate_request_refused_choose(const struct record *event)
{
    const struct request_refused *ev = (const void *)event;
    return ev->command == RECORD_COMMAND_QUOTE_REQUEST && !ev->shown ? FIX_MSGTYPE_QuoteRequestReject
                                                                     : FIX_MSGTYPE_QuoteStatusReport;
}

void translate_request_refused(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct request_refused *ev = (const void *)event;
    if (ev->shown)
        write_request_status(e, ev->request_id, ev->symbol, shown_status(ev->shown), REASON_NONE,
                             *ev->text ? ev->text : rfq_shown_name(ev->shown));
    else if (ev->command == RECORD_COMMAND_QUOTE_REQUEST)
        translate_request_reject(e, ev->request_id, ev->symbol, ev->side, ev->reason, ev->text);
    else
        write_request_status(e, ev->request_id, ev->symbol,
                             ev->rfq ? FIX_QuoteStatus_REJECTED : FIX_QuoteStatus_QUOTE_NOT_FOUND, ev->reason,
                             ev->text);
}

void translate_accept_refused(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct accept_refused *ev = (const void *)event;
    translate_status(e, "", ev->quote_id, ev->response_id, ev->symbol,
                     ev->expired ? FIX_QuoteStatus_EXPIRED : FIX_QuoteStatus_REJECTED, ev->reason, ev->text);
}

void translate_report(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct order_report *ev = (const void *)event;
    char order[ID_TEXT_SIZE] = "NONE"; /* refused before there was one */
    if (ev->order)
        name_print('O', ev->order, order);
    fix_put_text(e, FIX_TAG_OrderID, order);
    fix_put_text(e, FIX_TAG_ClOrdID, *ev->cl_ord_id ? ev->cl_ord_id : order);
    put_if(e, FIX_TAG_OrigClOrdID, ev->orig_cl_ord_id);
    /* without an order the moment of the decision makes it unique */
    if (ev->order)
        put_name_numbered(e, FIX_TAG_ExecID, 'O', ev->order, "-", ev->report);
    else
        put_name_numbered(e, FIX_TAG_ExecID, 'X', event->time_ns, "-", ev->report);
    fix_put_char(e, FIX_TAG_ExecType, ev->exec_type);
    fix_put_char(e, FIX_TAG_OrdStatus, ev->ord_status);
    if (ev->exec_type == FIX_ExecType_REJECTED)
        fix_put_uint(e, FIX_TAG_OrdRejReason, ev->reject_reason);
    put_symbol(e, ev->symbol);
    put_side(e, (unsigned char)ev->side);
    fix_put_decimal(e, FIX_TAG_OrderQty, ev->quantity);
    put_decimal_if(e, FIX_TAG_Price, ev->price);
    if (ev->exec_type == FIX_ExecType_TRADE) {
        fix_put_decimal(e, FIX_TAG_LastQty, ev->last_quantity);
        fix_put_decimal(e, FIX_TAG_LastPx, ev->last_price);
    }
    fix_put_decimal(e, FIX_TAG_LeavesQty, ev->leaves_quantity);
    fix_put_decimal(e, FIX_TAG_CumQty, ev->filled_quantity);
    fix_put_decimal(e, FIX_TAG_AvgPx, ev->average_price);
    fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
    put_why(e, ev->text, ev->reason);
}

void translate_order_cancel_refused(struct fix_encoder *e, const struct record *event,
                                    enum fix_time_precision p)
{
    const struct order_cancel_refused *ev = (const void *)event;
    if (ev->order)
        put_name(e, FIX_TAG_OrderID, 'O', ev->order);
    else
        fix_put_text(e, FIX_TAG_OrderID, "NONE");
    fix_put_text(e, FIX_TAG_ClOrdID, ev->cl_ord_id);
    fix_put_text(e, FIX_TAG_OrigClOrdID, ev->orig_cl_ord_id);
    fix_put_char(e, FIX_TAG_OrdStatus, ev->ord_status ? ev->ord_status : FIX_OrdStatus_REJECTED);
    fix_put_time(e, FIX_TAG_TransactTime, event->time_ns, p);
    fix_put_char(e, FIX_TAG_CxlRejResponseTo, FIX_CxlRejResponseTo_ORDER_CANCEL_REQUEST);
    fix_put_uint(e, FIX_TAG_CxlRejReason, ev->cancel_reason);
    put_why(e, ev->text, ev->reason);
}
