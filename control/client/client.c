#include "control/client/client.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"

/* Of the lane, kept free for cancels, whatever else clients ask. */
#define LANE_RESERVE 65536u
#define SWEEP_NS     100000000u /* how often is looked for answers that did not come */
#define TAKERS_KNOWN 256u       /* whose ids are not looked for again */

/* Why a command is not sent: the counter's label, and the sentence; NULL: why_not has the log's own. */
#define REFUSALS(X)                                                                                       \
    X(REFUSED_NO_TAKER, "no_taker", "the user is not known as a taker")                                   \
    X(REFUSED_LOG_FAILED, "log_failed", "the record cannot be kept: nothing is accepted")                 \
    X(REFUSED_LOG_STALLED, "log_stalled", NULL)                                                           \
    X(REFUSED_STATE_DIFFERS, "state_differs",                                                             \
      "the state that is shown is not the engine's: nothing is accepted")                                 \
    X(REFUSED_STORE_FULL, "store_full", "the store takes no more now: nothing is accepted until it does") \
    X(REFUSED_STATE_BEHIND, "state_behind", "the state that is shown is too far behind: try again")       \
    X(REFUSED_UNDER_WAY, "under_way", "too many commands are under way")                                  \
    X(REFUSED_LANE, "lane", "the engine has more to do than it can: try again")
enum refusal {
#define X(value, name, text) value,
    REFUSALS(X)
#undef X
        CLIENT_REFUSALS,
    REFUSED_NOT = CLIENT_REFUSALS
};
static const char *const refusal_names[] = {
#define X(value, name, text) name,
    REFUSALS(X)
#undef X
};
static const char *const refusal_texts[] = {
#define X(value, name, text) text,
    REFUSALS(X)
#undef X
};

enum waiting_state { WAITING_FREE, WAITING_SENT, WAITING_ANSWERED };

struct waiting {
    enum waiting_state state;
    uint64_t ticket, due_ns;
    client_done done;
    void *ctx;
    struct client_answered answer;
    struct waiting *next_answered;
};

struct clients {
    struct node *node;
    struct lane *lane;
    uint64_t now_ns, next_ticket;
    struct waiting waiting[CLIENT_WAITING_MAX]; /* by ticket */
    unsigned waiting_count;
    struct waiting *first_answered, **last_answered; /* in the order of their answers */
    uint64_t takers[TAKERS_KNOWN];                   /* ids, by hash of the code; 0: none yet */
    uint64_t next_sweep_ns;
    const char *why;
    counter_value *commands, *answers, *timeouts, *repeated, *gauge;
    counter_value *refusals[CLIENT_REFUSALS];
};

static struct waiting *place_of(struct clients *c, uint64_t ticket)
{
    return &c->waiting[ticket % CLIENT_WAITING_MAX];
}

enum err clients_create(struct clients **out, struct node *node, struct counters *counters, uint64_t now_ns)
{
    struct clients *c = *out = calloc(1, sizeof *c);
    if (!c)
        return ERR_MEMORY;
    c->node = node;
    c->lane = node_client_lane(node);
    c->next_ticket = now_ns; /* answers of the last run, read again, are nobody's */
    c->now_ns = now_ns;
    c->last_answered = &c->first_answered;
    c->commands = counter_new(counters, COUNTER_TOTAL, "rfqd_client_commands_total", "");
    c->answers = counter_new(counters, COUNTER_TOTAL, "rfqd_client_answers_total", "");
    c->timeouts = counter_new(counters, COUNTER_TOTAL, "rfqd_client_timeouts_total", "");
    c->repeated = counter_new(counters, COUNTER_TOTAL, "rfqd_client_repeated_total", "");
    c->gauge = counter_new(counters, COUNTER_GAUGE, "rfqd_client_waiting", "");
    for (unsigned i = 0; i < CLIENT_REFUSALS; i++) {
        char label[COUNTER_LABEL_SIZE];
        snprintf(label, sizeof label, "reason=\"%s\"", refusal_names[i]);
        c->refusals[i] = counter_new(counters, COUNTER_TOTAL, "rfqd_client_refusals_total", label);
    }
    return OK;
}

void clients_destroy(struct clients *c)
{
    free(c);
}

/* Sending
 * ----------------------------------------------------------------------------------------------------- */

/* What a key is known for: the request as it stands over HTTP. */
static void print_request(char out[128], enum body_kind kind, const struct rfq *rfq)
{
    static const char *const verbs[] = {
        [BODY_ACCEPT] = "accept", [BODY_CANCEL] = "cancel", [BODY_EXTEND] = "extend"};
    char name[ID_TEXT_SIZE];
    if (kind == BODY_RFQ) {
        snprintf(out, 128, "POST /api/v1/rfqs");
        return;
    }
    name_print('R', rfq->id, name);
    snprintf(out, 128, "POST /api/v1/rfqs/%s/%s", name, verbs[kind]);
}

