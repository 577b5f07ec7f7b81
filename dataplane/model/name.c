/* Names on the wire: letter, then the id in hexadecimal, capital letters, no leading zeros. One id has one
 * name, so that a name that parses is one that we made. */
#include <string.h>

#include "dataplane/core/limits.h"
#include "dataplane/model/state.h"

void name_print(char kind, uint64_t id, char out[ID_TEXT_SIZE])
{
    char digits[16];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789ABCDEF"[id & 15];
        id >>= 4;
    } while (id);
    memset(out, 0, ID_TEXT_SIZE);
    *out++ = kind;
    while (count)
        *out++ = digits[--count];
}

uint64_t name_parse(char kind, const char *text, size_t size)
{
    if (size < 2 || size > 17 || text[0] != kind || text[1] == '0')
        return 0;
    uint64_t id = 0;
    for (size_t i = 1; i < size; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            id = id << 4 | (uint64_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            id = id << 4 | (uint64_t)(c - 'A' + 10);
        else
            return 0;
    }
    return id;
}
