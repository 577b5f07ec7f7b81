/* Configuration: what is right is taken with its defaults; every mistake is named with file, line and key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/config.h"
#include "dataplane/core/decimal.h"
#include "dataplane/engine/rfq/workflow.h"

#define HEAD "instance: demo\ndirectory: run\n"
#define FIX  "fix: {listen: '127.0.0.1:9880'}\n"
#define SESSIONS \
    "sessions:\n  - {name: T1, role: taker, target: T1}\n  - {name: LP1, role: lp, target: LP1}\n"
#define PARTIES "takers: [{code: T1, session: T1}]\nlps: [{code: LP1, session: LP1}]\n"

static struct config *parse(const char *text, enum err wanted)
{
    struct config *c;
    enum err e = config_parse(&c, text, strlen(text), "f.yaml");
    cr_assert_eq(e, wanted, "%s: %s", err_text(e), c->error_count ? c->errors[0] : "no error");
    return c;
}

Test(control_config, what_nobody_set_is_what_the_workflows_table_has)
{
    struct config *c = parse(HEAD FIX SESSIONS PARTIES, OK);
    const struct workflow_timeout *bidding = workflow_timeout_of(PROFILE_INSTANT, RFQ_BIDDING_OPEN);
    cr_expect_eq(c->settings.deadline_default_ns, bidding->duration_ns_default);
    cr_expect_eq(c->settings.deadline_min_ns, bidding->duration_ns_min);
    cr_expect_eq(c->settings.deadline_max_ns, bidding->duration_ns_max);
    config_free(c);
}

Test(control_config, takes_a_whole_file_and_fills_in_defaults)
{
    struct config *c = parse(HEAD FIX SESSIONS PARTIES "instruments: [{symbol: EURUSD, tick: 0.00001}]\n"
                                                       "settings: {ack_timeout_ms: 250}\n",
                             OK);
    cr_assert_str_eq(c->shared, "/dev/shm/rfqd-demo");
    cr_assert_str_eq(c->ops_socket, "run/ops.sock");
    cr_assert_eq(c->settings.ack_timeout_ns, 250000000u);
    cr_assert_eq(c->settings.deadline_default_ns, 30000000000u);
    cr_assert_eq(c->instruments[0].tick, 1000);
    cr_assert_eq(c->instruments[0].quantity_max, 1000000000ll * DECIMAL_SCALE);
    cr_assert_eq(c->core_count, 1, "all agents on one core where nothing is said");
    cr_assert_eq(c->cores[0].run_count, 5);
    cr_assert_not(c->sessions[0].session.fix.initiator);
    cr_assert_eq(c->lps[0].lp.concurrent_rfqs_max, 100);
    config_free(c);
}

static const struct {
    const char *text, *line, *part; /* the first error begins with f.yaml:line, and has this part */
} mistakes[] = {
    {"directory: run\n", "f.yaml:1: ", "key 'instance' is missing"},
    {HEAD "colour: red\n", "f.yaml:3: ", "key 'colour' is unknown"},
    {HEAD "instance: again\n", "f.yaml:3: ", "key 'instance' is given twice"},
    {HEAD "level: maybe\n", "f.yaml:3: ", "'maybe' is none of: committed, synced"},
    {HEAD "fix: {listen: nowhere}\n", "f.yaml:3: ", "is not an address"},
    {HEAD "fix: {speed: 1}\n", "f.yaml:3: ", "key 'speed' is unknown in fix"},
    {HEAD "settings:\n  ack_timeout_ms: 5\n",
     "f.yaml:4: ", "'5' is out of range: 10 to 600000 ms are allowed"},
    {HEAD "settings:\n  ack_timeout_ms: soon\n", "f.yaml:4: ", "is not a whole number"},
    {HEAD "settings: {rfqs_max: [1]}\n", "f.yaml:3: ", "takes a single value"},
    {HEAD "settings: 5\n", "f.yaml:3: ", "takes keys with values"},
    {HEAD "instruments: 5\n", "f.yaml:3: ", "takes a sequence"},
    {HEAD "instruments:\n  - {tick: 1}\n", "f.yaml:4: ", "key 'symbol' is missing"},
    {HEAD "instruments:\n  - {symbol: ABCDEFGHIJKLMNOPQ}\n", "f.yaml:4: ", "is 17 characters long; 1 to 15"},
    {HEAD "instruments:\n  - {symbol: A, tick: 0.000000001}\n", "f.yaml:4: ", "eight places"},
    {HEAD "instruments:\n  - {symbol: A, tradable: yes}\n", "f.yaml:4: ", "neither true nor false"},
    {HEAD "record: {lane_mib: 3}\n", "f.yaml:3: ", "is not a power of two"},
    {HEAD "instruments:\n  - {symbol: A}\n  - {symbol: A}\n", "f.yaml:5: ", "instrument 'A' is given twice"},
    {HEAD FIX SESSIONS "takers: [{code: T1, session: T9}]\n", "f.yaml:7: ", "there is no session 'T9'"},
    {HEAD FIX SESSIONS "takers: [{code: T1, session: LP1}]\n",
     "f.yaml:7: ", "session 'LP1' has another role"},
    {HEAD SESSIONS, "f.yaml:4: ", "fix.listen is empty"},
    {HEAD FIX "sessions:\n  - {name: A, role: lp, target: X}\n  - {name: B, role: lp, target: X}\n",
     "f.yaml:6: ", "the same pair of CompIDs"},
    {HEAD "cores: [{run: [gateway]}]\n", "f.yaml:3: ", "agent 'distribution' runs on 0 cores"},
    {HEAD "cores: [{run: [gateway, gateways]}]\n", "f.yaml:3: ", "there is no agent 'gateways'"},
    {HEAD "log: {level: loud}\n", "f.yaml:3: ", "'loud' is none of: error, warning, info, debug"},
    {HEAD FIX "sessions: [{name: 'A\"B', role: lp, target: X}]\n",
     "f.yaml:4: ", "session 'A\"B' has a quote, a backslash or a control character"},
    {HEAD "a: b: c\n", "f.yaml:3: ", "mapping values"},
    {"", "f.yaml: ", "is empty"},
};

