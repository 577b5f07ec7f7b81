/* The workflow for people: as text, and as a diagram. Both are made from the tables alone. */
#include "dataplane/engine/rfq/workflow.h"

static const char *from_name(unsigned state)
{
    return state == 0 ? "(none)" : rfq_state_name(state);
}

static void print_states(struct text *t)
{
    text_add(t, "STATE             SHOWN\n");
    for (unsigned state = RFQ_DRAFT; state <= RFQ_ARCHIVED; state++) {
        size_t line = text_length(t);
        text_add(t, rfq_state_name(state));
        text_pad(t, line, 18);
        text_add(t, workflow_shown(state)       ? rfq_shown_name(workflow_shown(state))
                    : state == RFQ_BIDDING_OPEN ? "distributed, then quoted"
                                                : "as before");
        text_add(t, workflow_is_end(state) ? " (end)\n" : "\n");
    }
}

static void print_transition(struct text *t, const struct workflow_transition *row, unsigned from)
{
    size_t line = text_length(t);
    text_add(t, rfq_move_name(row->move));
    text_pad(t, line, 18);
    text_add(t, from_name(from));
    text_pad(t, line, 34);
    text_add(t, rfq_state_name(row->to));
    for (unsigned i = 0; i < WORKFLOW_GUARDS_MAX && row->guards[i] != GUARD_NONE; i++) {
        text_pad(t, line, 50);
        text_add(t, workflow_guard_name(row->guards[i]));
    }
    text_add_char(t, '\n');
}

static void print_transitions(struct text *t)
{
    unsigned count;
    const struct workflow_transition *rows = workflow_transitions(&count);
    text_add(t, "\nTRANSITION        FROM            TO              GUARDS\n");
    for (unsigned i = 0; i < count; i++)
        for (unsigned state = 0; state <= RFQ_ARCHIVED; state++)
            if (rows[i].from >> state & 1)
                print_transition(t, &rows[i], state);
}

static void print_guards(struct text *t)
{
    static const char *const says[] = {
#define X(guard, name, sentence) [guard] = sentence,
        WORKFLOW_GUARD_LIST(X)
#undef X
    };
    text_add(t, "\nGUARD             HOLDS WHEN\n");
    for (unsigned guard = GUARD_NONE + 1; guard < WORKFLOW_GUARDS; guard++) {
        size_t line = text_length(t);
        text_add(t, workflow_guard_name(guard));
        text_pad(t, line, 18);
        text_add(t, says[guard]);
        text_add_char(t, '\n');
    }
}

/* In the unit people would say it in. */
static void add_span(struct text *t, uint64_t ns)
{
    const uint64_t second = 1000000000u, hour = 3600 * second, day = 24 * hour;
    uint64_t unit = ns % day == 0 && ns > 3 * day ? day : ns % hour == 0 ? hour : second;
    text_add_number(t, ns / unit);
    text_add(t, unit == day ? " d" : unit == hour ? " h" : " s");
}

static void print_timeout(struct text *t, const struct workflow_timeout *row)
{
    size_t line = text_length(t);
    text_add(t, rfq_profile_name(row->profile));
    text_pad(t, line, 12);
    text_add(t, rfq_state_name(row->state));
    text_pad(t, line, 28);
    if (row->duration_ns) {
        add_span(t, row->duration_ns);
    } else {
        text_add(t, "its deadline");
        if (row->duration_ns_max) {
            text_add(t, ", ");
            add_span(t, row->duration_ns_min);
            text_add(t, " to ");
            add_span(t, row->duration_ns_max);
        }
        if (row->duration_ns_default) {
            text_add(t, ", else ");
            add_span(t, row->duration_ns_default);
        }
    }
    text_pad(t, line, 66);
    text_add_number(t, row->extensions);
    if (row->extensions) {
        text_add(t, " x ");
        if (row->extension_ns)
            add_span(t, row->extension_ns);
        else
            text_add(t, "its length");
    }
    text_pad(t, line, 82);
    if (row->escalates)
        text_add(t, "escalates; ");
    text_add(t, rfq_move_name(row->at_timeout));
    if (row->auto_cancel_ns) {
        text_add_char(t, ' ');
        add_span(t, row->auto_cancel_ns);
        text_add(t, " later");
    }
    text_add(t, row->runs ? "\n" : " (not running)\n");
}

static void print_timeouts(struct text *t)
{
    unsigned count;
    const struct workflow_timeout *rows = workflow_timeouts(&count);
    text_add(t, "\nPROFILE     STATE           TIMEOUT                               EXTENSIONS      THEN\n");
    for (unsigned i = 0; i < count; i++)
        print_timeout(t, &rows[i]);
}

