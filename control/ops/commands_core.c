/* What runs: cores, rings and lanes, latencies, counters; and how much of it is said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"

static void latency_row(struct ops_request *r, enum stage s, const struct histogram *h)
{
    json_open(r->out, NULL, '{');
    json_text(r->out, "stage", stage_text(s));
    json_uint(r->out, "count", h->count);
    json_uint(r->out, "p50_ns", histogram_percentile(h, 50000));
    json_uint(r->out, "p90_ns", histogram_percentile(h, 90000));
    json_uint(r->out, "p99_ns", histogram_percentile(h, 99000));
    json_uint(r->out, "p999_ns", histogram_percentile(h, 99900));
    json_uint(r->out, "max_ns", h->max);
    json_close(r->out, '}');
    json_line(r->out);
}

/* Of one session: what it was sent; of an LP's, how long the LP took. Nothing where there was none of it. */
static void session_latency(struct ops_request *r, const struct replica *replica)
{
    uint32_t session = node_session_number(r->config->node, r->arguments[0]);
    if (session == SESSION_NONE) {
        ops_fail(r, "not_found", "there is no session '%.40s'; 'sessions' lists them", r->arguments[0]);
        return;
    }
    for (unsigned s = 0; s < STAGES; s++) {
        const struct histogram *h = replica_session_stage(replica, session, (enum stage)s);
        if (h)
            latency_row(r, (enum stage)s, h);
    }
}

void ops_latency(struct ops_request *r)
{
    const struct replica *replica = node_replica(r->config->node);
    if (r->argument_count) {
        session_latency(r, replica);
        return;
    }
    for (unsigned s = 0; s < STAGES; s++)
        latency_row(r, (enum stage)s, replica_stage(replica, (enum stage)s));
}

static bool counter_row(struct ops_request *r, uint32_t at, const char *wanted)
{
    (void)wanted;
    struct counter_view v;
    if (!counters_at(r->config->counters, at, &v))
        return false;
    json_open(r->out, NULL, '{');
    json_text(r->out, "name", v.name);
    json_text(r->out, "labels", v.label);
    json_text(r->out, "kind", v.kind == COUNTER_TOTAL ? "total" : "gauge");
    json_uint(r->out, "value", v.value);
    json_close(r->out, '}');
    json_line(r->out);
    return true;
}

void ops_counters(struct ops_request *r)
{
    ops_rows(r, counter_row);
}

void ops_latency_reset(struct ops_request *r)
{
    replica_stages_reset(node_replica(r->config->node));
    json_open(r->out, NULL, '{');
    json_text(r->out, "reset", "the histograms count from here on");
    json_close(r->out, '}');
    json_line(r->out);
}

/* Cores
 * -------------------------------------------------------------------------------------------------------------
 */

struct waits {
    uint32_t at; /* of the counters */
    uint64_t stalls[CORES_MAX], drops[CORES_MAX];
};

/* A counter that may say that this agent had to wait, or refused for want of room. */
static void add_wait(const struct counter_view *v, const char *agent, uint64_t *stalls, uint64_t *drops)
{
    char label[COUNTER_LABEL_SIZE];
    bool gateway = strcmp(agent, "gateway") == 0;
    int size = snprintf(label, sizeof label, "agent=\"%s\"", agent);
    if (strcmp(v->name, "rfqd_engine_stalls_total") == 0 && strncmp(v->label, label, (size_t)size) == 0)
        *stalls += v->value;
    else if (gateway && (strcmp(v->name, "rfqd_gateway_ring_waits_total") == 0 ||
                         strcmp(v->name, "rfqd_gateway_lane_waits_total") == 0 ||
                         strcmp(v->name, "rfqd_gateway_number_waits_total") == 0))
        *stalls += v->value;
    else if (gateway && strcmp(v->name, "rfqd_fix_busy_total") == 0)
        *drops += v->value;
    else if (strcmp(agent, "log") == 0 && strcmp(v->name, "rfqd_log_stalls_total") == 0)
        *stalls += v->value;
}

