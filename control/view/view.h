/* View: things as HTTP and WebSocket show them, from the replica's copies, and from the store where they have
 * left memory. Names, members and texts are those of spec/50 and spec/70; decimals are strings, times are ISO
 * 8601 in UTC, what is absent is null. LPs and takers are named by their codes. Owner: the control core;
 * nothing is kept between calls.
 *
 * An RFQ that ended leaves memory some time later (retire_after_ns), and is found in the store from then on,
 * also before the next commit (replica_scan). Quotes beyond RFQ_ENDED_QUOTES_MAX leave before it.
 */
#ifndef RFQD_CONTROL_VIEW_H
#define RFQD_CONTROL_VIEW_H

#include "control/json/json.h"
#include "control/replica/replica.h"

/* What says who may see it. */
struct view_owner {
    uint64_t rfq;
    uint32_t tenant;
    char taker[CODE_SIZE]; /* code, zero padded */
};

/* Finding
 * ------------------------------------------------------------------------------------------------------- */

/* An RFQ wherever it is: live, or ended and in the store. It holds until the replica is polled; where it is
 * live, `ended` is not filled in. */
struct view_rfq {
    const struct rfq *rfq;
    bool live;
    struct view_owner owner;
    struct rfq ended; /* where it came out of the store */
};

struct view_order {
    const struct order *order;
    bool live;
    struct view_owner owner;
    struct order ended;
};

/* ERR_NOT_FOUND: no such RFQ, or forgotten after its retention. Errors of the store. An order is its RFQ's
 * owner's, whichever tenant its taker has come to since, and is not found once that RFQ is forgotten. */
enum err view_find_rfq(struct replica *r, uint64_t id, struct view_rfq *out) WARN_UNUSED;
enum err view_find_order(struct replica *r, uint64_t id, struct view_order *out) WARN_UNUSED;
struct view_owner view_owner_of_rfq(struct replica *r, const struct rfq *rfq);

/* Lists: live and ended ones as one, the newest first (by RFQ, then by id), in pages. No call looks at more
 * than VIEW_ROWS_MAX rows of the store: so a page may be short, with more behind it. One that is empty with
 * more behind it is none yet: the caller goes on with the same list, in a later poll. */
#define VIEW_ROWS_MAX 4096u
#define VIEW_PAGE_MAX 500u
#define VIEW_PASSED_PER_ROW 16u /* looking at so many costs as much as showing one */

enum view_take {
    VIEW_TAKE,
    VIEW_SKIP,
    VIEW_SKIP_DEAR, /* that was found out by a look into the store: it costs as much as showing one */
    VIEW_STOP,      /* nor any that are older */
};
struct view_list {
    enum view_take (*wanted)(void *ctx, const void *entity); /* struct rfq or struct order */
    void *ctx;
    unsigned limit; /* of entities in the page, VIEW_PAGE_MAX at most */
    /* In: below these; UINT64_MAX: all. Out: of the last one in the page, which the next one begins behind;
     * of an empty one with more behind it: the last that was looked at, which is nobody's to see. */
    uint64_t rfq, id;
    bool more;                     /* out: there may be another page */
    unsigned rows;                 /* out: what it cost, in rows shown */
    unsigned count;                /* out */
    void *entities[VIEW_PAGE_MAX]; /* out: copies of the durable parts */
};
/* ERR_MEMORY, errors of the store; view_list_free in either case. */
enum err view_list_rfqs(struct replica *r, struct view_list *l) WARN_UNUSED;
enum err view_list_orders(struct replica *r, struct view_list *l) WARN_UNUSED;
void view_list_free(struct view_list *l);

/* Showing. `key`: as in json.h; NULL: an element, or the whole.
 * ------------------------------------------------------------------------------------------------------- */

void view_rfq(struct json *j, const char *key, struct replica *r, const struct view_rfq *v, uint64_t now_ns);
/* {rfq, quotes, composite}: what a subscription begins with: the quotes that are in memory; of an RFQ that
 * has left it the accepted one and those that ended last, VIEW_STATE_QUOTES at most: what was in memory is
 * among them. */
