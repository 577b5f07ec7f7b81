/* Inbound: frame → what the session says → GATEWAY_IN, and the command in its lane; answers of the session
 * layer in the same batch. */
#include "dataplane/gateway/inside.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "fix/fix_dict.h"

/* One message on its way in. */
struct arrival {
    struct channel *ch;
    const struct translate_in_row *row; /* NULL: administrative, or not taken */
    bool known;                         /* MsgType is of those that we speak */
    bool busy;                          /* no room for the command: refused instead */
    enum busy_slot shortage;            /* of what */
    bool has_command;
    uint8_t dest, lane;
    union translate_command command;
    struct translate_refusal refusal; /* reason −1: none */
};

/* Which of our messages a Reject is about. */
static bool find_sent(void *ctx, uint64_t number, struct outbound *out, uint8_t *engine)
{
    const struct channel *ch = ctx;
    const struct sent_entry *e = ch ? sent_find(&ch->sent, number) : NULL;
    if (!e || e->admin || e->out.ref == 0)
        return false;
    *out = e->out;
    *engine = translate_out_engine(e->kind, e->out.ref_kind);
    return *engine != AGENT_NONE;
}

/* Whose session
 * ----------------------------------------------------------------------------------------------------- */

static bool field_is(const struct fix_msg *m, uint32_t tag, const char *text)
{
    const struct fix_field *f = fix_find(m, tag);
    return f && f->size == strlen(text) && memcmp(fix_value(m, f), text, f->size) == 0;
}

/* The connection's first message names the session. */
static enum taken bind_session(struct gateway *g, struct connection *c)
{
    const struct fix_msg *m = &g->msg;
    if (m->type != FIX_MSG_Logon) {
        notice_refused(&g->notices, g->now_ns, &c->peer, m, "the first message is not a Logon");
        connection_refuse(g, c, REFUSED_NOT_LOGON);
        return TAKEN_CLOSED;
    }
    struct channel *ch = NULL;
    for (uint32_t i = 0; i < g->channel_count && !ch; i++) {
        struct channel *candidate = &g->channels[i];
        if (!candidate->config.fix.initiator &&
            field_is(m, FIX_TAG_SenderCompID, candidate->config.fix.target) &&
            field_is(m, FIX_TAG_TargetCompID, candidate->config.fix.sender))
            ch = candidate;
    }
    if (!ch || ch->connection != NO_INDEX) {
        notice_refused(&g->notices, g->now_ns, &c->peer, m,
                       ch ? "the session is logged on already" : "no session has these CompIDs");
        connection_refuse(g, c, ch ? REFUSED_LIVE : REFUSED_UNKNOWN);
        return TAKEN_CLOSED;
    }
    if (ch->down_due || !channel_room(g, ch, 0, CLASS_SESSION))
        return TAKEN_NOT;
    g->unbound--;
    channel_connected(g, ch, c);
    return TAKEN;
}

/* Room
 * -----------------------------------------------------------------------------------------------------------
 */

static bool command_room(struct gateway *g, const struct arrival *a, enum gateway_class class)
{
    uint64_t bytes = LANE_ITEM_HEADER_SIZE + sizeof a->command + CHANNEL_LANE_ROOM;
    if (a->row->dest != AGENT_NONE)
        return gateway_lane_room(gateway_lane(g, a->row->dest, a->row->lane), bytes, class);
    uint8_t subject = gateway_subject(AGENT_DISTRIBUTION, a->ch->config.role);
    return gateway_lane_room(g->config.order, bytes, class) &&
           gateway_lane_room(gateway_lane(g, AGENT_DISTRIBUTION, subject), bytes, class);
}

/* Refusals are numbered too: a taker that asks on and on while the disk stands would use up what its executions
 * need. LPs are not stopped: their executions come behind their quotes. */
static bool asks_too_far(const struct gateway *g, struct channel *ch, enum gateway_class class)
{
    if (class < CLASS_ACCEPTANCE || ch->config.role != ROLE_TAKER ||
        ch->durable->next_out <= ch->durable_through + OUT_NUMBERS_ASKING_MAX)
        return false;
    outbound_may_leave(g, ch, ring_durable(g->ring)); /* moves durable_through where nothing is sent */
    return ch->durable->next_out > ch->durable_through + OUT_NUMBERS_ASKING_MAX;
}

