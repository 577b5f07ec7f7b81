/* Sent: what one session sent (or was given to send), by its number, so that it can be sent again; and the
 * queue of what waits to be sent first. Owner: the gateway. Private to this room.
 *
 * The newest messages are kept, their bytes in a byte ring of `size`, each in one piece. The oldest is
 * evicted when room is needed, but never one at or after `keep` (not sent yet). Numbers rise, but not by one
 * each: a power cut makes us jump over thousands, which takes no room here.
 */
#ifndef RFQD_GATEWAY_SENT_H
#define RFQD_GATEWAY_SENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/err.h"
#include "dataplane/model/event.h"

#define SENT_SIZE_MIN (64u * 1024u) /* two of the largest messages that we make, and more */

struct sent_entry {
    uint64_t number;
    uint64_t position; /* of the bytes, in all that were ever put */
    uint32_t size;
    uint16_t kind;     /* MsgType, packed */
    uint8_t admin;     /* 1: never sent again, gap-filled */
    uint8_t skipped;   /* 1: not put on the wire when it got its number: the session was not up */
    uint64_t ring_end; /* of its record: at level `synced` it leaves when this is durable */
    uint64_t first_sent_ns;
    struct outbound out;
    uint8_t lost_told; /* 1: the engine knows that it did not arrive */
    uint8_t reserved[3];
    uint32_t connection; /* the channel's count of connections when it got its number */
};

struct sent {
    char *bytes;
    struct sent_entry *entries;
    uint32_t size, entry_mask;
    uint64_t first, next;      /* the oldest number kept, and the first that may come; equal: none is kept */
    uint64_t oldest, end;      /* entries kept, in order: [oldest, end) of all that were ever put */
    uint64_t evicted, written; /* positions: bytes kept are [evicted, written) */
};

/* size: bytes kept, rounded up to a power of two ≥ SENT_SIZE_MIN. ERR_MEMORY. */
enum err sent_create(struct sent *s, uint32_t size) WARN_UNUSED;
void sent_destroy(struct sent *s);
/* Forget all; the next number is `next`. */
void sent_reset(struct sent *s, uint64_t next);
/* NULL: not kept, or jumped over. */
struct sent_entry *sent_find(const struct sent *s, uint64_t number);
static inline const char *sent_bytes(const struct sent *s, const struct sent_entry *e)
{
    return s->bytes + (e->position & (s->size - 1));
}
/* Ask for the memory of the next message, of `size` bytes; for when nothing waits. */
void sent_ask_ahead(const struct sent *s, uint32_t size);
/* True if `bytes` more fit without evicting `keep` or what came after it. */
bool sent_room(const struct sent *s, uint64_t keep, uint32_t bytes);
/* Keep a message; number ≥ next. The entry is zeroed but for number and bytes; NULL: there is no room without
 * evicting `keep`, or it is larger than the store. */
struct sent_entry *sent_put(struct sent *s, uint64_t number, uint64_t keep, const char *bytes, uint32_t size);

#endif
