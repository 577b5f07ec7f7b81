/* Audit: what the log says, what each LP's journal says and what each taker's journal says must be one story.
 * It knows the workflow and nothing of the engine's code.
 *
 * LPs say executions again, under the same ExecID. One counts once, however often it is said. Two repetitions
 * can only be known as such by an ExecID that is kept no more, or never was, and may be breaks: of an order
 * that has left memory, an acknowledgement of one that has ended without being filled, and a status from
 * before a fill. Every other break is wrong.
 *
 * What a taker was told and an LP was asked is in the log, over every crash and, at level `synced`, over
 * every power cut. At level `committed` a power cut may take back what was told, but no execution that an LP
 * said: it is a fill, or a break.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
#include "fix/fix_dict.h"
#include "tests/sim/world.h"

#define THINGS_MAX 4096

struct audited_rfq {
    uint64_t id;
    unsigned state, awards, reverts;
    bool ended, retired;
    char request_id[ID_TEXT_SIZE];
    uint64_t winner;
    int64_t filled;
    unsigned asked, busy; /* times that its QuoteReqID was said, and that it was refused for want of room */
};

/* One order: as the log, the LP and the taker tell it. */
struct audited_order {
    uint64_t id;
    int64_t quantity, by_log, by_lp, by_taker;
    unsigned releases_at_lp; /* D accepted by the LP under different numbers */
    unsigned fills_log, fills_lp, fills_taker;
    bool ended, retired; /* in the log: without being filled; no longer in memory */
    bool in_doubt;
};

/* One execution, by its ExecID. */
struct audited_execution {
    char id[ID_TEXT_SIZE];
    unsigned sent, breaks;
};

#define TOLD_MAX 65536

struct audit {
    struct world *world;
    uint64_t told[TOLD_MAX]; /* hashes of what the log has: open addressing, 0 is free */
    unsigned told_count;
    struct audited_rfq rfqs[THINGS_MAX];
    struct audited_order orders[THINGS_MAX];
    struct audited_execution executions[THINGS_MAX];
    unsigned rfq_count, order_count, execution_count;
    uint64_t refused; /* for want of room */
    bool of_lp;
};

static struct audited_rfq *rfq_of(struct audit *a, uint64_t id)
{
    for (unsigned i = 0; i < a->rfq_count; i++)
        if (a->rfqs[i].id == id)
            return &a->rfqs[i];
    return NULL;
}

static struct audited_order *order_of(struct audit *a, uint64_t id)
{
    for (unsigned i = 0; i < a->order_count; i++)
        if (a->orders[i].id == id)
            return &a->orders[i];
    if (a->order_count == THINGS_MAX)
        abort();
    a->orders[a->order_count].id = id;
    return &a->orders[a->order_count++];
}

static struct audited_execution *execution_of(struct audit *a, const char *id)
{
    for (unsigned i = 0; i < a->execution_count; i++)
        if (strncmp(a->executions[i].id, id, ID_TEXT_SIZE) == 0)
            return &a->executions[i];
    if (a->execution_count == THINGS_MAX)
        abort();
    memcpy(a->executions[a->execution_count].id, id, ID_TEXT_SIZE);
    return &a->executions[a->execution_count++];
}

/* Kinds of what is told: of a taker's request R, its end by reject G or status I, an acceptance refused P; Q
 * a quote, O an order, E a report to a taker, X an execution of an LP; L a request and D an order as LPs are
 * asked.
 *
 * Where the thing is noted, by its kind and id as FIX says it: its place, or where it would be. */
static uint64_t *told_at(struct audit *a, char kind, const char *id, uint64_t *hash)
{
    char text[1 + ID_TEXT_SIZE] = {kind};
    snprintf(text + 1, sizeof text - 1, "%.39s", id);
    *hash = hash_bytes(text, sizeof text) | 1;
    unsigned i = (unsigned)(*hash >> 20) % TOLD_MAX;
    while (a->told[i] && a->told[i] != *hash)
        i = (i + 1) % TOLD_MAX;
    return &a->told[i];
}

