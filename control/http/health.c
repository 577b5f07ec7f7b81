/* Whether the process answers, and whether it should be sent work. */
#include <string.h>

#include "control/http/inside.h"

void http_healthz(struct web_request *r)
{
    static const char fine[] = "{\"status\":\"ok\"}";
    web_answer(r, 200, "application/json", fine, sizeof fine - 1);
}

static const char *replica_says(const struct replica *r, enum replica_standing standing)
{
    switch (standing) {
    case REPLICA_DIFFERS:
        return replica_divergence(r);
    case REPLICA_FULL:
        return replica_error(r) ? replica_error(r) : "the store is slow";
    case REPLICA_BEHIND:
        return "behind";
    case REPLICA_FOLLOWS:
        break;
    }
    return "ok";
}

void http_readyz(struct web_request *r)
{
    const struct http *h = http_of(r);
    const struct log *l = node_log(h->node);
    struct replica *copies = node_replica(h->node);
    enum replica_standing standing = replica_standing(copies);
    const char *log_why = log_failed(l) ? log_error(l) : log_stalled(l);
    const char *process = h->stopping                                      ? "stopping"
                          : replica_config(copies)->distribution->draining ? "draining"
                                                                           : "ok";
    bool ready = !log_why && standing == REPLICA_FOLLOWS && strcmp(process, "ok") == 0;
    struct json j = {0};
    json_open(&j, NULL, '{');
    json_flag(&j, "ready", ready);
    json_open(&j, "checks", '{');
    json_text(&j, "log", log_why ? log_why : "ok"); /* recovered: else nobody would be listening */
    json_text(&j, "replica", replica_says(copies, standing));
    json_text(&j, "process", process);
    json_close(&j, '}');
    json_uint(&j, "replicaLagBytes", replica_lag(copies));
    json_close(&j, '}');
    http_json(r, ready ? 200 : 503, &j);
}
