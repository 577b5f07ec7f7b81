/* Hashes of the keys by which distribution's entities are found. Private to distribution_*.c. */
#ifndef RFQD_MODEL_DISTRIBUTION_KEY_H
#define RFQD_MODEL_DISTRIBUTION_KEY_H

#include "dataplane/core/hash.h"
#include "dataplane/core/limits.h"

static inline uint64_t symbol_key(const char symbol[SYMBOL_SIZE])
{
    return hash_bytes(symbol, SYMBOL_SIZE);
}

static inline uint64_t request_key(uint32_t session, const char request_id[ID_TEXT_SIZE])
{
    return hash_fold(hash_bytes(request_id, ID_TEXT_SIZE) ^ HASH_K3, HASH_K4 + session);
}

static inline uint64_t quote_key(uint64_t lp, const char lp_quote_id[ID_TEXT_SIZE])
{
    return hash_fold(hash_bytes(lp_quote_id, ID_TEXT_SIZE) ^ HASH_K2, HASH_K1 + lp);
}

/* The key is a hash already. */
static inline uint64_t client_key_hash(uint64_t high, uint64_t low)
{
    return hash_fold(high ^ HASH_K1, HASH_K3 + low);
}

#endif
