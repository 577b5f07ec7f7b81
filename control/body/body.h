/* Body: what clients ask, as JSON, made into numbers and texts of fixed size; the same for HTTP and
 * WebSocket. Strict: one table for each thing that can be asked names its members, their types, ranges, and
 * which must be there. Owner: the control core.
 *
 * Decimals are JSON numbers or strings, taken by their text, never through binary floating point; an exponent
 * is refused. Times are ISO 8601 in UTC («2026-01-31T12:00:00.5Z»).
 *
 * What is wrong is said by one stable code and a sentence that names the member:
 *   bad_json          no JSON, nothing but JSON, no object, nested deeper than BODY_DEPTH_MAX       (400)
 *   duplicate_member  a member twice                                                                (400)
 *   unknown_member · missing_member · wrong_type · out_of_range · conflicting_members               (422)
 */
#ifndef RFQD_CONTROL_BODY_H
#define RFQD_CONTROL_BODY_H

#include <json-c/json.h>
#include <stdbool.h>

#include "dataplane/model/event.h"

#define BODY_DEPTH_MAX   8
#define BODY_MEMBERS_MAX 64u

struct body_error {
    unsigned status; /* of HTTP */
    const char *code;
    char detail[200];
};

/* An RFQ: symbol, side (buy|sell|twoWay), quantity; and as wished reference, expiresAt or timeoutMs,
 * allOrNone, settlDate (2026-01-31). */
struct body_rfq {
    char reference[ID_TEXT_SIZE], symbol[SYMBOL_SIZE];
    int64_t quantity;
    uint64_t expires_ns, timeout_ns; /* one of them, or neither: the default */
    uint32_t settl_date;
    uint8_t side, all_or_none;
};

/* An acceptance: quoteId; and as wished side, quantity, price, which are held against the quote. */
struct body_accept {
    uint64_t quote;
    int64_t quantity, price;
    uint8_t side;
};

struct body_cancel {
    uint32_t reason; /* enum reason; REASON_NONE: not given */
};

/* An extension: reason; and as wished expiresAt, or extendMs beyond what its state has now. */
struct body_extend {
    char reason[TEXT_SIZE];
    uint64_t expires_ns, extend_ns;
};

/* The text as an object, to be given back with json_object_put; NULL: *error says why. Empty text: {}. */
json_object *body_parse(const char *text, size_t size, struct body_error *error);

/* `also`: members that are not of the body (WebSocket: op, id, …), NULL at the end; NULL: none. False: *error
 * says why. */
bool body_rfq(json_object *o, const char *const *also, struct body_rfq *out, struct body_error *error);
bool body_accept(json_object *o, const char *const *also, struct body_accept *out, struct body_error *error);
bool body_cancel(json_object *o, const char *const *also, struct body_cancel *out, struct body_error *error);
bool body_extend(json_object *o, const char *const *also, struct body_extend *out, struct body_error *error);

/* The four as one, for whoever takes them all alike. */
enum body_kind { BODY_RFQ, BODY_ACCEPT, BODY_CANCEL, BODY_EXTEND };
union body {
    struct body_rfq rfq;
    struct body_accept accept;
    struct body_cancel cancel;
    struct body_extend extend;
};
/* The whole of *out is zeroed first: so its bytes stand for what was asked, however it was written. */
bool body_read(enum body_kind kind, json_object *o, const char *const *also, union body *out,
               struct body_error *error);

/* As the engine is asked (client.h fills in who). now_ns: what timeoutMs counts from. */
void body_rfq_command(const struct body_rfq *b, uint64_t now_ns, struct command_client_rfq *out);
void body_accept_command(const struct body_accept *b, uint64_t rfq, struct command_client_accept *out);
void body_extend_command(const struct body_extend *b, uint64_t rfq, struct command_client_extend *out);

/* ISO 8601 in UTC, with up to nine decimals of a second. False: it is not, or before 1970. */
bool body_time(const char *text, uint64_t *ns);

#endif
