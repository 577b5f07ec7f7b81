/* Engine agents: distribution and routing. One agent.c serves both: it is the only file that touches lanes and ring.
 *
 * Poll: engine and order lanes first (bounded), then timers that are due, then request and quote lanes in turn with a
 * rotating start; at most POLL_ITEMS_MAX of each. For each item: room for the largest batch in the ring and in every
 * lane it could address (else it stays where it is: back-pressure). Part of both is kept for engine and order lanes: past
 * that mark request and quote lanes stand, and a new order, which shares its lane with executions, is refused. ring_begin with the item as cause; state_begin;
 * decide; state_end; ring_end. After the poll's last decision one ring_commit, and only then the addressed records go to
 * their lanes, each with one commit. A command that leads to no record is a bug (asserted); a timer may lead to none.
 *
 * Counters: rfqd_engine_{batches,timers}_total{agent}, rfqd_engine_commands_total{agent,type},
 * rfqd_engine_{refusals,ignored}_total{agent,reason}, rfqd_engine_stalls_total{agent,full},
 * rfqd_execution_breaks_total{agent,reason}.
 */
#ifndef RFQD_ENGINE_ENGINE_H
#define RFQD_ENGINE_ENGINE_H

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/engine/emit.h"
#include "dataplane/model/distribution.h"
#include "dataplane/model/routing.h"

#define ENGINE_INPUTS_MAX 40

struct engine_input {
    struct lane *lane;
    uint8_t from;    /* agent */
    uint8_t subject; /* enum lane_id */
};

struct engine_config {
    uint8_t agent; /* AGENT_DISTRIBUTION or AGENT_ROUTING */
    struct ring *ring;
    struct state *state; /* recovered or new */
    struct engine_input inputs[ENGINE_INPUTS_MAX];
    unsigned input_count;
    struct lane *out[AGENTS_MAX]; /* LANE_ENGINE lane to each agent it may address; NULL: none */
    struct counters *counters;
    uint64_t digest_every_batches; /* emit a digest record after as many batches; 0: never */
};

struct engine;

/* Errors: ERR_MEMORY. */
enum err engine_create(struct engine **out, const struct engine_config *c) WARN_UNUSED;
void engine_destroy(struct engine *e);
struct agent engine_agent(struct engine *e);

/* Before polling starts, once: a new epoch, and the configuration as events where it differs from the state (LPs and takers
 * by code, instruments by symbol: ids are kept). Committed when it returns. Distribution takes all, routing the settings. */
struct engine_setup {
    struct settings settings;
    const struct instrument *instruments;
    unsigned instrument_count;
    const struct lp *lps; /* id 0: found by code */
    unsigned lp_count;
    const struct taker *takers;
    unsigned taker_count;
};
/* Its names and those ever known have places: engine_names() is within INSTRUMENTS_MAX, LPS_MAX, SESSIONS_MAX. Asserted. */
void engine_start(struct engine *e, const struct engine_setup *setup, uint64_t now_ns);

/* How many names there are with a setup's: one that was ever known keeps its place. */
struct engine_names {
    unsigned instruments, lps, takers;
};
struct engine_names engine_names(const struct distribution_state *s, const struct engine_setup *setup);

/* What an operator changes while it runs. Entries are found as engine_setup's are, and are those that differ: what is not
 * named stays as it is. Distribution takes all, routing the settings. In batches of at most ENGINE_CHANGE_RECORDS, one a
 * poll; a crash in between leaves the part that was committed, and the start does the rest. Quotes of LPs that are not
 * active any more end in the polls after it, as they do after a start. */
#define ENGINE_CHANGE_RECORDS 64

enum engine_drain { ENGINE_DRAIN_AS_IT_IS, ENGINE_DRAIN_ON, ENGINE_DRAIN_OFF };

struct engine_change {
    const struct settings *settings; /* NULL: as they are */
    const struct instrument *instruments;
    unsigned instrument_count;
    const struct lp *lps;
    unsigned lp_count;
    const struct taker *takers;
    unsigned taker_count;
    enum engine_drain drain;
};
/* One thread (control). What `c` points to stays until it is answered. False: another is under way. */
bool engine_ask(struct engine *e, const struct engine_change *c);
/* The same thread. False: not yet. position: the ring's end behind what came of it, committed. */
bool engine_answered(struct engine *e, uint64_t *position);

/* Put a record that was addressed to `dest` by this engine's ring or by another, found unconsumed at start, into its lane:
 * done by the wiring (control) through lane_put before polling starts; nothing to call here. */

/* Earliest timer, UINT64_MAX if none (simulation). */
uint64_t engine_next_deadline(const struct engine *e);

/* The decisions, for agent.c and for tests of them alone: each emits at least one record. */
void distribution_decide(struct emit *e, const struct lane_item *item);
void distribution_timer_fired(struct emit *e, const struct timer *t);
void distribution_start(struct emit *e, const struct engine_setup *setup);
/* The entries from *next on, as many as a batch takes; *next moves on. True: all are done. It may emit nothing. */
bool distribution_change(struct emit *e, const struct engine_change *c, unsigned *next);
/* Ends the standing quotes of LPs that are not active: one RFQ's, the next from slot *next on; *next moves on. True:
 * all RFQs were seen. It may emit nothing. */
bool distribution_sweep(struct emit *e, uint32_t *next);
void routing_decide(struct emit *e, const struct lane_item *item);
void routing_timer_fired(struct emit *e, const struct timer *t);
void routing_start(struct emit *e, const struct engine_setup *setup);
bool routing_change(struct emit *e, const struct engine_change *c, unsigned *next);

#endif
