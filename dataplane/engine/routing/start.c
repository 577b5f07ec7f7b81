/* A new epoch of ids, and the settings where they differ; and those that an operator changes. */
#include "dataplane/core/id.h"
#include "dataplane/engine/routing/order.h"

static void set_settings(struct emit *e, const struct settings *wanted)
{
    /* At the first start they are in no record yet, though the state has them as its capacities. */
    if (table_count(routing_of(e)->settings) > 0 &&
        memcmp(routing_settings(routing_of(e)), wanted, sizeof *wanted) == 0)
        return;
    struct settings_set *ev = emit_begin(e, RECORD_ROUTING_SETTINGS_SET, sizeof *ev);
    ev->settings = *wanted;
    emit_end(e, ev);
}

void routing_start(struct emit *e, const struct engine_setup *setup)
{
    struct engine_started *started = emit_begin(e, RECORD_ROUTING_STARTED, sizeof *started);
    started->epoch = e->state->marks.epoch + 1;
    assert(started->epoch <= ID_EPOCH_MAX);
    emit_end(e, started);
    set_settings(e, &setup->settings);
}

bool routing_change(struct emit *e, const struct engine_change *c, unsigned *next)
{
    (void)next; /* one record at most */
    if (c->settings)
        set_settings(e, c->settings);
    return true;
}
