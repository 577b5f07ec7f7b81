#include "dataplane/ring/lane.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/core/memory.h"
#include "dataplane/ring/mirror.h"

static_assert(LANE_ITEM_HEADER_SIZE == 24, "an item is its header and a record");
static_assert(RECORD_SIZE_MAX + LANE_ITEM_HEADER_SIZE <= LANE_SIZE_MIN,
              "the largest item fits the smallest lane");

enum err lane_create(struct lane **out, uint64_t size)
{
    if (size < LANE_SIZE_MIN || size > LANE_SIZE_MAX || (size & (size - 1)) != 0)
        return ERR_RANGE;
    struct lane *l = aligned_alloc(_Alignof(struct lane), sizeof *l);
    if (!l)
        return ERR_MEMORY;
    memset(l, 0, sizeof *l);
    l->size = size;

    bool locked;
    enum err e = ERR_MEMORY;
    int fd = memfd_create("rfqd lane", MFD_CLOEXEC);
    if (fd >= 0) {
        if ((memory_is_lazy() ? ftruncate(fd, (off_t)size) : posix_fallocate(fd, 0, (off_t)size)) == 0)
            e = mirror_map(fd, 0, size, &l->data, &locked);
        close(fd); /* the mapping keeps it */
    }
    if (e) {
        free(l);
        return e;
    }
    *out = l;
    return OK;
}

void lane_destroy(struct lane *l)
{
    if (!l)
        return;
    mirror_unmap(l->data, 0, l->size);
    free(l);
}

uint64_t lane_used(const struct lane *l)
{
    /* Head first: it only grows, and never past the tail that was read after it. */
    uint64_t head = atomic_load_explicit(&l->consumed.head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&l->produced.tail, memory_order_acquire);
    uint64_t used = tail - head;
    return used < l->size ? used : l->size;
}
