#include <criterion/criterion.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/journal/journal.h"
#include "control/journal/line.h"

static uint64_t made_up_clock(void)
{
    return 1770091445000000007ull; /* 2026-02-03T04:04:05.000000007Z */
}

/* A journal into a pipe, and what came out of it. */
struct desk {
    struct journal *j;
    struct counters *counters;
    int pipe[2];
    char text[4u * 1024 * 1024];
    size_t used;
};

static struct desk *open_desk(enum journal_format format, enum journal_level level)
{
    static struct desk d;
    memset(&d, 0, sizeof d);
    cr_assert_eq(pipe2(d.pipe, O_NONBLOCK), 0);
    cr_assert_eq(counters_create(&d.counters, NULL), OK);
    struct journal_config c = {
        .fd = d.pipe[1], .format = format, .level = level, .clock = made_up_clock, .counters = d.counters};
    cr_assert_eq(journal_create(&d.j, &c), OK);
    return &d;
}

static void close_desk(struct desk *d)
{
    journal_destroy(d->j);
    counters_close(d->counters);
    close(d->pipe[0]);
    close(d->pipe[1]);
}

static void take_pipe(struct desk *d)
{
    ssize_t n;
    while ((n = read(d->pipe[0], d->text + d->used, sizeof d->text - 1 - d->used)) > 0)
        d->used += (size_t)n;
    d->text[d->used] = 0;
}

/* All that waits, drained and read until there is no more. */
static const char *said(struct desk *d)
{
    do
        take_pipe(d);
    while (journal_drain(d->j));
    take_pipe(d);
    return d->text;
}

static uint64_t counted(struct desk *d, const char *name, const char *label)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(d->counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && strcmp(v.label, label) == 0)
            return v.value;
    cr_assert(false, "there is no counter %s{%s}", name, label);
    return 0;
}

Test(control_journal, text_has_time_level_event_and_fields)
{
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_INFO);
    journal_say(d->j, JOURNAL_INFO, "ready");
    journal_say(d->j, JOURNAL_WARNING, "odd", journal_text("plain", "LP1"), journal_text("empty", ""),
                journal_text("quoted", "two words, one \"quote\" and\nan end"), journal_uint("u", UINT64_MAX),
                journal_decimal("d", -150000000), journal_bool("yes", true));
    cr_expect_str_eq(said(d),
                     "2026-02-03T04:04:05.000000007Z info rfqd: ready\n"
                     "2026-02-03T04:04:05.000000007Z warning rfqd: odd plain=LP1 empty=\"\" "
                     "quoted=\"two words, one \\\"quote\\\" and\\u000aan end\" u=18446744073709551615 "
                     "d=-1.5 yes=true\n");
    close_desk(d);
}

Test(control_journal, json_lines_are_json_whatever_a_peer_is_called)
{
    struct desk *d = open_desk(JOURNAL_JSON, JOURNAL_INFO);
    char bytes[256];
    for (int i = 1; i < 256; i++)
        bytes[i - 1] = (char)i;
    bytes[255] = 0;
    journal_say(d->j, JOURNAL_ERROR, "odd", journal_text("bytes", bytes),
                journal_text("euro", "\xe2\x82\xac"), journal_uint("u", 7), journal_decimal("d", 1),
                journal_bool("no", false));
    const char *line = said(d);
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "one line: %s", line);
    struct json_object *o = json_tokener_parse(line), *v;
    cr_assert(o, "%s", line);
    static const struct {
        const char *key, *value;
    } rows[] = {{"time", "2026-02-03T04:04:05.000000007Z"},
                {"level", "error"},
                {"event", "odd"},
                {"euro", "\xe2\x82\xac"},
                {"u", "7"},
                {"d", "0.00000001"},
                {"no", "false"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(json_object_object_get_ex(o, rows[i].key, &v), "%s: %s", rows[i].key, line);
        cr_expect_str_eq(json_object_get_string(v), rows[i].value);
    }
    cr_assert(json_object_object_get_ex(o, "bytes", &v));
    cr_expect_eq(json_object_get_string_len(v), 127 + 2 * 128, "each byte that is no ASCII as a code point");
    json_object_put(o);
    close_desk(d);
}

