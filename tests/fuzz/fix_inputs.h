/* Shared by the FIX targets: '|' for SOH, the frame around a body, and the corpus's tokens. */
#ifndef RFQD_TESTS_FUZZ_FIX_INPUTS_H
#define RFQD_TESTS_FUZZ_FIX_INPUTS_H

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* 8=…9=… body 10=…: right length and sum around any bytes; '|' becomes SOH. `out` has 64 bytes more than the
 * body. */
static inline size_t fix_wrap(const uint8_t *body, size_t size, char *out)
{
    size_t n = (size_t)sprintf(out, "8=FIX.4.4|9=%zu|", size);
    unsigned sum = 0;
    memcpy(out + n, body, size);
    n += size;
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] == '|' ? '\x01' : out[i];
        sum += (unsigned char)out[i];
    }
    return n + (size_t)sprintf(out + n, "10=%03u\x01", sum & 255);
}

#define FIX_TOKENS                                                                           \
    "|", "=", "8=FIX.4.4|9=", "35=", "|10=000|", "95=3|96=a|b|", "354=", "146=2|", "|43=Y|", \
        "|122=", "34=1|", "|52=20261122-10:11:12|", "|141=Y|", "123=Y|36=", "|7=1|16=0|",    \
        "99999999999999999999", "-", "|55=A|", NULL

#endif
