#include "tools/sim/endpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fix/fix_dict.h"

#define ROOM_SIZE (4u * 1024u * 1024u)

static void run(struct endpoint *e, struct fix_actions *a, uint64_t now_ns);

static struct fix_session_numbers numbers(const struct endpoint *e)
{
    return (struct fix_session_numbers){journal_next_in(e->journal), journal_next_out(e->journal)};
}

/* Sending
 * ----------------------------------------------------------------------------------------------------------
 */

/* Bytes queued for the port must stay until its flush: they lie in room, which is emptied by flush only. */
static void flush(struct endpoint *e)
{
    journal_flush(e->journal);
    port_flush(e->port);
    e->room_used = 0;
}

static char *room(struct endpoint *e)
{
    if (ROOM_SIZE - e->room_used < FIX_MESSAGE_SIZE_MAX)
        flush(e);
    return e->room + e->room_used;
}

static void queue(struct endpoint *e, const char *bytes, size_t size, uint64_t now_ns)
{
    assert(bytes >= e->room && bytes + size <= e->room + ROOM_SIZE);
    e->room_used = (size_t)(bytes + size - e->room);
    if (e->conn != PORT_CONN_NONE && port_send(e->port, e->conn, bytes, size) == OK)
        fix_session_sent(&e->session, now_ns);
    e->sent++;
}

static void send_admin(struct endpoint *e, const struct fix_action *a, uint64_t now_ns)
{
    struct fix_session_numbers n = numbers(e);
    const char *bytes;
    size_t size;
    if (fix_session_encode(&e->session, a, n.next_out, n.next_in, now_ns, room(e), FIX_MESSAGE_SIZE_MAX,
                           &bytes, &size) != OK)
        return;
    journal_append(e->journal, now_ns, 'O', n.next_out, bytes, size);
    queue(e, bytes, size, now_ns);
}

static void send_gap(struct endpoint *e, uint64_t from, uint64_t next, uint64_t now_ns)
{
    const char *bytes;
    size_t size;
    if (from < next && fix_encode_gap_fill(&e->session.template, from, next, now_ns, room(e),
                                           FIX_MESSAGE_SIZE_MAX, &bytes, &size) == OK)
        queue(e, bytes, size, now_ns);
}

static void resend(struct endpoint *e, uint64_t from, uint64_t to, uint64_t now_ns)
{
    uint64_t gap = from;
    for (uint64_t seq = from; seq <= to; seq++) {
        size_t stored_size, size;
        const char *stored = journal_sent(e->journal, seq, &stored_size);
        if (!stored)
            continue;
        send_gap(e, gap, seq, now_ns);
        char *at = room(e);
        if (fix_encode_resend(stored, stored_size, now_ns, e->config.fix.precision, at, FIX_MESSAGE_SIZE_MAX,
                              &size) == OK) {
            journal_append(e->journal, now_ns, 'R', seq, at, size);
            queue(e, at, size, now_ns);
            e->resent++;
        }
        gap = seq + 1;
    }
    send_gap(e, gap, to + 1, now_ns);
}

struct fix_encoder *endpoint_begin(struct endpoint *e, const char *msg_type, uint64_t now_ns)
{
    if (!endpoint_is_up(e) || e->stopping)
        return NULL;
    fix_encode_begin(&e->encoder, &e->session.template, room(e), FIX_MESSAGE_SIZE_MAX, msg_type,
                     journal_next_out(e->journal), now_ns, 0);
    return &e->encoder;
}

void endpoint_end(struct endpoint *e, uint64_t now_ns)
{
    const char *bytes;
    size_t size;
    if (fix_encode_end(&e->encoder, &bytes, &size) != OK)
        return;
    journal_append(e->journal, now_ns, 'O', journal_next_out(e->journal), bytes, size);
    queue(e, bytes, size, now_ns);
}

static bool is_of_the_body(uint32_t tag)
{
    switch (tag) {
    case FIX_TAG_BeginString:
    case FIX_TAG_BodyLength:
    case FIX_TAG_MsgType:
    case FIX_TAG_MsgSeqNum:
    case FIX_TAG_SenderCompID:
    case FIX_TAG_TargetCompID:
    case FIX_TAG_SendingTime:
    case FIX_TAG_PossDupFlag:
    case FIX_TAG_PossResend:
    case FIX_TAG_OrigSendingTime:
    case FIX_TAG_CheckSum:
        return false;
    default:
        return true;
    }
}

