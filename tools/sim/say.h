/* Say: bodies of the messages that parties send, whoever decides to send them. */
#ifndef RFQD_SIM_SAY_H
#define RFQD_SIM_SAY_H

#include "fix/encode.h"

/* QuoteRequest R. side: '1', '2', or 0 for both. deadline_ns 0: rfqd's own. */
void say_request(struct fix_encoder *f, const char *id, const char *symbol, char side, int64_t quantity,
                 uint64_t deadline_ns);

/* What is taken of a quote, and the taker's id for it. */
struct say_acceptance {
    const char *id, *quote_id, *symbol;
    int64_t quantity, price;
    char side;
};
/* NewOrderSingle D with the quote's id. */
void say_order(struct fix_encoder *f, const struct say_acceptance *a, uint64_t now_ns);
/* QuoteResponse AJ: hit or lift. */
void say_hit(struct fix_encoder *f, const struct say_acceptance *a);
/* QuoteResponse AJ: none is taken. */
void say_decline(struct fix_encoder *f, const char *id, const char *quote_id, const char *symbol);
/* QuoteCancel Z of a whole request. */
void say_withdrawal(struct fix_encoder *f, const char *request_id);
/* OrderCancelRequest F, under this id; quantity and side are the order's. */
void say_order_cancel(struct fix_encoder *f, const char *id, const char *order_id, const char *symbol,
                      char side, int64_t quantity, uint64_t now_ns);
/* Reject 3, or BusinessMessageReject j, about a message that was received. */
void say_reject(struct fix_encoder *f, bool business, uint64_t seq, const char *msg_type, const char *text);

#endif
