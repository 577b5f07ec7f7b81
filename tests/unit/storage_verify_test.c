/* Verify over a small world (storage_world.h): nothing to say where all is well, and each damage by name. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/replica/purge.h"
#include "dataplane/model/record_rfq.h"
#include "random.h"
#include "storage/tables.h"
#include "storage/verify.h"
#include "storage_world.h"

struct found {
    char text[4096];
};

static void note(void *ctx, const struct verify_difference *d)
{
    struct found *f = ctx;
    size_t at = strlen(f->text);
    snprintf(f->text + at, sizeof f->text - at, "[%s %lu: %s]", d->table, d->id, d->what);
}

/* Some lives with kills and cuts, then settled and committed. */
static void live(struct world *w, uint64_t seed)
{
    bool cut = false;
    world_make(w, seed);
    for (unsigned i = 0; i < 6; i++) {
        world_start(w, cut);
        for (unsigned n = 0; n < 300; n++)
            world_step(w);
        cut = i % 2;
        if (cut)
            world_power_cut(w);
        else
            world_kill(w);
    }
    world_start(w, cut);
    for (unsigned n = 0; n < 500; n++)
        world_step(w);
    world_settle(w);
    cr_assert_eq(log_flush(w->log), OK);
    cr_assert_eq(replica_checkpoint_now(w->replica), OK);
}

static struct verify_report verify(struct world *w, struct found *f, void (*change)(struct verify_input *in))
{
    struct world_states fresh;
    struct verify_report report;
    world_states_make(&fresh, false);
    struct verify_input in = {.store = w->store, .log = w->log, .live_offset = replica_offset(w->replica)};
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        in.states[a] = world_state_of(&fresh, a);
        in.live_digest[a] = state_digest(world_state_of(&w->copy, a));
    }
    if (change)
        change(&in);
    memset(f, 0, sizeof *f);
    cr_assert_eq(verify_run(&in, &report, note, f), OK, "%s", store_error());
    world_states_free(&fresh);
    return report;
}

static void end(struct world *w)
{
    world_kill(w);
    world_free(w);
}

Test(storage_verify, says_nothing_where_all_is_well)
{
    struct world w;
    struct found f;
    live(&w, 1);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_eq(r.differences, 0, "%s", f.text);
    cr_assert(r.from_start && r.complete);
    cr_assert_eq(r.first_offset, 0);
    cr_assert_eq(r.end, log_end(w.log));
    cr_assert_eq(r.records, replica_seq(w.replica) - 1);
    cr_assert(r.digests > 10 && r.entities > 50 && r.rows > 500 && r.rows < r.records);
    end(&w);
}

Test(storage_verify, names_the_record_that_a_newer_program_wrote)
{
    struct world w;
    struct found f = {""};
    struct world_states fresh;
    struct verify_report report;
    live(&w, 1);
    w.newer = 2;
    for (unsigned n = 0; n < 300; n++)
        world_step(&w);
    cr_assert_eq(log_flush(w.log), OK);
    world_states_make(&fresh, false);
    struct verify_input in = {.store = w.store, .log = w.log};
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        in.states[world_agents[i]] = world_state_of(&fresh, world_agents[i]);
    cr_assert_eq(verify_run(&in, &report, note, &f), ERR_VERSION);
    cr_assert(strstr(store_error(), "log, offset ") &&
                  strstr(store_error(),
                         "_NOTED of version 2: a newer program wrote it, this one knows version 1 only"),
              "%s", store_error());
    cr_assert(!report.complete && report.frames > 100 && report.end < log_end(w.log));
    world_states_free(&fresh);
    end(&w);
}

static bool is_unwanted(void *ctx)
{
    unsigned *left = ctx;
    return (*left)-- == 0;
}

Test(storage_verify, gives_up_when_nobody_waits_for_it)
{
    struct world w;
    struct found f = {""};
    struct world_states fresh;
    struct verify_report report;
    unsigned frames = 20;
    live(&w, 1);
    world_states_make(&fresh, false);
    struct verify_input in = {
        .store = w.store, .log = w.log, .is_unwanted = is_unwanted, .is_unwanted_ctx = &frames};
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        in.states[world_agents[i]] = world_state_of(&fresh, world_agents[i]);
    cr_assert_eq(verify_run(&in, &report, note, &f), ERR_CLOSED);
    cr_assert(strstr(store_error(), "given up"), "%s", store_error());
    cr_assert_eq(report.frames, 20);
    world_states_free(&fresh);
    end(&w);
}

Test(storage_verify, compares_with_a_store_that_is_behind_the_log)
{
    struct world w;
    struct found f;
    live(&w, 2);
    store_memory_limit(w.keep, 1); /* no more commits */
    for (unsigned n = 0; n < 500; n++)
        world_step(&w);
    world_settle(&w);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_eq(r.differences, 0, "%s", f.text);
    cr_assert_lt(replica_checkpoint_offset(w.replica), r.end);
    cr_assert_gt(r.rows, 500);
    end(&w);
}

