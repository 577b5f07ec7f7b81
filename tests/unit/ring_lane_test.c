#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "dataplane/core/crc32c.h"
#include "dataplane/core/hash.h"
#include "dataplane/ring/lane.h"
#include "tests/unit/random.h"

static struct lane *lane_make(void)
{
    struct lane *l;
    cr_assert_eq(lane_create(&l, LANE_SIZE_MIN), OK);
    return l;
}

TestSuite(lane, .timeout = 120);

/* Item number n is a function of n. */
static uint32_t record_bytes(uint64_t n)
{
    uint64_t h = hash_u64(n);
    return (uint32_t)sizeof(struct record) + (uint32_t)(h % (n % 64 == 0 ? RECORD_SIZE_MAX - 24 : 700));
}

static void item_fill(struct lane_item *item, uint64_t n)
{
    struct record *r = &item->record;
    uint32_t size = r->size, body = record_bytes(n) - (uint32_t)sizeof *r;
    memset(r, 0, sizeof *r);
    r->size = size;
    r->time_ns = n;
    item->agent = AGENT_GATEWAY;
    item->lane = LANE_QUOTE;
    item->position = n * 8;
    item->origin_time_ns = n + 1;
    memset(r + 1, (int)(n & 0xff), body);
    r->session = crc32c(0, r + 1, body);
}

static bool item_is(const struct lane_item *item, uint64_t n)
{
    const struct record *r = &item->record;
    uint32_t size = record_bytes(n), body = size - (uint32_t)sizeof *r;
    const unsigned char *bytes = (const unsigned char *)(r + 1);
    for (uint32_t k = body; k < r->size - sizeof *r; k++)
        if (bytes[k])
            return false; /* what rounding added */
    return item->size == 24 + r->size && r->size == RECORD_ALIGN(size) && r->time_ns == n &&
           item->agent == AGENT_GATEWAY && item->lane == LANE_QUOTE && item->position == n * 8 &&
           item->origin_time_ns == n + 1 &&
           (body == 0 || (bytes[0] == (n & 0xff) && bytes[body - 1] == (n & 0xff))) &&
           r->session == crc32c(0, bytes, body);
}

static bool item_send(struct lane *l, uint64_t n, uint64_t reserve)
{
    struct lane_item *item = lane_reserve(l, record_bytes(n), reserve);
    if (item)
        item_fill(item, n);
    return item;
}

Test(lane, refuses_sizes_that_are_none)
{
    struct lane *l = NULL;
    cr_assert_eq(lane_create(&l, LANE_SIZE_MIN / 2), ERR_RANGE);
    cr_assert_eq(lane_create(&l, LANE_SIZE_MIN + 4096), ERR_RANGE);
    cr_assert_eq(lane_create(&l, LANE_SIZE_MAX * 2ull), ERR_RANGE);
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    enum err e = lane_create(&l, LANE_SIZE_MIN);
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_eq(e, ERR_MEMORY, "no memory file");
    cr_assert_null(l);
    lane_destroy(NULL);
}

Test(lane, nothing_is_seen_before_the_commit_and_all_of_it_after)
{
    struct lane *l = lane_make();
    cr_assert_null(lane_peek(l));
    for (uint64_t n = 0; n < 5; n++)
        cr_assert(item_send(l, n, 0));
    cr_assert_null(lane_peek(l));
    cr_assert_eq(lane_used(l), 0);
    lane_commit(l);
    cr_assert_gt(lane_used(l), 0);
    for (uint64_t n = 0; n < 5; n++) {
        const struct lane_item *item = lane_peek(l);
        cr_assert_eq(lane_peek(l), item, "peeking takes nothing");
        cr_assert(item_is(item, n));
        lane_pop(l);
    }
    cr_assert_null(lane_peek(l));
    cr_assert_gt(lane_used(l), 0, "popped is not released");
    lane_release(l);
    cr_assert_eq(lane_used(l), 0);
    lane_destroy(l);
}

Test(lane, an_abandoned_reservation_never_was)
{
    struct lane *l = lane_make();
    item_send(l, 1, 0);
    lane_commit(l);
    item_send(l, 100, 0);
    item_send(l, 101, 0);
    lane_abandon(l);
    lane_abandon(l);
    item_send(l, 2, 0);
    lane_commit(l);
    cr_assert(item_is(lane_peek(l), 1));
    lane_pop(l);
    cr_assert(item_is(lane_peek(l), 2));
    lane_pop(l);
    cr_assert_null(lane_peek(l));
    lane_destroy(l);
}

