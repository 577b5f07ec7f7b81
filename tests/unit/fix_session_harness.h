/* A session whose peer is the test: what each call had it do is in `out`, its durable numbers in `n`. */
#ifndef RFQD_TESTS_FIX_SESSION_HARNESS_H
#define RFQD_TESTS_FIX_SESSION_HARNESS_H

#include <criterion/criterion.h>

#include "fix/fix_dict.h"
#include "fix/session.h"
#include "fix_text.h"

#define NOW_NS 1795342272000000000ull /* 20261122-10:11:12 */
#define S_NS   1000000000ull
#define TIME   "52=20261122-10:11:12|"

static struct fix_session s;
static struct fix_session_numbers n;
static struct fix_actions out;
static struct fix_msg msg;
static char bytes[4096];

static inline void start(bool initiator)
{
    struct fix_session_config c = {.sender = "RFQD",
                                   .target = "PEER",
                                   .initiator = initiator,
                                   .heartbeat_s = 30,
                                   .logon_timeout_ms = 5000,
                                   .logout_timeout_ms = 2000,
                                   .time_tolerance_s = 120,
                                   .validate = true};
    fix_session_init(&s, &c);
    n = (struct fix_session_numbers){1, 1};
}

static inline void connect_at(uint64_t now_ns)
{
    fix_session_connected(&s, &n, now_ns, &out);
}

/* The number expected moves as the verdict says. */
static inline enum fix_verdict count_verdict(void)
{
    if (out.verdict == FIX_VERDICT_APPLICATION || out.verdict == FIX_VERDICT_ADMIN ||
        out.verdict == FIX_VERDICT_REJECTED)
        n.next_in++;
    if (out.verdict == FIX_VERDICT_ADVANCE)
        n.next_in = out.advance_to;
    return out.verdict;
}

/* Hand in a message of the peer: type, number and the rest. */
static inline enum fix_verdict receive_at(uint64_t now_ns, const char *type, uint64_t seq, const char *rest)
{
    char body[1024];
    sprintf(body, "35=%s|34=%llu|49=PEER|56=RFQD|%s", type, (unsigned long long)seq, rest);
    enum err e = fix_parse(&msg, bytes, fix_text(body, bytes));
    fix_session_message(&s, &n, &msg, e, now_ns, &out);
    return count_verdict();
}

static inline enum fix_verdict receive(const char *type, uint64_t seq, const char *rest)
{
    return receive_at(NOW_NS, type, seq, rest);
}

/* The i-th action of a type (SEND: of a message type), NULL if there are not as many. */
static inline const struct fix_action *action(enum fix_action_type type, char msg_type, unsigned i)
{
    for (unsigned k = 0; k < out.count; k++)
        if (out.list[k].type == type && (type != FIX_ACT_SEND || out.list[k].msg_type == msg_type) &&
            i-- == 0)
            return &out.list[k];
    return NULL;
}

#define sent(t)        action(FIX_ACT_SEND, t, 0)
#define disconnected() (action(FIX_ACT_DISCONNECT, 0, 0) != NULL)

#define LOGON TIME "98=0|108=30|"
#define ORDER TIME "11=o|55=A|54=1|60=20261122-10:11:12|40=2|38=5|"

static inline void log_on(bool initiator)
{
    start(initiator);
    connect_at(NOW_NS);
    n.next_out += initiator;
    cr_assert_eq(receive("A", 1, LOGON), FIX_VERDICT_ADMIN);
    n.next_out += 2 - initiator;
    cr_assert(fix_session_is_up(&s));
    cr_assert_eq(n.next_in, 2);
}

static inline bool reject_is(int reason, uint32_t tag, uint64_t seq)
{
    const struct fix_action *a = sent('3');
    return a && a->reason == reason && a->ref_tag == tag && a->ref_seq == seq;
}

#endif
