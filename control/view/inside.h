/* Inside of the views: its files' shared parts. Not a public face. */
#ifndef RFQD_CONTROL_VIEW_INSIDE_H
#define RFQD_CONTROL_VIEW_INSIDE_H

#include "control/view/view.h"

/* An entity out of its row: what the row does not have yet is zero. */
void view_take_value(void *to, size_t size, const void *value, size_t value_size);

/* The quote whose award is under way: it is in no list of the RFQ's. NULL: there is none. */
static inline const struct quote *view_accepted_quote(struct replica *r, const struct view_rfq *v)
{
    const struct quote *q =
        v->live ? distribution_quote(replica_config(r)->distribution, v->rfq->award_quote) : NULL;
    return q && q->status == QUOTE_ACCEPTED ? q : NULL;
}

#endif
