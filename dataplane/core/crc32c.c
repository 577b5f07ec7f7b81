#include "dataplane/core/crc32c.h"

#include <nmmintrin.h>
#include <string.h>

/* A CRC is linear: that of a·b·c is shift(crc(a), |b| + |c|) ^ shift(crc(b), |c|) ^ crc(c), where shift runs
 * the register over zero bytes. shift is a linear map of 32 bits, so for the two stream lengths it is four
 * table look-ups. */
#define SHORT 80 /* bytes a stream: three and a rest of 16 make up 256 */
#define LONG  1024

struct shift {
    uint32_t table[4][256];
};
static struct shift short_once, short_twice, long_once, long_twice;

static void shift_make(struct shift *s, size_t zeros)
{
    uint32_t bit[32];
    for (int i = 0; i < 32; i++) {
        uint64_t crc = 1u << i;
        for (size_t n = 0; n < zeros; n += 8)
            crc = _mm_crc32_u64(crc, 0);
        bit[i] = (uint32_t)crc;
    }
    for (int t = 0; t < 4; t++)
        for (unsigned v = 0; v < 256; v++) {
            uint32_t sum = 0;
            for (int i = 0; i < 8; i++)
                sum ^= v >> i & 1 ? bit[8 * t + i] : 0;
            s->table[t][v] = sum;
        }
}

/* Before main, so that no caller has to and no thread can see half a table. */
__attribute__((constructor)) static void tables_make(void)
{
    shift_make(&short_once, SHORT);
    shift_make(&short_twice, 2 * SHORT);
    shift_make(&long_once, LONG);
    shift_make(&long_twice, 2 * LONG);
}

static inline uint32_t shift(const struct shift *s, uint64_t crc)
{
    return s->table[0][crc & 255] ^ s->table[1][crc >> 8 & 255] ^ s->table[2][crc >> 16 & 255] ^
           s->table[3][crc >> 24 & 255];
}

static inline uint64_t load(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline __attribute__((always_inline)) uint64_t
three(uint64_t crc, const char *p, size_t stream, const struct shift *once, const struct shift *twice)
{
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < stream; i += 8) {
        a = _mm_crc32_u64(a, load(p + i));
        b = _mm_crc32_u64(b, load(p + stream + i));
        c = _mm_crc32_u64(c, load(p + 2 * stream + i));
    }
    return shift(twice, a) ^ shift(once, b) ^ c;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
    const char *p = bytes;
    uint64_t c = ~crc & 0xffffffffu;
    for (; size >= 3 * LONG; p += 3 * LONG, size -= 3 * LONG)
        c = three(c, p, LONG, &long_once, &long_twice);
    for (; size >= 3 * SHORT; p += 3 * SHORT, size -= 3 * SHORT)
        c = three(c, p, SHORT, &short_once, &short_twice);
    for (; size >= 8; p += 8, size -= 8)
        c = _mm_crc32_u64(c, load(p));
    for (; size; p++, size--)
        c = _mm_crc32_u8((uint32_t)c, (unsigned char)*p);
    return ~(uint32_t)c;
}
