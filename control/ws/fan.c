/* Fan-out: an event is made into bytes once, and goes to everybody who listens, each with the seq that it had
 * before. A peer that does not read has a queue; nobody else waits for it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ws/inside.h"

/* Messages
 * -------------------------------------------------------------------------------------------------------- */

struct ws_message *message_new(struct ws *w, const char *text, size_t size)
{
    struct ws_message *m = malloc(sizeof *m + size);
    if (!m)
        return NULL;
    *m = (struct ws_message){.references = 1, .size = size, .next_kept = w->kept};
    w->kept = m; /* that reference is ours, until what was sent of it has gone */
    memcpy(m->text, text, size);
    return m;
}

void message_drop(struct ws_message *m)
{
    if (--m->references == 0)
        free(m);
}

/* After a flush: nobody needs the bytes but queues. */
void fan_release(struct ws *w)
{
    while (w->kept) {
        struct ws_message *m = w->kept;
        w->kept = m->next_kept;
        message_drop(m);
    }
}

/* A frame's head, and with it what is this receiver's own. */
static size_t print_head(const struct ws_conn *c, const struct ws_message *m, char out[48])
{
    char prev[32];
    size_t prev_size =
        m->whole ? 0 : (size_t)snprintf(prev, sizeof prev, "{\"prev\":%" PRIu64 ",", c->prev_seq);
    size_t size = prev_size + m->size, used = 2;
    out[0] = (char)0x81; /* FIN, text */
    if (size < 126) {
        out[1] = (char)size;
    } else if (size < 65536) {
        out[1] = 126;
        out[2] = (char)(size >> 8);
        out[3] = (char)size;
        used = 4;
    } else {
        out[1] = 127;
        for (unsigned i = 0; i < 8; i++)
            out[2 + i] = (char)((uint64_t)size >> (56 - 8 * i));
        used = 10;
    }
    memcpy(out + used, prev, prev_size);
    return used + prev_size;
}

static void sent(struct ws_conn *c, const struct ws_message *m)
{
    if (m->seq > c->prev_seq)
        c->prev_seq = m->seq;
    counter_add(c->ws->sent, 1);
}

static void write_now(struct ws_conn *c, struct ws_message *m)
{
    char head[48];
    struct ws *w = c->ws;
    struct web *web = *w->config.web;
    web_conn_write(web, c->web, head, print_head(c, m, head));
    web_conn_write_shared(web, c->web, m->text, m->size);
    sent(c, m);
}

/* Slow readers
 * ----------------------------------------------------------------------------------------------------- */

static void queue_remove(struct ws_conn *c, struct queued *q, struct queued *before)
{
    if (before)
        before->next = q->next;
    else
        c->queue_first = q->next;
    if (c->queue_last == q)
        c->queue_last = before;
    c->queue_size -= q->message->size;
    message_drop(q->message);
    free(q);
}

/* What a newer one of the same RFQ makes worthless: countdowns, rankings. Never a state or a fill. */
static void coalesce(struct ws_conn *c, const struct ws_message *m)
{
    struct queued *before = NULL;
    for (struct queued *q = c->queue_first; m->superseded && q; before = q, q = q->next)
        if (q->message->superseded == m->superseded && q->message->rfq == m->rfq) {
            queue_remove(c, q, before);
            counter_add(c->ws->coalesced, 1);
            return;
        }
}

static void queue_add(struct ws_conn *c, struct ws_message *m)
{
    coalesce(c, m);
    struct queued *q = malloc(sizeof *q);
    if (!q || c->queue_size + m->size > WS_QUEUE_MAX) {
        free(q);
        counter_add(c->ws->slow, 1);
        conn_close(c, 1013, "slow consumer: resume later");
        return;
    }
    m->references++;
    *q = (struct queued){.message = m};
    if (c->queue_last)
        c->queue_last->next = q;
    else
        c->queue_first = q;
    c->queue_last = q;
    c->queue_size += m->size;
    if (!c->is_backed) {
        c->is_backed = true;
        c->next_backed = c->ws->backed;
        c->ws->backed = c;
    }
}

void message_send(struct ws_conn *c, struct ws_message *m)
{
    if (c->closing)
        return;
    if (c->queue_first || web_conn_backlog(*c->ws->config.web, c->web) > WS_BACKLOG_MAX)
        queue_add(c, m);
    else
        write_now(c, m);
}

