#include "storage/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/model/describe.h"
#include "dataplane/model/record_rfq.h"
#include "dataplane/model/routing.h"
#include "storage/store_fail.h"
#include "storage/tables.h"
#include "storage/verify_ended.h"

struct verifying {
    const struct verify_input *in;
    struct verify_report *report;
    void (*differs)(void *ctx, const struct verify_difference *d);
    void *ctx;
    struct store *snapshot; /* NULL: none */
    struct store_marks marks;
    bool store_compared, live_compared;
    uint64_t next_seq, offset;
    uint64_t merged[AGENTS_MAX];
    struct ended *ended;
};

static void differ(struct verifying *v, const char *table, uint64_t id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void differ(struct verifying *v, const char *table, uint64_t id, const char *format, ...)
{
    char what[240];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    v->report->differences++;
    const struct verify_difference d = {.table = table, .id = id, .log_offset = v->offset, .what = what};
    v->differs(v->ctx, &d);
}

/* The store's tables
 * ------------------------------------------------------------------------------------------- */

struct comparing {
    struct verifying *v;
    const struct state *state;
    const struct table *table;
    uint32_t found;
};

/* Where two entities differ first: the field's name. */
static const char *first_field(const struct table *t, const char *a, const char *b)
{
    const struct layout *l = layout_of_table(table_name(t));
    for (uint32_t i = 0; l && i < l->field_count; i++)
        if (memcmp(a + l->fields[i].offset, b + l->fields[i].offset, l->fields[i].size) != 0)
            return l->fields[i].name;
    return "?";
}

static int compare_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct comparing *c = ctx;
    const uint8_t *k = key;
    const char *name = table_name(c->table), *stored = (const char *)value + 1;
    if (key_size != ENTITY_KEY_SIZE || k[0] != c->state->agent)
        return 1;
    uint64_t id = store_from_be64(k + 1);
    const char *entity = table_get(c->table, id);
    c->v->report->entities++;
    if (!entity) {
        differ(c->v, name, id, "the store has it, the log does not lead to it");
        return 0;
    }
    c->found++;
    if (value_size != 1 + (size_t)table_durable_size(c->table) ||
        *(const uint8_t *)value != STORE_VALUE_VERSION)
        differ(c->v, name, id, "the store has it in version %u with %zu bytes", *(const uint8_t *)value,
               value_size);
    else if (memcmp(stored, entity, table_durable_size(c->table)) != 0)
        differ(c->v, name, id, "the store has another %s", first_field(c->table, stored, entity));
    return 0;
}

struct seeking {
    const char *key;
    size_t key_size;
    bool found;
    void (*row)(void *ctx, const void *value, size_t size); /* NULL: whether it is there */
    void *ctx;
};

static int seek_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct seeking *s = ctx;
    s->found = key_size == s->key_size && memcmp(key, s->key, key_size) == 0;
    if (s->found && s->row)
        s->row(s->ctx, value, value_size);
    return 1;
}

static bool seek(struct verifying *v, const char *table, const char *key, size_t key_size,
                 void (*row)(void *ctx, const void *value, size_t size), void *ctx)
{
    struct seeking s = {.key = key, .key_size = key_size, .row = row, .ctx = ctx};
    return v->snapshot->ops->scan(v->snapshot, table, key, key_size, seek_row, &s) == OK && s.found;
}

static enum err compare_table(struct verifying *v, const struct state *s, const struct table *t)
{
    struct comparing c = {.v = v, .state = s, .table = t};
    char key[ENTITY_KEY_SIZE];
    entity_key(key, s->agent, 0);
    enum err e = v->snapshot->ops->scan(v->snapshot, table_name(t), key, sizeof key, compare_row, &c);
    for (uint32_t slot = 0; !e && c.found < table_count(t) && slot < table_slots(t); slot++) {
        const void *entity = table_at(t, slot);
        uint64_t id;
        if (!entity)
            continue;
        memcpy(&id, entity, sizeof id);
        entity_key(key, s->agent, id);
        if (!seek(v, table_name(t), key, sizeof key, NULL, NULL))
            differ(v, table_name(t), id, "the log leads to it, the store does not have it");
    }
    return e;
}

