#include "dataplane/core/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_SIZE ((size_t)2 << 20)

static bool lazy;

void memory_be_lazy(void)
{
    lazy = true;
}

bool memory_is_lazy(void)
{
    return lazy;
}

static size_t mapped_size(size_t size)
{
    return size ? (size + 4095) & ~(size_t)4095 : 4096;
}

/* At a huge page's boundary: the kernel backs only whole ones. What is too much at both ends is given back.
 */
static char *map_aligned(size_t size)
{
    size_t wide;
    if (__builtin_add_overflow(size, HUGE_SIZE, &wide))
        return NULL;
    char *p = mmap(NULL, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    char *at = (char *)(((uintptr_t)p + HUGE_SIZE - 1) & ~(uintptr_t)(HUGE_SIZE - 1));
    if (at != p)
        munmap(p, (size_t)(at - p));
    if (at + size != p + wide)
        munmap(at + size, (size_t)(p + wide - (at + size)));
    return at;
}

void *memory_take(size_t size)
{
    size_t mapped = mapped_size(size);
    if (mapped < size)
        return NULL; /* rounded over the end */
    if (lazy) {
        void *some =
            mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return some == MAP_FAILED ? NULL : some;
    }
    char *p = map_aligned(mapped);
    if (!p)
        return NULL;
    /* Tables are met at random: with small pages nearly each access would miss the TLB too. */
    if (mapped >= HUGE_SIZE)
        (void)madvise(p, mapped, MADV_HUGEPAGE);
    if (madvise(p, mapped, MADV_POPULATE_WRITE) == 0)
        return p;
    if (errno != EINVAL) { /* no memory; EINVAL: a kernel before 5.14, so touch each page */
        munmap(p, mapped);
        return NULL;
    }
    for (size_t i = 0; i < mapped; i += 4096)
        *(volatile char *)(p + i) = 0;
    return p;
}

void memory_give(void *p, size_t size)
{
    if (!p)
        return;
    assert(((uintptr_t)p & 4095u) == 0);
    int failed = munmap(p, mapped_size(size));
    assert(!failed);
    (void)failed;
}
