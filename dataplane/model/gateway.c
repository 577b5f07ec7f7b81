#include "dataplane/model/gateway.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/core/memory.h"

#define DURABLE_SIZE offsetof(struct session, transient)

static struct session *session_changing(struct gateway_state *s, uint32_t number)
{
    struct session *session = table_get(s->sessions, (uint64_t)number + 1);
    assert(session); /* GATEWAY_SESSION_SET is a session's first record */
    table_touch(s->sessions, session);
    return session;
}

/* The configuration's part is taken over; numbers and counts stay those of the session that is known already.
 */
static void apply_session_set(struct gateway_state *s, const struct gateway_session_set *ev)
{
    struct session *session = table_get(s->sessions, ev->session.id);
    if (!session) {
        session = table_insert(s->sessions, ev->session.id);
        memcpy(session, &ev->session, DURABLE_SIZE);
        return;
    }
    table_touch(s->sessions, session);
    memcpy(session->name, ev->session.name, sizeof session->name);
    memcpy(session->sender, ev->session.sender, sizeof session->sender);
    memcpy(session->target, ev->session.target, sizeof session->target);
    session->role = ev->session.role;
}

static void apply_session_state(struct gateway_state *s, const struct gateway_session_state *ev)
{
    struct session *session = session_changing(s, ev->head.session);
    if (session->state == ev->state)
        return; /* the same fence, on its next lane */
    session->state = ev->state;
    session->changed_ns = ev->head.time_ns;
}

static void apply_session_reset(struct gateway_state *s, const struct gateway_session_reset *ev)
{
    struct session *session = session_changing(s, ev->head.session);
    assert(ev->generation > session->generation);
    session->generation = ev->generation;
    session->next_in = 1;
    session->next_out = 1;
}

static void apply_session_numbers(struct gateway_state *s, const struct gateway_session_numbers *ev)
{
    struct session *session = session_changing(s, ev->head.session);
    assert(ev->generation > session->generation && ev->next_in > 0 && ev->next_out > 0);
    session->generation = ev->generation;
    session->next_in = ev->next_in;
    session->next_out = ev->next_out;
}

static void apply_in(struct gateway_state *s, const struct gateway_in *ev)
{
    struct session *session = session_changing(s, ev->head.session);
    assert(ev->generation == session->generation);
    session->next_in = ev->advance ? ev->seq_to : ev->seq + 1;
    session->received++;
}

static void apply_out(struct gateway_state *s, const struct gateway_out *ev)
{
    if (ev->resend_of)
        return; /* no new number, and the state counts messages, not sendings */
    struct session *session = session_changing(s, ev->head.session);
    assert(ev->generation == session->generation);
    session->next_out = ev->seq + 1;
    session->sent++;
}

static void apply_started(struct gateway_state *s, const struct gateway_started *ev)
{
    if (ev->reserved_out == 0)
        return;
    for (uint32_t slot = 0; slot < table_slots(s->sessions); slot++) {
        struct session *session = table_at(s->sessions, slot);
        if (!session)
            continue;
        table_touch(s->sessions, session);
        session->next_out += ev->reserved_out;
    }
}

static void gateway_apply(struct state *base, const struct record *r)
{
    struct gateway_state *s = (struct gateway_state *)base;
    switch (r->type) {
    case RECORD_GATEWAY_SESSION_SET:
        apply_session_set(s, (const void *)r);
        break;
    case RECORD_GATEWAY_SESSION_STATE:
        apply_session_state(s, (const void *)r);
        break;
    case RECORD_GATEWAY_SESSION_RESET:
        apply_session_reset(s, (const void *)r);
        break;
    case RECORD_GATEWAY_SESSION_NUMBERS:
        apply_session_numbers(s, (const void *)r);
        break;
    case RECORD_GATEWAY_IN:
        apply_in(s, (const void *)r);
        break;
    case RECORD_GATEWAY_OUT:
        apply_out(s, (const void *)r);
        break;
    case RECORD_GATEWAY_STARTED:
        apply_started(s, (const void *)r);
        break;
    case RECORD_GATEWAY_UNSENT:   /* a fact for the engine whose event it was */
    case RECORD_GATEWAY_RELEASED: /* one for people */
        break;
    default:
        assert(false && "a record of another writer");
    }
}

static void gateway_rebuild(struct state *base)
{
    (void)base; /* sessions have no links, indexes or timers */
}

static void gateway_state_destroy(struct state *base)
{
    struct gateway_state *s = (struct gateway_state *)base;
    table_destroy(s->sessions);
    memory_give(s, sizeof *s);
}

enum err gateway_state_create(struct gateway_state **out, uint8_t agent, bool track)
{
    assert(agent >= AGENT_GATEWAY && agent < AGENTS_MAX);
    *out = NULL;
    struct gateway_state *s = memory_take(sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->base.agent = agent;
    s->base.apply = gateway_apply;
    s->base.rebuild = gateway_rebuild;
    s->base.destroy = gateway_state_destroy;
    enum err e =
        table_create(&s->sessions, "sessions", SESSIONS_MAX, sizeof(struct session), DURABLE_SIZE, track);
    if (e) {
        gateway_state_destroy(&s->base);
        return e;
    }
    s->base.tables[s->base.table_count++] = s->sessions;
    *out = s;
    return OK;
}

const struct session *gateway_session(const struct gateway_state *s, uint32_t number)
{
    return table_get(s->sessions, (uint64_t)number + 1);
}

const struct session *gateway_session_by_name(const struct gateway_state *s, const char *name)
{
    for (uint32_t slot = 0; slot < table_slots(s->sessions); slot++) {
        const struct session *session = table_at(s->sessions, slot);
        if (session && strncmp(session->name, name, sizeof session->name) == 0)
            return session;
    }
    return NULL;
}
