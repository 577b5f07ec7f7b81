/* From bytes to a request: llhttp says where things are, here they are kept, within limits. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/web/inside.h"

static struct web_request *of(llhttp_t *p)
{
    return p->data;
}

static int refuse(struct web_request *c, enum web_refusal r)
{
    if (!c->is_refused) {
        c->is_refused = true;
        c->refused = r;
    }
    return HPE_USER;
}

/* Into the head, with room for the zero that ends each part. */
static bool keep(struct web_request *c, const char *bytes, size_t size)
{
    if (c->head_used + size + 1 > WEB_HEAD_MAX)
        return false;
    memcpy(c->head + c->head_used, bytes, size);
    c->head_used += (uint32_t)size;
    return true;
}

static void end_part(struct web_request *c)
{
    c->head[c->head_used++] = 0;
}

static int on_url(llhttp_t *p, const char *at, size_t size)
{
    struct web_request *c = of(p);
    if (c->target_size + size > WEB_TARGET_MAX)
        return refuse(c, REFUSED_TARGET);
    if (!keep(c, at, size))
        return refuse(c, REFUSED_HEAD);
    c->target_size += (uint32_t)size;
    return 0;
}

static int on_url_complete(llhttp_t *p)
{
    end_part(of(p));
    return 0;
}

/* Trailers come behind a chunked body: nobody asked for them, and they may not pass for headers. */
static bool is_trailer(const struct web_request *c)
{
    return c->state == CONN_BODY;
}

static int pass_trailer(struct web_request *c, size_t size)
{
    c->trailer_size += size;
    return c->trailer_size > WEB_HEAD_MAX ? refuse(c, REFUSED_HEAD) : 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t size)
{
    struct web_request *c = of(p);
    if (is_trailer(c))
        return pass_trailer(c, size);
    if (c->header_count == 0 || c->in_value) {
        if (c->header_count == WEB_HEADERS_MAX)
            return refuse(c, REFUSED_HEAD);
        c->in_value = false;
        c->in_header = true;
        c->headers[c->header_count++].name = (uint16_t)c->head_used;
    }
    return keep(c, at, size) ? 0 : refuse(c, REFUSED_HEAD);
}

static int on_header_field_complete(llhttp_t *p)
{
    struct web_request *c = of(p);
    if (is_trailer(c))
        return 0;
    if (c->header_count == 0 || c->in_value || c->headers[c->header_count - 1].name == c->head_used)
        return refuse(c, REFUSED_BAD_REQUEST); /* no name before the colon */
    struct header *h = &c->headers[c->header_count - 1];
    for (char *at = c->head + h->name; at < c->head + c->head_used; at++)
        *at = (char)tolower((unsigned char)*at);
    end_part(c);
    h->value = (uint16_t)c->head_used;
    c->in_value = true;
    return 0;
}

static int on_header_value(llhttp_t *p, const char *at, size_t size)
{
    struct web_request *c = of(p);
    if (is_trailer(c))
        return pass_trailer(c, size);
    return keep(c, at, size) ? 0 : refuse(c, REFUSED_HEAD);
}

static int on_header_value_complete(llhttp_t *p)
{
    struct web_request *c = of(p);
    if (is_trailer(c))
        return 0;
    if (c->head_used >= WEB_HEAD_MAX)
        return refuse(c, REFUSED_HEAD);
    uint32_t begin = c->headers[c->header_count - 1].value;
    while (c->head_used > begin && (c->head[c->head_used - 1] == ' ' || c->head[c->head_used - 1] == '\t'))
        c->head_used--;
    c->in_header = false;
    end_part(c);
    return 0;
}

static uint32_t body_max(const struct web_request *c)
{
    return c->route && c->route->body_max ? c->route->body_max : WEB_BODY_MAX;
}

static unsigned count_headers(const struct web_request *c, const char *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->header_count; i++)
        count += strcmp(c->head + c->headers[i].name, name) == 0;
    return count;
}

static bool method_of(const llhttp_t *p, enum web_method *method, bool *is_head)
{
    *is_head = p->method == HTTP_HEAD;
    switch (p->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        *method = WEB_GET;
        return true;
    case HTTP_POST:
        *method = WEB_POST;
        return true;
    case HTTP_PATCH:
        *method = WEB_PATCH;
        return true;
    case HTTP_PUT:
        *method = WEB_PUT;
        return true;
    case HTTP_DELETE:
        *method = WEB_DELETE;
        return true;
    default:
        return false;
    }
}

/* The route is found before the body is read, so that it can say how much it takes. Where there is none, the
 * body is still read, within the usual limit: then the connection can go on. */
