#include "fix/index.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "fix/scan.h"

/* Length fields (each is followed by its data field). All are below 1024. */
#define DATA_PAIRS(X) \
    X(90, 91)         \
    X(93, 89)         \
    X(95, 96)         \
    X(212, 213)       \
    X(348, 349)       \
    X(350, 351)       \
    X(352, 353)       \
    X(354, 355)       \
    X(356, 357) X(358, 359) X(360, 361) X(362, 363) X(364, 365) X(445, 446) X(618, 619) X(621, 622)

const uint16_t fix_data_after[FIX_TAG_INDEX_SIZE] = {
#define X(length_tag, data_tag) [length_tag] = data_tag,
    DATA_PAIRS(X)
#undef X
};

/* The same as a bit set; made at start. */
static uint32_t length_bits[32];

static inline uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A tag of one to four digits at p, and where its '=' is; returns not 0 if it is none (or longer, or starts
 * with 0). */
static inline uint32_t read_tag(const char *p, uint32_t *tag, uint32_t *equals)
{
    uint64_t w = load64(p), x = w ^ 0x3d3d3d3d3d3d3d3dull;
    uint64_t hit = (x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull;
    uint32_t at = (uint32_t)__builtin_ctzll(hit | 1ull << 63) >> 3; /* 7 where there is none */
    uint32_t digits = (uint32_t)((w << 32) >> (8 * at));            /* right-aligned in the high bytes */
    uint32_t value = digits - (uint32_t)(0x3030303000000000ull >> (8 * at));
    uint32_t wrong = (((value + 0x76767676u) | value) & 0x80808080u) | (at - 1u > 3u) | ((w & 0xff) == '0');
    value = ((value * (1 + (10u << 8))) >> 8) & 0x00ff00ffu;
    value = (value * (1 + (100u << 16))) >> 16;
    *tag = value;
    *equals = at;
    return wrong;
}

/* From the last field to the first, so that the first of a tag is what the index keeps. */
static inline __attribute__((always_inline)) bool index_fields(struct fix_msg *m, uint32_t count)
{
    const uint32_t trailer = 7; /* 10=nnn| */
    const char *bytes = m->bytes;
    uint32_t wrong = 0, lengths = 0;
    m->count = count;
    /* The last field is a CheckSum, so that eight bytes can be read from the start of any other. */
    if (count < 2 || count > FIX_FIELDS_MAX || m->ends[count - 1] + 1 != m->size ||
        m->ends[count - 2] + 1 + trailer != m->size || memcmp(bytes + m->size - trailer, "10=", 3) != 0)
        return false;
    m->fields[count - 1] = (struct fix_field){10, m->size - 4, 3};
    m->index[10] = (uint16_t)(count - 1);
    for (uint32_t i = count - 1; i-- > 0;) {
        uint32_t tag, equals, start = i ? m->ends[i - 1] + 1 : 0, end = m->ends[i];
        wrong |= read_tag(bytes + start, &tag, &equals);
        m->fields[i] = (struct fix_field){tag, start + equals + 1, end - (start + equals + 1)};
        uint32_t slot = fix_tag_slot(tag);
        m->index[slot] = (uint16_t)i;
        lengths |= fix_data_after[slot];
    }
    return !wrong && !lengths;
}

static bool index_portable(struct fix_msg *m, uint32_t *sum)
{
    return index_fields(m, fix_scan(m->bytes, m->size, m->ends, FIX_FIELDS_MAX, sum));
}

/* The vector ways work in columns: `ends` (where each SOH is) and `tags` (first the four characters that each
 * field starts with, then the number that they are); a field starts behind the end of the one before, so that
 * what a SOH begins stands one further on. Sixteen fields (AVX2: eight) are converted at a time, and the
 * columns woven into fields. */

/* Can the columns be read? A field that the message begins and ends with, four characters from each field's
 * start. */
static inline bool columns_whole(const struct fix_msg *m, uint32_t count)
{
    return count >= 2 && count <= FIX_FIELDS_MAX && m->ends[count - 1] + 1 == m->size && m->bytes[0] == '8' &&
           m->bytes[1] == '=' && m->ends[count - 2] + 1 + 4 <= m->size;
}

static inline void first_characters(struct fix_msg *m, uint32_t count)
{
    memcpy(&m->tags[0], m->bytes, 4);
    for (uint32_t i = 1; i < count; i++)
        memcpy(&m->tags[i], m->bytes + m->ends[i - 1] + 1, 4);
}

/* Fields whose four characters hold no '=' (bits of `which`, from field i on): is the fifth one? */
static bool fifth_is_equals(const struct fix_msg *m, uint32_t i, uint32_t which)
{
    for (; which; which &= which - 1) {
        uint32_t k = i + (uint32_t)__builtin_ctz(which), start = k ? m->ends[k - 1] + 1 : 0;
        if (start + 4 >= m->size || m->bytes[start + 4] != '=')
            return false;
    }
    return true;
}

/* First occurrences win: stored last. Returns (where asked) whether a data field's length is among the tags.
 */
static inline __attribute__((always_inline)) bool store_slots(struct fix_msg *m, bool look_for_lengths)
{
    uint32_t lengths = 0;
    for (uint32_t i = m->count; i-- > 0;) {
        uint32_t slot = m->slots[i];
        m->index[slot] = (uint16_t)i;
        if (look_for_lengths)
            lengths |= fix_data_after[slot];
    }
    return lengths != 0;
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512cd,bmi,bmi2")))

/* Sixteen times four characters into numbers. *shift: 32 less eight for each digit; *none: lanes without '='
 * (four digits if the fifth is one); the return value has lanes that are no tag of one to four digits. */
AVX512 static inline __mmask16 numbers_512(__m512i four, __m512i *tag, __m512i *shift, __mmask16 *none)
{
    /* the first '=' of each: its high bit alone, then how many bits are above */
    __m512i x = _mm512_xor_si512(four, _mm512_set1_epi8('='));
    __m512i hit = _mm512_andnot_si512(x, _mm512_sub_epi32(x, _mm512_set1_epi32(0x01010101)));
    hit = _mm512_and_si512(hit, _mm512_set1_epi32((int)0x80808080));
    hit = _mm512_and_si512(hit, _mm512_sub_epi32(_mm512_setzero_si512(), hit));
    *none = _mm512_testn_epi32_mask(hit, hit);
    /* 24, 16, 8 for one to three digits, 0 for none */
    *shift = _mm512_maskz_add_epi32(_knot_mask16(*none), _mm512_lzcnt_epi32(hit), _mm512_set1_epi32(8));
    __m512i values = _mm512_sub_epi8(four, _mm512_set1_epi8('0')), digits = _mm512_sllv_epi32(values, *shift);
    __m512i over_nine = _mm512_or_si512(_mm512_add_epi8(digits, _mm512_set1_epi8(0x76)), digits);
    __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010a)); /* ×10, ×1 */
    *tag = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));          /* ×100, ×1 */
    __mmask16 wrong = _mm512_test_epi32_mask(over_nine, _mm512_set1_epi32((int)0x80808080));
    wrong = _kor_mask16(wrong, _mm512_testn_epi32_mask(values, _mm512_set1_epi32(0xff))); /* a leading zero */
    return _kor_mask16(wrong, _mm512_testn_epi32_mask(*tag, *tag));                       /* no digit */
}

