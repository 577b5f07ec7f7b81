/* Resends: what a peer asks for again. A message that may still be sent goes out under its number, marked;
 * all others are gap-filled in runs. A bounded part in one poll; what is new waits behind, so order is kept.
 *
 * A message that is gap-filled and is about something is reported LOST to its engine, when it is certain that
 * the peer has not seen it: it was never put on the wire; or it is the very number asked for; or it went out
 * behind that one on the same connection, which is over: a stream that lacks one message lacks those behind
 * it. Of others we say nothing: a peer that lost one message of this connection (garbled), or kept what came
 * too early, may see those behind it yet.
 */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "fix/fix_dict.h"

#define RESEND_NUMBERS_MAX 1024u /* gone through for one channel in one poll */
#define RESEND_ROOM        128u /* PossDupFlag, OrigSendingTime, a longer SendingTime; and the encoder's own */

void resend_begin(struct gateway *g, struct channel *ch, uint64_t from, uint64_t to)
{
    if (ch->resending) { /* asked again meanwhile: all that either request covers; what waits behind comes
                            anyway */
        if (ch->gap_from && ch->gap_from < from) /* a run that is not filled yet */
            from = ch->gap_from;
        if (from < ch->resend_next)
            ch->resend_next = from;
        if (to > ch->resend_last)
            ch->resend_last = to < ch->resend_after ? to : ch->resend_after;
        ch->gap_from = 0;
        return;
    }
    if (from > to)
        return;
    ch->resending = true;
    ch->resend_next = ch->resend_asked = from;
    ch->resend_last = to;
    const struct sent_entry *asked = sent_find(&ch->sent, from);
    ch->resend_lacks = asked ? asked->connection : UINT32_MAX;
    ch->resend_after = ch->durable->next_out - 1;
    ch->gap_from = 0;
    g->resending++;
    outbound_dirty(g, ch);
}

void resend_end(struct gateway *g, struct channel *ch)
{
    if (!ch->resending)
        return;
    ch->resending = false;
    g->resending--;
}

static bool may_be_sent(const struct gateway *g, const struct channel *ch, const struct sent_entry *e)
{
    if (!e || e->admin)
        return false;
    if (e->out.expires_ns)
        return g->now_ns < e->out.expires_ns;
    uint64_t age_max = ch->config.resend_age_max_ns;
    return age_max == 0 || e->out.must_reach || g->now_ns - e->first_sent_ns < age_max;
}

/* The present batch's record becomes a piece for the port. */
static void piece_done(struct gateway *g, struct channel *ch, struct gateway_out *rec, const char *bytes,
                       size_t size)
{
    if (bytes != rec->bytes)
        memmove(rec->bytes, bytes, size);
    rec->size = (uint32_t)size;
    ring_trim(g->ring, &rec->head, (uint32_t)(sizeof *rec + size));
    gateway_record_done(g, &rec->head);
    g->pieces[g->piece_count++] =
        (struct piece){.channel = ch->index, .size = rec->size, .bytes = rec->bytes};
    g->piece_bytes += size;
    fix_session_sent(&ch->fix, g->now_ns);
}

static bool piece_room(struct gateway *g, uint32_t room)
{
    /* What a piece points to must not be written over before the flush. */
    return g->piece_count < GATEWAY_PIECES_MAX && g->piece_bytes + room <= g->ring->size / 4 &&
           gateway_ring_room(g, sizeof(struct batch) + sizeof(struct gateway_out) + room, CLASS_ORDER);
}

/* Fill from gap_from up to, not with, `next`. False: no room. */
static bool fill_gap(struct gateway *g, struct channel *ch, uint64_t next)
{
    if (!ch->gap_from)
        return true;
    if (!piece_room(g, GATEWAY_ADMIN_SIZE_MAX))
        return false;
    gateway_batch_begin(g, NULL, 0);
    struct gateway_out *rec = outbound_add(g, ch, GATEWAY_ADMIN_SIZE_MAX);
    const char *bytes;
    size_t size;
    enum err e = fix_encode_gap_fill(&ch->fix.template, ch->gap_from, next, g->now_ns, rec->bytes,
                                     GATEWAY_ADMIN_SIZE_MAX, &bytes, &size);
    assert(!e);
    (void)e;
    rec->seq = rec->resend_of = ch->gap_from;
    rec->admin = 1;
    rec->kind = FIX_MSG_SequenceReset;
    piece_done(g, ch, rec, bytes, size);
    gateway_batch_end(g);
    ch->gap_from = 0;
    return true;
}

