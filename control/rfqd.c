/* rfqd: the appliance. Reads the configuration, puts the node together, runs its agents on their cores, and
 * stops cleanly on SIGTERM, SIGINT or `rfqctl stop`. SIGHUP is `rfqctl config reload`.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/directory.h"
#include "control/front/front.h"
#include "control/node.h"
#include "control/notices.h"
#include "control/ops/ops.h"
#include "control/repair.h"
#include "control/service.h"
#include "dataplane/core/clock.h"

#define DRAIN_WAIT_MS 1000 /* for whoever reads standard error, at start and stop */
#define WATCH_NAP_US  100000

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

struct appliance {
    struct config *config;
    const char *config_path;
    struct journal *journal;
    struct notices notices;
    struct service service;
    struct tally *tally;
    struct metrics *metrics;
    struct port *port;
    struct disk *disk;
    struct store *store;
    struct counters *counters;
    struct node *node;
    struct ops *ops;
    struct front *front; /* NULL: clients come by FIX only */
    uint64_t started_ns;
    struct core cores[CORES_MAX];
    struct agent replica, gateway;
    bool stop_begun;           /* gateway's core only */
    atomic_bool stopped, shut; /* sessions are down; clients have gone */
};

static atomic_bool stop_wanted, reload_wanted;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop_wanted, true);
}

static int complain(struct appliance *a, const char *what, const char *why)
{
    journal_say(a->journal, JOURNAL_ERROR, "failed", journal_text("what", what), journal_text("why", why));
    return EXIT_FAILED;
}

/* The agents that are more than one room
 * ----------------------------------------------------------------------------- */

static unsigned poll_gateway(void *self, uint64_t now_ns)
{
    struct appliance *a = self;
    if (atomic_load_explicit(&stop_wanted, memory_order_relaxed) && !a->stop_begun) {
        a->stop_begun = true;
        journal_say(a->journal, JOURNAL_INFO, "stopping");
        node_stop_begin(a->node, "planned stop", now_ns);
    }
    if (log_failed(node_log(a->node)) && !a->stop_begun) { /* what is not recorded may not be accepted */
        a->stop_begun = true;
        journal_say(a->journal, JOURNAL_ERROR, "log_failed", journal_bool("accepting", false),
                    journal_text("why", log_error(node_log(a->node))));
        node_stop_begin(a->node, "the record cannot be kept", now_ns);
        atomic_store(&stop_wanted, true);
    }
    unsigned work = a->gateway.poll(a->gateway.self, now_ns);
    if (a->stop_begun && node_stopped(a->node))
        atomic_store_explicit(&a->stopped, true, memory_order_relaxed);
    return work;
}

static void warm_gateway(void *self, bool long_idle)
{
    const struct appliance *a = self;
    a->gateway.warm(a->gateway.self, long_idle);
}

static unsigned poll_front(struct appliance *a, uint64_t now_ns)
{
    if (!a->front)
        return 0;
    if (atomic_load_explicit(&stop_wanted, memory_order_relaxed)) {
        front_stop_begin(a->front, now_ns);
        if (front_stopped(a->front, now_ns))
            atomic_store_explicit(&a->shut, true, memory_order_relaxed);
    }
    return front_poll(a->front, now_ns);
}

static unsigned poll_control(void *self, uint64_t now_ns)
{
    struct appliance *a = self;
    unsigned work = a->replica.poll(a->replica.self, now_ns);
    if (atomic_load_explicit(&reload_wanted, memory_order_relaxed)) {
        atomic_store(&reload_wanted, false);
        ops_reload(a->ops);
    }
    work += ops_poll(a->ops, now_ns);
    work += poll_front(a, now_ns);
    notices_poll(&a->notices, now_ns);
    work += journal_drain(a->journal);
    if (ops_stop_asked(a->ops))
        atomic_store(&stop_wanted, true);
    return work;
}

static void on_batch(void *ctx, const struct batch *b, uint64_t first_seq, uint64_t end)
{
    (void)first_seq, (void)end;
    struct appliance *a = ctx;
    notices_batch(&a->notices, b);
    tally_batch(a->tally, b);
}

