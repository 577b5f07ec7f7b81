/* Inside of the gateway: connections (TCP) and channels (FIX sessions as this gateway runs them), and what
 * the files of this room give each other. Not a public face.
 *
 * One poll: what is left over of earlier polls → the port's events → commit of ring, then lanes → the
 * engines' events → ticks, reconnects, resends → commit → bytes to the port → one flush → closes.
 *
 * A batch is begun by gateway_batch_begin and counts from its first gateway_record_done on (which applies the
 * record); gateway_batch_end ends it, or forgets it when it stayed empty.
 */
#ifndef RFQD_GATEWAY_INSIDE_H
#define RFQD_GATEWAY_INSIDE_H

#include "dataplane/gateway/gateway.h"
#include "dataplane/gateway/notice.h"
#include "dataplane/gateway/sent.h"
#include "dataplane/gateway/translate.h"
#include "dataplane/model/record_add.h"

#define NO_INDEX                  UINT32_MAX
#define GATEWAY_ADMIN_SIZE_MAX    1024u /* an administrative message of ours */
#define GATEWAY_OUT_SIZE_MAX      2048u /* an application message of ours */
#define GATEWAY_RECEIVE_SIZE      (FIX_MESSAGE_SIZE_MAX + PORT_CHUNK_MAX + 16384u)
#define GATEWAY_ENGINE_ITEMS_MAX  BATCH_RECORDS_MAX /* of one lane in one poll: a release is one burst */
#define GATEWAY_PIECES_MAX        256u              /* resent messages of one poll, all sessions */
#define GATEWAY_RELEASES_MAX      64u               /* RFQs released in one flush whose times are recorded */
#define GATEWAY_RING_AHEAD        4096u             /* what a release to ten LPs writes */
#define GATEWAY_LANE_AHEAD        1024u             /* a request, or a quote */
#define GATEWAY_SENT_AHEAD        512u              /* a message */
#define GATEWAY_SENT_WARM         32u /* channels for which that is asked at one time, in turn */
#define GATEWAY_BOUNDED_SHARE     4u  /* part of a store for REACH_BOUNDED, in one absence */
#define GATEWAY_UPKEEP_NS         1000000ull
#define GATEWAY_TICK_NS           50000000ull
#define GATEWAY_CLOSE_NS          1000000000ull /* a close waits no longer for what is held back */
#define GATEWAY_LOGON_NS          10000000000ull
#define GATEWAY_LISTEN_TAG        0 /* connects have their channel + 1 */

/* Order of importance under back-pressure: how much of a ring or lane each leaves to those before it. What
 * asks for something new is refused by name at its mark. Refusals take room too, and whoever is refused may
 * ask again at once: so they have a part of their own, and never the last one, which is that of executions
 * and cancels. */
enum gateway_class {
    CLASS_SESSION,    /* logon, loss, numbers; what tells an engine of a loss */
    CLASS_ORDER,      /* executions, cancels, answers and withdrawals of LPs; what engines send */
    CLASS_REFUSAL,    /* what is refused for want of room */
    CLASS_ACCEPTANCE, /* acceptances of quotes by AJ */
    CLASS_ORDINARY,   /* requests, quotes, new orders */
};
static inline uint64_t class_reserve(uint64_t size, enum gateway_class c)
{
    switch (c) {
    case CLASS_SESSION:
        return 0;
    case CLASS_ORDER:
        return size / 8;
    case CLASS_REFUSAL:
        return size / 16 * 3;
    case CLASS_ACCEPTANCE:
        return size / 4;
    case CLASS_ORDINARY:
        break;
    }
    return size / 2;
}

struct channel;

struct connection {
    uint32_t handle;     /* of the port; PORT_CONN_NONE: this place is free */
    uint32_t channel;    /* index; NO_INDEX: no logon yet */
    uint32_t begin, end; /* bytes received and not handled: [begin, end) of buffer */
    bool paused;         /* at the port */
    bool left_over;      /* whole messages may lie in the buffer: to be gone on with in the next poll */
    bool closing;        /* nothing is read any more; closed when `close_after` is sent, or at close_by_ns */
    bool connecting;
    uint64_t close_after, close_by_ns;
    uint64_t opened_ns;
    struct sockaddr_in peer;
    uint32_t next_free;
    uint8_t *buffer; /* GATEWAY_RECEIVE_SIZE */
};

#define TYPE_SLOTS 15 /* message types that are counted apart (count.c) */

enum gateway_unsent_slot {
    UNSENT_SESSION_DOWN,
    UNSENT_STALE,
    UNSENT_LOST,
    UNSENT_LIMIT,
    UNSENT_OTHER,
    UNSENT_SLOTS
};

