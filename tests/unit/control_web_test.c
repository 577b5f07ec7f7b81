/* The web server over the simulated network: whatever way the bytes come, and whatever they are. */
#include <signal.h>

#include "web_harness.h"

#define GET   "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
#define THIRD "GET /items/third HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST  "POST /echo HTTP/1.1\r\nHost: a\r\nX-Echo: yes\r\nContent-Length: 5\r\n\r\nhello"

/* What an answer is, without its date. */
static const char *undated(const char *text)
{
    static char out[4096];
    const char *date = strstr(text, "Date: ");
    cr_assert_not_null(date);
    snprintf(out, sizeof out, "%.*s%s", (int)(date - text), text, strstr(date, "\r\n") + 2);
    return out;
}

Test(control_web, answers_with_body_headers_and_query)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, "POST /echo?x=1&q=a%20b+c HTTP/1.1\r\nHost: a\r\nX-Echo:  yes \r\n"
                                       "Content-Length: 5\r\n\r\nhello");
    cr_assert_str_eq(undated(c->received),
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Content-Type-Options: nosniff\r\n"
                     "Content-Length: 5\r\nX-Echoed: yes\r\nX-Query: a b c\r\n\r\nhello");
    cr_assert(!c->closed);
    harness_close(&h);
}

Test(control_web, tells_a_query_that_is_not_right_from_one_that_is_not_there)
{
    static const char *const queries[][2] = {{"", ""},
                                             {"?p=1", ""},
                                             {"?q=1234567", "X-Query: 1234567\r\n"},
                                             {"?q=", "X-Query: \r\n"},
                                             {"?q=12345678", "X-Query: long\r\n"},
                                             {"?q", "X-Query: bad\r\n"},
                                             {"?q&p=1", "X-Query: bad\r\n"},
                                             {"?q=%zz", "X-Query: bad\r\n"},
                                             {"?q=a%4", "X-Query: bad\r\n"},
                                             {"?q=%00", "X-Query: bad\r\n"}};
    struct harness h;
    harness_open(&h);
    struct client *c = harness_connect(&h);
    for (unsigned i = 0; i < sizeof queries / sizeof *queries; i++) {
        char text[64];
        snprintf(text, sizeof text, "GET /echo%s HTTP/1.1\r\nHost: a\r\n\r\n", queries[i][0]);
        harness_forget(c);
        harness_send(&h, c, text);
        const char *found = strstr(c->received, "X-Query");
        cr_assert_eq(found != NULL, *queries[i][1] != 0, "%s", text);
        cr_assert(!found || strncmp(found, queries[i][1], strlen(queries[i][1])) == 0, "%s", c->received);
    }
    harness_close(&h);
}

