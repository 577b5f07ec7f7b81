#include "tools/sim/party.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/decimal.h"

struct party {
    const struct party_kind *kind;
    void *self;
    struct endpoint endpoint;
    char journal[512];
};

enum option_kind {
    OPT_TEXT,
    OPT_NUMBER,
    OPT_DECIMAL,
    OPT_MICROSECONDS,
    OPT_MILLISECONDS,
    OPT_CHAR,
    OPT_PERCENT
};

static const struct option {
    const char *name;
    enum option_kind kind;
    size_t offset, size;
} options[] = {
#define OPTION(name, kind, member)                                                                      \
    {                                                                                                   \
        name, kind, offsetof(struct party_options, member), sizeof(((struct party_options *)0)->member) \
    }
    OPTION("name", OPT_TEXT, name),
    OPTION("target", OPT_TEXT, target),
    OPTION("seed", OPT_NUMBER, seed),
    OPTION("mid", OPT_DECIMAL, mid),
    OPTION("spread", OPT_DECIMAL, spread),
    OPTION("tick", OPT_DECIMAL, tick),
    OPTION("delay_us", OPT_MICROSECONDS, delay_min_ns),
    OPTION("delay_max_us", OPT_MICROSECONDS, delay_max_ns),
    OPTION("valid_ms", OPT_MILLISECONDS, valid_ns),
    OPTION("reject", OPT_PERCENT, reject_percent),
    OPTION("silent", OPT_PERCENT, silent_percent),
    OPTION("requote", OPT_PERCENT, requote_percent),
    OPTION("order_reject", OPT_PERCENT, order_reject_percent),
    OPTION("order_silent", OPT_PERCENT, order_silent_percent),
    OPTION("partial", OPT_PERCENT, partial_percent),
    OPTION("exec_repeat", OPT_PERCENT, exec_repeat_percent),
    OPTION("quote_repeat", OPT_PERCENT, quote_repeat_percent),
    OPTION("quote_withdraw", OPT_PERCENT, quote_withdraw_percent),
    OPTION("late_fill", OPT_PERCENT, late_fill_percent),
    OPTION("peer_reject", OPT_PERCENT, peer_reject_percent),
    OPTION("ack", OPT_CHAR, ack),
    OPTION("rate", OPT_NUMBER, rate),
    OPTION("count", OPT_NUMBER, count),
    OPTION("deadline_ms", OPT_MILLISECONDS, deadline_ns),
    OPTION("patience_ms", OPT_MILLISECONDS, patience_ns),
    OPTION("start_ms", OPT_MILLISECONDS, start_ns),
    OPTION("quotes", OPT_PERCENT, quotes),
    OPTION("collect_ms", OPT_MILLISECONDS, collect_ns),
    OPTION("accept", OPT_CHAR, accept),
    OPTION("two_way", OPT_PERCENT, two_way_percent),
    OPTION("withdraw", OPT_PERCENT, withdraw_percent),
    OPTION("pass", OPT_PERCENT, pass_percent),
    OPTION("cancel", OPT_PERCENT, cancel_percent),
    OPTION("again", OPT_PERCENT, again_percent),
    OPTION("symbol", OPT_TEXT, symbol),
    OPTION("quantity", OPT_DECIMAL, quantity),
    OPTION("script", OPT_TEXT, script),
#undef OPTION
};

static bool set_address(const char *value, struct sockaddr_in *out)
{
    char host[64];
    const char *colon = strrchr(value, ':');
    if (!colon || (size_t)(colon - value) >= sizeof host)
        return false;
    memcpy(host, value, (size_t)(colon - value));
    host[colon - value] = 0;
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t)atoi(colon + 1));
    return inet_pton(AF_INET, host, &out->sin_addr) == 1 && out->sin_port;
}

static bool set_option(const struct option *o, void *at, const char *value)
{
    char *end;
    uint64_t number = strtoull(value, &end, 10);
    bool whole = *value && !*end;
    unsigned percent = (unsigned)number;
    switch (o->kind) {
    case OPT_TEXT:
        if (strlen(value) >= o->size)
            return false;
        strcpy(at, value);
        return true;
    case OPT_CHAR:
        *(char *)at = value[0];
        return value[0] && !value[1];
    case OPT_DECIMAL:
        return decimal_parse(value, strlen(value), at) == OK;
    case OPT_PERCENT:
        memcpy(at, &percent, sizeof percent);
        return whole && number <= 100;
    case OPT_MICROSECONDS:
        number *= 1000;
        break;
    case OPT_MILLISECONDS:
        number *= 1000000;
        break;
    case OPT_NUMBER:
        break;
    }
    memcpy(at, &number, sizeof number);
    return whole;
}

