/* WebSocket's fan-out, on a node with a made-up network, disk and clock: who gets what, once and in order,
 * and what becomes of those who do not read. */
#include <criterion/criterion.h>

#include "control/front/front.h"
#include "control/ws/ws.h"
#include "node_rig.h"
#include "tests/unit/token.h"

#define CLIENTS_MAX 60u
#define EVENTS_MAX  12000u
#define SHARED_MAX  2048u
#define ASK_AT_ONCE 30u

struct client {
    uint32_t conn;
    bool upgraded, closed;
    uint16_t close_code;
    unsigned status; /* of the answer to the handshake */
    char *in;
    size_t in_size;
    uint64_t prev; /* seq of the last event */
    uint64_t *seqs;
    unsigned events, over_limit; /* answers with the error `limit` */
    unsigned expired;            /* auth:expired */
};

static struct hall {
    struct node_rig rig;
    struct front *front;
    struct metrics *metrics;
    struct tally *tally;
    struct port *server, *port;
    struct client clients[CLIENTS_MAX];
    unsigned count;
    char *shared[1u << 16]; /* by seq: the text behind prev, as the first one got it */
} hall;

static unsigned poll_front(void *ctx, uint64_t now_ns)
{
    (void)ctx;
    return front_poll(hall.front, now_ns);
}

static void hall_open(void)
{
    struct node_rig *r = &hall.rig;
    struct sim_net_options net = SIM_NET_DEFAULTS;
    memset(&hall, 0, sizeof hall);
    rig_open(r);
    net.window_size = 8192;
    net.segment_size_max = 8192;
    cr_assert_eq(sim_net_configure(r->net, &net), OK);
    cr_assert_eq(sim_net_port(r->net, (struct in_addr){htonl(0x0a000001)}, 64, &hall.server), OK);
    cr_assert_eq(sim_net_port(r->net, (struct in_addr){htonl(0x0a000002)}, 64, &hall.port), OK);
    cr_assert_eq(tally_create(&hall.tally, r->node, r->counters), OK);
    const struct metrics_config m = {
        .node = r->node, .counters = r->counters, .tally = hall.tally, .started_ns = r->now_ns};
    cr_assert_eq(metrics_create(&hall.metrics, &m), OK);
    const struct front_config f = {.node = r->node,
                                   .config = r->config,
                                   .counters = r->counters,
                                   .metrics = hall.metrics,
                                   .port = hall.server};
    cr_assert_eq(front_create(&hall.front, &f, r->now_ns), OK, "%s", front_error());
    r->more = poll_front;
    rig_run(r);
}

static void hall_close(void)
{
    front_destroy(hall.front);
    metrics_destroy(hall.metrics);
    tally_destroy(hall.tally);
    rig_close(&hall.rig);
    for (unsigned i = 0; i < hall.count; i++) {
        free(hall.clients[i].in);
        free(hall.clients[i].seqs);
    }
    for (size_t i = 0; i < sizeof hall.shared / sizeof *hall.shared; i++)
        free(hall.shared[i]);
}

static uint64_t counted(const char *name, const char *label)
{
    uint64_t sum = 0;
    struct counter_view v;
    for (uint32_t i = 0; counters_at(hall.rig.counters, i, &v); i++)
        if (strcmp(v.name, name) == 0 && strstr(v.label, label))
            sum += v.value;
    return sum;
}

/* What comes -------------------------------------------------------------------------------------------- */

static uint64_t number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    cr_assert(at, "%s is missing in %s", name, text);
    return strtoull(at + strlen(name), NULL, 10);
}

static void on_event(struct client *c, char *text)
{
    char *shared = strchr(text, ',') + 1;
    uint64_t prev = number_behind(text, "{\"prev\":"), seq = number_behind(shared, "\"seq\":");
    cr_assert_eq(prev, c->prev, "%s", text);
    cr_assert_gt(seq, prev);
    cr_assert_lt(seq, sizeof hall.shared / sizeof *hall.shared);
    if (!hall.shared[seq])
        hall.shared[seq] = strdup(shared);
    cr_assert_str_eq(shared, hall.shared[seq]);
    cr_assert_lt(c->events, EVENTS_MAX);
    c->seqs[c->events++] = c->prev = seq;
}

