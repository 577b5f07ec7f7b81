/* Upcast: records as any released version wrote them, made into those of the newest layout. Whoever reads
 * records that may be older than the program (log, checkpoint, rings at start, a standby) takes them through
 * here; `apply` and everything behind it see the newest only.
 *
 * Fields are only appended, so a step from one version to the next copies what there was and says what the
 * new fields mean where they were not written. Layout version 1 is the first: it passes as it is. A record
 * that has grown within it is told by its size: what was not written reads as zero, and means «as before».
 */
#ifndef RFQD_MODEL_UPCAST_H
#define RFQD_MODEL_UPCAST_H

#include "dataplane/core/err.h"
#include "dataplane/ring/record.h"

#define RECORD_VERSION 1 /* newest layout of every record type */

/* newest: `stored` itself where nothing had to change, else a record built in `scratch` (RECORD_SIZE_MAX
 * bytes, 8-byte aligned, the caller's). Errors: ERR_VERSION (type or version are newer than this program: the
 * caller names them and stops); ERR_CORRUPT (version 0, or shorter than its layout). */
enum err record_upcast(const struct record *stored, void *scratch, const struct record **newest) WARN_UNUSED;

#endif
