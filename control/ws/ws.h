/* WebSocket: GET /rfq (spec/50): subscriptions to RFQs, takers and tenants, each with a snapshot; events as
 * they are applied; resume by epoch and seq without gap or repeat; commands for low latency. Frames by wslay.
 * PROTOCOL.md is what clients need to know. Owner: the control core.
 *
 * A slow reader's queue leaves out countdowns and rankings of an RFQ that it has a newer one of, and quotes
 * that were replaced, never states or fills. So a quote's `replaces` may name one that the receiver never
 * saw; an LP has one quote standing in an RFQ, and each `quote:received` ends the one of its LP before it.
 *
 * Bad input, each counted by its name in rfqd_ws_refused_total{reason}. At the door:
 *   no WebSocket of version 13            426: upgrade
 *   a page of another origin              403: origin
 *   a token that is not good              401: token
 *   connections_per_tenant_max            429: connections_per_tenant
 *   a planned stop                        503: going_away;  no memory: 503: memory
 * Of a connection:
 *   a token in the first frame that is    1008: token;  another first frame: 1008: token;
 *   not good                              none in WS_AUTH_TIMEOUT_NS: 1008: no_token
 *   connections_per_tenant_max            the answer `limit`, 1013: connections_per_tenant
 *   auth as another user                  the answer `unauthorized`: other_user
 *   no JSON, a member twice               the answer `bad_json`, `duplicate_member`: json
 *   more than WS_REQUESTS_MAX in a second the answer `limit`: rate
 *   more than WS_SUBSCRIPTIONS_MAX        the answer `limit`: subscriptions
 *   more than WS_COMMANDS_MAX under way   the answer `limit`: commands
 *   unsubscribing what was not            the answer `not_subscribed`: not_subscribed
 *   anything while resuming; resuming     the answer `not_now`: not_now
 *   with subscriptions
 *   resuming in another epoch, or where   the answer `unrecoverable`: unrecoverable
 *   no more is kept
 *   the same, found while resuming        the event `unrecoverable`, 1013: unrecoverable
 *   what the engine could not be asked    the answers `unavailable`, `no_taker`: unavailable
 *   any other request                     the answer that says what is wrong: request
 *   the store could not be read           the answer `store`: store
 * Frames, each counted by its close code in rfqd_ws_disconnects_total{code}: binary 1003; no UTF-8 1007; more
 * than WS_FRAME_MAX 1009; not as RFC 6455 has it 1002. A peer that goes without a word is `other`.
 *
 * Counters beside it: rfqd_ws_{connects,sent_messages,slow_consumers,coalesced,commands}_total,
 * rfqd_ws_{connections,subscriptions,resume_readers}.
 */
#ifndef RFQD_CONTROL_WS_H
#define RFQD_CONTROL_WS_H

#include "control/auth/auth.h"
#include "control/client/client.h"
#include "control/feed/feed.h"
#include "control/web/web.h"

#define WS_FRAME_MAX         65536u
#define WS_SUBSCRIPTIONS_MAX 1000u           /* of a connection */
#define WS_REQUESTS_MAX      100u            /* of a connection in a second */
#define WS_QUEUE_MAX         (1024u * 1024u) /* bytes that wait for a slow reader; then it is closed, 1013 */
#define WS_BACKLOG_MAX                                                                                  \
    (64u * 1024u)                /* bytes that the kernel has not taken: beyond, they wait in the queue \
                                  */
#define WS_COMMANDS_MAX      64u /* of a connection, not answered yet */
#define WS_ID_MAX            64u /* characters of a request's `id` as JSON; a longer one is not given back */
#define WS_AUTH_TIMEOUT_NS   5000000000ull
/* Between `auth:expired`, as a token expires, and the close: it may bring another, and until then it goes on.
 * As long as a token is taken after its end anywhere: nobody gets more by holding a connection. */
#define WS_EXPIRY_NS         (AUTH_LEEWAY_S * 1000000000ull)
#define WS_HEARTBEAT_NS      5000000000ull
#define WS_PING_NS           15000000000ull
#define WS_IDLE_NS           45000000000ull /* nothing was heard, pongs included */
#define WS_RECONNECT_MS      1000           /* told at a planned stop; each adds a part of it by chance */
#define WS_RESUME_FRAMES     64u            /* of the log, for one connection in one poll */
#define WS_RESUMING_PER_POLL 4u             /* connections that read what they missed, in one poll */
#define WS_READERS_MAX       64u            /* that read at one time; a reader has 1 MiB, and others wait */
#define WS_COUNTDOWNS        1024u          /* RFQs looked at for their countdown in one poll */

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

#endif
