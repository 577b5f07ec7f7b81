/* FIX messages to commands. The dictionary was asked before: types, enumerations and required fields are
 * right. What is left to find here: what does not fit our fields, and what is required of us beyond FIX. */
#include "dataplane/gateway/translate.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "dataplane/gateway/inside.h"
#include "fix/dict.h"
#include "fix/fix_dict.h"

/* The first fault stays. The text names the field, what is wrong with it, and where there is one, the limit.
 */
static void fail(struct reading *r, bool business, int reason, uint32_t tag, const char *what, uint64_t limit)
{
    if (r->failed)
        return;
    r->failed = true;
    memset(r->why, 0, sizeof *r->why);
    r->why->business = business;
    r->why->reason = reason;
    r->why->tag = tag;
    const char *name = tag < FIX_DICT_TAGS ? fix_dict_tag_names[tag] : NULL;
    struct text t = text_in(r->why->text, sizeof r->why->text);
    text_add(&t, name ? name : "field");
    text_add(&t, " (");
    text_add_number(&t, tag);
    text_add(&t, ") ");
    text_add(&t, what);
    if (limit) {
        text_add_number(&t, limit);
        text_add(&t, " characters");
    }
}

static void fail_err(struct reading *r, uint32_t tag, enum err e, size_t capacity)
{
    switch (e) {
    case OK:
    case ERR_NOT_FOUND:
        return;
    case ERR_LIMIT:
        fail(r, false, FIX_SessionRejectReason_VALUE_IS_INCORRECT, tag, "is longer than ", capacity - 1);
        return;
    case ERR_RANGE:
        fail(r, false, FIX_SessionRejectReason_VALUE_IS_INCORRECT, tag, "is out of range", 0);
        return;
    default:
        fail(r, false, FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE, tag, "is not of its type", 0);
    }
}

/* An id, a symbol: has to fit. Absent: stays empty. */
static void read_text(struct reading *r, uint32_t tag, char *out, size_t capacity)
{
    fail_err(r, tag, fix_get_text(r->m, tag, out, capacity), capacity);
}

