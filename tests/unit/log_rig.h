/* Rig for the tests of the log: rings with random batches on a disk, and an oracle that knows what was
 * committed.
 *
 * The oracle is naive: for each ring, the list of committed batches. A log is right when each ring's frames
 * are a first part of its list, byte for byte; when no batch comes before its cause; and when records are
 * numbered without a gap.
 */
#ifndef RFQD_TESTS_LOG_RIG_H
#define RFQD_TESTS_LOG_RIG_H

#include "storage/log/disk_sim.h"
#include "storage/log/inside.h"

#define RIG_AGENTS  4u
#define RIG_SEGMENT LOG_SEGMENT_SIZE_MIN

struct rig_batch {
    uint64_t position, end, hash;
    uint8_t cause_agent;
    uint64_t cause;
};
struct rig_ring {
    struct ring ring;
    char path[96];
    struct rig_batch *batches;
    unsigned count, capacity;
};

struct rig {
    struct disk *disk;
    bool simulated; /* the disk is ours to give time to */
    struct log *log;
    struct log_config config;
    struct counters *counters;
    struct rig_ring rings[RIG_AGENTS]; /* of agents 1 … RIG_AGENTS */
    struct ring_identity identity;
    uint64_t random, now_ns;
    uint32_t record_size_max; /* of ordinary records; one in 64 batches is large */
    bool large;
    uint64_t checkpoint[AGENTS_MAX]; /* each ring at the offset that rig_hold has let go of */
};

/* What reading a whole log found. */
struct rig_found {
    uint64_t positions[AGENTS_MAX]; /* each ring, up to which the log holds it */
    uint64_t next_seq, frames, end;
    unsigned segments; /* that frames were seen in */
};

uint64_t rig_chance(struct rig *r, uint64_t below);
/* Rings made at 0, nothing opened. disk NULL: a simulated one. The rig destroys it. */
void rig_init(struct rig *r, uint64_t seed, struct disk *disk);
void rig_end(struct rig *r);
/* log_open as configured. */
enum err rig_open(struct rig *r);
/* Read everything from log_begin, check it against the oracle; what is wrong fails the test. */
struct rig_found rig_check(struct rig *r);
/* As a checkpoint at the durable end does: what lies before may be recycled. */
void rig_hold(struct rig *r);
/* rig_open (must succeed), rig_check, log_start. */
struct rig_found rig_start(struct rig *r);
/* Commit `count` batches in random rings; false when a ring was full on the way. */
bool rig_commit(struct rig *r, unsigned count);
bool rig_commit_in(struct rig *r, unsigned ring);
/* One poll, `step_ns` later. */
unsigned rig_poll(struct rig *r, uint64_t step_ns);
/* Poll until all that was committed is written (and synced); fails the test if it does not come to that. */
void rig_settle(struct rig *r, bool synced);
bool rig_is_settled(const struct rig *r, bool synced);
/* As a process dies: log gone with what it had under way; rings stay. */
void rig_die(struct rig *r);
/* Power cut: log gone, disk cut, another boot; rings are made anew where the log holds them, and what was
 * lost is forgotten by the oracle. Opens and starts the log. */
struct rig_found rig_power_cut(struct rig *r);
/* rig_init and rig_start, then so many batches at least, all of them durable and below the mark. */
void rig_fill(struct rig *r, uint64_t seed, unsigned batches);
uint64_t rig_counter(struct rig *r, const char *name);

#endif