static void note_told(struct audit *a, char kind, const char *id)
{
    uint64_t hash, *at = told_at(a, kind, id, &hash);
    a->told_count += !*at;
    *at = hash;
    if (a->told_count > TOLD_MAX / 2)
        abort();
}

static bool was_told(struct audit *a, char kind, const char *id)
{
    uint64_t hash;
    return *told_at(a, kind, id, &hash) != 0;
}

/* The log
 * ------------------------------------------------------------------------------------------------------------------
 */

/* spec/10, the `instant` profile's rows: from → to. */
static bool legal(unsigned from, unsigned to)
{
    switch (from) {
    case RFQ_DRAFT:
        return to == RFQ_PUBLISHED || to == RFQ_REJECTED || to == RFQ_CANCELLED;
    case RFQ_PUBLISHED:
        return to == RFQ_BIDDING_OPEN || to == RFQ_REJECTED || to == RFQ_CANCELLED;
    case RFQ_BIDDING_OPEN:
        return to == RFQ_BIDDING_CLOSED || to == RFQ_REJECTED || to == RFQ_CANCELLED || to == RFQ_EXPIRED;
    case RFQ_BIDDING_CLOSED:
        return to == RFQ_EVALUATION || to == RFQ_CANCELLED || to == RFQ_EXPIRED;
    case RFQ_EVALUATION:
        return to == RFQ_IS_AWARDED || to == RFQ_CANCELLED || to == RFQ_EXPIRED;
    case RFQ_IS_AWARDED:
        return to == RFQ_COMPLETED || to == RFQ_EVALUATION || to == RFQ_CANCELLED;
    default:
        return false;
    }
}

static bool on_transition(struct audit *a, const struct rfq_transition *t)
{
    struct audited_rfq *r = rfq_of(a, t->rfq);
    if (!r || r->state != t->from || !legal(t->from, t->to))
        return world_wrong(a->world, "RFQ %llx went %u → %u from state %u", (unsigned long long)t->rfq,
                           t->from, t->to, r ? r->state : 0);
    r->state = t->to;
    r->ended = t->to >= RFQ_COMPLETED;
    if (t->to == RFQ_IS_AWARDED)
        r->awards++;
    if (t->move == MOVE_REVERT_AWARD)
        r->reverts++;
    if (r->awards > r->reverts + 1)
        return world_wrong(a->world, "RFQ %llx has two awards at a time", (unsigned long long)t->rfq);
    return true;
}

/* Of an LP's ClOrdID: the order's name, or the name of a cancel of it, O…-C1. */
static uint64_t order_named(const char *text, size_t size)
{
    const char *end = memchr(text, '-', size);
    return name_parse('O', text, end ? (size_t)(end - text) : strnlen(text, size));
}

static bool on_break(struct audit *a, const struct execution_break *b)
{
    if (a->world->options.unsynced) /* an order that was forgotten: booked as an orphan */
        return true;
    const struct audited_order *o = order_of(a, order_named(b->cl_ord_id, sizeof b->cl_ord_id));
    bool is_late = b->reason == REASON_UNKNOWN_ORDER && o->retired;
    bool says_what_was = b->exec_type == '0' || b->exec_type == 'I';
    bool is_old_news = b->reason == REASON_ORDER_FINAL && says_what_was && o->ended;
    bool is_old_status = b->reason == REASON_BAD_EXECUTION && b->exec_type == 'I' && o->fills_log;
    if (!is_late && !is_old_news && !is_old_status)
        return world_wrong(a->world, "an execution fits no order: %.40s, %.40s, %s", b->exec_id, b->cl_ord_id,
                           reason_name(b->reason));
    execution_of(a, b->exec_id)->breaks++;
    return true;
}

