#include <criterion/criterion.h>
#include <stdlib.h>

#include "fix/msg.h"
#include "fix_text.h"

static struct fix_msg msg;

/* Both ways of framing say the same of a copy whose memory ends with it. */
static enum fix_frame_status frame(const char *bytes, size_t available, size_t *size)
{
    char *exact = malloc(available ? available : 1);
    memcpy(exact, bytes, available);
    size_t one = 777, other = 777;
    enum err parse_error;
    enum fix_frame_status a = fix_frame(exact, available, &one);
    enum fix_frame_status b = fix_frame_parse(&msg, exact, available, &other, &parse_error);
    cr_assert_eq(a, b, "%d and %d of %zu bytes", a, b, available);
    cr_assert_eq(one, other);
    if (a == FIX_FRAME_OK || a == FIX_FRAME_GARBLED) {
        cr_assert_gt(one, 0);
        cr_assert_leq(one, available);
    }
    *size = one;
    free(exact);
    return a;
}

Test(fix_frame, every_prefix_of_a_message_is_partial)
{
    char m[1024];
    size_t size = fix_text(FIX_TEXT_REQUEST, m), framed;
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(frame(m, i, &framed), FIX_FRAME_PARTIAL, "%zu of %zu bytes", i, size);
    cr_assert_eq(frame(m, size, &framed), FIX_FRAME_OK);
    cr_assert_eq(framed, size);
}

Test(fix_frame, a_wrong_checksum_skips_that_message_only)
{
    char m[2048];
    size_t first = fix_text(FIX_TEXT_ORDER, m), framed;
    size_t second = fix_text(FIX_TEXT_FILL, m + first);
    m[first - 3] ^= 1;
    cr_assert_eq(frame(m, first + second, &framed), FIX_FRAME_GARBLED);
    cr_assert_eq(framed, first);
    cr_assert_eq(frame(m + first, second, &framed), FIX_FRAME_OK);
    cr_assert_eq(framed, second);
}

/* 3b to 3d of the session test cases, and more: whatever is wrong with the first message, the second is
 * found. */
Test(fix_frame, no_garbled_message_swallows_the_next)
{
    static const char *const garbled[] = {
        "8=FIX.4.4|9=5|35=0|34=1|10=000|",  /* length too short */
        "8=FIX.4.4|9=60|35=0|34=1|10=000|", /* too long */
        "8=FIX.4.4|35=0|9=10|34=1|10=000|", /* first three out of order */
        "8=FIX.4.4|9=10|34=1|35=0|10=000|", "9=10|8=FIX.4.4|34=1|35=0|10=000|",
        "8=FIX.4.4|9=|35=0|34=1|10=000|",   "8=FIX.4.4|9=x|35=0|34=1|10=000|",
        "8=FIX.4.4|9=-5|35=0|34=1|10=000|", "8=FIX.4.4|9=10|35=0|34=1|10=0x0|",
        "8=FIX.4.4|9=10|35=0|34=1|10=00|",  "8=FIX.4.4|9=9999999999|35=0|34=1|10=000|",
        "noise without any sense|",         "8=ABCDEFGHIJKLMNOPQRST|9=5|35=0|10=000|",
        "8=FIX.4.4|9=1|35=0|10=000|",       "|||",
        "8=FIX.4.4|9=10|35=0|34=1|10=",
    };
    for (unsigned i = 0; i < sizeof garbled / sizeof garbled[0]; i++) {
        char m[2048];
        size_t at = strlen(garbled[i]), size, total;
        memcpy(m, garbled[i], at);
        for (size_t k = 0; k < at; k++)
            m[k] = m[k] == '|' ? '\x01' : m[k];
        if (m[at - 1] != '\x01')
            m[at++] = '\x01'; /* a message is found behind an SOH */
        size = fix_text(FIX_TEXT_ORDER, m + at);
        total = at + size;
        size_t pos = 0, framed;
        for (unsigned steps = 0; pos < at; steps++) {
            cr_assert_lt(steps, 10);
            enum fix_frame_status s = frame(m + pos, total - pos, &framed);
            cr_assert_eq(s, FIX_FRAME_GARBLED, "%s: status %d", garbled[i], s);
            pos += framed;
        }
        cr_assert_eq(pos, at, "%s", garbled[i]);
        cr_assert_eq(frame(m + pos, total - pos, &framed), FIX_FRAME_OK);
        cr_assert_eq(framed, size);
    }
}

Test(fix_frame, what_may_become_a_message_is_kept)
{
    size_t framed;
    cr_assert_eq(frame("junk\x01"
                       "8=FI",
                       9, &framed),
                 FIX_FRAME_GARBLED);
    cr_assert_eq(framed, 5);
    cr_assert_eq(frame("8=FI", 4, &framed), FIX_FRAME_PARTIAL);
    cr_assert_eq(frame("", 0, &framed), FIX_FRAME_PARTIAL);
    cr_assert_eq(frame("junk", 4, &framed), FIX_FRAME_GARBLED);
    cr_assert_eq(framed, 4);
}

Test(fix_frame, too_long_is_told_from_its_head)
{
    char m[200];
    size_t framed;
    int n = sprintf(m,
                    "8=FIX.4.4\x01"
                    "9=%u\x01"
                    "35=",
                    FIX_MESSAGE_SIZE_MAX);
    cr_assert_eq(frame(m, (size_t)n, &framed), FIX_FRAME_TOO_LONG);
    n = sprintf(m,
                "8=FIX.4.4\x01"
                "9=%u\x01"
                "35=",
                FIX_MESSAGE_SIZE_MAX - 25);
    cr_assert_eq(frame(m, (size_t)n, &framed), FIX_FRAME_PARTIAL);
}

Test(fix_frame, another_begin_string_is_framed_for_the_session_to_judge)
{
    char m[1024];
    size_t framed, size = fix_text_begin("FIXT.1.1", FIX_TEXT_ORDER, m);
    cr_assert_eq(frame(m, size, &framed), FIX_FRAME_OK);
    cr_assert_eq(framed, size);
}

/* Bytes of messages changed at random: never out of step for longer than the damage. */
Test(fix_frame, damage_never_desynchronises_the_stream)
{
    static const char *const bodies[] = {FIX_TEXT_ORDER, FIX_TEXT_REQUEST, FIX_TEXT_FILL};
    uint64_t seed = 99;
    for (unsigned round = 0; round < 3000; round++) {
        static char stream[8192];
        size_t starts[12], total = 0, framed;
        unsigned hurt = chance_below(&seed, 10);
        for (unsigned i = 0; i < 12; i++) {
            starts[i] = total;
            size_t size = fix_text(bodies[chance_below(&seed, 3)], stream + total);
            if (i == hurt)
                for (unsigned k = 0; k < 3; k++)
                    stream[total + chance_below(&seed, (uint32_t)size - 1)] = (char)chance(&seed);
            total += size;
        }
        unsigned good = 0, next = 0;
        bool waits = false;
        for (size_t pos = 0; pos < total && !waits; pos += framed) {
            enum fix_frame_status s = frame(stream + pos, total - pos, &framed);
            waits =
                s == FIX_FRAME_PARTIAL || s == FIX_FRAME_TOO_LONG; /* a length that says more than there is */
            while (next < 12 && starts[next] < pos)
                next++;
            good += s == FIX_FRAME_OK && next < 12 && starts[next] == pos;
        }
        cr_assert_geq(good, waits ? hurt : 11, "round %u: %u messages found", round, good);
    }
}
