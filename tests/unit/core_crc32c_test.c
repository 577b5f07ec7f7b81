#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/crc32c.h"
#include "tests/unit/random.h"

/* Bit by bit, by the polynomial's definition. */
static uint32_t crc32c_naive(uint32_t crc, const unsigned char *p, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

Test(core_crc32c, is_the_published_one)
{
    unsigned char bytes[32];
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(crc32c(0, "", 0), 0);
    memset(bytes, 0, 32); /* RFC 3720 B.4 */
    cr_assert_eq(crc32c(0, bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, 32);
    cr_assert_eq(crc32c(0, bytes, 32), 0x62a8ab43u);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    cr_assert_eq(crc32c(0, bytes, 32), 0x46dd794eu);
}

Test(core_crc32c, equals_the_bitwise_one_at_every_size_and_alignment)
{
    static unsigned char bytes[16384];
    uint64_t seed = 4;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)random_next(&seed);
    for (size_t size = 0; size <= 1100; size++)
        cr_assert_eq(crc32c(0, bytes + size % 8, size), crc32c_naive(0, bytes + size % 8, size), "%zu", size);
    for (int i = 0; i < 200; i++) {
        size_t at = random_below(&seed, 64), size = random_below(&seed, sizeof bytes - at);
        cr_assert_eq(crc32c(0, bytes + at, size), crc32c_naive(0, bytes + at, size), "%zu at %zu", size, at);
    }
}

Test(core_crc32c, goes_on_where_it_stopped)
{
    unsigned char bytes[4096];
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)random_next(&seed);
    uint32_t whole = crc32c(0, bytes, sizeof bytes);
    for (int i = 0; i < 500; i++) {
        size_t cut = random_below(&seed, sizeof bytes);
        cr_assert_eq(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut), whole);
    }
}