static void compare_marks(struct verifying *v, struct state *s)
{
    if (memcmp(&s->marks, &v->marks.agents[s->agent], sizeof s->marks) != 0)
        differ(v, "marks", s->agent,
               "%s: the store's marks are of batch %" PRIu64 ", ring position %" PRIu64
               "; the log leads to batch %" PRIu64 ", position %" PRIu64,
               agent_name(s->agent), v->marks.agents[s->agent].batches, v->marks.agents[s->agent].position,
               s->marks.batches, s->marks.position);
    else if (state_digest(s) != v->marks.digest[s->agent])
        differ(v, "marks", s->agent, "%s: the store's digest is %016" PRIx64 ", the log leads to %016" PRIx64,
               agent_name(s->agent), v->marks.digest[s->agent], state_digest(s));
}

/* RFQs that retention has forgotten have no rows; all others have all of theirs. */
static bool is_known(struct verifying *v, uint64_t rfq)
{
    char live[ENTITY_KEY_SIZE], ended[ENDED_KEY_SIZE];
    entity_key(live, AGENT_DISTRIBUTION, rfq);
    pair_key(ended, rfq, rfq);
    return seek(v, "rfqs", live, sizeof live, NULL, NULL) ||
           seek(v, "rfqs" TABLE_ENDED, ended, sizeof ended, NULL, NULL);
}

struct ended_row {
    struct verifying *v;
    const struct ended_entity *e;
};

static void compare_ended_row(void *ctx, const void *value, size_t size)
{
    struct ended_row *r = ctx;
    if (size < 1 || hash_bytes((const char *)value + 1, size - 1) != r->e->hash)
        differ(r->v, r->e->table, r->e->id, "ended: the store has it otherwise than it left memory");
}

static int take_first(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    char *first = ctx;
    (void)value;
    (void)value_size;
    if (key_size == PURGE_KEY_SIZE)
        memcpy(first, key, key_size);
    return 1;
}

/* Retention forgets what left memory first: whatever left after the first that it has still to look at, is
 * there. */
static bool is_too_young_to_be_forgotten(const struct ended_entity *e, const char first[PURGE_KEY_SIZE])
{
    char key[PURGE_KEY_SIZE];
    pair_key(key, e->left_ns, e->rfq);
    return strcmp(e->table, "rfqs") == 0 && memcmp(key, first, sizeof key) >= 0;
}

static enum err compare_ended(struct verifying *v)
{
    char first[PURGE_KEY_SIZE];
    memset(first, 0xff, sizeof first); /* none: all that left was forgotten */
    enum err e = v->snapshot->ops->scan(v->snapshot, TABLE_PURGE, NULL, 0, take_first, first);
    if (e)
        return e;
    for (const struct ended_entity *x = ended_next(v->ended, NULL); x; x = ended_next(v->ended, x)) {
        struct ended_row r = {v, x};
        char name[STORE_NAME_SIZE], key[ENDED_KEY_SIZE];
        snprintf(name, sizeof name, "%s" TABLE_ENDED, x->table);
        pair_key(key, x->rfq, x->id);
        v->report->entities++;
        if (!seek(v, name, key, sizeof key, compare_ended_row, &r) &&
            (is_known(v, x->rfq) || is_too_young_to_be_forgotten(x, first)))
            differ(v, x->table, x->id, "ended: the store does not have it");
    }
    return OK;
}

static enum err compare_store(struct verifying *v)
{
    enum err e = OK;
    v->store_compared = true;
    if (v->next_seq != v->marks.next_seq)
        differ(v, "marks", 0, "the store's next event is %" PRIu64 ", the log's there %" PRIu64,
               v->marks.next_seq, v->next_seq);
    if (memcmp(v->merged, v->marks.merged, sizeof v->merged) != 0)
        differ(v, "marks", 0, "the store's ring positions are not those of the log there");
    for (unsigned a = 0; !e && a < AGENTS_MAX; a++) {
        struct state *s = v->in->states[a];
        if (!s)
            continue;
        compare_marks(v, s);
        for (unsigned i = 0; !e && i < s->table_count; i++)
            e = compare_table(v, s, s->tables[i]);
    }
    if (!e && v->report->from_start)
        e = compare_ended(v);
    return e;
}