static void on_frame(struct client *c, uint8_t head, char *text, size_t size)
{
    char kept = text[size];
    text[size] = 0;
    if (head == 0x88)
        c->close_code = (uint16_t)((uint8_t)text[0] << 8 | (uint8_t)text[1]);
    else if (strncmp(text, "{\"prev\":", 8) == 0)
        on_event(c, text);
    else if (strncmp(text, "{\"re\":1,", 8) == 0 && strstr(text, "\"seq\":")) /* subscribed, from there on */
        c->prev = number_behind(text, "\"seq\":");
    else if (strstr(text, "\"error\":\"limit\""))
        c->over_limit++;
    else if (strstr(text, "auth:expired"))
        c->expired++;
    text[size] = kept;
}

static void take_frames(struct client *c)
{
    size_t done = 0;
    if (!c->upgraded) {
        char *end = c->in_size > 4 ? memmem(c->in, c->in_size, "\r\n\r\n", 4) : NULL;
        if (!end)
            return;
        c->status = (unsigned)strtoul(c->in + 9, NULL, 10);
        if (c->status != 101)
            return;
        c->upgraded = true;
        done = (size_t)(end - c->in) + 4;
    }
    while (c->in_size - done >= 4) {
        const uint8_t *at = (const uint8_t *)c->in + done;
        size_t size = at[1], head = 2;
        if (size == 126) {
            size = (size_t)at[2] << 8 | at[3];
            head = 4;
        }
        if (c->in_size - done < head + size)
            break;
        on_frame(c, at[0], c->in + done + head, size);
        done += head + size;
    }
    c->in_size -= done;
    memmove(c->in, c->in + done, c->in_size);
}

static void take_all(void)
{
    struct port_event e[PORT_EVENTS_MAX];
    for (unsigned count; (count = port_poll(hall.port, e, PORT_EVENTS_MAX)) > 0;)
        for (unsigned i = 0; i < count; i++) {
            struct client *c = &hall.clients[e[i].tag];
            if (e[i].type == PORT_CLOSED)
                c->closed = true;
            if (e[i].type != PORT_DATA)
                continue;
            c->in = realloc(c->in, c->in_size + e[i].size + 1);
            memcpy(c->in + c->in_size, e[i].data, e[i].size);
            c->in_size += e[i].size;
            take_frames(c);
        }
}

/* Time passes, and clients read. */
static void go_on(uint64_t ns)
{
    for (uint64_t end = hall.rig.now_ns + ns; hall.rig.now_ns < end;) {
        rig_pass(&hall.rig, 1000000);
        take_all();
    }
}

/* What goes --------------------------------------------------------------------------------------------- */

/* The mask is zero. */
static void say(struct client *c, const char *text)
{
    static char frame[1024];
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    cr_assert_lt(size, sizeof frame - 8);
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, size);
    cr_assert_eq(port_send(hall.port, c->conn, frame, head + 4 + size), OK);
    port_flush(hall.port);
}

static struct client *arrive(void)
{
    struct client *c = &hall.clients[hall.count];
    c->seqs = calloc(EVENTS_MAX, sizeof *c->seqs);
    cr_assert_eq(port_connect(hall.port, &hall.rig.config->http_listen, NULL, hall.count++, &c->conn), OK);
    go_on(2000000);
    return c;
}

static void send_text(struct client *c, const char *text)
{
    cr_assert_eq(port_send(hall.port, c->conn, text, strlen(text)), OK);
    port_flush(hall.port);
    go_on(3000000);
}

#define HANDSHAKE                                                                   \
    "GET /rfq HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

/* token NULL: none in the head. */
static struct client *enter(const char *token)
{
    static char text[1024];
    struct client *c = arrive();
    snprintf(text, sizeof text, HANDSHAKE "%s%s%s\r\n", token ? "Authorization: Bearer " : "",
             token ? token : "", token ? "\r\n" : "");
    send_text(c, text);
    cr_assert(c->upgraded, "%u", c->status);
    return c;
}

static const char *token_of(const char *user, const char *role)
{
    static char token[512];
    token_make(token, sizeof token, RIG_SECRET, user, role, hall.rig.now_ns / RIG_SECOND + 36000);
    return token;
}

static struct client *listener(const char *request)
{
    struct client *c = enter(token_of("root", "admin"));
    say(c, request);
    go_on(3000000);
    return c;
}

static void ask_for_rfqs(struct client *c, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        say(c, "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\","
               "\"timeoutMs\":1000}");
}

/* Tests ------------------------------------------------------------------------------------------------- */

/* Events are gathered, and sent in one piece, shared by those who get the same: still each gets its own, all
 * of them, once. */