/* What was short when a message was refused. */
enum busy_slot {
    BUSY_LOG,  /* ring or lane at its mark, and the log says that it waits, and why */
    BUSY_RING, /* the gateway's ring: the log is behind */
    BUSY_LANE, /* the lane: its engine is behind */
    BUSY_SLOTS
};

struct channel_counters {
    counter_value *received[TYPE_SLOTS], *sent[TYPE_SLOTS];
    counter_value *unsent[UNSENT_SLOTS], *busy[BUSY_SLOTS];
    counter_value *rejected, *faults, *garbled, *gaps, *too_low, *duplicates;
    counter_value *kept, *no_room, *resends, *resent, *forgotten, *logons, *up;
};
static_assert(COUNTERS_MAX >=
                  SESSIONS_MAX * (sizeof(struct channel_counters) / sizeof(counter_value *)) + 7000,
              "each session is counted by type, beside what others count");

struct channel {
    struct gateway_session_config config;
    struct fix_session fix;
    const struct session *durable; /* in the state; changed by apply only */
    uint32_t index;
    uint32_t connection; /* index; NO_INDEX: none */
    struct sent sent;
    uint64_t bounded_size; /* bytes of REACH_BOUNDED messages kept since the last connection */
    uint64_t sent_through; /* all numbers up to it were given to the port, or will be asked for */
    /* Numbers up to durable_through are durable; up to mark_number once the ring is to mark_end (0: no mark).
     */
    uint64_t durable_through, mark_number, mark_end;
    uint32_t connections; /* how many there were; each begins with our Logon */
    bool dirty;           /* on the list of those with something to send */
    char down_why[GATEWAY_NOTICE_TEXT_SIZE]; /* of a session that is up: what its end began with; empty:
                                                nothing */
    bool down_planned;
    bool down_due;        /* the engines are to be told that it is down, as soon as there is room */
    bool resending;
    uint64_t resend_next, resend_last; /* numbers still to be gone through */
    uint64_t resend_after;             /* it begins when all up to this number has been sent first */
    uint64_t resend_asked;             /* the first number of the request */
    uint32_t resend_lacks;             /* the connection whose stream lacks it; UINT32_MAX: not known */
    uint64_t gap_from;                 /* a run to be gap-filled began here; 0: none */
    uint64_t reconnect_at_ns, reconnect_delay_ns; /* initiator */
    struct channel_counters count;
};

enum refused_slot {
    REFUSED_UNKNOWN,   /* no session with this pair of CompIDs */
    REFUSED_LIVE,      /* a second logon of a live session */
    REFUSED_NOT_LOGON, /* the first message was none */
    REFUSED_SILENT,    /* no message in time */
    REFUSED_CROWDED,   /* too many connections */
    REFUSED_STOPPING,
    REFUSED_TOO_LONG, /* a message beyond FIX_MESSAGE_SIZE_MAX */
    REFUSED_SLOTS
};

struct piece {
    uint32_t channel;
    uint32_t size;
    const char *bytes; /* in the ring */
};

/* QuoteRequests of one RFQ in the flush that is being made. */
struct release {
    uint64_t rfq;
    uint32_t count;
};

/* The operator's order under way: the asker's until it is asked, then ours until it is answered. */
struct operator_desk {
    struct mailbox box;
    struct gateway_order order;
    struct gateway_answer answer;
    bool begun;          /* its Logout is out */
    uint32_t connection; /* the channel's count of connections then */
};

struct gateway {
    struct gateway_config config; /* its pointers to sessions and listen are not used after create */
    struct ring *ring;
    struct state *state;
    struct port *port;
    uint64_t now_ns;
    bool begun; /* the open batch was begun at the state too */

    struct channel *channels;
    uint32_t channel_count;
    uint32_t by_number[SESSIONS_MAX]; /* index of the channel, or NO_INDEX */
    struct connection *connections;
    uint32_t connection_count, connection_free;
    uint32_t *by_handle; /* hash of handles: index of the connection + 1, 0: free */
    uint32_t by_handle_mask;

    uint32_t *dirty; /* channels with something to send */
    uint32_t dirty_count;
    uint32_t warm_turn;     /* channel whose store's memory is asked for next */
    uint64_t last_in[2];    /* the last message with a command from a taker, from an LP: ring position of its
                               record */
    unsigned rehearse_turn; /* which of them is next */
    struct fix_session rehearsal_session;
    char rehearsal[GATEWAY_OUT_SIZE_MAX]; /* written to and not read */
    struct release releases[GATEWAY_RELEASES_MAX];
    uint32_t release_count;
    struct piece pieces[GATEWAY_PIECES_MAX];
    uint32_t piece_count;
    uint64_t piece_bytes;
    unsigned resending; /* channels */
    unsigned left_over; /* connections */
    unsigned down_due;  /* channels */
    unsigned closing;   /* connections */
    unsigned unbound;   /* connections without a logon yet */
    uint64_t upkeep_ns; /* of the next look at connects and silent connections */
    uint32_t resend_turn;