/* Room for all that this message may lead to. What asks for something new is refused where it has none: its
 * sender knows at once, and the executions and cancels behind it on the same connection are not held up. */
static bool arrival_room(struct gateway *g, struct arrival *a, uint64_t size)
{
    enum gateway_class class = a->row ? (enum gateway_class)a->row->class : CLASS_SESSION;
    uint64_t bytes = sizeof(struct gateway_in) + size + 8;
    if (!sent_room(&a->ch->sent, channel_keep(a->ch), GATEWAY_OUT_SIZE_MAX))
        return false;
    if (asks_too_far(g, a->ch, class)) {
        counter_add(g->number_waits, 1);
        return false;
    }
    bool ring_has = gateway_ring_room(g, CHANNEL_ROOM + bytes, class);
    if (ring_has && (!a->row || command_room(g, a, class)))
        return channel_room(g, a->ch, bytes, class);
    if (a->row && translate_busy_row(a->row->record)) {
        a->busy = true;
        a->shortage = ring_has ? BUSY_LANE : BUSY_RING;
        return channel_room(g, a->ch, bytes, CLASS_REFUSAL);
    }
    counter_add(ring_has ? g->lane_waits : g->ring_waits, 1);
    return false;
}

/* Translation
 * ---------------------------------------------------------------------------------------------------- */

static void command_head(union translate_command *command, const struct translate_in_row *row,
                         uint32_t session, uint64_t time_ns, uint8_t dest, uint8_t lane)
{
    command->head = (struct record){.size = row->size,
                                    .type = row->record,
                                    .version = record_type_version(row->record),
                                    .dest = dest,
                                    .lane = lane,
                                    .session = session,
                                    .time_ns = time_ns};
}

/* Fills dest, lane and command, or the refusal. */
static void translate(const struct fix_msg *m, struct arrival *a, uint32_t session, uint32_t role,
                      uint64_t time_ns)
{
    struct translate_sent sent = {find_sent, a->ch};
    struct reading r = {
        .m = m, .sent = &sent, .out = &a->command, .why = &a->refusal, .engine = a->row->dest};
    memset(&a->command, 0, a->row->size);
    if (!a->row->read(&r))
        return;
    a->refusal.reason = -1;
    if (r.engine == AGENT_NONE)
        return;
    a->has_command = true;
    a->dest = r.engine;
    a->lane = a->row->dest == AGENT_NONE ? gateway_subject(r.engine, role) : a->row->lane;
    command_head(&a->command, a->row, session, time_ns, a->dest, a->lane);
}

/* Why it is refused, for people; what the log itself says goes before what we see of it. */
static void say_busy(struct gateway *g, struct arrival *a, char text[TEXT_SIZE])
{
    const char *log = g->config.log_stalled ? g->config.log_stalled(g->config.log) : NULL;
    struct text t = text_in(text, TEXT_SIZE);
    text_add(&t, "busy: ");
    if (log) {
        a->shortage = BUSY_LOG;
        text_add(&t, log);
    } else if (a->shortage == BUSY_RING) {
        text_add(&t, "the record is not written as fast as it grows");
    } else {
        text_add(&t, a->row->dest == AGENT_ROUTING ? "routing" : "distribution");
        text_add(&t, " does not keep up");
    }
}

/* It is answered in its own terms, as its engine would. But one that may have been sent before may be alive:
 * a refusal in its own terms would say that it is not, so only this message is refused. */
static void refuse_busy(struct gateway *g, struct arrival *a)
{
    a->has_command = false;
    say_busy(g, a, a->refusal.text);
    counter_add(a->ch->count.busy[a->shortage], 1);
    if (!g->msg.poss_resend)
        return;
    a->busy = false;
    a->refusal.business = true;
    a->refusal.reason = FIX_BusinessRejectReason_APPLICATION_NOT_AVAILABLE;
    const char *name = translate_busy_row(a->row->record)->name(&a->command);
    memcpy(a->refusal.ref_id, name, sizeof a->refusal.ref_id);
}

