/* Encoding by template: the head that never changes for a session and message type is laid out once at logon;
 * a message appends its fields, and fix_encode_end patches BodyLength, MsgSeqNum, SendingTime and CheckSum.
 *
 * Bytes are written once, at their place (the gateway's ring). The caller gives room for
 * FIX_MESSAGE_SIZE_MAX; a message that outgrows it is an ERR_LIMIT at the end, never a write past it.
 */
#ifndef RFQD_FIX_ENCODE_H
#define RFQD_FIX_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

enum fix_time_precision { FIX_TIME_MS, FIX_TIME_US, FIX_TIME_NS };

/* The head of every message of one session; made at logon, owned by the session. */
struct fix_template {
    char sender[40], target[40];
    uint8_t sender_size, target_size;
    enum fix_time_precision precision;
    char before_time[64]; /* |49=…|52= */
    char after_time[64];  /* |56=…| */
    uint8_t before_size, after_size;
    uint64_t day_ns; /* the day of the last message, and its date: a date is made once a day */
    char date[8];
};

void fix_template_init(struct fix_template *t, const char *sender_comp_id, const char *target_comp_id,
                       enum fix_time_precision precision);

struct fix_encoder {
    char *at;
    char *limit;     /* fields end before it; the trailer and a store's width fit behind */
    char *body;      /* first byte after 9=…<SOH> */
    bool failed;     /* room ran out */
    uint64_t day_ns; /* the day whose date is in `date`: most times of a message are of one day */
    char date[8];
};

/* Bytes of the room that may stay unused before the message (its head is right-aligned) and behind it. */
#define FIX_ENCODE_SLACK 64

/* Start a message: header with MsgType, MsgSeqNum, CompIDs, SendingTime; for a resend PossDupFlag and
 * OrigSendingTime (orig_time_ns != 0). */
void fix_encode_begin(struct fix_encoder *e, struct fix_template *t, char *room, size_t room_size,
                      const char *msg_type, uint64_t seq, uint64_t time_ns, uint64_t orig_time_ns);
/* Texts. An empty one is left out (FIX has no empty values); an SOH in it becomes '?', so that no text can
 * forge a field. */
void fix_put_text(struct fix_encoder *e, uint32_t tag, const char *text); /* up to its zero */
void fix_put_bytes(struct fix_encoder *e, uint32_t tag, const void *bytes, size_t size);
void fix_put_char(struct fix_encoder *e, uint32_t tag, char c);
void fix_put_bool(struct fix_encoder *e, uint32_t tag, bool v); /* Y, N */
void fix_put_uint(struct fix_encoder *e, uint32_t tag, uint64_t v);
void fix_put_int(struct fix_encoder *e, uint32_t tag, int64_t v);
void fix_put_decimal(struct fix_encoder *e, uint32_t tag, int64_t scaled); /* shortest exact form */
void fix_put_time(struct fix_encoder *e, uint32_t tag, uint64_t ns, enum fix_time_precision p);
void fix_put_date(struct fix_encoder *e, uint32_t tag, uint32_t yyyymmdd);
/* Fields that an encoder wrote before, as they lie. */
void fix_put_fields(struct fix_encoder *e, const char *fields, size_t size);
/* Finish: patches BodyLength, appends CheckSum. *bytes is where the message starts inside the room, *size its
 * length. ERR_LIMIT: it did not fit. */
enum err fix_encode_end(struct fix_encoder *e, const char **bytes, size_t *size) WARN_UNUSED;

/* A stored message again, with PossDupFlag=Y, OrigSendingTime = its SendingTime, a new SendingTime; same
 * number. It starts at the room's first byte. Errors: ERR_LIMIT (room), ERR_SYNTAX (the stored bytes are not
 * a message). */
enum err fix_encode_resend(const char *stored, size_t stored_size, uint64_t time_ns,
                           enum fix_time_precision p, char *room, size_t room_size, size_t *size) WARN_UNUSED;

#endif
