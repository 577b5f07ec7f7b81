/* Every line of a dump is JSON, and every row has its line. */
#include <criterion/criterion.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/event.h"
#include "storage/dump.h"
#include "storage/tables.h"

static struct store_memory *keep;

static struct store *make(void)
{
    struct store *s;
    keep = NULL;
    cr_assert_eq(store_memory_create(&s, &keep), OK);
    cr_assert_eq(s->ops->begin(s), OK);
    return s;
}

static void commit(struct store *s)
{
    struct store_marks m = {.log_offset = 4096, .next_seq = 12, .merged = {[AGENT_ROUTING] = 800}};
    m.agents[AGENT_ROUTING].batches = 7;
    cr_assert_eq(s->ops->commit(s, &m), OK);
}

static void end(struct store *s)
{
    s->ops->destroy(s);
    store_memory_free(keep);
}

static void put(struct store *s, const char *table, const void *key, size_t key_size, const void *head,
                size_t head_size, const void *body, size_t body_size)
{
    char *value = malloc(head_size + body_size);
    memcpy(value, head, head_size);
    memcpy(value + head_size, body, body_size);
    cr_assert_eq(s->ops->put(s, table, key, key_size, value, head_size + body_size), OK);
    free(value);
}

static void put_rfq(struct store *s, uint64_t id)
{
    const struct rfq r = {
        .id = id, .state = RFQ_BIDDING_OPEN, .quantity = 5 * 100000000ll, .symbol = "EUR/USD"};
    char key[ENTITY_KEY_SIZE];
    entity_key(key, AGENT_DISTRIBUTION, id);
    put(s, "rfqs", key, sizeof key, &(char){STORE_VALUE_VERSION}, 1, &r, offsetof(struct rfq, transient));
}

static void put_quote_ended(struct store *s, uint64_t rfq, uint64_t id)
{
    const struct quote q = {.id = id, .rfq = rfq, .bid = 110000000};
    char key[ENDED_KEY_SIZE];
    pair_key(key, rfq, id);
    put(s, "quotes_ended", key, sizeof key, &(char){STORE_VALUE_VERSION}, 1, &q,
        offsetof(struct quote, transient));
}

static void put_history_of(struct store *s, uint64_t rfq, uint64_t seq, uint8_t version)
{
    const struct history_row row = {
        .version = 1, .agent = AGENT_DISTRIBUTION, .stream_epoch = 2, .time_ns = 5, .origin_time_ns = 3};
    const struct rfq_retired ev = {.head = {.size = sizeof ev,
                                            .type = RECORD_RFQ_RETIRED,
                                            .version = version,
                                            .session = SESSION_NONE,
                                            .time_ns = 5},
                                   .rfq = rfq};
    char key[HISTORY_KEY_SIZE];
    pair_key(key, rfq, seq);
    put(s, TABLE_HISTORY, key, sizeof key, &row, sizeof row, &ev, sizeof ev);
}

static void put_history(struct store *s, uint64_t rfq, uint64_t seq)
{
    put_history_of(s, rfq, seq, 1);
}

static void put_sent(struct store *s, uint32_t session, uint64_t seq)
{
    const struct sent_row row = {.version = 1, .agent = AGENT_GATEWAY};
    const struct gateway_out out = {
        .head = {.size = sizeof out, .type = RECORD_GATEWAY_OUT, .session = session},
        .generation = 2,
        .seq = seq};
    char key[SENT_KEY_SIZE];
    sent_key(key, session, 2, seq);
    put(s, TABLE_SENT, key, sizeof key, &row, sizeof row, &out, sizeof out);
}

struct lines {
    unsigned count, limit;
    char last[65536];
    char all[65536];
};

static bool take(void *ctx, const char *line, size_t size)
{
    struct lines *l = ctx;
    cr_assert(size < sizeof l->last && line[size - 1] == '\n');
    memcpy(l->last, line, size);
    l->last[size - 1] = 0;
    if (strlen(l->all) + size < sizeof l->all)
        strcat(l->all, l->last);
    struct json_object *o = json_tokener_parse(l->last);
    cr_assert_not_null(o, "no JSON: %s", l->last);
    json_object_put(o);
    return ++l->count != l->limit;
}

Test(storage_dump, shows_every_row_of_a_long_table_once)
{
    struct store *s = make();
    static struct lines l;
    for (uint64_t id = 1; id <= 2 * DUMP_ROWS_PER_SCAN + 5; id++)
        put_rfq(s, id);
    commit(s);
    l = (struct lines){0};
    cr_assert_eq(dump_table(s, "rfqs", take, &l), OK, "%s", store_error());
    cr_assert_eq(l.count, 2 * DUMP_ROWS_PER_SCAN + 5);
    cr_assert(strstr(l.last, "{\"table\":\"rfqs\",\"id\":\"R7D5\""), "%s", l.last);
    cr_assert(strstr(l.last, "\"quantity\":\"5\"") && strstr(l.last, "\"state\":\"BIDDING_OPEN\""));
    l = (struct lines){.limit = 10};
    cr_assert_eq(dump_table(s, "rfqs", take, &l), OK);
    cr_assert_eq(l.count, 10, "it stops when told");
    end(s);
}

