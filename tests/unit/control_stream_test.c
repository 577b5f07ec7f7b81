/* A long answer between two threads. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "control/json/json.h"
#include "control/ops/stream.h"
#include "random.h"

struct answer {
    struct stream stream;
    size_t size; /* to be written, in pieces of any length */
    bool whole;
    atomic_bool done;
};

static char byte_at(size_t i)
{
    return (char)(i * 2654435761u >> 13);
}

static void *write_answer(void *self)
{
    struct answer *a = self;
    uint64_t random = 5;
    static _Thread_local char piece[3 * STREAM_HALF_SIZE];
    a->whole = true;
    for (size_t at = 0; at < a->size && a->whole;) {
        size_t n = 1 + random_below(&random, random_below(&random, 20) ? 500 : sizeof piece);
        n = n < a->size - at ? n : a->size - at;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(at + i);
        a->whole = stream_write(&a->stream, piece, n);
        at += n;
    }
    stream_finish(&a->stream);
    atomic_store(&a->done, true);
    return NULL;
}

Test(control_stream, carries_an_answer_many_times_its_size_whole)
{
    static struct answer a;
    pthread_t thread;
    uint64_t random = 9;
    size_t at = 0, size;
    a.size = 40 * STREAM_HALF_SIZE + 17;
    cr_assert_eq(stream_create(&a.stream), OK);
    cr_assert_eq(pthread_create(&thread, NULL, write_answer, &a), 0);
    for (;;) {
        bool done = atomic_load(&a.done);
        const char *text = stream_peek(&a.stream, &size);
        if (!text && done)
            break;
        if (!text) {
            sched_yield();
            continue;
        }
        size_t n = 1 + random_below(&random, size);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(text[i], byte_at(at + i), "byte %zu", at + i);
        stream_take(&a.stream, n);
        at += n;
    }
    pthread_join(thread, NULL);
    cr_assert(a.whole);
    cr_assert_eq(at, a.size);
    stream_free(&a.stream);
}

Test(control_stream, hands_over_at_once_what_nobody_waits_behind)
{
    struct stream s;
    size_t size;
    cr_assert_eq(stream_create(&s), OK);
    cr_assert_null(stream_peek(&s, &size));
    cr_assert(stream_write(&s, "one\n", 4));
    const char *text = stream_peek(&s, &size);
    cr_assert(text && size == 4 && memcmp(text, "one\n", 4) == 0);
    cr_assert(stream_write(&s, "two\n", 4) && stream_write(&s, "three\n", 6));
    stream_take(&s, 4);
    cr_assert_null(stream_peek(&s, &size), "the rest goes with what comes next, or with the end");
    stream_finish(&s);
    text = stream_peek(&s, &size);
    cr_assert(text && size == 10 && memcmp(text, "two\nthree\n", 10) == 0);
    stream_take(&s, 10);
    cr_assert_null(stream_peek(&s, &size));
    stream_free(&s);
}

Test(control_stream, a_thread_that_waits_for_room_ends_when_nobody_reads_any_more)
{
    static struct answer a;
    pthread_t thread;
    a.size = 10 * STREAM_HALF_SIZE;
    cr_assert_eq(stream_create(&a.stream), OK);
    cr_assert_eq(pthread_create(&thread, NULL, write_answer, &a), 0);
    while (atomic_load(&a.stream.filled) < 2) /* both halves: there is no room for the rest */
        sched_yield();
    cr_assert_not(atomic_load(&a.done));
    stream_abandon(&a.stream);
    pthread_join(thread, NULL);
    cr_assert_not(a.whole);
    cr_assert(stream_abandoned(&a.stream));
    cr_assert_not(stream_write(&a.stream, "more", 4));
    stream_free(&a.stream);
}

struct lines {
    char text[256];
    unsigned count, limit;
};

static bool keep_line(void *ctx, const char *line, size_t size)
{
    struct lines *l = ctx;
    strncat(l->text, line, size);
    return ++l->count < l->limit;
}

Test(control_stream, json_gives_its_sink_whole_lines_until_it_wants_no_more)
{
    struct lines l = {.limit = 3};
    struct json j = {.sink = keep_line, .sink_ctx = &l};
    for (unsigned i = 0; i < 5; i++) {
        json_open(&j, NULL, '{');
        json_uint(&j, "n", i);
        json_close(&j, '}');
        cr_assert_eq(l.count, i < 3 ? i : 3, "half a line is not given away");
        json_line(&j);
        cr_assert_eq(j.failed, i >= 2);
        cr_assert_eq(j.used, 0, "only one line is kept");
    }
    cr_assert_str_eq(l.text, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
    json_free(&j);
}
