/* Events to FIX messages: which of them is which, and what many of one release have in common. */
#include <assert.h>

#include "dataplane/gateway/translate_put.h"

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
    [RECORD_RFQ_TRANSITION] = {NULL, translate_transition, translate_transition_choose},
    [RECORD_DELIVERY_RELEASED] = {FIX_MSGTYPE_QuoteRequest, translate_request,
                                  .same = translate_request_same},
    [RECORD_DELIVERY_ENDED] = {NULL, translate_ended, translate_ended_choose},
    [RECORD_QUOTE_ADDED] = {FIX_MSGTYPE_Quote, translate_quote_added},
    [RECORD_QUOTE_REFUSED] = {FIX_MSGTYPE_QuoteStatusReport, translate_quote_refused},
    [RECORD_QUOTE_ENDED] = {FIX_MSGTYPE_QuoteCancel, translate_quote_ended},
    [RECORD_QUOTE_OFFERED] = {FIX_MSGTYPE_Quote, translate_quote_offered},
    [RECORD_REQUEST_REFUSED] = {NULL, translate_request_refused, translate_request_refused_choose},
    [RECORD_ACCEPT_REFUSED] = {FIX_MSGTYPE_QuoteStatusReport, translate_accept_refused},
    [RECORD_ORDER_RELEASED] = {FIX_MSGTYPE_NewOrderSingle, translate_order},
    [RECORD_ORDER_REPORT] = {FIX_MSGTYPE_ExecutionReport, translate_report},
    [RECORD_ORDER_CANCEL_ASKED] = {FIX_MSGTYPE_OrderCancelRequest, translate_order_cancel},
    [RECORD_ORDER_STATUS_ASKED] = {FIX_MSGTYPE_OrderStatusRequest, translate_order_status},
    [RECORD_ORDER_CANCEL_REFUSED] = {FIX_MSGTYPE_OrderCancelReject, translate_order_cancel_refused},
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

void translate_business_reject(struct fix_encoder *e, uint64_t ref_seq, const char *ref_type,
                               const struct translate_refusal *why)
{
    fix_put_uint(e, FIX_TAG_RefSeqNum, ref_seq);
    fix_put_text(e, FIX_TAG_RefMsgType, ref_type);
    put_if(e, FIX_TAG_BusinessRejectRefID, why->ref_id);
    fix_put_uint(e, FIX_TAG_BusinessRejectReason, (uint64_t)why->reason);
    put_if(e, FIX_TAG_Text, why->text);
}
