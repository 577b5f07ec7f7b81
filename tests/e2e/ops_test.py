#!/usr/bin/env python3
"""Operations against a real rfqd: who may do what, orders to sessions, the log, configuration read again, drain,
checkpoint and copy; each refusal by its exact words and exit code.

    ops_test.py BUILD SOURCE
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Process, Scratch, Sim, wait_until  # noqa: E402
from ctl import FAILED, FINE, FORBIDDEN, USAGE, Ctl, expect, json_rows  # noqa: E402

NOBODY = 65534


def one(ctl, *command):
    rows = json_rows(ctl, *command)
    if len(rows) != 1:
        raise Failure(f"{command}: one row was expected: {rows}")
    return rows[0]


def session(ctl, name):
    return next(r for r in json_rows(ctl, "sessions") if r["session"] == name)


def must(condition, what):
    if not condition:
        raise Failure(what)


def counter(rfqd, name, labels):
    return next((c["value"] for c in rfqd.ask("counters") if c["name"] == name and c["labels"] == labels), None)


# Generated things -----------------------------------------------------------------------------------------------------

def generated(build, source):
    """Man pages in the tree are what the tables make of them."""
    pages = (("rfqctl.1", ["rfqctl", "--man"]), ("rfqd.conf.5", ["rfqd", "--keys=man"]))
    for page, command in pages:
        made = subprocess.run([os.path.join(build, "bin", command[0]), *command[1:]], capture_output=True, text=True,
                              timeout=30)
        with open(os.path.join(source, "tools", "man", page)) as f:
            must(made.returncode == 0 and made.stdout == f.read(),
                 f"tools/man/{page} is not what the table says: {' '.join(command)} > tools/man/{page}")


def complete(ctl, *words):
    result = expect(ctl.run("--complete", "--socket", ctl.path, *words, where=False), FINE)
    return set(result.stdout.split())


def completion(ctl):
    order = json_rows(ctl, "orders")[0]["order"]
    rfq = json_rows(ctl, "rfqs")[0]["rfq"]
    must({"session", "sessions", "snapshot", "status", "stop"} == complete(ctl, "s"), f"{complete(ctl, 's')}")
    must(complete(ctl, "log", "") == {"error", "warning", "info", "debug"}, "levels of the journal")
    must("--json" in complete(ctl, "-"), "options are not completed")
    must(complete(ctl, "session", "") == {"T1", "LP1", "LP2"}, f"sessions: {complete(ctl, 'session', '')}")
    must(complete(ctl, "session", "T1", "") == {"show", "logout", "reset", "seq"}, "what a session can be told")
    must(complete(ctl, "--json", "lp", "LP1") == {"LP1"}, "LPs")
    must(order in complete(ctl, "order", order[:3]), "orders")
    must(rfq in complete(ctl, "rfq", "R") and rfq in complete(ctl, "events", "--rfq", ""), "RFQs")
    must(complete(ctl, "config", "") == {"show", "check", "reload"}, "verbs")
    must(complete(ctl, "config", "check", "") == {":files"} and complete(ctl, "backup", "") == {":dirs"}, "paths")
    must(complete(ctl, "fix", "log", "T") == {"T1"}, "the session of a FIX log")
    must(complete(ctl, "fix", "log", "T1", "--") == {"--follow", "--type", "--from", "--in", "--out"}, "options")
    must(complete(ctl, "rfqs", "COM") == {"COMPLETED"} and complete(ctl, "orders", "fil") == {"filled"}, "states")


# Looking --------------------------------------------------------------------------------------------------------------

def looking(ctl):
    lp = one(ctl, "lp", "LP1")
    must(lp["code"] == "LP1" and lp["session_name"] == "LP1" and lp["status"] == "active" and lp["wins"] >= 0, f"{lp}")
    expect(ctl.run("lp", "LP9"), FAILED, "there is no LP 'LP9'; 'lps' lists them")
    must(json_rows(ctl, "takers")[0]["taker"] == "T1", "takers")
    must(json_rows(ctl, "instruments")[0]["collar_percent"] == "5", "instruments")
    cores = json_rows(ctl, "cores")
    must(sorted(a for c in cores for a in c["agents"]) == ["control", "distribution", "gateway", "log", "routing"],
         f"cores: {cores}")
    must(cores[0]["rounds"] >= cores[0]["busy_rounds"] > 0 and cores[0]["idle"] == "backoff", f"cores: {cores}")
    lanes = json_rows(ctl, "lanes")
    must(sum(q["kind"] == "ring" for q in lanes) == 3 and len(lanes) >= 10, f"rings and lanes: {lanes}")
    must(all(q["from"] and q["to"] and 0 <= q["used_bytes"] <= q["size_bytes"] for q in lanes), f"lanes: {lanes}")
    filled = json_rows(ctl, "orders", "filled")
    must(len(filled) == 3 and not json_rows(ctl, "orders", "rejected"), "orders of one state")
    rows = json_rows(ctl, "order", filled[0]["order"])
    must(rows[0]["what"] == "order" and rows[0]["state"] == "filled" and rows[1]["what"] == "fill", f"order: {rows}")
    expect(ctl.run("order", "X1"), FAILED, "'X1' is no order's id: O and hexadecimal digits")
    expect(ctl.run("order", "OFFFFFFFFFFFF"), FAILED, "there is no order OFFFFFFFFFFFF")
    one(ctl, "session", "T1")
    one(ctl, "session", "T1", "show")
    expect(ctl.run("session", "T9"), FAILED, "there is no session 'T9'; 'sessions' lists them")
    expect(ctl.run("session", "T1", "dance"), USAGE, "show, logout, reset, seq; not 'dance'")
    expect(ctl.run("session"), USAGE, r"usage: session SESSION \[show\]; or: session SESSION logout")
    expect(ctl.run("config"), USAGE, "usage: config show; or: config check FILE; or: config reload")
    of_taker = {r["stage"]: r["count"] for r in json_rows(ctl, "latency", "T1")}
    of_lp = {r["stage"]: r["count"] for r in json_rows(ctl, "latency", "LP1")}
    must(of_taker["frame received → message encoded"] > 0 and "order released → fill" not in of_taker, f"of T1: {of_taker}")
    must(of_lp["RFQ released → quote received"] == 3, f"of LP1: {of_lp}")
    expect(ctl.run("latency", "LP1"), FINE, told=("STAGE",))
    expect(ctl.run("latency", "LP9"), FAILED, "there is no session 'LP9'; 'sessions' lists them")
    expect(ctl.run("latency", "reset"), FINE, told=("the histograms count from here on",))
    must(all(r["count"] == 0 for r in json_rows(ctl, "latency")), "the histograms are not empty")


def top(ctl):
    expect(ctl.run("top", "--frames", "2"), FINE, told=(r"(?s)core 0 .*ring gateway>log.*per second:.*SESSION.*core 0 ",))
    frames = json_rows(ctl, "top", "--frames", "2")
    must(len(frames) == 2 and frames[0]["interval_ns"] > 0, "top --json: a frame each")
    must(0 <= frames[1]["cores"][0]["busy_percent"] <= 100 and frames[1]["per_second"]["log bytes"] >= 0, "top's figures")
    expect(ctl.run("top", "now"), USAGE, "usage: top")


# The log --------------------------------------------------------------------------------------------------------------

def events(ctl, build):
    rows = json_rows(ctl, "events")
    seqs = [r["seq"] for r in rows]
    must(seqs == list(range(1, len(seqs) + 1)), "not every record of the log is there once, in order")
    created = json_rows(ctl, "events", "--type", "RFQ_CREATED")
    must(len(created) == 3 and {r["type"] for r in created} == {"RFQ_CREATED"}, f"events of a type: {created}")
    rfq = created[1]["rfq"]
    about = json_rows(ctl, "events", "--rfq", rfq)
    must(about and {r["rfq"] for r in about} == {rfq} and about[0]["seq"] == created[1]["seq"], "events about an RFQ")
    middle = seqs[len(seqs) // 2]
    must(json_rows(ctl, "events", "--from", str(middle))[0]["seq"] == middle, "events from a number on")
    expect(ctl.run("events", "--type", "RFQ_EATEN"), FAILED, "'RFQ_EATEN' is no type of record")
    expect(ctl.run("events", "--rfq", "17"), FAILED, "'17' is no RFQ's id")
    expect(ctl.run("events", "--from", "0"), FAILED, "'0' is no record's number: they count from 1")
    expect(ctl.run("events", "--type"), USAGE, "--type needs a value")
    expect(ctl.run("events", "--in"), USAGE, "no option '--in'")
    expect(ctl.run("events"), FINE, told=("RFQ_CREATED", "GATEWAY_SESSION_STATE"))
    follower = subprocess.Popen([os.path.join(build, "bin", "rfqctl"), "--socket", ctl.path, "--json", "events", "--follow",
                                 "--from", str(middle)], stdout=subprocess.PIPE, text=True)
    try:
        must(json.loads(follower.stdout.readline())["seq"] == middle, "what is followed begins elsewhere")
        must(follower.poll() is None, "--follow ended by itself")
    finally:
        follower.kill()
        follower.wait()
        follower.stdout.close()


def slow_client(rfqd, ctl):
    """Who does not read is waited for, and holds up nobody else."""
    with socket.socket(socket.AF_UNIX) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(60)
        s.connect(rfqd.socket)
        s.sendall(b"events\n" * 40)
        wait_until(lambda: counter(rfqd, "rfqd_ops_jobs", "") == 1, 30, "the log to be read on a thread")
        for _ in range(20):
            one(ctl, "status")
        ends, text = 0, b""
        with s.makefile("rb") as lines:
            for line in lines:
                ends += line.startswith(b'{"end":true}')
                text = line
                if ends == 40:
                    return
    raise Failure(f"{ends} answers of 40 came whole: {text}")


def fix_log(ctl):
    rows = json_rows(ctl, "fix", "log", "T1")
    must(rows[0]["direction"] == "in" and rows[0]["name"] == "Logon" and rows[0]["number"] == 1, f"{rows[0]}")
    for way in ("in", "out"):
        mine = [r for r in rows if r["direction"] == way]
        must([r["number"] for r in mine] == list(range(1, len(mine) + 1)), f"not every message {way} is there once")
        only = json_rows(ctl, "fix", "log", "T1", f"--{way}")  # heartbeats may have come meanwhile
        must(only[:len(mine)] == mine and {r["direction"] for r in only} == {way}, f"those {way} only")
    reports = json_rows(ctl, "fix", "log", "T1", "--type", "ExecutionReport")
    must(reports == json_rows(ctl, "fix", "log", "T1", "--type", "8") and reports, "a type by name and by letter")
    fields = {f["name"]: f for f in reports[-1]["fields"]}
    must(fields["OrdStatus"]["value"] == "2" and "meaning" in fields["OrdStatus"] and "FILLED" in reports[-1]["text"].upper(),
         f"tag names and meanings: {reports[-1]}")
    expect(ctl.run("fix", "log", "T1"), FINE, told=(r"\d\.\d{9}  " + str(rows[0]["seq"]) + r"  in +1  Logon ", "QuoteRequest .*Symbol=EURUSD"))
    expect(ctl.run("fix", "log", "T9"), FAILED, "there is no session 'T9'")
    expect(ctl.run("fix", "log", "T1", "--type", "ZZZ"), FAILED, "'ZZZ' is no type of FIX message")
    expect(ctl.run("fix", "log"), USAGE, "usage: fix log SESSION")


def who_goes_at_once(rfqd, ctl):
    """What an agent was asked for is done without who asked; nothing stays taken by one who has gone."""
    for request in ("snapshot", "events --follow", "config reload", "drain"):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(rfqd.socket)
            s.sendall(request.encode() + b"\n")
    wait_until(lambda: one(ctl, "status")["draining"] == "yes", 30, "a drain that nobody waits for")
    must(not one(ctl, "drain", "off")["draining"], "drain off")
    wait_until(lambda: ctl.run("config", "reload").returncode == FINE, 30, "a reload after one that nobody waits for")
    wait_until(lambda: counter(rfqd, "rfqd_ops_jobs", "") == 0, 30, "threads that nobody waits for to end")


# The journal ----------------------------------------------------------------------------------------------------------

def journal(rfqd, ctl):
    """Its level, by an order and by the configuration; drain() sees that what is said at debug is said."""
    with open(rfqd.config) as f:
        text = f.read()
    must(one(ctl, "log") == {"level": "info", "configured": "info", "dropped": 0}, "the level of the journal")
    must(one(ctl, "log", "error")["level"] == "error", "log error")
    expect(ctl.run("log", "loud"), FAILED, "'loud' is none of: error, warning, info, debug")
    with open(rfqd.config, "w") as f:
        f.write(text + "log: {level: debug}\n")
    changed = json_rows(ctl, "config", "reload")[0]
    must((changed["key"], changed["was"], changed["is"], changed["changes"]) == ("log.level", "info", "debug", "now"),
         f"a level in the configuration: {changed}")
    must(one(ctl, "log")["level"] == "debug", "a reload sets the level")


# Levels ---------------------------------------------------------------------------------------------------------------

def levels(rfqd, ctl, of_group):
    """As a user that is neither root nor rfqd's, in its group and not."""
    if os.geteuid() != 0:
        return
    os.chmod(rfqd.shared, 0o755)
    os.chmod(rfqd.socket, 0o666)
    with tempfile.TemporaryDirectory(prefix="rfqd-levels-") as build:  # the tree may be where nobody else may look
        os.chmod(build, 0o755)
        os.makedirs(os.path.join(build, "bin"))
        shutil.copy(ctl.program, os.path.join(build, "bin"))
        levels_of(rfqd, Ctl(build, ctl.path), of_group)


