/* Bodies: what is taken, exactly, and each way in which one can be wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/body/body.h"

struct bad {
    const char *text;
    unsigned status;
    const char *code, *names; /* somewhere in the detail */
};

static bool parse_rfq(const char *text, size_t size, struct body_rfq *out, struct body_error *e)
{
    json_object *o = body_parse(text, size, e);
    bool fine = o && body_rfq(o, NULL, out, e);
    json_object_put(o);
    return fine;
}

static void must_refuse(const struct bad *b, bool fine, const struct body_error *e)
{
    cr_expect(!fine, "%s was taken", b->text);
    if (fine)
        return;
    cr_expect_eq(e->status, b->status, "%s: %u", b->text, e->status);
    cr_expect_str_eq(e->code, b->code, "%s: %s", b->text, e->code);
    cr_expect_not_null(strstr(e->detail, b->names), "%s: %s", b->text, e->detail);
}

#define RFQ(rest) "{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":1" rest "}"

Test(control_body, takes_an_rfq)
{
    struct body_rfq b;
    struct body_error e;
    const char *text =
        " {\"symbol\":\"EUR/USD\", \"side\":\"twoWay\",\n\"quantity\":\"1000000.25\",\"reference\":\"a b\","
        "\"expiresAt\":\"2026-01-31T12:34:56.5Z\",\"allOrNone\":true,\"settlDate\":\"2026-02-28\"}\r\n";
    cr_assert(parse_rfq(text, strlen(text), &b, &e), "%s", e.detail);
    cr_assert_str_eq(b.symbol, "EUR/USD");
    cr_assert_str_eq(b.reference, "a b");
    cr_assert_eq(b.side, SIDE_TWO_WAY);
    cr_assert_eq(b.quantity, 100000025000000);
    cr_assert_eq(b.expires_ns, 1769862896500000000ull);
    cr_assert_eq(b.settl_date, 20260228);
    cr_assert_eq(b.all_or_none, 1);
    cr_assert_eq(b.timeout_ns, 0);
    text = RFQ(",\"expiresAt\":\"1970-01-01T00:00:00Z\"");
    cr_assert(parse_rfq(text, strlen(text), &b, &e));
    cr_assert_neq(b.expires_ns, 0, "taken for one that was not given");
    text = RFQ(",\"timeoutMs\":1500");
    cr_assert(parse_rfq(text, strlen(text), &b, &e));
    cr_assert_eq(b.timeout_ns, 1500000000);
    cr_assert_eq(b.quantity, 100000000);
    cr_assert_eq(b.side, SIDE_BUY);
}

/* Never through binary floating point: what is written is what is taken. */
Test(control_body, takes_decimals_as_they_are_written)
{
    static const struct {
        const char *text;
        int64_t scaled;
    } table[] = {{"0.1", 10000000},
                 {"1.10012", 110012000},
                 {"\"1.10012\"", 110012000},
                 {"92233720368.54775807", INT64_MAX},
                 {"\"92233720368.54775807\"", INT64_MAX},
                 {"9007199254.74099301", 900719925474099301},
                 {"0.00000001", 1},
                 {"1.000000000", 100000000}};
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char text[128];
        struct body_rfq b;
        struct body_error e;
        snprintf(text, sizeof text, "{\"symbol\":\"A\",\"side\":\"sell\",\"quantity\":%s}", table[i].text);
        cr_expect(parse_rfq(text, strlen(text), &b, &e), "%s: %s", text, e.detail);
        cr_expect_eq(b.quantity, table[i].scaled, "%s: %ld", text, (long)b.quantity);
    }
}

