/* Facts that never change: whose an RFQ is, who an LP is, whose a quote is. From the replica's copies, and
 * for what has left memory from the store. */
#include <string.h>

#include "control/feed/inside.h"
#include "dataplane/core/hash.h"
#include "storage/tables.h"

enum err facts_owner(struct facts *f, uint64_t rfq, struct view_owner *out)
{
    struct view_owner *owner = &f->owners[hash_u64(rfq) % OWNERS_CACHED];
    struct view_rfq v;
    if (owner->rfq != rfq) {
        enum err e = view_find_rfq(f->replica, rfq, &v);
        if (e != OK)
            return e;
        *owner = v.owner;
    }
    *out = *owner;
    return OK;
}

const char *facts_lp(struct facts *f, uint64_t lp, char out[CODE_SIZE + 1])
{
    const struct lp *known = distribution_lp(replica_config(f->replica)->distribution, lp);
    memset(out, 0, CODE_SIZE + 1);
    if (known)
        memcpy(out, known->code, CODE_SIZE);
    return out;
}

static bool read_quote(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    uint64_t *lp = ctx;
    (void)key;
    (void)key_size;
    if (value_size >= 1 + offsetof(struct quote, lp) + sizeof *lp)
        memcpy(lp, (const char *)value + 1 + offsetof(struct quote, lp), sizeof *lp);
    return false;
}

static enum err stored_quote_lp(struct facts *f, uint64_t rfq, uint64_t quote, uint64_t *lp)
{
    char key[ENDED_KEY_SIZE];
    pair_key(key, rfq, quote);
    const struct replica_range range = {
        .table = "quotes" TABLE_ENDED, .key = key, .key_size = sizeof key, .prefix_size = sizeof key};
    *lp = 0;
    enum err e = replica_scan(f->replica, &range, read_quote, lp);
    return e == OK && !*lp ? ERR_NOT_FOUND : e;
}

enum err facts_quote_lp(struct facts *f, uint64_t rfq, uint64_t quote, uint64_t *lp)
{
    const struct quote *q = distribution_quote(replica_config(f->replica)->distribution, quote);
    struct quote_lp *known = &f->quote_lps[hash_u64(quote) % QUOTE_LPS_CACHED];
    if (!q && known->quote != quote) {
        enum err e = stored_quote_lp(f, rfq, quote, lp);
        if (e == OK)
            *known = (struct quote_lp){quote, *lp};
        return e;
    }
    *lp = q ? q->lp : known->lp;
    return OK;
}
