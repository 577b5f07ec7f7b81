#include "control/ops/job.h"

#include <stdio.h>

/* The thread
 * ------------------------------------------------------------------------------------------------------ */

static bool job_line(void *ctx, const char *line, size_t size)
{
    return stream_write(ctx, line, size);
}

bool ops_unwanted(const struct ops_request *r)
{
    return r->stream && stream_abandoned(r->stream);
}

static void *job_main(void *self)
{
    struct job *j = self;
    j->request.thread(&j->request);
    stream_finish(&j->stream);
    atomic_store_explicit(&j->done, true,
                          memory_order_release); /* pairs with the acquire load in job_is_done */
    return NULL;
}

/* The control core
 * ------------------------------------------------------------------------------------------------ */

void jobs_init(struct jobs *all, struct counters *counters)
{
    if (sched_getaffinity(0, sizeof all->cpus, &all->cpus) != 0)
        CPU_ZERO(&all->cpus);
    all->count = counter_new(counters, COUNTER_GAUGE, "rfqd_ops_jobs", "");
}

/* On any CPU of rfqd's: a thread is born with the affinity of who makes it, which is the control core's one
 * CPU, and would take turns there with the core and all its agents. */
static bool thread_start(const struct jobs *all, struct job *j)
{
    char name[16];
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0)
        return false;
    bool started = (CPU_COUNT(&all->cpus) == 0 ||
                    pthread_attr_setaffinity_np(&attr, sizeof all->cpus, &all->cpus) == 0) &&
                   pthread_create(&j->thread, &attr, job_main, j) == 0;
    pthread_attr_destroy(&attr);
    if (started) {
        snprintf(name, sizeof name, "rfqd:%s", j->command->name);
        (void)pthread_setname_np(j->thread, name); /* cosmetic, as a core's */
    }
    return started;
}

static void take_digests(struct ops_request *r)
{
    const struct replica_config *c = replica_config(node_replica(r->config->node));
    r->live_offset = replica_offset(node_replica(r->config->node));
    r->live_digest[AGENT_DISTRIBUTION] = state_digest(&c->distribution->base);
    r->live_digest[AGENT_ROUTING] = state_digest(&c->routing->base);
    r->live_digest[AGENT_GATEWAY] = state_digest(&c->gateways[0]->base);
}

bool job_start(struct jobs *all, struct job *j, const struct ops_command *command,
               const struct ops_request *r)
{
    if (stream_create(&j->stream) != OK)
        return false;
    j->command = command;
    j->line = (struct json){.sink = job_line, .sink_ctx = &j->stream};
    j->request = *r;
    j->request.out = &j->line;
    j->request.stream = &j->stream;
    for (unsigned i = 0; i < r->argument_count; i++) {
        snprintf(j->arguments[i], sizeof j->arguments[i], "%s", r->arguments[i]);
        j->request.arguments[i] = j->arguments[i];
    }
    take_digests(&j->request);
    atomic_store(&j->done, false);
    j->running = thread_start(all, j);
    if (j->running)
        counter_set(all->count, counter_get(all->count) + 1);
    else
        stream_free(&j->stream);
    return j->running;
}

bool job_is_done(const struct job *j)
{
    return atomic_load_explicit(&j->done, memory_order_acquire);
}

void job_end(struct jobs *all, struct job *j)
{
    pthread_join(j->thread, NULL);
    stream_free(&j->stream);
    json_free(&j->line);
    j->running = false;
    counter_set(all->count, counter_get(all->count) - 1);
}
