#include "dataplane/ring/mirror.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "dataplane/core/memory.h"

#define PAGE_SIZE 4096u

/* Fault every page in for writing. A kernel before 5.14 does not know the advice: touch them. */
static bool populate(char *p, size_t size)
{
    if (madvise(p, size, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
    for (size_t i = 0; i < size; i += PAGE_SIZE)
        __atomic_fetch_or(&p[i], 0, __ATOMIC_RELAXED); /* writes, changes nothing */
    return true;
}

enum err mirror_map(int fd, size_t header_size, size_t data_size, char **base, bool *locked)
{
    assert(header_size % PAGE_SIZE == 0 && data_size % PAGE_SIZE == 0 && data_size > 0);
    size_t whole = header_size + 2 * data_size;

    /* Addresses first, then the file over them: nothing else of this process can come between. */
    char *at = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return ERR_MEMORY;
    char *second = at + header_size + data_size;
    int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
    if (mmap(at, header_size + data_size, protection, flags, fd, 0) == MAP_FAILED ||
        mmap(second, data_size, protection, flags, fd, (off_t)header_size) == MAP_FAILED ||
        !(memory_is_lazy() || populate(at, whole))) {
        int cause = errno;
        munmap(at, whole);
        errno = cause;
        return ERR_MEMORY;
    }
    /* The first copy's pages are the second's too. Without the right to lock, the ring works, and may be
     * swapped out. */
    *locked = !memory_is_lazy() && mlock(at, header_size + data_size) == 0;
    *base = at;
    return OK;
}

void mirror_unmap(char *base, size_t header_size, size_t data_size)
{
    int failed = munmap(base, header_size + 2 * data_size);
    assert(!failed);
    (void)failed;
}