/* Fields i to i+15 from their columns. */
AVX512 static inline void weave_512(struct fix_msg *m, uint32_t i, __m512i tag, __m512i offset, __m512i size)
{
    const __m512i first = _mm512_setr_epi32(0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    const __m512i second = _mm512_setr_epi32(21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    const __m512i third = _mm512_setr_epi32(0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    const __m512i sizes1 = _mm512_setr_epi32(0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0);
    const __m512i sizes2 = _mm512_setr_epi32(0, 5, 0, 0, 6, 0, 0, 7, 0, 0, 8, 0, 0, 9, 0, 0);
    const __m512i sizes3 = _mm512_setr_epi32(10, 0, 0, 11, 0, 0, 12, 0, 0, 13, 0, 0, 14, 0, 0, 15);
    char *to = (char *)&m->fields[i];
    __m512i a = _mm512_permutex2var_epi32(tag, first, offset),
            b = _mm512_permutex2var_epi32(tag, second, offset),
            c = _mm512_permutex2var_epi32(tag, third, offset);
    _mm512_storeu_si512(to, _mm512_mask_permutexvar_epi32(a, 0x4924, sizes1, size));
    _mm512_storeu_si512(to + 64, _mm512_mask_permutexvar_epi32(b, 0x2492, sizes2, size));
    _mm512_storeu_si512(to + 128, _mm512_mask_permutexvar_epi32(c, 0x9249, sizes3, size));
}

/* Some tags have four digits, if the character behind is their '='. */
static bool store_four_digits(struct fix_msg *m)
{
    for (uint32_t i = m->count; i-- > 0;) {
        const struct fix_field *f = &m->fields[i];
        if (f->offset > m->size || m->bytes[f->offset - 1] != '=')
            return false;
        m->index[fix_tag_slot(f->tag)] = (uint16_t)i;
    }
    return true;
}

/* From the columns `ends` and the characters in `tags` to fields and index. False: a field is none, or states
 * a length. */
AVX512 static inline bool convert_512(struct fix_msg *m, uint32_t count)
{
    const __m512i low = _mm512_loadu_si512(length_bits), high = _mm512_loadu_si512(length_bits + 16);
    __m512i before = _mm512_set1_epi32(-1); /* the end of the field before, in the last lane */
    __mmask16 wrong = 0, any_none = 0, none;
    _mm512_storeu_si512(m->tags + count, _mm512_set1_epi32('1' | '=' << 8)); /* harmless beyond the last */
    for (uint32_t i = 0; i < count; i += 16) {
        __m512i tag, shift, end = _mm512_loadu_si512(m->ends + i);
        wrong = _kor_mask16(wrong, numbers_512(_mm512_loadu_si512(m->tags + i), &tag, &shift, &none));
        any_none = _kor_mask16(any_none, none);
        /* the end of the field before, the digits, '=', and from there the value */
        __m512i start = _mm512_alignr_epi32(end, before, 15);
        __m512i offset =
            _mm512_sub_epi32(_mm512_add_epi32(start, _mm512_set1_epi32(6)), _mm512_srli_epi32(shift, 3));
        weave_512(m, i, tag, offset, _mm512_sub_epi32(end, offset));
        before = end;
        /* Is a length's bit set? (A tag from 1024 on is taken for one below: then it is read carefully, in
         * vain.) */
        __m512i bits = _mm512_permutex2var_epi32(low, _mm512_srli_epi32(tag, 5), high);
        wrong =
            _kor_mask16(wrong, _mm512_test_epi32_mask(_mm512_rorv_epi32(bits, tag), _mm512_set1_epi32(1)));
        _mm512_storeu_si512(m->tags + i, tag);
    }
    if (_cvtmask16_u32(wrong))
        return false;
    if (__builtin_expect(_cvtmask16_u32(any_none) != 0, 0))
        return store_four_digits(m);
    for (uint32_t i = count; i-- > 0;) /* first occurrences win: stored last */
        m->index[m->tags[i]] = (uint16_t)i;
    return true;
}

AVX512 static bool index_avx512(struct fix_msg *m, uint32_t *sum)
{
    uint32_t count = m->count = fix_scan(m->bytes, m->size, m->ends, FIX_FIELDS_MAX, sum);
    if (!columns_whole(m, count))
        return false;
    first_characters(m, count);
    return convert_512(m, count);
}

/* With byte permutes: the characters behind the SOHs of a block of 64 bytes are picked out of it and the one
 * behind by one instruction while the block is at hand. */
#define VBMI \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512cd,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

VBMI static inline uint32_t columns_vbmi(struct fix_msg *m, uint32_t *sum)
{
    static const char numbers[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                     32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                     48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    static const char fours[64] = {0,  0,  0,  0,  1,  1,  1,  1,  2,  2,  2,  2,  3,  3,  3,  3,
                                   4,  4,  4,  4,  5,  5,  5,  5,  6,  6,  6,  6,  7,  7,  7,  7,
                                   8,  8,  8,  8,  9,  9,  9,  9,  10, 10, 10, 10, 11, 11, 11, 11,
                                   12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15};
    const __m512i order = _mm512_loadu_si512(numbers), four_times = _mm512_loadu_si512(fours),
                  zero = _mm512_setzero_si512(), behind = _mm512_set1_epi32(0x04030201),
                  soh = _mm512_set1_epi8(FIX_SOH);
    uint32_t count = 0, size = m->size, i = 0;
    __m512i sums = zero, block = _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, size < 64 ? size : 64), m->bytes);
    for (; i < size && count <= FIX_FIELDS_MAX; i += 64) {
        uint32_t left = size - i;
        __m512i next = zero;
        if (left >= 128)
            next = _mm512_loadu_si512(m->bytes + i + 64);
        else if (left > 64)
            next = _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, left - 64), m->bytes + i + 64);
        __mmask64 mask = _mm512_cmpeq_epi8_mask(block, soh);
        uint32_t found = (uint32_t)_mm_popcnt_u64(mask);
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(block, zero));
        __m128i at = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(mask, order));
        __m512i places = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(at), four_times);
        __m512i four = _mm512_permutex2var_epi8(block, _mm512_add_epi8(places, behind), next);
        _mm512_storeu_si512(m->ends + count,
                            _mm512_add_epi32(_mm512_cvtepu8_epi32(at), _mm512_set1_epi32((int)i)));
        _mm512_storeu_si512(m->tags + count + 1, four);
        count += found;
        if (__builtin_expect(found > 16, 0)) { /* fields of less than four bytes: none is good */
            *sum = 0;
            return UINT32_MAX;
        }
        block = next;
    }
    *sum = (uint32_t)_mm512_reduce_add_epi64(sums);
    return count;
}

