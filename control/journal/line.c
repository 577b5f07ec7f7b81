#include "control/journal/line.h"

#include "dataplane/core/clock.h"
#include "dataplane/core/text.h"

/* Each byte of a text is at most an escape; beside them a line has its head, and of each field its key, its
 * quotes and a decimal. */
#define HEAD_MAX \
    (sizeof "<6>{\"time\":\"2026-02-03T04:05:06.000000007Z\",\"level\":\"warning\",\"event\":\"\"}\n")
#define FIELD_MAX (JOURNAL_KEY_MAX + sizeof ",\"\":\"-92233720368.54775807\"")
static_assert(HEAD_MAX + JOURNAL_KEY_MAX + JOURNAL_FIELDS_MAX * FIELD_MAX +
                      TEXT_JSON_ESCAPE_MAX * JOURNAL_TEXTS_SIZE <
                  JOURNAL_LINE_MAX,
              "no line is ever cut");

/* Of sd-daemon(3), which are syslog's. */
static const char *const priorities[JOURNAL_LEVELS] = {"<3>", "<4>", "<6>", "<7>"};

const char *journal_level_name(enum journal_level level)
{
    static const char *const names[JOURNAL_LEVELS] = {"error", "warning", "info", "debug"};
    return (unsigned)level < JOURNAL_LEVELS ? names[level] : "?";
}

static void add_digits(struct text *t, unsigned value, unsigned digits)
{
    char out[10];
    for (unsigned i = digits; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    text_add_bytes(t, out, digits);
}

static void add_time(struct text *t, uint64_t ns)
{
    struct clock_civil c;
    clock_to_civil(ns, &c);
    add_digits(t, (unsigned)c.year, 4);
    const struct {
        char before;
        unsigned value, digits;
    } parts[] = {{'-', c.month, 2},  {'-', c.day, 2},    {'T', c.hour, 2},
                 {':', c.minute, 2}, {':', c.second, 2}, {'.', c.ns, 9}};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        text_add_char(t, parts[i].before);
        add_digits(t, parts[i].value, parts[i].digits);
    }
    text_add_char(t, 'Z');
}

/* Escapes as JSON has them, in either format: what a peer has named itself can neither end a line nor forge
 * one. */
static void add_escaped(struct text *t, const char *text, size_t size)
{
    for (size_t at = 0, taken; at < size; at += taken) {
        char escape[TEXT_JSON_ESCAPE_MAX];
        taken = text_json_plain(text + at, size - at);
        if (taken) {
            text_add_bytes(t, text + at, taken);
        } else {
            text_add_bytes(t, escape, text_json_escape(text[at], escape));
            taken = 1;
        }
    }
}

static bool is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\' || text[i] == '=')
            return false;
    return size > 0;
}

static void add_text(struct text *t, const char *text, size_t size, bool quoted)
{
    if (quoted)
        text_add_char(t, '"');
    add_escaped(t, text, size);
    if (quoted)
        text_add_char(t, '"');
}

static void add_value(struct text *t, const struct journal_field *f, bool json)
{
    switch (f->kind) {
    case JOURNAL_FIELD_TEXT:
        add_text(t, f->text, f->size, json || !is_plain(f->text, f->size));
        return;
    case JOURNAL_FIELD_UINT:
        text_add_number(t, f->number);
        return;
    case JOURNAL_FIELD_DECIMAL: /* a text in JSON: readers must not make a double of it */
        text_add(t, json ? "\"" : "");
        text_add_decimal(t, (int64_t)f->number);
        text_add(t, json ? "\"" : "");
        return;
    case JOURNAL_FIELD_BOOL:
        text_add(t, f->number ? "true" : "false");
        return;
    }
}

static void add_head(struct text *t, const struct journal_entry *e, const struct journal_style *style)
{
    if (style->to_systemd)
        text_add(t, priorities[e->level]);
    if (style->format == JOURNAL_JSON) {
        text_add(t, "{\"time\":\"");
        add_time(t, e->time_ns);
        text_add(t, "\",\"level\":\"");
        text_add(t, journal_level_name(e->level));
        text_add(t, "\",\"event\":\"");
        text_add(t, e->event);
        text_add(t, "\"");
        return;
    }
    if (!style->to_systemd) {
        add_time(t, e->time_ns);
        text_add_char(t, ' ');
        text_add(t, journal_level_name(e->level));
        text_add(t, " rfqd: ");
    }
    text_add(t, e->event);
}

size_t journal_line(const struct journal_entry *e, const struct journal_style *style,
                    char out[JOURNAL_LINE_MAX])
{
    struct text t = text_in(out, JOURNAL_LINE_MAX);
    bool json = style->format == JOURNAL_JSON;
    add_head(&t, e, style);
    for (unsigned i = 0; i < e->field_count; i++) {
        text_add(&t, json ? ",\"" : " ");
        text_add(&t, e->fields[i].key);
        text_add(&t, json ? "\":" : "=");
        add_value(&t, &e->fields[i], json);
    }
    text_add(&t, json ? "}\n" : "\n");
    assert(!t.cut);
    return text_length(&t);
}
