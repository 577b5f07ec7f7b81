#include "dataplane/ring/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/memory.h"
#include "dataplane/ring/mirror.h"

#define RING_MAGIC       0x474e495244514652ull /* "RFQDRING" */
#define RING_VERSION     1u
#define RING_HEADER_SIZE 4096u

static_assert(sizeof(struct ring_shared) <= RING_HEADER_SIZE, "the header fits its page");

static bool size_is_legal(uint64_t size)
{
    return size >= RING_SIZE_MIN && size <= RING_SIZE_MAX && (size & (size - 1)) == 0;
}

static void ring_fill(struct ring *r, int fd, char *base, uint64_t size, uint8_t agent, bool locked)
{
    struct ring_shared *s = (struct ring_shared *)base;
    /* Attaching, not publishing: what another thread of this process will read is ordered by however it is
     * started. */
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_acquire);
    *r = (struct ring){.shared = s,
                       .data = base + RING_HEADER_SIZE,
                       .size = size,
                       .write = tail,
                       .head = atomic_load_explicit(&s->head, memory_order_acquire),
                       .agent = agent,
                       .locked = locked,
                       .fd = fd};
}

static void header_fill(struct ring_shared *s, uint64_t size, uint8_t agent, const struct ring_identity *id,
                        uint64_t position)
{
    s->version = RING_VERSION;
    s->agent = agent;
    s->size = size;
    s->identity = *id;
    atomic_store_explicit(&s->tail, position, memory_order_relaxed);
    atomic_store_explicit(&s->head, position, memory_order_relaxed);
    atomic_store_explicit(&s->durable, position, memory_order_relaxed);
    s->magic = RING_MAGIC;
}

/* The new file under its temporary name: allocated, mapped, header written. fd is open in any case when it is
 * ≥ 0. */
static enum err ring_build(struct ring *r, const char *temporary, uint64_t size, uint8_t agent,
                           const struct ring_identity *id, uint64_t position)
{
    (void)unlink(temporary); /* of a creator that was killed */
    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    enum err e;
    char *base;
    bool locked;
    int failed = memory_is_lazy() ? ftruncate(fd, (off_t)(RING_HEADER_SIZE + size))
                                  : posix_fallocate(fd, 0, (off_t)(RING_HEADER_SIZE + size));
    if (failed) {
        errno = failed;
        e = failed == ENOSPC || failed == ENOMEM ? ERR_MEMORY : ERR_IO;
    } else {
        e = mirror_map(fd, RING_HEADER_SIZE, size, &base, &locked);
    }
    if (e) {
        int cause = errno;
        close(fd);
        errno = cause;
        return e;
    }
    header_fill((struct ring_shared *)base, size, agent, id, position);
    ring_fill(r, fd, base, size, agent, locked);
    return OK;
}

enum err ring_create(struct ring *r, const char *path, uint64_t size, uint8_t agent,
                     const struct ring_identity *id, uint64_t position)
{
    assert(agent != AGENT_NONE && agent < AGENTS_MAX);
    assert(position % 8 == 0);
    if (!size_is_legal(size))
        return ERR_RANGE;
    char *temporary;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return ERR_MEMORY;
    enum err e = ring_build(r, temporary, size, agent, id, position);
    if (!e && rename(temporary, path) != 0) {
        int cause = errno;
        ring_close(r);
        errno = cause;
        e = ERR_IO;
    }
    if (e) {
        int cause = errno;
        (void)unlink(temporary);
        errno = cause;
    }
    free(temporary);
    return e;
}

/* Is it a ring, ours, of this agent, whole? Read through the file, before anything is mapped. */
static enum err header_check(int fd, uint8_t agent, const struct ring_identity *id, uint64_t *size)
{
    struct stat st;
    struct ring_shared s;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    ssize_t got = pread(fd, &s, sizeof s, 0);
    if (got < 0)
        return ERR_IO;
    if (got != (ssize_t)sizeof s || s.magic != RING_MAGIC)
        return ERR_CORRUPT;
    if (s.version > RING_VERSION)
        return ERR_VERSION;
    if (memcmp(&s.identity, id, sizeof *id) != 0)
        return ERR_STALE;
    if (s.agent != agent || !size_is_legal(s.size) || (uint64_t)st.st_size != RING_HEADER_SIZE + s.size)
        return ERR_CORRUPT;
    *size = s.size;
    return OK;
}

