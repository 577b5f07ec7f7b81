/* What the durable part of each entity is made of, byte by byte, in the order in which it lies. A test holds
 * that no byte is left out (model_describe_test). */
#include <string.h>

#include "dataplane/model/describe_rows.h"
#include "dataplane/model/distribution.h"

/* clang-format off: one row a line */
FIELDS(settings) = {
    DURATION(settings, ack_timeout_ns),
    DURATION(settings, retry_first_ns),
    DURATION(settings, deadline_default_ns),
    DURATION(settings, deadline_min_ns),
    DURATION(settings, deadline_max_ns),
    DURATION(settings, backup_deadline_ns),
    DURATION(settings, retire_after_ns),
    DURATION(settings, order_ack_timeout_ns),
    DURATION(settings, order_cancel_retry_ns),
    NUMBER(settings, delivery_attempts_max),
    NUMBER(settings, rfqs_max),
    NUMBER(settings, quotes_max),
    NUMBER(settings, deliveries_max),
    NUMBER(settings, orders_max),
    NUMBER(settings, fills_max),
};
FIELDS(settings_entity) = {
    NUMBER(settings_entity, id),
    NESTED(settings_entity, settings, settings),
};
FIELDS(instrument) = {
    NUMBER(instrument, id),
    TEXT(instrument, symbol),
    TEXT(instrument, currency),
    DECIMAL(instrument, tick),
    DECIMAL(instrument, lot),
    DECIMAL(instrument, quantity_min),
    DECIMAL(instrument, quantity_max),
    DECIMAL(instrument, reference_price),
    DECIMAL(instrument, collar_percent),
    NUMBER(instrument, asset_class),
    FLAG(instrument, tradable),
};
FIELDS(lp) = {
    NUMBER(lp, id),
    TEXT(lp, code),
    SESSION(lp, session),
    NUMBER(lp, tenant),
    ENUM(lp, status, lp_status_name),
    NUMBER(lp, asset_classes),
    DECIMAL(lp, size_min),
    DECIMAL(lp, size_max),
    NUMBER(lp, concurrent_rfqs_max),
    FLAG(lp, ack_required),
    FLAG(lp, losers_by_aj),
    AGENT(lp, gateway),
    ENUM(lp, session_state, session_status_name),
    NUMBER(lp, session_lost),
    NUMBER(lp, open_rfqs),
    RESERVED(lp, reserved),
    NUMBER(lp, released),
    NUMBER(lp, acknowledged),
    NUMBER(lp, quoted),
    NUMBER(lp, declined),
    NUMBER(lp, no_response),
    NUMBER(lp, rejected),
    NUMBER(lp, failed),
    NUMBER(lp, quotes),
    NUMBER(lp, quotes_refused),
    NUMBER(lp, withdrawals),
    NUMBER(lp, wins),
    NUMBER(lp, defaults),
};
FIELDS(taker) = {
    NUMBER(taker, id),         TEXT(taker, code),     SESSION(taker, session),
    NUMBER(taker, tenant),     AGENT(taker, gateway), ENUM(taker, session_state, session_status_name),
    RESERVED(taker, reserved), NUMBER(taker, rfqs),
};
FIELDS(rfq) = {
    RFQ(rfq, id),
    NUMBER(rfq, taker),
    NUMBER(rfq, instrument),
    TIME(rfq, created_ns),
    TIME(rfq, updated_ns),
    TIME(rfq, deadline_ns),
    TIME(rfq, ended_ns),
    DECIMAL(rfq, quantity),
    SESSION(rfq, session),
    NUMBER(rfq, tenant),
    NUMBER(rfq, settl_date),
    AGENT(rfq, gateway),
    ENUM(rfq, profile, rfq_profile_name),
    ENUM(rfq, state, rfq_state_name),
    ENUM(rfq, shown, rfq_shown_name),
    SIDE(rfq, side),
    FLAG(rfq, all_or_none),
    FLAG(rfq, cancel_pending),
    FLAG(rfq, in_doubt),
    NUMBER(rfq, deliveries),
    NUMBER(rfq, acknowledged),
    NUMBER(rfq, settled),
    NUMBER(rfq, declined),
    NUMBER(rfq, quoted),
    NUMBER(rfq, quotes),
    NUMBER(rfq, transitions),
    ENUM(rfq, reason, reason_name),
    FLAG(rfq, losers_told),
    FLAG(rfq, distributed),
    NUMBER(rfq, extensions),
    RESERVED(rfq, reserved),
    NUMBER(rfq, length_ms),
    NUMBER(rfq, cancel_who),
    ENUM(rfq, cancel_reason, reason_name),
    DECIMAL(rfq, best_bid),
    DECIMAL(rfq, best_ask),
    QUOTE(rfq, best_bid_quote),
    QUOTE(rfq, best_ask_quote),
    NUMBER(rfq, award),
    QUOTE(rfq, award_quote),
    NUMBER(rfq, award_lp),
    ORDER(rfq, award_order),
    DECIMAL(rfq, awarded_quantity),
    DECIMAL(rfq, filled_quantity),
    DECIMAL(rfq, award_price),
    TIME(rfq, released_ns),
    TEXT(rfq, request_id),
    TEXT(rfq, symbol),
};
FIELDS(delivery) = {
    NUMBER(delivery, id),
    RFQ(delivery, rfq),
    NUMBER(delivery, lp),
    TIME(delivery, released_ns),
    TIME(delivery, acknowledged_ns),
    TIME(delivery, settled_ns),
    TIME(delivery, due_ns),
    NUMBER(delivery, session_lost),
    QUOTE(delivery, quote),
    SESSION(delivery, session),
    AGENT(delivery, gateway),
    ENUM(delivery, state, delivery_status_name),
    ENUM(delivery, answer, delivery_answer_name),
    NUMBER(delivery, attempts),
    ENUM(delivery, reason, reason_name),
    FLAG(delivery, settled),
    FLAG(delivery, acknowledged),
    FLAG(delivery, ended),
    FLAG(delivery, counted),
    RESERVED(delivery, reserved),
};
FIELDS(quote) = {
    QUOTE(quote, id),
    RFQ(quote, rfq),
    NUMBER(quote, lp),
    NUMBER(quote, delivery),
    TIME(quote, received_ns),
    TIME(quote, valid_until_ns),
    TIME(quote, ended_ns),
    DECIMAL(quote, bid),
    DECIMAL(quote, ask),
    DECIMAL(quote, bid_size),
    DECIMAL(quote, ask_size),
    ENUM(quote, status, quote_status_name),
    ENUM(quote, reason, reason_name),
    NUMBER(quote, rank),
    FLAG(quote, given_back),
    QUOTE(quote, replaced_by),
    TEXT(quote, lp_quote_id),
};
FIELDS(client_key) = {
    NUMBER(client_key, id),
    HEX(client_key, key_high),
    HEX(client_key, key_low),
    HEX(client_key, body),
    NUMBER(client_key, taker),
    RFQ(client_key, rfq),
    QUOTE(client_key, quote),
    NUMBER(client_key, value),
    TIME(client_key, time_ns),
    TYPE(client_key, command),
    ENUM(client_key, reason, reason_name),
    RESERVED(client_key, reserved),
    TEXT(client_key, text),
};
FIELDS(rfq_stay) = {
    RFQ(rfq_stay, id),
    TIME(rfq_stay, since_ns),
    TIME(rfq_stay, timeout_ns),
    TIME(rfq_stay, due_ns),
    ENUM(rfq_stay, state, rfq_state_name),
    NUMBER(rfq_stay, level),
    NUMBER(rfq_stay, extensions),
    RESERVED(rfq_stay, reserved),
};
FIELDS(order) = {
    ORDER(order, id),
    NUMBER(order, award),
    RFQ(order, rfq),
    QUOTE(order, quote),
    NUMBER(order, lp),
    NUMBER(order, taker),
    TIME(order, created_ns),
    TIME(order, released_ns),
    TIME(order, updated_ns),
    TIME(order, due_ns),
    TIME(order, valid_until_ns),
    DECIMAL(order, quantity),
    DECIMAL(order, price),
    DECIMAL(order, filled_quantity),
    DECIMAL(order, last_price),
    WIDE(order, value, value_low),
    SESSION(order, taker_session),
    SESSION(order, lp_session),
    AGENT(order, taker_gateway),
    AGENT(order, lp_gateway),
    SIDE(order, side),
    ENUM(order, state, order_status_name),
    FLAG(order, by_order),
    NUMBER(order, cancel_asked),
    FLAG(order, in_doubt),
    FLAG(order, rfq_waits),
    ENUM(order, reason, reason_name),
    NUMBER(order, attempts),
    NUMBER(order, reports),
    NUMBER(order, cancel_attempts),
    NUMBER(order, session_losses),
    TEXT(order, cl_ord_id),
    TEXT(order, cancel_id),
    TEXT(order, lp_quote_id),
    TEXT(order, lp_order_id),
    TEXT(order, symbol),
};
FIELDS(fill) = {
    NUMBER(fill, id),     ORDER(fill, order),  RFQ(fill, rfq),      DECIMAL(fill, quantity),
    DECIMAL(fill, price), TIME(fill, time_ns), TEXT(fill, exec_id),
};
FIELDS(routing_session) = {
    NUMBER(routing_session, id),
    ENUM(routing_session, state, session_status_name),
    NUMBER(routing_session, renumbered),
    NUMBER(routing_session, lost),
};
FIELDS(session) = {
    NUMBER(session, id),         TEXT(session, name),      TEXT(session, sender),
    TEXT(session, target),       NUMBER(session, role),    ENUM(session, state, session_status_name),
    NUMBER(session, generation), NUMBER(session, next_in), NUMBER(session, next_out),
    NUMBER(session, received),   NUMBER(session, sent),    TIME(session, changed_ns),
};
/* clang-format on */

