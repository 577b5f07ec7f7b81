#include "dataplane/core/counters.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/hash.h"

#define COUNTERS_MAGIC   0x53524e5444514652ull /* "RFQDTNRS" */
#define COUNTERS_VERSION 1u
#define SPILL            0u /* index of the spill counter */
#define INDEX_SIZE       (1u << 17)
static_assert(INDEX_SIZE >= 2 * COUNTERS_MAX && (INDEX_SIZE & (INDEX_SIZE - 1)) == 0, "half empty at worst");

struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t capacity;
    _Atomic uint32_t
        count; /* release: the descriptors before it are written; pairs with the acquire in counters_at */
    uint32_t unused[11];
};
static_assert(sizeof(struct header) == 64, "a line");

struct descriptor {
    char name[COUNTER_NAME_SIZE];
    char label[COUNTER_LABEL_SIZE];
    uint32_t kind;
    uint32_t unused;
};
static_assert(sizeof(struct descriptor) == 192, "three lines: the layout other processes read");

struct line {
    counter_value value;
    char unused[56];
};
static_assert(sizeof(struct line) == 64, "a line each");

struct shared {
    struct header header;
    struct descriptor descriptors[COUNTERS_MAX];
    struct line lines[COUNTERS_MAX];
};

struct counters {
    struct shared *shared;
    uint32_t *index; /* by name and label: number + 1, 0: free; NULL for readers */
};

/* Built under a name of its own and renamed, so that a reader never sees half a header. */
static enum err file_make(const char *path, int *fd)
{
    char *temporary;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return ERR_MEMORY;
    enum err e = ERR_IO;
    (void)unlink(temporary);
    *fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (*fd >= 0) {
        int failed = posix_fallocate(*fd, 0, sizeof(struct shared));
        struct header h = {.magic = COUNTERS_MAGIC, .version = COUNTERS_VERSION, .capacity = COUNTERS_MAX};
        if (failed)
            errno = failed;
        else if (pwrite(*fd, &h, sizeof h, 0) == (ssize_t)sizeof h && rename(temporary, path) == 0)
            e = OK;
        if (e) {
            int cause = errno;
            close(*fd);
            (void)unlink(temporary);
            errno = cause;
        }
    }
    free(temporary);
    return e;
}

enum err counters_create(struct counters **out, const char *path)
{
    int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (path) {
        enum err e = file_make(path, &fd);
        if (e)
            return e;
        flags = MAP_SHARED;
    }
    void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (fd >= 0)
        close(fd);
    struct counters *c = p == MAP_FAILED ? NULL : calloc(1, sizeof *c);
    if (c)
        c->index = calloc(INDEX_SIZE, sizeof *c->index);
    if (!c || !c->index) {
        if (p != MAP_FAILED)
            munmap(p, sizeof(struct shared));
        free(c);
        return ERR_MEMORY;
    }
    c->shared = p;
    c->shared->header.magic = COUNTERS_MAGIC;
    c->shared->header.version = COUNTERS_VERSION;
    c->shared->header.capacity = COUNTERS_MAX;
    counter_value *spill = counter_new(c, COUNTER_TOTAL, "rfqd_counters_spilled_total", "");
    assert(spill == &c->shared->lines[SPILL].value);
    (void)spill;
    *out = c;
    return OK;
}

enum err counters_open(struct counters **out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    struct stat st;
    void *p = MAP_FAILED;
    enum err e = OK;
    if (fstat(fd, &st) != 0)
        e = ERR_IO;
    else if (st.st_size != (off_t)sizeof(struct shared))
        e = ERR_CORRUPT;
    else if ((p = mmap(NULL, sizeof(struct shared), PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED)
        e = ERR_MEMORY;
    close(fd);
    if (e)
        return e;
    const struct header *h = p;
    struct counters *c = NULL;
    if (h->magic != COUNTERS_MAGIC || h->version != COUNTERS_VERSION || h->capacity != COUNTERS_MAX)
        e = ERR_CORRUPT;
    else if (!(c = calloc(1, sizeof *c)))
        e = ERR_MEMORY;
    if (e) {
        munmap(p, sizeof(struct shared));
        return e;
    }
    c->shared = p;
    *out = c;
    return OK;
}

void counters_close(struct counters *c)
{
    if (!c)
        return;
    munmap(c->shared, sizeof(struct shared));
    free(c->index);
    free(c);
}

/* Where this name and label stand in the index, or would. */
static uint32_t *place_of(struct counters *c, const char *name, const char *label)
{
    uint64_t hash = hash_bytes(name, strlen(name)) ^ hash_u64(hash_bytes(label, strlen(label)));
    for (;; hash++) {
        uint32_t *place = &c->index[hash & (INDEX_SIZE - 1)];
        if (!*place)
            return place;
        const struct descriptor *d = &c->shared->descriptors[*place - 1];
        if (strcmp(d->name, name) == 0 && strcmp(d->label, label) == 0)
            return place;
    }
}

counter_value *counter_new(struct counters *c, enum counter_kind kind, const char *name, const char *label)
{
    struct shared *s = c->shared;
    if (!label)
        label = "";
    if (strlen(name) >= COUNTER_NAME_SIZE || strlen(label) >= COUNTER_LABEL_SIZE)
        return &s->lines[SPILL].value;
    uint32_t count = atomic_load_explicit(&s->header.count, memory_order_relaxed);
    uint32_t *place = place_of(c, name, label);
    if (*place)
        return &s->lines[*place - 1].value;
    if (count == COUNTERS_MAX)
        return &s->lines[SPILL].value;
    *place = count + 1;
    struct descriptor *d = &s->descriptors[count];
    memcpy(d->name, name, strlen(name) + 1);
    memcpy(d->label, label, strlen(label) + 1);
    d->kind = kind;
    counter_set(&s->lines[count].value, 0);
    atomic_store_explicit(&s->header.count, count + 1, memory_order_release);
    return &s->lines[count].value;
}

int counters_at(const struct counters *c, uint32_t i, struct counter_view *out)
{
    struct shared *s = c->shared;
    uint32_t count = atomic_load_explicit(&s->header.count, memory_order_acquire);
    if (i >= count || i >= COUNTERS_MAX)
        return 0;
    *out =
        (struct counter_view){.name = s->descriptors[i].name,
                              .label = s->descriptors[i].label,
                              .kind = s->descriptors[i].kind == COUNTER_GAUGE ? COUNTER_GAUGE : COUNTER_TOTAL,
                              .value = counter_get(&s->lines[i].value)};
    return 1;
}
