/* Rows: what the replica writes beside the entities: timelines, messages sent, and entities that leave memory
 * (storage/tables.h). Owner: the replica.
 */
#ifndef RFQD_CONTROL_REPLICA_ROWS_H
#define RFQD_CONTROL_REPLICA_ROWS_H

#include "control/replica/checkpoint.h"
#include "control/replica/replica.h"
#include "control/replica/unconsumed.h"

#define REPLICA_STATES_MAX (2 + GATEWAYS_MAX)
#define REPLICA_TABLES_MAX (REPLICA_STATES_MAX * STATE_TABLES_MAX)

/* A table of a state, and where its entities go. */
struct rows_table {
    struct rows *rows;
    struct state *state;
    struct table *table;
    uint8_t live, ended; /* tables of the store */
    bool is_order;
    size_t rfq_offset; /* of the RFQ's id in the entity */
    char ended_name[STORE_NAME_SIZE];
};

struct sent_window {
    uint64_t generation, low, high; /* rows are in [low, high) */
};

struct rows {
    struct checkpoint *checkpoint;
    uint8_t history, sent, orders_rfq, purge;
    uint32_t sent_max;
    unsigned table_count;
    struct rows_table tables[REPLICA_TABLES_MAX];
    const struct rows_table *rfqs; /* among them */
    struct sent_window windows[SESSIONS_MAX];
};

/* From here on entities that leave the states' tables are kept. Errors: as scan. */
enum err rows_open(struct rows *r, struct checkpoint *c, const struct replica_config *config,
                   struct store *store, struct state *const states[AGENTS_MAX]) WARN_UNUSED;
/* A record of the log, before it is applied. */
void rows_record(struct rows *r, const struct log_frame *f, const struct record *rec, uint64_t seq,
                 const struct routing_state *routing);
/* The frame that a batch was decided from, into the timeline that the batch is about. writer: its gateway. */
void rows_cause(struct rows *r, const struct batch *b, uint8_t writer, const struct unconsumed_entry *cause,
                const struct routing_state *routing);
/* The entities that changed since the last cut; their lists are empty afterwards. */
void rows_entities(struct rows *r);

#endif
