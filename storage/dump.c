#include "storage/dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/describe.h"
#include "dataplane/model/upcast.h"
#include "storage/store_fail.h"
#include "storage/tables.h"

/* A FIX message all of whose bytes must be escaped, and what is around it. */
#define LINE_SIZE_MAX (6u * RECORD_SIZE_MAX + 8192u)
/* Lines are given away when no scan is under way: whoever takes them may be slow, and pins no page by it. */
#define PART_SIZE 65536u

struct dumping {
    const char *table;
    const struct layout *layout; /* NULL: not a table of entities */
    dump_line *line;
    void *ctx;
    unsigned left; /* rows of this scan */
    bool is_part;  /* it ended before the table did */
    uint64_t lines;
    char last[STORE_KEY_MAX + 1]; /* and the zero that makes it the next */
    size_t last_size;
    bool stopped;
    enum err e;
    size_t length; /* of the lines of this scan */
    char text[PART_SIZE + LINE_SIZE_MAX];
    _Alignas(8) char row[sizeof(struct history_row) + RECORD_SIZE_MAX];
};

/* Lines
 * -------------------------------------------------------------------------------------------------------- */

static void add(struct dumping *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct dumping *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    d->length += (size_t)vsnprintf(d->text + d->length, sizeof d->text - d->length, format, arguments);
    va_end(arguments);
}

static void begin_line(struct dumping *d)
{
    add(d, "{\"table\":\"%s\"", d->table);
}

static void add_name(struct dumping *d, const char *field, char letter, uint64_t id)
{
    char name[ID_TEXT_SIZE];
    name_print(letter, id, name);
    add(d, ",\"%s\":\"%s\"", field, name);
}

static void add_record(struct dumping *d, const struct record *r)
{
    add(d, ",\"record\":");
    d->length += describe_record(r, d->text + d->length, sizeof d->text - d->length);
}

static void end_line(struct dumping *d)
{
    add(d, "}\n");
    d->lines++;
}

static void give_lines(struct dumping *d)
{
    const char *at = d->text, *end = d->text + d->length;
    while (at < end && !d->stopped) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        d->stopped = !d->line(d->ctx, at, (size_t)(next - at));
        at = next;
    }
    d->length = 0;
}

static int refuse_row(struct dumping *d, enum err e, const void *key, size_t key_size, const char *why)
{
    char hex[2 * STORE_KEY_MAX + 1] = "";
    for (size_t i = 0; i < key_size && i < STORE_KEY_MAX; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)key)[i]);
    d->e = store_fail(e, "store, table %s, key %s: %s", d->table, hex, why);
    return 1;
}

static int bad_row(struct dumping *d, const void *key, size_t key_size, const char *why)
{
    return refuse_row(d, ERR_CORRUPT, key, key_size, why);
}

static int newer_row(struct dumping *d, const void *key, size_t key_size, const struct record *r)
{
    char why[RECORD_REFUSAL_SIZE];
    record_refusal(r, why);
    return refuse_row(d, ERR_VERSION, key, key_size, why);
}

/* Rows
 * ---------------------------------------------------------------------------------------------------------
 */

static int entity_row(struct dumping *d, const uint8_t *key, size_t key_size, const char *value,
                      size_t value_size)
{
    bool live = key_size == ENTITY_KEY_SIZE;
    if ((!live && key_size != ENDED_KEY_SIZE) || value_size < 1 + sizeof(uint64_t))
        return bad_row(d, key, key_size, "not an entity's");
    if (value_size > sizeof d->row)
        return bad_row(d, key, key_size, "too large");
    memcpy(d->row, value + 1, value_size - 1);
    begin_line(d);
    if (live && key[0] >= AGENT_GATEWAY)
        add(d, ",\"agent\":\"%s\"", agent_name(key[0]));
    add(d, ",");
    d->length +=
        describe_fields(d->layout, d->row, value_size - 1, d->text + d->length, sizeof d->text - d->length);
    end_line(d);
    return 0;
}

