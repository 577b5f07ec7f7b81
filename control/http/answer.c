/* Answers that many resources give. */
#include <string.h>

#include "control/http/inside.h"
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
    http_json(r, 200, j);
}
