/* Inside distribution's decisions: what its files give each other. One file for each subject: request (R),
 * eligibility, release, delivery, quote, accept (AJ, D), award (what becomes of it), end, stay, session,
 * start. Each decision is check on a constant state, then emit; entities are seen as const, and are up to
 * date after every emit_end.
 */
#ifndef RFQD_ENGINE_DISTRIBUTION_INSIDE_H
#define RFQD_ENGINE_DISTRIBUTION_INSIDE_H

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "dataplane/engine/engine.h"
#include "dataplane/engine/rfq/workflow.h"

static inline const struct distribution_state *state_of(const struct emit *e)
{
    return (const struct distribution_state *)e->state;
}

static inline uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* A refusal in the making: why, and the sentence that names the values. */
struct refusal {
    enum reason reason; /* REASON_NONE: none */
    char text[TEXT_SIZE];
};
/* Start the sentence. The whole is zeroed, so that it can be copied as it lies. */
static inline struct text refuse(struct refusal *r, enum reason reason)
{
    memset(r, 0, sizeof *r);
    r->reason = reason;
    return text_in(r->text, sizeof r->text);
}

static inline void add_name(struct text *t, char kind, uint64_t id)
{
    char name[ID_TEXT_SIZE];
    name_print(kind, id, name);
    text_add_field(t, name, sizeof name);
}

/* note.c: DISTRIBUTION_NOTED: a command that changed nothing, and why. rfq, ref: 0 where there is none. */
void distribution_note(struct emit *e, unsigned command, uint64_t rfq, uint64_t ref, enum reason reason,
                       const char *text);

/* move.c: a transition that the decision has found to be right: the table is asked once more, and must agree.
 */
struct move {
    enum rfq_move move;
    enum who who;
    uint64_t who_id;
    enum reason reason;
    uint64_t deadline_ns;        /* 0: unchanged */
    const char *text;            /* NULL: none */
    struct workflow_facts facts; /* profile, who and reason are filled from the rest */
};
void rfq_move(struct emit *e, const struct rfq *rfq, const struct move *m);

/* eligibility.c: may this LP be asked? REASON_NONE, or the first of spec/20's checks that fails. */
enum reason eligibility_check(const struct lp *lp, const struct rfq *rfq,
                              const struct instrument *instrument);
/* The RFQ's eligible LPs, at most RFQ_LPS_MAX; a skip event for each that is not asked. */
unsigned eligibility_select(struct emit *e, const struct rfq *rfq, const struct lp *selected[RFQ_LPS_MAX]);

/* release.c: to all at once, in an order shuffled by the RFQ's id. */
void release_all(struct emit *e, const struct rfq *rfq, const struct lp *lps[], unsigned count);
void release_again(struct emit *e, const struct rfq *rfq, const struct delivery *d, const struct lp *lp);
/* The order that an RFQ's id gives, of 0..count-1. */
void release_shuffle(uint64_t rfq, unsigned count, uint8_t order[RFQ_LPS_MAX]);

/* delivery.c */
void delivery_set(struct emit *e, const struct delivery *d, enum delivery_status state,
                  enum delivery_answer answer, enum reason reason, uint64_t due_ns, const char *text);
/* After anything changed at deliveries or quotes: the status shown moves on; an RFQ nobody will quote is
 * rejected. */
void rfq_progress(struct emit *e, const struct rfq *rfq);
void delivery_due(struct emit *e, const struct delivery *d);

/* quote.c */
void quote_end(struct emit *e, const struct rfq *rfq, const struct quote *q, enum quote_status status,
               enum reason reason);
void quotes_rank(struct emit *e, const struct rfq *rfq);
void quote_due(struct emit *e, const struct quote *q);

/* end.c */
/* Tell the LPs that have the RFQ that it is over for them, `except` left out (0: nobody). done_away: another
 * LP's quote was dealt. */
void deliveries_end(struct emit *e, const struct rfq *rfq, uint64_t except, enum reason reason,
                    bool done_away);
void quotes_archive(struct emit *e, const struct rfq *rfq);
/* An RFQ ends by this move: LPs told, quotes archived, then the transition. */
void rfq_end(struct emit *e, const struct rfq *rfq, const struct move *m);
void rfq_due(struct emit *e, const struct rfq *rfq, unsigned kind);

/* stay.c */
/* It has come to its present state: its time there begins, where the table has one. */
void stay_begin(struct emit *e, const struct rfq *rfq);
/* It may stay until then; that it may was checked. */
void stay_extend(struct emit *e, const struct rfq *rfq, uint64_t timeout_ns);
void stay_due(struct emit *e, const struct rfq *rfq);
/* The LP refused to cancel the award's order. */
void stay_cancel_refused(struct emit *e, const struct rfq *rfq);

/* request.c: one more RFQ may be made: room in memory, and no drain; else the refusal. */
bool request_may_create(const struct distribution_state *s, struct refusal *r);
/* The RFQ that the request makes: released to LPs, or ended as REJECTED with r saying why. */
const struct rfq *request_take(struct emit *e, const struct lane_item *item, const struct taker *taker,
                               const struct command_quote_request *c, uint8_t all_or_none, struct refusal *r);
/* False: the refusal says what it is that cannot be cancelled (any more). */
bool rfq_may_be_cancelled(const struct rfq *rfq, struct refusal *r);
/* It is wanted no more; it may be cancelled. */
void rfq_cancel(struct emit *e, const struct rfq *rfq, uint64_t who_id, enum reason reason);

/* accept.c: the quote becomes the award, or r says why not. side, quantity, price 0: not given. */
struct client_acceptance {
    uint64_t taker, quote; /* whose RFQ, and which of its quotes */
    int64_t quantity, price;
    uint8_t side;
};
void accept_for_client(struct emit *e, const struct client_acceptance *c, struct refusal *r);

/* Decisions, by command. */
void decide_quote_request(struct emit *e, const struct lane_item *item);
void decide_request_cancel(struct emit *e, const struct lane_item *item);
void decide_delivery_answer(struct emit *e, const struct lane_item *item);
void decide_delivery_unsent(struct emit *e, const struct lane_item *item);
void decide_delivery_peer_reject(struct emit *e, const struct lane_item *item);
void decide_quote(struct emit *e, const struct lane_item *item);
void decide_quote_cancel(struct emit *e, const struct lane_item *item);
void decide_quote_response(struct emit *e, const struct lane_item *item);
void decide_order_asks(struct emit *e, const struct lane_item *item);
void decide_order_update(struct emit *e, const struct lane_item *item);
void decide_session_state(struct emit *e, const struct lane_item *item);
/* client.c */
void decide_client_rfq(struct emit *e, const struct lane_item *item);
void decide_client_accept(struct emit *e, const struct lane_item *item);
void decide_client_cancel(struct emit *e, const struct lane_item *item);
void decide_client_extend(struct emit *e, const struct lane_item *item);

#endif
