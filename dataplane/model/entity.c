#include "dataplane/model/entity.h"

#define NAME_CASE(name, number, text) \
    case number:                      \
        return text;

#define NAME_FUNCTION(function, LIST) \
    const char *function(unsigned v)  \
    {                                 \
        switch (v) {                  \
            LIST(NAME_CASE)           \
        default:                      \
            return "?";               \
        }                             \
    }

NAME_FUNCTION(rfq_state_name, RFQ_STATE_LIST)
NAME_FUNCTION(rfq_shown_name, RFQ_SHOWN_LIST)
NAME_FUNCTION(rfq_move_name, RFQ_MOVE_LIST)
NAME_FUNCTION(rfq_profile_name, RFQ_PROFILE_LIST)
NAME_FUNCTION(who_name, WHO_LIST)
NAME_FUNCTION(reason_name, REASON_LIST)
NAME_FUNCTION(delivery_status_name, DELIVERY_STATE_LIST)
NAME_FUNCTION(delivery_answer_name, ANSWER_LIST)
NAME_FUNCTION(quote_status_name, QUOTE_STATUS_LIST)
NAME_FUNCTION(order_status_name, ORDER_STATE_LIST)
NAME_FUNCTION(session_status_name, SESSION_STATE_LIST)
NAME_FUNCTION(lp_status_name, LP_STATUS_LIST)
