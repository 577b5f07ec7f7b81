/* What node.c (the parts and how they are joined) and node_start.c (recovered and set going) share. */
#ifndef RFQD_CONTROL_NODE_INSIDE_H
#define RFQD_CONTROL_NODE_INSIDE_H

#include "control/node.h"

/* Lanes of the house; one gateway. */
enum {
    GATEWAY_TO_ROUTING_ORDER,
    GATEWAY_TO_DISTRIBUTION_REQUEST,
    GATEWAY_TO_DISTRIBUTION_QUOTE,
    DISTRIBUTION_TO_GATEWAY,
    ROUTING_TO_GATEWAY,
    DISTRIBUTION_TO_ROUTING,
    ROUTING_TO_DISTRIBUTION,
    CLIENTS_TO_DISTRIBUTION,
    NODE_LANES
};

#define NODE_RINGS 3

extern const struct node_ring_file {
    uint8_t agent;
    const char *file;
} node_ring_files[NODE_RINGS];

struct node {
    struct node_config config;
    struct ring rings[NODE_RINGS];
    bool ring_attached[NODE_RINGS];
    struct lane *lanes[NODE_LANES];
    struct distribution_state *distribution, *distribution_copy;
    struct routing_state *routing, *routing_copy;
    struct gateway_state *gateway_live, *gateway_copy;
    struct log *log;
    struct engine *engine_distribution, *engine_routing;
    struct gateway *gateway;
    struct replica *replica;
    struct gateway_session_config *sessions;
    struct lp *lps;
    struct taker *takers;
    struct node_recovery recovery;
    struct recovery_result result;
};

/* e, and what node_error() says from now on; why NULL: err_text(e). */
enum err node_fail(enum err e, const char *what, const char *why);

/* In this order, each with what is made in between (node_open). */
enum err node_recover(struct node *n) WARN_UNUSED;
void node_start_log(struct node *n);
enum err node_start(struct node *n, uint64_t now_ns) WARN_UNUSED;
/* All that is committed, durable. */
enum err node_complete_log(struct node *n) WARN_UNUSED;

#endif