static int on_headers_complete(llhttp_t *p)
{
    struct web_request *c = of(p);
    enum web_method method;
    unsigned allowed = 0;
    if (p->http_major != 1 || p->http_minor > 1)
        return refuse(c, REFUSED_VERSION);
    if (p->http_minor == 1 && count_headers(c, "host") != 1)
        return refuse(c, REFUSED_BAD_REQUEST);
    if (c->head[0] != '/')
        return refuse(c, REFUSED_BAD_REQUEST);
    c->keep_alive = p->http_minor == 1 && llhttp_should_keep_alive(p);
    c->is_options = p->method == HTTP_OPTIONS;
    if (method_of(p, &method, &c->is_head))
        c->route = route_find(c, method, &allowed);
    else if (!c->is_options)
        c->keep_alive = false; /* what follows a CONNECT is no HTTP */
    const char *expect = web_header(c, "expect");
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return refuse(c, REFUSED_EXPECTATION);
    bool has_body = p->content_length > 0 || (p->flags & F_CHUNKED);
    if (p->flags & F_CONTENT_LENGTH && p->content_length > body_max(c))
        return refuse(c, REFUSED_BODY);
    c->state = CONN_BODY;
    c->deadline_ns = c->web->now_ns + c->web->config.body_timeout_ns;
    if (expect && has_body && p->http_minor == 1)
        link_write(c, "HTTP/1.1 100 Continue\r\n\r\n", 25, true);
    return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t size)
{
    struct web_request *c = of(p);
    if (c->body_used + size > body_max(c))
        return refuse(c, REFUSED_BODY);
    if (c->body_used + size > c->body_capacity) {
        size_t capacity = c->body_capacity ? 2 * c->body_capacity : 1024;
        while (capacity < c->body_used + size)
            capacity *= 2;
        char *grown = realloc(c->body, capacity + 1);
        if (!grown)
            return refuse(c, REFUSED_BODY);
        c->body = grown;
        c->body_capacity = capacity;
    }
    memcpy(c->body + c->body_used, at, size);
    c->body_used += size;
    c->body[c->body_used] = 0;
    return 0;
}

static int on_message_complete(llhttp_t *p)
{
    of(p)->complete = true;
    return HPE_PAUSED; /* what is behind it waits until this one is answered */
}

void parse_init(struct web *w)
{
    llhttp_settings_init(&w->settings);
    w->settings.on_url = on_url;
    w->settings.on_url_complete = on_url_complete;
    w->settings.on_header_field = on_header_field;
    w->settings.on_header_field_complete = on_header_field_complete;
    w->settings.on_header_value = on_header_value;
    w->settings.on_header_value_complete = on_header_value_complete;
    w->settings.on_headers_complete = on_headers_complete;
    w->settings.on_body = on_body;
    w->settings.on_message_complete = on_message_complete;
}

void parse_begin(struct web_request *c)
{
    llhttp_init(&c->parser, HTTP_REQUEST, &c->web->settings);
    c->parser.data = c;
    c->head = malloc(WEB_HEAD_MAX);
    c->head_used = c->target_size = 0;
    c->trailer_size = 0;
    c->line = LINE_BEFORE;
    c->in_header = false;
    c->header_count = 0;
    c->in_value = c->complete = c->is_refused = c->is_head = c->is_options = c->keep_alive = false;
    if (!c->head)
        refuse(c, REFUSED_HEAD);
    memset(c->scratch, 0, sizeof c->scratch);
}

/* Lines of the head, and what llhttp lets pass: one that goes on in the next (obsolete folding), one that
 * ends without CR. Another reader before us could take them for something else. True: neither is there. */
static bool check_lines(struct web_request *c, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && c->line != LINE_BEHIND; i++) {
        char x = bytes[i];
        switch (c->line) {
        case LINE_BEFORE: /* empty lines before the request */
            if (x != '\r' && x != '\n')
                c->line = LINE_INSIDE;
            break;
        case LINE_INSIDE:
            if (x == '\n')
                return false;
            if (x == '\r')
                c->line = LINE_CR;
            break;
        case LINE_CR:
        case LINE_LAST_CR:
            if (x != '\n')
                return false;
            c->line = c->line == LINE_CR ? LINE_BEGIN : LINE_BEHIND;
            break;
        case LINE_BEGIN:
            if (x == ' ' || x == '\t' || x == '\n')
                return false;
            c->line = x == '\r' ? LINE_LAST_CR : LINE_INSIDE;
            break;
        case LINE_BEHIND:
            break;
        }
    }
    return true;
}

size_t parse_some(struct web_request *c, const char *bytes, size_t size)
{
    if (!c->is_refused && !check_lines(c, bytes, size))
        refuse(c, REFUSED_BAD_REQUEST);
    if (c->is_refused)
        return size;
    llhttp_errno_t e = llhttp_execute(&c->parser, bytes, size);
    if (e == HPE_OK)
        return size;
    if (e == HPE_PAUSED_UPGRADE || (e == HPE_PAUSED && c->complete)) {
        c->complete = true;
        return (size_t)(llhttp_get_error_pos(&c->parser) - bytes);
    }
    if (e == HPE_INVALID_VERSION)
        refuse(c, REFUSED_VERSION);
    refuse(c, REFUSED_BAD_REQUEST); /* unless another reason was given */
    return size;
}

void parse_end(struct web_request *c)
{
    free(c->head);
    free(c->body);
    c->head = c->body = NULL;
    c->head_used = 0;
    c->header_count = 0;
    c->body_used = c->body_capacity = 0;
    c->complete = c->is_refused = false;
}
