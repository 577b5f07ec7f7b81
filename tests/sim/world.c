#include "tests/sim/world.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS       WORLD_START_NS
#define STEP_NS_MAX    20000000ull     /* heartbeats and ticks of the parties */
#define ROUNDS_MAX     100000          /* agents without a quiet moment: a livelock */
#define STEPS_MAX      2000000         /* of 100 us where the log stands and something waits for it */
#define END_NS         600000000000ull /* of made-up time: every RFQ has long had its end */
#define QUIET_NS       8000000000ull   /* after the last end: late fills, cancels, checkpoints */
#define CRASH_PERMILLE 7
#define NESTED_MAX     3
#define CUT_PERMILLE   2
#define STALL_PERMILLE 20  /* of a log that stands, where it does on purpose */
#define STALL_RATE     600 /* requests of a taker in a second, then */
#define STALL_RARER    40  /* are crashes, then */

bool world_wrong(struct world *w, const char *format, ...)
{
    if (!w->error[0]) {
        int used = snprintf(w->error, sizeof w->error, "at %llu.%09llu, %llu commits, %llu crashes: ",
                            (unsigned long long)((w->now_ns - START_NS) / 1000000000),
                            (unsigned long long)((w->now_ns - START_NS) % 1000000000),
                            (unsigned long long)w->commits, (unsigned long long)w->crashes);
        va_list a;
        va_start(a, format);
        vsnprintf(w->error + used, sizeof w->error - (size_t)used, format, a);
        va_end(a);
    }
    return false;
}

static void trace(struct world *w, const char *what)
{
    if (w->options.trace)
        fprintf(w->options.trace, "%llu %s, commit %llu\n", (unsigned long long)(w->now_ns - START_NS), what,
                (unsigned long long)w->commits);
}

static uint64_t draw(struct world *w, uint64_t below)
{
    return party_random(&w->random) % below;
}

/* The appliance and its crashes
 * -------------------------------------------------------------------------------------------- */

static bool wants_crash(struct world *w)
{
    if (w->options.crash == CRASH_AT)
        return w->commits == w->options.crash_at;
    /* Rings fill between crashes only, not across them. */
    uint64_t of = w->options.stall ? 1000 * STALL_RARER : 1000;
    return w->options.crash == CRASH_RANDOM && w->nested < NESTED_MAX && draw(w, of) < CRASH_PERMILLE;
}

/* What the commit is of that this crash falls on. */
static void note_crash(struct world *w, const struct ring *r, bool before)
{
    const struct batch *b;
    for (uint64_t at = w->commit_from[r->agent]; w->options.seen && at < r->write; at += b->size) {
        b = (const struct batch *)(r->data + (at & (r->size - 1)));
        for (const struct record *rec = batch_first(b); rec; rec = batch_after(b, rec))
            seen_crash(w->options.seen, rec, before);
    }
}

static void on_commit(void *ctx, struct ring *r)
{
    struct world *w = ctx;
    bool before = ring_tail(r) != r->write;
    if (before)
        w->commit_from[r->agent] = ring_tail(r);
    w->commits++;
    if (w->options.commits)
        *w->options.commits = w->commits;
    if (!wants_crash(w))
        return;
    note_crash(w, r, before);
    if (w->node && !w->opening)
        for (unsigned a = 0; a < AGENTS_MAX; a++) {
            /* Before its commit an agent's state is ahead of what will be found. */
            struct state *s = before && a == r->agent ? NULL : node_state(w->node, (uint8_t)a);
            w->digest[a] = s ? state_digest(s) : 0;
        }
    w->crashed_before = !w->opening;
    longjmp(w->on_crash, 1);
}

/* What was committed is what is recovered: nothing more, nothing less. Not so after a power cut. */
static void on_recovered(void *ctx, struct node *n)
{
    struct world *w = ctx;
    if (!w->crashed_before || w->options.power)
        return;
    w->crashed_before = false;
    for (unsigned a = 0; a < AGENTS_MAX; a++) {
        struct state *s = node_state(n, (uint8_t)a);
        if (!s || !w->digest[a])
            continue;
        w->digests_compared++;
        if (state_digest(s) != w->digest[a])
            world_wrong(w, "state of agent %u after recovery differs from the state before", a);
    }
}

