/* Notices: what an operator is told without asking, in the journal: sessions up and down, executions that do
 * not fit, a log that waits and goes on, a store that fails, a replica that differs. Owner: the control core.
 * It reads the replica's copies, the log's faces and the gateway's notices, and keeps of them what it has
 * said last.
 *
 *   event             level    fields
 *   session_up        info     session, role, target, next_in, next_out
 *   session_down      warning  the same, and reason; info where it was planned: a stop, or an operator
 *   logon_refused     warning  peer, sender, target, reason: CompIDs as the Logon had them
 *   logons_refused    warning  left_out: more of them in a second than are said one by one
 *   execution_break   error    reason, session, order, rfq, quantity, price, exec_id, lp_order_id
 *   log_waits         warning  why
 *   log_goes_on       info
 *   store_failed      error    why
 *   store_goes_on     info
 *   replica_diverged  error    why
 *
 * session_synced is said at debug: it follows each session_up.
 */
#ifndef RFQD_CONTROL_NOTICES_H
#define RFQD_CONTROL_NOTICES_H

#include "control/journal/journal.h"
#include "control/node.h"

#define NOTICES_INTERVAL_NS 100000000ull

struct notices {
    struct journal *journal;
    const struct node *node;
    uint64_t next_ns;
    const char *log_waits; /* what was said last; NULL: all is well */
    bool store_failed, diverged;
    uint8_t sessions[SESSIONS_MAX]; /* enum session_status, by number; 0: never seen */
    struct notices_end {
        bool planned;
        char why[GATEWAY_NOTICE_TEXT_SIZE];
    } ends[SESSIONS_MAX]; /* by number: of the session's last, which the gateway has told of; empty: of none
                             that is not said */
};

/* After the node was opened: what recovery found is not news. */
void notices_init(struct notices *n, struct journal *journal, const struct node *node);
/* A batch that the replica has applied. */
void notices_batch(struct notices *n, const struct batch *b);
void notices_poll(struct notices *n, uint64_t now_ns);

#endif
