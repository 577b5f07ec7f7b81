/* Records that come only after days, as the events that the outside sees. */
#include <criterion/criterion.h>

#include "control/feed/feed.h"
#include "dataplane/core/id.h"
#include "dataplane/engine/rfq/workflow.h"
#include "dataplane/model/event.h"
#include "dataplane/model/record_type.h"
#include "front_rig.h"

/* An RFQ that was asked for by HTTP; who may see its events is known from it. */
static uint64_t ask(struct front_rig *f)
{
    static const char body[] = "{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\"}";
    char text[1024];
    uint64_t rfq = 0;
    struct front_client *c = front_connect(f);
    int size = snprintf(text, sizeof text,
                        "POST /api/v1/rfqs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        f->token, sizeof body - 1, body);
    front_send(f, c, text, (size_t)size);
    front_pass(f, 20000000);
    const char *id = strstr(c->text, "{\"id\":\"");
    cr_assert(id, "%s", c->text);
    id += strlen("{\"id\":\"");
    rfq = name_parse('R', id, strcspn(id, "\""));
    cr_assert_neq(rfq, 0);
    return rfq;
}

/* Rows that were written before they had an epoch: 0, and the present one. */
static const char *event(struct feed *feed, enum feed_form form, const struct record *r, const char *name)
{
    static char text[4096];
    struct feed_event e;
    cr_assert_eq(feed_record(feed, form, r, 0, 77, &e), OK);
    cr_assert_not_null(e.name);
    cr_assert_str_eq(e.name, name);
    cr_assert(e.text && e.size < sizeof text);
    memcpy(text, e.text, e.size);
    text[e.size] = 0;
    return text;
}

static void expect_in(const char *text, const char *part)
{
    cr_expect(strstr(text, part), "%s is not in %s", part, text);
}

Test(control_event, an_award_s_time_escalates_level_by_level_and_is_extended)
{
    struct front_rig f;
    struct feed *feed;
    front_rig_open(&f);
    uint64_t rfq = ask(&f);
    cr_assert_eq(feed_create(&feed, f.rig.node, f.rig.counters, false), OK);
    struct rfq_timed level = {.head = {.size = sizeof level, .type = RECORD_RFQ_TIMED, .time_ns = f.rig.now_ns},
                              .rfq = rfq,
                              .timeout_ns = 1900000000 * RIG_SECOND,
                              .state = RFQ_IS_AWARDED,
                              .level = 2,
                              .fired = 1,
                              .role = "team lead"};
    const char *text = event(feed, FEED_STREAM, &level.head, "rfq:escalated");
    expect_in(text, "\"event\":\"rfq:escalated\"");
    expect_in(text, "\"state\":\"AWARDED\"");
    expect_in(text, "\"level\":2,\"reason\":\"timeout\",\"role\":\"team lead\"");
    expect_in(text, "\"timeoutAt\":\"2030-03-17T17:46:40.000000000Z\"");
    cr_expect(!strstr(text, "\"action\""), "%s", text);
    text = event(feed, FEED_CONTRACT, &level.head, "rfq.escalated");
    expect_in(text, "\"eventType\":\"rfq.escalated\"");
    expect_in(text, "\"eventId\":\"1-77\"");
    level.level = WORKFLOW_END;
    level.move = MOVE_AUTO_CANCEL;
    memset(level.role, 0, sizeof level.role);
    text = event(feed, FEED_STREAM, &level.head, "rfq:escalated");
    expect_in(text, "\"action\":\"AUTO_CANCEL\"");
    cr_expect(!strstr(text, "\"role\""), "%s", text);
    struct feed_event none;
    level.fired = 0; /* its time began, or was extended: RFQ_EXTENDED tells of that */
    cr_expect_eq(feed_record(feed, FEED_STREAM, &level.head, 0, 78, &none), OK);
    cr_expect_null(none.name);

    struct rfq_extended longer = {
        .head = {.size = sizeof longer, .type = RECORD_RFQ_EXTENDED, .time_ns = f.rig.now_ns},
        .rfq = rfq,
        .deadline_ns = 1900000000 * RIG_SECOND,
        .number = 1,
        .state = RFQ_IS_AWARDED,
        .text = "the LP is slow"};
    text = event(feed, FEED_STREAM, &longer.head, "rfq:extended");
    expect_in(text, "\"newExpiresAt\":\"2030-03-17T17:46:40.000000000Z\",\"number\":1,\"reason\":\"the LP is slow\","
                    "\"state\":\"AWARDED\"");
    feed_destroy(feed);
    front_destroy(f.front);
    front_rig_close(&f);
}
