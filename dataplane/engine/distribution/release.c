/* Fair simultaneous release (spec/20): all deliveries of an RFQ in one batch and so in one burst; the order
 * inside it is shuffled by a generator seeded with the RFQ's id, so that nobody is first by configuration and
 * everybody can check.
 */
#include "dataplane/engine/distribution/inside.h"

/* splitmix64 (Steele, Lea, Flood: «Fast splittable pseudorandom number generators», 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Fisher and Yates. The bias of the remainder is below 2^-57. */
void release_shuffle(uint64_t rfq, unsigned count, uint8_t order[RFQ_LPS_MAX])
{
    assert(count <= RFQ_LPS_MAX);
    for (unsigned i = 0; i < count; i++)
        order[i] = (uint8_t)i;
    uint64_t random = rfq;
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)(next_random(&random) % i);
        uint8_t other = order[j];
        order[j] = order[i - 1];
        order[i - 1] = other;
    }
}

static void release(struct emit *e, const struct rfq *rfq, const struct lp *lp, uint64_t delivery,
                    unsigned attempt)
{
    uint64_t ack_timeout_ns = distribution_settings(state_of(e))->ack_timeout_ns;
    struct delivery_released *ev = emit_begin(e, RECORD_DELIVERY_RELEASED, sizeof *ev);
    emit_to(ev, lp->gateway, LANE_ENGINE, lp->session);
    ev->out = (struct outbound){
        .rfq = rfq->id, .ref = delivery, .ref_kind = REF_DELIVERY, .expires_ns = rfq->deadline_ns};
    ev->rfq = rfq->id;
    ev->delivery = delivery;
    ev->lp = lp->id;
    ev->deadline_ns = rfq->deadline_ns;
    ev->due_ns = lp->ack_required ? earlier(e->now_ns + ack_timeout_ns, rfq->deadline_ns) : 0;
    ev->quantity = rfq->quantity;
    ev->settl_date = rfq->settl_date;
    ev->side = rfq->side;
    ev->attempt = (uint8_t)attempt;
    ev->ack_required = lp->ack_required;
    memcpy(ev->symbol, rfq->symbol, sizeof ev->symbol);
    emit_end(e, ev);
}

void release_all(struct emit *e, const struct rfq *rfq, const struct lp *lps[], unsigned count)
{
    uint8_t order[RFQ_LPS_MAX];
    release_shuffle(rfq->id, count, order);
    for (unsigned i = 0; i < count; i++)
        release(e, rfq, lps[order[i]], state_next_id(e->state), 1);
}

void release_again(struct emit *e, const struct rfq *rfq, const struct delivery *d, const struct lp *lp)
{
    release(e, rfq, lp, d->id, d->attempts + 1u);
}
