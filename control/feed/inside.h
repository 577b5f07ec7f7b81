/* Inside of the feed: how one record becomes an event. Not a public face. */
#ifndef RFQD_CONTROL_FEED_INSIDE_H
#define RFQD_CONTROL_FEED_INSIDE_H

#include "control/feed/feed.h"

#define OWNERS_CACHED    4096u /* of RFQs that are looked up again and again */
#define QUOTE_LPS_CACHED 8192u /* of quotes */

struct quote_lp {
    uint64_t quote, lp;
};

/* What never changes, and where it is looked up. */
struct facts {
    struct replica *replica;
    struct view_owner *owners;  /* by a hash of the RFQ */
    struct quote_lp *quote_lps; /* by a hash of the quote */
};

/* NULL: the RFQ is forgotten. Holds until the next call. */
const struct view_owner *facts_owner(struct facts *f, uint64_t rfq);
const char *facts_lp(struct facts *f, uint64_t lp, char out[CODE_SIZE + 1]);
/* The LP that gave a quote; 0: not known any more. */
uint64_t facts_quote_lp(struct facts *f, uint64_t rfq, uint64_t quote);

/* event.c: name, rfq and owner of the event that a record is; false: none, in this form. */
bool event_of(struct facts *f, enum feed_form form, const struct record *r, struct feed_event *out);
/* Its text, appended to j. */
void event_text(struct facts *f, enum feed_form form, const struct record *r, uint64_t epoch,
                const struct feed_event *e, struct json *j);

#endif
