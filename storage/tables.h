/* Tables: what the store holds, and the shape of its rows. Written by the replica, read by recovery, verify,
 * dump and whoever answers about the past. Numbers in keys are big endian; a value begins with its layout
 * version.
 *
 *   table                       | key                          | value
 *   ----------------------------+------------------------------+-----------------------------------------
 *   each table of each state    | agent (1), id                | version (1), durable part of the entity
 *   rfqs_ended, deliveries_ended, quotes_ended, orders_ended, fills_ended
 *                               | rfq, id                      | the same: the entity as it left memory
 *   orders_rfq                  | order                        | version (1), rfq: finds an ended order
 *   history                     | rfq, seq                     | struct history_row, the record
 *   sent                        | session (4), generation, seq | struct sent_row, GATEWAY_OUT record
 *   purge                       | time of leaving memory, rfq  | version (1): what retention looks through
 *
 * An entity moves from its live table to the ended one in the commit in which it leaves memory, so that the
 * two together are always all there is.
 */
#ifndef RFQD_STORAGE_TABLES_H
#define RFQD_STORAGE_TABLES_H

#include "dataplane/ring/record.h"
#include "storage/store.h"

#define STORE_VALUE_VERSION 1

#define TABLE_HISTORY    "history"
#define TABLE_SENT       "sent"
#define TABLE_ORDERS_RFQ "orders_rfq"
#define TABLE_PURGE      "purge"
#define TABLE_ENDED      "_ended" /* behind the live table's name */

#define ENTITY_KEY_SIZE  9
#define ENDED_KEY_SIZE   16
#define HISTORY_KEY_SIZE 16
#define SENT_KEY_SIZE    20
#define PURGE_KEY_SIZE   16

struct history_row {
    uint8_t version;
    uint8_t agent; /* writer of the record */
    uint8_t reserved[2];
    uint32_t stream_epoch; /* of the record's frame; 0: written before rows had it. One more with an unclean
                              start at most, so that 32 bits are plenty */
    uint64_t time_ns, cause_time_ns, origin_time_ns; /* of its batch */
    /* struct record follows */
};
static_assert(sizeof(struct history_row) == 32, "no padding");

struct sent_row {
    uint8_t version;
    uint8_t agent;
    uint8_t reserved[6];
    /* struct gateway_out follows */
};
static_assert(sizeof(struct sent_row) == 8, "no padding");

/* Whether entities of this table are kept when they leave it, and where they name their RFQ. */
bool table_has_ended(const char *table, size_t *rfq_offset);

static inline void entity_key(char key[ENTITY_KEY_SIZE], uint8_t agent, uint64_t id)
{
    key[0] = (char)agent;
    store_be64(key + 1, id);
}
static inline void pair_key(char key[16], uint64_t first, uint64_t second)
{
    store_be64(key, first);
    store_be64(key + 8, second);
}
static inline void sent_key(char key[SENT_KEY_SIZE], uint32_t session, uint64_t generation, uint64_t seq)
{
    store_be32(key, session);
    store_be64(key + 4, generation);
    store_be64(key + 12, seq);
}

#endif
