/* Bytes from a client to the whole front of a node: never a crash, and every answer is HTTP. In the input the
 * byte 0x01 stands for the header with a good token, 0x02 for an RFQ that is there, and 0x03 for a cut: what
 * is behind it is sent later.
 */
#include <string.h>

#include "control/front/front.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_token.h"
#include "tests/unit/node_rig.h"

#define HOUSE_INPUTS 256 /* then a new one, so that one input's history is short */

#define HOST "Host: a\r\n\x01"
#define RFQ  "{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\",\"timeoutMs\":5000}"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("POST /api/v1/rfqs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nIdempotency-Key: a\r\n"
              "Content-Length: 67\r\n\r\n" RFQ),
    FUZZ_SEED("GET /api/v1/rfqs?status=quoted,rejected&symbol=EURUSD&limit=3 HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("GET /api/v1/rfqs/\x02 HTTP/1.1\r\n" HOST "If-None-Match: \"a\", W/\"b\", *\r\n\r\n"
              "GET /api/v1/rfqs/\x02/events HTTP/1.1\r\n" HOST "\r\n"
              "GET /api/v1/rfqs/\x02/quotes HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("POST /api/v1/rfqs/\x02/cancel HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
              "Content-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n\x03GET /healthz HTTP/1.0\r\n\r\n"),
    FUZZ_SEED("GET /api/v1/events?from=0&to=99&type=rfq.created&rfqId=\x02 HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("GET /rfq HTTP/1.1\r\n" HOST
              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x03\x81\x83\x00\x00\x00\x00{}\n"),
    FUZZ_SEED("OPTIONS /api/v1/orders HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\n\r\nHEAD /metrics "
              "HTTP/1.1\r\nHost: "
              "a\r\n\r\n"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"\r\n",
                                   "\x01",
                                   "\x02",
                                   "\x03",
                                   "HTTP/1.1",
                                   "Content-Length: ",
                                   "Expect: 100-continue\r\n",
                                   "Transfer-Encoding: chunked\r\n",
                                   "Connection: close\r\n",
                                   "0\r\n\r\n",
                                   "%2F",
                                   "%00",
                                   "GET ",
                                   "POST ",
                                   "&cursor=",
                                   "?limit=",
                                   "/accept",
                                   "/extend",
                                   "{\"quoteId\":\"Q1\"}",
                                   NULL};

static struct {
    struct node_rig rig;
    struct front *front;
    struct metrics *metrics;
    struct tally *tally;
    struct port *server, *client;
    char token[512], rfq[ID_TEXT_SIZE];
    unsigned inputs;
} house;

static unsigned poll_front(void *ctx, uint64_t now_ns)
{
    (void)ctx;
    return front_poll(house.front, now_ns);
}

static void house_open(void)
{
    rig_open(&house.rig);
    struct in_addr ip = {htonl(0x0a000001)};
    FUZZ_HOLDS(sim_net_port(house.rig.net, ip, 64, &house.server) == OK);
    FUZZ_HOLDS(sim_net_port(house.rig.net, (struct in_addr){htonl(0x0a000002)}, 64, &house.client) == OK);
    FUZZ_HOLDS(tally_create(&house.tally, house.rig.node, house.rig.counters) == OK);
    const struct metrics_config m = {.node = house.rig.node,
                                     .config = house.rig.config,
                                     .counters = house.rig.counters,
                                     .tally = house.tally,
                                     .started_ns = house.rig.now_ns};
    FUZZ_HOLDS(metrics_create(&house.metrics, &m) == OK);
    const struct front_config f = {.node = house.rig.node,
                                   .config = house.rig.config,
                                   .counters = house.rig.counters,
                                   .metrics = house.metrics,
                                   .port = house.server};
    FUZZ_HOLDS(front_create(&house.front, &f, house.rig.now_ns) == OK);
    house.rig.more = poll_front;
    fuzz_token(house.token, sizeof house.token, RIG_SECRET, "root", "admin",
               house.rig.now_ns / RIG_SECOND + 360000);
    strcpy(house.rfq, "R100000000001");
    rig_run(&house.rig);
}

static void house_close(void)
{
    front_destroy(house.front);
    metrics_destroy(house.metrics);
    tally_destroy(house.tally);
    rig_close(&house.rig);
}

/* What comes back; false: the connection has ended. */
static bool take(uint32_t conn, char *answer, size_t *size, size_t room)
{
    struct port_event e[PORT_EVENTS_MAX];
    bool open = true;
    unsigned count = port_poll(house.client, e, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (e[i].conn != conn)
            continue;
        if (e[i].type == PORT_CLOSED)
            open = false;
        if (e[i].type == PORT_DATA && *size + e[i].size < room) {
            memcpy(answer + *size, e[i].data, e[i].size);
            *size += e[i].size;
        }
    }
    return open;
}

static size_t expand(const uint8_t *data, size_t size, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char one[2] = {(char)data[i], 0}, header[600];
        const char *text = one;
        size_t length = 1;
        if (data[i] == 1) {
            length = (size_t)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", house.token);
            text = header;
        } else if (data[i] == 2) {
            text = house.rfq;
            length = strlen(text);
        }
        if (used + length > room)
            break;
        memcpy(out + used, text, length);
        used += length;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[65536], answer[1 << 20];
    size_t got = 0;
    if (house.inputs++ % HOUSE_INPUTS == 0) {
        if (house.inputs > 1)
            house_close();
        house_open();
    }
    struct sockaddr_in to = house.rig.config->http_listen;
    uint32_t conn;
    FUZZ_HOLDS(port_connect(house.client, &to, NULL, 0, &conn) == OK);
    rig_pass(&house.rig, 2000000);
    take(conn, answer, &got, sizeof answer);
    size_t total = expand(data, size, bytes, sizeof bytes);
    bool open = true;
    for (size_t at = 0; at < total && open;) {
        const char *cut = memchr(bytes + at, 3, total - at);
        size_t part = cut ? (size_t)(cut - bytes) - at : total - at;
        if (part > 0 && port_send(house.client, conn, bytes + at, part) == OK)
            port_flush(house.client);
        at += part + (cut != NULL);
        for (unsigned i = 0; i < 3 && open; i++) {
            rig_pass(&house.rig, 2000000);
            open = take(conn, answer, &got, sizeof answer);
        }
    }
    FUZZ_HOLDS(got == 0 || (got >= 13 && memcmp(answer, "HTTP/1.1 ", 9) == 0));
    port_close(house.client, conn);
    rig_pass(&house.rig, 2000000);
    take(conn, answer, &got, sizeof answer);
    return 0;
}
