#include "control/replica/changes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_CAPACITY_MIN 65536u

static struct change *add(struct changes *c, uint8_t table, const void *key, size_t key_size,
                          size_t value_size)
{
    assert(key_size > 0 && key_size <= STORE_KEY_MAX && value_size < UINT32_MAX / 2);
    size_t size = sizeof(struct change) + RECORD_ALIGN(key_size) + RECORD_ALIGN(value_size);
    if (c->size + size > c->capacity) {
        size_t capacity = c->capacity ? c->capacity : CHANGES_CAPACITY_MIN;
        while (capacity < c->size + size)
            capacity *= 2;
        char *bytes = realloc(c->bytes, capacity);
        if (!bytes) {
            fputs("replica: no memory for a checkpoint\n", stderr);
            abort();
        }
        c->bytes = bytes;
        c->capacity = capacity;
    }
    struct change *x = (struct change *)(void *)(c->bytes + c->size);
    c->size += size;
    *x = (struct change){.size = (uint32_t)size,
                         .value_size = (uint32_t)value_size,
                         .table = table,
                         .key_size = (uint8_t)key_size};
    memcpy(x + 1, key, key_size);
    return x;
}

void changes_free(struct changes *c)
{
    free(c->bytes);
    *c = (struct changes){0};
}

void changes_clear(struct changes *c)
{
    c->size = 0;
    c->cleared++;
}

char *changes_put(struct changes *c, uint8_t table, const void *key, size_t key_size, size_t value_size)
{
    struct change *x = add(c, table, key, key_size, value_size);
    char *value = (char *)(uintptr_t)change_value(x);
    if (value_size)
        memset(value + RECORD_ALIGN(value_size) - 8, 0, 8);
    return value;
}

void changes_delete(struct changes *c, uint8_t table, const void *key, size_t key_size)
{
    add(c, table, key, key_size, 0)->is_delete = 1;
}

const struct change *changes_first(const struct changes *c)
{
    return c->size ? (const struct change *)(const void *)c->bytes : NULL;
}

const struct change *changes_after(const struct changes *c, const struct change *x)
{
    const char *next = (const char *)x + x->size;
    return next < c->bytes + c->size ? (const struct change *)(const void *)next : NULL;
}