static void print_levels(struct text *t)
{
    unsigned count;
    const struct workflow_level *rows = workflow_levels(&count);
    text_add(t, "\nLEVEL  ROLE        AT\n");
    for (unsigned i = 0; i < count; i++) {
        size_t line = text_length(t);
        text_add(t, rows[i].name);
        text_pad(t, line, 7);
        text_add(t, rows[i].role);
        text_pad(t, line, 19);
        text_add_number(t, rows[i].percent);
        text_add(t, " %");
        if (rows[i].after_ns) {
            text_add(t, " and ");
            add_span(t, rows[i].after_ns);
        }
        text_add(t, rows[i].everywhere ? ", every timed state\n" : ", where the state escalates\n");
    }
    text_add(t, "No level fires before an RFQ's own deadline, nor in what is not running.\n");
}

static void print_all(struct text *t)
{
    print_states(t);
    print_transitions(t);
    print_guards(t);
    print_timeouts(t);
    print_levels(t);
}

size_t workflow_print(char *out, size_t size)
{
    struct text t = text_in(out, size);
    print_all(&t);
    return text_length(&t);
}

static void dot_edge(struct text *t, const struct workflow_transition *row, unsigned from)
{
    text_add(t, "    ");
    text_add(t, from == 0 ? "new" : rfq_state_name(from));
    text_add(t, " -> ");
    text_add(t, rfq_state_name(row->to));
    text_add(t, " [label=\"");
    text_add(t, rfq_move_name(row->move));
    for (unsigned i = 0; i < WORKFLOW_GUARDS_MAX && row->guards[i] != GUARD_NONE; i++) {
        text_add(t, i == 0 ? "\\n[" : ", ");
        text_add(t, workflow_guard_name(row->guards[i]));
    }
    text_add(t, row->guards[0] == GUARD_NONE ? "\"];\n" : "]\"];\n");
}

size_t workflow_dot(char *out, size_t size)
{
    struct text t = text_in(out, size);
    unsigned count;
    const struct workflow_transition *rows = workflow_transitions(&count);
    text_add(&t, "digraph rfq {\n    rankdir=TB;\n    node [shape=box, fontname=\"sans\"];\n"
                 "    edge [fontname=\"sans\", fontsize=9];\n    new [shape=point];\n");
    for (unsigned state = RFQ_DRAFT; state <= RFQ_ARCHIVED; state++) {
        text_add(&t, "    ");
        text_add(&t, rfq_state_name(state));
        text_add(&t, workflow_is_end(state) ? " [peripheries=2];\n" : ";\n");
    }
    for (unsigned i = 0; i < count; i++)
        for (unsigned state = 0; state <= RFQ_ARCHIVED; state++)
            if (rows[i].from >> state & 1)
                dot_edge(&t, &rows[i], state);
    text_add(&t, "}\n");
    return text_length(&t);
}

/* One arrow for all moves between two states; guards are in the table below it. */
static void mermaid_edge(struct text *t, unsigned from, unsigned to)
{
    unsigned count;
    const struct workflow_transition *rows = workflow_transitions(&count);
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].to != to || !(rows[i].from >> from & 1))
            continue;
        if (!any) {
            text_add(t, "    ");
            text_add(t, from == 0 ? "[*]" : rfq_state_name(from));
            text_add(t, " --> ");
            text_add(t, rfq_state_name(to));
        }
        text_add(t, any ? ", " : ": ");
        text_add(t, rfq_move_name(rows[i].move));
        any = true;
    }
    if (any)
        text_add_char(t, '\n');
}

static void mermaid(struct text *t)
{
    text_add(t, "stateDiagram-v2\n");
    for (unsigned from = 0; from <= RFQ_ARCHIVED; from++)
        for (unsigned to = RFQ_DRAFT; to <= RFQ_ARCHIVED; to++)
            mermaid_edge(t, from, to);
    for (unsigned state = RFQ_DRAFT; state <= RFQ_ARCHIVED; state++)
        if (workflow_is_end(state)) {
            text_add(t, "    ");
            text_add(t, rfq_state_name(state));
            text_add(t, " --> [*]\n");
        }
}

size_t workflow_page(char *out, size_t size)
{
    struct text t = text_in(out, size);
    text_add(&t, "# The RFQ workflow\n\n"
                 "`rfqctl workflow page` wrote this, from the tables that decide (`dataplane/engine/rfq/workflow.c`).\n"
                 "A test compares the two.\n\n```mermaid\n");
    mermaid(&t);
    text_add(&t, "```\n\n```\n");
    print_all(&t);
    text_add(&t, "```\n");
    return text_length(&t);
}
