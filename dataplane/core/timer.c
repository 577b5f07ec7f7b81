/* A wheel of eight levels with 64 slots each over the 48 bits of a deadline above its tick of 2^16 ns: it
 * reaches all of 64 bits, so there is no deadline too far for it.
 *
 * A timer lies at the level of the highest six bits in which its tick differs from the wheel's; so all in
 * level 0 is due before all in level 1, and so on, and a level's slots in use all lie ahead of the wheel's
 * own. When the wheel comes to a slot of a higher level, its timers are put anew, relative to that slot's
 * start, and land lower. What has reached the wheel's own tick (or was overdue when armed) is in a heap
 * ordered by (deadline, arm order): exact to the nanosecond, small because a tick is short.
 */
#include "dataplane/core/timer.h"

#include <assert.h>

#include "dataplane/core/memory.h"

#define TICK_BITS   16
#define LEVEL_BITS  6
#define LEVELS      8
#define LEVEL_SLOTS (1u << LEVEL_BITS)
#define SLOTS       (LEVELS * LEVEL_SLOTS)

static_assert(TICK_BITS + LEVELS * LEVEL_BITS == 64, "the wheel reaches every deadline");

#define WHERE_FREE UINT16_MAX
#define WHERE_HEAP (UINT16_MAX - 1)

struct node {
    uint64_t deadline_ns;
    uint64_t id;
    uint64_t order; /* of arming */
    uint32_t kind;
    uint32_t next;
    uint32_t prev;  /* in the heap: its index there */
    uint16_t where; /* slot, or WHERE_ */
    uint16_t unused;
};

struct timer_wheel {
    uint64_t tick;             /* where the wheel stands; never goes back */
    uint64_t order;            /* of the next arming */
    uint64_t occupied[LEVELS]; /* a bit for each slot in use */
    uint32_t slots[SLOTS];     /* first node, or TIMER_NONE */
    uint32_t capacity, count, free, fresh, heap_count;
    struct node *nodes;
    uint32_t *heap;
    size_t memory_size;
};

enum err timer_wheel_create(struct timer_wheel **out, uint32_t capacity, uint64_t start_ns)
{
    assert(capacity > 0 && capacity < TIMER_NONE);
    size_t head_size = (sizeof(struct timer_wheel) + 63) & ~(size_t)63;
    size_t size = head_size + (size_t)capacity * (sizeof(struct node) + sizeof(uint32_t));
    struct timer_wheel *w = memory_take(size);
    if (!w)
        return ERR_MEMORY;
    w->memory_size = size;
    w->nodes = (struct node *)((char *)w + head_size);
    w->heap = (uint32_t *)(w->nodes + capacity);
    w->capacity = capacity;
    w->free = TIMER_NONE;
    w->tick = start_ns >> TICK_BITS;
    for (uint32_t i = 0; i < SLOTS; i++)
        w->slots[i] = TIMER_NONE;
    *out = w;
    return OK;
}

void timer_wheel_destroy(struct timer_wheel *w)
{
    if (w)
        memory_give(w, w->memory_size);
}

/* Heap ------------------------------------------------------------------------------------------------------
 */

static bool before(const struct timer_wheel *w, uint32_t a, uint32_t b)
{
    const struct node *x = &w->nodes[a], *y = &w->nodes[b];
    return x->deadline_ns != y->deadline_ns ? x->deadline_ns < y->deadline_ns : x->order < y->order;
}

static void heap_set(struct timer_wheel *w, uint32_t at, uint32_t handle)
{
    w->heap[at] = handle;
    w->nodes[handle].prev = at;
}

static void heap_up(struct timer_wheel *w, uint32_t at, uint32_t handle)
{
    for (; at > 0 && before(w, handle, w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_set(w, at, w->heap[(at - 1) / 2]);
    heap_set(w, at, handle);
}

static void heap_down(struct timer_wheel *w, uint32_t at, uint32_t handle)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= w->heap_count)
            break;
        if (child + 1 < w->heap_count && before(w, w->heap[child + 1], w->heap[child]))
            child++;
        if (!before(w, w->heap[child], handle))
            break;
        heap_set(w, at, w->heap[child]);
        at = child;
    }
    heap_set(w, at, handle);
}

static void heap_add(struct timer_wheel *w, uint32_t handle)
{
    w->nodes[handle].where = WHERE_HEAP;
    heap_up(w, w->heap_count++, handle);
}

static void heap_remove(struct timer_wheel *w, uint32_t handle)
{
    uint32_t at = w->nodes[handle].prev, last = w->heap[--w->heap_count];
    if (last == handle)
        return;
    if (at > 0 && before(w, last, w->heap[(at - 1) / 2]))
        heap_up(w, at, last);
    else
        heap_down(w, at, last);
}

/* Slots -----------------------------------------------------------------------------------------------------
 */

