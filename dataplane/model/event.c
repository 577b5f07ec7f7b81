/* That no record and no entity has a byte that nobody defines is asserted by the compiler: a hole between two
 * fields, or behind the last, is an error in this file. What is found: name it `reserved`, or move a field.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/ring/record.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#include "dataplane/model/event.h"
#pragma GCC diagnostic pop

#define X(name, number, version, body, text)                                        \
    static_assert(sizeof(struct body) % 8 == 0 && offsetof(struct body, head) == 0, \
                  "a record, 8-byte aligned");                                      \
    static_assert(sizeof(struct body) <= RECORD_SIZE_MAX, "fits a ring");           \
    static_assert(number > 0 && number <= UINT16_MAX, "fits the header");           \
    static_assert(version > 0 && version <= UINT8_MAX, "fits the header");
RECORD_TYPE_LIST(X)
#undef X

static_assert(sizeof(struct outbound) == 32 && sizeof(struct settings) % 8 == 0, "aligned in every record");
static_assert(sizeof(struct quotes_ranked) + RFQ_QUOTES_MAX * sizeof(struct ranked_quote) <= RECORD_SIZE_MAX,
              "all quotes of an RFQ in one ranking");

/* A gateway's frame and its receipt. */
static_assert(sizeof(struct gateway_in) + FIX_MESSAGE_SIZE_MAX <= RECORD_SIZE_MAX, "a frame received");
static_assert(sizeof(struct gateway_out) + FIX_MESSAGE_SIZE_MAX <= RECORD_SIZE_MAX, "a frame sent");

unsigned record_type_size(unsigned type)
{
    switch (type) {
#define X(name, number, version, body, text) \
    case number:                             \
        return (unsigned)sizeof(struct body);
        RECORD_TYPE_LIST(X)
#undef X
    default:
        return 0;
    }
}
