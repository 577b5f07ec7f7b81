/* Outbound: event → the session's next number → GATEWAY_OUT → kept → the port. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "fix/fix_dict.h"

/* Records
 * -------------------------------------------------------------------------------------------------------- */

struct gateway_out *outbound_add(struct gateway *g, struct channel *ch, uint32_t room)
{
    struct gateway_out *rec =
        (void *)record_add_raw(g->ring, RECORD_GATEWAY_OUT, (uint32_t)sizeof *rec + room);
    memset((char *)rec + sizeof rec->head, 0, sizeof *rec - sizeof rec->head);
    rec->head.session = ch->config.number;
    rec->generation = ch->durable->generation;
    return rec;
}

void outbound_dirty(struct gateway *g, struct channel *ch)
{
    if (ch->dirty)
        return;
    ch->dirty = true;
    g->dirty[g->dirty_count++] = ch->index;
}

/* The message lies somewhere in the record's room: to its place. */
static void trim(struct gateway *g, struct gateway_out *rec, const char *bytes, size_t size)
{
    if (bytes != rec->bytes)
        memmove(rec->bytes, bytes, size);
    rec->size = (uint32_t)size;
    ring_trim(g->ring, &rec->head, (uint32_t)(sizeof *rec + size));
}

void outbound_done(struct gateway *g, struct channel *ch, struct gateway_out *rec, const char *bytes,
                   size_t size, uint16_t kind, bool admin, const struct outbound *out)
{
    uint64_t number = ch->durable->next_out;
    rec->seq = number;
    rec->out = *out;
    rec->admin = admin;
    rec->kind = kind;
    if (g->config.clock)
        rec->head.time_ns = g->config.clock();
    trim(g, rec, bytes, size);
    uint64_t end = gateway_record_done(g, &rec->head);
    /* Without room an administrative message is not kept and so not sent: the peer sees a gap, asks, and gets
     * it filled. For all others room was asked for before. */
    struct sent_entry *e = sent_put(&ch->sent, number, channel_keep(ch), rec->bytes, rec->size);
    assert(e || admin);
    if (e) {
        e->kind = kind;
        e->admin = admin;
        e->skipped = !admin && !channel_is_up(ch);
        e->ring_end = end;
        e->connection = ch->connections;
        e->first_sent_ns = g->now_ns;
        e->out = *out;
    }
    counter_add(ch->count.sent[count_slot(kind)], 1);
    fix_session_sent(&ch->fix, g->now_ns);
    if (ch->connection != NO_INDEX)
        outbound_dirty(g, ch);
}

void outbound_unsent(struct gateway *g, uint8_t engine, uint32_t session, uint32_t role,
                     const struct outbound *out, uint32_t reason)
{
    struct gateway_unsent *rec = (void *)record_add(g->ring, RECORD_GATEWAY_UNSENT, sizeof *rec);
    rec->head.session = session;
    rec->head.dest = engine;
    rec->head.lane = gateway_subject(engine, role);
    rec->out = *out;
    rec->reason = reason;
    uint64_t position = gateway_record_done(g, &rec->head);
    bool put = lane_put(gateway_lane(g, engine, rec->head.lane), g->config.agent, rec->head.lane, position,
                        g->ring->open->origin_time_ns, &rec->head, 0);
    assert(put); /* UNSENT_LANE_ROOM was asked for */
    (void)put;
}

/* Events
 * ---------------------------------------------------------------------------------------------------------
 */

