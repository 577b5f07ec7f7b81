#include "control/journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/journal/line.h"

/* Writers check for room and then take the next number; as many may stand between the two as there are
 * threads, and each goes at most one beyond. */
#define ROOM (JOURNAL_SLOTS - JOURNAL_THREADS_MAX)
static_assert((JOURNAL_SLOTS & (JOURNAL_SLOTS - 1)) == 0 && JOURNAL_SLOTS > JOURNAL_THREADS_MAX, "a ring");

static const char CUT[] = "…";

struct slot {
    _Atomic uint64_t
        whole; /* number + 1 of the entry that is whole: release by its writer, acquire by drain */
    struct journal_entry entry;
};

struct journal {
    int fd;
    struct journal_style style;
    uint64_t (*clock)(void);
    _Atomic int level;
    char pending[JOURNAL_LINE_MAX]; /* the line that the file did not take yet: drain's own */
    size_t pending_size;
    uint64_t dropped_said;
    counter_value *lines[JOURNAL_LEVELS], *dropped_count;
    counter_value own_lines[JOURNAL_LEVELS], own_dropped;
    _Atomic uint64_t dropped;
    _Alignas(128) _Atomic uint64_t tail; /* writers: the next number */
    _Alignas(128) _Atomic uint64_t head; /* drain: all before it was written; release: its slots are free */
    _Alignas(128) struct slot slots[JOURNAL_SLOTS];
};

/* Life
 * --------------------------------------------------------------------------------------------------- */

/* systemd says which file it has given us as standard output or error: "device:inode" (systemd.exec(5)). */
static bool is_systemds(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat s;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &s) == 0 &&
           s.st_dev == device && s.st_ino == inode;
}

enum err journal_create(struct journal **out, const struct journal_config *c)
{
    struct journal *j = *out = aligned_alloc(128, sizeof *j);
    if (!j)
        return ERR_MEMORY;
    memset(j, 0, sizeof *j);
    j->fd = c->fd;
    j->style = (struct journal_style){.format = c->format, .to_systemd = is_systemds(c->fd)};
    j->clock = c->clock;
    j->level = (int)c->level;
    for (unsigned i = 0; i < JOURNAL_LEVELS; i++)
        j->lines[i] = &j->own_lines[i];
    j->dropped_count = &j->own_dropped;
    if (c->counters)
        journal_count_in(j, c->counters);
    return OK;
}

void journal_count_in(struct journal *j, struct counters *counters)
{
    char label[COUNTER_LABEL_SIZE];
    for (unsigned i = 0; i < JOURNAL_LEVELS; i++) {
        snprintf(label, sizeof label, "level=\"%s\"", journal_level_name((enum journal_level)i));
        j->lines[i] = counter_new(counters, COUNTER_TOTAL, "rfqd_journal_lines_total", label);
        counter_set(j->lines[i],
                    counter_get(&j->own_lines[i])); /* what was said before there were counters */
    }
    j->dropped_count = counter_new(counters, COUNTER_TOTAL, "rfqd_journal_dropped_total", "");
    counter_set(j->dropped_count, j->dropped_said);
}

void journal_destroy(struct journal *j)
{
    free(j);
}

/* Writing
 * ------------------------------------------------------------------------------------------------ */

/* False: the ring is full, and the line was counted. */
static bool take(struct journal *j, uint64_t *number)
{
    uint64_t head = atomic_load_explicit(&j->head, memory_order_acquire); /* pairs with drain's release */
    uint64_t tail = atomic_load_explicit(&j->tail, memory_order_relaxed);
    /* The head was read first, so it can only be further by now: tail − head is never short of the truth. */
    if (tail - head >= ROOM) {
        atomic_fetch_add_explicit(&j->dropped, 1, memory_order_relaxed);
        return false;
    }
    *number = atomic_fetch_add_explicit(&j->tail, 1, memory_order_relaxed);
    /* Others may have gone far since: what makes the place ours is a head that has passed what lay there. */
    head = atomic_load_explicit(&j->head, memory_order_acquire);
    assert(*number - head < JOURNAL_SLOTS);
    return true;
}

