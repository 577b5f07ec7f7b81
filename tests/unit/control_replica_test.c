/* The replica beside the engines of a small world (storage_world.h), held against the log read from its start
 * and against the journals. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "control/replica/purge.h"
#include "dataplane/model/record_rfq.h"
#include "random.h"
#include "storage/tables.h"
#include "storage_world.h"

static void steps(struct world *w, unsigned n)
{
    while (n-- > 0)
        world_step(w);
}

static void checkpoint(struct world *w)
{
    world_settle(w);
    cr_assert_eq(log_flush(w->log), OK);
    cr_assert_eq(replica_checkpoint_now(w->replica), OK, "%s", replica_error(w->replica));
    cr_assert_eq(replica_checkpoint_offset(w->replica), log_end(w->log));
}

/* Some lives, the last of them settled and committed. */
static void live(struct world *w, uint64_t seed, unsigned lives, bool cuts)
{
    world_make(w, seed);
    bool cut = false;
    for (unsigned i = 0; i < lives; i++) {
        world_start(w, cut);
        steps(w, (unsigned)random_below(&w->random, 500));
        cut = cuts && random_below(&w->random, 2);
        if (cut)
            world_power_cut(w);
        else
            world_kill(w);
    }
    world_start(w, cut);
    steps(w, 500);
    checkpoint(w);
}

Test(control_replica, has_the_digests_of_the_engines)
{
    struct world w;
    live(&w, 3, 5, true);
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        cr_assert_eq(state_digest(world_state_of(&w.live, world_agents[i])),
                     state_digest(world_state_of(&w.copy, world_agents[i])));
    world_kill(&w);
    world_free(&w);
}

/* Rows that must be: from the log's first record on.
 * ------------------------------------------------------------ */

struct frame_in {
    uint8_t writer;
    uint64_t position, seq;
    uint32_t stream_epoch;
    struct record *record;
};

struct expected {
    char key[HISTORY_KEY_SIZE];
    struct history_row row;
    struct record *record;
};

struct expectation {
    struct frame_in *frames;
    size_t frame_count;
    struct expected *rows;
    size_t row_count, at;
};

static struct record *copy_of(const struct record *r)
{
    struct record *copy = malloc(r->size);
    memcpy(copy, r, r->size);
    return copy;
}

static void expect(struct expectation *x, uint64_t rfq, uint64_t seq, struct history_row row,
                   const struct record *r)
{
    x->rows = realloc(x->rows, (x->row_count + 1) * sizeof *x->rows);
    struct expected *e = &x->rows[x->row_count++];
    pair_key(e->key, rfq, seq);
    e->row = row;
    e->row.version = STORE_VALUE_VERSION;
    e->record = copy_of(r);
}

static void expect_cause(struct expectation *x, const struct batch *b)
{
    uint64_t rfq = 0;
    for (const struct record *r = batch_first(b); r && !rfq; r = batch_after(b, r))
        rfq = record_rfq(r);
    for (size_t i = 0; rfq && i < x->frame_count; i++)
        if (x->frames[i].writer == b->cause_agent && x->frames[i].position == b->cause)
            expect(x, rfq, x->frames[i].seq,
                   (struct history_row){.agent = x->frames[i].writer,
                                        .stream_epoch = x->frames[i].stream_epoch,
                                        .time_ns = x->frames[i].record->time_ns,
                                        .origin_time_ns = x->frames[i].record->time_ns},
                   x->frames[i].record);
}

static void expect_batch(struct expectation *x, const struct log_frame *f)
{
    const struct batch *b = log_frame_batch(f);
    uint64_t seq = f->first_seq;
    expect_cause(x, b);
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r), seq++) {
        if (r->type == RECORD_GATEWAY_IN && r->dest) {
            x->frames = realloc(x->frames, (x->frame_count + 1) * sizeof *x->frames);
            x->frames[x->frame_count++] = (struct frame_in){b->agent, batch_record_position(b, r), seq,
                                                            (uint32_t)f->stream_epoch, copy_of(r)};
        }
        if (record_rfq(r))
            expect(x, record_rfq(r), seq,
                   (struct history_row){.agent = b->agent,
                                        .stream_epoch = (uint32_t)f->stream_epoch,
                                        .time_ns = b->time_ns,
                                        .cause_time_ns = b->cause_time_ns,
                                        .origin_time_ns = b->origin_time_ns},
                   r);
    }
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, HISTORY_KEY_SIZE);
}

