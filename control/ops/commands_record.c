/* Commands about the store and the log: timelines, dumps, verification, checkpoints, copies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/model/describe.h"
#include "storage/backup.h"
#include "storage/dump.h"
#include "storage/tables.h"
#include "storage/verify.h"

#define ROW_TEXT_SIZE (8u * RECORD_SIZE_MAX) /* a FIX message of control characters grows sixfold */

/* rfq
 * -------------------------------------------------------------------------------------------------------------------
 */

struct timeline {
    struct replica_timeline *rows;
    struct ops_request *request;
    uint64_t first_ns;
    unsigned shown;
    char name[ID_TEXT_SIZE];
    char text[ROW_TEXT_SIZE];
};

/* One row: the record's own fields, and how long each stage took. */
static bool timeline_row(void *ctx, uint64_t seq, const struct history_row *row)
{
    struct timeline *t = ctx;
    struct json *j = t->request->out;
    const struct record *rec = history_record(row);
    if (!t->first_ns)
        t->first_ns = row->origin_time_ns ? row->origin_time_ns : rec->time_ns;
    json_open(j, NULL, '{');
    json_uint(j, "seq", seq);
    json_time(j, "time", rec->time_ns);
    json_int(j, "since_start_ns", (int64_t)(rec->time_ns - t->first_ns));
    if (row->cause_time_ns)
        json_int(j, "after_cause_ns", (int64_t)(rec->time_ns - row->cause_time_ns));
    if (row->origin_time_ns)
        json_int(j, "after_frame_ns", (int64_t)(rec->time_ns - row->origin_time_ns));
    json_text(j, "agent", agent_name(row->agent));
    json_text(j, "type", record_type_name(rec->type));
    describe_record_text(rec, t->text, sizeof t->text);
    json_chars(j, "text", t->text, sizeof t->text);
    size_t size = describe_record(rec, t->text, sizeof t->text);
    if (size < sizeof t->text)
        json_raw(j, "record", t->text, size);
    json_close(j, '}');
    json_line(j);
    t->shown++;
    return !j->failed;
}

/* On the thread. */
static void timeline_read(struct ops_request *r)
{
    struct timeline *t = r->going;
    t->request = r;
    enum err e = replica_timeline_read(t->rows, timeline_row, t);
    if (e != OK && e != ERR_NOT_FOUND)
        ops_fail(r, "store", "%s", *store_error() ? store_error() : err_text(e));
    else if (!t->shown)
        ops_fail(r, "not_found", "there is no RFQ %s", t->name);
}

/* What is on its way to the store is the replica's: it is copied on the control core. */
static bool timeline_step(struct ops_request *r)
{
    struct timeline *t = r->going;
    if (!replica_timeline_copy(t->rows))
        return false;
    r->thread = timeline_read;
    return true;
}

static void timeline_end(struct ops_request *r)
{
    struct timeline *t = r->going;
    replica_timeline_end(t->rows);
    free(t);
}

void ops_rfq(struct ops_request *r)
{
    const char *name = r->arguments[0];
    uint64_t rfq = name_parse('R', name, strlen(name));
    if (!rfq) {
        ops_fail(r, "bad_id", "'%.40s' is no RFQ's id: R and hexadecimal digits", name);
        return;
    }
    struct timeline *t = calloc(1, sizeof *t);
    if (!t || replica_timeline_begin(&t->rows, node_replica(r->config->node), rfq) != OK) {
        free(t);
        ops_fail(r, "memory", "no memory");
        return;
    }
    snprintf(t->name, sizeof t->name, "%s", name);
    r->going = t;
    r->end = timeline_end;
    r->step = timeline_step;
}

/* dump
 * ------------------------------------------------------------------------------------------------------------------
 */

static bool dump_out(void *ctx, const char *line, size_t size)
{
    struct json *j = ctx;
    json_raw(j, NULL, line, size - 1);
    json_line(j);
    return !j->failed;
}

void ops_dump(struct ops_request *r)
{
    struct store *s = node_store(r->config->node);
    enum err e =
        r->argument_count ? dump_table(s, r->arguments[0], dump_out, r->out) : dump_all(s, dump_out, r->out);
    if (e == ERR_NOT_FOUND)
        ops_fail(r, "not_found", "there is no table '%.40s' in the store", r->arguments[0]);
    else if (e != OK)
        ops_fail(r, "store", "%s", *store_error() ? store_error() : err_text(e));
}

/* verify
 * ----------------------------------------------------------------------------------------------------------------
 */

static void difference(void *ctx, const struct verify_difference *d)
{
    struct json *j = ctx;
    json_open(j, NULL, '{');
    json_text(j, "table", d->table);
    json_uint(j, "id", d->id);
    json_uint(j, "log_offset", d->log_offset);
    json_text(j, "what", d->what);
    json_close(j, '}');
    json_line(j);
}

static bool is_unwanted(void *ctx)
{
    return ops_unwanted(ctx);
}

