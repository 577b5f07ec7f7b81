#include "bench/bare_tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"

static enum err refused(int fd)
{
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return ERR_IO;
}

static void no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

enum err bare_tcp_listen(int *fd, struct sockaddr_in *at)
{
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof *at;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || bind(s, (struct sockaddr *)at, size) != 0 || listen(s, 128) != 0 ||
        getsockname(s, (struct sockaddr *)at, &size) != 0) {
        return refused(s);
    }
    *fd = s;
    return OK;
}

enum err bare_tcp_connect(int *fd, const struct sockaddr_in *to)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (const struct sockaddr *)to, sizeof *to) != 0) {
        return refused(s);
    }
    no_delay(s);
    *fd = s;
    return OK;
}

enum err bare_tcp_accept(int *fd, int listener)
{
    int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (s < 0) {
        return ERR_IO;
    }
    no_delay(s);
    *fd = s;
    return OK;
}

bool bare_tcp_send_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return true;
}

bool bare_tcp_receive_all(int fd, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = recv(fd, at, size, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return true;
}

bool bare_tcp_echo_once(int fd)
{
    uint8_t bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    return n > 0 && bare_tcp_send_all(fd, bytes, (size_t)n);
}

bool bare_tcp_release(const int *fds, unsigned count, const void *bytes, size_t size)
{
    bool all = true;
    for (unsigned i = 0; i < count; i++) {
        all &= send(fds[i], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
    }
    return all;
}

static void *drain_run(void *arg)
{
    struct bare_tcp_drain *d = arg;
    uint8_t bytes[16384];
    bench_pin(d->pin);
    while (!atomic_load_explicit(&d->stop, memory_order_relaxed)) {
        for (unsigned i = 0; i < d->count; i++) {
            ssize_t n = recv(d->fds[i], bytes, sizeof bytes, MSG_DONTWAIT);
            if (n > 0) {
                atomic_fetch_add_explicit(&d->bytes, (uint64_t)n, memory_order_release);
            }
        }
    }
    return NULL;
}

enum err bare_tcp_drain_start(struct bare_tcp_drain *d)
{
    atomic_init(&d->stop, false);
    atomic_init(&d->bytes, 0);
    int error = pthread_create(&d->thread, NULL, drain_run, d);
    if (error != 0) {
        errno = error;
        return ERR_IO;
    }
    return OK;
}

void bare_tcp_drain_stop(struct bare_tcp_drain *d)
{
    atomic_store(&d->stop, true);
    pthread_join(d->thread, NULL);
}
