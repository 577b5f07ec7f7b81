/* Buffer: text that grows as it is written. Where memory runs out it is marked as failed, and what is there
 * is no answer.
 */
#ifndef RFQD_CONTROL_BUFFER_H
#define RFQD_CONTROL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *text; /* no zero at its end */
    size_t used, capacity;
    bool failed;
};

void buffer_free(struct buffer *b);
void buffer_add(struct buffer *b, const char *text, size_t size);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_number(struct buffer *b, uint64_t value);
/* Nanoseconds as seconds, exactly: "0.000001023", "12.5", "3". */
void buffer_add_seconds(struct buffer *b, uint64_t ns);

#endif
