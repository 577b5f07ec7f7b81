/* A good token, made by hand: HS256, key `k`, tenant north. */
#ifndef RFQD_TESTS_FUZZ_TOKEN_H
#define RFQD_TESTS_FUZZ_TOKEN_H

#define ERR_STATE OPENSSL_ERR_STATE /* theirs; ours comes with err.h */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline void fuzz_token_part(char *token, const void *bytes, size_t size)
{
    char text[1024];
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    while (length > 0 && text[length - 1] == '=')
        length--;
    text[length] = 0;
    for (char *x = text; *x; x++)
        *x = *x == '+' ? '-' : *x == '/' ? '_' : *x;
    if (*token)
        strcat(token, ".");
    strcat(token, text);
}

static inline void fuzz_token(char *token, size_t size, const char *secret, const char *user,
                              const char *role, uint64_t expires_s)
{
    static const char head[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
    char claims[200];
    unsigned char mac[32];
    unsigned mac_size = sizeof mac;
    (void)size;
    snprintf(claims, sizeof claims, "{\"sub\":\"%s\",\"tenant\":\"north\",\"roles\":[\"%s\"],\"exp\":%llu}",
             user, role, (unsigned long long)expires_s);
    token[0] = 0;
    fuzz_token_part(token, head, sizeof head - 1);
    fuzz_token_part(token, claims, strlen(claims));
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)token, strlen(token), mac,
         &mac_size);
    fuzz_token_part(token, mac, mac_size);
}

#endif
