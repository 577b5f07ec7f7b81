/* Repair: looking at a log that nobody has open, and the two ways to go on with one that log_open or a reader
 * refuses as corrupt. Tools only; blocks. Neither way invents anything: each gives something up, and the
 * operator says what.
 *
 *   LOG_REPAIR_CUT    gives up the damaged frame and all after it: a new stream epoch begins. Always possible; the
 *                     store's checkpoint must not lie beyond the cut, or is made anew from the log.
 *   LOG_REPAIR_DROP   gives up all segments up to the damaged one. Possible where the mark's segment comes after it,
 *                     and the store's checkpoint too.
 *
 * A mark of which no slot is readable is made anew by LOG_REPAIR_CUT, from the frames.
 */
#ifndef RFQD_STORAGE_REPAIR_H
#define RFQD_STORAGE_REPAIR_H

#include "storage/log/log.h"

struct log_report {
    bool has_mark;
    uint64_t durable, stream_epoch, incarnation; /* by the mark */
    bool clean;
    uint64_t begin, end; /* first frame; where the good ones end */
    uint64_t frames, records, next_seq;
    bool damaged;    /* they end below the mark, or there is none to say so */
    char fault[256]; /* what lies at `end` */
};

enum log_repair { LOG_REPAIR_CUT, LOG_REPAIR_DROP };

/* c: disk, instance and segment_size. Every frame is read. ERR_NOT_FOUND: there is no log. ERR_STALE,
 * ERR_STATE (segment size), ERR_VERSION: as log_open. ERR_IO. ERR_MEMORY. */
enum err log_examine(const struct log_config *c, struct log_report *r) WARN_UNUSED;
/* Repairs at the first bad frame (r: as it was before). ERR_STATE: nothing is damaged, or this way is not
 * possible here. keep: the store's checkpoint, which LOG_REPAIR_DROP must leave; UINT64_MAX: there is none. */
enum err log_repair(const struct log_config *c, enum log_repair how, uint64_t keep,
                    struct log_report *r) WARN_UNUSED;

#endif
