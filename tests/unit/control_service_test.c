/* Service: the watchdog is fed by progress alone; what is sent is what systemd reads. The whole process is
 * held by tests/e2e/service_test.py.
 */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/service.h"

#define INTERVAL 1000u

/* A row is a moment: are there new rounds of each core, has something failed, is it fed? */
static const struct {
    uint64_t now_ns;
    uint64_t rounds[3];
    bool failed, fed;
    const char *what;
} rows[] = {
    {5000, {10, 10, 10}, false, true, "the first time"},
    {5999, {20, 20, 20}, false, false, "not due yet"},
    {6000, {20, 20, 20}, false, true, "due, and all have moved"},
    {7000, {21, 20, 21}, false, false, "the second core stands still"},
    {9000, {99, 20, 99}, false, false, "and still"},
    {9001, {99, 21, 99}, false, true, "it goes on: at once"},
    {10000, {100, 22, 100}, false, false, "half the time after that, not before"},
    {10001, {100, 22, 100}, true, false, "the record is not kept"},
    {20000, {200, 200, 200}, true, false, "for good"},
};

Test(control_service, the_watchdog_is_fed_only_while_every_core_makes_progress)
{
    struct watchdog w = {.interval_ns = INTERVAL};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(watchdog_due(&w, rows[i].now_ns, rows[i].rounds, 3, rows[i].failed), rows[i].fed, "%s",
                     rows[i].what);
}

Test(control_service, nobody_waits_for_a_watchdog_that_is_not_asked_for)
{
    struct watchdog w = {0};
    cr_expect_not(watchdog_due(&w, 5000, (uint64_t[]){1}, 1, false));
}

static int listen_at(const char *name, const char *variable)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "%s", name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
                 0);
    setenv("NOTIFY_SOCKET", variable, 1);
    return fd;
}

static const char *heard(int fd)
{
    static char text[1024];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

Test(control_service, says_what_systemd_reads_at_an_abstract_socket)
{
    char name[64], variable[65], pid[32], status[1000], cut[SERVICE_STATUS_MAX + 16];
    struct service s;
    snprintf(name, sizeof name, "rfqd-test-%d", (int)getpid());
    snprintf(variable, sizeof variable, "@%s", name);
    int fd = listen_at(name, variable);
    setenv("WATCHDOG_USEC", "30000000", 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    service_open(&s);
    cr_assert_geq(s.fd, 0);
    cr_expect_eq(s.watchdog.interval_ns, 15000000000u);
    service_say(&s, "READY=1", "accepting");
    cr_expect_str_eq(heard(fd), "READY=1\nSTATUS=accepting");
    service_say(&s, NULL, "only a status");
    cr_expect_str_eq(heard(fd), "STATUS=only a status");
    memset(status, 'x', sizeof status);
    status[sizeof status - 1] = 0;
    service_say(&s, "STOPPING=1", status);
    snprintf(cut, sizeof cut, "STATUS=%.*s", SERVICE_STATUS_MAX, status);
    cr_expect_str_eq(heard(fd) + strlen("STOPPING=1\n"), cut);

    counter_value rounds = 5;
    struct core core = {.rounds = &rounds};
    service_feed(&s, 1000, &core, 1, false);
    cr_expect_str_eq(heard(fd), "WATCHDOG=1");
    service_feed(&s, UINT64_MAX, &core, 1, false);
    cr_expect_str_eq(heard(fd), "", "the core has not moved");
    rounds = 6;
    service_feed(&s, UINT64_MAX, &core, 1, false);
    cr_expect_str_eq(heard(fd), "WATCHDOG=1");
    service_close(&s);
    close(fd);
}

Test(control_service, without_systemd_nothing_is_sent)
{
    struct service s;
    static const char *const none[] = {"", "relative", "@", "/"};
    setenv("WATCHDOG_USEC", "1000", 1);
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        setenv("NOTIFY_SOCKET", none[i], 1);
        service_open(&s);
        cr_expect_eq(s.fd, -1, "'%s'", none[i]);
    }
    unsetenv("NOTIFY_SOCKET");
    service_open(&s);
    cr_expect_eq(s.fd, -1);
    service_say(&s, "READY=1", "nobody hears it");
    service_close(&s);

    setenv("NOTIFY_SOCKET", "/nobody/listens/here", 1);
    static const char *const wrong[] = {"", "x", "10s", "99999999999999999999"};
    setenv("WATCHDOG_PID", "1", 1);
    service_open(&s);
    cr_expect_eq(s.watchdog.interval_ns, 0, "another's watchdog");
    service_say(&s, "READY=1", "nobody hears it");
    service_close(&s);
    unsetenv("WATCHDOG_PID");
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("WATCHDOG_USEC", wrong[i], 1);
        service_open(&s);
        cr_expect_eq(s.watchdog.interval_ns, 0, "'%s'", wrong[i]);
        service_close(&s);
    }
}
