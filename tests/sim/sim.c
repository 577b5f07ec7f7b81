/* sim: the whole appliance under a made-up clock, by seeds.
 *
 *     sim [--seeds N] [--from S] [--requests N] [--crash never|random|every-commit] [--power|--unsynced]
 * [--layouts|--stall]
 *         [--complete] [--jobs N] [--trace FILE]
 *
 * never         each seed once, no crash
 * random        each seed once, crashes at random commits, also during recovery
 * every-commit  each seed once without a crash to count its commits, then once for each commit with a crash
 * there
 * --power       a crash is a power cut at level `synced`
 * --unsynced    a crash is a power cut at level `committed`: orders may be forgotten, sequence numbers never
 * come again
 * --stall       takers ask faster and the log stands longer than the rings hold: with some hundred --requests
 * --layouts     each seed in calm weather, in each layout (order and frequency of polling): the outcomes must
 * be the same. Else each seed is run in one of the layouts, with whatever befalls it
 * --complete    the sweep fails if a record, a message or a turn of events that is expected (seen.c) never
 * occurred, if no crash fell before or after the commit of a record, or if no digest or ranking was compared;
 * without it, what never occurred is only said
 *
 * A failing run prints its seed and the command that repeats it, also where it died, and exits 1. It is run
 * once more, and what happened, the log and what each party sent and got are kept, beginning with
 * `sim-SEED.trace` in the current directory.
 */
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/memory.h"
#include "dataplane/model/record_rfq.h"
#include "tests/sim/world.h"

#define OFTEN 1500 /* records of a type: some crash before and after one is all but sure */

struct plan {
    uint64_t seeds, from;
    unsigned requests, jobs;
    enum { PLAN_NEVER, PLAN_RANDOM, PLAN_EVERY } crash;
    bool power, unsynced, layouts, stall, complete;
    const char *trace;
    uint64_t only_commit;
};

struct totals {
    uint64_t runs, crashes, commits, rfqs, filled, fills, repeats, breaks, refused, digests, rankings;
    struct seen seen;
};

/* What a job does now and has done, in memory that outlives it. */
struct job {
    pid_t pid;
    bool under_way; /* a run: */
    uint64_t seed, crash_at, commits;
    unsigned layout;
    enum crash_mode crash;
    struct totals totals;
};

static char directory[64];
static struct world world;

static void keep_line(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes, size_t size)
{
    fprintf(ctx, "%llu.%09llu %c %llu ", (unsigned long long)(time_ns - WORLD_START_NS) / 1000000000,
            (unsigned long long)(time_ns - WORLD_START_NS) % 1000000000, kind, (unsigned long long)seq);
    for (size_t i = 0; i < size; i++)
        fputc(bytes[i] == '\x01' ? '|' : bytes[i], ctx);
    fputc('\n', ctx);
}

/* What every party sent and got in the failed run. */
static void keep_journals(struct world *w, const char *trace)
{
    for (unsigned i = 0; i < w->party_count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s.%s", trace, w->party_options[i].name);
        FILE *f = fopen(path, "w");
        if (!f)
            continue;
        journal_replay(party_endpoint(w->parties[i])->journal, keep_line, f);
        fclose(f);
    }
}

static void keep_record(FILE *f, const struct batch *b, const struct record *r, uint64_t seq)
{
    fprintf(f, "%llu %llu.%09llu agent %u @%llu cause %u/%u@%llu %s dest %u session %d rfq %llx",
            (unsigned long long)seq, (unsigned long long)(b->time_ns - WORLD_START_NS) / 1000000000,
            (unsigned long long)(b->time_ns - WORLD_START_NS) % 1000000000, b->agent,
            (unsigned long long)batch_record_position(b, r), b->cause_agent, b->cause_lane,
            (unsigned long long)b->cause, record_type_name(r->type), r->dest, (int)r->session,
            (unsigned long long)record_rfq(r));
    if (r->type == RECORD_GATEWAY_OUT) {
        const struct gateway_out *o = (const void *)r;
        fprintf(f, " out %llu resend %llu %.60s", (unsigned long long)o->seq,
                (unsigned long long)o->resend_of, o->bytes);
    } else if (r->type == RECORD_GATEWAY_IN) {
        const struct gateway_in *i = (const void *)r;
        fprintf(f, " in %llu to %llu %.60s", (unsigned long long)i->seq, (unsigned long long)i->seq_to,
                i->bytes);
    }
    fputc('\n', f);
}