def levels_of(rfqd, ctl, of_group):
    def member(*command):
        return ctl.run(*command, user=NOBODY, group=os.getegid(), extra_groups=[])

    expect(ctl.run("status", user=NOBODY, group=NOBODY, extra_groups=[]), FORBIDDEN,
           f"user {NOBODY} is no operator: neither root, nor the user of rfqd, nor admitted by its group")
    expect(ctl.run("status", user=NOBODY, group=NOBODY, extra_groups=[os.getegid()]), FINE, told=(f"your_level +{of_group}",))
    expect(member("status"), FINE, told=(f"your_level +{of_group}",))
    expect(member("log"), FINE, told=("level +info", "configured +info"))
    if of_group == "read":
        expect(member("log", "debug"), FORBIDDEN, "'log' takes level operate, and yours is read")
        expect(member("snapshot"), FORBIDDEN, "'snapshot' takes level operate, and yours is read")
        expect(member("stop"), FORBIDDEN, "'stop' takes level operate, and yours is read")
    else:
        expect(member("snapshot"), FINE)
    expect(member("session", "T1", "reset"), FORBIDDEN, f"'session reset' takes level admin, and yours is {of_group}")
    expect(member("config", "reload"), FORBIDDEN, f"'config reload' takes level admin, and yours is {of_group}")
    must(counter(rfqd, "rfqd_ops_refused_total", 'reason="level"') == (5 if of_group == "read" else 2), "levels are counted")
    must(counter(rfqd, "rfqd_ops_refused_total", 'reason="forbidden"') == 1, "strangers are counted")


