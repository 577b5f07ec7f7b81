#include "tools/ctl/views.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/ops/command_list.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

#define RED    "31"
#define GREEN  "32"
#define YELLOW "33"
#define FAINT  "2"

static const char *colour_of_state(const char *state)
{
    static const struct {
        const char *state, *colour;
    } colours[] = {{"COMPLETED", GREEN}, {"CANCELLED", RED}, {"REJECTED", RED},  {"EXPIRED", FAINT},
                   {"AWARDED", YELLOW},  {"filled", GREEN},  {"cancelled", RED}, {"rejected", RED},
                   {"unknown", RED},     {"down", RED},      {"suspended", RED}, {"inactive", FAINT}};
    for (size_t i = 0; i < COUNT(colours); i++)
        if (strcmp(colours[i].state, state) == 0)
            return colours[i].colour;
    return NULL;
}

static const char *colour_by_state(struct json_object *row)
{
    return colour_of_state(row_text(row, "state"));
}

static const char *colour_by_session(struct json_object *row)
{
    return colour_of_state(row_text(row, "session_state"));
}

static void show_status(FILE *to, struct rows *rows, struct table_style *style)
{
    for (size_t i = 0; i < rows->count; i++) {
        fputs(i ? "\n" : "", to);
        table_pairs(to, rows->row[i], style);
    }
}

/* Entities, as people read them: `lp_name` in the place of the number `lp`, times as times. What is only
 * rfqd's own (an award's number) is left to --json. */
static const char *const internal[] = {"award", "reserved"};

static bool is_internal(const char *key)
{
    for (size_t i = 0; i < COUNT(internal); i++)
        if (strcmp(internal[i], key) == 0)
            return true;
    return false;
}

static struct json_object *time_of(int64_t ns)
{
    char text[64];
    struct tm tm;
    time_t s = (time_t)(ns / 1000000000);
    if (ns <= 0 || !gmtime_r(&s, &tm))
        return NULL;
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, sizeof text - used, ".%09" PRId64 "Z", ns % 1000000000);
    return json_object_new_string(text);
}

static void add_readable(struct json_object *row, struct json_object *out, const char *key,
                         struct json_object *value)
{
    char name[128];
    struct json_object *other;
    size_t size = strlen(key);
    snprintf(name, sizeof name, "%s_name", key);
    if (json_object_object_get_ex(row, name, &other)) {
        json_object_object_add(out, key, json_object_get(other));
        return;
    }
    snprintf(name, sizeof name, "%s", key);
    if (size > 5 && size < sizeof name && strcmp(key + size - 5, "_name") == 0) {
        name[size - 5] = 0;
        if (json_object_object_get_ex(row, name, &other))
            return; /* it has its place */
    }
    if (size > 3 && size < sizeof name && strcmp(key + size - 3, "_ns") == 0 &&
        json_object_is_type(value, json_type_int)) {
        name[size - 3] = 0;
        json_object_object_add(out, name, time_of(json_object_get_int64(value)));
        return;
    }
    json_object_object_add(out, key, json_object_get(value));
}

static void show_entity(FILE *to, struct rows *rows, struct table_style *style)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct json_object *readable = json_object_new_object();
        json_object_object_foreach(rows->row[i], key, value)
        {
            if (!is_internal(key))
                add_readable(rows->row[i], readable, key, value);
        }
        fputs(i ? "\n" : "", to);
        table_pairs(to, readable, style);
        json_object_put(readable);
    }
}