    uint64_t tick_ns;               /* of the next round of ticks */
    uint32_t tick_next;             /* channel to go on with */
    uint64_t start_next, start_end; /* records written by gateway_start, not in their lanes yet */
    bool listening;
    bool logouts_begun;
    char stop_text[TEXT_SIZE];
    _Atomic bool stopping; /* gateway_stop, from any thread: release, after stop_text */
    _Atomic bool stopped;

    struct operator_desk operator;
    struct notice_queue notices;

    struct sockaddr_in listen;
    counter_value *connections_total, *refused[REFUSED_SLOTS], *ring_waits, *lane_waits, *number_waits,
        *unknown_sessions;
    size_t receive_buffers_size;
    uint8_t *receive_buffers;
    char *kept_buffers;         /* FIX_KEPT_SIZE for each channel: messages that came before their turn */
    struct translate_body body; /* of the event last sent */
    struct fix_msg msg;         /* of the frame at hand */
    struct fix_shapes shapes;
};

/* gateway.c: batches and lanes */
void gateway_batch_begin(struct gateway *g, const struct lane_item *cause, uint64_t origin_time_ns);
/* The record added last is whole: apply it. Returns its position. */
uint64_t gateway_record_done(struct gateway *g, const struct record *r);
void gateway_batch_end(struct gateway *g);
/* The lane by which `dest` receives this subject, NULL where there is none. */
struct lane *gateway_lane(const struct gateway *g, uint8_t dest, uint8_t subject);
/* Where an engine hears of a session of this role: what it is told about losses. */
uint8_t gateway_subject(uint8_t dest, uint32_t role);
bool gateway_ring_room(struct gateway *g, uint64_t bytes, enum gateway_class c);
bool gateway_lane_room(struct lane *l, uint64_t bytes, enum gateway_class c);
struct channel *gateway_channel(struct gateway *g, uint32_t number);

/* warm.c: struct agent's warm */
void gateway_warm(void *self, bool long_idle);

/* start.c */
/* Put into their lanes what gateway_start wrote. False: no room yet. */
bool start_deliver(struct gateway *g);

/* connection.c */
struct connection *connection_of(struct gateway *g, uint32_t handle);
unsigned connection_events(struct gateway *g);
unsigned connection_left_overs(struct gateway *g);
unsigned connection_upkeep(struct gateway *g);                  /* connects, silent ones, closes */
void connection_close(struct gateway *g, struct connection *c); /* now; its session has lost it */
void connection_refuse(struct gateway *g, struct connection *c, enum refused_slot why);
/* Stop reading; close when all numbered so far has left. */
void connection_finish(struct gateway *g, struct connection *c);

/* channel.c */
#define CHANNEL_ROOM                                                                                      \
    (sizeof(struct batch) + (FIX_ACTIONS_MAX + 1) * (sizeof(struct gateway_out) + GATEWAY_OUT_SIZE_MAX) + \
     6 * sizeof(struct gateway_session_state) + sizeof(struct gateway_session_reset))
#define CHANNEL_LANE_ROOM                                                                         \
    (4 * (LANE_ITEM_HEADER_SIZE + sizeof(struct gateway_session_state)) + LANE_ITEM_HEADER_SIZE + \
     sizeof(struct gateway_session_numbers))
/* True if all that the session layer may do at one message or tick has room, in ring, lanes and store; beside
 * `more` bytes of a message in the ring. */
bool channel_room(struct gateway *g, const struct channel *ch, uint64_t more, enum gateway_class c);
/* The first number that the store must not evict. */
uint64_t channel_keep(const struct channel *ch);
struct fix_session_numbers channel_numbers(const struct channel *ch);
void channel_connected(struct gateway *g, struct channel *ch, struct connection *c);
/* Whatever the reason: the session has no connection any more. */
void channel_lost(struct gateway *g, struct channel *ch);
bool channel_tell_down(struct gateway *g, struct channel *ch);
unsigned channel_ticks(struct gateway *g);
unsigned channel_upkeep(struct gateway *g); /* down states that had no room, logouts of a stop */
/* Why a session that is up goes down: the first that is said counts. */
void channel_why(struct channel *ch, bool planned, const char *text);
/* The same, or why a Logon was refused, of what the session has made of a message (NULL: of the time), before
 * it is done. */
