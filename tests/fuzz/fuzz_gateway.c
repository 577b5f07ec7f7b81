/* A gateway whose peers may say anything, with engines that answer, lanes that fill, disks that hang,
 * connections that break and a process that is killed. The first byte chooses the role and the configuration;
 * then come lines:
 *
 *   35=…         a message without its frame ('|' is SOH; '@' is the number expected of the peer)
 *   *…           bytes as they are
 *   +c           time passes: (c & 63) × 500 ms
 *   #c           an engine's event: kind c & 15, with or without an expiry, must_reach
 *   >            the engines stop taking from their lanes;  < they go on
 *   %            the log agent stands; and goes on
 *   ~            the connection breaks; a new one comes
 *   ^            kill -9, and a restart from what was committed
 *
 * What must hold: the state is what the batches make of it; positions in the lanes only rise; what is sent is
 * FIX, under numbers that rise by one on each connection but for what is marked as sent again; nothing is
 * sent before its record is committed; and no assertion falls. */
#include <string.h>
#include <unistd.h>

#include "dataplane/core/decimal.h"
#include "dataplane/gateway/gateway.h"
#include "tests/fuzz/fix_inputs.h"

#define EVENT_SIZE_MAX 1024

static struct world {
    struct port port;
    struct port_event events[4];
    unsigned event_count;
    uint32_t conn; /* PORT_CONN_NONE: none */
    uint32_t last_conn;
    bool paused, closed;
    uint64_t now_ns, last_number;
    struct ring ring;
    struct ring_reader reader;
    struct lane *lanes[5]; /* order, request, quote, from distribution, from routing */
    struct gateway_state *state, *twin;
    struct counters *counters;
    struct gateway *gateway;
    struct gateway_session_config session;
    struct sockaddr_in listen;
    bool engines_stand, log_stands;
    uint64_t lane_position[3], engine_position;
    struct batch *batches[4096];
    unsigned batch_count;
} * w;

static struct fix_msg sent;

/* Ring and lanes are taken once and go on from input to input: positions only rise, and no result depends on
 * where they begin. */
static struct ring ring_of_all;
static struct lane *lanes_of_all[5];
static uint64_t engine_position_of_all;

/* The port
 * -----------------------------------------------------------------------------------------------------------
 */

static enum err port_fuzz_listen(struct port *p, const struct sockaddr_in *at, uint64_t tag)
{
    (void)p, (void)at, (void)tag;
    return OK;
}

static enum err port_fuzz_connect(struct port *p, const struct sockaddr_in *to,
                                  const struct sockaddr_in *local, uint64_t tag, uint32_t *conn)
{
    (void)p, (void)to, (void)local;
    *conn = w->conn = ++w->last_conn;
    w->closed = false;
    w->last_number = 0;
    w->events[w->event_count++] = (struct port_event){.type = PORT_CONNECTED, .conn = *conn, .tag = tag};
    return OK;
}

static unsigned port_fuzz_poll(struct port *p, struct port_event *events, unsigned max)
{
    (void)p, (void)max;
    unsigned count = 0, kept = 0;
    for (unsigned i = 0; i < w->event_count; i++)
        if (w->events[i].type == PORT_DATA && w->paused)
            w->events[kept++] = w->events[i];
        else
            events[count++] = w->events[i];
    w->event_count = kept;
    return count;
}

static enum err port_fuzz_send(struct port *p, uint32_t conn, const void *bytes, size_t size)
{
    (void)p;
    size_t framed;
    enum err parse_error;
    FUZZ_HOLDS(w->ring.write == ring_tail(&w->ring)); /* committed */
    if (conn != w->conn)
        return ERR_CLOSED;
    FUZZ_HOLDS(fix_frame_parse(&sent, bytes, size, &framed, &parse_error) == FIX_FRAME_OK && framed == size &&
               parse_error == OK);
    if (sent.poss_dup)
        return OK;
    bool reset = sent.type == FIX_MSG_TYPE1('A') && sent.seq == 1;
    FUZZ_HOLDS(reset || w->last_number == 0 || sent.seq > w->last_number);
    w->last_number = sent.seq;
    return OK;
}

static void port_fuzz_flush(struct port *p)
{
    (void)p;
}