static void put(struct timer_wheel *w, uint32_t handle)
{
    struct node *n = &w->nodes[handle];
    uint64_t tick = n->deadline_ns >> TICK_BITS;
    if (tick <= w->tick) {
        heap_add(w, handle);
        return;
    }
    uint32_t level = (63u - (uint32_t)__builtin_clzll(tick ^ w->tick)) / LEVEL_BITS;
    uint32_t in_level = (uint32_t)(tick >> (level * LEVEL_BITS)) % LEVEL_SLOTS;
    uint32_t slot = level * LEVEL_SLOTS + in_level;
    n->where = (uint16_t)slot;
    n->prev = TIMER_NONE;
    n->next = w->slots[slot];
    if (n->next != TIMER_NONE)
        w->nodes[n->next].prev = handle;
    w->slots[slot] = handle;
    w->occupied[level] |= 1ull << in_level;
}

static void slot_remove(struct timer_wheel *w, uint32_t handle)
{
    struct node *n = &w->nodes[handle];
    if (n->next != TIMER_NONE)
        w->nodes[n->next].prev = n->prev;
    if (n->prev != TIMER_NONE)
        w->nodes[n->prev].next = n->next;
    else
        w->slots[n->where] = n->next;
    if (w->slots[n->where] == TIMER_NONE)
        w->occupied[n->where / LEVEL_SLOTS] &= ~(1ull << n->where % LEVEL_SLOTS);
}

/* The first slot in use and the tick at which it starts; false: none. All slots of a lower level come before.
 */
static bool slot_next(const struct timer_wheel *w, uint32_t *slot, uint64_t *tick)
{
    for (uint32_t level = 0; level < LEVELS; level++) {
        if (!w->occupied[level])
            continue;
        uint32_t in_level = (uint32_t)__builtin_ctzll(w->occupied[level]);
        uint32_t below = level * LEVEL_BITS;
        *slot = level * LEVEL_SLOTS + in_level;
        *tick = (w->tick >> below & ~(uint64_t)(LEVEL_SLOTS - 1)) << below | (uint64_t)in_level << below;
        assert(*tick > w->tick);
        return true;
    }
    return false;
}

/* Go on towards now until something lies in the heap, or there is nothing up to now. Going on to a tick
 * before the next slot in use changes no timer's level. */
static void advance(struct timer_wheel *w, uint64_t now_tick)
{
    uint32_t slot;
    uint64_t tick;
    while (w->heap_count == 0 && w->tick < now_tick) {
        if (!slot_next(w, &slot, &tick) || tick > now_tick) {
            w->tick = now_tick;
            return;
        }
        w->tick = tick;
        uint32_t handle = w->slots[slot];
        w->slots[slot] = TIMER_NONE;
        w->occupied[slot / LEVEL_SLOTS] &= ~(1ull << slot % LEVEL_SLOTS);
        while (handle != TIMER_NONE) {
            uint32_t next = w->nodes[handle].next;
            put(w, handle);
            handle = next;
        }
    }
}

/* Face ------------------------------------------------------------------------------------------------------
 */

uint32_t timer_arm(struct timer_wheel *w, uint64_t deadline_ns, uint32_t kind, uint64_t id)
{
    assert(w->count < w->capacity);
    uint32_t handle = w->free;
    if (handle != TIMER_NONE)
        w->free = w->nodes[handle].next;
    else
        handle = w->fresh++;
    w->count++;
    w->nodes[handle] = (struct node){.deadline_ns = deadline_ns, .id = id, .order = w->order++, .kind = kind};
    put(w, handle);
    return handle;
}

static void release(struct timer_wheel *w, uint32_t handle)
{
    w->nodes[handle].where = WHERE_FREE;
    w->nodes[handle].next = w->free;
    w->free = handle;
    w->count--;
}

void timer_cancel(struct timer_wheel *w, uint32_t handle)
{
    if (handle == TIMER_NONE)
        return;
    assert(handle < w->fresh);
    assert(w->nodes[handle].where != WHERE_FREE);
    if (w->nodes[handle].where == WHERE_HEAP)
        heap_remove(w, handle);
    else
        slot_remove(w, handle);
    release(w, handle);
}

bool timer_pop_due(struct timer_wheel *w, uint64_t now_ns, struct timer *out)
{
    if (w->heap_count == 0) {
        advance(w, now_ns >> TICK_BITS);
        if (w->heap_count == 0)
            return false;
    }
    /* Whatever is in the heap is earlier than whatever is in a slot. */
    uint32_t handle = w->heap[0];
    const struct node *n = &w->nodes[handle];
    if (n->deadline_ns > now_ns)
        return false;
    *out = (struct timer){.deadline_ns = n->deadline_ns, .id = n->id, .kind = n->kind, .handle = handle};
    heap_remove(w, handle);
    release(w, handle);
    return true;
}

uint64_t timer_next_deadline(const struct timer_wheel *w)
{
    if (w->heap_count)
        return w->nodes[w->heap[0]].deadline_ns;
    uint32_t slot;
    uint64_t tick, earliest_ns = UINT64_MAX;
    if (!slot_next(w, &slot, &tick))
        return UINT64_MAX;
    for (uint32_t h = w->slots[slot]; h != TIMER_NONE; h = w->nodes[h].next)
        if (w->nodes[h].deadline_ns < earliest_ns)
            earliest_ns = w->nodes[h].deadline_ns;
    return earliest_ns;
}

uint32_t timer_count(const struct timer_wheel *w)
{
    return w->count;
}
