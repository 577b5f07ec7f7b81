/* Metrics: numbers as text, exactly; histograms against a count by hand; what is counted once; the table of
 * families keeps the rules of its names. What a running rfqd shows is held by tests/e2e/metrics_test.py.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/metrics/draw.h"
#include "node_rig.h"
#include "tests/unit/random.h"

static const char *ended(struct buffer *b)
{
    cr_assert_not(b->failed);
    buffer_add(b, "", 1);
    return b->text;
}

Test(control_metrics, nanoseconds_are_seconds_without_rounding)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0"},
                {1, "0.000000001"},
                {1023, "0.000001023"},
                {500000000, "0.5"},
                {1000000000, "1"},
                {1000000001, "1.000000001"},
                {12500000000, "12.5"},
                {UINT64_MAX, "18446744073.709551615"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer b = {0};
        buffer_add_seconds(&b, rows[i].ns);
        cr_expect_str_eq(ended(&b), rows[i].text);
        buffer_free(&b);
    }
}

Test(control_metrics, a_buffer_grows_and_keeps_what_it_has)
{
    struct buffer b = {0};
    for (uint64_t i = 0; i < 200000; i++) {
        buffer_add_number(&b, i);
        buffer_add_text(&b, "\n");
    }
    const char *at = ended(&b);
    for (uint64_t i = 0; i < 200000; i++) {
        char *end;
        cr_assert_eq(strtoull(at, &end, 10), i);
        at = end + 1;
    }
    buffer_free(&b);
}

/* Each bucket holds exactly the values up to its edge, read back from the text; labels are escaped. */
Test(control_metrics, a_histogram_says_exactly_what_was_recorded)
{
    enum { N = 5000 };
    static struct histogram h, copy;
    static uint64_t values[N];
    static const struct family f = {"rfqd_test_seconds", FAMILY_HISTOGRAM, "seconds", NULL, 0, "Test."};
    static const struct edges edges = {10, 36, 2};
    struct buffer b = {0};
    struct draw d = {.out = &b, .copy = &copy};
    uint64_t state = 11, sum = 0;
    histogram_reset(&h);
    for (unsigned i = 0; i < N; i++) {
        values[i] = random_next(&state) >> (24 + random_next(&state) % 40);
        sum += values[i];
        histogram_record(&h, values[i]);
    }
    draw_histogram(&d, &f, &h, &edges, LABELS({"lp", "a\"b\\c\nd"}));
    const char *at = ended(&b), *prefix = "rfqd_test_seconds_bucket{lp=\"a\\\"b\\\\c\\nd\",le=\"";
    for (unsigned power = 10; power <= 36; power += 2) {
        unsigned long long seconds, places, count, expected = 0;
        int used = 0;
        cr_assert_eq(strncmp(at, prefix, strlen(prefix)), 0, "%.100s", at);
        cr_assert_eq(sscanf(at + strlen(prefix), "%llu.%9llu\"} %llu\n%n", &seconds, &places, &count, &used),
                     3);
        uint64_t edge = seconds * 1000000000u + places;
        cr_expect_eq(edge, (1ull << power) - 1);
        for (unsigned i = 0; i < N; i++)
            expected += values[i] <= edge;
        cr_expect_eq(count, expected, "up to %llu ns", (unsigned long long)edge);
        at += strlen(prefix) + (size_t)used;
    }
    char end[512];
    snprintf(end, sizeof end,
             "rfqd_test_seconds_bucket{lp=\"a\\\"b\\\\c\\nd\",le=\"+Inf\"} 5000\n"
             "rfqd_test_seconds_sum{lp=\"a\\\"b\\\\c\\nd\"} %llu.%09llu\n"
             "rfqd_test_seconds_count{lp=\"a\\\"b\\\\c\\nd\"} 5000\n",
             (unsigned long long)(sum / 1000000000u), (unsigned long long)(sum % 1000000000u));
    cr_expect_str_eq(at, end);
    buffer_free(&b);
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcmp(name + n - s, suffix) == 0;
}

Test(control_metrics, families_keep_the_rules_of_their_names)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        char unit[32];
        cr_expect_eq(strncmp(f->name, "rfqd_", 5), 0, "%s", f->name);
        for (const char *c = f->name; *c; c++)
            cr_expect(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_', "%s", f->name);
        cr_expect_lt(strlen(f->name), COUNTER_NAME_SIZE, "%s", f->name);
        cr_expect_eq(f->type == FAMILY_TOTAL, ends_in(f->name, "_total"), "%s: its type and its name",
                     f->name);
        snprintf(unit, sizeof unit, f->type == FAMILY_TOTAL ? "_%s_total" : "_%s", f->unit);
        cr_expect(!*f->unit || ends_in(f->name, unit), "%s: its unit is %s", f->name, f->unit);
        cr_expect(*f->unit || (!strstr(f->name, "_seconds") && !strstr(f->name, "_bytes")), "%s has a unit",
                  f->name);
        cr_expect(f->type != FAMILY_HISTOGRAM || f->draw, "%s: counters are no histogram", f->name);
        cr_expect(ends_in(f->sentence, ".") && !strpbrk(f->sentence, "\n\\"), "%s: a sentence", f->name);
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(f->name, families[j].name, "twice");
    }
}

/* Parts
 * ---------------------------------------------------------------------------------------------------------
 */

