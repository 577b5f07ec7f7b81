/* The gateway on kernel sockets: the same peers, over loopback, in real time. */
#include <fcntl.h>
#include <sys/socket.h>

#include "dataplane/core/decimal.h"
#include "tests/unit/gateway_harness.h"

/* A peer on a plain socket. Its `struct peer` is used for its text and lists only. */
struct plain {
    struct peer peer;
    int fd;
};

static unsigned plain_poll(struct plain *p)
{
    struct peer *q = &p->peer;
    q->now_ns = clock_now_ns();
    ssize_t got = recv(p->fd, q->stream + q->stream_size, sizeof q->stream - q->stream_size, MSG_DONTWAIT);
    if (got <= 0)
        return 0;
    q->stream_size += (size_t)got;
    size_t size;
    while (q->stream_size && fix_frame(q->stream, q->stream_size, &size) == FIX_FRAME_OK) {
        char message[1 << 16];
        memcpy(message, q->stream, size);
        memmove(q->stream, q->stream + size, q->stream_size - size);
        q->stream_size -= size;
        peer_got(q, message, size);
    }
    return 1;
}

static void plain_send(struct plain *p, const char *body)
{
    char bytes[4096];
    size_t size = fix_text(bytes, sizeof bytes, p->peer.name, p->peer.next_out++, clock_now_ns(), body);
    cr_assert_eq(send(p->fd, bytes, size, 0), (ssize_t)size);
}

/* Until the condition holds; the limit is for a hung test only. */
#define UNTIL(w, p, condition)                                        \
    do {                                                              \
        uint64_t give_up_ = clock_now_ns() + 20 * SECOND;             \
        struct agent a_ = gateway_agent((w)->gateway);                \
        while (!(condition)) {                                        \
            cr_assert_lt(clock_now_ns(), give_up_, "%s", #condition); \
            a_.poll(a_.self, clock_now_ns());                         \
            world_log(w);                                             \
            plain_poll(p);                                            \
        }                                                             \
    } while (0)

static bool got(struct plain *p, const char *type)
{
    struct peer *q = &p->peer;
    for (; q->message_next < q->message_count; q->message_next++)
        if (field_is(q->messages[q->message_next], 35, type)) {
            q->message_next++;
            return true;
        }
    return false;
}

static void plain_connect(struct plain *p, const struct sockaddr_in *to)
{
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(p->fd, (const struct sockaddr *)to, sizeof *to), 0);
    p->peer.stream_size = 0;
}

static struct sockaddr_in free_address(void)
{
    struct sockaddr_in a = address("127.0.0.1", 0);
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    close(fd);
    return a;
}

Test(gateway_uring, a_session_lives_through_requests_reports_and_a_reconnect)
{
    clock_init();
    struct world *w = world_new(1);
    port_destroy(w->port);
    cr_assert_eq(port_uring_create(&w->port, 64), OK, "rfqd needs io_uring, and so does this test");
    w->now_ns = clock_now_ns();
    w->listen = free_address();
    world_start(w);
    struct plain *p = calloc(1, sizeof *p);
    p->peer.name = "T1";
    p->peer.next_out = p->peer.next_in = 1;
    plain_connect(p, &w->listen);
    plain_send(p, "35=A|98=0|108=30|");
    UNTIL(w, p, got(p, "A"));
    lane_drain(w->request);
    for (unsigned i = 0; i < 200; i++) {
        char body[128];
        snprintf(body, sizeof body, "35=R|131=req-%u|146=1|55=EURUSD|38=1|", i);
        plain_send(p, body);
        const struct lane_item *item;
        UNTIL(w, p, (item = lane_peek(w->request)) != NULL);
        item = lane_take(w->request);
        if (item->record.type == RECORD_GATEWAY_SESSION_STATE) {
            UNTIL(w, p, (item = lane_peek(w->request)) != NULL);
            item = lane_take(w->request);
        }
        cr_assert_eq(item->record.type, RECORD_COMMAND_QUOTE_REQUEST);
        struct order_report ev = {.out = {.ref = 1, .ref_kind = REF_ORDER, .must_reach = 1},
                                  .order = i + 1,
                                  .exec_type = '0',
                                  .ord_status = '0',
                                  .side = '1',
                                  .symbol = "EURUSD"};
        EVENT(w, AGENT_ROUTING, ORDER_REPORT, ev, TAKER);
        UNTIL(w, p, got(p, "8"));
    }
    close(p->fd);
    UNTIL(w, p, gateway_session(w->state, TAKER)->state == SESSION_DOWN);
    plain_connect(p, &w->listen);
    plain_send(p, "35=A|98=0|108=30|");
    UNTIL(w, p, got(p, "A"));
    cr_assert_eq(gateway_session(w->state, TAKER)->generation, 1);
    cr_assert_eq(gateway_session(w->state, TAKER)->next_in, p->peer.next_out);
    plain_send(p, "35=5|");
    UNTIL(w, p, got(p, "5"));
    close(p->fd);
    UNTIL(w, p, gateway_session(w->state, TAKER)->state == SESSION_DOWN);
    cr_assert_eq(state_digest(&w->state->base), state_digest(&w->twin->base));
    port_destroy(w->port);
    for (unsigned i = 0; i < p->peer.message_count; i++)
        free(p->peer.messages[i]);
    free(p->peer.messages);
    free(p);
    world_free(w);
}