static bool is_wait(const char *name)
{
    static const char *const names[] = {"rfqd_engine_stalls_total", "rfqd_gateway_ring_waits_total",
                                        "rfqd_gateway_lane_waits_total", "rfqd_gateway_number_waits_total",
                                        "rfqd_fix_busy_total",           "rfqd_log_stalls_total"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* True: all counters have been looked at. */
static bool add_waits(struct ops_request *r, struct waits *w)
{
    struct counter_view v;
    for (unsigned n = 0; n < OPS_LOOKS_PER_STEP; n++) {
        if (!counters_at(r->config->counters, w->at, &v))
            return true;
        w->at++;
        if (!is_wait(v.name))
            continue;
        for (unsigned i = 0; i < r->desk->core_count; i++)
            for (unsigned a = 0; a < r->desk->cores[i].agent_count; a++)
                add_wait(&v, r->desk->cores[i].agents[a].name, &w->stalls[i], &w->drops[i]);
    }
    return false;
}

static void core_out(struct ops_request *r, unsigned i, const struct waits *w)
{
    const struct core *c = &r->desk->cores[i];
    uint64_t rounds = counter_get(c->rounds), busy = counter_get(c->busy_rounds);
    char share[32];
    json_open(r->out, NULL, '{');
    json_uint(r->out, "core", i);
    json_int(r->out, "cpu", c->cpu);
    json_text(r->out, "idle", idle_name(c->idle));
    json_open(r->out, "agents", '[');
    for (unsigned a = 0; a < c->agent_count; a++)
        json_text(r->out, NULL, c->agents[a].name);
    json_close(r->out, ']');
    json_uint(r->out, "rounds", rounds);
    json_uint(r->out, "busy_rounds", busy);
    uint64_t permille = rounds ? busy * 1000 / rounds : 0;
    snprintf(share, sizeof share, "%u.%u", (unsigned)(permille / 10), (unsigned)(permille % 10));
    json_raw(r->out, "busy_percent", share, strlen(share));
    json_uint(r->out, "stalls", w->stalls[i]);
    json_uint(r->out, "dropped", w->drops[i]);
    json_close(r->out, '}');
    json_line(r->out);
}

static bool cores_step(struct ops_request *r)
{
    bool all = add_waits(r, r->going);
    for (unsigned i = 0; i < r->desk->core_count && all; i++)
        core_out(r, i, r->going);
    return all;
}

static void cores_end(struct ops_request *r)
{
    free(r->going);
}

void ops_cores(struct ops_request *r)
{
    r->going = calloc(1, sizeof(struct waits));
    if (!r->going) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    r->step = cores_step;
    r->end = cores_end;
}

void ops_lanes(struct ops_request *r)
{
    struct node_queue q;
    for (unsigned i = 0; node_queue_at(r->config->node, i, &q); i++) {
        json_open(r->out, NULL, '{');
        json_text(r->out, "kind", q.kind);
        json_text(r->out, "from", q.from);
        json_text(r->out, "to", q.to);
        json_text(r->out, "subject", q.subject);
        json_uint(r->out, "used_bytes", q.used);
        json_uint(r->out, "size_bytes", q.size);
        json_close(r->out, '}');
        json_line(r->out);
    }
}

/* The journal
 * -------------------------------------------------------------------------------------------------------
 */

void ops_log(struct ops_request *r)
{
    const struct journal *j = r->config->journal;
    json_open(r->out, NULL, '{');
    json_text(r->out, "level", journal_level_name(journal_level_now(j)));
    json_text(r->out, "configured", journal_level_name((enum journal_level)ops_config_now(r)->journal_level));
    json_uint(r->out, "dropped", journal_dropped(j));
    json_close(r->out, '}');
    json_line(r->out);
}

void ops_log_level(struct ops_request *r)
{
    unsigned level = 0;
    while (level < JOURNAL_LEVELS &&
           strcmp(journal_level_name((enum journal_level)level), r->arguments[0]) != 0)
        level++;
    if (level == JOURNAL_LEVELS) {
        ops_fail(r, "bad_level", "'%.40s' is none of: error, warning, info, debug", r->arguments[0]);
        return;
    }
    journal_level_set(r->config->journal, (enum journal_level)level);
    ops_log(r);
}
