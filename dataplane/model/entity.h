/* Entities: what the engine's state is made of. Each belongs to one agent, lives in a `struct table` (table.h) under its
 * 64-bit id, and has two parts: the *durable* prefix, up to the field `transient`, which is hashed into the digest, stored
 * in LMDB as it lies here, and equal in engine and replica; and the *transient* rest: links, indexes and timer handles,
 * rebuilt at start.
 *
 * Prices, quantities, money: int64 scaled 1e-8 (core/decimal.h). Times: UTC ns. Texts: zero padded to their size, so
 * that they compare and hash as bytes. Every byte of a durable part is defined: entities are zeroed when made.
 */
#ifndef RFQD_MODEL_ENTITY_H
#define RFQD_MODEL_ENTITY_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/limits.h"

#define SLOT_NONE UINT32_MAX

/* Enums with names: one X-macro each; NAME_name(v) gives the text, "?" for a value that is none. ------------------ */

#define RFQ_STATE_LIST(X)                                                                                    \
    X(RFQ_DRAFT, 1, "DRAFT") X(RFQ_PUBLISHED, 2, "PUBLISHED") X(RFQ_BIDDING_OPEN, 3, "BIDDING_OPEN")         \
    X(RFQ_BIDDING_CLOSED, 4, "BIDDING_CLOSED") X(RFQ_EVALUATION, 5, "EVALUATION")                            \
    X(RFQ_IS_AWARDED, 6, "AWARDED") X(RFQ_COMPLETED, 7, "COMPLETED") X(RFQ_CANCELLED, 8, "CANCELLED")        \
    X(RFQ_REJECTED, 9, "REJECTED") X(RFQ_EXPIRED, 10, "EXPIRED") X(RFQ_ARCHIVED, 11, "ARCHIVED")

#define RFQ_SHOWN_LIST(X)                                                                                    \
    X(SHOWN_PENDING, 1, "pending") X(SHOWN_VALIDATED, 2, "validated") X(SHOWN_DISTRIBUTED, 3, "distributed") \
    X(SHOWN_QUOTED, 4, "quoted") X(SHOWN_AWARDED, 5, "awarded") X(SHOWN_FILLED, 6, "filled")                 \
    X(SHOWN_CANCELLED, 7, "cancelled") X(SHOWN_REJECTED, 8, "rejected") X(SHOWN_EXPIRED, 9, "expired")       \
    X(SHOWN_ARCHIVED, 10, "archived")

#define RFQ_MOVE_LIST(X)                                                                                     \
    X(MOVE_CREATE, 0, "CREATE") X(MOVE_PUBLISH, 1, "PUBLISH") X(MOVE_OPEN_BIDDING, 2, "OPEN_BIDDING")        \
    X(MOVE_CLOSE_BIDDING, 3, "CLOSE_BIDDING") X(MOVE_REOPEN, 4, "REOPEN")                                    \
    X(MOVE_START_EVALUATION, 5, "START_EVALUATION") X(MOVE_AWARD, 6, "AWARD") X(MOVE_COMPLETE, 7, "COMPLETE")\
    X(MOVE_CANCEL, 8, "CANCEL") X(MOVE_AUTO_CANCEL, 9, "AUTO_CANCEL") X(MOVE_REJECT, 10, "REJECT")           \
    X(MOVE_EXPIRE, 11, "EXPIRE") X(MOVE_REVERT_AWARD, 12, "REVERT_AWARD") X(MOVE_ARCHIVE, 13, "ARCHIVE")

#define RFQ_PROFILE_LIST(X) X(PROFILE_INSTANT, 1, "instant") X(PROFILE_NEGOTIATED, 2, "negotiated")

#define WHO_LIST(X) X(WHO_USER, 1, "user") X(WHO_SYSTEM, 2, "system") X(WHO_SCHEDULER, 3, "scheduler")

