#include "fix/session.h"

#include <inttypes.h>
#include <stdio.h>

#include "fix/fix_dict.h"
#include "fix/session_act.h"

#define SECOND_NS 1000000000ull

void fix_session_init(struct fix_session *s, const struct fix_session_config *c)
{
    memset(s, 0, sizeof *s);
    s->config = *c;
    fix_template_init(&s->template, c->sender, c->target, c->precision);
}

void fix_session_connected(struct fix_session *s, const struct fix_session_numbers *n, uint64_t now_ns,
                           struct fix_actions *out)
{
    assert(n->next_in > 0 && n->next_out > 0);
    fix_act_begin(out);
    s->state = s->config.initiator ? FIX_LOGON_SENT : FIX_LOGON_WAIT;
    s->last_received_ns = s->last_sent_ns = s->state_since_ns = now_ns;
    s->heartbeat_s = s->config.heartbeat_s;
    fix_gap_forget(s);
    s->test_request_out = s->probe_out = s->logout_received = false;
    s->test_request_id = now_ns;
    if (!s->config.initiator)
        return;
    if (s->config.reset_on_logon)
        fix_act(out, FIX_ACT_RESET);
    fix_act_send(out, 'A')->flag = s->config.reset_on_logon;
}

/* Heartbeats, and what silence means: a TestRequest after 1.2 intervals, the end after another. */
static void tick_up(struct fix_session *s, uint64_t now_ns, struct fix_actions *out)
{
    uint64_t interval_ns = s->heartbeat_s * SECOND_NS;
    if (interval_ns == 0)
        return;
    if (s->test_request_out && s->last_received_ns >= s->test_request_ns)
        s->test_request_out = false;
    if (s->test_request_out && now_ns - s->test_request_ns >= interval_ns) {
        fix_act_disconnect(s, out, "silent after a TestRequest");
        return;
    }
    if (!s->test_request_out && now_ns - s->last_received_ns >= interval_ns + interval_ns / 5) {
        fix_act_test_request(s, now_ns, out);
        s->test_request_out = true;
        s->last_sent_ns = now_ns;
    } else if (s->probe_out && now_ns - s->probe_ns >= interval_ns) {
        fix_act_probe(s, now_ns,
                      out); /* the peer dropped it: it had a gap, or skips what it has no use for */
        s->last_sent_ns = now_ns;
    }
    if (now_ns - s->last_sent_ns >= interval_ns) {
        fix_act_send(out, '0');
        s->last_sent_ns = now_ns;
    }
}

void fix_session_tick(struct fix_session *s, const struct fix_session_numbers *n, uint64_t now_ns,
                      struct fix_actions *out)
{
    fix_act_begin(out);
    uint64_t in_state_ns = now_ns - s->state_since_ns;
    switch (s->state) {
    case FIX_DISCONNECTED:
        break;
    case FIX_LOGON_SENT:
    case FIX_LOGON_WAIT:
        if (in_state_ns >= s->config.logon_timeout_ms * 1000000ull)
            fix_act_disconnect(s, out, "no Logon in time");
        break;
    case FIX_UP:
        if (s->gap_until && now_ns - s->gap_asked_ns >= FIX_GAP_PATIENCE_NS)
            fix_act_ask(s, n->next_in, s->gap_seen, now_ns, out);
        tick_up(s, now_ns, out);
        break;
    case FIX_LOGOUT_SENT:
        if (in_state_ns >= s->config.logout_timeout_ms * 1000000ull)
            fix_act_disconnect(s, out, s->logout_received ? "logged out" : "no Logout in answer to ours");
        break;
    }
}

void fix_session_logout(struct fix_session *s, const char *text, uint64_t now_ns, struct fix_actions *out)
{
    fix_act_begin(out);
    if (s->state == FIX_LOGON_SENT || s->state == FIX_LOGON_WAIT)
        fix_act_disconnect(s, out, "logout before logon");
    if (s->state != FIX_UP)
        return;
    struct fix_action *a = fix_act_send(out, '5');
    snprintf(a->text, sizeof a->text, "%s", text);
    s->state = FIX_LOGOUT_SENT;
    s->state_since_ns = now_ns;
}

