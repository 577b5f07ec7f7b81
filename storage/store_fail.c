#include "storage/store_fail.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "dataplane/model/describe.h"
#include "dataplane/model/upcast.h"
#include "storage/store.h"

static _Thread_local char text[320];

enum err store_fail(enum err e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return e;
}

enum err store_fail_record(enum err e, const struct batch *b, const struct record *r)
{
    char why[RECORD_REFUSAL_SIZE];
    record_refusal(r, why);
    return store_fail(e, "the ring of %s, position %" PRIu64 ": %s", agent_name(b->agent),
                      batch_record_position(b, r), why);
}

const char *store_error(void)
{
    return text;
}
