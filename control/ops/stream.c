#include "control/ops/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err stream_create(struct stream *s)
{
    memset(s, 0, sizeof *s);
    s->halves = malloc(2 * (size_t)STREAM_HALF_SIZE);
    if (!s->halves)
        return ERR_MEMORY;
    sem_init(&s->room, 0, 2);
    return OK;
}

void stream_free(struct stream *s)
{
    sem_destroy(&s->room);
    free(s->halves);
    memset(s, 0, sizeof *s);
}

/* The thread
 * --------------------------------------------------------------------------------------------------- */

bool stream_abandoned(const struct stream *s)
{
    return atomic_load_explicit(&s->abandoned, memory_order_relaxed);
}

static unsigned own_half(const struct stream *s)
{
    return atomic_load_explicit(&s->filled, memory_order_relaxed) & 1;
}

static bool take_half(struct stream *s)
{
    while (sem_wait(&s->room) != 0)
        assert(errno == EINTR);
    s->filling = !stream_abandoned(s);
    s->used = 0;
    return s->filling;
}

static void hand_over(struct stream *s)
{
    s->sizes[own_half(s)] = s->used;
    s->filling = false;
    atomic_fetch_add_explicit(&s->filled, 1, memory_order_release); /* pairs with the acquire in peek */
}

static bool reader_is_idle(const struct stream *s)
{
    return atomic_load_explicit(&s->emptied, memory_order_relaxed) ==
           atomic_load_explicit(&s->filled, memory_order_relaxed);
}

bool stream_write(struct stream *s, const char *text, size_t size)
{
    while (size > 0) {
        if (stream_abandoned(s) || (!s->filling && !take_half(s)))
            return false;
        size_t left = STREAM_HALF_SIZE - s->used, part = size < left ? size : left;
        memcpy(s->halves + own_half(s) * STREAM_HALF_SIZE + s->used, text, part);
        s->used += part;
        text += part;
        size -= part;
        if (s->used == STREAM_HALF_SIZE || (size == 0 && reader_is_idle(s)))
            hand_over(s);
    }
    return true;
}

void stream_finish(struct stream *s)
{
    if (s->filling)
        hand_over(s);
}

/* The control core
 * --------------------------------------------------------------------------------------------- */

const char *stream_peek(const struct stream *s, size_t *size)
{
    unsigned emptied = atomic_load_explicit(&s->emptied, memory_order_relaxed);
    if (atomic_load_explicit(&s->filled, memory_order_acquire) == emptied)
        return NULL;
    *size = s->sizes[emptied & 1] - s->taken;
    return s->halves + (emptied & 1) * STREAM_HALF_SIZE + s->taken;
}

void stream_take(struct stream *s, size_t size)
{
    unsigned half = atomic_load_explicit(&s->emptied, memory_order_relaxed) & 1;
    s->taken += size;
    assert(s->taken <= s->sizes[half]);
    if (s->taken < s->sizes[half])
        return;
    s->taken = 0;
    atomic_fetch_add_explicit(&s->emptied, 1, memory_order_relaxed);
    sem_post(&s->room); /* what was read of the half is read before the thread fills it again */
}

void stream_abandon(struct stream *s)
{
    atomic_store_explicit(&s->abandoned, true, memory_order_relaxed);
    sem_post(&s->room);
}
