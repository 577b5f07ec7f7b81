/* Metrics: everything there is to watch, as Prometheus text exposition (version 0.0.4). Owner: the control
 * core: it reads the replica's copies, the log's faces, and the counters and histograms of all agents, each
 * word whole.
 *
 * Families stand in one table (families.c): name, type, unit, sentence, and where the values come from: the
 * counters of that name, or a function that draws them from the state. A counter whose name is in no row is
 * shown all the same, «not described»; the tests do not let that pass.
 *
 * Names: rfqd_ first, base units (seconds, bytes), _total for what only grows. Labels by session, LP, reason,
 * stage; never by RFQ or order: what one of them did is in its timeline. Histograms have their edges at
 * powers of two nanoseconds, where the log-linear ones behind them have edges too, so that every count is
 * exact; the edges are written as seconds. Totals that the state keeps (those of an LP, of a taker) go on
 * across restarts; the others begin with the process, and those of the stages again with `latency reset`.
 */
#ifndef RFQD_CONTROL_METRICS_H
#define RFQD_CONTROL_METRICS_H

#include "control/metrics/buffer.h"
#include "control/metrics/tally.h"
#include "control/node.h"

struct metrics_config {
    const struct node *node;
    const struct counters *counters;
    const struct tally *tally;
    const struct core *cores; /* those that run, by then; constant but for their counters */
    unsigned core_count;
    uint64_t started_ns;
};

struct metrics;

/* ERR_MEMORY. */
enum err metrics_create(struct metrics **out, const struct metrics_config *c) WARN_UNUSED;
void metrics_destroy(struct metrics *m); /* NULL is allowed */
/* All of it, of one moment: a walk through all the state. Appends to `out`. ERR_MEMORY: what is there is no
 * answer. */
enum err metrics_render(struct metrics *m, struct buffer *out) WARN_UNUSED;

/* The same text in bounded parts, for who must not stop the control core so long. Each value is that of when
 * its turn came, each histogram whole; what is counted by state is counted while others move. */
#define METRICS_COUNTS_MAX 32
struct metrics_walk {                    /* zeroed at the begin; the rest is metrics.c's */
    uint32_t family, at;                 /* at: of the family's own rows */
    bool begun;                          /* the family is */
    unsigned counts[METRICS_COUNTS_MAX]; /* of the family, so far */
};
/* Appends what comes next: `size` bytes and little more, or nothing yet. True: that was the last; also where
 * memory ran out (out->failed). */
bool metrics_render_part(struct metrics *m, struct metrics_walk *w, struct buffer *out,
                         size_t size) WARN_UNUSED;

#endif
