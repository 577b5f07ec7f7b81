/* Every layout that lies on disk, field by field, against the committed listing (layout.txt). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/describe.h"
#include "dataplane/model/event.h"
#include "storage/log/log.h"
#include "storage/tables.h"

static const char *const kinds[] = {
    [FIELD_RESERVED] = "reserved",
    [FIELD_NUMBER] = "number",
    [FIELD_FLAG] = "flag",
    [FIELD_DECIMAL] = "decimal",
    [FIELD_WIDE] = "wide",
    [FIELD_TIME] = "time",
    [FIELD_DURATION] = "duration",
    [FIELD_TEXT] = "text",
    [FIELD_CHAR] = "char",
    [FIELD_ENUM] = "enum",
    [FIELD_SIDE] = "side",
    [FIELD_RFQ] = "rfq",
    [FIELD_QUOTE] = "quote",
    [FIELD_ORDER] = "order",
    [FIELD_REF] = "ref",
    [FIELD_SESSION] = "session",
    [FIELD_AGENT] = "agent",
    [FIELD_RECORD_TYPE] = "record type",
    [FIELD_MSG_TYPE] = "message type",
    [FIELD_HEX] = "hex",
    [FIELD_NESTED] = "nested",
    [FIELD_BYTES] = "bytes",
    [FIELD_LIST] = "list",
};

static void list_layout(FILE *f, const char *what, const struct layout *l)
{
    fprintf(f, "%s %s %u\n", what, l->name, l->size);
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct field *x = &l->fields[i];
        fprintf(f, "  %s %u %u %s%s%s\n", x->name, x->offset, x->size, kinds[x->kind], x->nested ? " " : "",
                x->nested ? x->nested->name : "");
    }
}

#define STRUCT(s)   fprintf(f, "struct " #s " %zu\n", sizeof(struct s))
#define FIELD(s, m) fprintf(f, "  " #m " %zu %zu\n", offsetof(struct s, m), sizeof(((struct s *)0)->m))

static void list_frames(FILE *f)
{
    STRUCT(record);
    FIELD(record, size);
    FIELD(record, type);
    FIELD(record, version);
    FIELD(record, flags);
    FIELD(record, dest);
    FIELD(record, lane);
    FIELD(record, session);
    FIELD(record, time_ns);
    STRUCT(batch);
    FIELD(batch, size);
    FIELD(batch, count);
    FIELD(batch, agent);
    FIELD(batch, cause_agent);
    FIELD(batch, cause_lane);
    FIELD(batch, position);
    FIELD(batch, cause);
    FIELD(batch, time_ns);
    FIELD(batch, cause_time_ns);
    FIELD(batch, origin_time_ns);
    STRUCT(log_frame);
    FIELD(log_frame, magic);
    FIELD(log_frame, crc);
    FIELD(log_frame, size);
    FIELD(log_frame, pad);
    FIELD(log_frame, offset);
    FIELD(log_frame, first_seq);
    FIELD(log_frame, incarnation);
    FIELD(log_frame, stream_epoch);
}

static void list_store(FILE *f)
{
    STRUCT(state_marks);
    FIELD(state_marks, consumed);
    FIELD(state_marks, position);
    FIELD(state_marks, epoch);
    FIELD(state_marks, next_id);
    FIELD(state_marks, batches);
    FIELD(state_marks, time_ns);
    STRUCT(store_marks);
    FIELD(store_marks, log_offset);
    FIELD(store_marks, next_seq);
    FIELD(store_marks, redeliver_offset);
    FIELD(store_marks, stream_epoch);
    FIELD(store_marks, merged);
    FIELD(store_marks, agents);
    FIELD(store_marks, digest);
    STRUCT(history_row);
    FIELD(history_row, version);
    FIELD(history_row, agent);
    FIELD(history_row, stream_epoch);
    FIELD(history_row, time_ns);
    FIELD(history_row, cause_time_ns);
    FIELD(history_row, origin_time_ns);
    STRUCT(sent_row);
    FIELD(sent_row, version);
    FIELD(sent_row, agent);
    fprintf(f, "keys entity %d ended %d history %d sent %d purge %d\n", ENTITY_KEY_SIZE, ENDED_KEY_SIZE,
            HISTORY_KEY_SIZE, SENT_KEY_SIZE, PURGE_KEY_SIZE);
    fprintf(f, "versions store %d value %d\n", STORE_LAYOUT, STORE_VALUE_VERSION);
}

/* Numbers of enums are stored too. */
static void list_enum(FILE *f, const char *what, const char *(*name)(unsigned v))
{
    fprintf(f, "enum %s\n", what);
    for (unsigned v = 0; v < 256; v++)
        if (strcmp(name(v), "?") != 0)
            fprintf(f, "  %u %s\n", v, name(v));
}

