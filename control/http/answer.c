/* Answers that many resources give. */
#include <stdio.h>
#include <string.h>

#include "control/http/inside.h"
#include "dataplane/core/hash.h"
#include "storage/store.h"

void http_json(struct web_request *r, unsigned status, struct json *j)
{
    if (j->failed) {
        http_failed(r, ERR_MEMORY, j);
        return;
    }
    web_add_header(r, "Cache-Control", "no-store");
    web_answer(r, status, "application/json", j->text, j->used);
    json_free(j);
}

static void print_tag(char out[HTTP_TAG_SIZE], const char *weak, const void *bytes, size_t size)
{
    snprintf(out, HTTP_TAG_SIZE, "%s\"%016llx\"", weak, (unsigned long long)hash_bytes(bytes, size));
}

static bool is_known(struct web_request *r, const char *etag)
{
    if (!web_has_tag(r, etag))
        return false;
    web_add_header(r, "ETag", etag);
    web_add_header(r, "Cache-Control", "no-store");
    web_answer(r, 304, NULL, NULL, 0);
    return true;
}

bool http_unchanged(struct web_request *r, const void *entity, size_t size, char etag[HTTP_TAG_SIZE])
{
    print_tag(etag, "W/", entity, size);
    return is_known(r, etag);
}

void http_json_tagged(struct web_request *r, struct json *j)
{
    char etag[HTTP_TAG_SIZE];
    if (j->failed) {
        http_failed(r, ERR_MEMORY, j);
        return;
    }
    print_tag(etag, "", j->text, j->used);
    if (is_known(r, etag)) {
        json_free(j);
        return;
    }
    web_add_header(r, "ETag", etag);
    http_json(r, 200, j);
}

void http_failed(struct web_request *r, enum err e, struct json *j)
{
    if (j)
        json_free(j);
    web_add_header(r, "Retry-After", "1");
    if (e == ERR_MEMORY)
        web_problem(r, 503, "no_memory", "there is no memory for the answer");
    else
        web_problem(r, 503, "store", "the store cannot be read: %s",
                    *store_error() ? store_error() : err_text(e));
}

void http_list_begin(struct json *j, const char *name)
{
    memset(j, 0, sizeof *j);
    json_open(j, NULL, '{');
    json_open(j, name, '[');
}

void http_list_end(struct web_request *r, struct json *j, const char *next)
{
    json_close(j, ']');
    if (next)
        json_text(j, "next", next);
    else
        json_raw(j, "next", "null", 4);
    json_close(j, '}');
    http_json_tagged(r, j);
}
