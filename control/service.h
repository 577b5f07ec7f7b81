/* Service: what rfqd tells systemd, by the protocol of sd_notify(3): datagrams of KEY=value lines to the
 * socket in $NOTIFY_SOCKET. Owner: the main thread. Where nobody asks for it, nothing is sent.
 *
 * The watchdog is fed by progress, not by being alive: only when every core has finished a round over its
 * agents since the last time, and the record is kept, is systemd told so ($WATCHDOG_USEC, at half of it). A
 * core that hangs stops the feeding, and systemd restarts us: the next start goes on where the record ends.
 */
#ifndef RFQD_CONTROL_SERVICE_H
#define RFQD_CONTROL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "dataplane/core/core.h"

#define SERVICE_STATUS_MAX 400 /* characters of a status */

/* What was seen when the watchdog was fed last. */
struct watchdog {
    uint64_t interval_ns; /* half of what systemd waits; 0: it does not */
    uint64_t due_ns;
    uint64_t rounds[CORES_MAX];
};

struct service {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    unsigned to_size;
    struct watchdog watchdog;
};

/* From the environment; never fails: a socket that cannot be used is one that nobody listens on. */
void service_open(struct service *s);
void service_close(struct service *s);
/* State: READY=1, STOPPING=1, or NULL where only the status changes. Status: one line for people. */
void service_say(struct service *s, const char *state, const char *status);
/* To be called several times within an interval. */
void service_feed(struct service *s, uint64_t now_ns, const struct core *cores, unsigned count, bool failed);

/* Whether the watchdog is fed now: it is due, nothing has failed, and each of `count` numbers differs from
 * what it was when this said yes last. */
bool watchdog_due(struct watchdog *w, uint64_t now_ns, const uint64_t *rounds, unsigned count, bool failed);

#endif
