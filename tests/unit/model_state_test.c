#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "dataplane/core/id.h"
#include "dataplane/model/event.h"
#include "dataplane/model/gateway.h"
#include "dataplane/model/routing.h"
#include "dataplane/model/upcast.h"

/* Names
 * ------------------------------------------------------------------------------------------------------- */

Test(model_name, of_an_id_parses_to_it_and_fills_the_field_with_zeros)
{
    static const uint64_t ids[] = {1, 9, 10, 15, 16, 0xdeadbeef, 1ull << 44, 1ull << 44 | 1, UINT64_MAX};
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        char name[ID_TEXT_SIZE];
        memset(name, 'x', sizeof name);
        name_print('O', ids[i], name);
        size_t size = strnlen(name, sizeof name);
        cr_assert_eq(name_parse('O', name, size), ids[i]);
        cr_assert_eq(name_parse('R', name, size), 0);
        for (size_t at = size; at < sizeof name; at++)
            cr_assert_eq(name[at], 0);
    }
}

Test(model_name, has_one_form_for_each_id)
{
    static const char *const wrong[] = {
        "", "O", "O0", "O01", "Oa", "O1 ", "OG", "o1", "1", "O-1", "O12345678901234567", "O1-C2"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(name_parse('O', wrong[i], strlen(wrong[i])), 0, "%s", wrong[i]);
    cr_assert_eq(name_parse('O', "O1A-C2", 3), 0x1a); /* the caller says where it ends */
}

Test(model_enum, has_a_name_for_each_value_and_none_for_others)
{
    cr_assert_str_eq(rfq_state_name(RFQ_BIDDING_OPEN), "BIDDING_OPEN");
    cr_assert_str_eq(order_status_name(ORDER_PARTLY_FILLED), "partly_filled");
    cr_assert_str_eq(reason_name(REASON_BEYOND_ORDER), "execution_beyond_order");
    cr_assert_str_eq(reason_name(9999), "?");
    cr_assert_str_eq(record_type_name(RECORD_ORDER_FILLED), "ORDER_FILLED");
    cr_assert_str_eq(record_type_name(0), "?");
    cr_assert_eq(record_type_size(RECORD_ORDER_FILLED), sizeof(struct order_filled));
    cr_assert_eq(record_type_size(RECORD_NONE), 0);
}

/* Upcast
 * ------------------------------------------------------------------------------------------------------ */

Test(model_upcast, passes_the_first_version_and_refuses_a_newer_one_and_a_short_one)
{
    struct order_retired stored = {
        .head = {.size = sizeof stored, .type = RECORD_ORDER_RETIRED, .version = 1}, .order = 5};
    static uint64_t scratch[RECORD_SIZE_MAX / 8];
    const struct record *newest;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), OK);
    cr_assert_eq(((const struct order_retired *)newest)->order, 5);

    stored.head.version = 2;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_VERSION);
    cr_assert_null(newest);
    stored.head.version = 0;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
    stored.head.version = 1;
    stored.head.type = 999;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_VERSION);
    stored.head.type = RECORD_ORDER_RETIRED;
    stored.head.size = sizeof(struct record);
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
}

Test(model_upcast, what_an_earlier_release_did_not_write_reads_as_zero)
{
    struct rfq_cancel_order stored = {.rfq = 3, .award = 4, .order = 5, .who_id = 6, .reason = 7};
    stored.head = (struct record){.size = 48, .type = RECORD_RFQ_CANCEL_ORDER, .version = 1};
    static uint64_t scratch[RECORD_SIZE_MAX / 8];
    memset(scratch, 0xff, sizeof scratch);
    const struct record *newest;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), OK);
    const struct rfq_cancel_order *ev = (const void *)newest;
    cr_assert_eq(ev->head.size, sizeof *ev);
    cr_assert_eq(ev->order, 5);
    cr_assert_eq(ev->who_id, 0);
    cr_assert_eq(ev->reason, 0);
    stored.head.size = 40;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
    for (uint8_t version = 1; version <= 2; version++) { /* for a while, 1 was as long */
        stored.head.size = sizeof stored;
        stored.head.version = version;
        cr_assert_eq(record_upcast(&stored.head, scratch, &newest), OK);
        cr_assert_eq(newest, &stored.head);
    }
    stored.head.size = 48;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
}

/* Versions 1 and 2 of RFQ_ORDER were as long as each other. */
Test(model_upcast, an_update_of_an_earlier_release_refused_no_cancel)
{
    struct rfq_order stored = {.rfq = 3, .award = 4, .order = 5, .gives_back = 1, .cancel_refused = 1};
    stored.head = (struct record){.type = RECORD_RFQ_ORDER};
    static uint64_t scratch[RECORD_SIZE_MAX / 8];
    const struct record *newest;
    for (uint8_t version = 1; version <= 2; version++) {
        memset(scratch, 0xff, sizeof scratch);
        stored.head.size = 72;
        stored.head.version = version;
        cr_assert_eq(record_upcast(&stored.head, scratch, &newest), OK);
        const struct rfq_order *ev = (const void *)newest;
        cr_assert_eq(ev->head.size, sizeof *ev);
        cr_assert(ev->order == 5 && ev->gives_back == 1 && ev->cancel_refused == 0 && ev->reserved == 0);
        stored.head.size = 64;
        cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
    }
    stored.head.size = 72;
    stored.head.version = 3;
    cr_assert_eq(record_upcast(&stored.head, scratch, &newest), ERR_CORRUPT);
}

