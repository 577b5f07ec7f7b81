/* A small world for recovery and replica: a gateway with the real sessions, two engines that decide by chance
 * over made-up entities, real rings, the real log on a simulated disk, a store in memory, lanes as queues.
 * Everything that an agent ever committed is also kept in a journal, which is the oracle: what a state must
 * be is found by applying the journal to an empty one.
 */
#ifndef RFQD_TESTS_STORAGE_WORLD_H
#define RFQD_TESTS_STORAGE_WORLD_H

#include "control/replica/replica.h"
#include "storage/log/disk_sim.h"
#include "storage/recovery.h"

#define WORLD_AGENTS   3 /* distribution, routing, one gateway */
#define WORLD_SESSIONS 4
#define WORLD_LAST     AGENT_GATEWAY

extern const uint8_t world_agents[WORLD_AGENTS];

struct world_item { /* a record on its way */
    struct world_item *next;
    uint8_t writer;
    uint64_t position, origin_ns;
    struct record *record;
};

struct world_queue {
    struct world_item *first, **last;
};

struct world_journal { /* batches of one agent, one behind the other */
    char *bytes;
    size_t size, capacity;
};

struct world_states {
    struct distribution_state *distribution;
    struct routing_state *routing;
    struct gateway_state *gateway;
};

struct world {
    uint64_t random, now;
    char directory[64];
    struct ring_identity identity;
    bool real; /* LMDB and io_uring in the directory, instead of made-up ones; no power cuts then */
    struct disk *disk;
    struct store_memory *keep;
    struct world_journal journals[AGENTS_MAX];
    uint64_t retain_size;  /* of the log */
    uint64_t retention_ns; /* configuration of the replica */
    uint32_t sent_max;
    struct counters *counters; /* of the replica; NULL: private ones */
    bool own_thread;
    unsigned digest_every; /* steps of an engine; 0: never */
    bool wrong_digest;     /* engines lie about it */
    uint8_t newer;         /* version that engines write, as a newer program; 0: as this one */

    /* of one life */
    struct world_states live, copy;
    struct ring rings[AGENTS_MAX];
    bool has_ring[AGENTS_MAX];
    struct log *log;
    struct store *store;
    struct replica *replica;
    struct recovery_result recovered;
    struct world_queue queues[AGENTS_MAX][AGENTS_MAX][LANES_MAX]; /* addressee, writer, lane */
    uint64_t redelivered;
};

/* States as the world's agents have them; engines with made-up apply. */
void world_states_make(struct world_states *s, bool track);
void world_states_free(struct world_states *s);
struct state *world_state_of(const struct world_states *s, uint8_t agent);

void world_make(struct world *w, uint64_t seed);
void world_free(struct world *w);
/* The log under io_uring and the store in LMDB, before the first start. */
void world_make_real(struct world *w, uint64_t seed);

/* Start: recover, check against the journals, deliver again. after_cut: rings do not count. */
void world_start(struct world *w, bool after_cut);
void world_input(struct world *w, struct recovery_input *in);
/* One thing that may happen. */
void world_step(struct world *w);
/* A frame comes in. */
bool world_receive(struct world *w);
/* Everything consumed, merged, synced and applied. */
void world_settle(struct world *w);
/* Ends: by kill -9, by a power cut, or cleanly. */
void world_kill(struct world *w);
void world_power_cut(struct world *w);
void world_stop(struct world *w);

/* Oracle: the digest of the agent's state after its journal up to `position`. */
uint64_t world_digest(const struct world *w, uint8_t agent, uint64_t position);
uint64_t world_written(const struct world *w, uint8_t agent); /* end of its journal */

#endif