void fix_session_disconnected(struct fix_session *s, uint64_t now_ns)
{
    s->state = FIX_DISCONNECTED;
    s->state_since_ns = now_ns;
    s->probe_out = s->test_request_out = false;
    fix_gap_forget(s);
}

static void put_logon(struct fix_encoder *e, const struct fix_session *s, bool reset, uint64_t next_in)
{
    const struct fix_session_config *c = &s->config;
    fix_put_uint(e, FIX_TAG_EncryptMethod, 0);
    fix_put_uint(e, FIX_TAG_HeartBtInt, s->heartbeat_s);
    if (reset)
        fix_put_bool(e, FIX_TAG_ResetSeqNumFlag, true);
    if (c->next_expected)
        fix_put_uint(e, FIX_TAG_NextExpectedMsgSeqNum, next_in);
    if (!c->initiator)
        return;
    if (c->test_message)
        fix_put_bool(e, FIX_TAG_TestMessageIndicator, true);
    fix_put_text(e, FIX_TAG_Username, c->username);
    fix_put_text(e, FIX_TAG_Password, c->password);
}

static void put_reject(struct fix_encoder *e, const struct fix_action *a)
{
    char type[5] = {(char)a->ref_type, (char)(a->ref_type >> 8), (char)(a->ref_type >> 16),
                    (char)(a->ref_type >> 24), 0};
    fix_put_uint(e, FIX_TAG_RefSeqNum, a->ref_seq);
    if (a->ref_tag)
        fix_put_uint(e, FIX_TAG_RefTagID, a->ref_tag);
    fix_put_text(e, FIX_TAG_RefMsgType, type);
    fix_put_int(e, FIX_TAG_SessionRejectReason, a->reason);
    fix_put_text(e, FIX_TAG_Text, a->text);
}

enum err fix_session_encode(struct fix_session *s, const struct fix_action *a, uint64_t seq, uint64_t next_in,
                            uint64_t now_ns, char *room, size_t room_size, const char **bytes, size_t *size)
{
    assert(a->type == FIX_ACT_SEND);
    struct fix_encoder e;
    char type[2] = {a->msg_type, 0};
    fix_encode_begin(&e, &s->template, room, room_size, type, seq, now_ns, 0);
    switch (a->msg_type) {
    case '0':
        fix_put_text(&e, FIX_TAG_TestReqID, a->echo);
        break;
    case '1':
        fix_put_uint(&e, FIX_TAG_TestReqID, a->test_id);
        break;
    case '2':
        fix_put_uint(&e, FIX_TAG_BeginSeqNo, a->from);
        fix_put_uint(&e, FIX_TAG_EndSeqNo, a->to);
        break;
    case '3':
        put_reject(&e, a);
        break;
    case '5':
        fix_put_text(&e, FIX_TAG_Text, a->text);
        break;
    case 'A':
        put_logon(&e, s, a->flag, next_in);
        break;
    default:
        assert(false); /* the session sends nothing else */
    }
    return fix_encode_end(&e, bytes, size);
}

enum err fix_encode_gap_fill(struct fix_template *t, uint64_t from, uint64_t next, uint64_t now_ns,
                             char *room, size_t room_size, const char **bytes, size_t *size)
{
    struct fix_encoder e;
    assert(next > from);
    fix_encode_begin(&e, t, room, room_size, FIX_MSGTYPE_SequenceReset, from, now_ns, now_ns);
    fix_put_bool(&e, FIX_TAG_GapFillFlag, true);
    fix_put_uint(&e, FIX_TAG_NewSeqNo, next);
    return fix_encode_end(&e, bytes, size);
}