bool endpoint_repeat(struct endpoint *e, uint64_t seq, bool poss_resend, uint64_t now_ns)
{
    static struct fix_msg m; /* not e->msg, which may be what this answers */
    size_t size;
    char type[3] = "";
    const char *stored = journal_sent(e->journal, seq, &size);
    if (!stored || fix_parse(&m, stored, size) != OK ||
        fix_get_text(&m, FIX_TAG_MsgType, type, sizeof type) != OK)
        return false;
    struct fix_encoder *f = endpoint_begin(e, type, now_ns);
    if (!f)
        return false;
    if (poss_resend)
        fix_put_bool(f, FIX_TAG_PossResend, true);
    for (uint32_t i = 0; i < m.count; i++)
        if (is_of_the_body(m.fields[i].tag))
            fix_put_bytes(f, m.fields[i].tag, fix_value(&m, &m.fields[i]), m.fields[i].size);
    endpoint_end(e, now_ns);
    return true;
}

/* Connection
 * ------------------------------------------------------------------------------------------------------------
 */

static void connected(struct endpoint *e, uint32_t conn, uint64_t now_ns)
{
    struct fix_session_numbers n = numbers(e);
    struct fix_actions a = {0};
    e->conn = conn;
    e->buffered = 0;
    fix_session_connected(&e->session, &n, now_ns, &a);
    run(e, &a, now_ns);
}

static void disconnected(struct endpoint *e, uint64_t now_ns)
{
    e->conn = PORT_CONN_NONE;
    e->buffered = 0;
    e->reconnect_ns = now_ns + ENDPOINT_RECONNECT_NS;
    fix_session_disconnected(&e->session, now_ns);
}

static void drop(struct endpoint *e, uint64_t now_ns)
{
    if (e->conn == PORT_CONN_NONE)
        return;
    flush(e);
    port_close(e->port, e->conn);
    disconnected(e, now_ns);
}

static void run(struct endpoint *e, struct fix_actions *a, uint64_t now_ns)
{
    for (unsigned i = 0; i < a->count; i++) {
        const struct fix_action *act = &a->list[i];
        switch (act->type) {
        case FIX_ACT_SEND:
            send_admin(e, act, now_ns);
            break;
        case FIX_ACT_RESEND:
            resend(e, act->from, act->to, now_ns);
            break;
        case FIX_ACT_DISCONNECT:
            drop(e, now_ns);
            return;
        case FIX_ACT_UP:
            e->was_up = true;
            break;
        case FIX_ACT_SYNCED: /* it looks at its session when it has something to say */
            break;
        case FIX_ACT_RESET: /* never asked for, and not admitted: endpoints keep their numbers for ever */
            drop(e, now_ns);
            return;
        }
    }
}

/* Receiving
 * -----------------------------------------------------------------------------------------------------------------
 */

static void message(struct endpoint *e, enum err parse_error, uint64_t now_ns)
{
    struct fix_session_numbers n = numbers(e);
    struct fix_actions a = {0};
    const struct fix_msg *m = e->msg;
    fix_session_message(&e->session, &n, m, parse_error, now_ns, &a);
    if (a.verdict == FIX_VERDICT_ADVANCE)
        journal_advance_in(e->journal, now_ns, a.advance_to);
    else if (a.verdict != FIX_VERDICT_IGNORED)
        journal_append(e->journal, now_ns, 'I', m->seq, m->bytes, m->size);
    e->received++;
    run(e, &a, now_ns);
    if (a.verdict == FIX_VERDICT_APPLICATION && e->conn != PORT_CONN_NONE)
        e->config.message(e->config.ctx, e, m, now_ns);
}

/* Frames from bytes; returns how many were taken. */
static size_t take(struct endpoint *e, const char *bytes, size_t size, uint64_t now_ns)
{
    size_t done = 0, frame;
    while (done < size && e->conn != PORT_CONN_NONE) {
        enum err parse_error;
        switch (fix_frame_parse(e->msg, bytes + done, size - done, &frame, &parse_error)) {
        case FIX_FRAME_OK:
            message(e, parse_error, now_ns);
            done += frame;
            break;
        case FIX_FRAME_GARBLED:
            done += frame;
            break;
        case FIX_FRAME_PARTIAL:
            return done;
        case FIX_FRAME_TOO_LONG:
            drop(e, now_ns);
            return size;
        }
    }
    return size;
}

