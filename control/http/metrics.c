/* Counters as Prometheus text (version 0.0.4). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/http/inside.h"

struct text {
    struct json j; /* a buffer that grows */
};

static void put(struct text *t, const char *line)
{
    t->j.comma = false;
    json_raw(&t->j, NULL, line, strlen(line));
}

static void put_value(struct text *t, const struct counter_view *v)
{
    char line[COUNTER_NAME_SIZE + COUNTER_LABEL_SIZE + 32];
    snprintf(line, sizeof line, "%s%s%s%s %" PRIu64 "\n", v->name, *v->label ? "{" : "", v->label,
             *v->label ? "}" : "", v->value);
    put(t, line);
}

/* A family's values lie together: all of one name when its first is met. */
static bool is_first(const struct counters *c, uint32_t n, const char *name)
{
    struct counter_view v;
    for (uint32_t i = 0; i < n && counters_at(c, i, &v); i++)
        if (strcmp(v.name, name) == 0)
            return false;
    return true;
}

void http_metrics(struct web_request *r)
{
    const struct counters *c = http_of(r)->counters;
    struct counter_view v, other;
    struct text t = {0};
    char line[COUNTER_NAME_SIZE + 32];
    for (uint32_t i = 0; counters_at(c, i, &v); i++) {
        if (!is_first(c, i, v.name))
            continue;
        snprintf(line, sizeof line, "# TYPE %s %s\n", v.name, v.kind == COUNTER_TOTAL ? "counter" : "gauge");
        put(&t, line);
        for (uint32_t k = i; counters_at(c, k, &other); k++)
            if (strcmp(other.name, v.name) == 0)
                put_value(&t, &other);
    }
    if (t.j.failed)
        http_failed(r, ERR_MEMORY, &t.j);
    else
        web_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", t.j.text, t.j.used);
    json_free(&t.j);
}