/* The log of the failed run, a line a record. */
static void keep_log(struct world *w, const char *trace)
{
    char path[1024];
    enum err e;
    struct log_reader *reader;
    const struct log_frame *frame;
    snprintf(path, sizeof path, "%s.log", trace);
    FILE *f = w->node ? fopen(path, "w") : NULL;
    if (!f)
        return;
    struct log *l = node_log(w->node);
    if (log_reader_open(&reader, l, log_begin(l)) == OK) {
        while ((frame = log_reader_next(reader, log_written(l), &e)) != NULL) {
            const struct batch *b = log_frame_batch(frame);
            uint64_t seq = frame->first_seq;
            for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
                keep_record(f, b, r, seq++);
        }
        log_reader_close(reader);
    }
    fclose(f);
}

static void keep(struct world *w, const struct plan *p)
{
    char name[256];
    snprintf(name, sizeof name, p->layouts ? "%.200s.layout%u" : "%.200s", p->trace, w->options.layout);
    keep_journals(w, name);
    keep_log(w, name);
}

static const struct plan *traced;

/* What there is, of a run that ends in the middle. */
static void on_abort(int number)
{
    signal(number, SIG_DFL);
    if (world.options.trace)
        fflush(world.options.trace);
    keep(&world, traced);
    raise(number);
}

/* How the run that the job is at, or failed in, can be had again. */
static void print_repeat(const struct plan *p, const struct job *j)
{
    static const char *const crashes[] = {"never", "every-commit", "random"};
    printf("repeat: sim --from %llu --seeds 1 --requests %u --crash %s%s%s", (unsigned long long)j->seed,
           p->requests, crashes[j->crash],
           p->unsynced ? " --unsynced"
           : p->power  ? " --power"
                       : "",
           p->layouts ? " --layouts"
           : p->stall ? " --stall"
                      : "");
    if (j->crash == CRASH_AT)
        printf(" --commit %llu", (unsigned long long)j->crash_at);
    printf(" --trace trace.txt\n");
}

static bool run_one(const struct plan *p, const struct world_options *options, struct job *j,
                    struct outcome *out)
{
    struct world_options with = *options, *o = &with;
    struct world *w = &world;
    struct totals *t = &j->totals;
    o->commits = &j->commits;
    o->seen = &t->seen;
    j->seed = o->seed;
    j->layout = o->layout;
    j->crash = o->crash;
    j->crash_at = o->crash_at;
    j->commits = 0;
    j->under_way = true;
    bool fine = world_open(w, o) && world_run(w) && audit_run(w, out);
    t->runs++;
    t->crashes += w->crashes;
    t->commits += w->commits;
    t->digests += w->digests_compared;
    t->rankings += w->rankings_checked;
    if (fine) {
        t->rfqs += out->rfqs;
        t->filled += out->filled;
        t->fills += out->fills;
        t->repeats += out->repeats;
        t->breaks += out->breaks;
        t->refused += out->refused;
    } else {
        printf("FAILED seed %llu layout %u: %s\n", (unsigned long long)o->seed, o->layout, w->error);
        print_repeat(p, j);
    }
    if (p->trace && (!fine || p->layouts))
        keep(w, p);
    fflush(stdout);
    world_close(w);
    j->under_way = false;
    return fine;
}

