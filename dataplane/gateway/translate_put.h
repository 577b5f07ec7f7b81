/* Events to FIX messages: the functions behind translate_out.c's table, and what they write with. Each
 * message is written from its event alone. Fields stand in the order of the dictionary, those of a group with
 * the delimiter first. Inside of translate_*.c only.
 */
#ifndef RFQD_GATEWAY_TRANSLATE_PUT_H
#define RFQD_GATEWAY_TRANSLATE_PUT_H

#include <string.h>

#include "dataplane/core/text.h"
#include "dataplane/gateway/translate.h"
#include "fix/fix_dict.h"

typedef void translate_write_row(struct fix_encoder *e, const struct record *event,
                                 enum fix_time_precision p);
typedef const char *translate_choose_row(const struct record *event);

/* translate_to_taker.c */
translate_write_row translate_quote_added, translate_quote_offered, translate_quote_ended,
    translate_transition, translate_request_refused, translate_accept_refused, translate_report,
    translate_order_cancel_refused;
translate_choose_row translate_transition_choose, translate_request_refused_choose;
/* QuoteRequestReject. */
void translate_request_reject(struct fix_encoder *e, const char *request_id, const char *symbol, uint8_t side,
                              uint32_t reason, const char *text);
/* QuoteStatusReport about a request, a quote or an answer to one: "" for what it has not, and 117, which is
 * required, is NONE then. */
void translate_status(struct fix_encoder *e, const char *request_id, const char *quote_id,
                      const char *response_id, const char *symbol, unsigned status, uint32_t reason,
                      const char *text);

/* translate_to_lp.c */
translate_write_row translate_request, translate_ended, translate_quote_refused, translate_order,
    translate_order_cancel, translate_order_status;
translate_choose_row translate_ended_choose;
bool translate_request_same(const struct record *a, const struct record *b);

static inline void put_if(struct fix_encoder *e, uint32_t tag, const char *text)
{
    if (*text)
        fix_put_text(e, tag, text);
}

static inline void put_decimal_if(struct fix_encoder *e, uint32_t tag, int64_t v)
{
    if (v)
        fix_put_decimal(e, tag, v);
}

static inline void put_name(struct fix_encoder *e, uint32_t tag, char kind, uint64_t id)
{
    char name[ID_TEXT_SIZE];
    name_print(kind, id, name);
    fix_put_text(e, tag, name);
}

/* <name>-<suffix><n> */
static inline void put_name_numbered(struct fix_encoder *e, uint32_t tag, char kind, uint64_t id,
                                     const char *dash, uint32_t n)
{
    char name[ID_TEXT_SIZE];
    name_print(kind, id, name);
    size_t at = strlen(name);
    struct text t = text_in(name + at, sizeof name - at);
    text_add(&t, dash);
    text_add_number(&t, n);
    fix_put_text(e, tag, name);
}

/* 55 is required where nothing may be known of the instrument. */
static inline void put_symbol(struct fix_encoder *e, const char *symbol)
{
    fix_put_text(e, FIX_TAG_Symbol, *symbol ? symbol : "[N/A]");
}

static inline void put_side(struct fix_encoder *e, unsigned char side)
{
    if (side != SIDE_TWO_WAY)
        fix_put_char(e, FIX_TAG_Side, (char)side);
}

static inline void put_why(struct fix_encoder *e, const char *text, uint32_t reason)
{
    if (*text)
        fix_put_text(e, FIX_TAG_Text, text);
    else if (reason != REASON_NONE)
        fix_put_text(e, FIX_TAG_Text, reason_name(reason));
}

static inline void put_cancel_symbol(struct fix_encoder *e, const char *symbol)
{
    fix_put_uint(e, FIX_TAG_NoQuoteEntries, 1);
    put_symbol(e, symbol);
}

#endif
