/* A timeline, or quotes, of an RFQ that is forgotten while they are being answered: they do not look as
 * though they were whole. */
#include <criterion/criterion.h>

#include "control/http/http.h"
#include "control/replica/purge.h"
#include "front_rig.h"

#define CONNECTIONS 4u
#define ROWS_EACH   80u /* more than a piece together */

/* An RFQ with a long timeline that has left memory: each of its cancels is refused, and a row. */
static void make_long_rfq(struct front_rig *f, char name[ID_TEXT_SIZE])
{
    char text[128];
    struct front_client *c[CONNECTIONS];
    for (unsigned i = 0; i < CONNECTIONS; i++)
        c[i] = front_listen(f, NULL);
    front_say(f, c[0],
              "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}");
    front_pass(f, RIG_SECOND / 10);
    const char *id = strstr(c[0]->text, "\"rfqId\":\"");
    cr_assert(id, "%s", c[0]->text);
    snprintf(name, ID_TEXT_SIZE, "%.*s", (int)strcspn(id + 9, "\""), id + 9);
    snprintf(text, sizeof text, "{\"op\":\"rfq.cancel\",\"rfqId\":\"%s\"}", name);
    for (unsigned i = 0; i < CONNECTIONS * ROWS_EACH; i++)
        front_say(f, c[i % CONNECTIONS], text);
    front_pass(f, 5 * RIG_SECOND);
}

/* More quotes than a piece has, which left memory long ago. */
static void add_quotes(struct front_rig *f, const char *name)
{
    struct store *s = f->rig.store;
    struct store_marks m;
    char key[ENDED_KEY_SIZE], value[1 + offsetof(struct quote, transient)] = {STORE_VALUE_VERSION};
    struct quote q = {.rfq = name_parse('R', name, strlen(name)), .status = QUOTE_IS_REPLACED};
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    for (q.id = 1; q.id <= 2 * HTTP_STREAM_ROWS; q.id++) {
        pair_key(key, q.rfq, q.id);
        memcpy(value + 1, &q, sizeof value - 1);
        cr_assert_eq(s->ops->put(s, "quotes" TABLE_ENDED, key, sizeof key, value, sizeof value), OK);
    }
    cr_assert_eq(s->ops->commit(s, &m), OK);
}

static void forget_all(struct front_rig *f)
{
    struct store *s = f->rig.store;
    struct store_marks m;
    uint64_t forgotten = 0;
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    cr_assert_eq(purge_expired(s, UINT64_MAX, &forgotten), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    cr_assert_eq(forgotten, 1);
}

static struct front_client *ask_for(struct front_rig *f, const char *name, const char *what)
{
    char path[96];
    snprintf(path, sizeof path, "/api/v1/rfqs/%s/%s", name, what);
    return front_get(f, path);
}

static bool ends_with_last_chunk(const struct front_client *c)
{
    return c->size > 7 && memcmp(c->text + c->size - 7, "\r\n0\r\n\r\n", 7) == 0;
}

static void is_cut(const char *what)
{
    struct front_rig f;
    char name[ID_TEXT_SIZE];
    front_rig_open(&f);
    make_long_rfq(&f, name);
    add_quotes(&f, name);
    struct front_client *whole = ask_for(&f, name, what);
    front_pass(&f, RIG_SECOND / 10);
    cr_assert(strstr(whole->text, "chunked") && ends_with_last_chunk(whole) && !whole->closed, "%s",
              whole->text);
    struct front_client *cut = ask_for(&f, name, what);
    uint64_t answers = front_counted(&f, "rfqd_http_answers_total", "2xx");
    for (unsigned i = 0; front_counted(&f, "rfqd_http_answers_total", "2xx") == answers; i++) {
        cr_assert_lt(i, 1000);
        rig_set_time(&f.rig, f.rig.now_ns + 100000);
        rig_poll(&f.rig);
    }
    forget_all(&f); /* behind its first piece */
    front_pass(&f, RIG_SECOND / 10);
    cr_assert(strstr(cut->text, "HTTP/1.1 200 ") && cut->closed && !ends_with_last_chunk(cut), "%s",
              cut->text);
    cr_assert_lt(cut->size, whole->size);
    cr_assert_eq(front_counted(&f, "rfqd_http_streams_aborted_total", ""), 1);
    struct front_client *late = ask_for(&f, name, what);
    front_pass(&f, RIG_SECOND / 10);
    cr_assert(strstr(late->text, "HTTP/1.1 404 ") && strstr(late->text, "unknown_rfq"), "%s", late->text);
    front_destroy(f.front);
    front_rig_close(&f);
}

Test(control_forgotten, transitions_end_without_their_last_chunk)
{
    is_cut("transitions");
}

Test(control_forgotten, events_end_without_their_last_chunk)
{
    is_cut("events");
}

Test(control_forgotten, quotes_end_without_their_last_chunk)
{
    is_cut("quotes");
}
