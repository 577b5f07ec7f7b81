/* Ops control socket: a Unix socket for operators. Owner: the control core, which polls it beside the
 * replica, so that it reads the replica's state without a lock. Agents of other cores feel nothing of it;
 * those of the same core wait for each poll, which is why it has its bounds.
 *
 * Access: peer credentials give a level (access.h): read, operate or admin. Each command names the level that
 * it takes; who has none is refused at once, and whatever is refused is refused by name and counted:
 * rfqd_ops_refused_total{reason="forbidden|level|connections"}.
 *
 * Who did what: each command of level operate or admin is a line of the journal at level info when it has
 * ended: `command`, with uid of who asked (signal: it was ours, for SIGHUP), command, arguments, outcome
 * (`done`, the code of its refusal, or `unanswered`: its client has gone before the end, or rfqd has stopped)
 * and why.
 *
 * Protocol: one request a line: a command and its arguments, separated by blanks. The answer is lines of JSON
 * objects, and a last line {"end":true} or {"end":true,"error":"…","code":"…"}. One request at a time per
 * connection; several in a row are allowed. Commands stand in one list (command_list.h): name, arguments,
 * level, sentence; `help` prints it; rfqctl's help, man page and completion are made of it.
 *
 * Decimals are strings, times are UTC nanoseconds as numbers and as text where people read them, ids are
 * names (R…, Q…, O…).
 *
 * How a command runs:
 *
 *   at once    from the replica's state, on the control core; the answer is made as a whole, and is short
 *   in steps   what has many rows, counts many things, follows the log, or waits for a checkpoint: a bounded
 *              part a poll, none while OPS_WAITING_MAX bytes wait for the client, and of a few clients a
 *              poll, who take turns; it ends with its client.
 *              Rows are as they are when their turn comes, not all of one moment
 *   asking     what another core owns: its agent is asked through its mailbox (gateway.h, engine.h), in
 *              steps as above, and the answer is given when the replica has seen in the log what came of
 *              it. Once begun it goes on without its client, because the agent's answer has to be taken
 *   a thread   what waits for a disk. What it answers is sent as it is made, in two halves of
 *              STREAM_HALF_SIZE (stream.h), so that an answer of any length takes the same memory. A client
 *              may read it as slowly as it likes; the thread waits, the control core never does. One that
 *              has gone ends it (dump, verify, events; a file or a copy is finished), and so does the end of
 *              rfqd: then the answer has no end line. What it found may go on in steps (config reload; what
 *              the log gets while events and fix log read it), and steps may come first: what the replica
 *              has of an RFQ's timeline and the store not yet; an order that may be in memory. Of each
 *              command with a thread of its own one at a time, because some take much memory (verify: a copy
 *              of the whole state): who comes second is told `busy`. events, fix log, rfq and order are not
 *              so: they are `busy` only where no thread can be had
 *
 * Limits, and what happens there: OPS_CONNECTIONS_MAX: closed at once. OPS_LINE_MAX: refused by name, closed.
 * OPS_ANSWER_MAX of an answer made at once: closed. OPS_STALL_NS without taking a byte of what is there to be
 * read: closed. Counters: rfqd_ops_{requests,failures,refused,stalled}_total; rfqd_ops_jobs: threads.
 */
#ifndef RFQD_CONTROL_OPS_H
#define RFQD_CONTROL_OPS_H

#include "control/metrics/metrics.h"
#include "control/node.h"

#define OPS_CONNECTIONS_MAX 32
#define OPS_LINE_MAX        4096
#define OPS_WAITING_MAX     (256u * 1024u)         /* bytes of an answer made in steps */
#define OPS_ANSWER_MAX      (256u * 1024u * 1024u) /* bytes of one made at once */
#define OPS_STALL_NS        600000000000ull

struct ops_config {
    const char *path;
    struct node *node;
    const struct config *config;
    const char *config_path; /* of the file it was read from: what `config reload` reads again */
    struct counters *counters;
    struct metrics *metrics;
    struct journal *journal;
};

struct ops;

/* From a thread that has every CPU which threads of commands may use: main, not a core's. ERR_IO: errno says
 * why; a stale socket of a dead process is replaced. */
enum err ops_create(struct ops **out, const struct ops_config *c) WARN_UNUSED;
void ops_destroy(struct ops *o);
unsigned ops_poll(struct ops *o, uint64_t now_ns);
/* The cores that run, for `cores`; the caller's, constant but for its counters. Before they are started. */
void ops_show_cores(struct ops *o, const struct core *cores, unsigned count);
/* `stop` was asked, or a drain has come to its end. */
bool ops_stop_asked(const struct ops *o);
/* `config reload`, asked by nobody at the socket (SIGHUP): begun by the next poll after which none is under
 * way, so that what the file says now is read. What came of it the journal says: config_reloaded, or
 * config_refused and a config_error for each error. */
void ops_reload(struct ops *o);

#endif
