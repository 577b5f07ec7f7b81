#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/engine/rfq/workflow.h"

#define STATES (RFQ_ARCHIVED + 1)
#define MOVES  (MOVE_ARCHIVE + 1)

/* spec/10 once more, as a truth table: where each move leads from each state; '.' nowhere. */
static const char *const expected[MOVES] = {
    /*                       none DRAFT PUBL OPEN CLOS EVAL AWAR COMP CANC REJE EXPI ARCH */
    [MOVE_CREATE] = "D...........",       [MOVE_PUBLISH] = ".P..........",
    [MOVE_OPEN_BIDDING] = "..O.........", [MOVE_CLOSE_BIDDING] = "...C........",
    [MOVE_REOPEN] = "....OO......",       [MOVE_START_EVALUATION] = "....E.......",
    [MOVE_AWARD] = ".....A......",        [MOVE_COMPLETE] = "......F.....",
    [MOVE_CANCEL] = ".XXXXXX.....",       [MOVE_AUTO_CANCEL] = ".XXXXXX.....",
    [MOVE_REJECT] = ".RRR........",       [MOVE_EXPIRE] = "...TTT......",
    [MOVE_REVERT_AWARD] = "......E.....", [MOVE_ARCHIVE] = ".V..........",
};

static const char letters[STATES] = {
    [RFQ_DRAFT] = 'D',      [RFQ_PUBLISHED] = 'P',  [RFQ_BIDDING_OPEN] = 'O', [RFQ_BIDDING_CLOSED] = 'C',
    [RFQ_EVALUATION] = 'E', [RFQ_IS_AWARDED] = 'A', [RFQ_COMPLETED] = 'F',    [RFQ_CANCELLED] = 'X',
    [RFQ_REJECTED] = 'R',   [RFQ_EXPIRED] = 'T',    [RFQ_ARCHIVED] = 'V'};

/* Facts with which every guard of this move and state holds. */
static struct workflow_facts all_well(unsigned state, unsigned move)
{
    struct workflow_facts f = {.profile = move == MOVE_REOPEN ? PROFILE_NEGOTIATED : PROFILE_INSTANT,
                               .who = move == MOVE_REOPEN ? WHO_USER : WHO_SYSTEM,
                               .reason = REASON_LP_DEFAULT,
                               .extensions = 1,
                               .publishable = true,
                               .lp_assigned = true,
                               .deadline_passed = true,
                               .taker_closes = true,
                               .all_answered = true,
                               .quote_valid = true,
                               .order_final = true,
                               .filled = move == MOVE_COMPLETE,
                               .timed_out = true};
    (void)state;
    return f;
}

Test(engine_workflow, allows_exactly_the_transitions_of_the_specification)
{
    for (unsigned move = 0; move < MOVES; move++)
        for (unsigned state = 0; state < STATES; state++) {
            struct workflow_facts f = all_well(state, move);
            unsigned to = 0;
            enum err e = workflow_check(state, move, &f, &to, NULL);
            char want = expected[move][state], got = e == OK ? letters[to] : '.';
            cr_expect_eq(got, want, "%s from %s: %c, not %c", rfq_move_name(move),
                         state ? rfq_state_name(state) : "none", got, want);
            if (want == '.')
                cr_expect_eq(e, ERR_STATE);
        }
}

Test(engine_workflow, names_state_and_transition_where_the_table_has_none)
{
    char buffer[80];
    struct text why = text_in(buffer, sizeof buffer);
    struct workflow_facts f = {0};
    unsigned to = 99;
    cr_expect_eq(workflow_check(RFQ_COMPLETED, MOVE_CANCEL, &f, &to, &why), ERR_STATE);
    cr_expect_str_eq(buffer, "CANCEL refused in COMPLETED");
    cr_expect_eq(to, 99, "nothing is changed");
}

/* Each guard, broken alone, refuses by its name. */
struct broken {
    unsigned state, move;
    const char *guard;
    struct workflow_facts facts;
};

