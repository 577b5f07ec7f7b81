/* What routing's decisions share: the events of an order, each emitted in one place. Inside the engine only.
 *
 * An order is `const` here: it changes where its event is applied, which is before the call returns. So a
 * caller that needs what the order was before takes it down first.
 */
#ifndef RFQD_ENGINE_ROUTING_ORDER_H
#define RFQD_ENGINE_ROUTING_ORDER_H

#include <string.h>

#include "dataplane/engine/emit.h"
#include "dataplane/engine/engine.h"
#include "dataplane/model/routing.h"

/* Between two tries to release an order that its LP provably did not get. */
#define ORDER_RETRY_NS 100000000ull

static inline const struct routing_state *routing_of(const struct emit *e)
{
    return (const struct routing_state *)e->state;
}

static inline bool order_is_from_lp(const struct order *o, const struct lane_item *item)
{
    return item->agent == o->lp_gateway && item->record.session == o->lp_session;
}

static inline bool session_is_synced(const struct emit *e, uint32_t session)
{
    const struct routing_session *s = routing_session(routing_of(e), session);
    return s && s->state == SESSION_SYNCED;
}

/* Room for another order, and for its fill. */
bool order_has_room(const struct emit *e);

/* The ClOrdID by which the taker knows it: its own, or where it gave none, our name of the order. */
void order_cl_ord_id(const struct order *o, char out[ID_TEXT_SIZE]);

/* OrdStatus (39) for the taker. */
char order_ord_status(const struct order *o);

/* ORDER_STATE that says what the order is already, but for state and reason; the caller changes more, then
 * emit_end. */
struct order_state *order_state_begin(struct emit *e, const struct order *o, enum order_status state,
                                      enum reason reason);

/* ORDER_RELEASED: to the LP, with an answer due within order_ack_timeout_ns. */
void order_release(struct emit *e, const struct order *o);

/* ORDER_UPDATE as the order stands; nothing where no award is known. */
void order_update(struct emit *e, const struct order *o);

/* ORDER_REPORT as the order stands, exec_type 0 new, F fill (of last …), 4, 8, I. text NULL: none. */
struct fill_report {
    int64_t quantity, price;
};
void order_report(struct emit *e, const struct order *o, char exec_type, const struct fill_report *fill,
                  const char *text);

/* The end without a further fill, CANCELLED or REJECTED: ORDER_STATE, the report, the answer to a cancel of
 * the taker's that came too late, and the update. text: the LP's, or NULL for the reason's name. */
void order_end(struct emit *e, const struct order *o, enum order_status state, enum reason reason,
               const char *lp_order_id, const char *text);

/* ORDER_CANCEL_ASKED: to the LP, with an answer due within order_cancel_retry_ns. */
void order_ask_cancel(struct emit *e, const struct order *o, enum cancel_asked asked_for,
                      const char *cancel_id);

/* The LP says that it never had the order, which we have no execution of: its end. */
void order_end_unknown(struct emit *e, const struct order *o, const char *text);

/* ORDER_STATUS_ASKED: to the LP. */
void order_ask_status(struct emit *e, const struct order *o);
/* The question was lost with its session: ORDER_STATUS_ASKED to nobody, so that it is asked when that is
 * back. */
void order_ask_status_again(struct emit *e, const struct order *o);

/* ORDER_CANCEL_REFUSED of the taker's cancel that is open on the order. */
void order_refuse_open_cancel(struct emit *e, const struct order *o, uint32_t cancel_reason,
                              enum reason reason, const char *text);

/* The cancel that was asked is refused, the order goes on: the taker is told where it asked, distribution by
 * the update where the RFQ did; and an RFQ's that waited behind the taker's is asked now. known: the LP said
 * that it has the order. An order in doubt stays so otherwise, and its cancel is asked again: so the RFQ's is
 * pending still. */
void order_cancel_failed(struct emit *e, const struct order *o, bool known, uint32_t cancel_reason,
                         enum reason reason, const char *text);

/* ROUTING_NOTED: the command changed nothing. order NULL: none known. */
void routing_note(struct emit *e, const struct lane_item *item, const struct order *o, enum reason reason,
                  const char *text);

/* Decisions by object; each file says which items it takes.
 * -------------------------------------------------------- */

void decide_order(struct emit *e, const struct lane_item *item);          /* accept.c: D */
void decide_accept_refused(struct emit *e, const struct lane_item *item); /* accept.c */
void decide_award(struct emit *e, const struct lane_item *item);          /* award.c */
void decide_order_unsent(struct emit *e, const struct lane_item *item);         /* release.c */
void decide_order_peer_reject(struct emit *e, const struct lane_item *item);    /* release.c: j, 3 */
void decide_order_due(struct emit *e, const struct order *o);             /* release.c: timer */
void decide_execution(struct emit *e, const struct lane_item *item);      /* execution.c: 8 */
void decide_cancel(struct emit *e, const struct lane_item *item);         /* cancel.c: F */
void decide_cancel_reject(struct emit *e, const struct lane_item *item);  /* cancel.c: 9 */
void decide_rfq_cancel(struct emit *e, const struct lane_item *item);     /* cancel.c */
void decide_status_ask(struct emit *e, uint32_t session);                 /* status.c: timer */
void decide_session(struct emit *e, const struct lane_item *item);        /* session.c */
void decide_session_renumbered(struct emit *e, const struct lane_item *item); /* session.c */

#endif
