#include "control/ops/ops.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
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
#include "control/ops/job.h"
#include "dataplane/core/text.h"

#define POLL_INTERVAL_NS 500000ull    /* the socket is looked at this often; operators are people */
#define IDLE_INTERVAL_NS 100000000ull /* a drain is looked at this often */
#define STEPS_PER_POLL   4u           /* clients whose answers go on in steps */
#define GROUPS_MAX       256
#define ASKED_SIZE \
    256 /* of a changing command's arguments, as the journal says them; what is beyond is cut */

struct client {
    int fd; /* -1: free */
    enum ops_level level;
    uid_t uid;                         /* of its peer */
    bool own;                          /* our own: it asks for somebody's signal */
    const struct ops_command *command; /* of the request under way */
    char asked[ASKED_SIZE];            /* its arguments, until it is told; of what changes something */
    bool untold;
    enum journal_level told_at; /* the journal's level as it was asked */
    struct job job;
    struct ops_request going; /* goes on in steps where going.step is set */
    char line[OPS_LINE_MAX];
    size_t line_used;
    struct json answer;
    size_t sent;
    uint64_t moved_ns; /* when it last took something, or had nothing to take */
    bool refused;
    bool gone; /* closed while its job runs, or while others wait for the end of its steps: freed then */
};

struct ops {
    struct ops_config config;
    int listener;
    uint64_t next_ns;
    unsigned turn;     /* the first client of the next poll */
    bool reload_asked; /* by ops_reload */
    int own;           /* the other end of the client that asks for it, or -1 */
    struct jobs jobs;
    struct ops_desk desk;
    struct client clients[OPS_CONNECTIONS_MAX];
    counter_value *requests, *failures, *forbidden, *below, *full, *stalled;
};

void ops_fail(struct ops_request *r, const char *code, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    vsnprintf(r->text, sizeof r->text, format, a);
    va_end(a);
    r->code = code;
}

/* Requests
 * -----------------------------------------------------------------------------------------------------------
 */

/* The row whose verb stands where it should, else one without, and of those the one that takes so many
 * arguments. *named: some row has this name. */
static const struct ops_command *command_for(const struct ops_request *r, const char *name, bool *named)
{
    const struct ops_command *found = NULL;
    *named = false;
    for (unsigned i = 0; i < ops_command_count; i++) {
        const struct ops_command *c = &ops_commands[i];
        if (strcmp(c->name, name) != 0)
            continue;
        *named = true;
        bool fits = r->argument_count >= c->arguments_min && r->argument_count <= c->arguments_max;
        if (!c->verb)
            found = !found || fits ? c : found;
        else if (c->verb_at < r->argument_count && strcmp(r->arguments[c->verb_at], c->verb) == 0)
            return c;
    }
    return found;
}

static void usage(struct ops_request *r, const char *name)
{
    char text[OPS_TEXT_SIZE];
    size_t used = 0;
    for (unsigned i = 0; i < ops_command_count && used < sizeof text; i++)
        if (strcmp(ops_commands[i].name, name) == 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s", used ? "; or: " : "", name,
                                     *ops_commands[i].arguments ? " " : "", ops_commands[i].arguments);
    ops_fail(r, "usage", "usage: %s", text);
}

static void end_line(struct client *c, const struct ops_request *r)
{
    json_open(&c->answer, NULL, '{');
    json_flag(&c->answer, "end", true);
    if (r->code) {
        json_text(&c->answer, "error", r->text);
        json_text(&c->answer, "code", r->code);
    }
    json_close(&c->answer, '}');
    json_line(&c->answer);
}

/* Who did what
 * -----------------------------------------------------------------------------------------------------------
 */

/* Before it runs: its line is written over. */
static void to_be_told(struct ops *o, struct client *c, const struct ops_request *r)
{
    struct text t = text_in(c->asked, sizeof c->asked);
    c->untold = c->command->level >= OPS_OPERATE;
    c->told_at = journal_level_now(o->config.journal);
    for (unsigned i = 0; i < r->argument_count; i++) {
        text_add(&t, i ? " " : "");
        text_add(&t, r->arguments[i]);
    }
}

/* Once a request, whatever became of it. `log error` would be the last that anybody hears of it: what makes
 * the journal say less is said as before. */
