#include <errno.h>

#include "storage/log/inside.h"

bool segment_ready(const struct log *l)
{
    return l->next_file != DISK_FILE_NONE && l->segment_newest - l->segment_oldest < LOG_OPEN_SEGMENTS;
}

void segment_advance(struct log *l)
{
    assert(segment_ready(l) && l->taken.offset == l->next_base);
    if (l->segment_newest != l->segment_oldest) {
        struct segment *full = log_segment(l, l->segment_newest - 1);
        full->complete = true;
        full->end = l->taken;
    }
    *log_segment(l, l->segment_newest++) = (struct segment){.base = l->next_base, .file = l->next_file};
    l->next_file = DISK_FILE_NONE;
    l->next_base += l->config.segment_size;
}

void segment_drop_synced(struct log *l)
{
    while (l->segment_oldest != l->segment_newest) {
        struct segment *s = log_segment(l, l->segment_oldest);
        if (!s->complete || s->end.offset > l->synced.offset)
            return;
        l->disk->ops->close(l->disk, s->file);
        l->segment_oldest++;
    }
}

/* All before it is needed by nobody: neither storage, nor the retention, nor the next opening, which starts
 * at the mark. */
static uint64_t recyclable_end(struct log *l)
{
    uint64_t hold = atomic_load_explicit(&l->hold, memory_order_acquire); /* pairs with log_hold */
    uint64_t retained = l->taken.offset > l->config.retain_size ? l->taken.offset - l->config.retain_size : 0;
    if (l->config.retain_size == 0)
        return 0;
    if (hold > retained)
        hold = retained;
    return hold < l->mark.durable ? hold : l->mark.durable;
}

/* Readers learn that the oldest segment is gone before its file is touched (log_reader_next looks again after
 * it read). */
static uint64_t oldest_give_up(struct log *l)
{
    uint64_t oldest = atomic_load_explicit(&l->begin, memory_order_relaxed);
    atomic_store_explicit(&l->begin, oldest + l->config.segment_size, memory_order_seq_cst);
    return oldest;
}

void segment_housekeep(struct log *l)
{
    if (l->job != LOG_JOB_NONE || l->job_retry_ns > l->now_ns)
        return;
    uint64_t size = l->config.segment_size, spare = 0;
    uint64_t begin = atomic_load_explicit(&l->begin, memory_order_relaxed), end = recyclable_end(l);
    if (end > begin)
        spare = (end - begin) / size;
    char name[DISK_NAME_SIZE], from[DISK_NAME_SIZE];
    enum err e = OK;
    if (l->next_file == DISK_FILE_NONE) {
        segment_name(l->next_base, name);
        l->job = LOG_JOB_PREPARE;
        l->job_recycles = spare > 0;
        if (spare)
            segment_name(oldest_give_up(l), from);
        e = l->disk->ops->prepare(l->disk, spare ? from : NULL, name, size, token_make(TOKEN_JOB, 0));
    } else if (spare > 1) { /* one stays, to become the next */
        l->job = LOG_JOB_DISCARD;
        l->job_recycles = true;
        segment_name(oldest_give_up(l), name);
        e = l->disk->ops->discard(l->disk, name, token_make(TOKEN_JOB, 0));
    }
    assert(!e); /* one job at a time */
}

void segment_completed(struct log *l, const struct disk_completion *done)
{
    enum log_job job = l->job;
    l->job = LOG_JOB_NONE;
    l->job_retry_ns = 0;
    l->no_space = false;
    if (!done->error) {
        if (job == LOG_JOB_PREPARE)
            l->next_file = done->file;
        if (l->job_recycles)
            counter_add(job == LOG_JOB_PREPARE ? l->recycled : l->removed, 1);
        return;
    }
    if (done->error != ENOSPC && done->error != EDQUOT) {
        log_fail(l, "a segment of the log cannot be %s: %s", job == LOG_JOB_PREPARE ? "made" : "removed",
                 strerror(done->error));
        return;
    }
    l->no_space = true;
    l->job_retry_ns = l->now_ns + LOG_RETRY_NS;
    if (l->job_recycles) /* it is still there, under its old name */
        atomic_fetch_sub_explicit(&l->begin, l->config.segment_size, memory_order_relaxed);
}
