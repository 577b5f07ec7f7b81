/* Everything there is to watch, as Prometheus text. Asking needs no token, and it is a walk through all the
 * state: so it is rendered so often and no more. */
#include "control/http/inside.h"

/* It names takers and LPs of every tenant, so it is nobody's by a token. */
static bool may_read(const struct http *h, const struct web_request *r)
{
    const struct sockaddr_in peer = web_peer(r);
    if (h->config->http_metrics == METRICS_FOR_HOST)
        return ntohl(peer.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return h->config->http_metrics == METRICS_FOR_ALL;
}

void http_metrics(struct web_request *r)
{
    struct http *h = http_of(r);
    if (!may_read(h, r)) {
        http_count(r, HTTP_REFUSED_ROLE);
        web_problem(r, 403, "forbidden", "metrics are not for this address (http.metrics)");
        return;
    }
    struct buffer *text = &h->metrics_text;
    uint64_t now_ns = web_now_ns(r);
    if (now_ns >= h->metrics_until_ns) {
        buffer_free(text);
        if (metrics_render(h->metrics, text) != OK) {
            http_failed(r, ERR_MEMORY, NULL);
            return;
        }
        h->metrics_until_ns = now_ns + HTTP_METRICS_NS;
    }
    web_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", text->text, text->used);
}
