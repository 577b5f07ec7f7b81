/* Lane: messages from one agent to another, single producer, single consumer, in memory, first in first out.
 *
 * What goes through a lane is also in the producer's ring (it was committed there first), so a lane may
 * vanish with the process: at start it is filled again from the log and the rings, by position. An item
 * carries the record in parsed form and says which record it is: writer and position, so that the consumer's
 * batch can name its cause. Only what clients ask is in no ring (AGENT_NONE, position 0): they repeat it.
 *
 * Producer: lane_reserve() … lane_commit(): nothing is visible before the commit, which is one release store
 * (pairs with the consumer's acquire load). The producer commits its *ring* first. Consumer: lane_peek() …
 * lane_pop(); what was popped may be overwritten after lane_release().
 */
#ifndef RFQD_RING_LANE_H
#define RFQD_RING_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "dataplane/core/err.h"
#include "dataplane/core/memory.h"
#include "dataplane/ring/record.h"

/* Memory is populated at once, and a memory file has no limit of its own: a size gone wrong must not take the
 * machine. */
#define LANE_SIZE_MAX (1024u * 1024u * 1024u)

struct lane_item {
    uint32_t size; /* with this header and the record */
    uint8_t agent; /* writer of the record */
    uint8_t lane;  /* enum lane_id: the subject */
    uint16_t reserved;
    uint64_t position;       /* of the record in the writer's ring: the cause of what it leads to */
    uint64_t origin_time_ns; /* receive time at the root of the chain */
    struct record record;    /* body follows */
};
static_assert(sizeof(struct lane_item) == 48, "no padding");

#define LANE_ITEM_HEADER_SIZE (sizeof(struct lane_item) - sizeof(struct record))

/* Laid out by who writes; the fields are this room's own. 128: the neighbouring line is fetched along with
 * one's own. */
struct lane {
    char *data; /* size bytes, mapped twice in a row, so that items never wrap */
    uint64_t size;
    struct {
        uint64_t write; /* end of what is reserved */
        uint64_t head;  /* last seen of the consumer's */
        uint64_t tail;  /* what was committed */
    } producer __attribute__((aligned(128)));
    struct {
        _Atomic uint64_t tail; /* release: items before it are whole */
    } produced __attribute__((aligned(128)));
    struct {
        uint64_t read; /* end of what was popped */
        uint64_t tail; /* last seen of the producer's */
        uint64_t head; /* what was released */
    } consumer __attribute__((aligned(128)));
    struct {
        _Atomic uint64_t head; /* release: room before it may be written again */
    } consumed __attribute__((aligned(128)));
};

/* size: a power of two, LANE_SIZE_MIN to LANE_SIZE_MAX. Errors: ERR_RANGE, ERR_MEMORY. */
enum err lane_create(struct lane **out, uint64_t size) WARN_UNUSED;
void lane_destroy(struct lane *l); /* NULL is allowed; both sides have ended */

/* Producer ------------------------------------------------------------------------------------------------
 */

/* True if `bytes` fit beside what is reserved already, leaving `reserve` free. */
static inline bool lane_room(struct lane *l, uint64_t bytes, uint64_t reserve)
{
    if (l->size - (l->producer.write - l->producer.head) >= bytes + reserve)
        return true;
    /* Pairs with lane_release: the consumer has done with what it gave back. */
    l->producer.head = atomic_load_explicit(&l->consumed.head, memory_order_acquire);
    return l->size - (l->producer.write - l->producer.head) >= bytes + reserve;
}

/* Room for one item whose record has `record_size` bytes; NULL when it is full (keep `reserve` bytes free).
 * The sizes in the item and in its record are set (rounded up to 8, the added bytes zeroed); the rest is the
 * caller's to fill. Several may be reserved before one commit. */
static inline struct lane_item *lane_reserve(struct lane *l, uint32_t record_size, uint64_t reserve)
{
    assert(record_size >= sizeof(struct record) && record_size <= RECORD_SIZE_MAX);
    uint32_t aligned = RECORD_ALIGN(record_size), size = (uint32_t)LANE_ITEM_HEADER_SIZE + aligned;
    if (!lane_room(l, size, reserve))
        return NULL;
    struct lane_item *item = (struct lane_item *)(l->data + (l->producer.write & (l->size - 1)));
    memset((char *)item + size - 8, 0, 8);
    item->size = size;
    item->reserved = 0;
    item->record.size = aligned;
    l->producer.write += size;
    return item;
}

/* Take back all reservations since the last commit. */
static inline void lane_abandon(struct lane *l)
{
    l->producer.write = l->producer.tail;
}

static inline void lane_commit(struct lane *l)
{
    if (l->producer.tail == l->producer.write)
        return;
    l->producer.tail = l->producer.write;
    /* Pairs with the consumer's acquire in lane_peek. */
    atomic_store_explicit(&l->produced.tail, l->producer.write, memory_order_release);
}

/* Reserve, copy a whole record, fill the item; not committed. False when full. */
static inline bool lane_put(struct lane *l, uint8_t agent, uint8_t subject, uint64_t position,
                            uint64_t origin_time_ns, const struct record *rec, uint64_t reserve)
{
    struct lane_item *item = lane_reserve(l, rec->size, reserve);
    if (!item)
        return false;
    item->agent = agent;
    item->lane = subject;
    item->position = position;
    item->origin_time_ns = origin_time_ns;
    memcpy(&item->record, rec, rec->size);
    return true;
}

/* As ring_ask_ahead; at most LANE_SIZE_MIN. */
static inline void lane_ask_ahead(const struct lane *l, uint64_t bytes)
{
    memory_ask(l->data + (l->producer.write & (l->size - 1)), bytes);
}

/* Consumer ------------------------------------------------------------------------------------------------
 */

/* The oldest item not popped yet, or NULL. */
static inline const struct lane_item *lane_peek(struct lane *l)
{
    if (l->consumer.read == l->consumer.tail) {
        /* Pairs with lane_commit. */
        l->consumer.tail = atomic_load_explicit(&l->produced.tail, memory_order_acquire);
        if (l->consumer.read == l->consumer.tail)
            return NULL;
    }
    return (const struct lane_item *)(l->data + (l->consumer.read & (l->size - 1)));
}

/* Go past the item last peeked. It stays readable until lane_release. */
static inline void lane_pop(struct lane *l)
{
    assert(l->consumer.read != l->consumer.tail);
    l->consumer.read += ((const struct lane_item *)(l->data + (l->consumer.read & (l->size - 1))))->size;
}

/* Give the room of all popped items back to the producer: once per poll. */
static inline void lane_release(struct lane *l)
{
    if (l->consumer.head == l->consumer.read)
        return;
    l->consumer.head = l->consumer.read;
    /* Our reads are done: pairs with the producer's acquire in lane_room. */
    atomic_store_explicit(&l->consumed.head, l->consumer.read, memory_order_release);
}

/* Any thread: committed bytes not yet given back, for metrics. */
uint64_t lane_used(const struct lane *l);

#endif
