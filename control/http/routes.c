/* Every path there is, what it takes, and who may ask. */
#include "control/console/console.h"
#include "control/http/inside.h"

const struct web_route http_routes[] = {
    {WEB_GET, "/", console_serve, HTTP_OPEN, 0},
    {WEB_GET, "/console/{file}", console_serve, HTTP_OPEN, 0},
    {WEB_GET, "/healthz", http_healthz, HTTP_OPEN, 0},
    {WEB_GET, "/readyz", http_readyz, HTTP_OPEN, 0},
    {WEB_GET, "/metrics", http_metrics, HTTP_OPEN, 0},
    {WEB_GET, "/rfq", http_ws, HTTP_OPEN, 0}, /* WebSocket: it asks for the token itself */
    {WEB_GET, "/api/v1/openapi.json", http_openapi, HTTP_OPEN, 0},

    {WEB_POST, "/api/v1/rfqs", http_rfqs_create, HTTP_TRADES, 0},
    {WEB_GET, "/api/v1/rfqs", http_rfqs_list, HTTP_USER, 0},
    {WEB_GET, "/api/v1/rfqs/{id}", http_rfq_get, HTTP_USER, 0},
    {WEB_GET, "/api/v1/rfqs/{id}/quotes", http_rfq_quotes, HTTP_USER, 0},
    {WEB_GET, "/api/v1/rfqs/{id}/transitions", http_rfq_transitions, HTTP_USER, 0},
    {WEB_GET, "/api/v1/rfqs/{id}/deliveries", http_rfq_deliveries, HTTP_USER, 0},
    {WEB_GET, "/api/v1/rfqs/{id}/events", http_rfq_events, HTTP_USER, 0},
    {WEB_POST, "/api/v1/rfqs/{id}/accept", http_rfq_accept, HTTP_TRADES, 0},
    {WEB_POST, "/api/v1/rfqs/{id}/cancel", http_rfq_cancel, HTTP_TRADES, 0},
    {WEB_POST, "/api/v1/rfqs/{id}/extend", http_rfq_extend, HTTP_TRADES, 0},

    {WEB_GET, "/api/v1/orders", http_orders_list, HTTP_USER, 0},
    {WEB_GET, "/api/v1/orders/{id}", http_order_get, HTTP_USER, 0},
    {WEB_GET, "/api/v1/instruments", http_instruments_list, HTTP_USER, 0},
    {WEB_GET, "/api/v1/instruments/{symbol}", http_instrument_get, HTTP_USER, 0},
    {WEB_GET, "/api/v1/events", http_events, HTTP_USER, 0},

    {WEB_GET, "/api/v1/admin/lps", http_lps_list, HTTP_OPS, 0},
    {WEB_GET, "/api/v1/admin/lps/{code}", http_lp_get, HTTP_OPS, 0},
    {WEB_GET, "/api/v1/admin/sessions", http_sessions_list, HTTP_OPS, 0},
    {WEB_GET, "/api/v1/admin/instruments", http_instruments_list, HTTP_OPS, 0},
    {WEB_GET, "/api/v1/admin/instruments/{symbol}", http_instrument_get, HTTP_OPS, 0},
};
const unsigned http_route_count = sizeof http_routes / sizeof *http_routes;