Test(control_web, answers_the_same_wherever_the_bytes_are_cut)
{
    static const char chunked[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n";
    static const char *const requests[] = {POST, GET, chunked,
                                           "GET /items/a%2Fb HTTP/1.1\r\nhost: a\r\n\r\n"};
    for (unsigned n = 0; n < sizeof requests / sizeof *requests; n++) {
        struct harness h;
        char whole[4096];
        size_t size = strlen(requests[n]);
        harness_open(&h);
        struct client *c = harness_ask(&h, requests[n]);
        snprintf(whole, sizeof whole, "%s", undated(c->received));
        cr_assert_eq(strncmp(whole, "HTTP/1.1 200", 12), 0, "%s", whole);
        for (size_t cut = 1; cut < size; cut++) {
            harness_forget(c);
            harness_send_bytes(&h, c, requests[n], cut);
            harness_run(&h);
            cr_assert_eq(c->size, 0, "answered before it was whole: %zu of %s", cut, requests[n]);
            harness_send_bytes(&h, c, requests[n] + cut, size - cut);
            harness_run(&h);
            cr_assert_str_eq(undated(c->received), whole);
        }
        harness_forget(c);
        for (size_t i = 0; i < size; i++) {
            harness_send_bytes(&h, c, requests[n] + i, 1);
            harness_run(&h);
        }
        cr_assert_str_eq(undated(c->received), whole);
        harness_close(&h);
    }
}

/* Order
 * -------------------------------------------------------------------------------------------------------- */

static void answer_held(struct harness *h, unsigned n, const char *text)
{
    struct web_request *r = web_request_of(h->web, h->held[n]);
    cr_assert_not_null(r);
    web_answer(r, 200, "text/plain", text, strlen(text));
}

Test(control_web, answers_pipelined_requests_in_order)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_connect(&h);
    char all[8192] = "";
    for (unsigned i = 0; i < 100; i++)
        sprintf(all + strlen(all), "GET /items/i%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
    harness_send(&h, c, all);
    const char *at = c->received;
    for (unsigned i = 0; i < 100; i++) {
        char wanted[16];
        sprintf(wanted, "\r\n\r\ni%u", i);
        at = strstr(at, wanted);
        cr_assert_not_null(at, "no answer %u in its place", i);
    }
    cr_assert_eq(h.served, 100);
    harness_close(&h);
}

Test(control_web, begins_a_bounded_number_of_requests_in_a_poll_and_forgets_none)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_connect(&h);
    char all[8192] = "";
    for (unsigned i = 0; i < 3 * WEB_REQUESTS_PER_POLL; i++)
        strcat(all, GET);
    harness_send_bytes(&h, c, all, strlen(all));
    for (unsigned last = 0; h.served < 3 * WEB_REQUESTS_PER_POLL; last = h.served) {
        uint64_t next = sim_net_next_event_ns(h.net);
        if (next != UINT64_MAX)
            sim_net_advance(h.net, h.now_ns = next);
        web_poll(h.web, h.now_ns);
        cr_assert_leq(h.served - last, WEB_REQUESTS_PER_POLL + 1); /* one had begun before */
    }
    harness_run(&h);
    cr_assert_eq(harness_count(c->received, "HTTP/1.1 200"), 3 * WEB_REQUESTS_PER_POLL);
    harness_close(&h);
}

Test(control_web, a_second_answer_is_asserted, .signal = SIGABRT)
{
    struct harness h;
    harness_open(&h);
    harness_ask(&h, "GET /twice HTTP/1.1\r\nHost: a\r\n\r\n");
}

