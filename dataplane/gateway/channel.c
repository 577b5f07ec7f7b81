/* Channels: a FIX session on its connection. What the session decides becomes records here. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "fix/fix_dict.h"

struct fix_session_numbers channel_numbers(const struct channel *ch)
{
    return (struct fix_session_numbers){.next_in = ch->durable->next_in, .next_out = ch->durable->next_out};
}

uint64_t channel_keep(const struct channel *ch)
{
    if (ch->connection == NO_INDEX)
        return UINT64_MAX;
    uint64_t next = ch->sent_through + 1; /* what is new must not push out what is being asked for */
    return ch->resending && ch->resend_next < next ? ch->resend_next : next;
}

bool channel_room(struct gateway *g, const struct channel *ch, uint64_t more, enum gateway_class c)
{
    struct lane *own =
        gateway_lane(g, AGENT_DISTRIBUTION, gateway_subject(AGENT_DISTRIBUTION, ch->config.role));
    if (!gateway_ring_room(g, CHANNEL_ROOM + more, c)) {
        counter_add(g->ring_waits, 1);
        return false;
    }
    if (!gateway_lane_room(g->config.order, CHANNEL_LANE_ROOM, CLASS_SESSION) ||
        !gateway_lane_room(own, CHANNEL_LANE_ROOM, CLASS_SESSION)) {
        counter_add(g->lane_waits, 1);
        return false;
    }
    return true;
}

void channel_why(struct channel *ch, bool planned, const char *text)
{
    if (ch->durable->state == SESSION_DOWN || *ch->down_why)
        return;
    struct text t = text_in(ch->down_why, sizeof ch->down_why);
    text_add(&t, text);
    ch->down_planned = planned;
}

/* A fence in each lane that carries what the session sends. */
void channel_tell(struct gateway *g, struct channel *ch, enum session_status state)
{
    static const uint8_t dests[] = {AGENT_ROUTING, AGENT_DISTRIBUTION};
    if (state == SESSION_DOWN) {
        notice_down(&g->notices, ch->config.number, ch->down_planned, ch->down_why);
        *ch->down_why = 0;
        ch->down_planned = false;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct gateway_session_state *ev =
            (void *)record_add(g->ring, RECORD_GATEWAY_SESSION_STATE, sizeof *ev);
        ev->head.session = ch->config.number;
        ev->head.dest = dests[i];
        ev->head.lane = gateway_subject(dests[i], ch->config.role);
        ev->state = state;
        ev->role = ch->config.role;
        uint64_t position = gateway_record_done(g, &ev->head);
        bool put = lane_put(gateway_lane(g, dests[i], ev->head.lane), g->config.agent, ev->head.lane,
                            position, g->ring->open->origin_time_ns, &ev->head, 0);
        assert(put); /* channel_room */
        (void)put;
    }
    counter_set(ch->count.up, state != SESSION_DOWN);
}

/* Behind the fence that it is down, before the one that it is up. */
void channel_tell_numbers(struct gateway *g, uint64_t position, const struct record *ev)
{
    if (ev->dest == AGENT_NONE)
        return;
    bool put = lane_put(gateway_lane(g, ev->dest, ev->lane), g->config.agent, ev->lane, position,
                        g->ring->open->origin_time_ns, ev, 0);
    assert(put); /* channel_room */
    (void)put;
}

/* Actions
 * -------------------------------------------------------------------------------------------------------- */

void channel_renumbered(struct gateway *g, struct channel *ch)
{
    uint64_t next = ch->durable->next_out;
    resend_end(g, ch);
    sent_reset(&ch->sent, next);
    ch->sent_through = next - 1;
    ch->durable_through = next - 1;
    ch->mark_end = 0;
}

void channel_reset(struct gateway *g, struct channel *ch)
{
    channel_why(ch, false, "the sequence numbers were reset");
    if (ch->durable->state != SESSION_DOWN) /* all that was sent before is as good as lost */
        channel_tell(g, ch, SESSION_DOWN);
    struct gateway_session_reset *ev = (void *)record_add(g->ring, RECORD_GATEWAY_SESSION_RESET, sizeof *ev);
    ev->head.session = ch->config.number;
    ev->head.dest = channel_numbers_dest(ch);
    ev->head.lane = LANE_ORDER;
    ev->generation = ch->durable->generation + 1;
    channel_tell_numbers(g, gateway_record_done(g, &ev->head), &ev->head);
    channel_renumbered(g, ch);
}

void channel_resets(struct gateway *g, struct channel *ch, const struct fix_actions *acts)
{
    for (unsigned i = 0; i < acts->count; i++)
        if (acts->list[i].type == FIX_ACT_RESET)
            channel_reset(g, ch);
}

/* In the record, which goes to the log; what is sent lies in the store. */
static void mask_password(struct gateway_out *rec)
{
    static const char tag[] = "\x01"
                              "554=";
    char *at = memmem(rec->bytes, rec->size, tag, sizeof tag - 1);
    for (at += at ? sizeof tag - 1 : 0; at && *at != FIX_SOH; at++)
        *at = '*';
}

