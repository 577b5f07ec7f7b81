#include "dataplane/model/record_rfq.h"

#include "dataplane/model/event.h"

/* Names as RECORD_TYPE_LIST has them, and the field that holds the RFQ. */
#define RECORDS_OF_RFQ(X)                              \
    X(GATEWAY_OUT, gateway_out, out.rfq)               \
    X(GATEWAY_UNSENT, gateway_unsent, out.rfq)         \
    X(GATEWAY_RELEASED, gateway_released, rfq)         \
    X(RFQ_CREATED, rfq_created, rfq)                   \
    X(RFQ_TRANSITION, rfq_transition, rfq)             \
    X(RFQ_SKIPPED_LP, rfq_skipped_lp, rfq)             \
    X(DELIVERY_RELEASED, delivery_released, rfq)       \
    X(DELIVERY_STATE, delivery_state, rfq)             \
    X(DELIVERY_ENDED, delivery_ended, rfq)             \
    X(RFQ_SHOWN, rfq_shown, rfq)                       \
    X(QUOTE_ADDED, quote_added, rfq)                   \
    X(QUOTE_REFUSED, quote_refused, rfq)               \
    X(QUOTE_ENDED, quote_ended, rfq)                   \
    X(QUOTES_RANKED, quotes_ranked, rfq)               \
    X(QUOTE_OFFERED, quote_offered, rfq)               \
    X(REQUEST_REFUSED, request_refused, rfq)           \
    X(ACCEPT_REFUSED, accept_refused, rfq)             \
    X(RFQ_AWARDED, rfq_awarded, rfq)                   \
    X(RFQ_ORDER, rfq_order, rfq)                       \
    X(RFQ_CANCEL_ORDER, rfq_cancel_order, rfq)         \
    X(RFQ_RETIRED, rfq_retired, rfq)                   \
    X(RFQ_EXTENDED, rfq_extended, rfq)                 \
    X(RFQ_TIMED, rfq_timed, rfq)                       \
    X(CLIENT_ANSWERED, client_answered, rfq)           \
    X(DISTRIBUTION_NOTED, engine_noted, rfq)           \
    X(ORDER_CREATED, order_created, rfq)               \
    X(ORDER_RELEASED, order_released, rfq)             \
    X(ORDER_STATE, order_state, rfq)                   \
    X(ORDER_FILLED, order_filled, rfq)                 \
    X(ORDER_REPORT, order_report, rfq)                 \
    X(ORDER_UPDATE, order_update, rfq)                 \
    X(ORDER_CANCEL_ASKED, order_cancel_asked, rfq)     \
    X(ORDER_STATUS_ASKED, order_status_asked, rfq)     \
    X(ORDER_CANCEL_REFUSED, order_cancel_refused, rfq) \
    X(EXECUTION_BREAK, execution_break, rfq)           \
    X(ROUTING_NOTED, engine_noted, rfq)

uint64_t record_rfq(const struct record *r)
{
    switch (r->type) {
#define X(type, body, field) \
    case RECORD_##type:      \
        return ((const struct body *)(const void *)r)->field;
        RECORDS_OF_RFQ(X)
#undef X
    default:
        return 0;
    }
}
