/* Events and commands: the body of every record. Each begins with its `struct record` header; sizes are multiples of 8;
 * every byte is defined (a record is zeroed when it is added). Fields are only appended, and the type's version grows
 * with them (record_type.h, upcast.h).
 *
 * An event says all that applying it needs, and all that sending it needs: a message to a peer is encoded from its event
 * alone. What a gateway sends carries `struct outbound`: which thing it is about (so that a loss, a reject, and the
 * timeline find it), and until when it is worth sending.
 */
#ifndef RFQD_MODEL_EVENT_H
#define RFQD_MODEL_EVENT_H

#include "dataplane/model/entity.h"
#include "dataplane/model/record_type.h"
#include "dataplane/ring/record.h"

enum ref_kind { REF_NONE = 0, REF_RFQ = 1, REF_DELIVERY = 2, REF_QUOTE = 3, REF_ORDER = 4,
                REF_CANCEL = 5 /* the cancel of an order, by the order's id */,
                REF_STATUS = 6 /* the question how an order stands, by the order's id */ };

/* What becomes of a message whose session is down. */
enum reach {
    REACH_IF_UP = 0, /* it is unsent: GATEWAY_UNSENT */
    REACH_ALWAYS = 1, /* numbered and kept until the peer asks: executions, ends, refusals */
    REACH_BOUNDED = 2 /* as that, for a bounded part of the store, and unsent beyond: quotes, their ends and refusals,
                         which an LP can cause as fast as it sends */
};

struct outbound {
    uint64_t rfq;        /* for the timeline, 0: none */
    uint64_t ref;        /* id of the thing, of kind ref_kind */
    uint64_t expires_ns; /* not sent, and not sent again, at or after this; 0: always (executions, answers) */
    uint32_t ref_kind;
    uint32_t must_reach; /* enum reach */
};

/* Gateway ----------------------------------------------------------------------------------------------------------- */

struct gateway_session_set {
    struct record head;
    struct session session; /* durable part; numbers are those of a new session where it is new */
};

/* One addressed to each engine, by the lane that it hears of such a session by: a fence between what came before and
 * after. */
struct gateway_session_state {
    struct record head;
    uint32_t state; /* enum session_status */
    uint32_t role;
};

/* This and the next: of an LP's session addressed to routing, since nothing of before can be resent any more. */
struct gateway_session_reset {
    struct record head;
    uint64_t generation; /* the new one */
};

struct gateway_session_numbers {
    struct record head;
    uint64_t generation; /* the new one */
    uint64_t next_in, next_out;
};

/* dest and lane say who decides it; AGENT_NONE: administrative or refused by the session layer. */
struct gateway_in {
    struct record head;
    uint64_t generation, seq;
    uint32_t size;     /* of bytes */
    uint32_t advance;  /* SequenceReset: next_in becomes seq_to; else seq + 1 */
    uint64_t seq_to;
    char bytes[];
};

struct gateway_out {
    struct record head;
    uint64_t generation, seq;
    struct outbound out; /* of the event it encodes; zero for administrative messages */
    uint32_t size;
    uint16_t admin; /* 1: gap-filled on resend */
    uint16_t kind;  /* MsgType, packed (fix/msg.h) */
    uint64_t resend_of; /* 0; else this is no new number: the message was sent again */
    char bytes[];
};

/* Addressed to the engine whose event it was. */
struct gateway_unsent {
    struct record head;
    struct outbound out;
    uint32_t reason; /* enum reason: SESSION_DOWN, STALE, LIMIT, LOST, ENCODE, UNKNOWN_SESSION */
    uint32_t reserved;
};

/* QuoteRequests of one RFQ that left in one flush: each LP was sent to between these two times. Those that waited
 * (a session that was down, a durable mark) have a record of their own. */
struct gateway_released {
    struct record head;
    uint64_t rfq;
    uint64_t first_ns, last_ns; /* UTC: before the first was given to the kernel, and when it had the last */
    uint32_t count;
    uint32_t reserved;
};

struct gateway_started {
    struct record head;
    uint64_t reserved_out; /* 0; after a power cut: added to every session's next_out */
};

/* Both engines ------------------------------------------------------------------------------------------------------- */

struct engine_started {
    struct record head;
    uint64_t epoch; /* ids made from here carry it */
};