static void expect_all(struct expectation *x, const struct log *l)
{
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    memset(x, 0, sizeof *x);
    cr_assert_eq(log_reader_open(&reader, l, 0), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e)))
        expect_batch(x, f);
    log_reader_close(reader);
    qsort(x->rows, x->row_count, sizeof *x->rows, by_key);
}

static void expect_free(struct expectation *x)
{
    for (size_t i = 0; i < x->row_count; i++)
        free(x->rows[i].record);
    for (size_t i = 0; i < x->frame_count; i++)
        free(x->frames[i].record);
    free(x->rows);
    free(x->frames);
}

static int check_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct expectation *x = ctx;
    cr_assert_lt(x->at, x->row_count);
    const struct expected *e = &x->rows[x->at++];
    cr_assert_eq(key_size, sizeof e->key);
    cr_assert_arr_eq(key, e->key, sizeof e->key);
    cr_assert_eq(value_size, sizeof e->row + e->record->size);
    cr_assert_arr_eq(value, &e->row, sizeof e->row);
    cr_assert_arr_eq((const char *)value + sizeof e->row, e->record, e->record->size);
    return 0;
}

Test(control_replica, writes_each_record_about_an_rfq_and_its_frame_into_the_timeline_whoever_was_killed_when)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world w;
        struct expectation x;
        live(&w, seed, 12, false);
        expect_all(&x, w.log);
        cr_assert_gt(x.row_count, 1000);
        cr_assert_eq(w.store->ops->scan(w.store, TABLE_HISTORY, NULL, 0, check_row, &x), OK);
        cr_assert_eq(x.at, x.row_count);
        expect_free(&x);
        world_kill(&w);
        world_free(&w);
    }
}

Test(control_replica, writes_timelines_without_a_gap_after_power_cuts)
{
    struct world w;
    struct expectation x;
    live(&w, 9, 12, true);
    expect_all(&x, w.log);
    cr_assert_gt(log_stream_epoch(w.log), 1, "rows of several epochs");
    cr_assert_eq(w.store->ops->scan(w.store, TABLE_HISTORY, NULL, 0, check_row, &x), OK);
    cr_assert_eq(x.at, x.row_count);
    expect_free(&x);
    world_kill(&w);
    world_free(&w);
}

struct told {
    struct expectation *x;
    uint64_t rfq, next_seq;
    size_t count, left;
};

static bool check_told(void *ctx, uint64_t seq, const struct history_row *row)
{
    struct told *t = ctx;
    struct expectation *x = t->x;
    while (x->at < x->row_count && store_from_be64(x->rows[x->at].key) < t->rfq)
        x->at++;
    cr_assert_lt(x->at, x->row_count);
    const struct expected *e = &x->rows[x->at++];
    cr_assert_eq(store_from_be64(e->key), t->rfq);
    cr_assert_eq(store_from_be64(e->key + 8), seq);
    cr_assert_arr_eq(history_record(row), e->record, e->record->size);
    t->count++;
    t->next_seq = seq + 1;
    return --t->left > 0;
}

/* Nothing of it needs to be committed. */
Test(control_replica, tells_the_timeline_at_any_moment_up_to_what_it_applied)
{
    struct world w;
    world_make(&w, 17);
    world_start(&w, false);
    for (unsigned round = 0; round < 20; round++) {
        struct expectation x;
        size_t told = 0;
        steps(&w, 100);
        world_settle(&w);
        expect_all(&x, w.log);
        for (uint64_t rfq = 1; rfq <= 30; rfq++) {
            /* piece by piece: from where the last one ended on */
            struct told t = {.x = &x, .rfq = rfq};
            do {
                t.left = 7;
                cr_assert_eq(replica_history(w.replica, rfq, t.next_seq, check_told, &t), OK);
            } while (t.left == 0);
            told += t.count;
        }
        cr_assert_eq(told, x.row_count);
        expect_free(&x);
    }
    world_kill(&w);
    world_free(&w);
}

