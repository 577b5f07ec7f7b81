/* Every type of record there is: in rings, lanes and the log. Numbers are stored on disk and never change or come
 * back. One row: name, number, version, struct (event.h), what it says.
 *
 * Version: of the type's newest layout, which is what this program writes. It grows by one with each release in which
 * the struct has more fields than before, or in which a reserved one has got a meaning. Whoever reads refuses what is
 * newer than this table says (upcast.h), rather than miss what a newer program meant.
 *
 * Names: GATEWAY_* are written by a gateway, RFQ_/DELIVERY_/QUOTE_… by distribution, ORDER_… by routing; COMMAND_* go
 * through lanes only: they are what a gateway read out of a GATEWAY_IN, and can be read out of it again; those of
 * clients can be lost with the process, since a client repeats what was not answered (Idempotency-Key).
 */
#ifndef RFQD_MODEL_RECORD_TYPE_H
#define RFQD_MODEL_RECORD_TYPE_H

#include <stdint.h>

#define RECORD_TYPE_LIST(X)                                                                                  \
    /* gateway's ring */                                                                                     \
    X(GATEWAY_SESSION_SET, 1, 1, gateway_session_set, "a FIX session is known under this number")            \
    X(GATEWAY_SESSION_STATE, 2, 1, gateway_session_state, "a session came up, is in sync, or went down")     \
    X(GATEWAY_SESSION_RESET, 3, 1, gateway_session_reset, "both numbers start at 1: a new generation")       \
    X(GATEWAY_IN, 4, 1, gateway_in, "a message was accepted: its number and its bytes")                      \
    X(GATEWAY_OUT, 5, 1, gateway_out, "a message was given a number: its bytes")                             \
    X(GATEWAY_UNSENT, 6, 1, gateway_unsent, "what was addressed to a peer did not reach it, for certain")    \
    X(GATEWAY_STARTED, 7, 1, gateway_started, "the gateway starts; after a power cut numbers jump")          \
    X(GATEWAY_SESSION_NUMBERS, 8, 1, gateway_session_numbers,                                                \
      "an operator set both numbers: a new generation")                                                      \
    X(GATEWAY_RELEASED, 9, 1, gateway_released, "an RFQ's messages to LPs were given to the network")        \
    /* distribution's ring */                                                                                \
    X(DISTRIBUTION_STARTED, 32, 1, engine_started, "distribution starts: a new epoch of ids")                \
    X(INSTRUMENT_SET, 33, 1, instrument_set, "reference data of an instrument")                              \
    X(LP_SET, 34, 1, lp_set, "an LP's configuration")                                                        \
    X(TAKER_SET, 35, 1, taker_set, "a taker's configuration")                                                \
    X(SETTINGS_SET, 36, 1, settings_set, "times and limits that decisions use")                              \
    X(DISTRIBUTION_SESSION, 37, 1, engine_session, "distribution learnt a session's state")                  \
    X(RFQ_CREATED, 38, 1, rfq_created, "an RFQ exists, as DRAFT")                                            \
    X(RFQ_TRANSITION, 39, 1, rfq_transition, "an RFQ changed its state; at an end, the taker is told")       \
    X(RFQ_SKIPPED_LP, 40, 1, rfq_skipped_lp, "an LP was not asked, and why")                                 \
    X(DELIVERY_RELEASED, 41, 1, delivery_released, "the RFQ goes to an LP: QuoteRequest")                    \
    X(DELIVERY_STATE, 42, 1, delivery_state, "a delivery was acknowledged, refused, failed, or answered")    \
    X(DELIVERY_ENDED, 43, 1, delivery_ended, "an LP is told that the RFQ is over for it: QuoteCancel or AJ") \
    X(RFQ_SHOWN, 44, 1, rfq_shown, "the status shown to takers moved on")                                    \
    X(QUOTE_ADDED, 45, 1, quote_added, "a quote stands; the taker gets it: Quote")                           \
    X(QUOTE_REFUSED, 46, 1, quote_refused, "a quote was refused; the LP is told: QuoteStatusReport")         \
    X(QUOTE_ENDED, 47, 1, quote_ended, "a quote stands no more")                                             \
    X(QUOTES_RANKED, 48, 1, quotes_ranked, "the ranking and the composite after a change")                   \
    X(QUOTE_OFFERED, 49, 1, quote_offered, "an award came back: the best valid quote is offered: Quote")     \
    X(REQUEST_REFUSED, 50, 1, request_refused, "a request made no RFQ; the taker is told: AG or AI")         \
    X(ACCEPT_REFUSED, 51, 1, accept_refused, "an acceptance was refused: AI to the taker, or to routing")    \
    X(RFQ_AWARDED, 52, 1, rfq_awarded, "the award goes to routing as an order")                              \
    X(RFQ_ORDER, 53, 3, rfq_order, "distribution learnt how the award's order stands")                       \
    X(RFQ_CANCEL_ORDER, 54, 2, rfq_cancel_order, "an awarded RFQ is to be cancelled: to routing")            \
    X(RFQ_RETIRED, 55, 1, rfq_retired, "an ended RFQ leaves memory; storage keeps it")                       \
    X(DISTRIBUTION_NOTED, 56, 1, engine_noted, "a command that changed nothing, and why")                    \
    X(DISTRIBUTION_DIGEST, 57, 1, engine_digest, "digest of distribution's state here")                      \
    X(RFQ_EXTENDED, 58, 2, rfq_extended, "an RFQ's deadline moved, and why")                                 \
    X(CLIENT_ANSWERED, 59, 1, client_answered, "what became of a client's command: its answer")              \
    X(DISTRIBUTION_DRAIN, 60, 1, distribution_drain, "an operator wants no new RFQs, or wants them again")   \
    X(RFQ_TIMED, 61, 1, rfq_timed, "how long an RFQ's state may last; a level of its escalation fired")       \
    /* routing's ring */                                                                                     \
    X(ROUTING_STARTED, 64, 1, engine_started, "routing starts: a new epoch of ids")                          \
    X(ROUTING_SESSION, 65, 1, engine_session, "routing learnt a session's state")                            \
    X(ORDER_CREATED, 66, 1, order_created, "an order exists; by D it asks distribution to accept the quote") \
    X(ORDER_RELEASED, 67, 2, order_released, "the order goes to its LP: NewOrderSingle")                     \
    X(ORDER_STATE, 68, 1, order_state, "the order's state at the LP, nothing executed")                      \
    X(ORDER_FILLED, 69, 1, order_filled, "a fill")                                                           \
    X(ORDER_REPORT, 70, 1, order_report, "the taker is told: ExecutionReport")                               \
    X(ORDER_UPDATE, 71, 2, order_update, "distribution is told how the award's order stands")                \
    X(ORDER_CANCEL_ASKED, 72, 2, order_cancel_asked, "the LP is asked to cancel: OrderCancelRequest")        \
    X(ORDER_CANCEL_REFUSED, 73, 1, order_cancel_refused, "the taker's cancel is refused: OrderCancelReject") \
    X(EXECUTION_BREAK, 74, 1, execution_break, "an execution that fits no order, or goes beyond it: alarm")  \
    X(ORDER_RETIRED, 75, 1, order_retired, "a final order leaves memory; storage keeps it")                  \
    X(ROUTING_NOTED, 76, 1, engine_noted, "a command that changed nothing, and why")                         \
    X(ROUTING_DIGEST, 77, 1, engine_digest, "digest of routing's state here")                                \
    X(ROUTING_SETTINGS_SET, 78, 1, settings_set, "times and limits that routing's decisions use")            \
    X(ORDER_STATUS_ASKED, 79, 1, order_status_asked,                                                         \
      "the LP is asked how an order stands: OrderStatusRequest")                                             \
    X(ROUTING_SESSION_RENUMBERED, 80, 1, routing_session_renumbered,                                         \
      "routing learnt that an LP's session was numbered anew")                                               \
    /* lanes only: what a gateway read */                                                                    \
    X(COMMAND_QUOTE_REQUEST, 128, 1, command_quote_request, "R")                                             \
    X(COMMAND_QUOTE_RESPONSE, 129, 1, command_quote_response, "AJ")                                          \
    X(COMMAND_REQUEST_CANCEL, 130, 1, command_request_cancel, "Z of a taker")                                \
    X(COMMAND_QUOTE, 131, 1, command_quote, "S")                                                             \
    X(COMMAND_DELIVERY_ANSWER, 132, 1, command_delivery_answer, "b, AI or AG of an LP")                      \
    X(COMMAND_QUOTE_CANCEL, 133, 1, command_quote_cancel, "Z of an LP")                                      \
    X(COMMAND_ORDER, 134, 1, command_order, "D of a taker")                                                  \
    X(COMMAND_ORDER_CANCEL, 135, 1, command_order_cancel, "F of a taker")                                    \
    X(COMMAND_EXECUTION, 136, 1, command_execution, "8 of an LP")                                            \
    X(COMMAND_CANCEL_REJECT, 137, 1, command_cancel_reject, "9 of an LP")                                    \
    X(COMMAND_PEER_REJECT, 138, 1, command_peer_reject, "j or 3 about something we sent")                    \
    /* lanes only: what a client asked by HTTP or WebSocket */                                               \
    X(COMMAND_CLIENT_RFQ, 139, 1, command_client_rfq, "a client wants an RFQ")                               \
    X(COMMAND_CLIENT_ACCEPT, 140, 1, command_client_accept, "a client accepts a quote")                      \
    X(COMMAND_CLIENT_CANCEL, 141, 1, command_client_cancel, "a client cancels an RFQ")                       \
    X(COMMAND_CLIENT_EXTEND, 142, 1, command_client_extend, "a client extends an RFQ")

enum record_type {
    RECORD_NONE = 0,
#define X(name, number, version, body, text) RECORD_##name = number,
    RECORD_TYPE_LIST(X)
#undef X
};

/* "RFQ_CREATED"; "?" for a number that is none. */
const char *record_type_name(unsigned type);
/* Bytes of the newest layout with its header (variable ones: the fixed part); 0 for a number that is none. */
unsigned record_type_size(unsigned type);
/* Of the newest layout; 0 for a number that is none. Inline: where a record is written, its type is a
 * constant, and so is this. */
static inline uint8_t record_type_version(unsigned type)
{
    switch (type) {
#define X(name, number, version, body, text) \
    case number:                             \
        return version;
        RECORD_TYPE_LIST(X)
#undef X
    default:
        return 0;
    }
}

#endif
