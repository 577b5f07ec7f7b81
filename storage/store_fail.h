/* For this room's own files: make the sentence that store_error gives, and return the error. */
#ifndef RFQD_STORAGE_STORE_FAIL_H
#define RFQD_STORAGE_STORE_FAIL_H

#include "dataplane/core/err.h"

enum err store_fail(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
