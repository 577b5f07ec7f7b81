#include "control/ops/access.h"

#include <stdbool.h>

static bool is_member(const struct ops_peer *p, gid_t group)
{
    if (p->gid == group)
        return true;
    for (unsigned i = 0; i < p->group_count; i++)
        if (p->groups[i] == group)
            return true;
    return false;
}

enum ops_level ops_access(const struct ops_peer *p, uid_t owner, gid_t group, enum ops_level of_group)
{
    if (p->uid == 0 || p->uid == owner)
        return OPS_ADMIN;
    return is_member(p, group) ? of_group : OPS_NONE;
}

const char *ops_level_name(enum ops_level l)
{
    static const char *const names[] = {
        [OPS_NONE] = "none", [OPS_READ] = "read", [OPS_OPERATE] = "operate", [OPS_ADMIN] = "admin"};
    return names[l];
}
