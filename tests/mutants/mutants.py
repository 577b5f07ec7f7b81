#!/usr/bin/env python3
"""Mutants: the mistakes that this design exists to prevent, made on purpose, one at a time, in a copy of the tree. Each must be
caught by the test named with it, for the reason that is named too; one that lives fails this test.

    mutants.py SOURCE WORK [NAME...]

SOURCE is the tree, WORK a directory for the copy and its build. Exit 0: every mutant was caught.
"""
import os
import re
import shutil
import subprocess
import sys

USAGE = 2  # exit code of a program that was asked for what it does not know
TIMED_OUT = 124  # and of timeout(1)
SIM = ["sim", "--seeds", "120", "--crash", "random", "--jobs", "2"]
UNSYNCED = ["sim", "--seeds", "120", "--crash", "random", "--unsynced", "--jobs", "2"]
POWER = ["sim", "--seeds", "120", "--crash", "random", "--power", "--jobs", "2"]
CALM = ["sim", "--seeds", "60", "--jobs", "2"]

# name, what is wrong, file, text, its replacement, test that must fail, what it says then: a pattern
MUTANTS = [
    ("bytes_before_commit", "bytes go to the port before their record is committed",
     "dataplane/gateway/gateway.c",
     "    commit(g);\n    if (order == ORDER_ENDED)", "    work += outbound_transmit(g);\n    commit(g);\n    if (order == ORDER_ENDED)",
     SIM,
     r"a sequence number came again"),
    ("lane_before_commit", "a message is in its lane before the batch that it is of is committed",
     "dataplane/engine/agent.c",
     "    ring_commit(ring);\n    while (e->forwarded < ring->write) {", "    while (e->forwarded < ring->write) {",
     ["engine_agent_test"],
     r"\[FAIL\] engine_agent::commits_once_for_a_poll_and_nothing_leaves_before"),
    ("refused_and_taken", "what is refused for want of room goes to its engine as well",
     "dataplane/gateway/inbound.c",
     "    a->has_command = false;\n    say_busy(g, a, a->refusal.text);", "    say_busy(g, a, a->refusal.text);",
     ["gateway_pressure_test"],
     r"\[FAIL\] gateway_pressure::a_full_request_lane_refuses_requests"),
    ("cause_dropped", "what a gateway sends does not name the event that it is of",
     "dataplane/gateway/gateway.c", "    if (cause) {", "    if (cause && cause->agent == AGENT_NONE) {", SIM,
     r'a party is not content: .*"role":"taker".*"late_fills":[1-9]'),
    ("consumed_skipped", "a decided command is not marked as consumed",
     "dataplane/model/state.c", "    *consumed = b->cause;", "    (void)consumed;", SIM,
     r"an execution fits no order"),
    ("numbers_reused_after_power_cut", "outgoing numbers go on where the log ends, though later ones were seen by peers",
     "control/node_start.c", "n->recovery.power_cut ? OUT_NUMBERS_AHEAD_MAX : 0", "0", UNSYNCED,
     r"a sequence number came again"),
    ("resend_takes_a_number", "a message sent again moves the outgoing number",
     "dataplane/model/gateway.c", "    if (ev->resend_of)", "    if (ev->resend_of == UINT64_MAX)", SIM,
     r"sent_put: Assertion `number >= s->next"),
    ("given_back_twice", "an LP's open RFQ is given back twice",
     "dataplane/model/distribution_delivery.c", "    if (d->counted == occupies)", "    if (occupies && d->counted)", CALM,
     r"Assertion `occupies \|\| lp->open_rfqs > 0'"),
    ("apply_reads_the_clock", "apply takes its time from elsewhere than the batch",
     "dataplane/model/state.c", "    s->now_ns = b->time_ns;",
     "    s->now_ns = b->time_ns + (__builtin_ia32_rdtsc() & 63);", CALM,
     r"differs from the live state"),
    ("log_ignores_causes", "the log takes a batch before the one that caused it",
     "storage/log/merge.c", "    return b->cause_agent == AGENT_NONE ||", "    return b || b->cause_agent == AGENT_NONE ||",
     ["storage_log_merge_test"],
     r"\[FAIL\] log_merge::any_prefix_is_a_consistent_cut"),
    ("checkpoint_ahead_of_the_log", "the store commits what the log has not synced",
     "control/replica/checkpoint.c",
     "    return log_durable(c->config.log) >=", "    return c || log_durable(c->config.log) >=", UNSYNCED,
     r"the store is the state of log offset \d+, but the log ends at"),
    ("synced_does_not_wait", "at level synced bytes leave before their record is durable",
     "dataplane/gateway/outbound.c", "e->ring_end > durable)", "e->ring_end > durable && !g)", POWER,
     r"not every request has its end"),
    ("epoch_not_advanced", "ids of a start may repeat those of the last",
     "dataplane/engine/distribution/start.c", "    ev->epoch = e->state->marks.epoch + 1;",
     "    ev->epoch = e->state->marks.epoch ? e->state->marks.epoch : 1;", ["engine_distribution_request_test"],
     r"\[FAIL\] distribution_start::gives_ids_of_a_new_epoch"),
    ("suspended_quotes_stand", "a start leaves the quotes of suspended LPs standing",
     "dataplane/engine/agent.c", "    commit_and_forward(e);\n    begin_sweep(e);\n}", "    commit_and_forward(e);\n}", SIM,
     r"stands, and its LP is suspended"),
    ("executions_dropped_while_down", "an execution for a taker who is away is not kept for it",
     "dataplane/gateway/outbound.c", "    if (!channel_is_up(ch) && !out->must_reach)", "    if (!channel_is_up(ch))", SIM,
     r'a party is not content: .*"role":"taker".*"unanswered":[1-9]'),
    ("nothing_delivered_again", "what was under way at a crash is forgotten",
     "control/node_start.c", "        n->recovery.redelivered++;\n        recovery_pending_next(cursor);",
     "        n->recovery.redelivered++;\n        recovery_pending_next(cursor);\n        if (n) break;", SIM,
     r'a party is not content: .*"role":"taker".*"unanswered":[1-9]'),
    ("keys_forgotten", "a client's command is decided again under a key that was answered",
     "dataplane/engine/distribution/client.c", "    if (!k)\n        return false;", "    if (!k || k)\n        return false;", SIM,
     r"key \d+: answered as RFQ .* anew"),
    ("tie_by_later_arrival", "of equal quotes the later one ranks first",
     "dataplane/model/distribution_rank.c", "    return a->id < b->id;", "    return a->id > b->id;", CALM,
     r"is not as the naive sort says"),
    ("late_quote_accepted", "a quote may be accepted at the very end of its life",
     "dataplane/engine/distribution/accept.c", "now_ns >= q->valid_until_ns) {", "now_ns > q->valid_until_ns) {",
     ["engine_distribution_accept_test"],
     r"\[FAIL\] distribution_accept::of_a_quote_that_does_not_stand"),
    ("execution_counted_twice", "an execution that comes again is booked again",
     "dataplane/engine/routing/execution.c", "    else if (routing_fill_by_exec_id(s, o->id, c->exec_id))",
     "    else if (!c->exec_id[0] && routing_fill_by_exec_id(s, o->id, c->exec_id))", ["engine_routing_execution_test"],
     r"\[FAIL\] routing_execution::the_same_fill_twice_counts_once"),
    ("repetition_booked_again", "no execution is known by its ExecID when an LP says it again",
     "dataplane/model/routing.c", "        if (f->order == order && memcmp(f->exec_id",
     "        if (f->order != order && memcmp(f->exec_id", SIM,
     r"an execution fits no order: .*execution_beyond_order"),
    ("number_expected_before_its_record", "the expected inbound number moves before the message that has it is committed",
     "dataplane/gateway/inbound.c", "    const struct fix_msg *m = &g->msg;\n    struct gateway_in *rec =\n",
     "    const struct fix_msg *m = &g->msg;\n"
     "    struct gateway_in *early = (void *)record_add(g->ring, RECORD_GATEWAY_IN, (uint32_t)sizeof *early);\n"
     "    early->head.session = a->ch->config.number;\n"
     "    early->generation = a->ch->durable->generation;\n"
     "    early->seq = m->seq;\n"
     "    gateway_record_done(g, &early->head);\n"
     "    gateway_batch_end(g);\n"
     "    ring_commit(g->ring);\n"
     "    gateway_batch_begin(g, NULL, g->now_ns);\n"
     "    struct gateway_in *rec =\n", SIM,
     r'a party is not content: .*"role":"taker".*"unanswered":[1-9]'),
    ("number_taken_before_its_message", "an event is consumed and has its number before the message that it becomes is committed",
     "dataplane/gateway/outbound.c",
     "    gateway_batch_begin(g, item, item->origin_time_ns);\n    struct gateway_out *rec = outbound_add(",
     "    gateway_batch_begin(g, item, item->origin_time_ns);\n"
     "    struct gateway_out *early = (void *)record_add(g->ring, RECORD_GATEWAY_OUT, (uint32_t)sizeof *early);\n"
     "    early->head.session = ch->config.number;\n"
     "    early->generation = ch->durable->generation;\n"
     "    early->seq = ch->durable->next_out;\n"
     "    early->admin = 1;\n"
     "    gateway_record_done(g, &early->head);\n"
     "    gateway_batch_end(g);\n"
     "    ring_commit(g->ring);\n"
     "    gateway_batch_begin(g, NULL, item->origin_time_ns);\n"
     "    struct gateway_out *rec = outbound_add(", SIM,
     r'\d+ fills in the log, \d+ at the LP, \d+ at the taker|a party is not content: .*"role":"taker".*"unanswered":[1-9]'),
]


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)


