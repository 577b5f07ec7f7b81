/* A simulated taker that does what a script says (script.h), over its FIX session. It ends at the script's
 * end, or at the first expectation that is not met: that is said on stderr, with the script's line and what
 * came instead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/decimal.h"
#include "fix/fix_dict.h"
#include "tools/sim/party.h"
#include "tools/sim/say.h"
#include "tools/sim/script.h"

#define SESSION_NS    10000000000ull /* for the session to be up where a step needs it */
#define INBOX_MAX     1024           /* messages not taken; the oldest go */
#define QUOTES_MAX    256            /* of one request */
#define STEPS_AT_ONCE 64             /* of one poll */
#define SHOWN_MAX     6              /* messages shown with a failure */
#define SHOWN_SIZE    240            /* of each */
#define NOBODY        UINT32_MAX

struct seen_quote {
    char id[ID_TEXT_SIZE];
    int64_t bid, ask;
    uint64_t valid_until_ns;
    bool over;
};

/* What a name stands for now. */
struct named {
    char request[ID_TEXT_SIZE], order[ID_TEXT_SIZE], cancel[ID_TEXT_SIZE], order_id[ID_TEXT_SIZE];
    char symbol[SYMBOL_SIZE];
    char side, order_side;
    int64_t quantity;
    uint64_t sent; /* MsgSeqNum of the last message about it */
    unsigned quote_count;
    struct seen_quote quotes[QUOTES_MAX];
};

struct came {
    char *bytes;
    size_t size;
    unsigned name; /* that it is about, or NOBODY */
    uint64_t number;
};

struct scripted_party {
    struct party_options options;
    struct endpoint *endpoint;
    struct script *script;
    struct named names[SCRIPT_NAMES_MAX];
    unsigned at, done_steps;
    unsigned left[SCRIPT_STEPS_MAX]; /* runs of the repeat of that step still to come */
    uint64_t began_ns;               /* the step; 0: not yet */
    uint64_t began_number;           /* messages that had come by then */
    struct came inbox[INBOX_MAX];    /* oldest first */
    unsigned inbox_count, taken;     /* taken: quotes that this step has */
    uint64_t came;
    bool over, failed;
};

enum progress { WAITS, DONE, FAILED };

/* Failing
 * ------------------------------------------------------------------------------------------------------------
 */

/* The body, without what every header and trailer has. */
static void print_message(const struct came *c, FILE *to)
{
    static const char *const left_out[] = {"8=", "9=", "49=", "56=", "52=", "10="};
    char text[SHOWN_SIZE];
    size_t used = 0;
    for (size_t at = 0; at < c->size;) {
        const char *field = c->bytes + at;
        size_t size = (size_t)((const char *)memchr(field, FIX_SOH, c->size - at) - field);
        bool shown = true;
        for (unsigned i = 0; i < sizeof left_out / sizeof *left_out; i++)
            shown &= strncmp(field, left_out[i], strlen(left_out[i])) != 0;
        if (shown && used + size + 1 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", used ? "|" : "", (int)size,
                                     field);
        at += size + 1;
    }
    fprintf(to, "    %s\n", text);
}

static enum progress fail(struct scripted_party *p, const char *why)
{
    const struct script_step *s = &p->script->steps[p->at];
    unsigned shown = p->inbox_count < SHOWN_MAX ? p->inbox_count : SHOWN_MAX;
    fprintf(stderr, "%s:%u: %s: %s\n", p->options.script, s->line, s->source, why);
    fprintf(stderr,
            shown ? "  not taken before, the last of what %s got:\n"
                  : "  %s got nothing that was not taken before\n",
            p->options.name);
    for (unsigned i = p->inbox_count - shown; i < p->inbox_count; i++)
        print_message(&p->inbox[i], stderr);
    p->over = p->failed = true;
    return FAILED;
}

/* What has come
 * ------------------------------------------------------------------------------------------------------------
 */

static void forget(struct scripted_party *p, unsigned at)
{
    free(p->inbox[at].bytes);
    memmove(&p->inbox[at], &p->inbox[at + 1], (--p->inbox_count - at) * sizeof p->inbox[0]);
}

