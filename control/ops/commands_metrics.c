/* Commands that show measurements for machines. */
#include "control/metrics/metrics.h"
#include "control/ops/commands.h"

/* The text as `GET /metrics` would have it, in one object. */
void ops_metrics(struct ops_request *r)
{
    struct buffer b = {0};
    if (metrics_render(r->config->metrics, &b) == OK) {
        json_open(r->out, NULL, '{');
        json_chars(r->out, "text", b.text, b.used);
        json_close(r->out, '}');
        json_line(r->out);
    } else {
        ops_fail(r, "memory", "there is no memory for the answer");
    }
    buffer_free(&b);
}
