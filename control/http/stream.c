/* Answers that take more than one poll: how many there may be, and how much of a poll each gets. */
#include "control/http/inside.h"

static unsigned *of_user(const struct http_stream *s)
{
    return &s->http->users[s->who.user - s->http->config->users].streams;
}

void http_full_streams(struct web_request *r)
{
    http_count(r, HTTP_REFUSED_STREAMS);
    web_add_header(r, "Retry-After", "1");
    web_problem(r, 503, "too_many_streams", "too many replays are under way");
}

bool http_stream_begin(struct web_request *r, struct http_stream *s)
{
    struct http *h = http_of(r);
    *s = (struct http_stream){h, *http_principal(r)};
    bool too_many = h->streams >= HTTP_STREAMS_MAX, too_many_own = *of_user(s) >= HTTP_STREAMS_PER_USER;
    if (!too_many && !too_many_own) {
        h->streams++;
        ++*of_user(s);
        return true;
    }
    if (!too_many_own) {
        http_full_streams(r);
        return false;
    }
    http_count(r, HTTP_REFUSED_STREAMS);
    web_add_header(r, "Retry-After", "1");
    web_problem(r, 429, "too_many_streams", "%u replays of this user are under way", HTTP_STREAMS_PER_USER);
    return false;
}

void http_stream_end(struct http_stream *s)
{
    s->http->streams--;
    --*of_user(s);
}

unsigned http_stream_share(const struct http *h, unsigned whole)
{
    return h->streams > 1 ? whole / h->streams : whole;
}
