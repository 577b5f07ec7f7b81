/* Hashes for tables: fast, inline, the same on every machine and in every run (they decide no order that
 * anybody sees, but may decide which of two equal things a scan meets first). Not for secrets, and not
 * against a peer who searches for collisions: tables that peers fill are bounded per peer.
 *
 * The mixing step is a 64 × 64 → 128 bit product folded by exclusive or.
 */
#ifndef RFQD_CORE_HASH_H
#define RFQD_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Odd, with about as many ones as zeros: the fractions of √2, √3, √5 and √7. */
#define HASH_K1 0x6a09e667f3bcc909ull
#define HASH_K2 0xbb67ae8584caa73bull
#define HASH_K3 0x3c6ef372fe94f82bull
#define HASH_K4 0xa54ff53a5f1d36f1ull

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_load(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* One to one: different numbers have different hashes. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= HASH_K1;
    x ^= x >> 29;
    x *= HASH_K2;
    return x ^ x >> 32;
}

static inline uint64_t hash_bytes(const void *bytes, size_t size)
{
    const char *p = (const char *)bytes;
    uint64_t h = HASH_K1 ^ (uint64_t)size * HASH_K4, a, b;
    if (size <= 16) {
        if (size >= 8) {
            a = hash_load(p);
            b = hash_load(p + size - 8); /* may overlap a: the size is in h */
        } else {
            a = b = 0;
            memcpy(&a, p, size & 4);
            for (size_t i = size & 4; i < size; i++)
                b = b << 8 | (unsigned char)p[i];
        }
        return hash_u64(hash_fold(a ^ h, b ^ HASH_K2) ^ hash_fold(a ^ HASH_K3, b ^ h));
    }
    for (size_t left = size; left > 16; left -= 16, p += 16)
        h = hash_fold(hash_load(p) ^ h, hash_load(p + 8) ^ HASH_K2) + (h << 1 | h >> 63);
    const char *last = (const char *)bytes + size - 16;
    return hash_u64(hash_fold(hash_load(last) ^ h, hash_load(last + 8) ^ HASH_K3) ^ h);
}

#endif
