#include "control/ws/handshake.h"

#include <openssl/evp.h>
#include <stdio.h>

void ws_handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    char text[128];
    int size = snprintf(text, sizeof text, "%s%s", key, guid);
    EVP_Digest(text, (size_t)size, digest, &digest_size, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_size);
}