const struct layout layout_settings = LAYOUT(settings, sizeof(struct settings));
const struct layout layout_instrument = ENTITY(instrument);
const struct layout layout_lp = ENTITY(lp);
const struct layout layout_taker = ENTITY(taker);
const struct layout layout_session = ENTITY(session);

/* Tables of the states by name, and the struct of their entities. */
static const struct {
    const char *table;
    struct layout layout;
} tables[] = {
    {"settings", ENTITY(settings_entity)},
    {"instruments", ENTITY(instrument)},
    {"lps", ENTITY(lp)},
    {"takers", ENTITY(taker)},
    {"rfqs", ENTITY(rfq)},
    {"deliveries", ENTITY(delivery)},
    {"quotes", ENTITY(quote)},
    {"client_keys", ENTITY(client_key)},
    {"rfq_stays", ENTITY(rfq_stay)},
    {"routing_settings", ENTITY(settings_entity)},
    {"routing_sessions", ENTITY(routing_session)},
    {"orders", ENTITY(order)},
    {"fills", ENTITY(fill)},
    {"sessions", ENTITY(session)},
};

const struct layout *layout_of_table(const char *table)
{
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        size_t length = strlen(tables[i].table);
        if (strncmp(table, tables[i].table, length) == 0 &&
            (!table[length] || strcmp(table + length, "_ended") == 0))
            return &tables[i].layout;
    }
    return NULL;
}
