/* The tables of fields against the structs, and the text that comes from them. */
#include <criterion/criterion.h>

#include <json-c/json.h>
#include <string.h>

#include "dataplane/model/describe.h"
#include "dataplane/model/event.h"
#include "random.h"

static const char *const tables[] = {
    "settings",         "instruments",      "lps",    "takers", "rfqs",     "deliveries", "quotes",
    "routing_settings", "routing_sessions", "orders", "fills",  "sessions", "rfqs_ended", "fills_ended"};

/* Every byte from `from` on belongs to one field, in order. */
static void is_whole(const struct layout *l, uint32_t from)
{
    uint32_t at = from;
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct field *f = &l->fields[i];
        cr_assert_eq(f->offset, at, "%s.%s lies at %u, not %u", l->name, f->name, f->offset, at);
        if (f->kind == FIELD_NESTED) {
            is_whole(f->nested, 0);
            cr_assert_eq(f->nested->size, f->size, "%s.%s", l->name, f->name);
        }
        at += f->size;
    }
    cr_assert_eq(at, l->size, "%s: %u of %u bytes are described", l->name, at, l->size);
}

Test(model_describe, leaves_no_byte_of_an_entity_out)
{
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        cr_assert_not_null(layout_of_table(tables[i]), "%s", tables[i]);
        is_whole(layout_of_table(tables[i]), 0);
    }
    cr_assert_null(layout_of_table("history"));
    cr_assert_null(layout_of_table("rfqs_"));
}

Test(model_describe, leaves_no_byte_of_a_record_out)
{
    unsigned seen = 0;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct layout *l = layout_of_record(type);
        cr_assert_eq(l == NULL, record_type_size(type) == 0);
        if (!l)
            continue;
        cr_assert_eq(l->size, record_type_size(type));
        is_whole(l, sizeof(struct record));
        seen++;
    }
    cr_assert_gt(seen, 50);
}

/* Numbers have sizes that a number can have. */
static void has_sound_sizes(const struct layout *l)
{
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct field *f = &l->fields[i];
        switch (f->kind) {
        case FIELD_NUMBER:
        case FIELD_FLAG:
        case FIELD_ENUM:
            cr_assert(f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8, "%s.%s", l->name,
                      f->name);
            break;
        case FIELD_DECIMAL:
        case FIELD_TIME:
        case FIELD_DURATION:
        case FIELD_RFQ:
        case FIELD_QUOTE:
        case FIELD_ORDER:
        case FIELD_REF:
            cr_assert_eq(f->size, 8, "%s.%s", l->name, f->name);
            break;
        case FIELD_WIDE:
            cr_assert_eq(f->size, 16);
            break;
        case FIELD_CHAR:
        case FIELD_SIDE:
            cr_assert_eq(f->size, 1, "%s.%s", l->name, f->name);
            break;
        case FIELD_SESSION:
            cr_assert_eq(f->size, 4, "%s.%s", l->name, f->name);
            break;
        default:
            break;
        }
    }
}

Test(model_describe, gives_each_field_a_kind_that_fits_its_size)
{
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        has_sound_sizes(layout_of_table(tables[i]));
    for (unsigned type = 0; type <= UINT16_MAX; type++)
        if (layout_of_record(type))
            has_sound_sizes(layout_of_record(type));
}

static const char *text_of(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;
    cr_assert(json_object_object_get_ex(o, name, &v), "%s is not there", name);
    return v ? json_object_get_string(v) : NULL;
}

static struct json_object *record_json(const void *r)
{
    static char text[1 << 20];
    size_t length = describe_record(r, text, sizeof text);
    cr_assert_lt(length, sizeof text);
    struct json_object *o = json_tokener_parse(text);
    cr_assert_not_null(o, "no JSON: %s", text);
    return o;
}

