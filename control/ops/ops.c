#include "control/ops/ops.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/ops/commands.h"

#define POLL_INTERVAL_NS 500000ull /* the socket is looked at this often; operators are people */

/* A request that takes long, on its thread; the client's connection waits for it. */
struct job {
    pthread_t thread;
    bool running;
    atomic_bool done;
    const struct ops_command *command;
    struct ops_request request;
    char arguments[OPS_ARGUMENTS_MAX][128];
};

struct client {
    int fd; /* -1: free */
    struct job job;
    char line[OPS_LINE_MAX];
    size_t line_used;
    struct json answer;
    size_t sent;
    bool refused;
    bool gone; /* closed while its job runs: freed when the job has ended */
};

struct ops {
    struct ops_config config;
    int listener;
    uint64_t next_ns;
    bool stop_asked;
    struct client clients[OPS_CONNECTIONS_MAX];
    counter_value *requests, *failures, *refusals, *full;
};

void ops_fail(struct ops_request *r, const char *code, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    vsnprintf(r->text, sizeof r->text, format, a);
    va_end(a);
    r->code = code;
    r->error = r->text;
}

/* Requests
 * -----------------------------------------------------------------------------------------------------------
 */

static const struct ops_command *command_named(const char *name)
{
    for (unsigned i = 0; i < ops_command_count; i++)
        if (strcmp(ops_commands[i].name, name) == 0)
            return &ops_commands[i];
    return NULL;
}

static void end_line(struct client *c, const struct ops_request *r)
{
    json_open(&c->answer, NULL, '{');
    json_flag(&c->answer, "end", true);
    if (r->error) {
        json_text(&c->answer, "error", r->error);
        json_text(&c->answer, "code", r->code);
    }
    json_close(&c->answer, '}');
    json_line(&c->answer);
}

static void take_digests(struct ops_request *r)
{
    const struct replica_config *c = replica_config(node_replica(r->config->node));
    r->live_offset = replica_offset(node_replica(r->config->node));
    r->live_digest[AGENT_DISTRIBUTION] = state_digest(&c->distribution->base);
    r->live_digest[AGENT_ROUTING] = state_digest(&c->routing->base);
    r->live_digest[AGENT_GATEWAY] = state_digest(&c->gateways[0]->base);
}

static void *job_main(void *self)
{
    struct job *j = self;
    j->command->run(&j->request);
    atomic_store_explicit(&j->done, true,
                          memory_order_release); /* pairs with the acquire load in job_ended */
    return NULL;
}

/* False: no thread could be had. The line that the arguments lie in is the client's: they are copied. */
static bool job_start(struct job *j, const struct ops_command *command, const struct ops_request *r)
{
    j->command = command;
    j->request = *r;
    for (unsigned i = 0; i < r->argument_count; i++) {
        snprintf(j->arguments[i], sizeof j->arguments[i], "%s", r->arguments[i]);
        j->request.arguments[i] = j->arguments[i];
    }
    take_digests(&j->request);
    atomic_store(&j->done, false);
    j->running = pthread_create(&j->thread, NULL, job_main, j) == 0;
    return j->running;
}

static bool job_ended(struct job *j)
{
    if (!atomic_load_explicit(&j->done, memory_order_acquire))
        return false;
    pthread_join(j->thread, NULL);
    j->running = false;
    return true;
}

static void answer(struct ops *o, struct client *c, char *line, uint64_t now_ns)
{
    struct ops_request r = {
        .config = &o->config, .now_ns = now_ns, .out = &c->answer, .stop_asked = &o->stop_asked};
    char *at = line, *word, *name = NULL;
    while ((word = strsep(&at, " \t\r")) != NULL) {
        if (!*word)
            continue;
        if (!name)
            name = word;
        else if (r.argument_count < OPS_ARGUMENTS_MAX)
            r.arguments[r.argument_count++] = word;
    }
    counter_add(o->requests, 1);
    const struct ops_command *command = name ? command_named(name) : NULL;
    if (!command)
        ops_fail(&r, "unknown_command", "there is no command '%.40s'; 'help' lists them", name ? name : "");
    else if (r.argument_count < command->arguments_min || r.argument_count > command->arguments_max)
        ops_fail(&r, "usage", "usage: %s %s", command->name, command->arguments);
    else if (!command->long_running)
        command->run(&r);
    else if (job_start(&c->job, command, &r))
        return;
    else
        ops_fail(&r, "busy", "no thread could be started");
    if (r.error)
        counter_add(o->failures, 1);
    end_line(c, &r);
}