void channel_explain(struct gateway *g, struct channel *ch, const struct fix_msg *m,
                     const struct fix_actions *acts);
/* Do, inside the open batch, what the session says. `reset` ones are done first, by channel_resets. */
void channel_resets(struct gateway *g, struct channel *ch, const struct fix_actions *acts);
void channel_act(struct gateway *g, struct channel *ch, const struct fix_actions *acts);
void channel_send_admin(struct gateway *g, struct channel *ch, const struct fix_action *a);
/* After the batch: closes, told states. */
void channel_after(struct gateway *g, struct channel *ch, const struct fix_actions *acts);
/* Logout with this text, where there is room for it, and the end of the connection behind it. */
void channel_end(struct gateway *g, struct channel *ch, const char *text);
static inline bool channel_is_up(const struct channel *ch)
{
    return ch->connection != NO_INDEX && fix_session_is_up(&ch->fix);
}

/* Both numbers 1, into the open batch; the engines hear of it as of a loss. */
void channel_reset(struct gateway *g, struct channel *ch);
/* Whom numbers that are set anew concern: routing, which has orders at LPs. */
static inline uint8_t channel_numbers_dest(const struct channel *ch)
{
    return ch->config.role == ROLE_LP ? AGENT_ROUTING : AGENT_NONE;
}
/* The GATEWAY_SESSION_RESET or _NUMBERS at this position, to whom it is addressed. */
void channel_tell_numbers(struct gateway *g, uint64_t position, const struct record *ev);
/* The durable numbers are others: what was kept was numbered before. */
void channel_renumbered(struct gateway *g, struct channel *ch);
/* A state to both engines, into the open batch. */
void channel_tell(struct gateway *g, struct channel *ch, enum session_status state);

/* operator.c */
enum order_end { ORDER_NONE, ORDER_GOES_ON, ORDER_ENDED };
enum order_end operator_poll(struct gateway *g);
/* Of an order that has ended, after the commit. */
void operator_answer(struct gateway *g);

/* inbound.c */
enum taken { TAKEN, TAKEN_NOT, TAKEN_CLOSED };
/* One whole frame of a connection, parsed into g->msg. TAKEN_NOT: no room, again later. */
enum taken inbound_take(struct gateway *g, struct connection *c, enum err parse_error);
/* Is the next message in order one that was kept? Then it goes before the connection's next frame. */
bool inbound_has_kept(const struct gateway *g, const struct connection *c);
enum taken inbound_take_kept(struct gateway *g, struct connection *c);
/* The last messages with a command once more, read and given to nobody; a taker's and an LP's in turn. */
void inbound_rehearse(struct gateway *g);
bool inbound_redeliver(struct gateway *g, const struct gateway_in *in, uint64_t position,
                       uint64_t origin_time_ns);

/* outbound.c */
/* False: no room, it stays in its lane. */
bool outbound_take(struct gateway *g, const struct lane_item *item);
unsigned outbound_lane(struct gateway *g, struct lane *l);
/* A record for a message with the next number; bytes are encoded into it by the caller, then: */
struct gateway_out *outbound_add(struct gateway *g, struct channel *ch, uint32_t room);
/* Numbered, applied, kept and queued. bytes: somewhere inside the record's room. */
/* The last number that may leave now, by how far the ring is durable: ch->durable_through follows it. */
uint64_t outbound_may_leave(const struct gateway *g, struct channel *ch, uint64_t durable);
void outbound_done(struct gateway *g, struct channel *ch, struct gateway_out *rec, const char *bytes,
                   size_t size, uint16_t kind, bool admin, const struct outbound *out);
/* GATEWAY_UNSENT into the open batch and its lane. */
void outbound_unsent(struct gateway *g, uint8_t engine, uint32_t session, uint32_t role,
                     const struct outbound *out, uint32_t reason);
#define UNSENT_LANE_ROOM (LANE_ITEM_HEADER_SIZE + sizeof(struct gateway_unsent))
void outbound_dirty(struct gateway *g, struct channel *ch);
/* All that may leave now to the port. */
unsigned outbound_transmit(struct gateway *g);

/* resend.c */
void resend_begin(struct gateway *g, struct channel *ch, uint64_t from, uint64_t to);
void resend_end(struct gateway *g, struct channel *ch);
unsigned resend_poll(struct gateway *g);

/* count.c */
void count_create(struct gateway *g, struct counters *counters);
unsigned count_slot(uint32_t kind);
void count_unsent(struct channel *ch, uint32_t reason);

#endif
