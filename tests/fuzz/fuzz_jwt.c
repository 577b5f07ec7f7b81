/* Tokens made of the input: never a crash, and none is admitted but the one that was signed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/auth/auth.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/token.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW_S  1800000000ull
#define HEAD   "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ"
#define NONE   "eyJhbGciOiJub25lIiwia2lkIjoiayJ9"
#define ANN    "eyJzdWIiOiJhbm4iLCJ0ZW5hbnQiOiJub3J0aCIsInJvbGVzIjpbInRyYWRlciJdLCJleHAiOjE4MDAwMDM2MDB9"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("\x01"), /* the good one */
    FUZZ_SEED(HEAD "." ANN "."),
    FUZZ_SEED(NONE "." ANN "."),
    FUZZ_SEED(HEAD "." ANN ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    FUZZ_SEED(HEAD ".e30."),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {".",   "=",      "\x01", HEAD,   NONE,   ANN,
                                   "e30", "bnVsbA", "W10",  "AAAA", "_-_-", NULL};

static struct auth *auth;
static char good[512];

static void open_auth(void)
{
    static struct config *c;
    static struct counters *counters;
    char path[] = "/tmp/rfqd-fuzz-XXXXXX", text[512];
    int fd = mkstemp(path);
    FUZZ_HOLDS(fd >= 0 && write(fd, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET));
    close(fd);
    snprintf(text, sizeof text,
             "instance: a\ndirectory: b\ntenants: [{name: north, number: 0}]\nusers: [{name: ann, tenant: "
             "north}]\n"
             "token_keys: [{id: k, algorithm: HS256, file: %s}]\n",
             path);
    FUZZ_HOLDS(config_parse(&c, text, strlen(text), "fuzz") == OK && counters_create(&counters, NULL) == OK);
    FUZZ_HOLDS(auth_create(&auth, c, counters) == OK);
    unlink(path);
    token_make(good, sizeof good, SECRET, "ann", "trader", NOW_S + 3600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char token[2 * FUZZ_INPUT_MAX + sizeof good];
    size_t used = 0;
    struct principal p;
    const char *why = "";
    if (!auth)
        open_auth();
    for (size_t i = 0; i < size && used + sizeof good < sizeof token; i++) {
        if (data[i] == 1)
            used += (size_t)snprintf(token + used, sizeof token - used, "%s", good);
        else if (data[i])
            token[used++] = (char)data[i];
    }
    token[used] = 0;
    enum err e = auth_token(auth, token, NOW_S * 1000000000, &p, &why);
    FUZZ_HOLDS(e == OK || (e == ERR_STATE && *why));
    /* The last character of a signature has two bits that say nothing, and padding may follow. */
    if (e == OK)
        FUZZ_HOLDS(strncmp(token, good, strlen(good) - 1) == 0 && strlen(token) <= strlen(good) + 2);
    else
        FUZZ_HOLDS(strcmp(token, good) != 0);
    return 0;
}