/* Read beside the replica, which goes on: some is committed while it is copied, some before it is read. */
Test(control_replica, a_timeline_read_beside_it_is_that_of_its_begin)
{
    enum { RFQS = 30 };
    struct world w;
    world_make(&w, 18);
    world_start(&w, false);
    for (unsigned round = 0; round < 20; round++) {
        struct replica_timeline *timelines[RFQS];
        struct expectation x;
        size_t told = 0;
        steps(&w, 100);
        world_settle(&w);
        expect_all(&x, w.log);
        for (uint64_t i = 0; i < RFQS; i++)
            cr_assert_eq(replica_timeline_begin(&timelines[i], w.replica, 1 + i), OK);
        for (uint64_t i = 0; i < RFQS; i++) {
            if (i % 10 == round % 10)
                checkpoint(&w);
            if (i % 3 == round % 3)
                steps(&w, 10);
            while (!replica_timeline_copy(timelines[i]))
                ;
        }
        steps(&w, 20);
        for (uint64_t i = 0; i < RFQS; i++) {
            struct told t = {.x = &x, .rfq = 1 + i, .left = SIZE_MAX};
            cr_assert_eq(replica_timeline_read(timelines[i], check_told, &t), OK);
            replica_timeline_end(timelines[i]);
            told += t.count;
        }
        cr_assert_eq(told, x.row_count);
        expect_free(&x);
    }
    world_kill(&w);
    world_free(&w);
}

struct walk {
    struct expectation *x;
    bool down;
    size_t left;
};

static bool walk_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct walk *k = ctx;
    cr_assert_gt(k->left, 0);
    k->left--;
    const struct expected *e = &k->x->rows[k->down ? k->left : k->x->row_count - 1 - k->left];
    cr_assert_eq(key_size, sizeof e->key);
    cr_assert_arr_eq(key, e->key, key_size);
    cr_assert_eq(value_size, sizeof(struct history_row) + e->record->size);
    cr_assert_arr_eq((const char *)value + sizeof(struct history_row), e->record, e->record->size);
    return true;
}

Test(control_replica, shows_its_rows_both_ways_whether_they_are_committed_or_not)
{
    struct world w;
    world_make(&w, 23);
    world_start(&w, false);
    for (unsigned round = 0; round < 20; round++) {
        struct expectation x;
        steps(&w, 100);
        world_settle(&w);
        expect_all(&x, w.log);
        for (unsigned down = 0; down < 2; down++) {
            struct walk k = {.x = &x, .down = down, .left = x.row_count};
            const struct replica_range all = {.table = TABLE_HISTORY, .down = down};
            cr_assert_eq(replica_scan(w.replica, &all, walk_row, &k), OK);
            cr_assert_eq(k.left, 0);
        }
        if (x.row_count > 1) { /* from a key on, and below it */
            size_t middle = x.row_count / 2;
            struct replica_range part = {
                .table = TABLE_HISTORY, .key = x.rows[middle].key, .key_size = HISTORY_KEY_SIZE};
            struct walk up = {.x = &x, .left = x.row_count - middle};
            cr_assert_eq(replica_scan(w.replica, &part, walk_row, &up), OK);
            cr_assert_eq(up.left, 0);
            struct walk below = {.x = &x, .down = true, .left = middle};
            part.down = true;
            cr_assert_eq(replica_scan(w.replica, &part, walk_row, &below), OK);
            cr_assert_eq(below.left, 0);
        }
        expect_free(&x);
    }
    world_kill(&w);
    world_free(&w);
}

/* Entities that left
 * --------------------------------------------------------------------------------------------- */

struct departed {
    const char *table;
    uint64_t rfq, id;
    char bytes[1024];
    uint32_t size;
};

struct departures {
    struct departed *list;
    size_t count;
};

static void departs(void *ctx, const struct table *t, const void *entity)
{
    struct departures *d = ctx;
    struct departed x = {.size = table_durable_size(t)};
    const char *name = table_name(t);
    x.table = !strcmp(name, "rfqs")     ? "rfqs_ended"
              : !strcmp(name, "quotes") ? "quotes_ended"
              : !strcmp(name, "orders") ? "orders_ended"
                                        : "fills_ended";
    memcpy(&x.id, entity, sizeof x.id);
    x.rfq = !strcmp(name, "rfqs")     ? x.id
            : !strcmp(name, "quotes") ? ((const struct quote *)entity)->rfq
            : !strcmp(name, "orders") ? ((const struct order *)entity)->rfq
                                      : ((const struct fill *)entity)->rfq;
    memcpy(x.bytes, entity, x.size);
    for (size_t i = 0; i < d->count; i++) /* the same one again: the last counts */
        if (d->list[i].table == x.table && d->list[i].rfq == x.rfq && d->list[i].id == x.id) {
            d->list[i] = x;
            return;
        }
    d->list = realloc(d->list, (d->count + 1) * sizeof x);
    d->list[d->count++] = x;
}

