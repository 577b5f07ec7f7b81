/* Which route a target names, and what its path and query say. */
#include <ctype.h>
#include <string.h>

#include "control/web/inside.h"

static int hex(char x)
{
    if (x >= '0' && x <= '9')
        return x - '0';
    x = (char)tolower((unsigned char)x);
    return x >= 'a' && x <= 'f' ? x - 'a' + 10 : -1;
}

/* Percent decoding up to `end`. plus: a plus is a blank. */
static enum web_query decode(const char *from, const char *end, bool plus, char *out, size_t size)
{
    size_t used = 0;
    while (from < end) {
        char x = *from++;
        if (x == '%') {
            int high = from < end ? hex(from[0]) : -1, low = from + 1 < end ? hex(from[1]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return WEB_QUERY_BAD;
            x = (char)(high << 4 | low);
            from += 2;
        } else if (x == '+' && plus) {
            x = ' ';
        }
        if (used + 1 >= size)
            return WEB_QUERY_LONG;
        out[used++] = x;
    }
    out[used] = 0;
    return WEB_QUERY_VALUE;
}

static bool match(struct web_request *c, const char *pattern, const char *path)
{
    c->param_count = 0;
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *end = path + strcspn(path, "/");
        if (end == path || c->param_count == WEB_PARAMS_MAX ||
            decode(path, end, false, c->params[c->param_count++], WEB_PARAM_SIZE) != WEB_QUERY_VALUE)
            return false;
        path = end;
        pattern = strchr(pattern, '}') + 1;
    }
    return !*pattern && !*path;
}

const struct web_route *route_find(struct web_request *c, enum web_method method, unsigned *allowed)
{
    if (!c->query) {
        char *mark = strchr(c->head, '?');
        if (mark) {
            *mark = 0;
            c->query = mark + 1;
        }
    }
    *allowed = 0;
    for (unsigned i = 0; i < c->web->config.route_count; i++) {
        const struct web_route *r = &c->web->config.routes[i];
        if (!match(c, r->path, c->head))
            continue;
        if (r->method == method)
            return r;
        *allowed |= 1u << r->method;
    }
    return NULL;
}

const char *web_header(const struct web_request *r, const char *name)
{
    for (unsigned i = 0; i < r->header_count; i++)
        if (strcmp(r->head + r->headers[i].name, name) == 0)
            return r->head + r->headers[i].value;
    return NULL;
}

const char *web_param(const struct web_request *r, unsigned n)
{
    return n < r->param_count ? r->params[n] : "";
}

enum web_query web_query(const struct web_request *r, const char *name, char *out, size_t size)
{
    size_t name_size = strlen(name);
    out[0] = 0;
    for (const char *at = r->query; at && *at;) {
        const char *end = at + strcspn(at, "&");
        size_t length = strcspn(at, "=&");
        if (length == name_size && memcmp(at, name, name_size) == 0) {
            enum web_query found =
                at[length] == '=' ? decode(at + length + 1, end, true, out, size) : WEB_QUERY_BAD;
            if (found != WEB_QUERY_VALUE)
                out[0] = 0;
            return found;
        }
        at = *end ? end + 1 : end;
    }
    return WEB_QUERY_NONE;
}

bool web_query_other(const struct web_request *r, const char *const *known, char *out, size_t size)
{
    uint64_t seen = 0;
    for (const char *at = r->query; at && *at;) {
        size_t length = strcspn(at, "=&");
        unsigned i = 0;
        while (known[i] && (strlen(known[i]) != length || memcmp(known[i], at, length) != 0))
            i++;
        if (length > 0 && (!known[i] || seen & 1ull << i)) {
            size_t copied = length < size - 1 ? length : size - 1;
            memcpy(out, at, copied);
            out[copied] = 0;
            return true;
        }
        seen |= 1ull << i;
        at += strcspn(at, "&");
        at += *at == '&';
    }
    return false;
}
