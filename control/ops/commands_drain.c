/* Drain: no new RFQs. Distribution owns that flag: it is asked, records it, and every request is decided by
 * it from then on. A start takes RFQs again.
 */
#include <stdlib.h>

#include "control/ops/commands.h"

struct drain {
    enum engine_drain wanted;
    bool then_stop;
    uint64_t asked_ns, position;
    bool asked, answered, applied;
    struct ops_alive alive;
};

static void answer_out(struct ops_request *r, const struct drain *d)
{
    json_open(r->out, NULL, '{');
    json_flag(r->out, "draining", d->wanted == ENGINE_DRAIN_ON);
    json_flag(r->out, "then_stops", d->then_stop);
    json_uint(r->out, "rfqs_alive", d->alive.rfqs);
    json_uint(r->out, "orders_alive", d->alive.orders);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool drain_step(struct ops_request *r)
{
    struct drain *d = r->going;
    if (!d->asked)
        d->asked = ops_ask_engine(r, AGENT_DISTRIBUTION, &(struct engine_change){.drain = d->wanted});
    else if (!d->answered)
        d->answered = ops_engine_answered(r, AGENT_DISTRIBUTION, &d->position);
    if (!d->applied && d->answered && ops_applied(r, AGENT_DISTRIBUTION, d->position)) {
        d->applied = true;
        r->desk->stop_when_idle = d->then_stop;
        r->desk->idle_look = (struct ops_alive){0};
    }
    if (d->applied) {
        bool counted = ops_count_alive(r->config->node, &d->alive);
        if (counted)
            answer_out(r, d);
        return counted;
    }
    if (d->asked_ns + OPS_PATIENCE_NS > r->now_ns)
        return false;
    ops_fail(r, d->asked ? "timeout" : "busy",
             d->asked ? "distribution has not done it in 20 s; it may still do it"
                      : "distribution has had another change under way for 20 s");
    return true;
}

static void drain_end(struct ops_request *r)
{
    ops_asks_no_more(r);
    free(r->going);
}

static void drain_begin(struct ops_request *r, enum engine_drain wanted, bool then_stop)
{
    struct drain *d = calloc(1, sizeof *d);
    if (!d) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    *d = (struct drain){.wanted = wanted, .then_stop = then_stop, .asked_ns = r->now_ns};
    r->going = d;
    r->step = drain_step;
    r->end = drain_end;
    r->finishes = true;
}

void ops_drain(struct ops_request *r)
{
    drain_begin(r, ENGINE_DRAIN_ON, false);
}

void ops_drain_stop(struct ops_request *r)
{
    drain_begin(r, ENGINE_DRAIN_ON, true);
}

void ops_drain_off(struct ops_request *r)
{
    drain_begin(r, ENGINE_DRAIN_OFF, false);
}
