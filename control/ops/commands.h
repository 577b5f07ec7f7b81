/* The table of ops commands, and what its families (commands_*.c) share. */
#ifndef RFQD_CONTROL_COMMANDS_H
#define RFQD_CONTROL_COMMANDS_H

#include <stdatomic.h>

#include "control/json/json.h"
#include "control/ops/access.h"
#include "control/ops/command_list.h"
#include "control/ops/ops.h"

#define OPS_ARGUMENT_SIZE  256            /* of one argument, with its zero */
#define OPS_TEXT_SIZE      512            /* of an error's sentence */
#define OPS_BYTES_PER_STEP (128u * 1024u) /* of an answer; one row may go beyond */
#define OPS_LOOKS_PER_STEP 8192u          /* at slots of a table, or at counters */
#define OPS_PATIENCE_NS    20000000000ull /* an agent that has not answered by then is reported as such */

struct ops_request {
    const struct ops_config *config;
    struct ops_desk *desk;
    uint64_t now_ns;
    enum ops_level level; /* of who asks */
    unsigned argument_count;
    char *arguments[OPS_ARGUMENTS_MAX]; /* until run returns, here or on a thread */
    struct json *out; /* lines of the answer; on a thread they leave as they are made (stream.h) */
    const char *code; /* set: the request failed, and text has the sentence */
    uint64_t
        live_offset; /* a live digest, taken on the control core before a command goes to a thread; 0: none */
    uint64_t live_digest[AGENTS_MAX];
    char text[OPS_TEXT_SIZE];    /* room for a sentence */
    const struct stream *stream; /* on a thread; else NULL */

    /* What is not done at once. run sets `step`: it is called again and again on the control core, each time
     * for a bounded part, until it returns true. `going` is the command's own memory, which `end` gives back,
     * also where the client has left. `finishes`: it goes on without its client, because others wait for its
     * end (an agent has been asked). run on the control core may set `thread` instead, which then runs on a
     * thread; or the last step may, of those that have answered nothing and do not finish. A command on a
     * thread may set `then`, which is called on the control core when the thread has ended without an error,
     * and may set `step`. */
    bool (*step)(struct ops_request *r);
    void (*end)(struct ops_request *r);
    void (*thread)(struct ops_request *r);
    void (*then)(struct ops_request *r);
    void *going;
    bool finishes;
};

struct ops_alive { /* zeroed at the begin */
    uint32_t rfq_at, order_at;
    unsigned rfqs, orders;
};

/* What outlives a request: one for the whole socket, on the control core. */
struct ops_desk {
    bool stop_asked;
    bool stop_when_idle;   /* drain stop: once no RFQ and no order is alive */
    atomic_bool reloading; /* by a thread; until its reload has ended */
    uint64_t idle_look_ns; /* of the next look whether that is so */
    struct ops_alive idle_look;
    struct config *config; /* what the last reload has put in force; NULL: what rfqd was started with */
    const void *askers[AGENTS_MAX]; /* by agent: `going` of who has asked it; NULL: it is free (ops_ask_…) */
    const struct core *cores;       /* as ops_config, once they run */
    unsigned core_count;
};

enum ops_where { OPS_CORE, OPS_THREAD };

struct ops_command {
    const char *name;
    const char *verb; /* NULL: any */
    unsigned verb_at;
    const char *arguments; /* as help shows them */
    unsigned arguments_min, arguments_max;
    enum ops_level level;
    void (*run)(struct ops_request *r);
    enum ops_where where;
    const char *sentence;
};

extern const struct ops_command ops_commands[];
extern const unsigned ops_command_count;

/* The request failed: code is one word, stable; the sentence names what was wrong. */
void ops_fail(struct ops_request *r, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nobody waits for what this thread answers any more: the client has gone, or rfqd stops. What takes long
 * looks here from time to time and returns; json's `failed` says the same to what writes a lot. */
bool ops_unwanted(const struct ops_request *r);

/* One function a command. */
#define X(id, name, verb, verb_at, arguments, least, most, level, where, sentence) \
    void ops_##id(struct ops_request *r);
OPS_COMMAND_LIST(X)
#undef X

/* What families share -------------------------------------------------------------------------------------
 */

static inline const struct replica_config *ops_copies(const struct ops_request *r)
{
    return replica_config(node_replica(r->config->node));
}
/* The configuration in force. */
static inline const struct config *ops_config_now(const struct ops_request *r)
{
    return r->desk->config ? r->desk->config : r->config->config;
}
/* "?" for a number that is no session's. */
const char *ops_session_label(const struct ops_request *r, uint32_t number, char out[ID_TEXT_SIZE]);
/* An entity as the model describes it, as one line. key NULL: nothing before it. Behind it what people call
 * the things that it has numbers of: `lp_name` for `lp`; empty ones are left out, key NULL ends them. */
struct ops_name {
    const char *key, *value;
};
void ops_entity(struct ops_request *r, const char *table, const void *entity, const char *key,
                const char *value, const struct ops_name *names);
/* Many rows, a bounded part of them a poll. `row` gives the one at `at`, from 0 on, where there is one that
 * fits `wanted`, the request's first argument or ""; false: `at` is past the last. Rows of a table are asked
 * for by slot: what stays in it is shown once, as it is when its turn comes. */
typedef bool ops_row(struct ops_request *r, uint32_t at, const char *wanted);
void ops_rows(struct ops_request *r, ops_row *row);
/* The replica has applied what this agent had written up to `position`. */
bool ops_applied(const struct ops_request *r, uint8_t agent, uint64_t position);
/* An agent is asked by one request at a time, from its asking until it takes the answer: an answer in a
 * mailbox carries no name, and another that asks meanwhile would take it, or write over it. ops_ask_… are
 * false while another has the agent, ops_…_answered while there is no answer. Who asks gives up all it has
 * asked in `end`, before it frees `going`; what an agent does then all the same nobody is told, and who asks
 * next waits for. */
bool ops_ask_engine(struct ops_request *r, uint8_t agent, const struct engine_change *c);
bool ops_engine_answered(struct ops_request *r, uint8_t agent, uint64_t *position);
bool ops_ask_gateway(struct ops_request *r, const struct gateway_order *o);
bool ops_gateway_answered(struct ops_request *r, struct gateway_answer *out);
void ops_asks_no_more(struct ops_request *r);
/* RFQs and orders that are not over yet, in the replica: a bounded part a call, until it is true. RFQs first:
 * of one that is over no order comes any more. */
bool ops_count_alive(const struct node *n, struct ops_alive *a);

#endif
