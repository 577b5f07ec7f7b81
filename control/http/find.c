/* The thing of the path, where the asker may see it. */
#include <string.h>

#include "control/http/inside.h"

bool http_may_see(struct web_request *r, const struct view_owner *owner)
{
    return principal_may_see(http_of(r)->auth, http_principal(r), owner->tenant, owner->taker);
}

static bool found(struct web_request *r, enum err e, const struct view_owner *owner, const char *code,
                  const char *what)
{
    if (e != OK && e != ERR_NOT_FOUND) {
        http_failed(r, e, NULL);
        return false;
    }
    if (e == OK && http_may_see(r, owner))
        return true;
    web_problem(r, 404, code, "there is no %s %.64s", what, web_param(r, 0));
    return false;
}

void http_unknown_rfq(struct web_request *r)
{
    (void)found(r, ERR_NOT_FOUND, NULL, "unknown_rfq", "RFQ");
}

void http_unknown_order(struct web_request *r)
{
    (void)found(r, ERR_NOT_FOUND, NULL, "unknown_order", "order");
}

bool http_find_rfq(struct web_request *r, struct view_rfq *out)
{
    const char *name = web_param(r, 0);
    uint64_t id = name_parse('R', name, strlen(name));
    enum err e = id ? view_find_rfq(http_replica(r), id, out) : ERR_NOT_FOUND;
    return found(r, e, &out->owner, "unknown_rfq", "RFQ");
}

bool http_find_order(struct web_request *r, struct view_order *out)
{
    const char *name = web_param(r, 0);
    uint64_t id = name_parse('O', name, strlen(name));
    enum err e = id ? view_find_order(http_replica(r), id, out) : ERR_NOT_FOUND;
    return found(r, e, &out->owner, "unknown_order", "order");
}
