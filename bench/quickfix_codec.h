/* QuickFIX behind a C face, for comparison: its classes as its manual uses them. */
#ifndef RFQD_BENCH_QUICKFIX_CODEC_H
#define RFQD_BENCH_QUICKFIX_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "bench/codec_mix.h"

#ifdef __cplusplus
extern "C" {
#endif

struct quickfix_codec;

/* dictionary: the XML that fix_gen writes from ours. NULL: it cannot be read. */
struct quickfix_codec *quickfix_codec_open(const char *dictionary);
void quickfix_codec_close(struct quickfix_codec *q);

/* Message i of the mix; each returns its number of body fields, or -1 when QuickFIX refuses it. */
void quickfix_codec_load(struct quickfix_codec *q, const struct codec_mix *mix);
/* Reads its bytes; returns something of them. */
unsigned quickfix_read(const struct quickfix_codec *q, uint32_t i);
int quickfix_parse(struct quickfix_codec *q, uint32_t i); /* Message(string), no dictionary */
int quickfix_parse_and_validate(struct quickfix_codec *q,
                                uint32_t i); /* with its dictionary, then validate() */
/* Sum over all fields, groups too, of tag × the sum of the value's bytes; parsed with the dictionary. */
uint64_t quickfix_field_sum(struct quickfix_codec *q, uint32_t i);
/* A Message built from the values, and its string; returns the size. */
size_t quickfix_encode(struct quickfix_codec *q, const struct codec_values *v, char *out, size_t out_size);

#ifdef __cplusplus
}
#endif

#endif