static void port_fuzz_pause(struct port *p, uint32_t conn)
{
    (void)p;
    w->paused = w->paused || conn == w->conn;
}

static void port_fuzz_resume(struct port *p, uint32_t conn)
{
    (void)p;
    w->paused = w->paused && conn != w->conn;
}

static void port_fuzz_close(struct port *p, uint32_t conn)
{
    (void)p;
    if (conn != w->conn)
        return;
    w->conn = PORT_CONN_NONE;
    w->closed = true;
    w->paused = false;
    w->event_count = 0;
}

static size_t port_fuzz_backlog(struct port *p, uint32_t conn)
{
    (void)p, (void)conn;
    return 0;
}

static void port_fuzz_tag(struct port *p, uint32_t conn, uint64_t tag)
{
    (void)p;
    (void)conn;
    (void)tag;
}

static const struct port_ops OPS = {.listen = port_fuzz_listen,
                                    .connect = port_fuzz_connect,
                                    .poll = port_fuzz_poll,
                                    .send = port_fuzz_send,
                                    .flush = port_fuzz_flush,
                                    .pause = port_fuzz_pause,
                                    .resume = port_fuzz_resume,
                                    .tag = port_fuzz_tag,
                                    .close = port_fuzz_close,
                                    .backlog = port_fuzz_backlog,
                                    .destroy = port_fuzz_flush};

/* The world
 * ----------------------------------------------------------------------------------------------------------
 */

static void gateway_make(void)
{
    struct gateway_config c = {.agent = AGENT_GATEWAY,
                               .ring = &w->ring,
                               .state = w->state,
                               .port = &w->port,
                               .order = w->lanes[0],
                               .request = w->lanes[1],
                               .quote = w->lanes[2],
                               .from_distribution = w->lanes[3],
                               .from_routing = w->lanes[4],
                               .listen = &w->listen,
                               .sessions = &w->session,
                               .session_count = 1,
                               .resend_store_size = 1,
                               .counters = w->counters};
    FUZZ_HOLDS(gateway_create(&w->gateway, &c) == OK);
}

static void lanes_empty(void)
{
    for (unsigned i = 0; i < 5; i++) {
        if (!lanes_of_all[i])
            FUZZ_HOLDS(lane_create(&lanes_of_all[i], LANE_SIZE_MIN) == OK);
        struct lane *l = w->lanes[i] = lanes_of_all[i];
        lane_abandon(l);
        while (lane_peek(l))
            lane_pop(l);
        lane_release(l);
    }
}

static void ring_take(void)
{
    struct ring_identity identity = {.instance = {0}};
    char path[64];
    if (!ring_of_all.shared) {
        snprintf(path, sizeof path, "/dev/shm/rfqd-fuzz-gateway-%d", (int)getpid());
        FUZZ_HOLDS(ring_create(&ring_of_all, path, RING_SIZE_MIN, AGENT_GATEWAY, &identity, 0) == OK);
        unlink(path);
    }
    w->ring = ring_of_all;
    ring_reader_init(&w->reader, &w->ring, ring_tail(&w->ring));
}

static void start(uint8_t how)
{
    w = calloc(1, sizeof *w);
    FUZZ_HOLDS(w);
    w->port.ops = &OPS;
    w->now_ns = 1795342272000000000u;
    w->conn = PORT_CONN_NONE;
    ring_take();
    lanes_empty();
    w->engine_position = engine_position_of_all;
    FUZZ_HOLDS(gateway_state_create(&w->state, AGENT_GATEWAY, false) == OK);
    FUZZ_HOLDS(gateway_state_create(&w->twin, AGENT_GATEWAY, false) == OK);
    FUZZ_HOLDS(counters_create(&w->counters, NULL) == OK);
    w->session = (struct gateway_session_config){.name = "T",
                                                 .role = how & 1 ? ROLE_LP : ROLE_TAKER,
                                                 .level = how & 2 ? LEVEL_SYNCED : LEVEL_COMMITTED,
                                                 .fix = {.sender = "R",
                                                         .target = "T",
                                                         .initiator = how & 4,
                                                         .heartbeat_s = 30,
                                                         .logon_timeout_ms = 10000,
                                                         .logout_timeout_ms = 2000,
                                                         .admit_reset = how & 8,
                                                         .reset_on_logon = (how & 12) == 12,
                                                         .validate = !(how & 16),
                                                         .admit_user_tags = how & 32,
                                                         .next_expected = how & 64},
                                                 .resend_age_max_ns = how & 128 ? 1000000000u : 0};
    gateway_make();
    FUZZ_HOLDS(gateway_start(w->gateway, w->now_ns, 0) == OK);
}