Test(control_config, names_file_line_and_key_of_every_mistake)
{
    for (unsigned i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct config *c = parse(mistakes[i].text, ERR_SYNTAX);
        cr_assert(strncmp(c->errors[0], mistakes[i].line, strlen(mistakes[i].line)) == 0, "%u: %s", i,
                  c->errors[0]);
        cr_assert(strstr(c->errors[0], mistakes[i].part), "%u: %s", i, c->errors[0]);
        config_free(c);
    }
}

Test(control_config, tells_all_mistakes_not_the_first)
{
    struct config *c = parse("colour: red\nlevel: maybe\nfix: {speed: 1}\n", ERR_SYNTAX);
    cr_assert_eq(c->error_count, 5, "three mistakes, and two keys missing");
    config_free(c);
}

Test(control_config, a_file_that_cannot_be_read_is_named)
{
    struct config *c;
    cr_assert_eq(config_load(&c, "/nonexistent/rfqd.yaml"), ERR_IO);
    cr_assert(strstr(c->errors[0], "/nonexistent/rfqd.yaml: cannot be read"), "%s", c->errors[0]);
    config_free(c);
}

Test(control_config, waits_for_no_pipe, .timeout = 10)
{
    char directory[] = "/tmp/rfqd-config-XXXXXX", path[64];
    struct config *c;
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/pipe", directory);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(config_load(&c, path), ERR_IO);
    cr_assert(strstr(c->errors[0], "it is not a regular file"), "%s", c->errors[0]);
    config_free(c);
    unlink(path);
    rmdir(directory);
}
