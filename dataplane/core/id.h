/* Ids: 64 bits that are never given twice. A start epoch (made durable before the first id of a run leaves)
 * above, a counter below; so a run that lost its counter to a power cut cannot give an id again.
 *
 * As text: thirteen characters of Crockford's base 32 (0-9 A-Z without I L O U), most significant first, of
 * fixed width, so that text sorts as numbers do. One id has one text: the parser takes nothing else, no lower
 * case, no look-alikes.
 */
#ifndef RFQD_CORE_ID_H
#define RFQD_CORE_ID_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define ID_COUNTER_BITS 44
#define ID_EPOCH_BITS   20
#define ID_COUNTER_MAX  ((1ull << ID_COUNTER_BITS) - 1) /* a million a second for 200 days: then a new epoch \
                                                         */
#define ID_EPOCH_MAX    ((1u << ID_EPOCH_BITS) - 1)
#define ID_PRINT_LENGTH 13
#define ID_PRINT_SIZE   (ID_PRINT_LENGTH + 1)

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

/* Writes ID_PRINT_LENGTH characters and the zero. */
void id_print(uint64_t id, char out[ID_PRINT_SIZE]);
/* ERR_SYNTAX: not exactly ID_PRINT_LENGTH characters of the alphabet, or more than 64 bits. */
enum err id_parse(const char *text, size_t size, uint64_t *out) WARN_UNUSED;

#endif