# Sessions -------------------------------------------------------------------------------------------------------------

def orders_to_sessions(rfqd, ctl, parties):
    expect(ctl.run("session", "LP2", "reset"), FAILED, "session 'LP2' is connected: numbers are set while it is down")
    done = one(ctl, "session", "LP2", "logout", "until", "tomorrow")
    must(done["done"] == "logged out", f"logout: {done}")
    rfqd.process.wait_line('info rfqd: session_down session=LP2 .* reason="an operator logged it out: until tomorrow"', 30)
    logout = json_rows(ctl, "fix", "log", "LP2", "--type", "Logout", "--out")
    must(len(logout) == 1 and "until tomorrow" in logout[0]["text"], f"the Logout: {logout}")
    downs = [r for r in json_rows(ctl, "events", "--type", "GATEWAY_SESSION_STATE") if '"down"' in json.dumps(r["record"])]
    must(downs, "that LP2 went down is not in the log")
    parties.kill()
    wait_until(lambda: all(s["state"] == "down" for s in json_rows(ctl, "sessions")), 30, "all sessions down")
    expect(ctl.run("session", "LP2", "logout"), FAILED, "session 'LP2' is not logged on: there is nobody to log out")
    generation = session(ctl, "LP2")["generation"]
    done = one(ctl, "session", "LP2", "reset")
    must((done["generation"], done["next_in"], done["next_out"]) == (generation + 1, 1, 1), f"reset: {done}")
    done = one(ctl, "session", "T1", "seq", "17", "4711")
    must((done["next_in"], done["next_out"]) == (17, 4711), f"seq: {done}")
    must((session(ctl, "T1")["next_in"], session(ctl, "T1")["next_out"]) == (17, 4711), "the replica has them")
    must(len(json_rows(ctl, "events", "--type", "GATEWAY_SESSION_RESET")) == 1, "the reset is in the log")
    numbers = json_rows(ctl, "events", "--type", "GATEWAY_SESSION_NUMBERS")
    must(len(numbers) == 1 and numbers[0]["record"]["next_out"] == 4711, f"the numbers are in the log: {numbers}")
    expect(ctl.run("session", "T1", "seq", "0", "1"), FAILED, "'0' is no sequence number: 1 to 999999999")
    expect(ctl.run("session", "T1", "seq", "1", "x"), FAILED, "'x' is no sequence number")
    expect(ctl.run("session", "T1", "seq", "1"), USAGE, "usage: session")
    expect(ctl.run("session", "T9", "reset"), FAILED, "there is no session 'T9'")
    for command, arguments, outcome in (
            ("session", '"LP2 logout until tomorrow"', "done"), ("session", '"LP2 reset"', "connected"),
            ("session", '"LP2 reset"', "done"), ("session", '"T1 seq 17 4711"', "done"), ("session", '"T1 seq 0 1"', "bad_number")):
        rfqd.process.wait_line(f"info rfqd: command uid={os.geteuid()} command={command} arguments={arguments} outcome={outcome}", 30)
    rfqd.kill9()
    rfqd.start()
    must((session(ctl, "T1")["next_in"], session(ctl, "T1")["next_out"]) == (17, 4711), "numbers outlive a kill -9")
    one(ctl, "session", "T1", "reset")
    one(ctl, "session", "LP1", "reset")
    expect(ctl.run("verify"), FINE, told=("equal +true",))