static void note_refusal(struct audit *a, const struct request_refused *r)
{
    bool is_reject = r->command == RECORD_COMMAND_QUOTE_REQUEST && !r->shown;
    note_told(a, is_reject ? 'G' : 'I', r->request_id);
}

/* What takers are told and LPs are asked by FIX comes from here, and from what LPs say of executions. */
static void note_record(struct audit *a, const struct record *rec)
{
    char id[2 * ID_TEXT_SIZE] = "";
    switch (rec->type) {
    case RECORD_RFQ_CREATED:
        note_told(a, 'R', ((const struct rfq_created *)rec)->request_id);
        name_print('R', ((const struct rfq_created *)rec)->rfq, id);
        note_told(a, 'L', id);
        break;
    case RECORD_RFQ_TRANSITION: {
        const struct rfq_transition *t = (const void *)rec;
        if (t->to == RFQ_REJECTED)
            note_told(a, 'G', t->request_id);
        else if (t->to == RFQ_CANCELLED || t->to == RFQ_EXPIRED)
            note_told(a, 'I', t->request_id);
        break;
    }
    case RECORD_REQUEST_REFUSED:
        note_refusal(a, (const void *)rec);
        break;
    case RECORD_ACCEPT_REFUSED:
        note_told(a, 'P', ((const struct accept_refused *)rec)->response_id);
        break;
    case RECORD_ORDER_CREATED:
        name_print('O', ((const struct order_created *)rec)->order, id);
        note_told(a, 'D', id);
        break;
    case RECORD_QUOTE_ADDED:
        name_print('Q', ((const struct quote_added *)rec)->quote, id);
        note_told(a, 'Q', id);
        break;
    case RECORD_QUOTE_OFFERED:
        name_print('Q', ((const struct quote_offered *)rec)->quote, id);
        note_told(a, 'Q', id);
        break;
    case RECORD_ORDER_REPORT: {
        const struct order_report *r = (const void *)rec;
        name_print('O', r->order, id);
        note_told(a, 'O', id);
        snprintf(id + strlen(id), sizeof id - strlen(id), "-%u", r->report);
        note_told(a, 'E', id);
        break;
    }
    case RECORD_ORDER_FILLED:
        note_told(a, 'X', ((const struct order_filled *)rec)->exec_id);
        break;
    case RECORD_EXECUTION_BREAK:
        note_told(a, 'X', ((const struct execution_break *)rec)->exec_id);
        break;
    default:
        break;
    }
}

