/* Directory: the data directory as a place that is ours alone, and the identity that was made with it. Main
 * thread, at start.
 */
#ifndef RFQD_CONTROL_DIRECTORY_H
#define RFQD_CONTROL_DIRECTORY_H

#include "dataplane/ring/ring.h"

/* Make it, and what it lies in, where it is missing, and lock it until the process ends: two appliances on one log would destroy
 * it. ERR_IO: it cannot be made or opened; ERR_STATE: another rfqd runs on it. */
enum err directory_lock(const char *directory) WARN_UNUSED;
/* The instance's id, random, made with the first start, and this boot's: what makes rings and log frames
 * ours. ERR_IO, ERR_CORRUPT: its file is not 16 bytes long. */
enum err directory_identity(const char *directory, struct ring_identity *id) WARN_UNUSED;
/* The sentence of the last error: path and cause. */
const char *directory_error(void);

#endif
