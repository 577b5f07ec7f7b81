/* Table: entities of one kind by 64-bit id, in memory taken at start. Owner: one agent (or the replica, its own copy).
 *
 * Slots are fixed: a pointer to an entity holds until it is removed. Look-up is a linear-probing hash on the id (the
 * first field of every entity). Iteration is by slot; slots may differ between engine and replica, so nothing durable may
 * depend on them, and the digest does not: it is the sum of the hashes of the durable parts.
 *
 * Every change to a durable part happens between table_touch() and the end of the batch. table_settle() hashes
 * what was touched since it was called last, each once, and so brings the digest up to date: it may be left
 * for later, when nothing waits. The replica keeps a list of touched and removed ids to know what storage must put.
 */
#ifndef RFQD_MODEL_TABLE_H
#define RFQD_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

struct table;

/* durable_size: bytes from the start that are hashed and stored. entity_size: with the transient part.
 * track: keep the ids changed or removed until table_changes_clear() (the replica). ERR_MEMORY. */
enum err table_create(struct table **out, const char *name, uint32_t capacity, uint32_t entity_size,
                      uint32_t durable_size, bool track) WARN_UNUSED;
void table_destroy(struct table *t);

const char *table_name(const struct table *t);
uint32_t table_count(const struct table *t);
uint32_t table_capacity(const struct table *t);
uint32_t table_durable_size(const struct table *t);
uint32_t table_entity_size(const struct table *t);

/* NULL: no such id. */
void *table_get(const struct table *t, uint64_t id);
/* Will be looked up or inserted soon: ask for its cache line, so that several misses pass at once. Never needed. */
void table_prefetch(const struct table *t, uint64_t id);
/* Ask for the memory of the next `count` entities to be inserted; for when nothing waits. */
void table_ask_ahead(const struct table *t, unsigned count);
/* A new zeroed entity with this id, touched. Capacity is the caller's guard and the id is new: both asserted. */
void *table_insert(struct table *t, uint64_t id);
/* Will be changed in this batch. Idempotent. */
void table_touch(struct table *t, void *entity);
void table_remove(struct table *t, void *entity);
/* Between batches: the digest is that of the state now. */
void table_settle(struct table *t);
uint32_t table_unsettled(const struct table *t); /* entities that table_settle() would hash */
uint64_t table_digest(const struct table *t);    /* when it was settled last */

/* Slots: 0 ≤ slot < table_slots(); table_at gives NULL for a free one. */
uint32_t table_slot(const struct table *t, const void *entity);
void *table_at(const struct table *t, uint32_t slot);
uint32_t table_slots(const struct table *t); /* one past the highest slot ever used */

/* Tracking: ids whose entity changed or was removed since the last clear, each once. */
uint32_t table_changes(const struct table *t, const uint64_t **ids);
void table_changes_clear(struct table *t);
bool table_is_tracked(const struct table *t);
/* Called with each entity that is about to be removed, whole as it is, so that the replica can keep what leaves
 * memory. NULL: nobody. */
void table_on_remove(struct table *t, void (*leaves)(void *ctx, const struct table *t, const void *entity),
                     void *ctx);

#endif