static void end(void)
{
    gateway_destroy(w->gateway);
    ring_of_all = w->ring;
    engine_position_of_all = w->engine_position;
    w->state->base.destroy(&w->state->base);
    w->twin->base.destroy(&w->twin->base);
    counters_close(w->counters);
    for (unsigned i = 0; i < w->batch_count; i++)
        free(w->batches[i]);
    free(w);
}

static void log_run(void)
{
    const struct batch *b;
    while ((b = ring_next(&w->reader)) != NULL) {
        struct batch *copy = malloc(b->size);
        FUZZ_HOLDS(copy && w->batch_count < sizeof w->batches / sizeof *w->batches);
        memcpy(copy, b, b->size);
        w->batches[w->batch_count++] = copy;
        state_apply_batch(&w->twin->base, copy);
        ring_release(&w->reader, b->position + b->size);
    }
    ring_set_durable(&w->reader, w->reader.next);
}

static void engines_run(void)
{
    for (unsigned i = 0; i < 3; i++) {
        const struct lane_item *item;
        while ((item = lane_peek(w->lanes[i])) != NULL) {
            FUZZ_HOLDS(item->position > w->lane_position[i] && item->position <= ring_tail(&w->ring));
            w->lane_position[i] = item->position;
            lane_pop(w->lanes[i]);
        }
        lane_release(w->lanes[i]);
    }
}

static void settle(void)
{
    struct agent a = gateway_agent(w->gateway);
    unsigned idle = 0;
    for (unsigned rounds = 0; idle < 2 && rounds < 64; rounds++) {
        idle = a.poll(a.self, w->now_ns) ? 0 : idle + 1;
        if (!w->log_stands)
            log_run();
        if (!w->engines_stand)
            engines_run();
    }
    if (!w->log_stands)
        FUZZ_HOLDS(state_digest(&w->state->base) == state_digest(&w->twin->base));
}

static void connect_again(void)
{
    if (w->conn != PORT_CONN_NONE) {
        w->event_count = 0;
        w->events[w->event_count++] = (struct port_event){.type = PORT_CLOSED, .conn = w->conn};
        w->conn = PORT_CONN_NONE;
        w->paused = false;
        settle();
    }
    if (w->session.fix.initiator)
        return; /* it comes by itself */
    w->conn = ++w->last_conn;
    w->closed = false;
    w->last_number = 0;
    w->events[w->event_count++] = (struct port_event){.type = PORT_ACCEPTED, .conn = w->conn};
    settle();
}

static void kill_and_restart(void)
{
    gateway_destroy(w->gateway);
    w->conn = PORT_CONN_NONE;
    w->event_count = 0;
    w->paused = false;
    log_run();
    w->state->base.destroy(&w->state->base);
    lanes_empty();
    FUZZ_HOLDS(gateway_state_create(&w->state, AGENT_GATEWAY, false) == OK);
    for (unsigned i = 0; i < w->batch_count; i++)
        state_apply_batch(&w->state->base, w->batches[i]);
    gateway_make();
    unsigned count = w->batch_count;
    for (unsigned i = 0; i < count; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r))
            if (r->type == RECORD_GATEWAY_OUT)
                gateway_restore_sent(w->gateway, (const void *)r);
    FUZZ_HOLDS(gateway_start(w->gateway, w->now_ns, 0) == OK);
    for (unsigned i = 0; i < count; i++)
        for (const struct record *r = batch_first(w->batches[i]); r; r = batch_after(w->batches[i], r)) {
            uint64_t position = batch_record_position(w->batches[i], r);
            unsigned lane = r->dest == AGENT_ROUTING ? 0 : r->lane == LANE_QUOTE ? 2 : 1;
            if (r->dest != AGENT_NONE && position > w->lane_position[lane])
                FUZZ_HOLDS(gateway_redeliver(w->gateway, r, position, 0));
        }
    settle();
}

