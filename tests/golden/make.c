/* golden_make DIR [SEED]: a data directory as this release writes it: a whole appliance's log under the
 * made-up clock, with crashes, and the store of its middle, where RFQs, quotes and orders are alive. To be
 * committed under tests/golden/v<layout>; from then on it is read, never written again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/model/describe.h"
#include "tests/sim/world.h"

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "golden_make: %s: %s\n", what, why);
    exit(1);
}

static void write_file(const char *directory, const char *name, const void *bytes, size_t size)
{
    char path[512];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        fail(directory, "the path is too long");
    FILE *f = fopen(path, "w");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
        fail(path, "cannot be written");
}

static void copy_log(struct disk *d, const char *directory)
{
    char name[DISK_NAME_SIZE];
    for (unsigned i = 0; d->ops->list(d, i, name) == OK; i++) {
        int file;
        uint64_t size;
        if (d->ops->open(d, name, 0, &file) != OK || d->ops->size(d, file, &size) != OK)
            fail(name, "cannot be opened");
        char *bytes = malloc(size);
        if (!bytes || d->ops->read(d, file, 0, bytes, size) != OK)
            fail(name, "cannot be read");
        write_file(directory, name, bytes, size);
        free(bytes);
        d->ops->close(d, file);
    }
}

struct copies {
    struct distribution_state *distribution;
    struct routing_state *routing;
    struct gateway_state *gateway;
};

static void make_copies(struct copies *c, const struct settings *s)
{
    if (distribution_state_create(&c->distribution, s, false, true, 0) != OK ||
        routing_state_create(&c->routing, s, false, true, 0) != OK ||
        gateway_state_create(&c->gateway, AGENT_GATEWAY, true) != OK)
        fail("states", "no memory");
}

static void free_copies(struct copies *c)
{
    c->distribution->base.destroy(&c->distribution->base);
    c->routing->base.destroy(&c->routing->base);
    c->gateway->base.destroy(&c->gateway->base);
}

/* An offset from which as many frames as the replica takes at once lead to where most things are alive. */
static uint64_t liveliest(struct log *l, const struct settings *s)
{
    static uint64_t before[REPLICA_FRAMES_PER_POLL]; /* offsets of the last frames */
    struct copies c;
    struct log_reader *reader;
    const struct log_frame *f;
    uint64_t offset = 0, frames = 0;
    uint32_t most = 0;
    enum err e;
    make_copies(&c, s);
    if (log_reader_open(&reader, l, 0) != OK)
        fail("log", "cannot be read");
    while ((f = log_reader_next(reader, UINT64_MAX, &e)) != NULL) {
        const struct batch *b = log_frame_batch(f);
        struct state *state = b->agent == AGENT_DISTRIBUTION ? &c.distribution->base
                              : b->agent == AGENT_ROUTING    ? &c.routing->base
                                                             : &c.gateway->base;
        state_apply_batch(state, b);
        uint32_t alive = table_count(c.distribution->rfqs) * (1 + table_count(c.distribution->quotes)) *
                         (1 + table_count(c.routing->orders)) * (1 + table_count(c.routing->fills));
        uint64_t *slot = &before[frames++ % REPLICA_FRAMES_PER_POLL];
        if (alive > most && frames > REPLICA_FRAMES_PER_POLL) {
            most = alive;
            offset = *slot; /* where the frame began that lies so many back, and one more */
        }
        *slot = log_reader_offset(reader);
    }
    log_reader_close(reader);
    free_copies(&c);
    return offset;
}

/* A replica that follows the log to there, and commits. Its poll goes on by as much as it takes at once. */
static void make_store(struct log *l, const struct settings *s, uint64_t offset, const char *directory)
{
    struct copies c;
    struct store *store;
    struct replica *r;
    make_copies(&c, s);
    if (store_lmdb_create(&store, directory, 64u << 20) != OK)
        fail(directory, store_error());
    const struct replica_config config = {.log = l,
                                          .store = store,
                                          .distribution = c.distribution,
                                          .routing = c.routing,
                                          .gateways = {c.gateway},
                                          .gateway_count = 1,
                                          .log_offset = offset,
                                          .checkpoint_interval_ns = 1,
                                          .checkpoint_events = 1};
    if (replica_create(&r, &config) != OK)
        fail("replica", replica_create_error());
    struct agent a = replica_agent(r);
    while (replica_checkpoint_offset(r) == 0)
        a.poll(a.self, WORLD_START_NS);
    printf("store at log offset %llu of %llu: %u RFQs, %u quotes, %u deliveries, %u orders, %u fills alive\n",
           (unsigned long long)replica_checkpoint_offset(r), (unsigned long long)log_end(l),
           table_count(c.distribution->rfqs), table_count(c.distribution->quotes),
           table_count(c.distribution->deliveries), table_count(c.routing->orders),
           table_count(c.routing->fills));
    replica_destroy(r);
    store->ops->destroy(store);
    free_copies(&c);
    char lock[600];
    snprintf(lock, sizeof lock, "%s/lock.mdb", directory);
    (void)unlink(lock);
}

/* What the next releases must find in it. */
static void write_expected(struct world *w, const char *directory)
{
    char text[1024];
    int size = 0;
    static const uint8_t agents[] = {AGENT_DISTRIBUTION, AGENT_ROUTING, AGENT_GATEWAY};
    size += snprintf(text + size, sizeof text - (size_t)size, "next_seq %llu\n",
                     (unsigned long long)log_next_seq(node_log(w->node)));
    for (unsigned i = 0; i < 3; i++) {
        const struct state *s = node_state(w->node, agents[i]);
        for (unsigned t = 0; t < s->table_count; t++)
            size += snprintf(text + size, sizeof text - (size_t)size, "%s %u\n", table_name(s->tables[t]),
                             table_count(s->tables[t]));
    }
    write_file(directory, "expected.txt", text, (size_t)size);
}

int main(int argc, char **argv)
{
    char shared[] = "/dev/shm/rfqd-golden-XXXXXX", path[512];
    static struct world w;
    if (argc < 2)
        fail("usage", "golden_make DIR [SEED]");
    if (!mkdtemp(shared) || mkdir(argv[1], 0755) != 0)
        fail(argv[1], "cannot be made");
    const struct world_options o = {.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
                                    .crash = CRASH_RANDOM,
                                    .requests = 25,
                                    .directory = shared};
    if (!world_open(&w, &o) || !world_run(&w))
        fail("the run", w.error);
    if (log_flush(node_log(w.node)) != OK)
        fail("log", log_error(node_log(w.node)));
    snprintf(path, sizeof path, "%s/store", argv[1]);
    make_store(node_log(w.node), &w.config->settings, liveliest(node_log(w.node), &w.config->settings), path);
    snprintf(path, sizeof path, "%s/log", argv[1]);
    if (mkdir(path, 0755) != 0)
        fail(path, "cannot be made");
    copy_log(w.disk, path);
    char instance[16];
    memset(instance, 7, sizeof instance); /* as the simulated world has it */
    write_file(argv[1], "instance", instance, sizeof instance);
    write_expected(&w, argv[1]);
    world_close(&w);
    (void)rmdir(shared);
    return 0;
}
