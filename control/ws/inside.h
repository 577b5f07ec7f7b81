/* Inside of the WebSocket server: its files' shared structures. Not a public face. */
#ifndef RFQD_CONTROL_WS_INSIDE_H
#define RFQD_CONTROL_WS_INSIDE_H

#include <json-c/json.h>
#include <wslay/wslay.h>

#include "control/ws/ws.h"

#define S_NS            1000000000ull
#define WS_GATHERED_MAX 64u /* bits of ws_conn.due */

/* Each is told of in ws.h. */
#define REFUSALS(X)                                      \
    X(WS_REFUSED_UPGRADE, "upgrade")                     \
    X(WS_REFUSED_ORIGIN, "origin")                       \
    X(WS_REFUSED_GOING_AWAY, "going_away")               \
    X(WS_REFUSED_MEMORY, "memory")                       \
    X(WS_REFUSED_TOKEN, "token")                         \
    X(WS_REFUSED_NO_TOKEN, "no_token")                   \
    X(WS_REFUSED_OTHER_USER, "other_user")               \
    X(WS_REFUSED_TENANT_LIMIT, "connections_per_tenant") \
    X(WS_REFUSED_JSON, "json")                           \
    X(WS_REFUSED_RATE, "rate")                           \
    X(WS_REFUSED_SUBSCRIPTIONS, "subscriptions")         \
    X(WS_REFUSED_COMMANDS, "commands")                   \
    X(WS_REFUSED_REQUEST, "request")                     \
    X(WS_REFUSED_NOT_SUBSCRIBED, "not_subscribed")       \
    X(WS_REFUSED_NOT_NOW, "not_now")                     \
    X(WS_REFUSED_UNRECOVERABLE, "unrecoverable")         \
    X(WS_REFUSED_STORE, "store")                         \
    X(WS_REFUSED_UNAVAILABLE, "unavailable")
enum ws_refusal {
#define X(name, text) name,
    REFUSALS(X)
#undef X
        WS_REFUSALS
};

/* Close codes that are counted by name. */
#define CLOSE_CODES(X) X(1000) X(1001) X(1002) X(1003) X(1007) X(1008) X(1009) X(1013)
enum {
#define X(code) CODE_##code,
    CLOSE_CODES(X)
#undef X
        WS_CODES
};

/* What a subscription is to. */
enum topic_kind { TOPIC_RFQ, TOPIC_TRADER, TOPIC_TENANT };

struct topic;
struct ws_conn;

/* One connection's place under one topic; in two lists. */
struct subscription {
    struct topic *topic;
    struct ws_conn *conn;
    struct subscription *topic_next, *topic_prev, *conn_next;
};

struct topic {
    enum topic_kind kind;
    uint64_t id; /* RFQ; hash of tenant and taker; tenant's number */
    struct subscription *first;
    struct topic *hash_next;
};

/* Events that a newer one makes worthless: of the same RFQ; of a quote, the one that replaces it. Each is a
 * label of rfqd_ws_coalesced_total. */
#define PASSING(X)                        \
    X(PASSING_COUNTDOWN, "rfq:countdown") \
    X(PASSING_RANKING, "quotes:ranked")   \
    X(PASSING_QUOTE, "quote:received")
enum passing {
#define X(name, text) name,
    PASSING(X)
#undef X
        PASSING_NOT,
};

/* Bytes that many connections get: everything behind {"prev":n, ; or a whole frame's text. */
struct ws_message {
    unsigned references;
    bool whole;             /* no prev before it */
    uint64_t seq;           /* 0: not of the sequence */
    enum passing passing;
    uint64_t rfq, quote, replaces; /* with `passing`: what takes whose place */
    struct ws_message *next_kept;
    size_t size;
    char text[];
};

struct queued {
    struct ws_message *message;
    struct queued *next;
};

struct ws_conn {
    /* what each event touches */
    struct ws_conn *next_due;
    uint64_t due;      /* which of the events gathered (ws.gathered) are for it */
    uint64_t prev_seq; /* of the last event sent */
    uint64_t web;      /* handle */
    struct queued *queue_first;
    uint32_t tenant_number;
    bool resuming; /* it reads from the log what it missed, and gets nothing else */
    bool closing;  /* its close frame was sent: freed at the next poll */
    bool authenticated, gone, in_callback;
    bool is_warned; /* that its token has expired */
    /* the rest */
    struct ws *ws;
    wslay_event_context_ptr wslay;
    struct ws_conn *next, *prev;
    struct principal who;
    char tenant[CODE_SIZE];
    struct ws_conn *next_dead;
    uint64_t opened_ns, heard_ns, pinged_ns, beat_ns;
    /* requests in the present second */
    uint64_t second;
    unsigned requests;
    struct subscription *subscriptions;
    unsigned subscription_count;
    /* a slow reader */
    struct queued *queue_last;
    size_t queue_size;
    bool is_backed;
    struct ws_conn *next_backed;
    /* resuming */
    struct ws_conn *next_resuming;
    struct feed_reader *reader; /* NULL: it waits for one */
    uint64_t resumed_seq;       /* where the next one begins */
    /* bytes being read */
    const uint8_t *in;
    size_t in_size;
    struct ws_command *commands; /* not answered yet */
    unsigned asked;
};