Test(engine_workflow, names_the_guard_that_does_not_hold)
{
    struct broken rows[] = {
        {RFQ_DRAFT, MOVE_PUBLISH, "publishable", {.lp_assigned = true}},
        {RFQ_PUBLISHED, MOVE_OPEN_BIDDING, "lp_assigned", {.publishable = true}},
        {RFQ_BIDDING_OPEN,
         MOVE_CLOSE_BIDDING,
         "may_close",
         {.profile = PROFILE_INSTANT, .all_answered = true}},
        {RFQ_BIDDING_CLOSED,
         MOVE_REOPEN,
         "negotiated",
         {.profile = PROFILE_INSTANT, .who = WHO_USER, .extensions = 1}},
        {RFQ_BIDDING_CLOSED,
         MOVE_REOPEN,
         "by_user",
         {.profile = PROFILE_NEGOTIATED, .who = WHO_SYSTEM, .extensions = 1}},
        {RFQ_EVALUATION, MOVE_REOPEN, "extension_left", {.profile = PROFILE_NEGOTIATED, .who = WHO_USER}},
        {RFQ_EVALUATION, MOVE_AWARD, "quote_valid", {.who = WHO_USER}},
        {RFQ_IS_AWARDED, MOVE_COMPLETE, "order_final", {.filled = true}},
        {RFQ_IS_AWARDED, MOVE_COMPLETE, "filled", {.order_final = true}},
        {RFQ_EVALUATION, MOVE_CANCEL, "reason", {.who = WHO_USER}},
        {RFQ_IS_AWARDED, MOVE_CANCEL, "order_final", {.reason = REASON_TAKER_REQUEST}},
        {RFQ_IS_AWARDED,
         MOVE_CANCEL,
         "not_filled",
         {.reason = REASON_TAKER_REQUEST, .order_final = true, .filled = true}},
        {RFQ_BIDDING_OPEN, MOVE_AUTO_CANCEL, "by_system", {.who = WHO_USER, .reason = REASON_LP_ISSUE}},
        {RFQ_BIDDING_OPEN, MOVE_REJECT, "by_system", {.who = WHO_USER}},
        {RFQ_BIDDING_OPEN, MOVE_EXPIRE, "instant", {.profile = PROFILE_NEGOTIATED, .deadline_passed = true}},
        {RFQ_BIDDING_OPEN, MOVE_EXPIRE, "deadline_passed", {.profile = PROFILE_INSTANT}},
        {RFQ_IS_AWARDED,
         MOVE_REVERT_AWARD,
         "revert_cause",
         {.order_final = true, .reason = REASON_TAKER_REQUEST}},
        {RFQ_IS_AWARDED,
         MOVE_REVERT_AWARD,
         "not_filled",
         {.order_final = true, .filled = true, .reason = REASON_LP_DEFAULT}},
        {RFQ_DRAFT, MOVE_ARCHIVE, "timed_out", {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[120], want[120];
        struct text why = text_in(buffer, sizeof buffer);
        unsigned to = 0;
        snprintf(want, sizeof want, "%s refused in %s: %s does not hold", rfq_move_name(rows[i].move),
                 rfq_state_name(rows[i].state), rows[i].guard);
        cr_expect_eq(workflow_check(rows[i].state, rows[i].move, &rows[i].facts, &to, &why), ERR_LIMIT,
                     "row %zu", i);
        cr_expect_str_eq(buffer, want);
    }
}

Test(engine_workflow, closes_negotiated_bidding_when_all_have_answered)
{
    struct workflow_facts f = {.profile = PROFILE_NEGOTIATED, .all_answered = true};
    unsigned to;
    cr_expect_eq(workflow_check(RFQ_BIDDING_OPEN, MOVE_CLOSE_BIDDING, &f, &to, NULL), OK);
}

Test(engine_workflow, gives_every_live_state_a_timeout_in_both_profiles)
{
    for (unsigned profile = PROFILE_INSTANT; profile <= PROFILE_NEGOTIATED; profile++)
        for (unsigned state = RFQ_DRAFT; state <= RFQ_ARCHIVED; state++)
            cr_expect_eq(workflow_timeout_of(profile, state) == NULL, workflow_is_end(state), "%s %s",
                         rfq_profile_name(profile), rfq_state_name(state));
    const struct workflow_timeout *open = workflow_timeout_of(PROFILE_INSTANT, RFQ_BIDDING_OPEN);
    cr_expect_eq(open->at_timeout, MOVE_EXPIRE);
    cr_expect_eq(open->extensions, 3);
    cr_expect_eq(workflow_timeout_of(PROFILE_NEGOTIATED, RFQ_BIDDING_OPEN)->at_timeout, MOVE_CLOSE_BIDDING);
}

/* The model arms a deadline in these states (rfq_arm), and what their rows say at the timeout ends the RFQ.
 */
Test(engine_workflow, runs_by_the_deadline_where_an_rfq_can_still_be_awarded)
{
    unsigned count;
    const struct workflow_timeout *rows = workflow_timeouts(&count);
    for (unsigned i = 0; i < count; i++) {
        bool open = rows[i].state == RFQ_BIDDING_OPEN || rows[i].state == RFQ_BIDDING_CLOSED ||
                    rows[i].state == RFQ_EVALUATION;
        if (rows[i].profile == PROFILE_INSTANT && open)
            cr_expect(rows[i].runs && !rows[i].duration_ns, "%s", rfq_state_name(rows[i].state));
        if (rows[i].runs) {
            struct workflow_facts f = all_well(rows[i].state, rows[i].at_timeout);
            unsigned to = 0;
            cr_assert_eq(workflow_check(rows[i].state, rows[i].at_timeout, &f, &to, NULL), OK);
            cr_expect(workflow_is_end(to));
            cr_expect_eq(workflow_running(rows[i].profile, rows[i].state), &rows[i]);
            cr_expect(open || rows[i].duration_ns,
                      "only what can be awarded has no other time than the deadline");
        } else {
            cr_expect_null(workflow_running(rows[i].profile, rows[i].state));
        }
    }
}

Test(engine_workflow, fires_each_level_once_in_order_and_the_end_last)
{
    unsigned count;
    const struct workflow_timeout *rows = workflow_timeouts(&count);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t since = 1000, timeout = since + (rows[i].duration_ns ? rows[i].duration_ns : 100);
        struct workflow_step step = {.due_ns = since};
        unsigned steps = 0;
        for (unsigned level = 0; workflow_next(&rows[i], level, since, timeout, &step); level = step.level) {
            cr_expect_gt(step.level, level);
            cr_expect_geq(step.due_ns, since + (timeout - since) / 2);
            steps++;
        }
        cr_expect_eq(steps, rows[i].escalates ? 5 : 3, "L1 and L2 in every timed state");
        cr_expect_eq(step.level, WORKFLOW_END);
        cr_expect_eq(step.move, rows[i].at_timeout);
        cr_expect_eq(step.due_ns, timeout + rows[i].auto_cancel_ns);
    }
}

Test(engine_workflow, prints_every_state_transition_and_guard)
{
    static char text[WORKFLOW_TEXT_SIZE], dot[WORKFLOW_TEXT_SIZE];
    size_t size = workflow_print(text, sizeof text);
    cr_assert_eq(size, strlen(text));
    cr_assert_lt(size, sizeof text - 1, "all of it fits");
    cr_assert_lt(workflow_dot(dot, sizeof dot), sizeof dot - 1);
    for (unsigned state = RFQ_DRAFT; state <= RFQ_ARCHIVED; state++) {
        cr_expect(strstr(text, rfq_state_name(state)));
        cr_expect(strstr(dot, rfq_state_name(state)));
    }
    for (unsigned move = 0; move < MOVES; move++) {
        cr_expect(strstr(text, rfq_move_name(move)));
        cr_expect(strstr(dot, rfq_move_name(move)));
    }
    for (unsigned guard = GUARD_NONE + 1; guard < WORKFLOW_GUARDS; guard++)
        cr_expect(strstr(text, workflow_guard_name(guard)));
    cr_expect(strstr(dot, "EVALUATION -> AWARDED [label=\"AWARD\\n[quote_valid]\"];"));
    cr_expect(strstr(text, "EXPIRE            BIDDING_OPEN    EXPIRED         instant deadline_passed\n"));
}

static size_t read_page(char *out, size_t size)
{
    FILE *f = fopen(WORKFLOW_PAGE, "r");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;
    if (f)
        fclose(f);
    out[n] = '\0';
    return n;
}

Test(engine_workflow, the_page_in_the_tree_is_what_the_program_prints)
{
    static char now[WORKFLOW_TEXT_SIZE], then[WORKFLOW_TEXT_SIZE];
    size_t size = workflow_page(now, sizeof now);
    cr_assert_lt(size, sizeof now - 1, "all of it fits");
    cr_expect(strstr(now, "    EVALUATION --> AWARDED: AWARD\n"));
    cr_expect(strstr(now, "    AWARDED --> CANCELLED: CANCEL, AUTO_CANCEL\n"));
    if (getenv("RFQD_WORKFLOW_WRITE")) {
        FILE *f = fopen(WORKFLOW_PAGE, "w");
        cr_assert(f && fwrite(now, 1, size, f) == size && fclose(f) == 0);
    }
    read_page(then, sizeof then);
    cr_assert_str_eq(now, then, "dataplane/engine/rfq/WORKFLOW.md is not what the tables say: RFQD_WORKFLOW_WRITE=1 writes it anew");
}

Test(engine_workflow, cuts_what_does_not_fit_and_ends_it)
{
    char small[40];
    memset(small, 'x', sizeof small);
    cr_expect_eq(workflow_print(small, sizeof small), sizeof small - 1);
    cr_expect_eq(strlen(small), sizeof small - 1);
}
