/* LPs, sessions and instruments, to be read. */
#include <string.h>

#include "control/http/inside.h"

static const struct distribution_state *distribution_of(const struct web_request *r)
{
    return replica_config(http_replica(r))->distribution;
}

/* What a code or symbol of the path is, zero padded; false: longer than any. */
static bool padded_param(const struct web_request *r, char *out, size_t size)
{
    const char *text = web_param(r, 0);
    size_t length = strlen(text);
    memset(out, 0, size);
    if (length >= size)
        return false;
    memcpy(out, text, length);
    return true;
}

/* LPs: those of the asker's tenant
 * -------------------------------------------------------------------------------------------------------- */

void http_lps_list(struct web_request *r)
{
    static const char *const known[] = {NULL};
    const struct table *t = distribution_of(r)->lps;
    struct json j;
    if (!http_rows_begin(r) || !http_query_known(r, known))
        return;
    http_rows_spend(r, table_count(t));
    http_list_begin(&j, "lps");
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct lp *lp = table_at(t, i);
        if (lp && lp->tenant == http_principal(r)->tenant)
            view_lp(&j, NULL, http_replica(r), lp);
    }
    http_list_end(r, &j, NULL);
}

void http_lp_get(struct web_request *r)
{
    char code[CODE_SIZE];
    const struct lp *lp =
        padded_param(r, code, sizeof code) ? distribution_lp_by_code(distribution_of(r), code) : NULL;
    if (!lp || lp->tenant != http_principal(r)->tenant) {
        web_problem(r, 404, "unknown_lp", "there is no LP %.40s", web_param(r, 0));
        return;
    }
    struct json j = {0};
    view_lp(&j, NULL, http_replica(r), lp);
    http_json_tagged(r, &j);
}

/* Sessions: those of the LPs and takers of the asker's tenant
 * -------------------------------------------------------------------------------------------------------- */

/* NULL: it is nobody's of this tenant. */
static const char *party_of(const struct web_request *r, const struct session *s, uint32_t tenant)
{
    const struct distribution_state *d = distribution_of(r);
    uint32_t number = (uint32_t)(s->id - 1);
    const struct lp *lp = s->role == ROLE_LP ? distribution_lp_by_session(d, number) : NULL;
    const struct taker *taker = s->role == ROLE_TAKER ? distribution_taker_by_session(d, number) : NULL;
    if (lp && lp->tenant == tenant)
        return lp->code;
    return taker && taker->tenant == tenant ? taker->code : NULL;
}

void http_sessions_list(struct web_request *r)
{
    static const char *const known[] = {NULL};
    const struct replica_config *c = replica_config(http_replica(r));
    struct json j;
    if (!http_rows_begin(r) || !http_query_known(r, known))
        return;
    http_list_begin(&j, "sessions");
    for (unsigned g = 0; g < c->gateway_count; g++) {
        const struct table *t = c->gateways[g]->sessions;
        http_rows_spend(r, table_count(t));
        for (uint32_t i = 0; i < table_slots(t); i++) {
            const struct session *s = table_at(t, i);
            const char *party = s ? party_of(r, s, http_principal(r)->tenant) : NULL;
            if (party)
                view_session(&j, NULL, s, party);
        }
    }
    http_list_end(r, &j, NULL);
}

/* Instruments: everybody's
 * -------------------------------------------------------------------------------------------------------- */

void http_instruments_list(struct web_request *r)
{
    static const char *const known[] = {NULL};
    const struct table *t = distribution_of(r)->instruments;
    struct json j;
    if (!http_rows_begin(r) || !http_query_known(r, known))
        return;
    http_rows_spend(r, table_count(t));
    http_list_begin(&j, "instruments");
    for (uint32_t i = 0; i < table_slots(t); i++) {
        const struct instrument *x = table_at(t, i);
        if (x)
            view_instrument(&j, NULL, x);
    }
    http_list_end(r, &j, NULL);
}

void http_instrument_get(struct web_request *r)
{
    char symbol[SYMBOL_SIZE];
    const struct instrument *x = padded_param(r, symbol, sizeof symbol)
                                     ? distribution_instrument_by_symbol(distribution_of(r), symbol)
                                     : NULL;
    if (!x) {
        web_problem(r, 404, "unknown_symbol", "there is no instrument %.40s", web_param(r, 0));
        return;
    }
    struct json j = {0};
    view_instrument(&j, NULL, x);
    http_json_tagged(r, &j);
}
