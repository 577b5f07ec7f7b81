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

/* What a newer program wrote is named and left as it is: that program still finds all of it. */
Test(storage_recovery, names_the_record_that_a_newer_program_wrote)
{
    struct world w;
    struct opened o;
    struct log_reader *reader;
    enum err e;
    world_make(&w, 35);
    world_start(&w, false);
    for (unsigned i = 0; i < 300; i++)
        world_step(&w);
    world_settle(&w);
    uint64_t known = log_end(w.log);
    w.newer = 7;
    for (unsigned i = 0; i < 300; i++)
        world_step(&w);
    cr_assert(strstr(replica_divergence(w.replica),
                     "of version 7: a newer program wrote it, this one knows version 1 only"),
              "%s", replica_divergence(w.replica));
    cr_assert_eq(log_flush(w.log), OK);
    uint64_t end = log_end(w.log);
    world_kill(&w);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(open_again(&w, &o), ERR_VERSION);
        const char *why = o.result.error;
        cr_assert(
            strstr(why, "log, offset ") && strstr(why, ": event ") && strstr(why, "ring's position ") &&
                strstr(why, "_NOTED of version 7: a newer program wrote it, this one knows version 1 only"),
            "%s", why);
        cr_assert_eq(log_end(o.log), end, "nothing is cut off");
        cr_assert_eq(log_reader_open(&reader, o.log, known), OK);
        uint64_t from = known;
        while (log_reader_next(reader, end, &e))
            from = log_reader_offset(reader);
        cr_assert_eq(e, ERR_VERSION);
        cr_assert_eq(log_reader_offset(reader), from, "it stays in front of what it does not know");
        cr_assert_null(log_reader_next(reader, end, &e));
        cr_assert_eq(e, ERR_VERSION);
        log_reader_close(reader);
        cr_assert_eq(log_reader_open(&reader, o.log, known), OK); /* in two halves */
        while ((e = log_reader_fetch(reader, end)) == OK && log_reader_offset(reader) < end)
            while (log_reader_fetched(reader, end))
                ;
        cr_assert_eq(e, ERR_VERSION);
        cr_assert_eq(log_reader_offset(reader), from);
        log_reader_close(reader);
        if (i == 1)
            break;
        log_close(o.log);
        o.store->ops->destroy(o.store);
        world_states_free(&o.states);
    }
    close_again(&w, &o);
}

/* The same where it is in a ring only. */
Test(storage_recovery, names_the_record_of_a_ring_that_a_newer_program_wrote)
{
    struct {
        struct batch batch;
        struct rfq_cancel_order ev;
    } b = {.batch = {.size = sizeof b, .count = 1, .agent = AGENT_DISTRIBUTION, .position = 640},
           .ev = {.head = {.size = sizeof b.ev, .type = RECORD_RFQ_CANCEL_ORDER, .version = 3}}};
    const char *why;
    cr_assert_eq(recovery_apply(NULL, &b.batch, &why), ERR_VERSION);
    cr_assert_str_eq(why, "the ring of distribution, position 768: RFQ_CANCEL_ORDER of version 3: a newer "
                          "program wrote it, this one knows version 2 at most");
    b.ev.head.version = 2;
    cr_assert_eq(recovery_apply(NULL, &b.batch, &why), OK);
    b.ev.head.type = 127;
    cr_assert_eq(recovery_apply(NULL, &b.batch, &why), ERR_VERSION);
    cr_assert(
        strstr(why,
               "a record of type 127 of version 2: a newer program wrote it, this one knows no such type"),
        "%s", why);
}

/* An award's cancel of an earlier release is on its way to routing: what it did not have is zero. */
Test(storage_recovery, delivers_what_is_older_in_the_newest_layout)
{
    struct world w;
    struct opened o;
    struct ring *ring = &w.rings[AGENT_DISTRIBUTION];
    struct recovery_cursor *c;
    uint8_t writer;
    uint64_t position, origin;
    unsigned found = 0;
    world_make(&w, 36);
    world_start(&w, false);
    for (unsigned i = 0; i < 300; i++)
        world_step(&w);
    world_settle(&w);
    ring_begin(ring, w.now);
    struct record *r = ring_add(ring, RECORD_RFQ_CANCEL_ORDER, 1, offsetof(struct rfq_cancel_order, who_id));
    r->dest = AGENT_ROUTING;
    r->lane = LANE_ENGINE;
    ring_end(ring);
    ring_commit(ring);
    struct agent log = log_agent(w.log);
    log.poll(log.self, w.now += 1000);
    cr_assert_eq(log_flush(w.log), OK);
    world_kill(&w);
    cr_assert_eq(open_again(&w, &o), OK, "%s", o.result.error);
    cr_assert_eq(recovery_pending_open(&c, &o.in, &o.result), OK);
    while ((r = (struct record *)(uintptr_t)recovery_pending_peek(c, &writer, &position, &origin)) != NULL) {
        if (r->type == RECORD_RFQ_CANCEL_ORDER) {
            found++;
            cr_assert_eq(r->size, sizeof(struct rfq_cancel_order));
            cr_assert_eq(((const struct rfq_cancel_order *)(const void *)r)->who_id, 0);
        }
        recovery_pending_next(c);
    }
    cr_assert_eq(found, 1);
    recovery_pending_close(c);
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