Test(control_web, a_second_answer_to_who_is_gone_is_asserted, .signal = SIGABRT)
{
    struct harness h;
    harness_open(&h);
    harness_ask(&h, "GET /twice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

#define PUT_OFF "GET /put-off HTTP/1.1\r\nHost: a\r\nX-Echo: what\r\n\r\n"

/* Admitted once, called once in each poll, whole as it came; what is behind it waits. */
Test(control_web, calls_again_in_a_later_poll_what_was_put_off)
{
    struct harness h;
    harness_open(&h);
    h.put_off = 5;
    struct client *c = harness_connect(&h), *other = harness_connect(&h);
    harness_send(&h, other, "GET /items/x HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_send(&h, c, PUT_OFF PUT_OFF "GET /items/y HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(h.put_off_calls, 2 * h.put_off);
    for (unsigned i = 1; i < h.put_off_calls; i++)
        if (i != h.put_off)
            cr_assert_gt(h.put_off_polls[i], h.put_off_polls[i - 1]);
    cr_assert_eq(harness_count(c->received, "\r\n\r\nwhat"), 2);
    cr_assert_eq(harness_count(c->received, "\r\n\r\ny"), 1);
    cr_assert_eq(h.served, 4);
    harness_close(&h);
}

Test(control_web, forgets_what_was_put_off_when_its_connection_goes)
{
    struct harness h;
    harness_open(&h);
    h.put_off = 64;
    struct client *c = harness_connect(&h);
    harness_send_bytes(&h, c, PUT_OFF, strlen(PUT_OFF));
    while (h.put_off_calls < 3) {
        uint64_t next = sim_net_next_event_ns(h.net);
        if (next != UINT64_MAX)
            sim_net_advance(h.net, h.now_ns = next);
        web_poll(h.web, h.now_ns);
    }
    port_close(h.client_port, c->conn);
    h.put_off = 1; /* whoever has its place now is not taken for it */
    struct client *next = harness_connect(&h);
    unsigned calls = h.put_off_calls;
    harness_send(&h, next, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_run(&h);
    cr_assert_eq(h.put_off_calls, calls);
    cr_assert_eq(h.held_count, 1);
    cr_assert_eq(harness_count(next->received, "HTTP/1.1 200"), 0);
    harness_close(&h);
}

static void pass_some(struct harness *h)
{
    uint64_t next = sim_net_next_event_ns(h->net);
    sim_net_advance(h->net, h->now_ns = next == UINT64_MAX ? h->now_ns + 1000 : next);
    web_poll(h->web, h->now_ns);
}

/* Whoever came first, and has thousands behind it, takes turns with the others. */
Test(control_web, lets_nobody_who_pipelines_keep_the_others_from_their_turn)
{
    struct harness h;
    harness_open(&h);
    struct client *greedy = harness_connect(&h), *other = harness_connect(&h);
    unsigned many = 8 * WEB_REQUESTS_PER_POLL;
    char *all = calloc(many + 1, sizeof THIRD);
    strcpy(all, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    for (unsigned i = 0; i < many; i++)
        strcat(all, "GET /items/g HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_send(&h, greedy, all);
    harness_send_bytes(&h, other, THIRD, strlen(THIRD));
    while (sim_net_next_event_ns(h.net) != UINT64_MAX)
        sim_net_advance(h.net, h.now_ns = sim_net_next_event_ns(h.net));
    answer_held(&h, 0, "now");
    harness_run(&h);
    const char *turn = memchr(h.order, 't', h.order_count);
    cr_assert_not_null(turn);
    cr_assert_leq(turn - h.order, 2 * WEB_REQUESTS_PER_POLL);
    cr_assert_eq(harness_count(greedy->received, "HTTP/1.1 200"), many + 1);
    cr_assert_eq(harness_count(other->received, "HTTP/1.1 200"), 1);
    free(all);
    harness_close(&h);
}

/* Answers that nobody reads are not piled up until the connection is lost: the requests wait. */
Test(control_web, begins_no_request_of_a_peer_that_does_not_read_its_answers)
{
    struct harness h;
    unsigned many = 2 * PORT_BACKLOG_MAX / BIG_SIZE;
    char all[4096] = "";
    harness_open(&h);
    struct client *c = harness_connect(&h);
    port_pause(h.client_port, c->conn);
    for (unsigned i = 0; i < many; i++)
        strcat(all, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    harness_send_bytes(&h, c, all, strlen(all));
    for (unsigned i = 0; i < 1000; i++)
        pass_some(&h);
    cr_assert(h.served >= 1 && h.served <= 3, "%u", h.served);
    port_resume(h.client_port, c->conn);
    harness_run(&h);
    cr_assert(!c->closed);
    cr_assert_eq(h.served, many);
    harness_close(&h);
}

/* A fast one behind a slow one; and one that arrives just when the slow one has been answered. */
Test(control_web, keeps_the_order_around_a_request_that_is_answered_later)
{
    struct harness h;
    harness_open(&h);
    struct client *c =
        harness_ask(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\nGET /items/second HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(c->size, 0);
    cr_assert_eq(h.held_count, 1);
    harness_send_bytes(&h, c, THIRD, strlen(THIRD));
    while (sim_net_next_event_ns(h.net) != UINT64_MAX)
        sim_net_advance(h.net, h.now_ns = sim_net_next_event_ns(h.net));
    answer_held(&h, 0, "first");
    harness_run(&h);
    const char *first = strstr(c->received, "\r\n\r\nfirst"), *second = strstr(c->received, "\r\n\r\nsecond"),
               *third = strstr(c->received, "\r\n\r\nthird");
    cr_assert(first && second && third && first < second && second < third);
    harness_close(&h);
}

Test(control_web, stops_reading_a_peer_that_pipelines_too_much_and_goes_on_later)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    char *many = malloc(40 * WEB_WAITING_MAX);
    size_t size = 0;
    unsigned count = 0;
    while (size < 4 * WEB_WAITING_MAX) {
        size += (size_t)sprintf(many + size, "GET /items/i HTTP/1.1\r\nHost: a\r\n\r\n");
        count++;
    }
    harness_send_bytes(&h, c, many, size);
    harness_run(&h);
    uint64_t taken = harness_counter(&h, "rfqd_http_received_bytes_total", NULL);
    cr_assert_lt(taken, 2 * WEB_WAITING_MAX + PORT_CHUNK_MAX, "%lu", (unsigned long)taken);
    answer_held(&h, 0, "first");
    harness_run(&h);
    cr_assert_eq(harness_count(c->received, "HTTP/1.1 200"), count + 1);
    free(many);
    harness_close(&h);
}

Test(control_web, a_handle_of_a_connection_that_is_gone_finds_nothing)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_not_null(web_request_of(h.web, h.held[0]));
    port_close(h.client_port, c->conn);
    harness_run(&h);
    cr_assert_null(web_request_of(h.web, h.held[0]));
    cr_assert_eq(web_connections(h.web), 0);
    /* the slot's next connection is another's */
    harness_ask(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_null(web_request_of(h.web, h.held[0]));
    cr_assert_not_null(web_request_of(h.web, h.held[1]));
    harness_close(&h);
}

/* Routes
 * -------------------------------------------------------------------------------------------------------- */

struct exchange {
    const char *request, *status; /* the number, and the code where it is a problem */
    const char *code;
    bool closes;
    const char *also; /* somewhere in the answer */
};

static void must_answer(const struct exchange *x)
{
    struct harness h;
    char status[16], code[64];
    harness_open(&h);
    struct client *c = harness_ask(&h, x->request);
    snprintf(status, sizeof status, "HTTP/1.1 %s ", x->status);
    cr_expect_eq(strncmp(c->received, status, strlen(status)), 0, "%s: not %s but %.300s", x->request,
                 x->status, c->received);
    cr_expect_eq(c->closed, x->closes, "%s: closed: %d", x->request, c->closed);
    if (x->code) {
        snprintf(code, sizeof code, "\"code\":\"%s\"", x->code);
        cr_expect_not_null(strstr(c->received, code), "%s: not %s: %s", x->request, x->code, c->received);
        cr_expect_not_null(strstr(c->received, "Content-Type: application/problem+json"));
        cr_expect_eq(harness_refused(&h, x->code), 1, "%s: not counted", x->request);
    }
    if (x->also)
        cr_expect_not_null(strstr(c->received, x->also), "%s: no %s in %s", x->request, x->also, c->received);
    if (!x->closes) { /* and the connection is as good as before */
        harness_forget(c);
        harness_send(&h, c, GET);
        cr_expect_eq(strncmp(c->received, "HTTP/1.1 200 ", 13), 0, "%s: then: %s", x->request, c->received);
    }
    harness_close(&h);
}

Test(control_web, says_what_a_path_is_and_takes)
{
    static const struct exchange table[] = {
        {"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"GET /items/ HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"GET /items/a/b HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"GET /items/%zz HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"GET /items/%00 HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"GET /items/%41 HTTP/1.1\r\nHost: a\r\n\r\n", "200", NULL, false, "\r\n\r\nA"},
        {"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", "404", "not_found", false, NULL},
        {"PATCH /items/a HTTP/1.1\r\nHost: a\r\n\r\n", "405", "method_not_allowed", false,
         "Allow: GET, HEAD, DELETE\r\n"},
        {"OPTIONS /items/a HTTP/1.1\r\nHost: a\r\n\r\n", "204", NULL, false, "Allow: GET, HEAD, DELETE\r\n"},
        {"OPTIONS /none HTTP/1.1\r\nHost: a\r\n\r\n", "404", "not_found", false, NULL},
        {"TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n", "405", "method_not_allowed", true, NULL},
        {"HEAD /items/abc HTTP/1.1\r\nHost: a\r\n\r\n", "200", NULL, false, "Content-Length: 3\r\n\r\n"},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        must_answer(&table[i]);
}

/* A peer's words are in it, each of its bytes as six: it is JSON all the same, to its end. */
Test(control_web, gives_a_whole_problem_whatever_the_peer_said)
{
    struct harness h;
    char text[1024] = "GET /problem HTTP/1.1\r\nHost: a\r\nOrigin: ";
    harness_open(&h);
    memset(text + strlen(text), 0xff, 200);
    strcat(text, "\r\n\r\n");
    struct client *c = harness_ask(&h, text);
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 403 ", 13), 0, "%s", c->received);
    cr_assert_eq(harness_count(c->received, "\\u00ff"), 200);
    cr_assert_eq(strcmp(c->received + c->size - 2, "\"}"), 0, "%s", c->received);
    harness_close(&h);
}

Test(control_web, gives_no_body_to_head)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, "HEAD /items/abc HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_str_eq(strstr(c->received, "\r\n\r\n"), "\r\n\r\n");
    harness_close(&h);
}

/* Bad input
 * -------------------------------------------------------------------------------------------------------- */

Test(control_web, refuses_what_is_no_http_and_what_two_readers_could_read_differently)
{
    static const struct exchange table[] = {
        {"hello\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo\r\n\r\n", "505", "http_version", true, NULL},
        {"GET /echo HTTP/1.1\nHost: a\n\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400", "bad_request", true, NULL},
        {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\n\r\n", "400", "bad_request", true, NULL}, /* no Host */
        {"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET echo HTTP/1.1\r\nHost: a\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET http://a/echo HTTP/1.1\r\nHost: a\r\n\r\n", "400", "bad_request", true, NULL},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400", "bad_request", true, NULL},
        {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", "505", "http_version", true, NULL},
        {"GET /echo HTTP/0.9\r\nHost: a\r\n\r\n", "505", "http_version", true, NULL},
        {"GET /echo HTTP/1.2\r\nHost: a\r\n\r\n", "505", "http_version", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", "400", "bad_request", true, NULL},
        {"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n", "400", "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400", "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
         "400", "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400", "bad_request", true,
         NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400", "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5x\r\n\r\nhello", "400", "bad_request", true,
         NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400", "bad_request",
         true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "400",
         "bad_request", true, NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\nx", "417",
         "expectation", true, NULL},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        must_answer(&table[i]);
}

/* Limits
 * -------------------------------------------------------------------------------------------------------- */

static char *filled(const char *begin, size_t size, const char *end)
{
    char *text = malloc(strlen(begin) + size + strlen(end) + 1);
    size_t at = strlen(begin);
    strcpy(text, begin);
    memset(text + at, 'a', size);
    strcpy(text + at + size, end);
    return text;
}

static void must_answer_filled(const char *begin, size_t size, const char *end, const char *status,
                               const char *code)
{
    char *text = filled(begin, size, end);
    must_answer(&(struct exchange){text, status, code, code != NULL, NULL});
    free(text);
}

Test(control_web, takes_what_is_at_its_limits_and_refuses_one_byte_more)
{
    const char *end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    must_answer_filled("GET /echo?", WEB_TARGET_MAX - 6, end, "200", NULL);
    must_answer_filled("GET /echo?", WEB_TARGET_MAX - 5, end, "414", "target_too_long");
    must_answer_filled("GET /echo HTTP/1.1\r\nHost: a\r\nX: ", WEB_HEAD_MAX - 64, "\r\n\r\n", "200", NULL);
    must_answer_filled("GET /echo HTTP/1.1\r\nHost: a\r\nX: ", WEB_HEAD_MAX, "\r\n\r\n", "431",
                       "head_too_large");
    must_answer_filled("GET /echo HTTP/1.1\r\nHost: a\r\n", WEB_HEAD_MAX, ": x\r\n\r\n", "431",
                       "head_too_large");
    must_answer_filled("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", 10, "", "200", NULL);
    must_answer_filled("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 11, "", "413",
                       "body_too_large");
    must_answer_filled("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n", 10,
                       "\r\n1\r\nb\r\n0\r\n\r\n", "413", "body_too_large");
    must_answer_filled("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n", WEB_BODY_MAX, "",
                       "200", NULL);
    must_answer_filled("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", WEB_BODY_MAX + 1,
                       "", "413", "body_too_large");
    must_answer_filled("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", WEB_BODY_MAX + 1,
                       "", "413", "body_too_large");
}

static void must_take_headers(unsigned count, const char *status, const char *code)
{
    char text[8192] = "GET /echo HTTP/1.1\r\nHost: a\r\n";
    for (unsigned i = 1; i < count; i++)
        sprintf(text + strlen(text), "X%u: y\r\n", i);
    strcat(text, "\r\n");
    must_answer(&(struct exchange){text, status, code, code != NULL, NULL});
}

Test(control_web, takes_so_many_headers_and_no_more)
{
    must_take_headers(WEB_HEADERS_MAX, "200", NULL);
    must_take_headers(WEB_HEADERS_MAX + 1, "431", "head_too_large");
}

/* Trailers are no way around it, and no way in. */
Test(control_web, does_not_take_a_trailer_for_a_header)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "1\r\nx\r\n0\r\nX-Echo: no\r\n\r\n");
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 200 ", 13), 0);
    cr_assert_null(strstr(c->received, "X-Echoed"));
    harness_close(&h);
}

Test(control_web, bounds_trailers_too)
{
    must_answer_filled("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: ",
                       WEB_HEAD_MAX, "\r\n\r\n", "431", "head_too_large");
}

Test(control_web, has_a_place_for_so_many_connections_in_all)
{
    struct harness h;
    harness_open_with(&h, &(struct web_config){.connections_max = 3}, NULL);
    for (unsigned i = 0; i < 3; i++)
        cr_assert(!harness_connect(&h)->closed);
    cr_assert(harness_connect(&h)->closed);
    cr_assert_eq(harness_refused(&h, "connections"), 1);
    port_close(h.client_port, h.clients[1].conn);
    harness_run(&h);
    struct client *c = harness_ask(&h, GET);
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 200 ", 13), 0);
    harness_close(&h);
}

Test(control_web, has_a_place_for_so_many_connections_of_one_address)
{
    struct harness h;
    struct port *other;
    harness_open_with(&h, &(struct web_config){.connections_per_address_max = 2}, NULL);
    cr_assert(!harness_connect(&h)->closed);
    cr_assert(!harness_connect(&h)->closed);
    cr_assert(harness_connect(&h)->closed);
    cr_assert_eq(harness_refused(&h, "connections_per_address"), 1);
    cr_assert_eq(sim_net_port(h.net, harness_ip(CLIENT_IP + 1), 16, &other), OK);
    harness_connect_from(&h, other);
    cr_assert_eq(web_connections(h.web), 3);
    port_close(h.client_port, h.clients[0].conn);
    harness_run(&h);
    cr_assert(!harness_connect(&h)->closed);
    cr_assert_eq(web_connections(h.web), 3);
    harness_close(&h);
}

/* A table of addresses that keep coming and going is as it was at first; nobody, whose address is what a free
 * place has, is not in it. */
Test(control_web, counts_addresses_rightly_however_they_come_and_go)
{
    struct harness h;
    struct port *ports[40], *nobody;
    unsigned random = 1;
    uint32_t conns[40][2];
    unsigned open[40] = {0}, live = 0;
    harness_open_with(&h, &(struct web_config){.connections_per_address_max = 2}, NULL);
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(sim_net_port(h.net, harness_ip(0x0b000001u + i), 16, &ports[i]), OK);
    cr_assert_eq(sim_net_port(h.net, harness_ip(0), 16, &nobody), OK);
    struct sockaddr_in to = harness_address(SERVER_IP, 80);
    cr_assert_eq(port_connect(nobody, &to, NULL, 0, &conns[0][0]), OK);
    harness_run(&h);
    cr_assert_eq(web_connections(h.web), 0, "nobody is let in");
    for (unsigned step = 0; step < 2000; step++) {
        unsigned i = (random = random * 1103515245u + 12345u) >> 16;
        bool opens = i & 1;
        i = (i >> 1) % 40;
        if (opens && open[i] < 2 && live < 32) {
            cr_assert_eq(port_connect(ports[i], &to, NULL, 0, &conns[i][open[i]++]), OK);
            live++;
        } else if (!opens && open[i] > 0) {
            port_close(ports[i], conns[i][--open[i]]);
            live--;
        }
        for (unsigned p = 0; p < 40; p++) {
            struct port_event e[8];
            port_poll(ports[p], e, 8);
        }
        harness_run(&h);
        for (unsigned p = 0; p < 40; p++) {
            struct port_event e[8];
            unsigned n = port_poll(ports[p], e, 8);
            for (unsigned k = 0; k < n; k++)
                cr_assert_neq(e[k].type, PORT_CLOSED, "step %u: closed though it had room", step);
        }
        cr_assert_eq(web_connections(h.web), live);
    }
    harness_close(&h);
}

/* Time
 * -------------------------------------------------------------------------------------------------------- */

static struct client *after(struct harness *h, const char *text, uint64_t ns)
{
    harness_open(h);
    struct client *c = harness_ask(h, text);
    harness_pass(h, ns);
    return c;
}

Test(control_web, gives_a_head_its_time_and_no_more)
{
    struct harness h;
    struct client *c = after(&h, "GET /echo HT", 4 * SECOND_NS);
    cr_assert(!c->closed);
    harness_send(&h, c, "TP/1.1\r\n"); /* a byte now and then does not help */
    harness_pass(&h, 2 * SECOND_NS);
    cr_assert(c->closed);
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 408 ", 13), 0);
    cr_assert_not_null(strstr(c->received, "head_timeout"));
    cr_assert_eq(harness_refused(&h, "head_timeout"), 1);
    harness_close(&h);
}

Test(control_web, gives_a_body_its_time_and_no_more)
{
    struct harness h;
    struct client *c =
        after(&h, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", 9 * SECOND_NS);
    cr_assert(!c->closed);
    harness_pass(&h, 2 * SECOND_NS);
    cr_assert(c->closed);
    cr_assert_not_null(strstr(c->received, "body_timeout"));
    cr_assert_eq(harness_refused(&h, "body_timeout"), 1);
    harness_close(&h);
}

Test(control_web, ends_a_connection_on_which_nothing_is_asked)
{
    struct harness h;
    struct client *c = after(&h, "", 6 * SECOND_NS); /* a new one: the head's time */
    cr_assert(c->closed && c->size == 0);
    cr_assert_eq(harness_refused(&h, "no_request"), 1);
    cr_assert_eq(harness_refused(&h, "idle_timeout"), 0);
    harness_close(&h);
    c = after(&h, GET, 59 * SECOND_NS);
    cr_assert(!c->closed);
    harness_pass(&h, 2 * SECOND_NS);
    cr_assert(c->closed);
    cr_assert_eq(harness_count(c->received, "HTTP/1.1"), 1);
    cr_assert_eq(harness_refused(&h, "idle_timeout"), 1);
    cr_assert_eq(harness_refused(&h, "no_request"), 0);
    harness_close(&h);
}

Test(control_web, waits_for_whoever_answers_later)
{
    struct harness h;
    struct client *c = after(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n", 120 * SECOND_NS);
    cr_assert(!c->closed);
    answer_held(&h, 0, "late");
    harness_run(&h);
    cr_assert_not_null(strstr(c->received, "late"));
    harness_close(&h);
}

/* Another protocol
 * -------------------------------------------------------------------------------------------------------- */

#define UPGRADE "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

Test(control_web, hands_a_connection_over_with_what_came_behind_the_request)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, UPGRADE "early");
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 101 ", 13), 0);
    cr_assert_not_null(strstr(c->received, "Connection: Upgrade\r\n"));
    harness_send(&h, c, " late");
    cr_assert_str_eq(strstr(c->received, "\r\n\r\n"), "\r\n\r\nearly late");
    port_close(h.client_port, c->conn);
    harness_run(&h);
    cr_assert_eq(h.upgraded_closed, 1);
    harness_close(&h);
}

Test(control_web, sends_what_was_written_before_it_ends_an_upgraded_connection)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(&h, UPGRADE);
    harness_forget(c);
    web_conn_write_shared(h.web, h.upgraded, "bye", 3);
    web_conn_close(h.web, h.upgraded);
    web_conn_write(h.web, h.upgraded, "no more", 7);
    harness_run(&h);
    cr_assert_str_eq(c->received, "bye");
    cr_assert(c->closed);
    cr_assert_eq(h.upgraded_closed, 0, "who closed it itself is not told");
    harness_close(&h);
}

/* Whole process
 * -------------------------------------------------------------------------------------------------------- */

Test(control_web, finishes_what_is_served_and_takes_no_more_when_drained)
{
    struct harness h;
    harness_open(&h);
    struct client *held = harness_ask(&h, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n"),
                  *idle = harness_ask(&h, GET);
    web_drain(h.web);
    harness_pass(&h, SECOND_NS);
    cr_assert(idle->closed);
    cr_assert(harness_connect(&h)->closed);
    cr_assert_eq(harness_refused(&h, "stopping"), 1);
    cr_assert_eq(harness_refused(&h, "idle_timeout"), 0); /* it was our doing */
    answer_held(&h, 0, "done");
    harness_run(&h);
    cr_assert_not_null(strstr(held->received, "done"));
    cr_assert_not_null(strstr(held->received, "Connection: close"));
    cr_assert(held->closed);
    cr_assert_eq(web_connections(h.web), 0);
    harness_close(&h);
}

Test(control_web, says_100_continue_to_whoever_waits_for_it)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_ask(
        &h, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    cr_assert_str_eq(c->received, "HTTP/1.1 100 Continue\r\n\r\n");
    harness_send(&h, c, "hello");
    cr_assert_not_null(strstr(c->received, "HTTP/1.1 200 OK"));
    harness_forget(c);
    harness_send(&h, c,
                 "POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n");
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 413 ", 13), 0);
    harness_close(&h);
}

static void add_cors(struct web_request *r, const char *methods)
{
    web_add_header(r, "X-Everywhere", methods ? methods : "yes");
}

Test(control_web, adds_the_applications_headers_to_every_answer)
{
    static const char *const requests[] = {GET, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "GET /echo HTTP/1.1\r\n\r\n",
                                           "GET /flow HTTP/1.1\r\nHost: a\r\n\r\n"};
    for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct harness h;
        harness_open_with(&h, &(struct web_config){.decorate = add_cors}, NULL);
        h.stream_size = 1;
        cr_assert_not_null(strstr(harness_ask(&h, requests[i])->received, "X-Everywhere: yes\r\n"));
        struct client *c = harness_ask(&h, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_not_null(strstr(c->received, "X-Everywhere: GET, HEAD, POST\r\n"));
        harness_close(&h);
    }
}
