/* Resume: what a connection missed is read again from the log, and then it is live. Of the readers, which
 * take memory, there are a few; whoever has none waits for its turn, and one whose peer does not read gives
 * its own up to those who wait.
 */
#include <string.h>

#include "control/ws/inside.h"

/* Asking
 * ------------------------------------------------------------------------------------------------------- */

/* Why a subscription that was named cannot be had; `full`: there are too many. */
static const char full[] = "", unreadable[] = "the store cannot be read now";

static void refuse(const struct asking *a, const char *why)
{
    if (why == full) {
        ws_ask_refuse_full(a);
        return;
    }
    if (why == unreadable) {
        ws_ask_refuse(a, WS_REFUSED_STORE, "store", why);
        return;
    }
    ws_ask_refuse(a, WS_REFUSED_REQUEST, "bad_subscription", why);
}

/* NULL: the list's members are texts, and not too many; or it is not there (*list NULL). */
static const char *take_list(struct asking *a, const char *name, json_object **list)
{
    static const char no_list[] = "rfqs and traders take lists of texts";
    if (!json_object_object_get_ex(a->body, name, list)) {
        *list = NULL;
        return NULL;
    }
    if (!json_object_is_type(*list, json_type_array))
        return no_list;
    size_t count = json_object_array_length(*list);
    if (count > WS_SUBSCRIPTIONS_MAX)
        return full;
    for (size_t i = 0; i < count; i++)
        if (!json_object_is_type(json_object_array_get_idx(*list, i), json_type_string))
            return no_list;
    return NULL;
}

static const char *take_rfqs(struct asking *a, json_object *list)
{
    struct ws_conn *c = a->c;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(list, i));
        struct view_owner owner;
        enum err e = feed_owner(c->ws->config.feed, name_parse('R', name, strlen(name)), &owner);
        if (e != OK && e != ERR_NOT_FOUND)
            return unreadable;
        if (e != OK || !principal_may_see(c->ws->config.auth, &c->who, owner.tenant, owner.taker))
            return "no such RFQ";
        if (!ws_subscribe(c, TOPIC_RFQ, owner.rfq))
            return full;
    }
    return NULL;
}

static const char *take_traders(struct asking *a, json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const struct config_user *u =
            ws_ask_find_trader(a, json_object_get_string(json_object_array_get_idx(list, i)));
        if (!u)
            return "no such trader";
        if (!ws_subscribe(a->c, TOPIC_TRADER, ws_topic_trader_id(u->tenant, u->name)))
            return full;
    }
    return NULL;
}

static const char *take_tenant(struct asking *a)
{
    json_object *flag;
    if (!json_object_object_get_ex(a->body, "tenant", &flag) || !json_object_get_boolean(flag))
        return NULL;
    if (!principal_sees_all(&a->c->who))
        return "role ops or admin is needed";
    return ws_subscribe(a->c, TOPIC_TENANT, a->c->who.tenant) ? NULL : full;
}

/* Every subscription named must be one that may be had: else nothing is resumed. */
static const char *take_subscriptions(struct asking *a)
{
    json_object *rfqs, *traders;
    const char *wrong = take_list(a, "rfqs", &rfqs);
    if (!wrong)
        wrong = take_list(a, "traders", &traders);
    if (!wrong && rfqs)
        wrong = take_rfqs(a, rfqs);
    if (!wrong && traders)
        wrong = take_traders(a, traders);
    if (!wrong)
        wrong = take_tenant(a);
    return wrong                 ? wrong
           : a->c->subscriptions ? NULL
                                 : "resume names its subscriptions: rfqs, traders, tenant";
}

static enum err enter(struct ws_conn *c, uint64_t since)
{
    struct ws *w = c->ws;
    enum err e = feed_reader_open(&c->reader, w->config.feed, FEED_STREAM, since);
    if (e == OK)
        counter_set(w->readers, ++w->reader_count);
    return e;
}

void ws_resume_leave(struct ws_conn *c)
{
    struct ws *w = c->ws;
    if (!c->reader)
        return;
    c->resumed_seq = feed_reader_seq(c->reader);
    feed_reader_close(c->reader);
    c->reader = NULL;
    counter_set(w->readers, --w->reader_count);
}

