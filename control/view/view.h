/* View: things as HTTP and WebSocket show them, from the replica's copies, and from the store where they have
 * left memory. Names, members and texts are those of spec/50 and spec/70; decimals are strings, times are ISO
 * 8601 in UTC. Owner: the control core; nothing is kept between calls.
 */
#ifndef RFQD_CONTROL_VIEW_H
#define RFQD_CONTROL_VIEW_H

#include "control/json/json.h"
#include "control/replica/replica.h"

/* What says who may see it. */
struct view_owner {
    uint64_t rfq;
    uint32_t tenant;
    char taker[24]; /* code, zero padded */
};

/* An RFQ wherever it is: live, or ended and in the store. The pointers hold until the next call. */
struct view_rfq {
    const struct rfq *rfq;
    bool live;
    struct view_owner owner;
    struct rfq ended; /* where it came out of the store */
};

/* ERR_NOT_FOUND: no such RFQ, or forgotten after its retention. Errors of the store. */
enum err view_find_rfq(struct replica *r, uint64_t id, struct view_rfq *out) WARN_UNUSED;

/* `key`: as in json.h; NULL: an element, or the whole. */
void view_rfq(struct json *j, const char *key, struct replica *r, const struct view_rfq *v, uint64_t now_ns);
/* {rfq, quotes, composite}: what a subscription begins with. */
enum err view_state(struct json *j, const char *key, struct replica *r, const struct view_rfq *v,
                    uint64_t now_ns) WARN_UNUSED;
/* Arrays: standing quotes by rank, then ended ones; deliveries in order of release; transitions by time. */
enum err view_quotes(struct json *j, const char *key, struct replica *r, const struct view_rfq *v) WARN_UNUSED;
enum err view_deliveries(struct json *j, const char *key, struct replica *r, const struct view_rfq *v) WARN_UNUSED;
enum err view_transitions(struct json *j, const char *key, struct replica *r, const struct view_rfq *v) WARN_UNUSED;
void view_composite(struct json *j, const char *key, const struct rfq *rfq);
void view_quote(struct json *j, const char *key, struct replica *r, const struct rfq *rfq, const struct quote *q);
void view_lp(struct json *j, const char *key, struct replica *r, const struct lp *lp);
void view_instrument(struct json *j, const char *key, const struct instrument *i);
void view_order(struct json *j, const char *key, struct replica *r, const struct order *o);

#endif