/* Causes and reasons: why an RFQ or an award ended, why something was refused. Stored; numbers never change. */
#define REASON_LIST(X)                                                                                       \
    X(REASON_NONE, 0, "none")                                                                                \
    /* cancellation (spec/10) */                                                                             \
    X(REASON_REQUIREMENTS_CHANGED, 1, "requirements_changed") X(REASON_BUDGET_WITHDRAWN, 2, "budget_withdrawn") \
    X(REASON_SCHEDULE_CHANGED, 3, "schedule_changed") X(REASON_DUPLICATE_RFQ, 4, "duplicate_rfq")            \
    X(REASON_LP_ISSUE, 5, "lp_issue") X(REASON_SYSTEM_POLICY, 6, "system_policy")                            \
    X(REASON_TAKER_REQUEST, 7, "taker_request")                                                              \
    /* publication refused */                                                                                \
    X(REASON_UNKNOWN_SYMBOL, 20, "unknown_symbol") X(REASON_NOT_TRADABLE, 21, "not_tradable")                \
    X(REASON_QUANTITY_OUT_OF_RANGE, 22, "quantity_out_of_range") X(REASON_DEADLINE_PAST, 23, "deadline_past")\
    X(REASON_DEADLINE_TOO_FAR, 24, "deadline_too_far") X(REASON_LEGS, 25, "legs_not_supported")              \
    X(REASON_LOT, 26, "not_a_multiple_of_the_lot") X(REASON_SIDE, 27, "side_not_supported")                  \
    /* distribution */                                                                                       \
    X(REASON_NO_ELIGIBLE_LP, 40, "no_eligible_lp") X(REASON_ALL_DELIVERIES_FAILED, 41, "all_deliveries_failed") \
    X(REASON_ALL_DECLINED, 42, "all_declined") X(REASON_TOO_FEW_LPS, 43, "too_few_lps")                      \
    /* eligibility: an LP was not asked, in the order of the checks */                                       \
    X(REASON_LP_TENANT, 50, "other_tenant") X(REASON_LP_INACTIVE, 51, "not_active")                          \
    X(REASON_LP_ASSET_CLASS, 52, "asset_class") X(REASON_LP_INSTRUMENT, 53, "instrument")                    \
    X(REASON_LP_SIZE, 54, "size") X(REASON_LP_NOT_INVITED, 55, "not_invited")                                \
    X(REASON_LP_NOT_CONNECTED, 56, "not_connected") X(REASON_LP_CIRCUIT, 57, "circuit_open")                 \
    X(REASON_LP_CONCURRENT, 58, "max_concurrent_rfqs") X(REASON_LP_VOLUME, 59, "daily_volume_limit")         \
    X(REASON_LP_ERROR, 60, "eligibility_error") X(REASON_LP_ENOUGH, 61, "enough_lps")                        \
    /* delivery */                                                                                           \
    X(REASON_NO_ACK, 70, "no_acknowledgement") X(REASON_SESSION_DOWN, 71, "session_down")                    \
    X(REASON_PEER_REJECT, 72, "peer_rejected") X(REASON_LOST, 73, "lost_in_transit")                         \
    X(REASON_STALE, 74, "stale") X(REASON_LP_REJECTED, 75, "lp_rejected") X(REASON_LP_DECLINED, 76, "lp_declined") \
    X(REASON_ENCODE, 77, "cannot_be_encoded")                                                                \
    /* quote refused */                                                                                      \
    X(REASON_UNKNOWN_RFQ, 80, "unknown_rfq") X(REASON_RFQ_NOT_OPEN, 81, "rfq_not_open")                      \
    X(REASON_NOT_ASSIGNED, 82, "not_assigned") X(REASON_DUPLICATE_QUOTE, 83, "duplicate_quote")              \
    X(REASON_QUOTE_LATE, 84, "quote_late") X(REASON_PRICE_NOT_POSITIVE, 85, "price_not_positive")            \
    X(REASON_CROSSED, 86, "crossed") X(REASON_COLLAR, 87, "outside_collar")                                  \
    X(REASON_SYMBOL_MISMATCH, 88, "symbol_mismatch") X(REASON_NO_PRICE, 89, "no_price_for_side")             \
    X(REASON_SIZE_NOT_POSITIVE, 90, "size_not_positive") X(REASON_TICK, 91, "not_a_multiple_of_the_tick")    \
    X(REASON_BUSY, 92, "busy")                                                                               \
    /* quote ended */                                                                                        \
    X(REASON_REPLACED, 100, "quote_replaced") X(REASON_QUOTE_EXPIRED, 101, "quote_expired")                  \
    X(REASON_WITHDRAWN, 102, "quote_withdrawn") X(REASON_RFQ_ENDED, 103, "rfq_ended")                        \
    X(REASON_LP_SUSPENDED, 104, "lp_suspended") X(REASON_QUOTE_CONSUMED, 105, "quote_used")                  \
    /* acceptance refused */                                                                                 \
    X(REASON_UNKNOWN_QUOTE, 110, "unknown_quote") X(REASON_ALREADY_AWARDED, 111, "already_awarded")          \
    X(REASON_WRONG_SIDE, 112, "wrong_side") X(REASON_WRONG_QUANTITY, 113, "wrong_quantity")                  \
    X(REASON_NOT_YOURS, 114, "unknown_quote") X(REASON_WRONG_PRICE, 115, "wrong_price")                      \
    X(REASON_RFQ_STATE, 116, "not_in_this_state") X(REASON_DUPLICATE_CLORDID, 117, "duplicate_clordid")      \
    X(REASON_ORDER_TYPE, 118, "order_type_not_supported") X(REASON_RESPONSE_TYPE, 119, "response_type_not_supported") \
    X(REASON_DUPLICATE_REQUEST, 120, "duplicate_request_id") X(REASON_LIMIT, 121, "limit")                   \
    /* award and order ends */                                                                               \
    X(REASON_LP_DEFAULT, 130, "lp_default") X(REASON_REFUSED_BY_CONTROLS, 131, "refused_by_controls")        \
    X(REASON_QUOTE_EXPIRED_IN_FLIGHT, 132, "quote_expired_in_flight") X(REASON_IN_DOUBT, 133, "in_doubt")    \
    X(REASON_UNKNOWN_ORDER, 134, "unknown_order") X(REASON_BEYOND_ORDER, 135, "execution_beyond_order")      \
    X(REASON_ORDER_FINAL, 136, "order_is_final") X(REASON_DUPLICATE_EXECUTION, 137, "duplicate_execution")   \
    X(REASON_WRONG_LP, 138, "execution_from_another_lp") X(REASON_CANCEL_PENDING, 139, "cancel_pending")     \
    X(REASON_LP_REJECTED_ORDER, 140, "lp_rejected_order") X(REASON_TIMEOUT, 141, "timeout")                  \
    X(REASON_BAD_EXECUTION, 142, "bad_execution") X(REASON_DEADLINE, 143, "deadline")                        \
    X(REASON_UNKNOWN_SESSION, 144, "unknown_session") X(REASON_REPEATED, 145, "repeated")                    \
    X(REASON_EXECUTIONS_MISSING, 146, "executions_missing") X(REASON_WORSE_PRICE, 147, "worse_than_order") \
    /* clients */                                                                                            \
    X(REASON_KEY_REUSED, 150, "idempotency_key_reused") X(REASON_EXTENSION, 151, "extension_refused")        \
    X(REASON_REASON_REQUIRED, 152, "reason_required")                                                  \
    /* the appliance itself */                                                                               \
    X(REASON_DRAINING, 160, "draining")