static void engine_event(uint8_t c)
{
    static const uint16_t types[16] = {
        RECORD_RFQ_TRANSITION,       RECORD_DELIVERY_RELEASED, RECORD_DELIVERY_ENDED,
        RECORD_QUOTE_ADDED,          RECORD_QUOTE_REFUSED,     RECORD_QUOTE_ENDED,
        RECORD_QUOTE_OFFERED,        RECORD_REQUEST_REFUSED,   RECORD_ACCEPT_REFUSED,
        RECORD_ORDER_RELEASED,       RECORD_ORDER_REPORT,      RECORD_ORDER_CANCEL_ASKED,
        RECORD_ORDER_CANCEL_REFUSED, RECORD_RFQ_CREATED,       RECORD_ORDER_STATUS_ASKED,
        RECORD_DELIVERY_RELEASED,
    };
    static _Alignas(8) char bytes[EVENT_SIZE_MAX];
    struct record *r = (void *)bytes;
    uint16_t type = types[c & 15];
    memset(bytes, 0, sizeof bytes);
    *r = (struct record){.size = record_type_size(type),
                         .type = type,
                         .version = 1,
                         .dest = AGENT_GATEWAY,
                         .lane = LANE_ENGINE,
                         .session = c == 255 ? 7 : 0,
                         .time_ns = w->now_ns};
    struct outbound *out = (void *)(r + 1);
    *out = (struct outbound){.rfq = 1, .ref = c + 1u, .ref_kind = 1 + (c & 3), .must_reach = c >> 6 & 1};
    out->expires_ns = c & 16 ? w->now_ns + 1000000000u : 0;
    if (type == RECORD_ORDER_REPORT) {
        struct order_report *ev = (void *)r;
        ev->exec_type = ev->ord_status = '0';
        ev->side = '1';
    }
    bool routing = type >= RECORD_ROUTING_STARTED;
    struct lane *l = w->lanes[routing ? 4 : 3];
    if (!lane_room(l, EVENT_SIZE_MAX, 0))
        return;
    w->engine_position += 512;
    FUZZ_HOLDS(lane_put(l, routing ? AGENT_ROUTING : AGENT_DISTRIBUTION, LANE_ENGINE, w->engine_position,
                        w->now_ns, r, 0));
    lane_commit(l);
}

static void receive(const uint8_t *line, size_t size, bool framed)
{
    static char bytes[2 * FUZZ_INPUT_MAX], body[2 * FUZZ_INPUT_MAX];
    if (w->conn == PORT_CONN_NONE || w->paused || w->event_count)
        return;
    size_t n = 0;
    for (size_t i = 0; i < size && n < sizeof body - 64; i++) {
        if (line[i] == '@')
            n += (size_t)sprintf(body + n, "%llu", (unsigned long long)gateway_session(w->state, 0)->next_in);
        else
            body[n++] = (char)line[i];
    }
    if (framed)
        n = fix_wrap((const uint8_t *)body, n, bytes);
    else
        memcpy(bytes, body, n);
    /* a copy that ends where its memory does */
    uint8_t *exact = malloc(n ? n : 1);
    FUZZ_HOLDS(exact);
    memcpy(exact, bytes, n);
    w->events[w->event_count++] =
        (struct port_event){.type = PORT_DATA, .conn = w->conn, .data = exact, .size = n};
    struct agent a = gateway_agent(w->gateway);
    a.poll(a.self, w->now_ns);
    memset(exact, 0xdd, n); /* the port's buffer is the port's again */
    free(exact);
    settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    start(data[0]);
    settle();
    connect_again();
    for (size_t at = 1; at < size;) {
        const uint8_t *line = data + at, *stop = memchr(line, '\n', size - at);
        size_t length = stop ? (size_t)(stop - line) : size - at;
        at += length + 1;
        uint8_t what = length ? line[0] : 0, c = length > 1 ? line[1] : 0;
        switch (what) {
        case '+':
            w->now_ns += (c & 63) * 500000000ull;
            break;
        case '#':
            for (unsigned i = 1; i < length; i++)
                engine_event(line[i]);
            break;
        case '>':
        case '<':
            w->engines_stand = what == '>';
            break;
        case '%':
            w->log_stands = !w->log_stands;
            break;
        case '~':
            connect_again();
            break;
        case '^':
            kill_and_restart();
            connect_again();
            break;
        case '*':
            receive(line + 1, length - 1, false);
            break;
        default:
            receive(line, length, true);
        }
        settle();
    }
    w->log_stands = w->engines_stand = false;
    settle();
    end();
    return 0;
}