static bool is_text(const struct fix_msg *m, uint32_t tag, const char *text)
{
    char value[ID_TEXT_SIZE];
    return *text && fix_get_text(m, tag, value, sizeof value) == OK && strcmp(value, text) == 0;
}

static unsigned name_of(const struct scripted_party *p, const struct fix_msg *m)
{
    uint64_t ref = 0;
    bool is_reject = m->type == FIX_MSG_TYPE1('j') || m->type == FIX_MSG_TYPE1('3');
    if (is_reject && fix_get_uint(m, FIX_TAG_RefSeqNum, &ref) != OK)
        ref = 0;
    for (unsigned i = 0; i < p->script->name_count; i++) {
        const struct named *n = &p->names[i];
        if (is_text(m, FIX_TAG_QuoteReqID, n->request) || is_text(m, FIX_TAG_ClOrdID, n->order) ||
            is_text(m, FIX_TAG_QuoteRespID, n->order) || is_text(m, FIX_TAG_ClOrdID, n->cancel) ||
            is_text(m, FIX_TAG_OrigClOrdID, n->order) || (ref && ref == n->sent))
            return i;
    }
    return NOBODY;
}

static void learn_quote(struct named *n, const struct fix_msg *m)
{
    struct seen_quote q = {.valid_until_ns = UINT64_MAX};
    if (fix_get_text(m, FIX_TAG_QuoteID, q.id, sizeof q.id) != OK || n->quote_count == QUOTES_MAX)
        return;
    if (fix_get_decimal(m, FIX_TAG_BidPx, &q.bid) != OK)
        q.bid = 0;
    if (fix_get_decimal(m, FIX_TAG_OfferPx, &q.ask) != OK)
        q.ask = 0;
    if (fix_get_time(m, FIX_TAG_ValidUntilTime, &q.valid_until_ns) != OK)
        q.valid_until_ns = UINT64_MAX;
    n->quotes[n->quote_count++] = q;
}

static void learn(struct named *n, const struct fix_msg *m)
{
    if (m->type == FIX_MSG_TYPE1('S'))
        learn_quote(n, m);
    if (m->type == FIX_MSG_TYPE1('Z'))
        for (unsigned i = 0; i < n->quote_count; i++)
            n->quotes[i].over |= is_text(m, FIX_TAG_QuoteID, n->quotes[i].id);
    if (m->type == FIX_MSG_TYPE1('8') &&
        fix_get_text(m, FIX_TAG_OrderID, n->order_id, sizeof n->order_id) != OK)
        n->order_id[0] = 0;
}

static void scripted_message(void *self, struct endpoint *e, const struct fix_msg *m, uint64_t now_ns)
{
    struct scripted_party *p = self;
    (void)e;
    (void)now_ns;
    if (p->inbox_count == INBOX_MAX)
        forget(p, 0);
    struct came *c = &p->inbox[p->inbox_count];
    *c = (struct came){malloc(m->size), m->size, name_of(p, m), ++p->came};
    if (!c->bytes)
        exit(1);
    memcpy(c->bytes, m->bytes, m->size);
    p->inbox_count++;
    if (c->name != NOBODY)
        learn(&p->names[c->name], m);
}

/* Saying
 * -------------------------------------------------------------------------------------------------------------
 */

/* Unique for ever: the journal never gives a number twice. */
static void new_id(const struct scripted_party *p, char out[ID_TEXT_SIZE])
{
    char id[ID_TEXT_SIZE];
    snprintf(id, sizeof id, "%.16s-s%llu", p->options.name,
             (unsigned long long)journal_next_out(p->endpoint->journal));
    memcpy(out, id, sizeof id);
}

static enum progress said(struct scripted_party *p, struct named *n, uint64_t now_ns)
{
    if (n)
        n->sent = journal_next_out(p->endpoint->journal);
    endpoint_end(p->endpoint, now_ns);
    return DONE;
}

