#include "storage/follow.h"

#include <inttypes.h>
#include <string.h>

#include "storage/store_fail.h"

/* Sets *stopped where visit said so. merged: how far of each ring the log holds, as it is found. */
static enum err follow_log(const struct recovery_input *in, const struct recovery_result *result,
                           uint64_t from, uint64_t merged[AGENTS_MAX], follow_visit *visit, void *ctx,
                           bool *stopped)
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e = log_reader_open(&reader, in->log, from);
    if (e)
        return store_fail(e, "log, offset %" PRIu64 ": %s", from, err_text(e));
    while (!*stopped && (f = log_reader_next(reader, log_written(in->log), &e)) != NULL) {
        const struct batch *b = log_frame_batch(f);
        if (b->position + b->size > merged[b->agent])
            merged[b->agent] = b->position + b->size;
        if (b->position < result->position[b->agent])
            *stopped = !visit(ctx, b);
    }
    if (e)
        e = store_fail(e, "log, offset %" PRIu64 ": %s", log_reader_offset(reader), log_reader_error(reader));
    log_reader_close(reader);
    return e;
}

static bool follow_ring(const struct ring *r, uint64_t from, uint64_t to, follow_visit *visit, void *ctx)
{
    struct ring_reader reader;
    const struct batch *b;
    ring_reader_init(&reader, r, from);
    while (reader.next < to && (b = ring_next(&reader)) != NULL)
        if (!visit(ctx, b))
            return false;
    return true;
}

enum err follow_batches(const struct recovery_input *in, const struct recovery_result *result, uint64_t from,
                        follow_visit *visit, void *ctx)
{
    uint64_t merged[AGENTS_MAX];
    bool stopped = false;
    memcpy(merged, result->merged, sizeof merged);
    enum err e = follow_log(in, result, from, merged, visit, ctx, &stopped);
    for (unsigned a = 0; !e && !stopped && a < AGENTS_MAX; a++)
        if (in->rings[a] && merged[a] < result->position[a])
            stopped = !follow_ring(in->rings[a], merged[a], result->position[a], visit, ctx);
    return e;
}
