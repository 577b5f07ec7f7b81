/* Criterion's words for the thread sanitizer's build. Criterion's own runner maps an arena at addresses that
 * the thread sanitizer keeps for itself, and ends before the first test; so under that sanitizer the same
 * test files are compiled against this header, which runs each test in a fork and knows the part of Criterion
 * that we use: Test, TestSuite, .init, .fini, .signal, .exit_code, .disabled (.timeout is ctest's there), and
 * the assertions.
 */
#ifndef RFQD_TESTS_TSAN_CRITERION_H
#define RFQD_TESTS_TSAN_CRITERION_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct tsan_options {
    int unused, signal, exit_code;
    double timeout;
    bool disabled;
    const char *description;
    void (*init)(void), (*fini)(void);
};
struct tsan_test {
    const char *suite, *name; /* name NULL: the suite's own options */
    void (*body)(void);
    struct tsan_options options;
    struct tsan_test *next;
};
static struct tsan_test *tsan_tests, **tsan_end = &tsan_tests;

static inline void tsan_register(struct tsan_test *t)
{
    *tsan_end = t;
    tsan_end = &t->next;
}

#define Test(Suite, Name, ...)                                                     \
    static void Suite##_##Name##_body(void);                                       \
    static struct tsan_test Suite##_##Name##_test = {                              \
        #Suite, #Name, Suite##_##Name##_body, {.unused = 0, ##__VA_ARGS__}, NULL}; \
    __attribute__((constructor)) static void Suite##_##Name##_register(void)       \
    {                                                                              \
        tsan_register(&Suite##_##Name##_test);                                     \
    }                                                                              \
    static void Suite##_##Name##_body(void)
#define TestSuite(Suite, ...)                                                                         \
    static struct tsan_test Suite##_suite = {#Suite, NULL, NULL, {.unused = 0, ##__VA_ARGS__}, NULL}; \
    __attribute__((constructor)) static void Suite##_suite_register(void)                             \
    {                                                                                                 \
        tsan_register(&Suite##_suite);                                                                \
    }                                                                                                 \
    struct tsan_test

__attribute__((format(printf, 5, 6), unused)) static void
tsan_check(bool ok, const char *file, int line, const char *what, const char *format, ...)
{
    if (ok)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: %s: ", file, line, what);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    _exit(99);
}

#define TSAN_CHECK(Ok, What, ...)    tsan_check(Ok, __FILE__, __LINE__, What, " " __VA_ARGS__)
#define cr_assert(C, ...)            TSAN_CHECK((bool)(C), #C, ##__VA_ARGS__)
#define cr_assert_not(C, ...)        TSAN_CHECK(!(C), "not " #C, ##__VA_ARGS__)
#define cr_assert_fail(...)          TSAN_CHECK(false, "fail", ##__VA_ARGS__)
#define cr_assert_eq(A, B, ...)      TSAN_CHECK((A) == (B), #A " == " #B, ##__VA_ARGS__)
#define cr_assert_neq(A, B, ...)     TSAN_CHECK((A) != (B), #A " != " #B, ##__VA_ARGS__)
#define cr_assert_lt(A, B, ...)      TSAN_CHECK((A) < (B), #A " < " #B, ##__VA_ARGS__)
#define cr_assert_leq(A, B, ...)     TSAN_CHECK((A) <= (B), #A " <= " #B, ##__VA_ARGS__)
#define cr_assert_gt(A, B, ...)      TSAN_CHECK((A) > (B), #A " > " #B, ##__VA_ARGS__)
#define cr_assert_geq(A, B, ...)     TSAN_CHECK((A) >= (B), #A " >= " #B, ##__VA_ARGS__)
#define cr_assert_null(A, ...)       TSAN_CHECK((A) == NULL, #A " is NULL", ##__VA_ARGS__)
#define cr_assert_not_null(A, ...)   TSAN_CHECK((A) != NULL, #A " is not NULL", ##__VA_ARGS__)
#define cr_assert_str_eq(A, B, ...)  TSAN_CHECK(strcmp(A, B) == 0, #A " is the text " #B, ##__VA_ARGS__)
#define cr_assert_str_neq(A, B, ...) TSAN_CHECK(strcmp(A, B) != 0, #A " is not the text " #B, ##__VA_ARGS__)
#define cr_assert_arr_eq(A, B, N, ...) \
    TSAN_CHECK(memcmp(A, B, N) == 0, #A " has the bytes of " #B, ##__VA_ARGS__)
#define cr_assert_arr_neq(A, B, N, ...) \
    TSAN_CHECK(memcmp(A, B, N) != 0, #A " has not the bytes of " #B, ##__VA_ARGS__)
#define cr_expect         cr_assert
#define cr_expect_not     cr_assert_not
#define cr_expect_eq      cr_assert_eq
#define cr_expect_neq     cr_assert_neq
#define cr_expect_str_eq  cr_assert_str_eq
#define cr_expect_str_neq cr_assert_str_neq
#define cr_expect_lt      cr_assert_lt
#define cr_expect_leq     cr_assert_leq
#define cr_expect_gt      cr_assert_gt
#define cr_expect_geq     cr_assert_geq
#define cr_expect_null    cr_assert_null
#define cr_log_info(...)  fprintf(stderr, __VA_ARGS__)
#define cr_log_warn(...)  fprintf(stderr, __VA_ARGS__)
#define cr_log_error(...) fprintf(stderr, __VA_ARGS__)

static void tsan_run(const struct tsan_test *t)
{
    const struct tsan_options *suite = &(struct tsan_options){0};
    for (const struct tsan_test *s = tsan_tests; s; s = s->next)
        if (!s->name && strcmp(s->suite, t->suite) == 0)
            suite = &s->options;
    if (suite->init)
        suite->init();
    if (t->options.init)
        t->options.init();
    t->body();
    if (t->options.fini)
        t->options.fini();
    if (suite->fini)
        suite->fini();
    /* exit, not _exit: the sanitizer tells there that it has reported something. */
    exit(0);
}

int main(void)
{
    unsigned run = 0, failed = 0;
    for (const struct tsan_test *t = tsan_tests; t; t = t->next) {
        if (!t->name || t->options.disabled)
            continue;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0)
            tsan_run(t);
        int status = 0;
        bool ok = child > 0 && waitpid(child, &status, 0) == child;
        if (t->options.signal)
            ok = ok && WIFSIGNALED(status) && WTERMSIG(status) == t->options.signal;
        else
            ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == t->options.exit_code;
        if (!ok)
            fprintf(stderr, "[FAIL] %s::%s (status %#x)\n", t->suite, t->name, (unsigned)status);
        run++;
        failed += !ok;
    }
    printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u\n", run, run - failed, failed);
    return failed != 0;
}

#endif
