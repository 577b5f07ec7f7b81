/* Distribution's state: instruments, LPs, takers, RFQs, deliveries, quotes; and the settings its decisions
 * use. Owner: the distribution agent; the replica has a copy. Changed by distribution_apply only (through
 * struct state).
 */
#ifndef RFQD_MODEL_DISTRIBUTION_H
#define RFQD_MODEL_DISTRIBUTION_H

#include "dataplane/model/state.h"

enum distribution_timer {
    TIMER_RFQ_DEADLINE = 1, /* id: rfq */
    TIMER_RFQ_RETIRE,       /* id: rfq */
    TIMER_DELIVERY,         /* id: delivery: acknowledgement overdue, or next attempt */
    TIMER_QUOTE_EXPIRY,     /* id: quote */
    TIMER_RFQ_STAY,         /* id: rfq: a level of its stay's escalation */
};

#define RFQ_ENDED_QUOTES_MAX                                                      \
    32 /* kept in memory per RFQ, so that an acceptance of one is refused by name \
        */

struct distribution_state {
    struct state base;
    struct table *settings;    /* one entity: id 1 and struct settings */
    struct table *instruments; /* struct instrument */
    struct table *lps;         /* struct lp */
    struct table *takers;      /* struct taker */
    struct table *rfqs;        /* struct rfq */
    struct table *deliveries;  /* struct delivery */
    struct table *quotes;      /* struct quote */
    struct table *client_keys; /* struct client_key; the newest CLIENT_KEYS_MAX */
    struct table *stays;       /* struct rfq_stay; of RFQs in a state that has a time of its own */
    bool draining; /* an operator wants no new RFQs; a start takes them again, so it is no entity */
    struct distribution_index *index; /* by symbol, session, request id, LP's quote id */
};

struct settings_entity {
    uint64_t id; /* 1 */
    struct settings settings;
    char transient[];
};

/* timers: NULL in a replica. track: see table.h. capacities come from `settings`. ERR_MEMORY. */
enum err distribution_state_create(struct distribution_state **out, const struct settings *capacities,
                                   bool with_timers, bool track, uint64_t start_ns) WARN_UNUSED;

const struct settings *distribution_settings(const struct distribution_state *s);
const struct rfq *distribution_rfq(const struct distribution_state *s, uint64_t id);
/* The RFQ's stay in its present state; NULL: nothing but its deadline limits it. */
const struct rfq_stay *distribution_stay(const struct distribution_state *s, uint64_t rfq);
const struct quote *distribution_quote(const struct distribution_state *s, uint64_t id);
const struct delivery *distribution_delivery(const struct distribution_state *s, uint64_t id);
const struct lp *distribution_lp(const struct distribution_state *s, uint64_t id);
const struct taker *distribution_taker(const struct distribution_state *s, uint64_t id);
const struct instrument *distribution_instrument(const struct distribution_state *s, uint64_t id);
/* NULL: none. symbol, code, request_id: zero padded to their field's size. */
const struct instrument *distribution_instrument_by_symbol(const struct distribution_state *s,
                                                           const char *symbol);
const struct lp *distribution_lp_by_code(const struct distribution_state *s, const char *code);
const struct lp *distribution_lp_by_session(const struct distribution_state *s, uint32_t session);
const struct taker *distribution_taker_by_code(const struct distribution_state *s, const char *code);
const struct taker *distribution_taker_by_session(const struct distribution_state *s, uint32_t session);
const struct rfq *distribution_rfq_by_request(const struct distribution_state *s, uint32_t session,
                                              const char *request_id);
/* The RFQ's delivery to this LP. */
const struct delivery *distribution_delivery_to(const struct distribution_state *s, const struct rfq *rfq,
                                                uint64_t lp);
/* The LP's quote with the id that the LP gave it: the standing one if there is one, else any still in memory.
 * rfq 0: of any RFQ. NULL: none, or the id is empty. */
const struct quote *distribution_quote_by_name(const struct distribution_state *s, uint64_t lp,
                                               const char *lp_quote_id, uint64_t rfq);
/* What was answered under this key, and the key that was remembered first. NULL: none. */
const struct client_key *distribution_client_key(const struct distribution_state *s, uint64_t high,
                                                 uint64_t low);
const struct client_key *distribution_oldest_client_key(const struct distribution_state *s);
/* Whether quote a stands before b in the RFQ's ranking: by price on the side asked (two-way: by spread,
 * one-sided ones after all others), then larger quantity, then earlier arrival. A total order. */
bool distribution_rank_before(const struct rfq *rfq, const struct quote *a, const struct quote *b);
/* A timer was taken off the wheel: its entity holds no handle any more. Before anything is decided from it.
 */
void distribution_timer_taken(struct distribution_state *s, const struct timer *t);
/* Walks: deliveries in order of release; standing quotes by rank; ended quotes, newest first. NULL at the
 * end. */
const struct delivery *distribution_first_delivery(const struct distribution_state *s, const struct rfq *rfq);
const struct delivery *distribution_next_delivery(const struct distribution_state *s,
                                                  const struct delivery *d);
const struct quote *distribution_first_quote(const struct distribution_state *s, const struct rfq *rfq);
const struct quote *distribution_first_ended_quote(const struct distribution_state *s, const struct rfq *rfq);
const struct quote *distribution_next_quote(const struct distribution_state *s, const struct quote *q);

#endif