Test(control_journal, to_systemd_lines_begin_with_their_priority)
{
    struct stat s;
    char stream[64];
    int p[2];
    cr_assert_eq(pipe2(p, O_NONBLOCK), 0);
    cr_assert_eq(fstat(p[1], &s), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)s.st_dev, (unsigned long long)s.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    struct journal *j;
    struct journal_config c = {.fd = p[1], .level = JOURNAL_DEBUG, .clock = made_up_clock};
    cr_assert_eq(journal_create(&j, &c), OK);
    journal_say(j, JOURNAL_ERROR, "e");
    journal_say(j, JOURNAL_WARNING, "w");
    journal_say(j, JOURNAL_INFO, "i", journal_uint("n", 1));
    journal_say(j, JOURNAL_DEBUG, "d");
    journal_drain_all(j, 0);
    char got[256] = "";
    cr_assert_gt(read(p[0], got, sizeof got - 1), 0);
    cr_expect_str_eq(got, "<3>e\n<4>w\n<6>i n=1\n<7>d\n");
    journal_destroy(j);

    setenv("JOURNAL_STREAM", "1:1", 1); /* another's */
    cr_assert_eq(journal_create(&j, &c), OK);
    journal_say(j, JOURNAL_INFO, "i");
    journal_drain_all(j, 0);
    memset(got, 0, sizeof got);
    cr_assert_gt(read(p[0], got, sizeof got - 1), 0);
    cr_expect_str_eq(got, "2026-02-03T04:04:05.000000007Z info rfqd: i\n");
    journal_destroy(j);
}

Test(control_journal, keeps_to_its_level_which_can_be_changed)
{
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_WARNING);
    journal_say(d->j, JOURNAL_INFO, "unheard");
    journal_say(d->j, JOURNAL_WARNING, "heard");
    journal_level_set(d->j, JOURNAL_DEBUG);
    cr_expect_eq(journal_level_now(d->j), JOURNAL_DEBUG);
    journal_say(d->j, JOURNAL_DEBUG, "heard_too");
    const char *text = said(d);
    cr_expect_not(strstr(text, "unheard"));
    cr_expect(strstr(text, "warning rfqd: heard\n") && strstr(text, "debug rfqd: heard_too\n"));
    cr_expect_eq(counted(d, "rfqd_journal_lines_total", "level=\"warning\""), 1);
    cr_expect_eq(counted(d, "rfqd_journal_lines_total", "level=\"info\""), 0);
    journal_say(NULL, JOURNAL_ERROR, "nobody"); /* takes everything */
    close_desk(d);
}

Test(control_journal, a_long_text_is_cut_at_a_whole_character)
{
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_INFO);
    char text[1024];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc2\xb5", 3);
    journal_say(d->j, JOURNAL_INFO, "long", journal_text("x", "y"), journal_text("text", text),
                journal_text("after", "nothing is left for it"), journal_uint("n", 1));
    const char *line = said(d);
    cr_expect(strstr(line, "long x=y text=\"\xc2\xb5\xc2\xb5"), "%s", line);
    cr_expect(strstr(line, "\xc2\xb5\xe2\x80\xa6\" after=\"\" n=1\n"), "%s", line);
    cr_expect_leq(strlen(line), JOURNAL_TEXTS_SIZE + 120);
    close_desk(d);
}

/* The longest line there can be: nothing of it is cut (asserted where it is made). */
Test(control_journal, the_longest_line_fits)
{
    struct desk *d = open_desk(JOURNAL_JSON, JOURNAL_INFO);
    char text[JOURNAL_TEXTS_SIZE + 1];
    memset(text, 1, sizeof text - 1); /* six characters each */
    text[sizeof text - 1] = 0;
    const char *key = "a234567890123456789012345678901";
    cr_assert_eq(strlen(key), JOURNAL_KEY_MAX);
    struct journal_field longest = journal_decimal(key, -INT64_MAX);
    journal_say(d->j, JOURNAL_WARNING, key, journal_text(key, text), longest, longest, longest, longest,
                longest, longest, longest, journal_uint("left_out", 9));
    const char *line = said(d);
    cr_expect_gt(strlen(line), 6 * JOURNAL_TEXTS_SIZE);
    cr_expect_lt(strlen(line), JOURNAL_LINE_MAX);
    cr_expect_not(strstr(line, "left_out"));
    cr_expect_eq(line[strlen(line) - 1], '\n');
    close_desk(d);
}

