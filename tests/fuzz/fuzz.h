/* What a fuzz target gives to its driver: libFuzzer's function, and a few good inputs to start from. */
#ifndef RFQD_TESTS_FUZZ_H
#define RFQD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program when something that must hold does not, in any build. */
#define FUZZ_HOLDS(condition)                                                              \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

#define FUZZ_INPUT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_seed {
    const char *bytes;
    size_t size;
};
#define FUZZ_SEED(text)       \
    {                         \
        text, sizeof text - 1 \
    }
extern const struct fuzz_seed fuzz_corpus[];
extern const unsigned fuzz_corpus_count;
/* Pieces worth putting in, zero-terminated texts, NULL at the end. */
extern const char *const fuzz_tokens[];

#endif
