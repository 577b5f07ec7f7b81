#include "bench/fan_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"

#define START_MS_MAX 20000
#define PATH_SIZE    512
#define FRAMES_SIZE  65536

/* The child ------------------------------------------------------------------------------------------- */

static void settle_down(void)
{
    struct rlimit r;
    bench_unpin();
    bench_pin(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* How long the frame is that lies there; 0: its end has not come. */
static size_t frame_size(const uint8_t *at, size_t size)
{
    size_t whole = size < 4 ? 0 : at[1] < 126 ? 2u + at[1] : 4u + ((size_t)at[2] << 8 | at[3]);
    return whole <= size ? whole : 0;
}

static void bare_serve(int listener, unsigned receivers)
{
    static uint8_t bytes[FRAMES_SIZE];
    int *fds = calloc(receivers, sizeof *fds), control;
    size_t used = 0;
    bool right = fds && bare_tcp_accept(&control, listener) == OK;
    for (unsigned i = 0; i < receivers && right; i++)
        right = bare_tcp_accept(&fds[i], listener) == OK;
    while (right) {
        ssize_t n = recv(control, bytes + used, sizeof bytes - used, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break;
        used += n > 0 ? (size_t)n : 0;
        size_t done = 0, size;
        while ((size = frame_size(bytes + done, used - done)) > 0) {
            right = right && bare_tcp_release(fds, receivers, bytes + done, size);
            done += size;
        }
        memmove(bytes, bytes + done, used - done);
        used -= done;
    }
    _exit(0);
}

/* Beside our own program; Node's program lies with the sources. */
static const char *lws_path(void)
{
    static char path[PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 16);
    if (size <= 0)
        return "";
    path[size] = 0;
    snprintf(strrchr(path, '/') + 1, 16, "fan_lws");
    return path;
}

static void run(enum fan_kind kind, int said)
{
    dup2(said, STDOUT_FILENO);
    if (kind == FAN_NODE)
        execlp("node", "node", RFQD_FAN_NODE, (char *)NULL);
    else
        execl(lws_path(), lws_path(), (char *)NULL);
    dprintf(STDERR_FILENO, "rfqbench: %s: %s\n", kind == FAN_NODE ? "node" : lws_path(), strerror(errno));
    _exit(127);
}

/* Start and end ----------------------------------------------------------------------------------------- */

const char *fan_server_lacks(enum fan_kind kind)
{
    if (kind == FAN_LWS && access(lws_path(), X_OK) != 0)
        return "libwebsockets is not installed";
    if (kind == FAN_NODE) {
        /* Debian's packages lie where its own node looks; another node is told. */
        setenv("NODE_PATH", "/usr/share/nodejs:/usr/lib/node_modules:/usr/local/lib/node_modules", 0);
        if (system("node -e 'require(\"ws\")' >/dev/null 2>&1") != 0)
            return "node with the package ws is not installed";
    }
    return NULL;
}

static bool hear_port(int said, struct sockaddr_in *at)
{
    char text[64];
    size_t used = 0;
    unsigned number = 0;
    struct pollfd p = {.fd = said, .events = POLLIN};
    while (used + 1 < sizeof text && poll(&p, 1, START_MS_MAX) > 0) {
        ssize_t n = read(said, text + used, sizeof text - 1 - used);
        if (n <= 0)
            return false;
        used += (size_t)n;
        text[used] = 0;
        if (strchr(text, '\n') && sscanf(text, "listening %u", &number) == 1) {
            *at = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)number),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            return true;
        }
    }
    return false;
}

bool fan_server_start(struct fan_server *s, enum fan_kind kind, unsigned receivers)
{
    int ends[2], listener = -1;
    *s = (struct fan_server){.pid = -1};
    if (pipe2(ends, O_CLOEXEC) != 0 || (kind == FAN_BARE && bare_tcp_listen(&listener, &s->at) != OK)) {
        perror("rfqbench");
        return false;
    }
    fflush(stdout);
    s->pid = fork();
    if (s->pid == 0) {
        settle_down();
        if (kind == FAN_BARE)
            bare_serve(listener, receivers);
        run(kind, ends[1]);
    }
    close(ends[1]);
    if (listener >= 0)
        close(listener);
    bool right = s->pid > 0 && (kind == FAN_BARE || hear_port(ends[0], &s->at));
    close(ends[0]);
    if (!right) {
        fprintf(stderr, "rfqbench: a server to compare with does not start\n");
        fan_server_stop(s);
    }
    return right;
}

void fan_server_stop(struct fan_server *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = -1;
}
