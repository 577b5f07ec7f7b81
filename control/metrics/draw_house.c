#include "control/metrics/draw.h"

#include "dataplane/core/text.h"

void draw_build(struct draw *d, const struct family *f)
{
#ifdef __clang__
    static const char compiler[] = "clang " __clang_version__;
#else
    static const char compiler[] = "gcc " __VERSION__;
#endif
    draw_number(d, f, 1, LABELS({"version", RFQD_VERSION}, {"compiler", compiler}));
}

void draw_start(struct draw *d, const struct family *f)
{
    draw_seconds(d, f, d->config->started_ns, NO_LABELS);
}

void draw_cores(struct draw *d, const struct family *f)
{
    for (unsigned i = 0; i < d->config->core_count; i++) {
        const struct core *c = &d->config->cores[i];
        char number[8], cpu[8], agents[CORE_AGENTS_MAX * ID_TEXT_SIZE];
        struct text n = text_in(number, sizeof number), u = text_in(cpu, sizeof cpu);
        struct text a = text_in(agents, sizeof agents);
        text_add_number(&n, i);
        if (c->cpu >= 0)
            text_add_number(&u, (uint64_t)c->cpu);
        for (unsigned j = 0; j < c->agent_count; j++) {
            text_add(&a, j ? " " : "");
            text_add(&a, c->agents[j].name);
        }
        draw_number(d, f, 1,
                    LABELS({"core", number}, {"cpu", cpu}, {"idle", idle_name(c->idle)}, {"agents", agents}));
    }
}

void draw_rings(struct draw *d, const struct family *f)
{
    static const struct {
        uint8_t agent;
        const char *name;
    } rings[] = {
        {AGENT_GATEWAY, "gateway"}, {AGENT_DISTRIBUTION, "distribution"}, {AGENT_ROUTING, "routing"}};
    for (unsigned i = 0; i < sizeof rings / sizeof *rings; i++) {
        const struct ring *r = node_ring(d->config->node, rings[i].agent);
        draw_number(d, f, f->argument ? r->size : ring_used(r), LABELS({"agent", rings[i].name}));
    }
}

void draw_lanes(struct draw *d, const struct family *f)
{
    struct node_queue q;
    for (unsigned i = 0; node_queue_at(d->config->node, i, &q); i++)
        if (q.subject[0])
            draw_number(d, f, f->argument ? q.size : q.used,
                        LABELS({"from", q.from}, {"to", q.to}, {"subject", q.subject}));
}

void draw_log_positions(struct draw *d, const struct family *f)
{
    const struct log *l = node_log(d->config->node);
    const struct replica *r = node_replica(d->config->node);
    draw_number(d, f, log_begin(l), LABELS({"of", "begin"}));
    draw_number(d, f, replica_checkpoint_offset(r), LABELS({"of", "checkpoint"}));
    draw_number(d, f, replica_offset(r), LABELS({"of", "replica"}));
    draw_number(d, f, log_durable(l), LABELS({"of", "durable"}));
    draw_number(d, f, log_written(l), LABELS({"of", "written"}));
    draw_number(d, f, log_end(l), LABELS({"of", "end"}));
}

void draw_seq(struct draw *d, const struct family *f)
{
    draw_number(d, f, log_next_seq(node_log(d->config->node)) - 1, NO_LABELS);
}

/* Durations
 * ------------------------------------------------------------------------------------------------- */

void draw_stages(struct draw *d, const struct family *f)
{
    static const struct edges edges = {10, 36, 1}; /* 1 µs to 69 s */
    for (unsigned s = 0; s < STAGES; s++)
        draw_histogram(d, f, replica_stage(node_replica(d->config->node), (enum stage)s), &edges,
                       LABELS({"stage", stage_name((enum stage)s)}));
}

void draw_durations(struct draw *d, const struct family *f)
{
    static const struct edges edges = {16, 36, 1}; /* 66 µs to 69 s */
    draw_histogram(d, f, &d->config->tally->durations, &edges, NO_LABELS);
}

void draw_syncs(struct draw *d, const struct family *f)
{
    static const struct edges edges = {16, 35, 1}; /* 66 µs to 34 s */
    draw_histogram(d, f, log_sync_times(node_log(d->config->node)), &edges, NO_LABELS);
}

void draw_commits(struct draw *d, const struct family *f)
{
    static const struct edges edges = {16, 35, 1};
    draw_histogram(d, f, replica_commit_times(node_replica(d->config->node)), &edges, NO_LABELS);
}
