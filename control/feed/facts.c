/* Facts that never change: whose an RFQ is, who an LP is, whose a quote is. From the replica's copies, and
 * for what has left memory from the store. */
#include <string.h>

#include "control/feed/inside.h"
#include "dataplane/core/hash.h"
#include "storage/tables.h"

const struct owner_place *facts_owner(struct facts *f, uint64_t rfq)
{
    struct owner_place *p = &f->owners[hash_u64(rfq) % OWNERS_CACHED];
    struct view_rfq v;
    if (p->owner.rfq == rfq)
        return p;
    if (view_find_rfq(f->replica, rfq, &v) != OK)
        return NULL;
    p->owner = v.owner;
    memcpy(p->symbol, v.rfq->symbol, sizeof p->symbol);
    return p;
}

const char *facts_lp(struct facts *f, uint64_t lp, char out[CODE_SIZE + 1])
{
    const struct lp *known = distribution_lp(replica_config(f->replica)->distribution, lp);
    memset(out, 0, CODE_SIZE + 1);
    if (known)
        memcpy(out, known->code, CODE_SIZE);
    return out;
}

static int read_quote(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    const struct {
        uint64_t rfq, quote;
        uint64_t lp;
    } *wanted = ctx;
    char expected[ENDED_KEY_SIZE];
    pair_key(expected, wanted->rfq, wanted->quote);
    if (key_size == sizeof expected && memcmp(key, expected, sizeof expected) == 0 &&
        value_size > 1 + offsetof(struct quote, lp) + 8)
        memcpy((char *)ctx + 16, (const char *)value + 1 + offsetof(struct quote, lp), 8);
    return 1; /* the first row is it, or it is not there */
}

uint64_t facts_quote_lp(struct facts *f, uint64_t rfq, uint64_t quote)
{
    const struct quote *q = distribution_quote(replica_config(f->replica)->distribution, quote);
    if (q)
        return q->lp;
    struct {
        uint64_t rfq, quote, lp;
    } wanted = {rfq, quote, 0};
    char key[ENDED_KEY_SIZE];
    struct store *store = replica_config(f->replica)->store;
    pair_key(key, rfq, quote);
    if (store->ops->scan(store, "quotes" TABLE_ENDED, key, sizeof key, read_quote, &wanted) != OK)
        return 0;
    return wanted.lp;
}
