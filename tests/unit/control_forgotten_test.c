/* A timeline, or quotes, or an order, of an RFQ that is forgotten while they are being answered: they do not
 * look as though they were whole. */
#include <criterion/criterion.h>

#include "control/http/http.h"
#include "control/replica/purge.h"
#include "front_rig.h"

#define CONNECTIONS 4u
#define ROWS_EACH   80u /* more than a piece together */
#define ORDER       0xabcu

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

/* Rows of what left memory long ago. */
static void put(struct front_rig *f, const char *table, uint64_t rfq, uint64_t id, const void *entity,
                size_t size)
{
    struct store *s = f->rig.store;
    char key[ENDED_KEY_SIZE], value[1 + sizeof(struct order)] = {STORE_VALUE_VERSION};
    cr_assert_lt(size, sizeof value);
    memcpy(value + 1, entity, size);
    pair_key(key, rfq, id);
    cr_assert_eq(s->ops->put(s, table, key, sizeof key, value, 1 + size), OK);
}

/* More quotes, and fills of an order, than a piece has. */
static void add_rows(struct front_rig *f, const char *name)
{
    struct store *s = f->rig.store;
    struct store_marks m;
    uint64_t rfq = name_parse('R', name, strlen(name));
    const struct taker *taker = table_at(replica_config(node_replica(f->rig.node))->distribution->takers, 0);
    struct quote q = {.rfq = rfq, .status = QUOTE_IS_REPLACED};
    struct order o = {.id = ORDER, .rfq = rfq, .taker = taker->id, .state = ORDER_IS_FILLED};
    struct fill x = {.rfq = rfq, .order = ORDER};
    char of_order[9] = {STORE_VALUE_VERSION}, key[8];
    cr_assert_eq(s->ops->marks(s, &m), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    for (uint64_t id = 1; id <= 2 * HTTP_STREAM_ROWS; id++) {
        q.id = x.id = id;
        put(f, "quotes" TABLE_ENDED, rfq, id, &q, offsetof(struct quote, transient));
        put(f, "fills" TABLE_ENDED, rfq, id, &x, offsetof(struct fill, transient));
    }
    put(f, "orders" TABLE_ENDED, rfq, ORDER, &o, offsetof(struct order, transient));
    store_be64(key, ORDER);
    memcpy(of_order + 1, &rfq, sizeof rfq);
    cr_assert_eq(s->ops->put(s, TABLE_ORDERS_RFQ, key, sizeof key, of_order, sizeof of_order), OK);
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
    if (strcmp(what, "order") == 0)
        snprintf(path, sizeof path, "/api/v1/orders/O%X", ORDER);
    else
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
    add_rows(&f, name);
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
    cr_assert(strstr(late->text, "HTTP/1.1 404 ") && strstr(late->text, "\"unknown_"), "%s", late->text);
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

Test(control_forgotten, an_order_ends_without_its_last_chunk)
{
    is_cut("order");
}
