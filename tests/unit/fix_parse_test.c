#include <criterion/criterion.h>
#include <stdlib.h>

#include "fix/fix_dict.h"
#include "fix/msg.h"
#include "fix_text.h"

static struct fix_msg msg;
static char bytes[FIX_MESSAGE_SIZE_MAX * 2];

static enum err parse(const char *body)
{
    size_t size = fix_text(body, bytes), framed = 0;
    cr_assert_eq(fix_frame(bytes, size, &framed), FIX_FRAME_OK);
    cr_assert_eq(framed, size);
    return fix_parse(&msg, bytes, size);
}

static bool field_is(const struct fix_field *f, const char *text)
{
    return f && f->size == strlen(text) && memcmp(fix_value(&msg, f), text, f->size) == 0;
}

Test(fix_parse, finds_every_field_where_it_lies)
{
    cr_assert_eq(parse(FIX_TEXT_ORDER), OK);
    cr_assert_eq(msg.count, 16);
    cr_assert_eq(msg.type, FIX_MSG_NewOrderSingle);
    cr_assert_eq(msg.seq, 7);
    cr_assert_not(msg.poss_dup);
    cr_assert(field_is(fix_find(&msg, FIX_TAG_ClOrdID), "ord-1"));
    cr_assert(field_is(fix_find(&msg, FIX_TAG_Symbol), "EUR/USD"));
    cr_assert_null(fix_find(&msg, FIX_TAG_Text));
    cr_assert_null(fix_find(&msg, 5001));
}

Test(fix_parse, an_earlier_messages_tags_are_forgotten)
{
    cr_assert_eq(parse("35=D|34=1|58=x|5001=u|"), OK);
    cr_assert_not_null(fix_find(&msg, 58));
    cr_assert_eq(parse("35=D|34=1|59=0|6025=v|"), OK); /* 6025 and 5001 share a slot modulo 1024 */
    cr_assert_null(fix_find(&msg, 58));
    cr_assert_null(fix_find(&msg, 5001));
    cr_assert(field_is(fix_find(&msg, 6025), "v"));
}

Test(fix_parse, user_tags_that_share_a_slot_are_told_apart)
{
    cr_assert_eq(parse("35=D|34=1|5001=a|6025=b|7049=c|100000=d|1500=e|2524=f|"), OK);
    cr_assert(field_is(fix_find(&msg, 5001), "a"));
    cr_assert(field_is(fix_find(&msg, 6025), "b"));
    cr_assert(field_is(fix_find(&msg, 7049), "c"));
    cr_assert(field_is(fix_find(&msg, 100000), "d"));
    cr_assert(field_is(fix_find(&msg, 1500), "e"));
    cr_assert(field_is(fix_find(&msg, 2524), "f"));
    cr_assert_null(fix_find(&msg, 8073));
}

Test(fix_parse, first_of_a_repeated_tag_is_found)
{
    cr_assert_eq(parse(FIX_TEXT_REQUEST), OK);
    cr_assert(field_is(fix_find(&msg, FIX_TAG_Symbol), "EUR/USD"));
    cr_assert(field_is(fix_find(&msg, FIX_TAG_PartyID), "A"));
}

Test(fix_parse, data_fields_may_hold_soh_and_equals)
{
    static const struct {
        unsigned length_tag, tag;
    } pairs[] = {{90, 91},   {93, 89},   {95, 96},   {212, 213}, {348, 349}, {350, 351},
                 {352, 353}, {354, 355}, {356, 357}, {358, 359}, {360, 361}, {362, 363},
                 {364, 365}, {445, 446}, {618, 619}, {621, 622}};
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char body[200];
        sprintf(body, "35=B|34=2|%u=16|%u=a|11=evil|10=000|58=after|", pairs[i].length_tag, pairs[i].tag);
        cr_assert_eq(parse(body), OK);
        cr_assert(field_is(fix_find(&msg, pairs[i].tag), "a\x01"
                                                         "11=evil\x01"
                                                         "10=000"));
        cr_assert_null(fix_find(&msg, 11));
        cr_assert(field_is(fix_find(&msg, 58), "after"));
        cr_assert_eq(msg.count, 8);
    }
}

Test(fix_parse, a_data_length_that_does_not_fit_is_not_believed)
{
    cr_assert_eq(parse("35=B|34=2|95=9999|96=abc|58=x|"), OK);
    cr_assert(field_is(fix_find(&msg, 96), "abc"));
    cr_assert_eq(parse("35=B|34=2|95=2|96=abc|58=x|"), OK);
    cr_assert(field_is(fix_find(&msg, 96), "abc"));
    cr_assert_eq(parse("35=B|34=2|95=7|58=abc|96=x|"), OK);
    cr_assert(field_is(fix_find(&msg, 58), "abc"));
}

