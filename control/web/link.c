/* Connections: accepted within the limits, fed with what they receive, ended, and watched for time. */
#include <stdlib.h>
#include <string.h>

#include "control/web/inside.h"
#include "dataplane/core/hash.h"

/* How many each address has
 * ------------------------------------------------------------------------------------------------------ */

static struct address_count *place_of(struct web *w, uint32_t address)
{
    uint32_t at = (uint32_t)hash_bytes(&address, sizeof address) & w->address_mask;
    while (w->addresses[at].address && w->addresses[at].address != address)
        at = (at + 1) & w->address_mask;
    return &w->addresses[at];
}

static void address_leaves(struct web *w, uint32_t address)
{
    struct address_count *p = place_of(w, address);
    if (--p->count > 0)
        return;
    p->address = 0;
    /* Those that were put further on because this place was taken are put again. */
    uint32_t at = (uint32_t)(p - w->addresses);
    while (w->addresses[at = (at + 1) & w->address_mask].address) {
        struct address_count moved = w->addresses[at];
        w->addresses[at] = (struct address_count){0, 0};
        *place_of(w, moved.address) = moved;
    }
}

/* Begin and end
 * ------------------------------------------------------------------------------------------------------ */

void link_accepted(struct web *w, const struct port_event *event)
{
    uint32_t address = event->peer.sin_addr.s_addr;
    if (address == 0) { /* nobody has it: to count it would be to count a free place */
        port_close(w->config.port, event->conn);
        return;
    }
    struct address_count *count = place_of(w, address);
    enum web_refusal refusal = WEB_REFUSALS;
    if (w->draining)
        refusal = REFUSED_STOPPING;
    else if (w->free_count == 0)
        refusal = REFUSED_CONNECTIONS;
    else if (count->count >= w->config.connections_per_address_max)
        refusal = REFUSED_ADDRESS;
    if (refusal != WEB_REFUSALS) {
        web_count_refusal(w, refusal);
        port_close(w->config.port, event->conn);
        return;
    }
    count->address = address;
    count->count++;
    uint32_t index = w->free_conns[--w->free_count];
    if (index >= w->slots)
        w->slots = index + 1;
    struct web_request *c = &w->conns[index];
    /* Handles of the slot's last connection, and its place among the ready, outlive it. */
    const struct web_request last = *c;
    *c = (struct web_request){.web = w,
                              .index = index,
                              .serial = last.serial + 1,
                              .request_serial = last.request_serial + 1,
                              .conn = event->conn,
                              .state = CONN_IDLE,
                              .peer = event->peer,
                              .deadline_ns = w->now_ns + w->config.head_timeout_ns,
                              .is_ready = last.is_ready,
                              .next_ready = last.next_ready};
    port_tag(w->config.port, event->conn, index);
    counter_set(w->connections, ++w->live);
    counter_add(w->connects, 1);
    if (w->tls && !tls_begin(c))
        link_close(c);
}

static void release(struct web_request *c)
{
    struct web *w = c->web;
    link_forget_request(c);
    free(c->waiting);
    c->waiting = NULL;
    c->waiting_used = 0;
    if (c->ssl)
        tls_end(c);
    address_leaves(w, c->peer.sin_addr.s_addr);
    c->state = CONN_FREE;
    c->conn = PORT_CONN_NONE;
    w->free_conns[w->free_count++] = c->index;
    counter_set(w->connections, --w->live);
}

/* Nobody is there any more: whoever works for it is told. */
void link_closed(struct web_request *c)
{
    enum conn_state was = c->state;
    if (was == CONN_STREAM && c->source) {
        web_source source = c->source;
        c->source = NULL;
        source(NULL, c->source_ctx);
    }
    if (was == CONN_UPGRADED && c->stream) {
        const struct web_stream_ops *stream = c->stream;
        c->stream = NULL;
        stream->closed(c->stream_ctx);
    }
    if (c->feeding) { /* its caller still looks at it */
        c->gone = true;
        return;
    }
    release(c);
}

void link_close(struct web_request *c)
{
    if (c->gone)
        return;
    if (c->ssl)
        tls_shutdown(c);
    port_close(c->web->config.port, c->conn);
    link_closed(c);
}