Test(control_body, says_what_is_wrong_and_with_which_member)
{
    static const struct bad table[] = {
        {"{", 400, "bad_json", "too early"},
        {"nonsense", 400, "bad_json", "no JSON"},
        {"[]", 400, "bad_json", "object"},
        {"\"a\"", 400, "bad_json", "object"},
        {"null", 400, "bad_json", "an object is wanted"},
        {"7", 400, "bad_json", "an object is wanted"},
        {"{} {}", 400, "bad_json", "more behind the JSON object, at byte 3"},
        {"{}x", 400, "bad_json", ""},
        {" {\"symbol\":\"}\"} 1", 400, "bad_json", "more behind the JSON object, at byte 16"},
        {"{\"symbol\":[]", 400, "bad_json", "too early"},
        {"{}}", 400, "bad_json", "more behind"},
        {"}", 400, "bad_json", "no JSON"},
        {"[1", 400, "bad_json", "too early"},
        {"{'symbol':1}", 400, "bad_json", ""},
        {"{\"symbol\":\"a\",}", 400, "bad_json", ""},
        {"{/**/}", 400, "bad_json", ""},
        {"{\"symbol\":NaN}", 400, "bad_json", "byte 10"},
        {"{\"symbol\":-Infinity}", 400, "bad_json", ""},
        {"{\"symbol\":\"a\nb\"}", 400, "bad_json", "byte 12"},
        {"{\"symbol\":01}", 400, "bad_json", ""},
        {"{symbol:1}", 400, "bad_json", ""},
        {"{\"symbol\" \"a\"}", 400, "bad_json", ""},
        {"{\"a\":[[[[[[[[[1]]]]]]]]]}", 400, "bad_json", "no JSON"},
        {"{\"symbol\":\"\xff\"}", 400, "bad_json", ""},
        {RFQ(",\"symbol\":\"x\""), 400, "duplicate_member", "'symbol'"},
        {RFQ(",\"sym\\u0062ol\":\"x\""), 400, "duplicate_member", "twice"},
        {RFQ(",\"legs\":[{\"a\":1,\"a\":2}]"), 400, "duplicate_member", "'a'"},
        {"{}", 422, "missing_member", "'symbol'"},
        {"", 422, "missing_member", "'symbol'"},
        {"{\"symbol\":\"EURUSD\",\"side\":\"buy\"}", 422, "missing_member", "'quantity'"},
        {RFQ(",\"colour\":1"), 422, "unknown_member", "'colour'"},
        {RFQ(",\"reference\":5"), 422, "wrong_type", "'reference'"},
        {RFQ(",\"reference\":null"), 422, "wrong_type", "'reference'"},
        {RFQ(",\"reference\":\"\""), 422, "out_of_range", "'reference'"},
        {RFQ(",\"reference\":\"1234567890123456789012345678901234567890\""), 422, "out_of_range",
         "'reference'"},
        {RFQ(",\"reference\":\"a\\u0001\""), 422, "out_of_range", "'reference'"},
        {RFQ(",\"reference\":\"a\\u0000b\""), 422, "wrong_type", "'reference'"},
        {RFQ(",\"reference\":\"\xc3\xa9\""), 422, "out_of_range", "'reference'"},
        {RFQ(",\"timeoutMs\":\"5\""), 422, "wrong_type", "'timeoutMs'"},
        {RFQ(",\"timeoutMs\":5.5"), 422, "wrong_type", "'timeoutMs'"},
        {RFQ(",\"timeoutMs\":0"), 422, "out_of_range", "'timeoutMs'"},
        {RFQ(",\"timeoutMs\":-1"), 422, "out_of_range", "'timeoutMs'"},
        {RFQ(",\"timeoutMs\":99999999999999999999"), 422, "out_of_range", "'timeoutMs'"},
        {RFQ(",\"allOrNone\":1"), 422, "wrong_type", "'allOrNone'"},
        {RFQ(",\"expiresAt\":5"), 422, "wrong_type", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"tomorrow\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"2026-02-29T00:00:00Z\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"2026-01-01T24:00:00Z\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"2026-01-01T00:00:00\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"2026-01-01T00:00:00+01:00\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"2026-01-01T00:00:00.Z\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"expiresAt\":\"1969-12-31T00:00:00Z\""), 422, "out_of_range", "'expiresAt'"},
        {RFQ(",\"settlDate\":\"20260131\""), 422, "out_of_range", "'settlDate'"},
        {RFQ(",\"settlDate\":20260131"), 422, "wrong_type", "'settlDate'"},
        {RFQ(",\"expiresAt\":\"2026-01-01T00:00:00Z\",\"timeoutMs\":5"), 422, "conflicting_members",
         "'timeoutMs'"},
        {"{\"symbol\":\"1234567890123456\",\"side\":\"buy\",\"quantity\":1}", 422, "out_of_range",
         "'symbol'"},
        {"{\"symbol\":\"\",\"side\":\"buy\",\"quantity\":1}", 422, "out_of_range", "'symbol'"},
        {"{\"symbol\":\"A\",\"side\":\"hold\",\"quantity\":1}", 422, "out_of_range", "buy, sell, twoWay"},
        {"{\"symbol\":\"A\",\"side\":1,\"quantity\":1}", 422, "wrong_type", "'side'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":0}", 422, "out_of_range", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":-1}", 422, "out_of_range", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":1e3}", 422, "wrong_type", "exponent"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":\"1e3\"}", 422, "wrong_type", "exponent"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":\" 1\"}", 422, "wrong_type", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":\"\"}", 422, "wrong_type", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":\"NaN\"}", 422, "wrong_type", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":true}", 422, "wrong_type", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":[1]}", 422, "wrong_type", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":1.000000001}", 422, "out_of_range", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":92233720369}", 422, "out_of_range", "'quantity'"},
        {"{\"symbol\":\"A\",\"side\":\"buy\",\"quantity\":99999999999999999999999}", 422, "out_of_range",
         "'quantity'"},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct body_rfq b;
        struct body_error e = {0};
        bool fine = parse_rfq(table[i].text, strlen(table[i].text), &b, &e);
        must_refuse(&table[i], fine, &e);
    }
}