static void report_out(struct json *j, const struct verify_report *v)
{
    json_open(j, NULL, '{');
    json_flag(j, "equal", v->differences == 0 && v->complete);
    json_flag(j, "from_start", v->from_start);
    json_flag(j, "complete", v->complete);
    json_uint(j, "first_offset", v->first_offset);
    json_uint(j, "end", v->end);
    json_uint(j, "frames", v->frames);
    json_uint(j, "records", v->records);
    json_uint(j, "digests", v->digests);
    json_uint(j, "entities", v->entities);
    json_uint(j, "rows", v->rows);
    json_uint(j, "differences", v->differences);
    json_close(j, '}');
    json_line(j);
}

void ops_verify(struct ops_request *r)
{
    const struct settings *s = &r->config->config->settings;
    struct distribution_state *d = NULL;
    struct routing_state *o = NULL;
    struct gateway_state *g = NULL;
    struct verify_input in = {.store = node_store(r->config->node),
                              .log = node_log(r->config->node),
                              .is_unwanted = is_unwanted,
                              .is_unwanted_ctx = r};
    struct verify_report report;
    enum err e = distribution_state_create(&d, s, false, true, r->now_ns);
    if (e == OK)
        e = routing_state_create(&o, s, false, true, r->now_ns);
    if (e == OK)
        e = gateway_state_create(&g, AGENT_GATEWAY, true);
    if (e == OK) {
        in.states[AGENT_DISTRIBUTION] = &d->base;
        in.states[AGENT_ROUTING] = &o->base;
        in.states[AGENT_GATEWAY] = &g->base;
        in.live_offset = r->live_offset;
        memcpy(in.live_digest, r->live_digest, sizeof in.live_digest);
        e = verify_run(&in, &report, difference, r->out);
    }
    if (e == OK)
        report_out(r->out, &report);
    if (e != OK)
        ops_fail(r, "verify", "%s", *store_error() ? store_error() : err_text(e));
    else if (report.differences || !report.complete)
        ops_fail(r, "differs", "log, store and live state are not equal");
    if (d)
        d->base.destroy(&d->base);
    if (o)
        o->base.destroy(&o->base);
    if (g)
        g->base.destroy(&g->base);
}

/* snapshot
 * ------------------------------------------------------------------------------------------------------------
 */

struct snapshot {
    uint64_t offset, asked_ns;
};

static bool snapshot_step(struct ops_request *r)
{
    const struct snapshot *s = r->going;
    struct replica *replica = node_replica(r->config->node);
    if (replica_checkpoint_offset(replica) >= s->offset) {
        json_open(r->out, NULL, '{');
        json_uint(r->out, "log_offset", replica_checkpoint_offset(replica));
        json_uint(r->out, "took_ns", r->now_ns - s->asked_ns);
        json_close(r->out, '}');
        json_line(r->out);
        return true;
    }
    if (s->asked_ns + OPS_PATIENCE_NS > r->now_ns) {
        replica_checkpoint_soon(replica); /* what the commit under way does not have comes with the next */
        return false;
    }
    const char *why = replica_divergence(replica) ? replica_divergence(replica) : replica_error(replica);
    ops_fail(r, "store", "no checkpoint in 20 s: %s", why ? why : "the log or the store waits for its disk");
    return true;
}

static void snapshot_end(struct ops_request *r)
{
    free(r->going);
}

void ops_snapshot(struct ops_request *r)
{
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s) {
        ops_fail(r, "memory", "no memory");
        return;
    }
    s->offset = replica_offset(node_replica(r->config->node));
    s->asked_ns = r->now_ns;
    r->going = s;
    r->step = snapshot_step;
    r->end = snapshot_end;
}

/* backup
 * --------------------------------------------------------------------------------------------------------------
 */

static void hold(void *ctx, bool held)
{
    replica_hold_log(ctx, held);
}

void ops_backup(struct ops_request *r)
{
    const char *to = r->arguments[0], *from = r->config->config->directory;
    char log[CONFIG_PATH_SIZE + 16], instance[CONFIG_PATH_SIZE + 16];
    struct backup_report report;
    if (*to != '/') {
        ops_fail(r, "bad_path", "'%.100s' is not an absolute path; it is made on rfqd's host", to);
        return;
    }
    snprintf(log, sizeof log, "%s/log", from);
    snprintf(instance, sizeof instance, "%s/instance", from);
    const struct backup_input in = {.store = node_store(r->config->node),
                                    .log_directory = log,
                                    .instance_file = instance,
                                    .directory = to,
                                    .hold = hold,
                                    .hold_ctx = node_replica(r->config->node)};
    enum err e = backup_run(&in, &report);
    if (e != OK) {
        ops_fail(r, e == ERR_EXISTS ? "exists" : "backup", "%.100s: %s", to,
                 *store_error() ? store_error() : err_text(e));
        return;
    }
    json_open(r->out, NULL, '{');
    json_text(r->out, "directory", to);
    json_uint(r->out, "store_bytes", report.store_size);
    json_uint(r->out, "log_bytes", report.log_size);
    json_uint(r->out, "segments", report.segments);
    json_close(r->out, '}');
    json_line(r->out);
}
