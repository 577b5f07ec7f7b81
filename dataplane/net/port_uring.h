/* The io_uring port's own face, beside port.h: the choice of mode, and its limits.
 *
 * A gateway calls port_uring_create (port.h); this is for tests and measurements that want one mode.
 */
#ifndef RFQD_NET_PORT_URING_H
#define RFQD_NET_PORT_URING_H

#include "dataplane/net/port.h"

#define PORT_URING_BACKLOG_SIZE (64u * 1024u * 1024u) /* of all connections of one port */

enum port_uring_mode {
    PORT_URING_BEST,        /* deferred where the kernel has it (6.1), else cooperative */
    PORT_URING_DEFERRED,    /* single issuer, completions only inside our own calls, batched sends */
    PORT_URING_COOPERATIVE, /* 6.0: completions run when the thread enters the kernel; sends one by one */
};

/* ERR_RANGE: connections_max. ERR_IO: no io_uring, or not that mode (errno). ERR_MEMORY. */
enum err port_uring_create_mode(struct port **out, unsigned connections_max,
                                enum port_uring_mode mode) WARN_UNUSED;

#endif
