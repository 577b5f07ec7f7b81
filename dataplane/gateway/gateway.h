/* Gateway: sessions on connections. Joins the port, FIX and the model: bytes come in, become records in its
 * ring and commands in lanes; events addressed to its sessions come by lanes, become records in its ring and
 * bytes to the port. An agent; owner of connections and sequence numbers. One instance for each receive
 * queue.
 *
 * In:  frame → session says what it means → GATEWAY_IN (number, raw bytes) and, for an application message,
 * the command in the lane of its subject, in one batch with what the session layer answers; room in ring,
 * lanes and store is asked for before. Ring commit, then lane commit, once per receive burst. No room: the
 * rest stays unread, the connection is paused, and goes on when room returns; silence of a connection that is
 * not read is not held against it. Ring and lanes keep a part for what is more important: half is for
 * requests, new orders and quotes too, three quarters for acceptances (AJ), thirteen sixteenths for refusals,
 * seven eighths for executions, cancels, answers and withdrawals of LPs and events of the engines, all for
 * session states and what tells an engine of a loss. What asks for something new and has no room is refused,
 * recorded and counted, its text saying why: R by AG, D by 8 (OrderID NONE: no ClOrdID was used up), AJ and S
 * by AI; with PossResend any of them by j (380=4), which says nothing of what may have been taken before. So
 * its sender may ask again, and what lies behind it on its connection is not held up; but a taker
 * whose numbers are OUT_NUMBERS_ASKING_MAX ahead of the disk is read no further than what asks for something
 * new. What cannot be read
 * into a command is answered by Reject (3) naming field and limit; what this side may not send, or we do not
 * take, by BusinessMessageReject (j): both in the batch of their GATEWAY_IN, which is then addressed to
 * nobody. Out: event → next number → encoded into the ring as GATEWAY_OUT with the event as cause → commit →
 * port_send → one flush per poll, so that a release to k LPs is one burst. At level `synced` the bytes wait
 * until the ring's durable position has passed their record; order within the session is kept. Session not
 * up: must_reach events are numbered and kept (the peer asks for them after logon), quotes, their
 * withdrawals and refusals up to a quarter of the store, so that no LP pushes out what else is to be learnt; all others become
 * GATEWAY_UNSENT, addressed to the engine they came from. So does what has expired, and what the peer asks
 * for again when it may not be sent any more (then it is gap-filled) and certainly did not arrive: reason
 * LOST (resend.c). A session that holds back more than its store has room for stops the engine's lane, not
 * the numbers. A peer's Reject (3) or BusinessMessageReject (j) is matched by RefSeqNum (45) with what was
 * sent under that number. Session states go to routing by the order lane, and to distribution by the lane of
 * the session's role (taker: request, LP: quote), each as a record of its own: a fence between what came
 * before and after. A reset of the numbers of a live session is told as DOWN and UP.
 *
 * Commands that an engine gets (dest, lane) by MsgType and role: translate_in.c; events that are sent:
 * translate_out.c.
 *
 * Start: gateway_create with the recovered state → gateway_restore_sent for what may be asked for again,
 * oldest first → gateway_redeliver for each record of its ring that an engine has not consumed, in order →
 * gateway_start → polling. (Start and redelivery may change places: what start writes is put into the lanes
 * by the first poll.)
 *
 * Threads: all from one thread before polling; then the polling one, but for gateway_stop, gateway_stopped,
 * gateway_ask, gateway_answered and gateway_notice.
 *
 * Password (554), NewPassword (925), their encrypted forms (1402, 1404) and RawData (96) of a Logon are
 * recorded as '*': a secret does not go to the log. (Checking a peer's password is not done: sessions are
 * told apart by CompIDs.)
 *
 * Counters: rfqd_fix_{received,sent}_total{session,type},
 * rfqd_fix_{rejected,faults,garbled,gaps,too_low,duplicates}_total{session},
 * rfqd_fix_{kept,kept_no_room,resend_requests,resent,forgotten,logons}_total{session},
 * rfqd_fix_session_up{session}, rfqd_fix_{unsent,busy}_total{session,reason},
 * rfqd_fix_refused_total{gateway,reason}, rfqd_fix_connections_total{gateway},
 * rfqd_gateway_{ring,lane,number}_waits_total{gateway},
 * rfqd_gateway_{unknown_sessions,notices_lost}_total{gateway}.
 *
 * Source: spec/60; FIX 4.4 volumes 2 to 4.
 */
#ifndef RFQD_GATEWAY_GATEWAY_H
#define RFQD_GATEWAY_GATEWAY_H

#include <netinet/in.h>

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/gateway/notice.h"
#include "dataplane/model/event.h"
#include "dataplane/model/gateway.h"
#include "dataplane/net/port.h"
#include "dataplane/ring/lane.h"
#include "dataplane/ring/ring.h"
#include "fix/session.h"

#define GATEWAY_SPARE_CONNECTIONS 32u /* accepted and not logged on yet, beyond one for each session */

enum durability_level { LEVEL_COMMITTED, LEVEL_SYNCED };

struct gateway_session_config {
    char name[ID_TEXT_SIZE];
    uint32_t number; /* durable: by name from the state, or the next free one (the wiring decides) */
    enum session_role role;
    struct fix_session_config fix;
    enum durability_level level;
    /* initiator only */
    struct sockaddr_in address;
    struct sockaddr_in local;    /* sin_port 0: any */
    uint64_t reconnect_first_ns; /* doubled up to reconnect_max_ns, back to first after a logon */
    uint64_t reconnect_max_ns;
    /* how long after its first sending a message is still sent again, where it carries no expiry of its own
     * and need not reach; 0: for ever */
    uint64_t resend_age_max_ns;
};