/* Timelines
 * ------------------------------------------------------------------------------------------------------ */

struct timeline_row {
    struct verifying *v;
    const struct batch *batch;
    const struct record *record;
    uint64_t seq, stream_epoch;
};

static void compare_timeline_row(void *ctx, const void *value, size_t size)
{
    struct timeline_row *r = ctx;
    struct history_row row;
    r->v->report->rows++;
    if (size == sizeof row + r->record->size) {
        memcpy(&row, value, sizeof row);
        if (row.agent == r->batch->agent && row.time_ns == r->batch->time_ns &&
            (row.stream_epoch == 0 || row.stream_epoch == r->stream_epoch) &&
            memcmp((const char *)value + sizeof row, r->record, r->record->size) == 0)
            return;
    }
    differ(r->v, TABLE_HISTORY, r->seq, "the store has another record under this number");
}

static uint64_t rfq_of(const struct verifying *v, const struct record *r)
{
    if (r->type != RECORD_ORDER_RETIRED)
        return record_rfq(r);
    const struct state *s = v->in->states[AGENT_ROUTING];
    const struct order_retired *ev = (const struct order_retired *)(const void *)r;
    const struct order *o =
        s ? routing_order((const struct routing_state *)(const void *)s, ev->order) : NULL;
    return o ? o->rfq : 0;
}

static void compare_timelines(struct verifying *v, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    uint64_t seq = f->first_seq;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r), seq++) {
        struct timeline_row row = {v, b, r, seq, f->stream_epoch};
        char key[HISTORY_KEY_SIZE];
        uint64_t rfq = rfq_of(v, r);
        if (!rfq)
            continue;
        pair_key(key, rfq, seq);
        if (!seek(v, TABLE_HISTORY, key, sizeof key, compare_timeline_row, &row) && is_known(v, rfq))
            differ(v, TABLE_HISTORY, seq, "the store's timeline of the RFQ does not have this event");
    }
}

/* The log
 * -------------------------------------------------------------------------------------------------------- */

static void compare_digests(struct verifying *v, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    struct state *s = v->in->states[b->agent];
    uint64_t seq = f->first_seq;
    for (const struct record *r = batch_first(b); s && r; r = batch_after(b, r), seq++) {
        if (r->type != RECORD_DISTRIBUTION_DIGEST && r->type != RECORD_ROUTING_DIGEST)
            continue;
        const struct engine_digest *ev = (const struct engine_digest *)(const void *)r;
        v->report->digests++;
        if (ev->digest != state_digest(s))
            differ(v, "digest", seq, "%s: the engine had %016" PRIx64 ", the log leads to %016" PRIx64,
                   agent_name(b->agent), ev->digest, state_digest(s));
    }
}

/* What holds at an offset, before the frame there is applied. */
static enum err compare_at(struct verifying *v, uint64_t offset)
{
    enum err e = OK;
    if (v->snapshot && !v->store_compared && offset >= v->marks.log_offset)
        e = compare_store(v);
    if (v->in->live_offset && !v->live_compared && offset >= v->in->live_offset) {
        v->live_compared = true;
        for (unsigned a = 0; a < AGENTS_MAX; a++)
            if (v->in->states[a] && v->in->live_digest[a] != state_digest(v->in->states[a]))
                differ(v, "digest", v->next_seq,
                       "%s: the live state has %016" PRIx64 ", the log leads to %016" PRIx64, agent_name(a),
                       v->in->live_digest[a], state_digest(v->in->states[a]));
    }
    return e;
}

static bool follows(struct verifying *v, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    if (f->first_seq == v->next_seq && b->position == v->merged[b->agent])
        return true;
    differ(v, "log", f->first_seq,
           "event %" PRIu64 " of %s at ring position %" PRIu64 ", where event %" PRIu64
           " and position %" PRIu64 " come next",
           f->first_seq, agent_name(b->agent), b->position, v->next_seq, v->merged[b->agent]);
    return false;
}

