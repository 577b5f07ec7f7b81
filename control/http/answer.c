/* Answers that many resources give, what they find, and what the query says. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/inside.h"
#include "storage/store.h"

/* Answers
 * -------------------------------------------------------------------------------------------------------- */

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

/* The thing of the path
 * -------------------------------------------------------------------------------------------------------- */

bool http_may_see(struct web_request *r, const struct view_owner *owner)
{
    return principal_may_see(http_of(r)->auth, http_principal(r), owner->tenant, owner->taker);
}

static bool not_found(struct web_request *r, const char *code, const char *what)
{
    web_problem(r, 404, code, "there is no %s %.64s", what, web_param(r, 0));
    return false;
}

bool http_find_rfq(struct web_request *r, struct view_rfq *out)
{
    const char *name = web_param(r, 0);
    uint64_t id = name_parse('R', name, strlen(name));
    enum err e = id ? view_find_rfq(http_replica(r), id, out) : ERR_NOT_FOUND;
    if (e != OK && e != ERR_NOT_FOUND) {
        http_failed(r, e, NULL);
        return false;
    }
    return (e == OK && http_may_see(r, &out->owner)) || not_found(r, "unknown_rfq", "RFQ");
}

bool http_find_order(struct web_request *r, struct view_order *out)
{
    const char *name = web_param(r, 0);
    uint64_t id = name_parse('O', name, strlen(name));
    enum err e = id ? view_find_order(http_replica(r), id, out) : ERR_NOT_FOUND;
    if (e != OK && e != ERR_NOT_FOUND) {
        http_failed(r, e, NULL);
        return false;
    }
    return (e == OK && http_may_see(r, &out->owner)) || not_found(r, "unknown_order", "order");
}

/* The query
 * -------------------------------------------------------------------------------------------------------- */

bool http_bad_parameter(struct web_request *r, const char *name, const char *wanted)
{
    http_count(r, HTTP_REFUSED_PARAMETER);
    web_problem(r, 400, "bad_parameter", "'%s' takes %s", name, wanted);
    return false;
}

bool http_query_known(struct web_request *r, const char *const *known)
{
    char other[40];
    if (!web_query_other(r, known, other, sizeof other))
        return true;
    http_count(r, HTTP_REFUSED_PARAMETER);
    for (; *known; known++)
        if (strcmp(*known, other) == 0) {
            web_problem(r, 400, "bad_parameter", "'%s' is given twice", other);
            return false;
        }
    web_problem(r, 400, "bad_parameter", "there is no parameter '%s' here", other);
    return false;
}

bool http_query_text(struct web_request *r, const char *name, char *out, size_t size)
{
    bool too_long;
    out[0] = 0;
    if (web_query(r, name, out, size, &too_long))
        return true;
    out[0] = 0;
    return !too_long || http_bad_parameter(r, name, "less than so many characters");
}

static bool parse_number(const char *text, uint64_t *out)
{
    *out = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

bool http_query_number(struct web_request *r, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
    char text[24], wanted[64];
    uint64_t n;
    if (!http_query_text(r, name, text, sizeof text))
        return false;
    if (!*text)
        return true;
    snprintf(wanted, sizeof wanted, "a number from %" PRIu64 " to %" PRIu64, least, most);
    if (!parse_number(text, &n) || n < least || n > most)
        return http_bad_parameter(r, name, wanted);
    *out = n;
    return true;
}

bool http_query_time(struct web_request *r, const char *name, uint64_t *ns)
{
    char text[40];
    if (!http_query_text(r, name, text, sizeof text))
        return false;
    return !*text || body_time(text, ns) ||
           http_bad_parameter(r, name, "a time such as 2026-01-31T12:00:00Z");
}

bool http_query_name(struct web_request *r, const char *name, char kind, uint64_t *id)
{
    char text[ID_TEXT_SIZE], wanted[40] = "X and hexadecimal digits";
    if (!http_query_text(r, name, text, sizeof text))
        return false;
    *id = name_parse(kind, text, strlen(text));
    wanted[0] = kind;
    return !*text || *id || http_bad_parameter(r, name, wanted);
}