static void tell(struct client *c, const struct ops_config *config, const char *outcome, const char *why)
{
    struct journal *j = config->journal;
    enum journal_level now = journal_level_now(j);
    struct journal_field who =
        c->own ? journal_text("signal", "SIGHUP") : journal_uint("uid", (uint64_t)c->uid);
    if (!c->untold)
        return;
    c->untold = false;
    if (c->told_at > now)
        journal_level_set(j, c->told_at);
    const struct journal_field fields[] = {who, journal_text("command", c->command->name),
                                           journal_text("arguments", c->asked),
                                           journal_text("outcome", outcome), journal_text("why", why)};
    const unsigned count = (unsigned)(sizeof fields / sizeof *fields);
    journal_write(j, JOURNAL_INFO, "command", fields, *why ? count : count - 1);
    if (c->told_at > now)
        journal_level_set(j, now);
}

/* NULL: refused, and why is said. */
static const struct ops_command *admitted(struct ops *o, struct ops_request *r, const char *name, bool fits)
{
    bool named;
    const struct ops_command *command = command_for(r, name, &named);
    if (!named) {
        ops_fail(r, "unknown_command", "there is no command '%.40s'; 'help' lists them", name);
    } else if (!fits || !command || r->argument_count < command->arguments_min ||
               r->argument_count > command->arguments_max) {
        usage(r, name);
    } else if (r->level < command->level) {
        counter_add(o->below, 1);
        ops_fail(r, "level", "'%s%s%s' takes level %s, and yours is %s", name, command->verb ? " " : "",
                 command->verb ? command->verb : "", ops_level_name(command->level),
                 ops_level_name(r->level));
    } else {
        return command;
    }
    return NULL;
}

/* What was run has ended, or goes on: on a thread, or in steps, for which the line is there no more. */
static void ran(struct ops *o, struct client *c, struct ops_request *r)
{
    if (r->thread && !r->code) {
        assert(!c->answer.used); /* it would come behind what the thread says */
        if (job_start(&o->jobs, &c->job, c->command, r))
            return;
        ops_fail(r, "busy", "no thread, or no memory for one, could be had");
        journal_say(o->config.journal, JOURNAL_WARNING, "no_thread",
                    journal_text("command", c->command->name));
    }
    if (r->step && !r->code) {
        c->going = *r;
        c->going.argument_count = 0;
        return;
    }
    if (r->end)
        r->end(r);
    if (r->code)
        counter_add(o->failures, 1);
    tell(c, &o->config, r->code ? r->code : "done", r->code ? r->text : "");
    end_line(c, r);
}

static bool is_running(const struct ops *o, const struct ops_command *command)
{
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        if (o->clients[i].job.running && o->clients[i].job.command == command)
            return true;
    return false;
}

static void answer(struct ops *o, struct client *c, char *line, uint64_t now_ns)
{
    struct ops_request r = {
        .config = &o->config, .desk = &o->desk, .now_ns = now_ns, .level = c->level, .out = &c->answer};
    char *at = line, *word, *name = NULL;
    bool fits = true;
    while ((word = strsep(&at, " \t\r")) != NULL) {
        if (!*word)
            continue;
        if (!name)
            name = word;
        else if (r.argument_count < OPS_ARGUMENTS_MAX && strlen(word) < OPS_ARGUMENT_SIZE)
            r.arguments[r.argument_count++] = word;
        else
            fits = false;
    }
    counter_add(o->requests, 1);
    const struct ops_command *command = admitted(o, &r, name ? name : "", fits);
    c->command = command;
    if (command)
        to_be_told(o, c, &r);
    if (command && command->where == OPS_CORE)
        command->run(&r);
    else if (command && is_running(o, command))
        ops_fail(&r, "busy", "another '%s%s%s' is under way, of which there is one at a time", command->name,
                 command->verb ? " " : "", command->verb ? command->verb : "");
    else if (command)
        r.thread = command->run;
    ran(o, c, &r);
}

/* Connections
 * -------------------------------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
    if (c->job.running || (c->going.step && c->going.finishes)) {
        c->gone = true;
        if (c->job.running)
            stream_abandon(&c->job.stream);
        return;
    }
    if (c->going.step) {
        tell(c, c->going.config, "unanswered", "its client has gone, or rfqd has stopped");
        if (c->going.end)
            c->going.end(&c->going);
    }
    close(c->fd);
    json_free(&c->answer);
    memset(c, 0, sizeof *c);
    c->fd = -1;
}

static enum ops_level level_of(const struct ops *o, int fd, uid_t *uid)
{
    struct ucred who;
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof who, groups_size = sizeof groups;
    *uid = (uid_t)-1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return OPS_NONE;
    *uid = who.uid;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) != 0)
        groups_size = 0; /* in more than we look at: then the first one counts */
    struct ops_peer peer = {.uid = who.uid,
                            .gid = who.gid,
                            .groups = groups,
                            .group_count = (unsigned)(groups_size / sizeof *groups)};
    return ops_access(&peer, geteuid(), getegid(), (enum ops_level)o->config.config->ops_group);
}