Test(model_describe, shows_a_quote_as_json)
{
    struct quote_added ev = {.head = {.size = sizeof ev,
                                      .type = RECORD_QUOTE_ADDED,
                                      .version = 1,
                                      .dest = AGENT_GATEWAY,
                                      .session = 3,
                                      .time_ns = 1700000000123456789ull},
                             .quote = 0x1a,
                             .rfq = 0x1000,
                             .lp = 2,
                             .bid = 108123000000,
                             .side = SIDE_SELL,
                             .out = {.ref = 0x1a, .ref_kind = REF_QUOTE},
                             .symbol = "EUR/USD",
                             .lp_quote_id = "a\"b\\c\n"};
    struct json_object *o = record_json(&ev), *out;
    cr_assert_str_eq(text_of(o, "type"), "QUOTE_ADDED");
    cr_assert_str_eq(text_of(o, "time_ns"), "1700000000123456789");
    cr_assert_str_eq(text_of(o, "dest"), "gateway");
    cr_assert_str_eq(text_of(o, "session"), "3");
    cr_assert_str_eq(text_of(o, "quote"), "Q1A");
    cr_assert_str_eq(text_of(o, "rfq"), "R1000");
    cr_assert_null(text_of(o, "replaces"));
    cr_assert_str_eq(text_of(o, "bid"), "1081.23");
    cr_assert_str_eq(text_of(o, "ask"), "0");
    cr_assert_str_eq(text_of(o, "side"), "sell");
    cr_assert_str_eq(text_of(o, "symbol"), "EUR/USD");
    cr_assert_str_eq(text_of(o, "lp_quote_id"), "a\"b\\c\n");
    cr_assert(json_object_object_get_ex(o, "out", &out));
    cr_assert_str_eq(text_of(out, "ref"), "Q1A");
    cr_assert_null(text_of(out, "rfq"));
    json_object_put(o);
}

Test(model_describe, shows_a_quote_as_a_line)
{
    char text[512];
    struct quote_added ev = {.head = {.size = sizeof ev, .type = RECORD_QUOTE_ADDED, .session = SESSION_NONE},
                             .quote = 0x1a,
                             .rfq = 0x1000,
                             .lp = 2,
                             .valid_until_ns = 1700000000123456789ull,
                             .bid = 108123000000,
                             .side = SIDE_SELL,
                             .symbol = "EUR/USD"};
    describe_record_text(&ev.head, text, sizeof text);
    cr_assert_str_eq(
        text, "QUOTE_ADDED quote=Q1A rfq=R1000 lp=2 valid_until=22:13:20.123456789 bid=1081.23 side=sell "
              "symbol=EUR/USD");
}

Test(model_describe, shows_fix_messages_whole)
{
    _Alignas(8) char bytes[sizeof(struct gateway_out) + 64] = {0};
    static const char message[] = "8=FIX.4.4\x01"
                                  "35=R\x01"
                                  "58=\xe9|\x01";
    struct gateway_out *out = (void *)bytes;
    char text[512];
    out->head = (struct record){.size = sizeof bytes, .type = RECORD_GATEWAY_OUT, .session = 1};
    out->kind = 'R';
    out->size = sizeof message - 1;
    memcpy(out->bytes, message, sizeof message - 1);
    struct json_object *o = record_json(out);
    cr_assert_str_eq(text_of(o, "kind"), "R");
    cr_assert_str_eq(text_of(o, "bytes"), "8=FIX.4.4\x01"
                                          "35=R\x01"
                                          "58=\u00e9|\x01");
    json_object_put(o);
    describe_record_text(&out->head, text, sizeof text);
    cr_assert_str_eq(text, "GATEWAY_OUT session=1 size=21 kind=R bytes 8=FIX.4.4|35=R|58=?||");
}

