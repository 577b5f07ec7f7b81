#include "storage/log/mark.h"

#include <assert.h>

#include "dataplane/core/crc32c.h"

static_assert(sizeof(struct mark) == 120, "no padding");
static_assert(sizeof(struct mark) <= 512, "one sector: written whole or not");

static uint32_t mark_crc(const struct mark *m)
{
    struct mark copy = *m;
    copy.crc = 0;
    return crc32c(0, &copy, sizeof copy);
}

void mark_seal(struct mark *m)
{
    m->magic = MARK_MAGIC;
    m->version = MARK_VERSION;
    m->crc = mark_crc(m);
}

enum err mark_check(const struct mark *m)
{
    if (m->magic != MARK_MAGIC || m->crc != mark_crc(m))
        return ERR_CORRUPT;
    return m->version > MARK_VERSION ? ERR_VERSION : OK;
}

static bool mark_is_blank(const struct mark *m)
{
    const unsigned char *p = (const unsigned char *)m;
    for (size_t i = 0; i < sizeof *m; i++)
        if (p[i])
            return false;
    return true;
}

enum err mark_read(struct disk *d, int file, struct mark *out)
{
    struct mark slots[2];
    enum err checks[2];
    for (unsigned i = 0; i < 2; i++) {
        enum err e = d->ops->read(d, file, i * MARK_SLOT_SIZE, &slots[i], sizeof slots[i]);
        if (e)
            return e == ERR_RANGE ? ERR_CORRUPT : ERR_IO;
        checks[i] = mark_check(&slots[i]);
        if (!checks[i] && mark_slot_offset(&slots[i]) != i * MARK_SLOT_SIZE)
            checks[i] = ERR_CORRUPT;
    }
    if (checks[0] == ERR_VERSION || checks[1] == ERR_VERSION)
        return ERR_VERSION;
    if (checks[0] && checks[1])
        return mark_is_blank(&slots[0]) && mark_is_blank(&slots[1]) ? ERR_NOT_FOUND : ERR_CORRUPT;
    bool second = checks[0] || (!checks[1] && slots[1].generation > slots[0].generation);
    *out = slots[second];
    return OK;
}
