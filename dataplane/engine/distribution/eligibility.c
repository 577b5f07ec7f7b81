/* Who may be asked (spec/20, «Eligibility»), in its order; the first check that fails is the recorded reason.
 * What this product's RFQs cannot name yet (invited and excluded LPs) and what LPs do not carry (instrument
 * lists, volume limits) has no check here.
 */
#include "dataplane/core/hash.h"
#include "dataplane/engine/distribution/inside.h"

enum reason eligibility_check(const struct lp *lp, const struct rfq *rfq, const struct instrument *instrument)
{
    if (lp->tenant != rfq->tenant)
        return REASON_LP_TENANT;
    if (lp->status != LP_ACTIVE)
        return REASON_LP_INACTIVE;
    if (!(lp->asset_classes >> instrument->asset_class & 1))
        return REASON_LP_ASSET_CLASS;
    if (rfq->quantity < lp->size_min || (lp->size_max && rfq->quantity > lp->size_max))
        return REASON_LP_SIZE;
    if (lp->session_state != SESSION_SYNCED) /* instant: nobody waits for a session */
        return REASON_LP_NOT_CONNECTED;
    if (lp->open_rfqs >= lp->concurrent_rfqs_max)
        return REASON_LP_CONCURRENT;
    return REASON_NONE;
}

/* Skips recorded one by one. With the releases, the transitions and what follows from them they fit one
 * decision; beyond it their number is noted. */
#define SKIPS_MAX (BATCH_RECORDS_MAX - RFQ_LPS_MAX - 16)

static void skip(struct emit *e, const struct rfq *rfq, const struct lp *lp, enum reason reason)
{
    struct rfq_skipped_lp *ev = emit_begin(e, RECORD_RFQ_SKIPPED_LP, sizeof *ev);
    ev->rfq = rfq->id;
    ev->lp = lp->id;
    ev->reason = reason;
    emit_end(e, ev);
}

static void note_more(struct emit *e, const struct rfq *rfq, unsigned count)
{
    char buffer[TEXT_SIZE];
    struct text t = text_in(buffer, sizeof buffer);
    text_add_number(&t, count);
    text_add(&t, " more LPs not asked");
    distribution_note(e, RECORD_COMMAND_QUOTE_REQUEST, rfq->id, 0, REASON_LIMIT, buffer);
}

/* Where there are more LPs than one RFQ can be released to, the walk begins at another one for each RFQ, so
 * that nobody is left out for being configured last. */
static uint64_t first_lp(const struct rfq *rfq, uint64_t count)
{
    return count > RFQ_LPS_MAX ? hash_u64(rfq->id) % count : 0;
}

unsigned eligibility_select(struct emit *e, const struct rfq *rfq, const struct lp *selected[RFQ_LPS_MAX])
{
    const struct distribution_state *s = state_of(e);
    const struct instrument *instrument = distribution_instrument(s, rfq->instrument);
    const uint64_t lps = table_count(s->lps), first = first_lp(rfq, lps);
    unsigned count = 0, skips = 0;
    for (uint64_t i = 0; i < lps; i++) {
        const struct lp *lp = distribution_lp(s, (first + i) % lps + 1); /* ids have no gaps */
        enum reason reason = eligibility_check(lp, rfq, instrument);
        if (reason == REASON_NONE && count == RFQ_LPS_MAX)
            reason = REASON_LP_ENOUGH;
        if (reason == REASON_NONE)
            selected[count++] = lp;
        else if (skips++ < SKIPS_MAX)
            skip(e, rfq, lp, reason);
    }
    if (skips > SKIPS_MAX)
        note_more(e, rfq, skips - SKIPS_MAX);
    return count;
}
