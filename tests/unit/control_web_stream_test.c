/* Answers of the web server that are streamed, and peers that read slowly. */
#include "web_harness.h"

#define GET  "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
#define FLOW "GET /flow HTTP/1.1\r\nHost: a\r\n\r\n"

/* The payload of a chunked answer; its size. */
static size_t unchunk(const char *answer, size_t size)
{
    const char *at = strstr(answer, "\r\n\r\n") + 4, *end = answer + size;
    size_t sum = 0;
    while (at < end) {
        char *behind;
        size_t chunk = strtoul(at, &behind, 16);
        cr_assert_eq(strncmp(behind, "\r\n", 2), 0);
        at = behind + 2 + chunk;
        cr_assert_eq(strncmp(at, "\r\n", 2), 0);
        at += 2;
        sum += chunk;
        if (chunk == 0)
            break;
    }
    cr_assert_eq(at, end);
    return sum;
}

Test(control_web_stream, streams_an_answer_of_unknown_length)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 1000000;
    struct client *c = harness_ask(&h, "GET /flow HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(unchunk(c->received, c->size), 1000000);
    harness_forget(c);
    harness_send(&h, c, GET);
    cr_assert_eq(strncmp(c->received, "HTTP/1.1 200 ", 13), 0);
    harness_close(&h);
}

Test(control_web_stream, streams_to_http_1_0_until_the_end_of_the_connection)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 100000;
    struct client *c = harness_ask(&h, "GET /flow HTTP/1.0\r\n\r\n");
    cr_assert_null(strstr(c->received, "chunked"));
    cr_assert(c->closed);
    cr_assert_eq(strlen(strstr(c->received, "\r\n\r\n") + 4), 100000);
    harness_close(&h);
}

/* Its reader has to see that this is not the whole. */
Test(control_web_stream, ends_a_stream_that_fails_without_its_last_chunk)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 100000;
    h.stream_fails = 2;
    struct client *c = harness_ask(&h, "GET /flow HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(c->closed);
    cr_assert_gt(c->size, 2 * 16384);
    cr_assert_neq(memcmp(c->received + c->size - 7, "\r\n0\r\n\r\n", 7), 0);
    cr_assert_eq(h.stream_gone, 0);
    cr_assert_eq(web_connections(h.web), 0);
    cr_assert_eq(harness_counter(&h, "rfqd_http_streams_aborted_total", NULL), 1);
    harness_close(&h);
}

Test(control_web_stream, writes_no_more_into_a_stream_than_its_reader_takes)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 100000000;
    struct client *c = harness_connect(&h);
    port_pause(h.client_port, c->conn);
    harness_send_bytes(&h, c, FLOW, strlen(FLOW));
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = sim_net_next_event_ns(h.net);
        sim_net_advance(h.net, h.now_ns = next == UINT64_MAX ? h.now_ns + 1000 : next);
        web_poll(h.web, h.now_ns);
        harness_take(&h);
    }
    cr_assert_lt(harness_counter(&h, "rfqd_http_sent_bytes_total", NULL),
                 65536 + WEB_STREAM_BACKLOG + 2 * 16384u);
    cr_assert_eq(h.stream_gone, 0);
    /* and who reads nothing at all is closed, and the source is told, once */
    for (unsigned i = 0; i < 400; i++) {
        sim_net_advance(h.net, h.now_ns += SECOND_NS / 10);
        web_poll(h.web, h.now_ns);
        harness_take(&h);
    }
    cr_assert_eq(harness_refused(&h, "write_timeout"), 1);
    cr_assert_eq(h.stream_gone, 1);
    cr_assert_eq(web_connections(h.web), 0);
    harness_close(&h);
}

/* It reads a little at a time, so that bytes always wait for it: what counts is that it reads. */
Test(control_web_stream, keeps_a_reader_that_is_slow_but_reads)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 100000000;
    struct client *c = harness_connect(&h);
    port_pause(h.client_port, c->conn);
    harness_send_bytes(&h, c, FLOW, strlen(FLOW));
    for (unsigned i = 0; i < 600; i++) { /* a minute and more, twice the time it has */
        port_resume(h.client_port, c->conn);
        sim_net_advance(h.net, h.now_ns += SECOND_NS / 10);
        web_poll(h.web, h.now_ns);
        harness_take(&h);
        port_pause(h.client_port, c->conn);
        c->size = 0;
    }
    cr_assert(!c->closed);
    cr_assert_eq(harness_refused(&h, "write_timeout"), 0);
    harness_close(&h);
}

Test(control_web_stream, tells_a_source_that_its_reader_went_away)
{
    struct harness h;
    harness_open(&h);
    h.stream_size = 100000000;
    struct client *c = harness_connect(&h);
    port_pause(h.client_port, c->conn);
    harness_send_bytes(&h, c, FLOW, strlen(FLOW));
    for (unsigned i = 0; i < 50; i++) {
        sim_net_advance(h.net, h.now_ns += 100000);
        web_poll(h.web, h.now_ns);
    }
    sim_net_cut(h.client_port, c->conn);
    for (unsigned i = 0; i < 50; i++) {
        sim_net_advance(h.net, h.now_ns += 100000);
        web_poll(h.web, h.now_ns);
    }
    cr_assert_eq(h.stream_gone, 1);
    cr_assert_eq(web_connections(h.web), 0);
    harness_close(&h);
}
