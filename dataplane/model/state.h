/* State: what events make. Each state-owning agent (distribution, routing, gateway) has one state struct that begins with
 * `struct state`, and one apply function, the only code that changes it. The engine decides on a *const* state and appends
 * events; the very same apply runs in the engine (at once), in the replica (from the log), and at recovery and verify
 * (from checkpoint, log and rings). apply cannot fail, and reads no clock, socket, file or random source.
 *
 * A batch is applied as: state_begin(batch) → apply each record → state_end(): consumed positions are up to date only
 * after state_end(). The digest costs a hash of each entity that changed, and nobody asks for it between two
 * messages: so that is left to state_settle(), for which an engine has time when nothing waits.
 */
#ifndef RFQD_MODEL_STATE_H
#define RFQD_MODEL_STATE_H

#include "dataplane/core/timer.h"
#include "dataplane/model/event.h"
#include "dataplane/model/table.h"

#define STATE_TABLES_MAX 9
/* Tables that came after the first released layout add nothing to the digest while they are empty: so the digests in
 * older logs still hold. */
#define STATE_TABLES_FIRST 7
/* Entities of a table that may wait for state_settle(); then state_end() sees to them. */
#define STATE_UNSETTLED_MAX 32u

/* Durable with the checkpoint, as it lies here (no padding). */
struct state_marks {
    uint64_t consumed[AGENTS_MAX][LANES_MAX]; /* position past the last record handled, per writer and lane */
    uint64_t position;                        /* end of the last batch applied, in the agent's own ring */
    uint64_t epoch;                           /* start epoch of ids */
    uint64_t next_id;                         /* counter of the next id of this epoch */
    uint64_t batches;
    uint64_t time_ns; /* of the last batch */
};

struct state {
    uint8_t agent;
    struct state_marks marks;
    struct table *tables[STATE_TABLES_MAX]; /* in a fixed order; the name of a table names its LMDB table */
    unsigned table_count;
    struct timer_wheel *timers; /* NULL in the replica */
    uint64_t now_ns;            /* the batch being applied */
    bool unsettled;             /* a batch has ended since state_settle() */
    void (*apply)(struct state *s, const struct record *r);
    void (*rebuild)(struct state *s); /* after the tables were loaded: links, indexes, timers */
    void (*destroy)(struct state *s);
};

/* Apply a whole committed batch (replica, recovery): marks, then each record. */
void state_apply_batch(struct state *s, const struct batch *b);
/* The engine's own way, record by record as it emits. */
void state_begin(struct state *s, const struct batch *b);
static inline void state_apply(struct state *s, const struct record *r)
{
    s->apply(s, r);
}
/* end: ring position past the batch. */
void state_end(struct state *s, uint64_t end);
/* Ask for the memory that the next decisions will make entities in: `each` of every kind. */
void state_ask_ahead(const struct state *s, unsigned each);
/* Between batches, when nothing waits. */
void state_settle(struct state *s);
/* Sum over the tables and the marks; settles first. */
uint64_t state_digest(struct state *s);
/* The next id: what apply of a creating event will leave behind as used. */
uint64_t state_next_id(const struct state *s);
/* For apply: an id made by this state was used. */
void state_id_used(struct state *s, uint64_t id);

/* Names of things on the wire: a letter and the id in hexadecimal: R… RFQ (131 to LPs), Q… quote (117 to takers),
 * O… order (11 to LPs, 37 to takers). Fits ID_TEXT_SIZE. */
void name_print(char kind, uint64_t id, char out[ID_TEXT_SIZE]);
/* 0: not such a name. */
uint64_t name_parse(char kind, const char *text, size_t size);

#endif