static enum progress say_rfq(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    struct fix_encoder *f = endpoint_begin(p->endpoint, "R", now_ns);
    for (unsigned i = p->inbox_count; i-- > 0;)
        if (p->inbox[i].name == s->name) /* of what the name stood for before */
            forget(p, i);
    *n = (struct named){.side = s->side, .quantity = s->quantity};
    memcpy(n->symbol, s->symbol, sizeof n->symbol);
    new_id(p, n->request);
    say_request(f, n->request, n->symbol, n->side, n->quantity, s->time_ns ? now_ns + s->time_ns : 0);
    return said(p, n, now_ns);
}

/* The quote of this rank among those that are not known to be over; NULL: there are not so many. rfqd does
 * not say whose a quote is: one that its LP has replaced counts until it expires. */
static const struct seen_quote *ranked(const struct named *n, char side, unsigned rank, uint64_t now_ns)
{
    for (unsigned i = 0; i < n->quote_count; i++) {
        const struct seen_quote *q = &n->quotes[i];
        int64_t price = side == '1' ? q->ask : q->bid;
        unsigned better = 0;
        if (q->over || !price || now_ns >= q->valid_until_ns)
            continue;
        for (unsigned k = 0; k < n->quote_count; k++) {
            const struct seen_quote *r = &n->quotes[k];
            int64_t other = side == '1' ? r->ask : r->bid;
            if (r->over || !other || now_ns >= r->valid_until_ns)
                continue;
            bool beats = side == '1' ? other < price : other > price;
            better += beats || (other == price && k < i);
        }
        if (better + 1 == rank)
            return q;
    }
    return NULL;
}

static enum progress say_accept(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    char side = n->side ? n->side : s->side;
    const struct seen_quote *q = ranked(n, side, s->count, now_ns);
    if (!q)
        return fail(p, "no quote of that rank stands");
    struct fix_encoder *f = endpoint_begin(p->endpoint, s->by_order ? "D" : "AJ", now_ns);
    new_id(p, n->order);
    n->order_side = side;
    n->order_id[0] = 0;
    struct say_acceptance a = {n->order, q->id, n->symbol, n->quantity, side == '1' ? q->ask : q->bid, side};
    if (s->by_order)
        say_order(f, &a, now_ns);
    else
        say_hit(f, &a);
    return said(p, n, now_ns);
}

static enum progress say_pass(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    char id[ID_TEXT_SIZE];
    if (!n->quote_count)
        return fail(p, "no quote has come that could be passed");
    struct fix_encoder *f = endpoint_begin(p->endpoint, "AJ", now_ns);
    new_id(p, id);
    say_decline(f, id, n->quotes[n->quote_count - 1].id, n->symbol);
    return said(p, n, now_ns);
}

static enum progress say_cancel(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    struct fix_encoder *f = endpoint_begin(p->endpoint, "Z", now_ns);
    say_withdrawal(f, n->request);
    return said(p, n, now_ns);
}

static enum progress say_cancel_order(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    struct fix_encoder *f = endpoint_begin(p->endpoint, "F", now_ns);
    new_id(p, n->cancel);
    say_order_cancel(f, n->cancel, n->order, n->symbol, n->order_side, n->quantity, now_ns);
    return said(p, n, now_ns);
}

static enum progress say_again(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    struct named *n = &p->names[s->name];
    uint64_t seq = journal_next_out(p->endpoint->journal);
    if (!endpoint_repeat(p->endpoint, n->sent, true, now_ns))
        return fail(p, "what was sent cannot be sent again");
    n->sent = seq;
    return DONE;
}

/* Values for a body's dollar signs. */
struct valuer {
    const struct scripted_party *party;
    uint64_t now_ns;
};

static void print_time(uint64_t ns, char out[ID_TEXT_SIZE])
{
    struct tm utc;
    time_t seconds = (time_t)(ns / 1000000000);
    size_t used = strftime(out, ID_TEXT_SIZE, "%Y%m%d-%H:%M:%S", gmtime_r(&seconds, &utc));
    snprintf(out + used, ID_TEXT_SIZE - used, ".%03u", (unsigned)(ns / 1000000 % 1000));
}

