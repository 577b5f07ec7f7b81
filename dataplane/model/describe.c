#include "dataplane/model/describe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/decimal.h"
#include "dataplane/model/event.h"
#include "dataplane/model/state.h"

/* Output that counts what does not fit.
 * ------------------------------------------------------------------------ */

struct out {
    char *bytes;
    size_t size, length;
};

static void put(struct out *o, char c)
{
    if (o->length + 1 < o->size)
        o->bytes[o->length] = c;
    o->length++;
}

static void put_text(struct out *o, const char *text)
{
    while (*text)
        put(o, *text++);
}

static void put_number(struct out *o, uint64_t v)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        put(o, digits[--n]);
}

static size_t end(struct out *o)
{
    if (o->size)
        o->bytes[o->length < o->size ? o->length : o->size - 1] = 0;
    return o->length;
}

static void put_string(struct out *o, const char *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    put(o, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            put(o, '\\');
            put(o, (char)c);
        } else if (c < 0x20 || c > 0x7e) {
            put_text(o, "\\u00");
            put(o, hex[c >> 4]);
            put(o, hex[c & 15]);
        } else {
            put(o, (char)c);
        }
    }
    put(o, '"');
}

/* Values
 * ---------------------------------------------------------------------------------------------------------
 */

static uint64_t number_at(const void *at, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, at, size); /* little endian */
    return v;
}

static uint32_t word_at(const char *bytes, unsigned offset)
{
    uint32_t v;
    memcpy(&v, bytes + offset, sizeof v);
    return v;
}

const char *agent_name(unsigned agent)
{
    static const char *const names[] = {
        "none",     "distribution", "routing",  "control",  "gateway",  "gateway1", "gateway2",  "gateway3",
        "gateway4", "gateway5",     "gateway6", "gateway7", "gateway8", "gateway9", "gateway10", "gateway11"};
    return agent < sizeof names / sizeof *names ? names[agent] : "?";
}

static const char *side_name(uint64_t v)
{
    return v == SIDE_BUY ? "buy" : v == SIDE_SELL ? "sell" : v == SIDE_TWO_WAY ? "two_way" : "?";
}

static char ref_letter(unsigned kind)
{
    switch (kind) {
    case REF_RFQ:
        return 'R';
    case REF_QUOTE:
        return 'Q';
    case REF_ORDER:
        return 'O';
    case REF_DELIVERY:
        return 'D';
    default:
        return 0;
    }
}

/* 'R' …: its letter; 0: not a name. */
static char name_letter(const struct field *f, const char *bytes)
{
    switch (f->kind) {
    case FIELD_RFQ:
        return 'R';
    case FIELD_QUOTE:
        return 'Q';
    case FIELD_ORDER:
        return 'O';
    case FIELD_REF:
        return ref_letter(word_at(bytes, f->kind_at));
    default:
        return 0;
    }
}

/* Scaled 1e-16, exactly. */
static void put_wide(struct out *o, const char *at)
{
    uint64_t low;
    int64_t high;
    memcpy(&low, at, sizeof low);
    memcpy(&high, at + 8, sizeof high);
    unsigned __int128 v = (unsigned __int128)high << 64 | low;
    char digits[44];
    unsigned n = 0, zeros = 0;
    if (high < 0) {
        put(o, '-');
        v = -v;
    }
    for (; v || n <= 16; v /= 10)
        digits[n++] = (char)('0' + (unsigned)(v % 10));
    while (zeros < 16 && digits[zeros] == '0')
        zeros++;
    while (n > zeros) {
        put(o, digits[--n]);
        if (n == 16 && n > zeros)
            put(o, '.');
    }
}

static void put_decimal(struct out *o, const char *at)
{
    char text[DECIMAL_TEXT_MAX];
    int64_t v;
    memcpy(&v, at, sizeof v);
    decimal_print(v, text);
    put_text(o, text);
}

static void put_name(struct out *o, char letter, uint64_t id)
{
    char name[ID_TEXT_SIZE];
    name_print(letter, id, name);
    put_text(o, name);
}

/* Something to show, for people; JSON shows these as null. */
static bool is_absent(const struct field *f, const char *bytes)
{
    const char *at = bytes + f->offset;
    switch (f->kind) {
    case FIELD_SESSION:
        return number_at(at, f->size) == SESSION_NONE;
    case FIELD_RFQ:
    case FIELD_QUOTE:
    case FIELD_ORDER:
    case FIELD_REF:
    case FIELD_CHAR:
    case FIELD_RECORD_TYPE:
    case FIELD_MSG_TYPE:
        return number_at(at, f->size) == 0;
    default:
        return false;
    }
}

/* JSON
 * -----------------------------------------------------------------------------------------------------------
 */

static void put_fields(struct out *o, const struct layout *l, const char *bytes, size_t available);

static void put_plain_string(struct out *o, const char *text)
{
    put_string(o, text, strlen(text));
}

