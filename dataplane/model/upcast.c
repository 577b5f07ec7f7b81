#include "dataplane/model/upcast.h"

#include <stddef.h>
#include <string.h>

#include "dataplane/core/text.h"
#include "dataplane/model/event.h"

/* What a record of that version has at least: as much as when it was first released. */
static unsigned size_min(unsigned type, unsigned version)
{
    if (type == RECORD_RFQ_CANCEL_ORDER && version == 1)
        return offsetof(struct rfq_cancel_order, who_id);
    if (type == RECORD_RFQ_ORDER && version <= 2)
        return offsetof(struct rfq_order, cancel_refused);
    return record_type_size(type);
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
    if (!record_is_known(stored))
        return ERR_VERSION;
    if (stored->version == 0 || stored->size < size_min(stored->type, stored->version) ||
        stored->size > RECORD_SIZE_MAX)
        return ERR_CORRUPT;
    *newest = stored->size < size ? grown(stored, scratch, size) : stored;
    return OK;
}

void record_refusal(const struct record *stored, char out[RECORD_REFUSAL_SIZE])
{
    struct text t = text_in(out, RECORD_REFUSAL_SIZE);
    unsigned known = record_type_version(stored->type);
    text_add(&t, known ? record_type_name(stored->type) : "a record of type ");
    if (!known)
        text_add_number(&t, stored->type);
    text_add(&t, " of version ");
    text_add_number(&t, stored->version);
    if (record_is_known(stored)) {
        text_add(&t, ", ");
        text_add_number(&t, stored->size);
        text_add(&t, " bytes: ");
        text_add(&t, err_text(ERR_CORRUPT));
        return;
    }
    text_add(&t, ": a newer program wrote it, this one knows ");
    if (!known) {
        text_add(&t, "no such type");
        return;
    }
    text_add(&t, "version ");
    text_add_number(&t, known);
    text_add(&t, known > 1 ? " at most" : " only");
}
