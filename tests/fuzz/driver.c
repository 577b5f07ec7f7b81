/* The driver of all fuzz targets. Under libFuzzer: starts from the target's corpus. Else a program of its
 * own:
 *
 *   fuzz_… [TRIES [FIRST]]   tries number FIRST (0) and on; each is a function of its number alone
 *   fuzz_… FILE…             the inputs in these files, as libFuzzer leaves them
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"

#ifdef RFQD_FUZZ

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    const struct fuzz_seed *s = &fuzz_corpus[seed / 32 % fuzz_corpus_count];
    if ((size < 2 || seed % 32 == 0) && s->size <= max_size) {
        memcpy(data, s->bytes, s->size);
        return s->size;
    }
    return LLVMFuzzerMutate(data, size, max_size);
}

#else

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z >> 33) % n);
}

/* Put `size` bytes at `at`, moving what is behind. */
static size_t insert(uint8_t *data, size_t have, size_t at, const void *bytes, size_t size)
{
    if (have + size > FUZZ_INPUT_MAX)
        return have;
    memmove(data + at + size, data + at, have - at);
    memcpy(data + at, bytes, size);
    return have + size;
}

static size_t change(uint8_t *data, size_t size)
{
    uint8_t piece[64];
    size_t at = below((uint32_t)size + 1), length = 1 + below(sizeof piece - 1),
           from = below((uint32_t)size + 1);
    const char *const *token = fuzz_tokens;
    switch (below(6)) {
    case 0:
        if (at < size)
            data[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (at < size)
            data[at] = (uint8_t)below(256);
        return size;
    case 2: /* take out */
        if (at + length > size)
            return size;
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    case 3: /* repeat elsewhere */
        if (from + length > size)
            return size;
        memcpy(piece, data + from, length);
        return insert(data, size, at, piece, length);
    case 4: { /* another input's end */
        const struct fuzz_seed *s = &fuzz_corpus[below(fuzz_corpus_count)];
        from = below((uint32_t)s->size);
        length = s->size - from;
        return insert(data, at, at, s->bytes + from, length);
    }
    default:
        for (uint32_t skip = below(64); skip > 0; skip--)
            token = token[1] ? token + 1 : fuzz_tokens;
        return insert(data, size, at, *token, strlen(*token));
    }
}

static int try_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f)
        return 1;
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

int main(int argc, char **argv)
{
    static uint8_t data[FUZZ_INPUT_MAX];
    char *end = NULL;
    unsigned long tries = argc > 1 ? strtoul(argv[1], &end, 10) : 20000, first = 0;
    if (argc > 1 && *end) {
        for (int i = 1; i < argc; i++)
            if (try_file(argv[i]))
                return 1;
        return 0;
    }
    if (argc > 2)
        first = strtoul(argv[2], NULL, 10);
    for (unsigned long i = first; i < first + tries; i++) {
        state = i * 0x2545f4914f6cdd1du;
        const struct fuzz_seed *s = &fuzz_corpus[i % fuzz_corpus_count];
        size_t size = s->size;
        memcpy(data, s->bytes, size);
        if (i >= fuzz_corpus_count)
            for (uint32_t k = 1 + below(6); k > 0; k--)
                size = change(data, size);
        /* A copy that ends where its memory does. */
        uint8_t *exact = malloc(size ? size : 1);
        FUZZ_HOLDS(exact);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    return 0;
}

#endif
