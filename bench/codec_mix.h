/* The messages over which codecs are compared: what passes through an RFQ house, of about 485 bytes and 45
 * fields on average, every value another. */
#ifndef RFQD_BENCH_CODEC_MIX_H
#define RFQD_BENCH_CODEC_MIX_H

#include <stddef.h>
#include <stdint.h>

#include "fix/encode.h"

#define CODEC_MIX_MESSAGES 2048
#define CODEC_MIX_SIZE_MAX (CODEC_MIX_MESSAGES * 1024)

struct codec_mix {
    char bytes[CODEC_MIX_SIZE_MAX];
    uint32_t at[CODEC_MIX_MESSAGES + 1]; /* message i is [at[i], at[i + 1]) */
    uint64_t fields;
};

void codec_mix_make(struct codec_mix *m);

/* What is encoded for the comparison: an order, its fill and a quote, from values. */
struct codec_values {
    char type; /* 'D', '8' or 'S' */
    uint64_t seq, time_ns;
    char id[24], other_id[24], account[16], symbol[16];
    char side;
    int64_t quantity, price, other_price; /* decimals */
    uint32_t date;
};
void codec_values_make(struct codec_values *v, uint32_t i);
/* Our side of it. ERR_LIMIT never comes: the room is large. */
enum err codec_encode(const struct codec_values *v, struct fix_template *t, char *room, size_t room_size,
                      const char **bytes, size_t *size) WARN_UNUSED;

#endif
