/* Who is let in: tokens good and bad, against keys of three algorithms. */
#include <criterion/criterion.h>
#include <jwt.h>
#define ERR_STATE OPENSSL_ERR_STATE /* theirs; ours comes with err.h */
#include <openssl/pem.h>
#undef ERR_STATE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/auth/auth.h"
#include "tests/unit/token.h"

#define NOW_S  1800000000ull
#define NOW_NS (NOW_S * 1000000000ull)
#define SECRET "0123456789abcdef0123456789abcdef"

struct house {
    char directory[64];
    char secret[96], rsa_private[96], rsa_public[96], ec_private[96], ec_public[96];
    struct config *config;
    struct counters *counters;
    struct auth *auth;
};

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static char *read_file(const char *path, size_t *size)
{
    static char bytes[8192];
    FILE *f = fopen(path, "rb");
    *size = fread(bytes, 1, sizeof bytes - 1, f);
    bytes[*size] = 0;
    fclose(f);
    return bytes;
}

static void write_pair(EVP_PKEY *key, const char *private_path, const char *public_path)
{
    FILE *f = fopen(private_path, "w");
    cr_assert_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    f = fopen(public_path, "w");
    cr_assert_eq(PEM_write_PUBKEY(f, key), 1);
    fclose(f);
    EVP_PKEY_free(key);
}

static void house_make(struct house *h)
{
    char text[4096];
    memset(h, 0, sizeof *h);
    strcpy(h->directory, "/tmp/rfqd-auth-XXXXXX");
    cr_assert_not_null(mkdtemp(h->directory));
    snprintf(h->secret, sizeof h->secret, "%s/secret", h->directory);
    snprintf(h->rsa_private, sizeof h->rsa_private, "%s/rsa.key", h->directory);
    snprintf(h->rsa_public, sizeof h->rsa_public, "%s/rsa.pem", h->directory);
    snprintf(h->ec_private, sizeof h->ec_private, "%s/ec.key", h->directory);
    snprintf(h->ec_public, sizeof h->ec_public, "%s/ec.pem", h->directory);
    write_file(h->secret, SECRET "\n", sizeof SECRET);
    write_pair(EVP_RSA_gen(2048), h->rsa_private, h->rsa_public);
    write_pair(EVP_EC_gen("P-256"), h->ec_private, h->ec_public);
    snprintf(
        text, sizeof text,
        "instance: a\ndirectory: b\n"
        "tenants: [{name: north, number: 1}, {name: south, number: 2}]\n"
        "users:\n  - {name: ann, tenant: north, team: fx}\n  - {name: bob, tenant: north, team: fx}\n"
        "  - {name: cat, tenant: north, team: metals}\n  - {name: max, tenant: north, team: fx, role: "
        "manager}\n"
        "  - {name: nil, tenant: north, role: manager}\n"
        "  - {name: olga, tenant: north, role: ops}\n  - {name: root, tenant: north, role: admin}\n"
        "  - {name: sam, tenant: south, team: fx}\n"
        "token_keys:\n  - {id: hs, algorithm: HS256, file: %s}\n  - {id: rs, algorithm: RS256, file: %s}\n"
        "  - {id: es, algorithm: ES256, file: %s}\n  - {id: southern, algorithm: HS256, file: %s, tenant: "
        "south}\n",
        h->secret, h->rsa_public, h->ec_public, h->secret);
    cr_assert_eq(config_parse(&h->config, text, strlen(text), "test"), OK, "%s", h->config->errors[0]);
    cr_assert_eq(counters_create(&h->counters, NULL), OK);
    cr_assert_eq(auth_create(&h->auth, h->config, h->counters), OK, "%s", auth_error());
}

static void house_free(struct house *h)
{
    char command[96];
    auth_destroy(h->auth);
    counters_close(h->counters);
    config_free(h->config);
    snprintf(command, sizeof command, "rm -r %s", h->directory);
    cr_assert_eq(system(command), 0);
}

