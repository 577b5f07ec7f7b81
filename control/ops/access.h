/* Who may do what at the ops socket: levels, by peer credentials. Root and the user rfqd runs as are admins;
 * members of its group have the level that key `ops_group` says; nobody else has any.
 */
#ifndef RFQD_CONTROL_OPS_ACCESS_H
#define RFQD_CONTROL_OPS_ACCESS_H

#include <sys/types.h>

#include "control/config/config.h"

struct ops_peer {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* the others that it is in */
    unsigned group_count;
};

enum ops_level ops_access(const struct ops_peer *p, uid_t owner, gid_t group, enum ops_level of_group);
/* "none", "read", "operate", "admin". */
const char *ops_level_name(enum ops_level l);

#endif
