#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/ring/record.h"
#include "tests/unit/random.h"

static _Alignas(8) char bytes[1024];
static struct batch *const batch = (struct batch *)bytes;

/* A batch of three records of 24, 40 and 32 bytes. */
static struct record *record(unsigned i)
{
    static const unsigned at[] = {64, 88, 128};
    return (struct record *)(bytes + at[i]);
}

static void batch_make(void)
{
    memset(bytes, 0, sizeof bytes);
    *batch = (struct batch){.size = 160, .count = 3, .agent = AGENT_ROUTING, .position = 4096};
    record(0)->size = 24;
    record(1)->size = 40;
    record(2)->size = 32;
}

TestSuite(record, .init = batch_make);

Test(record, a_batch_is_walked_record_by_record)
{
    const struct record *r = batch_first(batch);
    for (unsigned i = 0; i < 3; i++, r = batch_after(batch, r))
        cr_assert_eq(r, record(i));
    cr_assert_null(r);
    cr_assert_eq(batch_record_position(batch, record(1)), 4096 + 128);
    cr_assert_eq(batch_record_position(batch, record(2)), 4096 + batch->size,
                 "the last record ends with the batch");
}

Test(record, soundness_is_refused_for_each_fault_by_itself)
{
    cr_assert(batch_is_sound(batch, 160));
    cr_assert(batch_is_sound(batch, sizeof bytes));
    cr_assert_not(batch_is_sound(batch, 159));
    cr_assert_not(batch_is_sound(batch, 63));
    cr_assert_not(batch_is_sound(batch, 0));
#define FAULT(change)                                                \
    do {                                                             \
        batch_make();                                                \
        change;                                                      \
        cr_assert_not(batch_is_sound(batch, sizeof bytes), #change); \
    } while (0)
    FAULT(batch->size = 0);
    FAULT(batch->size = 63);
    FAULT(batch->size = 64);
    FAULT(batch->size = 152);
    FAULT(batch->size = 168);
    FAULT(batch->size = 161);
    FAULT(batch->size = UINT32_MAX);
    FAULT(batch->count = 0);
    FAULT(batch->count = 2);
    FAULT(batch->count = 4);
    FAULT(batch->count = BATCH_RECORDS_MAX + 1);
    FAULT(batch->agent = AGENT_NONE);
    FAULT(batch->agent = AGENTS_MAX);
    FAULT(batch->cause_agent = AGENTS_MAX);
    FAULT(batch->cause_lane = LANES_MAX);
    FAULT(batch->position = 4097);
    FAULT(record(0)->size = 0);
    FAULT(record(0)->size = 16);
    FAULT(record(0)->size = 25);
    FAULT(record(0)->size = 64);
    FAULT((record(0)->size = 28, memcpy(bytes + 92, &(uint32_t){36}, 4))); /* adds up, not aligned */
    FAULT(record(2)->size = 40);
    FAULT(record(2)->size = UINT32_MAX - 7);
    FAULT(record(1)->dest = AGENTS_MAX);
    FAULT(record(1)->lane = LANES_MAX);
}

Test(record, soundness_reads_nothing_outside_whatever_the_bytes)
{
    uint64_t seed = 13;
    unsigned sound = 0;
    for (int i = 0; i < 200000; i++) {
        size_t size = random_below(&seed, 40) * 8;
        char *exact = malloc(size ? size : 1); /* the address sanitizer watches its end */
        for (size_t k = 0; k < size; k++)
            exact[k] = random_below(&seed, 3) ? 0 : (char)random_below(&seed, 64);
        if (size >= 160 && i % 2) {
            batch_make();
            memcpy(exact, bytes, 160);
            exact[random_below(&seed, 160)] = (char)random_next(&seed);
        }
        sound += (unsigned)batch_is_sound((struct batch *)exact, size);
        free(exact);
    }
    cr_assert(sound > 1000 && sound < 190000);
}
