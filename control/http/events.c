/* Events of the past, by seq or time, one JSON object a line (spec/80, «Event contract»). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/inside.h"

#define TYPES_SIZE 512u

/* One replay: from where, up to where, and what of it. */
struct replay {
    struct http_stream stream;
    struct feed_reader *reader;
    uint64_t from_seq, to_seq; /* inclusive */
    uint64_t from_ns, to_ns;
    uint64_t rfq;
    char types[TYPES_SIZE]; /* ",rfq.published,order.filled,"; empty: all */
    bool is_behind;         /* past the end of what was asked for */
};

/* Is it asked for, and may it be seen? What is of no RFQ is for operators. */
static bool is_named(const char *types, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = types; (at = strstr(at, name)); at += size)
        if (at > types && at[-1] == ',' && at[size] == ',')
            return true;
    return false;
}

static bool may_see(const struct replay *p, const struct feed_event *e)
{
    if (e->owner_unknown)
        return true; /* it may be: the replay is not whole without it */
    if (e->rfq)
        return principal_may_see(p->stream.http->auth, &p->stream.who, e->owner.tenant, e->owner.taker);
    return principal_sees_all(&p->stream.who) && e->owner.tenant == p->stream.who.tenant;
}

/* Behind it, nothing of that time comes any more; before it, nothing has come yet. */
static uint64_t later(uint64_t ns)
{
    return ns < UINT64_MAX - HTTP_TIME_MARGIN_NS ? ns + HTTP_TIME_MARGIN_NS : UINT64_MAX;
}

static uint64_t earlier(uint64_t ns)
{
    if (ns == 0) /* none was given: from the begin of what is kept */
        return 0;
    return ns > HTTP_TIME_MARGIN_NS ? ns - HTTP_TIME_MARGIN_NS : 1;
}

static bool wants(void *ctx, const struct feed_event *e)
{
    struct replay *p = ctx;
    p->is_behind |= e->seq > p->to_seq || e->time_ns > later(p->to_ns);
    return e->seq >= p->from_seq && e->seq <= p->to_seq && e->time_ns >= p->from_ns &&
           e->time_ns <= p->to_ns && (!p->rfq || e->rfq == p->rfq) &&
           (!*p->types || is_named(p->types, e->name)) && may_see(p, e);
}

static void end(struct replay *p)
{
    http_stream_end(&p->stream);
    feed_reader_close(p->reader);
    free(p);
}

static bool some(struct web_request *r, void *ctx)
{
    struct replay *p = ctx;
    struct feed_event e;
    enum feed_reading how = FEED_GOES_ON;
    enum err err = OK;
    unsigned left = http_stream_share(p->stream.http, HTTP_STREAM_BYTES);
    unsigned frames = http_stream_share(p->stream.http, HTTP_STREAM_FRAMES);
    bool has_expired = r && web_now_ns(r) >= p->stream.who.expires_ns, is_over = !r || has_expired;
    for (; !is_over && how != FEED_WAITS && frames > 0 && left > 0; frames--) {
        if (feed_read(p->reader, 1, wants, p, &e, &how, &err)) {
            web_stream_write(r, e.text, e.size);
            web_stream_write(r, "\n", 1);
            left -= e.size < left ? (unsigned)e.size : left;
        }
        is_over = how == FEED_END || err != OK || p->is_behind;
    }
    if (!is_over && how == FEED_WAITS)
        web_stream_wait(r);
    if (has_expired || err != OK)
        web_stream_abort(r);
    if (is_over)
        end(p);
    return !is_over;
}

/* What is asked
 * -------------------------------------------------------------------------------------------------------- */

/* A number is a seq, anything else a time. */
static bool take_place(struct web_request *r, const char *name, uint64_t *seq, uint64_t *ns)
{
    char text[40];
    if (!http_query_text(r, name, text, sizeof text))
        return false;
    if (*text && text[strspn(text, "0123456789")] == 0)
        return http_query_number(r, name, 0, UINT64_MAX / 2, seq);
    if (*text && !body_time(text, ns))
        return http_bad_parameter(r, name, "a seq, or a time such as 2026-01-31T12:00:00Z");
    *ns += *text && *ns == 0; /* which stands for one that was not given; this one is as early */
    return true;
}

static bool take_types(struct web_request *r, char types[TYPES_SIZE])
{
    char text[TYPES_SIZE - 2];
    if (!http_query_text(r, "type", text, sizeof text))
        return false;
    types[0] = 0;
    if (*text)
        snprintf(types, TYPES_SIZE, ",%s,", text);
    for (char *rest = text, *one; (one = strsep(&rest, ",")) && *types;)
        if (!feed_has_event(FEED_CONTRACT, one))
            return http_bad_parameter(r, "type", "some types of events, separated by commas");
    return true;
}

static bool take_query(struct web_request *r, struct replay *p, uint64_t *since)
{
    static const char *const known[] = {"from", "to", "since", "type", "rfqId", NULL};
    p->to_seq = p->to_ns = UINT64_MAX;
    return http_query_known(r, known) && take_place(r, "from", &p->from_seq, &p->from_ns) &&
           take_place(r, "to", &p->to_seq, &p->to_ns) &&
           http_query_number(r, "since", 0, UINT64_MAX / 2, since) && take_types(r, p->types) &&
           http_query_name(r, "rfqId", 'R', &p->rfq);
}

/* From the earliest place that can have any of it. */
static enum err open_reader(struct replay *p, uint64_t since)
{
    struct feed *f = p->stream.http->feed;
    if (p->from_seq > since + 1)
        since = p->from_seq - 1;
    else
        p->from_seq = since + 1;
    if (since > 0)
        return feed_reader_open(&p->reader, f, FEED_CONTRACT, since);
    return feed_reader_open_at(&p->reader, f, FEED_CONTRACT, earlier(p->from_ns));
}

static void refuse_place(struct web_request *r, enum err e)
{
    if (e == ERR_NOT_FOUND)
        web_problem(r, 410, "past_retention", "the log does not reach back so far");
    else if (e == ERR_FULL)
        http_full_streams(r);
    else if (e == ERR_RANGE)
        http_bad_parameter(r, "since", "a seq that has been");
    else
        http_failed(r, e, NULL);
}

void http_events(struct web_request *r)
{
    uint64_t since = 0;
    struct replay *p = calloc(1, sizeof *p);
    if (!p) {
        http_failed(r, ERR_MEMORY, NULL);
        return;
    }
    if (!take_query(r, p, &since) || !http_stream_begin(r, &p->stream)) {
        free(p);
        return;
    }
    enum err e = open_reader(p, since);
    if (e != OK) {
        end(p);
        refuse_place(r, e);
        return;
    }
    web_stream(r, 200, HTTP_NDJSON, some, p);
}
