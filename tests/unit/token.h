/* Tokens (JWT, HS256) made by hand: good ones, and those that no library would sign.
 *
 *     char token[512];
 *     token_sign(token, sizeof token, "{\"alg\":\"HS256\",\"kid\":\"k\"}", claims, secret, strlen(secret));
 */
#ifndef RFQD_TESTS_TOKEN_H
#define RFQD_TESTS_TOKEN_H

#include <assert.h>
#define ERR_STATE OPENSSL_ERR_STATE /* theirs; ours comes with err.h */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One more part: base64 as URLs have it, which is without padding and with two other letters. */
static inline void token_add(char *token, size_t size, const void *part, size_t part_size)
{
    size_t used = strlen(token);
    assert(used + 1 + (part_size + 2) / 3 * 4 < size);
    if (used)
        token[used++] = '.';
    EVP_EncodeBlock((unsigned char *)token + used, part, (int)part_size);
    token[used + strcspn(token + used, "=")] = 0;
    for (char *c = token + used; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

/* Signed with the key whatever its head says. */
static inline void token_sign(char *token, size_t size, const char *head, const char *claims, const void *key,
                              size_t key_size)
{
    unsigned char mac[32];
    unsigned mac_size = sizeof mac;
    *token = 0;
    token_add(token, size, head, strlen(head));
    token_add(token, size, claims, strlen(claims));
    HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)token, strlen(token), mac, &mac_size);
    token_add(token, size, mac, mac_size);
}

/* A good one, of key `k` and tenant north. */
static inline void token_make(char *token, size_t size, const char *secret, const char *user,
                              const char *role, uint64_t expires_s)
{
    char claims[200];
    int claims_size = snprintf(claims, sizeof claims,
                               "{\"sub\":\"%s\",\"tenant\":\"north\",\"roles\":[\"%s\"],\"exp\":%llu}", user,
                               role, (unsigned long long)expires_s);
    assert(claims_size > 0 && (size_t)claims_size < sizeof claims);
    token_sign(token, size, "{\"alg\":\"HS256\",\"kid\":\"k\"}", claims, secret, strlen(secret));
}

#endif