static const struct record *row_record(struct dumping *d, size_t head_size, size_t value_size)
{
    const struct record *r = (const struct record *)(const void *)(d->row + head_size);
    return value_size >= head_size + sizeof *r && r->size == value_size - head_size ? r : NULL;
}

static int history_row(struct dumping *d, const char *key, size_t key_size, const char *value,
                       size_t value_size)
{
    const struct history_row *row = (const struct history_row *)(const void *)d->row;
    if (key_size != HISTORY_KEY_SIZE || value_size > sizeof d->row)
        return bad_row(d, key, key_size, "not a timeline's");
    memcpy(d->row, value, value_size);
    const struct record *r = row_record(d, sizeof *row, value_size);
    if (!r)
        return bad_row(d, key, key_size, "not a record");
    if (!record_is_known(r))
        return newer_row(d, key, key_size, r);
    begin_line(d);
    add_name(d, "rfq", 'R', store_from_be64(key));
    add(d,
        ",\"seq\":%" PRIu64 ",\"stream_epoch\":%" PRIu32 ",\"writer\":\"%s\",\"time_ns\":%" PRIu64
        ",\"cause_time_ns\":%" PRIu64 ",\"origin_time_ns\":%" PRIu64,
        store_from_be64(key + 8), row->stream_epoch, agent_name(row->agent), row->time_ns, row->cause_time_ns,
        row->origin_time_ns);
    add_record(d, r);
    end_line(d);
    return 0;
}

static int sent_row(struct dumping *d, const char *key, size_t key_size, const char *value, size_t value_size)
{
    if (key_size != SENT_KEY_SIZE || value_size > sizeof d->row)
        return bad_row(d, key, key_size, "not a message's");
    memcpy(d->row, value, value_size);
    const struct record *r = row_record(d, sizeof(struct sent_row), value_size);
    if (!r)
        return bad_row(d, key, key_size, "not a record");
    if (!record_is_known(r))
        return newer_row(d, key, key_size, r);
    begin_line(d);
    add(d, ",\"session\":%" PRIu32 ",\"generation\":%" PRIu64 ",\"seq\":%" PRIu64, store_from_be32(key),
        store_from_be64(key + 4), store_from_be64(key + 12));
    add_record(d, r);
    end_line(d);
    return 0;
}

static int orders_rfq_row(struct dumping *d, const char *key, size_t key_size, const char *value,
                          size_t value_size)
{
    uint64_t rfq;
    if (key_size != 8 || value_size != 9)
        return bad_row(d, key, key_size, "not an order's");
    memcpy(&rfq, value + 1, sizeof rfq);
    begin_line(d);
    add_name(d, "order", 'O', store_from_be64(key));
    add_name(d, "rfq", 'R', rfq);
    end_line(d);
    return 0;
}

static int purge_row(struct dumping *d, const char *key, size_t key_size)
{
    if (key_size != PURGE_KEY_SIZE)
        return bad_row(d, key, key_size, "not an RFQ's");
    begin_line(d);
    add(d, ",\"left_ns\":%" PRIu64, store_from_be64(key));
    add_name(d, "rfq", 'R', store_from_be64(key + 8));
    end_line(d);
    return 0;
}

static int row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct dumping *d = ctx;
    if (key_size > STORE_KEY_MAX)
        return 1;
    d->is_part = d->left == 0 || d->length >= PART_SIZE;
    if (d->is_part)
        return 1;
    d->left--;
    memcpy(d->last, key, key_size);
    d->last_size = key_size;
    if (d->layout)
        return entity_row(d, key, key_size, value, value_size);
    if (strcmp(d->table, TABLE_HISTORY) == 0)
        return history_row(d, key, key_size, value, value_size);
    if (strcmp(d->table, TABLE_SENT) == 0)
        return sent_row(d, key, key_size, value, value_size);
    if (strcmp(d->table, TABLE_ORDERS_RFQ) == 0)
        return orders_rfq_row(d, key, key_size, value, value_size);
    if (strcmp(d->table, TABLE_PURGE) == 0)
        return purge_row(d, key, key_size);
    return bad_row(d, key, key_size, "a table that this program does not know");
}

