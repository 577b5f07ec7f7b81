/* Fan-out: an event is made into bytes once, and goes to everybody who listens, each with the seq that it had
 * before. A peer that does not read has a queue; nobody else waits for it.
 *
 * What costs is the kernel's send, once for each receiver, and many times what the rest does. So the
 * events of one poll are gathered first, each connection noting by a bit which of them are its own, and then
 * every connection gets all of its own in one piece. Connections that had the same event last and get the
 * same ones now, which is nearly everybody, share the bytes: whole frames, sent without being copied. The
 * more there is to say, the less it costs to say it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ws/inside.h"

#define HEAD_SIZE       48
#define FRAMES_SIZE_MAX (1024u * 1024u) /* made in one poll before they are sent */

const char *const ws_passing_names[PASSING_NOT] = {
#define X(name, text) text,
    PASSING(X)
#undef X
};

/* Messages
 * -------------------------------------------------------------------------------------------------------- */

static struct ws_message *message_room(struct ws_message **list, size_t size)
{
    struct ws_message *m = malloc(sizeof *m + size);
    if (!m)
        return NULL;
    *m = (struct ws_message){.references = 1, .passing = PASSING_NOT, .size = size, .next_kept = *list};
    *list = m; /* that reference is ours, until what was sent of it has gone */
    return m;
}

struct ws_message *ws_message_new(struct ws *w, const char *text, size_t size)
{
    struct ws_message *m = message_room(&w->kept, size);
    if (m)
        memcpy(m->text, text, size);
    return m;
}

void ws_message_drop(struct ws_message *m)
{
    if (--m->references == 0)
        free(m);
}

static void drop_all(struct ws_message **list)
{
    while (*list) {
        struct ws_message *m = *list;
        *list = m->next_kept;
        ws_message_drop(m);
    }
}

/* After a flush: nobody needs the bytes but queues. */
void ws_fan_release(struct ws *w)
{
    drop_all(&w->kept);
    drop_all(&w->frames);
    w->frames_size = 0;
}

/* A frame's head, and with it what is the receiver's own: which event it had before. */
static size_t print_head(uint64_t prev_seq, const struct ws_message *m, char out[HEAD_SIZE])
{
    char prev[32];
    size_t prev_size = m->whole ? 0 : (size_t)snprintf(prev, sizeof prev, "{\"prev\":%" PRIu64 ",", prev_seq);
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
    char head[HEAD_SIZE];
    struct ws *w = c->ws;
    struct web *web = *w->config.web;
    web_conn_write(web, c->web, head, print_head(c->prev_seq, m, head));
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
    ws_message_drop(q->message);
    free(q);
}

static bool supersedes(const struct ws_message *m, const struct ws_message *old)
{
    if (m->passing == PASSING_NOT || m->passing != old->passing || m->rfq != old->rfq)
        return false;
    return m->passing != PASSING_QUOTE || (m->replaces && m->replaces == old->quote);
}

/* What it makes worthless is left out: countdowns, rankings, replaced quotes. Never a state or a fill. */
static void coalesce(struct ws_conn *c, const struct ws_message *m)
{
    struct queued *before = NULL, *next;
    for (struct queued *q = m->passing == PASSING_NOT ? NULL : c->queue_first; q; q = next) {
        next = q->next;
        if (supersedes(m, q->message)) {
            queue_remove(c, q, before);
            counter_add(c->ws->coalesced[m->passing], 1);
        } else {
            before = q;
        }
    }
}