Test(model_upcast, says_what_it_refused)
{
    static const struct {
        struct record stored;
        bool known;
        const char *says;
    } rows[] = {
        {{.type = RECORD_RFQ_CANCEL_ORDER, .version = 3, .size = 64},
         false,
         "RFQ_CANCEL_ORDER of version 3: a newer program wrote it, this one knows version 2 at most"},
        {{.type = 999, .version = 1, .size = 64},
         false,
         "a record of type 999 of version 1: a newer program wrote it, this one knows no such type"},
        {{.type = 999}, false, NULL},
        {{.type = RECORD_RFQ_RETIRED, .version = 1, .size = 24},
         true,
         "RFQ_RETIRED of version 1, 24 bytes: stored bytes do not match their checksum or their structure"},
        {{.type = RECORD_RFQ_RETIRED, .size = 32}, true, NULL}, /* which upcast refuses */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[RECORD_REFUSAL_SIZE];
        record_refusal(&rows[i].stored, why);
        cr_assert_eq(record_is_known(&rows[i].stored), rows[i].known);
        if (rows[i].says)
            cr_assert_str_eq(why, rows[i].says);
    }
}

/* State of a gateway
 * ------------------------------------------------------------------------------------------- */

/* One batch in memory, as the ring would have it. */
struct gateway_batch {
    struct batch batch;
    union {
        struct record head;
        struct gateway_session_set set;
        struct gateway_session_state state;
        struct gateway_session_reset reset;
        struct gateway_in in;
        struct gateway_out out;
        struct gateway_started started;
        char bytes[512];
    };
};

static struct gateway_state *gateway;
static uint64_t position;

static struct gateway_batch batch_of(uint16_t type)
{
    struct gateway_batch b = {
        .batch = {.count = 1, .agent = AGENT_GATEWAY, .position = position, .time_ns = position + 1}};
    b.head = (struct record){.size = record_type_size(type),
                             .type = type,
                             .version = record_type_version(type),
                             .session = 3,
                             .time_ns = b.batch.time_ns};
    b.batch.size = (uint32_t)sizeof(struct batch) + b.head.size;
    return b;
}

static void apply(const struct gateway_batch *b)
{
    state_apply_batch(&gateway->base, &b->batch);
    position += b->batch.size;
    cr_assert_eq(gateway->base.marks.position, position);
    const struct session *s = gateway_session(gateway, 3);
    state_settle(&gateway->base);
    cr_assert_eq(table_digest(gateway->sessions), hash_bytes(s, offsetof(struct session, transient)),
                 "changed and not touched");
}

static void gateway_make(void)
{
    position = 0;
    cr_assert_eq(gateway_state_create(&gateway, AGENT_GATEWAY, false), OK);
    struct gateway_batch b = batch_of(RECORD_GATEWAY_SESSION_SET);
    b.set.session = (struct session){
        .id = 4, .name = "LP1", .role = ROLE_LP, .generation = 1, .next_in = 1, .next_out = 1};
    apply(&b);
}

static void gateway_drop(void)
{
    gateway->base.destroy(&gateway->base);
}

TestSuite(model_gateway, .init = gateway_make, .fini = gateway_drop);

Test(model_gateway, numbers_follow_what_was_accepted_and_sent)
{
    const struct session *s = gateway_session(gateway, 3);
    cr_assert_eq(gateway_session_by_name(gateway, "LP1"), s);
    cr_assert_null(gateway_session_by_name(gateway, "LP2"));
    struct gateway_batch b = batch_of(RECORD_GATEWAY_IN);
    b.in.generation = 1;
    b.in.seq = 1;
    apply(&b);
    cr_assert_eq(s->next_in, 2);
    b = batch_of(RECORD_GATEWAY_IN);
    b.in.generation = 1;
    b.in.seq = 2;
    b.in.advance = 1;
    b.in.seq_to = 10;
    apply(&b);
    cr_assert_eq(s->next_in, 10);
    cr_assert_eq(s->received, 2);

    b = batch_of(RECORD_GATEWAY_OUT);
    b.out.generation = 1;
    b.out.seq = 1;
    b.batch.cause_agent = AGENT_ROUTING;
    b.batch.cause_lane = LANE_ENGINE;
    b.batch.cause = 640;
    apply(&b);
    cr_assert_eq(s->next_out, 2);
    cr_assert_eq(gateway->base.marks.consumed[AGENT_ROUTING][LANE_ENGINE], 640);
    b = batch_of(RECORD_GATEWAY_OUT);
    b.out.generation = 1;
    b.out.seq = 1;
    b.out.resend_of = 1;
    apply(&b);
    cr_assert_eq(s->next_out, 2);
    cr_assert_eq(s->sent, 1);
}