#define H(type)      "35=" type "|34=@|49=T|56=R|52=20261122-10:11:12|"
#define T(type, seq) "35=" type "|34=" seq "|49=T|56=R|52=20261122-10:11:12|"
#define ASK          "131=q|146=1|55=A|38=5|\n"
#define LOGON        H("A") "98=0|108=30|\n"
#define REQUEST      H("R") ASK
#define QUOTE        H("S") "131=R1|117=q|55=A|132=1|\n"
#define FILL         H("8") "37=o|11=O1|17=e|150=F|39=2|55=A|54=1|32=1|31=1|151=0|14=1|6=1|\n"
const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("\x00" LOGON REQUEST "#ABCDEFGHIJKLMNO\n" H("2") "7=1|16=0|\n" H(
        "D") "11=o|55=A|54=1|60=20261122-10:11:12|40=2|38=5|"
             "\n" H("AJ") "693=r|117=Q1|694=1|55=A|\n" H("F") "41=o|11=c|55=A|54=1|60=20261122-10:11:"
                                                              "12|38=5|\n" H("j") "45=3|372=S|380=0|"
                                                                                  "\n" H("5") "\n+"
                                                                                              "9\n"),
    FUZZ_SEED(
        "\x01" LOGON QUOTE "#QZ[\\\n+4\n" FILL H("AI") "131=R1|117=q|55=A|297=10|\n" H("2") "7=3|16=0|\n" H(
            "b") "131=R1|297=5|\n" H("Z") "131=R1|117=q|298=1|\n" H("9") "37=o|11=O1-C1|41=O1|39=2|434=1|"
                                                                         "\n" H("3") "45=4|\n~\n" LOGON
                                                                                     "^\n" LOGON QUOTE),
    FUZZ_SEED("\x02" LOGON "%\n#jjjjj\n" REQUEST H("2") "7=1|16=0|\n%\n" H("1") "112=x|\n>\n" REQUEST REQUEST
                                                                                "<\n^\n" LOGON "#\xff\n"),
    FUZZ_SEED("\x09" LOGON "#jj\n" H(
        "A") "98=0|108=30|141=Y|\n35=A|34=1|49=T|56=R|52=20261122-10:11:12|98=0|108=30|141=Y|\n" QUOTE
             "+>\n+>\n"),
    FUZZ_SEED("\x05" LOGON
              "#Ij\n~\n+9\n" LOGON FILL H("4") "123=Y|36=50|\n^\n+9\n" LOGON H("2") "7=1|16=0|\n"),
    FUZZ_SEED("\x00" LOGON T("R", "5") ASK T("R", "4") ASK T("2", "7") "7=1|16=0|\n>\n" REQUEST T(
        "4", "3") "43=Y|123=Y|36=4|\n<\n" T("R", "6") "43=Y|122=20261122-10:11:10|" ASK
                                                      "~\n" H("A") "98=0|108=30|\n"),
    FUZZ_SEED("\x40" H("A") "98=0|108=30|789=1|\n#jj\n~\n" H("A") "98=0|108=30|789=2|\n" H(
        "H") "11=a|55=A|54=1|\n*8=FIX.4.4\x01"
             "9=5\x01"
             "35=0\n" H("0")),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {
    "\n",     "\n+9\n",  "\n~\n" LOGON, "\n^\n" LOGON, "\n#j\n",
    "\n#Q\n", "\n%\n",   "\n>\n",       "\n<\n",       "\n" H("2") "7=1|16=0|\n",
    "34=@|",  "34=5|",   "34=6|",       REQUEST,       QUOTE,
    FILL,     FIX_TOKENS};