struct ws {
    struct ws_config config;
    struct ws_conn *first;
    unsigned count;
    struct topic **topics; /* by hash */
    unsigned topic_mask, topic_count;
    uint64_t now_ns, next_second_ns;
    struct ws_conn *next_tick; /* whose turn it is in this second's round; NULL: it is over */
    unsigned *tenant_counts;   /* connections of each of config's tenants */
    /* events of this poll, and the connections that get some of them */
    struct ws_message *gathered[WS_GATHERED_MAX];
    unsigned gathered_count;
    struct ws_conn *due;
    struct ws_message *kept, *frames; /* sent without copying: until the bytes have gone */
    size_t frames_size;
    struct ws_conn *backed, *dead;
    struct ws_conn *resuming, *resuming_next; /* in this round; had its turn */
    unsigned reader_count;
    uint32_t
        countdown_slot; /* of the RFQ whose turn is next in this second's round; UINT32_MAX: it is over */
    struct json text;
    bool going;
    counter_value *connections, *connects, *sent, *subscriptions, *slow, *commands, *readers;
    counter_value *coalesced[PASSING_NOT];
    counter_value *disconnects[WS_CODES + 1], *refused[WS_REFUSALS]; /* the last code: any other */
};

/* conn.c */
struct ws_conn *ws_conn_new(struct ws *w, uint64_t now_ns); /* NULL: no memory */
void ws_conn_data(void *ctx, const uint8_t *bytes, size_t size, uint64_t now_ns);
void ws_conn_closed(void *ctx);
/* A close frame with this code and reason, then the end. */
void ws_conn_close(struct ws_conn *c, uint16_t code, const char *reason);
void ws_conn_free(struct ws_conn *c);
/* seq: the peer knows everything up to there by it; 0: nothing of the sequence. */
void ws_conn_text(struct ws_conn *c, const char *text, size_t size, uint64_t seq);
/* One more connection of its tenant is within http.connections_per_tenant_max; else what it is told. */
#define CONN_TENANT_FULL "the tenant has as many connections as http.connections_per_tenant_max says"
bool ws_conn_fits(const struct ws *w, const struct principal *who);
void ws_conn_admitted(struct ws_conn *c, const struct principal *who);
void ws_conn_tick(struct ws_conn *c);

/* subs.c */
uint64_t ws_topic_trader_id(const char *tenant, const char *taker);
struct topic *ws_topic_find(struct ws *w, enum topic_kind kind, uint64_t id);
/* False: it has WS_SUBSCRIPTIONS_MAX. True where it had it before. */
bool ws_subscribe(struct ws_conn *c, enum topic_kind kind, uint64_t id);
bool ws_unsubscribe(struct ws_conn *c, enum topic_kind kind, uint64_t id); /* false: it had it not */
void ws_unsubscribe_all(struct ws_conn *c);
/* Is the event for this connection, by what it subscribed to and may see? Of one whose owner is unknown: may
 * it be? */
bool ws_is_for(const struct ws_conn *c, const struct feed_event *e);

/* fan.c */
extern const char *const ws_passing_names[PASSING_NOT];
bool ws_fan_wants(void *ctx, const struct feed_event *e);
void ws_fan_event(void *ctx, const struct feed_event *e);
struct ws_message *ws_message_new(struct ws *w, const char *text, size_t size);
void ws_message_send(struct ws_conn *c, struct ws_message *m);
void ws_message_drop(struct ws_message *m);
/* What it gets waits in its queue: it has not read what was sent before. */
bool ws_conn_is_slow(const struct ws_conn *c);
void ws_queue_pump(struct ws_conn *c);
void ws_queue_clear(struct ws_conn *c);
/* What was gathered goes out. */
void ws_fan_deliver(struct ws *w);
/* A bounded part of this second's round. */
unsigned ws_fan_countdowns(struct ws *w);
void ws_fan_release(struct ws *w);

/* ask.c */
/* One request being answered. */
struct asking {
    struct ws_conn *c;
    json_object *body;
    const char *id; /* as JSON, to be given back; NULL: none */
};
/* {"re":…,"success":… and what is put before the end */
struct json *ws_ask_begin(const struct asking *a, bool success);
void ws_ask_end(const struct asking *a, struct json *j);
/* Counted, and told. */
void ws_ask_refuse(const struct asking *a, enum ws_refusal why, const char *error, const char *detail);
/* Told only: it was not refused. */
void ws_ask_fail(const struct asking *a, const char *error, const char *detail);
/* It has as many subscriptions as a connection may have. */
void ws_ask_refuse_full(const struct asking *a);
const char *ws_ask_text(json_object *body, const char *name); /* NULL: not there, or no text */
/* One that the asker may see. Another's is as good as none. */
bool ws_ask_find_rfq(struct asking *a, const char *name, struct view_rfq *out);
const struct config_user *ws_ask_find_trader(struct asking *a,
                                             const char *name); /* NULL: none that it may follow */
bool ws_ask_number(json_object *body, const char *name, uint64_t *out);

/* command.c */
void ws_op_rfq_create(struct asking *a);
void ws_op_rfq_accept(struct asking *a);
void ws_op_rfq_cancel(struct asking *a);
void ws_op_rfq_extend(struct asking *a);
void ws_commands_forget(struct ws_conn *c);

void ws_ask(struct ws_conn *c, const char *text, size_t size);

/* resume.c */
void ws_op_resume(struct asking *a);
bool ws_resume_pump(struct ws_conn *c); /* false: it waits, for a reader, the disk or its peer */
/* It reads no more; where it was is kept. */
void ws_resume_leave(struct ws_conn *c);

static inline void ws_count(struct ws *w, enum ws_refusal r)
{
    counter_add(w->refused[r], 1);
}

#endif
