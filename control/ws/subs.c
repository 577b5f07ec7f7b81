/* Who listens to what: topics by hash, each with its subscriptions. */
#include <stdlib.h>
#include <string.h>

#include "control/ws/inside.h"
#include "dataplane/core/hash.h"

uint64_t ws_topic_trader_id(const char *tenant, const char *taker)
{
    char text[2 * CODE_SIZE] = {0};
    memcpy(text, tenant, strnlen(tenant, CODE_SIZE));
    memcpy(text + CODE_SIZE, taker, strnlen(taker, CODE_SIZE));
    return hash_bytes(text, sizeof text);
}

static struct topic **bucket(struct ws *w, enum topic_kind kind, uint64_t id)
{
    return &w->topics[hash_u64(id + (uint64_t)kind * HASH_K3) & w->topic_mask];
}

struct topic *ws_topic_find(struct ws *w, enum topic_kind kind, uint64_t id)
{
    for (struct topic *t = *bucket(w, kind, id); t; t = t->hash_next)
        if (t->id == id && t->kind == kind)
            return t;
    return NULL;
}

/* Twice as many buckets where topics outnumber them; none where there is no memory for it. */
static void grow(struct ws *w)
{
    unsigned size = 2 * (w->topic_mask + 1);
    struct topic **wider = calloc(size, sizeof *wider), **old = w->topics;
    if (!wider)
        return;
    unsigned old_size = w->topic_mask + 1;
    w->topics = wider;
    w->topic_mask = size - 1;
    for (unsigned i = 0; i < old_size; i++)
        while (old[i]) {
            struct topic *t = old[i], **b;
            old[i] = t->hash_next;
            b = bucket(w, t->kind, t->id);
            t->hash_next = *b;
            *b = t;
        }
    free(old);
}

static struct topic *topic_make(struct ws *w, enum topic_kind kind, uint64_t id)
{
    struct topic *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    if (w->topic_count > w->topic_mask)
        grow(w);
    struct topic **b = bucket(w, kind, id);
    *t = (struct topic){.kind = kind, .id = id, .hash_next = *b};
    *b = t;
    w->topic_count++;
    return t;
}

static struct subscription *subscription_of(const struct ws_conn *c, enum topic_kind kind, uint64_t id)
{
    for (struct subscription *s = c->subscriptions; s; s = s->conn_next)
        if (s->topic->id == id && s->topic->kind == kind)
            return s;
    return NULL;
}

static void forget(struct ws *w, struct subscription *s)
{
    struct topic *t = s->topic;
    if (s->topic_prev)
        s->topic_prev->topic_next = s->topic_next;
    else
        t->first = s->topic_next;
    if (s->topic_next)
        s->topic_next->topic_prev = s->topic_prev;
    free(s);
    counter_set(w->subscriptions, counter_get(w->subscriptions) - 1);
    if (t->first)
        return;
    struct topic **at = bucket(w, t->kind, t->id);
    while (*at != t)
        at = &(*at)->hash_next;
    *at = t->hash_next;
    free(t);
    w->topic_count--;
}

bool ws_subscribe(struct ws_conn *c, enum topic_kind kind, uint64_t id)
{
    struct ws *w = c->ws;
    if (subscription_of(c, kind, id))
        return true;
    if (c->subscription_count == WS_SUBSCRIPTIONS_MAX)
        return false;
    struct topic *t = ws_topic_find(w, kind, id);
    if (!t)
        t = topic_make(w, kind, id);
    struct subscription *s = t ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return false;
    *s = (struct subscription){.topic = t, .conn = c, .topic_next = t->first, .conn_next = c->subscriptions};
    if (t->first)
        t->first->topic_prev = s;
    t->first = s;
    c->subscriptions = s;
    c->subscription_count++;
    counter_set(w->subscriptions, counter_get(w->subscriptions) + 1);
    return true;
}

bool ws_unsubscribe(struct ws_conn *c, enum topic_kind kind, uint64_t id)
{
    struct subscription *s = subscription_of(c, kind, id), **at = &c->subscriptions;
    if (!s)
        return false;
    while (*at != s)
        at = &(*at)->conn_next;
    *at = s->conn_next;
    c->subscription_count--;
    forget(c->ws, s);
    return true;
}

void ws_unsubscribe_all(struct ws_conn *c)
{
    while (c->subscriptions) {
        struct subscription *s = c->subscriptions;
        c->subscriptions = s->conn_next;
        forget(c->ws, s);
    }
    c->subscription_count = 0;
}

/* Anybody's, but who listens to other RFQs only. */
static bool may_be_for(const struct ws_conn *c, uint64_t rfq)
{
    for (const struct subscription *s = c->subscriptions; s; s = s->conn_next)
        if (s->topic->kind != TOPIC_RFQ || s->topic->id == rfq)
            return true;
    return false;
}

bool ws_is_for(const struct ws_conn *c, const struct feed_event *e)
{
    if (e->owner_unknown)
        return may_be_for(c, e->rfq);
    if (e->owner.tenant != c->who.tenant)
        return false;
    uint64_t trader = e->rfq ? ws_topic_trader_id(c->tenant, e->owner.taker) : 0;
    for (const struct subscription *s = c->subscriptions; s; s = s->conn_next) {
        const struct topic *t = s->topic;
        if (t->kind == TOPIC_TENANT || (t->kind == TOPIC_RFQ && e->rfq && t->id == e->rfq) ||
            (t->kind == TOPIC_TRADER && e->rfq && t->id == trader))
            return true;
    }
    return false;
}
