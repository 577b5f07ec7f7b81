#include "control/metrics/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/core/text.h"

#define BUFFER_SIZE_FIRST 65536u

void buffer_free(struct buffer *b)
{
    free(b->text);
    memset(b, 0, sizeof *b);
}

void buffer_add(struct buffer *b, const char *text, size_t size)
{
    if (b->capacity - b->used < size) {
        size_t capacity = b->capacity ? b->capacity : BUFFER_SIZE_FIRST;
        while (capacity - b->used < size)
            capacity *= 2;
        char *grown = realloc(b->text, capacity);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->text = grown;
        b->capacity = capacity;
    }
    memcpy(b->text + b->used, text, size);
    b->used += size;
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_add_number(struct buffer *b, uint64_t value)
{
    char digits[24];
    struct text t = text_in(digits, sizeof digits);
    text_add_number(&t, value);
    buffer_add(b, digits, text_length(&t));
}

void buffer_add_seconds(struct buffer *b, uint64_t ns)
{
    char places[10] = ".";
    size_t size = 10;
    uint64_t rest = ns % 1000000000u;
    buffer_add_number(b, ns / 1000000000u);
    if (!rest)
        return;
    for (size_t i = size; i-- > 1; rest /= 10)
        places[i] = (char)('0' + rest % 10);
    while (places[size - 1] == '0')
        size--;
    buffer_add(b, places, size);
}
