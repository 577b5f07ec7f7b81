#include "bench/fan_crowd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"

#define AT_ONCE     64u /* connects under way: fewer than a listener's queue takes */
#define SPARE_FILES 64u
#define READ_SIZE   65536u
#define ANSWER_S    20
#define HEAD_SIZE   2048u

static bool failed(struct crowd *c, const char *what, const char *why)
{
    if (!c->failure[0])
        snprintf(c->failure, sizeof c->failure, "%s: %.120s", what, why);
    return false;
}

/* Connecting ------------------------------------------------------------------------------------------- */

/* The mask is zero: the bytes stay as they are, and the other side's work is the same. */
size_t crowd_frame(char *out, const char *text, size_t size)
{
    size_t used = 2;
    out[0] = (char)0x81;
    if (size < 126) {
        out[1] = (char)(0x80 | size);
    } else {
        out[1] = (char)(0x80 | 126);
        out[2] = (char)(size >> 8);
        out[3] = (char)size;
        used = 4;
    }
    memset(out + used, 0, 4);
    memcpy(out + used + 4, text, size);
    return used + 4 + size;
}

static bool ask_upgrade(int fd, const struct crowd_target *t)
{
    char text[HEAD_SIZE];
    int size = snprintf(
        text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
        t->path, t->token ? "Authorization: Bearer " : "", t->token ? t->token : "", t->token ? "\r\n" : "");
    return size < (int)sizeof text && bare_tcp_send_all(fd, text, (size_t)size);
}

static bool hear_upgrade(struct crowd *c, int fd)
{
    char text[HEAD_SIZE];
    size_t used = 0;
    while (used < 4 || memcmp(text + used - 4, "\r\n\r\n", 4) != 0) { /* byte by byte: frames may follow */
        if (used + 1 == sizeof text || recv(fd, text + used, 1, 0) != 1)
            return failed(c, "upgrade", used ? "the answer does not end" : strerror(errno));
        text[++used] = 0;
    }
    return strncmp(text, "HTTP/1.1 101 ", 13) == 0 || failed(c, "upgrade", text);
}

static int begin_connect(struct crowd *c, const struct crowd_target *t)
{
    int fd;
    const struct timeval patience = {.tv_sec = ANSWER_S};
    if (bare_tcp_connect(&fd, &t->at) != OK) {
        failed(c, "connect", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!t->path || ask_upgrade(fd, t))
        return fd;
    failed(c, "upgrade", "the peer is gone");
    close(fd);
    return -1;
}

int crowd_connect(struct crowd *c, const struct crowd_target *t)
{
    int fd = begin_connect(c, t);
    if (fd < 0 || !t->path || hear_upgrade(c, fd))
        return fd;
    close(fd);
    return -1;
}

static bool receive_all(struct crowd *c, int fd, void *to, size_t size)
{
    return recv(fd, to, size, MSG_WAITALL) == (ssize_t)size || failed(c, "hello", "no answer");
}

/* The answer says from which number on they are subscribed. */
static bool hear_hello(struct crowd *c, struct crowd_member *m)
{
    uint8_t head[4];
    char text[HEAD_SIZE];
    size_t size = 0;
    if (!receive_all(c, m->fd, head, 2))
        return false;
    size = head[1];
    if (size == 126) {
        if (!receive_all(c, m->fd, head + 2, 2))
            return false;
        size = (size_t)head[2] << 8 | head[3];
    }
    if (size >= sizeof text || !receive_all(c, m->fd, text, size))
        return failed(c, "hello", "the answer is too long");
    text[size] = 0;
    const char *seq = strstr(text, "\"seq\":");
    m->seq = seq ? strtoull(seq + 6, NULL, 10) : 0;
    return strstr(text, "\"success\":true") != NULL || failed(c, "hello", text);
}

static bool open_some(struct crowd *c, const struct crowd_target *t, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if ((c->members[i].fd = begin_connect(c, t)) < 0)
            return false;
    for (unsigned i = from; i < to && t->path; i++) {
        char hello[HEAD_SIZE];
        if (!hear_upgrade(c, c->members[i].fd))
            return false;
        if (t->hello &&
            !bare_tcp_send_all(c->members[i].fd, hello, crowd_frame(hello, t->hello, strlen(t->hello))))
            return failed(c, "hello", "the peer is gone");
    }
    for (unsigned i = from; i < to && t->hello; i++)
        if (!hear_hello(c, &c->members[i]))
            return false;
    for (unsigned i = from; i < to; i++) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = i};
        if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->members[i].fd, &e) != 0)
            return failed(c, "epoll", strerror(errno));
    }
    return true;
}