# Configuration --------------------------------------------------------------------------------------------------------

def rewrite(rfqd, *changes):
    with open(rfqd.config) as f:
        text = f.read()
    for was, now in changes:
        must(was in text, f"the configuration has no {was}")
        text = text.replace(was, now)
    with open(rfqd.config, "w") as f:
        f.write(text)


def configuration(rfqd, ctl, directory):
    values = {(r["key"], r["entry"]): r["value"] for r in json_rows(ctl, "config", "show")}
    must(values["settings.ack_timeout_ms", ""] == "5000" and values["lps.status", "LP1"] == "active"
         and values["cores.run", "0"] == "gateway, distribution, routing, log, control", "config show")
    expect(ctl.run("config", "check", rfqd.config), FINE, told=("verdict +fine",))
    expect(ctl.run("config", "check", "rfqd.yaml"), FAILED, "'rfqd.yaml' is not an absolute path; it is read on rfqd's host")
    bad = os.path.join(directory, "bad.yaml")
    with open(bad, "w") as f:
        f.write("instance: [\n")
    expect(ctl.run("config", "check", bad), FAILED, f"1 error in {re.escape(bad)}; nothing was changed",
           told=(f"{re.escape(bad)}:",))
    with open(rfqd.config) as f:
        good = f.read()

    def refused(changes, *said):
        rewrite(rfqd, *changes)
        seq = one(ctl, "status")["seq"]
        expect(ctl.run("config", "reload"), FAILED, "nothing was changed", told=said)
        must(one(ctl, "status")["seq"] == seq, "a refused file left records")
        with open(rfqd.config, "w") as f:
            f.write(good)

    refused([("settings: {", "settings: {ack_timeout_ms: 1, retry_first_ms: x, ")],
            "'ack_timeout_ms': '1' is out of range", "'retry_first_ms': 'x' is not a whole number")
    refused([("{code: LP2, session: LP2,", "{code: LP2, session: LP3,")], "there is no session 'LP3'")
    refused([("cores:", "token_keys: [{id: k, algorithm: HS256, file: /none}]\ncores:")],
            r"token key 'k': file: /none: No such file")
    # By itself the file is fine: but its tenants and users are those of the start until a restart.
    refused([("{code: T1, session: T1}", "{code: T1, session: T1, tenant: 1}"), ("north, number: 0", "north, number: 1")],
            "user 'T1' is of tenant 0, the taker of this code of tenant 1")
    nothing = one(ctl, "config", "reload")
    must((nothing["now"], nothing["at_a_restart"]) == (0, 0), f"a file that says the same: {nothing}")
    rewrite(rfqd, ("settings: {rfqs_max: 4096", "settings: {ack_timeout_ms: 4000, rfqs_max: 5000"),
            ("symbol: EURUSD,", "symbol: EURUSD, tick: 0.0001,"),
            ("collar_percent: 5}]", "collar_percent: 5}, {symbol: GBPUSD}]"),
            ("{code: LP2, session: LP2,", "{code: LP2, session: LP2, status: suspended,"),
            ("{code: LP1, session: LP1,", "{code: LPX, session: LP1,"))
    rows = json_rows(ctl, "config", "reload")
    changes = {(r["key"], r["entry"]): r for r in rows[:-1]}
    timeout = changes["settings.ack_timeout_ms", ""]
    must((timeout["was"], timeout["is"], timeout["changes"]) == ("5000", "4000", "now"), f"what changed: {rows}")
    must(changes["settings.rfqs_max", ""]["changes"] == "at a restart", f"what takes a restart: {rows}")
    must(rows[-1]["at_a_restart"] == 1 and rows[-1]["now"] == len(rows) - 2, f"{rows[-1]}")
    must(one(ctl, "lp", "LP2")["status"] == "suspended" and one(ctl, "lp", "LPX")["session_name"] == "LP1", "LPs")
    must(one(ctl, "lp", "LP1")["status"] == "inactive", "an LP that is not named any more is inactive")
    ticks = {r["symbol"]: r["tick"] for r in json_rows(ctl, "instruments")}
    must(ticks == {"EURUSD": "0.0001", "GBPUSD": "0"}, f"instruments: {ticks}")
    must({r["key"]: r["value"] for r in json_rows(ctl, "config", "show")}["settings.rfqs_max"] == "4096",
         "what takes a restart is shown as though it were in force")
    must(len(json_rows(ctl, "events", "--type", "ROUTING_SETTINGS_SET")) == 2, "routing has the settings too")
    with open(rfqd.config, "w") as f:
        f.write(good)
    one_more = json_rows(ctl, "config", "reload")[-1]
    must(one_more["at_a_restart"] == 0 and one(ctl, "lp", "LP1")["status"] == "active", f"and back: {one_more}")


