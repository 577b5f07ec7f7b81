#include "tools/ctl/top.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "tools/ctl/views.h"

/* What is counted, and how it is called here. label: only counters whose labels have it in them; where
 * label_too is set, with that one as well. */
static const struct {
    const char *title, *counter, *label, *label_too;
} rates[] = {
    {"messages in", "rfqd_fix_received_total", ""},
    {"messages out", "rfqd_fix_sent_total", ""},
    {"requests", "rfqd_engine_commands_total", "type=\"COMMAND_QUOTE_REQUEST\"",
     "type=\"COMMAND_CLIENT_RFQ\""}, /* over FIX; by HTTP or WebSocket */
    {"quotes", "rfqd_engine_commands_total", "type=\"COMMAND_QUOTE\""},
    {"awards", "rfqd_engine_commands_total", "type=\"RFQ_AWARDED\""},
    {"executions", "rfqd_engine_commands_total", "type=\"COMMAND_EXECUTION\""},
    {"refusals", "rfqd_engine_refusals_total", ""},
    {"log frames", "rfqd_log_frames_total", ""},
    {"log bytes", "rfqd_log_bytes_total", ""},
    {"log syncs", "rfqd_log_syncs_total", ""},
};
static_assert(sizeof rates / sizeof *rates == TOP_RATES, "each has a place");

static bool is_counted(size_t rate, struct json_object *counter)
{
    const char *labels = row_text(counter, "labels");
    return strcmp(row_text(counter, "name"), rates[rate].counter) == 0 &&
           (strstr(labels, rates[rate].label) ||
            (rates[rate].label_too && strstr(labels, rates[rate].label_too)));
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct look {
    struct rows status, counters, cores, lanes, latency, sessions;
    struct top seen;
};

static enum ctl_result look_around(struct client *c, struct look *l)
{
    struct {
        const char *command;
        struct rows *rows;
    } parts[] = {{"status", &l->status}, {"counters", &l->counters}, {"cores", &l->cores},
                 {"lanes", &l->lanes},   {"latency", &l->latency},   {"sessions", &l->sessions}};
    enum ctl_result result = CTL_FINE;
    memset(l, 0, sizeof *l);
    for (size_t i = 0; result == CTL_FINE && i < sizeof parts / sizeof *parts; i++)
        result = client_rows(c, parts[i].command, parts[i].rows);
    l->seen.looked = true;
    l->seen.time_ns = now_ns();
    for (size_t i = 0; i < l->counters.count; i++)
        for (size_t k = 0; k < TOP_RATES; k++)
            if (is_counted(k, l->counters.row[i]))
                l->seen.counts[k] += row_number(l->counters.row[i], "value");
    for (size_t i = 0; i < l->cores.count && i < TOP_CORES; i++) {
        l->seen.rounds[i] = row_number(l->cores.row[i], "rounds");
        l->seen.busy_rounds[i] = row_number(l->cores.row[i], "busy_rounds");
    }
    return result;
}

static void look_free(struct look *l)
{
    rows_free(&l->status);
    rows_free(&l->counters);
    rows_free(&l->cores);
    rows_free(&l->lanes);
    rows_free(&l->latency);
    rows_free(&l->sessions);
}

static double per_second(const struct look *l, const struct top *last, size_t rate)
{
    double seconds = (double)(l->seen.time_ns - last->time_ns) / 1e9;
    return seconds > 0 ? (double)(l->seen.counts[rate] - last->counts[rate]) / seconds : 0;
}

static double busy_percent(const struct look *l, const struct top *last, size_t core)
{
    int64_t rounds = l->seen.rounds[core] - last->rounds[core];
    return rounds > 0 ? 100.0 * (double)(l->seen.busy_rounds[core] - last->busy_rounds[core]) / (double)rounds
                      : 0;
}

static double used_percent(struct json_object *lane)
{
    int64_t size = row_number(lane, "size_bytes");
    return size ? 100.0 * (double)row_number(lane, "used_bytes") / (double)size : 0;
}

/* For programs
 * ------------------------------------------------------------------------------------------------------ */

static void add_rows(struct json_object *frame, const char *name, const struct rows *rows)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < rows->count; i++)
        json_object_array_add(list, json_object_get(rows->row[i]));
    json_object_object_add(frame, name, list);
}