void link_forget_request(struct web_request *c)
{
    parse_end(c);
    c->route = NULL;
    c->methods = NULL;
    c->query = NULL;
    c->param_count = 0;
    c->extra_used = 0;
    c->source = NULL;
    c->source_waits = c->source_failed = false;
    c->is_put_off = false;
    c->request_serial++;
}

/* Data
 * -------------------------------------------------------------------------------------------------------------
 */

void link_received(struct web_request *c, const uint8_t *bytes, size_t size)
{
    c->feeding = true;
    if (c->ssl)
        tls_received(c, bytes, size);
    else
        link_feed(c, (const char *)bytes, size);
    c->feeding = false;
    if (c->gone)
        release(c);
}

/* Behind the request that is being served: kept, in order; beyond the limit the peer waits. */
static void wait_behind(struct web_request *c, const char *bytes, size_t size)
{
    char *grown = realloc(c->waiting, c->waiting_used + size);
    if (!grown) {
        link_close(c);
        return;
    }
    memcpy(grown + c->waiting_used, bytes, size);
    c->waiting = grown;
    c->waiting_used += size;
    if (c->waiting_used >= WEB_WAITING_MAX && !c->paused) {
        c->paused = true;
        port_pause(c->web->config.port, c->conn);
    }
}

static void take_request(struct web_request *c)
{
    c->state = CONN_SERVING;
    c->deadline_ns = 0;
    if (c->is_refused)
        answer_refusal(c);
    else
        answer_dispatch(c);
}

/* May a request begin now? Else what has come waits: for the one being served, for its turn in a later poll,
 * for a peer that reads its answers, so that those are never more than it may leave unread. */
static bool has_turn(struct web_request *c)
{
    if (c->state == CONN_SERVING || c->state == CONN_STREAM)
        return false;
    if (c->state != CONN_IDLE)
        return true;
    struct web *w = c->web;
    if (w->begun < WEB_REQUESTS_PER_POLL && link_unread(c) < WEB_STREAM_BACKLOG)
        return true;
    link_ready(c);
    return false;
}

void link_feed(struct web_request *c, const char *bytes, size_t size)
{
    while (size > 0 && !c->gone) {
        if (c->waiting_used > 0 || !has_turn(c)) {
            wait_behind(c, bytes, size);
            return;
        }
        if (c->state == CONN_UPGRADED) {
            c->stream->data(c->stream_ctx, (const uint8_t *)bytes, size, c->web->now_ns);
            return;
        }
        if (c->state == CONN_IDLE) {
            parse_begin(c);
            c->state = CONN_HEAD;
            c->has_asked = true;
            c->deadline_ns = c->web->now_ns + c->web->config.head_timeout_ns;
            c->web->begun++;
        }
        size_t taken = parse_some(c, bytes, size);
        bytes += taken;
        size -= taken;
        if (c->complete || c->is_refused)
            take_request(c);
    }
}

bool link_feed_waiting(struct web_request *c)
{
    if (!has_turn(c))
        return false;
    char *bytes = c->waiting;
    size_t size = c->waiting_used;
    c->waiting = NULL;
    c->waiting_used = 0;
    if (c->paused) {
        c->paused = false;
        port_resume(c->web->config.port, c->conn);
    }
    c->feeding = true;
    link_feed(c, bytes, size);
    c->feeding = false;
    free(bytes);
    if (c->gone)
        release(c);
    return true;
}

void link_ready(struct web_request *c)
{
    struct web *w = c->web;
    if (c->is_ready)
        return;
    c->is_ready = true;
    c->next_ready = NO_CONN;
    if (w->first_ready == NO_CONN)
        w->first_ready = c->index;
    else
        w->conns[w->last_ready].next_ready = c->index;
    w->last_ready = c->index;
}

void link_write(struct web_request *c, const void *bytes, size_t size, bool shared)
{
    struct web *w = c->web;
    if (c->gone || size == 0)
        return;
    counter_add(w->sent, size);
    if (c->ssl) {
        tls_write(c, bytes, size);
        return;
    }
    link_send(c, shared ? bytes : web_outbox_copy(w, bytes, size), size);
}

