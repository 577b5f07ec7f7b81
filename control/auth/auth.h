/* Auth: who asks. A bearer token (JWT, RFC 7519) is signed with a key that configuration names by its id
 * (`kid`); the algorithm is the key's, never the token's choice: `none`, and a public key used as a secret,
 * are refused by that alone. Owner: the control core; constant after auth_create.
 *
 * Claims: `sub` a configured user, `tenant` its tenant, `exp` in the future (required), `nbf` where given in
 * the past, `roles` (a string or a list) at most what the user has: a trader may be a trader; a manager
 * manager and trader; ops ops; admin all. Clocks may differ by AUTH_LEEWAY_S.
 *
 * Counters: rfqd_auth_tokens_total, rfqd_auth_refused_total{reason}.
 */
#ifndef RFQD_CONTROL_AUTH_H
#define RFQD_CONTROL_AUTH_H

#include "control/config/config.h"
#include "dataplane/core/counters.h"
#include "dataplane/model/distribution.h"

#define AUTH_TOKEN_SIZE_MAX 4096u /* characters; a longer one is refused unread */
#define AUTH_LEEWAY_S       5

struct principal {
    const struct config_user *user;
    uint32_t tenant;     /* its number */
    unsigned roles;      /* bits of enum user_role */
    uint64_t expires_ns; /* of the token */
};

struct auth;

/* Reads the keys' files. ERR_STATE (a key that cannot be read or used): auth_error() names file and cause. */
enum err auth_create(struct auth **out, const struct config *c, struct counters *counters) WARN_UNUSED;
const char *auth_error(void);
void auth_destroy(struct auth *a);

/* OK; or ERR_STATE, and *why is a sentence (static storage). */
enum err auth_token(struct auth *a, const char *token, uint64_t now_ns, struct principal *out,
                    const char **why) WARN_UNUSED;

/* May it see, and act on, what belongs to this taker of this tenant? Own; a manager: its team's; ops and
 * admin: the tenant's. taker: a code, zero padded. Nobody sees another tenant's. */
bool principal_may_see(const struct auth *a, const struct principal *p, uint32_t tenant, const char *taker);
/* Everything of its tenant. */
static inline bool principal_sees_all(const struct principal *p)
{
    return (p->roles & (USER_OPS | USER_ADMIN)) != 0;
}
/* Make RFQs, accept, cancel and extend: traders, managers, admins. */
static inline bool principal_may_trade(const struct principal *p)
{
    return (p->roles & (USER_TRADER | USER_MANAGER | USER_ADMIN)) != 0;
}
/* Another's own events (subscribe:trader). */
bool principal_may_follow(const struct principal *p, const struct config_user *other);
const struct config_user *auth_user(const struct auth *a, const char *name); /* NULL: none */

#endif
