/* What an inbound message means to the session (FIX 4.4 volume 2). In order of judgement: can it be read, is
 * it for us, is its number the one expected, is it well-formed, and only then what it says. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "fix/fix_dict.h"
#include "fix/session.h"
#include "fix/session_act.h"

/* One message in hand. */
struct inbound {
    struct fix_session *s;
    const struct fix_session_numbers *n;
    const struct fix_msg *m;
    uint64_t now_ns;
    struct fix_actions *out;
    bool was_kept; /* it has been acted upon as far as it could be when it came too high */
};

__attribute__((format(printf, 3, 4))) static void send_logout(const struct inbound *in, const char *note,
                                                              const char *format, ...)
{
    struct fix_action *a = fix_act_send(in->out, '5');
    va_list args;
    va_start(args, format);
    vsnprintf(a->text, sizeof a->text, format, args);
    va_end(args);
    fix_act_disconnect(in->s, in->out, note);
    in->out->fault = true;
}

/* Reject (3). The message's number counts when it is the one expected. */
static void reject(const struct inbound *in, int reason, uint32_t tag, const char *text)
{
    in->out->verdict = in->m->seq == in->n->next_in ? FIX_VERDICT_REJECTED : FIX_VERDICT_IGNORED;
    in->out->note = text;
    if (in->m->type == FIX_MSG_Reject)
        return; /* a Reject is not answered by another */
    struct fix_action *a = fix_act_send(in->out, '3');
    a->ref_seq = in->m->seq;
    a->ref_type = in->m->type;
    a->ref_tag = tag;
    a->reason = reason;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static bool value_is(const struct fix_msg *m, uint32_t tag, const char *text, size_t size)
{
    const struct fix_field *f = fix_find(m, tag);
    return f && f->size == size && memcmp(fix_value(m, f), text, size) == 0;
}

static bool is_yes(const struct fix_msg *m, uint32_t tag)
{
    return value_is(m, tag, "Y", 1);
}

/* SequenceReset in its Reset mode counts whatever its own number is; published tests send it under 0. */
static bool resets_sequence(const struct fix_msg *m)
{
    return m->type == FIX_MSG_SequenceReset && !is_yes(m, FIX_TAG_GapFillFlag);
}

/* The standard header, whatever the number. False: the message is done with. */

static bool version_and_number(const struct inbound *in)
{
    if (!value_is(in->m, FIX_TAG_BeginString, "FIX.4.4", 7)) {
        send_logout(in, "BeginString is not FIX.4.4", "Incorrect BeginString");
        return false;
    }
    if (in->m->seq == 0 && !(resets_sequence(in->m) && value_is(in->m, FIX_TAG_MsgSeqNum, "0", 1))) {
        send_logout(in, "no MsgSeqNum", "Required tag missing: MsgSeqNum (34)");
        return false;
    }
    return true;
}

static bool comp_ids(const struct inbound *in)
{
    const struct fix_template *t = &in->s->template;
    if (value_is(in->m, FIX_TAG_SenderCompID, t->target, t->target_size) &&
        value_is(in->m, FIX_TAG_TargetCompID, t->sender, t->sender_size))
        return true;
    if (in->s->state == FIX_UP || in->s->state == FIX_LOGOUT_SENT) {
        bool sender = value_is(in->m, FIX_TAG_SenderCompID, t->target, t->target_size);
        reject(in, FIX_SessionRejectReason_COMPID_PROBLEM,
               sender ? FIX_TAG_TargetCompID : FIX_TAG_SenderCompID, "CompID problem");
        send_logout(in, "CompID problem", "Incorrect CompID");
    } else {
        fix_act_disconnect(in->s, in->out, "Logon with another CompID");
    }
    return false;
}

static bool in_time(const struct inbound *in, uint64_t sent_ns)
{
    uint64_t tolerance_ns = in->s->config.time_tolerance_s * 1000000000ull;
    uint64_t off_ns = sent_ns > in->now_ns ? sent_ns - in->now_ns : in->now_ns - sent_ns;
    return tolerance_ns == 0 || off_ns <= tolerance_ns;
}

static bool sending_time(const struct inbound *in, uint64_t *sent_ns)
{
    enum err e = fix_get_time(in->m, FIX_TAG_SendingTime, sent_ns);
    if (e == ERR_NOT_FOUND) {
        reject(in, FIX_SessionRejectReason_REQUIRED_TAG_MISSING, FIX_TAG_SendingTime, "Required tag missing");
        return false;
    }
    if (e != OK) {
        reject(in, 6, FIX_TAG_SendingTime, "Incorrect data format for value");
        return false;
    }
    if (!in_time(in, *sent_ns)) {
        reject(in, FIX_SessionRejectReason_SENDINGTIME_ACCURACY_PROBLEM, FIX_TAG_SendingTime,
               "SendingTime accuracy problem");
        send_logout(in, "SendingTime accuracy problem", "SendingTime accuracy problem");
        return false;
    }
    return true;
}

/* A message that says it may be a duplicate says when it was first sent: not after this sending. A gap fill
 * need not. */
static bool orig_sending_time(const struct inbound *in, uint64_t sent_ns)
{
    uint64_t orig_ns;
    if (!in->m->poss_dup || in->m->type == FIX_MSG_SequenceReset)
        return true;
    enum err e = fix_get_time(in->m, FIX_TAG_OrigSendingTime, &orig_ns);
    if (e == OK && orig_ns <= sent_ns)
        return true;
    if (e == OK) {
        reject(in, FIX_SessionRejectReason_SENDINGTIME_ACCURACY_PROBLEM, FIX_TAG_OrigSendingTime,
               "OrigSendingTime is after SendingTime");
        send_logout(in, "OrigSendingTime is after SendingTime", "SendingTime accuracy problem");
    } else {
        reject(in,
               e == ERR_NOT_FOUND ? FIX_SessionRejectReason_REQUIRED_TAG_MISSING
                                  : FIX_SessionRejectReason_INCORRECT_DATA_FORMAT_FOR_VALUE,
               FIX_TAG_OrigSendingTime,
               e == ERR_NOT_FOUND ? "Required tag missing" : "Incorrect data format for value");
    }
    return false;
}

/* Numbers. */

static void too_low(const struct inbound *in)
{
    in->out->too_low = true;
    send_logout(in, "MsgSeqNum too low", "MsgSeqNum too low, expecting %" PRIu64 " but received %" PRIu64,
                in->n->next_in, in->m->seq);
}

/* Resend [begin, end] as far as there is something; when that is all, look again what the peer has. */
static void resend(const struct inbound *in)
{
    uint64_t begin, end, last = in->n->next_out - 1;
    if (fix_get_uint(in->m, FIX_TAG_BeginSeqNo, &begin) != OK || begin == 0) {
        reject(in, FIX_SessionRejectReason_VALUE_IS_INCORRECT, FIX_TAG_BeginSeqNo,
               "BeginSeqNo is not a number from 1 on");
        return;
    }
    if (fix_get_uint(in->m, FIX_TAG_EndSeqNo, &end) != OK || (end && end < begin)) {
        reject(in, FIX_SessionRejectReason_VALUE_IS_INCORRECT, FIX_TAG_EndSeqNo,
               "EndSeqNo is not 0 nor from BeginSeqNo on");
        return;
    }
    if (begin > last) {
        in->out->note = "asked to resend what was not sent yet";
        return;
    }
    struct fix_action *a = fix_act(in->out, FIX_ACT_RESEND);
    a->from = begin;
    a->to = end == 0 || end > last ? last : end;
    /* Not behind a part: a peer that asks for few at a time would be given as many new ones. */
    if (in->s->probe_out && a->to == last)
        fix_act_probe(in->s, in->now_ns, in->out);
}

static void probe_answered(const struct inbound *in)
{
    uint64_t id;
    struct fix_session *s = in->s;
    if (fix_get_uint(in->m, FIX_TAG_TestReqID, &id) != OK)
        return;
    if (id == s->test_request_id)
        s->test_request_out = false;
    if (s->probe_out && id == s->probe_id) {
        s->probe_out = false;
        fix_act(in->out, FIX_ACT_SYNCED);
    }
}

static void logout_received(const struct inbound *in)
{
    struct fix_session *s = in->s;
    s->logout_received = true;
    if (s->state == FIX_LOGOUT_SENT) {
        fix_act_disconnect(s, in->out, "logged out");
        return;
    }
    fix_act_send(in->out, '5');
    in->out->note = "the peer logs out";
    s->state = FIX_LOGOUT_SENT; /* the peer closes; if not, the timeout does */
    s->state_since_ns = in->now_ns;
}

/* Kept for its turn, or dropped, for it will come again. */
static void keep(const struct inbound *in)
{
    in->out->verdict = FIX_VERDICT_IGNORED;
    if (fix_kept_put(&in->s->kept, in->m->seq, in->m->bytes, in->m->size))
        in->out->verdict = FIX_VERDICT_KEPT;
    else
        in->out->no_room = true;
}

/* What it says about the connection counts now: a resend that the peer waits for (else two gaps wait for each
 * other), the answer to our probe, and its leaving. All else when it is its turn. */
static void too_high(const struct inbound *in)
{
    struct fix_session *s = in->s;
    if (fix_kept_has(&s->kept, in->m->seq)) {
        in->out->note = "a duplicate of what is kept";
        return;
    }
    in->out->note = "MsgSeqNum too high";
    if (in->m->type == FIX_MSG_ResendRequest)
        resend(in);
    else if (in->m->type == FIX_MSG_Heartbeat)
        probe_answered(in);
    else if (in->m->type == FIX_MSG_Logout) {
        logout_received(in);
        return;
    }
    keep(in);
    if (in->m->seq > s->gap_seen)
        s->gap_seen = in->m->seq;
    if (!s->gap_until || in->now_ns - s->gap_asked_ns >= FIX_GAP_PATIENCE_NS)
        fix_act_ask(s, in->n->next_in, s->gap_seen, in->now_ns, in->out);
}

/* The expected number goes to `next`: is what was asked for here, and is there another hole below the highest
 * number that came? Where the next is kept, that is asked when it has been taken. */
static void advance(const struct inbound *in, uint64_t next)
{
    struct fix_session *s = in->s;
    s->gap_asked_ns = in->now_ns;
    fix_kept_forget(&s->kept, next);
    if (next < s->gap_until)
        return;
    s->gap_until = 0;
    if (s->gap_endless || next > s->gap_seen) {
        s->gap_endless = false;
        s->gap_seen = 0;
    } else {
        fix_act_ask(s, next, s->gap_seen, in->now_ns, in->out);
    }
}

static void sequence_reset(const struct inbound *in, bool gap_fill)
{
    uint64_t next;
    if (fix_get_uint(in->m, FIX_TAG_NewSeqNo, &next) != OK || next > INT64_MAX) {
        reject(in, FIX_SessionRejectReason_REQUIRED_TAG_MISSING, FIX_TAG_NewSeqNo,
               "NewSeqNo is missing or no number");
        return;
    }
    if (next < in->n->next_in || (gap_fill && next == in->n->next_in)) {
        reject(in, FIX_SessionRejectReason_VALUE_IS_INCORRECT, FIX_TAG_NewSeqNo,
               "Attempt to lower the sequence number");
        if (!gap_fill)
            in->out->verdict = FIX_VERDICT_IGNORED; /* its own number says nothing, so it cannot count */
        return;
    }
    in->out->verdict = FIX_VERDICT_ADVANCE;
    in->out->advance_to = next;
    if (!gap_fill) { /* what was numbered before is of no use any more */
        fix_gap_forget(in->s);
        in->out->note = next == in->n->next_in ? "SequenceReset to the number expected" : "SequenceReset";
    }
}

/* Logon. */

static bool logon_fields(const struct inbound *in, uint64_t *heartbeat_s)
{
    uint64_t encrypt;
    struct fix_session *s = in->s;
    if (fix_get_uint(in->m, FIX_TAG_EncryptMethod, &encrypt) != OK || encrypt != 0) {
        reject(in, FIX_SessionRejectReason_DECRYPTION_PROBLEM, FIX_TAG_EncryptMethod,
               "EncryptMethod (98) must be 0");
        send_logout(in, "Logon asks for encryption", "EncryptMethod (98) must be 0");
    } else if (fix_get_uint(in->m, FIX_TAG_HeartBtInt, heartbeat_s) != OK || *heartbeat_s > UINT32_MAX)
        send_logout(in, "Logon without HeartBtInt", "HeartBtInt (108) is missing or no number");
    else if (!s->config.initiator && s->config.heartbeat_s &&
             (*heartbeat_s == 0 || *heartbeat_s > s->config.heartbeat_s))
        send_logout(in, "HeartBtInt not admitted", "HeartBtInt (108) must be 1 to %" PRIu32,
                    s->config.heartbeat_s);
    else
        return true;
    return false;
}

/* NextExpectedMsgSeqNum: what the peer lacks, without being asked. `highest` is one more than the last that was
 * sent. False: impossible, logged out. */
static bool next_expected(const struct inbound *in, uint64_t highest, uint64_t *from)
{
    *from = 0;
    if (!fix_find(in->m, FIX_TAG_NextExpectedMsgSeqNum))
        return true;
    if (fix_get_uint(in->m, FIX_TAG_NextExpectedMsgSeqNum, from) != OK || *from == 0 || *from > highest) {
        send_logout(in, "NextExpectedMsgSeqNum beyond what was sent",
                    "NextExpectedMsgSeqNum (789) is higher than %" PRIu64, highest);
        return false;
    }
    return true;
}

static void up(const struct inbound *in, uint64_t heartbeat_s, bool reset, uint64_t lacks_from,
               uint64_t lacks_to)
{
    struct fix_session *s = in->s;
    s->state = FIX_UP;
    s->state_since_ns = in->now_ns;
    s->heartbeat_s = (uint32_t)heartbeat_s;
    fix_act(in->out, FIX_ACT_UP);
    if (lacks_from && lacks_from < lacks_to) {
        struct fix_action *a = fix_act(in->out, FIX_ACT_RESEND);
        a->from = lacks_from;
        a->to = lacks_to;
    }
    in->out->verdict = FIX_VERDICT_ADMIN;
    if (!reset && in->m->seq > in->n->next_in) {
        in->out->verdict = FIX_VERDICT_IGNORED;
        if (s->config.next_expected && lacks_from) {
            s->gap_until = s->gap_seen = in->m->seq; /* our 789 has asked already, this number included */
            s->gap_endless = true;
            s->gap_asked_ns = in->now_ns;
        } else {
            keep(in);
            fix_act_ask(s, in->n->next_in, in->m->seq, in->now_ns, in->out);
        }
    }
    fix_act_probe(s, in->now_ns, in->out);
    s->last_sent_ns = in->now_ns;
}

static void logon(const struct inbound *in)
{
    struct fix_session *s = in->s;
    uint64_t heartbeat_s, lacks_from = 0;
    bool reset = is_yes(in->m, FIX_TAG_ResetSeqNumFlag), ours = s->state == FIX_LOGON_SENT;
    if (!logon_fields(in, &heartbeat_s))
        return;
    bool admitted = s->config.admit_reset || (ours && s->config.reset_on_logon);
    if (reset && (!admitted || in->m->seq != 1)) {
        send_logout(in, "ResetSeqNumFlag not admitted",
                    in->m->seq != 1 ? "ResetSeqNumFlag (141) needs MsgSeqNum 1"
                                    : "ResetSeqNumFlag (141) is not admitted");
        return;
    }
    if (ours && reset != s->config.reset_on_logon) {
        /* Our Logon's number belongs to one sequence, the answer to another. */
        send_logout(in, "ResetSeqNumFlag does not match ours", "ResetSeqNumFlag (141) does not match");
        return;
    }
    if (!reset && in->m->seq < in->n->next_in) {
        too_low(in);
        return;
    }
    if (!reset && !next_expected(in, in->n->next_out, &lacks_from))
        return;
    /* Filled up to our Logon's own number, for the peer does not count a Logon that came too high. The initiator's
     * is the last that was sent, the acceptor's is the next to be. */
    uint64_t our_logon = ours ? in->n->next_out - 1 : in->n->next_out;
    if (!ours) {
        if (reset)
            fix_act(in->out, FIX_ACT_RESET);
        fix_act_send(in->out, 'A')->flag = reset;
        s->heartbeat_s = (uint32_t)heartbeat_s; /* the answer repeats it */
    }
    up(in, heartbeat_s, reset, lacks_from, our_logon);
}

/* A Logon of a session that is up: only to begin again at 1. One that crosses our Logout comes too late: the
 * session ends, as whoever logged it out was told. */
static void logon_again(const struct inbound *in)
{
    if (in->s->state == FIX_LOGOUT_SENT) {
        in->out->note = "a Logon after our Logout";
        return;
    }
    if (is_yes(in->m, FIX_TAG_ResetSeqNumFlag)) {
        fix_gap_forget(in->s);
        in->s->state = FIX_LOGON_WAIT;
        logon(in);
        return;
    }
    reject(in, FIX_SessionRejectReason_OTHER, 0, "Logged on already");
}

/* Not a Logon that can be read. To an acceptor the peer is nobody yet, and is told nothing; an initiator says
 * what it misses, for to it the peer is known by its address. */
static void first_message(const struct inbound *in)
{
    struct fix_session *s = in->s;
    if (s->state == FIX_LOGON_WAIT) {
        fix_act_disconnect(s, in->out, "the first message is not a Logon");
    } else if (in->m->type == FIX_MSG_Logout) {
        if (in->m->seq == in->n->next_in)
            in->out->verdict = FIX_VERDICT_ADMIN;
        fix_act_disconnect(s, in->out, "the peer refused our Logon");
    } else {
        send_logout(in, "the first message is not a Logon", "The first message is not a Logon");
    }
}

static void before_logon(const struct inbound *in, enum err parse_error)
{
    struct fix_refusal why;
    struct fix_session *s = in->s;
    uint64_t sent_ns;
    if (parse_error != OK || in->m->type != FIX_MSG_Logon) {
        first_message(in);
        return;
    }
    if (!version_and_number(in) || !comp_ids(in))
        return;
    if (fix_get_time(in->m, FIX_TAG_SendingTime, &sent_ns) != OK || !in_time(in, sent_ns)) {
        send_logout(in, "Logon without the right time", "SendingTime (52) is missing or not the right time");
        return;
    }
    if (s->config.validate && fix_validate(in->m, s->config.admit_user_tags, &why) != OK) {
        send_logout(in, why.text, "Invalid Logon: %s (%" PRIu32 ")", why.text, why.ref_tag);
        return;
    }
    logon(in);
}

/* In order and well-formed. */
static void consume(const struct inbound *in)
{
    const struct fix_field *f;
    in->out->verdict = FIX_VERDICT_ADMIN;
    switch (in->m->type) {
    case FIX_MSG_Heartbeat:
        probe_answered(in);
        break;
    case FIX_MSG_TestRequest:
        f = fix_find(in->m, FIX_TAG_TestReqID);
        if (!f || f->size == 0 || f->size >= sizeof in->out->list[0].echo)
            reject(in,
                   f ? FIX_SessionRejectReason_VALUE_IS_INCORRECT
                     : FIX_SessionRejectReason_REQUIRED_TAG_MISSING,
                   FIX_TAG_TestReqID, "TestReqID is missing or too long");
        else
            memcpy(fix_act_send(in->out, '0')->echo, fix_value(in->m, f), f->size);
        break;
    case FIX_MSG_ResendRequest:
        if (!in->was_kept)
            resend(in);
        break;
    case FIX_MSG_Reject:
        in->out->note = "the peer rejected a message";
        break;
    case FIX_MSG_Logout:
        logout_received(in);
        break;
    case FIX_MSG_Logon:
        if (!in->was_kept) /* else this connection began with it */
            logon_again(in);
        break;
    default:
        in->out->verdict = FIX_VERDICT_APPLICATION;
    }
}

/* Where no tag and no '=' stand behind a SOH, the SOH was of the value before. */
static void unreadable(const struct inbound *in, enum err parse_error)
{
    const struct fix_msg *m = in->m;
    const struct fix_field *last = &m->fields[m->count - 1]; /* MsgSeqNum at least was read */
    const char *rest = fix_value(m, last) + last->size + 1, *stop = m->bytes + m->size;
    const char *soh = rest < stop ? memchr(rest, FIX_SOH, (size_t)(stop - rest)) : NULL;
    if (parse_error == ERR_LIMIT)
        reject(in, FIX_SessionRejectReason_OTHER, 0, "Too many fields");
    else if (soh && !memchr(rest, '=', (size_t)(soh - rest)))
        reject(in, FIX_SessionRejectReason_NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER, last->tag,
               "Non \"data\" value includes field delimiter");
    else
        reject(in, FIX_SessionRejectReason_INVALID_TAG_NUMBER, 0, "A field is not tag=value");
}

static void in_order(const struct inbound *in, enum err parse_error)
{
    struct fix_refusal why;
    if (parse_error != OK) {
        unreadable(in, parse_error);
    } else if (in->s->config.validate && fix_validate(in->m, in->s->config.admit_user_tags, &why) != OK) {
        reject(in, why.reason, why.ref_tag, why.text);
    } else if (fix_find(in->m, FIX_TAG_DeliverToCompID)) {
        reject(in, FIX_SessionRejectReason_COMPID_PROBLEM, FIX_TAG_DeliverToCompID,
               "Messages are not passed on to others");
    } else if (in->m->type == FIX_MSG_SequenceReset) {
        sequence_reset(in, true);
    } else {
        advance(in, in->m->seq + 1);
        consume(in);
        return;
    }
    advance(in, in->out->verdict == FIX_VERDICT_ADVANCE ? in->out->advance_to : in->m->seq + 1);
}

void fix_session_message(struct fix_session *s, const struct fix_session_numbers *n, const struct fix_msg *m,
                         enum err parse_error, uint64_t now_ns, struct fix_actions *out)
{
    const struct inbound in = {.s = s, .n = n, .m = m, .now_ns = now_ns, .out = out};
    uint64_t sent_ns;
    fix_act_begin(out);
    if (s->state == FIX_DISCONNECTED) {
        out->note = "after the end of the session";
        return;
    }
    if (parse_error != OK && m->seq == 0) {
        out->note = "garbled"; /* it cannot even be named in a Reject */
        return;
    }
    s->last_received_ns = now_ns;
    if (s->state == FIX_LOGON_SENT || s->state == FIX_LOGON_WAIT) {
        before_logon(&in, parse_error);
        return;
    }
    if (!version_and_number(&in) || !comp_ids(&in) || !sending_time(&in, &sent_ns) ||
        !orig_sending_time(&in, sent_ns))
        return;
    /* Of what cannot be read whole the modes are not known: it counts by its number, and is rejected in its turn. */
    bool reads = parse_error == OK;
    if (reads && resets_sequence(m))
        sequence_reset(&in, false);
    else if (reads && m->type == FIX_MSG_Logon && is_yes(m, FIX_TAG_ResetSeqNumFlag))
        logon_again(&in);
    else if (!reads && m->type == FIX_MSG_SequenceReset && m->seq < n->next_in)
        out->note = "garbled"; /* a reset may have any number */
    else if (m->seq > n->next_in)
        too_high(&in);
    else if (m->seq == n->next_in)
        in_order(&in, parse_error);
    else if (m->poss_dup) {
        out->note = "a duplicate";
        out->duplicate = true;
    } else
        too_low(&in);
}

const char *fix_session_kept(const struct fix_session *s, const struct fix_session_numbers *n, size_t *size)
{
    bool takes = s->state == FIX_UP || s->state == FIX_LOGOUT_SENT;
    return takes ? fix_kept_find(&s->kept, n->next_in, size) : NULL;
}

void fix_session_take(struct fix_session *s, const struct fix_session_numbers *n, const struct fix_msg *m,
                      enum err parse_error, uint64_t now_ns, struct fix_actions *out)
{
    assert(m->seq == n->next_in && fix_kept_has(&s->kept, m->seq));
    const struct inbound in = {.s = s, .n = n, .m = m, .now_ns = now_ns, .out = out, .was_kept = true};
    fix_act_begin(out);
    in_order(&in, parse_error); /* its header was judged when it came */
}
