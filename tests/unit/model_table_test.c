#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/model/key_index.h"
#include "dataplane/model/table.h"
#include "tests/unit/random.h"

struct thing {
    uint64_t id;
    uint64_t value;
    char transient[8];
};
#define DURABLE offsetof(struct thing, transient)

/* The naive twin: an array that is searched from its start, and a digest by hashing all of it. */
#define ORACLE_MAX 300
struct oracle {
    struct thing things[ORACLE_MAX];
    unsigned count;
    uint64_t changed[ORACLE_MAX * 40];
    unsigned changed_count;
};

static struct thing *oracle_get(struct oracle *o, uint64_t id)
{
    for (unsigned i = 0; i < o->count; i++)
        if (o->things[i].id == id)
            return &o->things[i];
    return NULL;
}

static void oracle_changed(struct oracle *o, uint64_t id)
{
    for (unsigned i = 0; i < o->changed_count; i++)
        if (o->changed[i] == id)
            return;
    o->changed[o->changed_count++] = id;
}

static uint64_t oracle_digest(const struct oracle *o)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < o->count; i++)
        sum += hash_bytes(&o->things[i], DURABLE);
    return sum;
}

static struct table *make(uint32_t capacity, bool track)
{
    struct table *t;
    cr_assert_eq(table_create(&t, "things", capacity, sizeof(struct thing), DURABLE, track), OK);
    return t;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void compare_changes(struct table *t, struct oracle *o)
{
    const uint64_t *ids;
    uint32_t count = table_changes(t, &ids);
    cr_assert_eq(count, o->changed_count);
    uint64_t *sorted = malloc((count + 1) * sizeof *sorted);
    memcpy(sorted, ids, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_ids);
    qsort(o->changed, count, sizeof *sorted, compare_ids);
    cr_assert_eq(memcmp(sorted, o->changed, count * sizeof *sorted), 0);
    free(sorted);
    table_changes_clear(t);
    o->changed_count = 0;
}

Test(model_table, agrees_with_a_naive_oracle_over_random_steps)
{
    struct table *t = make(ORACLE_MAX, true);
    struct oracle *o = calloc(1, sizeof *o);
    uint64_t seed = 1;
    for (unsigned step = 0; step < 20000; step++) {
        /* Few ids, so that they come again; some far apart, so that they meet in the hash. */
        bool busy = step / 1000 % 2; /* the same few ids over and over within one batch */
        uint64_t id =
            1 + random_below(&seed, busy ? 10 : 2 * ORACLE_MAX) * (1 + random_below(&seed, 2) * (1ull << 44));
        struct thing *theirs = oracle_get(o, id), *ours = table_get(t, id);
        cr_assert_eq(!theirs, !ours);
        if (ours)
            cr_assert_eq(memcmp(ours, theirs, DURABLE), 0);
        switch (random_below(&seed, 3)) {
        case 0:
            if (ours || table_count(t) == table_capacity(t))
                break;
            ours = table_insert(t, id);
            cr_assert_eq(ours->value, 0);
            ours->value = step;
            o->things[o->count++] = (struct thing){.id = id, .value = step};
            oracle_changed(o, id);
            break;
        case 1:
            if (!ours)
                break;
            table_touch(t, ours);
            table_touch(t, ours);
            ours->value = theirs->value = step;
            memset(ours->transient, (int)step, sizeof ours->transient); /* counts in no digest */
            oracle_changed(o, id);
            break;
        case 2:
            if (!ours)
                break;
            table_remove(t, ours);
            *theirs = o->things[--o->count];
            oracle_changed(o, id);
            break;
        }
        cr_assert_eq(table_count(t), o->count);
        table_ask_ahead(t, 3 + step % 4); /* at any fill; changes nothing */
        if (random_below(&seed, busy ? 12 : 4) == 0) {
            table_settle(t);
            cr_assert_eq(table_digest(t), oracle_digest(o));
        }
        if (random_below(&seed, 1000) == 0)
            compare_changes(t, o);
    }
    for (unsigned i = 0; i < o->count; i++)
        cr_assert_not_null(table_get(t, o->things[i].id));
    free(o);
    table_destroy(t);
}

Test(model_table, entity_stays_where_it_is_until_it_is_removed)
{
    struct table *t = make(100, false);
    struct thing *first = table_insert(t, 7);
    for (uint64_t id = 100; id < 199; id++)
        table_insert(t, id);
    for (uint64_t id = 100; id < 199; id += 2)
        table_remove(t, table_get(t, id));
    cr_assert_eq(table_get(t, 7), first);
    cr_assert_eq(table_at(t, table_slot(t, first)), first);
    table_destroy(t);
}

Test(model_table, digest_depends_on_contents_and_not_on_slots_or_history)
{
    struct table *a = make(64, false), *b = make(64, false);
    for (uint64_t id = 1; id <= 40; id++)
        ((struct thing *)table_insert(a, id))->value = id * id;
    for (uint64_t id = 41; id <= 60; id++)
        table_insert(b, id);
    table_settle(b);
    for (uint64_t id = 60; id >= 41; id--)
        table_remove(b, table_get(b, id));
    for (uint64_t id = 40; id >= 1; id--) {
        struct thing *thing = table_insert(b, id);
        thing->value = 1; /* before */
        table_settle(b);
        table_touch(b, thing);
        thing->value = id * id;
    }
    table_settle(a);
    table_settle(b);
    cr_assert_eq(table_digest(a), table_digest(b));
    cr_assert_neq(table_slot(a, table_get(a, 5)), table_slot(b, table_get(b, 5)));
    table_touch(b, table_get(b, 3));
    ((struct thing *)table_get(b, 3))->value++;
    table_settle(b);
    cr_assert_neq(table_digest(a), table_digest(b));
    table_destroy(a);
    table_destroy(b);
}

Test(model_table, of_an_id_made_and_removed_in_one_batch_nothing_is_left_but_the_change)
{
    struct table *t = make(4, true);
    uint64_t empty = table_digest(t);
    table_remove(t, table_insert(t, 9));
    table_insert(t, 10); /* takes its slot, in the same batch */
    table_settle(t);
    table_remove(t, table_get(t, 10));
    table_settle(t);
    cr_assert_eq(table_digest(t), empty);
    const uint64_t *ids;
    cr_assert_eq(table_changes(t, &ids), 2);
    cr_assert_eq(ids[0], 9);
    cr_assert_eq(ids[1], 10);
    table_destroy(t);
}

Test(model_table, fills_to_its_capacity_and_again_after_all_is_removed)
{
    struct table *t = make(1000, true);
    for (unsigned round = 0; round < 5; round++) {
        for (uint64_t id = 1; id <= 1000; id++)
            table_insert(t, id + round * 1000);
        table_settle(t);
        cr_assert_eq(table_count(t), 1000);
        for (uint64_t id = 1; id <= 1000; id++)
            table_remove(t, table_get(t, id + round * 1000));
        cr_assert_eq(table_count(t), 0);
    }
    const uint64_t *ids;
    cr_assert_eq(table_changes(t, &ids), 5000); /* grows: nobody cleared it */
    cr_assert_eq(table_slots(t), 1000);
    table_destroy(t);
}

Test(model_key_index, agrees_with_a_naive_oracle_over_random_steps)
{
    struct pair {
        uint64_t hash;
        uint32_t slot;
    } pairs[200];
    unsigned count = 0;
    struct key_index ix;
    cr_assert_eq(key_index_create(&ix, 200), OK);
    uint64_t seed = 2;
    for (unsigned step = 0; step < 50000; step++) {
        uint64_t hash = random_below(&seed, 60); /* many under one hash */
        uint32_t slot = (uint32_t)random_below(&seed, 20), at = UINT32_MAX;
        for (unsigned i = 0; i < count; i++)
            if (pairs[i].hash == hash && pairs[i].slot == slot)
                at = i;
        if (at == UINT32_MAX && count < 200) {
            key_index_add(&ix, hash, slot);
            pairs[count++] = (struct pair){hash, slot};
        } else if (at != UINT32_MAX) {
            key_index_remove(&ix, hash, slot);
            pairs[at] = pairs[--count];
        }
        uint32_t theirs = 0, ours = 0, place = KEY_INDEX_START, s;
        for (unsigned i = 0; i < count; i++)
            if (pairs[i].hash == hash)
                theirs |= 1u << pairs[i].slot;
        while ((s = key_index_next(&ix, hash, &place)) != SLOT_NONE) {
            cr_assert_eq(ours >> s & 1, 0, "each once");
            ours |= 1u << s;
        }
        cr_assert_eq(ours, theirs);
    }
    key_index_destroy(&ix);
}