Test(control_fan, everybody_gets_its_own_once_and_in_order)
{
    hall_open();
    struct client *root = enter(token_of("root", "admin")), *ann = enter(token_of("ann", "trader"));
    struct client *all[3], *anns[3], *both[3];
    for (unsigned i = 0; i < 3; i++) {
        all[i] = listener("{\"op\":\"subscribe:tenant\",\"id\":1}");
        anns[i] = listener("{\"op\":\"subscribe:trader\",\"id\":1,\"traderId\":\"ann\"}");
        both[i] = listener("{\"op\":\"subscribe:trader\",\"id\":1,\"traderId\":\"ann\"}");
        say(both[i], "{\"op\":\"subscribe:tenant\",\"id\":1}");
        go_on(3000000);
    }
    /* Several RFQs are decided in one poll. The same is for all, who had different things before; different
     * things are for those who had the same before. */
    static const struct {
        unsigned root, ann;
    } rounds[] = {{7, 5}, {7, 0}, {0, 5}, {6, 6}, {0, 1}, {1, 1}};
    for (unsigned i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        ask_for_rfqs(root, rounds[i].root);
        ask_for_rfqs(ann, rounds[i].ann);
        go_on(RIG_SECOND);
    }
    cr_assert_gt(anns[0]->events, 0);
    cr_assert_eq(all[0]->events * 18, anns[0]->events * (21 + 18)); /* an RFQ is as many events as another */
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(all[i]->events, all[0]->events);
        cr_assert_eq(both[i]->events, all[0]->events);
        cr_assert_eq(anns[i]->events, anns[0]->events);
        cr_assert_eq(memcmp(all[i]->seqs, both[i]->seqs, all[0]->events * sizeof *all[0]->seqs), 0);
    }
    unsigned found = 0;
    for (unsigned i = 0; i < all[0]->events; i++)
        if (found < anns[0]->events && all[0]->seqs[i] == anns[0]->seqs[found])
            found++;
    cr_assert_eq(found, anns[0]->events);
    hall_close();
}

Test(control_fan, those_who_do_not_read_are_closed_and_nobody_waits_for_them)
{
    enum { EACH = 20 };
    struct client *readers[EACH], *sleepers[EACH];
    hall_open();
    struct client *root = enter(token_of("root", "admin"));
    for (unsigned i = 0; i < EACH; i++) {
        readers[i] = listener("{\"op\":\"subscribe:tenant\",\"id\":1}");
        sleepers[i] = listener("{\"op\":\"subscribe:tenant\",\"id\":1}");
        port_pause(hall.port, sleepers[i]->conn);
    }
    unsigned before = 0;
    for (unsigned round = 0; counted("rfqd_ws_slow_consumers_total", "") < EACH; round++) {
        cr_assert_lt(round, 400, "%llu are closed",
                     (unsigned long long)counted("rfqd_ws_slow_consumers_total", ""));
        ask_for_rfqs(root, ASK_AT_ONCE);
        go_on(RIG_SECOND / 2);
        cr_assert_gt(readers[0]->events, before); /* at once, whatever waits for the others */
        before = readers[0]->events;
    }
    go_on(RIG_SECOND);
    cr_assert_eq(counted("rfqd_ws_disconnects_total", "1013"), EACH);
    cr_assert_eq(counted("rfqd_ws_connections", ""), EACH + 1);
    for (unsigned i = 0; i < EACH; i++) {
        cr_assert(!readers[i]->closed);
        cr_assert_eq(readers[i]->events, readers[0]->events);
        cr_assert_eq(readers[i]->prev, readers[0]->prev);
    }
    hall_close();
}

Test(control_fan, the_tenants_limit_holds_for_a_token_in_the_first_frame_too)
{
    char text[700];
    hall_open();
    struct client *first = enter(token_of("root", "admin")), *second = enter(NULL);
    hall.rig.config->http_connections_per_tenant_max = 1;
    snprintf(text, sizeof text, "{\"op\":\"auth\",\"id\":7,\"token\":\"%s\"}", token_of("root", "admin"));
    say(second, text);
    go_on(RIG_SECOND / 10);
    cr_assert_eq(second->close_code, 1013);
    cr_assert_eq(counted("rfqd_ws_refused_total", "connections_per_tenant"), 1);
    port_close(hall.port, first->conn); /* whoever goes makes room */
    go_on(RIG_SECOND / 10);
    struct client *third = enter(NULL);
    say(third, text);
    say(third, "{\"op\":\"subscribe:tenant\",\"id\":1}");
    go_on(RIG_SECOND / 10);
    cr_assert_gt(third->prev, 0);
    cr_assert_eq(third->close_code, 0);
    hall_close();
}

