#include "dataplane/core/id.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void id_print(uint64_t id, char out[ID_PRINT_SIZE])
{
    for (int i = ID_PRINT_LENGTH - 1; i >= 0; i--, id >>= 5)
        out[i] = alphabet[id & 31];
    out[ID_PRINT_LENGTH] = 0;
}

/* The character's value, or 32. */
static uint64_t value_of(char c)
{
    uint64_t v = 0;
    while (v < 32 && alphabet[v] != c)
        v++;
    return v;
}

enum err id_parse(const char *text, size_t size, uint64_t *out)
{
    if (size != ID_PRINT_LENGTH)
        return ERR_SYNTAX;
    uint64_t id = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t v = value_of(text[i]);
        /* 13 × 5 bits are one more than 64: the first character has four. */
        if (v >= (i == 0 ? 16 : 32))
            return ERR_SYNTAX;
        id = id << 5 | v;
    }
    *out = id;
    return OK;
}
