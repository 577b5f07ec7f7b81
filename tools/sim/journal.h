/* Journal: what one simulated party sent and got, one line a message, appended before it counts:
 *
 *     <UTC ns> <I|O|R|N> <MsgSeqNum> <message, SOH as '|'>
 *
 * I: received and accepted; O: sent for the first time; R: sent again; N: a note of the party's own
 * ("key=value …", number 0). It is the party's memory: numbers go on from it after a restart, and resends are
 * taken from it; and it is what an auditor joins with the other parties' journals. A line cut short by a kill
 * is dropped at the next start.
 */
#ifndef RFQD_SIM_JOURNAL_H
#define RFQD_SIM_JOURNAL_H

#include <stdint.h>
#include <stdio.h>

#include "dataplane/core/err.h"

struct journal;

/* Opens or makes it and reads it back. path NULL: in memory, for tests. ERR_IO: errno. ERR_CORRUPT: a line
 * that is none. ERR_MEMORY. */
enum err journal_open(struct journal **out, const char *path) WARN_UNUSED;
void journal_close(struct journal *j);
void journal_append(struct journal *j, uint64_t time_ns, char kind, uint64_t seq, const char *bytes,
                    size_t size);
/* Hand everything to the kernel: before the bytes leave. Exits the process if the disk refuses: nothing may
 * count then. */
void journal_flush(struct journal *j);

uint64_t journal_next_in(const struct journal *j);
uint64_t journal_next_out(const struct journal *j);
/* A gap fill moved the number on. */
void journal_advance_in(struct journal *j, uint64_t time_ns, uint64_t next);
/* The message sent under this number, SOH restored; NULL: administrative or unknown. Valid until the next
 * call. */
const char *journal_sent(struct journal *j, uint64_t seq, size_t *size);
/* Each line from the first: for a party that rebuilds what it knew. Return nonzero to stop. */
void journal_replay(struct journal *j,
                    void (*visit)(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes,
                                  size_t size),
                    void *ctx);

#endif
