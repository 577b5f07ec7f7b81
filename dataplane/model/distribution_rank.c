/* The order of quotes (spec/30). */
#include "dataplane/model/distribution.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Larger quantity, then earlier arrival; ids rise with arrival. */
static bool tie_before(int64_t a_size, int64_t b_size, const struct quote *a, const struct quote *b)
{
    if (a_size != b_size)
        return a_size > b_size;
    return a->id < b->id;
}

/* The quantity that can be dealt on every side quoted. */
static int64_t size_of(const struct quote *q)
{
    if (!q->bid)
        return q->ask_size;
    if (!q->ask)
        return q->bid_size;
    return smaller(q->bid_size, q->ask_size);
}

static bool spread_before(const struct quote *a, const struct quote *b)
{
    bool a_two = a->bid && a->ask, b_two = b->bid && b->ask;
    if (a_two != b_two)
        return a_two;
    if (a_two && a->ask - a->bid != b->ask - b->bid)
        return a->ask - a->bid < b->ask - b->bid;
    return tie_before(size_of(a), size_of(b), a, b);
}

bool distribution_rank_before(const struct rfq *rfq, const struct quote *a, const struct quote *b)
{
    if (rfq->side == SIDE_BUY)
        return a->ask != b->ask ? a->ask < b->ask : tie_before(a->ask_size, b->ask_size, a, b);
    if (rfq->side == SIDE_SELL)
        return a->bid != b->bid ? a->bid > b->bid : tie_before(a->bid_size, b->bid_size, a, b);
    return spread_before(a, b);
}
