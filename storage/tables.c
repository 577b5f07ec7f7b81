#include "storage/tables.h"

#include <string.h>

#include "dataplane/model/entity.h"

static const struct {
    const char *name;
    size_t rfq_offset;
} ending[] = {
    {"rfqs", offsetof(struct rfq, id)},      {"deliveries", offsetof(struct delivery, rfq)},
    {"quotes", offsetof(struct quote, rfq)}, {"orders", offsetof(struct order, rfq)},
    {"fills", offsetof(struct fill, rfq)},
};

bool table_has_ended(const char *table, size_t *rfq_offset)
{
    for (unsigned i = 0; i < sizeof ending / sizeof *ending; i++)
        if (strcmp(ending[i].name, table) == 0) {
            *rfq_offset = ending[i].rfq_offset;
            return true;
        }
    return false;
}