/* The text into the entry; a cut one ends at a whole character, and says so. */
static void keep_text(struct journal_entry *e, struct journal_field *f)
{
    size_t size = strnlen(f->text, f->size), room = JOURNAL_TEXTS_SIZE - e->texts_used;
    char *to = e->texts + e->texts_used;
    bool cut = size > room;
    if (cut) {
        size = room < sizeof CUT - 1 ? 0 : room - (sizeof CUT - 1);
        while (size && ((unsigned char)f->text[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, f->text, size);
    if (cut && room >= sizeof CUT - 1) {
        memcpy(to + size, CUT, sizeof CUT - 1);
        size += sizeof CUT - 1;
    }
    f->text = to;
    f->size = (uint32_t)size;
    e->texts_used = (uint16_t)(e->texts_used + size);
}

void journal_write(struct journal *j, enum journal_level level, const char *event,
                   const struct journal_field *fields, unsigned count)
{
    uint64_t number;
    if (!j || (int)level > atomic_load_explicit(&j->level, memory_order_relaxed) || !take(j, &number))
        return;
    assert(strlen(event) <= JOURNAL_KEY_MAX);
    struct slot *s = &j->slots[number & (JOURNAL_SLOTS - 1)];
    struct journal_entry *e = &s->entry;
    e->time_ns = j->clock();
    e->event = event;
    e->level = (uint8_t)level;
    e->field_count = (uint8_t)(count < JOURNAL_FIELDS_MAX ? count : JOURNAL_FIELDS_MAX);
    e->texts_used = 0;
    for (unsigned i = 0; i < e->field_count; i++) {
        assert(strlen(fields[i].key) <= JOURNAL_KEY_MAX);
        e->fields[i] = fields[i];
        if (fields[i].kind == JOURNAL_FIELD_TEXT)
            keep_text(e, &e->fields[i]);
    }
    atomic_store_explicit(&s->whole, number + 1, memory_order_release);
}

void journal_level_set(struct journal *j, enum journal_level level)
{
    atomic_store_explicit(&j->level, (int)level, memory_order_relaxed);
}

enum journal_level journal_level_now(const struct journal *j)
{
    return (enum journal_level)atomic_load_explicit(&j->level, memory_order_relaxed);
}

uint64_t journal_dropped(const struct journal *j)
{
    return atomic_load_explicit(&j->dropped, memory_order_relaxed);
}

/* Draining
 * ----------------------------------------------------------------------------------------------- */

/* A pipe that is ready takes a line of PIPE_BUF without blocking. A file that is gone takes, and loses,
 * everything: there is nobody to tell. */
static bool put(struct journal *j, const char *bytes, size_t size, int wait_ms)
{
    struct pollfd p = {.fd = j->fd, .events = POLLOUT};
    while (size) {
        if (poll(&p, 1, wait_ms) == 0)
            return false;
        ssize_t n = write(j->fd, bytes, size);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0 && errno != EINTR)
            return true;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
            memmove(j->pending, bytes, size); /* a part left: the rest of this line is what waits now */
            bytes = j->pending;
            j->pending_size = size;
        }
    }
    return true;
}

static bool put_pending(struct journal *j, int wait_ms)
{
    if (j->pending_size && !put(j, j->pending, j->pending_size, wait_ms))
        return false;
    j->pending_size = 0;
    return true;
}

static bool put_entry(struct journal *j, const struct journal_entry *e, int wait_ms)
{
    counter_add(j->lines[e->level], 1);
    j->pending_size = journal_line(e, &j->style, j->pending);
    return put_pending(j, wait_ms);
}

static bool say_dropped(struct journal *j, int wait_ms)
{
    uint64_t dropped = journal_dropped(j);
    if (dropped == j->dropped_said)
        return true;
    struct journal_entry e = {.time_ns = j->clock(), .event = "journal_dropped", .level = JOURNAL_WARNING};
    e.fields[e.field_count++] = journal_uint("lines", dropped - j->dropped_said);
    j->dropped_said = dropped;
    counter_set(j->dropped_count, dropped);
    return put_entry(j, &e, wait_ms);
}

static unsigned drain(struct journal *j, int wait_ms)
{
    unsigned lines = 0;
    if (!put_pending(j, wait_ms))
        return 0;
    uint64_t head = atomic_load_explicit(&j->head, memory_order_relaxed);
    while (lines < JOURNAL_DRAIN_MAX) {
        struct slot *s = &j->slots[head & (JOURNAL_SLOTS - 1)];
        if (atomic_load_explicit(&s->whole, memory_order_acquire) != head + 1)
            break;
        bool taken = put_entry(j, &s->entry, wait_ms);
        atomic_store_explicit(&j->head, ++head, memory_order_release); /* the line is in `pending` */
        lines++;
        if (!taken)
            return lines;
    }
    say_dropped(j, wait_ms);
    return lines;
}

unsigned journal_drain(struct journal *j)
{
    return drain(j, 0);
}

void journal_drain_all(struct journal *j, int wait_ms)
{
    while (drain(j, wait_ms))
        if (j->pending_size)
            return; /* it takes nothing: as much as there was time for */
}