static const struct store_ops *store_proper;
static struct store_ops store_watched;
static unsigned scans;
static bool in_scan;

static enum err scan_watched(struct store *s, const char *table, const void *from, size_t from_size,
                             store_visit *visit, void *ctx)
{
    in_scan = true;
    scans++;
    enum err e = store_proper->scan(s, table, from, from_size, visit, ctx);
    in_scan = false;
    return e;
}

static bool take_between_scans(void *ctx, const char *line, size_t size)
{
    cr_assert_not(in_scan, "a slow taker would pin pages");
    return take(ctx, line, size);
}

Test(storage_dump, gives_lines_away_while_no_scan_is_under_way_and_keeps_few)
{
    struct store *s = make();
    static struct lines l;
    for (uint64_t id = 1; id < DUMP_ROWS_PER_SCAN; id++)
        put_rfq(s, id);
    commit(s);
    store_proper = s->ops;
    store_watched = *s->ops;
    store_watched.scan = scan_watched;
    s->ops = &store_watched;
    l = (struct lines){0};
    cr_assert_eq(dump_table(s, "rfqs", take_between_scans, &l), OK, "%s", store_error());
    cr_assert_eq(l.count, DUMP_ROWS_PER_SCAN - 1);
    cr_assert_gt(scans, 3, "the lines of one scan are bounded in bytes too");
    s->ops = store_proper;
    end(s);
}

Test(storage_dump, shows_each_kind_of_table)
{
    struct store *s = make();
    static struct lines l;
    char key[16];
    put_rfq(s, 1);
    put_quote_ended(s, 1, 7);
    put_history(s, 1, 33);
    put_sent(s, 4, 9);
    store_be64(key, 8);
    put(s, TABLE_ORDERS_RFQ, key, 8, &(char){1}, 1, &(uint64_t){1}, 8);
    pair_key(key, 77, 1);
    put(s, TABLE_PURGE, key, 16, &(char){1}, 1, "", 0);
    commit(s);
    l = (struct lines){0};
    cr_assert_eq(dump_all(s, take, &l), OK, "%s", store_error());
    cr_assert_eq(l.count, 7);
    static const char *const parts[] = {
        "{\"table\":\"marks\",\"log_offset\":4096,\"next_seq\":12",
        "{\"agent\":\"routing\",\"merged\":800,\"batches\":7",
        "{\"table\":\"history\",\"rfq\":\"R1\",\"seq\":33,\"stream_epoch\":2,\"writer\":\"distribution\","
        "\"time_ns\":5,\"cause_"
        "time_ns\":0,"
        "\"origin_time_ns\":3,\"record\":{\"type\":\"RFQ_RETIRED\",\"time_ns\":5,\"rfq\":\"R1\"}}",
        "{\"table\":\"quotes_ended\",\"id\":\"Q7\",\"rfq\":\"R1\"",
        "{\"table\":\"sent\",\"session\":4,\"generation\":2,\"seq\":9,\"record\":{\"type\":\"GATEWAY_OUT\"",
        "{\"table\":\"orders_rfq\",\"order\":\"O8\",\"rfq\":\"R1\"}",
        "{\"table\":\"purge\",\"left_ns\":77,\"rfq\":\"R1\"}"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert(strstr(l.all, parts[i]), "%s is not in %s", parts[i], l.all);
    cr_assert_eq(dump_table(s, "nothing", take, &l), ERR_NOT_FOUND);
    end(s);
}

Test(storage_dump, names_the_record_that_a_newer_program_wrote)
{
    struct store *s = make();
    static struct lines l;
    put_history(s, 1, 33);
    put_history_of(s, 1, 34, 2);
    commit(s);
    l = (struct lines){0};
    cr_assert_eq(dump_table(s, TABLE_HISTORY, take, &l), ERR_VERSION);
    cr_assert_eq(l.count, 1);
    cr_assert(strstr(store_error(), "table history, key 00000000000000010000000000000022: RFQ_RETIRED of "
                                    "version 2: a newer program wrote it, this one knows version 1 only"),
              "%s", store_error());
    end(s);
}

Test(storage_dump, names_a_row_that_is_damaged)
{
    struct store *s = make();
    static struct lines l;
    put(s, TABLE_HISTORY, "short", 5, "x", 1, "", 0);
    commit(s);
    l = (struct lines){0};
    cr_assert_eq(dump_table(s, TABLE_HISTORY, take, &l), ERR_CORRUPT);
    cr_assert(strstr(store_error(), "table history, key 73686f7274"), "%s", store_error());
    end(s);
}