Test(model_gateway, reset_begins_a_generation_and_a_start_after_a_power_cut_jumps)
{
    const struct session *s = gateway_session(gateway, 3);
    struct gateway_batch b = batch_of(RECORD_GATEWAY_IN);
    b.in.generation = 1;
    b.in.seq = 6;
    apply(&b);
    b = batch_of(RECORD_GATEWAY_STARTED);
    b.started.reserved_out = 1000;
    apply(&b);
    cr_assert_eq(s->next_out, 1001);
    cr_assert_eq(s->next_in, 7);
    b = batch_of(RECORD_GATEWAY_SESSION_RESET);
    b.reset.generation = 2;
    apply(&b);
    cr_assert_eq(s->generation, 2);
    cr_assert_eq(s->next_in, 1);
    cr_assert_eq(s->received, 1);
    cr_assert_eq(s->next_out, 1);
}

Test(model_gateway, configuration_again_keeps_numbers)
{
    const struct session *s = gateway_session(gateway, 3);
    struct gateway_batch b = batch_of(RECORD_GATEWAY_IN);
    b.in.generation = 1;
    b.in.seq = 1;
    apply(&b);
    b = batch_of(RECORD_GATEWAY_SESSION_SET);
    b.set.session = (struct session){.id = 4,
                                     .name = "LP1",
                                     .sender = "US",
                                     .target = "THEM",
                                     .role = ROLE_TAKER,
                                     .generation = 1,
                                     .next_in = 1,
                                     .next_out = 1};
    apply(&b);
    cr_assert_str_eq(s->sender, "US");
    cr_assert_str_eq(s->target, "THEM");
    cr_assert_eq(s->role, ROLE_TAKER);
    cr_assert_eq(s->next_in, 2);
    cr_assert_eq(table_count(gateway->sessions), 1);
}

Test(model_gateway, state_changes_once_for_the_fences_of_all_lanes)
{
    const struct session *s = gateway_session(gateway, 3);
    struct gateway_batch b = batch_of(RECORD_GATEWAY_SESSION_STATE);
    b.state.state = SESSION_SYNCED;
    apply(&b);
    uint64_t changed = s->changed_ns;
    cr_assert_eq(changed, b.head.time_ns);
    b = batch_of(RECORD_GATEWAY_SESSION_STATE);
    b.state.state = SESSION_SYNCED;
    apply(&b);
    cr_assert_eq(s->state, SESSION_SYNCED);
    cr_assert_eq(s->changed_ns, changed);
}

/* Hashing waits for a time when nothing else does, and for no more than so many entities. */
Test(model_state, a_batch_leaves_the_digest_for_later)
{
    position = 0;
    cr_assert_eq(gateway_state_create(&gateway, AGENT_GATEWAY, false), OK);
    struct state *s = &gateway->base;
    unsigned forced = 0;
    for (uint32_t i = 0; i < 3 * STATE_UNSETTLED_MAX; i++) {
        struct gateway_batch b = batch_of(RECORD_GATEWAY_SESSION_SET);
        b.set.session.id = i + 1;
        uint64_t before = table_digest(gateway->sessions);
        state_apply_batch(s, &b.batch);
        position += b.batch.size;
        bool settled = table_digest(gateway->sessions) != before;
        forced += settled;
        cr_assert_eq(settled, table_unsettled(gateway->sessions) == 0);
        cr_assert_lt(table_unsettled(gateway->sessions), STATE_UNSETTLED_MAX);
    }
    cr_assert_eq(forced, 3);
    struct gateway_batch b = batch_of(RECORD_GATEWAY_SESSION_SET);
    b.set.session.id = 1000;
    uint64_t before = state_digest(s);
    state_apply_batch(s, &b.batch);
    position += b.batch.size;
    cr_assert(table_unsettled(gateway->sessions) == 1 && state_digest(s) != before);
    cr_assert_eq(table_unsettled(gateway->sessions), 0, "who asks for the digest settles");
    s->destroy(s);
}

/* Ids
 * -----------------------------------------------------------------------------------------------------------
 */

Test(model_state, ids_carry_the_epoch_and_count_up)
{
    struct state s = {.marks = {.epoch = 3, .next_id = 1}};
    uint64_t first = state_next_id(&s);
    cr_assert_eq(id_epoch(first), 3);
    cr_assert_eq(state_next_id(&s), first);
    state_id_used(&s, first);
    cr_assert_eq(state_next_id(&s), first + 1);
}

Test(model_state, digest_tells_marks_and_tables_apart)
{
    struct state a = {0}, b = {0};
    b.marks.consumed[1][2] = 5;
    cr_assert_neq(state_digest(&a), state_digest(&b));
    struct table *x, *y;
    cr_assert_eq(table_create(&x, "x", 4, 16, 16, false), OK);
    cr_assert_eq(table_create(&y, "y", 4, 16, 16, false), OK);
    table_insert(x, 1);
    table_settle(x);
    struct state c = {.tables = {x, y}, .table_count = 2}, d = {.tables = {y, x}, .table_count = 2};
    cr_assert_neq(state_digest(&c), state_digest(&d)); /* the same entity in another table */
    table_destroy(x);
    table_destroy(y);
}
