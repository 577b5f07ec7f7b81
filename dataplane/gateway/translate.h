/* Translation: FIX messages to commands, events to FIX messages. Pure: bytes in, structs out, and back; a
 * table each, by MsgType and by record type, one function per row. Private to this room.
 *
 * In:  translate_in_row → row->read(); the command's header is the caller's. A refusal becomes Reject (3)
 * where a field cannot be read, BusinessMessageReject (j) where it cannot be used. Out: translate_out_row →
 * fix_encode_begin(translate_out_type) → row->write(event) → fix_encode_end.
 *
 * Source: FIX 4.4 volume 3 and 4; names of things on the wire: model/state.h.
 */
#ifndef RFQD_GATEWAY_TRANSLATE_H
#define RFQD_GATEWAY_TRANSLATE_H

#include <stdbool.h>

#include "dataplane/model/event.h"
#include "dataplane/model/state.h"
#include "fix/encode.h"
#include "fix/msg.h"

/* What sent messages a peer's Reject can be about: by their number. False: not known, or about nothing. */
struct translate_sent {
    bool (*find)(void *ctx, uint64_t number, struct outbound *out, uint8_t *engine);
    void *ctx;
};

struct translate_refusal {
    bool business; /* j, else 3 */
    int reason;    /* 380, or 373 */
    uint32_t tag;  /* 371 */
    char text[TEXT_SIZE];
    char ref_id[ID_TEXT_SIZE]; /* 379, of a j; empty: none */
};

/* Where tables by MsgType have it: one character as it is, 'A' and another one behind; 0: no such row. */
#define TRANSLATE_KINDS 256u
static inline unsigned translate_kind_index(uint32_t kind)
{
    if (kind < 128)
        return kind;
    return (kind & 0xff) == 'A' && kind >> 8 < 128 ? 128 + (kind >> 8) : 0;
}

union translate_command {
    struct record head;
    struct command_quote_request quote_request;
    struct command_quote_response quote_response;
    struct command_request_cancel request_cancel;
    struct command_quote quote;
    struct command_delivery_answer delivery_answer;
    struct command_quote_cancel quote_cancel;
    struct command_order order;
    struct command_order_cancel order_cancel;
    struct command_execution execution;
    struct command_cancel_reject cancel_reject;
    struct command_peer_reject peer_reject;
};

/* One message being read. */
struct reading {
    const struct fix_msg *m;
    const struct translate_sent *sent;
    union translate_command *out;
    struct translate_refusal *why; /* the first fault */
    bool failed;
    uint8_t engine; /* who decides it: the row's, or where that does not say, what the reader finds */
};

struct translate_in_row {
    uint8_t dest, lane; /* of the command; AGENT_NONE: the reader says (3 and j) */
    uint8_t class;      /* enum gateway_class, of the command */
    uint16_t record;    /* type of the command */
    uint16_t size;
    bool (*read)(struct reading *r); /* false: *why says why not */
};

/* NULL: this role does not send it; *known: FIX messages that we speak with the other role, or know and do
 * not take. */
const struct translate_in_row *translate_in_row(uint32_t kind, uint32_t role, bool *known);

struct translate_out_row {
    const char *msg_type; /* NULL: choose() says */
    void (*write)(struct fix_encoder *e, const struct record *event, enum fix_time_precision p);
    /* "" where this event goes nowhere. */
    const char *(*choose)(const struct record *event);
    /* True: write() makes the same fields of both events, at the same precision. NULL: it is not worth
     * asking. */
    bool (*same)(const struct record *a, const struct record *b);
};

/* The event's MsgType, "" where this event goes nowhere. */
static inline const char *translate_out_type(const struct translate_out_row *row, const struct record *event)
{
    return row->choose ? row->choose(event) : row->msg_type;
}

/* The fields that were written last for an event of which many alike come in a row: a release to k LPs. */
#define TRANSLATE_EVENT_MAX 256u
struct translate_body {
    _Alignas(8) unsigned char event[TRANSLATE_EVENT_MAX];
    enum fix_time_precision precision;
    uint32_t size; /* 0: there are none */
    char fields[512];
};
/* write(), or what it wrote for the event before, where that is the same. */
void translate_write(struct translate_body *b, const struct translate_out_row *row, struct fix_encoder *e,
                     const struct record *event, enum fix_time_precision p);

/* NULL: events of this type are not sent to peers. */
const struct translate_out_row *translate_out_row(uint16_t record);
/* The engine that sends messages of this kind to sessions of this role: AGENT_NONE for administrative ones.
 */
uint8_t translate_out_engine(uint32_t kind, uint32_t ref_kind);
/* BusinessMessageReject. */
void translate_business_reject(struct fix_encoder *e, uint64_t ref_seq, const char *ref_type,
                               const struct translate_refusal *why);

/* A message refused for want of room, before an engine saw it: what names it, and why. */
struct translate_busy {
    const char *text;
    uint32_t session;         /* these three make an ExecID that no other refusal has */
    uint64_t generation, seq; /* of the message */
    uint64_t time_ns;
    enum fix_time_precision precision;
};

struct translate_busy_row {
    const char *type; /* MsgType of the refusal */
    uint16_t kind;    /* the same, packed */
    enum reach reach; /* as when its engine had refused it */
    void (*write)(struct fix_encoder *e, const union translate_command *c, const struct translate_busy *b);
    /* what the sender calls it: RefID (379) where the refusal may not speak for what was sent before */
    const char *(*name)(const union translate_command *c);
};

/* How a command of this type is refused; NULL: it is not, it waits for room. */
const struct translate_busy_row *translate_busy_row(uint16_t record);

#endif
