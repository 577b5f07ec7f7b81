/* Script: what a scripted taker says and what it expects, as text; one step a line, `#` begins a comment.
 *
 *     rfq EURUSD buy 1000000 deadline 5s as a    # QuoteRequest R; from here on `a` names it and what comes
 * of it expect quotes a 3 within 2s accept a best                              # QuoteResponse AJ expect
 * report a filled within 5s
 *
 * script_usage() lists every step. An expectation takes a message that has come, or comes within its time,
 * and was not taken before: `expect quote a` twice takes two quotes. A step that is not about the future is
 * done at once. `repeat` runs its steps again; an `rfq … as a` in it gives the name to a new request.
 *
 * In the bodies of `raw` and `expect message` (fields with `|` between; in double quotes where there is a
 * blank in it) these stand for values: $id a new id, $now the time, and of what `a` names $a.request (131),
 * $a.quote (117, the best), $a.order (11), $a.order_id (37, rfqd's); $$ is a dollar sign.
 *
 * Pure: text in, steps or all errors out. Who runs it is scripted.c.
 */
#ifndef RFQD_SIM_SCRIPT_H
#define RFQD_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dataplane/core/limits.h"

#define SCRIPT_STEPS_MAX  1024
#define SCRIPT_NAMES_MAX  32
#define SCRIPT_NAME_SIZE  16
#define SCRIPT_LINE_SIZE  512 /* of one line, with its final zero */
#define SCRIPT_DEPTH_MAX  4   /* of `repeat` in `repeat` */
#define SCRIPT_TIMES_MAX  1000000
#define SCRIPT_ERRORS_MAX 64
#define SCRIPT_TIME_MAX   3600000000000ull /* of `wait`, `within`, `deadline` */

enum script_verb {
    SCRIPT_RFQ,
    SCRIPT_ACCEPT,
    SCRIPT_PASS,
    SCRIPT_CANCEL,
    SCRIPT_CANCEL_ORDER,
    SCRIPT_RESEND,
    SCRIPT_RAW,
    SCRIPT_EXPECT,
    SCRIPT_WAIT,
    SCRIPT_DISCONNECT,
    SCRIPT_RECONNECT,
    SCRIPT_REPEAT,
    SCRIPT_END
};

enum script_expectation {
    SCRIPT_A_QUOTE,
    SCRIPT_A_REPORT,  /* code: 'F' filled, 'P' filled in part, else ExecType */
    SCRIPT_A_REFUSAL, /* text: part of what it says */
    SCRIPT_A_STATUS,  /* code: QuoteStatus */
    SCRIPT_A_MESSAGE, /* text: fields that it has */
    SCRIPT_NOTHING
};

struct script_step {
    enum script_verb verb;
    enum script_expectation expectation;
    unsigned line, name; /* name: index into the script's names */
    uint64_t time_ns;    /* expect: within; wait; rfq: deadline, 0: none */
    int64_t quantity;
    unsigned count; /* quotes; times of a repeat; accept: the rank */
    unsigned jump;  /* repeat: the step behind its end; end: the first step of its repeat */
    char side;      /* '1' buy, '2' sell, 0 both (rfq) or as asked (accept) */
    char code;
    bool by_order; /* accept by D, not AJ */
    char symbol[SYMBOL_SIZE];
    char text[SCRIPT_LINE_SIZE];
    char source[SCRIPT_LINE_SIZE]; /* the line, without comment */
};

struct script_error {
    unsigned line;
    char text[SCRIPT_LINE_SIZE];
};

struct script {
    unsigned count, name_count, error_count;
    char names[SCRIPT_NAMES_MAX][SCRIPT_NAME_SIZE];
    struct script_step steps[SCRIPT_STEPS_MAX];
    struct script_error errors[SCRIPT_ERRORS_MAX]; /* the first ones */
};

/* False: errors say what is wrong, each with its line and what is allowed there. */
bool script_parse(struct script *s, const char *text, size_t size);
/* Every step there is, a line each. */
void script_usage(FILE *to);

enum script_value { SCRIPT_ID, SCRIPT_NOW, SCRIPT_REQUEST, SCRIPT_QUOTE, SCRIPT_ORDER, SCRIPT_ORDER_ID };

/* A body with its values put in. value: gives one; false where there is none yet. False: that, or it does not
 * fit; *at is where in the body. */
bool script_expand(const struct script *s, const char *body,
                   bool (*value)(void *ctx, enum script_value v, unsigned name, char out[ID_TEXT_SIZE]),
                   void *ctx, char *out, size_t out_size, const char **at);

#endif
