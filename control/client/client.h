/* Clients: what HTTP and WebSocket ask of the engine, and the way back. Owner: the control core.
 *
 * A command goes into the clients' lane, and its answer is CLIENT_ANSWERED in the log, which the replica has
 * applied when it is given out here: so a read after the answer sees what was done. At level `synced` the
 * replica applies what is durable only.
 *
 *     client_ask(cs, &who, BODY_RFQ, &body, NULL, on_answer, ctx)     → ERR_FULL: nothing was sent, 503
 *
 * Refused here, before it is sent, each counted in rfqd_client_refusals_total{reason}:
 *
 *   no_taker       the user is no taker that the engine knows (yet)
 *   log_failed     the log has failed: nothing that is accepted could be kept
 *   log_stalled    the log waits for its disk: nothing is taken that could be lost
 *   state_differs  the replica has met a divergence, and has stopped for good
 *   store_full     the replica stands still until the store takes what it has
 *   state_behind   the replica is more than REPLICA_LAG_MAX behind the log
 *   under_way      half of CLIENT_WAITING_MAX are under way
 *   lane           the lane is full but for a reserve
 *
 * In the three about the replica the command would be decided, and traded, but its answer would not come, and
 * a read would show what was before. Cancels go on (spec/80): the other half and the reserve are theirs, and
 * neither the log's waiting nor the replica's stops them; only a log that has failed does. An answer that
 * does not come for CLIENT_TIMEOUT_NS is given up: what became of the command is not known then, and who
 * asked may ask again under the same key.
 *
 * Counters: rfqd_client_{commands,answers,timeouts,repeated}_total, rfqd_client_waiting.
 */
#ifndef RFQD_CONTROL_CLIENT_H
#define RFQD_CONTROL_CLIENT_H

#include "control/auth/auth.h"
#include "control/body/body.h"
#include "control/node.h"

#define CLIENT_WAITING_MAX  1024u
#define CLIENT_KEY_SIZE_MAX 255u
#define CLIENT_TIMEOUT_NS   10000000000ull

struct clients;

/* Who asks, and under which key. A key is known for one user and one request, and stands for the body: by
 * whichever way it comes, and however it was written. */
struct client_who {
    const struct principal *principal;
    const char *key; /* Idempotency-Key; NULL or "": none */
};

/* It can be an Idempotency-Key: 1 to CLIENT_KEY_SIZE_MAX visible ASCII characters. */
bool client_key_fits(const char *key);

/* a NULL: no answer in time. On the control core, from clients_poll. The state is that of the answer or
 * later. */
typedef void (*client_done)(void *ctx, const struct client_answered *a);

enum err clients_create(struct clients **out, struct node *node, struct counters *counters,
                        uint64_t now_ns) WARN_UNUSED;
void clients_destroy(struct clients *c); /* forgets who waits: nobody is called */
/* From the replica's watcher: each batch applied. */
void clients_applied(struct clients *c, const struct batch *b);
unsigned clients_poll(struct clients *c, uint64_t now_ns);
unsigned clients_waiting(const struct clients *c);

/* What was asked by a body, whichever it is (zeroed where it says nothing, as body_read does). rfq: what it
 * is about; NULL for BODY_RFQ. ERR_FULL: it cannot be sent now (above): clients_why() has the
 * sentence. ERR_NOT_FOUND: the user is no taker that the engine knows (yet). done is called later, never from
 * inside. */
enum err client_ask(struct clients *c, const struct client_who *who, enum body_kind kind,
                    const union body *body, const struct rfq *rfq, client_done done, void *ctx) WARN_UNUSED;
const char *clients_why(const struct clients *c);
/* Whoever waits with this ctx is gone: it is not called. The command is decided all the same. */
void clients_forget(struct clients *c, const void *ctx);

#endif
