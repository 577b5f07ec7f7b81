/* What the session's two halves share: session.c (time, connection, encoding) and session_in.c (messages). */
#ifndef RFQD_FIX_SESSION_ACT_H
#define RFQD_FIX_SESSION_ACT_H

#include <assert.h>
#include <string.h>

#include "fix/session.h"

static inline void fix_act_begin(struct fix_actions *out)
{
    out->count = 0;
    out->verdict = FIX_VERDICT_IGNORED;
    out->advance_to = 0;
    out->no_room = out->too_low = out->duplicate = out->fault = false;
    out->note = NULL;
}

/* The next action, its fields zero. */
static inline struct fix_action *fix_act(struct fix_actions *out, enum fix_action_type type)
{
    assert(out->count < FIX_ACTIONS_MAX);
    struct fix_action *a = &out->list[out->count++];
    memset(a, 0, sizeof *a);
    a->type = type;
    return a;
}

static inline struct fix_action *fix_act_send(struct fix_actions *out, char msg_type)
{
    struct fix_action *a = fix_act(out, FIX_ACT_SEND);
    a->msg_type = msg_type;
    return a;
}

/* Close the connection, and take no more from it. */
static inline void fix_act_disconnect(struct fix_session *s, struct fix_actions *out, const char *note)
{
    fix_act(out, FIX_ACT_DISCONNECT);
    out->note = note;
    s->state = FIX_DISCONNECTED;
}

static inline void fix_act_test_request(struct fix_session *s, uint64_t now_ns, struct fix_actions *out)
{
    fix_act_send(out, '1')->test_id = ++s->test_request_id;
    s->test_request_ns = now_ns;
}

/* A TestRequest whose answer proves what the peer has. */
static inline void fix_act_probe(struct fix_session *s, uint64_t now_ns, struct fix_actions *out)
{
    fix_act_test_request(s, now_ns, out);
    s->probe_out = true;
    s->probe_id = s->test_request_id;
    s->probe_ns = now_ns;
}

static inline void fix_gap_forget(struct fix_session *s)
{
    s->gap_until = s->gap_seen = 0;
    s->gap_endless = false;
    fix_kept_clear(&s->kept);
}

/* Ask for all from `from` on that is not kept, or as many as are asked for at a time; `seen` is the highest
 * number that is known of. */
static inline void fix_act_ask(struct fix_session *s, uint64_t from, uint64_t seen, uint64_t now_ns,
                               struct fix_actions *out)
{
    uint32_t chunk = s->config.resend_chunk;
    uint64_t kept = fix_kept_from(&s->kept, from);
    if (kept == from)
        return; /* it is here, and about to be taken */
    struct fix_action *a = fix_act_send(out, '2');
    a->from = from;
    a->to = kept ? kept - 1 : 0;
    s->gap_until = kept ? kept : seen;
    s->gap_seen = seen;
    if (chunk && chunk < FIX_RESEND_CHUNK_MIN)
        chunk = FIX_RESEND_CHUNK_MIN;
    if (chunk && s->gap_until - from > chunk) {
        a->to = from + chunk - 1;
        s->gap_until = from + chunk;
    }
    s->gap_endless = a->to == 0;
    s->gap_asked_ns = now_ns;
}

#endif
