/* The 32-bit name of a connection: generation of its slot (12 bits) above the slot (20 bits).
 *
 * A slot's generation grows with each connection it carries, so a handle that outlives its connection is
 * recognised until the slot has carried 4,095 more. The last slot number is never used: PORT_CONN_NONE stays
 * free. Shared by the implementations of the port; no consumer looks inside a handle.
 */
#ifndef RFQD_NET_HANDLE_H
#define RFQD_NET_HANDLE_H

#include <stdint.h>

#include "dataplane/net/port.h"

#define HANDLE_SLOT_BITS       20u
#define HANDLE_SLOTS_MAX       ((1u << HANDLE_SLOT_BITS) - 1u)
#define HANDLE_GENERATION_MASK 0xfffu

static inline uint32_t handle_make(uint32_t slot, uint32_t generation)
{
    return (generation & HANDLE_GENERATION_MASK) << HANDLE_SLOT_BITS | slot;
}

static inline uint32_t handle_slot(uint32_t handle)
{
    return handle & HANDLE_SLOTS_MAX;
}

static inline uint32_t handle_next(uint32_t handle)
{
    return handle_make(handle_slot(handle), (handle >> HANDLE_SLOT_BITS) + 1u);
}

#endif