static void show_sessions(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {
        {"SESSION", "session", COLUMN_TEXT, NULL},     {"ROLE", "role", COLUMN_TEXT, NULL},
        {"STATE", "state", COLUMN_TEXT, NULL},         {"TARGET", "target", COLUMN_TEXT, NULL},
        {"GEN", "generation", COLUMN_NUMBER, NULL},    {"NEXT IN", "next_in", COLUMN_NUMBER, NULL},
        {"NEXT OUT", "next_out", COLUMN_NUMBER, NULL}, {"RECEIVED", "received", COLUMN_NUMBER, NULL},
        {"SENT", "sent", COLUMN_NUMBER, NULL},         {"CHANGED", "changed", COLUMN_TIME, NULL}};
    style->colour_of = colour_by_state;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_lps(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"LP", "lp", COLUMN_TEXT, NULL},
                                            {"STATUS", "status", COLUMN_TEXT, NULL},
                                            {"SESSION", "session_state", COLUMN_TEXT, NULL},
                                            {"OPEN", "open_rfqs", COLUMN_NUMBER, NULL},
                                            {"ASKED", "released", COLUMN_NUMBER, NULL},
                                            {"ACKED", "acknowledged", COLUMN_NUMBER, NULL},
                                            {"QUOTED", "quoted", COLUMN_NUMBER, NULL},
                                            {"DECLINED", "declined", COLUMN_NUMBER, NULL},
                                            {"SILENT", "no_response", COLUMN_NUMBER, NULL},
                                            {"REJECTED", "rejected", COLUMN_NUMBER, NULL},
                                            {"FAILED", "failed", COLUMN_NUMBER, NULL},
                                            {"QUOTES", "quotes", COLUMN_NUMBER, NULL},
                                            {"REFUSED", "quotes_refused", COLUMN_NUMBER, NULL},
                                            {"WINS", "wins", COLUMN_NUMBER, NULL},
                                            {"DEFAULTS", "defaults", COLUMN_NUMBER, NULL}};
    style->colour_of = colour_by_session;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_rfqs(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {
        {"CREATED", "created", COLUMN_TIME, NULL},  {"RFQ", "rfq", COLUMN_TEXT, NULL},
        {"TAKER", "taker", COLUMN_TEXT, NULL},      {"SYMBOL", "symbol", COLUMN_TEXT, NULL},
        {"SIDE", "side", COLUMN_TEXT, NULL},        {"QUANTITY", "quantity", COLUMN_DECIMAL, NULL},
        {"STATE", "state", COLUMN_TEXT, NULL},      {"STATUS", "status", COLUMN_TEXT, NULL},
        {"LPS", "lps", COLUMN_NUMBER, NULL},        {"QUOTES", "quotes", COLUMN_NUMBER, NULL},
        {"BID", "best_bid", COLUMN_DECIMAL, NULL},  {"ASK", "best_ask", COLUMN_DECIMAL, NULL},
        {"WINNER", "winner", COLUMN_TEXT, NULL},    {"PRICE", "price", COLUMN_DECIMAL, NULL},
        {"FILLED", "filled", COLUMN_DECIMAL, NULL}, {"TOOK ms", "created", COLUMN_DURATION, "ended"},
        {"REASON", "reason", COLUMN_TEXT, NULL}};
    style->colour_of = colour_by_state;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_rfq(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"SEQ", "seq", COLUMN_NUMBER, NULL},
                                            {"+ns SINCE START", "since_start_ns", COLUMN_NS, NULL},
                                            {"+ns AFTER CAUSE", "after_cause_ns", COLUMN_NS, NULL},
                                            {"WHO", "agent", COLUMN_TEXT, NULL},
                                            {"WHAT", "text", COLUMN_TEXT, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_orders(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {
        {"CREATED", "created", COLUMN_TIME, NULL}, {"ORDER", "order", COLUMN_TEXT, NULL},
        {"RFQ", "rfq", COLUMN_TEXT, NULL},         {"CLORDID", "cl_ord_id", COLUMN_TEXT, NULL},
        {"LP", "lp", COLUMN_TEXT, NULL},           {"SYMBOL", "symbol", COLUMN_TEXT, NULL},
        {"SIDE", "side", COLUMN_TEXT, NULL},       {"QUANTITY", "quantity", COLUMN_DECIMAL, NULL},
        {"PRICE", "price", COLUMN_DECIMAL, NULL},  {"FILLED", "filled", COLUMN_DECIMAL, NULL},
        {"STATE", "state", COLUMN_TEXT, NULL},     {"IN DOUBT", "in_doubt", COLUMN_TEXT, NULL}};
    style->colour_of = colour_by_state;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_latency(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {
        {"STAGE (µs)", "stage", COLUMN_TEXT, NULL}, {"COUNT", "count", COLUMN_NUMBER, NULL},
        {"P50", "p50_ns", COLUMN_US, NULL},         {"P90", "p90_ns", COLUMN_US, NULL},
        {"P99", "p99_ns", COLUMN_US, NULL},         {"P99.9", "p999_ns", COLUMN_US, NULL},
        {"MAX", "max_ns", COLUMN_US, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_counters(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"NAME", "name", COLUMN_TEXT, NULL},
                                            {"LABELS", "labels", COLUMN_TEXT, NULL},
                                            {"KIND", "kind", COLUMN_TEXT, NULL},
                                            {"VALUE", "value", COLUMN_NUMBER, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_text(FILE *to, struct rows *rows, struct table_style *style)
{
    (void)style;
    for (size_t i = 0; i < rows->count; i++)
        fputs(row_text(rows->row[i], "text"), to);
}

static void show_help(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"COMMAND", "command", COLUMN_TEXT, NULL},
                                            {"ARGUMENTS", "arguments", COLUMN_TEXT, NULL},
                                            {"DOES", "does", COLUMN_TEXT, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static const char *colour_by_verdict(struct json_object *row)
{
    return strcmp(row_text(row, "verdict"), "fine") == 0 ? NULL : YELLOW;
}

static void show_doctor(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"CHECK", "check", COLUMN_TEXT, NULL},
                                            {"VERDICT", "verdict", COLUMN_TEXT, NULL},
                                            {"FOUND", "found", COLUMN_TEXT, NULL},
                                            {"REMEDY", "remedy", COLUMN_TEXT, NULL}};
    style->colour_of = colour_by_verdict;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_takers(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"TAKER", "taker", COLUMN_TEXT, NULL},
                                            {"SESSION", "session", COLUMN_TEXT, NULL},
                                            {"STATE", "session_state", COLUMN_TEXT, NULL},
                                            {"TENANT", "tenant", COLUMN_NUMBER, NULL},
                                            {"RFQS", "rfqs", COLUMN_NUMBER, NULL}};
    style->colour_of = colour_by_session;
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_instruments(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"SYMBOL", "symbol", COLUMN_TEXT, NULL},
                                            {"CURRENCY", "currency", COLUMN_TEXT, NULL},
                                            {"CLASS", "asset_class", COLUMN_NUMBER, NULL},
                                            {"TICK", "tick", COLUMN_DECIMAL, NULL},
                                            {"LOT", "lot", COLUMN_DECIMAL, NULL},
                                            {"LEAST", "quantity_min", COLUMN_DECIMAL, NULL},
                                            {"MOST", "quantity_max", COLUMN_DECIMAL, NULL},
                                            {"REFERENCE", "reference_price", COLUMN_DECIMAL, NULL},
                                            {"COLLAR %", "collar_percent", COLUMN_DECIMAL, NULL},
                                            {"TRADABLE", "tradable", COLUMN_TEXT, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_cores(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {
        {"CORE", "core", COLUMN_NUMBER, NULL},     {"CPU", "cpu", COLUMN_NUMBER, NULL},
        {"IDLE", "idle", COLUMN_TEXT, NULL},       {"BUSY %", "busy_percent", COLUMN_NUMBER, NULL},
        {"ROUNDS", "rounds", COLUMN_NUMBER, NULL}, {"BUSY ROUNDS", "busy_rounds", COLUMN_NUMBER, NULL},
        {"STALLS", "stalls", COLUMN_NUMBER, NULL}, {"DROPPED", "dropped", COLUMN_NUMBER, NULL},
        {"AGENTS", "agents", COLUMN_TEXT, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_lanes(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"KIND", "kind", COLUMN_TEXT, NULL},
                                            {"FROM", "from", COLUMN_TEXT, NULL},
                                            {"TO", "to", COLUMN_TEXT, NULL},
                                            {"SUBJECT", "subject", COLUMN_TEXT, NULL},
                                            {"USED BYTES", "used_bytes", COLUMN_NS, NULL},
                                            {"OF", "size_bytes", COLUMN_NS, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

static void show_config(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"KEY", "key", COLUMN_TEXT, NULL},
                                            {"ENTRY", "entry", COLUMN_TEXT, NULL},
                                            {"VALUE", "value", COLUMN_TEXT, NULL},
                                            {"UNIT", "unit", COLUMN_TEXT, NULL},
                                            {"CHANGES", "changes", COLUMN_TEXT, NULL}};
    table_print(to, columns, COUNT(columns), rows, style);
}

/* Errors as sentences, differences as a table, what came of it as pairs. */
static void show_reload(FILE *to, struct rows *rows, struct table_style *style)
{
    static const struct column columns[] = {{"KEY", "key", COLUMN_TEXT, NULL},
                                            {"ENTRY", "entry", COLUMN_TEXT, NULL},
                                            {"WAS", "was", COLUMN_TEXT, NULL},
                                            {"IS", "is", COLUMN_TEXT, NULL},
                                            {"CHANGES", "changes", COLUMN_TEXT, NULL}};
    static char text[CELL_SIZE];
    struct rows differences = {.row = rows->row};
    while (differences.count < rows->count && *row_text(rows->row[differences.count], "key"))
        differences.count++;
    if (differences.count)
        table_print(to, columns, COUNT(columns), &differences, style);
    for (size_t i = differences.count; i < rows->count; i++) {
        const char *error = row_text(rows->row[i], "error");
        table_clean(error, text, sizeof text);
        if (*error)
            fprintf(to, "%s\n", text);
        else
            table_pairs(to, rows->row[i], style);
    }
}

/* Rows that may come for ever
 * ----------------------------------------------------------------------------------- */

static void line_event(FILE *to, struct json_object *row)
{
    static char text[CELL_SIZE];
    table_clean(row_text(row, "text"), text, sizeof text);
    fprintf(to, "%.18s  %" PRId64 "  %-12s  %s\n", row_text(row, "time") + 11, row_number(row, "seq"),
            row_text(row, "agent"), text);
}

static void line_message(FILE *to, struct json_object *row)
{
    static char text[CELL_SIZE];
    table_clean(row_text(row, "text"), text, sizeof text);
    fprintf(to, "%.18s  %" PRId64 "  %-3s  %6" PRId64 "%s  %s  %s\n", row_text(row, "time") + 11,
            row_number(row, "seq"), row_text(row, "direction"), row_number(row, "number"),
            strcmp(row_text(row, "again"), "true") == 0 ? " again" : "",
            *row_text(row, "name") ? row_text(row, "name") : row_text(row, "type"), text);
}

static void line_json(FILE *to, struct json_object *row)
{
    fprintf(to, "%s\n",
            json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* The table
 * ----------------------------------------------------------------------------------------------------- */

/* How each is shown: .show or .line; a command without a view of its own as pairs. */
/* clang-format off */
#define SHOWN_status          show_status, NULL
#define SHOWN_sessions        show_sessions, NULL
#define SHOWN_session         show_entity, NULL
#define SHOWN_session_logout  show_status, NULL
#define SHOWN_session_reset   show_status, NULL
#define SHOWN_session_seq     show_status, NULL
#define SHOWN_lps             show_lps, NULL
#define SHOWN_lp              show_entity, NULL
#define SHOWN_takers          show_takers, NULL
#define SHOWN_instruments     show_instruments, NULL
#define SHOWN_rfqs            show_rfqs, NULL
#define SHOWN_rfq             show_rfq, NULL
#define SHOWN_orders          show_orders, NULL
#define SHOWN_order           show_entity, NULL
#define SHOWN_events          NULL, line_event
#define SHOWN_fix_log         NULL, line_message
#define SHOWN_latency         show_latency, NULL
#define SHOWN_latency_reset   show_status, NULL
#define SHOWN_cores           show_cores, NULL
#define SHOWN_lanes           show_lanes, NULL
#define SHOWN_counters        show_counters, NULL
#define SHOWN_metrics         show_text, NULL
#define SHOWN_workflow        show_text, NULL
#define SHOWN_log             show_status, NULL
#define SHOWN_log_level       show_status, NULL
#define SHOWN_config_show     show_config, NULL
#define SHOWN_config_check    show_reload, NULL
#define SHOWN_config_reload   show_reload, NULL
#define SHOWN_snapshot        show_status, NULL
#define SHOWN_backup          show_status, NULL
#define SHOWN_verify          show_status, NULL
#define SHOWN_dump            NULL, line_json
#define SHOWN_drain           show_status, NULL
#define SHOWN_drain_stop      show_status, NULL
#define SHOWN_drain_off       show_status, NULL
#define SHOWN_stop            show_status, NULL
#define SHOWN_help            show_help, NULL
#define SHOWN_top             show_status, NULL
#define SHOWN_doctor          show_doctor, NULL
#define SHOWN_token           NULL, NULL
/* clang-format on */

const struct view views[] = {
#define PATIENT_CORE   false
#define PATIENT_THREAD true
#define X(id, name, verb, verb_at, arguments, least, most, level, where, sentence) \
    {name, verb, verb_at, arguments, sentence, false, PATIENT_##where, SHOWN_##id},
    OPS_COMMAND_LIST(X)
#undef X
#define X(id, name, arguments, sentence) {name, NULL, 0, arguments, sentence, true, false, SHOWN_##id},
        OPS_LOCAL_LIST(X)
#undef X
};
const unsigned view_count = COUNT(views);

const struct view *view_named(const char *name)
{
    return view_for(name, 0, NULL);
}

const struct view *view_for(const char *name, unsigned count, const char *const words[])
{
    const struct view *any = NULL, *first = NULL;
    for (unsigned i = 0; i < view_count; i++) {
        const struct view *v = &views[i];
        if (strcmp(v->name, name) != 0)
            continue;
        if (v->verb && v->verb_at < count && strcmp(words[v->verb_at], v->verb) == 0)
            return v;
        if (!v->verb && !any)
            any = v;
        if (!first)
            first = v;
    }
    return any ? any : first;
}

static int by_creation(const void *a, const void *b)
{
    const char *x = row_text(*(struct json_object *const *)a, "created");
    const char *y = row_text(*(struct json_object *const *)b, "created");
    return strcmp(x, y);
}

static int by_creation_newest(const void *a, const void *b)
{
    return by_creation(b, a);
}

void view_sort(struct rows *rows, bool newest_first)
{
    if (rows->count)
        qsort(rows->row, rows->count, sizeof *rows->row, newest_first ? by_creation_newest : by_creation);
}

/* The state at a glance
 * ---------------------------------------------------------------------------------------- */

/* What is not as it should be, a line each: what is asked every day is read for this. */
static void glance_trouble(FILE *to, struct json_object *row)
{
    static const struct {
        const char *key, *says;
    } troubles[] = {{"log_error", "the log"}, {"store_error", "the store has failed"}};
    char clean[1024];
    for (size_t i = 0; i < COUNT(troubles); i++) {
        const char *text = row_text(row, troubles[i].key);
        table_clean(text, clean, sizeof clean);
        if (*text)
            fprintf(to, "%s: %s\n", troubles[i].says, clean);
    }
    if (strncmp(row_text(row, "draining"), "yes", 3) == 0)
        fprintf(to, "draining: %s\n", row_text(row, "draining"));
}

static void glance_head(FILE *to, struct json_object *row)
{
    struct json_object *rfqs;
    char clean[256];
    table_clean(row_text(row, "instance"), clean, sizeof clean);
    fprintf(to, "rfqd %s  accepting %s  sessions %" PRId64 "/%" PRId64 " up  seq %" PRId64, clean,
            row_text(row, "accepting"), row_number(row, "sessions_up"), row_number(row, "sessions"),
            row_number(row, "seq"));
    fprintf(to, "  not yet durable %" PRId64 " bytes  replica %s\nRFQs:",
            row_number(row, "log_end") - row_number(row, "log_durable"), row_text(row, "replica"));
    if (json_object_object_get_ex(row, "rfqs", &rfqs)) {
        json_object_object_foreach(rfqs, state, count)
        {
            fprintf(to, "  %s %s", state, json_object_get_string(count));
        }
    }
    fprintf(to, "  orders %" PRId64 "  quotes %" PRId64 "\n", row_number(row, "orders"),
            row_number(row, "quotes"));
    glance_trouble(to, row);
}

enum ctl_result view_head(FILE *to, struct client *c)
{
    struct rows rows;
    enum ctl_result result = client_rows(c, "status", &rows);
    for (size_t i = 0; result == CTL_FINE && i < rows.count; i++)
        glance_head(to, rows.row[i]);
    rows_free(&rows);
    return result;
}

static const char *const glance_parts[] = {"sessions", "lps", "latency", "rfqs"};

enum ctl_result view_glance(FILE *to, struct client *c, const struct table_style *style)
{
    enum ctl_result result = view_head(to, c);
    for (size_t i = 0; result == CTL_FINE && i < COUNT(glance_parts); i++) {
        struct rows rows;
        struct table_style own = *style;
        result = client_rows(c, glance_parts[i], &rows);
        if (result == CTL_FINE) {
            bool last = i + 1 == COUNT(glance_parts);
            own.rows_max = last ? style->rows_max : 0;
            if (last)
                view_sort(&rows, true);
            fputc('\n', to);
            view_named(glance_parts[i])->show(to, &rows, &own);
        }
        rows_free(&rows);
    }
    return result;
}
