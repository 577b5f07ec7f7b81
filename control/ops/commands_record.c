/* Commands that read the store and the log: timelines, dumps, verification. */
#include <stdlib.h>
#include <string.h>

#include "control/ops/commands.h"
#include "dataplane/model/describe.h"
#include "storage/tables.h"

#define ROW_TEXT_SIZE (8u * RECORD_SIZE_MAX) /* a FIX message of control characters grows sixfold */

struct timeline {
    struct ops_request *request;
    uint64_t rfq, first_ns;
    unsigned rows;
};

/* One row: the record's own fields, and how long each stage took. */
static int timeline_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct timeline *t = ctx;
    struct json *j = t->request->out;
    struct history_row row;
    char prefix[8];
    store_be64(prefix, t->rfq);
    if (key_size != HISTORY_KEY_SIZE || memcmp(key, prefix, sizeof prefix) != 0)
        return 1;
    if (value_size < sizeof row + sizeof(struct record))
        return 0;
    memcpy(&row, value, sizeof row);
    struct record *rec = malloc(value_size - sizeof row); /* the store's bytes are not aligned */
    if (!rec)
        return 1;
    memcpy(rec, (const char *)value + sizeof row, value_size - sizeof row);
    if (!t->first_ns)
        t->first_ns = row.origin_time_ns ? row.origin_time_ns : rec->time_ns;
    static char text[ROW_TEXT_SIZE];
    json_open(j, NULL, '{');
    json_uint(j, "seq", store_from_be64((const char *)key + 8));
    json_time(j, "time", rec->time_ns);
    json_int(j, "since_start_ns", (int64_t)(rec->time_ns - t->first_ns));
    if (row.cause_time_ns)
        json_int(j, "after_cause_ns", (int64_t)(rec->time_ns - row.cause_time_ns));
    if (row.origin_time_ns)
        json_int(j, "after_frame_ns", (int64_t)(rec->time_ns - row.origin_time_ns));
    json_text(j, "agent", agent_name(row.agent));
    json_text(j, "type", record_type_name(rec->type));
    describe_record_text(rec, text, sizeof text);
    json_chars(j, "text", text, sizeof text);
    size_t size = describe_record(rec, text, sizeof text);
    if (size < sizeof text)
        json_raw(j, "record", text, size);
    json_close(j, '}');
    json_line(j);
    free(rec);
    t->rows++;
    return 0;
}

void ops_rfq(struct ops_request *r)
{
    const char *name = r->arguments[0];
    struct timeline t = {.request = r, .rfq = name_parse('R', name, strlen(name))};
    if (!t.rfq) {
        ops_fail(r, "bad_id", "'%.40s' is no RFQ's id: R and hexadecimal digits", name);
        return;
    }
    char from[HISTORY_KEY_SIZE];
    pair_key(from, t.rfq, 0);
    struct store *s = node_store(r->config->node);
    enum err e = s->ops->scan(s, TABLE_HISTORY, from, sizeof from, timeline_row, &t);
    if (e != OK && e != ERR_NOT_FOUND)
        ops_fail(r, "store", "%s", err_text(e));
    else if (!t.rows)
        ops_fail(r, "not_found", "there is no RFQ %.40s in the store", name);
}