static bool room_for(struct crowd *c, unsigned count)
{
    struct rlimit r;
    rlim_t wanted = count + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return failed(c, "files", strerror(errno));
    if (r.rlim_cur >= wanted)
        return true;
    r.rlim_cur = wanted;
    if (r.rlim_max < wanted)
        r.rlim_max = wanted;
    return setrlimit(RLIMIT_NOFILE, &r) == 0 || failed(c, "open files (ulimit -n)", strerror(errno));
}

bool crowd_open(struct crowd *c, const struct crowd_target *t, unsigned count)
{
    *c = (struct crowd){.count = count, .epoll = -1};
    if (!room_for(c, count))
        return false;
    c->members = calloc(count, sizeof *c->members);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c->members || c->epoll < 0)
        return failed(c, "crowd", strerror(errno));
    for (unsigned i = 0; i < count; i++)
        c->members[i].fd = -1;
    bool right = true;
    for (unsigned i = 0; i < count && right; i += AT_ONCE)
        right = open_some(c, t, i, i + AT_ONCE < count ? i + AT_ONCE : count);
    return right;
}

/* Frames ------------------------------------------------------------------------------------------------ */

static bool starts(const char *text, size_t size, const char *with)
{
    size_t wanted = strlen(with);
    return size >= wanted && memcmp(text, with, wanted) == 0;
}

/* "name":digits */
static bool number_behind(const char *text, size_t size, const char *name, uint64_t *out)
{
    const char *at = memmem(text, size, name, strlen(name));
    const char *end = text + size;
    if (!at)
        return false;
    *out = 0;
    for (at += strlen(name); at < end && *at >= '0' && *at <= '9'; at++)
        *out = *out * 10 + (uint64_t)(*at - '0');
    return true;
}

/* The member's next event of the round: the same bytes as everybody's. */
static bool take_of_round(struct crowd *c, struct crowd_member *m, const char *shared, size_t size)
{
    unsigned n = m->got;
    uint64_t seq;
    if (n == CROWD_EVENTS_MAX || size >= CROWD_EVENT_SIZE)
        return failed(c, "event", "too many, or too long");
    struct crowd_event *e = &c->events[n];
    if (n == c->event_count) {
        if (!number_behind(shared, size, "\"seq\":", &seq) || seq <= m->seq)
            return failed(c, "an event out of order", shared);
        *e = (struct crowd_event){.seq = seq, .size = size};
        memcpy(e->text, shared, size);
        c->event_count++;
    } else if (size != e->size || memcmp(shared, e->text, size) != 0) {
        return failed(c, "not the event that others got", shared);
    }
    uint64_t ns = bench_ns(c->begin, clock_ticks());
    m->got++;
    m->seq = e->seq;
    if (n == 0 && c->each)
        histogram_record(c->each, ns);
    if (++e->receivers == c->count)
        e->last_ns = ns;
    return true;
}

static bool take_text(struct crowd *c, struct crowd_member *m, const char *text, size_t size)
{
    uint64_t prev, seq;
    if (!starts(text, size, "{\"prev\":"))
        return starts(text, size, "{\"event\":") || starts(text, size, "{\"re\":") ||
               failed(c, "frame", text);
    const char *shared = memchr(text, ',', size);
    if (!shared || !number_behind(text, size, "{\"prev\":", &prev) || prev != m->seq)
        return failed(c, "not the event before", text);
    c->taken++;
    shared++;
    size -= (size_t)(shared - text);
    if (c->rounds)
        return take_of_round(c, m, shared, size);
    if (!number_behind(shared, size, "\"seq\":", &seq) || seq <= m->seq)
        return failed(c, "an event out of order", text);
    m->seq = seq;
    m->got++;
    return true;
}