static const char *hs_token(const char *head, const char *claims, const void *key, size_t key_size)
{
    static char token[2 * AUTH_TOKEN_SIZE_MAX];
    token_sign(token, sizeof token, head, claims, key, key_size);
    return token;
}

#define HEAD   "{\"alg\":\"HS256\",\"kid\":\"hs\"}"
#define FUTURE "\"exp\":1800003600"
#define ANN    "{\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[\"trader\"]," FUTURE "}"

static const char *simple(const char *claims)
{
    return hs_token(HEAD, claims, SECRET, strlen(SECRET));
}

static uint64_t refused(struct house *h, const char *reason)
{
    struct counter_view v;
    char label[64];
    snprintf(label, sizeof label, "reason=\"%s\"", reason);
    for (uint32_t i = 0; counters_at(h->counters, i, &v); i++)
        if (strcmp(v.name, "rfqd_auth_refused_total") == 0 && strcmp(v.label, label) == 0)
            return v.value;
    return UINT64_MAX;
}

static void must_refuse(struct house *h, const char *token, const char *reason, const char *why)
{
    struct principal p;
    const char *said = "";
    uint64_t before = refused(h, reason);
    cr_expect_eq(auth_token(h->auth, token, NOW_NS, &p, &said), ERR_STATE, "%.200s was admitted", token);
    cr_expect_not_null(strstr(said, why), "%.200s: «%s», not «%s»", token, said, why);
    cr_expect_eq(refused(h, reason), before + 1, "%.200s: not counted as %s", token, reason);
}

static struct principal must_admit(struct house *h, const char *token)
{
    struct principal p;
    const char *said = "";
    cr_assert_eq(auth_token(h->auth, token, NOW_NS, &p, &said), OK, "%.200s: %s", token, said);
    return p;
}

Test(control_auth, admits_a_user_for_what_the_token_says)
{
    struct house h;
    house_make(&h);
    struct principal p = must_admit(&h, simple(ANN));
    cr_assert_str_eq(p.user->name, "ann");
    cr_assert_eq(p.tenant, 1);
    cr_assert_eq(p.roles, USER_TRADER);
    cr_assert_eq(p.expires_ns, (1800003600ull + AUTH_LEEWAY_S) * 1000000000ull);
    p = must_admit(&h, simple("{\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":\"trader\"," FUTURE "}"));
    cr_assert_eq(p.roles, USER_TRADER);
    house_free(&h);
}

static const char *signed_by(const char *path, jwt_alg_t algorithm, const char *kid)
{
    static char token[4096];
    size_t size;
    char *key = read_file(path, &size);
    jwt_t *jwt;
    cr_assert_eq(jwt_new(&jwt), 0);
    jwt_add_header(jwt, "kid", kid);
    jwt_add_grants_json(jwt, ANN);
    cr_assert_eq(jwt_set_alg(jwt, algorithm, (unsigned char *)key, (int)size), 0);
    char *text = jwt_encode_str(jwt);
    cr_assert_not_null(text);
    snprintf(token, sizeof token, "%s", text);
    free(text);
    jwt_free(jwt);
    return token;
}

Test(control_auth, admits_tokens_signed_with_rsa_and_elliptic_curves)
{
    struct house h;
    house_make(&h);
    must_admit(&h, signed_by(h.rsa_private, JWT_ALG_RS256, "rs"));
    must_admit(&h, signed_by(h.ec_private, JWT_ALG_ES256, "es"));
    must_refuse(&h, signed_by(h.rsa_private, JWT_ALG_RS256, "es"), "signature", "not signed");
    must_refuse(&h, signed_by(h.ec_private, JWT_ALG_ES256, "rs"), "signature", "not signed");
    must_refuse(&h, signed_by(h.rsa_private, JWT_ALG_RS384, "rs"), "signature", "not signed");
    house_free(&h);
}