/* false: nothing after it makes sense. */
static bool take_frame(struct verifying *v, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    const char *why;
    v->offset = f->offset;
    if (!follows(v, f))
        return false;
    compare_digests(v, f);
    if (v->snapshot && !v->store_compared)
        compare_timelines(v, f);
    if (recovery_apply(v->in->states[b->agent], b, &why) != OK) {
        differ(v, "log", f->first_seq, "%s", why);
        return false;
    }
    v->merged[b->agent] = b->position + b->size;
    v->next_seq += b->count;
    v->report->frames++;
    v->report->records += b->count;
    return true;
}

static enum err read_log(struct verifying *v)
{
    struct log_reader *reader;
    const struct log_frame *f;
    uint64_t end = log_written(v->in->log);
    enum err e = log_reader_open(&reader, v->in->log, v->report->first_offset);
    if (e)
        return store_fail(e, "log, offset %" PRIu64 ": %s", v->report->first_offset, err_text(e));
    bool going = true;
    while (going && !e && (f = log_reader_next(reader, end, &e)) != NULL) {
        if (v->in->is_unwanted && v->in->is_unwanted(v->in->is_unwanted_ctx)) {
            e = store_fail(ERR_CLOSED, "log, offset %" PRIu64 ": given up, nobody waits for it", f->offset);
            break;
        }
        e = compare_at(v, f->offset);
        going = !e && take_frame(v, f);
        if (going)
            v->report->end = log_reader_offset(reader);
    }
    if (e == ERR_CORRUPT) { /* that is what we are here to find */
        differ(v, "log", v->next_seq, "%s", log_reader_error(reader));
        e = OK;
        going = false;
    } else if (e && e != ERR_CLOSED) {
        store_fail(e, "log, offset %" PRIu64 ": %s", log_reader_offset(reader),
                   *log_reader_error(reader) ? log_reader_error(reader) : err_text(e));
    }
    log_reader_close(reader);
    v->report->complete = going && !e;
    return e || !going ? e : compare_at(v, end);
}

/* ----------------------------------------------------------------------------------------------------------------
 */

/* Where to begin, and what is known there. */
static enum err prepare(struct verifying *v)
{
    const char *why;
    enum err e = OK;
    v->next_seq = LOG_FIRST_SEQ;
    if (v->in->store)
        e = v->in->store->ops->snapshot(v->in->store, &v->snapshot);
    if (!e && v->snapshot)
        e = v->snapshot->ops->marks(v->snapshot, &v->marks);
    if (e == ERR_NOT_FOUND) { /* nothing was committed: nothing to compare with */
        v->snapshot->ops->destroy(v->snapshot);
        v->snapshot = NULL;
        e = OK;
    }
    if (e)
        return e;
    v->report->from_start = log_begin(v->in->log) == 0;
    v->report->first_offset = v->report->end = 0;
    if (v->report->from_start)
        return OK;
    if (!v->snapshot)
        return store_fail(ERR_NOT_FOUND,
                          "the log's first record was recycled, and there is no store to begin with");
    e = recovery_load(v->snapshot, v->in->states, &v->marks, &why);
    v->report->first_offset = v->report->end = v->marks.log_offset;
    v->next_seq = v->marks.next_seq;
    memcpy(v->merged, v->marks.merged, sizeof v->merged);
    return e;
}

enum err verify_run(const struct verify_input *in, struct verify_report *report,
                    void (*differs)(void *ctx, const struct verify_difference *d), void *ctx)
{
    struct verifying v = {.in = in, .report = report, .differs = differs, .ctx = ctx};
    memset(report, 0, sizeof *report);
    enum err e = prepare(&v);
    if (!e)
        e = ended_create(&v.ended, in->states);
    if (!e)
        e = read_log(&v);
    if (!e && ended_failed(v.ended))
        e = store_fail(ERR_MEMORY, "no memory for the entities that left memory");
    ended_destroy(v.ended);
    if (v.snapshot)
        v.snapshot->ops->destroy(v.snapshot);
    return e;
}