Test(lane, a_record_put_arrives_as_it_was)
{
    struct lane *l = lane_make();
    struct {
        struct record r;
        char body[48];
    } rec = {.r = {.size = sizeof rec, .type = 5, .version = 3, .session = 9, .dest = 2, .lane = 1}};
    memset(rec.body, 'b', sizeof rec.body);
    cr_assert(lane_put(l, AGENT_DISTRIBUTION, LANE_ENGINE, 800, 77, &rec.r, 0));
    lane_commit(l);
    const struct lane_item *item = lane_peek(l);
    cr_assert(item->agent == AGENT_DISTRIBUTION && item->lane == LANE_ENGINE && item->position == 800 &&
              item->origin_time_ns == 77 && item->size == 24 + sizeof rec);
    cr_assert_arr_eq(&item->record, &rec, sizeof rec);
    lane_destroy(l);
}

Test(lane, is_full_to_the_byte_and_keeps_the_reserve)
{
    struct lane *l = lane_make();
    const uint32_t size = 1000; /* 1,024 with its header: a whole number fits */
    unsigned n = 0;
    while (lane_reserve(l, size, 0))
        n++;
    cr_assert_eq(n, LANE_SIZE_MIN / 1024);
    cr_assert_not(lane_room(l, 1, 0));
    lane_commit(l);
    lane_peek(l);
    lane_pop(l);
    cr_assert_null(lane_reserve(l, size, 0), "popped, not released");
    lane_release(l);
    cr_assert_null(lane_reserve(l, size, 1), "the reserve is kept");
    cr_assert_not(lane_room(l, 1024, 1));
    cr_assert(lane_room(l, 1023, 1));
    cr_assert_not_null(lane_reserve(l, size, 0));
    lane_destroy(l);
}

Test(lane, popping_what_is_not_there_is_asserted, .signal = SIGABRT)
{
    lane_pop(lane_make());
}

Test(lane, against_a_queue_of_numbers_at_random)
{
    struct lane *l = lane_make();
    uint64_t seed = 14, next = 0, committed = 0, read = 0, full = 0;
    for (int step = 0; step < 200000; step++) {
        switch (random_below(&seed, 6)) {
        case 0 ... 1:
            if (item_send(l, next, 3000))
                next++;
            else
                full++;
            break;
        case 2:
            lane_commit(l);
            committed = next;
            break;
        case 3:
            if (random_below(&seed, 10) == 0) {
                lane_abandon(l);
                next = committed;
            }
            break;
        case 4:
            if (read < committed) {
                cr_assert(item_is(lane_peek(l), read++));
                lane_pop(l);
            } else {
                cr_assert_null(lane_peek(l));
            }
            break;
        default:
            if (random_below(&seed, 50) == 0)
                lane_release(l);
        }
    }
    cr_assert(full > 50 && read > 10000, "full %lu, read %lu", (unsigned long)full, (unsigned long)read);
    lane_destroy(l);
}

#define THREAD_ITEMS 200000u

static void *producer_main(void *arg)
{
    struct lane *l = arg;
    for (uint64_t n = 0; n < THREAD_ITEMS;) {
        uint64_t burst = 1 + hash_u64(n ^ 99) % 20;
        for (; burst && n < THREAD_ITEMS; burst--, n++)
            if (!item_send(l, n, 0))
                break;
        lane_commit(l);
        if (burst && n < THREAD_ITEMS)
            sched_yield();
    }
    return NULL;
}

Test(lane, a_consumer_on_another_thread_gets_every_item_whole_and_in_order)
{
    struct lane *l = lane_make();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, producer_main, l), 0);
    for (uint64_t n = 0; n < THREAD_ITEMS;) {
        const struct lane_item *item;
        unsigned taken = 0;
        for (; taken < POLL_ITEMS_MAX && (item = lane_peek(l)); taken++) {
            cr_assert(item_is(item, n), "item %lu", (unsigned long)n);
            n++;
            lane_pop(l);
        }
        lane_release(l);
        cr_assert_leq(lane_used(l), LANE_SIZE_MIN);
        if (!taken)
            sched_yield();
    }
    pthread_join(thread, NULL);
    cr_assert_null(lane_peek(l));
    lane_release(l);
    cr_assert_eq(lane_used(l), 0);
    lane_destroy(l);
}
