#include "control/replica/unconsumed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_CAPACITY_MIN 4096u

void unconsumed_free(struct unconsumed *u)
{
    for (unsigned d = 0; d < AGENTS_MAX; d++)
        for (unsigned w = 0; w < AGENTS_MAX; w++)
            for (unsigned l = 0; l < LANES_MAX; l++)
                free(u->queues[d][w][l].bytes);
    memset(u, 0, sizeof *u);
}

static char *queue_push(struct unconsumed_queue *q, size_t size)
{
    size_t used = q->tail - q->head;
    if (q->tail + size > q->capacity && used > 0 && q->head >= used) { /* as much is free before as is used */
        memmove(q->bytes, q->bytes + q->head, used);
        q->tail = used;
        q->head = 0;
    }
    if (q->tail + size > q->capacity) {
        size_t capacity = q->capacity ? q->capacity : QUEUE_CAPACITY_MIN;
        while (capacity < q->tail + size)
            capacity *= 2;
        char *bytes = realloc(q->bytes, capacity);
        if (!bytes) {
            fputs("replica: no memory for what is under way\n", stderr);
            abort();
        }
        q->bytes = bytes;
        q->capacity = capacity;
    }
    char *at = q->bytes + q->tail;
    q->tail += size;
    return at;
}

static const struct unconsumed_entry *queue_front(const struct unconsumed_queue *q)
{
    return q->head == q->tail ? NULL : (const struct unconsumed_entry *)(const void *)(q->bytes + q->head);
}

void unconsumed_add(struct unconsumed *u, const struct log_frame *f, const struct record *r,
                    uint64_t position, uint64_t seq, bool with_record)
{
    struct unconsumed_queue *q = &u->queues[r->dest][log_frame_batch(f)->agent][r->lane];
    size_t size = sizeof(struct unconsumed_entry) + (with_record ? r->size : 0);
    struct unconsumed_entry *e = (struct unconsumed_entry *)(void *)queue_push(q, size);
    *e = (struct unconsumed_entry){.size = (uint32_t)size,
                                   .stream_epoch = (uint32_t)f->stream_epoch,
                                   .has_record = with_record,
                                   .position = position,
                                   .log_offset = f->offset,
                                   .seq = seq};
    if (with_record)
        memcpy(e + 1, r, r->size);
    u->count++;
}

const struct unconsumed_entry *unconsumed_take(struct unconsumed *u, uint8_t addressee, uint8_t writer,
                                               uint8_t lane, uint64_t position)
{
    struct unconsumed_queue *q = &u->queues[addressee][writer][lane];
    const struct unconsumed_entry *e, *last = NULL;
    while ((e = queue_front(q)) != NULL && e->position <= position) {
        q->head += e->size;
        u->count--;
        last = e;
    }
    if (q->head == q->tail)
        q->head = q->tail = 0; /* `last` lies there still */
    return last && last->position == position ? last : NULL;
}

uint64_t unconsumed_oldest(const struct unconsumed *u, uint64_t otherwise)
{
    uint64_t oldest = otherwise;
    if (u->count == 0)
        return oldest;
    for (unsigned d = 0; d < AGENTS_MAX; d++)
        for (unsigned w = 0; w < AGENTS_MAX; w++)
            for (unsigned l = 0; l < LANES_MAX; l++) {
                const struct unconsumed_entry *e = queue_front(&u->queues[d][w][l]);
                if (e && e->log_offset < oldest)
                    oldest = e->log_offset;
            }
    return oldest;
}