static struct agent agent_named(struct appliance *a, const char *name)
{
    if (strcmp(name, "gateway") == 0)
        return (struct agent){"gateway", poll_gateway, warm_gateway, a};
    if (strcmp(name, "distribution") == 0)
        return node_agent(a->node, NODE_DISTRIBUTION);
    if (strcmp(name, "routing") == 0)
        return node_agent(a->node, NODE_ROUTING);
    if (strcmp(name, "log") == 0)
        return node_agent(a->node, NODE_LOG);
    return (struct agent){"control", poll_control, NULL, a};
}

/* Start
 * --------------------------------------------------------------------------------------------------------------
 */

static int open_parts(struct appliance *a, struct ring_identity *id)
{
    const struct config *c = a->config;
    char path[CONFIG_PATH_SIZE + 16];
    if (directory_lock(c->directory) != OK || directory_identity(c->directory, id) != OK)
        return complain(a, "directory", directory_error());
    if (directory_lock_shared(c->shared) != OK)
        return complain(a, "shared", directory_error());
    snprintf(path, sizeof path, "%s/counters", c->shared);
    enum err e = counters_create(&a->counters, path);
    if (e != OK)
        return complain(a, path, err_text(e));
    snprintf(path, sizeof path, "%s/log", c->directory);
    journal_count_in(a->journal, a->counters);
    e = disk_uring_create(&a->disk, path);
    if (e != OK)
        return complain(a, path, err_text(e));
    snprintf(path, sizeof path, "%s/store", c->directory);
    e = store_lmdb_create(&a->store, path, c->store_map_size);
    if (e != OK)
        return complain(a, path, err_text(e));
    e = port_uring_create(&a->port, (unsigned)c->connections_max);
    return e == OK ? EXIT_FINE : complain(a, "io_uring", err_text(e));
}

static int open_node(struct appliance *a, const struct ring_identity *id)
{
    struct node_config n = {.config = a->config,
                            .port = a->port,
                            .disk = a->disk,
                            .store = a->store,
                            .identity = *id,
                            .counters = a->counters,
                            .own_thread = true,
                            .clock = clock_now_ns};
    a->started_ns = clock_now_ns();
    if (node_open(&a->node, &n, a->started_ns) != OK)
        return complain(a, "start", node_error());
    const struct node_recovery *r = node_recovery(a->node);
    journal_say(a->journal, r->power_cut ? JOURNAL_WARNING : JOURNAL_INFO,
                r->first_start ? "first_start" : "recovered", journal_uint("frames", r->frames),
                journal_uint("batches", r->batches), journal_uint("redelivered", r->redelivered),
                journal_uint("took_us", (clock_now_ns() - a->started_ns) / 1000),
                journal_bool("power_cut", r->power_cut));
    notices_init(&a->notices, a->journal, a->node);
    replica_watch(node_replica(a->node), on_batch, a);
    return EXIT_FINE;
}

static int open_metrics(struct appliance *a)
{
    enum err e = tally_create(&a->tally, a->node, a->counters);
    struct metrics_config m = {.node = a->node,
                               .counters = a->counters,
                               .tally = a->tally,
                               .cores = a->cores,
                               .core_count = a->config->core_count,
                               .started_ns = a->started_ns};
    if (e == OK)
        e = metrics_create(&a->metrics, &m);
    return e == OK ? EXIT_FINE : complain(a, "metrics", err_text(e));
}

static int open_ops(struct appliance *a)
{
    struct ops_config o = {.path = a->config->ops_socket,
                           .node = a->node,
                           .config = a->config,
                           .config_path = a->config_path,
                           .counters = a->counters,
                           .metrics = a->metrics,
                           .journal = a->journal};
    enum err e = ops_create(&a->ops, &o);
    if (e != OK)
        return complain(a, a->config->ops_socket, errno ? strerror(errno) : err_text(e));
    ops_show_cores(a->ops, a->cores, a->config->core_count);
    return EXIT_FINE;
}

