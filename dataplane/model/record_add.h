/* Record add: ring_add for records of this program's newest layouts. Whoever writes records to a ring does it
 * through here; what a ring is given is as ring.h says.
 */
#ifndef RFQD_MODEL_RECORD_ADD_H
#define RFQD_MODEL_RECORD_ADD_H

#include "dataplane/model/record_type.h"
#include "dataplane/ring/ring.h"

static inline struct record *record_add(struct ring *r, uint16_t type, uint32_t size)
{
    return ring_add(r, type, record_type_version(type), size);
}

static inline struct record *record_add_raw(struct ring *r, uint16_t type, uint32_t size)
{
    return ring_add_raw(r, type, record_type_version(type), size);
}

#endif