static void add_entities(const struct node_rig *rig)
{
    const struct replica_config *c = replica_config(node_replica(rig->node));
    char label[COUNTER_LABEL_SIZE];
    for (uint64_t i = 1; i <= 30; i++) {
        struct lp *l = table_insert(c->distribution->lps, i);
        snprintf(l->code, sizeof l->code, "LP%u", (unsigned)i);
        l->quoted = i;
        struct rfq *q = table_insert(c->distribution->rfqs, 100 + i);
        q->state = (uint8_t)(RFQ_DRAFT + i % 3);
        struct order *o = table_insert(c->routing->orders, 200 + i);
        o->state = ORDER_AWAITING + i % 2;
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(label, sizeof label, "session=\"S%u\"", i);
        counter_set(counter_new(rig->counters, COUNTER_TOTAL, "rfqd_ws_commands_total", label), i);
        counter_set(counter_new(rig->counters, COUNTER_GAUGE, "rfqd_of_no_family", label), i);
    }
}

#define PART_OVER 16384u /* families with few rows are drawn as a whole */

/* Whatever a part's size, and whether somebody else has it rendered meanwhile. */
Test(control_metrics, its_parts_are_the_whole)
{
    static const size_t sizes[] = {1, 1000, 65536};
    struct node_rig rig;
    struct tally *t;
    struct metrics *m;
    struct buffer whole = {0};
    rig_open(&rig);
    cr_assert_eq(tally_create(&t, rig.node, rig.counters), OK);
    add_entities(&rig);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer parts = {0}, other = {0};
        struct metrics_walk w = {0};
        unsigned count = 1;
        const struct metrics_config c = {.node = rig.node, .counters = rig.counters, .tally = t};
        cr_assert_eq(metrics_create(&m, &c), OK);
        for (size_t used = 0; !metrics_render_part(m, &w, &parts, sizes[i]); used = parts.used, count++) {
            cr_expect_lt(parts.used - used, sizes[i] + PART_OVER, "little more than was asked for");
            if (count == 20)
                cr_assert_eq(metrics_render(m, &other), OK);
        }
        if (!whole.used)
            cr_assert_eq(metrics_render(m, &whole), OK);
        cr_expect_gt(count, whole.used / (sizes[i] + PART_OVER));
        cr_assert_eq(parts.used, whole.used);
        cr_assert_arr_eq(parts.text, whole.text, whole.used);
        buffer_free(&parts);
        buffer_free(&other);
        metrics_destroy(m);
    }
    const char *text = ended(&whole);
    cr_expect(strstr(text, "rfqd_rfqs{state=\"DRAFT\"} 10\n"), "counted over parts");
    cr_expect(strstr(text, "\nrfqd_ws_commands_total{session=\"S999\"} 999\n"));
    cr_expect(strstr(text, "# HELP rfqd_of_no_family Not described.\n"));
    buffer_free(&whole);
    tally_destroy(t);
    rig_close(&rig);
}

/* The tally
 * ---------------------------------------------------------------------------------------------------------
 */

static void answer(struct tally *t, struct record *r, uint16_t type, uint32_t size, uint64_t received_ns)
{
    _Alignas(8) char bytes[sizeof(struct batch) + 1024];
    struct batch b = {.count = 1, .agent = AGENT_DISTRIBUTION, .origin_time_ns = received_ns};
    r->type = type;
    r->size = RECORD_ALIGN(size);
    b.size = (uint32_t)sizeof b + r->size;
    memcpy(bytes, &b, sizeof b);
    memcpy(bytes + sizeof b, r, size);
    tally_batch(t, (const struct batch *)(const void *)bytes);
}

Test(control_metrics, an_lp_has_one_response_to_a_delivery)
{
    struct node_rig rig;
    struct tally *t;
    rig_open(&rig);
    struct table *deliveries = replica_config(node_replica(rig.node))->distribution->deliveries;
    for (uint64_t id = 1; id <= 3; id++) {
        struct delivery *d = table_insert(deliveries, id);
        d->lp = 1;
        d->released_ns = 1000;
        d->answer = id == 3 ? ANSWER_QUOTED : ANSWER_NONE;
    }
    cr_assert_eq(tally_create(&t, rig.node, rig.counters), OK);
    struct quote_added q = {.quote = 10, .delivery = 1, .lp = 1};
    answer(t, &q.head, RECORD_QUOTE_ADDED, sizeof q, 3000);
    answer(t, &q.head, RECORD_QUOTE_ADDED, sizeof q, 9000); /* the first was withdrawn: it replaces none */
    struct delivery_state s = {
        .delivery = 1, .lp = 1, .state = DELIVERY_DELIVERED, .answer = ANSWER_DECLINED};
    answer(t, &s.head, RECORD_DELIVERY_STATE, sizeof s, 9500);
    cr_assert_eq(t->responses[1]->count, 1);
    cr_assert_eq(t->responses[1]->max, 2000);
    s.delivery = 2;
    answer(t, &s.head, RECORD_DELIVERY_STATE, sizeof s, 5000);
    cr_assert_eq(t->responses[1]->count, 2);
    q.delivery = 3; /* answered before this process began */
    answer(t, &q.head, RECORD_QUOTE_ADDED, sizeof q, 9000);
    cr_assert_eq(t->responses[1]->count, 2);
    tally_destroy(t);
    rig_close(&rig);
}
