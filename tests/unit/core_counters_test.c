#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/counters.h"

static char path[64];

static void path_make(void)
{
    snprintf(path, sizeof path, "/dev/shm/rfqd-test-counters-%d", (int)getpid());
    unlink(path);
}

static void path_remove(void)
{
    unlink(path);
}

TestSuite(core_counters, .init = path_make, .fini = path_remove);

Test(core_counters, another_process_reads_them_by_name)
{
    struct counters *c;
    cr_assert_eq(counters_create(&c, path), OK);
    counter_value *a = counter_new(c, COUNTER_TOTAL, "rfqd_rfqs_total", "");
    counter_value *b = counter_new(c, COUNTER_GAUGE, "rfqd_lp_load", "lp=\"LP1\"");
    counter_add(a, 3);
    counter_add(a, 4);
    counter_set(b, 99);

    pid_t child = fork();
    if (child == 0) {
        struct counters *r;
        struct counter_view v[4];
        int n = 0;
        if (counters_open(&r, path))
            _exit(1);
        while (n < 4 && counters_at(r, (uint32_t)n, &v[n]))
            n++;
        if (n != 3)
            _exit(2);
        if (strcmp(v[1].name, "rfqd_rfqs_total") || v[1].label[0] || v[1].kind != COUNTER_TOTAL ||
            v[1].value != 7)
            _exit(3);
        if (strcmp(v[2].label, "lp=\"LP1\"") || v[2].kind != COUNTER_GAUGE || v[2].value != 99)
            _exit(4);
        counters_close(r);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child said %d", WEXITSTATUS(status));
    counters_close(c);
}

Test(core_counters, each_has_a_line_of_its_own)
{
    struct counters *c;
    cr_assert_eq(counters_create(&c, NULL), OK);
    counter_value *a = counter_new(c, COUNTER_TOTAL, "a", NULL), *b = counter_new(c, COUNTER_TOTAL, "b", "");
    cr_assert_geq((char *)b - (char *)a, 64);
    cr_assert_eq((uintptr_t)a % 64, 0);
    cr_assert_eq(counter_new(c, COUNTER_TOTAL, "a", ""), a, "the same name and label: the same counter");
    cr_assert_neq(counter_new(c, COUNTER_TOTAL, "a", "x=\"1\""), a);
    counters_close(c);
}

Test(core_counters, what_does_not_fit_goes_to_the_spill_counter)
{
    struct counters *c;
    struct counter_view v;
    char name[200];
    cr_assert_eq(counters_create(&c, NULL), OK);
    cr_assert(counters_at(c, 0, &v));
    cr_assert_str_eq(v.name, "rfqd_counters_spilled_total");
    for (uint32_t i = 1; i < COUNTERS_MAX; i++) {
        snprintf(name, sizeof name, "c%u", i);
        counter_add(counter_new(c, COUNTER_TOTAL, name, ""), i);
    }
    counter_add(counter_new(c, COUNTER_TOTAL, "one_too_many", ""), 5);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    counter_add(counter_new(c, COUNTER_TOTAL, name, ""), 6);
    counter_add(counter_new(c, COUNTER_TOTAL, "c1", name), 7);
    cr_assert(counters_at(c, 0, &v) && v.value == 18);
    for (uint32_t i = 1; i < COUNTERS_MAX; i++)
        cr_assert(counters_at(c, i, &v) && v.value == i);
    cr_assert_not(counters_at(c, COUNTERS_MAX, &v));
    counters_close(c);
}

Test(core_counters, a_file_that_is_none_is_refused)
{
    struct counters *c;
    cr_assert_eq(counters_open(&c, path), ERR_NOT_FOUND);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(counters_open(&c, path), ERR_CORRUPT, "empty");
    cr_assert_eq(ftruncate(fd, 64 + COUNTERS_MAX * 256), 0);
    cr_assert_eq(counters_open(&c, path), ERR_CORRUPT, "zeros");
    close(fd);
    cr_assert_eq(counters_create(&c, path), OK, "made anew over it");
    counters_close(c);
    cr_assert_eq(counters_open(&c, path), OK);
    counters_close(c);
    cr_assert_eq(counters_create(&c, "/no/such/directory/x"), ERR_IO);
}

/* What every session needs, and more: each is found again by its name. */
Test(core_counters, as_many_as_all_sessions_need_are_told_apart)
{
    struct counters *c;
    cr_assert_eq(counters_create(&c, NULL), OK);
    for (int pass = 0; pass < 2; pass++)
        for (unsigned session = 0; session < 1024; session++)
            for (unsigned type = 0; type < 40; type++) {
                char label[COUNTER_LABEL_SIZE];
                snprintf(label, sizeof label, "session=\"S%u\",type=\"%u\"", session, type);
                counter_add(counter_new(c, COUNTER_TOTAL, "rfqd_many_total", label), session * 40 + type);
            }
    struct counter_view v;
    for (uint32_t i = 0; i < 1024 * 40; i++)
        cr_assert(counters_at(c, i + 1, &v) && v.value == 2 * i, "counter %u", i);
    cr_assert_not(counters_at(c, 1024 * 40 + 1, &v));
    cr_assert(counters_at(c, 0, &v) && v.value == 0, "nothing spilled");
    counters_close(c);
}
