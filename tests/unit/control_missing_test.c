/* Events whose RFQ is forgotten, or cannot be looked up now: whoever reads them again, or is to get them, is
 * not told that there is nothing. */
#include <criterion/criterion.h>

#include "control/client/client.h"
#include "control/feed/feed.h"
#include "control/replica/purge.h"
#include "front_rig.h"

#define LAST_CHUNK "\r\n0\r\n\r\n"

/* The store, of which an index by RFQ can be read or not. */
static struct {
    const struct store_ops *memory;
    bool breaks;
} disk;

static enum err scan(struct store *s, const char *table, const void *key, size_t key_size,
                     int (*visit)(void *ctx, const void *key, size_t key_size, const void *value,
                                  size_t value_size),
                     void *ctx)
{
    return disk.breaks ? ERR_IO : disk.memory->scan(s, table, key, key_size, visit, ctx);
}

static void applied(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    (void)first_seq;
    (void)end;
    clients_applied(ctx, b);
}

static void on_answer(void *ctx, const struct client_answered *a)
{
    *(uint64_t *)ctx = a ? a->rfq : 0;
}

/* RFQs that were asked for and have left memory before there was anybody who knows events: nobody has noted
 * whose they are. */
static void open_after(struct front_rig *f, struct clients **clients, unsigned count)
{
    static struct store_ops ops;
    uint64_t made[8] = {0};
    struct node_rig *r = &f->rig;
    memset(f, 0, sizeof *f);
    rig_open(r);
    disk.breaks = false;
    disk.memory = r->store->ops;
    ops = *disk.memory;
    ops.scan = scan;
    r->store->ops = &ops;
    cr_assert_eq(clients_create(clients, r->node, r->counters, r->now_ns), OK);
    replica_watch(node_replica(r->node), applied, *clients);
    rig_run(r);
    const struct principal ann = {.user = &r->config->users[0], .roles = USER_TRADER};
    const struct client_who who = {.principal = &ann};
    union body b;
    memset(&b, 0, sizeof b);
    b.rfq.quantity = 100000000;
    b.rfq.side = SIDE_BUY;
    strcpy(b.rfq.symbol, "EURUSD");
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(client_ask(*clients, &who, BODY_RFQ, &b, NULL, on_answer, &made[i]), OK);
    rig_pass(r, RIG_SECOND / 10);
    clients_poll(*clients, r->now_ns);
    for (unsigned i = 0; i < count; i++)
        cr_assert_neq(made[i], 0);
    rig_pass(r, 5 * RIG_SECOND);
    cr_assert_null(distribution_rfq(replica_config(node_replica(r->node))->distribution, made[0]));
    front_rig_start(f);
}

static void close_all(struct front_rig *f, struct clients *clients)
{
    front_destroy(f->front);
    f->rig.store->ops = disk.memory;
    front_rig_close(f);
    clients_destroy(clients);
}