static bool on_record(struct audit *a, const struct record *rec)
{
    note_record(a, rec);
    struct seen *seen = a->world->options.seen;
    if (seen)
        seen_record(seen, rec);
    switch (rec->type) {
    case RECORD_RFQ_CREATED: {
        const struct rfq_created *c = (const void *)rec;
        if (a->rfq_count == THINGS_MAX)
            abort();
        for (unsigned i = 0; i < a->rfq_count; i++)
            if (a->rfqs[i].id == c->rfq ||
                (!a->rfqs[i].retired && memcmp(a->rfqs[i].request_id, c->request_id, ID_TEXT_SIZE) == 0))
                return world_wrong(a->world, "request %.40s became two RFQs", c->request_id);
        struct audited_rfq *r = &a->rfqs[a->rfq_count++];
        r->id = c->rfq;
        r->state = RFQ_DRAFT;
        memcpy(r->request_id, c->request_id, ID_TEXT_SIZE);
        return true;
    }
    case RECORD_RFQ_RETIRED: /* its QuoteReqID is known no more: said again it is a new request */
        rfq_of(a, ((const struct rfq_retired *)rec)->rfq)->retired = true;
        return true;
    case RECORD_RFQ_TRANSITION:
        return on_transition(a, (const void *)rec);
    case RECORD_RFQ_AWARDED: {
        const struct rfq_awarded *w = (const void *)rec;
        rfq_of(a, w->rfq)->winner = w->lp;
        return true;
    }
    case RECORD_ORDER_CREATED:
        order_of(a, ((const struct order_created *)rec)->order)->quantity =
            ((const struct order_created *)rec)->quantity;
        return true;
    case RECORD_ORDER_FILLED: {
        const struct order_filled *f = (const void *)rec;
        struct audited_order *o = order_of(a, f->order);
        if (seen && o->in_doubt)
            seen->turns[SEEN_DOUBT_FILLED]++;
        o->by_log += f->quantity;
        o->fills_log++;
        rfq_of(a, f->rfq)->filled += f->quantity;
        if (o->by_log > o->quantity || o->by_log != f->filled_quantity)
            return world_wrong(a->world, "order %llx is filled beyond its quantity",
                               (unsigned long long)o->id);
        return true;
    }
    case RECORD_ORDER_REPORT: {
        const struct order_report *r = (const void *)rec;
        if (r->head.dest == AGENT_NONE && r->exec_type == 'F') { /* a client's: it reads the log */
            order_of(a, r->order)->by_taker += r->last_quantity;
            order_of(a, r->order)->fills_taker++;
        }
        return true;
    }
    case RECORD_ORDER_STATE: {
        const struct order_state *s = (const void *)rec;
        order_of(a, s->order)->ended = s->state == ORDER_CANCELLED || s->state == ORDER_REJECTED;
        order_of(a, s->order)->in_doubt = s->in_doubt;
        return true;
    }
    case RECORD_ORDER_RETIRED:
        order_of(a, ((const struct order_retired *)rec)->order)->retired = true;
        return true;
    case RECORD_EXECUTION_BREAK:
        return on_break(a, (const void *)rec);
    default:
        return true;
    }
}

static bool read_log(struct audit *a)
{
    struct log *l = node_log(a->world->node);
    struct log_reader *reader;
    enum err e = log_reader_open(&reader, l, log_begin(l));
    if (e != OK)
        return world_wrong(a->world, "log: %s", err_text(e));
    const struct log_frame *f;
    uint64_t seq = 0;
    bool fine = true;
    while (fine && (f = log_reader_next(reader, log_written(l), &e)) != NULL) {
        const struct batch *b = log_frame_batch(f);
        if (f->first_seq < seq)
            fine = world_wrong(a->world, "log: sequence goes back at %llu", (unsigned long long)f->offset);
        seq = f->first_seq + b->count;
        for (const struct record *r = batch_first(b); r && fine; r = batch_after(b, r))
            fine = on_record(a, r) &&
                   (r->version == record_type_version(r->type) ||
                    world_wrong(a->world, "log: %s of version %u", record_type_name(r->type), r->version));
    }
    log_reader_close(reader);
    return fine && (e == OK || world_wrong(a->world, "log: %s", err_text(e)));
}

/* The journals
 * -----------------------------------------------------------------------------------------------------------------
 */

static void on_request(struct audit *a, const struct fix_msg *m)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, FIX_TAG_QuoteReqID, id, sizeof id) != OK)
        return;
    for (unsigned i = 0; i < a->rfq_count; i++)
        a->rfqs[i].asked += strncmp(a->rfqs[i].request_id, id, ID_TEXT_SIZE) == 0;
}

/* What was refused for want of room never came to an engine: what became an RFQ was said once more. */
static bool check_busy(const struct audit *a)
{
    for (unsigned i = 0; i < a->rfq_count; i++)
        if (a->rfqs[i].busy && a->rfqs[i].busy >= a->rfqs[i].asked)
            return world_wrong(a->world, "request %.40s was refused for want of room and became an RFQ",
                               a->rfqs[i].request_id);
    return true;
}

