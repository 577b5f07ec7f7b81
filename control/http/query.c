/* What the query says, and what it should have said. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/http/inside.h"
#include "dataplane/core/text.h"

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
    char wanted[40];
    switch (web_query(r, name, out, size)) {
    case WEB_QUERY_NONE:
    case WEB_QUERY_VALUE:
        return true;
    case WEB_QUERY_LONG:
        snprintf(wanted, sizeof wanted, "at most %zu characters", size - 1);
        return http_bad_parameter(r, name, wanted);
    case WEB_QUERY_BAD:
        break;
    }
    return http_bad_parameter(r, name, "a value, percent-encoded where it has to be");
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

static bool bad_choice(struct web_request *r, const char *name, const char *(*name_of)(unsigned))
{
    char wanted[240];
    struct text t = text_in(wanted, sizeof wanted);
    text_add(&t, "some of ");
    for (unsigned v = 0, known = 0; v < 32; v++)
        if (*name_of(v) != '?') {
            text_add(&t, known++ ? ", " : "");
            text_add(&t, name_of(v));
        }
    text_add(&t, ", separated by commas");
    return http_bad_parameter(r, name, wanted);
}

bool http_query_choices(struct web_request *r, const char *name, const char *(*name_of)(unsigned),
                        unsigned *bits)
{
    char text[160];
    *bits = 0;
    if (!http_query_text(r, name, text, sizeof text))
        return false;
    for (char *rest = text, *one; (one = strsep(&rest, ",")) && *text;) {
        unsigned v = 0;
        while (v < 32 && (*name_of(v) == '?' || strcmp(name_of(v), one) != 0))
            v++;
        if (v == 32)
            return bad_choice(r, name, name_of);
        *bits |= 1u << v;
    }
    return true;
}
