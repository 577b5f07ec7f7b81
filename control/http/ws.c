/* The way to WebSocket. */
#include "control/http/inside.h"

void http_ws(struct web_request *r)
{
    ws_serve(http_of(r)->ws, r);
}