/* The chain of committed batches from head to tail. */
static bool content_is_sound(const struct ring *r)
{
    uint64_t head = r->head, tail = r->write;
    uint64_t durable = atomic_load_explicit(&r->shared->durable, memory_order_relaxed);
    if (head % 8 || tail % 8 || head > tail || tail - head > r->size || durable > head)
        return false;
    while (head < tail) {
        const struct batch *b = (const struct batch *)(r->data + (head & (r->size - 1)));
        if (!batch_is_sound(b, tail - head) || b->position != head || b->agent != r->agent)
            return false;
        head += b->size;
    }
    return true;
}

enum err ring_open(struct ring *r, const char *path, uint8_t agent, const struct ring_identity *id)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    uint64_t size;
    char *base;
    bool locked;
    enum err e = header_check(fd, agent, id, &size);
    if (!e)
        e = mirror_map(fd, RING_HEADER_SIZE, size, &base, &locked);
    if (e) {
        int cause = errno;
        close(fd);
        errno = cause;
        return e;
    }
    ring_fill(r, fd, base, size, agent, locked);
    if (content_is_sound(r))
        return OK;
    ring_close(r);
    return ERR_CORRUPT;
}

void ring_close(struct ring *r)
{
    assert(r->shared);
    mirror_unmap((char *)r->shared, RING_HEADER_SIZE, r->size);
    close(r->fd);
    *r = (struct ring){.fd = -1};
}

enum err ring_identity_boot(uint8_t out[16])
{
    char text[37] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got < 0)
        return ERR_IO;
    /* 32 hexadecimal digits among hyphens. */
    unsigned digits = 0;
    for (const char *p = text; *p; p++) {
        unsigned v;
        if (*p >= '0' && *p <= '9')
            v = (unsigned)(*p - '0');
        else if (*p >= 'a' && *p <= 'f')
            v = (unsigned)(*p - 'a') + 10;
        else if (*p == '-')
            continue;
        else
            return ERR_SYNTAX;
        out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | v : v << 4);
        digits++;
    }
    return digits == 32 ? OK : ERR_SYNTAX;
}

/* Reader ----------------------------------------------------------------------------------------------------
 */

void ring_reader_init(struct ring_reader *rd, const struct ring *r, uint64_t position)
{
    uint64_t tail = atomic_load_explicit(&r->shared->tail, memory_order_acquire); /* pairs with ring_commit */
    uint64_t head = atomic_load_explicit(&r->shared->head, memory_order_relaxed);
    assert(head <= position && position <= tail);
    *rd = (struct ring_reader){.shared = r->shared,
                               .data = r->data,
                               .size = r->size,
                               .next = position,
                               .tail = tail,
                               .agent = r->agent};
}

const struct batch *ring_next(struct ring_reader *rd)
{
    if (rd->next == rd->tail) {
        rd->tail = atomic_load_explicit(&rd->shared->tail, memory_order_acquire); /* pairs with ring_commit */
        if (rd->next == rd->tail)
            return NULL;
    }
    const struct batch *b = (const struct batch *)(rd->data + (rd->next & (rd->size - 1)));
    assert(b->position == rd->next && b->size >= sizeof *b && b->size <= rd->tail - rd->next);
    rd->next += b->size;
    return b;
}

void ring_release(struct ring_reader *rd, uint64_t position)
{
    assert(position <= rd->next);
    assert(position >= atomic_load_explicit(&rd->shared->head, memory_order_relaxed));
    /* Our reads of what lies before are done: pairs with the writer's acquire in ring_room. */
    atomic_store_explicit(&rd->shared->head, position, memory_order_release);
}

void ring_set_durable(struct ring_reader *rd, uint64_t position)
{
    assert(position <= atomic_load_explicit(&rd->shared->head, memory_order_relaxed));
    assert(position >= atomic_load_explicit(&rd->shared->durable, memory_order_relaxed));
    /* Pairs with ring_durable: whoever sees it may act on what the sync has done. */
    atomic_store_explicit(&rd->shared->durable, position, memory_order_release);
}
