/* One side of a FIX session on a plain socket: the measuring thread is taker and LPs at once. Never waits
 * after party_logon; what is received is stamped as it comes out of the kernel.
 */
#ifndef RFQD_BENCH_RFQ_PARTY_H
#define RFQD_BENCH_RFQ_PARTY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "fix/encode.h"
#include "fix/msg.h"

#define PARTY_BUFFER_SIZE 65536u

struct party {
    int fd;
    uint64_t next_out, next_in;
    struct fix_template template;
    struct fix_encoder encoder;
    char out[FIX_MESSAGE_SIZE_MAX + FIX_ENCODE_SLACK];
    size_t sent_size; /* of the last message made */
    const char *ready; /* it, in `out` */
    char in[PARTY_BUFFER_SIZE];
    size_t in_size;
    uint64_t stamp; /* ticks: when the last bytes came */
    bool kernel_stamps;
    bool answered;    /* a Heartbeat to the TestRequest of our logon */
    const char *name; /* its CompID */
    char failure[160];
};

/* An application message. false: it is not what should come; p->failure says why. */
typedef bool party_message(void *ctx, struct party *p, const struct fix_msg *m);

/* Connects, logs on, and waits until rfqd has our answer to its TestRequest: the session is in sync. */
bool party_logon(struct party *p, const char *name, const struct sockaddr_in *at);
/* From now on `stamp` says when the kernel had the bytes, not when we took them. */
bool party_stamp_in_kernel(struct party *p);
void party_close(struct party *p);

/* Begin a message, add fields to what it returns, send. */
struct fix_encoder *party_begin(struct party *p, const char *msg_type);
/* Returns when it was given to the kernel, in ticks; 0: the peer is gone. */
uint64_t party_send(struct party *p);
/* The same in two: the message is made, and lies ready; it is sent. */
bool party_ready(struct party *p);
uint64_t party_send_ready(struct party *p);
/* Takes what is there, if anything. false: something is wrong. */
bool party_poll(struct party *p, party_message *message, void *ctx);

#endif
