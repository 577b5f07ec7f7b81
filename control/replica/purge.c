#include "control/replica/purge.h"

#include <stdlib.h>
#include <string.h>

#include "control/replica/replica.h"
#include "storage/tables.h"

/* Keys found by a scan, of one size, to be deleted after it. */
struct keys {
    char *bytes;
    size_t key_size, count, capacity;
    size_t limit;
    bool out_of_memory;
    char prefix[8];  /* that they begin with, or */
    uint64_t before; /* a first number below this */
};

static bool keys_add(struct keys *k, const void *key)
{
    if (k->count == k->capacity) {
        size_t capacity = k->capacity ? 2 * k->capacity : 256;
        char *bytes = realloc(k->bytes, capacity * k->key_size);
        if (!bytes) {
            k->out_of_memory = true;
            return false;
        }
        k->bytes = bytes;
        k->capacity = capacity;
    }
    memcpy(k->bytes + k->count++ * k->key_size, key, k->key_size);
    return true;
}

static int take_prefixed(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct keys *k = ctx;
    (void)value;
    (void)value_size;
    return key_size != k->key_size || memcmp(key, k->prefix, 8) != 0 || !keys_add(k, key);
}

static int take_before(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct keys *k = ctx;
    (void)value;
    (void)value_size;
    return key_size != k->key_size || store_from_be64(key) >= k->before || k->count == k->limit ||
           !keys_add(k, key);
}

static enum err delete_keys(struct store *store, const char *table, const struct keys *k)
{
    enum err e = OK;
    for (size_t i = 0; !e && i < k->count; i++)
        e = store->ops->put(store, table, k->bytes + i * k->key_size, k->key_size, NULL, 0);
    return e;
}

/* All rows of the table that begin with the RFQ. Orders also leave the index by their own id. */
static enum err forget_in(struct store *store, const char *table, const char rfq[8], bool orders)
{
    struct keys k = {.key_size = 16};
    memcpy(k.prefix, rfq, sizeof k.prefix);
    enum err e = store->ops->scan(store, table, rfq, 8, take_prefixed, &k);
    if (!e && k.out_of_memory)
        e = ERR_MEMORY;
    if (!e)
        e = delete_keys(store, table, &k);
    for (size_t i = 0; !e && orders && i < k.count; i++)
        e = store->ops->put(store, TABLE_ORDERS_RFQ, k.bytes + i * 16 + 8, 8, NULL, 0);
    free(k.bytes);
    return e;
}

static int compare_key(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct keys *k = ctx;
    (void)value;
    (void)value_size;
    k->count = key_size == k->key_size && memcmp(key, k->bytes, key_size) == 0;
    return 1;
}

static enum err is_in_memory(struct store *store, const char rfq[8], bool *is)
{
    char key[ENTITY_KEY_SIZE];
    struct keys k = {.key_size = sizeof key, .bytes = key};
    entity_key(key, AGENT_DISTRIBUTION, store_from_be64(rfq));
    enum err e = store->ops->scan(store, "rfqs", key, sizeof key, compare_key, &k);
    *is = k.count;
    return e;
}

static const char *const tables_of_rfq[] = {
    TABLE_HISTORY,        "rfqs" TABLE_ENDED,   "deliveries" TABLE_ENDED,
    "quotes" TABLE_ENDED, "orders" TABLE_ENDED, "fills" TABLE_ENDED};

static enum err forget(struct store *store, const char rfq[8], uint64_t *forgotten)
{
    bool lives;
    enum err e = is_in_memory(store, rfq, &lives);
    if (e || lives)
        return e;
    for (unsigned t = 0; !e && t < sizeof tables_of_rfq / sizeof *tables_of_rfq; t++)
        e = forget_in(store, tables_of_rfq[t], rfq, strcmp(tables_of_rfq[t], "orders" TABLE_ENDED) == 0);
    *forgotten += !e;
    return e;
}

enum err purge_expired(struct store *store, uint64_t before_ns, uint64_t *forgotten)
{
    struct keys k = {.key_size = PURGE_KEY_SIZE, .limit = PURGE_RFQS_MAX, .before = before_ns};
    enum err e = store->ops->scan(store, TABLE_PURGE, NULL, 0, take_before, &k);
    if (!e && k.out_of_memory)
        e = ERR_MEMORY;
    for (size_t i = 0; !e && i < k.count; i++)
        e = forget(store, k.bytes + i * PURGE_KEY_SIZE + 8, forgotten);
    if (!e)
        e = delete_keys(store, TABLE_PURGE, &k);
    free(k.bytes);
    return e;
}
