/* Events to FIX messages. Each message is written from its event alone. Fields stand in the order of the
 * dictionary, those of a group with the delimiter first. */
#include "dataplane/gateway/translate.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "fix/fix_dict.h"

static void put_if(struct fix_encoder *e, uint32_t tag, const char *text)
{
    if (*text)
        fix_put_text(e, tag, text);
}

static void put_decimal_if(struct fix_encoder *e, uint32_t tag, int64_t v)
{
    if (v)
        fix_put_decimal(e, tag, v);
}

static void put_name(struct fix_encoder *e, uint32_t tag, char kind, uint64_t id)
{
    char name[ID_TEXT_SIZE];
    name_print(kind, id, name);
    fix_put_text(e, tag, name);
}

/* <name>-<suffix><n> */
static void put_name_numbered(struct fix_encoder *e, uint32_t tag, char kind, uint64_t id, const char *dash,
                              uint32_t n)
{
    char name[ID_TEXT_SIZE];
    name_print(kind, id, name); /* 17 characters at most */
    size_t at = strlen(name);
    size_t dash_size = strlen(dash);
    memcpy(name + at, dash, dash_size);
    at += dash_size;
    char digits[10];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count)
        name[at++] = digits[--count];
    name[at] = 0;
    fix_put_text(e, tag, name);
}

/* 55 is required where nothing may be known of the instrument. */
static void put_symbol(struct fix_encoder *e, const char *symbol)
{
    fix_put_text(e, FIX_TAG_Symbol, *symbol ? symbol : "[N/A]");
}

static void put_side(struct fix_encoder *e, unsigned char side)
{
    if (side != SIDE_TWO_WAY)
        fix_put_char(e, FIX_TAG_Side, (char)side);
}

static void put_why(struct fix_encoder *e, const char *text, uint32_t reason)
{
    if (*text)
        fix_put_text(e, FIX_TAG_Text, text);
    else if (reason != REASON_NONE)
        fix_put_text(e, FIX_TAG_Text, reason_name(reason));
}

/* To takers
 * ------------------------------------------------------------------------------------------------------ */

static const char *type_quote(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_Quote;
}

static void write_quote(struct fix_encoder *e, uint64_t quote, const char *request_id, const char *symbol,
                        uint8_t side, const int64_t prices[4], uint64_t valid_until_ns, uint64_t time_ns,
                        enum fix_time_precision p)
{
    fix_put_text(e, FIX_TAG_QuoteReqID, request_id);
    put_name(e, FIX_TAG_QuoteID, 'Q', quote);
    fix_put_uint(e, FIX_TAG_QuoteType, FIX_QuoteType_TRADEABLE);
    put_symbol(e, symbol);
    put_side(e, side);
    for (uint32_t i = 0; i < 4; i++)
        put_decimal_if(e, FIX_TAG_BidPx + i, prices[i]);
    fix_put_time(e, FIX_TAG_ValidUntilTime, valid_until_ns, p);
    fix_put_time(e, FIX_TAG_TransactTime, time_ns, p);
}

static void write_quote_added(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct quote_added *ev = (const void *)event;
    int64_t prices[4] = {ev->bid, ev->ask, ev->bid ? ev->bid_size : 0, ev->ask ? ev->ask_size : 0};
    write_quote(e, ev->quote, ev->request_id, ev->symbol, ev->side, prices, ev->valid_until_ns,
                event->time_ns, p);
}

static void write_quote_offered(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    const struct quote_offered *ev = (const void *)event;
    int64_t prices[4] = {ev->bid, ev->ask, ev->bid ? ev->bid_size : 0, ev->ask ? ev->ask_size : 0};
    write_quote(e, ev->quote, ev->request_id, ev->symbol, ev->side, prices, ev->valid_until_ns,
                event->time_ns, p);
}

static const char *type_cancel(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_QuoteCancel;
}

static void put_cancel_symbol(struct fix_encoder *e, const char *symbol)
{
    fix_put_uint(e, FIX_TAG_NoQuoteEntries, 1);
    put_symbol(e, symbol);
}

