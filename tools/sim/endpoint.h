/* Endpoint: one FIX session of a simulated party: connection, session, journal. Built on the public faces of
 * fix and net. Initiator (it connects to rfqd and comes back when the connection is lost) or acceptor (it
 * listens for rfqd).
 */
#ifndef RFQD_SIM_ENDPOINT_H
#define RFQD_SIM_ENDPOINT_H

#include <netinet/in.h>

#include "dataplane/net/port.h"
#include "fix/session.h"
#include "tools/sim/journal.h"

#define ENDPOINT_RECONNECT_NS 20000000ull
#define ENDPOINT_BUFFER_SIZE  (256u * 1024u)

struct endpoint;

struct endpoint_config {
    struct fix_session_config fix;
    struct sockaddr_in address; /* to connect to, or to listen at */
    const char *journal;
    /* An application message, in order, already in the journal. */
    void (*message)(void *ctx, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns);
    void *ctx;
};

struct endpoint {
    struct endpoint_config config;
    struct port *port;
    struct fix_session session;
    struct journal *journal;
    uint32_t conn;
    uint64_t reconnect_ns;
    struct fix_msg *msg;
    char *buffer; /* bytes of a message that came in part */
    size_t buffered;
    char *room; /* messages until the flush */
    size_t room_used;
    struct fix_encoder encoder;
    const char *bytes; /* message being encoded */
    uint64_t received, sent, resent;
    bool stopping, away;
    bool was_up; /* it has logged on at least once */
};

/* tag: how the port's events find it (endpoint_event). ERR_IO, ERR_MEMORY, ERR_CORRUPT (journal). */
enum err endpoint_open(struct endpoint *e, const struct endpoint_config *c, struct port *port,
                       uint64_t tag) WARN_UNUSED;
void endpoint_close(struct endpoint *e);
/* The port's event for this endpoint's tag. */
void endpoint_event(struct endpoint *e, const struct port_event *ev, uint64_t now_ns);
/* Heartbeats, reconnects; then everything queued is journalled and leaves. */
void endpoint_tick(struct endpoint *e, uint64_t now_ns);
void endpoint_logout(struct endpoint *e, uint64_t now_ns);
/* Drops the connection, without a Logout, and stays away until it comes back. */
void endpoint_leave(struct endpoint *e, uint64_t now_ns);
void endpoint_come_back(struct endpoint *e, uint64_t now_ns);

/* An application message: encoder with the header done; NULL while the session is not in a state to send. */
struct fix_encoder *endpoint_begin(struct endpoint *e, const char *msg_type, uint64_t now_ns);
/* Journalled at once, sent at the next tick. */
void endpoint_end(struct endpoint *e, uint64_t now_ns);
/* The application message that was sent under this number, once more under a new one, with PossResend or, as
 * it should not be, without. False: there is none, or the session is in no state to send. */
bool endpoint_repeat(struct endpoint *e, uint64_t seq, bool poss_resend, uint64_t now_ns);
static inline bool endpoint_is_up(const struct endpoint *e)
{
    return fix_session_is_up(&e->session);
}

#endif