VBMI static bool index_vbmi(struct fix_msg *m, uint32_t *sum)
{
    uint32_t count = m->count = columns_vbmi(m, sum);
    if (!columns_whole(m, count))
        return false;
    memcpy(&m->tags[0], m->bytes, 4);
    return convert_512(m, count);
}

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

AVX2 static inline uint32_t numbers_256(__m256i four, __m256i *tag, __m256i *equals, uint32_t *none)
{
    const __m256i ones8 = _mm256_set1_epi8(1);
    /* bytes from the first '=' on, then how many are before */
    __m256i from = _mm256_cmpeq_epi8(four, _mm256_set1_epi8('='));
    from = _mm256_or_si256(from, _mm256_slli_epi32(from, 8));
    from = _mm256_or_si256(from, _mm256_slli_epi32(from, 16));
    __m256i count = _mm256_maddubs_epi16(_mm256_andnot_si256(from, ones8), ones8);
    *equals = _mm256_madd_epi16(count, _mm256_set1_epi16(1));
    __m256i shift = _mm256_sub_epi32(_mm256_set1_epi32(32), _mm256_slli_epi32(*equals, 3));
    __m256i digits = _mm256_sllv_epi32(_mm256_sub_epi8(four, _mm256_set1_epi8('0')), shift);
    __m256i over_nine = _mm256_or_si256(_mm256_add_epi8(digits, _mm256_set1_epi8(0x76)), digits);
    over_nine = _mm256_and_si256(over_nine, _mm256_set1_epi32((int)0x80808080));
    __m256i first = _mm256_sub_epi8(four, _mm256_set1_epi32('1'));
    first = _mm256_cmpgt_epi32(_mm256_and_si256(first, _mm256_set1_epi32(0xff)), _mm256_set1_epi32(8));
    __m256i bad = _mm256_or_si256(first, _mm256_cmpgt_epi32(_mm256_setzero_si256(), over_nine));
    bad = _mm256_or_si256(bad, _mm256_cmpgt_epi32(over_nine, _mm256_setzero_si256()));
    *tag = _mm256_madd_epi16(_mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010a)),
                             _mm256_set1_epi32(0x00010064));
    *none =
        (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(*equals, _mm256_set1_epi32(3))));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(bad));
}