static void write_quote_ended(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static void write_request_reject(struct fix_encoder *e, const char *request_id, const char *symbol,
                                 uint8_t side, uint32_t reason, const char *text)
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

/* QuoteStatusReport about a request: there is no quote, so its own id stands in 117, which is required. */
static void write_request_status(struct fix_encoder *e, const char *request_id, const char *symbol,
                                 unsigned status, uint32_t reason, const char *text)
{
    put_if(e, FIX_TAG_QuoteReqID, request_id);
    fix_put_text(e, FIX_TAG_QuoteID, *request_id ? request_id : "NONE");
    put_symbol(e, symbol);
    fix_put_uint(e, FIX_TAG_QuoteStatus, status);
    put_why(e, text, reason);
}

static const char *type_transition(const struct record *event)
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

static void write_transition(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct rfq_transition *ev = (const void *)event;
    if (ev->to == RFQ_REJECTED)
        write_request_reject(e, ev->request_id, ev->symbol, ev->side, ev->reason, ev->text);
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

static const char *type_request_refused(const struct record *event)
{
    const struct request_refused *ev = (const void *)event;
    return ev->command == RECORD_COMMAND_QUOTE_REQUEST && !ev->shown ? FIX_MSGTYPE_QuoteRequestReject
                                                                     : FIX_MSGTYPE_QuoteStatusReport;
}

static void write_request_refused(struct fix_encoder *e, const struct record *event,
                                  enum fix_time_precision p)
{
    (void)p;
    const struct request_refused *ev = (const void *)event;
    if (ev->shown)
        write_request_status(e, ev->request_id, ev->symbol, shown_status(ev->shown), REASON_NONE,
                             *ev->text ? ev->text : rfq_shown_name(ev->shown));
    else if (ev->command == RECORD_COMMAND_QUOTE_REQUEST)
        write_request_reject(e, ev->request_id, ev->symbol, ev->side, ev->reason, ev->text);
    else
        write_request_status(e, ev->request_id, ev->symbol,
                             ev->rfq ? FIX_QuoteStatus_REJECTED : FIX_QuoteStatus_QUOTE_NOT_FOUND, ev->reason,
                             ev->text);
}

static const char *type_status(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_QuoteStatusReport;
}

/* QuoteStatusReport about an acceptance. */
static void write_response_status(struct fix_encoder *e, const char *quote_id, const char *response_id,
                                  const char *symbol, unsigned status, uint32_t reason, const char *text)
{
    fix_put_text(e, FIX_TAG_QuoteID, *quote_id ? quote_id : "NONE");
    put_if(e, FIX_TAG_QuoteRespID, response_id);
    put_symbol(e, symbol);
    fix_put_uint(e, FIX_TAG_QuoteStatus, status);
    put_why(e, text, reason);
}

static void write_accept_refused(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct accept_refused *ev = (const void *)event;
    write_response_status(e, ev->quote_id, ev->response_id, ev->symbol,
                          ev->expired ? FIX_QuoteStatus_EXPIRED : FIX_QuoteStatus_REJECTED, ev->reason,
                          ev->text);
}

static const char *type_report(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_ExecutionReport;
}

static void write_report(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static const char *type_order_cancel_reject(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_OrderCancelReject;
}

static void write_order_cancel_refused(struct fix_encoder *e, const struct record *event,
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

/* To LPs
 * ------------------------------------------------------------------------------------------------------------
 */

static const char *type_request(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_QuoteRequest;
}

static void write_request(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static bool same_request(const struct record *a, const struct record *b)
{
    const struct delivery_released *x = (const void *)a, *y = (const void *)b;
    return x->rfq == y->rfq && a->time_ns == b->time_ns && x->deadline_ns == y->deadline_ns &&
           x->quantity == y->quantity && x->settl_date == y->settl_date && x->side == y->side &&
           memcmp(x->symbol, y->symbol, sizeof x->symbol) == 0;
}

static const char *type_ended(const struct record *event)
{
    const struct delivery_ended *ev = (const void *)event;
    return ev->by_aj ? FIX_MSGTYPE_QuoteResponse : FIX_MSGTYPE_QuoteCancel;
}

static void write_ended(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static void write_quote_status(struct fix_encoder *e, const char *request_id, const char *quote_id,
                               const char *symbol, const char *text, uint32_t reason)
{
    put_if(e, FIX_TAG_QuoteReqID, request_id);
    fix_put_text(e, FIX_TAG_QuoteID, *quote_id ? quote_id : "NONE");
    put_symbol(e, symbol);
    fix_put_uint(e, FIX_TAG_QuoteStatus, FIX_QuoteStatus_REJECTED);
    put_why(e, text, reason);
}

static void write_quote_refused(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct quote_refused *ev = (const void *)event;
    write_quote_status(e, ev->request_id, ev->lp_quote_id, ev->symbol, ev->text, ev->reason);
}

static const char *type_order(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_NewOrderSingle;
}

/* Immediate or cancel: what a quote does not fill at once is not left working at the LP. */
static void write_order(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static const char *type_order_cancel(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_OrderCancelRequest;
}

static void write_order_cancel(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
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

static const char *type_order_status(const struct record *event)
{
    (void)event;
    return FIX_MSGTYPE_OrderStatusRequest;
}

static void write_order_status(struct fix_encoder *e, const struct record *event, enum fix_time_precision p)
{
    (void)p;
    const struct order_status_asked *ev = (const void *)event;
    put_if(e, FIX_TAG_OrderID, ev->lp_order_id);
    put_name(e, FIX_TAG_ClOrdID, 'O', ev->order);
    put_symbol(e, ev->symbol);
    put_side(e, ev->side);
}

void translate_business_reject(struct fix_encoder *e, uint64_t ref_seq, const char *ref_type,
                               const struct translate_refusal *why)
{
    fix_put_uint(e, FIX_TAG_RefSeqNum, ref_seq);
    fix_put_text(e, FIX_TAG_RefMsgType, ref_type);
    put_if(e, FIX_TAG_BusinessRejectRefID, why->ref_id);
    fix_put_uint(e, FIX_TAG_BusinessRejectReason, (uint64_t)why->reason);
    put_if(e, FIX_TAG_Text, why->text);
}

/* Refused for want of room
 * --------------------------------------------------------------------------------------- */

static void busy_request(struct fix_encoder *e, const union translate_command *c,
                         const struct translate_busy *b)
{
    const struct command_quote_request *q = &c->quote_request;
    write_request_reject(e, q->request_id, q->symbol, q->side, REASON_BUSY, b->text);
}

static const char *name_request(const union translate_command *c)
{
    return c->quote_request.request_id;
}

static void busy_response(struct fix_encoder *e, const union translate_command *c,
                          const struct translate_busy *b)
{
    const struct command_quote_response *q = &c->quote_response;
    write_response_status(e, q->quote_id, q->response_id, q->symbol, FIX_QuoteStatus_REJECTED, REASON_BUSY,
                          b->text);
}

static const char *name_response(const union translate_command *c)
{
    return c->quote_response.response_id;
}

static void busy_quote(struct fix_encoder *e, const union translate_command *c,
                       const struct translate_busy *b)
{
    const struct command_quote *q = &c->quote;
    write_quote_status(e, q->request_id, q->lp_quote_id, q->symbol, b->text, REASON_BUSY);
}

static const char *name_quote(const union translate_command *c)
{
    return c->quote.lp_quote_id;
}

/* There is no order and no id for one: OrderID is NONE, and the ExecID is of the message. */
static void busy_order(struct fix_encoder *e, const union translate_command *c,
                       const struct translate_busy *b)
{
    const struct command_order *o = &c->order;
    char exec_id[64];
    struct text t = text_in(exec_id, sizeof exec_id);
    text_add(&t, "B");
    text_add_number(&t, b->session);
    text_add(&t, "-");
    text_add_number(&t, b->generation);
    text_add(&t, "-");
    text_add_number(&t, b->seq);
    fix_put_text(e, FIX_TAG_OrderID, "NONE");
    put_if(e, FIX_TAG_ClOrdID, o->cl_ord_id);
    fix_put_text(e, FIX_TAG_ExecID, exec_id);
    fix_put_char(e, FIX_TAG_ExecType, FIX_ExecType_REJECTED);
    fix_put_char(e, FIX_TAG_OrdStatus, FIX_OrdStatus_REJECTED);
    fix_put_uint(e, FIX_TAG_OrdRejReason, FIX_OrdRejReason_OTHER);
    put_symbol(e, o->symbol);
    put_side(e, (unsigned char)o->side);
    fix_put_decimal(e, FIX_TAG_OrderQty, o->quantity);
    put_decimal_if(e, FIX_TAG_Price, o->price);
    fix_put_decimal(e, FIX_TAG_LeavesQty, 0);
    fix_put_decimal(e, FIX_TAG_CumQty, 0);
    fix_put_decimal(e, FIX_TAG_AvgPx, 0);
    fix_put_time(e, FIX_TAG_TransactTime, b->time_ns, b->precision);
    fix_put_text(e, FIX_TAG_Text, b->text);
}

static const char *name_order(const union translate_command *c)
{
    return c->order.cl_ord_id;
}

const struct translate_busy_row *translate_busy_row(uint16_t record)
{
    static const struct translate_busy_row request = {FIX_MSGTYPE_QuoteRequestReject,
                                                      FIX_MSG_QuoteRequestReject, REACH_ALWAYS, busy_request,
                                                      name_request},
                                           response = {FIX_MSGTYPE_QuoteStatusReport,
                                                       FIX_MSG_QuoteStatusReport, REACH_ALWAYS, busy_response,
                                                       name_response},
                                           order = {FIX_MSGTYPE_ExecutionReport, FIX_MSG_ExecutionReport,
                                                    REACH_ALWAYS, busy_order, name_order},
                                           quote = {FIX_MSGTYPE_QuoteStatusReport, FIX_MSG_QuoteStatusReport,
                                                    REACH_BOUNDED, busy_quote, name_quote};
    switch (record) {
    case RECORD_COMMAND_QUOTE_REQUEST:
        return &request;
    case RECORD_COMMAND_QUOTE_RESPONSE:
        return &response;
    case RECORD_COMMAND_ORDER:
        return &order;
    case RECORD_COMMAND_QUOTE:
        return &quote;
    default:
        return NULL;
    }
}

/* The table
 * ------------------------------------------------------------------------------------------------------ */

/* `struct outbound` follows the header in each of them. */
#define HAS_OUT(type) \
    static_assert(offsetof(struct type, out) == sizeof(struct record), "where the gateway looks")
HAS_OUT(rfq_transition);
HAS_OUT(delivery_released);
HAS_OUT(delivery_ended);
HAS_OUT(quote_added);
HAS_OUT(quote_refused);
HAS_OUT(quote_ended);
HAS_OUT(quote_offered);
HAS_OUT(request_refused);
HAS_OUT(accept_refused);
HAS_OUT(order_released);
HAS_OUT(order_report);
HAS_OUT(order_cancel_asked);
HAS_OUT(order_status_asked);
HAS_OUT(order_cancel_refused);

static const struct translate_out_row ROWS[] = {
    [RECORD_RFQ_TRANSITION] = {type_transition, write_transition},
    [RECORD_DELIVERY_RELEASED] = {type_request, write_request, same_request},
    [RECORD_DELIVERY_ENDED] = {type_ended, write_ended},
    [RECORD_QUOTE_ADDED] = {type_quote, write_quote_added},
    [RECORD_QUOTE_REFUSED] = {type_status, write_quote_refused},
    [RECORD_QUOTE_ENDED] = {type_cancel, write_quote_ended},
    [RECORD_QUOTE_OFFERED] = {type_quote, write_quote_offered},
    [RECORD_REQUEST_REFUSED] = {type_request_refused, write_request_refused},
    [RECORD_ACCEPT_REFUSED] = {type_status, write_accept_refused},
    [RECORD_ORDER_RELEASED] = {type_order, write_order},
    [RECORD_ORDER_REPORT] = {type_report, write_report},
    [RECORD_ORDER_CANCEL_ASKED] = {type_order_cancel, write_order_cancel},
    [RECORD_ORDER_STATUS_ASKED] = {type_order_status, write_order_status},
    [RECORD_ORDER_CANCEL_REFUSED] = {type_order_cancel_reject, write_order_cancel_refused},
};

const struct translate_out_row *translate_out_row(uint16_t record)
{
    return record < sizeof ROWS / sizeof *ROWS && ROWS[record].write ? &ROWS[record] : NULL;
}

static_assert(sizeof(struct delivery_released) <= TRANSLATE_EVENT_MAX, "it can be kept");

void translate_write(struct translate_body *b, const struct translate_out_row *row, struct fix_encoder *e,
                     const struct record *event, enum fix_time_precision p)
{
    const struct record *last = (const void *)b->event;
    if (!row->same) {
        row->write(e, event, p);
        return;
    }
    if (b->size && b->precision == p && last->type == event->type && row->same(last, event)) {
        fix_put_fields(e, b->fields, b->size);
        return;
    }
    const char *from = e->at;
    row->write(e, event, p);
    size_t size = (size_t)(e->at - from);
    b->size = 0;
    if (e->failed || size > sizeof b->fields || event->size > sizeof b->event)
        return;
    memcpy(b->event, event, event->size);
    memcpy(b->fields, from, size);
    b->precision = p;
    b->size = (uint32_t)size;
}

uint8_t translate_out_engine(uint32_t kind, uint32_t ref_kind)
{
    if (ref_kind == REF_ORDER)
        return AGENT_ROUTING;
    switch (kind) {
    case FIX_MSG_NewOrderSingle:
    case FIX_MSG_OrderCancelRequest:
    case FIX_MSG_OrderStatusRequest:
    case FIX_MSG_ExecutionReport:
    case FIX_MSG_OrderCancelReject:
        return AGENT_ROUTING;
    case FIX_MSG_QuoteRequest:
    case FIX_MSG_Quote:
    case FIX_MSG_QuoteCancel:
    case FIX_MSG_QuoteRequestReject:
    case FIX_MSG_QuoteStatusReport:
    case FIX_MSG_QuoteResponse:
        return AGENT_DISTRIBUTION;
    default:
        return AGENT_NONE;
    }
}
