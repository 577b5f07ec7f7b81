/* Commands that show measurements for machines. */
#include <stdlib.h>

#include "control/metrics/metrics.h"
#include "control/ops/commands.h"

#define BYTES_PER_STEP (64u * 1024u) /* of the text */

struct showing {
    struct metrics_walk walk;
    struct buffer part;
    bool begun;
};

/* The text as `GET /metrics` would have it, in one object. */
static bool metrics_step(struct ops_request *r)
{
    struct showing *x = r->going;
    if (!x->begun) {
        json_open(r->out, NULL, '{');
        json_text_open(r->out, "text");
        x->begun = true;
    }
    x->part.used = 0;
    bool is_last = metrics_render_part(r->config->metrics, &x->walk, &x->part, BYTES_PER_STEP);
    json_text_add(r->out, x->part.text, x->part.used);
    r->out->failed |= x->part.failed; /* what has been sent cannot be taken back: the client is closed */
    if (is_last) {
        json_text_close(r->out);
        json_close(r->out, '}');
        json_line(r->out);
    }
    return is_last;
}

static void metrics_end(struct ops_request *r)
{
    struct showing *x = r->going;
    buffer_free(&x->part);
    free(x);
}

void ops_metrics(struct ops_request *r)
{
    struct showing *x = calloc(1, sizeof *x);
    if (!x) {
        ops_fail(r, "memory", "there is no memory for the answer");
        return;
    }
    r->going = x;
    r->step = metrics_step;
    r->end = metrics_end;
}
