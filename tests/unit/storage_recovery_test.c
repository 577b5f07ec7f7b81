/* Recovery, held against journals of everything that was ever committed (storage_world.h). world_start checks
 * at every restart: the states' digests, that the cut is causal, the pending records one by one, and the
 * messages sent. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "random.h"
#include "storage/tables.h"
#include "storage_world.h"

Test(storage_recovery, of_nothing_is_an_empty_start)
{
    struct world w;
    world_make(&w, 1);
    world_start(&w, false);
    cr_assert_eq(w.recovered.next_seq, 1);
    cr_assert_eq(w.recovered.frames + w.recovered.batches, 0);
    cr_assert_eq(w.redelivered, 0);
    cr_assert(!w.recovered.power_cut);
    world_kill(&w);
    world_free(&w);
}

Test(storage_recovery, after_a_kill_at_any_moment_has_everything_that_was_committed)
{
    uint64_t redelivered = 0, from_log = 0, from_rings = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world w;
        world_make(&w, seed);
        for (unsigned life = 0; life < 30; life++) {
            world_start(&w, false);
            cr_assert(!w.recovered.power_cut);
            from_log += w.recovered.frames;
            from_rings += w.recovered.batches;
            for (uint64_t n = random_below(&w.random, 400); n > 0; n--)
                world_step(&w);
            world_kill(&w);
        }
        world_start(&w, false);
        world_stop(&w);
        redelivered += w.redelivered;
        world_free(&w);
    }
    cr_assert(redelivered > 100 && from_log > 100 && from_rings > 100, "the test must have tested something");
}

Test(storage_recovery, after_a_power_cut_is_the_state_of_a_prefix_that_was_synced_at_least)
{
    uint64_t lost = 0;
    for (uint64_t seed = 11; seed <= 14; seed++) {
        struct world w;
        world_make(&w, seed);
        world_start(&w, false);
        for (unsigned life = 0; life < 20; life++) {
            for (uint64_t n = random_below(&w.random, 500); n > 0; n--)
                world_step(&w);
            uint64_t durable = log_durable(w.log), before = 0, after = 0;
            bool had_log = log_end(w.log) > 0;
            for (unsigned i = 0; i < WORLD_AGENTS; i++)
                before += world_written(&w, world_agents[i]);
            world_power_cut(&w);
            world_start(&w, true);
            cr_assert_geq(w.recovered.log_offset, durable);
            cr_assert(w.recovered.power_cut || !had_log || w.recovered.log_offset == 0);
            for (unsigned i = 0; i < WORLD_AGENTS; i++)
                after += w.recovered.position[world_agents[i]];
            lost += before - after;
        }
        world_stop(&w);
        world_free(&w);
    }
    cr_assert_gt(lost, 0, "the test must have tested something");
}

Test(storage_recovery, after_kills_and_power_cuts_in_any_order_goes_on)
{
    for (uint64_t seed = 21; seed <= 24; seed++) {
        struct world w;
        bool cut = false;
        world_make(&w, seed);
        for (unsigned life = 0; life < 25; life++) {
            world_start(&w, cut);
            for (uint64_t n = random_below(&w.random, 300); n > 0; n--)
                world_step(&w);
            cut = random_below(&w.random, 3) == 0;
            if (random_below(&w.random, 6) == 0)
                world_stop(&w), cut = false;
            else if (cut)
                world_power_cut(&w);
            else
                world_kill(&w);
        }
        world_start(&w, cut);
        world_stop(&w);
        world_free(&w);
    }
}

Test(storage_recovery, after_a_clean_stop_replays_nothing)
{
    struct world w;
    world_make(&w, 5);
    world_start(&w, false);
    for (unsigned i = 0; i < 500; i++)
        world_step(&w);
    world_stop(&w);
    world_start(&w, false);
    cr_assert_eq(w.recovered.frames + w.recovered.batches, 0);
    cr_assert_eq(w.redelivered, 0);
    cr_assert_gt(w.recovered.next_seq, 100);
    world_kill(&w);
    world_free(&w);
}

Test(storage_recovery, rebuilds_a_lost_store_from_a_log_that_is_whole)
{
    struct world w;
    world_make(&w, 51);
    world_start(&w, false);
    for (unsigned i = 0; i < 1000; i++)
        world_step(&w);
    world_stop(&w);
    store_memory_free(w.keep);
    w.keep = NULL;
    world_start(&w, false); /* checks the states, what was under way, and what was sent */
    cr_assert_gt(w.recovered.frames, 300);
    world_stop(&w);
    world_start(&w, false);
    cr_assert_eq(w.recovered.frames, 0);
    world_kill(&w);
    world_free(&w);
}

