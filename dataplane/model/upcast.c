#include "dataplane/model/upcast.h"

#include <stddef.h>
#include <string.h>

#include "dataplane/model/event.h"

/* What the record has at least: as much as when it was first released. */
static unsigned size_min(unsigned type)
{
    switch (type) {
    case RECORD_RFQ_CANCEL_ORDER:
        return offsetof(struct rfq_cancel_order, who_id);
    default:
        return record_type_size(type);
    }
}

static const struct record *grown(const struct record *stored, void *scratch, unsigned size)
{
    struct record *r = scratch;
    memcpy(r, stored, stored->size);
    memset((char *)r + stored->size, 0, size - stored->size);
    r->size = size;
    return r;
}

enum err record_upcast(const struct record *stored, void *scratch, const struct record **newest)
{
    *newest = NULL;
    unsigned size = record_type_size(stored->type);
    if (size == 0 || stored->version > RECORD_VERSION)
        return ERR_VERSION;
    if (stored->version == 0 || stored->size < size_min(stored->type) || stored->size > RECORD_SIZE_MAX)
        return ERR_CORRUPT;
    *newest = stored->size < size ? grown(stored, scratch, size) : stored;
    return OK;
}
