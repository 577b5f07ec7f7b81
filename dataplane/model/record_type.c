#include "dataplane/model/record_type.h"

const char *record_type_name(unsigned type)
{
    switch (type) {
#define X(name, number, version, body, text) \
    case number:                             \
        return #name;
        RECORD_TYPE_LIST(X)
#undef X
    default:
        return "?";
    }
}
