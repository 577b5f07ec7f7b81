/* Answers: heads, problem details, chunked streams, and what becomes of the connection afterwards. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/web/inside.h"
#include "dataplane/core/clock.h"
#include "dataplane/model/describe.h"

static const char *const method_names[WEB_METHODS] = {[WEB_GET] = "GET",
                                                      [WEB_POST] = "POST",
                                                      [WEB_PATCH] = "PATCH",
                                                      [WEB_PUT] = "PUT",
                                                      [WEB_DELETE] = "DELETE"};

const char *web_method_name(enum web_method m)
{
    return method_names[m];
}

const char *web_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {{101, "Switching Protocols"},
                 {200, "OK"},
                 {201, "Created"},
                 {202, "Accepted"},
                 {204, "No Content"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {417, "Expectation Failed"},
                 {422, "Unprocessable Content"},
                 {426, "Upgrade Required"},
                 {428, "Precondition Required"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"},
                 {505, "HTTP Version Not Supported"}};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

/* Head
 * -------------------------------------------------------------------------------------------------------------
 */

void web_add_header(struct web_request *r, const char *name, const char *value)
{
    int size = snprintf(r->extra + r->extra_used, sizeof r->extra - r->extra_used, "%s: %s\r\n", name, value);
    if (size > 0 && (size_t)size < sizeof r->extra - r->extra_used)
        r->extra_used += (uint32_t)size;
}