/* NULL: there is no place for it. */
static struct client *admit(struct ops *o, int fd, uint64_t now_ns)
{
    uid_t uid;
    unsigned i = 0;
    while (i < OPS_CONNECTIONS_MAX && o->clients[i].fd >= 0)
        i++;
    if (i == OPS_CONNECTIONS_MAX) {
        counter_add(o->full, 1);
        close(fd);
        return NULL;
    }
    struct client *c = &o->clients[i];
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->moved_ns = now_ns;
    c->level = level_of(o, fd, &uid);
    c->uid = uid;
    if (c->level != OPS_NONE)
        return c;
    struct ops_request r = {.out = &c->answer};
    ops_fail(&r, "forbidden",
             "user %u is no operator: neither root, nor the user of rfqd, nor admitted by its group "
             "(key ops_group)",
             (unsigned)uid);
    end_line(c, &r);
    c->refused = true;
    counter_add(o->forbidden, 1);
    return c;
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
    if (c->answer.failed) {
        drop(c);
        return 1;
    }
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
    struct ops_request r = c->job.request;
    bool is_whole = !c->gone && !c->job.line.failed;
    job_end(&o->jobs, &c->job);
    if (!is_whole) {
        tell(c, &o->config, r.code ? r.code : "unanswered",
             r.code ? r.text : "its client has gone, or rfqd has stopped");
        if (r.end)
            r.end(&r);
        drop(c);
        return 1;
    }
    r.now_ns = now_ns;
    r.out = &c->answer;
    r.stream = NULL;
    r.thread = NULL;
    if (r.then && !r.code)
        r.then(&r);
    ran(o, c, &r);
    return 1 + flush(o, c, now_ns);
}

/* Another step of what goes on; none while the client has not read what there is. */
static unsigned serve_steps(struct ops *o, struct client *c, uint64_t now_ns)
{
    struct ops_request *r = &c->going;
    if (!c->gone && has_hung_up(c))
        drop(c);
    if (c->fd < 0)
        return 1;
    if (c->gone)
        c->answer.used = c->sent = 0;
    if (!c->answer.used)
        c->moved_ns = now_ns;
    r->now_ns = now_ns;
    if (c->answer.used < OPS_WAITING_MAX && r->step(r)) {
        struct ops_request ended = *r;
        memset(r, 0, sizeof *r);
        ended.step = NULL;
        ran(o, c, &ended);
    }
    if (c->job.running)
        return 1;
    if (c->gone && r->step)
        return 0;
    if (c->gone) {
        drop(c);
        return 1;
    }
    return c->answer.used ? flush(o, c, now_ns) : 0;
}

/* What there is to be read, behind what has come of a line so far. It is dropped where it has gone. */
static unsigned read_line(struct client *c)
{
    ssize_t n = recv(c->fd, c->line + c->line_used, sizeof c->line - 1 - c->line_used, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(c);
        return 1;
    }
    if (n > 0)
        c->line_used += (size_t)n;
    return n > 0;
}

static void refuse_long_line(struct client *c)
{
    struct ops_request r = {.out = &c->answer};
    ops_fail(&r, "too_long", "a request has at most %d bytes", OPS_LINE_MAX - 1);
    end_line(c, &r);
    c->refused = true;
}

/* The line that ends at `end`; what stands behind it is the next one's. */
static unsigned take_request(struct ops *o, struct client *c, char *end, uint64_t now_ns)
{
    *end = 0;
    answer(o, c, c->line, now_ns);
    size_t used = (size_t)(end + 1 - c->line);
    memmove(c->line, end + 1, c->line_used - used);
    c->line_used -= used;
    c->moved_ns = now_ns;
    if (c->job.running)
        return 1;
    if (c->answer.used > OPS_ANSWER_MAX) {
        drop(c);
        return 1;
    }
    return 1 + flush(o, c, now_ns);
}

static unsigned serve(struct ops *o, struct client *c, uint64_t now_ns)
{
    if (c->job.running)
        return serve_job(o, c, now_ns);
    if (c->going.step)
        return serve_steps(o, c, now_ns);
    if (c->answer.used) /* one request at a time: the next is read when the answer has gone */
        return flush(o, c, now_ns);
    unsigned work = read_line(c);
    if (c->fd < 0)
        return work;
    char *end = memchr(c->line, '\n', c->line_used);
    if (end)
        return take_request(o, c, end, now_ns);
    if (c->line_used == sizeof c->line - 1)
        refuse_long_line(c);
    return work;
}

