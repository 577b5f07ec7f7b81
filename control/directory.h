/* Directory: the data directory and that of the rings as places that are ours alone, and the identity that
 * was made with the first. Main thread, at start.
 */
#ifndef RFQD_CONTROL_DIRECTORY_H
#define RFQD_CONTROL_DIRECTORY_H

#include "dataplane/ring/ring.h"

/* Make it, and what it lies in, where it is missing, and lock it until the process ends, however it ends: two
 * appliances on one log would destroy it. ERR_IO: it cannot be made or opened; ERR_STATE: another rfqd runs
 * on it. */
enum err directory_lock(const char *directory) WARN_UNUSED;
/* The same for the rings' directory, before anything in it is touched: who starts makes the rings anew that
 * are not its own, and what only they held of the other's record would be lost. A file of its own: the two
 * may be one directory. */
enum err directory_lock_shared(const char *shared) WARN_UNUSED;
/* The instance's id, random, made with the first start, and this boot's: what makes rings and log frames
 * ours. ERR_IO, ERR_CORRUPT: its file is not 16 bytes long. */
enum err directory_identity(const char *directory, struct ring_identity *id) WARN_UNUSED;
/* The sentence of the last error: path and cause. */
const char *directory_error(void);

#endif
