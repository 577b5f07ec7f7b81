/* WebSocket: GET /rfq (spec/50): subscriptions to RFQs, takers and tenants, each with a snapshot; events as they
 * are applied; resume by epoch and seq without gap or repeat; commands for low latency. Frames by wslay.
 * Owner: the control core.
 */
#ifndef RFQD_CONTROL_WS_H
#define RFQD_CONTROL_WS_H

#include "control/auth/auth.h"
#include "control/client/client.h"
#include "control/feed/feed.h"
#include "control/web/web.h"

struct ws;

struct ws_config {
    struct web **web; /* is made after this, and serves its route */
    struct auth *auth;
    struct clients *clients;
    struct feed *feed;
    struct node *node;
    const struct config *config;
    struct counters *counters;
};

enum err ws_create(struct ws **out, const struct ws_config *c) WARN_UNUSED;
void ws_destroy(struct ws *w);
/* The route's function: checks origin and subprotocol, takes the token from header or subprotocol where there
 * is one, and upgrades; anything else is a problem (426, 403, 401). */
void ws_serve(struct ws *w, struct web_request *r);
unsigned ws_poll(struct ws *w, uint64_t now_ns);
/* A planned stop: `going_away` with a reconnect delay to everybody, then 1001. */
void ws_going_away(struct ws *w, uint64_t now_ns);
unsigned ws_connections(const struct ws *w);

#endif
