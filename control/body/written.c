/* The members of a JSON text as they were written, also those that a parser drops. */
#include <string.h>

#include "control/body/inside.h"

struct name {
    const char *at;
    size_t size;
    unsigned depth;
};

/* The end of the string whose first quote is at `at`: one past its last quote. */
static size_t skip_string(const char *text, size_t size, size_t at)
{
    for (at++; at < size && text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

size_t body_foreign(const char *text, size_t size)
{
    bool inside = false;
    for (size_t at = 0; at < size; at++) {
        char x = text[at];
        if (inside && x == '\\')
            at++;
        else if (x == '"')
            inside = !inside;
        else if (inside ? (unsigned char)x < 0x20
                        : x == 0 || !strchr(" \t\r\n{}[]:,+-.0123456789eEtrufalsn", x))
            return at;
    }
    return size;
}

size_t body_object_end(const char *text, size_t size)
{
    unsigned depth = 0;
    for (size_t at = 0; at < size;) {
        char x = text[at];
        if (x == '"') {
            at = skip_string(text, size, at);
            continue;
        }
        at++;
        depth += x == '{' || x == '[';
        if ((x == '}' || x == ']') && --depth == 0)
            return at;
        if (depth == 0 && !strchr(" \t\r\n", x))
            return 0; /* it begins with something else */
    }
    return size;
}

static bool is_known(const struct name *names, unsigned count, const struct name *n)
{
    for (unsigned i = 0; i < count; i++)
        if (names[i].depth == n->depth && names[i].size == n->size &&
            memcmp(names[i].at, n->at, n->size) == 0)
            return true;
    return false;
}

bool body_written(const char *text, size_t size, unsigned *written, char *out, size_t out_size)
{
    struct name names[BODY_MEMBERS_MAX], last = {NULL, 0, 0};
    unsigned count = 0, depth = 0;
    bool found = false;
    *written = 0;
    for (size_t at = 0; at < size;) {
        char x = text[at];
        if (x == '"') {
            size_t end = skip_string(text, size, at);
            last = (struct name){text + at + 1, end - at - 2, depth};
            at = end;
            continue;
        }
        depth += x == '{' || x == '[';
        depth -= x == '}' || x == ']';
        if (x == ':') {
            ++*written;
            if (!found && is_known(names, count, &last)) {
                size_t copied = last.size < out_size - 1 ? last.size : out_size - 1;
                memcpy(out, last.at, copied);
                out[copied] = 0;
                found = true;
            }
            if (count < BODY_MEMBERS_MAX)
                names[count++] = last;
        }
        at++;
    }
    return found;
}
