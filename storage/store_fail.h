/* For this room's own files: make the sentence that store_error gives, and return the error. */
#ifndef RFQD_STORAGE_STORE_FAIL_H
#define RFQD_STORAGE_STORE_FAIL_H

#include "dataplane/core/err.h"
#include "dataplane/ring/record.h"

enum err store_fail(enum err e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What record_upcast said of a record in that batch: it is named, and where it lies. */
enum err store_fail_record(enum err e, const struct batch *b, const struct record *r);

#endif
