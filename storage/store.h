/* Store: the checkpoint of the log. Tables of rows by key; a commit is all or nothing and names the log
 * position that it is the state of. Two implementations: LMDB (storage/lmdb), and memory (simulation).
 *
 * Writer: one thread, begin → put… → commit. After an error of put or commit the transaction is gone and
 * nothing of it is visible; begin again. Readers: any thread; each scan sees one commit, and never waits for
 * the writer.
 *
 * Keys sort as bytes, so numbers in them are big endian (store_be64). A value's first byte is the version of
 * its layout. Which tables there are, and the shape of their rows, is in storage/tables.h.
 *
 * Errors:
 *   ERR_FULL    the reserved map, or the disk, has no room: nothing was changed; commit again when there is
 *   ERR_IO      the operating system refused: errno; the commit did not happen
 *   ERR_CORRUPT the file is no store, or damaged
 *   ERR_VERSION it was written by a newer program
 * store_error() says what and what to do about it, in a sentence.
 */
#ifndef RFQD_STORAGE_STORE_H
#define RFQD_STORAGE_STORE_H

#include <string.h>

#include "dataplane/model/state.h"

/* What a commit is the state of. Stored under "marks"; no padding. */
struct store_marks {
    uint64_t log_offset; /* replay from here */
    uint64_t next_seq;
    uint64_t
        redeliver_offset; /* scan from here for addressed records that were not consumed yet; ≤ log_offset */
    uint64_t stream_epoch;
    uint64_t merged[AGENTS_MAX];           /* ring positions in the log before log_offset */
    struct state_marks agents[AGENTS_MAX]; /* by agent id; zero where there is none */
    uint64_t digest[AGENTS_MAX];
};

#define STORE_KEY_MAX    128
#define STORE_TABLES_MAX 48 /* names of tables in one store */
#define STORE_NAME_SIZE  24 /* of a table, with its zero */
#define STORE_LAYOUT     1  /* of keys and tables as a whole; a newer one is refused by number */

typedef int store_visit(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size);

struct store;
struct store_ops {
    enum err (*begin)(struct store *s);
    /* table: a name; made on first use. value NULL: delete (no such row: nothing happens). */
    enum err (*put)(struct store *s, const char *table, const void *key, size_t key_size, const void *value,
                    size_t value_size);
    enum err (*commit)(struct store *s, const struct store_marks *m);
    /* Give up what was begun: as though it had not been. Nothing begun: nothing happens. */
    void (*abandon)(struct store *s);
    enum err (*marks)(struct store *s, struct store_marks *m); /* ERR_NOT_FOUND: empty */
    /* Rows with from ≤ key, in order, until visit returns nonzero. from NULL: all. A table that is not there
     * has no rows. Key and value hold until visit returns, and are aligned to 1. A scan pins the pages it may
     * yet read: over large tables scan in parts, each from after the last key. */
    enum err (*scan)(struct store *s, const char *table, const void *from, size_t from_size,
                     store_visit *visit, void *ctx);
    /* The other way: rows with key < below, last first. below NULL: all. Everything else as scan. */
    enum err (*scan_down)(struct store *s, const char *table, const void *below, size_t below_size,
                          store_visit *visit, void *ctx);
    /* Names of tables, i from 0; ERR_NOT_FOUND past the last. */
    enum err (*table)(struct store *s, unsigned i, char name[STORE_NAME_SIZE]);
    /* One commit to be read at leisure: a store whose marks, scans and tables stay as they are now until it
     * is destroyed (before s). It pins pages, so the file grows meanwhile; of the memory store it stops the
     * writer. Its begin and copy give ERR_STATE. */
    enum err (*snapshot)(struct store *s, struct store **out);
    /* A consistent copy beside a running writer, in a directory that is empty or not there. ERR_EXISTS: not
     * empty. The memory store has none: ERR_STATE. */
    enum err (*copy)(struct store *s, const char *directory);
    /* Bytes in use and reserved. */
    void (*size)(struct store *s, uint64_t *used, uint64_t *reserved);
    void (*destroy)(struct store *s);
};
struct store {
    const struct store_ops *ops;
};

/* directory: made where missing. map_size: reserved address space, bytes; what is stored can grow to it (a
 * larger one than the file's takes effect at once, a smaller one never cuts). One store per directory and
 * process. ERR_IO, ERR_VERSION, ERR_CORRUPT, ERR_MEMORY: *out is NULL. */
enum err store_lmdb_create(struct store **out, const char *directory, uint64_t map_size) WARN_UNUSED;
/* For reading beside another process, or after it: never writes, begin gives ERR_STATE. ERR_NOT_FOUND. */
enum err store_lmdb_open(struct store **out, const char *directory) WARN_UNUSED;

/* In memory, survives in `keep` from one instance to the next: what a power cut or kill leaves is the last
 * commit. A new instance on the same keep costs nothing. */
struct store_memory;
enum err store_memory_create(struct store **out, struct store_memory **keep) WARN_UNUSED;
void store_memory_free(struct store_memory *keep);
/* Commits that put something, and would hold more bytes of keys and values than this, get ERR_FULL; 0: no
 * limit. */
void store_memory_limit(struct store_memory *keep, uint64_t bytes);

/* The sentence of the last error that a function of this room returned to the calling thread; "" if none. */
const char *store_error(void);

/* Numbers in keys. */
static inline void store_be32(void *to, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(to, &v, sizeof v);
}
static inline void store_be64(void *to, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(to, &v, sizeof v);
}
static inline uint32_t store_from_be32(const void *from)
{
    uint32_t v;
    memcpy(&v, from, sizeof v);
    return __builtin_bswap32(v);
}
static inline uint64_t store_from_be64(const void *from)
{
    uint64_t v;
    memcpy(&v, from, sizeof v);
    return __builtin_bswap64(v);
}

#endif