static bool value_of(void *ctx, enum script_value v, unsigned name, char out[ID_TEXT_SIZE])
{
    const struct valuer *x = ctx;
    const struct named *n = &x->party->names[name];
    const struct seen_quote *q;
    switch (v) {
    case SCRIPT_ID:
        new_id(x->party, out);
        return true;
    case SCRIPT_NOW:
        print_time(x->now_ns, out);
        return true;
    case SCRIPT_REQUEST:
        memcpy(out, n->request, ID_TEXT_SIZE);
        break;
    case SCRIPT_QUOTE:
        q = ranked(n, n->side ? n->side : '1', 1, x->now_ns);
        memcpy(out, q ? q->id : "", q ? ID_TEXT_SIZE : 1);
        break;
    case SCRIPT_ORDER:
        memcpy(out, n->order, ID_TEXT_SIZE);
        break;
    case SCRIPT_ORDER_ID:
        memcpy(out, n->order_id, ID_TEXT_SIZE);
        break;
    }
    return *out;
}

static bool expand(struct scripted_party *p, const struct script_step *s, uint64_t now_ns, char *out,
                   size_t size)
{
    char why[SCRIPT_LINE_SIZE + 64];
    const char *at;
    struct valuer x = {p, now_ns};
    if (script_expand(p->script, s->text, value_of, &x, out, size, &at))
        return true;
    snprintf(why, sizeof why, *at == '$' ? "there is no value for '%.30s' yet" : "too long at '%.30s'", at);
    fail(p, why);
    return false;
}

static enum progress say_raw(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    char body[SCRIPT_LINE_SIZE * 4], *at = body, *field;
    if (!expand(p, s, now_ns, body, sizeof body))
        return FAILED;
    field = strsep(&at, "|");
    struct fix_encoder *f = endpoint_begin(p->endpoint, field + 3, now_ns);
    while ((field = strsep(&at, "|")) != NULL && *field) {
        char *value;
        uint32_t tag = (uint32_t)strtoul(field, &value, 10);
        fix_put_text(f, tag, value + 1);
    }
    return said(p, NULL, now_ns);
}

/* Expecting
 * -----------------------------------------------------------------------------------------------------------
 */

static bool says(const struct fix_msg *m, const char *text)
{
    const struct fix_field *f = fix_find(m, FIX_TAG_Text);
    return !*text || (f && memmem(fix_value(m, f), f->size, text, strlen(text)));
}

static bool is_report(const struct fix_msg *m, char code)
{
    char type = 0, status = 0;
    if (m->type != FIX_MSG_TYPE1('8') || fix_get_char(m, FIX_TAG_ExecType, &type) != OK ||
        fix_get_char(m, FIX_TAG_OrdStatus, &status) != OK)
        return false;
    if (code == 'F' || code == 'P')
        return type == 'F' && status == (code == 'F' ? '2' : '1');
    return type == code;
}

static bool has_status(const struct fix_msg *m, uint64_t status)
{
    uint64_t is;
    return m->type == FIX_MSG_TYPE2('A', 'I') && fix_get_uint(m, FIX_TAG_QuoteStatus, &is) == OK &&
           is == status;
}

/* A no, whatever it is about. */
static bool is_refusal(const struct fix_msg *m)
{
    bool about_acceptance = m->type == FIX_MSG_TYPE2('A', 'I') && fix_find(m, FIX_TAG_QuoteRespID);
    return m->type == FIX_MSG_TYPE2('A', 'G') || m->type == FIX_MSG_TYPE1('9') ||
           m->type == FIX_MSG_TYPE1('j') || m->type == FIX_MSG_TYPE1('3') || about_acceptance ||
           has_status(m, 5) || has_status(m, 9) || is_report(m, '8');
}

/* Has every field of a body, with that value. */
static bool has_fields(const struct fix_msg *m, char *body)
{
    char *field;
    while ((field = strsep(&body, "|")) != NULL && *field) {
        char *value;
        uint32_t tag = (uint32_t)strtoul(field, &value, 10);
        const struct fix_field *f = fix_find(m, tag);
        if (!f || f->size != strlen(++value) || memcmp(fix_value(m, f), value, f->size) != 0)
            return false;
    }
    return true;
}

