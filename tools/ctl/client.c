#include "tools/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE 65536u

static enum ctl_result unreachable(struct client *c, const char *path, int cause)
{
    const char *remedy =
        cause == ENOENT         ? "is rfqd running? name its socket with --socket PATH, --dir DIR or "
                                  "RFQD_SOCKET; tools/demo starts one"
        : cause == ECONNREFUSED ? "the socket is left over from an rfqd that has ended; start it again"
        : cause == EACCES       ? "become root, the user rfqd runs as, or a member of its group"
                                : "see that rfqd runs and that the path is its ops_socket";
    snprintf(c->error, sizeof c->error, "cannot reach rfqd at %s: %s; %s", path, strerror(cause), remedy);
    return cause == EACCES || cause == EPERM ? CTL_FORBIDDEN : CTL_UNREACHABLE;
}

enum ctl_result client_open(struct client *c, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    memset(c, 0, sizeof *c);
    c->fd = -1;
    if (strlen(path) >= sizeof at.sun_path)
        return unreachable(c, path, ENAMETOOLONG);
    strcpy(at.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at) != 0) {
        int cause = errno;
        client_close(c);
        return unreachable(c, path, cause);
    }
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return CTL_FINE;
}

void client_be_patient(struct client *c)
{
    struct timeval never = {0};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never);
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->buffer);
    c->buffer = NULL;
    c->fd = -1;
}

static enum ctl_result broken(struct client *c, const char *how)
{
    snprintf(c->error, sizeof c->error, "rfqd %s; its own messages say why: look at its log", how);
    return CTL_UNREACHABLE;
}

/* The next line, ended by a zero instead of its newline; NULL: the connection is of no use any more. */
static char *next_line(struct client *c, size_t *size)
{
    for (size_t seen = c->taken;;) {
        char *end = c->used > seen ? memchr(c->buffer + seen, '\n', c->used - seen) : NULL;
        if (end) {
            char *line = c->buffer + c->taken;
            *end = 0;
            *size = (size_t)(end - line);
            c->taken += *size + 1;
            return line;
        }
        if (c->taken) {
            memmove(c->buffer, c->buffer + c->taken, c->used - c->taken);
            c->used -= c->taken;
            c->taken = 0;
        }
        seen = c->used;
        if (c->capacity - c->used < READ_SIZE) {
            c->capacity = 2 * c->capacity + 2 * READ_SIZE;
            c->buffer = realloc(c->buffer, c->capacity);
            if (!c->buffer)
                exit(CTL_FAILED);
        }
        ssize_t n = recv(c->fd, c->buffer + c->used, READ_SIZE, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            broken(c, n == 0 ? "closed the connection in the middle of its answer" : "does not answer");
            return NULL;
        }
        c->used += (size_t)n;
    }
}

/* The last line: {"end":true} or {"end":true,"error":"…","code":"…"}. */
static enum ctl_result finish(struct client *c, const char *line)
{
    struct json_object *end = json_tokener_parse(line), *error, *code;
    enum ctl_result result = CTL_FINE;
    if (!end)
        return broken(c, "ended its answer with what is no JSON");
    if (json_object_object_get_ex(end, "error", &error)) {
        snprintf(c->error, sizeof c->error, "%s", json_object_get_string(error));
        if (json_object_object_get_ex(end, "code", &code))
            snprintf(c->code, sizeof c->code, "%s", json_object_get_string(code));
        bool forbidden = strcmp(c->code, "forbidden") == 0 || strcmp(c->code, "level") == 0;
        result = forbidden ? CTL_FORBIDDEN : CTL_FAILED;
    }
    json_object_put(end);
    return result;
}

enum ctl_result client_ask(struct client *c, const char *request,
                           void (*line)(void *ctx, char *text, size_t size), void *ctx)
{
    static const char last[] = "{\"end\":true";
    char text[CLIENT_REQUEST_MAX + 2];
    size_t size = strlen(request), sent = 0;
    c->error[0] = c->code[0] = 0;
    if (size > CLIENT_REQUEST_MAX || strchr(request, '\n')) {
        snprintf(c->error, sizeof c->error, "a request is one line of at most %d characters",
                 CLIENT_REQUEST_MAX);
        return CTL_USAGE;
    }
    memcpy(text, request, size);
    text[size++] = '\n';
    while (sent < size) {
        ssize_t n = send(c->fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* refused before we asked: what it says is there to be read */
        sent += (size_t)n;
    }
    char *at;
    while ((at = next_line(c, &size)) != NULL) {
        if (strncmp(at, last, sizeof last - 1) == 0)
            return finish(c, at);
        line(ctx, at, size);
    }
    return CTL_UNREACHABLE;
}

struct collected {
    struct rows *rows;
    bool bad;
};

static void collect(void *ctx, char *text, size_t size)
{
    struct collected *to = ctx;
    struct rows *r = to->rows;
    (void)size;
    struct json_object *row = json_tokener_parse(text);
    if (!row) {
        to->bad = true;
        return;
    }
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 64;
        r->row = realloc(r->row, r->capacity * sizeof *r->row);
        if (!r->row)
            exit(CTL_FAILED);
    }
    r->row[r->count++] = row;
}

enum ctl_result client_rows(struct client *c, const char *request, struct rows *out)
{
    struct collected to = {.rows = out};
    memset(out, 0, sizeof *out);
    enum ctl_result result = client_ask(c, request, collect, &to);
    return result == CTL_FINE && to.bad ? broken(c, "answered with what is no JSON") : result;
}

void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        json_object_put(r->row[i]);
    free(r->row);
    memset(r, 0, sizeof *r);
}
