#include <errno.h>

#include "storage/log/inside.h"

static bool is_no_space(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* Buffers
 * ------------------------------------------------------------------------------------------------------- */

static struct buffer *buffer_filling(struct log *l)
{
    struct buffer *b = log_buffer(l, l->newest - 1);
    return l->oldest != l->newest && b->state == BUFFER_FILLING ? b : NULL;
}

struct buffer *write_room(struct log *l, uint32_t size)
{
    struct buffer *b = buffer_filling(l);
    if (b && b->size + size <= LOG_BUFFER_SIZE)
        return b;
    write_seal(l);
    if (l->newest - l->oldest == LOG_BUFFERS)
        return NULL;
    const struct segment *s = log_segment(l, l->segment_newest - 1);
    b = log_buffer(l, l->newest++);
    assert(b->state == BUFFER_FREE);
    b->state = BUFFER_FILLING;
    b->size = 0;
    b->retry_ns = 0;
    b->file = s->file;
    b->file_offset = l->taken.offset - s->base;
    return b;
}

void write_seal(struct log *l)
{
    struct buffer *b = buffer_filling(l);
    if (b)
        b->state = BUFFER_SEALED;
}

static bool buffer_submit(struct log *l, unsigned i)
{
    struct buffer *b = log_buffer(l, i);
    unsigned which = i & (LOG_BUFFERS - 1);
    if (l->disk->ops->write(l->disk, b->file, b->file_offset, b->data, b->size,
                            token_make(TOKEN_BUFFER, which)))
        return false; /* too many under way: at the next poll */
    b->state = BUFFER_INFLIGHT;
    l->write_started_ns = l->now_ns;
    l->inflight++;
    return true;
}

/* Full buffers go at once; one that is being filled goes when the disk has nothing to do and the last write
 * is LOG_GATHER_NS ago. So writes are small and prompt while there is little to write, and grow with the
 * load. */
void write_start(struct log *l)
{
    if (l->oldest == l->newest)
        return;
    if (l->inflight == 0 && (l->hurry || l->now_ns - l->write_started_ns >= LOG_GATHER_NS))
        write_seal(l);
    for (unsigned i = l->oldest; i != l->newest; i++) {
        struct buffer *b = log_buffer(l, i);
        if (b->state != BUFFER_SEALED || b->retry_ns > l->now_ns)
            continue;
        if (!buffer_submit(l, i))
            return;
    }
}

/* Readers may see it, and the rings may reuse its room: it has outlived this process. */
static void written_publish(struct log *l)
{
    /* Pairs with log_written: whoever sees the offset reads the bytes through the page cache. */
    atomic_store_explicit(&l->written, l->wrote.offset, memory_order_release);
    for (unsigned i = 0; i < l->source_count; i++) {
        struct source *s = &l->sources[l->order[i]];
        ring_release(&s->reader, l->wrote.positions[l->order[i]]);
    }
}

void write_completed(struct log *l, unsigned which, int error)
{
    struct buffer *b = &l->buffers[which];
    assert(b->state == BUFFER_INFLIGHT);
    l->inflight--;
    if (is_no_space(error)) {
        b->state = BUFFER_SEALED;
        b->retry_ns = l->now_ns + LOG_RETRY_NS;
        return;
    }
    if (error) {
        log_fail(l, "a write to the log failed: %s", strerror(error));
        return;
    }
    b->state = BUFFER_DONE;
    b->retry_ns = 0;
    counter_add(l->writes, 1);
    /* As far as all before it are done too. */
    while (l->oldest != l->newest && log_buffer(l, l->oldest)->state == BUFFER_DONE) {
        struct buffer *done = log_buffer(l, l->oldest++);
        l->wrote = done->end;
        done->state = BUFFER_FREE;
    }
    written_publish(l);
}

/* Syncs
 * ---------------------------------------------------------------------------------------------------------
 */

void sync_run(struct log *l)
{
    if (l->syncing || l->synced.offset == l->wrote.offset)
        return;
    if (l->now_ns - l->sync_started_ns < l->config.sync_interval_ns && !l->hurry && !l->sync_at_once)
        return;
    /* Segment by segment, oldest first: durable means everything before it. */
    const struct segment *s = log_segment(l, l->segment_oldest);
    assert(l->segment_oldest != l->segment_newest && l->synced.offset >= s->base);
    bool whole = s->complete && s->end.offset <= l->wrote.offset;
    l->sync_target = whole ? s->end : l->wrote;
    if (l->disk->ops->sync(l->disk, s->file, token_make(TOKEN_SYNC, 0)))
        return;
    l->syncing = true;
    l->sync_started_ns = l->now_ns;
    l->sync_at_once = whole;
}

void sync_completed(struct log *l, int error)
{
    l->syncing = false;
    if (error) {
        /* What the kernel had not written may be dropped from the page cache and reported once only:
         * another sync that succeeds would prove nothing. */
        log_fail(l, "a sync of the log failed: %s", strerror(error));
        return;
    }
    counter_add(l->syncs, 1);
    histogram_record(&l->sync_times, l->now_ns - l->sync_started_ns);
    l->synced = l->sync_target;
    /* Pairs with log_durable. */
    atomic_store_explicit(&l->durable, l->synced.offset, memory_order_release);
    for (unsigned i = 0; i < l->source_count; i++) {
        struct source *s = &l->sources[l->order[i]];
        ring_set_durable(&s->reader, l->synced.positions[l->order[i]]);
    }
    segment_drop_synced(l);
}

/* The mark
 * ------------------------------------------------------------------------------------------------------ */

void mark_compose(struct log *l, struct mark *m, bool clean)
{
    *m = (struct mark){.generation = l->mark.generation + 1,
                       .segment_size = l->config.segment_size,
                       .incarnation = l->incarnation,
                       .stream_epoch = atomic_load_explicit(&l->stream_epoch, memory_order_relaxed),
                       .durable = l->synced.offset,
                       .written = l->wrote.offset,
                       .next_seq = l->synced.next_seq,
                       .last_incarnation = l->synced.incarnation,
                       .clean = clean};
    memcpy(m->instance, l->config.instance, sizeof m->instance);
    memcpy(m->boot, l->config.boot, sizeof m->boot);
    mark_seal(m);
    memcpy(l->mark_page, m, sizeof *m);
}

static void mark_write(struct log *l)
{
    bool clean = l->want_clean;
    if (clean != (bool)l->mark.clean && clean)
        assert(l->synced.offset == l->taken.offset);
    bool due = clean != (bool)l->mark.clean;
    if (l->mark.durable != l->synced.offset &&
        (l->hurry || l->now_ns - l->mark_started_ns >= LOG_MARK_INTERVAL_NS))
        due = true;
    if (!due || l->mark_retry_ns > l->now_ns)
        return;
    mark_compose(l, &l->mark_next, clean);
    if (l->disk->ops->write(l->disk, l->mark_file, mark_slot_offset(&l->mark_next), l->mark_page,
                            MARK_SLOT_SIZE, token_make(TOKEN_MARK_WRITE, 0)))
        return;
    l->mark_step = MARK_WRITING;
    l->mark_started_ns = l->now_ns;
}

void mark_run(struct log *l)
{
    if (l->mark_step == MARK_IDLE)
        mark_write(l);
    if (l->mark_step != MARK_WRITTEN || l->syncing)
        return;
    if (l->disk->ops->sync(l->disk, l->mark_file, token_make(TOKEN_MARK_SYNC, 0)))
        return;
    l->mark_step = MARK_SYNCING;
    l->syncing = true;
}

void mark_completed(struct log *l, enum log_token kind, int error)
{
    if (kind == TOKEN_MARK_SYNC)
        l->syncing = false;
    if (kind == TOKEN_MARK_WRITE && is_no_space(error)) {
        l->mark_step = MARK_IDLE;
        l->mark_retry_ns = l->now_ns + LOG_RETRY_NS;
        return;
    }
    if (error) {
        log_fail(l, "a %s of the log's mark failed: %s", kind == TOKEN_MARK_SYNC ? "sync" : "write",
                 strerror(error));
        return;
    }
    if (kind == TOKEN_MARK_WRITE) {
        l->mark_step = MARK_WRITTEN;
        return;
    }
    l->mark = l->mark_next;
    l->mark_step = MARK_IDLE;
}
