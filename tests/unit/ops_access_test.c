/* Who may do what at the ops socket: the truth table. */
#include <criterion/criterion.h>

#include "control/ops/access.h"

enum { OWNER = 1000, STRANGER = 2000, GROUP = 500, OTHER = 501 };

static const gid_t in_both[] = {OTHER, GROUP}, in_other[] = {OTHER};

static const struct {
    struct ops_peer peer;
    enum ops_level none, read, operate, admin; /* by what the group may */
} rows[] = {
    {{0, 0, NULL, 0}, OPS_ADMIN, OPS_ADMIN, OPS_ADMIN, OPS_ADMIN},
    {{OWNER, OTHER, NULL, 0}, OPS_ADMIN, OPS_ADMIN, OPS_ADMIN, OPS_ADMIN},
    {{STRANGER, GROUP, NULL, 0}, OPS_NONE, OPS_READ, OPS_OPERATE, OPS_ADMIN},
    {{STRANGER, OTHER, in_both, 2}, OPS_NONE, OPS_READ, OPS_OPERATE, OPS_ADMIN},
    {{STRANGER, OTHER, in_both, 1}, OPS_NONE, OPS_NONE, OPS_NONE, OPS_NONE},
    {{STRANGER, OTHER, in_other, 1}, OPS_NONE, OPS_NONE, OPS_NONE, OPS_NONE},
    {{STRANGER, OTHER, NULL, 0}, OPS_NONE, OPS_NONE, OPS_NONE, OPS_NONE},
};

Test(ops_access, root_and_owner_are_admins_the_group_is_what_is_configured_nobody_else_is_anything)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const enum ops_level wanted[] = {rows[i].none, rows[i].read, rows[i].operate, rows[i].admin};
        for (enum ops_level of_group = OPS_NONE; of_group <= OPS_ADMIN; of_group++)
            cr_assert_eq(ops_access(&rows[i].peer, OWNER, GROUP, of_group), wanted[of_group],
                         "row %u, group %s", i, ops_level_name(of_group));
    }
}
