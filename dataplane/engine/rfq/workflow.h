/* The RFQ workflow: states, transitions, guards and timeouts, as tables (workflow.c is the one place). Pure:
 * nothing here reads a state, a clock or a configuration; the caller says what is so (struct workflow_facts)
 * and is told whether the table lets the transition happen. Source: spec/10.
 */
#ifndef RFQD_ENGINE_RFQ_WORKFLOW_H
#define RFQD_ENGINE_RFQ_WORKFLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/core/err.h"
#include "dataplane/core/text.h"
#include "dataplane/model/entity.h"

/* What guards ask. Unset facts are false. */
struct workflow_facts {
    uint8_t profile;     /* enum rfq_profile */
    uint8_t who;         /* enum who */
    uint16_t reason;     /* enum reason, of a cancellation or a revert */
    unsigned extensions; /* that the present state still allows */
    bool publishable;    /* legs, instruments, quantities and deadline are as PUBLISH wants them */
    bool lp_assigned;    /* at least one */
    bool deadline_passed;
    bool taker_closes; /* the taker accepts or closes early */
    bool all_answered; /* every LP asked */
    bool quote_valid;  /* selected, and it stands now */
    bool order_final;  /* every order of the award */
    bool filled;       /* something, by then */
    bool timed_out;    /* the state's timeout has passed */
};

/* name, sentence */
#define WORKFLOW_GUARD_LIST(X)                                                                          \
    X(GUARD_PUBLISHABLE, "publishable",                                                                 \
      "legs of known, tradable instruments of one market; quantities in range; deadline ahead")         \
    X(GUARD_LP_ASSIGNED, "lp_assigned", "at least one LP assigned")                                     \
    X(GUARD_MAY_CLOSE, "may_close",                                                                     \
      "deadline passed, or the taker accepts or closes, or (negotiated) all answered")                  \
    X(GUARD_NEGOTIATED, "negotiated", "profile negotiated")                                             \
    X(GUARD_INSTANT, "instant", "profile instant")                                                      \
    X(GUARD_BY_USER, "by_user", "by the taker")                                                         \
    X(GUARD_BY_SYSTEM, "by_system", "by the system only")                                               \
    X(GUARD_EXTENSION_LEFT, "extension_left", "an extension is left, and is used")                      \
    X(GUARD_QUOTE_VALID, "quote_valid", "a quote or split plan is selected, and it is valid now")       \
    X(GUARD_ORDER_FINAL, "order_final", "every order of the award is final")                            \
    X(GUARD_FILLED, "filled", "something is filled")                                                    \
    X(GUARD_NOT_FILLED, "not_filled", "nothing is filled")                                              \
    X(GUARD_REASON, "reason", "a reason is given")                                                      \
    X(GUARD_REVERT_CAUSE, "revert_cause", "lp_default, refused_by_controls or quote_expired_in_flight") \
    X(GUARD_DEADLINE, "deadline_passed", "deadline passed")                                             \
    X(GUARD_TIMED_OUT, "timed_out", "the state's timeout passed")

enum workflow_guard {
    GUARD_NONE = 0,
#define X(guard, name, says) guard,
    WORKFLOW_GUARD_LIST(X)
#undef X
        WORKFLOW_GUARDS
};

#define WORKFLOW_GUARDS_MAX 4
struct workflow_transition {
    uint8_t move;  /* enum rfq_move */
    uint8_t to;    /* enum rfq_state */
    uint16_t from; /* bit (1 << state) for each */
    uint8_t guards[WORKFLOW_GUARDS_MAX];
};

/* Where a state may last only so long. Decisions go by the rows that run; the others are data for what is to
 * come. */
struct workflow_timeout {
    uint8_t profile, state;
    uint8_t runs;                              /* an RFQ can rest in this state, and the row is acted on */
    uint8_t at_timeout;                        /* enum rfq_move */
    uint8_t escalates;                         /* L1 to L4 fire */
    uint32_t extensions;                       /* how many */
    uint64_t duration_ns;                      /* 0: the RFQ's own deadline */
    uint64_t duration_ns_default; /* of the RFQ's own deadline, where it names none; 0: it must */
    uint64_t duration_ns_min, duration_ns_max; /* of the RFQ's own deadline; 0: any */
    uint64_t extension_ns;                     /* each; 0: up to the original length */
    uint64_t auto_cancel_ns;                   /* at_timeout is made so long after the timeout; 0: at once */
};

/* Escalation: when a level fires in a state with a timeout. */
struct workflow_level {
    const char *name, *role;
    uint32_t percent;   /* of the timeout */
    uint64_t after_ns;  /* past it */
    uint8_t everywhere; /* in every timed state; else only where the state escalates */
};

/* What happens in a stay by itself: the levels of escalation, one after the other, and its end. */
#define WORKFLOW_LEVELS 4
#define WORKFLOW_END    (WORKFLOW_LEVELS + 1) /* as a level: the state's time is up */
struct workflow_step {
    uint8_t level;    /* 1.., or WORKFLOW_END */
    uint8_t move;     /* enum rfq_move, at the end; MOVE_CREATE: none */
    const char *role; /* who is to know; "": nobody */
    uint64_t due_ns;
};

const struct workflow_transition *workflow_transitions(unsigned *count);
const struct workflow_timeout *workflow_timeouts(unsigned *count);
const struct workflow_level *workflow_levels(unsigned *count);
const char *workflow_guard_name(unsigned guard);

/* May an RFQ in `state` make this move? OK: *to is the new state. ERR_STATE: the table has no such
 * transition; ERR_LIMIT: a guard does not hold. Both: `why` (may be NULL) names state, transition and guard.
 */
enum err workflow_check(unsigned state, unsigned move, const struct workflow_facts *facts, unsigned *to,
                        struct text *why) WARN_UNUSED;
bool workflow_is_end(unsigned state);
/* What a taker is shown on entering a state; 0: what it was before. */
unsigned workflow_shown(unsigned state);
/* The timeout of a state in a profile, NULL: none. */
const struct workflow_timeout *workflow_timeout_of(unsigned profile, unsigned state);
/* The same, where it runs; else NULL. */
const struct workflow_timeout *workflow_running(unsigned profile, unsigned state);
/* What comes behind `level` (0: the first) in a stay that began at since_ns and has until timeout_ns. False:
 * nothing more. */
bool workflow_next(const struct workflow_timeout *row, unsigned level, uint64_t since_ns, uint64_t timeout_ns,
                   struct workflow_step *next);

/* As people read it: `rfqctl workflow`. Return the length; what does not fit is cut (WORKFLOW_TEXT_SIZE is
 * enough). */
#define WORKFLOW_TEXT_SIZE 16384
size_t workflow_print(char *out, size_t size);
/* The diagram, as Graphviz DOT. */
size_t workflow_dot(char *out, size_t size);
/* Both as a page of the documentation: the diagram for Mermaid, and the tables. */
size_t workflow_page(char *out, size_t size);

#endif
