/* The FIX session as a pure state machine: time and parsed messages in; decisions out. It owns no socket, no
 * clock, no file, no buffer. The gateway frames bytes, asks the session what a message means, records it, and
 * does what it says.
 *
 * Durable part (struct fix_session_numbers): kept by the caller in its record; the caller advances it only
 * through what it records: every inbound message that is accepted (administrative ones too) is one `in` with
 * its number, every outbound one an `out` with its number. So numbers after a crash are last `in` + 1 and
 * last `out` + 1, with no reset.
 *
 * Call order: fix_session_init → (connection) fix_session_connected → fix_session_message per frame and
 * fix_session_tick at least every 100 ms → fix_session_disconnected.
 *
 * Each call fills a `struct fix_actions`: what to do, in order. An action SEND names an administrative
 * message that the caller encodes with fix_session_encode() under the next outbound number and records before
 * it leaves. The caller does RESET first if it is there, then records the inbound message as the verdict
 * says, then does the other actions.
 *
 * Who checks what: the session checks the standard header, the sequence and (config.validate) the dictionary,
 * for messages in order only. User name and password of a Logon are the caller's to check before it hands the
 * Logon in; so is that a live session is not logged on to twice, and that the connection's first message
 * names this session.
 *
 * A gap: a message whose number is too high is kept, in memory that the caller gives (fix_session_keep), and
 * what is missing before it is asked for, up to its number and no further. When that has come, the caller
 * takes what is kept, number by number, before it reads on from the connection: fix_session_kept says whether
 * there is one, fix_session_take takes it. So each message is sent once, and the peer is asked once for each
 * hole; the request is repeated only when nothing has come for FIX_GAP_PATIENCE_NS.
 *   What is kept is a copy of what the peer will send again if it is asked: nothing is recorded of it before
 * its turn, and a crash, the end of the connection, a reset or a SequenceReset loses it without harm, for the
 * number expected has not moved. It changes how much is sent, never what is taken: what a gap fill passes
 * over is not taken although it is kept, as it would not be if it were asked for again.
 *   No memory, or no room in it: the message is dropped (no_room says so) and asked for when the gap
 * before it has closed; if nothing at all is kept behind a gap, by a request without end (0).
 *
 * What has arrived: after logon the session sends a TestRequest, the probe. Its answer (FIX_ACT_SYNCED)
 * proves that the peer had read all that we had sent before, and had asked for what it lacked: a resend makes
 * a new probe.
 *
 * Rules: FIX 4.4 volume 2 (session protocol) and its test cases; spec/60. ResetSeqNumFlag is honoured when
 * the peer sends it and the session's configuration admits it; we never ask for it unless configured.
 */
#ifndef RFQD_FIX_SESSION_H
#define RFQD_FIX_SESSION_H

#include "fix/encode.h"
#include "fix/kept.h"
#include "fix/msg.h"

struct fix_session_config {
    char sender[ID_TEXT_SIZE]; /* our CompID (49 out, 56 in) */
    char target[ID_TEXT_SIZE]; /* the peer's */
    bool initiator;
    uint32_t
        heartbeat_s; /* HeartBtInt we ask for (initiator) or admit at most (acceptor: what the peer asks) */
    uint32_t logon_timeout_ms;
    uint32_t logout_timeout_ms;
    uint32_t time_tolerance_s; /* SendingTime accuracy, 120; 0: not checked */
    bool admit_reset;          /* accept 141=Y */
    bool reset_on_logon;       /* initiator: send 141=Y: for tests and for peers that demand it */
    enum fix_time_precision precision;
    bool validate;        /* messages in order: against the dictionary, refusals become Reject */
    bool admit_user_tags; /* tags from 5000 on */
    bool next_expected;   /* send NextExpectedMsgSeqNum (789); a peer's is always honoured */
    /* ask for so many messages at a time at most, FIX_RESEND_CHUNK_MIN or more; 0: for all, with end 0 */
    uint32_t resend_chunk;
    bool test_message;                                   /* initiator: TestMessageIndicator=Y */
    char username[ID_TEXT_SIZE], password[ID_TEXT_SIZE]; /* initiator: 553, 554; empty: not sent */
};

/* Each request is a message too, which a peer with a gap of its own lacks: by fewer, two gaps would never
 * close. */
#define FIX_RESEND_CHUNK_MIN 8

#define FIX_GAP_PATIENCE_NS 10000000000ull

enum fix_session_state {
    FIX_DISCONNECTED,
    FIX_LOGON_SENT, /* initiator: waiting for the peer's Logon */
    FIX_LOGON_WAIT, /* acceptor: connected, waiting for Logon */
    FIX_UP,         /* logged on; in_sync says whether a gap is being filled */
    FIX_LOGOUT_SENT,
};

/* Durable: last accepted + 1, last assigned + 1; a reset makes a new generation, both 1. */
struct fix_session_numbers {
    uint64_t next_in;
    uint64_t next_out;
};

struct fix_session {
    struct fix_session_config config;
    struct fix_template template;
    enum fix_session_state state;
    uint64_t last_received_ns, last_sent_ns, state_since_ns;
    uint32_t heartbeat_s;  /* in force */
    uint64_t gap_until;    /* a ResendRequest is out for messages before this number; 0: none */
    bool gap_endless;      /* that request has no end: all that came too high comes again by it */
    uint64_t gap_seen;     /* the highest number that came too high */
    uint64_t gap_asked_ns; /* or when the last of them came */
    bool test_request_out; /* we await the Heartbeat that answers our TestRequest */
    uint64_t test_request_ns;
    uint64_t
        test_request_id; /* of the last TestRequest; rises from the time of connection, so never used twice */
    bool probe_out;      /* the TestRequest after logon is out: its answer proves what the peer has */
    uint64_t probe_id, probe_ns;
    bool logout_received;
    struct fix_kept kept;
};

