/* Lists of RFQs and orders, over HTTP: of whom they are, and what they say of others', in memory and in the
 * store. The replica's tables are changed by hand, as applying would: what is removed goes to the store the
 * way it always does.
 */
#include <criterion/criterion.h>

#include "control/http/http.h"
#include "front_rig.h"

#define NORTH 0u
#define SOUTH 1u

static struct front_rig f;
static char roots[512], sams[512]; /* tokens: an admin of the north, a trader of the south */

static const struct replica_config *copies(void)
{
    return replica_config(node_replica(f.rig.node));
}

static void open_rig(void)
{
    char claims[200];
    front_rig_open(&f);
    memcpy(roots, f.token, sizeof roots);
    snprintf(claims, sizeof claims,
             "{\"sub\":\"sam\",\"tenant\":\"south\",\"roles\":[\"trader\"],\"exp\":%llu}",
             (unsigned long long)(f.rig.now_ns / RIG_SECOND + 360000));
    token_sign(sams, sizeof sams, "{\"alg\":\"HS256\",\"kid\":\"k\"}", claims, RIG_SECRET,
               strlen(RIG_SECRET));
}

static void close_rig(void)
{
    front_destroy(f.front);
    front_rig_close(&f);
}

/* What comes to a question, whole. */
static const char *ask(const char *token, const char *path)
{
    memcpy(f.token, token, sizeof f.token);
    const struct front_client *c = front_get(&f, path);
    for (unsigned i = 0; i < 1000 && !strstr(c->text, "\r\n\r\n"); i++)
        front_pass(&f, 1000000);
    cr_assert(strstr(c->text, "\r\n\r\n"), "no answer to %s", path);
    return c->text;
}

static const char *body(const char *answer)
{
    return strstr(answer, "\r\n\r\n") + 4;
}

/* The ids of a page, one behind the other; and its `next`, "" for null. */
static void read_page(const char *text, char ids[64], char next[64])
{
    *ids = *next = 0;
    cr_assert_eq(strncmp(text, "HTTP/1.1 200 ", 13), 0, "%.300s", text);
    for (const char *at = text; (at = strstr(at, "{\"id\":\""));) {
        at += strlen("{\"id\":\"");
        cr_assert_lt(strlen(ids), 40);
        sprintf(ids + strlen(ids), "%.*s ", (int)strcspn(at, "\""), at);
    }
    const char *last = strstr(text, "\"next\":");
    cr_assert_not_null(last);
    if (last[7] == '"')
        snprintf(next, 64, "%.*s", (int)strcspn(last + 8, "\""), last + 8);
}

static uint64_t taker(const char *name)
{
    char code[CODE_SIZE] = {0};
    memcpy(code, name, strlen(name));
    const struct taker *t = distribution_taker_by_code(copies()->distribution, code);
    cr_assert_not_null(t);
    return t->id;
}

/* Whose it was then. Ended: it has left memory. */
static void put_rfq(uint64_t id, uint32_t tenant, const char *whose, bool ended)
{
    struct rfq *q = table_insert(copies()->distribution->rfqs, id);
    q->tenant = tenant;
    q->taker = taker(whose);
    q->side = SIDE_BUY;
    q->first_quote = q->first_ended_quote = SLOT_NONE;
    if (ended)
        table_remove(copies()->distribution->rfqs, q);
}

static void put_order(uint64_t id, uint64_t rfq, const char *whose, bool ended)
{
    struct order *o = table_insert(copies()->routing->orders, id);
    o->rfq = rfq;
    o->taker = taker(whose);
    o->side = SIDE_BUY;
    o->first_fill = SLOT_NONE;
    if (ended)
        table_remove(copies()->routing->orders, o);
}