/* To the port, as it stands. Where that fails PORT_CLOSED is on its way. Where there was no memory for some
 * of it nothing more is sent: the peer must not miss something in the middle. The sweep ends the connection.
 */
void link_send(struct web_request *c, const void *kept, size_t size)
{
    c->is_broken |= kept == NULL;
    if (c->is_broken || port_send(c->web->config.port, c->conn, kept, size) != OK)
        return;
    c->written += size;
    c->unflushed = c->flushes == c->web->flushes ? c->unflushed + size : size;
    c->flushes = c->web->flushes;
}

size_t link_unread(const struct web_request *c)
{
    return port_backlog(c->web->config.port, c->conn) + (c->flushes == c->web->flushes ? c->unflushed : 0);
}

/* Time
 * -------------------------------------------------------------------------------------------------------------
 */

/* A peer that reads nothing of what waits for it. What counts is what it took: more may have been written
 * meanwhile. */
static bool reads(struct web_request *c)
{
    size_t unread = port_backlog(c->web->config.port, c->conn);
    uint64_t now_ns = c->web->now_ns, taken = c->written - unread;
    if (unread == 0)
        c->unread_since_ns = 0;
    else if (c->unread_since_ns == 0 || taken != c->taken)
        c->unread_since_ns = now_ns;
    c->taken = taken;
    return unread == 0 || now_ns - c->unread_since_ns < c->web->config.write_timeout_ns;
}

static enum web_refusal why_idle(const struct web_request *c)
{
    if (c->has_asked)
        return REFUSED_IDLE_TIMEOUT;
    return c->ssl && !tls_is_open(c) ? REFUSED_TLS_TIMEOUT : REFUSED_NO_REQUEST;
}

void link_sweep(struct web_request *c)
{
    struct web *w = c->web;
    if (c->is_broken) {
        link_close(c);
        return;
    }
    if (!reads(c)) {
        web_count_refusal(w, REFUSED_WRITE_TIMEOUT);
        link_close(c);
        return;
    }
    bool is_waiting = c->state == CONN_IDLE && c->waiting_used; /* it has asked: that is not idle */
    bool due = c->deadline_ns && w->now_ns >= c->deadline_ns && !is_waiting;
    if (!due && !(w->draining && c->state == CONN_IDLE))
        return;
    if (c->state == CONN_IDLE) {
        if (due)
            web_count_refusal(w, why_idle(c));
        link_close(c);
    } else if (c->state == CONN_HEAD || c->state == CONN_BODY) {
        c->refused = c->state == CONN_HEAD ? REFUSED_HEAD_TIMEOUT : REFUSED_BODY_TIMEOUT;
        c->is_refused = true;
        take_request(c);
    }
}

/* Another protocol's
 * ------------------------------------------------------------------------------------------------------ */

static struct web_request *upgraded(struct web *w, uint64_t handle)
{
    uint32_t index = (uint32_t)handle, serial = (uint32_t)(handle >> 32);
    if (index >= w->slots)
        return NULL;
    struct web_request *c = &w->conns[index];
    return c->state == CONN_UPGRADED && c->serial == serial && !c->gone ? c : NULL;
}

void web_conn_write(struct web *w, uint64_t conn, const void *bytes, size_t size)
{
    struct web_request *c = upgraded(w, conn);
    if (c)
        link_write(c, bytes, size, false);
}

void web_conn_write_shared(struct web *w, uint64_t conn, const void *bytes, size_t size)
{
    struct web_request *c = upgraded(w, conn);
    if (c)
        link_write(c, bytes, size, true);
}

size_t web_conn_backlog(struct web *w, uint64_t conn)
{
    struct web_request *c = upgraded(w, conn);
    return c ? port_backlog(w->config.port, c->conn) : 0;
}

void web_conn_close(struct web *w, uint64_t conn)
{
    struct web_request *c = upgraded(w, conn);
    if (!c)
        return;
    c->stream = NULL; /* it knows */
    link_close(c);
}
