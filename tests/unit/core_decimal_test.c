#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/decimal.h"
#include "tests/unit/random.h"

static enum err parse(const char *text, int64_t *out)
{
    return decimal_parse(text, strlen(text), out);
}

Test(core_decimal, parses_every_legal_form)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"0.0", 0},
        {"23", 2300000000},
        {"23.", 2300000000},
        {".5", 50000000},
        {"-.5", -50000000},
        {"00023.2300", 2323000000},
        {"-00000000000000000000000000000001.10", -110000000},
        {"1.00000001", 100000001},
        {"1.0000000100000000000000000000", 100000001},
        {"92233720368.54775807", INT64_MAX},
        {"-92233720368.54775807", -INT64_MAX},
        {"92233720368.5477580700", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t v = 1;
        cr_assert_eq(parse(rows[i].text, &v), OK, "%s", rows[i].text);
        cr_assert_eq(v, rows[i].value, "%s", rows[i].text);
    }
}

Test(core_decimal, refuses_what_is_no_number)
{
    static const char *const rows[] = {
        "",    "-",  ".",   "-.",  "+1",  "1+",  " 1", "1 ", "1e5", "1E5", "1,5",  "--1",   "1..2", "1.2.",
        "..1", "1-", "0x1", "NaN", "inf", "1_0", "/",  ":",  "1/",  "1:",  "\xb2", "1.5\n", "-a",   "a"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t v = 77;
        cr_assert_eq(parse(rows[i], &v), ERR_SYNTAX, "«%s»", rows[i]);
        cr_assert_eq(v, 77, "a refusal writes nothing");
    }
    int64_t v;
    cr_assert_eq(decimal_parse("1\0", 2, &v), ERR_SYNTAX, "a zero byte is no digit");
    cr_assert_eq(decimal_parse("12", 1, &v), OK);
    cr_assert_eq(v, DECIMAL_SCALE, "the size counts, not a terminator");
}

Test(core_decimal, refuses_what_does_not_fit_and_never_rounds)
{
    static const char *const rows[] = {
        "92233720368.54775808",  "-92233720368.54775808",
        "92233720369",           "1.000000001",
        "0.0000000000000000001", "100000000000",
        "18446744073709551616",  "184467440737.09551616",
        "-1.123456789",          "99999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t v = 77;
        cr_assert_eq(parse(rows[i], &v), ERR_RANGE, "%s", rows[i]);
        cr_assert_eq(v, 77);
    }
    int64_t v;
    cr_assert_eq(parse("99999999999999999999x", &v), ERR_SYNTAX, "what is no number is not called too large");
}

Test(core_decimal, prints_the_shortest_exact_form)
{
    static const struct {
        int64_t value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1, "0.00000001"},
        {-1, "-0.00000001"},
        {DECIMAL_SCALE, "1"},
        {-DECIMAL_SCALE, "-1"},
        {110000000, "1.1"},
        {1000000000000, "10000"},
        {INT64_MAX, "92233720368.54775807"},
        {-INT64_MAX, "-92233720368.54775807"},
        {INT64_MIN, "-92233720368.54775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DECIMAL_TEXT_MAX];
        cr_assert_eq(decimal_print(rows[i].value, text), strlen(rows[i].text));
        cr_assert_str_eq(text, rows[i].text);
    }
}

/* Long-hand oracle: printf of the two halves, trailing zeros cut. */
Test(core_decimal, prints_and_parses_back_as_the_oracle_does)
{
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        int64_t v = (int64_t)random_spread(&seed) * (random_next(&seed) & 1 ? 1 : -1);
        if (random_below(&seed, 3) == 0)
            v -= v % 1000000; /* trailing zeros */
        uint64_t m = (uint64_t)(v < 0 ? -v : v);
        char oracle[64], text[DECIMAL_TEXT_MAX];
        int n = snprintf(oracle, sizeof oracle, "%s%llu.%08llu", v < 0 ? "-" : "",
                         (unsigned long long)(m / 100000000), (unsigned long long)(m % 100000000));
        while (oracle[n - 1] == '0')
            oracle[--n] = 0;
        if (oracle[n - 1] == '.')
            oracle[--n] = 0;
        size_t size = decimal_print(v, text);
        cr_assert_str_eq(text, oracle);
        int64_t back;
        cr_assert_eq(decimal_parse(text, size, &back), OK);
        cr_assert_eq(back, v);
    }
}

