/* Top: cores, rings and lanes, rates, latencies and sessions, between two looks at a running rfqd. */
#ifndef RFQD_CTL_TOP_H
#define RFQD_CTL_TOP_H

#include "tools/ctl/table.h"

#define TOP_RATES 10
#define TOP_CORES 16

/* What the last look has seen; zeroed before the first. */
struct top {
    bool looked;
    uint64_t time_ns; /* of the monotonic clock */
    int64_t counts[TOP_RATES];
    int64_t rounds[TOP_CORES], busy_rounds[TOP_CORES];
};

/* One frame: since the last one, or, for the first, of the next interval. JSON: one object on one line. */
enum ctl_result top_show(FILE *to, struct client *c, struct top *last, const struct table_style *style,
                         bool json, int interval_ms);

#endif