struct looked_up {
    const struct departed *wanted;
    bool same;
};

static int compare_departed(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct looked_up *l = ctx;
    char wanted[ENDED_KEY_SIZE];
    pair_key(wanted, l->wanted->rfq, l->wanted->id);
    l->same = key_size == sizeof wanted && memcmp(key, wanted, sizeof wanted) == 0 &&
              value_size == 1 + (size_t)l->wanted->size && *(const char *)value == STORE_VALUE_VERSION &&
              memcmp((const char *)value + 1, l->wanted->bytes, l->wanted->size) == 0;
    return 1;
}

static int count_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    (void)key;
    (void)key_size;
    (void)value;
    (void)value_size;
    ++*(size_t *)ctx;
    return 0;
}

static size_t count_rows(struct world *w, const char *table)
{
    size_t n = 0;
    cr_assert_eq(w->store->ops->scan(w->store, table, NULL, 0, count_row, &n), OK);
    return n;
}

Test(control_replica, keeps_entities_that_left_memory_as_they_were)
{
    struct world w;
    struct world_states fresh;
    struct departures d = {0};
    struct log_reader *reader;
    const struct log_frame *f;
    enum err e;
    live(&w, 23, 10, false);
    world_states_make(&fresh, false);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned t = 0; t < 2; t++)
            table_on_remove(world_state_of(&fresh, world_agents[i])->tables[t], departs, &d);
    cr_assert_eq(log_reader_open(&reader, w.log, 0), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e)))
        state_apply_batch(world_state_of(&fresh, log_frame_batch(f)->agent), log_frame_batch(f));
    log_reader_close(reader);
    cr_assert_gt(d.count, 50);
    for (size_t i = 0; i < d.count; i++) {
        struct looked_up l = {.wanted = &d.list[i]};
        char from[ENDED_KEY_SIZE];
        pair_key(from, d.list[i].rfq, d.list[i].id);
        cr_assert_eq(w.store->ops->scan(w.store, d.list[i].table, from, sizeof from, compare_departed, &l),
                     OK);
        cr_assert(l.same, "%s %lu", d.list[i].table, d.list[i].id);
    }
    cr_assert_eq(count_rows(&w, "rfqs_ended") + count_rows(&w, "quotes_ended") +
                     count_rows(&w, "orders_ended") + count_rows(&w, "fills_ended"),
                 d.count);
    /* Live tables hold what is alive, and nothing else. */
    for (unsigned i = 0; i < 2; i++)
        for (unsigned t = 0; t < 2; t++) {
            const struct table *table = world_state_of(&w.live, world_agents[i])->tables[t];
            cr_assert_eq(count_rows(&w, table_name(table)), table_count(table));
        }
    free(d.list);
    world_states_free(&fresh);
    world_kill(&w);
    world_free(&w);
}

struct oldest {
    uint64_t limit;
    bool younger;
};

static int check_age(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct oldest *o = ctx;
    (void)value;
    (void)value_size;
    cr_assert_eq(key_size, PURGE_KEY_SIZE);
    o->younger = store_from_be64(key) >= o->limit;
    return 1;
}

/* Of one RFQ: rows of a timeline, and one that says when it, or an order of it, left memory. */
static void put_past(struct store *s, uint64_t rfq, uint64_t left_ns)
{
    char key[16];
    for (uint64_t seq = 1; seq <= 3; seq++) {
        pair_key(key, rfq, seq);
        cr_assert_eq(s->ops->put(s, TABLE_HISTORY, key, sizeof key, "row", 3), OK);
    }
    pair_key(key, left_ns, rfq);
    cr_assert_eq(s->ops->put(s, TABLE_PURGE, key, sizeof key, "\1", 1), OK);
}

