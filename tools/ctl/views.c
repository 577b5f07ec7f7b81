#include "tools/ctl/views.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

const struct view views[] = {
    {"status", "", "positions, lags, sessions, RFQs by state, the last recovery", show_status},
    {"sessions", "", "FIX sessions: state, sequence numbers, messages", show_sessions},
    {"lps", "", "liquidity providers with their statistics", show_lps},
    {"rfqs", "[STATE]", "RFQs in memory; of one state or status only, where it is named", show_rfqs},
    {"rfq", "ID", "one RFQ's timeline, with the nanoseconds of each stage", show_rfq},
    {"orders", "", "orders in memory", show_orders},
    {"latency", "", "how long each stage takes, from the stamps in the record", show_latency},
    {"counters", "", "every counter and gauge", show_counters},
    {"metrics", "", "everything there is to watch, as Prometheus text", show_text},
    {"workflow", "[dot]", "the RFQ state machine, as a table or as a Graphviz diagram", show_text},
    {"verify", "", "the log applied again and compared with the store and with what is in memory",
     show_status},
    {"dump", "[TABLE]", "a table of the store, a line of JSON each; without a name, all of them", NULL},
    {"doctor", "[ROOT]", "is this host set up for low latency? each finding with its remedy", show_doctor},
    {"stop", "", "logs all sessions out, completes the record and ends rfqd", show_status},
    {"help", "", "what the running rfqd understands", show_help},
};
const unsigned view_count = COUNT(views);

const struct view *view_named(const char *name)
{
    for (unsigned i = 0; i < view_count; i++)
        if (strcmp(views[i].name, name) == 0)
            return &views[i];
    return NULL;
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