static bool run_seed(const struct plan *p, uint64_t seed, FILE *trace, struct job *j)
{
    struct world_options o = {.seed = seed,
                              .crash = p->crash == PLAN_RANDOM ? CRASH_RANDOM : CRASH_NEVER,
                              .power = p->power,
                              .unsynced = p->unsynced,
                              .layout = p->layouts ? 0 : (unsigned)(seed % WORLD_LAYOUTS),
                              .calm = p->layouts,
                              .stall = p->stall,
                              .requests = p->requests,
                              .directory = directory,
                              .trace = trace};
    struct outcome first, out;
    if (p->only_commit) {
        o.crash = CRASH_AT;
        o.crash_at = p->only_commit;
        return run_one(p, &o, j, &out);
    }
    if (!run_one(p, &o, j, &first))
        return false;
    uint64_t commits = j->commits;
    if (p->layouts) {
        for (o.layout = 1; o.layout < WORLD_LAYOUTS; o.layout++) {
            if (!run_one(p, &o, j, &out))
                return false;
            if (out.hash != first.hash) {
                printf("FAILED seed %llu: layout %u gives another outcome than layout 0\n",
                       (unsigned long long)seed, o.layout);
                print_repeat(p, j);
                fflush(stdout);
                return false;
            }
        }
    }
    if (p->crash == PLAN_EVERY) {
        o.crash = CRASH_AT;
        for (o.crash_at = 1; o.crash_at <= commits; o.crash_at++)
            if (!run_one(p, &o, j, &out))
                return false;
    }
    return true;
}

static void name_directory(pid_t pid, unsigned job)
{
    snprintf(directory, sizeof directory, "/dev/shm/rfqd-sim-%d-%u", (int)pid, job);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

/* What a job that died has left. */
static void clean_up(pid_t pid, unsigned job)
{
    name_directory(pid, job);
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int work(const struct plan *p, unsigned job, struct job *j)
{
    bool fine = true;
    FILE *trace = p->trace ? fopen(p->trace, "w") : NULL;
    if (trace) {
        traced = p;
        signal(SIGABRT, on_abort);
    }
    name_directory(getpid(), job);
    mkdir(directory, 0700);
    for (uint64_t s = job; fine && s < p->seeds; s += p->jobs)
        fine = run_seed(p, p->from + s, trace, j);
    rmdir(directory);
    if (trace)
        fclose(trace);
    return fine ? 0 : 1;
}

static int begin(const struct plan *p, unsigned job, struct job *j)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(work(p, job, j));
    j->pid = pid;
    return pid < 0 ? -1 : 0;
}

/* The run in which a job failed, once more, and what it does is kept. It fails again, and says nothing new.
 */
static void keep_failed(const struct plan *p, const struct job *failed)
{
    char name[64];
    struct plan again = *p;
    struct job *j = mmap(NULL, sizeof *j, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(name, sizeof name, "sim-%llu.trace", (unsigned long long)failed->seed);
    again.trace = name;
    again.from = failed->seed;
    again.seeds = again.jobs = 1;
    if (failed->crash == CRASH_AT)
        again.only_commit = failed->crash_at;
    else
        again.crash = failed->crash == CRASH_RANDOM ? PLAN_RANDOM : PLAN_NEVER;
    fflush(stdout);
    pid_t pid = j == MAP_FAILED ? -1 : fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(2);
        _exit(work(&again, 0, j));
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return;
    clean_up(pid, 0);
    printf("kept: %s*\n", name);
    munmap(j, sizeof *j);
}

/* Waits for the next job to end. False: it failed. */
static bool end(const struct plan *p, struct job *jobs)
{
    int status;
    unsigned n = 0;
    pid_t pid = wait(&status);
    while (n < p->jobs && jobs[n].pid != pid)
        n++;
    if (n == p->jobs)
        return false;
    if (WIFSIGNALED(status) || (WEXITSTATUS(status) && jobs[n].under_way)) {
        clean_up(pid, n);
        printf("FAILED seed %llu layout %u: its job died of %s %d behind commit %llu\n",
               (unsigned long long)jobs[n].seed, jobs[n].layout, WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
               (unsigned long long)jobs[n].commits);
        print_repeat(p, &jobs[n]);
    }
    if (status && !p->trace)
        keep_failed(p, &jobs[n]);
    return status == 0;
}

static void add_totals(struct totals *to, const struct totals *from)
{
    uint64_t *sum = (uint64_t *)to;
    const uint64_t *one = (const uint64_t *)from;
    for (unsigned i = 0; i < sizeof *to / sizeof *sum; i++)
        sum[i] += one[i];
}

static int usage(void)
{
    fprintf(stderr, "usage: sim [--seeds N] [--from S] [--requests N] [--crash never|random|every-commit] "
                    "[--power|--unsynced]\n"
                    "           [--layouts|--stall] [--complete] [--jobs N] [--commit N] [--trace FILE]\n");
    return 2;
}

static bool parse(int argc, char **argv, struct plan *p)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(a, "--power") == 0) {
            p->power = true;
        } else if (strcmp(a, "--unsynced") == 0) {
            p->power = p->unsynced = true;
        } else if (strcmp(a, "--layouts") == 0) {
            p->layouts = true;
        } else if (strcmp(a, "--complete") == 0) {
            p->complete = true;
        } else if (strcmp(a, "--stall") == 0) {
            p->stall = true;
        } else if (!v) {
            return false;
        } else {
            i++;
            if (strcmp(a, "--seeds") == 0)
                p->seeds = strtoull(v, NULL, 10);
            else if (strcmp(a, "--from") == 0)
                p->from = strtoull(v, NULL, 10);
            else if (strcmp(a, "--requests") == 0)
                p->requests = (unsigned)strtoul(v, NULL, 10);
            else if (strcmp(a, "--jobs") == 0)
                p->jobs = (unsigned)strtoul(v, NULL, 10);
            else if (strcmp(a, "--commit") == 0)
                p->only_commit = strtoull(v, NULL, 10);
            else if (strcmp(a, "--trace") == 0)
                p->trace = v;
            else if (strcmp(a, "--crash") == 0 && strcmp(v, "never") == 0)
                p->crash = PLAN_NEVER;
            else if (strcmp(a, "--crash") == 0 && strcmp(v, "random") == 0)
                p->crash = PLAN_RANDOM;
            else if (strcmp(a, "--crash") == 0 && strcmp(v, "every-commit") == 0)
                p->crash = PLAN_EVERY;
            else
                return false;
        }
    }
    return p->jobs > 0;
}

