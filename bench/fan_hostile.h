/* Clients that mean no good: slow ones, who send a request's head byte by byte and never end it, and connect
 * again when they are thrown out; and a flood, which asks as fast as it is answered: every second one of it
 * for the largest page of RFQs, the others for what costs nothing to answer.
 */
#ifndef RFQD_BENCH_FAN_HOSTILE_H
#define RFQD_BENCH_FAN_HOSTILE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define HOSTILE_MAX 512u

struct hostile {
    struct sockaddr_in at;
    const char *token;          /* of the flood's */
    unsigned slow, flood;       /* connections of each kind */
    int fds[HOSTILE_MAX];       /* the slow ones first */
    unsigned sent[HOSTILE_MAX]; /* bytes of a slow one's head */
    unsigned due[HOSTILE_MAX];  /* answers of the flood's that have not come */
    char tail[HOSTILE_MAX][16]; /* the last bytes that came: an answer's begin may be cut */
    uint64_t thrown_out;        /* slow ones, so far */
    uint64_t answered;          /* requests of the flood */
    uint64_t pages;             /* of them, pages of RFQs */
};

/* slow + flood: at most HOSTILE_MAX. token: outlives it. false: they cannot connect. */
bool hostile_open(struct hostile *h, const struct sockaddr_in *at, const char *token, unsigned slow,
                  unsigned flood);
/* One more step of each. false: they cannot connect again. */
bool hostile_poll(struct hostile *h);
void hostile_close(struct hostile *h);

#endif