static void show_json(FILE *to, const struct look *l, const struct top *last)
{
    struct json_object *frame = json_object_new_object(), *list = json_object_new_object();
    if (l->status.count)
        json_object_object_add(frame, "status", json_object_get(l->status.row[0]));
    json_object_object_add(frame, "interval_ns",
                           json_object_new_int64((int64_t)(l->seen.time_ns - last->time_ns)));
    for (size_t i = 0; i < TOP_RATES; i++)
        json_object_object_add(list, rates[i].title, json_object_new_double(per_second(l, last, i)));
    json_object_object_add(frame, "per_second", list);
    for (size_t i = 0; i < l->cores.count && i < TOP_CORES; i++)
        json_object_object_add(l->cores.row[i], "busy_percent",
                               json_object_new_double(busy_percent(l, last, i)));
    for (size_t i = 0; i < l->lanes.count; i++)
        json_object_object_add(l->lanes.row[i], "used_percent",
                               json_object_new_double(used_percent(l->lanes.row[i])));
    add_rows(frame, "cores", &l->cores);
    add_rows(frame, "lanes", &l->lanes);
    add_rows(frame, "latency", &l->latency);
    add_rows(frame, "sessions", &l->sessions);
    fprintf(to, "%s\n", json_object_to_json_string_ext(frame, JSON_C_TO_STRING_PLAIN));
    json_object_put(frame);
}

/* For people
 * -------------------------------------------------------------------------------------------------------- */

#define BAR_WIDTH 20

static void bar(FILE *to, double percent)
{
    int full = (int)(percent / 100 * BAR_WIDTH + 0.5);
    fputc('[', to);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < full ? '#' : ' ', to);
    fprintf(to, "] %5.1f %%", percent);
}

static void show_cores(FILE *to, const struct look *l, const struct top *last)
{
    for (size_t i = 0; i < l->cores.count && i < TOP_CORES; i++) {
        struct json_object *row = l->cores.row[i], *agents;
        fprintf(to, "core %-2zu ", i);
        bar(to, busy_percent(l, last, i));
        fprintf(to, "  %-8s stalls %-6" PRId64 " ", row_text(row, "idle"), row_number(row, "stalls"));
        if (json_object_object_get_ex(row, "agents", &agents))
            for (size_t a = 0; a < json_object_array_length(agents); a++)
                fprintf(to, " %s", json_object_get_string(json_object_array_get_idx(agents, a)));
        fputc('\n', to);
    }
}

static void show_lanes(FILE *to, const struct look *l)
{
    for (size_t i = 0; i < l->lanes.count; i++) {
        struct json_object *row = l->lanes.row[i];
        char name[96];
        snprintf(name, sizeof name, "%s %s>%s%s%s", row_text(row, "kind"), row_text(row, "from"),
                 row_text(row, "to"), *row_text(row, "subject") ? " " : "", row_text(row, "subject"));
        fprintf(to, "%-38.38s ", name);
        bar(to, used_percent(row));
        fprintf(to, "  %" PRId64 " bytes\n", row_number(row, "used_bytes"));
    }
}

static void show_text(FILE *to, const struct look *l, const struct top *last, const struct table_style *style)
{
    struct json_object *status = l->status.count ? l->status.row[0] : NULL;
    struct table_style own = *style;
    if (status)
        fprintf(to,
                "rfqd %s  accepting %s  draining %s  sessions %" PRId64 "/%" PRId64 " up  seq %" PRId64
                "\n\n",
                row_text(status, "instance"), row_text(status, "accepting"), row_text(status, "draining"),
                row_number(status, "sessions_up"), row_number(status, "sessions"), row_number(status, "seq"));
    show_cores(to, l, last);
    fputc('\n', to);
    show_lanes(to, l);
    fputs("\nper second:", to);
    for (size_t i = 0; i < TOP_RATES; i++)
        fprintf(to, "%s%s %.0f", i == TOP_RATES / 2 ? "\n            " : "  ", rates[i].title,
                per_second(l, last, i));
    fputs("\n\n", to);
    own.rows_max = 0;
    view_named("latency")->show(to, (struct rows *)(uintptr_t)&l->latency, &own);
    fputc('\n', to);
    own.rows_max = style->rows_max;
    view_named("sessions")->show(to, (struct rows *)(uintptr_t)&l->sessions, &own);
}

enum ctl_result top_show(FILE *to, struct client *c, struct top *last, const struct table_style *style,
                         bool json, int interval_ms)
{
    struct look l;
    enum ctl_result result = CTL_FINE;
    if (!last->looked) {
        result = look_around(c, &l);
        *last = l.seen;
        look_free(&l);
        poll(NULL, 0, interval_ms); /* rates need an interval */
    }
    if (result == CTL_FINE) {
        result = look_around(c, &l);
        if (result == CTL_FINE && json)
            show_json(to, &l, last);
        else if (result == CTL_FINE)
            show_text(to, &l, last, style);
        *last = l.seen;
        look_free(&l);
    }
    return result;
}
