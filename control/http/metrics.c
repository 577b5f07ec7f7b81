/* Everything there is to watch, as Prometheus text. Anybody may ask, and it is a walk through all the state:
 * so it is rendered so often and no more. */
#include "control/http/inside.h"

void http_metrics(struct web_request *r)
{
    struct http *h = http_of(r);
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