/* The two classic ways in: no signature at all, and the public key used as a secret. */
Test(control_auth, is_not_told_the_algorithm_by_the_token)
{
    struct house h;
    size_t size;
    char token[4096] = "";
    house_make(&h);
    token_add(token, sizeof token, "{\"alg\":\"none\",\"kid\":\"hs\"}", 25);
    token_add(token, sizeof token, ANN, strlen(ANN));
    must_refuse(&h, token, "signature", "not signed");
    strcat(token, ".");
    must_refuse(&h, token, "signature", "not signed");
    static const char *const nones[] = {"None", "NONE", "nOnE", ""};
    for (unsigned i = 0; i < sizeof nones / sizeof *nones; i++) {
        char head[64];
        snprintf(head, sizeof head, "{\"alg\":\"%s\",\"kid\":\"hs\"}", nones[i]);
        must_refuse(&h, hs_token(head, ANN, SECRET, strlen(SECRET)), "signature", "not signed");
    }
    char *pem = read_file(h.rsa_public, &size);
    must_refuse(&h, hs_token("{\"alg\":\"HS256\",\"kid\":\"rs\"}", ANN, pem, size), "signature",
                "not signed");
    must_refuse(&h, hs_token("{\"alg\":\"RS256\",\"kid\":\"rs\"}", ANN, pem, size), "signature",
                "not signed");
    must_refuse(&h, hs_token("{\"alg\":\"HS512\",\"kid\":\"hs\"}", ANN, SECRET, strlen(SECRET)), "signature",
                "not signed");
    must_refuse(&h, hs_token("{\"kid\":\"hs\"}", ANN, SECRET, strlen(SECRET)), "signature", "not signed");
    house_free(&h);
}

Test(control_auth, refuses_what_no_key_of_ours_signed)
{
    struct house h;
    house_make(&h);
    must_refuse(&h, hs_token("{\"alg\":\"HS256\",\"kid\":\"nobody\"}", ANN, SECRET, strlen(SECRET)),
                "signature", "not signed");
    must_refuse(&h, hs_token("{\"alg\":\"HS256\"}", ANN, SECRET, strlen(SECRET)), "signature", "not signed");
    must_refuse(&h, hs_token(HEAD, ANN, "0123456789abcdef0123456789abcdeF", 32), "signature", "not signed");
    must_refuse(&h, "", "signature", "not signed");
    must_refuse(&h, "a.b.c", "signature", "not signed");
    must_refuse(&h, "....", "signature", "not signed");
    /* each byte of it counts */
    char token[1024];
    snprintf(token, sizeof token, "%s", simple(ANN));
    size_t size = strlen(token);
    for (size_t i = 0; i < size; i++) {
        char was = token[i];
        struct principal p;
        const char *why;
        if (i + 1 == size)
            break; /* the last character has bits that are not of the signature */
        token[i] = was == 'A' ? 'B' : 'A';
        cr_expect_neq(auth_token(h.auth, token, NOW_NS, &p, &why), OK, "byte %zu may be changed", i);
        token[i] = was;
    }
    house_free(&h);
}

Test(control_auth, refuses_a_token_that_is_too_long)
{
    struct house h;
    static char claims[AUTH_TOKEN_SIZE_MAX + 512];
    house_make(&h);
    size_t used =
        (size_t)sprintf(claims, "{\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[\"trader\"],\"x\":\"");
    memset(claims + used, 'x', AUTH_TOKEN_SIZE_MAX);
    strcpy(claims + used + AUTH_TOKEN_SIZE_MAX, "\"," FUTURE "}");
    char *as_long_as_may_be = strdup(simple(claims));
    as_long_as_may_be[AUTH_TOKEN_SIZE_MAX] = 0;
    must_refuse(&h, as_long_as_may_be, "signature", "not signed");
    free(as_long_as_may_be);
    must_refuse(&h, simple(claims), "too_long", "more than 4096 characters");
    house_free(&h);
}

