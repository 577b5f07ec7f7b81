/* Entity tags: what the asker has already need not be sent again (RFC 9110, 8.8.3 and 13.1.2). */
#include <string.h>

#include "control/web/inside.h"

/* One tag at the begin of a list: its opaque part with the quotes, and how long that is. 0: none stands
 * there. */
static size_t opaque_of(const char *text, const char **opaque)
{
    *opaque = strncmp(text, "W/", 2) == 0 ? text + 2 : text;
    if (**opaque != '"')
        return 0;
    const char *end = strchr(*opaque + 1, '"');
    return end ? (size_t)(end + 1 - *opaque) : 0;
}

bool web_tag_listed(const char *list, const char *etag)
{
    const char *wanted, *opaque;
    size_t wanted_size = opaque_of(etag, &wanted), size;
    const char *at = list + strspn(list, " \t");
    if (*at == '*')
        return at[1 + strspn(at + 1, " \t")] == 0;
    for (at += strspn(at, " \t,"); *at; at += strspn(at, " \t,")) {
        size = opaque_of(at, &opaque);
        if (size == 0)
            return false; /* no list of tags, from here on */
        if (size == wanted_size && memcmp(opaque, wanted, size) == 0)
            return true;
        at = opaque + size;
        if (*at && !strchr(" \t,", *at))
            return false;
    }
    return false;
}

bool web_has_tag(const struct web_request *r, const char *etag)
{
    for (unsigned i = 0; i < r->header_count; i++) /* a list may come in several lines */
        if (strcmp(r->head + r->headers[i].name, "if-none-match") == 0 &&
            web_tag_listed(r->head + r->headers[i].value, etag))
            return true;
    return false;
}
