/* The tables of spec/10, in its order, and what reads them. */
#include "dataplane/engine/rfq/workflow.h"

#define IN(state)       (1u << (state))
#define NOTHING         IN(0) /* before there is an RFQ */
#define SECONDS(n)      ((n)*1000000000ull)
#define HOURS(n)        SECONDS((n)*3600ull)
#define DAYS(n)         HOURS((n)*24ull)
#define BEFORE_CHOOSING (IN(RFQ_DRAFT) | IN(RFQ_PUBLISHED) | IN(RFQ_BIDDING_OPEN) | IN(RFQ_BIDDING_CLOSED))
#define NOT_AWARDED     (BEFORE_CHOOSING | IN(RFQ_EVALUATION))

/* clang-format off */
static const struct workflow_transition transitions[] = {
    /* move                  to                  from                                          guards */
    {MOVE_CREATE,            RFQ_DRAFT,          NOTHING,                                      {GUARD_NONE}},
    {MOVE_PUBLISH,           RFQ_PUBLISHED,      IN(RFQ_DRAFT),                                {GUARD_PUBLISHABLE}},
    {MOVE_OPEN_BIDDING,      RFQ_BIDDING_OPEN,   IN(RFQ_PUBLISHED),                            {GUARD_LP_ASSIGNED}},
    {MOVE_CLOSE_BIDDING,     RFQ_BIDDING_CLOSED, IN(RFQ_BIDDING_OPEN),                         {GUARD_MAY_CLOSE}},
    {MOVE_REOPEN,            RFQ_BIDDING_OPEN,   IN(RFQ_BIDDING_CLOSED) | IN(RFQ_EVALUATION),  {GUARD_NEGOTIATED, GUARD_BY_USER, GUARD_EXTENSION_LEFT}},
    {MOVE_START_EVALUATION,  RFQ_EVALUATION,     IN(RFQ_BIDDING_CLOSED),                       {GUARD_NONE}},
    {MOVE_AWARD,             RFQ_IS_AWARDED,     IN(RFQ_EVALUATION),                           {GUARD_QUOTE_VALID}},
    {MOVE_COMPLETE,          RFQ_COMPLETED,      IN(RFQ_IS_AWARDED),                           {GUARD_ORDER_FINAL, GUARD_FILLED}},
    {MOVE_CANCEL,            RFQ_CANCELLED,      BEFORE_CHOOSING,                              {GUARD_NONE}},
    {MOVE_CANCEL,            RFQ_CANCELLED,      IN(RFQ_EVALUATION),                           {GUARD_REASON}},
    {MOVE_CANCEL,            RFQ_CANCELLED,      IN(RFQ_IS_AWARDED),                           {GUARD_REASON, GUARD_ORDER_FINAL, GUARD_NOT_FILLED}},
    {MOVE_AUTO_CANCEL,       RFQ_CANCELLED,      NOT_AWARDED,                                  {GUARD_BY_SYSTEM, GUARD_REASON}},
    {MOVE_AUTO_CANCEL,       RFQ_CANCELLED,      IN(RFQ_IS_AWARDED),                           {GUARD_BY_SYSTEM, GUARD_REASON, GUARD_ORDER_FINAL, GUARD_NOT_FILLED}},
    {MOVE_REJECT,            RFQ_REJECTED,       IN(RFQ_DRAFT) | IN(RFQ_PUBLISHED) | IN(RFQ_BIDDING_OPEN), {GUARD_BY_SYSTEM}},
    {MOVE_EXPIRE,            RFQ_EXPIRED,        IN(RFQ_BIDDING_OPEN) | IN(RFQ_BIDDING_CLOSED) | IN(RFQ_EVALUATION), {GUARD_INSTANT, GUARD_DEADLINE}},
    {MOVE_REVERT_AWARD,      RFQ_EVALUATION,     IN(RFQ_IS_AWARDED),                           {GUARD_ORDER_FINAL, GUARD_NOT_FILLED, GUARD_REVERT_CAUSE}},
    {MOVE_ARCHIVE,           RFQ_ARCHIVED,       IN(RFQ_DRAFT),                                {GUARD_TIMED_OUT}},
};

/* `instant` passes through DRAFT and PUBLISHED in one decision, and may be awarded until its deadline in every
 * state in which it can be. Of `negotiated` nothing runs yet. */