static void data(struct endpoint *e, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
    const char *from = (const char *)bytes;
    if (!e->buffered) {
        size_t done = take(e, from, size, now_ns);
        from += done;
        size -= done;
    }
    while (size && e->conn != PORT_CONN_NONE) {
        size_t n = size < ENDPOINT_BUFFER_SIZE - e->buffered ? size : ENDPOINT_BUFFER_SIZE - e->buffered;
        memcpy(e->buffer + e->buffered, from, n);
        e->buffered += n;
        from += n;
        size -= n;
        size_t held = e->buffered, done = take(e, e->buffer, held, now_ns);
        if (e->conn == PORT_CONN_NONE)
            return;
        memmove(e->buffer, e->buffer + done, held - done);
        e->buffered = held - done;
    }
}

void endpoint_event(struct endpoint *e, const struct port_event *ev, uint64_t now_ns)
{
    switch (ev->type) {
    case PORT_ACCEPTED:
        if (e->conn != PORT_CONN_NONE) { /* rfqd came back before we saw that it had gone */
            port_close(e->port, e->conn);
            disconnected(e, now_ns);
        }
        if (e->away)
            port_close(e->port, ev->conn);
        else
            connected(e, ev->conn, now_ns);
        break;
    case PORT_CONNECTED:
        connected(e, ev->conn, now_ns);
        break;
    case PORT_CONNECT_FAILED:
        if (ev->conn == e->conn)
            disconnected(e, now_ns);
        break;
    case PORT_DATA:
        if (ev->conn == e->conn)
            data(e, ev->data, ev->size, now_ns);
        break;
    case PORT_CLOSED:
        if (ev->conn == e->conn)
            disconnected(e, now_ns);
        break;
    }
}

void endpoint_tick(struct endpoint *e, uint64_t now_ns)
{
    if (e->conn == PORT_CONN_NONE) {
        if (e->config.fix.initiator && !e->stopping && !e->away && now_ns >= e->reconnect_ns) {
            e->reconnect_ns = now_ns + ENDPOINT_RECONNECT_NS;
            if (port_connect(e->port, &e->config.address, NULL, (uint64_t)(uintptr_t)e, &e->conn) != OK)
                e->conn = PORT_CONN_NONE;
        }
    } else {
        struct fix_session_numbers n = numbers(e);
        struct fix_actions a = {0};
        fix_session_tick(&e->session, &n, now_ns, &a);
        run(e, &a, now_ns);
    }
    if (e->room_used)
        flush(e);
}

void endpoint_logout(struct endpoint *e, uint64_t now_ns)
{
    struct fix_actions a = {0};
    e->stopping = true;
    if (!endpoint_is_up(e))
        return;
    fix_session_logout(&e->session, "done", now_ns, &a);
    run(e, &a, now_ns);
    if (e->conn != PORT_CONN_NONE)
        flush(e);
}

void endpoint_leave(struct endpoint *e, uint64_t now_ns)
{
    e->away = true;
    drop(e, now_ns);
}

void endpoint_come_back(struct endpoint *e, uint64_t now_ns)
{
    e->away = false;
    e->reconnect_ns = now_ns;
}

enum err endpoint_open(struct endpoint *e, const struct endpoint_config *c, struct port *port, uint64_t tag)
{
    memset(e, 0, sizeof *e);
    e->config = *c;
    e->port = port;
    e->conn = PORT_CONN_NONE;
    e->msg = calloc(1, sizeof *e->msg);
    e->buffer = malloc(ENDPOINT_BUFFER_SIZE);
    e->room = malloc(ROOM_SIZE);
    if (!e->msg || !e->buffer || !e->room)
        return ERR_MEMORY;
    enum err err = journal_open(&e->journal, c->journal);
    if (err != OK)
        return err;
    fix_session_init(&e->session, &c->fix);
    return c->fix.initiator ? OK : port_listen(port, &c->address, tag);
}

void endpoint_close(struct endpoint *e)
{
    if (e->journal)
        journal_close(e->journal);
    free(e->msg);
    free(e->buffer);
    free(e->room);
    memset(e, 0, sizeof *e);
    e->conn = PORT_CONN_NONE;
}