Test(control_auth, holds_to_the_times_of_a_token_within_the_leeway)
{
    struct house h;
    static const struct {
        const char *times, *why; /* NULL: admitted */
    } table[] = {
        {"\"exp\":1800000001", NULL},
        {"\"exp\":1799999996", NULL}, /* 4 s ago */
        {"\"exp\":1799999995", "expired"},
        {"\"exp\":1", "expired"},
        {"\"exp\":0", "no expiry"},
        {"\"exp\":-5", "no expiry"},
        {"\"exp\":\"1800003600\"", "no expiry"},
        {"\"exp\":null", "no expiry"},
        {"\"exp\":9223372037", "no expiry"},
        {"\"x\":1", "no expiry"},
        {FUTURE ",\"nbf\":1800000005", NULL},
        {FUTURE ",\"nbf\":1800000006", "not valid yet"},
        {FUTURE ",\"nbf\":1", NULL},
        {"\"exp\":1800003600.5", NULL},
    };
    house_make(&h);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char claims[256];
        snprintf(claims, sizeof claims, "{\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[\"trader\"],%s}",
                 table[i].times);
        if (table[i].why)
            must_refuse(&h, simple(claims), "expired", table[i].why);
        else
            must_admit(&h, simple(claims));
    }
    house_free(&h);
}

Test(control_auth, holds_to_the_claims)
{
    struct house h;
    static const struct {
        const char *claims, *why;
    } table[] = {
        {"\"tenant\":\"north\",\"roles\":[\"trader\"]", "names no user"},
        {"\"sub\":\"eve\",\"tenant\":\"north\",\"roles\":[\"trader\"]", "names no user"},
        {"\"sub\":5,\"tenant\":\"north\",\"roles\":[\"trader\"]", "names no user"},
        {"\"sub\":\"ann\",\"roles\":[\"trader\"]", "names no user"},
        {"\"sub\":\"ann\",\"tenant\":\"south\",\"roles\":[\"trader\"]", "names no user"},
        {"\"sub\":\"ann\",\"tenant\":\"north\"", "no role"},
        {"\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[]", "no role"},
        {"\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[\"admin\"]", "no role"},
        {"\"sub\":\"ann\",\"tenant\":\"north\",\"roles\":[7,null]", "no role"},
        {"\"sub\":\"olga\",\"tenant\":\"north\",\"roles\":[\"trader\"]", "no role"},
    };
    house_make(&h);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char claims[256];
        snprintf(claims, sizeof claims, "{%s," FUTURE "}", table[i].claims);
        must_refuse(&h, simple(claims), "claims", table[i].why);
    }
    must_refuse(&h, hs_token(HEAD, "[1,2]", SECRET, strlen(SECRET)), "claims", "");
    house_free(&h);
}

Test(control_auth, takes_a_tenants_key_for_that_tenant_only)
{
    struct house h;
    house_make(&h);
    const char *head = "{\"alg\":\"HS256\",\"kid\":\"southern\"}";
    must_refuse(&h, hs_token(head, ANN, SECRET, strlen(SECRET)), "claims", "not for this tenant");
    struct principal p = must_admit(
        &h, hs_token(head, "{\"sub\":\"sam\",\"tenant\":\"south\",\"roles\":[\"trader\"]," FUTURE "}", SECRET,
                     strlen(SECRET)));
    cr_assert_eq(p.tenant, 2);
    house_free(&h);
}

/* What each role may claim: at most what its user has. */
Test(control_auth, gives_no_more_than_the_user_has)
{
    struct house h;
    static const struct {
        const char *user;
        unsigned roles;
    } table[] = {{"ann", USER_TRADER},
                 {"max", USER_TRADER | USER_MANAGER},
                 {"olga", USER_OPS},
                 {"root", USER_TRADER | USER_MANAGER | USER_OPS | USER_ADMIN}};
    house_make(&h);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char claims[256];
        snprintf(claims, sizeof claims,
                 "{\"sub\":\"%s\",\"tenant\":\"north\",\"roles\":[\"trader\",\"manager\",\"ops\",\"admin\"]"
                 "," FUTURE "}",
                 table[i].user);
        cr_assert_eq(must_admit(&h, simple(claims)).roles, table[i].roles, "%s", table[i].user);
    }
    house_free(&h);
}