def hangup(rfqd, ctl):
    """SIGHUP is `config reload` by a hand that sees no answer: the journal has it, and nobody is logged out."""
    up = {r["session"] for r in json_rows(ctl, "sessions") if r["state"] == "synced"}
    must(up == {"LP1", "LP2", "T1"}, f"sessions that are up: {up}")
    with open(rfqd.config) as f:
        good = f.read()

    def hang_up(event):
        before = len(rfqd.process.lines)
        rfqd.process.signal(signal.SIGHUP)
        return wait_until(lambda: [line for line in rfqd.process.lines[before:] if line is None or event in line], 30, event)[0]

    with open(rfqd.config, "a") as f:
        f.write("log: {level: debug}\n")
    said = hang_up("config_reloaded")
    must(said and f"info rfqd: config_reloaded file={rfqd.config} now=1 at_a_restart=0" in said, f"said: {said}")
    must(one(ctl, "log")["level"] == "debug", "what the file says is in force")
    rewrite(rfqd, ("level: debug", "level: error"), ("settings: {", "settings: {ack_timeout_ms: 1, "))
    rfqd.process.wait_line("info rfqd: command signal=SIGHUP command=config arguments=reload outcome=done", 30)
    said = hang_up("config_refused")
    must(said and "warning rfqd: config_refused" in said and "1 error in" in said, f"said: {said}")
    must(any("config_error" in line and "'ack_timeout_ms': '1' is out of range" in line for line in rfqd.process.lines if line),
         "the error itself is not said")
    must(one(ctl, "log")["level"] == "debug", "a refused file changed something")
    for _ in range(20):
        rfqd.process.signal(signal.SIGHUP)  # they may be one
    wait_until(lambda: sum("config_refused" in line for line in rfqd.process.lines if line) >= 2, 30, "the next one")
    with open(rfqd.config, "w") as f:
        f.write(good)
    wait_until(lambda: ctl.run("config", "reload").returncode == FINE, 30, "a reload after those")
    must({r["session"] for r in json_rows(ctl, "sessions") if r["state"] == "synced"} == up, "somebody was logged out")
    wait_until(lambda: counter(rfqd, "rfqd_ops_jobs", "") == 0, 30, "the end of all jobs")