#define VIEW_STATE_QUOTES (RFQ_QUOTES_MAX + RFQ_ENDED_QUOTES_MAX)
enum err view_state(struct json *j, const char *key, struct replica *r, const struct view_rfq *v,
                    uint64_t now_ns) WARN_UNUSED;
/* Array: in order of release; RFQ_LPS_MAX at most. */
enum err view_deliveries(struct json *j, const char *key, struct replica *r,
                         const struct view_rfq *v) WARN_UNUSED;
/* triggeredBy: enum who, and of a user its taker's code; nobody else has an id. */
void view_trigger(struct json *j, struct replica *r, unsigned who, uint64_t who_id);
void view_transition(struct json *j, struct replica *r, uint64_t seq, const struct rfq_transition *x);
void view_composite(struct json *j, const char *key, const struct rfq *rfq);
void view_quote(struct json *j, const char *key, struct replica *r, const struct rfq *rfq,
                const struct quote *q);
void view_lp(struct json *j, const char *key, struct replica *r, const struct lp *lp);
/* party: the code of the LP or taker whose it is. */
void view_session(struct json *j, const char *key, const struct session *s, const char *party);
void view_instrument(struct json *j, const char *key, const struct instrument *i);
void view_order(struct json *j, const char *key, struct replica *r, const struct order *o);
void view_fill(struct json *j, const char *key, const struct fill *f);

/* What an RFQ or an order can have any number of: elements of an array that is open, as they were when the
 * walk began, shown a piece at a time. Between pieces the replica is polled, and what is in memory now may
 * lie in the store then.
 *
 *   view_walk_quotes, view_walk_fills → view_walk, again while `more` → view_walk_end, in any case
 *
 * Quotes: the accepted one, those that stand by rank, ended ones in memory, the newest first, and then those
 * of the store by id. Fills: by time; they are all copied first, so the first pieces of many show none.
 *
 * What the store had of an RFQ that is forgotten meanwhile is gone, and looks as though it had not been:
 * whoever finds the RFQ or the order after a piece knows that the piece is whole. */
#define VIEW_WALK_QUOTES (2u * RFQ_QUOTES_MAX + RFQ_ENDED_QUOTES_MAX) /* of an RFQ in memory, at most */

struct view_walk {
    const struct view_walk_kind *kind;
    uint64_t rfq, order;  /* order: of fills */
    uint64_t end_id;      /* what has this id or a higher one came later */
    uint64_t next_id;     /* of the store */
    struct rfq as_it_was; /* of quotes */
    void *copies;         /* of what was in memory */
    uint32_t count, capacity, shown;
    bool all_copied, all_stored;
    bool more;     /* out: there may be another piece */
    unsigned rows; /* out: what the last piece took of rows_max */
};

/* The memory is the caller's. ERR_MEMORY. */
enum err view_walk_quotes(struct view_walk *w, struct replica *r, const struct view_rfq *v) WARN_UNUSED;
enum err view_walk_fills(struct view_walk *w, struct replica *r, const struct view_order *v) WARN_UNUSED;
/* Looks at so many rows at most, and stops once j has so many bytes. ERR_MEMORY, errors of the store. */
enum err view_walk(struct view_walk *w, struct replica *r, struct json *j, unsigned rows_max,
                   size_t bytes_max) WARN_UNUSED;
void view_walk_end(struct view_walk *w);

/* For whoever shows the same in another form
 * ----------------------------------------------------------------- */

const char *view_side(uint8_t side); /* buy, sell, twoWay */
/* Code of an LP, a taker; zero padded; "" where there is none. */
const char *view_lp_code(struct replica *r, uint64_t lp);
const char *view_taker_code(struct replica *r, uint64_t taker);
/* null for 0: no price, no size. */
void view_price(struct json *j, const char *key, int64_t scaled);
/* What can be dealt on the side asked; two-way: on either. */
int64_t view_quote_quantity(uint8_t side, int64_t bid_size, int64_t ask_size);
/* Whole seconds up to the deadline, the one that has begun among them; 0: it is over. */
uint64_t view_time_remaining(const struct rfq *rfq, uint64_t now_ns);
static inline bool view_rfq_is_over(const struct rfq *rfq)
{
    return rfq->state >= RFQ_COMPLETED;
}

#endif
