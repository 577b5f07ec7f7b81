#include "control/service.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* $WATCHDOG_PID names another where the variables were inherited by chance. */
static uint64_t watchdog_interval_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;
    if (!usec || (pid && strtoull(pid, NULL, 10) != (unsigned long long)getpid()))
        return 0;
    unsigned long long v = strtoull(usec, &end, 10);
    return *end || v > UINT64_MAX / 1000 ? 0 : v * 1000 / 2;
}

void service_open(struct service *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    memset(s, 0, sizeof *s);
    s->fd = -1;
    if (!path || (path[0] != '/' && path[0] != '@') || !path[1] || strlen(path) >= sizeof s->to.sun_path)
        return;
    s->to.sun_family = AF_UNIX;
    memcpy(s->to.sun_path, path, strlen(path));
    s->to_size = (unsigned)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        s->to.sun_path[0] = 0; /* an abstract one */
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->watchdog.interval_ns = watchdog_interval_ns();
}

void service_close(struct service *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* systemd that does not read is not waited for: it will hear the next one. */
static void tell(struct service *s, const char *text, size_t size)
{
    (void)!sendto(s->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&s->to, s->to_size);
}

void service_say(struct service *s, const char *state, const char *status)
{
    char text[SERVICE_STATUS_MAX + 64];
    if (s->fd < 0)
        return;
    int size = snprintf(text, sizeof text, "%s%sSTATUS=%.*s", state ? state : "", state ? "\n" : "",
                        SERVICE_STATUS_MAX, status);
    assert(size > 0 && (size_t)size < sizeof text);
    tell(s, text, (size_t)size);
}

bool watchdog_due(struct watchdog *w, uint64_t now_ns, const uint64_t *rounds, unsigned count, bool failed)
{
    assert(count <= CORES_MAX);
    if (!w->interval_ns || failed || now_ns < w->due_ns)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (rounds[i] == w->rounds[i])
            return false;
    memcpy(w->rounds, rounds, count * sizeof *rounds);
    w->due_ns = now_ns + w->interval_ns;
    return true;
}

void service_feed(struct service *s, uint64_t now_ns, const struct core *cores, unsigned count, bool failed)
{
    static const char FOOD[] = "WATCHDOG=1";
    uint64_t rounds[CORES_MAX];
    if (s->fd < 0)
        return;
    for (unsigned i = 0; i < count; i++)
        rounds[i] = counter_get(cores[i].rounds);
    if (watchdog_due(&s->watchdog, now_ns, rounds, count, failed))
        tell(s, FOOD, sizeof FOOD - 1);
}
