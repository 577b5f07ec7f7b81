/* The ops socket under a made-up clock, with commands that need no node. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/ops/ops.h"

#define POLL_NS 1000000u

static char directory[] = "/tmp/rfqd-ops-XXXXXX", path[64];
static struct counters *counters;
static struct journal *journal;
static struct ops *ops;
static uint64_t now = 1000000000;

static uint64_t time_now(void)
{
    return now;
}

static void setup(void)
{
    const struct journal_config j = {.fd = STDERR_FILENO, .level = JOURNAL_INFO, .clock = time_now};
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/ops.sock", directory);
    cr_assert_eq(counters_create(&counters, NULL), OK);
    cr_assert_eq(journal_create(&journal, &j), OK);
    static const struct config config = {.ops_group = OPS_ADMIN, .journal_level = JOURNAL_INFO};
    const struct ops_config c = {.path = path, .config = &config, .counters = counters, .journal = journal};
    cr_assert_eq(ops_create(&ops, &c), OK);
}

static void teardown(void)
{
    ops_destroy(ops);
    journal_destroy(journal);
    counters_close(counters);
    cr_assert_eq(rmdir(directory), 0, "the socket went with its owner");
}

TestSuite(control_ops, .init = setup, .fini = teardown);

static int client(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void polls(unsigned n)
{
    while (n-- > 0) {
        now += POLL_NS;
        ops_poll(ops, now);
    }
}

static uint64_t counted(const char *name)
{
    struct counter_view v;
    uint64_t sum = 0;
    for (uint32_t i = 0; counters_at(counters, i, &v); i++)
        if (strcmp(v.name, name) == 0)
            sum += v.value;
    return sum;
}

/* Everything that is there; returns whether the other side has closed. */
static bool read_all(int fd, char *to, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while ((n = recv(fd, to + used, size - 1 - used, 0)) > 0)
        used += (size_t)n;
    to[used] = 0;
    return n == 0 || errno == ECONNRESET;
}

Test(control_ops, answers_requests_one_after_the_other)
{
    static char text[65536];
    int fd = client();
    say(fd, "help\nnonsense\nworkflow nonsense\n");
    polls(10);
    cr_assert_not(read_all(fd, text, sizeof text));
    const char *first = strstr(text, "{\"end\":true}\n");
    cr_assert(first, "%s", text);
    cr_assert(strstr(first, "there is no command 'nonsense'"), "%s", first);
    cr_assert(strstr(first, "usage: workflow [dot|page]"), "%s", first);
    cr_assert_eq(counted("rfqd_ops_requests_total"), 3);
    cr_assert_eq(counted("rfqd_ops_failures_total"), 2);
    close(fd);
}

Test(control_ops, the_level_of_the_journal_is_shown_and_set)
{
    static char text[65536];
    int fd = client();
    say(fd, "log\nlog debug\nlog loud\nlog info debug\n");
    polls(10);
    read_all(fd, text, sizeof text);
    cr_assert(strstr(text, "{\"level\":\"info\",\"configured\":\"info\",\"dropped\":0}"), "%s", text);
    cr_assert(strstr(text, "{\"level\":\"debug\",\"configured\":\"info\",\"dropped\":0}"), "%s", text);
    cr_assert(strstr(text, "'loud' is none of: error, warning, info, debug"), "%s", text);
    cr_assert(strstr(text, "usage: log; or: log LEVEL"), "%s", text);
    cr_assert_eq(journal_level_now(journal), JOURNAL_DEBUG);
    close(fd);
}

/* What the journal writes from here on, in place of standard error. */
static int journal_pipe(void)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
    close(ends[1]);
    return ends[0];
}

Test(control_ops, who_changed_what_is_said)
{
    static char text[65536], expected[512];
    int fd = client(), said = journal_pipe();
    say(fd, "help\nlog\nlog error\nlog loud\nlog warning\n");
    polls(10);
    read_all(fd, text, sizeof text);
    journal_drain(journal);
    text[read(said, text, sizeof text - 1)] = 0;
    snprintf(expected, sizeof expected,
             " info rfqd: command uid=%u command=log arguments=error outcome=done\n", (unsigned)getuid());
    const char *first = strstr(text, expected);
    cr_assert(first, "%s: what makes it say less is said", text);
    cr_assert_not(strstr(first + strlen(expected), "command"),
                  "%s: now it says errors only, and help and log change nothing", text);
    say(fd, "log info\nlog loud\nlog\n");
    polls(10);
    read_all(fd, text, sizeof text);
    journal_drain(journal);
    text[read(said, text, sizeof text - 1)] = 0;
    cr_assert(strstr(text, "command=log arguments=info outcome=done\n"), "%s", text);
    cr_assert(strstr(text, "command=log arguments=loud outcome="), "%s", text);
    cr_assert(strstr(text, " why=\"'loud' is none of: error, warning, info, debug\"\n"), "%s", text);
    close(said);
    close(fd);
}

Test(control_ops, refuses_a_line_that_is_too_long_and_closes)
{
    static char line[OPS_LINE_MAX], text[4096];
    memset(line, 'x', sizeof line - 1);
    int fd = client();
    say(fd, line);
    polls(4);
    cr_assert(read_all(fd, text, sizeof text));
    cr_assert(strstr(text, "\"code\":\"too_long\""), "%s", text);
    close(fd);
}

Test(control_ops, takes_so_many_connections_and_no_more)
{
    char text[1024];
    int fds[OPS_CONNECTIONS_MAX];
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        fds[i] = client();
    polls(2);
    int more = client();
    polls(2);
    cr_assert(read_all(more, text, sizeof text));
    cr_assert_eq(counted("rfqd_ops_refused_total"), 1);
    close(fds[3]);
    polls(2);
    int again = client();
    say(again, "nonsense\n");
    polls(2);
    cr_assert_not(read_all(again, text, sizeof text));
    cr_assert(*text);
}

/* Requests without reading, until nothing more fits into the socket and an answer waits. */
static void stall(int fd)
{
    uint64_t before;
    do {
        before = counted("rfqd_ops_requests_total");
        say(fd, "workflow dot\nworkflow dot\n");
        polls(4);
    } while (counted("rfqd_ops_requests_total") > before);
}

Test(control_ops, closes_a_client_that_takes_nothing_for_too_long)
{
    static char text[1 << 20];
    int fd = client();
    stall(fd);
    now += OPS_STALL_NS - 100 * (uint64_t)POLL_NS;
    polls(50);
    cr_assert_eq(counted("rfqd_ops_stalled_total"), 0);
    polls(200);
    cr_assert_eq(counted("rfqd_ops_stalled_total"), 1);
    cr_assert(read_all(fd, text, sizeof text), "closed");
    close(fd);
}

Test(control_ops, lets_a_client_read_as_slowly_as_it_likes)
{
    char some[5000];
    int fd = client();
    stall(fd);
    for (unsigned i = 0; i < 20; i++) {
        say(fd, "workflow dot\nworkflow dot\nworkflow dot\nworkflow dot\n"); /* there is always more */
        now += OPS_STALL_NS / 2;
        polls(1);
        for (unsigned n = 0; n < 2; n++)
            cr_assert_gt(recv(fd, some, sizeof some, 0), 0);
        polls(8);
    }
    cr_assert_eq(counted("rfqd_ops_stalled_total"), 0);
    close(fd);
}