/* False: no room. */
static bool send_again(struct gateway *g, struct channel *ch, uint64_t number, struct sent_entry *e)
{
    uint32_t room = e->size + RESEND_ROOM;
    if (!fill_gap(g, ch, number) || !piece_room(g, room))
        return false;
    gateway_batch_begin(g, NULL, 0);
    struct gateway_out *rec = outbound_add(g, ch, room);
    size_t size;
    enum err err = fix_encode_resend(sent_bytes(&ch->sent, e), e->size, g->now_ns, ch->config.fix.precision,
                                     rec->bytes, room, &size);
    assert(!err); /* they are bytes that we encoded */
    (void)err;
    rec->seq = rec->resend_of = number;
    rec->kind = e->kind;
    rec->out = e->out;
    piece_done(g, ch, rec, rec->bytes, size);
    gateway_batch_end(g);
    counter_add(ch->count.resent, 1);
    return true;
}

/* Tell the engine of a message that did not arrive. False: no room. */
static bool tell_lost(struct gateway *g, struct channel *ch, uint64_t number, struct sent_entry *e)
{
    if (!e || e->admin || e->lost_told || e->out.ref == 0)
        return true;
    uint8_t engine = translate_out_engine(e->kind, e->out.ref_kind);
    bool behind = e->connection == ch->resend_lacks && e->connection != ch->connections;
    bool certain = e->skipped || number == ch->resend_asked || behind;
    if (engine == AGENT_NONE || !certain)
        return true;
    struct lane *l = gateway_lane(g, engine, gateway_subject(engine, ch->config.role));
    if (!gateway_ring_room(g, sizeof(struct batch) + sizeof(struct gateway_unsent), CLASS_SESSION) ||
        !gateway_lane_room(l, UNSENT_LANE_ROOM, CLASS_SESSION))
        return false;
    gateway_batch_begin(g, NULL, 0);
    outbound_unsent(g, engine, ch->config.number, ch->config.role, &e->out, REASON_LOST);
    gateway_batch_end(g);
    e->lost_told = 1;
    count_unsent(ch, REASON_LOST);
    return true;
}

static unsigned resend_channel(struct gateway *g, struct channel *ch)
{
    unsigned sent = 0, work = 0;
    if (ch->sent_through < ch->resend_after)
        return 0;
    uint64_t durable = ring_durable(g->ring);
    for (unsigned i = 0; i < RESEND_NUMBERS_MAX && sent < POLL_ITEMS_MAX; i++) {
        uint64_t number = ch->resend_next;
        if (number > ch->resend_last) {
            if (!fill_gap(g, ch, number))
                return work;
            resend_end(g, ch);
            return work + 1;
        }
        if (number < ch->sent.first) { /* all that is kept no more, at once */
            uint64_t next = ch->sent.first <= ch->resend_last ? ch->sent.first : ch->resend_last + 1;
            counter_add(ch->count.forgotten, next - number);
            if (!ch->gap_from)
                ch->gap_from = number;
            ch->resend_next = next;
            continue;
        }
        struct sent_entry *e = sent_find(&ch->sent, number);
        if (e && ch->config.level == LEVEL_SYNCED && e->ring_end > durable)
            return work;
        if (may_be_sent(g, ch, e)) {
            if (!send_again(g, ch, number, e))
                return work;
            sent++;
        } else {
            if (!tell_lost(g, ch, number, e))
                return work;
            if (!ch->gap_from)
                ch->gap_from = number;
        }
        ch->resend_next++;
        work++;
    }
    return work;
}

unsigned resend_poll(struct gateway *g)
{
    unsigned work = 0;
    for (uint32_t i = 0; g->resending && i < g->channel_count; i++) {
        struct channel *ch = &g->channels[(g->resend_turn + i) % g->channel_count];
        if (ch->resending)
            work += resend_channel(g, ch);
    }
    g->resend_turn++;
    return work;
}