static int open_front(struct appliance *a)
{
    struct front_config f = {.node = a->node,
                             .config = a->config,
                             .counters = a->counters,
                             .metrics = a->metrics,
                             .own_threads = true};
    a->shut = !a->config->has_http;
    if (a->config->has_http && front_create(&a->front, &f, clock_now_ns()) != OK)
        return complain(a, "http", front_error());
    return EXIT_FINE;
}

/* Cores that never give their CPU away: a yielding or sleeping one can share a CPU with them. */
static unsigned spinning(const struct config *c)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->core_count; i++)
        count += c->cores[i].idle == IDLE_SPIN || c->cores[i].idle == IDLE_PAUSE;
    return count;
}

static int start_cores(struct appliance *a)
{
    const struct config *c = a->config;
    unsigned spinners = spinning(c);
    a->replica = node_agent(a->node, NODE_REPLICA);
    a->gateway = node_agent(a->node, NODE_GATEWAY);
    for (unsigned i = 0; i < c->core_count; i++) {
        struct core *core = &a->cores[i];
        core->cpu = (int)c->cores[i].cpu;
        core->idle = idle_fitting((enum idle_strategy)c->cores[i].idle, spinners);
        core->warm_ns = c->cores[i].warm_ns;
        for (unsigned j = 0; j < c->cores[i].run_count; j++)
            core->agents[core->agent_count++] = agent_named(a, c->cores[i].run[j]);
    }
    enum err e = cores_start(a->cores, c->core_count, a->counters);
    return e == OK ? EXIT_FINE : complain(a, "cores", strerror(errno));
}

/* Blocked in every thread, and taken here: no system call of any is ever interrupted by it. One that came
 * while the record was recovered has waited. */
static sigset_t hangup(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return set;
}

/* Until all sessions are logged out: the clock is kept right, signals are taken, and systemd is told how we
 * are. */
static void watch_over(struct appliance *a)
{
    const sigset_t hangup_set = hangup();
    const struct timespec at_once = {0};
    bool ended = false, stopping = false;
    useconds_t nap_us = WATCH_NAP_US;
    if (a->service.watchdog.interval_ns && a->service.watchdog.interval_ns < 4000ull * WATCH_NAP_US)
        nap_us = (useconds_t)(a->service.watchdog.interval_ns / 4000); /* four looks in an interval */
    while (!ended) {
        bool failed = log_failed(node_log(a->node));
        /* Read first: a stop within one nap is told too. */
        ended = atomic_load(&a->stopped) && atomic_load(&a->shut);
        clock_discipline();
        if (sigtimedwait(&hangup_set, NULL, &at_once) == SIGHUP)
            atomic_store(&reload_wanted, true);
        if (atomic_load(&stop_wanted) && !stopping) {
            stopping = true;
            nap_us = 1000;
            service_say(&a->service, "STOPPING=1", failed ? log_error(node_log(a->node)) : "logging out");
        }
        service_feed(&a->service, clock_now_ns(), a->cores, a->config->core_count, failed);
        if (!ended)
            usleep(nap_us);
    }
}

static int run(struct appliance *a)
{
    struct ring_identity id;
    memset(&id, 0, sizeof id);
    service_open(&a->service);
    service_say(&a->service, NULL, "recovering what was recorded");
    int code = open_parts(a, &id);
    if (code == EXIT_FINE)
        code = open_node(a, &id);
    if (code == EXIT_FINE)
        code = open_metrics(a);
    if (code == EXIT_FINE)
        code = open_ops(a);
    if (code == EXIT_FINE)
        code = open_front(a);
    journal_drain_all(a->journal, DRAIN_WAIT_MS);
    if (code == EXIT_FINE)
        code = start_cores(a);
    if (code != EXIT_FINE)
        return code;
    journal_say(a->journal, JOURNAL_INFO, "ready");
    service_say(&a->service, "READY=1", "accepting");
    watch_over(a);
    cores_stop(a->cores, a->config->core_count);
    if (node_finish(a->node) != OK)
        return complain(a, "stop", node_error());
    journal_say(a->journal, JOURNAL_INFO, "stopped");
    return EXIT_FINE;
}

