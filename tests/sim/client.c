/* A client of the control core, as HTTP and WebSocket would be: RFQs, acceptances, cancels and extensions by
 * commands with keys (control/client). It asks again under the same key whenever the appliance was killed
 * before it answered, and now and then though it was answered; what it got once it must get again, after any
 * crash. It outlives the appliance; what it knows of a run of it (struct clients) does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client/client.h"
#include "tests/sim/world.h"

#define ASKED_AGAIN_PERCENT 30
#define KEYS_MAX            64

enum ask { ASK_RFQ, ASK_ACCEPT, ASK_CANCEL, ASK_EXTEND };

/* One command, until it is answered; and then what the answer was. */
struct asked {
    struct sim_client *client;
    enum ask what;
    uint64_t rfq, quote, deadline_ns;
    uint64_t due_ns; /* to be asked (again); 0: no more */
    bool under_way, answered;
    unsigned again; /* times to ask again for the answer that is known */
    uint64_t answer_rfq, answer_value;
    uint16_t answer_reason;
};

struct sim_client {
    struct world *world;
    struct clients *clients;
    const struct config_user *user;
    uint64_t random;
    unsigned wanted; /* RFQs */
    struct asked asked[KEYS_MAX];
    unsigned count;
};

static uint64_t draw(struct sim_client *c, uint64_t below)
{
    return party_random(&c->random) % below;
}

static void add(struct sim_client *c, enum ask what, uint64_t rfq, uint64_t after_ns)
{
    if (c->count < KEYS_MAX)
        c->asked[c->count++] =
            (struct asked){.client = c, .what = what, .rfq = rfq, .due_ns = c->world->now_ns + after_ns};
}

/* What follows from an RFQ that is open: one of its quotes is taken, or it is extended or cancelled. */
static void plan(struct sim_client *c, uint64_t rfq)
{
    uint64_t soon = (1 + draw(c, 300)) * 1000000;
    switch (draw(c, 4)) {
    case 0:
        add(c, ASK_CANCEL, rfq, soon);
        break;
    case 1:
        add(c, ASK_EXTEND, rfq, soon);
        add(c, ASK_ACCEPT, rfq, 2 * soon);
        break;
    case 2:
        add(c, ASK_ACCEPT, rfq, soon);
        break;
    default: /* left to its deadline */
        break;
    }
}

static void on_answer(void *ctx, const struct client_answered *answer)
{
    struct asked *a = ctx;
    struct sim_client *c = a->client;
    a->under_way = false;
    if (!answer || answer->reason == REASON_LIMIT) { /* not known, or not now: under the same key again */
        a->due_ns = c->world->now_ns + 50000000;
        return;
    }
    if (a->answered && !c->world->options.unsynced && /* then a power cut may forget what was answered */
        (answer->rfq != a->answer_rfq || answer->reason != a->answer_reason ||
         answer->value != a->answer_value || !answer->repeated))
        world_wrong(c->world, "key %u: answered as RFQ %llx, reason %u, then as %llx, %u%s",
                    (unsigned)(a - c->asked), (unsigned long long)a->answer_rfq, a->answer_reason,
                    (unsigned long long)answer->rfq, answer->reason, answer->repeated ? "" : ", anew");
    bool first = !a->answered;
    a->answered = true;
    a->answer_rfq = answer->rfq;
    a->answer_reason = answer->reason;
    a->answer_value = answer->value;
    if (first)
        a->again = draw(c, 100) < ASKED_AGAIN_PERCENT ? 1 + (unsigned)draw(c, 3) : 0;
    a->due_ns = a->again ? c->world->now_ns + draw(c, 400) * 1000000 : 0;
    if (first && a->what == ASK_RFQ && answer->reason == REASON_NONE)
        plan(c, answer->rfq);
}

/* The best quote of the RFQ as the replica has it; 0: none stands. */
static uint64_t best_quote(const struct sim_client *c, uint64_t rfq)
{
    const struct distribution_state *s = replica_config(node_replica(c->world->node))->distribution;
    const struct rfq *r = distribution_rfq(s, rfq);
    const struct quote *q = r ? distribution_first_quote(s, r) : NULL;
    return q ? q->id : 0;
}