/* Stopped cleanly; opened as far as recovery_run, to see what it says. */
struct opened {
    struct recovery_input in;
    struct recovery_result result;
    struct world_states states;
    struct store *store;
    struct log *log;
};

static void stopped_world(struct world *w, uint64_t seed)
{
    world_make(w, seed);
    world_start(w, false);
    for (unsigned i = 0; i < 600; i++)
        world_step(w);
    world_stop(w);
}

static enum err open_again(struct world *w, struct opened *o)
{
    struct log_config log = {
        .disk = w->disk, .segment_size = LOG_SEGMENT_SIZE_MIN, .sync_interval_ns = 2000000};
    memcpy(log.instance, w->identity.instance, sizeof log.instance);
    memset(o, 0, sizeof *o);
    cr_assert_eq(log_open(&o->log, &log), OK);
    cr_assert_eq(store_memory_create(&o->store, &w->keep), OK);
    world_states_make(&o->states, false);
    o->in = (struct recovery_input){.store = o->store, .log = o->log};
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        o->in.states[world_agents[i]] = world_state_of(&o->states, world_agents[i]);
    return recovery_run(&o->in, &o->result);
}

static void close_again(struct world *w, struct opened *o)
{
    log_close(o->log);
    o->store->ops->destroy(o->store);
    world_states_free(&o->states);
    world_free(w);
}

/* Change the store behind everybody's back. value NULL: only the marks. */
static void tamper(struct world *w, void (*change)(struct store_marks *m), const char *table, const void *key,
                   size_t key_size, const void *value, size_t value_size)
{
    struct store *s;
    struct store_marks m;
    cr_assert_eq(store_memory_create(&s, &w->keep), OK);
    cr_assert_eq(s->ops->marks(s, &m), OK);
    if (change)
        change(&m);
    cr_assert_eq(s->ops->begin(s), OK);
    if (table)
        cr_assert_eq(s->ops->put(s, table, key, key_size, value, value_size), OK);
    cr_assert_eq(s->ops->commit(s, &m), OK);
    s->ops->destroy(s);
}

static void beyond_the_log(struct store_marks *m)
{
    m->log_offset += 1u << 20;
}

Test(storage_recovery, refuses_a_store_that_is_ahead_of_its_log)
{
    struct world w;
    struct opened o;
    stopped_world(&w, 31);
    tamper(&w, beyond_the_log, NULL, NULL, 0, NULL, 0);
    cr_assert_eq(open_again(&w, &o), ERR_CORRUPT);
    cr_assert(strstr(o.result.error, "the log was lost"), "%s", o.result.error);
    close_again(&w, &o);
}

Test(storage_recovery, refuses_a_store_whose_entities_do_not_have_the_digest_of_its_commit)
{
    struct world w;
    struct opened o;
    stopped_world(&w, 32);
    struct rfq stray = {.id = 4242};
    char key[ENTITY_KEY_SIZE], value[1 + sizeof stray];
    entity_key(key, AGENT_DISTRIBUTION, stray.id);
    value[0] = STORE_VALUE_VERSION;
    memcpy(value + 1, &stray, sizeof stray);
    tamper(&w, NULL, "rfqs", key, sizeof key, value, 1 + offsetof(struct rfq, transient));
    cr_assert_eq(open_again(&w, &o), ERR_CORRUPT);
    cr_assert(strstr(o.result.error, "digest"), "%s", o.result.error);
    close_again(&w, &o);
}