/* False: it does not fit a message of ours; the batch is as though not begun. */
static bool encode(struct gateway *g, struct channel *ch, const struct translate_out_row *row,
                   const char *type, const struct lane_item *item)
{
    gateway_batch_begin(g, item, item->origin_time_ns);
    struct gateway_out *rec = outbound_add(g, ch, GATEWAY_OUT_SIZE_MAX);
    struct fix_encoder e;
    const char *bytes;
    size_t size;
    fix_encode_begin(&e, &ch->fix.template, rec->bytes, GATEWAY_OUT_SIZE_MAX, type, ch->durable->next_out,
                     g->now_ns, 0);
    translate_write(&g->body, row, &e, &item->record, ch->config.fix.precision);
    if (fix_encode_end(&e, &bytes, &size)) {
        ring_abandon(g->ring);
        return false;
    }
    uint16_t kind = (uint16_t)(type[1] ? FIX_MSG_TYPE2(type[0], type[1]) : FIX_MSG_TYPE1(type[0]));
    const struct outbound *out = (const struct outbound *)(&item->record + 1);
    if (!channel_is_up(ch) && out->must_reach == REACH_BOUNDED)
        ch->bounded_size += size;
    outbound_done(g, ch, rec, bytes, size, kind, false, out);
    gateway_batch_end(g);
    return true;
}

/* REASON_NONE: it may be sent. */
static uint32_t why_not(const struct gateway *g, const struct channel *ch, const char *type,
                        const struct outbound *out)
{
    if (!ch)
        return REASON_UNKNOWN_SESSION;
    if (!*type)
        return REASON_ENCODE;
    if (out->expires_ns && g->now_ns >= out->expires_ns)
        return REASON_STALE;
    if (!channel_is_up(ch) && !out->must_reach)
        return REASON_SESSION_DOWN;
    if (!channel_is_up(ch) && out->must_reach == REACH_BOUNDED &&
        ch->bounded_size >= ch->sent.size / GATEWAY_BOUNDED_SHARE)
        return REASON_LIMIT;
    return REASON_NONE;
}

bool outbound_take(struct gateway *g, const struct lane_item *item)
{
    static const struct outbound about_nothing;
    const struct record *event = &item->record;
    struct channel *ch = gateway_channel(g, event->session);
    uint32_t role = ch ? (uint32_t)ch->config.role : ROLE_TAKER;
    struct lane *back = gateway_lane(g, item->agent, gateway_subject(item->agent, role));
    if (!gateway_ring_room(g, sizeof(struct batch) + sizeof(struct gateway_out) + GATEWAY_OUT_SIZE_MAX,
                           CLASS_ORDER) ||
        !gateway_lane_room(back, UNSENT_LANE_ROOM, CLASS_SESSION) ||
        (ch && !sent_room(&ch->sent, channel_keep(ch), GATEWAY_OUT_SIZE_MAX)))
        return false;
    const struct translate_out_row *row = translate_out_row(event->type);
    const struct outbound *out = row ? (const struct outbound *)(event + 1) : &about_nothing;
    const char *type = row ? translate_out_type(row, event) : "";
    uint32_t reason = why_not(g, ch, type, out);
    if (reason == REASON_NONE && encode(g, ch, row, type, item))
        return true;
    if (reason == REASON_NONE)
        reason = REASON_ENCODE;
    gateway_batch_begin(g, item, item->origin_time_ns);
    outbound_unsent(g, item->agent, event->session, role, out, reason);
    gateway_batch_end(g);
    if (ch)
        count_unsent(ch, reason);
    else
        counter_add(g->unknown_sessions, 1);
    return true;
}

unsigned outbound_lane(struct gateway *g, struct lane *l)
{
    unsigned taken = 0;
    const struct lane_item *item;
    while (taken < GATEWAY_ENGINE_ITEMS_MAX && (item = lane_peek(l)) != NULL && outbound_take(g, item)) {
        lane_pop(l);
        taken++;
    }
    if (taken)
        lane_release(l);
    return taken;
}

/* To the port
 * ------------------------------------------------------------------------------------------------------- */

/* A number that has left must not come again after a power cut: as many may be ahead of the disk as are
 * skipped then. One mark at a time: the newest number when the last mark was passed. */