# Checkpoint, copy, drain ----------------------------------------------------------------------------------------------

def copies(rfqd, ctl, directory):
    before = one(ctl, "status")
    must(one(ctl, "snapshot")["log_offset"] >= before["log_durable"] - before["replica_lag_bytes"], "a checkpoint is behind")
    to = os.path.join(directory, "copy")
    report = one(ctl, "backup", to)
    must(report["store_bytes"] > 0 and report["segments"] >= 1, f"backup: {report}")
    must(sorted(os.listdir(to)) == ["instance", "log", "store"], f"the copy: {os.listdir(to)}")
    expect(ctl.run("backup", to), FAILED, re.escape(to))
    expect(ctl.run("backup", "here"), FAILED, "'here' is not an absolute path")


def on_a_live_session(rfqd, ctl):
    """An LP that a reload puts on a session that is up is up itself."""
    wait_until(lambda: session(ctl, "LP1")["state"] == "synced", 30, "LP1 in sync")
    rewrite(rfqd, ("{code: LP1, session: LP1,", "{code: LPY, session: LP1,"))
    one_of = {r["entry"]: r for r in json_rows(ctl, "config", "reload")[:-1]}
    must(set(one_of) == {"LP1", "LPY"} and one_of["LPY"]["changes"] == "now", f"one gone, one new: {one_of}")
    states = {r["lp"]: (r["status"], r["session_state"]) for r in json_rows(ctl, "lps")}
    must(states["LPY"] == ("active", "synced") and states["LP1"][0] == "inactive", f"LPs: {states}")


