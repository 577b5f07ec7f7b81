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
 * names (R…, Q…, O…). Limits: OPS_CONNECTIONS_MAX, OPS_LINE_MAX, OPS_ANSWER_MAX bytes waiting for a client
 * that does not read: then it is closed.
 */
#ifndef RFQD_CONTROL_OPS_H
#define RFQD_CONTROL_OPS_H

#include "control/node.h"

#define OPS_CONNECTIONS_MAX 32
#define OPS_LINE_MAX        4096
#define OPS_ANSWER_MAX      (256u * 1024u * 1024u) /* bytes of one answer, a dump included */

struct ops_config {
    const char *path;
    struct node *node;
    const struct config *config;
    struct counters *counters;
};

struct ops;

/* ERR_IO: errno says why; a stale socket of a dead process is replaced. */
enum err ops_create(struct ops **out, const struct ops_config *c) WARN_UNUSED;
void ops_destroy(struct ops *o);
unsigned ops_poll(struct ops *o, uint64_t now_ns);
/* `stop` was asked. */
bool ops_stop_asked(const struct ops *o);

#endif
