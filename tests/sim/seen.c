#include "tests/sim/seen.h"

#include <string.h>

#include "dataplane/engine/routing/order.h"
#include "dataplane/model/event.h"
#include "dataplane/model/record_type.h"
#include "tests/sim/world.h"

/* Messages of each side, in and out. */
static const char *const EXPECTED_IN[2] = {"R AJ Z D F 3 j 0 2 4 A", "S b AI AG Z 8 9 3 j 0 2 4 A"};
static const char *const EXPECTED_OUT[2] = {"S AG AI Z 8 9 0 2 4 A", "R D F H Z AJ AI 0 2 4 A"};

/* What an operator does. */
static bool is_of_operators(unsigned type)
{
    return type == RECORD_GATEWAY_SESSION_RESET || type == RECORD_GATEWAY_SESSION_NUMBERS ||
           type == RECORD_ROUTING_SESSION_RENUMBERED || type == RECORD_DISTRIBUTION_DRAIN;
}

static bool is_of_clients(unsigned type)
{
    return type == RECORD_RFQ_EXTENDED || type == RECORD_CLIENT_ANSWERED;
}

static unsigned index_of(const char *type, size_t size)
{
    return size == 2 ? 128 + (unsigned char)type[1] % 128u : (unsigned char)type[0] % 128u;
}

static void seen_message(uint64_t counts[2][SEEN_TYPES], const char *bytes, size_t size,
                         const char *peer_is_lp)
{
    const char *type = memmem(bytes, size, "\00135=", 4);
    bool is_lp = memmem(bytes, size, peer_is_lp, strlen(peer_is_lp)) != NULL;
    if (!type)
        return;
    const char *end = memchr(type + 4, '\001', size - (size_t)(type + 4 - bytes));
    if (end)
        counts[is_lp][index_of(type + 4, (size_t)(end - type - 4))]++;
}

static void seen_turn(struct seen *s, const struct record *r)
{
    switch (r->type) {
    case RECORD_RFQ_CREATED:
        s->turns[SEEN_TWO_WAY] += ((const struct rfq_created *)r)->side == SIDE_TWO_WAY;
        break;
    case RECORD_REQUEST_REFUSED:
        s->turns[SEEN_REQUEST_AGAIN] +=
            ((const struct request_refused *)r)->reason == REASON_DUPLICATE_REQUEST;
        s->turns[SEEN_REQUEST_RESENT] += ((const struct request_refused *)r)->reason == REASON_REPEATED;
        break;
    case RECORD_QUOTE_ENDED:
        s->turns[SEEN_QUOTE_WITHDRAWN] += ((const struct quote_ended *)r)->reason == REASON_WITHDRAWN;
        s->turns[SEEN_LP_SUSPENDED] += ((const struct quote_ended *)r)->reason == REASON_LP_SUSPENDED;
        s->turns[SEEN_AWARDED_QUOTE_WITHDRAWN] += ((const struct quote_ended *)r)->status == QUOTE_ACCEPTED;
        break;
    case RECORD_ORDER_CANCEL_ASKED:
        if (r->dest == AGENT_NONE) /* kept with the order only */
            break;
        s->turns[SEEN_ORDER_CANCEL] += ((const struct order_cancel_asked *)r)->asked_for == CANCEL_BY_TAKER;
        s->turns[SEEN_AWARD_CANCEL] += ((const struct order_cancel_asked *)r)->asked_for == CANCEL_BY_RFQ;
        break;
    case RECORD_ORDER_STATE:
        s->turns[SEEN_ORDER_IN_DOUBT] += ((const struct order_state *)r)->in_doubt != 0;
        break;
    case RECORD_RFQ_ORDER:
        s->turns[SEEN_AWARD_CANCEL_REFUSED] += ((const struct rfq_order *)r)->cancel_refused;
        break;
    case RECORD_DELIVERY_STATE:
        s->turns[SEEN_REQUEST_REJECTED] += ((const struct delivery_state *)r)->reason == REASON_PEER_REJECT;
        break;
    case RECORD_ORDER_CANCEL_REFUSED:
        s->turns[SEEN_CANCEL_REFUSED_BY_LP] +=
            ((const struct order_cancel_refused *)r)->reason == REASON_PEER_REJECT;
        break;
    default:
        break;
    }
}