void channel_send_admin(struct gateway *g, struct channel *ch, const struct fix_action *a)
{
    struct gateway_out *rec = outbound_add(g, ch, GATEWAY_ADMIN_SIZE_MAX);
    const char *bytes;
    size_t size;
    enum err e = fix_session_encode(&ch->fix, a, ch->durable->next_out, ch->durable->next_in, g->now_ns,
                                    rec->bytes, GATEWAY_ADMIN_SIZE_MAX, &bytes, &size);
    assert(!e); /* names, texts and numbers are bounded: the room fits any */
    (void)e;
    static const struct outbound about_nothing;
    outbound_done(g, ch, rec, bytes, size, (uint16_t)(unsigned char)a->msg_type, true, &about_nothing);
    if (a->msg_type == 'A' && *ch->config.fix.password)
        mask_password(rec);
    if (a->msg_type == '3')
        counter_add(ch->count.rejected, 1);
    if (a->msg_type == '2')
        counter_add(ch->count.gaps, 1);
}

void channel_act(struct gateway *g, struct channel *ch, const struct fix_actions *acts)
{
    for (unsigned i = 0; i < acts->count; i++) {
        const struct fix_action *a = &acts->list[i];
        switch (a->type) {
        case FIX_ACT_SEND:
            channel_send_admin(g, ch, a);
            break;
        case FIX_ACT_RESEND:
            counter_add(ch->count.resends, 1);
            resend_begin(g, ch, a->from, a->to);
            break;
        case FIX_ACT_UP:
            counter_add(ch->count.logons, 1);
            ch->reconnect_delay_ns = ch->config.reconnect_first_ns;
            channel_tell(g, ch, SESSION_UP);
            break;
        case FIX_ACT_SYNCED:
            channel_tell(g, ch, SESSION_SYNCED);
            break;
        case FIX_ACT_RESET:      /* channel_resets */
        case FIX_ACT_DISCONNECT: /* channel_after */
            break;
        }
    }
}

static void down_due(struct gateway *g, struct channel *ch)
{
    if (!ch->down_due && ch->durable->state != SESSION_DOWN) {
        ch->down_due = true;
        g->down_due++;
    }
    if (ch->down_due)
        channel_tell_down(g, ch);
}

static void disconnect(struct gateway *g, struct channel *ch)
{
    fix_session_disconnected(&ch->fix, g->now_ns);
    resend_end(g, ch);
    if (ch->connection != NO_INDEX)
        connection_finish(g, &g->connections[ch->connection]);
    down_due(g, ch);
}

static bool has(const struct fix_actions *acts, enum fix_action_type type)
{
    for (unsigned i = 0; i < acts->count; i++)
        if (acts->list[i].type == type)
            return true;
    return false;
}

void channel_after(struct gateway *g, struct channel *ch, const struct fix_actions *acts)
{
    if (has(acts, FIX_ACT_DISCONNECT))
        disconnect(g, ch);
}

/* What a Logout of ours says, or else what the session notes. */
static void add_reason(struct text *t, const struct fix_actions *acts)
{
    for (unsigned i = 0; i < acts->count; i++)
        if (acts->list[i].type == FIX_ACT_SEND && acts->list[i].msg_type == '5' && *acts->list[i].text) {
            text_add(t, acts->list[i].text);
            return;
        }
    text_add(t, acts->note ? acts->note : "");
}

void channel_explain(struct gateway *g, struct channel *ch, const struct fix_msg *m,
                     const struct fix_actions *acts)
{
    bool logout = m && m->type == FIX_MSG_Logout, left = logout && ch->fix.logout_received;
    if (!left && !has(acts, FIX_ACT_DISCONNECT))
        return;
    char text[GATEWAY_NOTICE_TEXT_SIZE];
    struct text t = text_in(text, sizeof text);
    if (left)
        text_add(&t, "the peer logged out");
    else
        add_reason(&t, acts);
    if (logout && fix_find(m, FIX_TAG_Text)) {
        text_add(&t, ": ");
        notice_add_field(text, sizeof text, m, FIX_TAG_Text);
    }
    if (ch->durable->state == SESSION_DOWN)
        notice_refused(&g->notices, g->now_ns, &g->connections[ch->connection].peer, m, text);
    else
        channel_why(ch, false, text);
}

void channel_end(struct gateway *g, struct channel *ch, const char *text)
{
    struct fix_actions acts;
    channel_why(ch, false, text);
    if (channel_room(g, ch, 0, CLASS_SESSION)) {
        fix_session_logout(&ch->fix, text, g->now_ns, &acts);
        gateway_batch_begin(g, NULL, 0);
        channel_act(g, ch, &acts);
        gateway_batch_end(g);
    }
    disconnect(g, ch);
}

