/* A configuration file made of the input: never crashes, and every answer is either a whole configuration
 * that its own checks hold for, or errors that name the file.
 */
#include <string.h>

#include "control/config/config.h"
#include "tests/fuzz/fuzz.h"

#define GOOD                                                                                                \
    "instance: demo\ndirectory: run\nlevel: synced\nfix: {listen: '127.0.0.1:9880', connections_max: 64}\n" \
    "record: {ring_gateway_mib: 2, lane_mib: 1}\nsettings:\n  ack_timeout_ms: 500\n  rfqs_max: 100\n"       \
    "cores:\n  - {cpu: 0, idle: yield, run: [gateway, distribution, routing]}\n"                            \
    "  - {idle: backoff, run: [log, control]}\n"                                                            \
    "instruments:\n  - {symbol: EURUSD, tick: 0.00001, lot: 1000, quantity_max: 5000000}\n"                 \
    "sessions:\n  - {name: T1, role: taker, target: T1}\n"                                                  \
    "  - {name: LP1, role: lp, target: LP1, connect: '127.0.0.1:9901'}\n"                                   \
    "takers: [{code: T1, session: T1}]\nlps: [{code: LP1, session: LP1, size_min: 1}]\n"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED(GOOD),
    FUZZ_SEED("instance: a\ndirectory: b\n"),
    FUZZ_SEED("a: &x [1, *x]\n"),
    FUZZ_SEED("instance: {a: b}\nsessions: 5\nlps: {x: [y]}\n"),
    FUZZ_SEED("? [complex, key]\n: value\n"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"instance:",
                                   "sessions:",
                                   "- {",
                                   "}",
                                   "[",
                                   "]",
                                   "&a",
                                   "*a",
                                   "!!int",
                                   "\n",
                                   ": ",
                                   "-1",
                                   "99999999999999999999",
                                   "0.000000001",
                                   "true",
                                   "'",
                                   "\"",
                                   "|",
                                   "%",
                                   NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c;
    enum err e = config_parse(&c, (const char *)data, size, "fuzz");
    FUZZ_HOLDS(c != NULL);
    if (e == OK) {
        FUZZ_HOLDS(c->error_count == 0 && c->instance[0] && c->directory[0] && c->core_count > 0);
        for (unsigned i = 0; i < c->lp_count; i++)
            FUZZ_HOLDS(c->lps[i].lp.size_min <= c->lps[i].lp.size_max);
        FUZZ_HOLDS((c->lane_size & (c->lane_size - 1)) == 0);
    } else {
        FUZZ_HOLDS(e == ERR_SYNTAX && c->error_count > 0);
        FUZZ_HOLDS(strncmp(c->errors[0], "fuzz:", 5) == 0 && strlen(c->errors[0]) > 6);
    }
    config_free(c);
    return 0;
}