#define DELIVERY_STATE_LIST(X)                                                                               \
    X(DELIVERY_PENDING, 1, "pending") X(DELIVERY_SENT, 2, "sent") X(DELIVERY_DELIVERED, 3, "delivered")      \
    X(DELIVERY_REJECTED, 4, "rejected") X(DELIVERY_FAILED, 5, "failed")

#define ANSWER_LIST(X)                                                                                       \
    X(ANSWER_NONE, 0, "none") X(ANSWER_QUOTED, 1, "quoted") X(ANSWER_DECLINED, 2, "declined")                \
    X(ANSWER_NO_RESPONSE, 3, "no_response")

#define QUOTE_STATUS_LIST(X)                                                                                 \
    X(QUOTE_STANDING, 1, "standing") X(QUOTE_IS_REPLACED, 2, "replaced") X(QUOTE_IS_EXPIRED, 3, "expired")   \
    X(QUOTE_IS_WITHDRAWN, 4, "withdrawn") X(QUOTE_ARCHIVED, 5, "archived") X(QUOTE_ACCEPTED, 6, "accepted")

#define ORDER_STATE_LIST(X)                                                                                  \
    X(ORDER_AWAITING, 1, "awaiting") /* asked distribution to accept the quote */                            \
    X(ORDER_PENDING, 2, "pending")   /* to be released; not with the LP, for certain */                      \
    X(ORDER_SENT, 3, "sent")         /* released; may or may not be with the LP */                           \
    X(ORDER_WORKING, 4, "working") X(ORDER_PARTLY_FILLED, 5, "partly_filled") X(ORDER_IS_FILLED, 6, "filled")\
    X(ORDER_CANCELLED, 7, "cancelled") X(ORDER_REJECTED, 8, "rejected") X(ORDER_UNKNOWN, 9, "unknown")