static bool fits(const struct script_step *s, const struct came *c, const char *body)
{
    static struct fix_msg m;
    char copy[SCRIPT_LINE_SIZE * 4];
    if (fix_parse(&m, c->bytes, c->size) != OK)
        return false;
    if (s->expectation == SCRIPT_A_MESSAGE)
        return has_fields(&m, strcpy(copy, body));
    if (c->name != s->name)
        return false;
    switch (s->expectation) {
    case SCRIPT_A_QUOTE:
        return m.type == FIX_MSG_TYPE1('S');
    case SCRIPT_A_REPORT:
        return is_report(&m, s->code);
    case SCRIPT_A_REFUSAL:
        return is_refusal(&m) && says(&m, s->text);
    case SCRIPT_A_STATUS:
        return has_status(&m, (uint64_t)s->code);
    case SCRIPT_NOTHING:
    case SCRIPT_A_MESSAGE:
        break;
    }
    return false;
}

static enum progress expect_nothing(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    for (unsigned i = 0; i < p->inbox_count; i++)
        if (p->inbox[i].name == s->name && p->inbox[i].number > p->began_number)
            return fail(p, "something came");
    return now_ns >= p->began_ns + s->time_ns ? DONE : WAITS;
}

static enum progress expect(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    char body[SCRIPT_LINE_SIZE * 4] = "", why[64];
    unsigned wanted = s->expectation == SCRIPT_A_QUOTE ? s->count : 1;
    if (s->expectation == SCRIPT_NOTHING)
        return expect_nothing(p, s, now_ns);
    if (s->expectation == SCRIPT_A_MESSAGE && !expand(p, s, now_ns, body, sizeof body))
        return FAILED;
    for (unsigned i = 0; i < p->inbox_count && p->taken < wanted;) {
        if (fits(s, &p->inbox[i], body)) {
            forget(p, i);
            p->taken++;
        } else {
            i++;
        }
    }
    if (p->taken == wanted)
        return DONE;
    if (now_ns < p->began_ns + s->time_ns)
        return WAITS;
    snprintf(why, sizeof why, "not so in %llu ms; %u of %u came", (unsigned long long)(s->time_ns / 1000000),
             p->taken, wanted);
    return fail(p, why);
}

/* Steps
 * -------------------------------------------------------------------------------------------------------------
 */

static bool needs_session(enum script_verb v)
{
    return v <= SCRIPT_RAW || v == SCRIPT_RECONNECT;
}

static enum progress run_step(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    switch (s->verb) {
    case SCRIPT_RFQ:
        return say_rfq(p, s, now_ns);
    case SCRIPT_ACCEPT:
        return say_accept(p, s, now_ns);
    case SCRIPT_PASS:
        return say_pass(p, s, now_ns);
    case SCRIPT_CANCEL:
        return say_cancel(p, s, now_ns);
    case SCRIPT_CANCEL_ORDER:
        return say_cancel_order(p, s, now_ns);
    case SCRIPT_RESEND:
        return say_again(p, s, now_ns);
    case SCRIPT_RAW:
        return say_raw(p, s, now_ns);
    case SCRIPT_EXPECT:
        return expect(p, s, now_ns);
    case SCRIPT_WAIT:
        return now_ns >= p->began_ns + s->time_ns ? DONE : WAITS;
    case SCRIPT_DISCONNECT:
        endpoint_leave(p->endpoint, now_ns);
        return DONE;
    case SCRIPT_RECONNECT: /* it was begun, and is up */
        return DONE;
    case SCRIPT_REPEAT:
        p->left[p->at] = s->count - 1;
        return DONE;
    case SCRIPT_END:
        return DONE;
    }
    return DONE;
}

static void begin_step(struct scripted_party *p, const struct script_step *s, uint64_t now_ns)
{
    p->began_ns = now_ns;
    p->began_number = p->came;
    p->taken = 0;
    if (s->verb == SCRIPT_RECONNECT)
        endpoint_come_back(p->endpoint, now_ns);
}