Test(fix_parse, equals_in_a_text_is_part_of_it)
{
    cr_assert_eq(parse("35=B|34=2|58=a=b=|"), OK);
    cr_assert(field_is(fix_find(&msg, 58), "a=b="));
}

Test(fix_parse, says_how_far_it_came_when_a_field_is_none)
{
    static const char *const bodies[] = {
        "35=D|34=5|abc|58=x|",   "35=D|34=5|=x|58=x|",    "35=D|34=5|a1=x|58=x|",
        "35=D|34=5|058=x|58=x|", "35=D|34=5||58=x|",      "35=D|34=5|0=x|58=x|",
        "35=D|34=5|-1=x|58=x|",  "35=D|34=5| 58=x|58=x|", "35=D|34=5|12345678901=x|58=x|"};
    for (unsigned i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        cr_assert_eq(parse(bodies[i]), ERR_SYNTAX, "%s", bodies[i]);
        cr_assert_eq(msg.count, 4, "%s", bodies[i]);
        cr_assert_eq(msg.seq, 5);
        cr_assert_null(fix_find(&msg, 58));
    }
}

Test(fix_parse, more_fields_than_the_limit_are_refused)
{
    size_t n = (size_t)sprintf(bytes + 30000, "35=D|34=5|");
    char *body = bytes + 30000;
    while (n < 4 * (FIX_FIELDS_MAX + 10))
        n += (size_t)sprintf(body + n, "1=a|");
    static char copy[30000];
    strcpy(copy, body);
    cr_assert_eq(parse(copy), ERR_LIMIT);
    cr_assert_eq(msg.count, FIX_FIELDS_MAX);
    cr_assert_eq(msg.seq, 5);
}

Test(fix_parse, group_instances_and_nested_groups)
{
    struct fix_group leg, party;
    cr_assert_eq(parse(FIX_TEXT_REQUEST), OK);
    cr_assert(fix_group_begin(&msg, FIX_TAG_NoRelatedSym, &leg));
    cr_assert_eq(leg.count, 2);
    cr_assert(fix_group_next(&leg));
    cr_assert(field_is(fix_group_find(&leg, FIX_TAG_Symbol), "EUR/USD"));
    cr_assert(field_is(fix_group_find(&leg, FIX_TAG_Side), "1"));
    cr_assert(fix_group_begin_inside(&leg, FIX_TAG_NoPartyIDs, &party));
    cr_assert(fix_group_next(&party));
    cr_assert(field_is(fix_group_find(&party, FIX_TAG_PartyID), "A"));
    cr_assert(fix_group_next(&party));
    cr_assert(field_is(fix_group_find(&party, FIX_TAG_PartyID), "B"));
    cr_assert(field_is(fix_group_find(&party, FIX_TAG_PartyRole), "3"));
    cr_assert_null(fix_group_find(&party, FIX_TAG_Symbol));
    cr_assert_not(fix_group_next(&party));
    cr_assert(fix_group_next(&leg));
    cr_assert(field_is(fix_group_find(&leg, FIX_TAG_Symbol), "GBP/USD"));
    cr_assert_null(fix_group_find(&leg, FIX_TAG_Side));
    cr_assert_null(fix_group_find(&leg, FIX_TAG_Text));
    cr_assert_not(fix_group_begin_inside(&leg, FIX_TAG_NoPartyIDs, &party));
    cr_assert_not(fix_group_next(&leg));
}

Test(fix_parse, group_counts_that_lie_are_survived)
{
    struct fix_group leg;
    cr_assert_eq(parse("35=R|34=8|131=r|146=3|55=A|55=B|"), OK);
    cr_assert(fix_group_begin(&msg, 146, &leg));
    cr_assert(fix_group_next(&leg));
    cr_assert(fix_group_next(&leg));
    cr_assert_not(fix_group_next(&leg));
    cr_assert_eq(parse("35=R|34=8|131=r|146=1|54=1|55=A|"), OK);
    cr_assert(fix_group_begin(&msg, 146, &leg));
    cr_assert_not(fix_group_next(&leg));
    cr_assert_eq(parse("35=R|34=8|131=r|146=x|55=A|"), OK);
    cr_assert_not(fix_group_begin(&msg, 146, &leg));
    cr_assert_eq(parse("35=D|34=8|146=1|55=A|"), OK);
    cr_assert_not(fix_group_begin(&msg, 146, &leg));
}

