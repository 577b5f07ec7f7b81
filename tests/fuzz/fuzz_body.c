/* Bodies made of the input, by every table: each is taken with all its values in range, or refused with a
 * code and a sentence. */
#include <string.h>

#include "control/body/body.h"
#include "tests/fuzz/fuzz.h"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000000.5\",\"reference\":\"a\","
              "\"timeoutMs\":5}"),
    FUZZ_SEED(
        "{\"symbol\":\"A\",\"side\":\"twoWay\",\"quantity\":1.25,\"expiresAt\":\"2026-01-31T12:00:00.5Z\","
        "\"allOrNone\":true,\"settlDate\":\"2026-02-28\"}"),
    FUZZ_SEED("{\"quoteId\":\"Q1A\",\"side\":\"sell\",\"quantity\":5,\"price\":\"1.5\"}"),
    FUZZ_SEED("{\"reason\":\"lp_issue\"}"),
    FUZZ_SEED("{\"reason\":\"more\",\"extendMs\":1000}"),
    FUZZ_SEED("{\"a\":{\"b\":[1,{\"c\":null}]},\"a\":2}"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"{",
                                   "}",
                                   "[",
                                   "]",
                                   "\"",
                                   ":",
                                   ",",
                                   "null",
                                   "true",
                                   "1e9",
                                   "-0",
                                   "0.000000001",
                                   "99999999999999999999",
                                   "\\u0000",
                                   "\\ud800",
                                   "\"symbol\":",
                                   "\"side\":",
                                   "\xc3\xa9",
                                   NULL};

static void hold(bool fine, const struct body_error *e)
{
    FUZZ_HOLDS(fine || ((e->status == 400 || e->status == 422) && e->code && *e->code && *e->detail));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct body_error e = {0};
    struct body_rfq rfq;
    struct body_accept accept;
    struct body_cancel cancel;
    struct body_extend extend;
    uint64_t ns;
    char text[64] = "";
    memcpy(text, data, size < sizeof text - 1 ? size : sizeof text - 1);
    if (body_time(text, &ns))
        FUZZ_HOLDS(ns < 16725225600000000000ull && memchr(text, 'Z', sizeof text));
    json_object *o = body_parse((const char *)data, size, &e);
    hold(o != NULL, &e);
    if (!o)
        return 0;
    bool fine = body_rfq(o, NULL, &rfq, &e);
    hold(fine, &e);
    if (fine)
        FUZZ_HOLDS(rfq.quantity > 0 && rfq.symbol[0] && rfq.symbol[SYMBOL_SIZE - 1] == 0 &&
                   rfq.all_or_none <= 1);
    fine = body_accept(o, NULL, &accept, &e);
    hold(fine, &e);
    if (fine)
        FUZZ_HOLDS(accept.quote != 0 && accept.quantity >= 0 && accept.price >= 0);
    hold(body_cancel(o, NULL, &cancel, &e), &e);
    fine = body_extend(o, NULL, &extend, &e);
    hold(fine, &e);
    if (fine)
        FUZZ_HOLDS(extend.reason[0] && extend.reason[TEXT_SIZE - 1] == 0);
    json_object_put(o);
    return 0;
}