/* What becomes of an accepted message, before it is recorded. */
static void decide(struct gateway *g, struct arrival *a, enum fix_verdict verdict)
{
    const struct fix_msg *m = &g->msg;
    a->refusal.reason = -1;
    bool peer_rejects = verdict == FIX_VERDICT_ADMIN && m->type == FIX_MSG_Reject;
    if (verdict != FIX_VERDICT_APPLICATION && !peer_rejects)
        return;
    if (!a->row) {
        a->refusal.business = true;
        a->refusal.ref_id[0] = 0;
        a->refusal.reason = a->known ? FIX_BusinessRejectReason_NOT_AUTHORIZED
                                     : FIX_BusinessRejectReason_UNSUPPORTED_MESSAGE_TYPE;
        struct text t = text_in(a->refusal.text, sizeof a->refusal.text);
        text_add(&t, a->known ? "not from this side" : "this message is not supported");
        return;
    }
    translate(m, a, a->ch->config.number, a->ch->config.role, g->now_ns);
    if (peer_rejects)
        a->refusal.reason = -1; /* a Reject is not answered by a Reject */
    if (a->busy && a->has_command)
        refuse_busy(g, a);
}

/* Records
 * -------------------------------------------------------------------------------------------------------- */

#define TRAILER_SIZE 7u /* 10=nnn<SOH> */

static bool is_secret(uint32_t tag)
{
    return tag == FIX_TAG_Password || tag == FIX_TAG_RawData || tag == 925 /* NewPassword */ ||
           tag == 1402 /* EncryptedPassword */ || tag == 1404 /* EncryptedNewPassword */;
}

/* Secrets do not go to the log: their characters are put over in the copy that is kept, however often they
 * come, and of later versions of FIX too: who sends them does not know better. Where reading stopped, all that is
 * left may be one. */
static void mask_secrets(const struct fix_msg *m, enum err parse_error, char *bytes)
{
    const struct fix_field *last = &m->fields[m->count - 1]; /* a number at least was read */
    uint32_t read = last->offset + last->size, trailer = m->size - TRAILER_SIZE;
    if (parse_error != OK && read < trailer)
        memset(bytes + read, '*', trailer - read);
    for (uint32_t i = 0; i < m->count; i++)
        if (is_secret(m->fields[i].tag)) {
            assert(m->fields[i].size <= m->size - m->fields[i].offset);
            memset(bytes + m->fields[i].offset, '*', m->fields[i].size);
        }
}

static void record_in(struct gateway *g, const struct arrival *a, enum err parse_error,
                      const struct fix_actions *acts)
{
    const struct fix_msg *m = &g->msg;
    struct gateway_in *rec =
        (void *)record_add_raw(g->ring, RECORD_GATEWAY_IN, (uint32_t)sizeof *rec + m->size);
    rec->head.session = a->ch->config.number;
    rec->generation = a->ch->durable->generation;
    rec->seq = m->seq;
    rec->size = m->size;
    rec->advance = acts->verdict == FIX_VERDICT_ADVANCE;
    rec->seq_to = rec->advance ? acts->advance_to : 0;
    memcpy(rec->bytes, m->bytes, m->size);
    if (m->type == FIX_MSG_Logon)
        mask_secrets(m, parse_error, rec->bytes);
    if (a->has_command) {
        rec->head.dest = a->dest;
        rec->head.lane = a->lane;
    }
    uint64_t position = gateway_record_done(g, &rec->head);
    if (!a->has_command)
        return;
    g->last_in[a->ch->config.role == ROLE_LP] = position - rec->head.size;
    bool put = lane_put(gateway_lane(g, a->dest, a->lane), g->config.agent, a->lane, position, g->now_ns,
                        &a->command.head, 0);
    assert(put); /* arrival_room */
    (void)put;
}

static void type_text(uint32_t type, char out[5])
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (char)(type >> 8 * i);
    out[4] = 0;
}

/* An application message about no object of an engine's. */
struct answer {
    struct gateway_out *rec;
    struct fix_encoder encoder;
};