Test(control_body, stops_at_a_zero_byte)
{
    struct body_rfq b;
    struct body_error e;
    const char text[] = RFQ("") "\0 ";
    cr_assert(!parse_rfq(text, sizeof text - 1, &b, &e));
    cr_assert_str_eq(e.code, "bad_json");
}

Test(control_body, takes_acceptances_cancels_and_extensions)
{
    struct body_error e;
    struct body_accept a;
    struct body_cancel c;
    struct body_extend x;
    const char *text = "{\"quoteId\":\"Q1A\",\"side\":\"sell\",\"quantity\":5,\"price\":\"1.5\"}";
    json_object *o = body_parse(text, strlen(text), &e);
    cr_assert(body_accept(o, NULL, &a, &e));
    cr_assert(a.quote == 0x1a && a.side == SIDE_SELL && a.quantity == 500000000 && a.price == 150000000);
    json_object_put(o);
    o = body_parse("", 0, &e);
    cr_assert(body_cancel(o, NULL, &c, &e) && c.reason == REASON_NONE);
    json_object_put(o);
    text = "{\"reason\":\"lp_issue\"}";
    o = body_parse(text, strlen(text), &e);
    cr_assert(body_cancel(o, NULL, &c, &e) && c.reason == REASON_LP_ISSUE);
    json_object_put(o);
    text = "{\"reason\":\"n\xc3\xb6tig\",\"extendMs\":2000}";
    o = body_parse(text, strlen(text), &e);
    cr_assert(body_extend(o, NULL, &x, &e), "%s", e.detail);
    cr_assert(x.extend_ns == 2000000000 && strcmp(x.reason, "n\xc3\xb6tig") == 0);
    json_object_put(o);
}

Test(control_body, refuses_what_the_others_do_not_take)
{
    static const struct {
        char kind;
        struct bad bad;
    } table[] = {
        {'a', {"{}", 422, "missing_member", "'quoteId'"}},
        {'a', {"{\"quoteId\":5}", 422, "wrong_type", "'quoteId'"}},
        {'a', {"{\"quoteId\":\"R1\"}", 422, "out_of_range", "'quoteId'"}},
        {'a', {"{\"quoteId\":\"Q\"}", 422, "out_of_range", "'quoteId'"}},
        {'a', {"{\"quoteId\":\"Q11112222333344445\"}", 422, "out_of_range", "'quoteId'"}},
        {'a', {"{\"quoteId\":\"Q1\",\"side\":\"twoWay\"}", 422, "out_of_range", "buy, sell"}},
        {'a', {"{\"quoteId\":\"Q1\",\"price\":0}", 422, "out_of_range", "'price'"}},
        {'c', {"{\"reason\":\"because\"}", 422, "out_of_range", "taker_request"}},
        {'c', {"{\"reason\":\"system_policy\"}", 422, "out_of_range", "'reason'"}},
        {'c', {"{\"quoteId\":\"Q1\"}", 422, "unknown_member", "'quoteId'"}},
        {'x', {"{}", 422, "missing_member", "'reason'"}},
        {'x', {"{\"reason\":\"\"}", 422, "out_of_range", "'reason'"}},
        {'x',
         {"{\"reason\":\"a\",\"extendMs\":1,\"expiresAt\":\"2026-01-01T00:00:00Z\"}", 422,
          "conflicting_members", "'extendMs'"}},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct body_error e = {0};
        struct body_accept a;
        struct body_cancel c;
        struct body_extend x;
        json_object *o = body_parse(table[i].bad.text, strlen(table[i].bad.text), &e);
        bool fine = table[i].kind == 'a'   ? body_accept(o, NULL, &a, &e)
                    : table[i].kind == 'c' ? body_cancel(o, NULL, &c, &e)
                                           : body_extend(o, NULL, &x, &e);
        must_refuse(&table[i].bad, fine, &e);
        json_object_put(o);
    }
}

/* What a WebSocket's frame has besides. */
Test(control_body, passes_over_members_that_are_somebody_elses)
{
    static const char *const also[] = {"op", "id", NULL};
    struct body_cancel c;
    struct body_error e;
    const char *text = "{\"op\":\"rfq.cancel\",\"id\":7,\"reason\":\"lp_issue\"}";
    json_object *o = body_parse(text, strlen(text), &e);
    cr_assert(body_cancel(o, also, &c, &e));
    cr_assert(!body_cancel(o, NULL, &c, &e));
    json_object_put(o);
}
