/* The dictionary as QuickFIX reads one, so that the two engines can be compared over the same rules. */
#ifndef RFQD_FIX_GEN_EMIT_H
#define RFQD_FIX_GEN_EMIT_H

#include <stdio.h>

void emit_quickfix_xml(FILE *f);

#endif