def drain(build, rfqd, ctl, directory):
    """No new RFQs; then, with nothing alive, the end."""
    done = one(ctl, "drain")
    must(done["draining"] and not done["then_stops"], f"drain: {done}")
    must(one(ctl, "status")["draining"] == "yes", "status does not say so")
    seq = one(ctl, "status")["seq"]
    journals = os.path.join(directory, "drained")
    os.mkdir(journals)
    parties = Sim(build, journals, rfqd, ["lp:name=LP1", "lp:name=LP2", "taker:name=T1,count=5,start_ms=1000"], ("--linger",))
    try:
        rfqd.process.wait_line("debug rfqd: session_synced", 30)
        # The first three are known from before, and are refused as such.
        refused = wait_until(lambda: [r for r in json_rows(ctl, "events", "--type", "REQUEST_REFUSED")
                                      if r["record"]["reason"] == "draining"], 30, "a request refused by the drain")
        must("no new RFQs are taken: the appliance is being drained" in refused[0]["text"], f"{refused}")
        must(not json_rows(ctl, "events", "--type", "RFQ_CREATED", "--from", str(seq)), "a drain took an RFQ")
        must(not one(ctl, "drain", "off")["draining"], "drain off")
        must(one(ctl, "status")["draining"] == "no", "status does not say so")
        drains = json_rows(ctl, "events", "--type", "DISTRIBUTION_DRAIN")
        must([d["record"]["draining"] for d in drains] == 2 * [True, False], f"in the log: {drains}")
        on_a_live_session(rfqd, ctl)
        must(one(ctl, "drain", "stop")["then_stops"], "drain stop")
        rfqd.process.wait_line(f"info rfqd: command uid={os.geteuid()} command=drain arguments=stop outcome=done", 30)
        must(rfqd.process.wait(60) == 0, "rfqd did not end after its drain")
        rfqd.process.wait_line('info rfqd: session_down session=T1 .* reason="planned stop"', 1)
    finally:
        parties.kill()
    rfqd.start()
    must(one(ctl, "status")["draining"] == "no", "a start takes RFQs again")


