/* Client of the ops control socket: one request at a time, lines of JSON as the answer (control/ops/ops.h has
 * the protocol). Blocking: an operator waits, for at most CLIENT_TIMEOUT_S between two lines.
 *
 * Errors are sentences for people that name what failed and the remedy: client_error.
 */
#ifndef RFQD_CTL_CLIENT_H
#define RFQD_CTL_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define CLIENT_TIMEOUT_S   30
#define CLIENT_ERROR_SIZE  512
#define CLIENT_REQUEST_MAX 4000 /* below OPS_LINE_MAX */

/* Exit codes of rfqctl, and results of what may fail. */
enum ctl_result { CTL_FINE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 3, CTL_FORBIDDEN = 4 };

struct client {
    int fd; /* -1: not connected */
    char *buffer;
    size_t used, taken, capacity;
    char error[CLIENT_ERROR_SIZE];
    char code[32]; /* of the last failed request, as rfqd names it: "unknown_command" */
};

/* The lines of an answer, parsed. */
struct rows {
    struct json_object **row;
    size_t count, capacity;
};

/* CTL_UNREACHABLE: nobody there. CTL_FORBIDDEN: no right to the socket. */
enum ctl_result client_open(struct client *c, const char *path);
/* The next line of an answer may take any time. */
void client_be_patient(struct client *c);
void client_close(struct client *c);
/* Each line of the answer but the last, without its newline; it may be changed, and is gone after the call.
 * CTL_FAILED: rfqd refused it (code, error). CTL_FORBIDDEN: not for who asks. CTL_UNREACHABLE: the connection
 * broke off. CTL_USAGE: too long.
 */
enum ctl_result client_ask(struct client *c, const char *request,
                           void (*line)(void *ctx, char *text, size_t size), void *ctx);
/* The same, parsed; rows_free in either case. */
enum ctl_result client_rows(struct client *c, const char *request, struct rows *out);
void rows_free(struct rows *r);

#endif
