/* The API's own state: what it keeps of users and commands, and its counters. */
#include <stdio.h>
#include <stdlib.h>

#include "control/http/inside.h"

static void name_counters(struct http *h)
{
    static const char *const reasons[HTTP_REFUSALS] = {
        [HTTP_REFUSED_TOKEN] = "token",         [HTTP_REFUSED_ROLE] = "role",
        [HTTP_REFUSED_RATE] = "rate",           [HTTP_REFUSED_MEDIA_TYPE] = "media_type",
        [HTTP_REFUSED_BODY] = "body",           [HTTP_REFUSED_KEY] = "idempotency_key",
        [HTTP_REFUSED_PARAMETER] = "parameter", [HTTP_REFUSED_STREAMS] = "streams"};
    char label[COUNTER_LABEL_SIZE];
    for (unsigned i = 0; i < HTTP_REFUSALS; i++) {
        snprintf(label, sizeof label, "reason=\"%s\"", reasons[i]);
        h->refused[i] = counter_new(h->counters, COUNTER_TOTAL, "rfqd_api_refused_total", label);
    }
    h->rows = counter_new(h->counters, COUNTER_TOTAL, "rfqd_api_rows_total", "");
    h->put_off = counter_new(h->counters, COUNTER_TOTAL, "rfqd_api_put_off_total", "");
    for (unsigned i = 0; i < http_route_count; i++) {
        snprintf(label, sizeof label, "method=\"%s\",path=\"%s\"", web_method_name(http_routes[i].method),
                 http_routes[i].path);
        h->requests[i] = counter_new(h->counters, COUNTER_TOTAL, "rfqd_api_requests_total", label);
    }
}

enum err http_open(struct http *h)
{
    h->users = calloc(h->config->user_count + 1, sizeof *h->users);
    h->requests = calloc(http_route_count, sizeof *h->requests);
    h->pending = calloc(CLIENT_WAITING_MAX, sizeof *h->pending);
    if (!h->users || !h->requests || !h->pending) {
        http_close(h);
        return ERR_MEMORY;
    }
    for (unsigned i = 0; i < CLIENT_WAITING_MAX; i++) {
        h->pending[i].http = h;
        h->pending[i].next_free = h->free_pending;
        h->free_pending = &h->pending[i];
    }
    name_counters(h);
    return OK;
}

void http_close(struct http *h)
{
    free(h->users);
    free(h->requests);
    free(h->pending);
    buffer_free(&h->metrics_text);
    h->users = NULL;
    h->requests = NULL;
    h->pending = h->free_pending = NULL;
}