uint64_t outbound_may_leave(const struct gateway *g, struct channel *ch, uint64_t durable)
{
    if (ch->mark_end && durable >= ch->mark_end) {
        ch->durable_through = ch->mark_number;
        ch->mark_end = 0;
    }
    if (!ch->mark_end && ch->durable->next_out - 1 > ch->durable_through) {
        ch->mark_number = ch->durable->next_out - 1;
        ch->mark_end = g->ring->write;
    }
    return ch->durable_through + OUT_NUMBERS_AHEAD_MAX;
}

/* A release's messages come one after the other. */
static void count_release(struct gateway *g, uint64_t rfq)
{
    for (uint32_t i = g->release_count; i-- > 0;)
        if (g->releases[i].rfq == rfq) {
            g->releases[i].count++;
            return;
        }
    if (g->release_count < GATEWAY_RELEASES_MAX)
        g->releases[g->release_count++] = (struct release){rfq, 1};
}

static uint64_t time_ns(const struct gateway *g)
{
    return g->config.clock ? g->config.clock() : g->now_ns;
}

/* Facts of less weight than any message: where the ring is short they are left out. */
static void record_releases(struct gateway *g, uint64_t first_ns, uint64_t last_ns)
{
    for (uint32_t i = 0; i < g->release_count; i++) {
        if (!gateway_ring_room(g, sizeof(struct batch) + sizeof(struct gateway_released), CLASS_ORDINARY))
            break;
        gateway_batch_begin(g, NULL, 0);
        struct gateway_released *rec = (void *)record_add(g->ring, RECORD_GATEWAY_RELEASED, sizeof *rec);
        rec->head.time_ns = last_ns;
        rec->rfq = g->releases[i].rfq;
        rec->first_ns = first_ns;
        rec->last_ns = last_ns;
        rec->count = g->releases[i].count;
        gateway_record_done(g, &rec->head);
        gateway_batch_end(g);
    }
    g->release_count = 0;
}

/* In the order of numbers: what waits holds up what is behind it. False: something waits. */
static bool transmit_channel(struct gateway *g, struct channel *ch, uint64_t durable, unsigned *sent)
{
    if (ch->connection == NO_INDEX)
        return true;
    const struct connection *c = &g->connections[ch->connection];
    uint64_t last = outbound_may_leave(g, ch, durable);
    while (ch->sent_through + 1 < ch->durable->next_out) {
        uint64_t number = ch->sent_through + 1;
        if (number > last)
            return false;
        const struct sent_entry *e = sent_find(&ch->sent, number);
        if (ch->resending && number > ch->resend_after)
            return false;
        if (e && !e->skipped) {
            if (ch->config.level == LEVEL_SYNCED && e->ring_end > durable)
                return false;
            /* ERR_CLOSED: the port's event about it is on its way, and the peer will ask for the rest. */
            if (port_send(g->port, c->handle, sent_bytes(&ch->sent, e), e->size) == OK) {
                ++*sent;
                if (e->kind == FIX_MSG_QuoteRequest)
                    count_release(g, e->out.rfq);
            }
        }
        ch->sent_through = number;
    }
    return true;
}

unsigned outbound_transmit(struct gateway *g)
{
    unsigned sent = 0;
    uint64_t durable = ring_durable(g->ring);
    for (uint32_t i = 0; i < g->piece_count; i++) {
        const struct piece *p = &g->pieces[i];
        const struct channel *ch = &g->channels[p->channel];
        if (ch->connection != NO_INDEX &&
            port_send(g->port, g->connections[ch->connection].handle, p->bytes, p->size) == OK)
            sent++;
    }
    g->piece_count = 0;
    g->piece_bytes = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->dirty_count; i++) {
        struct channel *ch = &g->channels[g->dirty[i]];
        ch->dirty = !transmit_channel(g, ch, durable, &sent);
        if (ch->dirty)
            g->dirty[kept++] = ch->index;
    }
    g->dirty_count = kept;
    uint64_t first_ns = g->release_count ? time_ns(g) : 0;
    if (sent)
        port_flush(g->port);
    if (g->release_count)
        record_releases(g, first_ns, time_ns(g));
    return sent;
}