static void answer_begin(struct gateway *g, struct channel *ch, struct answer *w, const char *type)
{
    w->rec = outbound_add(g, ch, GATEWAY_OUT_SIZE_MAX);
    fix_encode_begin(&w->encoder, &ch->fix.template, w->rec->bytes, GATEWAY_OUT_SIZE_MAX, type,
                     ch->durable->next_out, g->now_ns, 0);
}

static void answer_end(struct gateway *g, struct channel *ch, struct answer *w, uint16_t kind,
                       enum reach reach)
{
    const struct outbound about_nothing = {.must_reach = reach};
    const char *bytes;
    size_t size;
    enum err err = fix_encode_end(&w->encoder, &bytes, &size);
    assert(!err); /* ids and texts are bounded: the room fits any */
    (void)err;
    outbound_done(g, ch, w->rec, bytes, size, kind, false, &about_nothing);
}

static void send_refusal(struct gateway *g, struct arrival *a)
{
    struct channel *ch = a->ch;
    const struct translate_refusal *why = &a->refusal;
    if (!why->business) {
        struct fix_action reject = {.type = FIX_ACT_SEND,
                                    .msg_type = '3',
                                    .ref_tag = why->tag,
                                    .ref_seq = g->msg.seq,
                                    .ref_type = g->msg.type,
                                    .reason = why->reason};
        struct text t = text_in(reject.text, sizeof reject.text);
        text_add(&t, why->text);
        channel_send_admin(g, ch, &reject); /* which counts it */
        return;
    }
    if (why->reason != FIX_BusinessRejectReason_APPLICATION_NOT_AVAILABLE) /* those are counted as busy */
        counter_add(ch->count.rejected, 1);
    char ref_type[5];
    type_text(g->msg.type, ref_type);
    struct answer w;
    answer_begin(g, ch, &w, FIX_MSGTYPE_BusinessMessageReject);
    translate_business_reject(&w.encoder, g->msg.seq, ref_type, why);
    answer_end(g, ch, &w, FIX_MSG_BusinessMessageReject, REACH_IF_UP);
}

static void send_busy(struct gateway *g, struct arrival *a)
{
    struct channel *ch = a->ch;
    const struct translate_busy_row *row = translate_busy_row(a->row->record);
    struct translate_busy busy = {.text = a->refusal.text,
                                  .session = ch->config.number,
                                  .generation = ch->durable->generation,
                                  .seq = g->msg.seq,
                                  .time_ns = g->now_ns,
                                  .precision = ch->config.fix.precision};
    struct answer w;
    answer_begin(g, ch, &w, row->type);
    row->write(&w.encoder, &a->command, &busy);
    answer_end(g, ch, &w, row->kind, row->reach);
}

/* What both sources have in common, the connection and what its session has kept. */
static enum taken take(struct gateway *g, struct connection *c, enum err parse_error, bool kept)
{
    struct arrival a;
    a.ch = &g->channels[c->channel];
    a.busy = a.has_command = false;
    a.row = translate_in_row(g->msg.type, a.ch->config.role, &a.known);
    if (!arrival_room(g, &a, g->msg.size))
        return TAKEN_NOT;
    struct fix_session_numbers numbers = channel_numbers(a.ch);
    struct fix_actions acts;
    if (kept) {
        fix_session_take(&a.ch->fix, &numbers, &g->msg, parse_error, g->now_ns, &acts);
    } else {
        fix_session_message(&a.ch->fix, &numbers, &g->msg, parse_error, g->now_ns, &acts);
        counter_add(a.ch->count.received[count_slot(g->msg.type)], 1);
        counter_add(a.ch->count.kept, acts.verdict == FIX_VERDICT_KEPT);
        counter_add(a.ch->count.no_room, acts.no_room);
        counter_add(a.ch->count.too_low, acts.too_low);
        counter_add(a.ch->count.duplicates, acts.duplicate);
    }
    counter_add(a.ch->count.faults, acts.fault);
    decide(g, &a, acts.verdict);
    channel_explain(g, a.ch, &g->msg, &acts);
    gateway_batch_begin(g, NULL, g->now_ns);
    channel_resets(g, a.ch, &acts);
    if (acts.verdict != FIX_VERDICT_IGNORED && acts.verdict != FIX_VERDICT_KEPT)
        record_in(g, &a, parse_error, &acts);
    channel_act(g, a.ch, &acts);
    if (a.refusal.reason >= 0)
        send_refusal(g, &a);
    else if (a.busy && acts.verdict == FIX_VERDICT_APPLICATION)
        send_busy(g, &a);
    gateway_batch_end(g);
    channel_after(g, a.ch, &acts);
    return c->closing || c->channel == NO_INDEX ? TAKEN_CLOSED : TAKEN;
}