static void forget_all(struct front_rig *f, unsigned count)
{
    struct store *s = f->rig.store;
    struct store_marks m;
    uint64_t forgotten = 0;
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    cr_assert_eq(purge_expired(s, UINT64_MAX, &forgotten), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    cr_assert_eq(forgotten, count);
}

static struct front_client *get(struct front_rig *f, const char *path)
{
    struct front_client *c = front_get(f, path);
    front_pass(f, RIG_SECOND / 10);
    cr_assert(strstr(c->text, "HTTP/1.1 200 "), "%s", c->text);
    return c;
}

static struct front_client *resume(struct front_rig *f, const char *topics)
{
    char text[160];
    snprintf(text, sizeof text, "{\"op\":\"resume\",\"id\":1,\"epoch\":%lu,\"since\":1,%s}",
             log_stream_epoch(node_log(f->rig.node)), topics);
    struct front_client *c = front_listen(f, text);
    front_pass(f, RIG_SECOND / 10);
    return c;
}

static bool is_whole(const struct front_client *c)
{
    return strstr(c->text, LAST_CHUNK) && !c->closed;
}

static unsigned created_in(const struct front_client *c)
{
    unsigned count = 0;
    for (const char *at = c->text; (at = strstr(at, "created\"")) != NULL; at++)
        count++;
    return count;
}

Test(control_missing, what_the_store_cannot_say_now_ends_the_reading)
{
    struct front_rig f;
    struct clients *clients;
    open_after(&f, &clients, 3);
    disk.breaks = true;
    struct front_client *replay = get(&f, "/api/v1/events"), *back = resume(&f, "\"tenant\":true");
    cr_assert(!is_whole(replay) && replay->closed && created_in(replay) == 0, "%s", replay->text);
    cr_assert(strstr(back->text, "\"success\":true") && strstr(back->text, "cannot be read now"), "%s",
              back->text);
    cr_assert(!strstr(back->text, "resumed") && !strstr(back->text, "unrecoverable") && back->closed);
    cr_assert_eq(front_counted(&f, "rfqd_feed_errors_total", ""), 2);
    disk.breaks = false; /* and there it is again */
    replay = get(&f, "/api/v1/events");
    back = resume(&f, "\"tenant\":true");
    cr_assert(is_whole(replay) && created_in(replay) == 3, "%s", replay->text);
    cr_assert(strstr(back->text, "{\"event\":\"resumed\"}") && created_in(back) == 3, "%s", back->text);
    close_all(&f, clients);
}

/* The log still has their records; whose they were is known no more. */
Test(control_missing, what_is_forgotten_is_past_retention)
{
    struct front_rig f;
    struct clients *clients;
    open_after(&f, &clients, 3);
    forget_all(&f, 3);
    struct front_client *back = resume(&f, "\"tenant\":true");
    cr_assert(strstr(back->text, "\"success\":true") && strstr(back->text, "{\"event\":\"unrecoverable\"}"),
              "%s", back->text);
    cr_assert(!strstr(back->text, "resumed") && back->closed);
    cr_assert_eq(front_counted(&f, "rfqd_ws_refused_total", "unrecoverable"), 1);
    back = resume(&f, "\"traders\":[\"ann\"]");
    cr_assert(strstr(back->text, "{\"event\":\"unrecoverable\"}") && back->closed, "%s", back->text);
    struct front_client *behind = get(&f, "/api/v1/events?since=1"), *all = get(&f, "/api/v1/events");
    cr_assert(!is_whole(behind) && behind->closed, "%s", behind->text);
    cr_assert(is_whole(all) && created_in(all) == 0, "what there is: %s", all->text);
    close_all(&f, clients);
}

Test(control_missing, who_has_asked_for_other_rfqs_can_do_without)
{
    struct front_rig f;
    struct clients *clients;
    char text[96];
    open_after(&f, &clients, 3);
    forget_all(&f, 3);
    struct front_client *c = front_listen(
        &f, "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}");
    front_pass(&f, RIG_SECOND / 10);
    const char *id = strstr(c->text, "\"rfqId\":\"");
    cr_assert(id, "%s", c->text);
    snprintf(text, sizeof text, "\"rfqs\":[\"%.*s\"]", (int)strcspn(id + 9, "\""), id + 9);
    struct front_client *back = resume(&f, text);
    cr_assert(strstr(back->text, "{\"event\":\"resumed\"}") && created_in(back) == 1, "%s", back->text);
    snprintf(text, sizeof text, "/api/v1/events?since=1&rfqId=%.*s", (int)strcspn(id + 9, "\""), id + 9);
    struct front_client *behind = get(&f, text);
    cr_assert(is_whole(behind) && created_in(behind) == 1, "%s", behind->text);
    close_all(&f, clients);
}

/* Live: the follower hears of it, without text.
 * ---------------------------------------------------------------------------------------------------- */

struct heard {
    unsigned asked, taken;
    struct feed_event last;
};

static bool wants(void *ctx, const struct feed_event *e)
{
    struct heard *h = ctx;
    (void)e;
    h->asked++;
    return true;
}

static void take(void *ctx, const struct feed_event *e)
{
    struct heard *h = ctx;
    h->taken++;
    h->last = *e;
}

Test(control_missing, the_follower_is_told_of_an_event_that_cannot_be_told)
{
    struct node_rig rig;
    struct feed *feed;
    struct heard heard = {0};
    struct {
        struct batch batch;
        struct rfq_timed level;
    } b = {.batch = {.size = sizeof b, .count = 1, .agent = AGENT_DISTRIBUTION},
           .level = {.head = {.size = sizeof b.level, .type = RECORD_RFQ_TIMED, .version = 1},
                     .rfq = 77,
                     .state = RFQ_IS_AWARDED,
                     .fired = 1}};
    rig_open(&rig);
    rig_run(&rig);
    cr_assert_eq(feed_create(&feed, rig.node, rig.counters, false), OK);
    feed_follow(feed, &(struct feed_follower){.wants = wants, .take = take, .ctx = &heard});
    feed_applied(feed, &b.batch, 5, feed_seq(feed) + 5);
    cr_assert(heard.asked == 1 && heard.taken == 1);
    cr_assert(heard.last.seq == 5 && heard.last.rfq == 77 && heard.last.owner_unknown);
    cr_assert_null(heard.last.text);
    feed_destroy(feed);
    rig_close(&rig);
}