#define SESSION_STATE_LIST(X) X(SESSION_DOWN, 1, "down") X(SESSION_UP, 2, "up") X(SESSION_SYNCED, 3, "synced")

#define LP_STATUS_LIST(X) X(LP_ACTIVE, 1, "active") X(LP_INACTIVE, 2, "inactive") X(LP_SUSPENDED, 3, "suspended")

#define ENUM_VALUE(name, number, text) name = number,
enum rfq_state { RFQ_STATE_LIST(ENUM_VALUE) };
enum rfq_shown_status { RFQ_SHOWN_LIST(ENUM_VALUE) };
enum rfq_move { RFQ_MOVE_LIST(ENUM_VALUE) };
enum rfq_profile { RFQ_PROFILE_LIST(ENUM_VALUE) };
enum who { WHO_LIST(ENUM_VALUE) };
enum reason { REASON_LIST(ENUM_VALUE) };
enum delivery_status { DELIVERY_STATE_LIST(ENUM_VALUE) };
enum delivery_answer { ANSWER_LIST(ENUM_VALUE) };
enum quote_status { QUOTE_STATUS_LIST(ENUM_VALUE) };
enum order_status { ORDER_STATE_LIST(ENUM_VALUE) };
enum session_status { SESSION_STATE_LIST(ENUM_VALUE) };
enum lp_status { LP_STATUS_LIST(ENUM_VALUE) };
#undef ENUM_VALUE

const char *rfq_state_name(unsigned v);
const char *rfq_shown_name(unsigned v);
const char *rfq_move_name(unsigned v);
const char *rfq_profile_name(unsigned v);
const char *who_name(unsigned v);
const char *reason_name(unsigned v);
const char *delivery_status_name(unsigned v);
const char *delivery_answer_name(unsigned v);
const char *quote_status_name(unsigned v);
const char *order_status_name(unsigned v);
const char *session_status_name(unsigned v);
const char *lp_status_name(unsigned v);

/* Sides as FIX has them in tag 54; a two-way request leaves it out. */
enum side { SIDE_TWO_WAY = 0, SIDE_BUY = '1', SIDE_SELL = '2' };

/* Distribution's entities ---------------------------------------------------------------------------------------- */

/* Reference data. id: 1.. in the order of first sight, kept by symbol across restarts. */
struct instrument {
    uint64_t id;
    char symbol[SYMBOL_SIZE];
    char currency[8];
    int64_t tick, lot;               /* 0: any */
    int64_t quantity_min, quantity_max;
    int64_t reference_price;         /* 0: none, then no collar */
    int64_t collar_percent;          /* off the reference, scaled; 0: none */
    uint32_t asset_class;            /* bit number 0..31 */
    uint32_t tradable;
    char transient[];
};

/* id: 1.. in the order of first sight, kept by code across restarts. */
struct lp {
    uint64_t id;
    char code[CODE_SIZE];
    uint32_t session;   /* gateway session */
    uint32_t tenant;
    uint32_t status;    /* enum lp_status */
    uint32_t asset_classes; /* bit set */
    int64_t size_min, size_max;
    uint32_t concurrent_rfqs_max;
    uint8_t ack_required; /* 1: 'b', AI or a quote acknowledges; 0 (`none`): written counts as delivered */
    uint8_t losers_by_aj; /* 1: AJ 694=5; 0: QuoteCancel */
    uint8_t gateway;      /* agent id */
    uint8_t session_state;
    uint64_t session_lost; /* how many times the session went down */
    uint32_t open_rfqs;
    uint32_t reserved;
    uint64_t released, acknowledged, quoted, declined, no_response, rejected, failed; /* deliveries */
    uint64_t quotes, quotes_refused, withdrawals, wins, defaults; /* wins: awards, filled or not */
    char transient[];
};

struct taker {
    uint64_t id;
    char code[CODE_SIZE];
    uint32_t session;
    uint32_t tenant;
    uint8_t gateway;
    uint8_t session_state;
    uint8_t reserved[6];
    uint64_t rfqs;
    char transient[];
};

