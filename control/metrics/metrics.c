#include "control/metrics/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/metrics/draw.h"

#define NOTHING        UINT32_MAX
#define LEARN_PER_PART 256u  /* counters, each looked for among all families */
#define LOOKS_PER_PART 8192u /* at slots of tables */

/* Counters come as agents name them, and are shown by family: each is the next of an earlier one of its
 * family. Names that are in no row begin a family of their own. */
struct metrics {
    struct metrics_config config;
    struct histogram copy;
    uint32_t known;                                           /* counters looked at so far */
    uint32_t others;                                          /* families that are in no row */
    uint32_t first[2 * COUNTERS_MAX], last[2 * COUNTERS_MAX]; /* by family, then by other */
    uint32_t next[COUNTERS_MAX];
};

enum err metrics_create(struct metrics **out, const struct metrics_config *c)
{
    struct metrics *m = *out = malloc(sizeof *m);
    if (!m)
        return ERR_MEMORY;
    assert(family_count <= COUNTERS_MAX);
    m->config = *c;
    m->known = m->others = 0;
    for (uint32_t i = 0; i < family_count; i++)
        m->first[i] = NOTHING;
    return OK;
}

void metrics_destroy(struct metrics *m)
{
    free(m);
}

static uint32_t family_of(struct metrics *m, const char *name)
{
    for (uint32_t i = 0; i < family_count; i++)
        if (!families[i].draw && strcmp(families[i].name, name) == 0)
            return i;
    for (uint32_t i = family_count; i < family_count + m->others; i++) {
        struct counter_view v;
        counters_at(m->config.counters, m->first[i], &v);
        if (strcmp(v.name, name) == 0)
            return i;
    }
    m->first[family_count + m->others] = NOTHING;
    return family_count + m->others++;
}

/* Those that were named since the last time, this many at most. True: all are known. */
static bool learn(struct metrics *m, uint32_t most)
{
    struct counter_view v;
    while (counters_at(m->config.counters, m->known, &v)) {
        if (most-- == 0)
            return false;
        uint32_t f = family_of(m, v.name);
        m->next[m->known] = NOTHING;
        if (m->first[f] == NOTHING)
            m->first[f] = m->known;
        else
            m->next[m->last[f]] = m->known;
        m->last[f] = m->known++;
    }
    return true;
}

static void draw_counters(struct metrics *m, struct draw *d)
{
    struct counter_view v;
    uint32_t *at = &d->walk->at;
    for (; *at != NOTHING && !draw_is_full(d); *at = m->next[*at]) {
        counters_at(m->config.counters, *at, &v);
        buffer_add_text(d->out, v.name);
        if (*v.label) {
            buffer_add_text(d->out, "{");
            buffer_add_text(d->out, v.label);
            buffer_add_text(d->out, "}");
        }
        buffer_add_text(d->out, " ");
        buffer_add_number(d->out, v.value);
        buffer_add_text(d->out, "\n");
    }
    d->more = *at != NOTHING;
}

/* False: there is nothing of it. */
static bool begin_family(struct metrics *m, struct draw *d)
{
    struct metrics_walk *w = d->walk;
    uint32_t i = w->family;
    const struct family *f = i < family_count ? &families[i] : NULL;
    struct counter_view v;
    memset(w->counts, 0, sizeof w->counts);
    w->at = f && f->draw ? 0 : m->first[i];
    w->begun = w->at != NOTHING;
    if (f && w->begun) {
        draw_head(d, f->name, f->type, f->sentence);
    } else if (w->begun) {
        counters_at(m->config.counters, w->at, &v);
        draw_head(d, v.name, v.kind == COUNTER_TOTAL ? FAMILY_TOTAL : FAMILY_GAUGE, "Not described.");
    }
    return w->begun;
}

static void draw_family(struct metrics *m, struct draw *d)
{
    uint32_t i = d->walk->family;
    d->more = false;
    if (!d->walk->begun && !begin_family(m, d))
        return;
    if (i < family_count && families[i].draw)
        families[i].draw(d, &families[i]);
    else
        draw_counters(m, d);
}

/* True: all of it has been drawn. */
static bool draw_on(struct metrics *m, struct draw *d)
{
    struct metrics_walk *w = d->walk;
    for (; w->family < family_count + m->others; w->family++, w->begun = false) {
        if (draw_is_full(d))
            return false;
        draw_family(m, d);
        if (d->more)
            return false;
    }
    return true;
}

enum err metrics_render(struct metrics *m, struct buffer *out)
{
    struct metrics_walk w = {0};
    struct draw d = {.config = &m->config,
                     .out = out,
                     .copy = &m->copy,
                     .walk = &w,
                     .used_max = SIZE_MAX,
                     .looks_left = UINT32_MAX};
    bool all = learn(m, UINT32_MAX) && draw_on(m, &d);
    return all && !out->failed ? OK : ERR_MEMORY;
}

bool metrics_render_part(struct metrics *m, struct metrics_walk *w, struct buffer *out, size_t size)
{
    struct draw d = {.config = &m->config,
                     .out = out,
                     .copy = &m->copy,
                     .walk = w,
                     .used_max = out->used + size,
                     .looks_left = LOOKS_PER_PART};
    return out->failed || (learn(m, LEARN_PER_PART) && draw_on(m, &d));
}
