/* Everything there is to watch, as Prometheus text. */
#include "control/http/inside.h"

void http_metrics(struct web_request *r)
{
    struct buffer text = {0};
    if (metrics_render(http_of(r)->metrics, &text) == OK)
        web_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", text.text, text.used);
    else
        http_failed(r, ERR_MEMORY, NULL);
    buffer_free(&text);
}