void ws_op_resume(struct asking *a)
{
    struct ws_conn *c = a->c;
    struct ws *w = c->ws;
    uint64_t epoch, since, now = feed_epoch(w->config.feed);
    if (!ws_ask_number(a->body, "epoch", &epoch) || !ws_ask_number(a->body, "since", &since)) {
        ws_ask_refuse(a, WS_REFUSED_REQUEST, "bad_request", "resume takes epoch and since");
        return;
    }
    if (c->subscriptions) {
        ws_ask_refuse(a, WS_REFUSED_NOT_NOW, "not_now", "resume comes before any subscription");
        return;
    }
    /* Opened here in any case: whether it is still kept is part of the answer. */
    enum err e = epoch == now ? enter(c, since) : ERR_RANGE;
    if (e == ERR_FULL) { /* it waits for its turn */
        c->resumed_seq = since;
    } else if (e != OK) {
        ws_ask_refuse(a, WS_REFUSED_UNRECOVERABLE, "unrecoverable",
                      epoch != now ? "the stream began anew: take a new snapshot"
                                   : "that is past what is kept: take a new snapshot");
        return;
    }
    const char *wrong = take_subscriptions(a);
    if (wrong || w->reader_count > WS_READERS_MAX)
        ws_resume_leave(c);
    if (wrong) {
        ws_unsubscribe_all(c);
        refuse(a, wrong);
        return;
    }
    c->resuming = true;
    c->prev_seq = since;
    c->next_resuming = w->resuming;
    w->resuming = c;
    ws_ask_end(a, ws_ask_begin(a, true));
}

/* Reading
 * ------------------------------------------------------------------------------------------------------ */

static bool reader_wants(void *ctx, const struct feed_event *e)
{
    return ws_is_for(ctx, e);
}

static void send_again(struct ws_conn *c, const struct feed_event *e)
{
    struct ws_message *m = ws_message_new(c->ws, e->text, e->size);
    if (!m) {
        ws_conn_close(c, 1013, "no memory: resume later");
        return;
    }
    m->seq = e->seq;
    ws_message_send(c, m);
}

/* What it missed cannot be had, though it was told that it could: the log was recycled meanwhile, or reaches
 * further back than RFQs are kept. It would come back with the same position, and be told the same. */
static void end_unrecoverable(struct ws_conn *c)
{
    static const char told[] = "{\"event\":\"unrecoverable\"}";
    ws_count(c->ws, WS_REFUSED_UNRECOVERABLE);
    ws_conn_text(c, told, sizeof told - 1, 0);
    ws_conn_close(c, 1013, "what was missed is no longer kept: take a new snapshot");
}

static void end_with(struct ws_conn *c, enum err e)
{
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT)
        end_unrecoverable(c);
    else if (e == ERR_MEMORY)
        ws_conn_close(c, 1013, "no memory: resume later");
    else
        ws_conn_close(c, 1013, "what was missed cannot be read now: resume later");
}

/* Some more of what it missed; when there is no more, it is live. */
bool ws_resume_pump(struct ws_conn *c)
{
    struct ws *w = c->ws;
    enum feed_reading how = FEED_GOES_ON;
    enum err err = OK;
    unsigned read = 0;
    if (ws_conn_is_slow(c)) {
        if (w->reader_count >= WS_READERS_MAX)
            ws_resume_leave(c);
        return false;
    }
    if (!c->reader && w->reader_count >= WS_READERS_MAX)
        return false;
    if (!c->reader)
        err = enter(c, c->resumed_seq);
    if (err == ERR_FULL)
        return false;
    for (; read < WS_RESUME_FRAMES && !err && how == FEED_GOES_ON && !c->closing; read++) {
        struct feed_event e;
        if (feed_read(c->reader, 1, reader_wants, c, &e, &how, &err))
            send_again(c, &e);
    }
    if (err) {
        end_with(c, err);
    } else if (how == FEED_END && !c->closing) {
        static const char told[] = "{\"event\":\"resumed\"}";
        ws_resume_leave(c);
        c->resuming = false;
        ws_conn_text(c, told, sizeof told - 1, 0);
    }
    return how != FEED_WAITS || read > 1;
}
