/* What an operator asks of a session: logout, other numbers, to be told again. It comes by a mailbox; what is
 * done is recorded like everything else, and answered when the record is committed.
 */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"

bool gateway_ask(struct gateway *g, const struct gateway_order *order)
{
    if (!mailbox_free(&g->operator.box))
        return false;
    g->operator.order = * order;
    g->operator.begun = false;
    mailbox_ask(&g->operator.box);
    return true;
}

bool gateway_answered(struct gateway *g, struct gateway_answer *out)
{
    if (!mailbox_answered(&g->operator.box))
        return false;
    *out = g->operator.answer;
    mailbox_close(&g->operator.box);
    return true;
}

static enum order_end ended(struct gateway *g, enum gateway_said said)
{
    g->operator.answer.said = said;
    return ORDER_ENDED;
}

/* Logout, then the end of this very connection: the peer may be back at once. */
static enum order_end log_out(struct gateway *g, struct channel *ch)
{
    struct operator_desk *o = &g->operator;
    if (!o->begun) {
        if (!channel_is_up(ch))
            return ended(g, GATEWAY_SAID_DOWN);
        if (!channel_room(g, ch, 0, CLASS_SESSION))
            return ORDER_GOES_ON;
        struct fix_actions acts;
        char why[GATEWAY_NOTICE_TEXT_SIZE];
        struct text t = text_in(why, sizeof why);
        text_add(&t, "an operator logged it out: ");
        text_add(&t, o->order.text);
        channel_why(ch, true, why);
        o->begun = true;
        o->connection = ch->connections;
        fix_session_logout(&ch->fix, o->order.text, g->now_ns, &acts);
        gateway_batch_begin(g, NULL, 0);
        channel_act(g, ch, &acts);
        gateway_batch_end(g);
        channel_after(g, ch, &acts);
        return ORDER_GOES_ON;
    }
    bool over = (ch->connection == NO_INDEX || ch->connections != o->connection) && !ch->down_due;
    return over ? ended(g, GATEWAY_SAID_DONE) : ORDER_GOES_ON;
}

/* A new generation, so that no number of the old one can be taken for one of the new. What was kept for the
 * peer is forgotten: it was numbered in the old one. */
static enum order_end set_numbers(struct gateway *g, struct channel *ch)
{
    const struct gateway_order *o = &g->operator.order;
    if (ch->connection != NO_INDEX && !g->connections[ch->connection].connecting)
        return ended(g, GATEWAY_SAID_CONNECTED);
    if (ch->down_due || !channel_room(g, ch, 0, CLASS_SESSION))
        return ORDER_GOES_ON;
    gateway_batch_begin(g, NULL, 0);
    if (o->kind == GATEWAY_RESET) {
        channel_reset(g, ch);
    } else {
        struct gateway_session_numbers *ev =
            (void *)record_add(g->ring, RECORD_GATEWAY_SESSION_NUMBERS, sizeof *ev);
        ev->head.session = ch->config.number;
        ev->head.dest = channel_numbers_dest(ch);
        ev->head.lane = LANE_ORDER;
        ev->generation = ch->durable->generation + 1;
        ev->next_in = o->next_in;
        ev->next_out = o->next_out;
        channel_tell_numbers(g, gateway_record_done(g, &ev->head), &ev->head);
        channel_renumbered(g, ch);
    }
    gateway_batch_end(g);
    return ended(g, GATEWAY_SAID_DONE);
}

/* The state as a fence once more: whom the session belongs to has changed. A session that is down is known to
 * be, and each DOWN counts as a loss. */
static enum order_end tell(struct gateway *g, struct channel *ch)
{
    if (ch->durable->state == SESSION_DOWN || ch->down_due)
        return ended(g, GATEWAY_SAID_DONE);
    if (!channel_room(g, ch, 0, CLASS_SESSION))
        return ORDER_GOES_ON;
    gateway_batch_begin(g, NULL, 0);
    channel_tell(g, ch, (enum session_status)ch->durable->state);
    gateway_batch_end(g);
    return ended(g, GATEWAY_SAID_DONE);
}

enum order_end operator_poll(struct gateway *g)
{
    if (!mailbox_asked(&g->operator.box))
        return ORDER_NONE;
    struct channel *ch = gateway_channel(g, g->operator.order.session);
    if (!ch)
        return ended(g, GATEWAY_SAID_UNKNOWN);
    switch (g->operator.order.kind) {
    case GATEWAY_LOGOUT:
        return log_out(g, ch);
    case GATEWAY_RESET:
    case GATEWAY_NUMBERS:
        return set_numbers(g, ch);
    case GATEWAY_TELL:
        return tell(g, ch);
    }
    return ended(g, GATEWAY_SAID_UNKNOWN);
}

void operator_answer(struct gateway *g)
{
    const struct channel *ch = gateway_channel(g, g->operator.order.session);
    struct gateway_answer *a = &g->operator.answer;
    a->position = g->ring->write;
    a->generation = ch ? ch->durable->generation : 0;
    a->next_in = ch ? ch->durable->next_in : 0;
    a->next_out = ch ? ch->durable->next_out : 0;
    mailbox_answer(&g->operator.box);
}
