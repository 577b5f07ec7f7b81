/* Chance for tests: seeded, the same in every run. */
#ifndef RFQD_TESTS_RANDOM_H
#define RFQD_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* 0 … below - 1 */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
    return random_next(state) % below;
}

/* One as likely as the other. */
static inline bool random_flip(uint64_t *state)
{
    return random_below(state, 2);
}

/* A number of 0 to 63 bits, each length as likely as the next: small and huge ones. */
static inline uint64_t random_spread(uint64_t *state)
{
    return random_next(state) >> 1 >> random_below(state, 63);
}

#endif