/* Lanes l of output r come from column (8r + l) % 3 and field (8r + l) / 3. */
AVX2 static inline void weave_256(struct fix_msg *m, uint32_t i, __m256i tag, __m256i offset, __m256i size)
{
    const __m256i which[3] = {_mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2),
                              _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5),
                              _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7)};
    __m256i t[3], o[3], s[3];
    for (int r = 0; r < 3; r++) {
        t[r] = _mm256_permutevar8x32_epi32(tag, which[r]);
        o[r] = _mm256_permutevar8x32_epi32(offset, which[r]);
        s[r] = _mm256_permutevar8x32_epi32(size, which[r]);
    }
    __m256i *to = (__m256i *)(void *)&m->fields[i];
    _mm256_storeu_si256(to, _mm256_blend_epi32(_mm256_blend_epi32(t[0], o[0], 0x92), s[0], 0x24));
    _mm256_storeu_si256(to + 1, _mm256_blend_epi32(_mm256_blend_epi32(t[1], o[1], 0x24), s[1], 0x49));
    _mm256_storeu_si256(to + 2, _mm256_blend_epi32(_mm256_blend_epi32(t[2], o[2], 0x49), s[2], 0x92));
}

AVX2 static bool index_avx2(struct fix_msg *m, uint32_t *sum)
{
    uint32_t wrong = 0, count = m->count = fix_scan(m->bytes, m->size, m->ends, FIX_FIELDS_MAX, sum);
    if (!columns_whole(m, count))
        return false;
    first_characters(m, count);
    for (uint32_t i = 0; i < count; i += 8) {
        uint32_t left = count - i, none;
        uint32_t valid = left < 8 ? _bzhi_u32(0xff, left) : 0xff; /* which takes its number modulo 256 */
        __m256i tag, equals, end = _mm256_loadu_si256((const __m256i *)(const void *)(m->ends + i)), start;
        wrong |= numbers_256(_mm256_loadu_si256((const __m256i *)(const void *)(m->tags + i)), &tag, &equals,
                             &none) &
                 valid;
        if (__builtin_expect(none & valid, 0))
            wrong |= !fifth_is_equals(m, i, none & valid);
        if (i)
            start = _mm256_loadu_si256((const __m256i *)(const void *)(m->ends + i - 1));
        else
            start = _mm256_insert_epi32(
                _mm256_permutevar8x32_epi32(end, _mm256_setr_epi32(0, 0, 1, 2, 3, 4, 5, 6)), -1, 0);
        __m256i offset = _mm256_add_epi32(_mm256_add_epi32(start, equals), _mm256_set1_epi32(2));
        weave_256(m, i, tag, offset, _mm256_sub_epi32(end, offset));
        __m256i folded =
            _mm256_or_si256(_mm256_and_si256(tag, _mm256_set1_epi32(1023)), _mm256_set1_epi32(1024));
        __m256i slot = _mm256_min_epu32(tag, folded);
        _mm_storeu_si128((__m128i *)(void *)(m->slots + i),
                         _mm_packus_epi32(_mm256_castsi256_si128(slot), _mm256_extracti128_si256(slot, 1)));
    }
    return !store_slots(m, true) && !wrong;
}

static int has_vbmi(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
}
static int has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("bmi2");
}
static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}
static int has_all(void)
{
    return 1;
}

const struct fix_index_variant fix_index_variants[] = {{"avx512vbmi", index_vbmi, has_vbmi},
                                                       {"avx512", index_avx512, has_avx512},
                                                       {"avx2", index_avx2, has_avx2},
                                                       {"portable", index_portable, has_all},
                                                       {NULL, NULL, NULL}};

fix_index_function *fix_index = index_portable;

__attribute__((constructor)) static void choose(void)
{
    __builtin_cpu_init();
    for (uint32_t tag = 0; tag < 1024; tag++)
        length_bits[tag >> 5] |= fix_data_after[tag] ? 1u << (tag & 31) : 0;
    for (const struct fix_index_variant *v = fix_index_variants; v->name; v++)
        if (v->usable()) {
            fix_index = v->index;
            return;
        }
}
