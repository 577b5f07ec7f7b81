#include "storage/store_fail.h"

#include <stdarg.h>
#include <stdio.h>

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

const char *store_error(void)
{
    return text;
}
