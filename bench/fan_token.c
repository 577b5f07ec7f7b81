#include "bench/fan_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

/* Base64 as URLs have it: without padding, and with two other letters. */
static bool add_part(char out[FAN_TOKEN_SIZE], const char *mark, const void *bytes, size_t size)
{
    char text[FAN_TOKEN_SIZE];
    size_t used = strlen(out);
    if (size > sizeof text / 4 * 3 - 4 || used + size / 3 * 4 + 8 > FAN_TOKEN_SIZE)
        return false;
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    text[strcspn(text, "=")] = 0;
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    snprintf(out + used, FAN_TOKEN_SIZE - used, "%s%s", mark, text);
    return true;
}

bool fan_token(const char *secret, const char *key_id, const char *claims, char out[FAN_TOKEN_SIZE])
{
    char head[128], body[256];
    unsigned char mac[32];
    unsigned mac_size = sizeof mac;
    int head_size = snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", key_id);
    int body_size = snprintf(body, sizeof body, "{%s,\"exp\":%lld}", claims, (long long)time(NULL) + DAY_S);
    out[0] = 0;
    return head_size < (int)sizeof head && body_size < (int)sizeof body &&
           add_part(out, "", head, (size_t)head_size) && add_part(out, ".", body, (size_t)body_size) &&
           HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)out, strlen(out), mac,
                &mac_size) &&
           add_part(out, ".", mac, mac_size);
}