Test(model_describe, shows_a_ranking_as_a_list)
{
    _Alignas(8) char bytes[sizeof(struct quotes_ranked) + 2 * sizeof(struct ranked_quote)] = {0};
    struct quotes_ranked *ev = (void *)bytes;
    ev->head = (struct record){.size = sizeof bytes, .type = RECORD_QUOTES_RANKED, .session = SESSION_NONE};
    ev->rfq = 5;
    ev->count = 2;
    ev->rankings[0] = (struct ranked_quote){.quote = 7, .rank = 1, .best = 1};
    ev->rankings[1] = (struct ranked_quote){.quote = 9, .rank = 2};
    struct json_object *o = record_json(ev), *list;
    cr_assert(json_object_object_get_ex(o, "rankings", &list));
    cr_assert_eq(json_object_array_length(list), 2);
    cr_assert_str_eq(text_of(json_object_array_get_idx(list, 1), "quote"), "Q9");
    json_object_put(o);
}

Test(model_describe, shows_values_of_128_bits_exactly)
{
    char text[4096];
    struct order o = {.id = 1};
    /* 12.5 × 1.1 = 13.75, scaled 1e-16 */
    unsigned __int128 v = (unsigned __int128)1250000000 * 110000000;
    o.value_low = (uint64_t)v;
    o.value_high = (int64_t)(v >> 64);
    describe_fields(layout_of_table("orders"), &o, offsetof(struct order, transient), text, sizeof text);
    cr_assert(strstr(text, "\"value\":\"13.75\""), "%s", text);
    v = (unsigned __int128)9000000000000000000ull * 9000000000000000000ull;
    o.value_low = (uint64_t)v;
    o.value_high = (int64_t)(v >> 64);
    describe_fields(layout_of_table("orders"), &o, offsetof(struct order, transient), text, sizeof text);
    cr_assert(strstr(text, "\"value\":\"8100000000000000000000\""), "%s", text);
    o.value_low = 0;
    o.value_high = 0;
    describe_fields(layout_of_table("orders"), &o, offsetof(struct order, transient), text, sizeof text);
    cr_assert(strstr(text, "\"value\":\"0\""), "%s", text);
}

Test(model_describe, of_a_type_from_the_future_says_what_it_can)
{
    char text[256];
    struct record r = {.size = 48, .type = 9999, .session = SESSION_NONE, .time_ns = 5};
    describe_record(&r, text, sizeof text);
    cr_assert_str_eq(text, "{\"type\":9999,\"time_ns\":5,\"size\":48}");
    describe_record_text(&r, text, sizeof text);
    cr_assert_str_eq(text, "type 9999");
}

Test(model_describe, cuts_what_does_not_fit_and_says_how_long_it_is)
{
    char whole[4096], part[4096];
    struct rfq r = {.id = 1, .symbol = "EUR/USD"};
    const struct layout *l = layout_of_table("rfqs");
    size_t length = describe_fields(l, &r, l->size, whole, sizeof whole);
    cr_assert_eq(length, strlen(whole));
    for (size_t size = 0; size <= length + 1; size++) {
        memset(part, 'x', sizeof part);
        cr_assert_eq(describe_fields(l, &r, l->size, part, size), length);
        if (size)
            cr_assert(strlen(part) == (size - 1 < length ? size - 1 : length) &&
                      !strncmp(part, whole, size - 1));
        cr_assert_eq(part[size], 'x');
    }
}

/* Whatever the bytes are, it is JSON. */
Test(model_describe, makes_json_of_any_bytes)
{
    uint64_t random = 5;
    static _Alignas(8) char bytes[4096];
    for (unsigned type = 0; type <= 200; type++) {
        if (!layout_of_record(type))
            continue;
        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < sizeof bytes; i += 8) {
                uint64_t v = random_next(&random);
                memcpy(bytes + i, &v, 8);
            }
            struct record *r = (void *)bytes;
            r->type = (uint16_t)type;
            r->size = record_type_size(type) + (uint32_t)random_below(&random, 40) * 8;
            json_object_put(record_json(r));
            static char line[1 << 16];
            describe_record_text(r, line, sizeof line);
            for (const char *p = line; *p; p++)
                cr_assert(*p >= ' ' && *p <= '~');
        }
    }
}
