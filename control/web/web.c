#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/web/inside.h"
#include "dataplane/core/hash.h"

#define TAG_LISTENER UINT64_MAX /* of an event whose connection is not known yet */

static _Thread_local char error_text[320];

const char *web_error(void)
{
    return error_text;
}

/* The outbox: bytes that wait for the flush
 * ---------------------------------------------------------------------------------------------------- */

static struct outbox *outbox_take(struct web *w, size_t size)
{
    struct outbox *o = w->outbox_spare;
    if (o && o->size >= size) {
        w->outbox_spare = o->next;
        o->used = 0;
    } else {
        size_t capacity = size > OUTBOX_SIZE ? size : OUTBOX_SIZE;
        o = malloc(sizeof *o + capacity);
        if (!o)
            return NULL;
        o->size = capacity;
        o->used = 0;
    }
    o->next = w->outbox;
    w->outbox = o;
    return o;
}

/* Those of the usual size are kept for the next time. */
static void outbox_empty(struct web *w)
{
    while (w->outbox) {
        struct outbox *o = w->outbox;
        w->outbox = o->next;
        if (o->size == OUTBOX_SIZE) {
            o->next = w->outbox_spare;
            w->outbox_spare = o;
        } else {
            free(o);
        }
    }
}

static void outbox_free(struct web *w)
{
    outbox_empty(w);
    while (w->outbox_spare) {
        struct outbox *o = w->outbox_spare;
        w->outbox_spare = o->next;
        free(o);
    }
}

void *web_outbox_copy(struct web *w, const void *bytes, size_t size)
{
    struct outbox *o = w->outbox;
    if (!o || o->size - o->used < size)
        o = outbox_take(w, size);
    if (!o)
        return NULL;
    void *at = o->bytes + o->used;
    memcpy(at, bytes, size);
    o->used += size;
    return at;
}

void web_flush(struct web *w)
{
    port_flush(w->config.port);
    w->flushes++;
    outbox_empty(w);
}

/* Polling
 * ----------------------------------------------------------------------------------------------------- */

/* Its tag says which, from the poll after the one that accepted it on. */
static struct web_request *event_conn(struct web *w, const struct port_event *event)
{
    if (event->tag < w->slots) {
        struct web_request *c = &w->conns[event->tag];
        return c->state != CONN_FREE && c->conn == event->conn ? c : NULL;
    }
    for (uint32_t i = w->slots; i-- > 0;)
        if (w->conns[i].state != CONN_FREE && w->conns[i].conn == event->conn)
            return &w->conns[i];
    return NULL;
}

static void handle(struct web *w, const struct port_event *event)
{
    if (event->type == PORT_ACCEPTED) {
        link_accepted(w, event);
        return;
    }
    struct web_request *c = event_conn(w, event);
    if (!c)
        return;
    if (event->type == PORT_DATA) {
        counter_add(w->received, event->size);
        link_received(c, event->data, event->size);
    } else if (event->type == PORT_CLOSED) {
        link_closed(c);
    }
}

/* Connections with something to do by themselves: requests that waited or were put off, streams whose peer
 * has read. Once no more requests may begin, those that had no turn stay in front: the next poll is theirs,
 * whoever else has sent more meanwhile. */
static unsigned serve_ready(struct web *w)
{
    unsigned work = 0;
    uint32_t last = w->last_ready;
    bool more = w->first_ready != NO_CONN;
    while (more && w->begun < WEB_REQUESTS_PER_POLL) {
        struct web_request *c = &w->conns[w->first_ready];
        more = w->first_ready != last;
        w->first_ready = c->next_ready;
        c->is_ready = false;
        if (c->state == CONN_STREAM) {
            work += answer_pump(c);
        } else if (c->state == CONN_SERVING && c->is_put_off) {
            c->is_put_off = false;
            w->begun++;
            work++;
            c->route->serve(c);
        } else if (c->waiting_used && (c->state == CONN_IDLE || c->state == CONN_UPGRADED)) {
            work += link_feed_waiting(c);
        }
    }
    return work;
}

static void sweep(struct web *w)
{
    for (uint32_t i = 0; i < w->slots; i++)
        if (w->conns[i].state != CONN_FREE)
            link_sweep(&w->conns[i]);
}

