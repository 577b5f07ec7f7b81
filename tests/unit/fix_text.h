/* Messages for tests, written with '|' for SOH and without 8, 9 and 10. */
#ifndef RFQD_TESTS_FIX_TEXT_H
#define RFQD_TESTS_FIX_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 8=begin|9=…| body 10=…|; returns the size. `out` has room. */
static inline size_t fix_text_begin(const char *begin_string, const char *body, char *out)
{
    int n = sprintf(out, "8=%s|9=%zu|%s", begin_string, strlen(body), body);
    unsigned sum = 0;
    for (int i = 0; i < n; i++) {
        out[i] = out[i] == '|' ? '\x01' : out[i];
        sum += (unsigned char)out[i];
    }
    return (size_t)(n + sprintf(out + n, "10=%03u\x01", sum & 255));
}

static inline size_t fix_text(const char *body, char *out)
{
    return fix_text_begin("FIX.4.4", body, out);
}

/* A small generator of chance for property tests: the same numbers every time. */
static inline uint64_t chance(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1dull;
}

static inline uint32_t chance_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((chance(state) >> 33) % n);
}

#define FIX_TEXT_ORDER                                                      \
    "35=D|34=7|49=TAKER1|52=20261122-10:11:12.123|56=RFQD|11=ord-1|55=EUR/" \
    "USD|54=1|60=20261122-10:11:12.100|"                                    \
    "38=1000000|40=2|44=1.08345|59=0|"
#define FIX_TEXT_REQUEST                                                           \
    "35=R|34=8|49=TAKER1|52=20261122-10:11:12.123|56=RFQD|131=req-1|146=2|55=EUR/" \
    "USD|54=1|38=1000000|64=20261124|"                                             \
    "15=EUR|453=2|448=A|447=D|452=1|448=B|447=D|452=3|55=GBP/USD|38=500000|58=two legs|"
#define FIX_TEXT_FILL                                                                                 \
    "35=8|34=9|49=LP1|52=20261122-10:11:12.123456|56=RFQD|37=o-77|11=ord-1|17=e-1|150=F|39=2|55=EUR/" \
    "USD|54=1|"                                                                                       \
    "38=1000000|32=1000000|31=1.08345|151=0|14=1000000|6=1.08345|60=20261122-10:11:12.120|"

#endif