/* 128 bits that nobody can choose: of who, what and the key. */
static void hash_key(const struct client_who *who, const char *request, uint64_t *high, uint64_t *low)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[1024];
    int size = snprintf(text, sizeof text, "%s\n%s\n%s\n%s", who->principal->user->tenant,
                        who->principal->user->name, request, who->key);
    SHA256((const unsigned char *)text, size < (int)sizeof text ? (size_t)size : sizeof text - 1, digest);
    memcpy(high, digest, 8);
    memcpy(low, digest + 8, 8);
    *low |= 1; /* never that of no key */
}

static uint64_t hash_body(const union body *body)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    uint64_t hash;
    SHA256((const unsigned char *)body, sizeof *body, digest);
    memcpy(&hash, digest, 8);
    return hash;
}

static enum err refuse(struct clients *c, enum refusal why)
{
    counter_add(c->refusals[why], 1);
    if (refusal_texts[why])
        c->why = refusal_texts[why];
    return why == REFUSED_NO_TAKER ? ERR_NOT_FOUND : ERR_FULL;
}

static struct waiting *take_place(struct clients *c)
{
    for (unsigned i = 0; i < CLIENT_WAITING_MAX; i++) {
        struct waiting *w = place_of(c, ++c->next_ticket);
        if (w->state == WAITING_FREE)
            return w;
    }
    return NULL;
}

/* A command, whichever it is. */
union asked {
    struct {
        struct record head;
        struct client_head client;
    };
    struct command_client_rfq create;
    struct command_client_accept accept;
    struct command_client_cancel cancel;
    struct command_client_extend extend;
};
static_assert(offsetof(struct command_client_rfq, client) == offsetof(union asked, client) &&
                  offsetof(struct command_client_accept, client) == offsetof(union asked, client) &&
                  offsetof(struct command_client_cancel, client) == offsetof(union asked, client) &&
                  offsetof(struct command_client_extend, client) == offsetof(union asked, client),
              "all four begin alike");

/* All of it but head and client. */
static void make_command(const struct clients *c, enum body_kind kind, const union body *body,
                         const struct rfq *rfq, union asked *out, uint16_t *type, uint32_t *size)
{
    switch (kind) {
    case BODY_RFQ:
        body_rfq_command(&body->rfq, c->now_ns, &out->create);
        *type = RECORD_COMMAND_CLIENT_RFQ;
        *size = sizeof out->create;
        return;
    case BODY_ACCEPT:
        body_accept_command(&body->accept, rfq->id, &out->accept);
        *type = RECORD_COMMAND_CLIENT_ACCEPT;
        *size = sizeof out->accept;
        return;
    case BODY_CANCEL:
        out->cancel = (struct command_client_cancel){.rfq = rfq->id, .reason = body->cancel.reason};
        *type = RECORD_COMMAND_CLIENT_CANCEL;
        *size = sizeof out->cancel;
        return;
    case BODY_EXTEND:
        break;
    }
    body_extend_command(&body->extend, rfq->id, &out->extend);
    *type = RECORD_COMMAND_CLIENT_EXTEND;
    *size = sizeof out->extend;
}

/* The answer is what the replica has applied: where it does not, none would come. */
static enum refusal replica_refuses(const struct clients *c)
{
    switch (replica_standing(node_replica(c->node))) {
    case REPLICA_DIFFERS:
        return REFUSED_STATE_DIFFERS;
    case REPLICA_FULL:
        return REFUSED_STORE_FULL;
    case REPLICA_BEHIND:
        return REFUSED_STATE_BEHIND;
    case REPLICA_FOLLOWS:
        break;
    }
    return REFUSED_NOT;
}

/* Whether it may go out now. Half of the places, a part of the lane, and the time while the log waits for its
 * disk or the replica does not follow it are kept for cancels. */
static enum refusal why_not(struct clients *c, bool is_cancel, uint32_t size)
{
    struct log *log = node_log(c->node);
    const char *stalled = is_cancel ? NULL : log_stalled(log); /* asked once: another core's, it may change */
    enum refusal why = is_cancel ? REFUSED_NOT : replica_refuses(c);
    if (log_failed(log))
        return REFUSED_LOG_FAILED;
    if (stalled) {
        c->why = stalled;
        return REFUSED_LOG_STALLED;
    }
    if (why != REFUSED_NOT)
        return why;
    if (c->waiting_count >= (is_cancel ? CLIENT_WAITING_MAX : CLIENT_WAITING_MAX / 2))
        return REFUSED_UNDER_WAY;
    if (!lane_room(c->lane, LANE_ITEM_HEADER_SIZE + size, is_cancel ? 0 : LANE_RESERVE))
        return REFUSED_LANE;
    return REFUSED_NOT;
}