struct rfq {
    uint64_t id;
    uint64_t taker;
    uint64_t instrument;
    uint64_t created_ns, updated_ns, deadline_ns, ended_ns;
    int64_t quantity;
    uint32_t session; /* the taker's */
    uint32_t tenant;
    uint32_t settl_date; /* YYYYMMDD, 0: not given */
    uint8_t gateway;     /* the taker's */
    uint8_t profile, state, shown, side;
    uint8_t all_or_none;
    uint8_t cancel_pending; /* cancel asked while AWARDED */
    uint8_t in_doubt;       /* the award's order: fate not known */
    uint16_t deliveries, acknowledged, settled, declined, quoted; /* counts over its deliveries */
    uint16_t quotes; /* standing */
    uint16_t transitions;
    uint16_t reason; /* enum reason: of its end, or of the last revert */
    uint8_t losers_told;
    uint8_t distributed; /* all deliveries settled and told */
    uint8_t extensions;  /* of its deadline */
    uint8_t reserved;
    uint32_t length_ms;  /* from its making to its first deadline; 0 until it is extended */
    uint16_t cancel_who;    /* taker that asked for the pending cancel; 0: the RFQ's own, or nobody: its time ran out */
    uint16_t cancel_reason; /* enum reason; 0: REASON_TAKER_REQUEST */
    int64_t best_bid, best_ask; /* 0: none */
    uint64_t best_bid_quote, best_ask_quote;
    uint64_t award;             /* id of the award, 0: none */
    uint64_t award_quote, award_lp, award_order;
    int64_t awarded_quantity, filled_quantity, award_price;
    uint64_t released_ns;       /* the decision that released it */
    char request_id[ID_TEXT_SIZE]; /* the taker's QuoteReqID */
    char symbol[SYMBOL_SIZE];
    uint64_t transient;
    uint32_t first_quote, first_ended_quote; /* slots; quotes in order of rank */
    uint32_t ended_quotes;
    uint32_t timer;
    uint32_t linked; /* deliveries in the arrays below, in order of release */
    uint32_t reserved3;
    uint16_t delivery_lps[RFQ_LPS_MAX]; /* beside the slots, so that a line or two answer «which is this LP's?» */
    uint32_t delivery_slots[RFQ_LPS_MAX];
};
static_assert(LPS_MAX <= UINT16_MAX, "delivery_lps holds every id of an LP");
static_assert(SESSIONS_MAX <= UINT16_MAX, "cancel_who holds every id of a taker");

/* An RFQ's stay in a state that may last only so long, other than by the RFQ's own deadline. id: the RFQ's. */
struct rfq_stay {
    uint64_t id;
    uint64_t since_ns, timeout_ns;
    uint64_t due_ns; /* of the next level of its escalation; 0: none */
    uint8_t state, level, extensions; /* level: the last that fired */
    uint8_t reserved[5];
    char transient[];
};

struct delivery {
    uint64_t id;
    uint64_t rfq, lp;
    uint64_t released_ns, acknowledged_ns, settled_ns;
    uint64_t due_ns;       /* of the acknowledgement while sent, of the next attempt while pending; 0: no timer */
    uint64_t session_lost; /* the LP's count when it was released */
    uint64_t quote;        /* the LP's standing or last quote */
    uint32_t session;
    uint8_t gateway;
    uint8_t state, answer, attempts;
    uint16_t reason;
    uint8_t settled, acknowledged, ended, counted; /* ended: the LP was told; counted: still in lp.open_rfqs */
    uint8_t reserved[2];
    char transient[8];
    uint32_t next; /* of the same RFQ: slot */
    uint32_t timer;
};

struct quote {
    uint64_t id;
    uint64_t rfq, lp, delivery;
    uint64_t received_ns, valid_until_ns, ended_ns;
    int64_t bid, ask;           /* 0: none */
    int64_t bid_size, ask_size; /* the quantity asked where the LP gave none */
    uint16_t status, reason;
    uint16_t rank;
    uint16_t given_back; /* it was accepted, and our own controls refused the award */
    uint64_t replaced_by;
    char lp_quote_id[ID_TEXT_SIZE];
    uint64_t transient;
    uint32_t next; /* in rank, or among ended ones */
    uint32_t timer;
};

/* What a client's command came to, by the hash of its Idempotency-Key: so a repetition gets the answer that was given. The
 * newest CLIENT_KEYS_MAX of them are kept, however old. */