def copy_tree(source, to):
    """Only what differs is written, so that a second run builds little."""
    files = run(["git", "-C", source, "ls-files", "--cached", "--others", "--exclude-standard"]).stdout.split("\n")
    if len(files) < 10:  # not a repository: everything but what was built
        files = [os.path.relpath(os.path.join(d, f), source) for d, _, names in os.walk(source) for f in names
                 if "/build" not in d]
    for name in filter(None, files):
        a, b = os.path.join(source, name), os.path.join(to, name)
        if not os.path.isfile(a):
            continue
        os.makedirs(os.path.dirname(b), exist_ok=True)
        with open(a, "rb") as f:
            content = f.read()
        if not os.path.exists(b) or open(b, "rb").read() != content:
            shutil.copy(a, b)


def build(work, targets):
    return run(["cmake", "--build", os.path.join(work, "build"), "--target", *targets])


def tried(work, test):
    return run(["timeout", "600", os.path.join(work, "build", "bin", test[0]), *test[1:]], cwd=work)


def verdict_on(result, says):
    """A test that fails for another reason than what was done has not caught it."""
    if result.returncode in (0, USAGE, TIMED_OUT):
        return {0: "LIVES", USAGE: "not tried", TIMED_OUT: "not caught in time"}[result.returncode]
    if not re.search(says, result.stdout):
        print(result.stdout[-3000:])
        return f"fails, but not as it should: no '{says}'"
    return "caught"


