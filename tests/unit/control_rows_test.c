/* Answers of many rows, asked for by many at once: a poll makes so much of them and no more, and everybody
 * gets theirs. */
#include <criterion/criterion.h>

#include "control/http/http.h"
#include "front_rig.h"

#define ASKERS    20u
#define RFQS      100u
#define POLLS_MAX 10000u

static void ask(struct front_rig *f, struct front_client *c, const char *path)
{
    char text[1024];
    front_send(f, c, text,
               (size_t)snprintf(text, sizeof text,
                                "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", path,
                                f->token));
}

static bool has_answer(const struct front_client *c)
{
    return c->closed || strstr(c->text, "\r\n\r\n");
}

static const char *body_of(const struct front_client *c)
{
    cr_assert(strstr(c->text, "HTTP/1.1 200 "), "%.200s", c->text);
    return strstr(c->text, "\r\n\r\n") + 4;
}

static uint64_t rows(struct front_rig *f)
{
    return front_counted(f, "rfqd_api_rows_total", "");
}

/* One after the other: so many at once are more than a connection may have under way. */
static void make_rfqs(struct front_rig *f)
{
    struct front_client *maker = front_listen(f, NULL);
    for (unsigned i = 0; i < RFQS; i++) {
        front_say(f, maker,
                  "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}");
        front_pass(f, 10000000);
    }
}

Test(control_rows, of_one_poll_are_bounded_however_many_ask)
{
    struct front_rig f;
    struct front_client *askers[ASKERS], *plain;
    front_rig_open(&f);
    make_rfqs(&f);
    for (unsigned i = 0; i < ASKERS; i++)
        askers[i] = front_connect(&f);
    plain = front_connect(&f);
    uint64_t before = rows(&f);
    for (unsigned i = 0; i < ASKERS; i++)
        ask(&f, askers[i], "/api/v1/rfqs?limit=500");
    ask(&f, plain, "/healthz");
    uint64_t start = before, most = 0;
    unsigned polls = 0, answered = 0, plain_at = 0;
    while (answered < ASKERS) {
        cr_assert_lt(polls, POLLS_MAX);
        rig_set_time(&f.rig, f.rig.now_ns + 100000);
        rig_poll(&f.rig);
        front_take(&f);
        uint64_t now = rows(&f);
        polls += now > start; /* since the first of them */
        most = now - before > most ? now - before : most;
        cr_assert_leq(now - start, polls * HTTP_ROWS_PER_POLL + VIEW_PAGE_MAX);
        before = now;
        answered = 0;
        for (unsigned i = 0; i < ASKERS; i++)
            answered += has_answer(askers[i]);
        if (!plain_at && has_answer(plain))
            plain_at = answered;
    }
    front_pass(&f, RIG_SECOND / 100);
    cr_assert_leq(most, HTTP_ROWS_PER_POLL + VIEW_PAGE_MAX);
    cr_assert_gt(front_counted(&f, "rfqd_api_put_off_total", ""), 0);
    cr_assert_geq(before - start, ASKERS * RFQS);
    for (unsigned i = 0; i < ASKERS; i++)
        cr_assert_str_eq(body_of(askers[i]), body_of(askers[0]));
    cr_assert_str_eq(strstr(body_of(askers[0]), "\"next\":"), "\"next\":null}");
    cr_assert(strstr(plain->text, "HTTP/1.1 200 ") && plain_at < ASKERS, "it waited for the lists");
    front_destroy(f.front);
    front_rig_close(&f);
}
