#include "dataplane/core/err.h"

const char *err_text(enum err e)
{
    static const char *const texts[] = {
#define X(name, text) text,
        ERR_LIST(X)
#undef X
    };
    unsigned i = (unsigned)e;
    return i < sizeof texts / sizeof texts[0] ? texts[i] : "an error without a name";
}
