/* Past events read on a disk that hangs: only those who ask for them wait, and they get them all. And what is
 * kept no more. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "control/feed/feed.h"
#include "control/http/http.h"
#include "front_rig.h"

#define REPLAYS_MAX   200u
#define END_OF_REPLAY "\r\n0\r\n\r\n"
#define PATIENCE_MS   10000u /* of real time: what waits for a thread */

/* The simulated disk, for several threads, of which all but the control core's wait while it hangs. */
static struct {
    const struct disk_ops *sim;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t core;
    bool hangs;
    unsigned waiting;
    uint64_t core_from; /* the lowest place that the control core has read at */
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void enter(void)
{
    pthread_mutex_lock(&slow.lock);
    if (pthread_equal(pthread_self(), slow.core))
        return;
    slow.waiting++;
    while (slow.hangs)
        pthread_cond_wait(&slow.changed, &slow.lock);
    slow.waiting--;
}

static void set_hanging(bool hangs)
{
    pthread_mutex_lock(&slow.lock);
    slow.hangs = hangs;
    slow.core_from = UINT64_MAX;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
}

static unsigned threads_waiting(void)
{
    pthread_mutex_lock(&slow.lock);
    unsigned waiting = slow.waiting;
    pthread_mutex_unlock(&slow.lock);
    return waiting;
}

static enum err slow_open(struct disk *d, const char *name, uint64_t size, int *file)
{
    enter();
    enum err e = slow.sim->open(d, name, size, file);
    pthread_mutex_unlock(&slow.lock);
    return e;
}

static void slow_close(struct disk *d, int file)
{
    enter();
    slow.sim->close(d, file);
    pthread_mutex_unlock(&slow.lock);
}

static enum err slow_read(struct disk *d, int file, uint64_t offset, void *to, size_t size)
{
    enter();
    if (pthread_equal(pthread_self(), slow.core) && offset < slow.core_from)
        slow.core_from = offset;
    enum err e = slow.sim->read(d, file, offset, to, size);
    pthread_mutex_unlock(&slow.lock);
    return e;
}

static enum err slow_write(struct disk *d, int file, uint64_t offset, const void *from, size_t size,
                           uint64_t token)
{
    enter();
    enum err e = slow.sim->write(d, file, offset, from, size, token);
    pthread_mutex_unlock(&slow.lock);
    return e;
}

static unsigned slow_poll(struct disk *d, struct disk_completion *done, unsigned max)
{
    enter();
    unsigned count = slow.sim->poll(d, done, max);
    pthread_mutex_unlock(&slow.lock);
    return count;
}

static void open_on_slow_disk(struct front_rig *f)
{
    static struct disk_ops ops;
    memset(f, 0, sizeof *f);
    rig_open(&f->rig);
    slow.core = pthread_self();
    slow.sim = f->rig.disk->ops;
    ops = *slow.sim;
    ops.open = slow_open;
    ops.close = slow_close;
    ops.read = slow_read;
    ops.write = slow_write;
    ops.poll = slow_poll;
    f->rig.disk->ops = &ops;
    f->own_threads = true;
    front_rig_start(f);
}

static void close_on_slow_disk(struct front_rig *f)
{
    set_hanging(false);
    front_destroy(f->front);
    f->rig.disk->ops = slow.sim;
    front_rig_close(f);
}

static void make_rfqs(struct front_rig *f, struct front_client *by, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        front_say(f, by,
                  "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}");
    front_pass(f, 1100000000);
}

/* Both at once: of the network's time, and of the threads'. */
static void pass_until(struct front_rig *f, const struct front_client *c, const char *text)
{
    for (unsigned ms = 0; !strstr(c->text, text); ms++) {
        cr_assert_lt(ms, PATIENCE_MS, "%s does not come", text);
        front_pass(f, 1000000);
        usleep(1000);
    }
}

static void wait_for_threads(struct front_rig *f, unsigned count)
{
    for (unsigned ms = 0; threads_waiting() < count; ms++) {
        cr_assert_lt(ms, PATIENCE_MS);
        front_pass(f, 1000000);
        usleep(1000);
    }
}

/* Of a WebSocket, and of a replay: how an event begins. */
#define STREAMED "{\"prev\":"
#define REPLAYED "{\"eventId\":"

/* The events' numbers rise; how many there are, and the last. */
static unsigned events_in(const char *text, const char *begin, uint64_t *last)
{
    unsigned count = 0;
    *last = 0;
    for (const char *at = text; (at = strstr(at, begin)) != NULL; count++) {
        cr_assert((at = strstr(at, "\"seq\":")) != NULL);
        uint64_t seq = strtoull(at + 6, NULL, 10);
        cr_assert_gt(seq, *last);
        *last = seq;
    }
    return count;
}

static struct front_client *resume(struct front_rig *f, const struct front_client *subscriber)
{
    char text[96];
    const char *epoch = strstr(subscriber->text, "\"epoch\":");
    cr_assert(epoch, "%s", subscriber->text);
    snprintf(text, sizeof text, "{\"op\":\"resume\",\"id\":1,\"epoch\":%lu,\"since\":0,\"tenant\":true}",
             strtoul(epoch + 8, NULL, 10));
    return front_listen(f, text);
}

Test(control_replay, a_disk_that_hangs_is_waited_for_by_nobody_else)
{
    struct front_rig f;
    uint64_t last, seen;
    open_on_slow_disk(&f);
    struct front_client *writer = front_listen(&f, NULL);
    make_rfqs(&f, writer, 50);
    struct front_client *live = front_listen(&f, "{\"op\":\"subscribe:tenant\",\"id\":1}");
    set_hanging(true);
    uint64_t written = log_written(node_log(f.rig.node));
    struct front_client *replay = front_get(&f, "/api/v1/events"), *back = resume(&f, live);
    wait_for_threads(&f, 2);
    cr_assert_eq(front_counted(&f, "rfqd_feed_fetches_waiting", ""), 2);
    cr_assert(strstr(back->text, "\"re\":1,\"success\":true"), "%s",
              back->text); /* that it is kept is known */
    for (unsigned round = 0, before = 0; round < 5; round++) {
        make_rfqs(&f, writer, 5);
        unsigned events = events_in(live->text, STREAMED, &seen);
        cr_assert_gt(events, before);
        before = events;
        struct front_client *other = front_get(&f, "/api/v1/rfqs?limit=1");
        front_pass(&f, 5000000);
        cr_assert(strstr(other->text, "HTTP/1.1 200 "), "%s", other->text);
    }
    cr_assert_geq(slow.core_from, written, "the control core reads what was written before");
    cr_assert(!replay->closed && !back->closed);
    cr_assert_null(strstr(replay->text, "eventId"));
    set_hanging(false);
    pass_until(&f, replay, END_OF_REPLAY);
    pass_until(&f, back, "{\"event\":\"resumed\"}");
    make_rfqs(&f, writer, 1); /* and is live */
    unsigned lived = events_in(live->text, STREAMED, &seen), resumed = events_in(back->text, STREAMED, &last);
    cr_assert_eq(last, seen);
    cr_assert_gt(resumed, lived);
    cr_assert_geq(events_in(replay->text, REPLAYED, &last), 75);
    struct front_client *again = front_get(&f, "/api/v1/events");
    pass_until(&f, again, END_OF_REPLAY);
    const char *whole = strstr(replay->text, REPLAYED), *end = strstr(replay->text, END_OF_REPLAY);
    cr_assert_eq(strncmp(whole, strstr(again->text, REPLAYED), (size_t)(end - whole)), 0);
    close_on_slow_disk(&f);
}

/* Whoever goes away leaves its reader to the thread, which the disk holds: of these there is a number. */
Test(control_replay, those_who_left_a_disk_that_hangs_are_bounded)
{
    struct front_rig f;
    unsigned taken = 0;
    open_on_slow_disk(&f);
    make_rfqs(&f, front_listen(&f, NULL), 20);
    set_hanging(true);
    for (;; taken++) {
        cr_assert_lt(taken, REPLAYS_MAX);
        struct front_client *c = front_get(&f, "/api/v1/events");
        front_pass(&f, 5000000);
        if (strstr(c->text, "HTTP/1.1 503 ") && strstr(c->text, "too_many_streams"))
            break;
        cr_assert(strstr(c->text, "HTTP/1.1 200 "), "%s", c->text);
        port_close(f.port, c->conn);
        front_pass(&f, 5000000);
    }
    cr_assert_eq(taken, FEED_READERS_MAX);
    cr_assert_eq(front_counted(&f, "rfqd_feed_readers", ""), FEED_READERS_MAX);
    set_hanging(false);
    for (unsigned ms = 0; front_counted(&f, "rfqd_feed_readers", "") > 0; ms++) {
        cr_assert_lt(ms, PATIENCE_MS);
        front_pass(&f, 1000000);
        usleep(1000);
    }
    pass_until(&f, front_get(&f, "/api/v1/events"), END_OF_REPLAY);
    close_on_slow_disk(&f);
}

/* The ids of the events of one RFQ, as a text. */
static void ids_of(struct front_rig *f, const char *path, const char *rfq, char *to, size_t size)
{
    char name[40];
    size_t used = 0;
    struct front_client *c = front_get(f, path);
    front_pass(f, RIG_SECOND / 2);
    cr_assert(strstr(c->text, "HTTP/1.1 200 "), "%s: %s", path, c->text);
    snprintf(name, sizeof name, "\"rfqId\":\"%s\"", rfq);
    for (const char *at = c->text; (at = strstr(at, REPLAYED)) != NULL; at++) {
        const char *of = strstr(at, "\"rfqId\":");
        if (strncmp(of, name, strlen(name)) == 0)
            used += (size_t)snprintf(to + used, size - used, "%.*s ", (int)strcspn(at + 12, "\""), at + 12);
    }
    cr_assert(used > 0 && used < size);
}

/* Whichever way it is read again, and in whichever epoch: it is what a receiver knows it by (spec/80). */
Test(control_replay, an_event_keeps_its_id_where_the_epoch_has_grown)
{
    static struct front_rig f;
    char rfq[ID_TEXT_SIZE], path[96], before[1024], timeline[1024], replayed[1024];
    front_rig_open(&f);
    struct front_client *c = front_listen(
        &f, "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}");
    front_pass(&f, RIG_SECOND);
    const char *id = strstr(c->text, "\"rfqId\":\"");
    cr_assert(id, "%s", c->text);
    snprintf(rfq, sizeof rfq, "%.*s", (int)strcspn(id + 9, "\""), id + 9);
    snprintf(path, sizeof path, "/api/v1/rfqs/%s/events", rfq);
    ids_of(&f, path, rfq, before, sizeof before);
    for (int boot = 2; boot <= 3; boot++) {
        uint64_t epoch = log_stream_epoch(node_log(f.rig.node));
        front_rig_reboot(&f, boot);
        cr_assert_eq(log_stream_epoch(node_log(f.rig.node)), epoch + 1);
        ids_of(&f, path, rfq, timeline, sizeof timeline);
        ids_of(&f, "/api/v1/events", rfq, replayed, sizeof replayed);
        cr_assert_str_eq(replayed, before);
        cr_assert_str_eq(timeline, before);
        front_pass(&f, 5 * RIG_SECOND); /* it leaves memory, and there are events of this epoch */
        ids_of(&f, path, rfq, before, sizeof before);
    }
    front_destroy(f.front);
    front_rig_close(&f);
}

/* The answer says what is kept no more, by number or by time; where neither is given it is what there is. */
Test(control_replay, what_was_recycled_is_told_from_what_is_kept)
{
    struct front_rig f;
    char path[64];
    uint64_t last;
    memset(&f, 0, sizeof f);
    rig_open_with(&f.rig, ", log_retain_mib: 1");
    front_rig_start(&f);
    struct log *l = node_log(f.rig.node);
    struct front_client *writer = front_listen(&f, NULL);
    struct front_client *live = front_listen(&f, "{\"op\":\"subscribe:tenant\",\"id\":1}");
    make_rfqs(&f, writer, 10);
    for (unsigned round = 0; log_begin(l) == 0; round++) {
        cr_assert_lt(round, 200);
        make_rfqs(&f, writer, 90);
    }
    front_pass(&f, RIG_SECOND / 10);
    struct front_client *gone = front_get(&f, "/api/v1/events?since=1"), *back = resume(&f, live);
    struct front_client *all = front_get(&f, "/api/v1/events"); /* a place that was noted, and is recycled */
    struct front_client *early = front_get(&f, "/api/v1/events?from=2027-01-15T08:00:12Z");
    struct front_client *epoch = front_get(&f, "/api/v1/events?from=1970-01-01T00:00:00Z");
    front_pass(&f, RIG_SECOND / 2);
    cr_assert(strstr(gone->text, "HTTP/1.1 410 ") && strstr(gone->text, "past_retention"), "%s", gone->text);
    cr_assert(strstr(back->text, "unrecoverable"), "%s", back->text);
    cr_assert(strstr(all->text, "HTTP/1.1 200 ") && strstr(all->text, END_OF_REPLAY));
    cr_assert(strstr(early->text, "HTTP/1.1 410 ") && strstr(early->text, "past_retention"), "%.300s",
              early->text);
    cr_assert(strstr(epoch->text, "HTTP/1.1 410 "), "%.300s", epoch->text);
    uint64_t first = strtoull(strstr(strstr(all->text, REPLAYED), "\"seq\":") + 6, NULL, 10);
    snprintf(path, sizeof path, "/api/v1/events?since=%lu", first - 1);
    struct front_client *kept = front_get(&f, path);
    front_pass(&f, RIG_SECOND / 2);
    cr_assert_eq(events_in(kept->text, REPLAYED, &last), events_in(all->text, REPLAYED, &last));
    front_pass(&f, 2 * HTTP_TIME_MARGIN_NS);
    unsigned s = (unsigned)(f.rig.now_ns / RIG_SECOND - 1800000000); /* which was eight o'clock */
    make_rfqs(&f, writer, 1);
    snprintf(path, sizeof path, "/api/v1/events?from=2027-01-15T08:%02u:%02uZ", s / 60, s % 60);
    struct front_client *late = front_get(&f, path);
    front_pass(&f, RIG_SECOND / 2);
    cr_assert(strstr(late->text, "HTTP/1.1 200 ") && strstr(late->text, END_OF_REPLAY), "%.300s", late->text);
    cr_assert_gt(events_in(late->text, REPLAYED, &last), 0);
    front_destroy(f.front);
    front_rig_close(&f);
}
