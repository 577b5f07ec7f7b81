/* LPs, takers, instruments: reference data and statistics, from the replica's copies. */
#include <stdio.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/core/text.h"

static bool lp_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    (void)wanted;
    char session[ID_TEXT_SIZE];
    const struct table *t = ops_copies(r)->distribution->lps;
    if (at >= table_slots(t))
        return false;
    const struct lp *l = table_at(t, at);
    if (!l)
        return true;
    json_open(r->out, NULL, '{');
    json_chars(r->out, "lp", l->code, sizeof l->code);
    json_text(r->out, "status", lp_status_name(l->status));
    json_text(r->out, "session", ops_session_label(r, l->session, session));
    json_text(r->out, "session_state", session_status_name(l->session_state));
    json_uint(r->out, "session_lost", l->session_lost);
    json_uint(r->out, "open_rfqs", l->open_rfqs);
    json_uint(r->out, "released", l->released);
    json_uint(r->out, "acknowledged", l->acknowledged);
    json_uint(r->out, "quoted", l->quoted);
    json_uint(r->out, "declined", l->declined);
    json_uint(r->out, "no_response", l->no_response);
    json_uint(r->out, "rejected", l->rejected);
    json_uint(r->out, "failed", l->failed);
    json_uint(r->out, "quotes", l->quotes);
    json_uint(r->out, "quotes_refused", l->quotes_refused);
    json_uint(r->out, "withdrawals", l->withdrawals);
    json_uint(r->out, "wins", l->wins);
    json_uint(r->out, "defaults", l->defaults);
    json_close(r->out, '}');
    json_line(r->out);
    return true;
}

void ops_lps(struct ops_request *r)
{
    ops_rows(r, lp_row);
}

/* "all", or the numbers of the bits: "0, 3". */
static void classes_text(uint32_t classes, char out[OPS_TEXT_SIZE])
{
    struct text t = text_in(out, OPS_TEXT_SIZE);
    if (classes == UINT32_MAX || !classes)
        text_add(&t, classes ? "all" : "none");
    for (unsigned bit = 0; classes != UINT32_MAX && bit < 32; bit++)
        if (classes & 1u << bit) {
            text_add(&t, text_length(&t) ? ", " : "");
            text_add_number(&t, bit);
        }
}

void ops_lp(struct ops_request *r)
{
    char classes[OPS_TEXT_SIZE];
    char code[sizeof((struct lp *)0)->code] = {0}, session[ID_TEXT_SIZE];
    if (strlen(r->arguments[0]) < sizeof code)
        memcpy(code, r->arguments[0], strlen(r->arguments[0]));
    const struct lp *l = *code ? distribution_lp_by_code(ops_copies(r)->distribution, code) : NULL;
    if (l) {
        classes_text(l->asset_classes, classes);
        ops_entity(r, "lps", l, "session_name", ops_session_label(r, l->session, session),
                   (const struct ops_name[]){{"asset_classes_name", classes}, {NULL, NULL}});
    } else
        ops_fail(r, "not_found", "there is no LP '%.40s'; 'lps' lists them", r->arguments[0]);
}

static bool taker_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    (void)wanted;
    char session[ID_TEXT_SIZE];
    const struct table *t = ops_copies(r)->distribution->takers;
    if (at >= table_slots(t))
        return false;
    const struct taker *k = table_at(t, at);
    if (!k)
        return true;
    json_open(r->out, NULL, '{');
    json_chars(r->out, "taker", k->code, sizeof k->code);
    json_text(r->out, "session", ops_session_label(r, k->session, session));
    json_text(r->out, "session_state", session_status_name(k->session_state));
    json_uint(r->out, "tenant", k->tenant);
    json_uint(r->out, "rfqs", k->rfqs);
    json_close(r->out, '}');
    json_line(r->out);
    return true;
}

void ops_takers(struct ops_request *r)
{
    ops_rows(r, taker_row);
}

static bool instrument_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    (void)wanted;
    const struct table *t = ops_copies(r)->distribution->instruments;
    if (at >= table_slots(t))
        return false;
    const struct instrument *in = table_at(t, at);
    if (!in)
        return true;
    json_open(r->out, NULL, '{');
    json_chars(r->out, "symbol", in->symbol, sizeof in->symbol);
    json_chars(r->out, "currency", in->currency, sizeof in->currency);
    json_uint(r->out, "asset_class", in->asset_class);
    json_decimal(r->out, "tick", in->tick);
    json_decimal(r->out, "lot", in->lot);
    json_decimal(r->out, "quantity_min", in->quantity_min);
    json_decimal(r->out, "quantity_max", in->quantity_max);
    json_decimal(r->out, "reference_price", in->reference_price);
    json_decimal(r->out, "collar_percent", in->collar_percent);
    json_flag(r->out, "tradable", in->tradable);
    json_close(r->out, '}');
    json_line(r->out);
    return true;
}

void ops_instruments(struct ops_request *r)
{
    ops_rows(r, instrument_row);
}