/* The long way round: digits of text into the scaled number, one rule at a time. */
static enum err parse_naive(const char *text, size_t size, int64_t *out)
{
    char whole[64] = "", fraction[64] = "";
    int points = 0, any = 0;
    size_t w = 0, f = 0;
    for (size_t i = text[0] == '-' && size ? 1 : 0; i < size; i++) {
        if (text[i] == '.') {
            if (++points > 1)
                return ERR_SYNTAX;
        } else if (text[i] < '0' || text[i] > '9') {
            return ERR_SYNTAX;
        } else {
            any = 1;
            *(points ? &fraction[f++] : &whole[w++]) = text[i];
        }
    }
    if (!any)
        return ERR_SYNTAX;
    while (f > 0 && fraction[f - 1] == '0')
        f--;
    if (f > 8)
        return ERR_RANGE;
    while (f < 8)
        fraction[f++] = '0';
    memcpy(whole + w, fraction, 8);
    w += 8;
    unsigned __int128 m = 0;
    for (size_t i = 0; i < w; i++) {
        m = m * 10 + (unsigned)(whole[i] - '0');
        if (m > INT64_MAX)
            return ERR_RANGE;
    }
    *out = text[0] == '-' ? -(int64_t)m : (int64_t)m;
    return OK;
}

Test(core_decimal, parses_random_text_as_the_oracle_does)
{
    static const char alphabet[] = "0123456789000000999..-e";
    uint64_t seed = 2;
    unsigned outcomes[3] = {0};
    for (int i = 0; i < 300000; i++) {
        char text[32];
        size_t size = random_below(&seed, 26);
        for (size_t k = 0; k < size; k++)
            text[k] = alphabet[random_below(&seed, sizeof alphabet - (k ? 3 : 1))];
        text[size] = 0;
        int64_t v = 0, oracle = 0;
        enum err e = decimal_parse(text, size, &v), f = parse_naive(text, size, &oracle);
        cr_assert_eq(e, f, "«%s»: %d, not %d", text, e, f);
        cr_assert_eq(v, oracle, "«%s»", text);
        outcomes[e == OK ? 0 : e == ERR_RANGE ? 1 : 2]++;
    }
    for (int i = 0; i < 3; i++)
        cr_assert_gt(outcomes[i], 5000, "all three outcomes were met");
}

/* q is n ÷ d rounded half to even: at most half a divisor away, and even where exactly half. */
static void check_rounding(__int128 n, __int128 d, enum err e, int64_t q)
{
    unsigned __int128 magnitude = (unsigned __int128)(n < 0 ? -n : n),
                      divisor = (unsigned __int128)(d < 0 ? -d : d);
    unsigned __int128 limit =
        ((unsigned __int128)INT64_MAX * 2 + 1) * divisor; /* twice the first that rounds out */
    if (magnitude * 2 >= limit) {
        cr_assert_eq(e, ERR_RANGE);
        return;
    }
    cr_assert_eq(e, OK);
    __int128 rest = n - (__int128)q * d;
    unsigned __int128 twice = (unsigned __int128)(rest < 0 ? -rest : rest) * 2;
    cr_assert(twice < divisor || (twice == divisor && q % 2 == 0));
}

Test(core_decimal, multiplies_half_to_even)
{
    uint64_t seed = 3;
    unsigned refused = 0, done = 0;
    for (int i = 0; i < 300000; i++) {
        int64_t a = (int64_t)random_spread(&seed) * (random_next(&seed) & 1 ? 1 : -1);
        int64_t b = (int64_t)random_spread(&seed) * (random_next(&seed) & 1 ? 1 : -1);
        if (random_below(&seed, 8) == 0)
            b = DECIMAL_SCALE / 2 * (int64_t)(1 + random_below(&seed, 3)); /* exact halves */
        int64_t q = 0;
        enum err e = decimal_mul(a, b, &q);
        check_rounding((__int128)a * b, DECIMAL_SCALE, e, q);
        refused += e == ERR_RANGE;
        done += e == OK;
    }
    cr_assert(refused > 1000 && done > 1000);
}

Test(core_decimal, rounds_the_halves_by_the_table)
{
    static const struct {
        int64_t a, product;
    } rows[] = {{1, 0}, {3, 2}, {5, 2}, {7, 4}, {-1, 0}, {-3, -2}, {-5, -2}, {-7, -4}, {2, 1}, {-2, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t q;
        cr_assert_eq(decimal_mul(rows[i].a, DECIMAL_SCALE / 2, &q), OK);
        cr_assert_eq(q, rows[i].product, "%ld × 0.5", (long)rows[i].a);
    }
}

Test(core_decimal, refuses_what_overflows)
{
    int64_t v = 77;
    cr_assert_eq(decimal_mul(INT64_MAX, 2 * DECIMAL_SCALE, &v), ERR_RANGE);
    cr_assert_eq(decimal_mul(INT64_MIN, DECIMAL_SCALE, &v), ERR_RANGE);
    cr_assert_eq(v, 77, "a refusal writes nothing");
    cr_assert_eq(decimal_mul(INT64_MAX, -DECIMAL_SCALE, &v), OK);
    cr_assert_eq(v, -INT64_MAX);
    cr_assert_eq(decimal_mul(INT64_MAX, DECIMAL_SCALE, &v), OK);
    cr_assert_eq(v, INT64_MAX);
}
