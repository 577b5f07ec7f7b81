/* A new epoch of ids, and the settings where they differ. */
#include "dataplane/core/id.h"
#include "dataplane/engine/routing/order.h"

void routing_start(struct emit *e, const struct engine_setup *setup)
{
    struct engine_started *started = emit_begin(e, RECORD_ROUTING_STARTED, sizeof *started);
    started->epoch = e->state->marks.epoch + 1;
    assert(started->epoch <= ID_EPOCH_MAX);
    emit_end(e, started);
    /* At the first start they are in no record yet, though the state has them as its capacities. */
    if (table_count(routing_of(e)->settings) > 0 &&
        memcmp(routing_settings(routing_of(e)), &setup->settings, sizeof setup->settings) == 0)
        return;
    struct settings_set *settings = emit_begin(e, RECORD_ROUTING_SETTINGS_SET, sizeof *settings);
    settings->settings = setup->settings;
    emit_end(e, settings);
}