/* What people read: cut where it is too long, at a whole UTF-8 character. */
static void read_remark(struct reading *r, uint32_t tag, char *out, size_t capacity)
{
    const struct fix_field *f = fix_find(r->m, tag);
    if (!f)
        return;
    size_t size = f->size < capacity ? f->size : capacity - 1;
    const char *text = fix_value(r->m, f);
    while (size > 0 && size < f->size && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    memcpy(out, text, size);
}

static bool read_decimal(struct reading *r, uint32_t tag, int64_t *out)
{
    enum err e = fix_get_decimal(r->m, tag, out);
    fail_err(r, tag, e, 0);
    return e == OK;
}

static void read_time(struct reading *r, uint32_t tag, uint64_t *out)
{
    fail_err(r, tag, fix_get_time(r->m, tag, out), 0);
}

static void read_u32(struct reading *r, uint32_t tag, uint32_t *out)
{
    uint64_t v = 0;
    enum err e = fix_get_uint(r->m, tag, &v);
    if (!e && v > UINT32_MAX)
        e = ERR_RANGE;
    fail_err(r, tag, e, 0);
    *out = (uint32_t)v;
}

static void read_char(struct reading *r, uint32_t tag, char *out)
{
    fail_err(r, tag, fix_get_char(r->m, tag, out), 0);
}

static void need(struct reading *r, uint32_t tag)
{
    if (!fix_find(r->m, tag))
        fail(r, true, FIX_BusinessRejectReason_CONDITIONALLY_REQUIRED_FIELD_MISSING, tag, "is needed here",
             0);
}

/* Ids of ours in the peer's fields. 0: not one of ours. */
static uint64_t read_name(const struct fix_msg *m, uint32_t tag, char kind)
{
    const struct fix_field *f = fix_find(m, tag);
    return f ? name_parse(kind, fix_value(m, f), f->size) : 0;
}

/* O<hex>, or the ClOrdID of our cancel of it: O<hex>-C<n>. */
static uint64_t read_order_name(const struct fix_msg *m, uint32_t tag)
{
    const struct fix_field *f = fix_find(m, tag);
    if (!f)
        return 0;
    const char *text = fix_value(m, f), *dash = memchr(text, '-', f->size);
    if (dash && (dash + 1 == text + f->size || dash[1] != 'C'))
        return 0;
    return name_parse('O', text, dash ? (size_t)(dash - text) : f->size);
}

/* Takers
 * ---------------------------------------------------------------------------------------------------------
 */

static bool read_quote_request(struct reading *r)
{
    struct command_quote_request *c = &r->out->quote_request;
    read_text(r, FIX_TAG_QuoteReqID, c->request_id, sizeof c->request_id);
    uint32_t legs = 0;
    read_u32(r, FIX_TAG_NoRelatedSym, &legs);
    c->legs = (uint16_t)(legs < UINT16_MAX ? legs : UINT16_MAX);
    c->poss_resend = r->m->poss_resend;
    struct fix_group leg;
    if (!fix_group_begin(r->m, FIX_TAG_NoRelatedSym, &leg) || !fix_group_next(&leg)) {
        fail(r, false, FIX_SessionRejectReason_REQUIRED_TAG_MISSING, FIX_TAG_NoRelatedSym, "is missing", 0);
        return false;
    }
    /* A tag of the group lies nowhere else in the message: what the first leg has is the first with its tag.
     */
    if (fix_group_find(&leg, FIX_TAG_Symbol))
        read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    if (fix_group_find(&leg, FIX_TAG_Side))
        read_char(r, FIX_TAG_Side, (char *)&c->side);
    if (fix_group_find(&leg, FIX_TAG_OrderQty))
        read_decimal(r, FIX_TAG_OrderQty, &c->quantity);
    if (fix_group_find(&leg, FIX_TAG_SettlDate))
        fail_err(r, FIX_TAG_SettlDate, fix_get_date(r->m, FIX_TAG_SettlDate, &c->settl_date), 0);
    if (fix_group_find(&leg, FIX_TAG_ExpireTime))
        read_time(r, FIX_TAG_ExpireTime, &c->deadline_ns);
    else if (fix_group_find(&leg, FIX_TAG_ValidUntilTime))
        read_time(r, FIX_TAG_ValidUntilTime, &c->deadline_ns);
    return !r->failed;
}

static bool read_quote_response(struct reading *r)
{
    struct command_quote_response *c = &r->out->quote_response;
    read_text(r, FIX_TAG_QuoteRespID, c->response_id, sizeof c->response_id);
    read_text(r, FIX_TAG_QuoteID, c->quote_id, sizeof c->quote_id);
    read_text(r, FIX_TAG_ClOrdID, c->cl_ord_id, sizeof c->cl_ord_id);
    read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    read_decimal(r, FIX_TAG_OrderQty, &c->quantity);
    read_decimal(r, FIX_TAG_Price, &c->price);
    read_u32(r, FIX_TAG_QuoteRespType, &c->response_type);
    read_char(r, FIX_TAG_Side, (char *)&c->side);
    c->poss_resend = r->m->poss_resend;
    return !r->failed;
}

static bool read_request_cancel(struct reading *r)
{
    struct command_request_cancel *c = &r->out->request_cancel;
    read_text(r, fix_find(r->m, FIX_TAG_QuoteReqID) ? FIX_TAG_QuoteReqID : FIX_TAG_QuoteID, c->request_id,
              sizeof c->request_id);
    return !r->failed;
}

static bool read_order(struct reading *r)
{
    struct command_order *c = &r->out->order;
    read_text(r, FIX_TAG_ClOrdID, c->cl_ord_id, sizeof c->cl_ord_id);
    read_text(r, FIX_TAG_QuoteID, c->quote_id, sizeof c->quote_id);
    read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    read_decimal(r, FIX_TAG_OrderQty, &c->quantity);
    read_decimal(r, FIX_TAG_Price, &c->price);
    read_char(r, FIX_TAG_Side, &c->side);
    read_char(r, FIX_TAG_OrdType, &c->ord_type);
    read_char(r, FIX_TAG_TimeInForce, &c->time_in_force);
    c->poss_resend = r->m->poss_resend;
    return !r->failed;
}

static bool read_order_cancel(struct reading *r)
{
    struct command_order_cancel *c = &r->out->order_cancel;
    read_text(r, FIX_TAG_ClOrdID, c->cl_ord_id, sizeof c->cl_ord_id);
    read_text(r, FIX_TAG_OrigClOrdID, c->orig_cl_ord_id, sizeof c->orig_cl_ord_id);
    read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    return !r->failed;
}

/* LPs
 * ------------------------------------------------------------------------------------------------------------
 */

static bool read_quote(struct reading *r)
{
    struct command_quote *c = &r->out->quote;
    c->rfq = read_name(r->m, FIX_TAG_QuoteReqID, 'R');
    read_text(r, FIX_TAG_QuoteReqID, c->request_id, sizeof c->request_id);
    read_text(r, FIX_TAG_QuoteID, c->lp_quote_id, sizeof c->lp_quote_id);
    read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    c->has_bid = read_decimal(r, FIX_TAG_BidPx, &c->bid);
    c->has_ask = read_decimal(r, FIX_TAG_OfferPx, &c->ask);
    c->has_bid_size = read_decimal(r, FIX_TAG_BidSize, &c->bid_size);
    c->has_ask_size = read_decimal(r, FIX_TAG_OfferSize, &c->ask_size);
    read_time(r, FIX_TAG_ValidUntilTime, &c->valid_until_ns);
    c->poss_resend = r->m->poss_resend;
    return !r->failed;
}

/* AG, AI and b: each says of a delivery that it arrived, is refused, or is passed. */
static bool read_answer(struct reading *r)
{
    struct command_delivery_answer *c = &r->out->delivery_answer;
    need(r, FIX_TAG_QuoteReqID);
    c->rfq = read_name(r->m, FIX_TAG_QuoteReqID, 'R');
    read_text(r, FIX_TAG_QuoteReqID, c->request_id, sizeof c->request_id);
    bool refuses_request = r->m->type == FIX_MSG_QuoteRequestReject;
    read_u32(r, refuses_request ? FIX_TAG_QuoteRequestRejectReason : FIX_TAG_QuoteStatus, &c->code);
    if (refuses_request || c->code == FIX_QuoteStatus_REJECTED)
        c->kind = ANSWER_KIND_REJECT;
    else if (c->code == FIX_QuoteStatus_PASS && r->m->type == FIX_MSG_QuoteStatusReport)
        c->kind = ANSWER_KIND_DECLINE;
    else
        c->kind = ANSWER_KIND_ACK;
    read_remark(r, FIX_TAG_Text, c->text, sizeof c->text);
    return !r->failed;
}

static bool read_quote_cancel(struct reading *r)
{
    struct command_quote_cancel *c = &r->out->quote_cancel;
    uint32_t cancel_type = 0;
    read_u32(r, FIX_TAG_QuoteCancelType, &cancel_type);
    c->rfq = read_name(r->m, FIX_TAG_QuoteReqID, 'R');
    read_text(r, FIX_TAG_QuoteReqID, c->request_id, sizeof c->request_id);
    read_text(r, FIX_TAG_QuoteID, c->lp_quote_id, sizeof c->lp_quote_id);
    if (cancel_type == FIX_QuoteCancelType_CANCEL_ALL_QUOTES) /* all quotes: of the request it names */
        need(r, FIX_TAG_QuoteReqID);
    /* where there is no quote the request's own name stands for it */
    if (cancel_type == FIX_QuoteCancelType_CANCEL_ALL_QUOTES || strcmp(c->lp_quote_id, c->request_id) == 0)
        memset(c->lp_quote_id, 0, sizeof c->lp_quote_id);
    return !r->failed;
}

static bool read_execution(struct reading *r)
{
    struct command_execution *c = &r->out->execution;
    c->order = read_order_name(r->m, FIX_TAG_ClOrdID);
    if (!c->order)
        c->order = read_order_name(r->m, FIX_TAG_OrigClOrdID);
    read_text(r, FIX_TAG_ClOrdID, c->cl_ord_id, sizeof c->cl_ord_id);
    read_text(r, FIX_TAG_ExecID, c->exec_id, sizeof c->exec_id);
    read_text(r, FIX_TAG_OrderID, c->lp_order_id, sizeof c->lp_order_id);
    bool has_quantity = read_decimal(r, FIX_TAG_LastQty, &c->last_quantity);
    bool has_price = read_decimal(r, FIX_TAG_LastPx, &c->last_price);
    c->has_last = has_quantity && has_price;
    read_decimal(r, FIX_TAG_CumQty, &c->filled_quantity);
    read_decimal(r, FIX_TAG_LeavesQty, &c->leaves_quantity);
    read_char(r, FIX_TAG_ExecType, &c->exec_type);
    read_char(r, FIX_TAG_OrdStatus, &c->ord_status);
    read_u32(r, FIX_TAG_OrdRejReason, &c->reject_reason);
    c->poss_resend = r->m->poss_resend;
    read_text(r, FIX_TAG_Symbol, c->symbol, sizeof c->symbol);
    read_remark(r, FIX_TAG_Text, c->text, sizeof c->text);
    return !r->failed;
}

static bool read_cancel_reject(struct reading *r)
{
    struct command_cancel_reject *c = &r->out->cancel_reject;
    c->order = read_order_name(r->m, FIX_TAG_OrigClOrdID);
    if (!c->order)
        c->order = read_order_name(r->m, FIX_TAG_ClOrdID);
    read_text(r, FIX_TAG_ClOrdID, c->cl_ord_id, sizeof c->cl_ord_id);
    read_u32(r, FIX_TAG_CxlRejReason, &c->cancel_reason);
    read_char(r, FIX_TAG_OrdStatus, &c->ord_status);
    read_remark(r, FIX_TAG_Text, c->text, sizeof c->text);
    return !r->failed;
}

/* Both: j and 3 about something that we sent. Nothing to hand on (engine AGENT_NONE) where we do not know
 * what it was. */
static bool read_peer_reject(struct reading *r)
{
    struct command_peer_reject *c = &r->out->peer_reject;
    uint64_t number = 0;
    struct outbound about;
    r->engine = AGENT_NONE;
    if (fix_get_uint(r->m, FIX_TAG_RefSeqNum, &number) ||
        !r->sent->find(r->sent->ctx, number, &about, &r->engine))
        return true;
    c->ref = about.ref;
    c->ref_kind = about.ref_kind;
    c->business = r->m->type != FIX_MSG_Reject;
    uint32_t reason = 0;
    read_u32(r, c->business ? FIX_TAG_BusinessRejectReason : FIX_TAG_SessionRejectReason, &reason);
    c->reason = (uint16_t)(reason < UINT16_MAX ? reason : UINT16_MAX);
    read_remark(r, FIX_TAG_Text, c->text, sizeof c->text);
    return !r->failed;
}

/* The table
 * ------------------------------------------------------------------------------------------------------ */

#define ONE(c)              (c)         /* MsgType of one character */
#define TWO(c)              (128 + (c)) /* 'A' and this one */
#define COMMAND(type, body) RECORD_COMMAND_##type, sizeof(struct command_##body)

static const struct translate_in_row FROM_TAKERS[TRANSLATE_KINDS] = {
    [ONE('R')] = {AGENT_DISTRIBUTION, LANE_REQUEST, CLASS_ORDINARY, COMMAND(QUOTE_REQUEST, quote_request),
                  read_quote_request},
    [TWO('J')] = {AGENT_DISTRIBUTION, LANE_REQUEST, CLASS_ACCEPTANCE, COMMAND(QUOTE_RESPONSE, quote_response),
                  read_quote_response},
    [ONE('Z')] = {AGENT_DISTRIBUTION, LANE_REQUEST, CLASS_ORDER, COMMAND(REQUEST_CANCEL, request_cancel),
                  read_request_cancel},
    [ONE('D')] = {AGENT_ROUTING, LANE_ORDER, CLASS_ORDINARY, COMMAND(ORDER, order), read_order},
    [ONE('F')] = {AGENT_ROUTING, LANE_ORDER, CLASS_ORDER, COMMAND(ORDER_CANCEL, order_cancel),
                  read_order_cancel},
    [ONE('j')] = {AGENT_NONE, LANE_ORDER, CLASS_ORDER, COMMAND(PEER_REJECT, peer_reject), read_peer_reject},
    [ONE('3')] = {AGENT_NONE, LANE_ORDER, CLASS_ORDER, COMMAND(PEER_REJECT, peer_reject), read_peer_reject},
};

static const struct translate_in_row FROM_LPS[TRANSLATE_KINDS] = {
    [ONE('S')] = {AGENT_DISTRIBUTION, LANE_QUOTE, CLASS_ORDINARY, COMMAND(QUOTE, quote), read_quote},
    [TWO('G')] = {AGENT_DISTRIBUTION, LANE_QUOTE, CLASS_ORDER, COMMAND(DELIVERY_ANSWER, delivery_answer),
                  read_answer},
    [TWO('I')] = {AGENT_DISTRIBUTION, LANE_QUOTE, CLASS_ORDER, COMMAND(DELIVERY_ANSWER, delivery_answer),
                  read_answer},
    [ONE('b')] = {AGENT_DISTRIBUTION, LANE_QUOTE, CLASS_ORDER, COMMAND(DELIVERY_ANSWER, delivery_answer),
                  read_answer},
    [ONE('Z')] = {AGENT_DISTRIBUTION, LANE_QUOTE, CLASS_ORDER, COMMAND(QUOTE_CANCEL, quote_cancel),
                  read_quote_cancel},
    [ONE('8')] = {AGENT_ROUTING, LANE_ORDER, CLASS_ORDER, COMMAND(EXECUTION, execution), read_execution},
    [ONE('9')] = {AGENT_ROUTING, LANE_ORDER, CLASS_ORDER, COMMAND(CANCEL_REJECT, cancel_reject),
                  read_cancel_reject},
    [ONE('j')] = {AGENT_NONE, LANE_ORDER, CLASS_ORDER, COMMAND(PEER_REJECT, peer_reject), read_peer_reject},
    [ONE('3')] = {AGENT_NONE, LANE_ORDER, CLASS_ORDER, COMMAND(PEER_REJECT, peer_reject), read_peer_reject},
};

const struct translate_in_row *translate_in_row(uint32_t kind, uint32_t role, bool *known)
{
    unsigned at = translate_kind_index(kind);
    const struct translate_in_row *row = role == ROLE_LP ? &FROM_LPS[at] : &FROM_TAKERS[at];
    *known = FROM_LPS[at].read || FROM_TAKERS[at].read;
    return row->read ? row : NULL;
}