def main():
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    source, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    wanted = [m for m in MUTANTS if not sys.argv[3:] or m[0] in sys.argv[3:]]
    tree = os.path.join(work, "tree")
    copy_tree(source, tree)
    made = run(["cmake", "-S", tree, "-B", os.path.join(work, "build"), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"])
    targets = sorted({m[5][0] for m in wanted})
    if made.returncode == 0:
        made = build(work, targets)
    if made.returncode:
        print(made.stdout[-3000:])
        print("the tree itself does not build")
        return 1
    for test in sorted({tuple(m[5]) for m in wanted}):  # of a test that fails anyway a mutant's failure would say nothing
        result = tried(work, test)
        if result.returncode:
            print(f"without any mutant {' '.join(test)} ends with {result.returncode}:\n{result.stdout[-3000:]}")
            return 1
    lived = []
    for name, what, path, text, replacement, test, says in wanted:
        full = os.path.join(tree, path)
        with open(full, encoding="utf-8") as f:
            content = f.read()
        if content.count(text) != 1:
            print(f"{name}: its place in {path} is gone: {text!r}")
            lived.append(name)
            continue
        with open(full, "w", encoding="utf-8") as f:
            f.write(content.replace(text, replacement))
        made = build(work, [test[0]])
        verdict = "does not build"
        if made.returncode == 0:
            verdict = verdict_on(tried(work, test), says)
        else:
            print(made.stdout[-1500:])
        with open(full, "w", encoding="utf-8") as f:
            f.write(content)
        print(f"{name}: {verdict} by {' '.join(test)} ({what})", flush=True)
        if verdict != "caught":
            lived.append(name)
    print(f"{len(wanted) - len(lived)} of {len(wanted)} mutants caught" + (": " + ", ".join(lived) if lived else ""))
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
