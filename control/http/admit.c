/* Who asks, and whether they may, and how often; and what a page of another origin may read. */
#include <string.h>
#include <strings.h>

#include "control/http/inside.h"

#define SECOND_NS 1000000000ull

/* The token
 * -------------------------------------------------------------------------------------------------------- */

static bool unauthorized(struct web_request *r, const char *challenge, const char *why)
{
    http_count(r, HTTP_REFUSED_TOKEN);
    web_add_header(r, "WWW-Authenticate", challenge);
    web_problem(r, 401, "unauthorized", "%s", why);
    return false;
}

static bool take_token(struct web_request *r)
{
    const char *header = web_header(r, "authorization"), *why;
    if (!header)
        return unauthorized(r, "Bearer", "a bearer token is wanted");
    if (strncasecmp(header, "Bearer ", 7) != 0)
        return unauthorized(r, "Bearer", "Authorization takes a bearer token");
    const char *token = header + 7 + strspn(header + 7, " ");
    if (auth_token(http_of(r)->auth, token, web_now_ns(r), &http_kept(r)->who, &why) != OK)
        return unauthorized(r, "Bearer error=\"invalid_token\"", why);
    return true;
}

/* The rate: each request costs a part of a second; as much as HTTP_BURST seconds may be owed.
 * -------------------------------------------------------------------------------------------------------- */

static bool within_rate(struct web_request *r)
{
    const struct http *h = http_of(r);
    const struct principal *p = http_principal(r);
    uint64_t *paid_ns = &h->users[p->user - h->config->users].paid_ns, now_ns = web_now_ns(r);
    uint64_t cost_ns = SECOND_NS / h->config->http_requests_per_s_max;
    uint64_t from_ns = *paid_ns > now_ns ? *paid_ns : now_ns;
    if (from_ns + cost_ns <= now_ns + HTTP_BURST * SECOND_NS) {
        *paid_ns = from_ns + cost_ns;
        return true;
    }
    http_count(r, HTTP_REFUSED_RATE);
    web_add_header(r, "Retry-After", "1");
    web_problem(r, 429, "rate_limit", "more than %llu requests a second",
                (unsigned long long)h->config->http_requests_per_s_max);
    return false;
}

bool http_admit(struct web_request *r)
{
    const struct web_route *route = web_route_of(r);
    enum http_access access = (enum http_access)route->tag;
    counter_add(http_of(r)->requests[route - http_routes], 1);
    if (access == HTTP_OPEN)
        return true;
    if (!take_token(r) || !within_rate(r))
        return false;
    const struct principal *p = http_principal(r);
    bool may = access == HTTP_USER || (access == HTTP_TRADES && principal_may_trade(p)) ||
               (access == HTTP_OPS && p->roles & (USER_OPS | USER_ADMIN));
    if (!may) {
        http_count(r, HTTP_REFUSED_ROLE);
        web_problem(r, 403, "forbidden", "%s is needed",
                    access == HTTP_OPS ? "role ops or admin" : "role trader, manager or admin");
    }
    return may;
}

/* Pages of other origins
 * -------------------------------------------------------------------------------------------------------- */

static bool is_listed(const char *list, const char *origin)
{
    size_t size = strlen(origin);
    while (*list) {
        list += strspn(list, " ");
        size_t length = strcspn(list, " ");
        if (length == size && size > 0 && strncasecmp(list, origin, size) == 0)
            return true;
        list += length;
    }
    return false;
}

void http_decorate(struct web_request *r, const char *methods)
{
    const char *origins = http_of(r)->config->http_origins, *origin = web_header(r, "origin");
    if (!*origins)
        return;
    web_add_header(r, "Vary", "Origin");
    if (!origin || !is_listed(origins, origin))
        return;
    web_add_header(r, "Access-Control-Allow-Origin", origin);
    if (methods) {
        web_add_header(r, "Access-Control-Allow-Methods", methods);
        web_add_header(r, "Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Idempotency-Key, If-None-Match");
        web_add_header(r, "Access-Control-Max-Age", "600");
    } else {
        web_add_header(r, "Access-Control-Expose-Headers",
                       "ETag, Location, Retry-After, Idempotency-Replayed");
    }
}
