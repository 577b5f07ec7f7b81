/* The files that a configuration is in, and those that it names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/check.h"

FILE *config_open_file(const char *path, const char **why)
{
    struct stat s;
    FILE *f = NULL;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &s) == 0 && !S_ISREG(s.st_mode))
        *why = "it is not a regular file";
    else if (fd < 0 || !(f = fdopen(fd, "rb")))
        *why = strerror(errno);
    if (fd >= 0 && !f)
        close(fd);
    return f;
}

const char *config_token_key_read(const struct config_token_key *k, unsigned char *bytes, size_t *size)
{
    const char *why = NULL;
    FILE *f = config_open_file(k->file, &why);
    if (!f)
        return why;
    size_t got = fread(bytes, 1, TOKEN_KEY_FILE_MAX + 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    bool is_secret = k->algorithm == TOKEN_HS256;
    bool too_long = got > TOKEN_KEY_FILE_MAX;
    while (is_secret && got > 0 && (bytes[got - 1] == '\n' || bytes[got - 1] == '\r'))
        got--; /* what an editor adds */
    *size = too_long ? 0 : got;
    bytes[*size] = 0;
    if (failed)
        return "cannot be read";
    if (too_long)
        return "is too long";
    if (is_secret && got < TOKEN_KEY_SECRET_MIN)
        return "has fewer than 32 bytes: too short for a secret";
    if (is_secret && strncmp((const char *)bytes, "-----BEGIN", 10) == 0)
        return "is a PEM file: no secret";
    if (!is_secret && strncmp((const char *)bytes, "-----BEGIN PUBLIC KEY-----", 26) != 0)
        return "is not a public key in PEM";
    return NULL;
}

static void check_file(struct config *c, const char *name, const char *key, const char *path, size_t line)
{
    const char *why = NULL;
    FILE *f = *path ? config_open_file(path, &why) : NULL;
    if (f)
        fclose(f);
    else if (*path)
        config_complain(c, name, line, "%s: %s: %s", key, path, why);
}

void config_check_files(struct config *c, const char *name)
{
    unsigned char bytes[TOKEN_KEY_FILE_MAX + 1];
    for (unsigned i = 0; i < c->token_key_count; i++) {
        size_t size;
        const char *why = config_token_key_read(&c->token_keys[i], bytes, &size);
        if (why)
            config_complain(c, name, c->entry_lines[SECTION_TOKEN_KEYS][i], "token key '%s': file: %s: %s",
                            c->token_keys[i].id, c->token_keys[i].file, why);
    }
    explicit_bzero(bytes, sizeof bytes);
    if (!c->has_http)
        return;
    check_file(c, name, "http.certificate_file", c->http_certificate,
               config_key_line(c, c->http_certificate));
    check_file(c, name, "http.key_file", c->http_key, config_key_line(c, c->http_key));
}
