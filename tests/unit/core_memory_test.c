#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "dataplane/core/memory.h"

Test(core_memory, is_zeroed_aligned_and_all_there)
{
    static const size_t sizes[] = {0, 1, 4096, 4097, 1 << 20, (2 << 20) - 1, 2 << 20, (5 << 20) + 12345};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], pages = size ? (size + 4095) / 4096 : 1;
        unsigned char *p = memory_take(size), there[2000];
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % 4096, 0);
        cr_assert_eq(mincore(p, pages * 4096, there), 0);
        for (size_t k = 0; k < pages; k++)
            cr_assert(there[k] & 1, "page %zu of %zu bytes would fault", k, size);
        for (size_t k = 0; k < pages * 4096; k++)
            cr_assert_eq(p[k], 0);
        memset(p, 0xee, pages * 4096);
        memory_give(p, size);
        cr_assert_neq(mincore(p, pages * 4096, there), 0, "given back");
    }
    memory_give(NULL, 100);
}

Test(core_memory, what_cannot_be_had_is_null)
{
    cr_assert_null(memory_take(SIZE_MAX));
    cr_assert_null(memory_take(SIZE_MAX - 10000));
    cr_assert_null(memory_take((size_t)1 << 60));
}