void queue_pump(struct ws_conn *c)
{
    struct web *web = *c->ws->config.web;
    while (c->queue_first && !c->closing && web_conn_backlog(web, c->web) <= WS_BACKLOG_MAX) {
        struct queued *q = c->queue_first;
        struct ws_message *m = q->message;
        char head[48];
        size_t head_size = print_head(c, m, head);
        web_conn_write(web, c->web, head, head_size);
        web_conn_write(web, c->web, m->text, m->size);
        sent(c, m);
        queue_remove(c, q, NULL);
        web_flush(web); /* so that the backlog tells */
    }
}

void queue_clear(struct ws_conn *c)
{
    while (c->queue_first)
        queue_remove(c, c->queue_first, NULL);
}

/* Events
 * -----------------------------------------------------------------------------------------------------------
 */

static struct topic *topics_of(struct ws *w, const struct feed_event *e, unsigned i)
{
    const struct config *config = w->config.config;
    if (i == 0)
        return e->rfq ? topic_find(w, TOPIC_RFQ, e->rfq) : NULL;
    if (i == 2)
        return topic_find(w, TOPIC_TENANT, e->owner.tenant);
    for (unsigned t = 0; e->rfq && t < config->tenant_count; t++)
        if (config->tenants[t].number == e->owner.tenant)
            return topic_find(w, TOPIC_TRADER, topic_trader_id(config->tenants[t].name, e->owner.taker));
    return NULL;
}

bool fan_wants(void *ctx, const struct feed_event *e)
{
    struct ws *w = ctx;
    for (unsigned i = 0; i < 3 && w->topic_count; i++)
        if (topics_of(w, e, i))
            return true;
    return false;
}

static const char *superseded_name(const char *name)
{
    return strcmp(name, "quotes:ranked") == 0 ? "quotes:ranked" : NULL;
}

static void to_all(struct ws *w, const struct feed_event *e, struct ws_message *m)
{
    w->event_number++;
    for (unsigned i = 0; i < 3; i++) {
        struct topic *t = topics_of(w, e, i);
        for (struct subscription *s = t ? t->first : NULL, *next; s; s = next) {
            struct ws_conn *c = s->conn;
            next = s->topic_next;
            if (c->mark == w->event_number || c->reader || c->who.tenant != e->owner.tenant)
                continue; /* it has it, or will read it from the log */
            c->mark = w->event_number;
            message_send(c, m);
        }
    }
}

void fan_event(void *ctx, const struct feed_event *e)
{
    struct ws *w = ctx;
    struct ws_message *m = message_new(w, e->text, e->size);
    if (!m)
        return;
    m->seq = e->seq;
    m->rfq = e->rfq;
    m->superseded = superseded_name(e->name);
    to_all(w, e, m);
}

/* Countdowns
 * ------------------------------------------------------------------------------------------------------------
 */

static void countdown(struct ws *w, const struct rfq *rfq, const struct feed_event *e)
{
    struct json *j = &w->text;
    uint64_t left = rfq->deadline_ns > w->now_ns ? rfq->deadline_ns - w->now_ns : 0;
    j->used = 0;
    j->comma = j->failed = false;
    json_open(j, NULL, '{');
    json_text(j, "event", "rfq:countdown");
    json_time(j, "ts", w->now_ns);
    json_open(j, "data", '{');
    json_name(j, "rfqId", 'R', rfq->id);
    json_uint(j, "timeRemaining", (left + S_NS - 1) / S_NS);
    json_time(j, "expiresAt", rfq->deadline_ns);
    json_close(j, '}');
    json_close(j, '}');
    struct ws_message *m = j->failed ? NULL : message_new(w, j->text, j->used);
    if (!m)
        return;
    m->whole = true;
    m->rfq = rfq->id;
    m->superseded = "rfq:countdown";
    to_all(w, e, m);
}

/* Once a second, for each open RFQ that somebody listens to. */
void fan_countdowns(struct ws *w)
{
    const struct distribution_state *s = replica_config(node_replica(w->config.node))->distribution;
    if (!w->topic_count)
        return;
    for (uint32_t i = 0; i < table_slots(s->rfqs); i++) {
        const struct rfq *rfq = table_at(s->rfqs, i);
        if (!rfq || rfq->state != RFQ_BIDDING_OPEN)
            continue;
        const struct taker *taker = distribution_taker(s, rfq->taker);
        struct feed_event e = {.rfq = rfq->id, .owner = {.rfq = rfq->id, .tenant = rfq->tenant}};
        if (taker)
            memcpy(e.owner.taker, taker->code, sizeof e.owner.taker);
        if (fan_wants(w, &e))
            countdown(w, rfq, &e);
    }
}
