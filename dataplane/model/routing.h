/* Routing's state: orders (here: the award's order at its LP), fills, what it knows of sessions.
 * Owner: the routing agent; the replica has a copy. Changed by its apply only (through struct state).
 */
#ifndef RFQD_MODEL_ROUTING_H
#define RFQD_MODEL_ROUTING_H

#include "dataplane/model/distribution.h"
#include "dataplane/model/state.h"

enum routing_timer {
    TIMER_ORDER_DUE = 1, /* id: order: release again, acknowledgement overdue, cancel again */
    TIMER_ORDER_RETIRE,  /* id: order */
    TIMER_STATUS_ASK,    /* id: session number + 1: there are orders to ask about */
};

/* Fills that leave memory in one step with their order. */
#define ORDER_RETIRE_FILLS_MAX 128
static_assert(ORDER_RETIRE_FILLS_MAX + 1 <= DECISION_ENTITIES_MAX, "retiring is a bounded decision");

struct routing_state {
    struct state base;
    struct settings capacities; /* as created with; in force until the first ROUTING_SETTINGS_SET */
    struct table *settings;     /* struct settings_entity (distribution.h) */
    struct table *sessions; /* struct routing_session */
    struct table *orders;   /* struct order */
    struct table *fills;    /* struct fill */
    struct routing_index *index;
};

enum err routing_state_create(struct routing_state **out, const struct settings *capacities, bool with_timers,
                              bool track, uint64_t start_ns) WARN_UNUSED;

const struct settings *routing_settings(const struct routing_state *s);
const struct order *routing_order(const struct routing_state *s, uint64_t id);
const struct order *routing_order_by_cl_ord_id(const struct routing_state *s, uint32_t taker_session,
                                               const char *cl_ord_id);
const struct order *routing_order_by_award(const struct routing_state *s, uint64_t award);
/* The fill of this order with the LP's ExecID, NULL: none. */
const struct fill *routing_fill_by_exec_id(const struct routing_state *s, uint64_t order, const char *exec_id);
/* NULL: never heard of it, which is as good as down. */
const struct routing_session *routing_session(const struct routing_state *s, uint32_t session);
/* A timer that fired is no longer its order's: said once, before anything is decided from it. */
void routing_timer_taken(struct routing_state *s, const struct timer *t);
/* How often the session has gone down. */
uint32_t routing_session_losses(const struct routing_state *s, uint32_t session);
/* An order of this LP session to be asked about; NULL: none. One whose fate is not known is, once the session
 * has gone down since it was released or last asked about; any other that is at the LP, once the session was
 * numbered anew since: what the LP said of it meanwhile can never be resent. While the session is in sync and
 * there is one, TIMER_STATUS_ASK is due. */
const struct order *routing_order_to_ask(const struct routing_state *s, uint32_t session);
/* The LP may have it, or has it. */
static inline bool order_is_at_lp(const struct order *o)
{
    return o->state == ORDER_SENT || o->state == ORDER_WORKING || o->state == ORDER_PARTLY_FILLED;
}
/* Sent and not heard of, or not heard of in full. */
static inline bool order_fate_is_unknown(const struct order *o)
{
    return o->state == ORDER_SENT || (order_is_at_lp(o) && o->in_doubt);
}
enum order_at_lp { NOT_AT_LP = 0, AT_LP_UNKNOWN, AT_LP_KNOWN };
static inline enum order_at_lp order_at_lp(const struct order *o)
{
    return order_fate_is_unknown(o) ? AT_LP_UNKNOWN : order_is_at_lp(o) ? AT_LP_KNOWN : NOT_AT_LP;
}
/* What order_status_asked.session_losses says of one that is to be asked again. */
uint32_t routing_losses_to_ask(const struct routing_state *s, uint32_t session);
static inline bool order_is_final(const struct order *o)
{
    return o->state == ORDER_IS_FILLED || o->state == ORDER_CANCELLED || o->state == ORDER_REJECTED;
}

#endif
