/* TLS: the same server behind OpenSSL, a client of OpenSSL's over the simulated network. */
#define ERR_STATE OPENSSL_ERR_STATE /* theirs; ours comes with err.h */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE
#include <sys/stat.h>
#include <unistd.h>

#include "web_harness.h"

struct files {
    char directory[64], certificate[96], key[96];
};

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *f = fopen(path, "w");
    cr_assert(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
}

static void files_make(struct files *f)
{
    snprintf(f->directory, sizeof f->directory, "/tmp/rfqd-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(f->directory));
    snprintf(f->certificate, sizeof f->certificate, "%s/cert.pem", f->directory);
    snprintf(f->key, sizeof f->key, "%s/key.pem", f->directory);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"rfqd",
                               -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
    FILE *out = fopen(f->certificate, "w");
    cr_assert(out && PEM_write_X509(out, x) == 1);
    fclose(out);
    write_key(f->key, key);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void files_remove(struct files *f)
{
    unlink(f->certificate);
    unlink(f->key);
    rmdir(f->directory);
}

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    struct client *raw;
    size_t fed;
    char plain[1 << 17];
    size_t plain_size;
};

static void tls_exchange(struct harness *h, struct tls_client *c)
{
    char bytes[16384];
    int size;
    while ((size = BIO_read(SSL_get_wbio(c->ssl), bytes, sizeof bytes)) > 0) {
        harness_send_bytes(h, c->raw, bytes, (size_t)size);
        harness_run(h);
    }
    if (c->raw->size > c->fed) {
        BIO_write(SSL_get_rbio(c->ssl), c->raw->received + c->fed, (int)(c->raw->size - c->fed));
        c->fed = c->raw->size;
    }
    while ((size = SSL_read(c->ssl, c->plain + c->plain_size, (int)(sizeof c->plain - 1 - c->plain_size))) >
           0)
        c->plain_size += (size_t)size;
    c->plain[c->plain_size] = 0;
}

static void tls_connect(struct harness *h, struct tls_client *c, int newest)
{
    memset(c, 0, sizeof *c);
    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_VERSION);
    SSL_CTX_set_security_level(c->ctx, 0);
    SSL_CTX_set_max_proto_version(c->ctx, newest);
    c->ssl = SSL_new(c->ctx);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(c->ssl);
    c->raw = harness_connect(h);
    for (unsigned i = 0; i < 8; i++) {
        SSL_do_handshake(c->ssl);
        tls_exchange(h, c);
    }
}

static void tls_send(struct harness *h, struct tls_client *c, const char *text)
{
    cr_assert_eq(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
    for (unsigned i = 0; i < 4; i++)
        tls_exchange(h, c);
}

static void tls_free(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
}

static void tls_open(struct harness *h, struct files *f)
{
    files_make(f);
    harness_open_with(h, &(struct web_config){.certificate_file = f->certificate, .key_file = f->key}, NULL);
}

static void must_serve(int version)
{
    struct harness h;
    struct files f;
    static struct tls_client c;
    tls_open(&h, &f);
    tls_connect(&h, &c, version);
    cr_assert(SSL_is_init_finished(c.ssl));
    cr_assert_eq(SSL_version(c.ssl), version);
    tls_send(&h, &c,
             "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /items/x HTTP/1.1\r\nHost: "
             "a\r\n\r\n");
    cr_assert_not_null(strstr(c.plain, "\r\n\r\nhelloHTTP/1.1 200"));
    cr_assert_not_null(strstr(c.plain, "\r\n\r\nx"));
    c.plain_size = 0;
    h.stream_size = 100000;
    tls_send(&h, &c, "GET /flow HTTP/1.0\r\n\r\n");
    cr_assert_eq(strlen(strstr(c.plain, "\r\n\r\n") + 4), 100000);
    cr_assert(c.raw->closed);
    cr_assert_eq(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN,
                 "the end was not said");
    tls_free(&c);
    files_remove(&f);
    harness_close(&h);
}

Test(control_web_tls, serves_tls_1_3)
{
    must_serve(TLS1_3_VERSION);
}

Test(control_web_tls, serves_tls_1_2)
{
    must_serve(TLS1_2_VERSION);
}

Test(control_web_tls, refuses_older_versions)
{
    struct harness h;
    struct files f;
    static struct tls_client c;
    tls_open(&h, &f);
    tls_connect(&h, &c, TLS1_1_VERSION);
    cr_assert(!SSL_is_init_finished(c.ssl));
    cr_assert(c.raw->closed);
    cr_assert_eq(harness_refused(&h, "tls"), 1);
    tls_free(&c);
    files_remove(&f);
    harness_close(&h);
}

Test(control_web_tls, ends_what_is_no_tls_and_a_handshake_that_takes_too_long)
{
    struct harness h;
    struct files f;
    tls_open(&h, &f);
    struct client *plain = harness_ask(&h, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(plain->closed);
    cr_assert_eq(harness_refused(&h, "tls"), 1);
    struct client *silent = harness_connect(&h);
    harness_pass(&h, 4 * SECOND_NS);
    cr_assert(!silent->closed);
    harness_pass(&h, 2 * SECOND_NS);
    cr_assert(silent->closed);
    cr_assert_eq(harness_refused(&h, "tls_timeout"), 1);
    static struct tls_client shy; /* its handshake is whole, but it asks nothing */
    tls_connect(&h, &shy, TLS1_3_VERSION);
    cr_assert(!shy.raw->closed);
    harness_pass(&h, 6 * SECOND_NS);
    cr_assert(shy.raw->closed);
    cr_assert_eq(harness_refused(&h, "no_request"), 1);
    cr_assert_eq(harness_refused(&h, "tls_timeout"), 1);
    tls_free(&shy);
    cr_assert_eq(web_connections(h.web), 0);
    files_remove(&f);
    harness_close(&h);
}

Test(control_web_tls, says_what_is_wrong_with_its_files)
{
    struct harness h;
    struct files f, other;
    struct web *w;
    tls_open(&h, &f);
    files_make(&other);
    struct web_config c = h.config;
    c.listen_count = 0;
    c.key_file = other.key;
    cr_assert_eq(web_create(&w, &c), ERR_STATE);
    cr_assert_not_null(strstr(web_error(), other.key), "%s", web_error());
    c.key_file = "/nowhere/key.pem";
    cr_assert_eq(web_create(&w, &c), ERR_STATE);
    cr_assert_not_null(strstr(web_error(), "/nowhere/key.pem"), "%s", web_error());
    c.certificate_file = "/nowhere/cert.pem";
    cr_assert_eq(web_create(&w, &c), ERR_STATE);
    cr_assert_not_null(strstr(web_error(), "/nowhere/cert.pem"), "%s", web_error());
    files_remove(&f);
    files_remove(&other);
    harness_close(&h);
}