Test(storage_recovery, names_the_entity_that_a_newer_program_wrote)
{
    struct world w;
    struct opened o;
    stopped_world(&w, 33);
    char key[ENTITY_KEY_SIZE], value[4] = {STORE_VALUE_VERSION + 1};
    entity_key(key, AGENT_DISTRIBUTION, 9999);
    tamper(&w, NULL, "rfqs", key, sizeof key, value, sizeof value);
    cr_assert_eq(open_again(&w, &o), ERR_VERSION);
    cr_assert(strstr(o.result.error, "rfqs 9999: of version 2"), "%s", o.result.error);
    close_again(&w, &o);
}

Test(storage_recovery, refuses_more_entities_than_the_tables_take)
{
    struct world w;
    struct opened o;
    stopped_world(&w, 34);
    for (uint64_t id = 1000; id < 1100; id++) {
        char key[ENTITY_KEY_SIZE], value[1 + sizeof(struct rfq)] = {STORE_VALUE_VERSION};
        entity_key(key, AGENT_DISTRIBUTION, id);
        memcpy(value + 1, &id, sizeof id);
        tamper(&w, NULL, "rfqs", key, sizeof key, value, 1 + offsetof(struct rfq, transient));
    }
    cr_assert_eq(open_again(&w, &o), ERR_LIMIT);
    cr_assert(strstr(o.result.error, "more rfqs than their capacity, 64"), "%s", o.result.error);
    close_again(&w, &o);
}

/* Two of three rings are there, with more in them than the log has. */
Test(storage_recovery, takes_no_ring_where_one_is_missing)
{
    struct world w;
    struct opened o;
    struct ring rings[WORLD_AGENTS];
    char path[96];
    world_make(&w, 41);
    world_start(&w, false);
    for (unsigned i = 0; i < 800; i++)
        world_step(&w);
    world_settle(&w);
    uint64_t merged = log_end(w.log), written = 0;
    while (log_end(w.log) == merged && written < 5) /* in the rings only */
        written += world_receive(&w);
    world_kill(&w);
    open_again(&w, &o); /* without rings: only to have the parts */
    o.store->ops->destroy(o.store);
    world_states_free(&o.states);
    cr_assert_eq(store_memory_create(&o.store, &w.keep), OK);
    world_states_make(&o.states, false);
    o.in.store = o.store;
    for (unsigned i = 0; i < WORLD_AGENTS; i++) {
        uint8_t a = world_agents[i];
        snprintf(path, sizeof path, "%s/%u.ring", w.directory, a);
        o.in.states[a] = world_state_of(&o.states, a);
        cr_assert_eq(ring_open(&rings[i], path, a, &w.identity), OK);
        o.in.rings[a] = a == AGENT_ROUTING ? NULL : &rings[i];
    }
    cr_assert_eq(recovery_run(&o.in, &o.result), OK, "%s", o.result.error);
    cr_assert(o.result.power_cut);
    cr_assert_eq(o.result.log_offset, merged);
    cr_assert_eq(o.result.batches, 0);
    cr_assert_arr_eq(o.result.position, o.result.merged, sizeof o.result.position);
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        ring_close(&rings[i]);
    close_again(&w, &o);
}

Test(storage_recovery, refuses_a_lost_store_where_the_log_was_recycled)
{
    struct world w;
    struct opened o;
    world_make(&w, 52);
    w.retain_size = 1;
    world_start(&w, false);
    while (log_begin(w.log) == 0)
        world_step(&w);
    world_stop(&w);
    store_memory_free(w.keep);
    w.keep = NULL;
    cr_assert_eq(open_again(&w, &o), ERR_CORRUPT);
    cr_assert(strstr(o.result.error, "the store was lost"), "%s", o.result.error);
    close_again(&w, &o);
}
