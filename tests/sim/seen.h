/* Seen: which records, messages and turns of events a sweep of seeds came to. What it never came to no crash
 * fell on, and nothing was shown of.
 */
#ifndef RFQD_TESTS_SIM_SEEN_H
#define RFQD_TESTS_SIM_SEEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/ring/record.h"

/* What no record type or message says by itself. */
#define SEEN_TURN_LIST(X)                                                        \
    X(TWO_WAY, "a two-way request")                                              \
    X(TWO_WAY_RANKED, "quotes ranked by their spread")                           \
    X(REQUEST_AGAIN, "a request again")                                          \
    X(REQUEST_RESENT, "a request again, with PossResend")                        \
    X(QUOTE_WITHDRAWN, "a quote withdrawn")                                      \
    X(AWARDED_QUOTE_WITHDRAWN, "a quote withdrawn while its order is at the LP") \
    X(LP_SUSPENDED, "a quote of an LP that was suspended")                       \
    X(ORDER_CANCEL, "an order at the LP cancelled by its taker")                 \
    X(AWARD_CANCEL, "an awarded request withdrawn by its taker")                 \
    X(ORDER_IN_DOUBT, "an order in doubt")                                       \
    X(DOUBT_FILLED, "an order in doubt filled")                                  \
    X(REQUEST_REJECTED, "an LP's 3 or j of a request")                           \
    X(CANCEL_REFUSED_BY_LP, "an LP's refusal of a taker's cancel")               \
    X(AWARD_CANCEL_REFUSED, "an LP's refusal to cancel a withdrawn award's order")

enum seen_turn {
#define X(name, text) SEEN_##name,
    SEEN_TURN_LIST(X)
#undef X
        SEEN_TURNS
};

#define SEEN_TYPES 256
/* Counts. Summed up as an array of numbers. */
struct seen {
    uint64_t records[SEEN_TYPES];
    uint64_t in[2][SEEN_TYPES], out[2][SEEN_TYPES]; /* of takers, of LPs; A0 is at 128 + '0' */
    uint64_t turns[SEEN_TURNS];
    uint64_t crashed_before[SEEN_TYPES], crashed_after[SEEN_TYPES]; /* the commit of a batch with this type */
};

void seen_record(struct seen *s, const struct record *r);
/* The process ends here: before the commit of a batch with this record, or after it. */
void seen_crash(struct seen *s, const struct record *r, bool before);

/* Says what never occurred though it is expected, and returns how much that is. clients: these are part of
 * it. */
unsigned seen_missing(const struct seen *s, bool clients, FILE *to);
/* Says of which records no commit met a crash right before it, or right after, and returns how much that is:
 * of those that occurred so often, but for a few that seen.c names, each with its reason. */
unsigned seen_uncrashed(const struct seen *s, uint64_t often, FILE *to);

#endif
