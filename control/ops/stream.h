/* Stream: a long answer on its way from the thread that makes it to the control core, which sends it. Memory
 * is two halves of STREAM_HALF_SIZE, however long the answer: the thread fills one while the other is sent.
 *
 *   the thread:        stream_write… → stream_finish       waits while both halves are full
 *   the control core:  stream_peek → stream_take…          never waits
 *                      stream_abandon                      nobody reads any more: the thread stops waiting
 *
 * A half is handed over when it is full, or when the control core has nothing to send: so what trickles
 * arrives at once, and what pours arrives in halves. What is peeked need not end with a line.
 */
#ifndef RFQD_CONTROL_STREAM_H
#define RFQD_CONTROL_STREAM_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/err.h"

#define STREAM_HALF_SIZE 65536u

struct stream {
    char *halves;
    size_t sizes[2];       /* of those handed over */
    sem_t room;            /* halves that may be filled */
    atomic_uint filled;    /* halves handed over, ever: the thread's */
    atomic_uint emptied;   /* and given back: the control core's */
    atomic_bool abandoned; /* the control core's */
    bool filling;          /* the thread has a half, and this much is in it */
    size_t used;
    size_t taken; /* by the control core, of the half that it sends */
};

/* ERR_MEMORY */
enum err stream_create(struct stream *s) WARN_UNUSED;
/* No thread writes any more. */
void stream_free(struct stream *s);

/* false: abandoned; what is written from now on goes nowhere. */
bool stream_write(struct stream *s, const char *text, size_t size);
/* The rest is handed over. */
void stream_finish(struct stream *s);
bool stream_abandoned(const struct stream *s);

/* NULL: nothing is there now. */
const char *stream_peek(const struct stream *s, size_t *size);
/* So much of what was peeked has gone. */
void stream_take(struct stream *s, size_t size);
void stream_abandon(struct stream *s);

#endif
