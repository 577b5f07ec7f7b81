/* World: a whole appliance with its takers and LPs under a made-up clock, on a made-up network and disk, by
 * one seed.
 *
 * The appliance is the same code as in production (control/node.h); takers and LPs are the same as rfqsim's.
 * Only port, disk, store and time are made up. A crash is a longjmp out of a ring's commit, before its store
 * or after: whatever the process was doing is gone, what was committed is not, and another appliance is
 * opened on what is left.
 */
#ifndef RFQD_TESTS_SIM_WORLD_H
#define RFQD_TESTS_SIM_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/node.h"
#include "dataplane/net/sim_net.h"
#include "storage/log/disk_sim.h"
#include "tests/sim/seen.h"
#include "tools/sim/party.h"

#define WORLD_START_NS   1790000000000000000ull /* where the made-up clock begins */
#define WORLD_TAKERS_MAX 3
#define WORLD_LPS_MAX    5
#define WORLD_LAYOUTS    3

enum crash_mode {
    CRASH_NEVER,
    CRASH_AT,     /* once, at commit number crash_at */
    CRASH_RANDOM, /* at each commit with a small chance */
};

struct world_options {
    uint64_t seed;
    unsigned layout; /* in which order the agents are polled, and how often in a round */
    enum crash_mode crash;
    uint64_t crash_at;
    bool power;    /* a crash is a power cut; durability is `synced` */
    bool unsynced; /* but at level `committed`: what was not synced may be forgotten (spec/80), numbers never
                      come again */
    bool calm;  /* fixed delays, no lost connections, no disk trouble: outcomes comparable across layouts */
    bool stall; /* takers ask faster and the log stands longer than the rings hold: what is new is refused */
    unsigned requests;     /* of each taker */
    const char *directory; /* for the rings, on a memory file system */
    FILE *trace;           /* NULL, or what happened, a line each */
    struct seen *seen;     /* NULL, or where what occurs is counted */
    uint64_t *commits;     /* NULL, or where they are counted too: for whoever is left if this process dies */
};

struct world {
    struct world_options options;
    uint64_t random, now_ns, steps;
    uint64_t log_stands_until_ns; /* it is not polled */
    uint8_t boot;                 /* another after each power cut */
    struct sim_net *net;
    struct disk *disk;
    struct store_memory *kept;
    struct store *store;
    struct counters *counters;
    struct config *config;
    struct port *port;
    struct node *node;
    struct party *parties[WORLD_TAKERS_MAX + WORLD_LPS_MAX];
    struct port *party_ports[WORLD_TAKERS_MAX + WORLD_LPS_MAX];
    struct party_options party_options[WORLD_TAKERS_MAX + WORLD_LPS_MAX];
    unsigned taker_count, lp_count, party_count;
    struct sim_client *client; /* NULL: none */
    uint64_t commits, crashes, quiet_since_ns;
    uint64_t
        commit_from[AGENTS_MAX]; /* where the commit under way, or just done, begins in the agent's ring */
    unsigned nested; /* crashes during the recovery under way */
    bool opening, recovered_checked, crashed_before;
    uint64_t digest[AGENTS_MAX]; /* of the live states at the crash; 0: not to be compared */
    jmp_buf on_crash;
    char error[512]; /* the first thing found wrong, empty if none */
    uint64_t digests_compared, rankings_checked;
    /* Each agent's position when its state was last looked at, and last compared with the replica's; UINT64_MAX: not since
     * its start. What has not moved is as it was. */
    uint64_t looked_at[AGENTS_MAX], compared_at[AGENTS_MAX];
};

/* False: error says why. */
bool world_open(struct world *w, const struct world_options *o);
/* Until every request has its end and everything is quiet. False: error says what is wrong. */
bool world_run(struct world *w);
void world_close(struct world *w);

/* audit.c: after the run, from the log and the parties' journals. */
struct outcome {
    unsigned rfqs, filled, ended[16];
    uint64_t fills, repeats, breaks; /* repeats: of executions, by LPs; breaks: of these */
    uint64_t refused;                /* for want of room */
    uint64_t hash;                   /* hash: of each request's end, winner and quantity, by request */
};
bool audit_run(struct world *w, struct outcome *out);

/* oracle.c: at any quiet moment, the ranking of every live RFQ as a naive sort says. */
bool oracle_ranking(struct world *w);

/* record.c: log, store and live states, after the run. */
bool record_verify(struct world *w);

/* client.c: who asks as HTTP and WebSocket do. Attached to each appliance that is opened, detached at its crash. */
struct sim_client *sim_client_open(struct world *w, unsigned requests); /* NULL: no memory */
void sim_client_close(struct sim_client *c);
bool sim_client_attach(struct sim_client *c);
void sim_client_detach(struct sim_client *c);
unsigned sim_client_poll(struct sim_client *c);
uint64_t sim_client_next_ns(const struct sim_client *c);
bool sim_client_done(const struct sim_client *c);

/* Notes the first error. Always false. */
bool world_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