/* Connections
 * -------------------------------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
    if (c->job.running) {
        c->gone = true;
        return;
    }
    close(c->fd);
    json_free(&c->answer);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

static bool in_our_group(gid_t gid)
{
    gid_t groups[64];
    if (gid == getegid())
        return true;
    int n = getgroups(64, groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

static void admit(struct ops *o, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    unsigned i = 0;
    while (i < OPS_CONNECTIONS_MAX && o->clients[i].fd >= 0)
        i++;
    if (i == OPS_CONNECTIONS_MAX) {
        counter_add(o->full, 1);
        close(fd);
        return;
    }
    struct client *c = &o->clients[i];
    memset(c, 0, sizeof *c);
    c->fd = fd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid() || in_our_group(peer.gid)))
        return;
    struct ops_request r = {.out = &c->answer};
    ops_fail(&r, "forbidden",
             "user %u is not an operator: neither root, nor the user of rfqd, nor of its group",
             (unsigned)peer.uid);
    end_line(c, &r);
    c->refused = true;
    counter_add(o->refusals, 1);
}

static unsigned flush(struct client *c)
{
    unsigned work = 0;
    while (c->sent < c->answer.used) {
        ssize_t n =
            send(c->fd, c->answer.text + c->sent, c->answer.used - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                drop(c);
            return work;
        }
        c->sent += (size_t)n;
        work++;
    }
    c->sent = c->answer.used = 0;
    if (c->refused)
        drop(c);
    return work;
}

static unsigned serve(struct ops *o, struct client *c, uint64_t now_ns)
{
    if (c->job.running) {
        if (!job_ended(&c->job))
            return 0;
        if (c->gone) {
            drop(c);
            return 1;
        }
        if (c->job.request.error)
            counter_add(o->failures, 1);
        end_line(c, &c->job.request);
        if (c->answer.failed) {
            drop(c);
            return 1;
        }
    }
    if (c->answer.used) /* one request at a time: the next is read when the answer has gone */
        return flush(c);
    ssize_t n = recv(c->fd, c->line + c->line_used, sizeof c->line - 1 - c->line_used, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(c);
        return 1;
    }
    if (n > 0)
        c->line_used += (size_t)n;
    char *end = memchr(c->line, '\n', c->line_used);
    if (!end) {
        if (c->line_used == sizeof c->line - 1) {
            struct ops_request r = {.out = &c->answer};
            ops_fail(&r, "too_long", "a request has at most %d bytes", OPS_LINE_MAX - 1);
            end_line(c, &r);
            c->refused = true;
        }
        return n > 0;
    }
    *end = 0;
    answer(o, c, c->line, now_ns);
    size_t used = (size_t)(end + 1 - c->line);
    memmove(c->line, end + 1, c->line_used - used);
    c->line_used -= used;
    if (c->job.running) /* the answer is the thread's until it has ended */
        return 1;
    if (c->answer.failed || c->answer.used > OPS_ANSWER_MAX) {
        drop(c);
        return 1;
    }
    return 1 + flush(c);
}

unsigned ops_poll(struct ops *o, uint64_t now_ns)
{
    if (now_ns < o->next_ns)
        return 0;
    o->next_ns = now_ns + POLL_INTERVAL_NS;
    unsigned work = 0;
    int fd;
    while ((fd = accept4(o->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        admit(o, fd);
        work++;
    }
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        if (o->clients[i].fd >= 0)
            work += serve(o, &o->clients[i], now_ns);
    return work;
}

bool ops_stop_asked(const struct ops *o)
{
    return o->stop_asked;
}

enum err ops_create(struct ops **out, const struct ops_config *c)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct ops *o = *out = calloc(1, sizeof *o);
    if (!o)
        return ERR_MEMORY;
    o->config = *c;
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        o->clients[i].fd = -1;
    o->requests = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_requests_total", "");
    o->failures = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_failures_total", "");
    o->refusals = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_refused_total", "reason=\"forbidden\"");
    o->full = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_refused_total", "reason=\"connections\"");
    strncpy(at.sun_path, c->path, sizeof at.sun_path - 1);
    o->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(c->path); /* the directory is locked: what is there is left over from a dead process */
    if (o->listener < 0 || bind(o->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        chmod(c->path, 0660) != 0 || listen(o->listener, OPS_CONNECTIONS_MAX) != 0) {
        int cause = errno;
        ops_destroy(o);
        *out = NULL;
        errno = cause;
        return ERR_IO;
    }
    return OK;
}

void ops_destroy(struct ops *o)
{
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        if (o->clients[i].fd >= 0) {
            if (o->clients[i].job.running)
                pthread_join(o->clients[i].job.thread, NULL);
            o->clients[i].job.running = false;
            drop(&o->clients[i]);
        }
    if (o->listener >= 0) {
        close(o->listener);
        unlink(o->config.path);
    }
    free(o);
}