enum fix_verdict {
    FIX_VERDICT_APPLICATION, /* in order: record it and hand it on */
    FIX_VERDICT_ADMIN,       /* in order, consumed by the session: record its number, nothing to hand on */
    FIX_VERDICT_REJECTED,    /* in order but refused (Reject is among the actions): record its number */
    FIX_VERDICT_IGNORED,     /* not in order or a known duplicate: do not record */
    FIX_VERDICT_KEPT,        /* not in order yet, and kept until it is: do not record */
    FIX_VERDICT_ADVANCE,     /* SequenceReset: the inbound number goes to `advance_to` without the messages
                                between */
};

enum fix_action_type {
    FIX_ACT_SEND,       /* an administrative message: encode with fix_session_encode */
    FIX_ACT_RESEND,     /* the peer asks for [from, to] (to already bounded by next_out - 1): resend from the
                           store */
    FIX_ACT_DISCONNECT, /* close the connection after what was sent */
    FIX_ACT_UP,         /* logon completed */
    FIX_ACT_SYNCED, /* the probe after logon was answered: all we sent before it, and were not asked for, has
                       arrived */
    FIX_ACT_RESET,  /* both numbers become 1, a new generation starts: record it before anything else.
                       next_in becomes 2 by the Logon that asked for it being recorded as `in` 1 afterwards */
};

struct fix_action {
    enum fix_action_type type;
    char msg_type;     /* SEND: '0' '1' '2' '3' '4' '5' 'A' */
    uint64_t from, to; /* RESEND; SEND '2' (ResendRequest): BeginSeqNo, EndSeqNo (0: all) */
    uint64_t test_id;  /* SEND '1' */
    uint32_t ref_tag;  /* SEND '3' */
    uint64_t ref_seq;
    uint32_t ref_type;
    int reason;
    bool flag;      /* SEND 'A': ResetSeqNumFlag */
    char echo[64];  /* SEND '0': the TestReqID to echo, empty if none */
    char text[128]; /* SEND '3', '5' */
};

#define FIX_ACTIONS_MAX 8
struct fix_actions {
    unsigned count;
    struct fix_action list[FIX_ACTIONS_MAX];
    enum fix_verdict verdict; /* of fix_session_message */
    uint64_t advance_to;
    bool no_room;     /* a message too high found no room to be kept */
    bool too_low;     /* its number was used before, and it does not say that it is a duplicate */
    bool duplicate;   /* its number was used before, and it says so */
    bool fault;       /* a Logout among the actions says what was wrong: the session ends, or never began */
    const char *note; /* why something was ignored, rejected or closed: static, for counters and the log */
};

void fix_session_init(struct fix_session *s, const struct fix_session_config *c);
/* Memory for messages that come before their turn, the caller's, once after init; FIX_KEPT_SIZE or less. */
static inline void fix_session_keep(struct fix_session *s, void *memory, size_t size)
{
    fix_kept_init(&s->kept, memory, size);
}
void fix_session_connected(struct fix_session *s, const struct fix_session_numbers *n, uint64_t now_ns,
                           struct fix_actions *out);
/* m is one framed and parsed message; parse_error: what fix_parse said. After FIX_ACT_DISCONNECT the session
 * takes nothing more of this connection: messages behind are FIX_VERDICT_IGNORED. */
void fix_session_message(struct fix_session *s, const struct fix_session_numbers *n, const struct fix_msg *m,
                         enum err parse_error, uint64_t now_ns, struct fix_actions *out);
/* The bytes of the message whose number is the one expected, if it is kept: then it goes before all that the
 * connection has. NULL: it is not. They lie there until the next fix_session_message. */
const char *fix_session_kept(const struct fix_session *s, const struct fix_session_numbers *n, size_t *size);
/* Take it: m and parse_error are what fix_parse makes of those bytes. */
void fix_session_take(struct fix_session *s, const struct fix_session_numbers *n, const struct fix_msg *m,
                      enum err parse_error, uint64_t now_ns, struct fix_actions *out);
void fix_session_tick(struct fix_session *s, const struct fix_session_numbers *n, uint64_t now_ns,
                      struct fix_actions *out);
/* Begin a logout: text goes into 58. Before logon, or once it has begun: disconnects, or does nothing. */
void fix_session_logout(struct fix_session *s, const char *text, uint64_t now_ns, struct fix_actions *out);
void fix_session_disconnected(struct fix_session *s, uint64_t now_ns);
/* Something was sent (heartbeat timing). */
static inline void fix_session_sent(struct fix_session *s, uint64_t now_ns)
{
    s->last_sent_ns = now_ns;
}
static inline bool fix_session_is_up(const struct fix_session *s)
{
    return s->state == FIX_UP;
}

/* Encode an administrative message for a SEND action under number seq; next_in: the number expected now (for
 * 789). ERR_LIMIT: the room is too small (1 KiB is enough for any). */
enum err fix_session_encode(struct fix_session *s, const struct fix_action *a, uint64_t seq, uint64_t next_in,
                            uint64_t now_ns, char *room, size_t room_size, const char **bytes,
                            size_t *size) WARN_UNUSED;
/* SequenceReset-GapFill 34=from, 36=next, PossDupFlag=Y, OrigSendingTime=SendingTime. */
enum err fix_encode_gap_fill(struct fix_template *t, uint64_t from, uint64_t next, uint64_t now_ns,
                             char *room, size_t room_size, const char **bytes, size_t *size) WARN_UNUSED;

#endif
