#include "tools/sim/say.h"

#include "fix/fix_dict.h"

void say_request(struct fix_encoder *f, const char *id, const char *symbol, char side, int64_t quantity,
                 uint64_t deadline_ns)
{
    fix_put_text(f, FIX_TAG_QuoteReqID, id);
    fix_put_uint(f, FIX_TAG_NoRelatedSym, 1);
    fix_put_text(f, FIX_TAG_Symbol, symbol);
    if (side)
        fix_put_char(f, FIX_TAG_Side, side);
    fix_put_decimal(f, FIX_TAG_OrderQty, quantity);
    if (deadline_ns)
        fix_put_time(f, FIX_TAG_ExpireTime, deadline_ns, FIX_TIME_MS);
}

void say_order(struct fix_encoder *f, const struct say_acceptance *a, uint64_t now_ns)
{
    fix_put_text(f, FIX_TAG_ClOrdID, a->id);
    fix_put_text(f, FIX_TAG_Symbol, a->symbol);
    fix_put_char(f, FIX_TAG_Side, a->side);
    fix_put_time(f, FIX_TAG_TransactTime, now_ns, FIX_TIME_MS);
    fix_put_decimal(f, FIX_TAG_OrderQty, a->quantity);
    fix_put_char(f, FIX_TAG_OrdType, 'D');
    fix_put_decimal(f, FIX_TAG_Price, a->price);
    fix_put_text(f, FIX_TAG_QuoteID, a->quote_id);
}

void say_hit(struct fix_encoder *f, const struct say_acceptance *a)
{
    fix_put_text(f, FIX_TAG_QuoteRespID, a->id);
    fix_put_text(f, FIX_TAG_QuoteID, a->quote_id);
    fix_put_uint(f, FIX_TAG_QuoteRespType, 1);
    fix_put_text(f, FIX_TAG_ClOrdID, a->id);
    fix_put_text(f, FIX_TAG_Symbol, a->symbol);
    fix_put_char(f, FIX_TAG_Side, a->side);
    fix_put_decimal(f, FIX_TAG_OrderQty, a->quantity);
    fix_put_decimal(f, FIX_TAG_Price, a->price);
}

void say_decline(struct fix_encoder *f, const char *id, const char *quote_id, const char *symbol)
{
    fix_put_text(f, FIX_TAG_QuoteRespID, id);
    fix_put_text(f, FIX_TAG_QuoteID, quote_id);
    fix_put_uint(f, FIX_TAG_QuoteRespType, 6);
    fix_put_text(f, FIX_TAG_Symbol, symbol);
}

void say_withdrawal(struct fix_encoder *f, const char *request_id)
{
    fix_put_text(f, FIX_TAG_QuoteReqID, request_id);
    fix_put_text(f, FIX_TAG_QuoteID, request_id); /* where there is no quote */
    fix_put_uint(f, FIX_TAG_QuoteCancelType, 4);
}

void say_order_cancel(struct fix_encoder *f, const char *id, const char *order_id, const char *symbol,
                      char side, int64_t quantity, uint64_t now_ns)
{
    fix_put_text(f, FIX_TAG_OrigClOrdID, order_id);
    fix_put_text(f, FIX_TAG_ClOrdID, id);
    fix_put_text(f, FIX_TAG_Symbol, symbol);
    fix_put_char(f, FIX_TAG_Side, side);
    fix_put_time(f, FIX_TAG_TransactTime, now_ns, FIX_TIME_MS);
    fix_put_decimal(f, FIX_TAG_OrderQty, quantity);
}

void say_reject(struct fix_encoder *f, bool business, uint64_t seq, const char *msg_type, const char *text)
{
    fix_put_uint(f, FIX_TAG_RefSeqNum, seq);
    fix_put_text(f, FIX_TAG_RefMsgType, msg_type);
    if (business)
        fix_put_uint(f, FIX_TAG_BusinessRejectReason, 0);
    else
        fix_put_uint(f, FIX_TAG_SessionRejectReason, 99);
    fix_put_text(f, FIX_TAG_Text, text);
}
