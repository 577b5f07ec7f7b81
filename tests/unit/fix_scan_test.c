#include "fix/scan.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "fix_text.h"

#define SIZE_MAX_TRIED 1500

/* What every variant must say, read off byte by byte. */
static uint32_t naive(const char *p, size_t size, uint32_t *ends, uint32_t *sum)
{
    uint32_t count = 0;
    *sum = 0;
    for (size_t i = 0; i < size; i++) {
        *sum += (unsigned char)p[i];
        if (p[i] == 1)
            ends[count++] = (uint32_t)i;
    }
    return count;
}

static void all_agree_on(const char *bytes, size_t size)
{
    static uint32_t want[SIZE_MAX_TRIED + 72], got[SIZE_MAX_TRIED + 72];
    /* A copy that ends where its memory ends, so that a read beyond is seen by the sanitizer. */
    char *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    uint32_t want_sum, got_sum, count = naive(exact, size, want, &want_sum);
    for (const struct fix_scan_variant *v = fix_scan_variants; v->name; v++) {
        if (!v->usable())
            continue;
        uint32_t found = v->scan(exact, size, got, SIZE_MAX_TRIED, &got_sum);
        cr_assert_eq(found, count, "%s: %u SOHs of %u in %zu bytes", v->name, found, count, size);
        cr_assert_eq(got_sum, want_sum, "%s: sum", v->name);
        cr_assert_eq(memcmp(got, want, count * sizeof *want), 0, "%s: places", v->name);
    }
    free(exact);
}

Test(fix_scan, variants_agree_on_random_bytes_of_every_density_and_size)
{
    uint64_t seed = 12345;
    static char bytes[SIZE_MAX_TRIED];
    for (unsigned round = 0; round < 6000; round++) {
        size_t size = round < 300 ? round : chance_below(&seed, SIZE_MAX_TRIED);
        uint32_t density = 1 + chance_below(&seed, round % 3 ? 30 : 2);
        for (size_t i = 0; i < size; i++)
            bytes[i] = chance_below(&seed, density) == 0 ? 1 : (char)chance(&seed);
        all_agree_on(bytes, size);
    }
}

Test(fix_scan, variants_agree_on_messages)
{
    static const char *const bodies[] = {FIX_TEXT_ORDER, FIX_TEXT_REQUEST, FIX_TEXT_FILL};
    char message[1024];
    for (unsigned i = 0; i < 3; i++)
        all_agree_on(message, fix_text(bodies[i], message));
}

Test(fix_scan, stops_above_its_bound_within_its_room)
{
    static char bytes[4096];
    static uint32_t ends[100 + 72 + 1];
    uint32_t sum;
    memset(bytes, 1, sizeof bytes);
    for (const struct fix_scan_variant *v = fix_scan_variants; v->name; v++) {
        if (!v->usable())
            continue;
        ends[100 + 72] = 0xabcdef;
        cr_assert_gt(v->scan(bytes, sizeof bytes, ends, 100, &sum), 100, "%s", v->name);
        cr_assert_eq(ends[100 + 72], 0xabcdef, "%s wrote past its room", v->name);
    }
}
