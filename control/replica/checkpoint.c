#include "control/replica/checkpoint.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/replica/purge.h"
#include "control/replica/replica.h"
#include "dataplane/core/clock.h"

enum stage_of_cut { CUT_EMPTY, CUT_WAITING, CUT_COMMITTING, CUT_FAILED };

struct checkpoint {
    struct checkpoint_config config;
    const char *tables[STORE_TABLES_MAX];
    unsigned table_count;
    struct changes buffers[2];
    unsigned filling;
    enum stage_of_cut cut;
    uint64_t retry_ns;
    uint64_t offset, commits, failures, forgotten, bytes;
    _Atomic unsigned holders; /* of the log, for a backup */
    bool in_error;
    char error[320];

    /* Handed over: written by one side under the lock, or before `done` is released. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool job, stop;
    uint64_t job_now_ns;
    _Atomic bool done;
    enum err result;
    uint64_t result_forgotten; /* RFQs, by retention */
    char result_text[320];
    struct histogram times;
};

/* Committing: on the storage thread, or in poll
 * --------------------------------------------------------------- */

static enum err write_changes(const struct checkpoint *c, const struct changes *changes)
{
    struct store *s = c->config.store;
    enum err e = s->ops->begin(s);
    for (const struct change *x = changes_first(changes); !e && x; x = changes_after(changes, x))
        e = s->ops->put(s, c->tables[x->table], change_key(x), x->key_size,
                        x->is_delete ? NULL : change_value(x), x->value_size);
    return e;
}

static enum err purge(const struct checkpoint *c, uint64_t now_ns, uint64_t *forgotten)
{
    *forgotten = 0;
    if (!c->config.retention_ns || now_ns <= c->config.retention_ns)
        return OK;
    return purge_expired(c->config.store, now_ns - c->config.retention_ns, forgotten);
}

/* The store was full: forget first, by itself, so that what is freed can be used. Where that does not succeed
 * either, the changes will say so. */
static void make_room(struct checkpoint *c, uint64_t now_ns)
{
    struct store *s = c->config.store;
    struct store_marks m;
    uint64_t forgotten;
    if (s->ops->marks(s, &m) != OK || s->ops->begin(s) != OK)
        return;
    if (purge(c, now_ns, &forgotten) == OK && s->ops->commit(s, &m) == OK)
        c->result_forgotten += forgotten;
    else
        s->ops->abandon(s);
}

static void run(struct checkpoint *c, uint64_t now_ns)
{
    struct store *s = c->config.store;
    const struct changes *changes = &c->buffers[!c->filling];
    uint64_t ticks = clock_ticks(), forgotten = 0;
    c->result_forgotten = 0;
    if (c->result == ERR_FULL)
        make_room(c, now_ns);
    enum err e = write_changes(c, changes);
    if (!e)
        e = purge(c, now_ns, &forgotten);
    if (!e)
        e = s->ops->commit(s, &changes->marks);
    else
        s->ops->abandon(s);
    if (!e)
        c->result_forgotten += forgotten;
    histogram_record(&c->times, clock_ticks_to_ns(clock_ticks() - ticks));
    if (e)
        snprintf(c->result_text, sizeof c->result_text, "%s", store_error());
    c->result = e;
    atomic_store_explicit(&c->done, true, memory_order_release); /* pairs with the acquire in finish */
}

static void *storage_thread(void *arg)
{
    struct checkpoint *c = arg;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->job && !c->stop)
            pthread_cond_wait(&c->changed, &c->lock);
        if (!c->job)
            break;
        uint64_t now_ns = c->job_now_ns;
        pthread_mutex_unlock(&c->lock);
        run(c, now_ns);
        pthread_mutex_lock(&c->lock);
        c->job = false;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Steps of a cut
 * ---------------------------------------------------------------------------------------------- */

