#include "tools/ctl/token.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX  16384
#define SECRET_MIN    32 /* RFC 7518, 3.2 */
#define TTL_DEFAULT_S 3600
#define TTL_MAX_S     (366ll * 86400)

struct wish {
    const char *key, *kid, *user, *tenant, *role, *ttl;
};

static enum ctl_result usage(const char *what, const char *about)
{
    fprintf(stderr,
            "rfqctl: token: %s%s\n"
            "usage: token --key FILE --kid ID --user USER --tenant TENANT --role ROLE [--ttl TIME]\n",
            what, about);
    return CTL_USAGE;
}

static enum ctl_result fail(const char *path, const char *why)
{
    fprintf(stderr, "rfqctl: token: %s: %s\n", path, why);
    return CTL_FAILED;
}

/* Options
 * -------------------------------------------------------------------------------------------------------- */

static enum ctl_result read_wish(struct wish *w, unsigned count, const char *const words[])
{
    const struct {
        const char *option;
        const char **to;
        bool required;
    } options[] = {{"--key", &w->key, true},       {"--kid", &w->kid, true},   {"--user", &w->user, true},
                   {"--tenant", &w->tenant, true}, {"--role", &w->role, true}, {"--ttl", &w->ttl, false}};
    const unsigned most = sizeof options / sizeof *options;
    for (unsigned i = 0; i < count; i += 2) {
        unsigned k = 0;
        while (k < most && strcmp(options[k].option, words[i]) != 0)
            k++;
        if (k == most)
            return usage("no option of it: ", words[i]);
        if (i + 1 == count)
            return usage("needs a value: ", words[i]);
        *options[k].to = words[i + 1];
    }
    for (unsigned k = 0; k < most; k++)
        if (options[k].required && !*options[k].to)
            return usage("is missing: ", options[k].option);
    return CTL_FINE;
}

static bool read_ttl(const char *text, int64_t *seconds)
{
    char *end;
    *seconds = TTL_DEFAULT_S;
    if (!text)
        return true;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    long long unit = !*end || strcmp(end, "s") == 0 ? 1
                     : strcmp(end, "m") == 0        ? 60
                     : strcmp(end, "h") == 0        ? 3600
                     : strcmp(end, "d") == 0        ? 86400
                                                    : 0;
    if (errno || end == text || !unit || n <= 0 || n > TTL_MAX_S / unit)
        return false;
    *seconds = n * unit;
    return true;
}

static bool is_role(const char *text, size_t size)
{
    static const char *const roles[] = {"trader", "manager", "ops", "admin"};
    for (unsigned i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strlen(roles[i]) == size && memcmp(roles[i], text, size) == 0)
            return true;
    return false;
}

/* As a JSON list; NULL: one of them is none. */
static struct json_object *read_roles(const char *text)
{
    struct json_object *list = json_object_new_array();
    for (;;) {
        size_t size = strcspn(text, ",");
        if (!is_role(text, size)) {
            json_object_put(list);
            return NULL;
        }
        json_object_array_add(list, json_object_new_string_len(text, (int)size));
        if (!text[size])
            return list;
        text += size + 1;
    }
}

/* The key
 * -------------------------------------------------------------------------------------------------------- */

static jwt_alg_t algorithm_of_pem(const char *pem, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    jwt_alg_t algorithm = JWT_ALG_NONE;
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        algorithm = JWT_ALG_RS256;
    else if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256)
        algorithm = JWT_ALG_ES256;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return algorithm;
}

static enum ctl_result read_key(const char *path, unsigned char bytes[KEY_FILE_MAX + 1], size_t *size,
                                jwt_alg_t *algorithm)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(path, strerror(errno));
    *size = fread(bytes, 1, KEY_FILE_MAX, f);
    fclose(f);
    bytes[*size] = 0;
    if (strncmp((const char *)bytes, "-----BEGIN", 10) == 0) {
        *algorithm = algorithm_of_pem((const char *)bytes, *size);
        return *algorithm == JWT_ALG_NONE ? fail(path, "is no private key, RSA or P-256") : CTL_FINE;
    }
    while (*size > 0 && (bytes[*size - 1] == '\n' || bytes[*size - 1] == '\r'))
        --*size; /* what an editor adds: rfqd passes over it too */
    *algorithm = JWT_ALG_HS256;
    return *size < SECRET_MIN ? fail(path, "has fewer than 32 bytes: too short for a secret") : CTL_FINE;
}

/* The token
 * -------------------------------------------------------------------------------------------------------- */

enum ctl_result token_print(FILE *to, unsigned count, const char *const words[], uint64_t now_s, bool json)
{
    struct wish w = {0};
    unsigned char key[KEY_FILE_MAX + 1];
    size_t size = 0;
    int64_t ttl;
    jwt_alg_t algorithm;
    jwt_t *jwt = NULL;
    enum ctl_result result = read_wish(&w, count, words);
    if (result != CTL_FINE)
        return result;
    if (!read_ttl(w.ttl, &ttl))
        return usage("--ttl takes a number of seconds, or with s, m, h or d behind it, a year at most, not ",
                     w.ttl);
    struct json_object *roles = read_roles(w.role);
    if (!roles)
        return usage("--role takes trader, manager, ops or admin, not ", w.role);
    result = read_key(w.key, key, &size, &algorithm);
    char *text = NULL;
    if (result == CTL_FINE && jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", w.kid) == 0 &&
        jwt_add_grant(jwt, "sub", w.user) == 0 && jwt_add_grant(jwt, "tenant", w.tenant) == 0 &&
        jwt_add_grant_int(jwt, "iat", (long)now_s) == 0 &&
        jwt_add_grant_int(jwt, "exp", (long)now_s + ttl) == 0) {
        struct json_object *grants = json_object_new_object();
        json_object_object_add(grants, "roles", json_object_get(roles));
        if (jwt_add_grants_json(jwt, json_object_to_json_string(grants)) == 0 &&
            jwt_set_alg(jwt, algorithm, key, (int)size) == 0)
            text = jwt_encode_str(jwt);
        json_object_put(grants);
    }
    if (result == CTL_FINE && text)
        fprintf(to, json ? "{\"token\":\"%s\"}\n" : "%s\n", text); /* base64url: nothing to be escaped */
    else if (result == CTL_FINE)
        result = fail(w.key, "cannot be signed with");
    explicit_bzero(key, sizeof key);
    free(text);
    jwt_free(jwt);
    json_object_put(roles);
    return result;
}