struct engine_session {
    struct record head;
    uint32_t state, role;
};

struct engine_noted {
    struct record head;
    uint64_t rfq, ref;
    uint32_t reason;
    uint32_t command; /* record type of the command */
    char text[TEXT_SIZE];
};

struct engine_digest {
    struct record head;
    uint64_t digest; /* of the state before this record */
    uint64_t batches;
};

/* Times and limits that decisions use; configuration, as a command's event. */
struct settings {
    uint64_t ack_timeout_ns;         /* 5 s */
    uint64_t retry_first_ns;         /* 100 ms, doubled per attempt */
    uint64_t deadline_default_ns;    /* 30 s */
    uint64_t deadline_min_ns;        /* 1 s, of an extension: a request's own deadline only has to lie ahead */
    uint64_t deadline_max_ns;        /* 1 h */
    uint64_t backup_deadline_ns;     /* after a default: 10 s */
    uint64_t retire_after_ns;        /* an ended RFQ or order stays in memory: 60 s */
    uint64_t order_ack_timeout_ns;   /* 2 s */
    uint64_t order_cancel_retry_ns;  /* 5 s between cancels of an order in doubt */
    uint32_t delivery_attempts_max;  /* 3 */
    uint32_t rfqs_max, quotes_max, deliveries_max, orders_max, fills_max; /* capacities, as started */
};

struct settings_set {
    struct record head;
    struct settings settings;
};

/* Distribution -------------------------------------------------------------------------------------------------------- */

struct instrument_set {
    struct record head;
    struct instrument instrument;
};
struct lp_set {
    struct record head;
    struct lp lp; /* configuration part; statistics and session state are kept where the LP is known */
};
struct taker_set {
    struct record head;
    struct taker taker;
};

/* Holds until the next start. */
struct distribution_drain {
    struct record head;
    uint32_t draining; /* 0, 1 */
    uint32_t reserved;
};

