/* Bare TCP on loopback: what the kernel alone costs. The reference beside every figure that goes over kernel
 * TCP.
 *
 * A busy-polled round trip: both ends spin on recv(2) without waiting and answer with send(2), TCP_NODELAY,
 * one thread and one CPU each. A bare release: as many send(2) calls as there are receivers, one after the
 * other. The same client is used against the bare echo and against whatever is measured, in turn, in one run.
 */
#ifndef RFQD_BENCH_BARE_TCP_H
#define RFQD_BENCH_BARE_TCP_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

/* 127.0.0.1, a port of the kernel's choice. *fd listens. ERR_IO. */
enum err bare_tcp_listen(int *fd, struct sockaddr_in *at) WARN_UNUSED;
/* Blocking connect, then TCP_NODELAY. ERR_IO. */
enum err bare_tcp_connect(int *fd, const struct sockaddr_in *to) WARN_UNUSED;
/* Waits for one connection. ERR_IO. */
enum err bare_tcp_accept(int *fd, int listener) WARN_UNUSED;

/* Sends and spins until all is sent. false: the peer is gone. */
bool bare_tcp_send_all(int fd, const void *bytes, size_t size);
/* Spins until exactly size bytes are there. false: the peer is gone. */
bool bare_tcp_receive_all(int fd, void *bytes, size_t size);
/* Echoes what is there, if anything; never waits. false: the peer is gone. */
bool bare_tcp_echo_once(int fd);
/* One send of size bytes on each of count connections, in order: the bare release. false: one did not take
 * all. */
bool bare_tcp_release(const int *fds, unsigned count, const void *bytes, size_t size);

/* A thread that reads and drops all that comes on `count` sockets until told to stop. */
struct bare_tcp_drain {
    const int *fds;
    unsigned count;
    unsigned pin; /* as bench_pin takes it */
    atomic_bool stop;
    atomic_uint_fast64_t bytes; /* dropped so far */
    pthread_t thread;
};
enum err bare_tcp_drain_start(struct bare_tcp_drain *d) WARN_UNUSED;
void bare_tcp_drain_stop(struct bare_tcp_drain *d);

#endif