Test(fix_parse, typed_reads_truth_table)
{
    static const struct {
        const char *value;
        enum err error;
        int64_t scaled;
    } decimals[] = {{"23", OK, 2300000000},       {"23.", OK, 2300000000}, {"23.0", OK, 2300000000},
                    {"00023.23", OK, 2323000000}, {"-1", OK, -100000000},  {".5", OK, 50000000},
                    {"1e5", ERR_SYNTAX, 0},       {"+1", ERR_SYNTAX, 0},   {"1.000000001", ERR_RANGE, 0},
                    {"92233720369", ERR_RANGE, 0}};
    for (unsigned i = 0; i < sizeof decimals / sizeof decimals[0]; i++) {
        char body[64];
        int64_t got = 0;
        sprintf(body, "35=D|34=1|44=%s|", decimals[i].value);
        cr_assert_eq(parse(body), OK);
        cr_assert_eq(fix_get_decimal(&msg, FIX_TAG_Price, &got), decimals[i].error, "%s", decimals[i].value);
        cr_assert_eq(got, decimals[i].scaled, "%s", decimals[i].value);
    }
    static const struct {
        const char *value;
        enum err error;
        uint64_t ns;
    } times[] = {{"19700101-00:00:00", OK, 0},
                 {"20261122-10:11:12", OK, 1795342272000000000},
                 {"20261122-10:11:12.123", OK, 1795342272123000000},
                 {"20261122-10:11:12.123456", OK, 1795342272123456000},
                 {"20261122-10:11:12.123456789", OK, 1795342272123456789},
                 {"20161231-23:59:60", OK, 1483228800000000000},
                 {"20240229-00:00:00", OK, 1709164800000000000},
                 {"20230229-00:00:00", ERR_RANGE, 0},
                 {"20261322-10:11:12", ERR_RANGE, 0},
                 {"20261122-24:11:12", ERR_RANGE, 0},
                 {"20261122-10:60:12", ERR_RANGE, 0},
                 {"20261122-10:11:61", ERR_RANGE, 0},
                 {"20261122-10:11:12.1", ERR_SYNTAX, 0},
                 {"20261122-10:11:12.", ERR_SYNTAX, 0},
                 {"20261122 10:11:12", ERR_SYNTAX, 0},
                 {"2026112-10:11:12", ERR_SYNTAX, 0},
                 {"20261122-10:11:12,123", ERR_SYNTAX, 0},
                 {"20261122", ERR_SYNTAX, 0}};
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        char body[64];
        uint64_t got = 0;
        sprintf(body, "35=D|34=1|60=%s|", times[i].value);
        cr_assert_eq(parse(body), OK);
        cr_assert_eq(fix_get_time(&msg, FIX_TAG_TransactTime, &got), times[i].error, "%s", times[i].value);
        cr_assert_eq(got, times[i].ns, "%s", times[i].value);
    }
}

Test(fix_parse, other_typed_reads)
{
    uint64_t u;
    uint32_t date;
    char c, text[6];
    cr_assert_eq(
        parse(
            "35=D|34=1|54=1|64=20261124|43=Y|97=N|11=abcde|58=abcdef|373=-5|16=18446744073709551616|7=007|"),
        OK);
    cr_assert(msg.poss_dup);
    cr_assert_eq(fix_get_char(&msg, 54, &c), OK);
    cr_assert_eq(c, '1');
    cr_assert_eq(fix_get_char(&msg, 11, &c), ERR_SYNTAX);
    cr_assert_eq(fix_get_date(&msg, 64, &date), OK);
    cr_assert_eq(date, 20261124);
    cr_assert_eq(fix_get_text(&msg, 11, text, sizeof text), OK);
    cr_assert_str_eq(text, "abcde");
    cr_assert_eq(fix_get_text(&msg, 58, text, sizeof text), ERR_LIMIT);
    cr_assert_eq(fix_get_text(&msg, 1, text, sizeof text), ERR_NOT_FOUND);
    cr_assert_eq(fix_get_uint(&msg, 373, &u), ERR_SYNTAX);
    cr_assert_eq(fix_get_uint(&msg, 16, &u), ERR_RANGE);
    cr_assert_eq(fix_get_uint(&msg, 7, &u), OK);
    cr_assert_eq(u, 7);
}
