#include "storage/log/cursor.h"

#include <inttypes.h>
#include <stdio.h>

#include "dataplane/core/memory.h"

#define NO_BASE UINT64_MAX

void segment_name(uint64_t base, char name[DISK_NAME_SIZE])
{
    snprintf(name, DISK_NAME_SIZE, "%016" PRIx64 ".log", base);
}

bool segment_name_parse(const char *name, uint64_t *base)
{
    char again[DISK_NAME_SIZE];
    if (sscanf(name, "%16" SCNx64, base) != 1)
        return false;
    segment_name(*base, again);
    return strcmp(name, again) == 0;
}

enum err cursor_init(struct cursor *c, struct disk *disk, uint64_t segment_size, uint32_t seed,
                     uint64_t offset)
{
    *c = (struct cursor){.disk = disk,
                         .segment_size = segment_size,
                         .seed = seed,
                         .offset = offset,
                         .base = NO_BASE,
                         .file = DISK_FILE_NONE,
                         .buffer = memory_take(CURSOR_BUFFER_SIZE),
                         .from = offset,
                         .to = offset};
    return c->buffer ? OK : ERR_MEMORY;
}

static void segment_leave(struct cursor *c)
{
    if (c->file != DISK_FILE_NONE)
        c->disk->ops->close(c->disk, c->file);
    c->file = DISK_FILE_NONE;
    c->base = NO_BASE;
    c->from = c->to = c->offset;
}

void cursor_end(struct cursor *c)
{
    segment_leave(c);
    memory_give(c->buffer, CURSOR_BUFFER_SIZE);
    c->buffer = NULL;
}

static enum frame_fault segment_enter(struct cursor *c)
{
    uint64_t base = segment_base(c->offset, c->segment_size);
    if (c->base == base)
        return FRAME_GOOD;
    segment_leave(c);
    char name[DISK_NAME_SIZE];
    segment_name(base, name);
    enum err e = c->disk->ops->open(c->disk, name, 0, &c->file);
    if (e) {
        c->file = DISK_FILE_NONE;
        return e == ERR_NOT_FOUND ? FRAME_MISSING : FRAME_IO;
    }
    c->base = base;
    return FRAME_GOOD;
}

/* Have `need` bytes from c->offset in the buffer, reading ahead as far as bound and buffer go. */
static enum frame_fault cursor_fill(struct cursor *c, uint64_t need, uint64_t bound)
{
    uint64_t end = c->base + c->segment_size;
    if (end > bound)
        end = bound;
    if (c->to - c->offset >= need)
        return FRAME_GOOD;
    if (end - c->offset < need)
        return FRAME_SIZE;
    memmove(c->buffer, c->buffer + (c->offset - c->from), c->to - c->offset);
    c->from = c->offset;
    if (end - c->from > CURSOR_BUFFER_SIZE)
        end = c->from + CURSOR_BUFFER_SIZE;
    enum err e =
        c->disk->ops->read(c->disk, c->file, c->to - c->base, c->buffer + (c->to - c->from), end - c->to);
    if (e) {
        c->to = c->from; /* what was read in part counts as nothing */
        return e == ERR_RANGE ? FRAME_SHORT : FRAME_IO;
    }
    c->to = end;
    return FRAME_GOOD;
}

static enum frame_fault cursor_check(struct cursor *c, uint64_t bound, const struct log_frame **out)
{
    enum frame_fault fault = segment_enter(c);
    if (!fault)
        fault = cursor_fill(c, sizeof(struct log_frame), bound);
    if (fault)
        return fault;
    const struct log_frame *f = (const struct log_frame *)(c->buffer + (c->offset - c->from));
    fault = frame_check_header(f, c->offset, c->base + c->segment_size - c->offset);
    if (!fault)
        fault = cursor_fill(c, frame_stored_size(f), bound);
    if (fault)
        return fault;
    f = (const struct log_frame *)(c->buffer + (c->offset - c->from)); /* the fill may have moved it */
    fault = frame_check(f, c->seed);
    if (fault)
        return fault;
    if (f->incarnation < c->incarnation)
        return FRAME_OLD;
    if (c->next_seq && f->first_seq != c->next_seq)
        return FRAME_NUMBER;
    *out = f;
    return FRAME_GOOD;
}

const struct log_frame *cursor_look(struct cursor *c, uint64_t bound)
{
    const struct log_frame *f = NULL;
    c->fault = FRAME_GOOD;
    if (c->offset >= bound)
        return NULL;
    c->fault = cursor_check(c, bound, &f);
    if (c->fault) {
        segment_leave(c); /* a further call reads afresh */
        return NULL;
    }
    return f;
}

/* As though the log ended where the buffer does: then nothing is read. */
const struct log_frame *cursor_at_hand(struct cursor *c)
{
    const struct log_frame *f = NULL;
    bool is_open = c->base == segment_base(c->offset, c->segment_size);
    return is_open && cursor_check(c, c->to, &f) == FRAME_GOOD ? f : NULL;
}

void cursor_take(struct cursor *c, const struct log_frame *f)
{
    c->incarnation = f->incarnation;
    c->next_seq = f->first_seq + (f->pad ? 0 : log_frame_batch(f)->count);
    c->offset += f->size;
}

const struct log_frame *cursor_next(struct cursor *c, uint64_t bound)
{
    const struct log_frame *f = cursor_look(c, bound);
    if (f)
        cursor_take(c, f);
    return f;
}

void cursor_fault_print(const struct cursor *c, char *text, size_t size)
{
    char name[DISK_NAME_SIZE];
    uint64_t base = segment_base(c->offset, c->segment_size);
    segment_name(base, name);
    snprintf(text, size, "segment %s, log offset %" PRIu64 " (byte %" PRIu64 " of the file): %s", name,
             c->offset, c->offset - base, frame_fault_text(c->fault));
}