def taken_port(build, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1",))
    try:
        with socket.socket() as s:
            s.bind(("127.0.0.1", rfqd.port))
            s.listen(1)
            process = Process([rfqd.rfqd, rfqd.config])
            process.wait_line(f'error rfqd: failed what=start why="gateway: cannot listen on 127.0.0.1:{rfqd.port}: Address already in use"', 60)
            must(process.wait(30) == 1, "it did not end by itself")
    finally:
        rfqd.clean()


def run(build, directory, of_group):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1", "LP2"),
                     extra="tenants: [{name: north, number: 0}]\nusers: [{name: T1, tenant: north}]\n")
    rewrite(rfqd, ("level: committed", f"level: committed\nops_group: {of_group}"))
    parties = None
    try:
        rfqd.start()
        ctl = Ctl(build, rfqd.socket)
        if of_group == "read":
            levels(rfqd, ctl, of_group)
            return
        journals = os.path.join(directory, "journals")
        os.mkdir(journals)
        parties = Sim(build, journals, rfqd, ["lp:name=LP1", "lp:name=LP2", "taker:name=T1,count=3,quotes=2,start_ms=1000"],
                      ("--linger",))
        wait_until(lambda: sum(r["state"] == "COMPLETED" for r in json_rows(ctl, "rfqs")) == 3, 60, "three fills")
        levels(rfqd, ctl, of_group)
        looking(ctl)
        top(ctl)
        completion(ctl)
        events(ctl, build)
        slow_client(rfqd, ctl)
        fix_log(ctl)
        copies(rfqd, ctl, directory)
        hangup(rfqd, ctl)
        orders_to_sessions(rfqd, ctl, parties)
        configuration(rfqd, ctl, directory)
        who_goes_at_once(rfqd, ctl)
        journal(rfqd, ctl)
        drain(build, rfqd, ctl, directory)
        rfqd.stop()
    finally:
        if parties:
            parties.kill()
        rfqd.clean()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        generated(sys.argv[1], sys.argv[2])
        with Scratch("ops") as directory:
            taken_port(sys.argv[1], directory)
        for of_group in ("read", "operate"):
            with Scratch("ops") as directory:
                run(sys.argv[1], directory, of_group)
    except Failure as failure:
        sys.exit(f"ops: {failure}")


main()