unsigned web_poll(struct web *w, uint64_t now_ns)
{
    struct port_event events[PORT_EVENTS_MAX];
    w->now_ns = now_ns;
    w->begun = 0;
    w->polls++;
    /* What waited comes before what is new, so that nobody waits for ever. */
    unsigned work = w->first_ready != NO_CONN ? serve_ready(w) : 0;
    unsigned count = port_poll(w->config.port, events, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++)
        handle(w, &events[i]);
    work += count;
    if (now_ns >= w->next_sweep_ns) {
        w->next_sweep_ns = now_ns + SWEEP_NS;
        sweep(w);
    }
    if (work || w->outbox)
        web_flush(w);
    return work;
}

/* Life
 * -------------------------------------------------------------------------------------------------------- */

static void make_counters(struct web *w, struct counters *c)
{
    static const char *const names[] = {
#define X(name, text) text,
        REFUSALS(X)
#undef X
    };
    char label[COUNTER_LABEL_SIZE];
    for (unsigned i = 0; i < WEB_REFUSALS; i++) {
        snprintf(label, sizeof label, "reason=\"%s\"", names[i]);
        w->refused[i] = counter_new(c, COUNTER_TOTAL, "rfqd_http_refused_total", label);
    }
    for (unsigned i = 1; i < 6; i++) {
        snprintf(label, sizeof label, "status=\"%uxx\"", i);
        w->answers[i] = counter_new(c, COUNTER_TOTAL, "rfqd_http_answers_total", label);
    }
    w->connections = counter_new(c, COUNTER_GAUGE, "rfqd_http_connections", "");
    w->connects = counter_new(c, COUNTER_TOTAL, "rfqd_http_connects_total", "");
    w->received = counter_new(c, COUNTER_TOTAL, "rfqd_http_received_bytes_total", "");
    w->aborted = counter_new(c, COUNTER_TOTAL, "rfqd_http_streams_aborted_total", "");
    w->sent = counter_new(c, COUNTER_TOTAL, "rfqd_http_sent_bytes_total", "");
}

static enum err make_tables(struct web *w)
{
    uint32_t most = w->config.connections_max;
    uint32_t places = 16;
    while (places < 2 * most)
        places *= 2;
    w->conns = calloc(most, sizeof *w->conns);
    w->free_conns = calloc(most, sizeof *w->free_conns);
    w->addresses = calloc(places, sizeof *w->addresses);
    if (!w->conns || !w->free_conns || !w->addresses)
        return ERR_MEMORY;
    w->address_mask = places - 1;
    for (uint32_t i = most; i-- > 0;)
        w->free_conns[w->free_count++] = i;
    return OK;
}

static enum err start_listening(struct web *w)
{
    for (unsigned i = 0; i < w->config.listen_count; i++)
        if (port_listen(w->config.port, &w->config.listen[i], TAG_LISTENER) != OK) {
            char address[INET_ADDRSTRLEN];
            inet_ntop(AF_INET, &w->config.listen[i].sin_addr, address, sizeof address);
            snprintf(error_text, sizeof error_text, "%s:%u: %s", address, ntohs(w->config.listen[i].sin_port),
                     strerror(errno));
            return ERR_IO;
        }
    return OK;
}

enum err web_create(struct web **out, const struct web_config *c)
{
    *out = NULL;
    snprintf(error_text, sizeof error_text, "no memory");
    struct web *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_MEMORY;
    w->config = *c;
    w->first_ready = w->last_ready = NO_CONN;
    make_counters(w, c->counters);
    parse_init(w);
    enum err e = make_tables(w);
    if (e == OK && c->certificate_file)
        e = tls_open(w, error_text, sizeof error_text);
    if (e == OK)
        e = start_listening(w);
    if (e != OK) {
        web_destroy(w);
        return e;
    }
    *out = w;
    return OK;
}

void web_destroy(struct web *w)
{
    for (uint32_t i = 0; i < w->slots; i++)
        if (w->conns[i].state != CONN_FREE)
            link_closed(&w->conns[i]);
    outbox_free(w);
    tls_close(w);
    free(w->conns);
    free(w->free_conns);
    free(w->addresses);
    free(w);
}

void web_drain(struct web *w)
{
    w->draining = true;
}

unsigned web_connections(const struct web *w)
{
    return w->live;
}