struct log; /* storage/log: a name only */

struct gateway_config {
    uint8_t agent; /* AGENT_GATEWAY + n */
    struct ring *ring;
    struct gateway_state *state;
    struct port *port;
    struct lane *order, *request, *quote;          /* to routing; to distribution */
    struct lane *from_distribution, *from_routing; /* LANE_ENGINE */
    const struct sockaddr_in *listen;              /* NULL: no acceptors */
    const struct gateway_session_config *sessions;
    unsigned session_count;
    uint32_t resend_store_size; /* bytes of sent messages kept in memory per session (what is older is
                                   gap-filled and counted) */
    struct counters *counters;
    /* What GATEWAY_OUT is stamped with: the time of each message, so that the messages of one release are
     * told apart. NULL: the time of the poll (simulation). It may not run behind the time of polls. */
    uint64_t (*clock)(void);
    /* Why the log takes nothing for now, NULL when it does; static text, which refusals at a mark name. Asked
     * with `log`. NULL: not known here. */
    const char *(*log_stalled)(const struct log *log);
    const struct log *log;
};

struct gateway;

/* Takes all memory: for each session its store (bytes, and five quarters of them for entries) and
 * FIX_KEPT_SIZE for messages before their turn, for each possible connection 144 KiB of receive buffer.
 * Errors: ERR_MEMORY, ERR_LIMIT (sessions, or a number not below SESSIONS_MAX), ERR_EXISTS (two sessions with
 * the same number or the same pair of CompIDs). */
enum err gateway_create(struct gateway **out, const struct gateway_config *c) WARN_UNUSED;
void gateway_destroy(struct gateway *g); /* closes nothing at the port: as kill -9 would */
struct agent gateway_agent(struct gateway *g);

/* A message sent in the session's present generation; others, and messages sent again, are passed over. */
void gateway_restore_sent(struct gateway *g, const struct gateway_out *sent);
/* GATEWAY_STARTED and a GATEWAY_SESSION_SET for each new or changed session; after a power cut numbers jump
 * by reserved_out. A session that the state holds for up is down now: GATEWAY_SESSION_STATE to the engines,
 * by the first poll, so behind all that is redelivered. Listens. Committed when it returns. Once. Errors:
 * ERR_IO (address in use), ERR_LIMIT (the port's listeners), ERR_FULL (the ring has no room for it: let the
 * log agent merge, then again). */
enum err gateway_start(struct gateway *g, uint64_t now_ns, uint64_t reserved_out) WARN_UNUSED;
/* A record addressed to an engine, at its ring position; messages are read out of their bytes again. False:
 * the lane is full: let the engine run, then again. */
bool gateway_redeliver(struct gateway *g, const struct record *r, uint64_t position, uint64_t origin_time_ns);

/* Begin a planned stop: the next poll sends Logout on all sessions with `text` (cut to TEXT_SIZE); no new
 * connections. A peer that does not answer is closed by the session's own limit. Any thread; a second call
 * does nothing. */
void gateway_stop(struct gateway *g, const char *text, uint64_t now_ns);
/* All sessions are down and the engines have been told. Any thread. */
bool gateway_stopped(const struct gateway *g);

/* What an operator asks of one session. Recorded as any other change; answered when the record is committed:
 * `position` is the ring's end behind it.
 *
 *   LOGOUT   Logout with `text`; done when that connection is gone. Not up: SAID_DOWN
 *   RESET    both numbers 1 (GATEWAY_SESSION_RESET). Connected: SAID_CONNECTED
 *   NUMBERS  next_in and next_out, both from 1 (GATEWAY_SESSION_NUMBERS). Connected: SAID_CONNECTED
 *   TELL     its state to the engines once more, where it is not down: an LP or taker has been put on it
 *
 * RESET and NUMBERS begin a new generation and forget what was kept for the peer, as a reset by the peer
 * does. An attempt to connect is no connection. */
enum gateway_order_kind { GATEWAY_LOGOUT, GATEWAY_RESET, GATEWAY_NUMBERS, GATEWAY_TELL };
enum gateway_said { GATEWAY_SAID_DONE, GATEWAY_SAID_DOWN, GATEWAY_SAID_CONNECTED, GATEWAY_SAID_UNKNOWN };
struct gateway_order {
    enum gateway_order_kind kind;
    uint32_t session;
    uint64_t next_in, next_out;
    char text[TEXT_SIZE];
};
struct gateway_answer {
    enum gateway_said said;
    uint64_t position;
    uint64_t generation, next_in, next_out; /* of the session now */
};
/* One thread (control). False: another is under way. */
bool gateway_ask(struct gateway *g, const struct gateway_order *order);
/* The same thread. False: not yet. */
bool gateway_answered(struct gateway *g, struct gateway_answer *out);

/* What an operator is to hear of (notice.h), oldest first. One thread (control). False: there is nothing. */
bool gateway_notice(struct gateway *g, struct gateway_notice *out);

/* Earliest time at which it has something to do by itself (heartbeats, reconnects): simulation. */
uint64_t gateway_next_deadline(const struct gateway *g);

#endif
