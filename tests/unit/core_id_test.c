#include <criterion/criterion.h>
#include <signal.h>

#include "dataplane/core/id.h"

Test(core_id, is_its_epoch_and_its_counter)
{
    uint64_t id = id_make(ID_EPOCH_MAX, 17);
    cr_assert_eq(id_epoch(id), ID_EPOCH_MAX);
    cr_assert_eq(id_counter(id), 17);
    cr_assert_lt(id_make(3, ID_COUNTER_MAX), id_make(4, 0), "a later epoch is a higher id");
    cr_assert_eq(id_make(0, 0), 0);
    cr_assert_eq(id_make(ID_EPOCH_MAX, ID_COUNTER_MAX), UINT64_MAX);
}

Test(core_id, a_counter_that_is_used_up_is_asserted, .signal = SIGABRT)
{
    id_make(1, ID_COUNTER_MAX + 1);
}
