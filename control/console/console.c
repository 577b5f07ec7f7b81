#include "control/console/console.h"

#include <string.h>

#include "control/console/files.h"

static const char policy[] =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

const struct console_file *console_find(const char *name)
{
    for (unsigned i = 0; i < sizeof console_files / sizeof *console_files; i++)
        if (strcmp(console_files[i].name, name) == 0)
            return &console_files[i];
    return NULL;
}

void console_serve(struct web_request *r)
{
    bool is_root = strcmp(web_route_of(r)->path, "/") == 0;
    const char *name = is_root ? "index.html" : web_param(r, 0);
    const struct console_file *f = console_find(name);
    if (!f) {
        web_problem(r, 404, "not_found", "the page has no file '%.64s'", name);
        return;
    }
    web_add_header(r, "ETag", f->etag);
    web_add_header(r, "Cache-Control", "no-cache");
    web_add_header(r, "Content-Security-Policy", policy);
    web_add_header(r, "X-Frame-Options", "DENY");
    web_add_header(r, "Referrer-Policy", "no-referrer");
    if (web_has_tag(r, f->etag))
        web_answer(r, 304, NULL, NULL, 0);
    else
        web_answer(r, 200, f->type, f->bytes, f->size);
}