struct rfq_created {
    struct record head;
    uint64_t rfq, taker, instrument;
    uint64_t deadline_ns;
    int64_t quantity;
    uint32_t tenant, settl_date;
    uint8_t gateway, profile, side, all_or_none;
    uint32_t reserved;
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

/* Addressed to the taker when it ends the RFQ without a fill: REJECTED → AG, CANCELLED and EXPIRED → AI. */
struct rfq_transition {
    struct record head;
    struct outbound out;
    uint64_t rfq;
    uint64_t who_id;
    uint64_t deadline_ns; /* the new one, where the transition sets one; 0: unchanged */
    uint8_t from, to, move, who;
    uint16_t reason;
    uint8_t side;
    uint8_t shown; /* enum rfq_shown_status from here on; 0: unchanged. It never goes back. */
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

struct rfq_skipped_lp {
    struct record head;
    uint64_t rfq, lp;
    uint32_t reason, reserved;
};

struct delivery_released {
    struct record head;
    struct outbound out;
    uint64_t rfq, delivery, lp;
    uint64_t deadline_ns, due_ns;
    int64_t quantity;
    uint32_t settl_date;
    uint8_t side, attempt, ack_required, reserved;
    char symbol[SYMBOL_SIZE];
};

struct delivery_state {
    struct record head;
    uint64_t rfq, delivery, lp;
    uint64_t due_ns;  /* of the next attempt where it goes back to pending */
    uint8_t state, answer; /* the new ones */
    uint16_t reason;
    uint32_t reserved;
    char text[TEXT_SIZE];
};

struct delivery_ended {
    struct record head;
    struct outbound out;
    uint64_t rfq, delivery, lp, quote;
    uint8_t by_aj; /* QuoteResponse 694=5 (done away) instead of QuoteCancel */
    uint8_t side;
    uint16_t reason;
    uint32_t reserved;
    char lp_quote_id[ID_TEXT_SIZE]; /* empty: it had no quote */
    char symbol[SYMBOL_SIZE];
};

struct rfq_shown {
    struct record head;
    uint64_t rfq;
    uint32_t shown;
    uint32_t lp_count; /* with all deliveries settled: acknowledged ones; else 0 */
    uint32_t all_settled;
    uint32_t reserved;
};

struct quote_added {
    struct record head;
    struct outbound out; /* to the taker */
    uint64_t quote, rfq, lp, delivery, replaces;
    uint64_t valid_until_ns;
    int64_t bid, ask, bid_size, ask_size;
    uint8_t side; /* the request's */
    uint8_t reserved[7];
    char lp_quote_id[ID_TEXT_SIZE];
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char lp_code[CODE_SIZE];
};

/* To the LP. */
struct quote_refused {
    struct record head;
    struct outbound out;
    uint64_t rfq, lp;
    uint32_t reason, reserved;
    char lp_quote_id[ID_TEXT_SIZE];
    char request_id[ID_TEXT_SIZE]; /* 131 as the LP gave it */
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

/* Addressed to the taker when withdrawn. */
struct quote_ended {
    struct record head;
    struct outbound out;
    uint64_t quote, rfq, lp;
    uint16_t status, reason; /* enum quote_status, enum reason */
    uint32_t reserved;
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

struct ranked_quote {
    uint64_t quote;
    uint32_t rank;
    uint32_t best; /* bit 0: best bid, bit 1: best ask */
};
struct quotes_ranked {
    struct record head;
    uint64_t rfq;
    int64_t best_bid, best_ask; /* 0: none */
    int64_t spread;             /* ask − bid where both stand, else 0 */
    uint32_t count, reserved;
    struct ranked_quote rankings[]; /* count, by rank */
};

/* The quote as QUOTE_ADDED had it, offered again. */
struct quote_offered {
    struct record head;
    struct outbound out;
    uint64_t quote, rfq, lp;
    uint64_t valid_until_ns;
    int64_t bid, ask, bid_size, ask_size;
    uint8_t side;
    uint8_t reserved[7];
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char lp_code[CODE_SIZE];
};

struct request_refused {
    struct record head;
    struct outbound out;
    uint64_t rfq; /* the RFQ a PossResend or a duplicate is about, 0: none */
    uint32_t reason;
    uint16_t command; /* record type: of a QuoteRequest → AG; of a cancel → AI */
    uint8_t shown;    /* PossResend: AI with the RFQ's status */
    uint8_t side;
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

struct accept_refused {
    struct record head;
    struct outbound out;
    uint64_t rfq, quote;
    uint64_t order; /* asked by routing for this order; 0: by AJ, and the taker is told */
    uint32_t reason;
    uint32_t expired; /* AI with 297=7, else 5 */
    char response_id[ID_TEXT_SIZE]; /* QuoteRespID 693 */
    char quote_id[ID_TEXT_SIZE];    /* 117 as the taker gave it */
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

/* To routing. */
struct rfq_awarded {
    struct record head;
    uint64_t rfq, award, quote, lp, taker;
    uint64_t order; /* made by routing before (D); 0: routing makes it */
    uint64_t valid_until_ns;
    int64_t quantity, price;
    uint32_t taker_session, lp_session;
    uint8_t taker_gateway, lp_gateway, side, reserved[5];
    char cl_ord_id[ID_TEXT_SIZE]; /* of an AJ, may be empty */
    char lp_quote_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

struct rfq_order {
    struct record head;
    uint64_t rfq, award, order;
    int64_t filled_quantity;
    uint32_t state; /* enum order_status */
    uint16_t in_doubt;
    uint16_t final;
    uint32_t reason;
    uint32_t gives_back; /* our own controls refused the award: its quote is as though it had not been taken */
    uint32_t cancel_refused; /* the LP did not take the RFQ's cancel: none is pending any more */
    uint32_t reserved;
};

struct rfq_cancel_order {
    struct record head;
    uint64_t rfq, award, order;
    uint64_t who_id; /* the taker that asked; this and the next: 0 where an earlier release wrote it */
    uint32_t reason; /* enum reason: that of the RFQ's end, should nothing be filled */
    uint32_t reserved;
};

struct rfq_retired {
    struct record head;
    uint64_t rfq;
};

struct rfq_extended {
    struct record head;
    uint64_t rfq, who_id;
    uint64_t deadline_ns; /* the new one */
    uint64_t length_ns;   /* of the RFQ as it was asked for: what each extension is measured by */
    uint8_t who, number; /* number: of this extension, 1.. */
    uint8_t state;       /* the one that lasts longer, with an RFQ_TIMED; 0: bidding, by the RFQ's own deadline */
    uint8_t reserved[5];
    char text[TEXT_SIZE]; /* the reason given */
};

/* A state that may last only so long was entered (level 0), its time was extended, or a level of its escalation fired:
 * the highest is the end of it, with the move that the workflow has there. */
struct rfq_timed {
    struct record head;
    uint64_t rfq;
    uint64_t since_ns, timeout_ns;
    uint64_t due_ns; /* of the next level; 0: none */
    uint8_t state, level, extensions;
    uint8_t move;  /* enum rfq_move; MOVE_CREATE: none */
    uint8_t fired; /* this level, now */
    uint8_t reserved[3];
    char role[16]; /* who is to know; empty: nobody */
};

/* The answer to a client's command, for whoever waits for it (ticket), and for its repetitions (key). */
struct client_answered {
    struct record head;
    uint64_t ticket;
    uint64_t id;               /* of the key that is remembered from here on; 0: none */
    uint64_t forgets;          /* id of the oldest key, where its place is needed; 0: none */
    uint64_t taker;
    uint64_t key_high, key_low, body;
    uint64_t rfq, quote;       /* what it is about; 0: none */
    uint64_t value;            /* an extension's deadline; else 0 */
    uint16_t command;          /* record type */
    uint16_t reason;           /* REASON_NONE: done */
    uint8_t repeated;          /* 1: the key is known, this is the answer that was given before */
    uint8_t reserved[3];
    char text[TEXT_SIZE];
};

/* Routing --------------------------------------------------------------------------------------------------------------- */

/* By D: dest is distribution, which accepts or refuses. By an award: a fact. */
struct order_created {
    struct record head;
    uint64_t order, award, rfq, quote, lp, taker;
    uint64_t valid_until_ns;
    int64_t quantity, price;
    uint32_t taker_session, lp_session;
    uint8_t taker_gateway, lp_gateway, side, by_order;
    uint32_t state; /* ORDER_AWAITING or ORDER_PENDING */
    char cl_ord_id[ID_TEXT_SIZE];
    char quote_id[ID_TEXT_SIZE]; /* 117 as the taker gave it */
    char lp_quote_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

struct order_released {
    struct record head;
    struct outbound out; /* to the LP */
    uint64_t order, rfq, award, quote, lp;
    uint64_t due_ns, valid_until_ns;
    int64_t quantity, price;
    uint8_t side, attempt, reserved[6];
    char lp_quote_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    uint32_t lp_session, session_losses; /* how often that session had gone down */
    uint8_t lp_gateway, reserved3[7];
};

struct order_state {
    struct record head;
    uint64_t order, rfq;
    uint64_t due_ns;
    uint16_t state, reason; /* these, due_ns and the next two: what they are from now on */
    uint8_t in_doubt, cancel_asked, reserved[2];
    char lp_order_id[ID_TEXT_SIZE]; /* empty: unchanged */
    char text[TEXT_SIZE];
    /* where the order was awaiting: what the award said (quote, lp … of RFQ_AWARDED) */
    uint64_t award, quote, lp, taker; /* award 0: nothing of these changes */
    uint64_t valid_until_ns;
    int64_t quantity, price;
    uint32_t lp_session;
    uint8_t lp_gateway, reserved2[3];
    char lp_quote_id[ID_TEXT_SIZE];
};

struct order_filled {
    struct record head;
    uint64_t order, rfq, fill, lp;
    int64_t quantity, price;               /* of this fill */
    int64_t filled_quantity;               /* with it */
    uint64_t value_low;                    /* Σ price × quantity with it */
    int64_t value_high;
    uint32_t state, reserved;
    char exec_id[ID_TEXT_SIZE];
    char lp_order_id[ID_TEXT_SIZE];
};

/* ExecutionReport to the taker. A refused D makes no order, but uses up an order's id, so that its ExecID is its own. */
struct order_report {
    struct record head;
    struct outbound out;
    uint64_t order, rfq, quote;
    uint32_t report; /* ExecID is O<order>-<report> */
    char exec_type;  /* 150: 0 new, F trade, 4 cancelled, 8 rejected, I status */
    char ord_status; /* 39 */
    char side;
    char possible;   /* reserved, 0 */
    int64_t quantity, price, last_quantity, last_price, filled_quantity, leaves_quantity, average_price;
    uint32_t reject_reason; /* 103, where 150=8 */
    uint32_t reason;
    char cl_ord_id[ID_TEXT_SIZE];
    char orig_cl_ord_id[ID_TEXT_SIZE]; /* 41, where a cancel led to it */
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

/* To distribution. */
struct order_update {
    struct record head;
    uint64_t rfq, award, order;
    int64_t filled_quantity;
    uint16_t state, reason;
    uint8_t in_doubt, final, cancelled_for; /* cancelled_for: order.cancel_asked */
    uint8_t cancel_refused; /* the cancel that the RFQ asked: the LP did not take it, and it is asked no more */
};

/* OrderCancelRequest to the LP. Attempt 0: addressed to nobody; the wish is remembered: the taker's until the award is
 * known, the RFQ's behind the taker's that is open. */
struct order_cancel_asked {
    struct record head;
    struct outbound out;
    uint64_t order, rfq;
    uint64_t due_ns;
    int64_t quantity;
    uint8_t side, asked_for;
    uint8_t rfq_waits; /* the RFQ's cancel, too, is wanted: asked should this one, which is the taker's, be refused */
    uint8_t reserved;
    uint32_t attempt; /* ClOrdID is O<order>-C<attempt>, 41 is O<order> */
    char lp_order_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char cancel_id[ID_TEXT_SIZE]; /* the taker's ClOrdID of its cancel, empty if none */
};

/* An LP's session was numbered anew. */
struct routing_session_renumbered {
    struct record head;
    uint64_t generation; /* the gateway's */
};

/* OrderStatusRequest to the LP. Addressed to nobody: the one before was not sent, it is to be asked again. */
struct order_status_asked {
    struct record head;
    struct outbound out;
    uint64_t order, rfq;
    uint64_t due_ns;
    uint32_t session_losses; /* as in ORDER_RELEASED: after the next loss it is asked again */
    uint8_t side, reserved[3];
    char lp_order_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

/* OrderCancelReject to the taker. */
struct order_cancel_refused {
    struct record head;
    struct outbound out;
    uint64_t order, rfq; /* 0: unknown order */
    uint32_t cancel_reason; /* 102: 0 too late, 1 unknown order, 3 already pending, 6 duplicate ClOrdID */
    uint32_t reason;
    char ord_status, reserved[7];
    char cl_ord_id[ID_TEXT_SIZE], orig_cl_ord_id[ID_TEXT_SIZE];
    char text[TEXT_SIZE];
};

struct execution_break {
    struct record head;
    uint64_t order, rfq; /* 0: unknown */
    int64_t quantity, price;
    uint32_t reason, reserved;
    char exec_type, ord_status, reserved2[6];
    char cl_ord_id[ID_TEXT_SIZE], exec_id[ID_TEXT_SIZE], lp_order_id[ID_TEXT_SIZE];
};

struct order_retired {
    struct record head;
    uint64_t order;
};

/* Commands: lanes only, read by a gateway out of a GATEWAY_IN ------------------------------------------------------------- */

struct command_quote_request {
    struct record head;
    char request_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    int64_t quantity;
    uint64_t deadline_ns; /* ExpireTime (126) or ValidUntilTime (62); 0: the default */
    uint32_t settl_date;
    uint16_t legs;        /* NoRelatedSym */
    uint8_t side;
    uint8_t poss_resend;
};

struct command_quote_response {
    struct record head;
    char response_id[ID_TEXT_SIZE]; /* 693 */
    char quote_id[ID_TEXT_SIZE];    /* 117 */
    char cl_ord_id[ID_TEXT_SIZE];   /* 11 */
    char symbol[SYMBOL_SIZE];
    int64_t quantity; /* 0: not given: the quantity asked, or the quote's where smaller */
    int64_t price;    /* 0: not given */
    uint32_t response_type; /* 694 */
    uint8_t side;           /* 0: not given: the request's */
    uint8_t poss_resend, reserved[2];
};

struct command_request_cancel {
    struct record head;
    char request_id[ID_TEXT_SIZE]; /* 131, else 117 */
};

struct command_quote {
    struct record head;
    uint64_t rfq; /* from 131; 0: not one of ours */
    char request_id[ID_TEXT_SIZE];
    char lp_quote_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    int64_t bid, ask, bid_size, ask_size;
    uint64_t valid_until_ns; /* 0: not given: the RFQ's deadline */
    uint8_t has_bid, has_ask, has_bid_size, has_ask_size;
    uint32_t poss_resend;
};

enum delivery_answer_kind { ANSWER_KIND_ACK = 1, ANSWER_KIND_REJECT = 2, ANSWER_KIND_DECLINE = 3 };

struct command_delivery_answer {
    struct record head;
    uint64_t rfq;
    char request_id[ID_TEXT_SIZE];
    uint32_t kind; /* enum delivery_answer_kind: ack; refused (AG, b or AI with 297=5); passed (AI with 297=11) */
    uint32_t code; /* the peer's reason: 658, 297 */
    char text[TEXT_SIZE];
};

struct command_quote_cancel {
    struct record head;
    uint64_t rfq; /* from 131; 0: not given */
    char request_id[ID_TEXT_SIZE];
    char lp_quote_id[ID_TEXT_SIZE]; /* empty: whatever stands on the RFQ */
};

struct command_order {
    struct record head;
    char cl_ord_id[ID_TEXT_SIZE];
    char quote_id[ID_TEXT_SIZE]; /* empty: not an acceptance */
    char symbol[SYMBOL_SIZE];
    int64_t quantity, price; /* price 0: not given */
    char side, ord_type, time_in_force; /* 54, 40, 59 (0 if absent) */
    uint8_t poss_resend;
    uint32_t reserved;
};

struct command_order_cancel {
    struct record head;
    char cl_ord_id[ID_TEXT_SIZE], orig_cl_ord_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
};

struct command_execution {
    struct record head;
    uint64_t order; /* from 11 (or 41 where 11 is our cancel's); 0: not one of ours */
    char cl_ord_id[ID_TEXT_SIZE];
    char exec_id[ID_TEXT_SIZE], lp_order_id[ID_TEXT_SIZE];
    int64_t last_quantity, last_price;
    int64_t filled_quantity, leaves_quantity; /* as the LP states them */
    char exec_type, ord_status;
    uint8_t poss_resend, has_last;
    uint32_t reject_reason;
    char symbol[SYMBOL_SIZE];
    char text[TEXT_SIZE];
};

struct command_cancel_reject {
    struct record head;
    uint64_t order;
    char cl_ord_id[ID_TEXT_SIZE];
    uint32_t cancel_reason; /* 102 */
    char ord_status, reserved[3];
    char text[TEXT_SIZE];
};

struct command_peer_reject {
    struct record head;
    uint64_t ref;
    uint32_t ref_kind;
    uint16_t reason;   /* 373 or 380 */
    uint16_t business; /* 1: j, else 3 */
    char text[TEXT_SIZE];
};

/* Commands of clients: the control core puts them into a lane, and they are in no ring. An item of that lane has no agent
 * (AGENT_NONE): nobody is answered by a lane. Who may do what with which RFQ was checked against the replica before; the
 * engine holds to the tenant. */
struct client_head {
    uint64_t ticket;            /* comes back in CLIENT_ANSWERED; of one run of the process */
    uint64_t taker;             /* as whom it acts */
    uint64_t key_high, key_low; /* hash of who, what and the Idempotency-Key; both 0: none was given */
    uint64_t body;              /* hash of all that was asked */
    uint32_t tenant, reserved;
};

struct command_client_rfq {
    struct record head;
    struct client_head client;
    char reference[ID_TEXT_SIZE]; /* the client's own, may be empty */
    char symbol[SYMBOL_SIZE];
    int64_t quantity;
    uint64_t deadline_ns; /* 0: the default */
    uint32_t settl_date;
    uint16_t legs;
    uint8_t side, all_or_none;
};

struct command_client_accept {
    struct record head;
    struct client_head client;
    uint64_t rfq, quote;
    int64_t quantity, price; /* 0: not given */
    uint8_t side, reserved[7]; /* 0: not given: the request's */
};

struct command_client_cancel {
    struct record head;
    struct client_head client;
    uint64_t rfq;
    uint32_t reason, reserved; /* one of spec/10's list */
};

struct command_client_extend {
    struct record head;
    struct client_head client;
    uint64_t rfq;
    uint64_t deadline_ns; /* until then; 0: see extend_ns */
    uint64_t extend_ns;   /* by so much beyond what its present state has; 0, and no deadline: by as much as is allowed */
    char text[TEXT_SIZE]; /* the reason, required */
};

/* No command or event struct has padding: asserted in event.c by size, so that every byte is defined. */

#endif