Test(control_replica, leaves_an_rfq_alone_that_is_in_memory_though_an_order_of_it_left_long_ago)
{
    struct world w;
    struct store_marks m = {.log_offset = 0};
    uint64_t forgotten = 0;
    char key[ENTITY_KEY_SIZE];
    world_make(&w, 83);
    cr_assert_eq(store_memory_create(&w.store, &w.keep), OK);
    struct store *s = w.store;
    cr_assert_eq(s->ops->begin(s), OK);
    put_past(s, 7, 100);
    put_past(s, 8, 100);
    put_past(s, 9, 200);
    entity_key(key, AGENT_DISTRIBUTION, 7);
    cr_assert_eq(s->ops->put(s, "rfqs", key, sizeof key, "\1", 1), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    cr_assert_eq(purge_expired(s, 200, &forgotten), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    cr_assert_eq(forgotten, 1);
    cr_assert_eq(count_rows(&w, TABLE_HISTORY), 6, "of the one in memory and of the one that left too late");
    cr_assert_eq(count_rows(&w, TABLE_PURGE), 1);
    s->ops->destroy(s);
    w.store = NULL;
    world_free(&w);
}

struct beginnings {
    uint64_t rfq, at[4];
    unsigned count;
};

static int take_beginning(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct beginnings *b = ctx;
    (void)key_size;
    (void)value;
    (void)value_size;
    if (store_from_be64((const char *)key + 8) == b->rfq && b->count < 4)
        b->at[b->count++] = store_from_be64(key);
    return 0;
}

static void order_leaves(struct world *w, uint64_t id, uint64_t rfq)
{
    struct table *orders = w->copy.routing->orders;
    struct order *o = table_insert(orders, id);
    o->rfq = rfq;
    table_remove(orders, o);
}

Test(control_replica, begins_retention_with_the_rfq_and_again_with_an_order_that_outlives_it)
{
    struct world w;
    struct beginnings b = {.rfq = 1000001};
    live(&w, 31, 0, false);
    uint64_t *now_d = &w.copy.distribution->base.now_ns, *now_r = &w.copy.routing->base.now_ns;
    struct rfq *q = table_insert(w.copy.distribution->rfqs, b.rfq);
    order_leaves(&w, 1000002, b.rfq); /* its RFQ is still to come */
    *now_d = *now_r + 500;            /* the agents' times of their polls differ */
    table_remove(w.copy.distribution->rfqs, q);
    order_leaves(&w, 1000003, b.rfq); /* not before its RFQ */
    *now_r += 900;
    order_leaves(&w, 1000004, b.rfq);
    const uint64_t left_ns = *now_d, outlived_ns = *now_r;
    steps(&w, 50);
    checkpoint(&w);
    cr_assert_eq(w.store->ops->scan(w.store, TABLE_PURGE, NULL, 0, take_beginning, &b), OK);
    cr_assert_eq(b.count, 2);
    cr_assert(b.at[0] == left_ns && b.at[1] == outlived_ns);
    world_kill(&w);
    world_free(&w);
}

Test(control_replica, forgets_what_left_memory_longer_ago_than_the_retention)
{
    struct world kept, w;
    live(&kept, 29, 0, false);
    world_make(&w, 29);
    w.retention_ns = 1000000000;
    world_start(&w, false);
    steps(&w, 500);
    checkpoint(&w);
    cr_assert_eq(count_rows(&w, TABLE_HISTORY), count_rows(&kept, TABLE_HISTORY),
                 "nothing is old enough yet");
    cr_assert_gt(count_rows(&w, TABLE_PURGE), 0);
    w.now += 2000000000;
    uint64_t limit = w.now - w.retention_ns;
    steps(&w, 300);
    checkpoint(&w);
    struct oldest o = {.limit = limit, .younger = true};
    cr_assert_eq(w.store->ops->scan(w.store, TABLE_PURGE, NULL, 0, check_age, &o), OK);
    cr_assert(o.younger, "what is left to forget is younger than the retention");
    steps(&kept, 300);
    checkpoint(&kept);
    cr_assert_lt(count_rows(&w, TABLE_HISTORY), count_rows(&kept, TABLE_HISTORY));
    cr_assert_lt(count_rows(&w, "rfqs_ended"), count_rows(&kept, "rfqs_ended"));
    cr_assert_eq(count_rows(&w, TABLE_ORDERS_RFQ), count_rows(&w, "orders_ended"));
    world_kill(&w);
    world_free(&w);
    world_kill(&kept);
    world_free(&kept);
}

/* Messages sent
 * -------------------------------------------------------------------------------------------------- */

struct sent_rows {
    const struct world *w;
    uint64_t first[WORLD_SESSIONS], last[WORLD_SESSIONS], count[WORLD_SESSIONS];
};

static int check_sent_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct sent_rows *r = ctx;
    uint32_t session = store_from_be32(key);
    uint64_t seq = store_from_be64((const char *)key + 12);
    struct gateway_out out;
    cr_assert_eq(key_size, SENT_KEY_SIZE);
    cr_assert_gt(value_size, sizeof(struct sent_row) + sizeof out);
    memcpy(&out, (const char *)value + sizeof(struct sent_row), sizeof out);
    cr_assert(out.head.session == session && out.seq == seq && !out.admin);
    if (store_from_be64((const char *)key + 4) != gateway_session(r->w->live.gateway, session)->generation)
        return 0; /* started again, and nothing was sent since */
    if (!r->count[session]++)
        r->first[session] = seq;
    r->last[session] = seq;
    return 0;
}

Test(control_replica, keeps_the_newest_messages_of_each_session_and_no_more)
{
    struct world w;
    world_make(&w, 37);
    w.sent_max = 10;
    for (unsigned life = 0; life < 6; life++) {
        world_start(&w, false);
        steps(&w, 400);
        checkpoint(&w);
        struct sent_rows r = {.w = &w};
        cr_assert_eq(w.store->ops->scan(w.store, TABLE_SENT, NULL, 0, check_sent_row, &r), OK);
        for (unsigned s = 0; s < WORLD_SESSIONS; s++)
            cr_assert(r.count[s] <= 10 && (!r.count[s] || r.last[s] - r.first[s] < 10));
        cr_assert_leq(count_rows(&w, TABLE_SENT), 10 * WORLD_SESSIONS);
        world_kill(&w);
    }
    world_free(&w);
}

/* When things go wrong
 * ------------------------------------------------------------------------------------------- */

static uint64_t gauge(const struct counters *counters, const char *name)
{
    struct counter_view v;
    for (uint32_t i = 0; counters_at(counters, i, &v); i++)
        if (strcmp(v.name, name) == 0)
            return v.value;
    cr_assert_fail("%s", name);
    return 0;
}

Test(control_replica, stops_and_says_where_a_digest_differs)
{
    struct world w;
    world_make(&w, 43);
    cr_assert_eq(counters_create(&w.counters, NULL), OK);
    world_start(&w, false);
    steps(&w, 500);
    checkpoint(&w);
    uint64_t committed = replica_checkpoint_offset(w.replica);
    w.wrong_digest = true;
    for (unsigned i = 0; i < 5000 && !replica_divergence(w.replica); i++)
        world_step(&w);
    cr_assert_not_null(replica_divergence(w.replica));
    cr_assert(strstr(replica_divergence(w.replica), "the engine's digest is"));
    uint64_t seq = replica_seq(w.replica), offset = replica_checkpoint_offset(w.replica);
    steps(&w, 500);
    cr_assert_eq(replica_seq(w.replica), seq, "nothing is applied any more");
    cr_assert(replica_checkpoint_offset(w.replica) <= replica_offset(w.replica) && offset >= committed);
    cr_assert_eq(replica_checkpoint_now(w.replica), ERR_STATE);
    struct agent a = replica_agent(w.replica);
    a.poll(a.self, w.now + 100000000);
    cr_assert_eq(gauge(w.counters, "rfqd_replica_lag_bytes"), log_written(w.log) - replica_offset(w.replica),
                 "how far it is behind is shown while it stands still");
    world_kill(&w);
    world_free(&w);
    counters_close(w.counters);
}

Test(control_replica, holds_the_log_while_the_store_is_full_and_goes_on_when_it_is_not)
{
    struct world w;
    world_make(&w, 47);
    world_start(&w, false);
    steps(&w, 300);
    checkpoint(&w);
    uint64_t committed = replica_checkpoint_offset(w.replica);
    store_memory_limit(w.keep, 1);
    steps(&w, 1500);
    cr_assert_eq(replica_checkpoint_offset(w.replica), committed);
    cr_assert(replica_error(w.replica) && strstr(replica_error(w.replica), "full"));
    cr_assert_null(replica_divergence(w.replica));
    cr_assert_gt(replica_offset(w.replica), committed, "it goes on applying");
    store_memory_limit(w.keep, 0);
    w.now += CHECKPOINT_RETRY_NS;
    steps(&w, 300);
    cr_assert_gt(replica_checkpoint_offset(w.replica), committed);
    cr_assert_null(replica_error(w.replica));
    world_stop(&w);
    world_start(&w, false);
    world_kill(&w);
    world_free(&w);
}

Test(control_replica, makes_room_in_a_full_store_by_forgetting_what_retention_lets_it)
{
    struct world w;
    world_make(&w, 67);
    w.retention_ns = 1000000000;
    world_start(&w, false);
    steps(&w, 1000);
    checkpoint(&w);
    size_t before = count_rows(&w, TABLE_HISTORY);
    store_memory_limit(w.keep, 1);
    steps(&w, 500);
    cr_assert_not_null(replica_error(w.replica));
    cr_assert_eq(count_rows(&w, TABLE_HISTORY), before, "nothing is old enough");
    w.now += 3000000000; /* now it is: deletions alone are always possible here */
    steps(&w, 200);
    cr_assert_lt(count_rows(&w, TABLE_HISTORY), before);
    cr_assert_not_null(replica_error(w.replica));
    store_memory_limit(w.keep, 0);
    w.now += CHECKPOINT_RETRY_NS;
    steps(&w, 200);
    cr_assert_null(replica_error(w.replica));
    world_stop(&w);
    world_free(&w);
}

Test(control_replica, refuses_states_that_are_not_new)
{
    struct world w;
    struct replica *r;
    world_make(&w, 53);
    world_start(&w, false);
    steps(&w, 100);
    struct replica_config c = *replica_config(w.replica);
    cr_assert_eq(replica_create(&r, &c), ERR_STATE);
    cr_assert_null(r);
    cr_assert(strstr(replica_create_error(), "not new"));
    world_kill(&w);
    world_free(&w);
}

Test(control_replica, commits_on_a_thread_of_its_own)
{
    struct world w;
    struct expectation x;
    world_make(&w, 59);
    w.own_thread = true;
    for (unsigned life = 0; life < 5; life++) {
        world_start(&w, false);
        steps(&w, 800);
        world_kill(&w);
    }
    world_start(&w, false);
    checkpoint(&w);
    expect_all(&x, w.log);
    cr_assert_eq(w.store->ops->scan(w.store, TABLE_HISTORY, NULL, 0, check_row, &x), OK);
    cr_assert_eq(x.at, x.row_count);
    expect_free(&x);
    world_kill(&w);
    world_free(&w);
}

Test(control_replica, measures_each_stage_as_often_as_it_was_gone_through)
{
    struct world w;
    struct log_reader *reader;
    const struct log_frame *f;
    uint64_t decisions = 0, outs = 0, chains = 0;
    enum err e;
    world_make(&w, 61);
    world_start(&w, false);
    steps(&w, 2000);
    world_settle(&w);
    cr_assert_eq(log_reader_open(&reader, w.log, 0), OK);
    while ((f = log_reader_next(reader, UINT64_MAX, &e))) {
        const struct batch *b = log_frame_batch(f);
        decisions += b->agent < AGENT_CONTROL && b->cause_agent == AGENT_GATEWAY && b->origin_time_ns;
        for (const struct record *r = batch_first(b); r; r = batch_after(b, r))
            if (r->type == RECORD_GATEWAY_OUT && !((const struct gateway_out *)(const void *)r)->admin) {
                outs++;
                chains += b->origin_time_ns != 0;
            }
    }
    log_reader_close(reader);
    cr_assert_gt(outs, 50);
    cr_assert_eq(replica_stage(w.replica, STAGE_IN_TO_DECISION)->count, decisions);
    cr_assert_eq(replica_stage(w.replica, STAGE_DECISION_TO_OUT)->count, outs);
    cr_assert_eq(replica_stage(w.replica, STAGE_IN_TO_OUT)->count, chains);
    replica_stages_reset(w.replica);
    cr_assert_eq(replica_stage(w.replica, STAGE_IN_TO_OUT)->count, 0);
    world_kill(&w);
    world_free(&w);
}
