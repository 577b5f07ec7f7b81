#include "fix/index.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "fix_text.h"

struct naive {
    uint32_t count, sum;
    bool plain; /* tag=value throughout, an end that is a field's, no length of a data field */
    struct fix_field fields[4096];
};

/* Byte by byte, as one would read it aloud. */
static void read_naively(const char *p, uint32_t size, struct naive *n)
{
    n->count = n->sum = 0;
    n->plain = size > 1 && p[size - 1] == FIX_SOH;
    for (uint32_t i = 0; i < size; i++)
        n->sum += (unsigned char)p[i];
    for (uint32_t at = 0; at < size && n->plain;) {
        uint32_t end = at, equals = at, tag = 0;
        while (p[end] != FIX_SOH)
            end++;
        for (; p[equals] >= '0' && p[equals] <= '9' && equals - at < 9; equals++)
            tag = tag * 10 + (uint32_t)(p[equals] - '0');
        n->plain = p[equals] == '=' && equals > at && p[at] != '0' && (tag >= 1024 || !fix_data_after[tag]);
        n->fields[n->count++] = (struct fix_field){tag, equals + 1, end - equals - 1};
        at = end + 1;
    }
}

static unsigned quick, refused;

static void all_agree_on(const char *bytes, uint32_t size, bool must_be_quick)
{
    static struct naive want;
    static struct fix_msg msg;
    char *exact = malloc(size);
    memcpy(exact, bytes, size);
    read_naively(exact, size, &want);
    for (const struct fix_index_variant *v = fix_index_variants; v->name; v++) {
        uint32_t sum;
        if (!v->usable())
            continue;
        memset(msg.index, 0xff, sizeof msg.index);
        msg.bytes = exact;
        msg.size = size;
        bool done = v->index(&msg, &sum);
        cr_assert(msg.count > FIX_FIELDS_MAX || sum == want.sum, "%s: sum", v->name);
        quick += done;
        refused += !done;
        cr_assert(done || !must_be_quick, "%s gave up on %.*s", v->name, (int)size, bytes);
        if (!done)
            continue;
        cr_assert(want.plain, "%s took %.*s", v->name, (int)size, bytes);
        cr_assert_eq(msg.count, want.count, "%s", v->name);
        for (uint32_t i = 0; i < want.count; i++) {
            cr_assert(!memcmp(&msg.fields[i], &want.fields[i], sizeof want.fields[i]), "%s: field %u of %.*s",
                      v->name, i, (int)size, bytes);
            uint32_t first = msg.index[fix_tag_slot(want.fields[i].tag)];
            cr_assert(first <= i && fix_tag_slot(want.fields[first].tag) == fix_tag_slot(want.fields[i].tag));
            for (uint32_t k = 0; k < first; k++)
                cr_assert_neq(fix_tag_slot(want.fields[k].tag), fix_tag_slot(want.fields[i].tag));
        }
    }
    free(exact);
}

Test(fix_index, variants_agree_on_messages)
{
    static const char *const bodies[] = {FIX_TEXT_ORDER, FIX_TEXT_REQUEST, FIX_TEXT_FILL};
    char message[1024];
    for (unsigned i = 0; i < 3; i++)
        all_agree_on(message, (uint32_t)fix_text(bodies[i], message), true);
}

/* Any number of fields of any size, tags of one to four digits, values empty and long. */
Test(fix_index, variants_agree_on_random_messages)
{
    uint64_t seed = 77;
    static char body[20000], message[20100];
    for (unsigned round = 0; round < 4000; round++) {
        unsigned count = chance_below(&seed, round % 7 ? 60 : 400);
        size_t n = (size_t)sprintf(body, "35=D|");
        for (unsigned i = 0; i < count; i++) {
            static const uint32_t bounds[] = {10, 100, 1000, 10000};
            uint32_t tag = 1 + chance_below(&seed, bounds[chance_below(&seed, 4)] - 1);
            if (tag < 1024 && fix_data_after[tag])
                continue;
            n += (size_t)sprintf(body + n, "%u=", tag);
            for (unsigned k = chance_below(&seed, round % 5 ? 16 : 90); k > 0 && n < sizeof body - 200; k--) {
                char c = (char)chance(&seed);
                body[n++] = c == 1 || c == 0 || c == '|' ? '=' : c;
            }
            if (n > sizeof body - 200)
                break;
            body[n++] = '|';
        }
        body[n] = 0;
        if (body[n - 1] != '|')
            strcpy(body + n, "|");
        /* a block of more than sixteen fields is left to the careful way */
        all_agree_on(message, (uint32_t)fix_text(body, message), false);
    }
    cr_assert_gt(quick, 3 * refused, "%u quick, %u not", quick, refused);
}

Test(fix_index, variants_agree_on_damaged_messages)
{
    static const char *const bodies[] = {FIX_TEXT_ORDER, FIX_TEXT_REQUEST, FIX_TEXT_FILL};
    static const char some[] = "\x01=0123456789A\x80";
    uint64_t seed = 78;
    char message[1024];
    for (unsigned round = 0; round < 20000; round++) {
        uint32_t size = (uint32_t)fix_text(bodies[round % 3], message);
        for (unsigned k = 1 + chance_below(&seed, 3); k > 0; k--)
            message[chance_below(&seed, size)] = some[chance_below(&seed, sizeof some - 1)];
        if (round % 11 == 0)
            size = 1 + chance_below(&seed, size);
        all_agree_on(message, size, false);
    }
    cr_assert(quick > 5000 && refused > 5000, "%u quick, %u not", quick, refused);
}

/* Numbers of fields around the widths of what counts them, and in each message one field after the other wrong. */
Test(fix_index, variants_agree_on_one_wrong_field_of_many)
{
    static char body[20000], message[20100];
    static const char *const wrong[] = {"1402|", "10001=x|", "0=x|", "4a=x|"};
    static const unsigned counts[] = {8, 15, 250, 255, 256, 257, 263, 264, 300, 511, 512, 520};
    for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
        for (unsigned at = 0; at < counts[c]; at++) {
            size_t n = (size_t)sprintf(body, "35=D|");
            for (unsigned i = 0; i < counts[c]; i++)
                n += (size_t)sprintf(body + n, "%s", i == at ? wrong[(at + c) % 4] : "58=x|");
            all_agree_on(message, (uint32_t)fix_text(body, message), false);
        }
}
