/* Where a record or a time lies: told by the first frames of a few segments. */
#include "storage/log/inside.h"

struct wanted {
    bool by_time;
    uint64_t value;
};

/* Whether the segment that begins here begins before what is wanted, or with it. */
static enum err begins_before(const struct log *l, uint64_t offset, const struct wanted *w, bool *before)
{
    struct log_reader *r;
    *before = false;
    enum err e = log_reader_open(&r, l, offset);
    if (e)
        return e;
    const struct log_frame *f = log_reader_next(r, UINT64_MAX, &e);
    if (f) /* more of the same time may lie before the first of it */
        *before = w->by_time ? log_frame_batch(f)->time_ns < w->value : f->first_seq <= w->value;
    log_reader_close(r);
    return e;
}

/* The last segment that begins before what is wanted, or the first. One that is recycled meanwhile counts as
 * before; one that cannot be read as behind, so that who reads on comes to it and names what is wrong. */
static enum err find(const struct log *l, const struct wanted *w, uint64_t *offset)
{
    uint64_t size = l->config.segment_size;
    uint64_t low = log_begin(l) / size, high = log_written(l) / size;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        bool before;
        enum err e = begins_before(l, middle * size, w, &before);
        if (e == ERR_MEMORY)
            return e;
        if (before || e == ERR_NOT_FOUND)
            low = middle;
        else
            high = middle - 1;
    }
    *offset = low * size;
    return OK;
}

enum err log_find_seq(const struct log *l, uint64_t seq, uint64_t *offset)
{
    const struct wanted w = {.value = seq};
    bool before;
    enum err e = find(l, &w, offset);
    if (e || *offset != log_begin(l))
        return e;
    e = begins_before(l, *offset, &w, &before);
    return e || before || *offset == log_written(l) ? e : ERR_NOT_FOUND;
}

enum err log_find_time(const struct log *l, uint64_t utc_ns, uint64_t *offset)
{
    const struct wanted w = {.by_time = true, .value = utc_ns};
    return find(l, &w, offset);
}
