#include "control/metrics/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/metrics/draw.h"

#define NOTHING UINT32_MAX

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

/* Those that were named since the last time. */
static void learn(struct metrics *m)
{
    struct counter_view v;
    for (; counters_at(m->config.counters, m->known, &v); m->known++) {
        uint32_t f = family_of(m, v.name);
        m->next[m->known] = NOTHING;
        if (m->first[f] == NOTHING)
            m->first[f] = m->known;
        else
            m->next[m->last[f]] = m->known;
        m->last[f] = m->known;
    }
}

static void draw_counters(struct metrics *m, struct draw *d, uint32_t f)
{
    struct counter_view v;
    for (uint32_t i = m->first[f]; i != NOTHING; i = m->next[i]) {
        counters_at(m->config.counters, i, &v);
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
}

static void draw_family(struct metrics *m, struct draw *d, uint32_t i)
{
    const struct family *f = &families[i];
    if (!f->draw && m->first[i] == NOTHING)
        return;
    draw_head(d, f->name, f->type, f->sentence);
    if (f->draw)
        f->draw(d, f);
    else
        draw_counters(m, d, i);
}

static void draw_other(struct metrics *m, struct draw *d, uint32_t i)
{
    struct counter_view v;
    counters_at(m->config.counters, m->first[i], &v);
    draw_head(d, v.name, v.kind == COUNTER_TOTAL ? FAMILY_TOTAL : FAMILY_GAUGE, "Not described.");
    draw_counters(m, d, i);
}

enum err metrics_render(struct metrics *m, struct buffer *out)
{
    struct draw d = {.config = &m->config, .out = out, .copy = &m->copy};
    learn(m);
    for (uint32_t i = 0; i < family_count; i++)
        draw_family(m, &d, i);
    for (uint32_t i = family_count; i < family_count + m->others; i++)
        draw_other(m, &d, i);
    return out->failed ? ERR_MEMORY : OK;
}
