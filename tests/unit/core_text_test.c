#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/text.h"

Test(core_text, builds_a_sentence_of_values)
{
    char field[80];
    struct text t = text_in(field, sizeof field);
    text_add(&t, "quantity ");
    text_add_decimal(&t, -150000001);
    text_add(&t, " of ");
    text_add_field(&t, "EUR/USD\0garbage", 16);
    text_add_char(&t, ' ');
    text_add_number(&t, UINT64_MAX);
    cr_expect_str_eq(field, "quantity -1.50000001 of EUR/USD 18446744073709551615");
    cr_expect_eq(text_length(&t), strlen(field));
    cr_expect(!t.cut);
}

Test(core_text, says_durations_in_the_largest_unit_that_fits)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {
        {0, "0 ns"},
        {1, "1 ns"},
        {999, "999 ns"},
        {1000, "1 us"},
        {1001, "1.001 us"},
        {1500000, "1.5 ms"},
        {1230000, "1.23 ms"},
        {999999, "999.999 us"},
        {999999999, "999.999 ms"},
        {1000000000, "1 s"},
        {7200000000000, "7200 s"},
        {60050000000, "60.05 s"},
        {UINT64_MAX, "18446744073.709 s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char field[80];
        struct text t = text_in(field, sizeof field);
        text_add_duration(&t, rows[i].ns);
        cr_expect_str_eq(field, rows[i].text);
    }
}

/* Whatever the field's size: what fits, a zero, and not a byte beyond. */
Test(core_text, is_cut_at_the_fields_end)
{
    static const char whole[] = "0123456789 1.5 ms 42";
    for (size_t size = 1; size <= sizeof whole + 1; size++) {
        char field[40];
        memset(field, '#', sizeof field);
        struct text t = text_in(field, size);
        text_add(&t, "0123456789 ");
        text_add_duration(&t, 1500000);
        text_add_char(&t, ' ');
        text_add_number(&t, 42);
        size_t length = size - 1 < sizeof whole - 1 ? size - 1 : sizeof whole - 1;
        cr_expect_eq(strlen(field), length);
        cr_expect_eq(memcmp(field, whole, length), 0);
        cr_expect_eq(field[size], '#');
        cr_expect_eq(t.cut, size < sizeof whole);
    }
}

Test(core_text, pads_to_a_column)
{
    char field[80];
    struct text t = text_in(field, sizeof field);
    text_add(&t, "ab");
    text_pad(&t, 0, 5);
    text_add(&t, "cdefgh");
    text_pad(&t, 0, 5);
    text_add(&t, "i");
    cr_expect_str_eq(field, "ab   cdefgh i");
}

Test(core_text, knows_utf8_that_is_well_formed)
{
    static const struct {
        const char *bytes;
        size_t size, sequence;
    } rows[] = {
        {"\xc2\xb5", 2, 2},
        {"\xe2\x82\xac!", 4, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"\xc2", 1, 0},             /* cut short */
        {"\xe2\x82\xac", 2, 0},     /* by its size */
        {"\xb5", 1, 0},             /* no first byte */
        {"\xc0\xaf", 2, 0},         /* overlong */
        {"\xe0\x80\x80", 3, 0},     /* overlong */
        {"\xed\xa0\x80", 3, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* beyond Unicode */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(text_utf8_size(rows[i].bytes, rows[i].size), rows[i].sequence, "row %zu", i);
}

Test(core_text, knows_what_stands_in_json_as_it_is)
{
    static const struct {
        const char *bytes;
        size_t size, plain;
    } rows[] = {
        {"", 0, 0},
        {"EUR/USD ~", 9, 9},
        {"two \"words\"", 11, 4},
        {"\\", 1, 0},
        {"a\nb", 3, 1},
        {"a\0b", 3, 1},
        {"a\x7f", 2, 1},
        {"5 \xc2\xb5s, 3 \xe2\x82\xac, \xf0\x9f\x98\x80!", 19, 19},
        {"ab\xe2\x82\xac", 4, 2},       /* cut short by its size */
        {"ab\xe9 d", 5, 2},             /* Latin-1 */
        {"\xc2\xb5\xed\xa0\x80", 5, 2}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(text_json_plain(rows[i].bytes, rows[i].size), rows[i].plain, "row %zu", i);
}

Test(core_text, escapes_for_json_each_byte_that_needs_it)
{
    for (int i = 0; i < 256; i++) {
        char c = (char)i, escape[TEXT_JSON_ESCAPE_MAX + 1], expected[TEXT_JSON_ESCAPE_MAX + 1];
        cr_expect_eq(text_json_plain(&c, 1), i >= ' ' && i <= '~' && i != '"' && i != '\\', "byte %d", i);
        memset(escape, '#', sizeof escape);
        size_t size = text_json_escape(c, escape);
        cr_assert_leq(size, TEXT_JSON_ESCAPE_MAX);
        cr_expect_eq(escape[size], '#', "byte %d", i);
        escape[size] = 0;
        snprintf(expected, sizeof expected, i == '"' || i == '\\' ? "\\%c" : "\\u%04x", (unsigned)i);
        cr_expect_str_eq(escape, expected);
    }
}
