/* Console: the page at `/`, for people who trade and who watch. It is plain HTML, CSS and ES modules in this
 * folder, as they stand; the build makes C arrays of them (embed.cmake), so the appliance is one file to
 * install. Owner: the control core; nothing here changes after the build.
 *
 *     {WEB_GET, "/", console_serve, HTTP_OPEN, 0}, {WEB_GET, "/console/{file}", console_serve, HTTP_OPEN, 0}
 *
 * The page is open to anybody and holds nothing: what it shows it asks of the HTTP API and of the WebSocket,
 * with the token of whoever is at it. Its policy (CSP) lets it load and call nothing but this server, lets no
 * script or style stand in the page itself, and lets no other page frame it.
 *
 * Each answer has an ETag of its content and is to be asked for again (no-cache): 304 where nothing changed,
 * so that a new version is there at once. A file that is not there: 404 not_found.
 */
#ifndef RFQD_CONTROL_CONSOLE_H
#define RFQD_CONTROL_CONSOLE_H

#include "control/web/web.h"

struct console_file {
    const char *name; /* "index.html" */
    const char *type; /* of its content */
    const char *etag; /* quoted */
    const unsigned char *bytes;
    size_t size;
};

/* By name; NULL: there is none. */
const struct console_file *console_find(const char *name);
/* The file that the route's {file} names; of `/`, index.html. */
void console_serve(struct web_request *r);

#endif
