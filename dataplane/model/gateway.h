/* The gateway's state: sessions and their numbers. Owner: the gateway; the replica has a copy. What was sent is kept
 * for resends by the gateway itself (dataplane/gateway) and by storage.
 */
#ifndef RFQD_MODEL_GATEWAY_H
#define RFQD_MODEL_GATEWAY_H

#include "dataplane/model/state.h"

struct gateway_state {
    struct state base;
    struct table *sessions; /* struct session, id = number + 1 */
};

enum err gateway_state_create(struct gateway_state **out, uint8_t agent, bool track) WARN_UNUSED;
/* NULL: no such session. */
const struct session *gateway_session(const struct gateway_state *s, uint32_t number);
/* By its name in the configuration, NULL: never seen. */
const struct session *gateway_session_by_name(const struct gateway_state *s, const char *name);

#endif