/* IMF-fixdate (RFC 9110). */
static void print_date(uint64_t now_ns, char out[40])
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock_civil c;
    clock_to_civil(now_ns, &c);
    snprintf(out, 40, "%s, %02u %s %04d %02u:%02u:%02u GMT", days[now_ns / 86400000000000ull % 7], c.day,
             months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* length −1: chunked; −2: none (101, 204, 304). A second answer to a request would be taken for the next
 * one's. */
static void write_head(struct web_request *r, unsigned status, const char *content_type, int64_t length)
{
    char head[768 + EXTRA_MAX], date[40];
    assert(r->state == CONN_SERVING && !r->gone);
    r->keep_alive = r->keep_alive && !r->web->draining;
    if (r->web->config.decorate && status != 101)
        r->web->config.decorate(r, r->methods);
    print_date(r->web->now_ns, date);
    int used =
        snprintf(head, sizeof head, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status, web_status_text(status), date);
    if (content_type)
        used += snprintf(head + used, sizeof head - (size_t)used,
                         "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", content_type);
    if (length >= 0)
        used += snprintf(head + used, sizeof head - (size_t)used, "Content-Length: %" PRId64 "\r\n", length);
    else if (length == -1)
        used += snprintf(head + used, sizeof head - (size_t)used, "Transfer-Encoding: chunked\r\n");
    if (!r->keep_alive && status != 101)
        used += snprintf(head + used, sizeof head - (size_t)used, "Connection: close\r\n");
    memcpy(head + used, r->extra, r->extra_used);
    used += (int)r->extra_used;
    memcpy(head + used, "\r\n", 2);
    link_write(r, head, (size_t)used + 2, false);
    counter_add(r->web->answers[status / 100 < 6 ? status / 100 : 5], 1);
}

/* The request is done with: the next, or the end. */
void answer_ended(struct web_request *c)
{
    bool keep = c->keep_alive;
    link_forget_request(c);
    if (!keep) {
        link_close(c);
        return;
    }
    c->state = CONN_IDLE;
    c->deadline_ns = c->web->now_ns + c->web->config.idle_timeout_ns;
    if (c->waiting_used)
        link_ready(c);
}

void web_answer(struct web_request *r, unsigned status, const char *content_type, const void *body,
                size_t size)
{
    bool bodiless = status == 204 || status == 304;
    write_head(r, status, bodiless ? NULL : content_type, bodiless ? -2 : (int64_t)size);
    if (!r->is_head && !bodiless)
        link_write(r, body, size, false);
    answer_ended(r);
}

void web_problem(struct web_request *r, unsigned status, const char *code, const char *format, ...)
{
    /* A byte that is no text takes six: a peer's words are often in the detail. */
    char detail[512], quoted[6 * sizeof detail], body[sizeof quoted + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    describe_string(detail, strlen(detail), quoted, sizeof quoted);
    int size =
        snprintf(body, sizeof body,
                 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":\"%s\",\"detail\":%s}",
                 web_status_text(status), status, code, quoted);
    web_answer(r, status, "application/problem+json", body, (size_t)size);
}

/* Dispatch
 * ------------------------------------------------------------------------------------------------------ */

void answer_refusal(struct web_request *c)
{
    static const struct {
        unsigned status;
        const char *code, *detail;
    } what[WEB_REFUSALS] = {
        [REFUSED_BAD_REQUEST] = {400, "bad_request", "not a well-formed HTTP/1.1 request"},
        [REFUSED_TARGET] = {414, "target_too_long", "the request's target is longer than is taken"},
        [REFUSED_HEAD] = {431, "head_too_large", "the request's head is larger than is taken"},
        [REFUSED_BODY] = {413, "body_too_large", "the request's body is larger than is taken here"},
        [REFUSED_VERSION] = {505, "http_version", "HTTP/1.1 is spoken here"},
        [REFUSED_EXPECTATION] = {417, "expectation", "only 100-continue can be expected"},
        [REFUSED_HEAD_TIMEOUT] = {408, "head_timeout", "the request's head did not come in time"},
        [REFUSED_BODY_TIMEOUT] = {408, "body_timeout", "the request's body did not come in time"},
    };
    web_count_refusal(c->web, c->refused);
    c->keep_alive = false;
    c->header_count -= c->in_header; /* half of a header is none */
    web_problem(c, what[c->refused].status, what[c->refused].code, "%s", what[c->refused].detail);
}

/* As text; 0: no route has the path. */
static unsigned methods_of(struct web_request *c, char *list, size_t size)
{
    unsigned allowed = 0;
    route_find(c, WEB_METHODS, &allowed);
    for (unsigned m = 0, used = 0; m < WEB_METHODS; m++)
        if (allowed & 1u << m)
            used += (unsigned)snprintf(list + used, size - used, "%s%s", used ? ", " : "",
                                       m == WEB_GET ? "GET, HEAD" : method_names[m]);
    return allowed;
}

static void refuse_route(struct web_request *c)
{
    char list[64] = "";
    if (!methods_of(c, list, sizeof list)) {
        web_count_refusal(c->web, REFUSED_NOT_FOUND);
        web_problem(c, 404, "not_found", "there is nothing at %.200s", c->head);
    } else if (c->is_options) {
        c->methods = list;
        web_add_header(c, "Allow", list);
        web_answer(c, 204, NULL, NULL, 0);
    } else {
        web_count_refusal(c->web, REFUSED_METHOD);
        web_add_header(c, "Allow", list);
        web_problem(c, 405, "method_not_allowed", "%.200s takes %s", c->head, list);
    }
}

void answer_dispatch(struct web_request *c)
{
    const struct web_config *config = &c->web->config;
    if (!c->route)
        refuse_route(c);
    else if (!config->admit || config->admit(c))
        c->route->serve(c);
}

/* Later
 * ------------------------------------------------------------------------------------------------------------
 */

uint64_t web_hold(struct web_request *r)
{
    return (uint64_t)r->request_serial << 32 | r->index;
}

struct web_request *web_request_of(struct web *w, uint64_t handle)
{
    uint32_t index = (uint32_t)handle, serial = (uint32_t)(handle >> 32);
    if (index >= w->slots)
        return NULL;
    struct web_request *c = &w->conns[index];
    return c->state == CONN_SERVING && c->request_serial == serial && !c->gone ? c : NULL;
}

void web_again(struct web_request *r)
{
    r->is_put_off = true;
    link_ready(r);
}

uint64_t web_poll_number(const struct web_request *r)
{
    return r->web->polls;
}

/* Streams
 * ----------------------------------------------------------------------------------------------------------
 */

void web_stream(struct web_request *r, unsigned status, const char *content_type, web_source source,
                void *ctx)
{
    if (r->parser.http_minor == 0) /* it knows no chunks: the end of the connection is the end */
        r->keep_alive = false;
    write_head(r, status, content_type, r->parser.http_minor == 0 ? -2 : -1);
    r->state = CONN_STREAM;
    r->source = source;
    r->source_ctx = ctx;
    if (r->is_head) {
        r->source = NULL;
        source(NULL, ctx);
        answer_ended(r);
        return;
    }
    link_ready(r);
}

void web_stream_write(struct web_request *r, const void *bytes, size_t size)
{
    char line[24];
    if (size == 0)
        return;
    bool chunked = r->parser.http_minor != 0;
    if (chunked)
        link_write(r, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", size), false);
    link_write(r, bytes, size, false);
    if (chunked)
        link_write(r, "\r\n", 2, true);
}

void web_stream_wait(struct web_request *r)
{
    r->source_waits = true;
}

void web_stream_abort(struct web_request *r)
{
    r->source_failed = true;
    counter_add(r->web->aborted, 1);
}

bool answer_pump(struct web_request *c)
{
    if (link_unread(c) >= WEB_STREAM_BACKLOG) {
        link_ready(c);
        return false;
    }
    c->source_waits = false;
    if (c->source(c, c->source_ctx)) {
        link_ready(c);
        return !c->source_waits;
    }
    c->source = NULL;
    if (c->source_failed)
        c->keep_alive = false;
    else if (c->parser.http_minor != 0)
        link_write(c, "0\r\n\r\n", 5, true);
    answer_ended(c);
    return true;
}

/* Upgrade, and what routes ask
 * ------------------------------------------------------------------------------------------------------- */

uint64_t web_upgrade(struct web_request *r, const struct web_stream_ops *ops, void *ctx)
{
    web_add_header(r, "Connection", "Upgrade");
    write_head(r, 101, NULL, -2);
    link_forget_request(r);
    r->state = CONN_UPGRADED;
    r->deadline_ns = 0;
    r->stream = ops;
    r->stream_ctx = ctx;
    if (r->waiting_used)
        link_ready(r);
    return (uint64_t)r->serial << 32 | r->index;
}

void *web_app(const struct web_request *r)
{
    return r->web->config.app;
}

void *web_scratch(struct web_request *r)
{
    return r->scratch;
}

uint64_t web_now_ns(const struct web_request *r)
{
    return r->web->now_ns;
}

const struct web_route *web_route_of(const struct web_request *r)
{
    return r->route;
}

const char *web_body(const struct web_request *r, size_t *size)
{
    *size = r->body_used;
    return r->body ? r->body : "";
}

struct sockaddr_in web_peer(const struct web_request *r)
{
    return r->peer;
}
