/* What the agent does while nothing comes: memory is asked for ahead, and the ways of a message in and out
 * are gone through with the last ones, for nobody. No record is made, no number used, nothing sent to a peer.
 */
#include "dataplane/gateway/inside.h"

static void ask_ahead(struct gateway *g)
{
    ring_ask_ahead(g->ring, GATEWAY_RING_AHEAD);
    lane_ask_ahead(g->config.order, GATEWAY_LANE_AHEAD);
    lane_ask_ahead(g->config.request, GATEWAY_LANE_AHEAD);
    lane_ask_ahead(g->config.quote, GATEWAY_LANE_AHEAD);
    for (uint32_t i = 0; i < g->channel_count && i < GATEWAY_SENT_WARM; i++) {
        g->warm_turn = g->warm_turn + 1 < g->channel_count ? g->warm_turn + 1 : 0;
        sent_ask_ahead(&g->channels[g->warm_turn].sent, GATEWAY_SENT_AHEAD);
    }
}

/* The last release once more, into a buffer that nobody reads. */
static void rehearse_out(struct gateway *g)
{
    const struct record *event = (const void *)g->body.event;
    struct channel *ch = g->body.size ? gateway_channel(g, event->session) : NULL;
    const struct translate_out_row *row = ch ? translate_out_row(event->type) : NULL;
    struct fix_encoder e;
    const char *bytes;
    size_t size;
    if (!row)
        return;
    fix_encode_begin(&e, &ch->fix.template, g->rehearsal, sizeof g->rehearsal, translate_out_type(row, event),
                     ch->durable->next_out, g->now_ns, 0);
    row->write(&e, event, g->body.precision);
    enum err unread = fix_encode_end(&e, &bytes, &size);
    (void)unread;
}

void gateway_warm(void *self, bool long_idle)
{
    struct gateway *g = self;
    ask_ahead(g);
    if (!long_idle)
        return;
    inbound_rehearse(g);
    rehearse_out(g);
    port_warm(g->port);
}
