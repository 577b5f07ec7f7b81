/* Who may read /metrics: it names the parties of all tenants. */
#include <criterion/criterion.h>

#include "front_rig.h"

static const char *asked(enum http_metrics_for whom, struct front_rig *f)
{
    front_rig_open(f); /* its clients come from 10.0.0.2 */
    f->rig.config->http_metrics = whom;
    struct front_client *c = front_get(f, "/metrics");
    front_pass(f, RIG_SECOND / 100);
    return c->text;
}

static void end(struct front_rig *f)
{
    front_destroy(f->front);
    front_rig_close(f);
}

Test(control_metrics_door, another_host_reads_them_only_where_all_may)
{
    struct front_rig f;
    cr_assert(strstr(asked(METRICS_FOR_ALL, &f), "HTTP/1.1 200 "));
    cr_assert(strstr(f.clients[0].text, "rfqd_rfqs"));
    end(&f);
    static const enum http_metrics_for closed[] = {METRICS_FOR_HOST, METRICS_FOR_NOBODY};
    for (unsigned i = 0; i < 2; i++) {
        const char *text = asked(closed[i], &f);
        cr_assert(strstr(text, "HTTP/1.1 403 ") && strstr(text, "http.metrics"), "%s", text);
        cr_assert_eq(front_counted(&f, "rfqd_api_refused_total", "role"), 1);
        end(&f);
    }
}
