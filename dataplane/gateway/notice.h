/* Notices: what an operator is to hear of that leaves no record, or not its reason: logons that were refused,
 * and why a session went down. The gateway prints nothing: it puts a notice into a queue of its own, and the
 * control core takes it (gateway_notice) and says it.
 *
 * Limits. Of refused logons GATEWAY_REFUSALS_PER_S are told in a second, so that a peer that tries again and
 * again does not hide all else; how many were left out is a notice of its own when the second is over. They
 * take no more than half of the queue's GATEWAY_NOTICES places; the rest is for reasons. What finds no place
 * is lost: rfqd_gateway_notices_lost_total{gateway}. Each refusal is counted in any case
 * (rfqd_fix_refused_total, rfqd_fix_faults_total).
 *
 * A session's reason is in the queue before the record that it is down is committed: who sees the record
 * finds it there.
 *
 * Owner: the gateway's thread puts, one other takes.
 */
#ifndef RFQD_GATEWAY_NOTICE_H
#define RFQD_GATEWAY_NOTICE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/limits.h"
#include "fix/msg.h"

#define GATEWAY_NOTICES          2048u /* a power of two: all sessions may go down at once */
#define GATEWAY_REFUSALS_PER_S   10u
#define GATEWAY_NOTICE_TEXT_SIZE 192u

enum gateway_notice_kind {
    GATEWAY_LOGON_REFUSED,     /* peer, sender, target, text */
    GATEWAY_REFUSALS_LEFT_OUT, /* count: of the kind above */
    GATEWAY_WENT_DOWN,         /* session, planned, text */
};

/* Texts of peers are without control characters: they are '?' here. */
struct gateway_notice {
    enum gateway_notice_kind kind;
    uint32_t session;
    bool planned; /* by us: a stop, or an operator */
    uint64_t count;
    struct sockaddr_in peer;
    char sender[ID_TEXT_SIZE],
        target[ID_TEXT_SIZE];            /* as the Logon had them, cut to fit; empty: it had none */
    char text[GATEWAY_NOTICE_TEXT_SIZE]; /* why */
};

struct notice_queue {
    struct gateway_notice places[GATEWAY_NOTICES];
    uint64_t second_ns; /* the end of the second that refusals are counted in */
    uint32_t refusals;  /* told in it */
    uint64_t left_out;  /* not told, and not said to be */
    counter_value *lost;
    _Alignas(64) _Atomic uint64_t tail; /* the gateway's: release, when the place is filled */
    _Alignas(64) _Atomic uint64_t head; /* the taker's: release, when the place is read */
};

/* A Logon that was refused, or a connection on which none came; m: the message, NULL where there is none. */
void notice_refused(struct notice_queue *q, uint64_t now_ns, const struct sockaddr_in *peer,
                    const struct fix_msg *m, const char *text);
void notice_down(struct notice_queue *q, uint32_t session, bool planned, const char *text);
/* When a second is over: how many were left out in it. */
void notice_upkeep(struct notice_queue *q, uint64_t now_ns);
/* False: there is none. */
bool notice_take(struct notice_queue *q, struct gateway_notice *out);
/* What a peer sent, behind what stands in `out` already, a zero behind it; cut to fit. */
void notice_add_field(char *out, size_t size, const struct fix_msg *m, uint32_t tag);

#endif
