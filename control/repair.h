/* Repair: a log that a start refuses as corrupt, looked at and, where the operator says how, made one to go
 * on with (storage/log/repair.h). rfqd --repair; main thread, no rfqd runs on the directories meanwhile.
 *
 * Looking changes nothing: it says where the good frames end, what lies there, and what each way would give
 * up. A cut is refused while the store is the state of more than would be left: the store has to be moved
 * away first, and is made anew from the log, which must then begin at its beginning. With a cut the rings go
 * too: what they hold follows what was cut.
 */
#ifndef RFQD_CONTROL_REPAIR_H
#define RFQD_CONTROL_REPAIR_H

#include <stdbool.h>

#include "control/config/config.h"

enum repair_way { REPAIR_LOOK, REPAIR_CUT, REPAIR_DROP };

/* Prints what it found and did. False: it could not, or looking found damage. */
bool repair_log(const struct config *c, enum repair_way way);

#endif