static const struct workflow_timeout timeouts[] = {
    /* profile, state,                         runs, at timeout,      escalates, extensions, duration, its own: default, least, most, extension, auto-cancel */
    {PROFILE_INSTANT,    RFQ_DRAFT,          0, MOVE_ARCHIVE,          0, 0, DAYS(30),  0, 0, 0,                             0,         0},
    {PROFILE_INSTANT,    RFQ_PUBLISHED,      0, MOVE_REJECT,           0, 2, DAYS(7),   0, 0, 0,                             DAYS(7),   0},
    {PROFILE_INSTANT,    RFQ_BIDDING_OPEN,   1, MOVE_EXPIRE,           0, 3, 0,         SECONDS(30), SECONDS(1), HOURS(1),   0,         0},
    {PROFILE_INSTANT,    RFQ_BIDDING_CLOSED, 1, MOVE_EXPIRE,           0, 0, 0,         0, 0, 0,                             0,         0},
    {PROFILE_INSTANT,    RFQ_EVALUATION,     1, MOVE_EXPIRE,           0, 0, 0,         0, 0, 0,                             0,         0},
    {PROFILE_INSTANT,    RFQ_IS_AWARDED,     1, MOVE_AUTO_CANCEL,      1, 1, DAYS(14),  0, 0, 0,                             DAYS(7),   DAYS(7)},
    {PROFILE_NEGOTIATED, RFQ_DRAFT,          0, MOVE_ARCHIVE,          0, 0, DAYS(30),  0, 0, 0,                             0,         0},
    {PROFILE_NEGOTIATED, RFQ_PUBLISHED,      0, MOVE_REJECT,           0, 2, DAYS(7),   0, 0, 0,                             DAYS(7),   0},
    {PROFILE_NEGOTIATED, RFQ_BIDDING_OPEN,   0, MOVE_CLOSE_BIDDING,    0, 3, 0,         0, 0, 0,                             HOURS(72), 0},
    {PROFILE_NEGOTIATED, RFQ_BIDDING_CLOSED, 0, MOVE_START_EVALUATION, 0, 0, HOURS(24), 0, 0, 0,                             0,         0},
    {PROFILE_NEGOTIATED, RFQ_EVALUATION,     0, MOVE_AUTO_CANCEL,      1, 2, DAYS(7),   0, 0, 0,                             DAYS(3),   DAYS(7)},
    {PROFILE_NEGOTIATED, RFQ_IS_AWARDED,     0, MOVE_AUTO_CANCEL,      1, 1, DAYS(14),  0, 0, 0,                             DAYS(7),   DAYS(7)},
};

static const struct workflow_level levels[WORKFLOW_LEVELS] = {
    /* name, role,     percent, after,  everywhere */
    {"L1", "owner",     50,     0,       1},
    {"L2", "team lead", 75,     0,       1},
    {"L3", "manager",   100,    0,       0},
    {"L4", "director",  100,    DAYS(3), 0},
};
/* clang-format on */

static const struct {
    const char *name, *says;
} guards[] = {{"none", "none"},
#define X(guard, name, says) {name, says},
              WORKFLOW_GUARD_LIST(X)
#undef X
};

#define COUNT(a) (unsigned)(sizeof(a) / sizeof *(a))

const struct workflow_transition *workflow_transitions(unsigned *count)
{
    *count = COUNT(transitions);
    return transitions;
}

const struct workflow_timeout *workflow_timeouts(unsigned *count)
{
    *count = COUNT(timeouts);
    return timeouts;
}

const struct workflow_level *workflow_levels(unsigned *count)
{
    *count = COUNT(levels);
    return levels;
}

const char *workflow_guard_name(unsigned guard)
{
    return guard < WORKFLOW_GUARDS ? guards[guard].name : "?";
}

static bool may_close(const struct workflow_facts *f)
{
    return f->deadline_passed || f->taker_closes || (f->profile == PROFILE_NEGOTIATED && f->all_answered);
}

static bool is_revert_cause(unsigned reason)
{
    return reason == REASON_LP_DEFAULT || reason == REASON_REFUSED_BY_CONTROLS ||
           reason == REASON_QUOTE_EXPIRED_IN_FLIGHT;
}

