#include "dataplane/gateway/sent.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/memory.h"

/* The smallest messages that we make have about this many bytes: so entries run out no earlier than bytes do.
 */
#define SENT_MESSAGE_SIZE_MIN 64u

static_assert(sizeof(struct sent_entry) == 80, "no padding");

static size_t entries_size(const struct sent *s)
{
    return ((size_t)s->entry_mask + 1) * sizeof *s->entries;
}

enum err sent_create(struct sent *s, uint32_t size)
{
    memset(s, 0, sizeof *s);
    s->size = SENT_SIZE_MIN;
    while (s->size < size && s->size < 1u << 30)
        s->size *= 2;
    s->entry_mask = s->size / SENT_MESSAGE_SIZE_MIN - 1;
    s->bytes = memory_take(s->size);
    s->entries = memory_take(entries_size(s));
    if (!s->bytes || !s->entries) {
        sent_destroy(s);
        return ERR_MEMORY;
    }
    sent_reset(s, 1);
    return OK;
}

void sent_destroy(struct sent *s)
{
    memory_give(s->bytes, s->size);
    memory_give(s->entries, entries_size(s));
    s->bytes = NULL;
    s->entries = NULL;
}

void sent_reset(struct sent *s, uint64_t next)
{
    s->first = s->next = next;
    s->oldest = s->end = 0;
    s->evicted = s->written = 0;
}

static struct sent_entry *entry_at(const struct sent *s, uint64_t index)
{
    return &s->entries[index & s->entry_mask];
}

/* The first entry at or after a number; `end` if none. Where nothing was jumped over since, its place is
 * known. */
static uint64_t place_of(const struct sent *s, uint64_t number)
{
    if (number >= s->next)
        return s->end;
    uint64_t back = s->next - number, low = s->oldest, high = s->end;
    if (back <= high - low && entry_at(s, high - back)->number == number)
        return high - back;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (entry_at(s, middle)->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct sent_entry *sent_find(const struct sent *s, uint64_t number)
{
    uint64_t at = place_of(s, number);
    return at < s->end && entry_at(s, at)->number == number ? entry_at(s, at) : NULL;
}

bool sent_room(const struct sent *s, uint64_t keep, uint32_t bytes)
{
    uint64_t kept = place_of(s, keep);
    if (s->end - kept > s->entry_mask)
        return false;
    uint64_t from = kept < s->end ? entry_at(s, kept)->position : s->written;
    /* twice: what may stay unused at the end of the ring is less than one message */
    return s->written + 2ull * bytes - from <= s->size;
}

/* Where a message of `size` bytes would lie: it does not wrap, so the end of the ring may stay unused. */
static uint64_t position_for(const struct sent *s, uint32_t size)
{
    uint64_t left = s->size - (s->written & (s->size - 1));
    return left < size ? s->written + left : s->written;
}

static void evict_oldest(struct sent *s)
{
    const struct sent_entry *e = entry_at(s, s->oldest++);
    s->evicted = e->position + e->size;
    s->first = s->oldest < s->end ? entry_at(s, s->oldest)->number : s->next;
}

void sent_ask_ahead(const struct sent *s, uint32_t size)
{
    memory_ask(entry_at(s, s->end), sizeof *s->entries);
    memory_ask(s->bytes + (position_for(s, size) & (s->size - 1)), size);
}

struct sent_entry *sent_put(struct sent *s, uint64_t number, uint64_t keep, const char *bytes, uint32_t size)
{
    assert(number >= s->next && size > 0);
    if (size > s->size)
        return NULL;
    uint64_t at = position_for(s, size);
    while (s->oldest < s->end && (at + size - s->evicted > s->size || s->end - s->oldest > s->entry_mask)) {
        if (s->first >= keep)
            return NULL;
        evict_oldest(s);
    }
    if (s->oldest == s->end) {
        s->evicted = at;
        s->first = number;
    }
    struct sent_entry *e = entry_at(s, s->end++);
    memset(e, 0, sizeof *e);
    e->number = number;
    e->position = at;
    e->size = size;
    memcpy(s->bytes + (at & (s->size - 1)), bytes, size);
    s->written = at + size;
    s->next = number + 1;
    return e;
}
