#include "control/auth/auth.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct token_key {
    const struct config_token_key *config;
    unsigned char bytes[TOKEN_KEY_FILE_MAX + 1];
    size_t size;
};

struct auth {
    const struct config *config;
    struct token_key *keys;
    counter_value *accepted, *refused_size, *refused_signature, *refused_claims, *refused_expired;
};

static _Thread_local char error_text[320];

const char *auth_error(void)
{
    return error_text;
}

/* Keys
 * -------------------------------------------------------------------------------------------------------- */

static jwt_alg_t algorithm_of(const struct config_token_key *k)
{
    switch ((enum token_algorithm)k->algorithm) {
    case TOKEN_HS256:
        return JWT_ALG_HS256;
    case TOKEN_RS256:
        return JWT_ALG_RS256;
    case TOKEN_ES256:
        return JWT_ALG_ES256;
    }
    return JWT_ALG_NONE;
}

static enum err read_key(struct token_key *k)
{
    const char *why = config_token_key_read(k->config, k->bytes, &k->size);
    if (!why)
        return OK;
    snprintf(error_text, sizeof error_text, "token key '%s': %s: %s", k->config->id, k->config->file, why);
    return ERR_STATE;
}

enum err auth_create(struct auth **out, const struct config *c, struct counters *counters)
{
    *out = NULL;
    snprintf(error_text, sizeof error_text, "no memory");
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_MEMORY;
    a->config = c;
    a->keys = calloc(c->token_key_count + 1, sizeof *a->keys);
    enum err e = a->keys ? OK : ERR_MEMORY;
    for (unsigned i = 0; i < c->token_key_count && e == OK; i++) {
        a->keys[i].config = &c->token_keys[i];
        e = read_key(&a->keys[i]);
    }
    if (e != OK) {
        auth_destroy(a);
        return e;
    }
    const char *name = "rfqd_auth_refused_total";
    a->accepted = counter_new(counters, COUNTER_TOTAL, "rfqd_auth_tokens_total", "");
    a->refused_size = counter_new(counters, COUNTER_TOTAL, name, "reason=\"too_long\"");
    a->refused_signature = counter_new(counters, COUNTER_TOTAL, name, "reason=\"signature\"");
    a->refused_claims = counter_new(counters, COUNTER_TOTAL, name, "reason=\"claims\"");
    a->refused_expired = counter_new(counters, COUNTER_TOTAL, name, "reason=\"expired\"");
    *out = a;
    return OK;
}

void auth_destroy(struct auth *a)
{
    if (a && a->keys) {
        explicit_bzero(a->keys, (a->config->token_key_count + 1) * sizeof *a->keys);
        free(a->keys);
    }
    free(a);
}

/* Tokens
 * ------------------------------------------------------------------------------------------------------ */

static const struct token_key *key_named(const struct auth *a, const char *id)
{
    for (unsigned i = 0; id && i < a->config->token_key_count; i++)
        if (strcmp(a->keys[i].config->id, id) == 0)
            return &a->keys[i];
    return NULL;
}

/* Looked into first, unverified, for nothing but the key's name and the algorithm; then verified with the key
 * that has that name, if it is for that algorithm. */
static jwt_t *verify(const struct auth *a, const char *token, const struct token_key **key)
{
    jwt_t *peek = NULL, *verified = NULL;
    if (jwt_decode(&peek, token, NULL, 0) != 0)
        return NULL;
    *key = key_named(a, jwt_get_header(peek, "kid"));
    /* Without a key the library says `none` whatever the header has: the header's own text, then. */
    const char *algorithm = jwt_get_header(peek, "alg");
    bool fits = *key && algorithm && jwt_str_alg(algorithm) == algorithm_of((*key)->config);
    jwt_free(peek);
    if (!fits || jwt_decode(&verified, token, (*key)->bytes, (int)(*key)->size) != 0)
        return NULL;
    if (jwt_get_alg(verified) == algorithm_of((*key)->config))
        return verified;
    jwt_free(verified);
    return NULL;
}

static unsigned role_named(const char *name)
{
    static const struct {
        const char *name;
        unsigned role;
    } names[] = {
        {"trader", USER_TRADER}, {"manager", USER_MANAGER}, {"ops", USER_OPS}, {"admin", USER_ADMIN}};
    for (unsigned i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].role;
    return 0;
}

static unsigned roles_admitted(const struct config_user *u)
{
    switch ((enum user_role)u->role) {
    case USER_TRADER:
        return USER_TRADER;
    case USER_MANAGER:
        return USER_MANAGER | USER_TRADER;
    case USER_OPS:
        return USER_OPS;
    case USER_ADMIN:
        break;
    }
    return USER_ADMIN | USER_OPS | USER_MANAGER | USER_TRADER;
}

