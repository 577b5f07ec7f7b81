/* What the body of each record is made of, byte by byte behind its header. A test holds that no byte is left
 * out (model_describe_test). */
#include "dataplane/model/describe_rows.h"
#include "dataplane/model/event.h"

/* clang-format off: one row a line */
FIELDS(outbound) = {
    RFQ(outbound, rfq),         REF(outbound, ref),         TIME(outbound, expires_ns),
    NUMBER(outbound, ref_kind), FLAG(outbound, must_reach),
};
static const struct layout layout_outbound = LAYOUT(outbound, sizeof(struct outbound));
FIELDS(gateway_session_set) = {
    NESTED(gateway_session_set, session, session),
};
FIELDS(gateway_session_state) = {
    ENUM(gateway_session_state, state, session_status_name),
    NUMBER(gateway_session_state, role),
};
FIELDS(gateway_session_reset) = {
    NUMBER(gateway_session_reset, generation),
};
FIELDS(gateway_session_numbers) = {
    NUMBER(gateway_session_numbers, generation),
    NUMBER(gateway_session_numbers, next_in),
    NUMBER(gateway_session_numbers, next_out),
};
FIELDS(gateway_in) = {
    NUMBER(gateway_in, generation), NUMBER(gateway_in, seq),    NUMBER(gateway_in, size),
    NUMBER(gateway_in, advance),    NUMBER(gateway_in, seq_to), BYTES(gateway_in, bytes),
};
FIELDS(gateway_out) = {
    NUMBER(gateway_out, generation), NUMBER(gateway_out, seq),  NESTED(gateway_out, out, outbound),
    NUMBER(gateway_out, size),       FLAG(gateway_out, admin),  MSG_TYPE(gateway_out, kind),
    NUMBER(gateway_out, resend_of),  BYTES(gateway_out, bytes),
};
FIELDS(gateway_unsent) = {
    NESTED(gateway_unsent, out, outbound),
    ENUM(gateway_unsent, reason, reason_name),
    RESERVED(gateway_unsent, reserved),
};
FIELDS(gateway_released) = {
    RFQ(gateway_released, rfq),        TIME(gateway_released, first_ns),
    TIME(gateway_released, last_ns),   NUMBER(gateway_released, count),
    RESERVED(gateway_released, reserved),
};
FIELDS(gateway_started) = {
    NUMBER(gateway_started, reserved_out),
};
FIELDS(engine_started) = {
    NUMBER(engine_started, epoch),
};
FIELDS(instrument_set) = {
    NESTED(instrument_set, instrument, instrument),
};
FIELDS(lp_set) = {
    NESTED(lp_set, lp, lp),
};
FIELDS(taker_set) = {
    NESTED(taker_set, taker, taker),
};
FIELDS(settings_set) = {
    NESTED(settings_set, settings, settings),
};
FIELDS(distribution_drain) = {
    FLAG(distribution_drain, draining),
    RESERVED(distribution_drain, reserved),
};
FIELDS(engine_session) = {
    ENUM(engine_session, state, session_status_name),
    NUMBER(engine_session, role),
};
FIELDS(routing_session_renumbered) = {
    NUMBER(routing_session_renumbered, generation),
};
FIELDS(rfq_created) = {
    RFQ(rfq_created, rfq),
    NUMBER(rfq_created, taker),
    NUMBER(rfq_created, instrument),
    TIME(rfq_created, deadline_ns),
    DECIMAL(rfq_created, quantity),
    NUMBER(rfq_created, tenant),
    NUMBER(rfq_created, settl_date),
    AGENT(rfq_created, gateway),
    ENUM(rfq_created, profile, rfq_profile_name),
    SIDE(rfq_created, side),
    FLAG(rfq_created, all_or_none),
    RESERVED(rfq_created, reserved),
    TEXT(rfq_created, request_id),
    TEXT(rfq_created, symbol),
};
FIELDS(rfq_transition) = {
    NESTED(rfq_transition, out, outbound),
    RFQ(rfq_transition, rfq),
    NUMBER(rfq_transition, who_id),
    TIME(rfq_transition, deadline_ns),
    ENUM(rfq_transition, from, rfq_state_name),
    ENUM(rfq_transition, to, rfq_state_name),
    ENUM(rfq_transition, move, rfq_move_name),
    ENUM(rfq_transition, who, who_name),
    ENUM(rfq_transition, reason, reason_name),
    SIDE(rfq_transition, side),
    ENUM(rfq_transition, shown, rfq_shown_name),
    TEXT(rfq_transition, request_id),
    TEXT(rfq_transition, symbol),
    TEXT(rfq_transition, text),
};
FIELDS(rfq_skipped_lp) = {
    RFQ(rfq_skipped_lp, rfq),
    NUMBER(rfq_skipped_lp, lp),
    ENUM(rfq_skipped_lp, reason, reason_name),
    RESERVED(rfq_skipped_lp, reserved),
};
FIELDS(delivery_released) = {
    NESTED(delivery_released, out, outbound),
    RFQ(delivery_released, rfq),
    NUMBER(delivery_released, delivery),
    NUMBER(delivery_released, lp),
    TIME(delivery_released, deadline_ns),
    TIME(delivery_released, due_ns),
    DECIMAL(delivery_released, quantity),
    NUMBER(delivery_released, settl_date),
    SIDE(delivery_released, side),
    NUMBER(delivery_released, attempt),
    FLAG(delivery_released, ack_required),
    RESERVED(delivery_released, reserved),
    TEXT(delivery_released, symbol),
};
FIELDS(delivery_state) = {
    RFQ(delivery_state, rfq),
    NUMBER(delivery_state, delivery),
    NUMBER(delivery_state, lp),
    TIME(delivery_state, due_ns),
    ENUM(delivery_state, state, delivery_status_name),
    ENUM(delivery_state, answer, delivery_answer_name),
    ENUM(delivery_state, reason, reason_name),
    RESERVED(delivery_state, reserved),
    TEXT(delivery_state, text),
};
FIELDS(delivery_ended) = {
    NESTED(delivery_ended, out, outbound),
    RFQ(delivery_ended, rfq),
    NUMBER(delivery_ended, delivery),
    NUMBER(delivery_ended, lp),
    QUOTE(delivery_ended, quote),
    FLAG(delivery_ended, by_aj),
    SIDE(delivery_ended, side),
    ENUM(delivery_ended, reason, reason_name),
    RESERVED(delivery_ended, reserved),
    TEXT(delivery_ended, lp_quote_id),
    TEXT(delivery_ended, symbol),
};
FIELDS(rfq_shown) = {
    RFQ(rfq_shown, rfq),          ENUM(rfq_shown, shown, rfq_shown_name), NUMBER(rfq_shown, lp_count),
    FLAG(rfq_shown, all_settled), RESERVED(rfq_shown, reserved),
};
FIELDS(quote_added) = {
    NESTED(quote_added, out, outbound),
    QUOTE(quote_added, quote),
    RFQ(quote_added, rfq),
    NUMBER(quote_added, lp),
    NUMBER(quote_added, delivery),
    QUOTE(quote_added, replaces),
    TIME(quote_added, valid_until_ns),
    DECIMAL(quote_added, bid),
    DECIMAL(quote_added, ask),
    DECIMAL(quote_added, bid_size),
    DECIMAL(quote_added, ask_size),
    SIDE(quote_added, side),
    RESERVED(quote_added, reserved),
    TEXT(quote_added, lp_quote_id),
    TEXT(quote_added, request_id),
    TEXT(quote_added, symbol),
    TEXT(quote_added, lp_code),
};
FIELDS(quote_refused) = {
    NESTED(quote_refused, out, outbound),
    RFQ(quote_refused, rfq),
    NUMBER(quote_refused, lp),
    ENUM(quote_refused, reason, reason_name),
    RESERVED(quote_refused, reserved),
    TEXT(quote_refused, lp_quote_id),
    TEXT(quote_refused, request_id),
    TEXT(quote_refused, symbol),
    TEXT(quote_refused, text),
};
FIELDS(quote_ended) = {
    NESTED(quote_ended, out, outbound),
    QUOTE(quote_ended, quote),
    RFQ(quote_ended, rfq),
    NUMBER(quote_ended, lp),
    ENUM(quote_ended, status, quote_status_name),
    ENUM(quote_ended, reason, reason_name),
    RESERVED(quote_ended, reserved),
    TEXT(quote_ended, request_id),
    TEXT(quote_ended, symbol),
};
FIELDS(ranked_quote) = {
    QUOTE(ranked_quote, quote),
    NUMBER(ranked_quote, rank),
    NUMBER(ranked_quote, best),
};
static const struct layout layout_ranked_quote = LAYOUT(ranked_quote, sizeof(struct ranked_quote));
FIELDS(quotes_ranked) = {
    RFQ(quotes_ranked, rfq),           DECIMAL(quotes_ranked, best_bid), DECIMAL(quotes_ranked, best_ask),
    DECIMAL(quotes_ranked, spread),    NUMBER(quotes_ranked, count),     RESERVED(quotes_ranked, reserved),
    RANKINGS(quotes_ranked, rankings),
};
FIELDS(quote_offered) = {
    NESTED(quote_offered, out, outbound),
    QUOTE(quote_offered, quote),
    RFQ(quote_offered, rfq),
    NUMBER(quote_offered, lp),
    TIME(quote_offered, valid_until_ns),
    DECIMAL(quote_offered, bid),
    DECIMAL(quote_offered, ask),
    DECIMAL(quote_offered, bid_size),
    DECIMAL(quote_offered, ask_size),
    SIDE(quote_offered, side),
    RESERVED(quote_offered, reserved),
    TEXT(quote_offered, request_id),
    TEXT(quote_offered, symbol),
    TEXT(quote_offered, lp_code),
};
FIELDS(request_refused) = {
    NESTED(request_refused, out, outbound),
    RFQ(request_refused, rfq),
    ENUM(request_refused, reason, reason_name),
    TYPE(request_refused, command),
    ENUM(request_refused, shown, rfq_shown_name),
    SIDE(request_refused, side),
    TEXT(request_refused, request_id),
    TEXT(request_refused, symbol),
    TEXT(request_refused, text),
};
FIELDS(accept_refused) = {
    NESTED(accept_refused, out, outbound),
    RFQ(accept_refused, rfq),
    QUOTE(accept_refused, quote),
    ORDER(accept_refused, order),
    ENUM(accept_refused, reason, reason_name),
    FLAG(accept_refused, expired),
    TEXT(accept_refused, response_id),
    TEXT(accept_refused, quote_id),
    TEXT(accept_refused, symbol),
    TEXT(accept_refused, text),
};
FIELDS(rfq_awarded) = {
    RFQ(rfq_awarded, rfq),
    NUMBER(rfq_awarded, award),
    QUOTE(rfq_awarded, quote),
    NUMBER(rfq_awarded, lp),
    NUMBER(rfq_awarded, taker),
    ORDER(rfq_awarded, order),
    TIME(rfq_awarded, valid_until_ns),
    DECIMAL(rfq_awarded, quantity),
    DECIMAL(rfq_awarded, price),
    SESSION(rfq_awarded, taker_session),
    SESSION(rfq_awarded, lp_session),
    AGENT(rfq_awarded, taker_gateway),
    AGENT(rfq_awarded, lp_gateway),
    SIDE(rfq_awarded, side),
    RESERVED(rfq_awarded, reserved),
    TEXT(rfq_awarded, cl_ord_id),
    TEXT(rfq_awarded, lp_quote_id),
    TEXT(rfq_awarded, symbol),
};
FIELDS(rfq_order) = {
    RFQ(rfq_order, rfq),
    NUMBER(rfq_order, award),
    ORDER(rfq_order, order),
    DECIMAL(rfq_order, filled_quantity),
    ENUM(rfq_order, state, order_status_name),
    FLAG(rfq_order, in_doubt),
    FLAG(rfq_order, final),
    ENUM(rfq_order, reason, reason_name),
    FLAG(rfq_order, gives_back),
    FLAG(rfq_order, cancel_refused),
    RESERVED(rfq_order, reserved),
};
FIELDS(rfq_cancel_order) = {
    RFQ(rfq_cancel_order, rfq),
    NUMBER(rfq_cancel_order, award),
    ORDER(rfq_cancel_order, order),
    NUMBER(rfq_cancel_order, who_id),
    ENUM(rfq_cancel_order, reason, reason_name),
    RESERVED(rfq_cancel_order, reserved),
};
FIELDS(rfq_retired) = {
    RFQ(rfq_retired, rfq),
};
FIELDS(rfq_extended) = {
    RFQ(rfq_extended, rfq),
    NUMBER(rfq_extended, who_id),
    TIME(rfq_extended, deadline_ns),
    DURATION(rfq_extended, length_ns),
    ENUM(rfq_extended, who, who_name),
    NUMBER(rfq_extended, number),
    ENUM(rfq_extended, state, rfq_state_name),
    RESERVED(rfq_extended, reserved),
    TEXT(rfq_extended, text),
};
FIELDS(rfq_timed) = {
    RFQ(rfq_timed, rfq),
    TIME(rfq_timed, since_ns),
    TIME(rfq_timed, timeout_ns),
    TIME(rfq_timed, due_ns),
    ENUM(rfq_timed, state, rfq_state_name),
    NUMBER(rfq_timed, level),
    NUMBER(rfq_timed, extensions),
    ENUM(rfq_timed, move, rfq_move_name),
    FLAG(rfq_timed, fired),
    RESERVED(rfq_timed, reserved),
    TEXT(rfq_timed, role),
};
FIELDS(client_answered) = {
    HEX(client_answered, ticket),
    NUMBER(client_answered, id),
    NUMBER(client_answered, forgets),
    NUMBER(client_answered, taker),
    HEX(client_answered, key_high),
    HEX(client_answered, key_low),
    HEX(client_answered, body),
    RFQ(client_answered, rfq),
    QUOTE(client_answered, quote),
    NUMBER(client_answered, value),
    TYPE(client_answered, command),
    ENUM(client_answered, reason, reason_name),
    FLAG(client_answered, repeated),
    RESERVED(client_answered, reserved),
    TEXT(client_answered, text),
};
FIELDS(client_head) = {
    HEX(client_head, ticket),  NUMBER(client_head, taker),  HEX(client_head, key_high),      HEX(client_head, key_low),
    HEX(client_head, body),    NUMBER(client_head, tenant), RESERVED(client_head, reserved),
};
static const struct layout layout_client_head = LAYOUT(client_head, sizeof(struct client_head));
FIELDS(command_client_rfq) = {
    NESTED(command_client_rfq, client, client_head),
    TEXT(command_client_rfq, reference),
    TEXT(command_client_rfq, symbol),
    DECIMAL(command_client_rfq, quantity),
    TIME(command_client_rfq, deadline_ns),
    NUMBER(command_client_rfq, settl_date),
    NUMBER(command_client_rfq, legs),
    SIDE(command_client_rfq, side),
    FLAG(command_client_rfq, all_or_none),
};
FIELDS(command_client_accept) = {
    NESTED(command_client_accept, client, client_head), RFQ(command_client_accept, rfq),
    QUOTE(command_client_accept, quote),           DECIMAL(command_client_accept, quantity),
    DECIMAL(command_client_accept, price),         SIDE(command_client_accept, side),
    RESERVED(command_client_accept, reserved),
};
FIELDS(command_client_cancel) = {
    NESTED(command_client_cancel, client, client_head),
    RFQ(command_client_cancel, rfq),
    ENUM(command_client_cancel, reason, reason_name),
    RESERVED(command_client_cancel, reserved),
};
FIELDS(command_client_extend) = {
    NESTED(command_client_extend, client, client_head),
    RFQ(command_client_extend, rfq),
    TIME(command_client_extend, deadline_ns),
    DURATION(command_client_extend, extend_ns),
    TEXT(command_client_extend, text),
};
FIELDS(engine_noted) = {
    RFQ(engine_noted, rfq),      NUMBER(engine_noted, ref), ENUM(engine_noted, reason, reason_name),
    TYPE(engine_noted, command), TEXT(engine_noted, text),
};
FIELDS(engine_digest) = {
    HEX(engine_digest, digest),
    NUMBER(engine_digest, batches),
};
FIELDS(order_created) = {
    ORDER(order_created, order),
    NUMBER(order_created, award),
    RFQ(order_created, rfq),
    QUOTE(order_created, quote),
    NUMBER(order_created, lp),
    NUMBER(order_created, taker),
    TIME(order_created, valid_until_ns),
    DECIMAL(order_created, quantity),
    DECIMAL(order_created, price),
    SESSION(order_created, taker_session),
    SESSION(order_created, lp_session),
    AGENT(order_created, taker_gateway),
    AGENT(order_created, lp_gateway),
    SIDE(order_created, side),
    FLAG(order_created, by_order),
    ENUM(order_created, state, order_status_name),
    TEXT(order_created, cl_ord_id),
    TEXT(order_created, quote_id),
    TEXT(order_created, lp_quote_id),
    TEXT(order_created, symbol),
};
FIELDS(order_released) = {
    NESTED(order_released, out, outbound),
    ORDER(order_released, order),
    RFQ(order_released, rfq),
    NUMBER(order_released, award),
    QUOTE(order_released, quote),
    NUMBER(order_released, lp),
    TIME(order_released, due_ns),
    TIME(order_released, valid_until_ns),
    DECIMAL(order_released, quantity),
    DECIMAL(order_released, price),
    SIDE(order_released, side),
    NUMBER(order_released, attempt),
    RESERVED(order_released, reserved),
    TEXT(order_released, lp_quote_id),
    TEXT(order_released, symbol),
    SESSION(order_released, lp_session),
    NUMBER(order_released, session_losses),
    AGENT(order_released, lp_gateway),
    RESERVED(order_released, reserved3),
};
FIELDS(order_state) = {
    ORDER(order_state, order),
    RFQ(order_state, rfq),
    TIME(order_state, due_ns),
    ENUM(order_state, state, order_status_name),
    ENUM(order_state, reason, reason_name),
    FLAG(order_state, in_doubt),
    NUMBER(order_state, cancel_asked),
    RESERVED(order_state, reserved),
    TEXT(order_state, lp_order_id),
    TEXT(order_state, text),
    NUMBER(order_state, award),
    QUOTE(order_state, quote),
    NUMBER(order_state, lp),
    NUMBER(order_state, taker),
    TIME(order_state, valid_until_ns),
    DECIMAL(order_state, quantity),
    DECIMAL(order_state, price),
    SESSION(order_state, lp_session),
    AGENT(order_state, lp_gateway),
    RESERVED(order_state, reserved2),
    TEXT(order_state, lp_quote_id),
};
FIELDS(order_filled) = {
    ORDER(order_filled, order),
    RFQ(order_filled, rfq),
    NUMBER(order_filled, fill),
    NUMBER(order_filled, lp),
    DECIMAL(order_filled, quantity),
    DECIMAL(order_filled, price),
    DECIMAL(order_filled, filled_quantity),
    WIDE(order_filled, value, value_low),
    ENUM(order_filled, state, order_status_name),
    RESERVED(order_filled, reserved),
    TEXT(order_filled, exec_id),
    TEXT(order_filled, lp_order_id),
};
FIELDS(order_report) = {
    NESTED(order_report, out, outbound),
    ORDER(order_report, order),
    RFQ(order_report, rfq),
    QUOTE(order_report, quote),
    NUMBER(order_report, report),
    CHAR(order_report, exec_type),
    CHAR(order_report, ord_status),
    SIDE(order_report, side),
    CHAR(order_report, possible),
    DECIMAL(order_report, quantity),
    DECIMAL(order_report, price),
    DECIMAL(order_report, last_quantity),
    DECIMAL(order_report, last_price),
    DECIMAL(order_report, filled_quantity),
    DECIMAL(order_report, leaves_quantity),
    DECIMAL(order_report, average_price),
    NUMBER(order_report, reject_reason),
    ENUM(order_report, reason, reason_name),
    TEXT(order_report, cl_ord_id),
    TEXT(order_report, orig_cl_ord_id),
    TEXT(order_report, symbol),
    TEXT(order_report, text),
};
FIELDS(order_update) = {
    RFQ(order_update, rfq),
    NUMBER(order_update, award),
    ORDER(order_update, order),
    DECIMAL(order_update, filled_quantity),
    ENUM(order_update, state, order_status_name),
    ENUM(order_update, reason, reason_name),
    FLAG(order_update, in_doubt),
    FLAG(order_update, final),
    NUMBER(order_update, cancelled_for),
    FLAG(order_update, cancel_refused),
};
FIELDS(order_cancel_asked) = {
    NESTED(order_cancel_asked, out, outbound),
    ORDER(order_cancel_asked, order),
    RFQ(order_cancel_asked, rfq),
    TIME(order_cancel_asked, due_ns),
    DECIMAL(order_cancel_asked, quantity),
    SIDE(order_cancel_asked, side),
    NUMBER(order_cancel_asked, asked_for),
    FLAG(order_cancel_asked, rfq_waits),
    RESERVED(order_cancel_asked, reserved),
    NUMBER(order_cancel_asked, attempt),
    TEXT(order_cancel_asked, lp_order_id),
    TEXT(order_cancel_asked, symbol),
    TEXT(order_cancel_asked, cancel_id),
};
FIELDS(order_status_asked) = {
    NESTED(order_status_asked, out, outbound),
    ORDER(order_status_asked, order),
    RFQ(order_status_asked, rfq),
    TIME(order_status_asked, due_ns),
    NUMBER(order_status_asked, session_losses),
    SIDE(order_status_asked, side),
    RESERVED(order_status_asked, reserved),
    TEXT(order_status_asked, lp_order_id),
    TEXT(order_status_asked, symbol),
};
FIELDS(order_cancel_refused) = {
    NESTED(order_cancel_refused, out, outbound),
    ORDER(order_cancel_refused, order),
    RFQ(order_cancel_refused, rfq),
    NUMBER(order_cancel_refused, cancel_reason),
    ENUM(order_cancel_refused, reason, reason_name),
    CHAR(order_cancel_refused, ord_status),
    RESERVED(order_cancel_refused, reserved),
    TEXT(order_cancel_refused, cl_ord_id),
    TEXT(order_cancel_refused, orig_cl_ord_id),
    TEXT(order_cancel_refused, text),
};
FIELDS(execution_break) = {
    ORDER(execution_break, order),
    RFQ(execution_break, rfq),
    DECIMAL(execution_break, quantity),
    DECIMAL(execution_break, price),
    ENUM(execution_break, reason, reason_name),
    RESERVED(execution_break, reserved),
    CHAR(execution_break, exec_type),
    CHAR(execution_break, ord_status),
    RESERVED(execution_break, reserved2),
    TEXT(execution_break, cl_ord_id),
    TEXT(execution_break, exec_id),
    TEXT(execution_break, lp_order_id),
};
FIELDS(order_retired) = {
    ORDER(order_retired, order),
};
FIELDS(command_quote_request) = {
    TEXT(command_quote_request, request_id),   TEXT(command_quote_request, symbol),
    DECIMAL(command_quote_request, quantity),  TIME(command_quote_request, deadline_ns),
    NUMBER(command_quote_request, settl_date), NUMBER(command_quote_request, legs),
    SIDE(command_quote_request, side),         FLAG(command_quote_request, poss_resend),
};
FIELDS(command_quote_response) = {
    TEXT(command_quote_response, response_id),     TEXT(command_quote_response, quote_id),
    TEXT(command_quote_response, cl_ord_id),       TEXT(command_quote_response, symbol),
    DECIMAL(command_quote_response, quantity),     DECIMAL(command_quote_response, price),
    NUMBER(command_quote_response, response_type), SIDE(command_quote_response, side),
    FLAG(command_quote_response, poss_resend),     RESERVED(command_quote_response, reserved),
};
FIELDS(command_request_cancel) = {
    TEXT(command_request_cancel, request_id),
};
FIELDS(command_quote) = {
    RFQ(command_quote, rfq),           TEXT(command_quote, request_id),  TEXT(command_quote, lp_quote_id),
    TEXT(command_quote, symbol),       DECIMAL(command_quote, bid),      DECIMAL(command_quote, ask),
    DECIMAL(command_quote, bid_size),  DECIMAL(command_quote, ask_size), TIME(command_quote, valid_until_ns),
    FLAG(command_quote, has_bid),      FLAG(command_quote, has_ask),     FLAG(command_quote, has_bid_size),
    FLAG(command_quote, has_ask_size), FLAG(command_quote, poss_resend),
};
FIELDS(command_delivery_answer) = {
    RFQ(command_delivery_answer, rfq),     TEXT(command_delivery_answer, request_id),
    NUMBER(command_delivery_answer, kind), NUMBER(command_delivery_answer, code),
    TEXT(command_delivery_answer, text),
};
FIELDS(command_quote_cancel) = {
    RFQ(command_quote_cancel, rfq),
    TEXT(command_quote_cancel, request_id),
    TEXT(command_quote_cancel, lp_quote_id),
};
FIELDS(command_order) = {
    TEXT(command_order, cl_ord_id),    TEXT(command_order, quote_id),      TEXT(command_order, symbol),
    DECIMAL(command_order, quantity),  DECIMAL(command_order, price),      SIDE(command_order, side),
    CHAR(command_order, ord_type),     CHAR(command_order, time_in_force), FLAG(command_order, poss_resend),
    RESERVED(command_order, reserved),
};
FIELDS(command_order_cancel) = {
    TEXT(command_order_cancel, cl_ord_id),
    TEXT(command_order_cancel, orig_cl_ord_id),
    TEXT(command_order_cancel, symbol),
};
FIELDS(command_execution) = {
    ORDER(command_execution, order),
    TEXT(command_execution, cl_ord_id),
    TEXT(command_execution, exec_id),
    TEXT(command_execution, lp_order_id),
    DECIMAL(command_execution, last_quantity),
    DECIMAL(command_execution, last_price),
    DECIMAL(command_execution, filled_quantity),
    DECIMAL(command_execution, leaves_quantity),
    CHAR(command_execution, exec_type),
    CHAR(command_execution, ord_status),
    FLAG(command_execution, poss_resend),
    FLAG(command_execution, has_last),
    NUMBER(command_execution, reject_reason),
    TEXT(command_execution, symbol),
    TEXT(command_execution, text),
};
FIELDS(command_cancel_reject) = {
    ORDER(command_cancel_reject, order),          TEXT(command_cancel_reject, cl_ord_id),
    NUMBER(command_cancel_reject, cancel_reason), CHAR(command_cancel_reject, ord_status),
    RESERVED(command_cancel_reject, reserved),    TEXT(command_cancel_reject, text),
};
FIELDS(command_peer_reject) = {
    REF(command_peer_reject, ref),
    NUMBER(command_peer_reject, ref_kind),
    NUMBER(command_peer_reject, reason),
    FLAG(command_peer_reject, business),
    TEXT(command_peer_reject, text),
};
/* clang-format on */
const struct layout *layout_of_record(unsigned type)
{
#define X(name, number, version, body, text) static const struct layout of_##name = LAYOUT(body, sizeof(struct body));
    RECORD_TYPE_LIST(X)
#undef X
    switch (type) {
#define X(name, number, version, body, text) \
    case number:                    \
        return &of_##name;
        RECORD_TYPE_LIST(X)
#undef X
    default:
        return NULL;
    }
}
