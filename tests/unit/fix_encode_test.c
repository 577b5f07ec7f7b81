#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dataplane/core/decimal.h"
#include "fix/encode.h"
#include "fix/fix_dict.h"
#include "fix/msg.h"
#include "fix_text.h"

#define TIME_NS 1795342272123456789ull /* 20261122-10:11:12.123456789 */

static struct fix_msg msg;
static char room[FIX_MESSAGE_SIZE_MAX + 4 * FIX_ENCODE_SLACK];
static struct fix_template template;
static struct fix_encoder e;

static void begin(void)
{
    fix_template_init(&template, "RFQD", "TAKER1", FIX_TIME_MS);
    fix_encode_begin(&e, &template, room, sizeof room, "AJ", 42, TIME_NS, 0);
}

/* End, frame and parse; the message lies inside the room. */
static void end(void)
{
    const char *bytes;
    size_t size, framed;
    enum err parse_error;
    cr_assert_eq(fix_encode_end(&e, &bytes, &size), OK);
    cr_assert(bytes >= room && bytes + size <= room + sizeof room);
    cr_assert_eq(fix_frame_parse(&msg, bytes, size, &framed, &parse_error), FIX_FRAME_OK);
    cr_assert_eq(framed, size);
    cr_assert_eq(parse_error, OK);
}

static void text_is(uint32_t tag, const char *want)
{
    const struct fix_field *f = fix_find(&msg, tag);
    cr_assert_not_null(f, "no %u", tag);
    cr_assert(f->size == strlen(want) && !memcmp(fix_value(&msg, f), want, f->size), "%u is %.*s, not %s",
              tag, (int)f->size, fix_value(&msg, f), want);
}

Test(fix_encode, writes_the_header_and_the_trailer)
{
    const char *bytes;
    size_t size;
    char want[300];
    begin();
    fix_put_text(&e, FIX_TAG_QuoteRespID, "r1");
    cr_assert_eq(fix_encode_end(&e, &bytes, &size), OK);
    size_t want_size = fix_text("35=AJ|34=42|49=RFQD|52=20261122-10:11:12.123|56=TAKER1|693=r1|", want);
    cr_assert_eq(size, want_size);
    cr_assert_eq(memcmp(bytes, want, size), 0, "%.*s", (int)size, bytes);
}

Test(fix_encode, every_kind_of_value)
{
    begin();
    fix_put_uint(&e, 34001, UINT64_MAX);
    fix_put_int(&e, 5002, INT64_MIN);
    fix_put_int(&e, 5003, 0);
    fix_put_char(&e, 54, '2');
    fix_put_bool(&e, 43, true);
    fix_put_decimal(&e, 44, 108345000);
    fix_put_decimal(&e, 31, -50000000);
    fix_put_decimal(&e, 6, 0);
    fix_put_decimal(&e, 5004, INT64_MAX);
    fix_put_decimal(&e, 5005, -INT64_MAX);
    fix_put_decimal(&e, 5006, 1);
    fix_put_time(&e, 60, TIME_NS, FIX_TIME_NS);
    fix_put_time(&e, 62, TIME_NS, FIX_TIME_US);
    fix_put_time(&e, 126, TIME_NS, FIX_TIME_MS);
    fix_put_date(&e, 64, 20261124);
    fix_put_bytes(&e, 11, "abcdefghijklmnop", 10);
    end();
    text_is(34001, "18446744073709551615");
    text_is(5002, "-9223372036854775808");
    text_is(5003, "0");
    text_is(54, "2");
    text_is(43, "Y");
    text_is(44, "1.08345");
    text_is(31, "-0.5");
    text_is(6, "0");
    text_is(5004, "92233720368.54775807");
    text_is(5005, "-92233720368.54775807");
    text_is(5006, "0.00000001");
    text_is(60, "20261122-10:11:12.123456789");
    text_is(62, "20261122-10:11:12.123456");
    text_is(126, "20261122-10:11:12.123");
    text_is(64, "20261124");
    text_is(11, "abcdefghij");
}

Test(fix_encode, numbers_agree_with_printf)
{
    uint64_t seed = 7;
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t v = chance(&seed) >> chance_below(&seed, 64);
        int64_t scaled = (int64_t)(chance(&seed) >> chance_below(&seed, 63)) / (round % 2 ? 1 : 100000) *
                         (round % 2 ? 1 : 100000);
        char want[32], want_decimal[DECIMAL_TEXT_MAX];
        if (scaled == INT64_MIN)
            continue;
        begin();
        fix_put_uint(&e, 5001, v);
        fix_put_decimal(&e, 5002, scaled);
        end();
        sprintf(want, "%" PRIu64, v);
        text_is(5001, want);
        decimal_print(scaled, want_decimal);
        text_is(5002, want_decimal);
    }
}

