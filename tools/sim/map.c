#include <stdlib.h>
#include <string.h>

#include "tools/sim/party.h"

struct map_entry {
    char key[ID_TEXT_SIZE];
    void *value;
};

struct map {
    struct map_entry *entries;
    size_t capacity, count;
};

struct map *map_new(void)
{
    struct map *m = calloc(1, sizeof *m);
    if (m) {
        m->capacity = 4096;
        m->entries = calloc(m->capacity, sizeof *m->entries);
        if (!m->entries)
            exit(1);
    }
    return m;
}

void map_free(struct map *m)
{
    if (m)
        free(m->entries);
    free(m);
}

void map_free_values(struct map *m)
{
    for (size_t i = 0; m && i < m->capacity; i++)
        free(m->entries[i].value);
    map_free(m);
}

static size_t slot_of(const struct map *m, const char *key)
{
    uint64_t h = 1469598103934665603ull;
    for (const char *c = key; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211ull;
    size_t i = (size_t)(h ^ (h >> 32)) & (m->capacity - 1);
    while (m->entries[i].key[0] && strcmp(m->entries[i].key, key) != 0)
        i = (i + 1) & (m->capacity - 1);
    return i;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->capacity *= 2;
    m->entries = calloc(m->capacity, sizeof *m->entries);
    if (!m->entries)
        exit(1);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].key[0])
            m->entries[slot_of(m, old.entries[i].key)] = old.entries[i];
    free(old.entries);
}

void **map_at(struct map *m, const char *key, bool make)
{
    size_t i = slot_of(m, key);
    if (!m->entries[i].key[0]) {
        if (!make)
            return NULL;
        if (m->count * 2 >= m->capacity) {
            grow(m);
            i = slot_of(m, key);
        }
        snprintf(m->entries[i].key, ID_TEXT_SIZE, "%.39s", key);
        m->count++;
    }
    return &m->entries[i].value;
}