void seen_record(struct seen *s, const struct record *r)
{
    s->records[r->type % SEEN_TYPES]++;
    if (r->type == RECORD_GATEWAY_IN)
        seen_message(s->in, ((const struct gateway_in *)r)->bytes, ((const struct gateway_in *)r)->size,
                     "\00149=LP");
    else if (r->type == RECORD_GATEWAY_OUT)
        seen_message(s->out, ((const struct gateway_out *)r)->bytes, ((const struct gateway_out *)r)->size,
                     "\00156=LP");
    else
        seen_turn(s, r);
}

void seen_crash(struct seen *s, const struct record *r, bool before)
{
    (before ? s->crashed_before : s->crashed_after)[r->type % SEEN_TYPES]++;
}

/* Of a thousand runs' few thousand crashes none may fall on these, or one by luck. */
static const struct {
    unsigned type;
    const char *why;
} RARE[] = {
    {RECORD_INSTRUMENT_SET, "once in a run, at its first start: sim_crash_every_commit has it"},
    {RECORD_SETTINGS_SET, "as INSTRUMENT_SET"},
    {RECORD_ROUTING_SETTINGS_SET, "as INSTRUMENT_SET"},
    {RECORD_GATEWAY_UNSENT, "many in a commit, after a start only"},
    {RECORD_QUOTE_OFFERED, "of LPs that refuse an order while another's quote stands"},
    {RECORD_ACCEPT_REFUSED, "a quote's end and its acceptance cross"},
    {RECORD_RFQ_CANCEL_ORDER, "a request is withdrawn while its order is at the LP"},
    {RECORD_RFQ_EXTENDED, "by few clients"},
    {RECORD_ORDER_CANCEL_ASKED, "an order is still at the LP when its cancel comes"},
    {RECORD_ORDER_CANCEL_REFUSED, "a cancel and the fill cross"},
    {RECORD_ORDER_STATUS_ASKED, "an LP logs on while an order's fate is unknown"},
    {RECORD_EXECUTION_BREAK, "repetitions that are not known as such any more"},
};

static bool is_rare(unsigned type)
{
    for (unsigned i = 0; i < sizeof RARE / sizeof *RARE; i++)
        if (RARE[i].type == type)
            return true;
    return false;
}

unsigned seen_uncrashed(const struct seen *s, uint64_t often, FILE *to)
{
    unsigned missing = 0;
    for (unsigned t = 1; t < RECORD_COMMAND_QUOTE_REQUEST; t++) {
        if (!record_type_size(t) || s->records[t] < often || is_of_operators(t) || is_rare(t))
            continue;
        if (!s->crashed_before[t]) {
            fprintf(to, "no crash before a commit of: %s\n", record_type_name(t));
            missing++;
        }
        if (!s->crashed_after[t]) {
            fprintf(to, "no crash after a commit of: %s\n", record_type_name(t));
            missing++;
        }
    }
    return missing;
}

static unsigned missing_messages(const uint64_t counts[SEEN_TYPES], const char *expected, const char *whose,
                                 FILE *to)
{
    unsigned missing = 0;
    while (*expected) {
        size_t size = strcspn(expected, " ");
        if (!counts[index_of(expected, size)]) {
            fprintf(to, "never occurred: %.*s %s\n", (int)size, expected, whose);
            missing++;
        }
        expected += size + (expected[size] == ' ');
    }
    return missing;
}

unsigned seen_missing(const struct seen *s, bool clients, FILE *to)
{
    static const char *const turns[] = {
#define X(name, text) text,
        SEEN_TURN_LIST(X)
#undef X
    };
    unsigned missing = 0;
    for (unsigned t = 1; t < RECORD_COMMAND_QUOTE_REQUEST; t++)
        if (record_type_size(t) && !s->records[t] && !is_of_operators(t) && (clients || !is_of_clients(t))) {
            fprintf(to, "never occurred: %s\n", record_type_name(t));
            missing++;
        }
    for (unsigned t = 0; t < SEEN_TURNS; t++)
        if (!s->turns[t]) {
            fprintf(to, "never occurred: %s\n", turns[t]);
            missing++;
        }
    missing += missing_messages(s->in[0], EXPECTED_IN[0], "of a taker", to);
    missing += missing_messages(s->in[1], EXPECTED_IN[1], "of an LP", to);
    missing += missing_messages(s->out[0], EXPECTED_OUT[0], "to a taker", to);
    missing += missing_messages(s->out[1], EXPECTED_OUT[1], "to an LP", to);
    return missing;
}
