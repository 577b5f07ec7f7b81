/* Ids: 64 bits that are never given twice. A start epoch (made durable before the first id of a run leaves)
 * above, a counter below; so a run that lost its counter to a power cut cannot give an id again.
 */
#ifndef RFQD_CORE_ID_H
#define RFQD_CORE_ID_H

#include <assert.h>
#include <stdint.h>

#define ID_COUNTER_BITS 44
#define ID_EPOCH_BITS   20
/* a million a second for 200 days: then a new epoch */
#define ID_COUNTER_MAX ((1ull << ID_COUNTER_BITS) - 1)
#define ID_EPOCH_MAX   ((1u << ID_EPOCH_BITS) - 1)

static inline uint64_t id_make(uint32_t epoch, uint64_t counter)
{
    assert(epoch <= ID_EPOCH_MAX && counter <= ID_COUNTER_MAX);
    return (uint64_t)epoch << ID_COUNTER_BITS | counter;
}
static inline uint32_t id_epoch(uint64_t id)
{
    return (uint32_t)(id >> ID_COUNTER_BITS);
}
static inline uint64_t id_counter(uint64_t id)
{
    return id & ID_COUNTER_MAX;
}

#endif
