#include "storage/log/repair.h"

#include <errno.h>
#include <stdio.h>

#include "storage/log/inside.h"

/* Openings that wrote nothing are not to be seen in the frames; more than these nobody has had between two
 * frames. */
#define UNSEEN_INCARNATIONS 1000000u

struct repairing {
    const struct log_config *config;
    struct disk *disk;
    struct mark mark;
    int mark_file;
    struct cursor cursor;
    uint64_t stream_epoch; /* the highest in a frame */
};

/* Names sort as their bases do. */
static enum err lowest_segment(struct disk *d, uint64_t *base)
{
    char name[DISK_NAME_SIZE];
    for (unsigned i = 0;; i++) {
        enum err e = d->ops->list(d, i, name);
        if (e || segment_name_parse(name, base))
            return e;
    }
}

static enum err mark_find(struct repairing *p, struct log_report *r)
{
    enum err e = p->disk->ops->open(p->disk, MARK_FILE_NAME, 0, &p->mark_file);
    if (e) {
        p->mark_file = DISK_FILE_NONE;
        return e == ERR_NOT_FOUND ? OK : e;
    }
    e = mark_read(p->disk, p->mark_file, &p->mark);
    if (e == ERR_CORRUPT || e == ERR_NOT_FOUND)
        return OK;
    if (e)
        return e;
    if (memcmp(p->mark.instance, p->config->instance, sizeof p->mark.instance) != 0)
        return ERR_STALE;
    if (p->mark.segment_size != p->config->segment_size)
        return ERR_STATE;
    r->has_mark = true;
    r->durable = p->mark.durable;
    r->stream_epoch = p->mark.stream_epoch;
    r->incarnation = p->mark.incarnation;
    r->clean = p->mark.clean;
    return OK;
}

static void frames_count(struct repairing *p, struct log_report *r)
{
    const struct log_frame *f;
    while ((f = cursor_next(&p->cursor, UINT64_MAX))) {
        if (f->stream_epoch > p->stream_epoch)
            p->stream_epoch = f->stream_epoch;
        if (f->pad)
            continue;
        r->frames++;
        r->records += log_frame_batch(f)->count;
    }
    r->end = p->cursor.offset;
    r->next_seq = p->cursor.next_seq;
    r->damaged = !r->has_mark || r->end < r->durable;
    cursor_fault_print(&p->cursor, r->fault, sizeof r->fault);
}

static enum err repairing_begin(struct repairing *p, const struct log_config *c, struct log_report *r)
{
    *p = (struct repairing){.config = c, .disk = c->disk, .mark_file = DISK_FILE_NONE};
    *r = (struct log_report){0};
    enum err e = mark_find(p, r);
    if (e)
        return e;
    e = lowest_segment(c->disk, &r->begin);
    if (e == ERR_NOT_FOUND && r->has_mark)
        r->begin = segment_base(r->durable, c->segment_size);
    else if (e)
        return e;
    e = cursor_init(&p->cursor, c->disk, c->segment_size, frame_seed(c->instance), r->begin);
    if (e)
        return e;
    if (r->begin == 0)
        p->cursor.next_seq = LOG_FIRST_SEQ;
    frames_count(p, r);
    return p->cursor.fault == FRAME_IO ? ERR_IO : OK;
}

static void repairing_end(struct repairing *p)
{
    if (p->cursor.buffer)
        cursor_end(&p->cursor);
    if (p->mark_file != DISK_FILE_NONE)
        p->disk->ops->close(p->disk, p->mark_file);
}

enum err log_examine(const struct log_config *c, struct log_report *r)
{
    struct repairing p;
    enum err e = repairing_begin(&p, c, r);
    repairing_end(&p);
    return e;
}

static enum err operation_end(struct disk *d, enum err started)
{
    struct disk_completion done;
    if (started)
        return started;
    while (d->ops->poll(d, &done, 1) == 0)
        d->ops->wait(d);
    errno = done.error;
    return done.error ? ERR_IO : OK;
}

/* Both slots, one after the other, so that no older mark is left to speak for what was given up. */
static enum err mark_replace(struct repairing *p, struct mark *m)
{
    struct disk *d = p->disk;
    static const char zeros[MARK_SLOT_SIZE];
    enum err e = OK;
    if (p->mark_file == DISK_FILE_NONE)
        e = d->ops->open(d, MARK_FILE_NAME, MARK_FILE_SIZE, &p->mark_file);
    char page[MARK_SLOT_SIZE];
    mark_seal(m);
    memset(page, 0, sizeof page);
    memcpy(page, m, sizeof *m);
    uint64_t slot = mark_slot_offset(m);
    if (!e)
        e = operation_end(d, d->ops->write(d, p->mark_file, slot, page, sizeof page, 0));
    if (!e)
        e = operation_end(d, d->ops->sync(d, p->mark_file, 0));
    if (!e)
        e = operation_end(d, d->ops->write(d, p->mark_file, MARK_SLOT_SIZE - slot, zeros, sizeof zeros, 0));
    if (!e)
        e = operation_end(d, d->ops->sync(d, p->mark_file, 0));
    return e;
}

static enum err cut(struct repairing *p, const struct log_report *r)
{
    if (r->next_seq == 0)
        return ERR_STATE; /* not one good frame to number from */
    uint64_t incarnation = r->has_mark ? p->mark.incarnation : p->cursor.incarnation + UNSEEN_INCARNATIONS;
    uint64_t epoch = p->stream_epoch > p->mark.stream_epoch ? p->stream_epoch : p->mark.stream_epoch;
    struct mark m = {.generation = p->mark.generation + 1,
                     .segment_size = p->config->segment_size,
                     .incarnation = incarnation,
                     .stream_epoch = epoch + 1,
                     .durable = r->end,
                     .written = r->end,
                     .next_seq = r->next_seq,
                     .last_incarnation = p->cursor.incarnation,
                     .clean = 1}; /* the epoch has grown here: not once more at the next start */
    memcpy(m.instance, p->config->instance, sizeof m.instance);
    memcpy(m.boot, p->config->boot, sizeof m.boot);
    return mark_replace(p, &m);
}

/* From the lowest on, so that what a crash leaves has no gap. */
static enum err drop(struct repairing *p, const struct log_report *r, uint64_t keep)
{
    uint64_t size = p->config->segment_size, end = segment_base(r->end, size) + size;
    if (!r->has_mark || segment_base(r->durable, size) < end || keep < end)
        return ERR_STATE;
    for (uint64_t base = r->begin; base < end; base += size) {
        char name[DISK_NAME_SIZE];
        segment_name(base, name);
        enum err e = p->disk->ops->remove(p->disk, name);
        if (e && e != ERR_NOT_FOUND)
            return e;
    }
    return p->disk->ops->sync_directory(p->disk);
}

enum err log_repair(const struct log_config *c, enum log_repair how, uint64_t keep, struct log_report *r)
{
    struct repairing p;
    enum err e = repairing_begin(&p, c, r);
    if (!e && !r->damaged)
        e = ERR_STATE;
    if (!e)
        e = how == LOG_REPAIR_CUT ? cut(&p, r) : drop(&p, r, keep);
    repairing_end(&p);
    return e;
}