static void next_step(struct scripted_party *p, const struct script_step *s)
{
    p->done_steps++;
    p->began_ns = 0;
    if (s->verb == SCRIPT_END && p->left[s->jump - 1]) {
        p->left[s->jump - 1]--;
        p->at = s->jump;
    } else {
        p->at++;
    }
    p->over = p->at == p->script->count;
}

static unsigned scripted_poll(void *self, uint64_t now_ns)
{
    struct scripted_party *p = self;
    unsigned work = 0;
    while (!p->over && work < STEPS_AT_ONCE) {
        const struct script_step *s = &p->script->steps[p->at];
        if (!p->began_ns)
            begin_step(p, s, now_ns);
        if ((needs_session(s->verb) || !p->done_steps) && !endpoint_is_up(p->endpoint)) {
            if (now_ns >= p->began_ns + SESSION_NS)
                fail(p, "the session is not up in 10 s");
            break;
        }
        if (run_step(p, s, now_ns) != DONE)
            break;
        next_step(p, s);
        work++;
    }
    return work;
}

static uint64_t scripted_next_ns(const void *self)
{
    const struct scripted_party *p = self;
    return p->over || !p->began_ns ? UINT64_MAX : p->began_ns + p->script->steps[p->at].time_ns;
}

static bool scripted_done(const void *self)
{
    return ((const struct scripted_party *)self)->over;
}

static bool scripted_fine(const void *self)
{
    const struct scripted_party *p = self;
    return p->over && !p->failed;
}

static void scripted_print(const void *self, FILE *to)
{
    const struct scripted_party *p = self;
    fprintf(
        to,
        "{\"party\":\"%s\",\"role\":\"taker\",\"script\":\"%s\",\"steps\":%u,\"line\":%u,\"passed\":%s}\n",
        p->options.name, p->options.script, p->done_steps,
        p->script->steps[p->at < p->script->count ? p->at : p->script->count - 1].line,
        scripted_fine(p) ? "true" : "false");
}

/* Opening
 * -------------------------------------------------------------------------------------------------------------
 */

static char *read_file(const char *path, size_t *size)
{
    char *text = NULL;
    FILE *f = fopen(path, "rb"), *to = f ? open_memstream(&text, size) : NULL;
    char part[4096];
    size_t n;
    while (to && (n = fread(part, 1, sizeof part, f)) > 0)
        fwrite(part, 1, n, to);
    if (!to || ferror(f)) {
        fprintf(stderr, "rfqsim: script %s: %s\n", path, strerror(errno));
        free(to && fclose(to) == 0 ? text : NULL);
        text = NULL;
    } else {
        fclose(to);
    }
    if (f)
        fclose(f);
    return text;
}

struct script *scripted_load(const char *path)
{
    size_t size = 0;
    char *text = read_file(path, &size);
    struct script *s = text ? malloc(sizeof *s) : NULL;
    if (s && !script_parse(s, text, size)) {
        for (unsigned i = 0; i < s->error_count && i < SCRIPT_ERRORS_MAX; i++)
            fprintf(stderr, "%s:%u: %s\n", path, s->errors[i].line, s->errors[i].text);
        if (s->error_count > SCRIPT_ERRORS_MAX)
            fprintf(stderr, "%s: and %u more\n", path, s->error_count - SCRIPT_ERRORS_MAX);
        free(s);
        s = NULL;
    }
    free(text);
    return s;
}

static void *scripted_open(const struct party_options *o, struct endpoint *e)
{
    struct scripted_party *p = calloc(1, sizeof *p);
    if (!p)
        exit(1);
    p->options = *o;
    p->endpoint = e;
    p->script = scripted_load(o->script);
    if (!p->script) {
        free(p);
        return NULL;
    }
    return p;
}

static void scripted_close(void *self)
{
    struct scripted_party *p = self;
    while (p->inbox_count)
        forget(p, p->inbox_count - 1);
    free(p->script);
    free(p);
}

const struct party_kind scripted_kind = {.open = scripted_open,
                                         .close = scripted_close,
                                         .message = scripted_message,
                                         .poll = scripted_poll,
                                         .next_ns = scripted_next_ns,
                                         .done = scripted_done,
                                         .fine = scripted_fine,
                                         .print = scripted_print};
