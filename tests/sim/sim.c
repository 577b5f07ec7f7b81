/* sim: the whole appliance under a made-up clock, by seeds.
 *
 *     sim [--seeds N] [--from S] [--requests N] [--crash never|random|every-commit] [--power|--unsynced]
 * [--layouts|--stall]
 *         [--jobs N] [--trace FILE]
 *
 * never         each seed once, no crash
 * random        each seed once, crashes at random commits, also during recovery
 * every-commit  each seed once without a crash to count its commits, then once for each commit with a crash
 * there
 * --power       a crash is a power cut at level `synced`
 * --unsynced    a crash is a power cut at level `committed`: orders may be forgotten, sequence numbers never
 * come again
 * --stall       takers ask faster and the log stands longer than the rings hold: with some hundred --requests
 * --layouts     each seed in three orders of polling: the outcomes must be the same
 *
 * A failing run prints its seed and the command that repeats it, and exits 1.
 */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/core/memory.h"
#include "dataplane/model/record_rfq.h"
#include "tests/sim/world.h"

struct plan {
    uint64_t seeds, from;
    unsigned requests, jobs;
    enum { PLAN_NEVER, PLAN_RANDOM, PLAN_EVERY } crash;
    bool power, unsynced, layouts, stall;
    const char *trace;
    uint64_t only_commit;
};

struct totals {
    uint64_t runs, crashes, commits, rfqs, filled, fills, repeats, breaks, refused, digests, rankings;
};

static char directory[64];

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
        char path[512];
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
    char path[512];
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

static bool run_one(const struct plan *p, const struct world_options *o, struct totals *t,
                    struct outcome *out, uint64_t *commits)
{
    static struct world w;
    bool fine = world_open(&w, o) && world_run(&w) && audit_run(&w, out);
    t->runs++;
    t->crashes += w.crashes;
    t->commits += w.commits;
    t->digests += w.digests_compared;
    t->rankings += w.rankings_checked;
    *commits = w.commits;
    if (fine) {
        t->rfqs += out->rfqs;
        t->filled += out->filled;
        t->fills += out->fills;
        t->repeats += out->repeats;
        t->breaks += out->breaks;
        t->refused += out->refused;
    } else {
        static const char *const crashes[] = {"never", "every-commit", "random"};
        printf("FAILED seed %llu layout %u: %s\n", (unsigned long long)o->seed, o->layout, w.error);
        printf("repeat: sim --from %llu --seeds 1 --requests %u --crash %s%s%s", (unsigned long long)o->seed,
               o->requests, crashes[o->crash],
               o->unsynced ? " --unsynced"
               : o->power  ? " --power"
                           : "",
               p->layouts ? " --layouts"
               : p->stall ? " --stall"
                          : "");
        if (o->crash == CRASH_AT)
            printf(" --commit %llu", (unsigned long long)o->crash_at);
        printf(" --trace trace.txt\n");
    }
    if (!fine && p->trace) {
        keep_journals(&w, p->trace);
        keep_log(&w, p->trace);
    }
    fflush(stdout);
    world_close(&w);
    return fine;
}

static bool run_seed(const struct plan *p, uint64_t seed, FILE *trace, struct totals *t)
{
    struct world_options o = {.seed = seed,
                              .crash = p->crash == PLAN_RANDOM ? CRASH_RANDOM : CRASH_NEVER,
                              .power = p->power,
                              .unsynced = p->unsynced,
                              .calm = p->layouts,
                              .stall = p->stall,
                              .requests = p->requests,
                              .directory = directory,
                              .trace = trace};
    struct outcome first, out;
    uint64_t commits, ignored;
    if (p->only_commit) {
        o.crash = CRASH_AT;
        o.crash_at = p->only_commit;
        return run_one(p, &o, t, &out, &ignored);
    }
    if (!run_one(p, &o, t, &first, &commits))
        return false;
    if (p->layouts) {
        for (o.layout = 1; o.layout < WORLD_LAYOUTS; o.layout++) {
            if (!run_one(p, &o, t, &out, &ignored))
                return false;
            if (out.hash != first.hash) {
                fprintf(stderr, "FAILED seed %llu: layout %u gives another outcome than layout 0\n",
                        (unsigned long long)seed, o.layout);
                return false;
            }
        }
    }
    if (p->crash == PLAN_EVERY) {
        o.crash = CRASH_AT;
        for (o.crash_at = 1; o.crash_at <= commits; o.crash_at++)
            if (!run_one(p, &o, t, &out, &ignored))
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
static void clean_up(pid_t pid, unsigned jobs)
{
    for (unsigned j = 0; j < jobs; j++) {
        name_directory(pid, j);
        nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
}

static int work(const struct plan *p, unsigned job, int result)
{
    struct totals t = {0};
    bool fine = true;
    FILE *trace = p->trace ? fopen(p->trace, "w") : NULL;
    name_directory(getpid(), job);
    mkdir(directory, 0700);
    for (uint64_t s = job; fine && s < p->seeds; s += p->jobs)
        fine = run_seed(p, p->from + s, trace, &t);
    rmdir(directory);
    if (trace)
        fclose(trace);
    if (write(result, &t, sizeof t) != sizeof t)
        fine = false;
    return fine ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: sim [--seeds N] [--from S] [--requests N] [--crash never|random|every-commit] "
                    "[--power|--unsynced]\n"
                    "           [--layouts|--stall] [--jobs N] [--commit N] [--trace FILE]\n");
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

int main(int argc, char **argv)
{
    struct plan p = {.seeds = 100, .from = 1, .requests = 4, .jobs = 1};
    struct totals all = {0};
    int pipes[2], failed = 0;
    if (!parse(argc, argv, &p) || pipe(pipes) != 0)
        return usage();
    memory_be_lazy();
    if (p.trace)
        p.jobs = 1;
    for (unsigned j = 0; j < p.jobs; j++)
        if (fork() == 0)
            _exit(work(&p, j, pipes[1]));
    for (unsigned j = 0; j < p.jobs; j++) {
        int status;
        struct totals t;
        pid_t pid = wait(&status);
        if (WIFSIGNALED(status)) {
            clean_up(pid, p.jobs);
            printf("FAILED: a job died of signal %d\n", WTERMSIG(status));
            failed = 1;
            continue;
        }
        failed |= status != 0;
        if (read(pipes[0], &t, sizeof t) != sizeof t)
            continue;
        uint64_t *to = (uint64_t *)&all;
        const uint64_t *from = (const uint64_t *)&t;
        for (unsigned i = 0; i < sizeof all / sizeof *to; i++)
            to[i] += from[i];
    }
    if (p.stall && all.refused == 0) {
        printf("FAILED: nothing was refused for want of room\n");
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
