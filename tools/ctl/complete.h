/* Completion: what may stand next on rfqctl's command line, a candidate a line, out of the list of commands;
 * names of sessions, LPs, RFQs and orders are asked of the running rfqd. `:files` or `:dirs` leaves it to the
 * shell. tools/ctl/rfqctl.bash calls it.
 */
#ifndef RFQD_CTL_COMPLETE_H
#define RFQD_CTL_COMPLETE_H

#include <stdio.h>

/* words: what is typed behind the program's name, the last one unfinished (it may be empty). socket: where to
 * ask. */
void complete_print(FILE *to, unsigned count, const char *const words[], const char *socket);

#endif