struct client_key {
    uint64_t id;
    uint64_t key_high, key_low, body;
    uint64_t taker, rfq, quote, value;
    uint64_t time_ns;
    uint16_t command, reason;
    uint32_t reserved;
    char text[TEXT_SIZE];
    uint64_t transient;
    uint32_t next; /* by age: slot */
    uint32_t reserved2;
};

/* Routing's entities ------------------------------------------------------------------------------------------------ */

/* Why the fate of an order at its LP is not known. */
enum order_doubt {
    DOUBT_NONE = 0,
    DOUBT_UNANSWERED = 1,        /* nothing was heard of it in time */
    DOUBT_EXECUTIONS_MISSING = 2 /* the LP says that it executed more than it has reported */
};

/* For whom an order is to be cancelled. */
enum cancel_asked { CANCEL_NOT_ASKED = 0, CANCEL_BY_TIMEOUT = 1, CANCEL_BY_TAKER = 2, CANCEL_BY_RFQ = 3 };

struct order {
    uint64_t id;
    uint64_t award, rfq, quote, lp, taker;
    uint64_t created_ns, released_ns, updated_ns, due_ns; /* due: release again, acknowledgement, or cancel; 0: no timer */
    uint64_t valid_until_ns; /* the quote's: not released after it */
    int64_t quantity, price, filled_quantity, last_price;
    /* Σ price × quantity of the fills, scaled 1e-16, exactly: 128 bits as low and high */
    uint64_t value_low;
    int64_t value_high;
    uint32_t taker_session, lp_session;
    uint8_t taker_gateway, lp_gateway;
    uint8_t side, state, by_order; /* by_order: accepted by D, not AJ */
    uint8_t cancel_asked;          /* we sent F: enum cancel_asked */
    uint8_t in_doubt; /* enum order_doubt */
    uint8_t rfq_waits; /* behind the taker's cancel, which is open: the RFQ wants the order cancelled, too */
    uint16_t reason;
    uint16_t attempts;        /* releases; 0: the LP cannot have it */
    uint32_t reports;         /* ExecutionReports given to the taker: makes their ExecID */
    uint32_t cancel_attempts; /* cancels given to the LP: makes their ClOrdID */
    uint32_t session_losses;  /* of the LP's session when it was released, or last asked how it stands */
    char cl_ord_id[ID_TEXT_SIZE];   /* the taker's */
    char cancel_id[ID_TEXT_SIZE];   /* ClOrdID of the taker's cancel, while it is open */
    char lp_quote_id[ID_TEXT_SIZE];
    char lp_order_id[ID_TEXT_SIZE]; /* the LP's OrderID (37) */
    char symbol[SYMBOL_SIZE];
    uint64_t transient;
    uint32_t timer;
    uint32_t first_fill;
    uint32_t at_lp_prev, at_lp_next; /* slots; in a list of its LP's orders */
    uint32_t at_lp;                  /* which: enum order_at_lp */
    uint32_t reserved2;
};

struct fill {
    uint64_t id;
    uint64_t order, rfq;
    int64_t quantity, price;
    uint64_t time_ns;
    char exec_id[ID_TEXT_SIZE]; /* the LP's ExecID (17) */
    char transient[8];
    uint32_t next;
    uint32_t reserved;
};

/* What routing knows of a session. id: session number + 1. */
struct routing_session {
    uint64_t id;
    uint32_t state;
    uint32_t renumbered; /* `lost` when its numbers were last set anew: what was sent before is never resent */
    uint64_t lost;
    char transient[];
};

/* The gateway's entities ---------------------------------------------------------------------------------------------- */

/* id: session number + 1. */
struct session {
    uint64_t id;
    char name[ID_TEXT_SIZE];
    char sender[ID_TEXT_SIZE], target[ID_TEXT_SIZE]; /* our CompID, the peer's */
    uint32_t role; /* enum session_role */
    uint32_t state;
    uint64_t generation; /* 1.. */
    uint64_t next_in, next_out;
    uint64_t received, sent; /* messages in all generations */
    uint64_t changed_ns;
    char transient[];
};
enum session_role { ROLE_TAKER = 1, ROLE_LP = 2 };

static_assert(sizeof(struct rfq) % 8 == 0 && sizeof(struct quote) % 8 == 0 && sizeof(struct order) % 8 == 0, "aligned");

#endif