/* Says what is not there though it is expected. Power cuts are dear, and their sweep is too short for all. */
static bool is_complete(const struct plan *p, const struct totals *all)
{
    unsigned missing = seen_missing(&all->seen, !p->layouts, stdout);
    if (p->complete && p->crash == PLAN_RANDOM) /* of a few seeds that would be a long list */
        missing += seen_uncrashed(&all->seen, p->power ? OFTEN : 1, stdout);
    if (!all->digests || !all->rankings) {
        printf("never compared: %s\n", all->digests ? "a ranking" : "a digest");
        missing++;
    }
    return !missing;
}

int main(int argc, char **argv)
{
    struct plan p = {.seeds = 100, .from = 1, .requests = 4, .jobs = 1};
    struct totals all = {0};
    int failed = 0;
    if (!parse(argc, argv, &p))
        return usage();
    memory_be_lazy();
    if (p.trace)
        p.jobs = 1;
    struct job *jobs =
        mmap(NULL, p.jobs * sizeof *jobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED)
        return 1;
    for (unsigned j = 0; j < p.jobs; j++)
        if (begin(&p, j, &jobs[j]) != 0)
            return 1;
    for (unsigned j = 0; j < p.jobs; j++)
        failed |= !end(&p, jobs);
    for (unsigned j = 0; j < p.jobs; j++)
        add_totals(&all, &jobs[j].totals);
    if (p.stall && all.refused == 0) {
        printf("FAILED: nothing was refused for want of room\n");
        failed = 1;
    }
    if (!failed && !is_complete(&p, &all) && p.complete) {
        printf("FAILED: the sweep is not complete\n");
        failed = 1;
    }
    printf("%llu seeds, %llu runs, %llu commits, %llu crashes, %llu RFQs, %llu filled, %llu fills, "
           "%llu executions said again (%llu breaks), %llu refused for want of room, %llu digests, %llu "
           "rankings compared%s\n",
           (unsigned long long)p.seeds, (unsigned long long)all.runs, (unsigned long long)all.commits,
           (unsigned long long)all.crashes, (unsigned long long)all.rfqs, (unsigned long long)all.filled,
           (unsigned long long)all.fills, (unsigned long long)all.repeats, (unsigned long long)all.breaks,
           (unsigned long long)all.refused, (unsigned long long)all.digests, (unsigned long long)all.rankings,
           failed ? ": FAILED" : "");
    return failed;
}
