/* TLS between the port and everything else: OpenSSL over two memory buffers, so that it knows no socket. */
#define ERR_STATE OPENSSL_ERR_STATE /* theirs; ours comes with err.h */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE
#include <stdio.h>

#include "control/web/inside.h"

#define PLAIN_SIZE 16384 /* a TLS record at most */

static enum err tls_error(const char *what, const char *file, char *error, size_t size)
{
    char text[160] = "";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, text, sizeof text);
    snprintf(error, size, "%s %s: %s", what, file, text);
    return ERR_STATE;
}

enum err tls_open(struct web *w, char *error, size_t size)
{
    const struct web_config *c = &w->config;
    w->tls = SSL_CTX_new(TLS_server_method());
    if (!w->tls)
        return ERR_MEMORY;
    SSL_CTX_set_min_proto_version(w->tls, TLS1_2_VERSION);
    SSL_CTX_set_options(w->tls,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(w->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_use_certificate_chain_file(w->tls, c->certificate_file) != 1)
        return tls_error("certificate", c->certificate_file, error, size);
    if (SSL_CTX_use_PrivateKey_file(w->tls, c->key_file, SSL_FILETYPE_PEM) != 1)
        return tls_error("key", c->key_file, error, size);
    if (SSL_CTX_check_private_key(w->tls) != 1)
        return tls_error("key does not belong to the certificate:", c->key_file, error, size);
    return OK;
}

void tls_close(struct web *w)
{
    SSL_CTX_free(w->tls); /* NULL is allowed */
}

bool tls_begin(struct web_request *c)
{
    c->ssl = SSL_new(c->web->tls);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!c->ssl || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(c->ssl, in, out);
    SSL_set_accept_state(c->ssl);
    return true;
}

bool tls_is_open(const struct web_request *c)
{
    return SSL_is_init_finished(c->ssl);
}

/* What OpenSSL has to say to the peer. */
static void drain(struct web_request *c)
{
    char bytes[PLAIN_SIZE];
    int size;
    while (!c->gone && (size = BIO_read(SSL_get_wbio(c->ssl), bytes, sizeof bytes)) > 0)
        link_send(c, web_outbox_copy(c->web, bytes, (size_t)size), (size_t)size);
}

void tls_received(struct web_request *c, const uint8_t *bytes, size_t size)
{
    char plain[PLAIN_SIZE];
    ERR_clear_error();
    if (BIO_write(SSL_get_rbio(c->ssl), bytes, (int)size) != (int)size) {
        link_close(c);
        return;
    }
    int got = 0;
    while (!c->gone && (got = SSL_read(c->ssl, plain, sizeof plain)) > 0)
        link_feed(c, plain, (size_t)got);
    if (c->gone)
        return;
    int why = SSL_get_error(c->ssl, got);
    drain(c);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return;
    if (why != SSL_ERROR_ZERO_RETURN)
        web_count_refusal(c->web, REFUSED_TLS);
    link_close(c);
}

void tls_write(struct web_request *c, const void *bytes, size_t size)
{
    ERR_clear_error();
    if (SSL_write(c->ssl, bytes, (int)size) == (int)size)
        drain(c);
}

/* Our last word, so that the peer knows that nothing was cut off. */
void tls_shutdown(struct web_request *c)
{
    ERR_clear_error();
    SSL_shutdown(c->ssl);
    drain(c);
}

void tls_end(struct web_request *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
}