/* Looked for among all of them once; the place of another with the same hash is taken. */
static const struct taker *taker_of(struct clients *c, const struct config_user *user)
{
    const struct distribution_state *s = replica_config(node_replica(c->node))->distribution;
    uint64_t *id = &c->takers[hash_bytes(user->name, strlen(user->name)) % TAKERS_KNOWN];
    const struct taker *known = *id ? distribution_taker(s, *id) : NULL;
    if (known && strncmp(known->code, user->name, sizeof known->code) == 0)
        return known;
    known = distribution_taker_by_code(s, user->name);
    *id = known ? known->id : 0;
    return known;
}

bool client_key_fits(const char *key)
{
    size_t size = strlen(key);
    for (const char *x = key; *x; x++)
        if (*x <= 0x20 || *x > 0x7e)
            return false;
    return size >= 1 && size <= CLIENT_KEY_SIZE_MAX;
}

enum err client_ask(struct clients *c, const struct client_who *who, enum body_kind kind,
                    const union body *body, const struct rfq *rfq, client_done done, void *ctx)
{
    const struct taker *taker = taker_of(c, who->principal->user);
    union asked asked;
    uint16_t type;
    uint32_t size;
    if (!taker)
        return refuse(c, REFUSED_NO_TAKER);
    make_command(c, kind, body, rfq, &asked, &type, &size);
    enum refusal why = why_not(c, kind == BODY_CANCEL, size);
    if (why != REFUSED_NOT)
        return refuse(c, why);
    struct waiting *w = take_place(c);
    asked.client =
        (struct client_head){.ticket = c->next_ticket, .taker = taker->id, .tenant = taker->tenant};
    if (who->key && *who->key) {
        char request[128];
        print_request(request, kind, rfq);
        hash_key(who, request, &asked.client.key_high, &asked.client.key_low);
        asked.client.body = hash_body(body);
    }
    asked.head = (struct record){.size = size,
                                 .type = type,
                                 .version = record_type_version(type),
                                 .dest = AGENT_DISTRIBUTION,
                                 .lane = LANE_REQUEST,
                                 .session = SESSION_NONE,
                                 .time_ns = c->now_ns};
    bool put = lane_put(c->lane, AGENT_NONE, LANE_REQUEST, 0, c->now_ns, &asked.head, 0);
    assert(put); /* room was asked for */
    (void)put;
    lane_commit(c->lane);
    w->state = WAITING_SENT;
    w->ticket = c->next_ticket;
    w->due_ns = c->now_ns + CLIENT_TIMEOUT_NS;
    w->done = done;
    w->ctx = ctx;
    counter_add(c->commands, 1);
    counter_set(c->gauge, ++c->waiting_count);
    return OK;
}

const char *clients_why(const struct clients *c)
{
    return c->why;
}

void clients_forget(struct clients *c, const void *ctx)
{
    for (unsigned i = 0; i < CLIENT_WAITING_MAX; i++)
        if (c->waiting[i].state != WAITING_FREE && c->waiting[i].ctx == ctx)
            c->waiting[i].done = NULL;
}

/* Answers
 * ------------------------------------------------------------------------------------------------------ */

void clients_applied(struct clients *c, const struct batch *b)
{
    if (b->agent != AGENT_DISTRIBUTION || c->waiting_count == 0)
        return;
    for (const struct record *r = batch_first(b); r; r = batch_after(b, r)) {
        if (r->type != RECORD_CLIENT_ANSWERED)
            continue;
        const struct client_answered *a = (const void *)r;
        struct waiting *w = place_of(c, a->ticket);
        if (w->state != WAITING_SENT || w->ticket != a->ticket)
            continue;
        w->state = WAITING_ANSWERED;
        w->answer = *a;
        w->next_answered = NULL;
        *c->last_answered = w;
        c->last_answered = &w->next_answered;
    }
}

static void give(struct clients *c, struct waiting *w, const struct client_answered *a)
{
    client_done done = w->done;
    void *ctx = w->ctx;
    struct client_answered copy;
    if (a)
        copy = *a;
    w->state = WAITING_FREE;
    counter_set(c->gauge, --c->waiting_count);
    counter_add(a ? c->answers : c->timeouts, 1);
    if (a && a->repeated)
        counter_add(c->repeated, 1);
    if (done)
        done(ctx, a ? &copy : NULL);
}

unsigned clients_poll(struct clients *c, uint64_t now_ns)
{
    unsigned given = 0;
    c->now_ns = now_ns;
    for (struct waiting *w; (w = c->first_answered); given++) {
        if (!(c->first_answered = w->next_answered))
            c->last_answered = &c->first_answered;
        give(c, w, &w->answer);
    }
    if (c->waiting_count == 0 || now_ns < c->next_sweep_ns)
        return given;
    c->next_sweep_ns = now_ns + SWEEP_NS;
    for (unsigned i = 0; i < CLIENT_WAITING_MAX; i++) {
        struct waiting *w = &c->waiting[i];
        if (w->state == WAITING_SENT && now_ns >= w->due_ns) {
            give(c, w, NULL);
            given++;
        }
    }
    return given;
}

unsigned clients_waiting(const struct clients *c)
{
    return c->waiting_count;
}
