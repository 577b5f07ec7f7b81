#include "dataplane/gateway/sent.h"

#include <assert.h>
#include <string.h>

#include "dataplane/core/memory.h"

/* The smallest messages that we make have about this many bytes: so entries run out no earlier than bytes do.
 */
#define SENT_MESSAGE_SIZE_MIN 64u

static_assert(sizeof(struct sent_entry) == 72, "no padding");

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
    s->evicted = s->written = 0;
}

static struct sent_entry *entry_at(const struct sent *s, uint64_t number)
{
    return &s->entries[number & s->entry_mask];
}

struct sent_entry *sent_find(const struct sent *s, uint64_t number)
{
    if (number < s->first || number >= s->next)
        return NULL;
    struct sent_entry *e = entry_at(s, number);
    return e->size ? e : NULL;
}

/* Where a message of `size` bytes would lie: it does not wrap, so the end of the ring may stay unused. */
static uint64_t place(const struct sent *s, uint32_t size)
{
    uint64_t left = s->size - (s->written & (s->size - 1));
    return left < size ? s->written + left : s->written;
}

/* The oldest bytes that are needed from number `keep` on. */
static uint64_t kept_from(const struct sent *s, uint64_t keep)
{
    for (uint64_t n = keep > s->first ? keep : s->first; n < s->next; n++)
        if (entry_at(s, n)->size)
            return entry_at(s, n)->position;
    return s->written;
}

bool sent_room(const struct sent *s, uint64_t keep, uint32_t bytes)
{
    uint64_t oldest = keep > s->first ? keep : s->first;
    if (oldest < s->next && s->next - oldest > s->entry_mask)
        return false;
    /* twice: what may stay unused at the end of the ring is less than one message */
    return s->written + 2ull * bytes - kept_from(s, keep) <= s->size;
}

static void evict_oldest(struct sent *s)
{
    struct sent_entry *e = entry_at(s, s->first);
    if (e->size)
        s->evicted = e->position + e->size;
    s->first++;
}

struct sent_entry *sent_put(struct sent *s, uint64_t number, uint64_t keep, const char *bytes, uint32_t size)
{
    assert(number >= s->next && size > 0);
    if (size > s->size)
        return NULL;
    if (number - s->next > s->entry_mask) { /* a jump beyond what we could keep: all older is out of reach */
        if (keep < s->next && s->first < s->next)
            return NULL;
        s->first = s->next = number;
        s->evicted = s->written;
    }
    uint64_t at = place(s, size);
    while (s->first < s->next && (at + size - s->evicted > s->size || number - s->first > s->entry_mask)) {
        if (s->first >= keep)
            return NULL;
        evict_oldest(s);
    }
    if (s->first == s->next)
        s->evicted = at;
    for (; s->next < number; s->next++)
        entry_at(s, s->next)->size = 0;
    struct sent_entry *e = entry_at(s, number);
    memset(e, 0, sizeof *e);
    e->position = at;
    e->size = size;
    memcpy(s->bytes + (at & (s->size - 1)), bytes, size);
    s->written = at + size;
    s->next = number + 1;
    return e;
}
