/* What has to wait for the log's disk, in turn: on a thread beside the control core, or in the poll. */
#include <assert.h>
#include <errno.h>

#include "control/feed/inside.h"

static void run_next(struct fetcher *f)
{
    unsigned done = atomic_load_explicit(&f->done, memory_order_relaxed);
    struct fetch *x = f->queue[done % FETCHES_MAX];
    x->run(x->ctx);
    atomic_store_explicit(&f->done, done + 1, memory_order_relaxed);
    mailbox_answer(&x->box);
}

static void *fetch_thread(void *arg)
{
    struct fetcher *f = arg;
    for (;;) {
        while (sem_wait(&f->waiting) != 0)
            assert(errno == EINTR);
        if (atomic_load_explicit(&f->stop, memory_order_relaxed))
            return NULL;
        run_next(f); /* the semaphore has ordered the queue's entry before it */
    }
}

enum err fetcher_open(struct fetcher *f, bool own_thread)
{
    sem_init(&f->waiting, 0, 0);
    f->is_open = true;
    if (own_thread && pthread_create(&f->thread, NULL, fetch_thread, f) != 0)
        return ERR_IO;
    f->has_thread = own_thread;
    if (own_thread)
        (void)pthread_setname_np(f->thread, "rfqd:feed"); /* cosmetic, as a core's */
    return OK;
}

void fetcher_close(struct fetcher *f)
{
    if (!f->is_open)
        return;
    if (f->has_thread) {
        atomic_store_explicit(&f->stop, true, memory_order_relaxed);
        sem_post(&f->waiting);
        pthread_join(f->thread, NULL);
    }
    sem_destroy(&f->waiting);
}

void fetcher_ask(struct fetcher *f, struct fetch *x)
{
    f->queue[f->asked++ % FETCHES_MAX] = x;
    mailbox_ask(&x->box);
    if (f->has_thread)
        sem_post(&f->waiting);
}

unsigned fetcher_waiting(const struct fetcher *f)
{
    return f->asked - atomic_load_explicit(&f->done, memory_order_relaxed);
}

unsigned fetcher_poll(struct fetcher *f)
{
    unsigned count = 0;
    for (; !f->has_thread && fetcher_waiting(f) > 0; count++)
        run_next(f);
    return count;
}