/* Fields of random kinds and values, read back through frame and parse. */
Test(fix_encode, round_trip_of_random_messages)
{
    enum { FIELDS = 40 };
    uint64_t seed = 4711;
    for (unsigned round = 0; round < 3000; round++) {
        uint64_t numbers[FIELDS];
        char texts[FIELDS][40];
        unsigned kinds[FIELDS], count = 1 + chance_below(&seed, FIELDS - 1);
        begin();
        for (unsigned i = 0; i < count; i++) {
            uint32_t tag = 5000 + i;
            kinds[i] = chance_below(&seed, 4);
            numbers[i] = chance(&seed) >> chance_below(&seed, 60);
            size_t size = 1 + chance_below(&seed, 38);
            for (size_t k = 0; k < size; k++)
                texts[i][k] = (char)(2 + chance_below(&seed, 250));
            texts[i][size] = 0;
            if (kinds[i] == 0)
                fix_put_uint(&e, tag, numbers[i] >>= 1);
            else if (kinds[i] == 1)
                fix_put_decimal(&e, tag, (int64_t)(numbers[i] >>= 1));
            else if (kinds[i] == 2)
                fix_put_time(&e, tag, numbers[i] >>= 1, FIX_TIME_NS);
            else
                fix_put_text(&e, tag, texts[i]);
        }
        end();
        cr_assert_eq(msg.count, 7 + count + 1);
        for (unsigned i = 0; i < count; i++) {
            uint64_t u;
            int64_t d;
            if (kinds[i] == 0)
                cr_assert(fix_get_uint(&msg, 5000 + i, &u) == OK && u == numbers[i]);
            else if (kinds[i] == 1)
                cr_assert(fix_get_decimal(&msg, 5000 + i, &d) == OK && (uint64_t)d == numbers[i]);
            else if (kinds[i] == 2)
                cr_assert(fix_get_time(&msg, 5000 + i, &u) == OK && u == numbers[i]);
            else
                text_is(5000 + i, texts[i]);
        }
    }
}

Test(fix_encode, a_text_cannot_forge_a_field)
{
    begin();
    fix_put_text(&e, 58,
                 "a\x01"
                 "11=evil");
    fix_put_bytes(&e, 1, "x\x01", 2);
    fix_put_char(&e, 54, '\x01');
    fix_put_text(&e, 100, "");
    end();
    text_is(58, "a?11=evil");
    text_is(1, "x?");
    text_is(54, "?");
    cr_assert_null(fix_find(&msg, 11));
    cr_assert_null(fix_find(&msg, 100));
}

Test(fix_encode, what_does_not_fit_is_a_limit_and_never_a_write_past_the_room)
{
    for (size_t size = 0; size < 900; size++) {
        char *exact = malloc(size ? size : 1);
        const char *bytes;
        size_t encoded;
        fix_template_init(&template, "RFQD", "TAKER1", FIX_TIME_NS);
        fix_encode_begin(&e, &template, exact, size, "D", 1, TIME_NS, TIME_NS);
        for (unsigned i = 0; i < 20; i++)
            fix_put_text(&e, 58, "twenty bytes of text");
        fix_put_decimal(&e, 44, 5);
        enum err error = fix_encode_end(&e, &bytes, &encoded);
        if (error == OK)
            cr_assert(bytes >= exact && bytes + encoded <= exact + size);
        else
            cr_assert(error == ERR_LIMIT && size < 850, "%zu", size);
        free(exact);
    }
}

Test(fix_encode, beyond_the_message_limit_is_refused)
{
    const char *bytes;
    size_t size;
    static char text[FIX_MESSAGE_SIZE_MAX];
    memset(text, 'x', sizeof text - 1);
    for (unsigned cut = 0; cut < 200; cut++) {
        begin();
        fix_put_bytes(&e, 58, text, sizeof text - cut);
        if (fix_encode_end(&e, &bytes, &size) == OK)
            cr_assert_leq(size, FIX_MESSAGE_SIZE_MAX);
        else
            cr_assert_lt(cut, 120);
    }
}

Test(fix_encode, a_resend_is_the_same_message_marked)
{
    const char *bytes;
    size_t size, again, framed;
    static char copy[2048], resent[4096];
    begin();
    fix_put_text(&e, 693, "r1");
    static const char data[] = "95=11\x01"
                               "96=a\x01"
                               "43=N\x01"
                               "52=x\x01";
    fix_put_fields(&e, data, sizeof data - 1);
    cr_assert_eq(fix_encode_end(&e, &bytes, &size), OK);
    memcpy(copy, bytes, size);
    cr_assert_eq(
        fix_encode_resend(copy, size, TIME_NS + 5000000000, FIX_TIME_MS, resent, sizeof resent, &again), OK);
    enum err parse_error;
    cr_assert_eq(fix_frame_parse(&msg, resent, again, &framed, &parse_error), FIX_FRAME_OK);
    cr_assert_eq(framed, again);
    cr_assert_eq(parse_error, OK);
    cr_assert(msg.poss_dup);
    cr_assert_eq(msg.seq, 42);
    cr_assert_eq(msg.type, FIX_MSG_QuoteResponse);
    text_is(122, "20261122-10:11:12.123");
    text_is(52, "20261122-10:11:17.123");
    text_is(49, "RFQD");
    text_is(56, "TAKER1");
    text_is(693, "r1");
    text_is(96, "a\x01"
                "43=N\x01"
                "52=x");
    /* and once more: the first sending's time stays */
    memcpy(copy, resent, again);
    cr_assert_eq(
        fix_encode_resend(copy, again, TIME_NS + 9000000000, FIX_TIME_MS, resent, sizeof resent, &size), OK);
    cr_assert_eq(fix_frame_parse(&msg, resent, size, &framed, &parse_error), FIX_FRAME_OK);
    text_is(122, "20261122-10:11:12.123");
    text_is(52, "20261122-10:11:21.123");
    cr_assert_eq(size, again);
}

Test(fix_encode, a_resend_refuses_what_is_no_message_and_what_has_no_room)
{
    char m[1024], out[2048];
    size_t size = fix_text(FIX_TEXT_ORDER, m), n;
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_eq(fix_encode_resend(m, cut, TIME_NS, FIX_TIME_MS, out, sizeof out, &n), ERR_SYNTAX, "%zu",
                     cut);
    for (size_t room_size = 0; room_size < size; room_size += 7) {
        char *exact = malloc(room_size ? room_size : 1);
        cr_assert_eq(fix_encode_resend(m, size, TIME_NS, FIX_TIME_MS, exact, room_size, &n), ERR_LIMIT);
        free(exact);
    }
}