static void put_enum(struct out *o, const struct field *f, uint64_t v)
{
    const char *name = f->names((unsigned)v);
    if (strcmp(name, "?") == 0)
        put_number(o, v);
    else
        put_plain_string(o, name);
}

static void put_msg_type(struct out *o, uint64_t v)
{
    char text[3] = {(char)(v & 0xff), (char)(v >> 8 & 0xff), 0};
    put_plain_string(o, text);
}

static void put_id(struct out *o, char letter, uint64_t id)
{
    if (!letter) {
        put_number(o, id);
        return;
    }
    put(o, '"');
    put_name(o, letter, id);
    put(o, '"');
}

static void put_list(struct out *o, const struct field *f, const char *bytes, size_t available)
{
    uint32_t count = word_at(bytes, f->kind_at);
    put(o, '[');
    for (uint32_t i = 0; i < count; i++) {
        size_t at = f->offset + (size_t)i * f->nested->size;
        if (at + f->nested->size > available)
            break;
        put_text(o, i ? ",{" : "{");
        put_fields(o, f->nested, bytes + at, f->nested->size);
        put(o, '}');
    }
    put(o, ']');
}

static size_t tail_size(const struct field *f, const char *bytes, size_t available)
{
    size_t size = word_at(bytes, f->kind_at), there = available - f->offset;
    return size < there ? size : there;
}

static void put_quoted(struct out *o, void (*value)(struct out *o, const char *at), const char *at)
{
    put(o, '"');
    value(o, at);
    put(o, '"');
}

static void put_value(struct out *o, const struct field *f, const char *bytes, size_t available)
{
    const char *at = bytes + f->offset;
    uint64_t v = f->size <= 8 ? number_at(at, f->size) : 0;
    if (is_absent(f, bytes)) {
        put_text(o, "null");
        return;
    }
    switch (f->kind) {
    case FIELD_FLAG:
        put_text(o, v ? "true" : "false");
        break;
    case FIELD_DECIMAL:
        put_quoted(o, put_decimal, at);
        break;
    case FIELD_WIDE:
        put_quoted(o, put_wide, at);
        break;
    case FIELD_TEXT:
        put_string(o, at, strnlen(at, f->size));
        break;
    case FIELD_CHAR:
        put_string(o, at, 1);
        break;
    case FIELD_ENUM:
        put_enum(o, f, v);
        break;
    case FIELD_SIDE:
        put_plain_string(o, side_name(v));
        break;
    case FIELD_RFQ:
    case FIELD_QUOTE:
    case FIELD_ORDER:
    case FIELD_REF:
        put_id(o, name_letter(f, bytes), v);
        break;
    case FIELD_AGENT:
        put_plain_string(o, agent_name((unsigned)v));
        break;
    case FIELD_RECORD_TYPE:
        put_plain_string(o, record_type_name((unsigned)v));
        break;
    case FIELD_MSG_TYPE:
        put_msg_type(o, v);
        break;
    case FIELD_HEX: {
        char text[20];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)v);
        put_plain_string(o, text);
        break;
    }
    case FIELD_NESTED:
        put(o, '{');
        put_fields(o, f->nested, at, f->nested->size);
        put(o, '}');
        break;
    case FIELD_BYTES:
        put_string(o, at, tail_size(f, bytes, available));
        break;
    case FIELD_LIST:
        put_list(o, f, bytes, available);
        break;
    default:
        put_number(o, v);
        break;
    }
}

static bool is_there(const struct field *f, size_t available)
{
    return f->kind != FIELD_RESERVED && (size_t)f->offset + f->size <= available;
}

static void put_fields(struct out *o, const struct layout *l, const char *bytes, size_t available)
{
    bool first = true;
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct field *f = &l->fields[i];
        if (!is_there(f, available))
            continue;
        if (!first)
            put(o, ',');
        first = false;
        put_plain_string(o, f->name);
        put(o, ':');
        put_value(o, f, bytes, available);
    }
}

size_t describe_fields(const struct layout *l, const void *bytes, size_t available, char *out, size_t size)
{
    struct out o = {.bytes = out, .size = size};
    put_fields(&o, l, bytes, available);
    return end(&o);
}

size_t describe_string(const char *bytes, size_t length, char *out, size_t size)
{
    struct out o = {.bytes = out, .size = size};
    put_string(&o, bytes, length);
    return end(&o);
}

size_t describe_record(const struct record *r, char *out, size_t size)
{
    struct out o = {.bytes = out, .size = size};
    const struct layout *l = layout_of_record(r->type);
    put_text(&o, "{\"type\":");
    if (l)
        put_plain_string(&o, record_type_name(r->type));
    else
        put_number(&o, r->type);
    put_text(&o, ",\"time_ns\":");
    put_number(&o, r->time_ns);
    if (r->session != SESSION_NONE) {
        put_text(&o, ",\"session\":");
        put_number(&o, r->session);
    }
    if (r->dest != AGENT_NONE) {
        put_text(&o, ",\"dest\":");
        put_plain_string(&o, agent_name(r->dest));
    }
    if (!l) {
        put_text(&o, ",\"size\":");
        put_number(&o, r->size);
    } else if (l->field_count) {
        put(&o, ',');
        put_fields(&o, l, (const char *)r, r->size);
    }
    put(&o, '}');
    return end(&o);
}