static void queue_add(struct ws_conn *c, struct ws_message *m)
{
    coalesce(c, m);
    struct queued *q = malloc(sizeof *q);
    if (!q || c->queue_size + m->size > WS_QUEUE_MAX) {
        free(q);
        counter_add(c->ws->slow, 1);
        ws_conn_close(c, 1013, "slow consumer: resume later");
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

bool ws_conn_is_slow(const struct ws_conn *c)
{
    return c->queue_first || web_conn_backlog(*c->ws->config.web, c->web) > WS_BACKLOG_MAX;
}

/* At once, behind what was gathered. */
void ws_message_send(struct ws_conn *c, struct ws_message *m)
{
    if (c->due)
        ws_fan_deliver(c->ws);
    if (c->closing)
        return;
    if (ws_conn_is_slow(c))
        queue_add(c, m);
    else
        write_now(c, m);
}

void ws_queue_pump(struct ws_conn *c)
{
    struct web *web = *c->ws->config.web;
    while (c->queue_first && !c->closing && web_conn_backlog(web, c->web) <= WS_BACKLOG_MAX) {
        for (size_t size = 0; c->queue_first && size <= WS_BACKLOG_MAX;) {
            struct queued *q = c->queue_first;
            struct ws_message *m = q->message;
            char head[HEAD_SIZE];
            size_t head_size = print_head(c->prev_seq, m, head);
            web_conn_write(web, c->web, head, head_size);
            web_conn_write(web, c->web, m->text, m->size);
            size += head_size + m->size;
            sent(c, m);
            queue_remove(c, q, NULL);
        }
        web_flush(web); /* so that the backlog tells */
    }
}

void ws_queue_clear(struct ws_conn *c)
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
        return e->rfq ? ws_topic_find(w, TOPIC_RFQ, e->rfq) : NULL;
    if (i == 2)
        return ws_topic_find(w, TOPIC_TENANT, e->owner.tenant);
    for (unsigned t = 0; e->rfq && t < config->tenant_count; t++)
        if (config->tenants[t].number == e->owner.tenant)
            return ws_topic_find(w, TOPIC_TRADER,
                                 ws_topic_trader_id(config->tenants[t].name, e->owner.taker));
    return NULL;
}

bool ws_fan_wants(void *ctx, const struct feed_event *e)
{
    struct ws *w = ctx;
    if (e->owner_unknown)
        return w->topic_count > 0;
    for (unsigned i = 0; i < 3 && w->topic_count; i++)
        if (topics_of(w, e, i))
            return true;
    return false;
}

static enum passing passing_named(const char *name)
{
    unsigned i = 0;
    while (i < PASSING_NOT && strcmp(ws_passing_names[i], name) != 0)
        i++;
    return (enum passing)i;
}

static void to_all(struct ws *w, const struct feed_event *e, struct ws_message *m)
{
    const uint64_t bit = 1ull << w->gathered_count;
    w->gathered[w->gathered_count++] = m;
    for (unsigned i = 0; i < 3; i++) {
        struct topic *t = topics_of(w, e, i);
        for (struct subscription *s = t ? t->first : NULL; s; s = s->topic_next) {
            struct ws_conn *c = s->conn;
            if (c->resuming || c->closing || c->tenant_number != e->owner.tenant)
                continue; /* it will read it from the log, or must not see it */
            if (!c->due) {
                c->next_due = w->due;
                w->due = c;
            }
            c->due |= bit;
        }
    }
    if (w->gathered_count == WS_GATHERED_MAX)
        ws_fan_deliver(w);
}

/* What a connection gets of what was gathered, as whole frames, and whom else they suit. */
struct frames {
    uint64_t due, prev_seq, last_seq;
    unsigned count;
    struct ws_message *bytes; /* NULL: none are made */
};

static void make_frames(struct ws *w, uint64_t due, uint64_t prev_seq, struct frames *f)
{
    size_t size = 0;
    *f = (struct frames){.due = due, .prev_seq = prev_seq, .last_seq = prev_seq};
    if (w->frames_size > FRAMES_SIZE_MAX) { /* few have the same: those made so far are sent, and forgotten */
        web_flush(*w->config.web);
        drop_all(&w->frames);
        w->frames_size = 0;
    }
    for (uint64_t left = due; left; left &= left - 1)
        size += HEAD_SIZE + w->gathered[__builtin_ctzll(left)]->size;
    f->bytes = message_room(&w->frames, size);
    if (!f->bytes)
        return;
    w->frames_size += size;
    char *at = f->bytes->text;
    for (uint64_t left = due; left; left &= left - 1, f->count++) {
        const struct ws_message *m = w->gathered[__builtin_ctzll(left)];
        at += print_head(f->last_seq, m, at);
        memcpy(at, m->text, m->size);
        at += m->size;
        if (m->seq > f->last_seq)
            f->last_seq = m->seq;
    }
    f->bytes->size = (size_t)(at - f->bytes->text);
}

static void deliver(struct ws_conn *c, uint64_t due, struct frames *f)
{
    struct ws *w = c->ws;
    for (; due && ws_conn_is_slow(c) && !c->closing; due &= due - 1)
        queue_add(c, w->gathered[__builtin_ctzll(due)]);
    if (!due || c->closing)
        return;
    if (!f->bytes || f->due != due || f->prev_seq != c->prev_seq)
        make_frames(w, due, c->prev_seq, f);
    if (!f->bytes) {
        ws_conn_close(c, 1013, "no memory: resume later");
        return;
    }
    web_conn_write_shared(*w->config.web, c->web, f->bytes->text, f->bytes->size);
    c->prev_seq = f->last_seq;
    counter_add(w->sent, f->count);
}

void ws_fan_deliver(struct ws *w)
{
    struct frames f = {0};
    while (w->due) {
        struct ws_conn *c = w->due;
        uint64_t due = c->due;
        w->due = c->next_due;
        c->due = 0;
        deliver(c, due, &f);
    }
    w->gathered_count = 0;
}

/* It could not be made: whoever was to get it, or may have been, is told so, and reads it later. */
static void lose(struct ws *w, const struct feed_event *e)
{
    for (struct ws_conn *c = w->first; c; c = c->next)
        if (!c->resuming && ws_is_for(c, e))
            ws_conn_close(c, 1013, "an event cannot be told now: resume later");
}

void ws_fan_event(void *ctx, const struct feed_event *e)
{
    struct ws *w = ctx;
    struct ws_message *m = e->text ? ws_message_new(w, e->text, e->size) : NULL;
    if (!m) {
        lose(w, e);
        return;
    }
    m->seq = e->seq;
    m->rfq = e->rfq;
    m->quote = e->quote;
    m->replaces = e->replaces;
    m->passing = passing_named(e->name);
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
    struct ws_message *m = j->failed ? NULL : ws_message_new(w, j->text, j->used);
    if (!m)
        return;
    m->whole = true;
    m->rfq = rfq->id;
    m->passing = PASSING_COUNTDOWN;
    to_all(w, e, m);
}

/* Its time runs towards its deadline: also when an award was reverted, and the taker has until then to choose
 * again. In other states it has none, or another. */
static bool counts_down(const struct rfq *rfq)
{
    return rfq->state == RFQ_BIDDING_OPEN || rfq->state == RFQ_BIDDING_CLOSED || rfq->state == RFQ_EVALUATION;
}

/* Once a second, for each RFQ with a deadline that somebody listens to. */
unsigned ws_fan_countdowns(struct ws *w)
{
    const struct distribution_state *s = replica_config(node_replica(w->config.node))->distribution;
    const uint32_t slots = w->topic_count ? table_slots(s->rfqs) : 0, from = w->countdown_slot;
    uint32_t i = from;
    for (; i < slots && i - from < WS_COUNTDOWNS; i++) {
        const struct rfq *rfq = table_at(s->rfqs, i);
        if (!rfq || !counts_down(rfq))
            continue;
        const struct taker *taker = distribution_taker(s, rfq->taker);
        struct feed_event e = {.rfq = rfq->id, .owner = {.rfq = rfq->id, .tenant = rfq->tenant}};
        if (taker)
            memcpy(e.owner.taker, taker->code, sizeof e.owner.taker);
        if (ws_fan_wants(w, &e))
            countdown(w, rfq, &e);
    }
    w->countdown_slot = i < slots ? i : UINT32_MAX;
    return i - from;
}
