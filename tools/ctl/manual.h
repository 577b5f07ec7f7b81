/* Manual: rfqctl(1), with the commands out of the list of commands. tools/man/rfqctl.1 is what it prints. */
#ifndef RFQD_CTL_MANUAL_H
#define RFQD_CTL_MANUAL_H

#include <stdio.h>

void manual_print(FILE *to);

#endif
