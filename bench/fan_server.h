/* The servers that rfqd's fan-out is compared with, each a process on the first CPU: what is said on its path
 * /control, on a connection of its own, goes to everybody else who is connected.
 *
 * Node with the package `ws`, and libwebsockets, are there where they are installed. The bare one knows no
 * WebSocket: its first connection is its control, what comes there are frames, and each goes to every other
 * connection by one send(2) after the other.
 */
#ifndef RFQD_BENCH_FAN_SERVER_H
#define RFQD_BENCH_FAN_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

struct fan_server {
    pid_t pid;
    struct sockaddr_in at;
};

enum fan_kind { FAN_BARE, FAN_NODE, FAN_LWS };

/* NULL: it can be started here; else why not. */
const char *fan_server_lacks(enum fan_kind kind);
/* receivers: how many will connect, FAN_BARE only. false: it does not start, and why stands on stderr. */
bool fan_server_start(struct fan_server *s, enum fan_kind kind, unsigned receivers);
void fan_server_stop(struct fan_server *s);

#endif
