/* What an LP's suspension does (spec/10, «LPs that drop off»): its standing quotes become invalid, and the
 * takers are told. Configuration makes an LP inactive or suspended, at start or while it runs; the quotes are
 * found by a sweep over the RFQs, in polls of a bounded size. Until it has come by, a quote is refused by
 * name when it is accepted (accept.c). Nothing new can come behind it: such an LP is not asked, and does not
 * quote.
 */
#include "dataplane/engine/distribution/inside.h"

#define SWEEP_RFQS 1024u /* looked at in one poll */

static bool is_anybody_out(const struct distribution_state *s)
{
    for (uint64_t id = 1; id <= table_count(s->lps); id++)
        if (distribution_lp(s, id)->status != LP_ACTIVE)
            return true;
    return false;
}

/* From the last to the first, so that no rank moves on the way. */
static bool end_quotes(struct emit *e, const struct rfq *rfq)
{
    const struct distribution_state *s = state_of(e);
    const struct quote *out[RFQ_QUOTES_MAX];
    unsigned count = 0;
    for (const struct quote *q = distribution_first_quote(s, rfq); q; q = distribution_next_quote(s, q))
        if (distribution_lp(s, q->lp)->status != LP_ACTIVE)
            out[count++] = q;
    if (!count)
        return false;
    while (count)
        quote_end(e, rfq, out[--count], QUOTE_IS_WITHDRAWN, REASON_LP_SUSPENDED);
    quotes_rank(e, rfq);
    return true;
}

bool distribution_sweep(struct emit *e, uint32_t *next)
{
    const struct distribution_state *s = state_of(e);
    if (*next == 0 && !is_anybody_out(s))
        return true;
    uint32_t slots = table_slots(s->rfqs), end = *next + SWEEP_RFQS;
    bool ended = false;
    while (*next < slots && *next < end && !ended) {
        const struct rfq *rfq = table_at(s->rfqs, (*next)++);
        ended = rfq && rfq->quotes && end_quotes(e, rfq);
    }
    return *next >= slots;
}