static bool open_node(struct world *w)
{
    struct node_config c = {.config = w->config,
                            .disk = w->disk,
                            .counters = w->counters,
                            .on_commit = on_commit,
                            .on_commit_ctx = w,
                            .on_recovered = on_recovered};
    struct in_addr ip = {.s_addr = htonl(0x0a000001)};
    memset(c.identity.instance, 7, sizeof c.identity.instance);
    memset(c.identity.boot, 1 + w->boot, sizeof c.identity.boot);
    if (sim_net_port(w->net, ip, 64, &w->port) != OK || store_memory_create(&w->store, &w->kept) != OK)
        return world_wrong(w, "no memory");
    c.port = w->port;
    c.store = w->store;
    memset(w->looked_at, 0xff, sizeof w->looked_at);
    memset(w->compared_at, 0xff, sizeof w->compared_at);
    w->opening = true;
    if (node_open(&w->node, &c, w->now_ns) != OK)
        return world_wrong(w, "start: %s", node_error());
    w->opening = false;
    w->nested = 0;
    return !w->error[0] && (!w->client || sim_client_attach(w->client));
}

static void remove_rings(struct world *w)
{
    static const char *const files[] = {"gateway0.ring", "distribution.ring", "routing.ring"};
    char path[256];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", w->options.directory, files[i]);
        unlink(path);
    }
}

/* Between two runs an operator changes the configuration: for the next one an LP is suspended, or none. */
static void suspend(struct world *w)
{
    unsigned which = (unsigned)draw(w, 8 * w->lp_count);
    for (unsigned i = 0; i < w->lp_count; i++)
        w->config->lps[i].lp.status = i == which ? LP_SUSPENDED : LP_ACTIVE;
    if (which < w->lp_count)
        trace(w, "an LP is suspended");
}

static void crash(struct world *w)
{
    trace(w, w->opening ? "crash during recovery" : "crash");
    w->crashes++;
    w->nested++;
    if (w->client)
        sim_client_detach(w->client);
    if (w->node)
        node_close(w->node);
    w->node = NULL;
    w->store->ops->destroy(w->store);
    w->store = NULL;
    if (w->options.power) {
        sim_net_kill(w->port, SIM_KILL_LOSES);
        disk_sim_power_cut(w->disk);
        w->boot++;
        if (draw(w, 2)) /* else the files are there, of another boot */
            remove_rings(w);
    } else {
        sim_net_kill(w->port, draw(w, 2) ? SIM_KILL_DELIVERS : SIM_KILL_SILENT);
        disk_sim_kill(w->disk);
    }
    w->port = NULL;
    suspend(w);
    w->now_ns += draw(w, 30) * 10000000; /* down for up to 300 ms */
    sim_net_advance(w->net, w->now_ns);
    disk_sim_set_time(w->disk, w->now_ns);
}

/* Steps
 * -----------------------------------------------------------------------------------------------------------------------
 */

/* Who is polled when, and how often in a round: cores of their own are not equally fast. */
static const struct {
    enum node_agent agent;
    unsigned polls;
} layouts[WORLD_LAYOUTS][NODE_AGENTS] = {
    {{NODE_GATEWAY, 1}, {NODE_DISTRIBUTION, 1}, {NODE_ROUTING, 1}, {NODE_LOG, 1}, {NODE_REPLICA, 1}},
    {{NODE_REPLICA, 3}, {NODE_LOG, 1}, {NODE_ROUTING, 2}, {NODE_DISTRIBUTION, 1}, {NODE_GATEWAY, 4}},
    {{NODE_DISTRIBUTION, 3}, {NODE_GATEWAY, 1}, {NODE_LOG, 4}, {NODE_ROUTING, 1}, {NODE_REPLICA, 2}},
};

static unsigned poll_agent(struct world *w, enum node_agent which)
{
    struct agent a = node_agent(w->node, which);
    unsigned done = a.poll(a.self, w->now_ns);
    if (!done && a.warm) /* which changes nothing, or what comes next shows it */
        a.warm(a.self, true);
    return done;
}

