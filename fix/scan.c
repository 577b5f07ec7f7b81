#include "fix/scan.h"

#include <immintrin.h>
#include <string.h>

#define SOH 1

/* Write the positions of a mask's bits, four at a time: fields are about eleven bytes long, so that a block
 * of 64 has mostly four to eight, and the loop's end is predicted well. Writes up to three entries beyond. */
#define FLATTEN(mask, base, ends, count)                                          \
    do {                                                                          \
        uint64_t left_ = (mask);                                                  \
        uint32_t *at_ = (ends) + (count);                                         \
        (count) += (uint32_t)__builtin_popcountll(left_);                         \
        while (left_) {                                                           \
            for (int k_ = 0; k_ < 4; k_++) {                                      \
                at_[k_] = (base) + (uint32_t)__builtin_ctzll(left_ | 1ull << 63); \
                left_ &= left_ - 1;                                               \
            }                                                                     \
            at_ += 4;                                                             \
        }                                                                         \
    } while (0)

static uint32_t scan_scalar(const char *bytes, size_t size, uint32_t *ends, uint32_t max, uint32_t *sum)
{
    uint32_t count = 0, total = 0;
    for (size_t i = 0; i < size && count <= max; i++) {
        unsigned char c = (unsigned char)bytes[i];
        total += c;
        ends[count] = (uint32_t)i;
        count += c == SOH;
    }
    *sum = total;
    return count;
}

static inline uint32_t mask16(const char *p, __m128i *sums)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    *sums = _mm_add_epi64(*sums, _mm_sad_epu8(v, _mm_setzero_si128()));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(SOH)));
}

static inline uint64_t block_sse2(const char *p, __m128i *sums)
{
    uint64_t mask = mask16(p, sums);
    mask |= (uint64_t)mask16(p + 16, sums) << 16;
    mask |= (uint64_t)mask16(p + 32, sums) << 32;
    return mask | (uint64_t)mask16(p + 48, sums) << 48;
}

static uint32_t scan_sse2(const char *bytes, size_t size, uint32_t *ends, uint32_t max, uint32_t *sum)
{
    __m128i sums = _mm_setzero_si128();
    uint32_t count = 0;
    size_t i = 0;
    for (; i + 64 <= size && count <= max; i += 64) {
        uint64_t mask = block_sse2(bytes + i, &sums);
        FLATTEN(mask, (uint32_t)i, ends, count);
    }
    if (i < size && count <= max) {
        char last[64] = {0};
        memcpy(last, bytes + i, size - i);
        uint64_t mask = block_sse2(last, &sums);
        FLATTEN(mask, (uint32_t)i, ends, count);
    }
    *sum = (uint32_t)_mm_extract_epi16(sums, 0) + ((uint32_t)_mm_extract_epi16(sums, 1) << 16) +
           (uint32_t)_mm_extract_epi16(sums, 4) + ((uint32_t)_mm_extract_epi16(sums, 5) << 16);
    return count;
}

#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 static inline uint32_t mask32(const char *p, __m256i *sums)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    *sums = _mm256_add_epi64(*sums, _mm256_sad_epu8(v, _mm256_setzero_si256()));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(SOH)));
}

AVX2 static inline uint64_t block_avx2(const char *p, __m256i *sums)
{
    uint64_t mask = mask32(p, sums);
    return mask | (uint64_t)mask32(p + 32, sums) << 32;
}

AVX2 static uint32_t scan_avx2(const char *bytes, size_t size, uint32_t *ends, uint32_t max, uint32_t *sum)
{
    __m256i sums = _mm256_setzero_si256();
    uint32_t count = 0;
    size_t i = 0;
    for (; i + 64 <= size && count <= max; i += 64) {
        uint64_t mask = block_avx2(bytes + i, &sums);
        FLATTEN(mask, (uint32_t)i, ends, count);
    }
    if (i < size && count <= max) {
        char last[64] = {0};
        memcpy(last, bytes + i, size - i);
        uint64_t mask = block_avx2(last, &sums);
        FLATTEN(mask, (uint32_t)i, ends, count);
    }
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    *sum = (uint32_t)_mm_cvtsi128_si64(half) + (uint32_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(half, half));
    return count;
}

#define AVX512 __attribute__((target("avx512f,avx512bw,bmi")))

AVX512 static uint32_t scan_avx512bw(const char *bytes, size_t size, uint32_t *ends, uint32_t max,
                                     uint32_t *sum)
{
    const __m512i soh = _mm512_set1_epi8(SOH);
    __m512i sums = _mm512_setzero_si512();
    uint32_t count = 0;
    for (size_t i = 0; i < size && count <= max; i += 64) {
        __mmask64 inside = size - i >= 64 ? ~0ull : (1ull << (size - i)) - 1;
        __m512i v = _mm512_maskz_loadu_epi8(inside, bytes + i);
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(v, _mm512_setzero_si512()));
        FLATTEN(_mm512_cmpeq_epi8_mask(v, soh), (uint32_t)i, ends, count);
    }
    *sum = (uint32_t)_mm512_reduce_add_epi64(sums);
    return count;
}

#define VBMI2 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi")))

/* The positions come out of one compress; the first sixteen are stored whatever their number, more are rare.
 */
VBMI2 static uint32_t scan_vbmi2(const char *bytes, size_t size, uint32_t *ends, uint32_t max, uint32_t *sum)
{
    const __m512i soh = _mm512_set1_epi8(SOH);
    static const unsigned char order[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                            32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                            48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i numbers = _mm512_loadu_si512(order);
    __m512i sums = _mm512_setzero_si512();
    uint32_t count = 0;
    for (size_t i = 0; i < size && count <= max; i += 64) {
        __mmask64 inside = size - i >= 64 ? ~0ull : (1ull << (size - i)) - 1;
        __m512i v = _mm512_maskz_loadu_epi8(inside, bytes + i);
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(v, _mm512_setzero_si512()));
        __mmask64 mask = _mm512_cmpeq_epi8_mask(v, soh);
        __m512i base = _mm512_set1_epi32((int)i);
        __m512i at = _mm512_maskz_compress_epi8(mask, numbers);
        uint32_t *to = ends + count;
        uint32_t found = (uint32_t)__builtin_popcountll(mask);
        count += found;
        _mm512_storeu_si512(to, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
        if (__builtin_expect(found > 16, 0)) {
            _mm512_storeu_si512(
                to + 16, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 1))));
            _mm512_storeu_si512(
                to + 32, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 2))));
            _mm512_storeu_si512(
                to + 48, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 3))));
        }
    }
    *sum = (uint32_t)_mm512_reduce_add_epi64(sums);
    return count;
}

static int has_vbmi2(void)
{
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw");
}
static int has_avx512bw(void)
{
    return __builtin_cpu_supports("avx512bw") != 0;
}
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}
static int has_all(void)
{
    return 1;
}

const struct fix_scan_variant fix_scan_variants[] = {
    {"avx512vbmi2", scan_vbmi2, has_vbmi2}, {"avx512bw", scan_avx512bw, has_avx512bw},
    {"avx2", scan_avx2, has_avx2},          {"sse2", scan_sse2, has_all},
    {"scalar", scan_scalar, has_all},       {NULL, NULL, NULL}};

fix_scan_function *fix_scan = scan_scalar;

__attribute__((constructor)) static void choose(void)
{
    __builtin_cpu_init();
    for (const struct fix_scan_variant *v = fix_scan_variants; v->name; v++)
        if (v->usable()) {
            fix_scan = v->scan;
            return;
        }
}