static unsigned roles_of(json_object *claims)
{
    json_object *roles;
    unsigned bits = 0;
    if (!json_object_object_get_ex(claims, "roles", &roles))
        return 0;
    if (json_object_is_type(roles, json_type_string))
        return role_named(json_object_get_string(roles));
    if (json_object_is_type(roles, json_type_array))
        for (size_t i = 0; i < json_object_array_length(roles); i++)
            bits |= role_named(json_object_get_string(json_object_array_get_idx(roles, i)));
    return bits;
}

static bool number_claim(json_object *claims, const char *name, int64_t *out)
{
    json_object *v;
    if (!json_object_object_get_ex(claims, name, &v) ||
        (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double)))
        return false;
    *out = json_object_get_int64(v);
    return true;
}

static const char *text_claim(json_object *claims, const char *name)
{
    json_object *v;
    return json_object_object_get_ex(claims, name, &v) && json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : NULL;
}

/* Everything but the time. */
static const char *check_claims(const struct auth *a, json_object *claims, const struct token_key *key,
                                struct principal *out)
{
    const char *sub = text_claim(claims, "sub"), *tenant = text_claim(claims, "tenant");
    const struct config_user *u = sub ? auth_user(a, sub) : NULL;
    if (!u || !tenant || strcmp(tenant, u->tenant) != 0)
        return "the token names no user of its tenant";
    if (key->config->tenant[0] && strcmp(key->config->tenant, u->tenant) != 0)
        return "the token's key is not for this tenant";
    out->user = u;
    out->tenant = config_tenant_named(a->config, u->tenant)->number;
    out->roles = roles_of(claims) & roles_admitted(u);
    return out->roles ? NULL : "the token claims no role that its user has";
}

static const char *check_times(json_object *claims, uint64_t now_ns, struct principal *out)
{
    int64_t now = (int64_t)(now_ns / 1000000000), expires, from;
    if (!number_claim(claims, "exp", &expires) || expires <= 0 || expires > INT64_MAX / 1000000000)
        return "the token has no expiry";
    if (expires + AUTH_LEEWAY_S <= now)
        return "the token has expired";
    if (number_claim(claims, "nbf", &from) && from > now + AUTH_LEEWAY_S)
        return "the token is not valid yet";
    out->expires_ns = (uint64_t)(expires + AUTH_LEEWAY_S) * 1000000000;
    return NULL;
}

static enum err refuse(counter_value *counter, const char **why, const char *text)
{
    counter_add(counter, 1);
    *why = text;
    return ERR_STATE;
}

enum err auth_token(struct auth *a, const char *token, uint64_t now_ns, struct principal *out,
                    const char **why)
{
    static_assert(AUTH_TOKEN_SIZE_MAX == 4096, "the text says so");
    memset(out, 0, sizeof *out);
    if (strnlen(token, AUTH_TOKEN_SIZE_MAX + 1) > AUTH_TOKEN_SIZE_MAX)
        return refuse(a->refused_size, why, "the token has more than 4096 characters");
    const struct token_key *key = NULL;
    jwt_t *jwt = verify(a, token, &key);
    if (!jwt)
        return refuse(a->refused_signature, why, "the token is not signed with a key that is known here");
    char *text = jwt_get_grants_json(jwt, NULL);
    json_object *claims = text ? json_tokener_parse(text) : NULL;
    jwt_free(jwt);
    free(text);
    if (!claims)
        return refuse(a->refused_claims, why, "the token has no claims");
    const char *wrong = check_claims(a, claims, key, out), *late = check_times(claims, now_ns, out);
    json_object_put(claims);
    if (wrong)
        return refuse(a->refused_claims, why, wrong);
    if (late)
        return refuse(a->refused_expired, why, late);
    counter_add(a->accepted, 1);
    return OK;
}

/* Who may see what
 * ------------------------------------------------------------------------------------------------------------
 */

const struct config_user *auth_user(const struct auth *a, const char *name)
{
    for (unsigned i = 0; i < a->config->user_count; i++)
        if (strcmp(a->config->users[i].name, name) == 0)
            return &a->config->users[i];
    return NULL;
}

bool principal_may_follow(const struct principal *p, const struct config_user *other)
{
    if (strcmp(other->tenant, p->user->tenant) != 0)
        return false;
    if (other == p->user || principal_sees_all(p))
        return true;
    return (p->roles & USER_MANAGER) && p->user->team[0] && strcmp(other->team, p->user->team) == 0;
}

bool principal_may_see(const struct auth *a, const struct principal *p, uint32_t tenant, const char *taker)
{
    if (tenant != p->tenant)
        return false;
    if (principal_sees_all(p))
        return true;
    if (strncmp(p->user->name, taker, CODE_SIZE) == 0)
        return true;
    if (!(p->roles & USER_MANAGER)) /* asked for every entity of a list: most of them end here */
        return false;
    char code[CODE_SIZE + 1] = {0};
    memcpy(code, taker, CODE_SIZE);
    const struct config_user *owner = auth_user(a, code);
    return owner && principal_may_follow(p, owner);
}