/* Connection won and lost
 * ------------------------------------------------------------------------------------------ */

void channel_connected(struct gateway *g, struct channel *ch, struct connection *c)
{
    assert(ch->connection == NO_INDEX && !ch->down_due);
    struct fix_actions acts;
    struct fix_session_numbers numbers = channel_numbers(ch);
    ch->connection = (uint32_t)(c - g->connections);
    c->channel = ch->index;
    ch->connections++;
    ch->bounded_size = 0;
    ch->sent_through = numbers.next_out - 1;
    fix_session_connected(&ch->fix, &numbers, g->now_ns, &acts);
    gateway_batch_begin(g, NULL, 0);
    channel_resets(g, ch, &acts);
    channel_act(g, ch, &acts);
    gateway_batch_end(g);
    channel_after(g, ch, &acts);
}

void channel_lost(struct gateway *g, struct channel *ch)
{
    fix_session_disconnected(&ch->fix, g->now_ns);
    resend_end(g, ch);
    ch->connection = NO_INDEX;
    ch->reconnect_at_ns = g->now_ns + ch->reconnect_delay_ns;
    ch->reconnect_delay_ns *= 2;
    if (ch->reconnect_delay_ns > ch->config.reconnect_max_ns)
        ch->reconnect_delay_ns = ch->config.reconnect_max_ns;
    down_due(g, ch);
}

bool channel_tell_down(struct gateway *g, struct channel *ch)
{
    if (!channel_room(g, ch, 0, CLASS_SESSION))
        return false;
    gateway_batch_begin(g, NULL, 0);
    channel_tell(g, ch, SESSION_DOWN);
    gateway_batch_end(g);
    ch->down_due = false;
    g->down_due--;
    return true;
}

/* Time
 * -----------------------------------------------------------------------------------------------------------
 */

static void tick(struct gateway *g, struct channel *ch)
{
    struct fix_session_numbers numbers = channel_numbers(ch);
    struct fix_actions acts;
    if (g->connections[ch->connection].left_over)
        ch->fix.last_received_ns = g->now_ns; /* it is not silent: we do not read */
    fix_session_tick(&ch->fix, &numbers, g->now_ns, &acts);
    if (acts.count == 0)
        return;
    channel_explain(g, ch, NULL, &acts);
    gateway_batch_begin(g, NULL, 0);
    channel_resets(g, ch, &acts);
    channel_act(g, ch, &acts);
    gateway_batch_end(g);
    channel_after(g, ch, &acts);
}

/* A round over all channels every GATEWAY_TICK_NS, a bounded part of it in one poll. */
unsigned channel_ticks(struct gateway *g)
{
    if (g->tick_next == 0 && g->now_ns < g->tick_ns)
        return 0;
    if (g->tick_next == 0)
        g->tick_ns = g->now_ns + GATEWAY_TICK_NS;
    unsigned ticked = 0;
    for (; g->tick_next < g->channel_count && ticked < POLL_ITEMS_MAX; g->tick_next++) {
        struct channel *ch = &g->channels[g->tick_next];
        if (ch->connection == NO_INDEX || ch->fix.state == FIX_DISCONNECTED)
            continue;
        if (!channel_room(g, ch, 0, CLASS_SESSION))
            return ticked; /* its turn comes again */
        tick(g, ch);
        ticked++;
    }
    if (g->tick_next == g->channel_count)
        g->tick_next = 0;
    return ticked;
}

/* Logouts of a planned stop; those that do not answer are closed by the session's own time limit. */
static void stop(struct gateway *g)
{
    bool all_gone = g->unbound == 0;
    for (uint32_t i = 0; i < g->channel_count; i++) {
        struct channel *ch = &g->channels[i];
        if (ch->connection == NO_INDEX) {
            all_gone = all_gone && !ch->down_due;
            continue;
        }
        all_gone = false;
        if (ch->fix.state == FIX_DISCONNECTED || ch->fix.state == FIX_LOGOUT_SENT ||
            !channel_room(g, ch, 0, CLASS_SESSION))
            continue;
        struct fix_actions acts;
        channel_why(ch, true, g->stop_text);
        fix_session_logout(&ch->fix, g->stop_text, g->now_ns, &acts);
        gateway_batch_begin(g, NULL, 0);
        channel_act(g, ch, &acts);
        gateway_batch_end(g);
        channel_after(g, ch, &acts);
    }
    if (all_gone)
        atomic_store_explicit(&g->stopped, true, memory_order_release);
}

unsigned channel_upkeep(struct gateway *g)
{
    unsigned work = 0;
    for (uint32_t i = 0; g->down_due && i < g->channel_count; i++)
        if (g->channels[i].down_due)
            work += channel_tell_down(g, &g->channels[i]);
    /* Pairs with gateway_stop. */
    if (atomic_load_explicit(&g->stopping, memory_order_acquire) && !gateway_stopped(g))
        stop(g);
    return work;
}