/* For people
 * ----------------------------------------------------------------------------------------------------- */

static void put_civil(struct out *o, uint64_t ns)
{
    struct clock_civil c;
    char text[48];
    clock_to_civil(ns, &c);
    snprintf(text, sizeof text, "%02u:%02u:%02u.%09u", c.hour, c.minute, c.second, c.ns);
    put_text(o, text);
}

static bool is_zero(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

static void text_fields(struct out *o, const struct layout *l, const char *bytes, size_t available);

static void text_message(struct out *o, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(o, bytes[i] == '\x01' ? '|' : bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
}

static void text_list(struct out *o, const struct field *f, const char *bytes, size_t available)
{
    uint32_t count = word_at(bytes, f->kind_at);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = f->offset + (size_t)i * f->nested->size;
        if (at + f->nested->size > available)
            break;
        put_text(o, i ? ", " : " ");
        text_fields(o, f->nested, bytes + at, f->nested->size);
    }
}

static void text_value(struct out *o, const struct field *f, const char *bytes, size_t available)
{
    const char *at = bytes + f->offset;
    uint64_t v = f->size <= 8 ? number_at(at, f->size) : 0;
    char letter = name_letter(f, bytes);
    switch (f->kind) {
    case FIELD_DECIMAL:
        put_decimal(o, at);
        break;
    case FIELD_WIDE:
        put_wide(o, at);
        break;
    case FIELD_TIME:
        put_civil(o, v);
        break;
    case FIELD_TEXT:
        text_message(o, at, strnlen(at, f->size));
        break;
    case FIELD_CHAR:
        text_message(o, at, 1);
        break;
    case FIELD_SIDE:
        put_text(o, side_name(v));
        break;
    case FIELD_ENUM:
        put_text(o, f->names((unsigned)v));
        break;
    case FIELD_AGENT:
        put_text(o, agent_name((unsigned)v));
        break;
    case FIELD_RECORD_TYPE:
        put_text(o, record_type_name((unsigned)v));
        break;
    case FIELD_MSG_TYPE:
        text_message(o, at, at[1] ? 2 : 1);
        break;
    case FIELD_BYTES:
        text_message(o, at, tail_size(f, bytes, available));
        break;
    case FIELD_LIST:
        text_list(o, f, bytes, available);
        break;
    default:
        if (letter)
            put_name(o, letter, v);
        else
            put_number(o, v);
        break;
    }
}

/* Zero says nothing to a reader, and neither does how an event is to be sent. */
static bool is_worth_a_line(const struct field *f, const char *bytes, size_t available)
{
    if (!is_there(f, available) || is_absent(f, bytes))
        return false;
    if (f->kind == FIELD_BYTES || f->kind == FIELD_LIST)
        return word_at(bytes, f->kind_at) > 0;
    return !is_zero(bytes + f->offset, f->size) && f->kind != FIELD_HEX;
}

static void text_fields(struct out *o, const struct layout *l, const char *bytes, size_t available)
{
    bool first = true;
    for (uint32_t i = 0; i < l->field_count; i++) {
        const struct field *f = &l->fields[i];
        if (!is_worth_a_line(f, bytes, available) || strcmp(f->name, "out") == 0)
            continue;
        if (!first)
            put(o, ' ');
        first = false;
        if (f->kind == FIELD_NESTED) {
            text_fields(o, f->nested, bytes + f->offset, f->nested->size);
            continue;
        }
        size_t length = strlen(f->name);
        bool is_time = length > 3 && strcmp(f->name + length - 3, "_ns") == 0 && f->kind == FIELD_TIME;
        for (size_t k = 0; k < (is_time ? length - 3 : length); k++)
            put(o, f->name[k]);
        if (f->kind == FIELD_FLAG)
            continue;
        put(o, f->kind == FIELD_BYTES || f->kind == FIELD_LIST ? ' ' : '=');
        text_value(o, f, bytes, available);
    }
}

size_t describe_record_text(const struct record *r, char *out, size_t size)
{
    struct out o = {.bytes = out, .size = size};
    const struct layout *l = layout_of_record(r->type);
    put_text(&o, l ? record_type_name(r->type) : "type ");
    if (!l)
        put_number(&o, r->type);
    if (r->session != SESSION_NONE) {
        put_text(&o, " session=");
        put_number(&o, r->session);
    }
    if (l && l->field_count) {
        put(&o, ' ');
        text_fields(&o, l, (const char *)r, r->size);
    }
    return end(&o);
}