static bool set_one(struct party_options *o, const char *key, const char *value)
{
    if (strcmp(key, "connect") == 0 || strcmp(key, "listen") == 0) {
        o->initiator = key[0] == 'c';
        return set_address(value, &o->address);
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, key) == 0)
            return set_option(&options[i], (char *)o + options[i].offset, value);
    return false;
}

bool party_parse(const char *text, bool *is_lp, struct party_options *o, char *why, size_t why_size)
{
    char copy[1024], *at = copy, *item;
    *o = (struct party_options){.target = "RFQD",
                                .seed = 1,
                                .mid = 110000000,
                                .spread = 20000,
                                .tick = 1000,
                                .delay_min_ns = 200000,
                                .delay_max_ns = 400000,
                                .ack = 'b',
                                .rate = 10,
                                .deadline_ns = 5000000000ull,
                                .patience_ns = 20000000000ull,
                                .quotes = 1,
                                .collect_ns = 200000000ull,
                                .accept = 'x',
                                .symbol = "EURUSD",
                                .quantity = 1000000ll * DECIMAL_SCALE};
    *is_lp = strncmp(text, "lp:", 3) == 0;
    if ((!*is_lp && strncmp(text, "taker:", 6) != 0) || strlen(text) >= sizeof copy) {
        snprintf(why, why_size, "'%.40s' begins with neither lp: nor taker:", text);
        return false;
    }
    strcpy(copy, strchr(text, ':') + 1);
    while ((item = strsep(&at, ",")) != NULL) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = 0;
        if (!value || !set_one(o, item, value)) {
            snprintf(why, why_size, "'%.40s': unknown, or not of its form", item);
            return false;
        }
    }
    if (o->delay_max_ns < o->delay_min_ns)
        o->delay_max_ns = o->delay_min_ns;
    if (*is_lp && o->script[0]) {
        snprintf(why, why_size, "'script' is for takers");
        return false;
    }
    if (!o->name[0] || !o->address.sin_family || !o->rate) {
        snprintf(why, why_size, "name, connect or listen, and a rate above 0 are needed");
        return false;
    }
    return true;
}

static void on_message(void *ctx, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns)
{
    struct party *p = ctx;
    p->kind->message(p->self, e, m, now_ns);
}

struct party *party_open(bool is_lp, const struct party_options *o, const char *directory, struct port *port)
{
    struct party *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->kind = is_lp ? &lp_kind : o->script[0] ? &scripted_kind : &taker_kind;
    if (directory)
        snprintf(p->journal, sizeof p->journal, "%s/%s.journal", directory, o->name);
    struct endpoint_config c = {.fix = {.initiator = o->initiator,
                                        .heartbeat_s = 5,
                                        .logon_timeout_ms = 5000,
                                        .logout_timeout_ms = 2000,
                                        .time_tolerance_s = 120,
                                        .validate = true,
                                        .precision = FIX_TIME_MS},
                                .address = o->address,
                                .journal = directory ? p->journal : NULL,
                                .message = on_message,
                                .ctx = p};
    memcpy(c.fix.sender, o->name, sizeof c.fix.sender);
    memcpy(c.fix.target, o->target, sizeof c.fix.target);
    enum err e = endpoint_open(&p->endpoint, &c, port, (uint64_t)(uintptr_t)&p->endpoint);
    if (e != OK) {
        fprintf(stderr, "rfqsim: %s: %s\n", o->name, err_text(e));
        endpoint_close(&p->endpoint);
        free(p);
        return NULL;
    }
    p->self = p->kind->open(o, &p->endpoint);
    if (!p->self) {
        endpoint_close(&p->endpoint);
        free(p);
        return NULL;
    }
    return p;
}

void party_close(struct party *p)
{
    p->kind->close(p->self);
    endpoint_close(&p->endpoint);
    free(p);
}

struct endpoint *party_endpoint(struct party *p)
{
    return &p->endpoint;
}

unsigned party_poll(struct party *p, uint64_t now_ns)
{
    unsigned work = p->kind->poll(p->self, now_ns);
    endpoint_tick(&p->endpoint, now_ns);
    return work;
}

uint64_t party_next_ns(const struct party *p)
{
    const struct endpoint *e = &p->endpoint;
    uint64_t own = p->kind->next_ns(p->self);
    uint64_t connect = e->conn == PORT_CONN_NONE && e->config.fix.initiator ? e->reconnect_ns : UINT64_MAX;
    return own < connect ? own : connect;
}

void party_ask_no_more(struct party *p)
{
    if (p->kind->ask_no_more)
        p->kind->ask_no_more(p->self);
}

bool party_done(const struct party *p)
{
    return !p->kind->done || p->kind->done(p->self);
}

bool party_fine(const struct party *p)
{
    return !p->kind->fine || p->kind->fine(p->self);
}

void party_print(const struct party *p, FILE *to)
{
    p->kind->print(p->self, to);
}
