#include "dataplane/model/upcast.h"

#include "dataplane/model/record_type.h"

enum err record_upcast(const struct record *stored, void *scratch, const struct record **newest)
{
    (void)scratch; /* version 1 is the newest: nothing is rebuilt */
    *newest = NULL;
    unsigned size = record_type_size(stored->type);
    if (size == 0 || stored->version > RECORD_VERSION)
        return ERR_VERSION;
    if (stored->version == 0 || stored->size < size || stored->size > RECORD_SIZE_MAX)
        return ERR_CORRUPT;
    *newest = stored;
    return OK;
}
