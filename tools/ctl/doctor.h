/* Doctor: is this host set up for low latency? Looks at what the kernel says below /sys and /proc; changes
 * nothing, asks no rfqd. Each finding comes with what was found and the remedy.
 */
#ifndef RFQD_CTL_DOCTOR_H
#define RFQD_CTL_DOCTOR_H

#include "tools/ctl/client.h"

/* Rows {check, found, verdict: "fine" | "look", remedy}. root: "" for this host, or a directory with a copy
 * of another one's /sys and /proc. rows_free. */
void doctor_rows(const char *root, struct rows *out);

#endif
