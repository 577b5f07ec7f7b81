/* What was sent and may be asked for again: the newest messages of each session's present generation, from
 * the store up to its commit, then from the log and the rings. Each session keeps a window that loses its
 * oldest. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/model/upcast.h"
#include "storage/follow.h"
#include "storage/store_fail.h"
#include "storage/tables.h"

struct message {
    struct message *next;
    _Alignas(8) struct record record; /* a GATEWAY_OUT; its body follows */
};

struct window {
    uint64_t generation;
    uint64_t last_seq;
    uint64_t bytes;
    struct message *oldest, **newest;
};

struct gather {
    uint32_t per_session;
    uint32_t session; /* being read from the store */
    bool out_of_memory;
    enum err e;             /* of a row */
    struct window *windows; /* SESSIONS_MAX */
};

static const struct gateway_out *message_out(const struct message *m)
{
    return (const struct gateway_out *)(const void *)&m->record;
}

static void window_clear(struct window *w)
{
    for (struct message *m = w->oldest, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    w->oldest = NULL;
    w->newest = &w->oldest;
    w->bytes = 0;
}

static bool window_add(struct gather *g, struct window *w, const struct gateway_out *sent)
{
    if (sent->seq <= w->last_seq)
        return true; /* in the store and in the log: the same */
    struct message *m = malloc(offsetof(struct message, record) + sent->head.size);
    if (!m) {
        g->out_of_memory = true;
        return false;
    }
    m->next = NULL;
    memcpy(&m->record, sent, sent->head.size);
    *w->newest = m;
    w->newest = &m->next;
    w->last_seq = sent->seq;
    w->bytes += sent->head.size;
    while (w->bytes > g->per_session && w->oldest) {
        struct message *first = w->oldest;
        w->oldest = first->next;
        if (!w->oldest)
            w->newest = &w->oldest;
        w->bytes -= first->record.size;
        free(first);
    }
    return true;
}

static int take_row(void *ctx, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct gather *g = ctx;
    struct window *w = &g->windows[g->session];
    char prefix[SENT_KEY_SIZE];
    _Alignas(8) char out[RECORD_SIZE_MAX];
    sent_key(prefix, g->session, w->generation, 0);
    if (key_size != SENT_KEY_SIZE || memcmp(key, prefix, 12) != 0)
        return 1;
    size_t size = value_size - sizeof(struct sent_row);
    if (value_size < sizeof(struct sent_row) + sizeof(struct gateway_out) || size > sizeof out)
        return 0;
    memcpy(out, (const char *)value + sizeof(struct sent_row), size);
    const struct gateway_out *sent = (const struct gateway_out *)(const void *)out;
    if (sent->head.size != size)
        return 0;
    if (!record_is_known(&sent->head)) {
        char why[RECORD_REFUSAL_SIZE];
        record_refusal(&sent->head, why);
        g->e = store_fail(ERR_VERSION, "store, table %s, session %" PRIu32 ", number %" PRIu64 ": %s",
                          TABLE_SENT, g->session, store_from_be64((const char *)key + 12), why);
        return 1;
    }
    return !window_add(g, w, sent);
}

static bool take_batch(void *ctx, const struct batch *b)
{
    struct gather *g = ctx;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        const struct gateway_out *sent = (const struct gateway_out *)(const void *)r;
        if (r->type != RECORD_GATEWAY_OUT || sent->admin || sent->resend_of || r->session >= SESSIONS_MAX)
            continue;
        struct window *w = &g->windows[r->session];
        if (sent->generation == w->generation && !window_add(g, w, sent))
            return false;
    }
    return true;
}

/* Numbers are given without gaps, and no record is smaller than its fixed part: so far back, and no farther,
 * can a window reach. */
static enum err gather_session(const struct recovery_input *in, struct gather *g, const struct session *s)
{
    char from[SENT_KEY_SIZE];
    uint64_t reach = g->per_session / sizeof(struct gateway_out) + 1;
    g->session = (uint32_t)(s->id - 1);
    assert(g->session < SESSIONS_MAX);
    g->windows[g->session].generation = s->generation;
    sent_key(from, g->session, s->generation, s->next_out > reach ? s->next_out - reach : 0);
    enum err e = in->store->ops->scan(in->store, TABLE_SENT, from, sizeof from, take_row, g);
    return e ? e : g->e;
}

static enum err gather_store(const struct recovery_input *in, struct gather *g)
{
    for (unsigned a = AGENT_GATEWAY; a < AGENTS_MAX; a++) {
        const struct state *s = in->states[a];
        if (!s)
            continue;
        const struct table *sessions = ((const struct gateway_state *)(const void *)s)->sessions;
        for (uint32_t slot = 0; slot < table_slots(sessions); slot++) {
            const struct session *session = table_at(sessions, slot);
            enum err e = session ? gather_session(in, g, session) : OK;
            if (e)
                return e;
        }
    }
    return OK;
}

enum err recovery_sent(const struct recovery_input *in, const struct recovery_result *result,
                       uint32_t per_session, void (*visit)(void *ctx, const struct gateway_out *sent),
                       void *ctx)
{
    struct store_marks marks;
    struct gather g = {.per_session = per_session, .windows = calloc(SESSIONS_MAX, sizeof *g.windows)};
    if (!g.windows)
        return store_fail(ERR_MEMORY, "no memory for messages sent");
    for (unsigned i = 0; i < SESSIONS_MAX; i++)
        g.windows[i].newest = &g.windows[i].oldest;
    enum err e = in->store->ops->marks(in->store, &marks);
    if (e == ERR_NOT_FOUND) {
        marks.log_offset = log_begin(in->log);
        e = OK;
    }
    if (!e)
        e = gather_store(in, &g);
    if (!e)
        e = follow_batches(in, result, marks.log_offset, take_batch, &g);
    if (!e && g.out_of_memory)
        e = store_fail(ERR_MEMORY, "no memory for messages sent");
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        for (const struct message *m = g.windows[i].oldest; !e && m; m = m->next)
            visit(ctx, message_out(m));
        window_clear(&g.windows[i]);
    }
    free(g.windows);
    return e;
}
