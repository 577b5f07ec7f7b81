/* A real rfqd for a measurement: a child process with a configuration, directories and a port of its own, all
 * gone when it is stopped.
 *
 * Placing: gateway, distribution and routing spin on the first CPU; log and control back off on the third,
 * or, where there are only two, on the second, which they share with the measuring thread. With one_core all
 * of them spin on the first. Level committed.
 */
#ifndef RFQD_BENCH_RFQ_HOUSE_H
#define RFQD_BENCH_RFQ_HOUSE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "bench/fan_token.h"

#define HOUSE_LPS_MAX   20u
#define HOUSE_PATH_SIZE 96

struct house_config {
    unsigned lps;    /* sessions L0, L1, …; one taker: T */
    unsigned rate;   /* RFQs a second it has to have room for */
    const char *dir; /* its directory is made in there */
    bool small;      /* shared memory of some 30 MiB: containers often have no more than 64 */
    bool one_core;
    unsigned clients; /* connections by HTTP and WebSocket there is room for; 0: none are let in */
};

struct house {
    pid_t pid;
    int said; /* its stderr */
    char text[4096];
    size_t text_size;
    char directory[HOUSE_PATH_SIZE], shared[HOUSE_PATH_SIZE];
    struct sockaddr_in at;      /* where sessions log on */
    struct sockaddr_in http_at; /* where clients connect */
    char token[FAN_TOKEN_SIZE]; /* theirs: user T, admin, who acts as the taker T */
};

/* Waits until it is ready. false: it is not, and why stands on stderr; nothing is left of it. */
bool house_start(struct house *h, const struct house_config *c);
/* Asks it to stop, waits for its end, removes its files. false: it did not end well. */
bool house_stop(struct house *h);

#endif