static bool pong(struct crowd *c, struct crowd_member *m)
{
    static const char frame[6] = {(char)0x8a, (char)0x80};
    return bare_tcp_send_all(m->fd, frame, sizeof frame) || failed(c, "pong", "the peer is gone");
}

static bool take_frame(struct crowd *c, struct crowd_member *m, uint8_t head, const char *text, size_t size)
{
    c->frames++;
    if (head == 0x81)
        return take_text(c, m, text, size);
    if (head == 0x89)
        return pong(c, m);
    return failed(c, head == 0x88 ? "closed" : "frame", size > 2 ? text + 2 : "");
}

/* Whole frames; returns how much they were, *right false where one is wrong. */
static size_t take_frames(struct crowd *c, struct crowd_member *m, char *bytes, size_t size, bool *right)
{
    size_t done = 0;
    while (*right && size - done >= 2) {
        const uint8_t *at = (const uint8_t *)bytes + done;
        size_t length = at[1], head = 2;
        if (length == 126) {
            if (size - done < 4)
                break;
            length = (size_t)at[2] << 8 | at[3];
            head = 4;
        }
        if (length > 65535 || size - done < head + length)
            break;
        *right = take_frame(c, m, at[0], bytes + done + head, length);
        done += head + length;
    }
    return done;
}

static bool keep(struct crowd *c, struct crowd_member *m, const char *bytes, size_t size)
{
    if (size > m->rest_capacity) {
        char *grown = realloc(m->rest, size);
        if (!grown)
            return failed(c, "memory", strerror(errno));
        m->rest = grown;
        m->rest_capacity = (uint32_t)size;
    }
    memcpy(m->rest, bytes, size);
    m->rest_size = (uint32_t)size;
    return true;
}

static bool member_reads(struct crowd *c, struct crowd_member *m)
{
    static char bytes[2 * READ_SIZE + 1];
    for (bool right = true;;) {
        size_t size = m->rest_size;
        if (size)
            memcpy(bytes, m->rest, size);
        ssize_t n = recv(m->fd, bytes + size, READ_SIZE, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0)
            return failed(c, "receive", n == 0 ? "the peer is gone" : strerror(errno));
        size += (size_t)n;
        bytes[size] = 0;
        size_t done = take_frames(c, m, bytes, size, &right);
        m->rest_size = 0;
        if (!right || (done < size && !keep(c, m, bytes + done, size - done)))
            return false;
        if ((size_t)n < READ_SIZE)
            return true; /* it was all: more makes a new edge */
    }
}

bool crowd_poll(struct crowd *c, unsigned *work)
{
    struct epoll_event events[256];
    int n = epoll_wait(c->epoll, events, 256, c->wait_ms);
    bool right = true;
    *work = n > 0 ? (unsigned)n : 0;
    for (int i = 0; i < n && right; i++)
        right = member_reads(c, &c->members[events[i].data.u32]);
    return right;
}

/* Rounds ------------------------------------------------------------------------------------------------ */

void crowd_round(struct crowd *c, uint64_t begin)
{
    c->rounds = true;
    c->begin = begin;
    c->event_count = 0;
    for (unsigned i = 0; i < c->count; i++)
        c->members[i].got = 0;
}

bool crowd_has(const struct crowd *c, unsigned count)
{
    return c->event_count >= count && c->events[count - 1].receivers == c->count;
}

bool crowd_settle(struct crowd *c, uint64_t quiet_ns)
{
    uint64_t since = clock_now_ns();
    unsigned work;
    while (clock_now_ns() - since < quiet_ns) {
        if (!crowd_poll(c, &work))
            return false;
        if (work)
            since = clock_now_ns();
    }
    return true;
}