/* All of them, but of those in steps so many; the next poll begins with the first that was left out. */
static unsigned serve_all(struct ops *o, uint64_t now_ns)
{
    unsigned work = 0, steps = 0, left_out = 0, turn = o->turn;
    o->turn = 0;
    for (unsigned n = 0; n < OPS_CONNECTIONS_MAX; n++) {
        unsigned i = (turn + n) % OPS_CONNECTIONS_MAX;
        struct client *c = &o->clients[i];
        bool in_steps = !c->job.running && c->going.step;
        if (c->fd < 0)
            continue;
        if (in_steps && steps == STEPS_PER_POLL) {
            o->turn = left_out++ ? o->turn : i;
            continue;
        }
        steps += in_steps;
        work += serve(o, c, now_ns);
    }
    return work;
}

static void look_idle(struct ops *o, uint64_t now_ns)
{
    struct ops_alive *a = &o->desk.idle_look;
    if (!o->desk.stop_when_idle || now_ns < o->desk.idle_look_ns)
        return;
    bool counted = ops_count_alive(o->config.node, a);
    if (counted && !a->rfqs && !a->orders)
        o->desk.stop_asked = true;
    if (!counted && !a->rfqs && !a->orders)
        return; /* the rest of it in the next poll */
    *a = (struct ops_alive){0};
    o->desk.idle_look_ns = now_ns + IDLE_INTERVAL_NS;
}

/* Asked by nobody at the socket
 * --------------------------------------------------------------------------------------------- */

static bool is_reloading(const struct ops *o)
{
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        if (o->clients[i].job.running && o->clients[i].job.command->run == ops_config_reload)
            return true;
    return atomic_load(&o->desk.reloading);
}

/* A client of our own, which asks once: its answer goes the way of every answer. */
static void begin_reload(struct ops *o, uint64_t now_ns)
{
    char line[] = "config reload";
    int pair[2];
    struct client *c = NULL;
    o->reload_asked = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
        o->own = pair[0];
        shutdown(o->own, SHUT_WR);
        c = admit(o, pair[1], now_ns);
    }
    if (c) {
        c->own = true;
        answer(o, c, line, now_ns);
    } else {
        journal_say(o->config.journal, JOURNAL_WARNING, "config_refused",
                    journal_text("file", o->config.config_path),
                    journal_text("why", "no connection to the ops control socket could be had"));
    }
}

/* The journal has what it says. */
static void read_own(struct ops *o)
{
    char text[OPS_LINE_MAX];
    ssize_t n = recv(o->own, text, sizeof text, MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    close(o->own);
    o->own = -1;
}

void ops_reload(struct ops *o)
{
    o->reload_asked = true;
}

unsigned ops_poll(struct ops *o, uint64_t now_ns)
{
    if (now_ns < o->next_ns)
        return 0;
    o->next_ns = now_ns + POLL_INTERVAL_NS;
    unsigned work = 0;
    int fd;
    if (o->own >= 0)
        read_own(o);
    else if (o->reload_asked && !is_reloading(o))
        begin_reload(o, now_ns);
    while ((fd = accept4(o->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        admit(o, fd, now_ns);
        work++;
    }
    work += serve_all(o, now_ns);
    look_idle(o, now_ns);
    return work;
}

void ops_show_cores(struct ops *o, const struct core *cores, unsigned count)
{
    o->desk.cores = cores;
    o->desk.core_count = count;
}

bool ops_stop_asked(const struct ops *o)
{
    return o->desk.stop_asked;
}

enum err ops_create(struct ops **out, const struct ops_config *c)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct ops *o = *out = calloc(1, sizeof *o);
    if (!o)
        return ERR_MEMORY;
    o->config = *c;
    o->own = -1;
    jobs_init(&o->jobs, c->counters);
    for (unsigned i = 0; i < OPS_CONNECTIONS_MAX; i++)
        o->clients[i].fd = -1;
    o->requests = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_requests_total", "");
    o->failures = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_failures_total", "");
    o->forbidden = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_refused_total", "reason=\"forbidden\"");
    o->below = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_refused_total", "reason=\"level\"");
    o->full = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_refused_total", "reason=\"connections\"");
    o->stalled = counter_new(c->counters, COUNTER_TOTAL, "rfqd_ops_stalled_total", "");
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
        if (c->job.running) {
            job_end(&o->jobs, &c->job);
            tell(c, &o->config, "unanswered", "rfqd has stopped");
            if (c->job.request.end)
                c->job.request.end(&c->job.request);
        }
        c->going.finishes = false;
        drop(c);
    }
    if (o->own >= 0)
        close(o->own);
    if (o->listener >= 0) {
        close(o->listener);
        unlink(o->config.path);
    }
    config_free(o->desk.config);
    free(o);
}
