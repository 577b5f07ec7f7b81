/* Draw: one family of metrics as text. */
#ifndef RFQD_CONTROL_DRAW_H
#define RFQD_CONTROL_DRAW_H

#include "control/metrics/metrics.h"

enum family_type { FAMILY_TOTAL, FAMILY_GAUGE, FAMILY_HISTOGRAM };

struct draw;

struct family {
    const char *name;
    enum family_type type;
    const char *unit;                                     /* "seconds", "bytes", "" */
    void (*draw)(struct draw *d, const struct family *f); /* NULL: the counters of this name */
    size_t argument;                                      /* of draw's own meaning */
    const char *sentence;
};

extern const struct family families[];
extern const unsigned family_count;

struct draw {
    const struct metrics_config *config;
    struct buffer *out;
    struct histogram *copy; /* room for one that another thread writes */

    /* Of families with many rows a part is drawn at a time. */
    struct metrics_walk *walk; /* where the family is */
    size_t used_max;           /* of out: then the part is full */
    uint32_t looks_left;       /* at slots: then it is full, too */
    bool more;                 /* there is more of the family */
};

static inline bool draw_is_full(const struct draw *d)
{
    return d->out->used >= d->used_max || d->looks_left == 0;
}

struct label {
    const char *key, *value;
};
#define LABELS(...)                                                                            \
    sizeof((const struct label[]){__VA_ARGS__}) / sizeof(struct label), (const struct label[]) \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
#define NO_LABELS 0, NULL

void draw_head(struct draw *d, const char *name, enum family_type type, const char *sentence);
void draw_number(struct draw *d, const struct family *f, uint64_t value, size_t count,
                 const struct label *labels);
void draw_seconds(struct draw *d, const struct family *f, uint64_t ns, size_t count,
                  const struct label *labels);

/* Which powers of two nanoseconds are edges: from low to high by step. */
struct edges {
    unsigned low, high, step;
};
void draw_histogram(struct draw *d, const struct family *f, const struct histogram *h,
                    const struct edges *edges, size_t count, const struct label *labels);

/* From the state (draw_state.c). argument: none, or what is said. */
void draw_sessions(struct draw *d, const struct family *f);
void draw_rfqs(struct draw *d, const struct family *f);
void draw_orders(struct draw *d, const struct family *f);
void draw_entities(struct draw *d,
                   const struct family *f); /* 0: how many there are; 1: how many there can be */
void draw_lp_sent(struct draw *d, const struct family *f);
void draw_lp_answers(struct draw *d, const struct family *f);
void draw_lp_responses(struct draw *d, const struct family *f);
void draw_lp_field(struct draw *d, const struct family *f); /* offset of a uint64_t in struct lp */
void draw_lp_open(struct draw *d, const struct family *f);
void draw_taker_field(struct draw *d, const struct family *f); /* the same of struct taker */

/* Of the house (draw_house.c). */
void draw_build(struct draw *d, const struct family *f);
void draw_start(struct draw *d, const struct family *f);
void draw_cores(struct draw *d, const struct family *f);
void draw_rings(struct draw *d, const struct family *f); /* 0: used; 1: size */
void draw_lanes(struct draw *d, const struct family *f); /* 0: used; 1: size */
void draw_log_positions(struct draw *d, const struct family *f);
void draw_seq(struct draw *d, const struct family *f);
void draw_stages(struct draw *d, const struct family *f);
void draw_durations(struct draw *d, const struct family *f);
void draw_syncs(struct draw *d, const struct family *f);
void draw_commits(struct draw *d, const struct family *f);

#endif
