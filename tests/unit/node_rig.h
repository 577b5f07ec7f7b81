/* A whole node on a made-up network, disk, store and clock, with users and no LPs: for what clients ask of
 * it. Polled by hand: nothing happens but in rig_run and rig_pass.
 */
#ifndef RFQD_TESTS_NODE_RIG_H
#define RFQD_TESTS_NODE_RIG_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/node.h"
#include "dataplane/net/sim_net.h"
#include "storage/log/disk_sim.h"

#define RIG_SECRET "0123456789abcdef0123456789abcdef"
#define RIG_SECOND 1000000000ull
#define RIG_HOLDS(condition)                                                                  \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, node_error()); \
            abort();                                                                          \
        }                                                                                     \
    } while (0)

struct node_rig {
    char directory[64];
    struct sim_net *net;
    struct port *port;
    struct disk *disk;
    struct store_memory *kept;
    struct store *store;
    struct counters *counters;
    struct config *config;
    struct node *node;
    uint64_t now_ns;
    bool engines_stand;  /* distribution is not polled */
    bool replica_stands; /* nor is that */
    /* polled with the others, after the replica */
    unsigned (*more)(void *ctx, uint64_t now_ns);
    void *more_ctx;
};

/* What one run has: network, counters, the store's handle, and the node. */
static inline void rig_open_node(struct node_rig *r, int boot)
{
    RIG_HOLDS(sim_net_create(&r->net, 1, NULL) == OK && counters_create(&r->counters, NULL) == OK &&
              store_memory_create(&r->store, &r->kept) == OK);
    sim_net_advance(r->net, r->now_ns);
    RIG_HOLDS(sim_net_port(r->net, (struct in_addr){htonl(0x0a000001)}, 64, &r->port) == OK);
    struct node_config n = {
        .config = r->config, .port = r->port, .disk = r->disk, .store = r->store, .counters = r->counters};
    memset(n.identity.instance, 7, sizeof n.identity.instance);
    memset(n.identity.boot, boot, sizeof n.identity.boot);
    RIG_HOLDS(node_open(&r->node, &n, r->now_ns) == OK);
}

/* As a kill -9 leaves it: the disk and what the store has committed. */
static inline void rig_kill(struct node_rig *r)
{
    node_close(r->node);
    r->store->ops->destroy(r->store);
    sim_net_destroy(r->net);
    counters_close(r->counters);
}

/* record: more of that section. */
static inline void rig_open_with(struct node_rig *r, const char *record)
{
    char text[2048], path[128];
    memset(r, 0, sizeof *r);
    r->now_ns = 1800000000ull * RIG_SECOND;
    strcpy(r->directory, "/dev/shm/rfqd-rig-XXXXXX");
    RIG_HOLDS(mkdtemp(r->directory));
    snprintf(
        text, sizeof text,
        "instance: rig\ndirectory: %s\nshared: %s\nrecord: {ring_gateway_mib: 2, ring_engine_mib: 2, "
        "lane_mib: 1, "
        "log_segment_mib: 1%s}\nsettings: {rfqs_max: 200, deliveries_max: 400, quotes_max: 400, orders_max: "
        "200, "
        "fills_max: 400, retire_after_ms: 2000}\nhttp: {listen: '10.0.0.1:80'}\n"
        "instruments: [{symbol: EURUSD}]\ntenants: [{name: north, number: 0}, {name: south, number: 1}]\n"
        "users:\n  - {name: ann, tenant: north}\n  - {name: root, tenant: north, role: admin}\n"
        "  - {name: sam, tenant: south}\n"
        "token_keys: [{id: k, algorithm: HS256, file: %s/secret}]\n",
        r->directory, r->directory, record, r->directory);
    snprintf(path, sizeof path, "%s/secret", r->directory);
    FILE *secret = fopen(path, "w");
    RIG_HOLDS(secret && fputs(RIG_SECRET, secret) > 0 && fclose(secret) == 0);
    enum err e = config_parse(&r->config, text, strlen(text), "rig");
    if (e != OK)
        fprintf(stderr, "%s\n", r->config->errors[0]);
    RIG_HOLDS(e == OK);
    RIG_HOLDS(disk_sim_create(&r->disk, 1) == OK);
    disk_sim_set_time(r->disk, r->now_ns);
    rig_open_node(r, 1);
}

static inline void rig_open(struct node_rig *r)
{
    rig_open_with(r, "");
}

static inline void rig_close(struct node_rig *r)
{
    static const char *const files[] = {"gateway0.ring", "distribution.ring", "routing.ring", "secret"};
    char path[128];
    rig_kill(r);
    store_memory_free(r->kept);
    r->disk->ops->destroy(r->disk);
    config_free(r->config);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", r->directory, files[i]);
        unlink(path);
    }
    rmdir(r->directory);
}

static inline unsigned rig_poll(struct node_rig *r)
{
    unsigned work = 0;
    for (unsigned i = 0; i < NODE_AGENTS; i++) {
        if ((i == NODE_DISTRIBUTION && r->engines_stand) || (i == NODE_REPLICA && r->replica_stands))
            continue;
        struct agent a = node_agent(r->node, (enum node_agent)i);
        work += a.poll(a.self, r->now_ns);
    }
    return work + (r->more ? r->more(r->more_ctx, r->now_ns) : 0);
}

static inline void rig_set_time(struct node_rig *r, uint64_t now_ns)
{
    r->now_ns = now_ns;
    sim_net_advance(r->net, now_ns);
    disk_sim_set_time(r->disk, now_ns);
}

/* Time passes, in steps of which each is worked off. */
static inline void rig_pass(struct node_rig *r, uint64_t ns)
{
    uint64_t end = r->now_ns + ns;
    for (;;) {
        for (unsigned i = 0; i < 10000 && rig_poll(r) > 0; i++)
            ;
        if (r->now_ns >= end)
            return;
        uint64_t next = sim_net_next_event_ns(r->net), disk = disk_sim_next_event(r->disk);
        next = disk < next ? disk : next;
        if (next <= r->now_ns)
            next = r->now_ns + 1000;
        rig_set_time(r, next < end && next - r->now_ns < 5000000 ? next
                        : end - r->now_ns < 5000000              ? end
                                                                 : r->now_ns + 5000000);
    }
}

/* What was asked is decided, written, applied and answered. */
static inline void rig_run(struct node_rig *r)
{
    rig_pass(r, 20000000);
}

#endif