static void start(struct checkpoint *c, uint64_t now_ns)
{
    assert(c->cut == CUT_WAITING);
    c->cut = CUT_COMMITTING;
    atomic_store_explicit(&c->done, false, memory_order_relaxed);
    if (!c->has_thread) {
        run(c, now_ns);
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->job = true;
    c->job_now_ns = now_ns;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void finish(struct checkpoint *c, uint64_t now_ns)
{
    struct changes *changes = &c->buffers[!c->filling];
    assert(c->cut == CUT_COMMITTING);
    c->in_error = c->result != OK;
    c->forgotten += c->result_forgotten;
    if (c->result == OK) {
        c->cut = CUT_EMPTY;
        c->commits++;
        c->bytes += changes->size;
        checkpoint_set_offset(c, &changes->marks);
        changes_clear(changes);
        return;
    }
    memcpy(c->error, c->result_text, sizeof c->error);
    c->failures++;
    c->cut = c->result == ERR_FULL ? CUT_WAITING : CUT_FAILED;
    c->retry_ns = now_ns + CHECKPOINT_RETRY_NS;
}

static bool is_done(const struct checkpoint *c)
{
    return atomic_load_explicit(&c->done, memory_order_acquire); /* pairs with the release in run */
}

static bool is_durable(const struct checkpoint *c)
{
    return log_durable(c->config.log) >= c->buffers[!c->filling].marks.log_offset;
}

unsigned checkpoint_poll(struct checkpoint *c, uint64_t now_ns)
{
    unsigned work = 0;
    if (c->cut == CUT_WAITING && now_ns >= c->retry_ns && is_durable(c)) {
        start(c, now_ns);
        work++;
    }
    if (c->cut == CUT_COMMITTING && is_done(c)) {
        finish(c, now_ns);
        work++;
    }
    return work;
}

enum err checkpoint_wait(struct checkpoint *c, uint64_t now_ns)
{
    if (c->cut == CUT_WAITING) {
        if (!is_durable(c))
            return ERR_STATE;
        start(c, now_ns);
    }
    if (c->cut == CUT_COMMITTING) {
        pthread_mutex_lock(&c->lock);
        while (c->job)
            pthread_cond_wait(&c->changed, &c->lock);
        pthread_mutex_unlock(&c->lock);
        finish(c, now_ns);
    }
    return c->cut == CUT_EMPTY ? OK : c->result;
}

bool checkpoint_can_cut(const struct checkpoint *c)
{
    return c->cut == CUT_EMPTY;
}

void checkpoint_cut(struct checkpoint *c, const struct store_marks *m)
{
    assert(c->cut == CUT_EMPTY);
    c->buffers[c->filling].marks = *m;
    c->filling = !c->filling;
    assert(c->buffers[c->filling].size == 0);
    c->cut = CUT_WAITING;
    c->retry_ns = 0;
}

/* What is known
 * ------------------------------------------------------------------------------------------------- */

uint8_t checkpoint_table(struct checkpoint *c, const char *name)
{
    for (unsigned i = 0; i < c->table_count; i++)
        if (strcmp(c->tables[i], name) == 0)
            return (uint8_t)i;
    assert(c->table_count < STORE_TABLES_MAX && strlen(name) < STORE_NAME_SIZE);
    c->tables[c->table_count] = name;
    return (uint8_t)c->table_count++;
}

struct changes *checkpoint_filling(struct checkpoint *c)
{
    return &c->buffers[c->filling];
}

const struct changes *checkpoint_cut_changes(const struct checkpoint *c)
{
    return c->cut == CUT_EMPTY ? NULL : &c->buffers[!c->filling];
}

void checkpoint_set_offset(struct checkpoint *c, const struct store_marks *m)
{
    c->offset = m->log_offset;
    /* Whoever holds it sees either this, or the commit: it reads the store afterwards. */
    if (atomic_load_explicit(&c->holders, memory_order_acquire) == 0)
        log_hold(c->config.log, m->redeliver_offset < m->log_offset ? m->redeliver_offset : m->log_offset);
}

void checkpoint_hold_log(struct checkpoint *c, bool held)
{
    if (held)
        atomic_fetch_add_explicit(&c->holders, 1, memory_order_acq_rel);
    else
        atomic_fetch_sub_explicit(&c->holders, 1, memory_order_acq_rel);
}

uint64_t checkpoint_offset(const struct checkpoint *c)
{
    return c->offset;
}

const char *checkpoint_error(const struct checkpoint *c)
{
    return c->in_error ? c->error : NULL;
}

uint64_t checkpoint_bytes(const struct checkpoint *c)
{
    return c->bytes;
}

uint64_t checkpoint_commits(const struct checkpoint *c)
{
    return c->commits;
}

uint64_t checkpoint_forgotten(const struct checkpoint *c)
{
    return c->forgotten;
}

uint64_t checkpoint_failures(const struct checkpoint *c)
{
    return c->failures;
}

const struct histogram *checkpoint_times(const struct checkpoint *c)
{
    return &c->times;
}

/* Life
 * ----------------------------------------------------------------------------------------------------------
 */

enum err checkpoint_create(struct checkpoint **out, const struct checkpoint_config *config)
{
    struct checkpoint *c = *out = calloc(1, sizeof *c);
    if (!c)
        return ERR_MEMORY;
    c->config = *config;
    histogram_reset(&c->times);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    if (config->own_thread && pthread_create(&c->thread, NULL, storage_thread, c) != 0) {
        checkpoint_destroy(c);
        *out = NULL;
        return ERR_IO;
    }
    c->has_thread = config->own_thread;
    return OK;
}

void checkpoint_destroy(struct checkpoint *c)
{
    if (!c)
        return;
    if (c->has_thread) {
        pthread_mutex_lock(&c->lock);
        c->stop = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    changes_free(&c->buffers[0]);
    changes_free(&c->buffers[1]);
    free(c);
}