static unsigned poll_agents(struct world *w)
{
    unsigned work = 0;
    for (unsigned i = 0; i < NODE_AGENTS; i++) {
        enum node_agent which = layouts[w->options.layout][i].agent;
        if (which == NODE_LOG && w->now_ns < w->log_stands_until_ns)
            continue;
        for (unsigned n = 0; n < layouts[w->options.layout][i].polls; n++)
            work += poll_agent(w, which);
    }
    if (w->client)
        work += sim_client_poll(w->client);
    return work;
}

static unsigned poll_parties(struct world *w)
{
    struct port_event events[PORT_EVENTS_MAX];
    unsigned work = 0;
    for (unsigned p = 0; p < w->party_count; p++) {
        unsigned n = port_poll(w->party_ports[p], events, PORT_EVENTS_MAX);
        for (unsigned i = 0; i < n; i++)
            endpoint_event(party_endpoint(w->parties[p]), &events[i], w->now_ns);
        work += n + party_poll(w->parties[p], w->now_ns);
    }
    return work;
}

static bool until_quiet(struct world *w)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++)
        if (poll_agents(w) + poll_parties(w) == 0)
            return true;
    return world_wrong(w, "agents never become idle");
}

/* A client knows when its requests were answered, not when its RFQs end: an LP may be away for long before
 * one does. */
static bool rfqs_ended(const struct world *w)
{
    const struct distribution_state *s =
        (const struct distribution_state *)node_state(w->node, AGENT_DISTRIBUTION);
    for (uint32_t i = 0; i < table_slots(s->rfqs); i++) {
        const struct rfq *r = table_at(s->rfqs, i);
        if (r && r->state < RFQ_COMPLETED)
            return false;
    }
    return true;
}