static void lie(struct verify_input *in)
{
    in->live_digest[AGENT_ROUTING] ^= 1;
}

Test(storage_verify, names_an_agent_whose_live_state_differs)
{
    struct world w;
    struct found f;
    live(&w, 3);
    struct verify_report r = verify(&w, &f, lie);
    cr_assert_eq(r.differences, 1, "%s", f.text);
    cr_assert(strstr(f.text, "routing: the live state has"), "%s", f.text);
    end(&w);
}

/* Damage to the store, behind the replica's back. */
static void tamper(struct world *w, const char *table, const void *key, size_t key_size, const void *value,
                   size_t value_size)
{
    struct store *s;
    struct store_marks m;
    cr_assert_eq(store_memory_create(&s, &w->keep), OK);
    cr_assert(s->ops->marks(s, &m) == OK && s->ops->begin(s) == OK &&
              s->ops->put(s, table, key, key_size, value, value_size) == OK && s->ops->commit(s, &m) == OK);
    s->ops->destroy(s);
}

static const struct quote *any_quote(const struct world *w)
{
    const struct table *t = w->live.distribution->quotes;
    for (uint32_t slot = 0; slot < table_slots(t); slot++)
        if (table_at(t, slot))
            return table_at(t, slot);
    cr_assert_fail("a world without quotes");
    abort();
}

Test(storage_verify, names_the_field_in_which_an_entity_differs)
{
    struct world w;
    struct found f;
    char key[ENTITY_KEY_SIZE], value[1 + sizeof(struct quote)] = {STORE_VALUE_VERSION}, wanted[80];
    live(&w, 4);
    struct quote q = *any_quote(&w);
    q.bid++;
    entity_key(key, AGENT_DISTRIBUTION, q.id);
    memcpy(value + 1, &q, offsetof(struct quote, transient));
    tamper(&w, "quotes", key, sizeof key, value, 1 + offsetof(struct quote, transient));
    struct verify_report r = verify(&w, &f, NULL);
    snprintf(wanted, sizeof wanted, "[quotes %lu: the store has another bid]", q.id);
    cr_assert_str_eq(f.text, wanted);
    cr_assert_eq(r.differences, 1);
    end(&w);
}

Test(storage_verify, names_an_entity_that_is_missing_and_one_that_is_too_many)
{
    struct world w;
    struct found f;
    char key[ENTITY_KEY_SIZE], value[1 + sizeof(struct quote)] = {STORE_VALUE_VERSION}, wanted[200];
    live(&w, 5);
    struct quote q = *any_quote(&w);
    entity_key(key, AGENT_DISTRIBUTION, q.id);
    tamper(&w, "quotes", key, sizeof key, NULL, 0);
    uint64_t missing = q.id;
    q.id = 777;
    entity_key(key, AGENT_DISTRIBUTION, q.id);
    memcpy(value + 1, &q, offsetof(struct quote, transient));
    tamper(&w, "quotes", key, sizeof key, value, 1 + offsetof(struct quote, transient));
    struct verify_report r = verify(&w, &f, NULL);
    snprintf(wanted, sizeof wanted,
             "[quotes 777: the store has it, the log does not lead to it]"
             "[quotes %lu: the log leads to it, the store does not have it]",
             missing);
    cr_assert_str_eq(f.text, wanted);
    cr_assert_eq(r.differences, 2);
    end(&w);
}

struct first_row {
    char key[32];
    size_t key_size;
};

static int take_key(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct first_row *r = ctx;
    (void)value;
    (void)value_size;
    memcpy(r->key, key, key_size);
    r->key_size = key_size;
    return 1;
}

static struct first_row first_of(struct world *w, const char *table)
{
    struct first_row r = {.key_size = 0};
    cr_assert_eq(w->store->ops->scan(w->store, table, NULL, 0, take_key, &r), OK);
    cr_assert_gt(r.key_size, 0);
    return r;
}

Test(storage_verify, names_an_ended_entity_that_is_not_as_it_left)
{
    struct world w;
    struct found f;
    char wanted[120];
    live(&w, 6);
    struct first_row row = first_of(&w, "orders_ended");
    tamper(&w, "orders_ended", row.key, row.key_size, "\1rubbish", 8);
    verify(&w, &f, NULL);
    snprintf(wanted, sizeof wanted, "[orders %lu: ended: the store has it otherwise than it left memory]",
             store_from_be64(row.key + 8));
    cr_assert_str_eq(f.text, wanted);
    end(&w);
}

/* Everything that left memory is forgotten. */
static void forget_all(struct world *w)
{
    struct store_marks m;
    uint64_t forgotten = 0;
    cr_assert_eq(w->store->ops->marks(w->store, &m), OK);
    cr_assert_eq(w->store->ops->begin(w->store), OK);
    cr_assert_eq(purge_expired(w->store, UINT64_MAX, &forgotten), OK);
    cr_assert_eq(w->store->ops->commit(w->store, &m), OK);
    cr_assert_gt(forgotten, 0);
}

