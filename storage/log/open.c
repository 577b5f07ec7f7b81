#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/core/memory.h"
#include "storage/log/inside.h"

#define TAIL_PIECE 65536u /* put again at once */

static void open_says(struct log *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void open_says(struct log *l, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(l->error, sizeof l->error, format, arguments);
    va_end(arguments);
}

/* Nothing else is under way at the start: one operation, and its end. 0 or errno. */
static int operation_wait(struct log *l, struct disk_completion *done)
{
    while (l->disk->ops->poll(l->disk, done, 1) == 0)
        l->disk->ops->wait(l->disk);
    return done->error;
}

static enum err file_sync(struct log *l, int file)
{
    struct disk_completion done = {.error = EIO};
    enum err e = l->disk->ops->sync(l->disk, file, 0);
    if (!e && operation_wait(l, &done) == 0)
        return OK;
    open_says(l, "a sync at the start failed: %s", strerror(done.error));
    return ERR_IO;
}

/* The mark
 * ------------------------------------------------------------------------------------------------------ */

static enum err mark_put(struct log *l)
{
    struct disk_completion done = {.error = EIO};
    mark_compose(l, &l->mark_next, false);
    enum err e = l->disk->ops->write(l->disk, l->mark_file, mark_slot_offset(&l->mark_next), l->mark_page,
                                     MARK_SLOT_SIZE, 0);
    if (e || operation_wait(l, &done) != 0) {
        open_says(l, "the mark cannot be written: %s", strerror(done.error));
        return ERR_IO;
    }
    e = file_sync(l, l->mark_file);
    if (!e)
        l->mark = l->mark_next;
    return e;
}

static enum err mark_load(struct log *l, bool segments_exist)
{
    struct disk *d = l->disk;
    enum err e = d->ops->open(d, MARK_FILE_NAME, segments_exist ? 0 : MARK_FILE_SIZE, &l->mark_file);
    if (e) {
        l->mark_file = DISK_FILE_NONE;
        open_says(l, "file %s: %s", MARK_FILE_NAME,
                  segments_exist ? "missing, though there are segments" : err_text(e));
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : ERR_IO;
    }
    e = mark_read(d, l->mark_file, &l->mark);
    if (e == ERR_NOT_FOUND && !segments_exist) {
        l->mark = (struct mark){
            .segment_size = l->config.segment_size, .next_seq = LOG_FIRST_SEQ, .clean = 1, .stream_epoch = 1};
        memcpy(l->mark.instance, l->config.instance, sizeof l->mark.instance);
        return OK;
    }
    if (e) {
        open_says(l, "file %s: %s", MARK_FILE_NAME, err_text(e));
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    }
    if (memcmp(l->mark.instance, l->config.instance, sizeof l->mark.instance) != 0) {
        open_says(l, "file %s: the log is of another instance", MARK_FILE_NAME);
        return ERR_STALE;
    }
    if (l->mark.segment_size != l->config.segment_size) {
        open_says(l, "made with segments of %" PRIu64 " bytes, configured are %" PRIu64, l->mark.segment_size,
                  l->config.segment_size);
        return ERR_STATE;
    }
    return OK;
}

/* Segments
 * ------------------------------------------------------------------------------------------------------ */

/* The lowest one and how far they follow each other without a gap. */
struct extent {
    bool any;
    uint64_t begin, end;
};

static enum err segments_list(struct log *l, struct extent *x)
{
    char name[DISK_NAME_SIZE];
    *x = (struct extent){0};
    for (unsigned i = 0;; i++) {
        enum err e = l->disk->ops->list(l->disk, i, name);
        if (e == ERR_NOT_FOUND)
            return OK;
        if (e) {
            open_says(l, "the log's directory cannot be read: %s", err_text(e));
            return e;
        }
        uint64_t base;
        if (!segment_name_parse(name, &base) || base % l->config.segment_size)
            continue;
        /* Names sort as their bases do. */
        if (!x->any)
            *x = (struct extent){.any = true, .begin = base, .end = base};
        if (base == x->end)
            x->end += l->config.segment_size;
    }
}

/* Frames from the segment of the mark to the log's end, which becomes l->taken. */
static enum err frames_check(struct log *l, struct cursor *c)
{
    const struct mark *m = &l->mark;
    for (;;) {
        if (c->offset == m->durable) {
            if (c->next_seq && c->next_seq != m->next_seq) {
                open_says(l,
                          "log offset %" PRIu64 ": record %" PRIu64 " is next by the mark, %" PRIu64
                          " by the frames",
                          m->durable, m->next_seq, c->next_seq);
                return ERR_CORRUPT;
            }
            c->next_seq = m->next_seq;
            c->incarnation = m->last_incarnation;
        }
        uint64_t before = c->offset;
        if (!cursor_next(c, UINT64_MAX))
            break;
        if (before < m->durable && c->offset > m->durable) {
            open_says(l, "log offset %" PRIu64 ": the durable mark, %" PRIu64 ", lies within a frame", before,
                      m->durable);
            return ERR_CORRUPT;
        }
    }
    if (c->fault != FRAME_IO && c->offset >= m->durable)
        return OK;
    char what[LOG_ERROR_SIZE - 64];
    cursor_fault_print(c, what, sizeof what);
    open_says(l, "%s; the log is durable up to %" PRIu64, what, m->durable);
    return c->fault == FRAME_IO ? ERR_IO : ERR_CORRUPT;
}

static enum err tail_find(struct log *l)
{
    struct cursor c;
    enum err e = cursor_init(&c, l->disk, l->config.segment_size, l->seed,
                             segment_base(l->mark.durable, l->config.segment_size));
    if (e)
        return e;
    e = frames_check(l, &c);
    l->taken = (struct place){.offset = c.offset, .next_seq = c.next_seq, .incarnation = c.incarnation};
    cursor_end(&c);
    return e;
}

static enum err segment_open_current(struct log *l)
{
    uint64_t size = l->config.segment_size, base = segment_base(l->taken.offset, size);
    l->next_base = base;
    if (l->taken.offset == base)
        return OK; /* the first frame opens it */
    char name[DISK_NAME_SIZE];
    struct segment *s = log_segment(l, 0);
    segment_name(base, name);
    enum err e = l->disk->ops->open(l->disk, name, 0, &s->file);
    if (e) {
        open_says(l, "segment %s: %s", name, err_text(e));
        return ERR_IO;
    }
    s->base = base;
    l->segment_newest = 1;
    l->next_base += size;
    return OK;
}

/* Written back as it was read: where a sync failed the kernel holds these bytes as clean, and a sync would
 * have nothing to do and succeed. */
static enum err bytes_put_again(struct log *l, int file, uint64_t from, uint64_t to)
{
    uint8_t bytes[TAIL_PIECE];
    while (from < to) {
        size_t size = to - from < sizeof bytes ? (size_t)(to - from) : sizeof bytes;
        struct disk_completion done = {.error = EIO};
        enum err e = l->disk->ops->read(l->disk, file, from, bytes, size);
        if (!e)
            e = l->disk->ops->write(l->disk, file, from, bytes, size, 0);
        if (e || operation_wait(l, &done) != 0) {
            open_says(l, "what is beyond the mark cannot be written again: %s",
                      e ? err_text(e) : strerror(done.error));
            return ERR_IO;
        }
        from += size;
    }
    return OK;
}

/* What was found beyond the mark may lie in the page cache only. */
static enum err tail_sync(struct log *l)
{
    uint64_t size = l->config.segment_size;
    for (uint64_t base = segment_base(l->mark.durable, size); base < l->taken.offset; base += size) {
        uint64_t from = l->mark.durable > base ? l->mark.durable - base : 0,
                 to = l->taken.offset - base < size ? l->taken.offset - base : size;
        char name[DISK_NAME_SIZE];
        int file;
        segment_name(base, name);
        enum err e = l->disk->ops->open(l->disk, name, 0, &file);
        if (e) {
            open_says(l, "segment %s: %s", name, err_text(e));
            return ERR_IO;
        }
        e = bytes_put_again(l, file, from, to);
        if (!e)
            e = file_sync(l, file);
        l->disk->ops->close(l->disk, file);
        if (e)
            return e;
    }
    return l->disk->ops->sync_directory(l->disk);
}

/* log.h, «The stream epoch grows». */
static uint64_t epoch_next(const struct log *l)
{
    static const uint8_t unknown[16];
    const struct mark *m = &l->mark;
    bool same_boot =
        memcmp(m->boot, l->config.boot, sizeof m->boot) == 0 && memcmp(m->boot, unknown, sizeof unknown) != 0;
    bool lost = !m->clean && (!same_boot || l->taken.offset < m->written);
    return m->stream_epoch + lost;
}

static enum err log_find(struct log *l)
{
    struct extent x;
    enum err e = segments_list(l, &x);
    if (!e)
        e = mark_load(l, x.any);
    if (e)
        return e;
    if (!x.any)
        x.begin = x.end = segment_base(l->mark.durable, l->config.segment_size);
    if (l->mark.durable < x.begin || l->mark.durable > x.end || (!x.any && l->mark.durable > 0)) {
        open_says(l,
                  "the log is durable up to %" PRIu64 ", but its segments are those from %" PRIu64
                  " to %" PRIu64,
                  l->mark.durable, x.begin, x.end);
        return ERR_CORRUPT;
    }
    atomic_store_explicit(&l->begin, x.begin, memory_order_relaxed);
    e = tail_find(l);
    if (!e)
        e = tail_sync(l);
    if (!e)
        e = segment_open_current(l);
    return e;
}

/* A new incarnation: durable before any frame carries it. */
static enum err log_begin_incarnation(struct log *l)
{
    const struct mark *m = &l->mark;
    l->incarnation = (m->incarnation > l->taken.incarnation ? m->incarnation : l->taken.incarnation) + 1;
    l->wrote = l->synced = l->taken;
    atomic_store_explicit(&l->stream_epoch, epoch_next(l), memory_order_relaxed);
    atomic_store_explicit(&l->end, l->taken.offset, memory_order_relaxed);
    atomic_store_explicit(&l->durable, l->taken.offset, memory_order_relaxed);
    atomic_store_explicit(&l->next_seq, l->taken.next_seq, memory_order_relaxed);
    atomic_store_explicit(&l->written, l->taken.offset, memory_order_release);
    return mark_put(l);
}

/* A log without a segment to write to makes one now rather than under the first batches. No space is no
 * error: it stalls. */
static enum err segment_first(struct log *l)
{
    if (l->segment_newest != l->segment_oldest)
        return OK;
    struct disk_completion done;
    segment_housekeep(l);
    (void)operation_wait(l, &done);
    segment_completed(l, &done);
    return log_failed(l) ? ERR_IO : OK;
}

/* Memory and names
 * ------------------------------------------------------------------------------------------------ */

static enum err counters_name(struct log *l)
{
    if (!l->config.counters) {
        enum err e = counters_create(&l->own_counters, NULL);
        if (e)
            return e;
        l->config.counters = l->own_counters;
    }
    struct counters *c = l->config.counters;
    l->frames = counter_new(c, COUNTER_TOTAL, "rfqd_log_frames_total", "");
    l->bytes = counter_new(c, COUNTER_TOTAL, "rfqd_log_bytes_total", "");
    l->writes = counter_new(c, COUNTER_TOTAL, "rfqd_log_writes_total", "");
    l->syncs = counter_new(c, COUNTER_TOTAL, "rfqd_log_syncs_total", "");
    l->merge_waits = counter_new(c, COUNTER_TOTAL, "rfqd_log_merge_waits_total", "");
    l->recycled = counter_new(c, COUNTER_TOTAL, "rfqd_log_recycled_total", "");
    l->removed = counter_new(c, COUNTER_TOTAL, "rfqd_log_removed_total", "");
    l->stalls = counter_new(c, COUNTER_TOTAL, "rfqd_log_stalls_total", "");
    l->segment_count = counter_new(c, COUNTER_GAUGE, "rfqd_log_segments", "");
    l->stalled_now = counter_new(c, COUNTER_GAUGE, "rfqd_log_stalled", "");
    l->failed_now = counter_new(c, COUNTER_GAUGE, "rfqd_log_failed", "");
    l->unsynced = counter_new(c, COUNTER_GAUGE, "rfqd_log_unsynced_bytes", "");
    return OK;
}

static enum err log_take_memory(struct log *l)
{
    l->memory = memory_take(LOG_BUFFERS * LOG_BUFFER_SIZE + MARK_SLOT_SIZE);
    if (!l->memory)
        return ERR_MEMORY;
    for (unsigned i = 0; i < LOG_BUFFERS; i++)
        l->buffers[i].data = l->memory + (size_t)i * LOG_BUFFER_SIZE;
    l->mark_page = l->memory + (size_t)LOG_BUFFERS * LOG_BUFFER_SIZE;
    histogram_reset(&l->sync_times);
    return counters_name(l);
}

enum err log_open(struct log **out, const struct log_config *c)
{
    struct log *l = *out = calloc(1, sizeof *l);
    if (!l)
        return ERR_MEMORY;
    l->config = *c;
    l->disk = c->disk;
    l->seed = frame_seed(c->instance);
    l->mark_file = l->next_file = DISK_FILE_NONE;
    if (c->segment_size < LOG_SEGMENT_SIZE_MIN || c->segment_size % 4096 || c->segment_size > UINT32_MAX) {
        open_says(l, "the segment size must be a multiple of 4096 from %u to %u", LOG_SEGMENT_SIZE_MIN,
                  UINT32_MAX);
        return ERR_RANGE;
    }
    enum err e = log_take_memory(l);
    if (e)
        open_says(l, "%s", err_text(e));
    if (!e)
        e = log_find(l);
    if (!e)
        e = log_begin_incarnation(l);
    if (!e)
        e = segment_first(l);
    return e;
}

void log_close(struct log *l)
{
    if (!l)
        return;
    struct disk *d = l->disk;
    d->ops->abandon(d); /* the buffers are about to go */
    for (unsigned i = l->segment_oldest; i != l->segment_newest; i++)
        d->ops->close(d, log_segment(l, i)->file);
    if (l->next_file != DISK_FILE_NONE)
        d->ops->close(d, l->next_file);
    if (l->mark_file != DISK_FILE_NONE)
        d->ops->close(d, l->mark_file);
    if (l->memory)
        memory_give(l->memory, LOG_BUFFERS * LOG_BUFFER_SIZE + MARK_SLOT_SIZE);
    counters_close(l->own_counters);
    free(l);
}
