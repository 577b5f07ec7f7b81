/* JSON: what the ops socket, HTTP and WebSocket answer with. Into a buffer that grows, or, where there is a sink, line by
 * line into that; then the buffer is as large as the longest line. Commas are its business. */
#ifndef RFQD_CONTROL_JSON_H
#define RFQD_CONTROL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    char *text;
    size_t used, capacity;
    bool comma;  /* before the next member or element */
    bool failed; /* memory ran out, or the sink takes no more: what is there is no answer */
    bool (*sink)(void *ctx, const char *line, size_t size); /* NULL: none. false: no more */
    void *sink_ctx;
};

void json_free(struct json *j);
/* key NULL: an element, or the outermost value. */
void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket);                 /* '}' or ']' */
void json_text(struct json *j, const char *key, const char *value);
/* Text of at most size bytes, up to its first zero. */
void json_chars(struct json *j, const char *key, const char *value, size_t size);
/* A text of more than one piece: open, add…, close; of each character, all bytes are in one piece. */
void json_text_open(struct json *j, const char *key);
void json_text_add(struct json *j, const char *piece, size_t size);
void json_text_close(struct json *j);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_int(struct json *j, const char *key, int64_t value);
void json_flag(struct json *j, const char *key, bool value);
void json_decimal(struct json *j, const char *key, int64_t scaled);      /* as a string */
void json_name(struct json *j, const char *key, char kind, uint64_t id); /* "R…", null for 0 */
void json_time(struct json *j, const char *key, uint64_t ns); /* ISO 8601 with nanoseconds, null for 0 */
/* A value that is JSON already. */
void json_raw(struct json *j, const char *key, const char *text, size_t size);
/* End of a line of the answer; to the sink, where there is one. */
void json_line(struct json *j);

#endif