static void close_all(struct appliance *a)
{
    service_close(&a->service);
    if (a->front)
        front_destroy(a->front);
    if (a->ops)
        ops_destroy(a->ops);
    metrics_destroy(a->metrics);
    if (a->node)
        node_close(a->node);
    tally_destroy(a->tally);
    if (a->port)
        port_destroy(a->port);
    if (a->store)
        a->store->ops->destroy(a->store);
    if (a->disk)
        a->disk->ops->destroy(a->disk);
    journal_drain_all(a->journal, DRAIN_WAIT_MS);
    journal_destroy(a->journal);
    if (a->counters)
        counters_close(a->counters);
    config_free(a->config);
}

static void usage(FILE *to)
{
    fprintf(to, "usage: rfqd FILE          run with this configuration\n"
                "       rfqd --check FILE  check it, start nothing\n"
                "       rfqd --repair FILE its log, where a start refuses it as corrupt: what is wrong, and the ways to go on\n"
                "       rfqd --repair=cut FILE, --repair=drop FILE  go on so\n"
                "       rfqd --keys        every configuration key\n"
                "       rfqd --keys=man    the same as a manual page, rfqd.conf(5)\n"
                "       rfqd --version     what this program is of\n");
}

struct options {
    const char *path; /* NULL: there is nothing more to do */
    bool check, repair;
    enum repair_way way;
};

/* False: it is no way of --repair. */
static bool read_way(const char *text, enum repair_way *out)
{
    static const char *const texts[] = {"--repair", "--repair=cut", "--repair=drop"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(text, texts[i]) == 0) {
            *out = (enum repair_way)i;
            return true;
        }
    return false;
}

/* The exit code, where no file is named. */
static int read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.check = argc == 3 && strcmp(argv[1], "--check") == 0};
    out->repair = argc == 3 && read_way(argv[1], &out->way);
    if (argc == 2 && strcmp(argv[1], "--keys") == 0)
        config_print_keys(stdout);
    else if (argc == 2 && strcmp(argv[1], "--keys=man") == 0)
        config_print_manual(stdout);
    else if (argc == 2 && strcmp(argv[1], "--version") == 0)
        puts("rfqd " RFQD_VERSION);
    else if (argc == 2 && strcmp(argv[1], "--help") == 0)
        usage(stdout);
    else if (out->check || out->repair || (argc == 2 && argv[1][0] != '-'))
        out->path = argv[argc - 1];
    else {
        usage(stderr);
        return EXIT_USAGE;
    }
    return EXIT_FINE;
}

/* NULL: every error has been said. */
static struct config *load_config(const char *path)
{
    struct config *c;
    if (config_load(&c, path) == OK)
        return c;
    unsigned count = c ? c->error_count : 0;
    for (unsigned i = 0; i < count && i < CONFIG_ERRORS_MAX; i++)
        fprintf(stderr, "rfqd: %s\n", c->errors[i]);
    fprintf(stderr, "rfqd: %u error%s in the configuration\n", count, count == 1 ? "" : "s");
    config_free(c);
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options;
    int code = read_options(argc, argv, &options);
    if (!options.path)
        return code;

    static struct appliance a;
    a.config_path = options.path;
    a.config = load_config(options.path);
    if (!a.config)
        return EXIT_CONFIG;
    if (options.check) {
        printf("%s: fine\n", options.path);
        config_free(a.config);
        return EXIT_FINE;
    }
    if (options.repair) {
        bool right = repair_log(a.config, options.way);
        config_free(a.config);
        return right ? EXIT_FINE : EXIT_FAILED;
    }
    clock_init();
    struct journal_config j = {.fd = STDERR_FILENO,
                               .format = (enum journal_format)a.config->journal_format,
                               .level = (enum journal_level)a.config->journal_level,
                               .clock = clock_now_ns};
    if (journal_create(&a.journal, &j) != OK) {
        fprintf(stderr, "rfqd: no memory\n");
        config_free(a.config);
        return EXIT_FAILED;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    const sigset_t hangup_set = hangup();
    pthread_sigmask(SIG_BLOCK, &hangup_set, NULL); /* before there is any other thread */
    code = run(&a);
    close_all(&a);
    return code;
}
