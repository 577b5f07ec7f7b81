/* Job: a request that takes long, on its thread. What it answers comes by the stream, line by line; the rest
 * is the control core's, when the thread has ended and the stream is empty: the end line, or what goes on in
 * steps.
 *
 *   job_start → the answer by stream_peek and stream_take, until job_is_done and nothing is there → job_end
 *
 * Owner: the control core. The thread has the request, the line and the arguments from job_start until
 * job_is_done. Counter: rfqd_ops_jobs, threads that there are.
 */
#ifndef RFQD_CONTROL_JOB_H
#define RFQD_CONTROL_JOB_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/ops/commands.h"
#include "control/ops/stream.h"

/* What all of them share. */
struct jobs {
    cpu_set_t cpus; /* that rfqd may use: jobs run on these; empty: not known */
    counter_value *count;
};

struct job {
    pthread_t thread;
    bool running; /* from job_start to job_end */
    atomic_bool done;
    struct stream stream;
    struct json line; /* the thread's */
    const struct ops_command *command;
    struct ops_request request;
    char arguments[OPS_ARGUMENTS_MAX][OPS_ARGUMENT_SIZE];
};

/* From a thread that has every CPU which jobs may use. */
void jobs_init(struct jobs *all, struct counters *counters);
/* False: no thread, or no memory for one, could be had. A zeroed job, or one that has ended. The line that
 * the arguments of r lie in is the caller's: they are copied. */
bool job_start(struct jobs *all, struct job *j, const struct ops_command *command,
               const struct ops_request *r);
/* Then all that it wrote can be peeked, and its request is the caller's. */
bool job_is_done(const struct job *j);
/* Waits for the thread, where it is not done. What was not read of its answer is lost. */
void job_end(struct jobs *all, struct job *j);

#endif
