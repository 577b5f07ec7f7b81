#include "tools/ctl/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 24

const char *row_text(struct json_object *row, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(row, key, &value) || !value)
        return "";
    return json_object_get_string(value);
}

int64_t row_number(struct json_object *row, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(row, key, &value) ? json_object_get_int64(value) : 0;
}

int64_t row_time_ns(struct json_object *row, const char *key)
{
    const char *text = row_text(row, key);
    struct tm t = {0};
    long ns = 0;
    if (sscanf(text, "%d-%d-%dT%d:%d:%d.%9ldZ", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
               &t.tm_sec, &ns) < 7)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return (int64_t)timegm(&t) * 1000000000 + ns;
}

size_t table_clean(const char *text, char *out, size_t size)
{
    size_t used = 0, width = 0;
    for (; *text && used + 1 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == 0xc2 && (unsigned char)text[1] < 0xa0 && (unsigned char)text[1] >= 0x80) {
            out[used++] = '?'; /* U+0080 to U+009F: terminals obey them */
            text++;
        } else {
            out[used++] = c < 0x20 || c == 0x7f ? '?' : *text;
        }
        width += (c & 0xc0) != 0x80;
    }
    out[used] = 0;
    return width;
}

/* 1 234 567 */
static void grouped(int64_t value, char *out, size_t size)
{
    char digits[32];
    int length =
        snprintf(digits, sizeof digits, "%" PRIu64, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    size_t used = 0;
    if (value < 0)
        out[used++] = '-';
    for (int i = 0; i < length && used + 3 < size; i++) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ' ';
        out[used++] = digits[i];
    }
    out[used] = 0;
}

static void cell_text(const struct column *c, struct json_object *row, char *out, size_t size)
{
    const char *text = row_text(row, c->key);
    int64_t number;
    out[0] = 0;
    if (!*text)
        return;
    switch (c->kind) {
    case COLUMN_TEXT:
    case COLUMN_NUMBER:
        table_clean(text, out, size);
        break;
    case COLUMN_NS:
        grouped(row_number(row, c->key), out, size);
        break;
    case COLUMN_US:
        number = row_number(row, c->key);
        snprintf(out, size, "%" PRId64 ".%03" PRId64, number / 1000, number % 1000);
        break;
    case COLUMN_DECIMAL:
        if (strcmp(text, "0") != 0)
            table_clean(text, out, size);
        break;
    case COLUMN_TIME:
        if (strlen(text) >= 23)
            snprintf(out, size, "%.12s", text + 11);
        break;
    case COLUMN_DURATION:
        number = row_time_ns(row, c->until) - row_time_ns(row, c->key);
        if (*row_text(row, c->until))
            snprintf(out, size, "%" PRId64 ".%03" PRId64, number / 1000000, number / 1000 % 1000);
        break;
    }
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* At most `room` characters; what is cut ends in an ellipsis. */
static size_t put(FILE *to, const char *text, size_t room)
{
    size_t width = width_of(text);
    if (width <= room) {
        fputs(text, to);
        return width;
    }
    if (room < 2)
        return 0;
    size_t kept = 0;
    const char *end = text;
    while (*end && (kept < room - 1 || ((unsigned char)*end & 0xc0) == 0x80)) {
        kept += ((unsigned char)*end & 0xc0) != 0x80;
        end++;
    }
    fwrite(text, 1, (size_t)(end - text), to);
    fputs("…", to);
    return room;
}

struct line {
    FILE *to;
    size_t room, at;
};

static void pad(struct line *l, size_t count)
{
    for (; count && l->at < l->room; count--, l->at++)
        fputc(' ', l->to);
}

static void put_cell(struct line *l, const struct column *c, const char *text, size_t width, bool last)
{
    size_t own = width_of(text);
    bool right = c->kind != COLUMN_TEXT && c->kind != COLUMN_TIME;
    if (right && own < width)
        pad(l, width - own);
    if (l->at < l->room)
        l->at += put(l->to, text, l->room - l->at);
    if (!last) {
        if (!right && own < width)
            pad(l, width - own);
        pad(l, 2);
    }
}

void table_print(FILE *to, const struct column *columns, size_t column_count, const struct rows *rows,
                 const struct table_style *style)
{
    static char text[CELL_SIZE];
    size_t widths[COLUMNS_MAX], room = style->width ? style->width : SIZE_MAX;
    size_t count = style->rows_max && style->rows_max < rows->count ? style->rows_max : rows->count;
    if (column_count > COLUMNS_MAX)
        column_count = COLUMNS_MAX;
    for (size_t c = 0; c < column_count; c++) {
        widths[c] = width_of(columns[c].title);
        for (size_t r = 0; r < count; r++) {
            cell_text(&columns[c], rows->row[r], text, sizeof text);
            size_t width = width_of(text);
            if (width > widths[c])
                widths[c] = width;
        }
    }
    struct line l = {.to = to, .room = room};
    fputs(style->colour ? "\033[1m" : "", to);
    for (size_t c = 0; c < column_count; c++)
        put_cell(&l, &columns[c], columns[c].title, widths[c], c + 1 == column_count);
    fputs(style->colour ? "\033[0m\n" : "\n", to);
    for (size_t r = 0; r < count; r++) {
        const char *colour = style->colour && style->colour_of ? style->colour_of(rows->row[r]) : NULL;
        if (colour)
            fprintf(to, "\033[%sm", colour);
        l.at = 0;
        for (size_t c = 0; c < column_count; c++) {
            cell_text(&columns[c], rows->row[r], text, sizeof text);
            put_cell(&l, &columns[c], text, widths[c], c + 1 == column_count);
        }
        fputs(colour ? "\033[0m\n" : "\n", to);
    }
}

void table_pairs(FILE *to, struct json_object *row, const struct table_style *style)
{
    static char text[CELL_SIZE];
    size_t width = 0, room = style->width ? style->width : SIZE_MAX;
    json_object_object_foreach(row, key, unused)
    {
        (void)unused;
        size_t own = strlen(key);
        width = own > width ? own : width;
    }
    json_object_object_foreach(row, name, value)
    {
        char line[1024] = "";
        size_t used = 0;
        if (json_object_is_type(value, json_type_object)) {
            json_object_object_foreach(value, inner, of)
            {
                if (used < sizeof line)
                    used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %s", used ? ", " : "",
                                             inner, of ? json_object_get_string(of) : "-");
            }
            table_clean(used ? line : "-", text, sizeof text);
        } else {
            table_clean(value ? json_object_get_string(value) : "-", text, sizeof text);
        }
        fprintf(to, "%-*s  ", (int)width, name);
        put(to, text, room > width + 2 ? room - width - 2 : 0);
        fputc('\n', to);
    }
}