static bool holds(unsigned guard, const struct workflow_facts *f)
{
    switch ((enum workflow_guard)guard) {
    case GUARD_PUBLISHABLE:
        return f->publishable;
    case GUARD_LP_ASSIGNED:
        return f->lp_assigned;
    case GUARD_MAY_CLOSE:
        return may_close(f);
    case GUARD_NEGOTIATED:
        return f->profile == PROFILE_NEGOTIATED;
    case GUARD_INSTANT:
        return f->profile == PROFILE_INSTANT;
    case GUARD_BY_USER:
        return f->who == WHO_USER;
    case GUARD_BY_SYSTEM:
        return f->who == WHO_SYSTEM || f->who == WHO_SCHEDULER;
    case GUARD_EXTENSION_LEFT:
        return f->extensions > 0;
    case GUARD_QUOTE_VALID:
        return f->quote_valid;
    case GUARD_ORDER_FINAL:
        return f->order_final;
    case GUARD_FILLED:
        return f->filled;
    case GUARD_NOT_FILLED:
        return !f->filled;
    case GUARD_REASON:
        return f->reason != REASON_NONE;
    case GUARD_REVERT_CAUSE:
        return is_revert_cause(f->reason);
    case GUARD_DEADLINE:
        return f->deadline_passed;
    case GUARD_TIMED_OUT:
        return f->timed_out;
    case GUARD_NONE:
    case WORKFLOW_GUARDS:
        break;
    }
    return true;
}

static const struct workflow_transition *find(unsigned state, unsigned move)
{
    for (unsigned i = 0; i < COUNT(transitions); i++)
        if (transitions[i].move == move && (transitions[i].from >> state & 1))
            return &transitions[i];
    return NULL;
}

static void say(struct text *why, unsigned state, unsigned move, unsigned guard)
{
    if (!why)
        return;
    text_add(why, rfq_move_name(move));
    text_add(why, " refused in ");
    text_add(why, rfq_state_name(state));
    if (guard != GUARD_NONE) {
        text_add(why, ": ");
        text_add(why, guards[guard].name);
        text_add(why, " does not hold");
    }
}

enum err workflow_check(unsigned state, unsigned move, const struct workflow_facts *facts, unsigned *to,
                        struct text *why)
{
    const struct workflow_transition *t = find(state, move);
    if (!t) {
        say(why, state, move, GUARD_NONE);
        return ERR_STATE;
    }
    for (unsigned i = 0; i < WORKFLOW_GUARDS_MAX && t->guards[i] != GUARD_NONE; i++)
        if (!holds(t->guards[i], facts)) {
            say(why, state, move, t->guards[i]);
            return ERR_LIMIT;
        }
    *to = t->to;
    return OK;
}

bool workflow_is_end(unsigned state)
{
    return state >= RFQ_COMPLETED && state <= RFQ_ARCHIVED;
}

unsigned workflow_shown(unsigned state)
{
    static const uint8_t shown[RFQ_ARCHIVED + 1] = {
        [RFQ_DRAFT] = SHOWN_PENDING,    [RFQ_PUBLISHED] = SHOWN_VALIDATED, [RFQ_IS_AWARDED] = SHOWN_AWARDED,
        [RFQ_COMPLETED] = SHOWN_FILLED, [RFQ_CANCELLED] = SHOWN_CANCELLED, [RFQ_REJECTED] = SHOWN_REJECTED,
        [RFQ_EXPIRED] = SHOWN_EXPIRED,  [RFQ_ARCHIVED] = SHOWN_ARCHIVED,
    };
    return state <= RFQ_ARCHIVED ? shown[state] : 0;
}

const struct workflow_timeout *workflow_timeout_of(unsigned profile, unsigned state)
{
    for (unsigned i = 0; i < COUNT(timeouts); i++)
        if (timeouts[i].profile == profile && timeouts[i].state == state)
            return &timeouts[i];
    return NULL;
}

const struct workflow_timeout *workflow_running(unsigned profile, unsigned state)
{
    const struct workflow_timeout *row = workflow_timeout_of(profile, state);
    return row && row->runs ? row : NULL;
}

bool workflow_next(const struct workflow_timeout *row, unsigned level, uint64_t since_ns, uint64_t timeout_ns,
                   struct workflow_step *next)
{
    while (level < WORKFLOW_LEVELS && !levels[level].everywhere && !row->escalates)
        level++;
    if (level >= WORKFLOW_END)
        return false;
    if (level == WORKFLOW_LEVELS) {
        *next = (struct workflow_step){WORKFLOW_END, row->at_timeout, "", timeout_ns + row->auto_cancel_ns};
        return true;
    }
    const struct workflow_level *l = &levels[level];
    uint64_t due_ns = since_ns + (timeout_ns - since_ns) / 100 * l->percent + l->after_ns;
    *next = (struct workflow_step){(uint8_t)(level + 1), MOVE_CREATE, l->role, due_ns};
    return true;
}