static enum err send_asked(struct sim_client *c, struct asked *a)
{
    struct principal me = {.user = c->user, .roles = USER_TRADER};
    static const enum body_kind kinds[] = {[ASK_RFQ] = BODY_RFQ,
                                           [ASK_ACCEPT] = BODY_ACCEPT,
                                           [ASK_CANCEL] = BODY_CANCEL,
                                           [ASK_EXTEND] = BODY_EXTEND};
    char key[32];
    union body body;
    unsigned n = (unsigned)(a - c->asked);
    const struct client_who who = {.principal = &me, .key = key};
    const struct rfq rfq = {.id = a->rfq};
    snprintf(key, sizeof key, "key-%u", n);
    memset(&body, 0, sizeof body);
    switch (a->what) {
    case ASK_RFQ:
        strcpy(body.rfq.symbol, "EURUSD");
        snprintf(body.rfq.reference, sizeof body.rfq.reference, "client-%u", n);
        body.rfq.quantity = (int64_t)(1 + n) * 100000000000000;
        body.rfq.expires_ns = a->deadline_ns;
        body.rfq.side = n % 2 ? SIDE_BUY : SIDE_SELL;
        break;
    case ASK_ACCEPT:
        body.accept.quote = a->quote;
        break;
    case ASK_CANCEL:
        body.cancel.reason = REASON_REQUIREMENTS_CHANGED;
        break;
    case ASK_EXTEND:
        strcpy(body.extend.reason, "more time");
        break;
    }
    return client_ask(c->clients, &who, kinds[a->what], &body, a->rfq ? &rfq : NULL, on_answer, a);
}

static unsigned ask_due(struct sim_client *c, struct asked *a)
{
    if (a->under_way || !a->due_ns || c->world->now_ns < a->due_ns)
        return 0;
    if (a->what == ASK_ACCEPT && !a->quote && !(a->quote = best_quote(c, a->rfq))) {
        a->due_ns = 0; /* nothing to accept: the deadline will end it */
        return 0;
    }
    if (!a->deadline_ns)
        a->deadline_ns = c->world->now_ns + (500 + draw(c, 3000)) * 1000000;
    if (a->answered && a->again)
        a->again--;
    a->under_way = send_asked(c, a) == OK;
    a->due_ns = a->under_way ? 0 : c->world->now_ns + 20000000;
    return 1;
}

static void watch(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    (void)first_seq;
    (void)end;
    clients_applied(ctx, b);
}

/* The appliance runs (again): what was under way is asked again. */
bool sim_client_attach(struct sim_client *c)
{
    struct world *w = c->world;
    c->user = &w->config->users[0];
    if (clients_create(&c->clients, w->node, w->counters, w->now_ns) != OK)
        return world_wrong(w, "no memory");
    replica_watch(node_replica(w->node), watch, c->clients);
    for (unsigned i = 0; i < c->count; i++)
        if (c->asked[i].under_way) {
            c->asked[i].under_way = false;
            c->asked[i].due_ns = w->now_ns + draw(c, 100) * 1000000;
        }
    return true;
}

void sim_client_detach(struct sim_client *c)
{
    if (c->clients)
        clients_destroy(c->clients);
    c->clients = NULL;
}

unsigned sim_client_poll(struct sim_client *c)
{
    unsigned work = clients_poll(c->clients, c->world->now_ns);
    for (unsigned i = 0; i < c->count; i++)
        work += ask_due(c, &c->asked[i]);
    return work;
}

uint64_t sim_client_next_ns(const struct sim_client *c)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < c->count; i++)
        if (c->asked[i].due_ns && c->asked[i].due_ns < next)
            next = c->asked[i].due_ns;
    return next;
}

bool sim_client_done(const struct sim_client *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->asked[i].under_way || c->asked[i].due_ns)
            return false;
    return true;
}

struct sim_client *sim_client_open(struct world *w, unsigned requests)
{
    struct sim_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->world = w;
    c->random = w->options.seed * 977 + 5;
    for (unsigned i = 0; i < requests && i < KEYS_MAX / 3; i++)
        add(c, ASK_RFQ, 0, draw(c, 2000) * 1000000);
    return c;
}

void sim_client_close(struct sim_client *c)
{
    sim_client_detach(c);
    free(c);
}
