/* A crowd: many WebSocket clients of one server, on plain sockets, read by one thread that never sleeps while
 * something is to come. It checks all that comes: frames whole, each event's `prev` the number of the event
 * before, its bytes behind `prev` the same for everybody.
 *
 * Frames that are no events (heartbeats, countdowns, answers) are read and left; pings are answered.
 */
#ifndef RFQD_BENCH_FAN_CROWD_H
#define RFQD_BENCH_FAN_CROWD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/histogram.h"

#define CROWD_EVENTS_MAX 32u /* of one round */
#define CROWD_EVENT_SIZE 1024u

/* Where they connect, and what they say. */
struct crowd_target {
    struct sockaddr_in at;
    const char *path;  /* of the upgrade; NULL: bare frames, no handshake */
    const char *token; /* NULL: none is asked for */
    const char *hello; /* a request sent then, whose answer is waited for; NULL: none */
};

struct crowd_member {
    int fd;
    unsigned got; /* events of this round */
    uint64_t seq; /* of the last event */
    char *rest;   /* the begin of a frame whose end has not come */
    uint32_t rest_size, rest_capacity;
};

/* An event as the first one who got it saw it. */
struct crowd_event {
    uint64_t seq, last_ns; /* last_ns: from the trigger until everybody had it */
    unsigned receivers;
    size_t size;
    char text[CROWD_EVENT_SIZE];
};

struct crowd {
    struct crowd_member *members;
    unsigned count;
    int epoll;
    int wait_ms; /* crowd_poll waits for so long; 0: never */
    bool rounds;    /* events are those of a round: everybody gets the same; else each may be anywhere */
    uint64_t begin; /* of the round: stamp */
    struct crowd_event events[CROWD_EVENTS_MAX];
    unsigned event_count;   /* seen by anybody in this round */
    struct histogram *each; /* from begin until a member has the round's first event; NULL: not wanted */
    uint64_t frames, taken; /* all that came; events */
    char failure[200];
};

/* Connects them all. false: the server, or a limit of this host, does not let them; c->failure says which. */
bool crowd_open(struct crowd *c, const struct crowd_target *t, unsigned count);

/* A round: what comes from now on is counted from this stamp. */
void crowd_round(struct crowd *c, uint64_t begin);
/* Takes what is there, if anything; *work: how many had something. false: something is wrong. */
bool crowd_poll(struct crowd *c, unsigned *work);
/* The last `count` events of the round are with everybody. */
bool crowd_has(const struct crowd *c, unsigned count);
/* Reads until nothing has come for quiet_ns. */
bool crowd_settle(struct crowd *c, uint64_t quiet_ns);

/* One connection more, which is nobody of the crowd: upgraded as they are. −1: not to be had. */
int crowd_connect(struct crowd *c, const struct crowd_target *t);
/* A client's text frame; returns its size. out: size + 14 bytes. */
size_t crowd_frame(char *out, const char *text, size_t size);

#endif
