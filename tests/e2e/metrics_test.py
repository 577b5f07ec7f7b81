#!/usr/bin/env python3
"""What `rfqctl metrics` shows: held against the exposition format, against the table of families, against what a market
did as its parties and the operator's other views have it; and the dashboard against what is shown.

    metrics_test.py BUILD SOURCE
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Scratch, Sim, wait_until  # noqa: E402
from promtext import Malformed, parse  # noqa: E402

COUNT = 60
LPS = ("lp:name=LP1,ack=b,seed=1", "lp:name=LP2,ack=b,reject=30,seed=2", "lp:name=LP3,silent=50,seed=3",
       "lp:name=LP4,ack=i,partial=60,seed=4")


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got}, expected {wanted}")


def table(source):
    """{name: (type, whether counters show it)} of the rows of families.c."""
    with open(os.path.join(source, "control", "metrics", "families.c"), encoding="utf-8") as f:
        rows = re.findall(r'\{"(rfqd_\w+)",\s*FAMILY_(\w+),\s*"\w*",\s*(\w+),', f.read())
    if len(rows) < 50:
        raise Failure(f"families.c could not be read: {len(rows)} rows")
    types = {"TOTAL": "counter", "GAUGE": "gauge", "HISTOGRAM": "histogram"}
    return {name: (types[kind], draw == "NULL") for name, kind, draw in rows}


def counters(source):
    """The names of all counters, in the sources of all rooms: not every room runs with every configuration."""
    names = set()
    for room in ("dataplane", "storage", "control"):
        for directory, _, files in os.walk(os.path.join(source, room)):
            if os.path.basename(directory) == "metrics":
                files = [f for f in files if f == "tally.c"]
            for name in files:
                if name.endswith(".c"):
                    with open(os.path.join(directory, name), encoding="utf-8") as f:
                        names.update(re.findall(r'"(rfqd_\w+)"', f.read()))
    return names


def follows_the_table(families, source):
    rows = table(source)
    expect("families that are not in the table", sorted(set(families) - set(rows)), [])
    named = counters(source)
    expect("counters that are not in the table", sorted(named - set(rows)), [])
    expect("rows of counters that nobody names", sorted({n for n, (_, is_counter) in rows.items() if is_counter} - named), [])
    expect("rows that show nothing", sorted({n for n, (_, is_counter) in rows.items() if not is_counter} - set(families)), [])
    expect("types", {n: f.type for n, f in families.items()}, {n: rows[n][0] for n in families})
    for family in families.values():
        for (_, labels) in family.samples:
            for key, value in labels:
                if re.fullmatch(r"[RQO][0-9A-F]{12,}", value):
                    raise Failure(f"{family.name} has a label by id: {key}={value}")


def of_the_cores(rfqd, families):
    """As they run, which is not always as they were configured: more that spin than there are CPUs yield."""
    expect("cores", {tuple(sorted(labels)) for (_, labels) in families["rfqd_core_info"].samples},
           {(("agents", " ".join(c["agents"])), ("core", str(c["core"])), ("cpu", ""), ("idle", c["idle"]))
            for c in rfqd.ask("cores")})


def messages(directory, party, kind):
    """Of this type that a taker or LP has sent, by its journal."""
    with open(os.path.join(directory, party + ".journal"), encoding="latin-1") as f:
        return sum(1 for line in f if re.match(rf"\d+ O .*\|35={kind}\|", line))


def of_lps(families, lps):
    for lp in lps:
        name = lp["lp"]
        for family, key in (("rfqd_lp_released_total", "released"), ("rfqd_lp_quotes_total", "quotes"),
                            ("rfqd_lp_wins_total", "wins"), ("rfqd_lp_defaults_total", "defaults"),
                            ("rfqd_lp_open_rfqs", "open_rfqs")):
            expect(f"{family} of {name}", families[family].value(lp=name), lp[key])
        for outcome in ("acknowledged", "rejected", "failed"):
            expect(f"{outcome} of {name}",
                   families["rfqd_lp_sent_total"].value(lp=name, protocol="fix", outcome=outcome), lp[outcome])
        answers = families["rfqd_lp_answers_total"]
        expect(f"answers of {name}", (answers.value(lp=name, answer="quoted"), answers.value(lp=name, answer="declined"),
                                      answers.value(lp=name, answer="none")),
               (lp["quoted"], lp["declined"], lp["no_response"]))
        expect(f"measured answers of {name}", families["rfqd_lp_response_seconds"].value("_count", lp=name),
               lp["quoted"] + lp["declined"] + lp["rejected"])


def of_the_market(rfqd, directory, families, status):
    lps, rfqs, orders = rfqd.ask("lps"), rfqd.ask("rfqs"), rfqd.ask("orders")
    of_lps(families, lps)
    total = {name: f.sum() for name, f in families.items() if f.type != "histogram"}
    expect("RFQs", total["rfqd_rfqs_total"], COUNT)
    expect("RFQs of the taker", families["rfqd_taker_rfqs_total"].value(taker="T1"), COUNT)
    expect("requests received", families["rfqd_fix_received_total"].value(session="T1", type="R"),
           messages(directory, "T1", "R"))
    for state in {r["state"] for r in rfqs}:
        count = sum(r["state"] == state for r in rfqs)
        expect(f"RFQs {state}", families["rfqd_rfqs"].value(state=state), count)
        expect(f"transitions to {state}", families["rfqd_rfq_transitions_total"].value(to=state), count)
    expect("distributions", total["rfqd_distributions_total"], COUNT)
    expect("their durations", families["rfqd_distribution_duration_seconds"].value("_count"),
           families["rfqd_distributions_total"].value(status="success") +
           families["rfqd_distributions_total"].value(status="partial"))
    expect("assignments", total["rfqd_assignments_total"], sum(lp["released"] for lp in lps))
    expect("skipped: LP5 is not there", families["rfqd_assignments_skipped_total"].value(reason="not_connected"), COUNT)
    expect("skipped", total["rfqd_assignments_skipped_total"], COUNT)
    expect("quotes", total["rfqd_quotes_total"], sum(lp["quotes"] for lp in lps))
    expect("quotes received", families["rfqd_fix_received_total"].sum(type="S"),
           total["rfqd_quotes_total"] + total["rfqd_quotes_refused_total"])
    expect("quotes sent", sum(messages(directory, f"LP{i}", "S") for i in range(1, 5)),
           families["rfqd_fix_received_total"].sum(type="S"))
    expect("awards", total["rfqd_awards_total"], sum(lp["wins"] for lp in lps))
    expect("orders", total["rfqd_orders_total"], len(orders))
    expect("orders filled", families["rfqd_orders_ended_total"].value(state="filled"),
           sum(o["state"] == "filled" for o in orders))
    expect("fills", total["rfqd_fills_total"], families["rfqd_entities"].value(agent="routing", table="fills"))
    expect("order to fill", families["rfqd_stage_seconds"].value("_count", stage="order_to_fill"), total["rfqd_fills_total"])
    if total["rfqd_fills_total"] <= len(orders):
        raise Failure("no order was filled in parts: the market is not what it should be")
    expect("sessions up", families["rfqd_sessions"].value(role="lp", state="synced"), 4)
    expect("what session_up has", families["rfqd_fix_session_up"].sum(), 4)
    expect("breaks, spilled counters, lines dropped", (total["rfqd_execution_breaks_total"],
           total["rfqd_counters_spilled_total"], total["rfqd_journal_dropped_total"]), (0, 0, 0))
    expect("the log's end", families["rfqd_log_position_bytes"].value(of="end"), status["log_end"])
    expect("its last record", families["rfqd_log_seq"].value(), status["seq"] - 1)
    if not families["rfqd_store_commit_seconds"].value("_count") or not total["rfqd_store_committed_bytes_total"]:
        raise Failure("the store's commits are not measured")


def dashboard(source, families):
    with open(os.path.join(source, "tools", "conf", "grafana-rfqd.json"), encoding="utf-8") as f:
        board = json.load(f)
    shown = {name for f in families.values() for (name, _) in f.samples}
    shown |= {name for name in table(source) if name.startswith(("rfqd_http_", "rfqd_ws_", "rfqd_api_"))}  # no API here
    rows = [p["title"] for p in board["panels"] if p["type"] == "row"]
    expect("rows", rows, ["Trading", "Sessions", "Latency", "LPs", "Record", "Cores", "Clients"])
    panels = [p for p in board["panels"] if p["type"] != "row"]
    for panel in panels:
        if not panel["targets"]:
            raise Failure(f"panel {panel['title']} shows nothing")
        for target in panel["targets"]:
            used = re.findall(r"rfqd_\w+", target["expr"])
            if not used:
                raise Failure(f"panel {panel['title']}: {target['expr']}")
            expect(f"unknown to rfqd, in panel {panel['title']}", sorted(set(used) - shown), [])
    ids = [p["id"] for p in board["panels"]]
    expect("panels with an id of their own", len(set(ids)), len(ids))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            expect("variables", sorted(set(re.findall(r"rfqd_\w+", variable["query"])) - shown), [])


def ctl_metrics(build, rfqd):
    done = subprocess.run([os.path.join(build, "bin", "rfqctl"), "--socket", rfqd.socket, "metrics"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Failure(f"rfqctl metrics: {done.returncode} {done.stderr}")
    return parse(done.stdout)


def at_one_instant(build, rfqd):
    """The metrics, and the status that they fit: heartbeats go into the log too."""
    def both():
        before, families, after = rfqd.ask("status")[0], ctl_metrics(build, rfqd), rfqd.ask("status")[0]
        return (families, after) if before["log_end"] == after["log_end"] else None
    return wait_until(both, 30, "a moment in which nothing is logged")


def run(build, source, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1", "LP2", "LP3", "LP4", "LP5"),
                     settings="ack_timeout_ms: 300, delivery_attempts_max: 1",
                     cores="[{idle: spin, run: [gateway, log]}, {idle: spin, run: [distribution, routing, control]}]")
    lps = None
    try:
        rfqd.start()
        lps = Sim(build, directory, rfqd, LPS, ("--linger",))
        rfqd.wait_lps(4)
        taker = Sim(build, directory, rfqd, [f"taker:name=T1,accept=x,quotes=2,rate=100,count={COUNT},deadline_ms=1000"])
        code, told = taker.finish(60)
        if code:
            raise Failure(f"the taker misses something: {told}")
        final = {"COMPLETED", "CANCELLED", "REJECTED", "EXPIRED"}
        wait_until(lambda: set(rfqd.ask("status")[0]["rfqs"]) <= final and not any(lp["open_rfqs"] for lp in rfqd.ask("lps")),
                   30, "each RFQ's end")
        wait_until(lambda: rfqd.ask("status")[0]["checkpoint_lag_bytes"] == 0, 30, "the store to have it all")
        families, status = at_one_instant(build, rfqd)
        follows_the_table(families, source)
        of_the_market(rfqd, directory, families, status)
        of_the_cores(rfqd, families)
        dashboard(source, families)
        again = ctl_metrics(build, rfqd)
        expect("families of a second look", list(again), list(families))
        rfqd.process.wait_line("info rfqd: session_up session=LP1 role=lp target=LP1 ", 1)
        rfqd.process.wait_line("warning rfqd: session_down session=T1 role=taker ", 10)
        rfqd.stop()
    finally:
        if lps:
            lps.kill()
        rfqd.clean()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        with Scratch("metrics") as directory:
            run(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), directory)
    except (Failure, Malformed) as failure:
        sys.exit(f"metrics: {failure}")


main()
