#include "control/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/decimal.h"
#include "dataplane/core/text.h"
#include "dataplane/model/state.h"

static char *room(struct json *j, size_t size)
{
    if (j->capacity - j->used < size) {
        size_t capacity = j->capacity ? j->capacity * 2 : 4096;
        while (capacity - j->used < size)
            capacity *= 2;
        char *text = realloc(j->text, capacity);
        if (!text) {
            j->failed = true;
            return NULL;
        }
        j->text = text;
        j->capacity = capacity;
    }
    return j->text + j->used;
}

static void put(struct json *j, const char *text, size_t size)
{
    char *at = room(j, size);
    if (!at)
        return;
    memcpy(at, text, size);
    j->used += size;
}

static void escaped(struct json *j, const char *text, size_t size)
{
    for (size_t at = 0, taken; at < size; at += taken) {
        char escape[TEXT_JSON_ESCAPE_MAX];
        taken = text_json_plain(text + at, size - at);
        if (taken) {
            put(j, text + at, taken);
        } else {
            put(j, escape, text_json_escape(text[at], escape));
            taken = 1;
        }
    }
}

static void quoted(struct json *j, const char *text, size_t size)
{
    put(j, "\"", 1);
    escaped(j, text, size);
    put(j, "\"", 1);
}

static void lead(struct json *j, const char *key)
{
    if (j->comma)
        put(j, ",", 1);
    j->comma = true;
    if (key) {
        quoted(j, key, strlen(key));
        put(j, ":", 1);
    }
}

void json_free(struct json *j)
{
    free(j->text);
    memset(j, 0, sizeof *j);
}

void json_open(struct json *j, const char *key, char bracket)
{
    lead(j, key);
    put(j, &bracket, 1);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    put(j, &bracket, 1);
    j->comma = true;
}

void json_line(struct json *j)
{
    put(j, "\n", 1);
    j->comma = false;
    if (!j->sink)
        return;
    if (!j->failed && !j->sink(j->sink_ctx, j->text, j->used))
        j->failed = true;
    j->used = 0;
}

void json_chars(struct json *j, const char *key, const char *value, size_t size)
{
    lead(j, key);
    quoted(j, value, strnlen(value, size));
}

void json_text(struct json *j, const char *key, const char *value)
{
    lead(j, key);
    quoted(j, value, strlen(value));
}

void json_text_open(struct json *j, const char *key)
{
    lead(j, key);
    put(j, "\"", 1);
}

void json_text_add(struct json *j, const char *piece, size_t size)
{
    escaped(j, piece, size);
}

void json_text_close(struct json *j)
{
    put(j, "\"", 1);
}

static void put_number(struct json *j, const char *key, const char *text)
{
    lead(j, key);
    put(j, text, strlen(text));
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_number(j, key, text);
}

void json_int(struct json *j, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_number(j, key, text);
}

void json_flag(struct json *j, const char *key, bool value)
{
    put_number(j, key, value ? "true" : "false");
}

void json_decimal(struct json *j, const char *key, int64_t scaled)
{
    char text[DECIMAL_TEXT_MAX];
    decimal_print(scaled, text);
    json_text(j, key, text);
}

void json_name(struct json *j, const char *key, char kind, uint64_t id)
{
    char text[ID_TEXT_SIZE];
    if (!id) {
        put_number(j, key, "null");
        return;
    }
    name_print(kind, id, text);
    json_chars(j, key, text, sizeof text);
}

void json_time(struct json *j, const char *key, uint64_t ns)
{
    struct clock_civil c;
    char text[48];
    if (!ns) {
        put_number(j, key, "null");
        return;
    }
    clock_to_civil(ns, &c);
    snprintf(text, sizeof text, "%04d-%02u-%02uT%02u:%02u:%02u.%09uZ", c.year, c.month, c.day, c.hour,
             c.minute, c.second, c.ns);
    json_text(j, key, text);
}

void json_raw(struct json *j, const char *key, const char *text, size_t size)
{
    lead(j, key);
    put(j, text, size);
}
