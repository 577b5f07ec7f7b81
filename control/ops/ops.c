#include "control/ops/ops.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
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
#include "control/ops/stream.h"

#define POLL_INTERVAL_NS 500000ull /* the socket is looked at this often; operators are people */

/* A request that takes long, on its thread. What it answers comes by the stream, line by line; the end line
 * is the control core's, when the thread has ended and the stream is empty. */
struct job {
    pthread_t thread;
    bool running;
    atomic_bool done;
    struct stream stream;
    struct json line; /* the thread's */
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
    uint64_t moved_ns; /* when it last took something, or had nothing to take */
    bool refused;
    bool gone; /* closed while its job runs: freed when the job has ended */
};

struct ops {
    struct ops_config config;
    int listener;
    uint64_t next_ns;
    bool stop_asked;
    struct client clients[OPS_CONNECTIONS_MAX];
    counter_value *requests, *failures, *refusals, *full, *stalled, *jobs;
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

static bool job_line(void *ctx, const char *line, size_t size)
{
    return stream_write(ctx, line, size);
}

bool ops_unwanted(const struct ops_request *r)
{
    return r->stream && stream_abandoned(r->stream);
}

static void *job_main(void *self)
{
    struct job *j = self;
    j->command->run(&j->request);
    stream_finish(&j->stream);
    atomic_store_explicit(&j->done, true,
                          memory_order_release); /* pairs with the acquire load in job_is_done */
    return NULL;
}

static bool job_is_done(const struct job *j)
{
    return atomic_load_explicit(&j->done, memory_order_acquire);
}

static void job_end(struct ops *o, struct job *j)
{
    pthread_join(j->thread, NULL);
    stream_free(&j->stream);
    json_free(&j->line);
    j->running = false;
    counter_set(o->jobs, counter_get(o->jobs) - 1);
}

/* False: no thread could be had. The line that the arguments lie in is the client's: they are copied. */
static bool job_start(struct ops *o, struct job *j, const struct ops_command *command,
                      const struct ops_request *r)
{
    if (stream_create(&j->stream) != OK)
        return false;
    j->command = command;
    j->line = (struct json){.sink = job_line, .sink_ctx = &j->stream};
    j->request = *r;
    j->request.out = &j->line;
    j->request.stream = &j->stream;
    for (unsigned i = 0; i < r->argument_count; i++) {
        snprintf(j->arguments[i], sizeof j->arguments[i], "%s", r->arguments[i]);
        j->request.arguments[i] = j->arguments[i];
    }
    take_digests(&j->request);
    atomic_store(&j->done, false);
    j->running = pthread_create(&j->thread, NULL, job_main, j) == 0;
    if (j->running)
        counter_set(o->jobs, counter_get(o->jobs) + 1);
    else
        stream_free(&j->stream);
    return j->running;
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
    else if (job_start(o, &c->job, command, &r))
        return;
    else
        ops_fail(&r, "busy", "no thread, or no memory for one, could be had");
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
        stream_abandon(&c->job.stream);
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

static void admit(struct ops *o, int fd, uint64_t now_ns)
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
    c->moved_ns = now_ns;
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

/* What the client takes of it now. It is dropped where it has gone, or has taken nothing for too long. */
static size_t give(struct ops *o, struct client *c, const char *text, size_t size, uint64_t now_ns)
{
    ssize_t n = send(c->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
        c->moved_ns = now_ns;
        return (size_t)n;
    }
    if (errno != EAGAIN && errno != EINTR) {
        drop(c);
    } else if (now_ns - c->moved_ns >= OPS_STALL_NS) {
        counter_add(o->stalled, 1);
        drop(c);
    }
    return 0;
}

static unsigned flush(struct ops *o, struct client *c, uint64_t now_ns)
{
    unsigned work = 0;
    while (c->sent < c->answer.used) {
        size_t n = give(o, c, c->answer.text + c->sent, c->answer.used - c->sent, now_ns);
        if (n == 0)
            return work;
        c->sent += n;
        work++;
    }
    c->sent = c->answer.used = 0;
    if (c->refused)
        drop(c);
    return work;
}

/* At most a half of the stream: the agents on this core wait meanwhile. */
static unsigned flush_stream(struct ops *o, struct client *c, uint64_t now_ns)
{
    size_t size, n;
    const char *text = stream_peek(&c->job.stream, &size);
    if (!text) {
        c->moved_ns = now_ns;
        return 0;
    }
    n = give(o, c, text, size, now_ns);
    if (n > 0)
        stream_take(&c->job.stream, n);
    return n > 0;
}

/* Closed by its peer, both ways: who only has nothing more to ask still wants the answer. */
static bool has_hung_up(const struct client *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static unsigned serve_job(struct ops *o, struct client *c, uint64_t now_ns)
{
    size_t left;
    unsigned work = 0;
    bool is_done = job_is_done(&c->job); /* then all that it wrote can be peeked */
    if (!c->gone && has_hung_up(c))
        drop(c);
    if (!c->gone)
        work = flush_stream(o, c, now_ns);
    if (!is_done || (!c->gone && stream_peek(&c->job.stream, &left)))
        return work;
    bool is_whole = !c->gone && !c->job.line.failed;
    job_end(o, &c->job);
    if (!is_whole) {
        drop(c);
        return 1;
    }
    if (c->job.request.error)
        counter_add(o->failures, 1);
    end_line(c, &c->job.request);
    return 1 + flush(o, c, now_ns);
}

static unsigned serve(struct ops *o, struct client *c, uint64_t now_ns)
{
    if (c->job.running)
        return serve_job(o, c, now_ns);
    if (c->answer.used) /* one request at a time: the next is read when the answer has gone */
        return flush(o, c, now_ns);
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
    c->moved_ns = now_ns;
    if (c->job.running)
        return 1;
    if (c->answer.failed || c->answer.used > OPS_ANSWER_MAX) {
        drop(c);
        return 1;
    }
    return 1 + flush(o, c, now_ns);
}

unsigned ops_poll(struct ops *o, uint64_t now_ns)
{
    if (now_ns < o->next_ns)
        return 0;
    o->next_ns = now_ns + POLL_INTERVAL_NS;
    unsigned work = 0;
    int fd;
    while ((fd = accept4(o->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        admit(o, fd, now_ns);
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
    o->stalled = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_stalled_total", "");
    o->jobs = counter_new(c->counters, COUNTER_GAUGE, "rfqd_ops_jobs", "");
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
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++) /* all are told before one is waited for */
        if (o->clients[i].fd >= 0 && o->clients[i].job.running)
            drop(&o->clients[i]);
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++) {
        struct client *c = &o->clients[i];
        if (c->fd < 0)
            continue;
        if (c->job.running)
            job_end(o, &c->job);
        drop(c);
    }
    if (o->listener >= 0) {
        close(o->listener);
        unlink(o->config.path);
    }
    free(o);
}
