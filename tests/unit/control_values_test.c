/* Values of a configuration: printed as they would be written, compared key by key, kept where they must be.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "control/config/values.h"

#define HEAD "instance: demo\ndirectory: run\nfix: {listen: '127.0.0.1:9880'}\n"
#define SESSIONS \
    "sessions:\n  - {name: T1, role: taker, target: T1}\n  - {name: LP1, role: lp, target: LP1}\n"
#define PARTIES "takers: [{code: T1, session: T1}]\nlps: [{code: LP1, session: LP1}]\n"

#define TENANT         "tenants: [{name: acme, number: 1}]\n"
#define USER           "users: [{name: ann, tenant: acme}]\n"
#define KEY(algorithm) "token_keys: [{id: k1, algorithm: " algorithm ", file: k1.pem}]\n"

static struct config *parse(const char *text)
{
    struct config *c;
    enum err e = config_parse(&c, text, strlen(text), "f.yaml");
    cr_assert_eq(e, OK, "%s", c->error_count ? c->errors[0] : err_text(e));
    return c;
}

static unsigned live, restart;
static char last[256];

static void count(void *ctx, const struct config_difference *d)
{
    char path[96] = "";
    (void)ctx;
    if (d->key)
        config_key_path(d->key, path, sizeof path);
    snprintf(last, sizeof last, "%s[%s] %s -> %s", d->key ? path : config_sections[d->section].name, d->entry,
             d->was ? d->was : "-", d->is ? d->is : "-");
    live += d->live;
    restart += !d->live;
}

static void expect_one(const char *was, const char *is, bool is_live, const char *what)
{
    struct config *a = parse(was), *b = parse(is);
    live = restart = 0;
    config_compare(a, b, count, NULL);
    cr_assert_eq(live, is_live, "%s: %u live, %u at a restart; last %s", what, live, restart, last);
    cr_assert_eq(restart, !is_live, "%s", what);
    cr_assert_str_eq(last, what);
    config_free(a);
    config_free(b);
}

Test(control_values, every_key_reads_back_what_it_prints)
{
    struct config *c = parse(HEAD SESSIONS PARTIES "instruments: [{symbol: EURUSD, tick: 0.00001}]\n");
    unsigned compared = 0;
    for (unsigned i = 0; i < config_key_count; i++) {
        const struct config_key *k = &config_keys[i];
        char value[CONFIG_VALUE_SIZE];
        const void *entry = config_entry(c, k->section, 0);
        if (!entry || !k->fallback || !*k->fallback || k->type == KEY_NAMES)
            continue;
        config_value_text(k, entry, value);
        if (strcmp(k->name, "tick") == 0) {
            cr_assert_str_eq(value, "0.00001");
        } else if (strncmp(k->name, "connections_per_", 16) != 0) { /* bounded by another key, not here */
            cr_assert_str_eq(value, k->fallback, "%s: %s, not its default %s", k->name, value, k->fallback);
            compared++;
        }
    }
    cr_assert_gt(compared, 50);
    config_free(c);
}

Test(control_values, a_part_of_the_connections_is_never_more_than_all)
{
    static const struct {
        const char *http;
        uint64_t per_address, per_tenant;
    } rows[] = {{"{connections_max: 40}", 40, 40},
                {"{connections_max: 400}", 256, 400},
                {"{}", 256, 512},
                {"{connections_max: 40, connections_per_address_max: 39, connections_per_tenant_max: 3}", 39, 3}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        snprintf(text, sizeof text, HEAD SESSIONS PARTIES "http: %s\n", rows[i].http);
        struct config *c = parse(text);
        cr_assert_eq(c->http_connections_per_address_max, rows[i].per_address, "%s", rows[i].http);
        cr_assert_eq(c->http_connections_per_tenant_max, rows[i].per_tenant, "%s", rows[i].http);
        config_free(c);
    }
}

Test(control_values, a_difference_names_key_and_entry_and_when_it_takes_effect)
{
    const char *was = HEAD SESSIONS PARTIES;
    expect_one(was, HEAD SESSIONS PARTIES "settings: {ack_timeout_ms: 250}\n", true,
               "settings.ack_timeout_ms[] 5000 -> 250");
    expect_one(was, HEAD SESSIONS PARTIES "settings: {rfqs_max: 250}\n", false,
               "settings.rfqs_max[] 20000 -> 250");
    expect_one(was, HEAD SESSIONS PARTIES "record: {lane_mib: 16}\n", false, "record.lane_mib[] 8 -> 16");
    expect_one(was,
               HEAD SESSIONS
               "takers: [{code: T1, session: T1}]\nlps: [{code: LP1, session: LP1, status: suspended}]\n",
               true, "lps.status[LP1] active -> suspended");
    expect_one(was, HEAD SESSIONS PARTIES "instruments: [{symbol: EURUSD}]\n", true,
               "instruments[EURUSD] - -> EURUSD");
    expect_one(was, HEAD SESSIONS "takers: [{code: T1, session: T1}]\n", true, "lps[LP1] LP1 -> -");
    expect_one(was, HEAD SESSIONS "  - {name: LP2, role: lp, target: LP2}\n" PARTIES, false,
               "sessions[LP2] - -> LP2");
    expect_one(was, HEAD SESSIONS PARTIES TENANT, false, "tenants[acme] - -> acme");
    expect_one(HEAD SESSIONS PARTIES TENANT, HEAD SESSIONS PARTIES TENANT USER, false, "users[ann] - -> ann");
    expect_one(HEAD SESSIONS PARTIES KEY("HS256"), HEAD SESSIONS PARTIES KEY("ES256"), false,
               "token_keys.algorithm[k1] HS256 -> ES256");
    expect_one(was, HEAD SESSIONS PARTIES "http: {idle_timeout_ms: 5000}\n", false,
               "http.idle_timeout_ms[] 60000 -> 5000");
    expect_one(was, HEAD SESSIONS PARTIES "log: {level: debug}\n", true, "log.level[] info -> debug");
}

Test(control_values, what_takes_a_restart_is_kept)
{
    struct config *running = parse(HEAD SESSIONS PARTIES);
    struct config *c =
        parse("instance: other\ndirectory: run\nfix: {listen: '127.0.0.1:1'}\n" SESSIONS
              "  - {name: LP2, role: lp, target: LP2}\n" PARTIES
              "settings: {ack_timeout_ms: 250, rfqs_max: 99}\nlevel: synced\ninstruments: [{symbol: X}]\n"
              "http: {listen: '127.0.0.1:80', idle_timeout_ms: 5000}\nlog: {level: debug}\n" TENANT USER KEY(
                  "HS256"));
    config_keep(c, running);
    live = restart = 0;
    config_compare(running, c, count, NULL);
    cr_assert_eq(restart, 0, "%s", last);
    cr_assert_eq(live, 3, "the setting, the instrument, the level of the log");
    cr_assert_eq(c->settings.ack_timeout_ns, 250000000u);
    cr_assert_eq(c->settings.rfqs_max, running->settings.rfqs_max);
    config_free(c);
    config_free(running);
}