static bool done(const struct world *w)
{
    for (unsigned p = 0; p < w->party_count; p++)
        if (!party_done(w->parties[p]))
            return false;
    return !w->client || (sim_client_done(w->client) && rfqs_ended(w));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void advance(struct world *w)
{
    uint64_t next = w->now_ns + STEP_NS_MAX;
    next = earlier(next, sim_net_next_event_ns(w->net));
    next = earlier(next, disk_sim_next_event(w->disk));
    next = earlier(next, node_next_deadline(w->node));
    if (w->client)
        next = earlier(next, sim_client_next_ns(w->client));
    for (unsigned p = 0; p < w->party_count; p++) {
        uint64_t due = party_next_ns(w->parties[p]);
        if (due > w->now_ns)
            next = earlier(next, due);
    }
    /* A connection that is not read wants its turn at once, for as long as the log stands. */
    uint64_t least = w->now_ns < w->log_stands_until_ns ? 100000 : 1000;
    w->now_ns = next > w->now_ns ? next : w->now_ns + least;
    sim_net_advance(w->net, w->now_ns);
    disk_sim_set_time(w->disk, w->now_ns);
}

static void trouble(struct world *w)
{
    if (done(w))
        w->log_stands_until_ns = 0; /* the audit reads it to its end */
    else if (w->options.stall && w->now_ns >= w->log_stands_until_ns && draw(w, 1000) < STALL_PERMILLE)
        w->log_stands_until_ns = w->now_ns + (1 + draw(w, 20)) * 100000000;
    if (w->options.calm || draw(w, 1000) >= CUT_PERMILLE)
        return;
    if (draw(w, 4) == 0) {
        trace(w, "disk hangs");
        disk_sim_hang(w->disk, w->now_ns + (1 + draw(w, 20)) * 100000000);
        return;
    }
    unsigned p = (unsigned)draw(w, w->party_count);
    uint32_t conn = party_endpoint(w->parties[p])->conn;
    if (conn != PORT_CONN_NONE) {
        trace(w, "connection cut");
        sim_net_cut(w->party_ports[p], conn);
    }
}

/* Only events change a state, and each has its place. */
static bool has_moved(const struct state *s, uint64_t seen_at[AGENTS_MAX])
{
    if (seen_at[s->agent] == s->marks.position)
        return false;
    seen_at[s->agent] = s->marks.position;
    return true;
}

/* The live engines and the replica's copies, when the replica has seen all. */
static bool check_replica(struct world *w)
{
    struct replica *r = node_replica(w->node);
    const struct replica_config *c = replica_config(r);
    if (replica_divergence(r))
        return world_wrong(w, "replica: %s", replica_divergence(r));
    if (replica_offset(r) != log_end(node_log(w->node)))
        return true;
    struct state *pairs[][2] = {
        {node_state(w->node, AGENT_DISTRIBUTION), &c->distribution->base},
        {node_state(w->node, AGENT_ROUTING), &c->routing->base},
        {node_state(w->node, AGENT_GATEWAY), &c->gateways[0]->base},
    };
    for (unsigned i = 0; i < 3; i++)
        if (pairs[i][0]->marks.position == pairs[i][1]->marks.position && has_moved(pairs[i][0], w->compared_at)) {
            w->digests_compared++;
            if (state_digest(pairs[i][0]) != state_digest(pairs[i][1]))
                return world_wrong(w, "replica's copy of agent %u differs from the live state",
                                   pairs[i][0]->agent);
        }
    return true;
}

/* No quote of a suspended LP stands, once the log took in all that there was: then the engine had room to end
 * them. */
static bool check_suspended(struct world *w)
{
    const struct distribution_state *s =
        (const struct distribution_state *)node_state(w->node, AGENT_DISTRIBUTION);
    const struct replica_config *c = replica_config(node_replica(w->node));
    if (c->distribution->base.marks.position != s->base.marks.position)
        return true;
    for (uint32_t i = 0; i < table_slots(s->quotes); i++) {
        const struct quote *q = table_at(s->quotes, i);
        if (q && q->status == QUOTE_STANDING && distribution_lp(s, q->lp)->status != LP_ACTIVE)
            return world_wrong(w, "quote %llx stands, and its LP is suspended", (unsigned long long)q->id);
    }
    return true;
}

static bool check_orders(struct world *w)
{
    const struct routing_state *s = (const struct routing_state *)node_state(w->node, AGENT_ROUTING);
    for (uint32_t i = 0; i < table_slots(s->orders); i++) {
        const struct order *o = table_at(s->orders, i);
        if (o && o->filled_quantity > o->quantity)
            return world_wrong(w, "order %llx is filled beyond its quantity", (unsigned long long)o->id);
    }
    return true;
}

static bool step(struct world *w)
{
    if (!until_quiet(w))
        return false;
    if (has_moved(node_state(w->node, AGENT_DISTRIBUTION), w->looked_at) && !oracle_ranking(w))
        return false;
    if (has_moved(node_state(w->node, AGENT_ROUTING), w->looked_at) && !check_orders(w))
        return false;
    if (!check_replica(w) || !check_suspended(w))
        return false;
    if (!done(w))
        w->quiet_since_ns = w->now_ns;
    trouble(w);
    advance(w);
    return !w->error[0];
}

bool world_run(struct world *w)
{
    if (setjmp(w->on_crash))
        crash(w);
    if (!w->node && !open_node(w))
        return false;
    while (w->now_ns < w->quiet_since_ns + QUIET_NS) {
        if (w->now_ns > START_NS + END_NS || w->steps++ > STEPS_MAX)
            return w->options.unsynced || world_wrong(w, "not every request has its end");
        if (!step(w))
            return false;
    }
    for (unsigned p = 0; p < w->party_count && !w->options.unsynced; p++)
        if (!party_fine(w->parties[p])) {
            char *text = NULL;
            size_t size;
            FILE *f = open_memstream(&text, &size);
            party_print(w->parties[p], f);
            fclose(f);
            world_wrong(w, "a party is not content: %.300s", text);
            free(text);
            return false;
        }
    return !w->error[0] && record_verify(w);
}

/* Making it
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* A percentage; of half the parties none. */
static unsigned sometimes(struct world *w, unsigned at_most)
{
    return draw(w, 2) ? 0 : 1 + (unsigned)draw(w, at_most);
}

static void make_party(struct world *w, bool is_lp, unsigned n)
{
    struct party_options *o = &w->party_options[w->party_count];
    char text[256], why[128];
    bool kind;
    snprintf(text, sizeof text, "%s:name=%s%u,connect=10.0.0.1:9880", is_lp ? "lp" : "taker",
             is_lp ? "LP" : "T", n + 1);
    if (!party_parse(text, &kind, o, why, sizeof why))
        world_wrong(w, "%s", why);
    o->seed = w->options.seed * 31 + w->party_count;
    if (is_lp) {
        static const char acks[] = {'b', 'i', '-'};
        o->mid += (int64_t)draw(w, 20) * 1000;
        o->spread = (int64_t)(1 + draw(w, 40)) * 1000;
        o->delay_min_ns = draw(w, 4) * 1000000;
        o->delay_max_ns = o->delay_min_ns + (w->options.calm ? 0 : draw(w, 5) * 1000000);
        o->valid_ns = draw(w, 3) ? 0 : (50 + draw(w, 1000)) * 1000000;
        o->reject_percent = (unsigned)draw(w, 20);
        o->silent_percent = (unsigned)draw(w, 15);
        o->requote_percent = (unsigned)draw(w, 40);
        o->order_reject_percent = (unsigned)draw(w, 20);
        o->order_silent_percent = draw(w, 3) ? 0 : (unsigned)draw(w, 15);
        o->partial_percent = (unsigned)draw(w, 50);
        o->ack = acks[draw(w, 3)];
        o->exec_repeat_percent = draw(w, 2) ? 0 : 1 + (unsigned)draw(w, 60);
        o->quote_repeat_percent = draw(w, 3) ? 0 : 1 + (unsigned)draw(w, 40);
        o->quote_withdraw_percent = w->options.calm ? 0 : sometimes(w, 30);
        o->late_fill_percent = sometimes(w, 20);
    } else {
        static const char accepts[] = {'a', 'd', 'x', 'x', '-'};
        o->rate = 5 + draw(w, 200) + (w->options.stall ? STALL_RATE : 0);
        o->count = w->options.requests;
        o->deadline_ns = (500 + draw(w, 3000)) * 1000000;
        o->start_ns = w->options.calm ? 50000000 : draw(w, 50) * 1000000; /* calm: all LPs are up */
        o->patience_ns = 200000000000ull; /* made-up seconds: logons too may meet one crash after another */
        o->quotes = 1 + (unsigned)draw(w, 3);
        o->collect_ns = draw(w, 100) * 1000000;
        o->accept = accepts[draw(w, 5)];
        o->two_way_percent = sometimes(w, 60);
        o->pass_percent = sometimes(w, 30);
        o->again_percent = sometimes(w, 40);
        if (!w->options.calm) { /* what crosses has no one outcome */
            o->withdraw_percent = sometimes(w, 40);
            o->cancel_percent = sometimes(w, 50);
        }
    }
    if (is_lp || !w->options.calm)
        o->peer_reject_percent = draw(w, 4) ? 0 : sometimes(w, 15);
    struct in_addr ip = {.s_addr = htonl(0x0a000010 + w->party_count)};
    if (sim_net_port(w->net, ip, 16, &w->party_ports[w->party_count]) != OK)
        world_wrong(w, "no memory");
    w->parties[w->party_count] = party_open(is_lp, o, NULL, w->party_ports[w->party_count]);
    if (!w->parties[w->party_count])
        world_wrong(w, "a party cannot be made");
    w->party_count++;
}

static bool make_config(struct world *w)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    /* Drawn one by one: compilers differ in which argument comes first, and a seed is to mean one run. */
    unsigned ack_timeout_ms = 200 + (unsigned)draw(w, 800);
    unsigned checkpoint_events = 10 + (unsigned)draw(w, 300);
    unsigned checkpoint_ms = 5 + (unsigned)draw(w, 50);
    bool synced = (w->options.power || draw(w, 3) == 0) && !w->options.unsynced;
    fprintf(
        f,
        "instance: sim\ndirectory: unused\nshared: %s\nlevel: %s\n"
        "fix: {listen: '10.0.0.1:9880', resend_store_kib: %u, connections_max: 64}\n"
        "record: {ring_gateway_mib: 2, ring_engine_mib: 2, lane_mib: 1, log_segment_mib: 1, "
        "checkpoint_interval_ms: %u, checkpoint_events: %u, digest_every_batches: 7}\n"
        "settings: {rfqs_max: 128, deliveries_max: 640, quotes_max: 2048, orders_max: 128, fills_max: 512, "
        "retire_after_ms: 1500, ack_timeout_ms: %u, backup_deadline_ms: 1500, order_ack_timeout_ms: 800, "
        "order_cancel_retry_ms: 1000, deadline_min_ms: 100}\n"
        "tenants: [{name: house, number: 0}]\nusers: [{name: CLIENT, tenant: house}]\n"
        "instruments: [{symbol: EURUSD, reference_price: 1.1, collar_percent: 5}]\n",
        w->options.directory, synced ? "synced" : "committed",
        w->options.power ? 16384 : 256, /* numbers jump at each power cut: the store must span many */
        checkpoint_ms, checkpoint_events, ack_timeout_ms);
    fprintf(f, "sessions:\n");
    for (unsigned i = 0; i < w->taker_count; i++)
        fprintf(f, "  - {name: T%u, role: taker, target: T%u, heartbeat_s: 5}\n", i + 1, i + 1);
    for (unsigned i = 0; i < w->lp_count; i++)
        fprintf(f, "  - {name: LP%u, role: lp, target: LP%u, heartbeat_s: 5}\n", i + 1, i + 1);
    fprintf(f, "takers:\n");
    for (unsigned i = 0; i < w->taker_count; i++)
        fprintf(f, "  - {code: T%u, session: T%u}\n", i + 1, i + 1);
    fprintf(f, "lps:\n");
    for (unsigned i = 0; i < w->lp_count; i++) {
        const char *losers = draw(w, 2) ? "cancel" : "response";
        unsigned concurrent = w->options.calm ? 1000 : 3 + (unsigned)draw(w, 100);
        fprintf(f, "  - {code: LP%u, session: LP%u, losers: %s, concurrent_rfqs_max: %u}\n", i + 1, i + 1,
                losers, concurrent);
    }
    fclose(f);
    enum err e = config_parse(&w->config, text, size, "sim");
    if (e != OK)
        world_wrong(w, "configuration: %s", w->config ? w->config->errors[0] : err_text(e));
    free(text);
    return e == OK;
}