static void list_enums(FILE *f)
{
    list_enum(f, "rfq_state", rfq_state_name);
    list_enum(f, "rfq_shown_status", rfq_shown_name);
    list_enum(f, "rfq_move", rfq_move_name);
    list_enum(f, "rfq_profile", rfq_profile_name);
    list_enum(f, "who", who_name);
    list_enum(f, "reason", reason_name);
    list_enum(f, "delivery_status", delivery_status_name);
    list_enum(f, "delivery_answer", delivery_answer_name);
    list_enum(f, "quote_status", quote_status_name);
    list_enum(f, "order_status", order_status_name);
    list_enum(f, "session_status", session_status_name);
    list_enum(f, "lp_status", lp_status_name);
    list_enum(f, "agent_id", agent_name);
}

static void list_all(FILE *f)
{
    static const char *const tables[] = {
        "settings",         "instruments",      "lps",    "takers", "rfqs",     "deliveries", "quotes",
        "routing_settings", "routing_sessions", "orders", "fills",  "sessions", "client_keys", "rfq_stays"};
    char what[80];
    list_frames(f);
    list_store(f);
    list_enums(f);
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(what, sizeof what, "table %s", tables[i]);
        list_layout(f, what, layout_of_table(tables[i]));
    }
    list_layout(f, "part", layout_of_table("settings")->fields[1].nested);
    list_layout(f, "part", layout_of_record(RECORD_GATEWAY_UNSENT)->fields[0].nested);
    for (unsigned type = 0; type < 128; type++) { /* commands from 128 on are in lanes only */
        snprintf(what, sizeof what, "record %u v%u %s", type, record_type_version(type),
                 record_type_name(type));
        if (layout_of_record(type))
            list_layout(f, what, layout_of_record(type));
    }
}

static char *whole_file(const char *path)
{
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    char *text = calloc(1, 1 << 20);
    cr_assert_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
    fclose(f);
    return text;
}

Test(golden, layouts_on_disk_are_those_of_the_listing)
{
    char *now = NULL;
    size_t size;
    FILE *f = open_memstream(&now, &size);
    list_all(f);
    fclose(f);
    if (getenv("RFQD_GOLDEN_WRITE")) {
        f = fopen(GOLDEN_LISTING, "w");
        cr_assert_eq(fwrite(now, 1, size, f), size);
        fclose(f);
    }
    char *then = whole_file(GOLDEN_LISTING);
    char *a = now, *b = then;
    for (unsigned line = 1; *a || *b; line++) {
        size_t a_size = strcspn(a, "\n"), b_size = strcspn(b, "\n");
        cr_assert(a_size == b_size && memcmp(a, b, a_size) == 0,
                  "line %u: «%.*s» was «%.*s»: a layout on disk has changed", line, (int)a_size, a,
                  (int)b_size, b);
        a += a_size + (a[a_size] == '\n');
        b += b_size + (b[b_size] == '\n');
    }
    free(then);
    free(now);
}
