/* Inside of the views: its files' shared parts. Not a public face. */
#ifndef RFQD_CONTROL_VIEW_INSIDE_H
#define RFQD_CONTROL_VIEW_INSIDE_H

#include "control/view/view.h"

/* An entity out of its row: what the row does not have yet is zero. */
void view_take_value(void *to, size_t size, const void *value, size_t value_size);

#endif
