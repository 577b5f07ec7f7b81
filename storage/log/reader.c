#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/model/describe.h"
#include "dataplane/model/upcast.h"
#include "storage/log/inside.h"

struct log_reader {
    const struct log *log;
    struct cursor cursor;
    bool refused; /* the frame that ends at the cursor */
    uint64_t refused_at;
    char error[LOG_ERROR_SIZE];
};

enum err log_reader_open(struct log_reader **out, const struct log *l, uint64_t offset)
{
    *out = NULL;
    if (offset < log_begin(l))
        return ERR_NOT_FOUND;
    if (offset > log_written(l))
        return ERR_RANGE;
    struct log_reader *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_MEMORY;
    r->log = l;
    enum err e = cursor_init(&r->cursor, l->disk, l->config.segment_size, l->seed, offset);
    if (e) {
        free(r);
        return e;
    }
    *out = r;
    return OK;
}

void log_reader_close(struct log_reader *r)
{
    if (!r)
        return;
    cursor_end(&r->cursor);
    free(r);
}

/* A frame that cannot be read where the log has one: recycled meanwhile, unreadable, or damaged. */
static enum err fault_judge(struct log_reader *r)
{
    /* The oldest segment is given up before its file is touched, and whoever read what was then written to it
     * did so through the page cache, whose locks order the two: the new beginning is seen here. */
    if (r->cursor.offset < log_begin(r->log)) {
        snprintf(r->error, sizeof r->error, "log offset %" PRIu64 " was recycled before it was read",
                 r->cursor.offset);
        return ERR_NOT_FOUND;
    }
    cursor_fault_print(&r->cursor, r->error, sizeof r->error);
    return r->cursor.fault == FRAME_IO ? ERR_IO : ERR_CORRUPT;
}

/* What a newer program has written, this one must not pass over in silence. */
static bool is_known(struct log_reader *r, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    char why[RECORD_REFUSAL_SIZE];
    uint64_t seq = f->first_seq;
    for (const struct record *rec = batch_first(b); rec; rec = batch_after(b, rec), seq++) {
        if (record_is_known(rec))
            continue;
        record_refusal(rec, why);
        snprintf(r->error, sizeof r->error, "event %" PRIu64 ", of %s at its ring's position %" PRIu64 ": %s",
                 seq, agent_name(b->agent), batch_record_position(b, rec), why);
        r->refused = true;
        r->refused_at = f->offset;
        return false;
    }
    return true;
}

const struct log_frame *log_reader_next(struct log_reader *r, uint64_t limit, enum err *e)
{
    *e = r->refused ? ERR_VERSION : OK;
    while (!r->refused && r->cursor.offset < limit) {
        const struct log_frame *f = cursor_next(&r->cursor, log_written(r->log));
        if (!f) {
            if (r->cursor.fault)
                *e = fault_judge(r);
            return NULL;
        }
        if (f->pad)
            continue;
        if (is_known(r, f))
            return f;
        *e = ERR_VERSION;
    }
    return NULL;
}

enum err log_reader_fetch(struct log_reader *r, uint64_t limit)
{
    if (r->refused)
        return ERR_VERSION;
    while (r->cursor.offset < limit) {
        const struct log_frame *f = cursor_look(&r->cursor, log_written(r->log));
        if (!f)
            return r->cursor.fault ? fault_judge(r) : OK;
        if (!f->pad)
            return OK;
        cursor_take(&r->cursor, f);
    }
    return OK;
}

const struct log_frame *log_reader_fetched(struct log_reader *r, uint64_t limit)
{
    while (!r->refused && r->cursor.offset < limit) {
        const struct log_frame *f = cursor_at_hand(&r->cursor);
        if (!f)
            return NULL;
        cursor_take(&r->cursor, f);
        if (!f->pad && is_known(r, f))
            return f;
    }
    return NULL;
}

uint64_t log_reader_offset(const struct log_reader *r)
{
    return r->refused ? r->refused_at : r->cursor.offset;
}

const char *log_reader_error(const struct log_reader *r)
{
    return r->error;
}
