/* The record after the run: the log from its first record, against the store and its timelines, and against
 * the live states (storage/verify.h), in the real entities and over every crash there was. */
#include "storage/verify.h"
#include "tests/sim/world.h"

static void differs(void *ctx, const struct verify_difference *d)
{
    world_wrong(ctx, "verify: %s %llu, log offset %llu: %s", d->table, (unsigned long long)d->id,
                (unsigned long long)d->log_offset, d->what);
}

static bool make_states(struct world *w, struct distribution_state **d, struct routing_state **r,
                        struct gateway_state **g)
{
    const struct settings *s = &w->config->settings;
    if (distribution_state_create(d, s, false, false, w->now_ns) == OK &&
        routing_state_create(r, s, false, false, w->now_ns) == OK &&
        gateway_state_create(g, AGENT_GATEWAY, false) == OK)
        return true;
    return world_wrong(w, "no memory to verify");
}

bool record_verify(struct world *w)
{
    struct distribution_state *d = NULL;
    struct routing_state *r = NULL;
    struct gateway_state *g = NULL;
    struct replica *replica = node_replica(w->node);
    const struct replica_config *c = replica_config(replica);
    struct verify_input in = {
        .store = w->store, .log = node_log(w->node), .live_offset = replica_offset(replica)};
    struct verify_report report;
    if (make_states(w, &d, &r, &g)) {
        in.states[AGENT_DISTRIBUTION] = &d->base;
        in.states[AGENT_ROUTING] = &r->base;
        in.states[AGENT_GATEWAY] = &g->base;
        in.live_digest[AGENT_DISTRIBUTION] = state_digest(&c->distribution->base);
        in.live_digest[AGENT_ROUTING] = state_digest(&c->routing->base);
        in.live_digest[AGENT_GATEWAY] = state_digest(&c->gateways[0]->base);
        if (verify_run(&in, &report, differs, w) != OK)
            world_wrong(w, "verify: %s", store_error());
        else if (!report.complete)
            world_wrong(w, "verify: it stopped at log offset %llu", (unsigned long long)report.end);
        else if (!report.from_start || !report.entities)
            world_wrong(w, "verify: it compared nothing");
    }
    if (d)
        d->base.destroy(&d->base);
    if (r)
        r->base.destroy(&r->base);
    if (g)
        g->base.destroy(&g->base);
    return !w->error[0];
}
