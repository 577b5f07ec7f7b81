/* Ops control socket: a Unix socket for operators. Owner: the control core, which polls it beside the
 * replica, so that it reads the replica's state without a lock. Nothing here can slow the data path.
 *
 * Access: peer credentials; root, the user rfqd runs as, and members of its group. Anybody else is refused by
 * name.
 *
 * Protocol: one request a line: a command and its arguments, separated by blanks. The answer is lines of JSON
 * objects, and a last line {"end":true} or {"end":true,"error":"…","code":"…"}. One request at a time per
 * connection; several in a row are allowed. Commands stand in one table (commands.c): name, arguments,
 * sentence, function; `help` prints it; rfqctl's help is made of it.
 *
 * Decimals are strings, times are UTC nanoseconds as numbers and as text where people read them, ids are
 * names (R…, Q…, O…).
 *
 * Short commands answer from the replica's state, on the control core, as a whole. Long ones (dump, verify)
 * run on a thread each; what they answer is sent as it is made, in two halves of STREAM_HALF_SIZE (stream.h),
 * so that an answer of any length takes the same memory. A client may read it as slowly as it likes; the
 * thread waits, the control core never does. One that has gone ends its command, and so does the end of rfqd:
 * then the answer has no end line.
 *
 * Limits, and what happens there: OPS_CONNECTIONS_MAX: closed at once. OPS_LINE_MAX: refused by name, closed.
 * OPS_ANSWER_MAX of a short answer: closed. OPS_STALL_NS without taking a byte of what is there to be read:
 * closed. Counters: rfqd_ops_{requests,failures,refused,stalled}_total; rfqd_ops_jobs: long ones under way.
 */
#ifndef RFQD_CONTROL_OPS_H
#define RFQD_CONTROL_OPS_H

#include "control/metrics/metrics.h"
#include "control/node.h"

#define OPS_CONNECTIONS_MAX 32
#define OPS_LINE_MAX        4096
#define OPS_ANSWER_MAX      (256u * 1024u * 1024u) /* bytes of a short command's answer */
#define OPS_STALL_NS        600000000000ull

struct ops_config {
    const char *path;
    struct node *node;
    const struct config *config;
    struct counters *counters;
    struct metrics *metrics;
};

struct ops;

/* ERR_IO: errno says why; a stale socket of a dead process is replaced. */
enum err ops_create(struct ops **out, const struct ops_config *c) WARN_UNUSED;
void ops_destroy(struct ops *o);
unsigned ops_poll(struct ops *o, uint64_t now_ns);
/* `stop` was asked. */
bool ops_stop_asked(const struct ops *o);

#endif