/* Who sees whose: rows are who asks, columns whose it is. */
Test(control_auth, shows_each_what_is_its_own)
{
    struct house h;
    static const char *const askers[] = {"ann", "max", "nil", "olga", "root"};
    static const struct {
        const char *taker;
        uint32_t tenant;
        const char *sees; /* one character for each asker */
    } table[] = {{"ann", 1, "yynyy"}, {"bob", 1, "nynyy"},   {"cat", 1, "nnnyy"},
                 {"nil", 1, "nnyyy"}, {"TAKER", 1, "nnnyy"}, /* one that is no user: comes by FIX */
                 {"sam", 2, "nnnnn"}, {"ann", 2, "nnnnn"}};
    house_make(&h);
    for (unsigned a = 0; a < 5; a++) {
        char claims[256];
        snprintf(claims, sizeof claims,
                 "{\"sub\":\"%s\",\"tenant\":\"north\",\"roles\":[\"trader\",\"manager\",\"ops\",\"admin\"]"
                 "," FUTURE "}",
                 askers[a]);
        struct principal p = must_admit(&h, simple(claims));
        for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
            char code[CODE_SIZE] = {0};
            strcpy(code, table[i].taker);
            cr_expect_eq(principal_may_see(h.auth, &p, table[i].tenant, code), table[i].sees[a] == 'y',
                         "%s of %s/%u", askers[a], table[i].taker, table[i].tenant);
        }
    }
    house_free(&h);
}

/* A manager whose token claims to be a trader is one. */
Test(control_auth, sees_no_more_than_the_token_claims)
{
    struct house h;
    house_make(&h);
    struct principal p =
        must_admit(&h, simple("{\"sub\":\"max\",\"tenant\":\"north\",\"roles\":[\"trader\"]," FUTURE "}"));
    char ann[CODE_SIZE] = "ann";
    cr_assert(!principal_may_see(h.auth, &p, 1, ann));
    house_free(&h);
}

/* Keys that are none
 * -------------------------------------------------------------------------------------------------------- */

Test(control_auth, says_what_is_wrong_with_a_key)
{
    struct house h;
    struct auth *a;
    char file[96];
    house_make(&h);
    snprintf(file, sizeof file, "%s/other", h.directory);
    static char large[20000];
    memset(large, 'x', sizeof large);
    static const struct {
        unsigned algorithm;
        const char *bytes;
        size_t size;
        enum err e;
        const char *why;
    } table[] = {
        {TOKEN_HS256, NULL, 0, ERR_STATE, "No such file"},
        {TOKEN_HS256, "short", 5, ERR_STATE, "fewer than 32 bytes"},
        {TOKEN_HS256, "0123456789abcdef0123456789abcde\n\n", 33, ERR_STATE, "fewer than 32 bytes"},
        {TOKEN_HS256, "-----BEGIN PUBLIC KEY-----\nxxxxxxxxxxxxxxxxxxxxxxx", 50, ERR_STATE, "no secret"},
        {TOKEN_HS256, large, sizeof large, ERR_STATE, "too long"},
        {TOKEN_RS256, SECRET, 32, ERR_STATE, "not a public key"}};
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        unlink(file);
        if (table[i].bytes)
            write_file(file, table[i].bytes, table[i].size);
        h.config->token_keys[0].algorithm = table[i].algorithm;
        strcpy(h.config->token_keys[0].file, file);
        cr_expect_eq(auth_create(&a, h.config, h.counters), table[i].e, "%u", i);
        cr_expect_null(a);
        cr_expect(strstr(auth_error(), table[i].why) && strstr(auth_error(), file) &&
                      strstr(auth_error(), "'hs'"),
                  "%s", auth_error());
    }
    house_free(&h);
}
