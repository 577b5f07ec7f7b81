/* The ranking as a naive reading of spec/30 says it: sort what stands, by price for the side asked, then
 * larger size, then earlier arrival; the composite from a scan.
 */
#include <stdlib.h>

#include "tests/sim/world.h"

static uint8_t sorting_side;

static int64_t price_key(const struct quote *q)
{
    if (sorting_side == SIDE_BUY)
        return q->ask;
    if (sorting_side == SIDE_SELL)
        return -q->bid;
    return q->ask - q->bid;
}

static int64_t size_key(const struct quote *q)
{
    if (sorting_side == SIDE_BUY)
        return q->ask_size;
    if (sorting_side == SIDE_SELL)
        return q->bid_size;
    return q->bid_size < q->ask_size ? q->bid_size : q->ask_size;
}

static int compare(const void *a, const void *b)
{
    const struct quote *x = *(const struct quote *const *)a, *y = *(const struct quote *const *)b;
    if (price_key(x) != price_key(y))
        return price_key(x) < price_key(y) ? -1 : 1;
    if (size_key(x) != size_key(y))
        return size_key(x) > size_key(y) ? -1 : 1;
    if (x->received_ns != y->received_ns)
        return x->received_ns < y->received_ns ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static bool check(struct world *w, const struct distribution_state *s, const struct rfq *r)
{
    const struct quote *standing[RFQ_QUOTES_MAX];
    unsigned count = 0;
    int64_t best_bid = 0, best_ask = 0;
    for (uint32_t i = 0; i < table_slots(s->quotes); i++) {
        const struct quote *q = table_at(s->quotes, i);
        if (!q || q->rfq != r->id || q->status != QUOTE_STANDING)
            continue;
        if (count == RFQ_QUOTES_MAX)
            return world_wrong(w, "more quotes stand than an RFQ can have");
        standing[count++] = q;
        if (q->bid && q->bid > best_bid)
            best_bid = q->bid;
        if (q->ask && (!best_ask || q->ask < best_ask))
            best_ask = q->ask;
    }
    sorting_side = r->side;
    qsort(standing, count, sizeof *standing, compare);
    unsigned i = 0;
    for (const struct quote *q = distribution_first_quote(s, r); q; q = distribution_next_quote(s, q), i++)
        if (i >= count || standing[i] != q || q->rank != i + 1)
            return world_wrong(w, "RFQ %llx: rank %u is not as the naive sort says",
                               (unsigned long long)r->id, i + 1);
    if (i != count || r->quotes != count)
        return world_wrong(w, "RFQ %llx: %u quotes are ranked, %u stand", (unsigned long long)r->id, i,
                           count);
    if (r->best_bid != best_bid || r->best_ask != best_ask)
        return world_wrong(w, "RFQ %llx: the composite is not that of its quotes", (unsigned long long)r->id);
    w->rankings_checked++;
    if (r->side == SIDE_TWO_WAY && count > 1 && w->options.seen)
        w->options.seen->turns[SEEN_TWO_WAY_RANKED]++;
    return true;
}

bool oracle_ranking(struct world *w)
{
    const struct distribution_state *s =
        (const struct distribution_state *)node_state(w->node, AGENT_DISTRIBUTION);
    for (uint32_t i = 0; i < table_slots(s->rfqs); i++) {
        const struct rfq *r = table_at(s->rfqs, i);
        if (r && (r->state == RFQ_BIDDING_OPEN || r->state == RFQ_EVALUATION) && !check(w, s, r))
            return false;
    }
    return true;
}