/* Nobody but the door is polled while they come: none is answered before the last one is asked. */
Test(control_fan, of_a_connection_so_many_commands_are_under_way_and_no_more)
{
    enum { TOO_MANY = 6, COUNT = WS_COMMANDS_MAX + TOO_MANY };
    static const char text[] =
        "{\"op\":\"rfq.create\",\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1\"}";
    static char frames[COUNT * (6 + sizeof text)];
    size_t size = 0;
    hall_open();
    struct client *c = enter(token_of("root", "admin"));
    for (unsigned i = 0; i < COUNT; i++) {
        size_t length = sizeof text - 1;
        frames[size] = (char)0x81;
        frames[size + 1] = (char)(0x80 | length);
        memcpy(frames + size + 6, text, length); /* the mask is zero */
        size += 6 + length;
    }
    cr_assert_eq(port_send(hall.port, c->conn, frames, size), OK);
    port_flush(hall.port);
    while (counted("rfqd_ws_refused_total", "\"commands\"") < TOO_MANY) {
        rig_set_time(&hall.rig, hall.rig.now_ns + 100000);
        front_poll(hall.front, hall.rig.now_ns);
        cr_assert_leq(counted("rfqd_ws_commands_total", ""), WS_COMMANDS_MAX);
    }
    go_on(RIG_SECOND);
    cr_assert_eq(c->over_limit, TOO_MANY);
    cr_assert_eq(counted("rfqd_ws_refused_total", "\"commands\""), TOO_MANY);
    cr_assert_eq(counted("rfqd_ws_refused_total", "\"rate\""), 0);
    cr_assert_eq(counted("rfqd_ws_commands_total", ""), WS_COMMANDS_MAX);
    say(c, text); /* those are answered */
    go_on(RIG_SECOND);
    cr_assert_eq(counted("rfqd_ws_commands_total", ""), WS_COMMANDS_MAX + 1);
    cr_assert_eq(c->over_limit, TOO_MANY);
    hall_close();
}

Test(control_fan, whoever_comes_at_a_planned_stop_is_turned_away)
{
    hall_open();
    struct client *here = enter(token_of("root", "admin")), *late = arrive();
    send_text(late, HANDSHAKE); /* its head is not whole when the stop begins: it is heard out */
    front_stop_begin(hall.front, hall.rig.now_ns);
    send_text(late, "\r\n");
    cr_assert_eq(late->status, 503);
    cr_assert_not_null(memmem(late->in, late->in_size, "going_away", 10));
    cr_assert_eq(counted("rfqd_ws_refused_total", "\"going_away\""), 1);
    cr_assert_eq(here->close_code, 1001);
    cr_assert_eq(counted("rfqd_ws_disconnects_total", "\"1001\""), 1);
    hall_close();
}

/* Its end is looked at once a second. */
Test(control_fan, a_token_that_expires_leaves_time_to_bring_another)
{
    char token[512], text[700];
    hall_open();
    uint64_t end_s = hall.rig.now_ns / RIG_SECOND + 10;
    token_make(token, sizeof token, RIG_SECRET, "root", "admin", end_s);
    struct client *idle = enter(token), *quick = enter(token);
    go_on(end_s * RIG_SECOND - hall.rig.now_ns - RIG_SECOND / 10);
    cr_assert_eq(idle->expired, 0);
    go_on(RIG_SECOND + RIG_SECOND / 5);
    cr_assert_eq(idle->expired, 1);
    cr_assert_eq(quick->expired, 1);
    snprintf(text, sizeof text, "{\"op\":\"auth\",\"token\":\"%s\"}", token_of("root", "admin"));
    say(quick, text);
    go_on(end_s * RIG_SECOND + WS_EXPIRY_NS - hall.rig.now_ns - RIG_SECOND / 10);
    cr_assert_eq(idle->close_code, 0);
    go_on(RIG_SECOND + RIG_SECOND / 5);
    cr_assert_eq(idle->close_code, 1008);
    cr_assert_eq(idle->expired, 1); /* once */
    go_on(10 * RIG_SECOND);
    cr_assert_eq(quick->close_code, 0);
    cr_assert_eq(quick->expired, 1);
    hall_close();
}