enum taken inbound_take(struct gateway *g, struct connection *c, enum err parse_error)
{
    if (c->channel == NO_INDEX) {
        enum taken bound = parse_error ? TAKEN_CLOSED : bind_session(g, c);
        if (bound == TAKEN_CLOSED && parse_error) {
            notice_refused(&g->notices, g->now_ns, &c->peer, NULL, "the first message cannot be read");
            connection_refuse(g, c, REFUSED_NOT_LOGON);
        }
        if (bound != TAKEN)
            return bound;
    }
    return take(g, c, parse_error, false);
}

static const char *kept_bytes(const struct gateway *g, const struct connection *c, size_t *size)
{
    if (c->channel == NO_INDEX)
        return NULL;
    const struct channel *ch = &g->channels[c->channel];
    struct fix_session_numbers numbers = channel_numbers(ch);
    return fix_session_kept(&ch->fix, &numbers, size);
}

bool inbound_has_kept(const struct gateway *g, const struct connection *c)
{
    size_t size;
    return kept_bytes(g, c, &size) != NULL;
}

enum taken inbound_take_kept(struct gateway *g, struct connection *c)
{
    size_t size = 0;
    const char *bytes = kept_bytes(g, c, &size);
    return take(g, c, fix_parse(&g->msg, bytes, size), true);
}

bool inbound_redeliver(struct gateway *g, const struct gateway_in *in, uint64_t position,
                       uint64_t origin_time_ns)
{
    const struct session *session = gateway_session(g->config.state, in->head.session);
    struct arrival a = {.ch = gateway_channel(g, in->head.session)};
    if (!session || fix_parse(&g->msg, in->bytes, in->size))
        return true; /* it was read once: only another program's record can be unreadable now */
    a.row = translate_in_row(g->msg.type, session->role, &a.known);
    if (!a.row)
        return true;
    translate(&g->msg, &a, in->head.session, session->role, in->head.time_ns);
    if (!a.has_command)
        return true;
    return lane_put(gateway_lane(g, in->head.dest, in->head.lane), g->config.agent, in->head.lane, position,
                    origin_time_ns, &a.command.head, 0);
}

/* The ring's writer may read what it wrote, until it is written over. */
static const struct gateway_in *last_in(const struct gateway *g, unsigned side)
{
    uint64_t at = g->last_in[side];
    if (at == 0 || g->ring->write - at > g->ring->size / 2)
        return NULL;
    return (const void *)(g->ring->data + (at & (g->ring->size - 1)));
}

/* By a copy of its session without what that one keeps, which has come to the message's number at the
 * message's time. */
void inbound_rehearse(struct gateway *g)
{
    const struct gateway_in *in = last_in(g, g->rehearse_turn++ % 2);
    struct arrival a = {.ch = in ? gateway_channel(g, in->head.session) : NULL};
    if (!a.ch || fix_parse(&g->msg, in->bytes, in->size))
        return;
    struct fix_session *copy = &g->rehearsal_session;
    memcpy(copy, &a.ch->fix, offsetof(struct fix_session, kept)); /* whose memory is the session's */
    struct fix_session_numbers numbers = {.next_in = in->seq, .next_out = a.ch->durable->next_out};
    struct fix_actions acts;
    fix_session_message(copy, &numbers, &g->msg, OK, in->head.time_ns, &acts);
    a.row = translate_in_row(g->msg.type, a.ch->config.role, &a.known);
    if (a.row)
        translate(&g->msg, &a, in->head.session, a.ch->config.role, in->head.time_ns);
}