Test(storage_verify, does_not_miss_what_retention_has_forgotten)
{
    struct world w;
    struct found f;
    live(&w, 8);
    struct verify_report before = verify(&w, &f, NULL);
    forget_all(&w);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_eq(r.differences, 0, "%s", f.text);
    cr_assert(r.from_start && r.complete);
    cr_assert(r.rows > 0 && r.rows < before.rows, "of those that are left");
    end(&w);
}

Test(storage_verify, names_an_rfq_that_retention_cannot_have_forgotten)
{
    struct world w;
    struct found f;
    char key[PURGE_KEY_SIZE];
    live(&w, 8);
    struct first_row row = first_of(&w, TABLE_PURGE); /* the first that is still to be forgotten */
    forget_all(&w);
    pair_key(key, store_from_be64(row.key), 0);
    tamper(&w, TABLE_PURGE, key, sizeof key, "\1", 1);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_gt(r.differences, 0);
    cr_assert(strncmp(f.text, "[rfqs ", 6) == 0 && strstr(f.text, "ended: the store does not have it"), "%s",
              f.text);
    end(&w);
}

Test(storage_verify, names_an_event_that_a_timeline_lacks)
{
    struct world w;
    struct found f;
    char wanted[120];
    uint64_t seq = 0, rfq = 0;
    struct log_reader *reader;
    const struct log_frame *frame;
    enum err e;
    live(&w, 7);
    cr_assert_eq(log_reader_open(&reader, w.log, 0), OK);
    while (!rfq && (frame = log_reader_next(reader, UINT64_MAX, &e))) { /* an event of an RFQ that is alive */
        uint64_t at = frame->first_seq;
        for (const struct record *r = batch_first(log_frame_batch(frame)); r && !rfq;
             r = batch_after(log_frame_batch(frame), r), at++)
            if (record_rfq(r) && table_get(w.live.distribution->rfqs, record_rfq(r))) {
                rfq = record_rfq(r);
                seq = at;
            }
    }
    log_reader_close(reader);
    cr_assert_neq(rfq, 0);
    char key[HISTORY_KEY_SIZE];
    pair_key(key, rfq, seq);
    tamper(&w, TABLE_HISTORY, key, sizeof key, NULL, 0);
    verify(&w, &f, NULL);
    snprintf(wanted, sizeof wanted, "[history %lu: the store's timeline of the RFQ does not have this event]",
             seq);
    cr_assert_str_eq(f.text, wanted);
    end(&w);
}

static int take_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct history_row *row = ctx;
    (void)key;
    (void)key_size;
    cr_assert_geq(value_size, sizeof *row);
    memcpy(row, value, value_size);
    return 1;
}

/* Rows of before there was one have none. */
Test(storage_verify, names_an_event_under_another_stream_epoch)
{
    struct world w;
    struct found f;
    _Alignas(8) char value[sizeof(struct history_row) + RECORD_SIZE_MAX];
    struct history_row *row = (void *)value;
    live(&w, 7);
    struct first_row first = first_of(&w, TABLE_HISTORY);
    cr_assert_eq(w.store->ops->scan(w.store, TABLE_HISTORY, NULL, 0, take_row, value), OK);
    cr_assert_neq(row->stream_epoch, 0);
    const size_t size = sizeof *row + ((const struct record *)(const void *)(row + 1))->size;
    row->stream_epoch++;
    tamper(&w, TABLE_HISTORY, first.key, first.key_size, value, size);
    cr_assert_eq(verify(&w, &f, NULL).differences, 1);
    cr_assert(strstr(f.text, "the store has another record under this number"), "%s", f.text);
    row->stream_epoch = 0;
    tamper(&w, TABLE_HISTORY, first.key, first.key_size, value, size);
    cr_assert_eq(verify(&w, &f, NULL).differences, 0, "%s", f.text);
    end(&w);
}

Test(storage_verify, names_the_place_where_an_engine_disagreed)
{
    struct world w;
    struct found f;
    live(&w, 8);
    w.wrong_digest = true;
    for (unsigned i = 0; i < 5000 && !replica_divergence(w.replica); i++)
        world_step(&w);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_gt(r.differences, 0);
    cr_assert(strstr(f.text, "[digest ") && strstr(f.text, "the engine had"), "%s", f.text);
    end(&w);
}

Test(storage_verify, begins_with_the_store_where_the_first_record_was_recycled)
{
    struct world w;
    struct found f;
    world_make(&w, 9);
    w.retain_size = 1;
    w.digest_every = 3;
    world_start(&w, false);
    while (log_begin(w.log) == 0)
        world_step(&w);
    for (unsigned n = 0; n < 200; n++)
        world_step(&w);
    world_settle(&w);
    struct verify_report r = verify(&w, &f, NULL);
    cr_assert_eq(r.differences, 0, "%s", f.text);
    cr_assert(!r.from_start && r.complete);
    cr_assert_eq(r.first_offset, replica_checkpoint_offset(w.replica));
    world_kill(&w);
    world_start(&w, false); /* and recovery takes it too */
    world_stop(&w);
    world_free(&w);
}