/* Scans
 * -------------------------------------------------------------------------------------------------------- */

static enum err dump_rows(struct store *s, struct dumping *d, const char *table)
{
    enum err e;
    d->table = table;
    d->layout = layout_of_table(table);
    d->last_size = 0;
    do {
        d->left = DUMP_ROWS_PER_SCAN;
        d->is_part = false;
        if (d->last_size)
            d->last[d->last_size++] = 0; /* the next key that there can be */
        e = s->ops->scan(s, table, d->last_size ? d->last : NULL, d->last_size, row, d);
        give_lines(d);
    } while (!e && !d->e && !d->stopped && d->is_part);
    return e ? e : d->e;
}

static void marks_line(struct dumping *d, const struct store_marks *m)
{
    d->table = "marks";
    begin_line(d);
    add(d,
        ",\"log_offset\":%" PRIu64 ",\"next_seq\":%" PRIu64 ",\"redeliver_offset\":%" PRIu64
        ",\"stream_epoch\":%" PRIu64 ",\"agents\":[",
        m->log_offset, m->next_seq, m->redeliver_offset, m->stream_epoch);
    bool first = true;
    for (unsigned a = 0; a < AGENTS_MAX; a++) {
        if (!m->merged[a])
            continue;
        add(d,
            "%s{\"agent\":\"%s\",\"merged\":%" PRIu64 ",\"batches\":%" PRIu64 ",\"epoch\":%" PRIu64
            ",\"time_ns\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"}",
            first ? "" : ",", agent_name(a), m->merged[a], m->agents[a].batches, m->agents[a].epoch,
            m->agents[a].time_ns, m->digest[a]);
        first = false;
    }
    add(d, "]");
    end_line(d);
}

static enum err dump_marks(struct store *s, struct dumping *d)
{
    struct store_marks m;
    enum err e = s->ops->marks(s, &m);
    if (e == ERR_NOT_FOUND)
        return OK;
    if (!e) {
        marks_line(d, &m);
        give_lines(d);
    }
    return e;
}

static struct dumping *dumping_make(dump_line *line, void *ctx)
{
    struct dumping *d = calloc(1, sizeof *d);
    if (!d) {
        store_fail(ERR_MEMORY, "no memory for a dump");
        return NULL;
    }
    d->line = line;
    d->ctx = ctx;
    return d;
}

static bool has_table(struct store *s, const char *table)
{
    char name[STORE_NAME_SIZE];
    for (unsigned i = 0; s->ops->table(s, i, name) == OK; i++)
        if (strcmp(name, table) == 0)
            return true;
    return false;
}

enum err dump_table(struct store *s, const char *table, dump_line *line, void *ctx)
{
    bool marks = strcmp(table, "marks") == 0;
    if (!marks && !has_table(s, table))
        return store_fail(ERR_NOT_FOUND, "the store has no table %s", table);
    struct dumping *d = dumping_make(line, ctx);
    if (!d)
        return ERR_MEMORY;
    enum err e = marks ? dump_marks(s, d) : dump_rows(s, d, table);
    free(d);
    return e;
}

enum err dump_all(struct store *s, dump_line *line, void *ctx)
{
    char name[STORE_NAME_SIZE];
    struct dumping *d = dumping_make(line, ctx);
    if (!d)
        return ERR_MEMORY;
    enum err e = dump_marks(s, d);
    for (unsigned i = 0; !e && !d->stopped && s->ops->table(s, i, name) == OK; i++)
        e = dump_rows(s, d, name);
    free(d);
    return e;
}
