/* Front: the doors for clients put together: the web server on a port of its own, who asks (auth), the API
 * (http), WebSocket (ws), what they ask of the engine (client), and the events (feed). Owner: the control
 * core, which polls it behind the replica: nothing here is on the path of an order, and each poll is bounded.
 *
 * Start: after node_open, before any core runs: it watches the replica from then on. A planned stop:
 * front_stop_begin → polled until front_stopped → cores stopped → front_destroy, before node_close.
 */
#ifndef RFQD_CONTROL_FRONT_H
#define RFQD_CONTROL_FRONT_H

#include "control/metrics/metrics.h"
#include "control/node.h"

/* Connections of the port beyond http.connections_max: as many as may come in one poll, so that each is
 * refused by the web server, and counted; those beyond are ended by the port, without a word. */
#define FRONT_REFUSED_AT_ONCE PORT_EVENTS_MAX

#define FRONT_STOP_NS 3000000000ull /* for what is being served at a planned stop; the rest is cut off */

struct front;

struct front_config {
    struct node *node;
    const struct config *config; /* has_http */
    struct counters *counters;
    struct metrics *metrics;
    struct port *port; /* NULL: kernel sockets of its own */
    bool own_threads;  /* to read the log's files on; false: in the poll (tests) */
};

/* Errors: as port_uring_create, auth_create, web_create; front_error() has the sentence. */
enum err front_create(struct front **out, const struct front_config *config, uint64_t now_ns) WARN_UNUSED;
const char *front_error(void);
void front_destroy(struct front *f);
unsigned front_poll(struct front *f, uint64_t now_ns);

/* WebSockets are told to come back later; no new requests; readyz says no. Again: nothing happens. */
void front_stop_begin(struct front *f, uint64_t now_ns);
bool front_stopped(const struct front *f, uint64_t now_ns);

#endif
