#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "dataplane/core/id.h"
#include "tests/unit/random.h"

Test(core_id, is_its_epoch_and_its_counter)
{
    uint64_t id = id_make(ID_EPOCH_MAX, 17);
    cr_assert_eq(id_epoch(id), ID_EPOCH_MAX);
    cr_assert_eq(id_counter(id), 17);
    cr_assert_lt(id_make(3, ID_COUNTER_MAX), id_make(4, 0), "a later epoch is a higher id");
    cr_assert_eq(id_make(0, 0), 0);
    cr_assert_eq(id_make(ID_EPOCH_MAX, ID_COUNTER_MAX), UINT64_MAX);
}

Test(core_id, a_counter_that_is_used_up_is_asserted, .signal = SIGABRT)
{
    id_make(1, ID_COUNTER_MAX + 1);
}

Test(core_id, prints_a_fixed_width_that_sorts)
{
    static const struct {
        uint64_t id;
        const char *text;
    } rows[] = {{0, "0000000000000"},  {31, "000000000000Z"},         {32, "0000000000010"},
                {18, "000000000000J"}, {UINT64_MAX, "FZZZZZZZZZZZZ"}, {1ull << 44, "0000G00000000"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ID_PRINT_SIZE];
        id_print(rows[i].id, text);
        cr_assert_str_eq(text, rows[i].text);
    }
    uint64_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        uint64_t a = random_next(&seed), b = i & 1 ? a + 1 + random_below(&seed, 100) : random_next(&seed),
                 back;
        char x[ID_PRINT_SIZE], y[ID_PRINT_SIZE];
        id_print(a, x);
        id_print(b, y);
        cr_assert_eq(strcmp(x, y) < 0, a < b);
        cr_assert_eq(id_parse(x, ID_PRINT_LENGTH, &back), OK);
        cr_assert_eq(back, a);
    }
}

Test(core_id, one_id_has_one_text)
{
    static const char *const rows[] = {"",
                                       "000000000000",
                                       "00000000000000",
                                       "G000000000000", /* 65 bits */
                                       "000000000000z",
                                       "000000000000I",
                                       "000000000000L",
                                       "000000000000O",
                                       "000000000000U",
                                       "00000000-0000",
                                       "             "};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t id = 77;
        cr_assert_eq(id_parse(rows[i], strlen(rows[i]), &id), ERR_SYNTAX, "«%s»", rows[i]);
        cr_assert_eq(id, 77);
    }
    for (int c = 0; c < 256; c++) {
        char text[ID_PRINT_SIZE] = "0000000000000", back[ID_PRINT_SIZE];
        uint64_t id;
        text[12] = (char)c;
        if (id_parse(text, ID_PRINT_LENGTH, &id) == OK) {
            id_print(id, back);
            cr_assert_arr_eq(text, back, ID_PRINT_LENGTH);
        }
    }
}
