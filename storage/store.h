/* Store: the checkpoint of the log. Tables of entities and rows by key; a commit is all or nothing and names the log
 * position that it is the state of. Two implementations: LMDB (storage/lmdb), and memory (simulation).
 *
 * Writer: the storage thread only (store_begin … store_put/delete … store_commit). Readers: any thread, each read
 * sees one commit.
 * Values begin with one byte of layout version (1); keys sort in the order they are read (big endian).
 */
#ifndef RFQD_STORAGE_STORE_H
#define RFQD_STORAGE_STORE_H

#include "dataplane/model/state.h"

/* What a commit is the state of. Stored under "marks". */
struct store_marks {
    uint64_t log_offset; /* replay from here */
    uint64_t next_seq;
    uint64_t redeliver_offset; /* scan from here for addressed records that were not consumed yet; ≤ log_offset */
    uint64_t stream_epoch;
    uint64_t merged[AGENTS_MAX];            /* ring positions in the log before log_offset */
    struct state_marks agents[AGENTS_MAX];  /* by agent id; zero where there is none */
    uint64_t digest[AGENTS_MAX];
};

#define STORE_KEY_MAX 128

struct store;
struct store_ops {
    enum err (*begin)(struct store *s);
    /* table: a name; made on first use. value NULL: delete. */
    enum err (*put)(struct store *s, const char *table, const void *key, size_t key_size, const void *value,
                    size_t value_size);
    enum err (*commit)(struct store *s, const struct store_marks *m);
    enum err (*marks)(struct store *s, struct store_marks *m); /* ERR_NOT_FOUND: empty */
    /* Rows with from ≤ key, in order, until visit returns nonzero. */
    enum err (*scan)(struct store *s, const char *table, const void *from, size_t from_size,
                     int (*visit)(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size),
                     void *ctx);
    void (*destroy)(struct store *s);
};
struct store {
    const struct store_ops *ops;
};

/* directory: made where missing. map_size: reserved address space, bytes. ERR_IO, ERR_VERSION, ERR_CORRUPT. */
enum err store_lmdb_create(struct store **out, const char *directory, uint64_t map_size) WARN_UNUSED;
/* In memory, survives in `keep` from one instance to the next: what a power cut or kill leaves is the last commit. */
struct store_memory;
enum err store_memory_create(struct store **out, struct store_memory **keep) WARN_UNUSED;
void store_memory_free(struct store_memory *keep);

#endif
