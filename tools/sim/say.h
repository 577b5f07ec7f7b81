/* Say: bodies of the messages that takers send, whoever decides to send them. */
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

#endif
