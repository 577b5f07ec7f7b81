/* Party: a simulated taker or LP on one endpoint, described by text:
 * `lp:name=LP1,connect=127.0.0.1:9880,spread=0.0002`.
 *
 * Every party is deterministic in what it decides (seeded), not in when: it lives in real time.
 */
#ifndef RFQD_SIM_PARTY_H
#define RFQD_SIM_PARTY_H

#include "dataplane/core/histogram.h"
#include "tools/sim/endpoint.h"

#define PARTIES_MAX 64

struct party_options {
    char name[ID_TEXT_SIZE];   /* its CompID */
    char target[ID_TEXT_SIZE]; /* rfqd's CompID: RFQD */
    struct sockaddr_in address;
    bool initiator;
    uint64_t seed;
    unsigned peer_reject_percent; /* of messages: answered by a Reject (3) or BusinessMessageReject (j) */
    /* LP */
    int64_t mid, spread, tick;
    uint64_t delay_min_ns, delay_max_ns; /* before each answer */
    uint64_t valid_ns;                   /* quotes carry ValidUntilTime so far ahead; 0: none */
    unsigned reject_percent, silent_percent, requote_percent;             /* of requests */
    unsigned order_reject_percent, order_silent_percent, partial_percent; /* of orders */
    unsigned exec_repeat_percent, quote_repeat_percent; /* of executions, quotes: said again under their id */
    unsigned quote_withdraw_percent;                    /* of quotes: taken back by QuoteCancel (Z) */
    unsigned late_fill_percent; /* of orders: filled seconds later, and not cancelled meanwhile */
    char ack;                                           /* 'b', 'i' (AI), '-' none before the quote */
    /* taker */
    uint64_t rate;  /* requests a second */
    uint64_t count; /* requests in all; 0: until stopped */
    uint64_t deadline_ns;
    uint64_t patience_ns; /* so long after its deadline a request without an end counts as unanswered */
    uint64_t start_ns;    /* the first request, after the session is up */
    unsigned quotes;      /* accept when so many stand */
    uint64_t collect_ns;  /* or so long after the first */
    char accept;          /* 'a' AJ, 'd' NewOrderSingle, 'x' in turn, '-' never */
    unsigned two_way_percent, withdraw_percent; /* of requests: without a side; withdrawn (Z), at any time */
    unsigned pass_percent;                      /* of requests: AJ with 694=6 instead of an acceptance */
    unsigned cancel_percent;                    /* of acceptances: the order is cancelled (F) */
    unsigned
        again_percent; /* of requests: the same once more, with PossResend or without; of acceptances: with */
    char symbol[SYMBOL_SIZE];
    int64_t quantity;
    char script[256]; /* a taker by script: its file; empty: by rate */
};

/* False: `why` says what is wrong with it. */
bool party_parse(const char *text, bool *is_lp, struct party_options *out, char *why, size_t why_size);

struct party;
/* NULL: it has said on stderr why. directory: where its journal <name>.journal is; NULL: in memory. */
struct party *party_open(bool is_lp, const struct party_options *o, const char *directory, struct port *port);
void party_close(struct party *p);
struct endpoint *party_endpoint(struct party *p);
/* Due work and the endpoint's tick. Returns the work done. */
unsigned party_poll(struct party *p, uint64_t now_ns);
/* When it has something to do by itself; for a made-up clock. May be past while its session is down. */
uint64_t party_next_ns(const struct party *p);
/* A taker asks nothing more; what it has asked goes on to its end. */
void party_ask_no_more(struct party *p);
/* A taker that has seen the end of all its requests; an LP always. */
bool party_done(const struct party *p);
/* Nothing it expected was missing or wrong. */
bool party_fine(const struct party *p);
/* One line of JSON: counts and latencies. */
void party_print(const struct party *p, FILE *to);

/* What parties are: lp.c; taker.c; scripted.c, a taker by script. self: what open returned; NULL: it has said
 * on stderr why not. */
struct party_kind {
    void *(*open)(const struct party_options *o, struct endpoint *e);
    void (*close)(void *self);
    void (*message)(void *self, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns);
    unsigned (*poll)(void *self, uint64_t now_ns);
    uint64_t (*next_ns)(const void *self);
    void (*ask_no_more)(void *self);                           /* NULL: it asks nothing */
    bool (*done)(const void *self), (*fine)(const void *self); /* NULL: always */
    void (*print)(const void *self, FILE *to);
};
extern const struct party_kind lp_kind, taker_kind, scripted_kind;
/* The script of an options' `script`, checked; all errors go to stderr, with file and line. */
struct script *scripted_load(const char *path);

/* A text key → pointer map that grows; keys up to ID_TEXT_SIZE. */
struct map;
struct map *map_new(void);
void map_free(struct map *m);
void map_free_values(struct map *m); /* with what it points to */
void **map_at(struct map *m, const char *key, bool make);

static inline uint64_t party_random(uint64_t *state)
{
    uint64_t x = (*state += 0x9e3779b97f4a7c15ull);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

#endif
