#include "fix/kept.h"

#include <assert.h>
#include <string.h>

static_assert((FIX_KEPT_MAX & (FIX_KEPT_MAX - 1)) == 0, "a number's place is its low bits");

void fix_kept_init(struct fix_kept *k, void *memory, size_t size)
{
    assert(size <= UINT32_MAX);
    memset(k, 0, sizeof *k);
    k->bytes = memory;
    k->size = memory ? (uint32_t)size : 0;
}

void fix_kept_clear(struct fix_kept *k)
{
    if (k->count)
        memset(k->slots, 0, sizeof k->slots);
    k->count = k->used = 0;
}

bool fix_kept_has(const struct fix_kept *k, uint64_t seq)
{
    return k->count && seq && k->slots[seq % FIX_KEPT_MAX].seq == seq;
}

bool fix_kept_put(struct fix_kept *k, uint64_t seq, const char *bytes, size_t size)
{
    assert(seq && !fix_kept_has(k, seq));
    uint64_t low = k->count && k->low < seq ? k->low : seq, high = k->count && k->high > seq ? k->high : seq;
    if (high - low >= FIX_KEPT_MAX || size > k->size - k->used)
        return false;
    struct fix_kept_slot *slot = &k->slots[seq % FIX_KEPT_MAX];
    assert(slot->seq == 0); /* no two numbers within FIX_KEPT_MAX share a place */
    *slot = (struct fix_kept_slot){seq, k->used, (uint32_t)size};
    memcpy(k->bytes + k->used, bytes, size);
    k->used += (uint32_t)size;
    k->low = low;
    k->high = high;
    k->count++;
    return true;
}

const char *fix_kept_find(const struct fix_kept *k, uint64_t seq, size_t *size)
{
    if (!fix_kept_has(k, seq))
        return NULL;
    const struct fix_kept_slot *slot = &k->slots[seq % FIX_KEPT_MAX];
    *size = slot->size;
    return k->bytes + slot->at;
}

uint64_t fix_kept_from(const struct fix_kept *k, uint64_t from)
{
    if (k->count == 0 || from > k->high)
        return 0;
    uint64_t seq = from > k->low ? from : k->low;
    while (!fix_kept_has(k, seq)) /* k->high is kept */
        seq++;
    return seq;
}

void fix_kept_forget(struct fix_kept *k, uint64_t next)
{
    for (; k->count && k->low < next; k->low++)
        if (fix_kept_has(k, k->low)) {
            k->slots[k->low % FIX_KEPT_MAX].seq = 0;
            k->count--;
        }
    if (k->count == 0)
        k->used = 0;
}
