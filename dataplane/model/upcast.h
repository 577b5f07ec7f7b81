/* Upcast: records as any released version wrote them, made into those of the newest layout. Whoever reads
 * records that may be older than the program (log, checkpoint, rings at start, a standby) takes them through
 * here; `apply` and everything behind it see the newest only.
 *
 * Each type has a version of its own (record_type.h). Fields are only appended, so a step from one version to
 * the next copies what there was and says what the new fields mean where they were not written:
 *
 *   ORDER_RELEASED    2  session_losses, which was reserved: zero
 *   RFQ_ORDER         2  gives_back, which was reserved: zero
 *                     3  cancel_refused: zero
 *   RFQ_CANCEL_ORDER  2  who_id, reason: zero, «as the RFQ says it» (also written in version 1, by programs
 *                        that had one version for all types: a record of that size has them)
 *   ORDER_UPDATE      2  cancel_refused, which was reserved: zero
 *   ORDER_CANCEL_ASKED  2  rfq_waits, which was reserved: zero
 *   all others        1  the first
 *
 * A version that is newer than this program's is refused by whoever reads: fields that this program does not
 * know would be passed over in silence.
 */
#ifndef RFQD_MODEL_UPCAST_H
#define RFQD_MODEL_UPCAST_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/err.h"
#include "dataplane/model/record_type.h"
#include "dataplane/ring/record.h"

/* Its type is one of this program's, and its version not newer. */
static inline bool record_is_known(const struct record *stored)
{
    return stored->version <= record_type_version(stored->type) && record_type_version(stored->type) > 0;
}

/* newest: `stored` itself where nothing had to change, else a record built in `scratch` (RECORD_SIZE_MAX
 * bytes, 8-byte aligned, the caller's). Errors: ERR_VERSION (type or version are newer than this program: the
 * caller says where, with what record_refusal says, and stops); ERR_CORRUPT (version 0, or shorter than its
 * layout). */
enum err record_upcast(const struct record *stored, void *scratch, const struct record **newest) WARN_UNUSED;

#define RECORD_REFUSAL_SIZE 160
/* Why record_upcast refused it, or why it is not known, for people:
 * "RFQ_CREATED of version 3: a newer program wrote it, this one knows version 1 only". */
void record_refusal(const struct record *stored, char out[RECORD_REFUSAL_SIZE]);

#endif
