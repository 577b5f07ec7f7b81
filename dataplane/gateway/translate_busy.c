/* Messages that are refused for want of room, before an engine saw them. */
#include "dataplane/gateway/translate_put.h"

static void busy_request(struct fix_encoder *e, const union translate_command *c,
                         const struct translate_busy *b)
{
    const struct command_quote_request *q = &c->quote_request;
    translate_request_reject(e, q->request_id, q->symbol, q->side, REASON_BUSY, b->text);
}

static const char *name_request(const union translate_command *c)
{
    return c->quote_request.request_id;
}

static void busy_response(struct fix_encoder *e, const union translate_command *c,
                          const struct translate_busy *b)
{
    const struct command_quote_response *q = &c->quote_response;
    translate_status(e, "", q->quote_id, q->response_id, q->symbol, FIX_QuoteStatus_REJECTED, REASON_BUSY,
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
    translate_status(e, q->request_id, q->lp_quote_id, "", q->symbol, FIX_QuoteStatus_REJECTED, REASON_BUSY,
                     b->text);
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