/* Nobody reads: what waits is kept, what finds no place is counted, and both are said when somebody reads. */
Test(control_journal, overflow_drops_and_counts_and_never_waits)
{
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_INFO);
    unsigned written = 3 * JOURNAL_SLOTS, kept = JOURNAL_SLOTS - JOURNAL_THREADS_MAX;
    for (unsigned i = 0; i < written; i++)
        journal_say(d->j, JOURNAL_INFO, "many", journal_uint("i", i));
    cr_expect_eq(journal_dropped(d->j), written - kept);
    const char *text = said(d), *at = text;
    for (unsigned i = 0; i < kept; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, " rfqd: many i=%u\n", i);
        at = strstr(at, wanted);
        cr_assert(at, "line %u of those that found a place", i);
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, " warning rfqd: journal_dropped lines=%u\n", written - kept);
    cr_expect(strstr(text, wanted));
    cr_expect_eq(counted(d, "rfqd_journal_dropped_total", ""), written - kept);
    journal_say(d->j, JOURNAL_INFO, "room_again");
    cr_expect(strstr(said(d), "room_again"));
    close_desk(d);
}

/* A pipe that is full takes nothing: drain comes back at once, and no line is lost or torn by it. */
Test(control_journal, a_reader_that_hangs_does_not_hold_us)
{
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_INFO);
    cr_assert_eq(fcntl(d->pipe[1], F_SETFL, 0), 0); /* a write that the pipe does not take would block */
    cr_assert_geq(fcntl(d->pipe[1], F_SETPIPE_SZ, 4096), 4096);
    for (unsigned i = 0; i < 500; i++)
        journal_say(d->j, JOURNAL_INFO, "many", journal_uint("i", i), journal_text("t", "0123456789"));
    journal_drain_all(d->j, 0); /* nobody has read */
    cr_expect_eq(journal_drain(d->j), 0);
    const char *text = said(d);
    unsigned lines = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1, lines++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "rfqd: many i=%u t=0123456789\n", lines);
        const char *found = strstr(at, wanted);
        cr_assert(found && found < strchr(at, '\n'), "line %u", lines);
    }
    cr_expect_eq(lines, 500);
    close_desk(d);
}

#define WRITERS 8u
#define EACH    20000u

struct writer {
    struct journal *j;
    unsigned number;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    char name[16];
    snprintf(name, sizeof name, "writer%u", w->number);
    for (unsigned i = 0; i < EACH; i++)
        journal_say(w->j, JOURNAL_INFO, "w", journal_text("by", name), journal_uint("i", i),
                    journal_uint("check", w->number * EACH + i));
    return NULL;
}

/* Each line is whole and was written once, each writer's in its order; with the drops the sum is right. */
Test(control_journal, many_writers_at_once)
{
    static struct writer w[WRITERS];
    pthread_t threads[WRITERS];
    struct desk *d = open_desk(JOURNAL_TEXT, JOURNAL_INFO);
    for (unsigned i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){d->j, i};
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &w[i]), 0);
    }
    uint64_t lines = 0;
    unsigned next[WRITERS] = {0}, ended = 0;
    while (ended < 2) { /* once more after the last writer has ended */
        said(d);
        for (char *line = d->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            unsigned by, i, check;
            *end = 0;
            if (strstr(line, "journal_dropped"))
                continue;
            cr_assert_eq(sscanf(strstr(line, "rfqd: "), "rfqd: w by=writer%u i=%u check=%u", &by, &i, &check),
                         3, "%s", line);
            cr_assert(by < WRITERS && check == by * EACH + i && i >= next[by], "%s", line);
            next[by] = i + 1;
            lines++;
        }
        d->used = 0;
        if (ended || lines + journal_dropped(d->j) >= WRITERS * EACH)
            ended++;
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    said(d);
    for (char *line = d->text; (line = strstr(line, "rfqd: w ")) != NULL; line++)
        lines++;
    cr_expect_eq(lines + journal_dropped(d->j), WRITERS * EACH);
    cr_expect_eq(lines, counted(d, "rfqd_journal_lines_total", "level=\"info\""));
    close_desk(d);
}
