/* For this room's own files: walk every batch from a log offset on, through the log as far as it is written,
 * and then through the rings as far as recovery has applied them. Where the log agent has moved on since
 * recovery, what it took is found in the log; nothing that was written after recovery is shown. */
#ifndef RFQD_STORAGE_FOLLOW_H
#define RFQD_STORAGE_FOLLOW_H

#include "storage/recovery.h"

/* false: stop. */
typedef bool follow_visit(void *ctx, const struct batch *b);

enum err follow_batches(const struct recovery_input *in, const struct recovery_result *result, uint64_t from,
                        follow_visit *visit, void *ctx) WARN_UNUSED;

#endif
