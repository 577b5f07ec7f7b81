/* The table of ops commands. */
#ifndef RFQD_CONTROL_COMMANDS_H
#define RFQD_CONTROL_COMMANDS_H

#include "control/json/json.h"
#include "control/ops/ops.h"

#define OPS_ARGUMENTS_MAX 8

struct ops_request {
    const struct ops_config *config;
    uint64_t now_ns;
    unsigned argument_count;
    char *arguments[OPS_ARGUMENTS_MAX];
    struct json *out; /* lines of the answer; of a long one they leave as they are made (stream.h) */
    bool *stop_asked;
    const char *error; /* set: the request failed; code and sentence */
    const char *code;
    uint64_t
        live_offset; /* a live digest, taken on the control core before a command goes to a thread; 0: none */
    uint64_t live_digest[AGENTS_MAX];
    char text[256];              /* room for a sentence */
    const struct stream *stream; /* of a long answer; else NULL */
};

struct ops_command {
    const char *name;
    const char *arguments; /* as help shows them */
    unsigned arguments_min, arguments_max;
    void (*run)(struct ops_request *r);
    bool long_running; /* runs on a thread of its own: may touch store and log, not the replica's state */
    const char *sentence;
};

extern const struct ops_command ops_commands[];
extern const unsigned ops_command_count;

/* The request failed: code is one word, stable; the sentence names what was wrong. */
void ops_fail(struct ops_request *r, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nobody waits for this long answer any more: the client has gone, or rfqd stops. What takes long looks here
 * from time to time and returns; json's `failed` says the same to what writes a lot. */
bool ops_unwanted(const struct ops_request *r);

/* commands_metrics.c */
void ops_metrics(struct ops_request *r);
/* commands_record.c: what reads the store and the log. */
void ops_rfq(struct ops_request *r);
void ops_dump(struct ops_request *r);
void ops_verify(struct ops_request *r);

#endif
