#include "bench/rfq_house.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"

#define START_MS_MAX 60000
#define STOP_MS_MAX  30000
#define SECRET       "thirty-two bytes and some, for measurements only"

static bool complain(const char *what)
{
    fprintf(stderr, "rfqbench: %s: %s\n", what, strerror(errno));
    return false;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_files(struct house *h)
{
    nftw(h->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(h->shared, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Configuration ----------------------------------------------------------------------------------------- */

static bool make_directories(struct house *h, const char *dir)
{
    char full[HOUSE_PATH_SIZE];
    char *real = realpath(dir, NULL);
    bool fits = real && snprintf(full, sizeof full, "%s/rfqbench-XXXXXX", real) < (int)sizeof full;
    free(real);
    if (!fits || !mkdtemp(full))
        return complain(dir);
    memcpy(h->directory, full, sizeof full);
    snprintf(h->shared, sizeof h->shared, "/dev/shm/rfqbench-XXXXXX");
    return mkdtemp(h->shared) || complain(h->shared);
}

/* The kernel chose the ports a moment ago, so they are free. */
static bool choose_ports(struct house *h)
{
    int fd, http_fd;
    if (bare_tcp_listen(&fd, &h->at) != OK || bare_tcp_listen(&http_fd, &h->http_at) != OK)
        return complain("listen");
    close(fd);
    close(http_fd);
    return true;
}

static bool write_secret(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(SECRET, f) < 0)
        return complain(path);
    return fclose(f) == 0 || complain(path);
}

/* The door for clients, and who may come in. */
static bool write_clients(struct house *h, const struct house_config *c, FILE *f)
{
    char key[HOUSE_PATH_SIZE + 16];
    if (!c->clients)
        return true;
    snprintf(key, sizeof key, "%s/key", h->directory);
    fprintf(f,
            "http: {listen: '127.0.0.1:%u', connections_max: %u, connections_per_address_max: %u, "
            "connections_per_tenant_max: %u, requests_per_s_max: 1000000}\n"
            "tenants:\n  - {name: desk, number: 0}\nusers:\n  - {name: T, tenant: desk, role: admin}\n"
            "token_keys:\n  - {id: k, algorithm: HS256, file: %s}\n",
            ntohs(h->http_at.sin_port), c->clients, c->clients, c->clients, key);
    return write_secret(key) &&
           fan_token(SECRET, "k", "\"sub\":\"T\",\"tenant\":\"desk\",\"roles\":[\"admin\"]", h->token);
}

static void write_cores(const struct house_config *c, FILE *f)
{
    int others = bench_cpu(2) >= 0 ? bench_cpu(2) : bench_cpu(1);
    if (c->one_core)
        fprintf(f, "cores:\n  - {cpu: %d, idle: spin, run: [gateway, distribution, routing, log, control]}\n",
                bench_cpu(0));
    else
        fprintf(f,
                "cores:\n  - {cpu: %d, idle: spin, run: [gateway, distribution, routing]}\n"
                "  - {cpu: %d, idle: backoff, run: [log, control]}\n",
                bench_cpu(0), others);
}

static bool write_config(struct house *h, const struct house_config *c, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return complain(path);
    unsigned kept = c->rate * 4 < 20000 ? 20000 : c->rate * 4; /* they stay for a second after their end */
    unsigned ring_mib = c->small ? 8 : 64;
    fprintf(
        f,
        "instance: bench\ndirectory: %s/data\nshared: %s\nops_socket: %s/ops.sock\nlevel: committed\n"
        "fix: {listen: '127.0.0.1:%u', connections_max: 64}\n"
        "record: {ring_gateway_mib: %u, ring_engine_mib: %u, log_retain_mib: 256, store_map_gib: 16}\n"
        "settings: {retire_after_ms: 1000, rfqs_max: %u, deliveries_max: %u, quotes_max: %u, orders_max: %u, "
        "fills_max: %u}\n"
        "instruments:\n  - {symbol: EURUSD, tick: 0.00001, lot: 1, quantity_min: 1}\n"
        "sessions:\n  - {name: T, role: taker, target: T}\n",
        h->directory, h->shared, h->shared, ntohs(h->at.sin_port), ring_mib, ring_mib, kept, kept * c->lps,
        kept * c->lps, kept, kept);
    for (unsigned i = 0; i < c->lps; i++)
        fprintf(f, "  - {name: L%u, role: lp, target: L%u}\n", i, i);
    fprintf(f, "takers:\n  - {code: T, session: T}\nlps:\n");
    for (unsigned i = 0; i < c->lps; i++)
        fprintf(f, "  - {code: L%u, session: L%u, concurrent_rfqs_max: 1000000}\n", i, i);
    write_cores(c, f);
    bool right = write_clients(h, c, f);
    return (fclose(f) == 0 || complain(path)) && right;
}

/* Process ----------------------------------------------------------------------------------------------- */

static void run(const char *config, int said)
{
    char program[512];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 8);
    if (size <= 0)
        _exit(127);
    program[size] = 0;
    snprintf(strrchr(program, '/') + 1, 8, "rfqd");
    bench_unpin();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of us, it does not spin on alone */
    dup2(said, STDERR_FILENO);
    execl(program, program, config, (char *)NULL);
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool launch(struct house *h, const char *config)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return complain("pipe");
    fflush(stdout);
    h->pid = fork();
    if (h->pid == 0)
        run(config, ends[1]);
    close(ends[1]);
    h->said = ends[0];
    return h->pid > 0 || complain("fork");
}

/* false: it has nothing more to say, or not in time. */
static bool hear(struct house *h, int timeout_ms)
{
    struct pollfd p = {.fd = h->said, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) <= 0)
        return false;
    if (h->text_size > sizeof h->text / 2) { /* a line for each of many sessions: the latest count */
        size_t kept = sizeof h->text / 4;
        memmove(h->text, h->text + h->text_size - kept, kept);
        h->text_size = kept;
    }
    ssize_t n = read(h->said, h->text + h->text_size, sizeof h->text - 1 - h->text_size);
    if (n <= 0)
        return false;
    h->text_size += (size_t)n;
    h->text[h->text_size] = 0;
    return true;
}

static bool wait_ready(struct house *h)
{
    while (!strstr(h->text, "rfqd: ready\n"))
        if (!hear(h, START_MS_MAX))
            return false;
    return true;
}

bool house_start(struct house *h, const struct house_config *c)
{
    char path[HOUSE_PATH_SIZE + 16];
    *h = (struct house){.pid = -1, .said = -1};
    if (!make_directories(h, c->dir))
        return false;
    snprintf(path, sizeof path, "%s/rfqd.yaml", h->directory);
    if (choose_ports(h) && write_config(h, c, path) && launch(h, path) && wait_ready(h))
        return true;
    fprintf(stderr, "rfqbench: rfqd does not start: %s\n", h->text);
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    if (h->said >= 0)
        close(h->said);
    remove_files(h);
    return false;
}

bool house_stop(struct house *h)
{
    int status = 0;
    kill(h->pid, SIGTERM);
    while (hear(h, STOP_MS_MAX)) {
    }
    bool ended = strstr(h->text, "rfqd: stopped\n") != NULL;
    if (!ended)
        kill(h->pid, SIGKILL);
    waitpid(h->pid, &status, 0);
    ended = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ended)
        fprintf(stderr, "rfqbench: rfqd did not end well: %s\n", h->text);
    close(h->said);
    remove_files(h);
    return ended;
}