static bool on_busy(struct audit *a, const struct fix_msg *m, const char *bytes, size_t size)
{
    char id[ID_TEXT_SIZE] = "";
    if (!memmem(bytes, size, "\00158=busy: ", 10))
        return true;
    a->refused++;
    if (m->type != FIX_MSG_TYPE2('A', 'G') || fix_get_text(m, FIX_TAG_QuoteReqID, id, sizeof id) != OK)
        return true;
    for (unsigned i = 0; i < a->rfq_count; i++)
        a->rfqs[i].busy += strncmp(a->rfqs[i].request_id, id, ID_TEXT_SIZE) == 0;
    return true;
}

static bool check_told(struct audit *a, const struct fix_msg *m, uint32_t tag, char kind)
{
    char id[ID_TEXT_SIZE] = "";
    if (fix_get_text(m, tag, id, sizeof id) != OK || was_told(a, kind, id))
        return true;
    return world_wrong(a->world, "%s was told of %.40s (%u, '%c'): the log knows nothing of it",
                       a->of_lp ? "an LP" : "a taker", id, tag, kind);
}

/* Not of what was refused for want of room: no engine knows of it. */
static bool on_told(struct audit *a, const struct fix_msg *m, const char *bytes, size_t size)
{
    if (a->world->options.unsynced || memmem(bytes, size, "\00158=busy: ", 10))
        return true;
    if (a->of_lp)
        return m->type == FIX_MSG_TYPE1('R')   ? check_told(a, m, FIX_TAG_QuoteReqID, 'L')
               : m->type == FIX_MSG_TYPE1('D') ? check_told(a, m, FIX_TAG_ClOrdID, 'D')
                                               : true;
    if (m->type == FIX_MSG_TYPE1('S'))
        return check_told(a, m, FIX_TAG_QuoteReqID, 'R') && check_told(a, m, FIX_TAG_QuoteID, 'Q');
    if (m->type == FIX_MSG_TYPE2('A', 'G'))
        return check_told(a, m, FIX_TAG_QuoteReqID, 'G');
    if (m->type == FIX_MSG_TYPE2('A', 'I')) /* of an acceptance, or of a request */
        return check_told(a, m, FIX_TAG_QuoteRespID, 'P') && check_told(a, m, FIX_TAG_QuoteReqID, 'I');
    if (m->type == FIX_MSG_TYPE1('8'))
        return check_told(a, m, FIX_TAG_OrderID, 'O') && check_told(a, m, FIX_TAG_ExecID, 'E');
    return true;
}

static void on_line(void *ctx, uint64_t time_ns, char kind, uint64_t seq, const char *bytes, size_t size)
{
    static struct fix_msg m;
    struct audit *a = ctx;
    (void)time_ns;
    (void)seq;
    if ((a->of_lp && kind == 'R') || kind == 'N' || fix_parse(&m, bytes, size) != OK)
        return;
    if (m.type == FIX_MSG_TYPE1('5') && memmem(bytes, size, "too low", 7))
        world_wrong(a->world, "a sequence number came again: %.*s", (int)size, bytes);
    uint32_t tag = a->of_lp ? FIX_TAG_ClOrdID : FIX_TAG_OrderID;
    const struct fix_field *f = fix_find(&m, tag);
    if (!a->of_lp && kind == 'O' && m.type == FIX_MSG_TYPE1('R'))
        on_request(a, &m);
    if (kind == 'I' && !on_busy(a, &m, bytes, size))
        return;
    if (kind == 'I' && !on_told(a, &m, bytes, size))
        return;
    uint64_t id = f ? name_parse('O', fix_value(&m, f), f->size) : 0;
    if (a->of_lp && kind == 'I' && m.type == FIX_MSG_TYPE1('D')) {
        struct audited_order *o = order_of(a, id);
        if (!m.poss_dup && o->releases_at_lp)
            world_wrong(a->world, "order %llx reached its LP twice as new", (unsigned long long)id);
        o->releases_at_lp++;
    }
    char type = 0;
    int64_t quantity = 0;
    if (m.type != FIX_MSG_TYPE1('8') || kind != (a->of_lp ? 'O' : 'I') ||
        fix_get_char(&m, FIX_TAG_ExecType, &type) != OK)
        return;
    char exec_id[ID_TEXT_SIZE] = "";
    if (a->of_lp &&
        (fix_get_text(&m, FIX_TAG_ExecID, exec_id, sizeof exec_id) != OK || execution_of(a, exec_id)->sent++))
        return; /* said before */
    if (a->of_lp && type == 'F' && !was_told(a, 'X', exec_id))
        world_wrong(a->world, "execution %s is neither a fill nor a break", exec_id);
    if (type != 'F' || fix_get_decimal(&m, FIX_TAG_LastQty, &quantity) != OK)
        return;
    struct audited_order *o = order_of(a, id);
    if (a->of_lp) {
        o->by_lp += quantity;
        o->fills_lp++;
    } else {
        o->by_taker += quantity;
        o->fills_taker++;
    }
}