/* A taker may come to another tenant; what it traded stays where it was. */
Test(control_list, orders_are_of_the_tenant_that_their_rfq_was_of)
{
    static const char *const names[] = {"O10", "O20", "O30"};
    open_rig();
    put_rfq(1, NORTH, "sam", true);
    put_order(0x10, 1, "sam", true);
    put_rfq(2, NORTH, "sam", true);
    put_order(0x20, 2, "sam", false);
    put_rfq(3, NORTH, "sam", false);
    put_order(0x30, 3, "sam", false);
    put_rfq(4, SOUTH, "sam", false);
    put_order(0x40, 4, "sam", false);
    const char *norths = body(ask(roots, "/api/v1/orders")), *souths = body(ask(sams, "/api/v1/orders"));
    for (unsigned i = 0; i < 3; i++) {
        char path[64], id[16];
        snprintf(path, sizeof path, "/api/v1/orders/%s", names[i]);
        snprintf(id, sizeof id, "\"%s\"", names[i]);
        cr_assert(strstr(norths, id), "%s", norths);
        cr_assert(!strstr(souths, id), "%s", souths);
        cr_assert_eq(strncmp(ask(roots, path), "HTTP/1.1 200 ", 13), 0);
        cr_assert_eq(strncmp(ask(sams, path), "HTTP/1.1 404 ", 13), 0);
    }
    cr_assert(strstr(souths, "\"O40\"") && !strstr(norths, "\"O40\""), "%s\n%s", souths, norths);
    cr_assert_eq(strncmp(ask(sams, "/api/v1/orders/O40"), "HTTP/1.1 200 ", 13), 0);
    close_rig();
}

Test(control_list, an_order_whose_rfq_was_looked_up_for_nothing_costs_a_row)
{
    char ids[64], next[64];
    open_rig();
    for (uint64_t id = 1; id <= 300; id++) {
        put_rfq(id, NORTH, "sam", true);
        put_order(id, id, "sam", true);
    }
    uint64_t before = front_counted(&f, "rfqd_api_rows_total", "");
    read_page(ask(sams, "/api/v1/orders"), ids, next);
    cr_assert(!*ids && !*next);
    cr_assert_geq(front_counted(&f, "rfqd_api_rows_total", "") - before, 300);
    close_rig();
}

/* Pages
 * -------------------------------------------------------------------------------------------------------- */

#define OTHERS (2u * VIEW_ROWS_MAX + 100u) /* more than two polls look at */
#define FIRST  0x10u                       /* the oldest id */

/* The oldest and the newest few are the south's, and what lies between them is the north's. All have ended;
 * of each RFQ there is an order of the same number. */
static void put_all(void)
{
    for (uint64_t id = FIRST; id < FIRST + OTHERS + 4; id++) {
        bool souths = id < FIRST + 2 || id >= FIRST + OTHERS + 2;
        put_rfq(id, souths ? SOUTH : NORTH, souths ? "sam" : "ann", true);
        put_order(id, id, souths ? "sam" : "ann", true);
        if (id % 1000 == 0)
            rig_pass(&f.rig, 60000000); /* a commit */
    }
}

/* No page is empty with more behind it, and no cursor is of what the asker may not see. */
static void walk(const char *path, char kind, unsigned limit)
{
    char url[160], ids[64], next[64], all[256] = "", wanted[256], cursor[96] = "";
    for (unsigned pages = 0;; pages++) {
        cr_assert_lt(pages, 6);
        snprintf(url, sizeof url, "%s?limit=%u%s", path, limit, cursor);
        read_page(ask(sams, url), ids, next);
        cr_assert(*ids || !*next, "%s: nothing, and then %s", url, next);
        strcat(all, ids);
        if (!*next)
            break;
        const char *last = strrchr(next, kind);
        cr_assert(last && strncmp(strrchr(ids, kind), last, strlen(last)) == 0,
                  "%s: %s is not the last of %s", url, next, ids);
        snprintf(cursor, sizeof cursor, "&cursor=%s", next);
    }
    snprintf(wanted, sizeof wanted, "%c%X %c%X %c%X %c%X ", kind, FIRST + OTHERS + 3, kind,
             FIRST + OTHERS + 2, kind, FIRST + 1, kind, FIRST);
    cr_assert_str_eq(all, wanted);
}

Test(control_list, pages_say_nothing_of_others_however_many_lie_between)
{
    open_rig();
    put_all();
    for (unsigned limit = 1; limit <= 4; limit++) {
        walk("/api/v1/rfqs", 'R', limit);
        walk("/api/v1/orders", 'O', limit);
    }
    cr_assert_gt(front_counted(&f, "rfqd_api_put_off_total", ""), 0);
    close_rig();
}