bool world_open(struct world *w, const struct world_options *o)
{
    memset(w, 0, sizeof *w);
    w->options = *o;
    w->random = o->seed * 0x2545f4914f6cdd1dull + 1;
    w->now_ns = w->quiet_since_ns = START_NS;
    remove_rings(w);
    struct sim_net_options net = SIM_NET_DEFAULTS;
    if (o->calm) {
        net.delay_ns_max = net.delay_ns_min;
        net.whole_permille = 1000;
    } else {
        net.delay_ns_max += draw(w, 20) * 100000;
        net.window_size = 4096u << draw(w, 5);
    }
    if (sim_net_create(&w->net, o->seed, &net) != OK || counters_create(&w->counters, NULL) != OK ||
        disk_sim_create(&w->disk, o->seed) != OK)
        return world_wrong(w, "no memory");
    sim_net_advance(w->net, w->now_ns);
    disk_sim_set_time(w->disk, w->now_ns);
    disk_sim_set_latency(w->disk, 100000, 300000, 100000);
    w->taker_count = 1 + (unsigned)draw(w, WORLD_TAKERS_MAX);
    w->lp_count = 1 + (unsigned)draw(w, WORLD_LPS_MAX);
    for (unsigned i = 0; i < w->taker_count; i++)
        make_party(w, false, i);
    for (unsigned i = 0; i < w->lp_count; i++)
        make_party(w, true, i);
    /* In calm weather all is fixed but the layout, and a client looks at the replica. */
    if (!o->calm && draw(w, 3))
        w->client = sim_client_open(w, o->requests);
    return !w->error[0] && make_config(w);
}

void world_close(struct world *w)
{
    if (w->client)
        sim_client_close(w->client);
    if (w->node)
        node_close(w->node);
    if (w->store)
        w->store->ops->destroy(w->store);
    for (unsigned p = 0; p < w->party_count; p++)
        if (w->parties[p])
            party_close(w->parties[p]);
    if (w->kept)
        store_memory_free(w->kept);
    if (w->net)
        sim_net_destroy(w->net);
    if (w->disk)
        w->disk->ops->destroy(w->disk);
    if (w->counters)
        counters_close(w->counters);
    config_free(w->config);
    remove_rings(w);
}