static bool join(struct audit *a, struct outcome *out)
{
    for (unsigned i = 0; i < a->order_count; i++) {
        const struct audited_order *o = &a->orders[i];
        out->fills += o->fills_log;
        if (o->by_log != o->by_lp || o->by_log != o->by_taker || o->fills_log != o->fills_lp ||
            o->fills_log != o->fills_taker)
            return world_wrong(a->world, "order %llx: %u fills in the log, %u at the LP, %u at the taker",
                               (unsigned long long)o->id, o->fills_log, o->fills_lp, o->fills_taker);
    }
    for (unsigned i = 0; i < a->execution_count; i++) {
        const struct audited_execution *x = &a->executions[i];
        if (x->breaks && x->breaks >= x->sent)
            return world_wrong(a->world, "execution %.40s was said %u times and is %u breaks", x->id, x->sent,
                               x->breaks);
        out->repeats += x->sent - 1;
        out->breaks += x->breaks;
    }
    for (unsigned i = 0; i < a->rfq_count; i++) {
        const struct audited_rfq *r = &a->rfqs[i];
        if (!r->ended)
            return world_wrong(a->world, "RFQ %llx (%.40s) has no end: state %u", (unsigned long long)r->id,
                               r->request_id, r->state);
        if ((r->state == RFQ_COMPLETED) != (r->filled > 0))
            return world_wrong(a->world, "RFQ %llx ended in state %u with fills or without",
                               (unsigned long long)r->id, r->state);
        out->rfqs++;
        out->ended[r->state]++;
        out->filled += r->state == RFQ_COMPLETED;
        struct {
            char request_id[ID_TEXT_SIZE];
            uint64_t state, winner;
            int64_t filled;
        } end = {.state = r->state, .winner = r->state == RFQ_COMPLETED ? r->winner : 0, .filled = r->filled};
        memcpy(end.request_id, r->request_id, ID_TEXT_SIZE);
        out->hash += hash_bytes(&end, sizeof end);
        if (a->world->options.trace)
            fprintf(a->world->options.trace, "layout %u: %.40s ended in %s, winner %llu, filled %lld\n",
                    a->world->options.layout, r->request_id, rfq_state_name(r->state),
                    (unsigned long long)end.winner, (long long)r->filled);
    }
    return true;
}

bool audit_run(struct world *w, struct outcome *out)
{
    struct audit *a = calloc(1, sizeof *a);
    if (!a)
        return world_wrong(w, "no memory");
    memset(out, 0, sizeof *out);
    a->world = w;
    bool fine = read_log(a);
    for (unsigned p = 0; fine && p < w->party_count; p++) {
        a->of_lp = p >= w->taker_count;
        journal_replay(party_endpoint(w->parties[p])->journal, on_line, a);
        fine = !w->error[0];
    }
    out->refused = a->refused;
    fine = fine && check_busy(a);
    fine = fine && (w->options.unsynced || join(a, out));
    free(a);
    return fine;
}
