#include "dataplane/core/memory.h"

#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>

void *memory_take(size_t size)
{
    void *p = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void memory_give(void *p, size_t size)
{
    if (!p)
        return;
    assert(((uintptr_t)p & 4095u) == 0);
    int failed = munmap(p, size ? size : 1);
    assert(!failed);
    (void)failed;
}
