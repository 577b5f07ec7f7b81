#!/usr/bin/env python3
"""rfqctl's contract: exit codes, errors that name what and the remedy, tables and JSON; against a real rfqd, and
against a made-up one that misbehaves.

    rfqctl_test.py BUILD SOURCE
"""

import json
import os
import re
import shutil
import socket
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Scratch, Sim, wait_until  # noqa: E402
from ctl import FAILED, FINE, FORBIDDEN, UNREACHABLE, USAGE, Ctl, expect, json_rows  # noqa: E402

class Pretender(threading.Thread):
    """An ops socket that gives one fixed answer to whatever is asked, then closes."""

    def __init__(self, path, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(self.answer)
        self.listener.close()


def nobody_there(build, directory):
    path = os.path.join(directory, "none.sock")
    ctl = Ctl(build, path)
    expect(ctl.run("status"), UNREACHABLE, re.escape(path), "No such file", "is rfqd running", "--socket")
    expect(ctl.run(), UNREACHABLE, "cannot reach rfqd")
    expect(ctl.run("statsu"), USAGE, "no command 'statsu'", "did you mean 'status'")
    expect(ctl.run("--nonsense"), USAGE, "no option '--nonsense'")
    expect(ctl.run("status", "--socket"), USAGE, "--socket needs a path")
    expect(ctl.run("rfq", "two words"), USAGE, "no argument")
    expect(ctl.run("--help"), FINE, told=("usage: rfqctl", "Exit: 0 fine"))
    expect(ctl.run("status", where=False, environment={"RFQD_SOCKET": path}), UNREACHABLE, re.escape(path))
    expect(ctl.run("status", "--dir", directory, where=False), UNREACHABLE, re.escape(f"{directory}/ops.sock"))
    stale = os.path.join(directory, "stale.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(stale)
        expect(Ctl(build, stale).run("status"), UNREACHABLE, "Connection refused", "left over")
    expect(Ctl(build, "/" + "x" * 200).run("status"), UNREACHABLE, "too long")
    version = expect(ctl.run("--version", where=False), FINE)
    if not re.fullmatch(r"rfqctl \d+\.\d+\.\d+\n", version.stdout):
        raise Failure(f"--version: {version.stdout!r}")


def not_allowed(build, directory):
    """A socket that others may not connect to."""
    if os.geteuid() != 0:
        return
    path = os.path.join(directory, "closed.sock")
    with tempfile.TemporaryDirectory(prefix="rfqctl-") as copy, socket.socket(socket.AF_UNIX) as s:
        os.chmod(copy, 0o755)
        os.makedirs(os.path.join(copy, "bin"))
        shutil.copy(os.path.join(build, "bin", "rfqctl"), os.path.join(copy, "bin"))
        os.chmod(directory, 0o755)
        s.bind(path)
        s.listen(1)
        os.chmod(path, 0o600)
        expect(Ctl(copy, path).run("status", user=65534, group=65534, extra_groups=[]), FORBIDDEN,
               "Permission denied", "a member of its group")


def token(build, directory):
    key = os.path.join(directory, "secret")
    with open(key, "w") as f:
        f.write("s" * 32)
    wish = ("token", "--key", key, "--kid", "k", "--user", "ann", "--tenant", "north", "--role", "trader")
    ctl = Ctl(build, "none")
    plain = expect(ctl.run(*wish), FINE).stdout
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", plain):
        raise Failure(f"a token: {plain!r}")
    rows = json_rows(ctl, *wish)
    if len(rows) != 1 or list(rows[0]) != ["token"] or rows[0]["token"].split(".")[0] != plain.split(".")[0]:
        raise Failure(f"token --json: {rows}")


def doctor(build, directory):
    """Of a made-up host's /sys and /proc: well set up, then not."""
    good = {"sys/devices/system/cpu/isolated": "2-7\n", "sys/devices/system/cpu/nohz_full": "2-7\n",
            "sys/devices/system/cpu/smt/active": "0\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
            "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
            "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu constant_tsc nonstop_tsc\n",
            "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n", "proc/sys/kernel/io_uring_disabled": "0\n",
            "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n"}
    bad = {"sys/devices/system/cpu/isolated": "\n", "sys/devices/system/cpu/nohz_full": " (null)\n",
           "sys/devices/system/cpu/smt/active": "1\n",
           "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
           "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
           "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
           "proc/cpuinfo": "flags\t\t: fpu hypervisor constant_tsc\n",
           "proc/swaps": "Filename\n/dev/sda2\tpartition\n", "proc/sys/kernel/io_uring_disabled": "2\n",
           "proc/sys/kernel/osrelease": "5.10.0\n"}
    ctl = Ctl(build, os.path.join(directory, "none.sock"))
    for name, files, verdict in (("good", good, "fine"), ("bad", bad, "look")):
        root = os.path.join(directory, name)
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as f:
                f.write(text)
        rows = [r for r in json_rows(ctl, "doctor", root) if r["check"] not in ("huge pages", "NIC")]  # have their own test
        wrong = [r for r in rows if r["verdict"] != verdict or (verdict == "look") != bool(r["remedy"])]
        if wrong or len(rows) < len(files):
            raise Failure(f"doctor of a {name} host: {wrong or rows}")
    expect(ctl.run("doctor"), FINE, told=("CHECK +VERDICT", "clock source"))
    expect(ctl.run("doctor", "a", "b"), USAGE, "usage: doctor")


def doctor_of_pages_and_nics(build, directory):
    """Huge pages of each size, and each NIC that has hardware, by its name."""
    pages, nics = "sys/kernel/mm/hugepages/hugepages-{}kB", "sys/class/net/{}"

    def host(name, sizes, cards):
        root = os.path.join(directory, name)
        for size, reserved, free in sizes:
            at = os.path.join(root, pages.format(size))
            os.makedirs(at)
            for file, number in (("nr_hugepages", reserved), ("free_hugepages", free)):
                with open(os.path.join(at, file), "w") as f:
                    f.write(f"{number}\n")
        for card, driver, speed in cards:
            at = os.path.join(root, nics.format(card))
            os.makedirs(os.path.join(at, "device") if driver else at)
            if driver:
                os.symlink(f"../../../../bus/pci/drivers/{driver}", os.path.join(at, "device/driver"))
            with open(os.path.join(at, "speed"), "w") as f:
                f.write(f"{speed}\n")
        os.makedirs(root, exist_ok=True)
        rows = json_rows(Ctl(build, os.path.join(directory, "none.sock")), "doctor", root)
        return {r["check"]: (r["found"], r["verdict"]) for r in rows if r["check"] == "huge pages" or "NIC" in r["check"]}

    for name, sizes, cards, wanted in (
            ("fast", ((2048, 512, 100), (1048576, 4, 0)), (("eth0", "mlx5_core", 25000), ("lo", None, 0)),
             {"huge pages": ("4 of 1048576 KiB reserved, 0 free; 512 of 2048 KiB reserved, 100 free", "fine"),
              "driver of NIC eth0": ("mlx5_core", "fine"), "speed of NIC eth0": ("25000 Mbit/s", "fine")}),
            ("slow", ((2048, 512, 0),), (("eth0", "e1000", 1000), ("eth1", "ice", 10000), ("eth2", "virtio_net", -1)),
             {"huge pages": ("512 of 2048 KiB reserved, 0 free", "look"),
              "driver of NIC eth0": ("e1000", "look"), "speed of NIC eth0": ("1000 Mbit/s", "look"),
              "driver of NIC eth1": ("ice", "fine"), "speed of NIC eth1": ("10000 Mbit/s", "fine"),
              "driver of NIC eth2": ("virtio_net", "look"),
              "speed of NIC eth2": ("not said: no link, or a virtual NIC", "look")}),
            ("bare", ((2048, 0, 0),), (("lo", None, 0),),
             {"huge pages": ("none reserved", "look"), "NIC": ("none with hardware behind it", "look")})):
        got = host(name, sizes, cards)
        if got != wanted:
            raise Failure(f"doctor of a {name} host: {got}, not {wanted}")


def misbehaving(build, directory):
    end = b'{"end":true}\n'
    cases = (
        (b'{"a":1}\n', UNREACHABLE, "closed the connection in the middle"),
        (b"", UNREACHABLE, "closed the connection"),
        (b"no JSON\n" + end, UNREACHABLE, "no JSON"),
        (b'{"end":true\n', UNREACHABLE, "no JSON"),
        (b'{"end":true,"error":"the store is gone","code":"store"}\n', FAILED, "the store is gone"),
    )
    for i, (answer, code, said) in enumerate(cases):
        path = os.path.join(directory, f"bad{i}.sock")
        Pretender(path, answer)
        expect(Ctl(build, path).run("sessions"), code, said)
    # No peer talks to the operator's terminal: control characters, C0 and C1, are not printed.
    path = os.path.join(directory, "hostile.sock")
    row = json.dumps({"session": "\x1b[2J\x07\u009b31mevil\u00e9", "role": "lp", "next_in": 7}).encode()
    Pretender(path, row + b"\n" + end)
    result = expect(Ctl(build, path).run("sessions"), FINE, told=("evil\u00e9", r"\b7\b"))
    if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout):
        raise Failure(f"control characters were printed: {result.stdout!r}")
    # At a glance: what is wrong with log and store.
    path = os.path.join(directory, "ill.sock")
    Pretender(path, b'{"instance":"i","accepting":"yes","draining":"yes, then it stops","store_error":"disk\\u001b full",'
                    b'"replica":"equal"}\n' + end)
    expect(Ctl(build, path).run(), UNREACHABLE, told=(r"(?m)^the store has failed: disk.? full$", r"(?m)^draining: yes, then it stops$"))
    # A command that this rfqctl has no table for is shown all the same.
    path = os.path.join(directory, "newer.sock")
    Pretender(path, b'{"circuit":"LP1","state":"open"}\n' + end)
    expect(Ctl(build, path).run("circuits"), FINE, told=("circuit +LP1", "state +open"))


def without_arguments(source):
    """Every command that needs none, a verb at most, but those that end rfqd: as lists of words."""
    with open(os.path.join(source, "control/ops/command_list.h")) as f:
        text = f.read()
    rows = re.findall(r'X\(\w+, "(\w+)", (?:NULL|"(\w+)"), \d, "[^"]*", (\d+), ', text)
    if len(rows) != len(re.findall(r"^    X\(\w+, \"", text.split("OPS_LOCAL_LIST")[0], re.M)):
        raise Failure(f"not every row of command_list.h is understood: {rows}")
    words = [[word for word in row[:2] if word] for row in rows if int(row[2]) <= bool(row[1])]
    return [w for w in words if w not in (["stop"], ["drain", "stop"])]


def each_in_json(ctl, source):
    commands = without_arguments(source)
    if len(commands) < 20:
        raise Failure(f"few commands: {commands}")
    for words in commands:
        if not all(isinstance(row, dict) for row in json_rows(ctl, *words)):
            raise Failure(f"{words} --json: not an object a line")


def real(build, directory, source):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1", "LP2"))
    parties = None
    try:
        rfqd.start()
        ctl = Ctl(build, rfqd.socket)
        journals = os.path.join(directory, "journals")
        os.mkdir(journals)
        parties = Sim(build, journals, rfqd,
                      ["lp:name=LP1,partial=100", "lp:name=LP2", "taker:name=T1,count=3,quotes=2,start_ms=1000"],
                      ("--linger",))
        wait_until(lambda: sum(r["state"] == "COMPLETED" for r in json_rows(ctl, "rfqs")) == 3, 30, "three fills")

        tables = {"status": r"accepting +yes", "sessions": r"SESSION +ROLE +STATE", "lps": r"LP +STATUS",
                  "rfqs": r"CREATED +RFQ +TAKER", "orders": r"ORDER +RFQ +CLORDID", "latency": r"P50 +P90 +P99",
                  "counters": r"rfqd_log_frames_total", "workflow": r"DRAFT", "help": r"status",
                  "verify": r".", "takers": r"TAKER +SESSION", "instruments": r"SYMBOL +CURRENCY",
                  "cores": r"CORE +CPU +IDLE +BUSY", "lanes": r"gateway +distribution +request"}
        for command, told in tables.items():
            expect(ctl.run(command), FINE, told=(told,))
            if not json_rows(ctl, command):
                raise Failure(f"{command} --json says nothing")
        expect(ctl.run("workflow", "dot"), FINE, told=("digraph",))
        expect(ctl.run(), FINE, told=("sessions 3/3 up", "STAGE", "T1", "LP2"))
        expect(ctl.run("rfqs", "--watch", "--frames", "2"), FINE, told=(r"(?s)accepting.*accepting",))
        expect(ctl.run("rfqs", "--frames", "2", "--title", "above it"), FINE, told=(r"(?s)^above it\n\n.*\nabove it\n\n",))
        if len(json_rows(ctl, "rfqs", "COMPLETED")) != 3 or json_rows(ctl, "rfqs", "DRAFT"):
            raise Failure("rfqs of one state are not those of that state")

        each_in_json(ctl, source)
        expect(ctl.run("rfqs", "bogus"), USAGE, "'bogus' is no state of an RFQ: DRAFT, .*, ARCHIVED; nor a status: pending, .*, archived")
        expect(ctl.run("orders", "bogus"), USAGE, "'bogus' is no state of an order: awaiting, .*, unknown")
        if len(json_rows(ctl, "rfqs", "filled")) != 3 or json_rows(ctl, "orders", "unknown"):
            raise Failure("a status, and a state that no order has")

        time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
        order = json_rows(ctl, "orders", "filled")[0]
        shown = expect(ctl.run("order", order["order"]), FINE,
                       told=(rf"(?m)^lp +{order['lp']}$", r"(?m)^taker +T1$", r"(?m)^taker_session +T1$", rf"(?m)^lp_session +{order['lp']}$",
                             rf"(?m)^created +{time}$", r"(?m)^due +-$", r"(?m)^id +F[0-9A-F]+$", rf"(?m)^time +{time}$")).stdout
        if re.search(r"(?m)^award|_ns |_name ", shown):
            raise Failure(f"what is only rfqd's own is shown: {shown}")
        expect(ctl.run("lp", "LP1"), FINE, told=(r"(?m)^session +LP1$", r"(?m)^asset_classes +all$"))
        expect(ctl.run("session", "LP1"), FINE, told=(r"(?m)^role +lp$", rf"(?m)^changed +{time}$", r"(?m)^name +LP1$"))

        rfq = json_rows(ctl, "rfqs")[0]["rfq"]
        expect(ctl.run("rfq", rfq), FINE, told=("SEQ .*SINCE START", "RFQ_CREATED", "ORDER_FILLED", "GATEWAY_OUT"))
        rows = json_rows(ctl, "rfq", rfq)
        if [r["seq"] for r in rows] != sorted({r["seq"] for r in rows}):
            raise Failure("the timeline is not in the order of the record")
        if rows[0]["type"] != "GATEWAY_IN" or rows[0]["since_start_ns"] != 0:
            raise Failure(f"the timeline does not begin with the request: {rows[0]}")

        expect(ctl.run("statsu"), USAGE, "did you mean 'status'")
        expect(ctl.run("rfq"), USAGE, "usage: rfq RFQ")
        expect(ctl.run("rfq", "nonsense"), FAILED, "'nonsense' is no RFQ's id")
        expect(ctl.run("rfq", "RFFFFFFFFFFFF"), FAILED, "no RFQ RFFFFFFFFFFFF")
        expect(ctl.run("stop"), FINE)
        if rfqd.process.wait(60) != 0:
            raise Failure(f"rfqd did not end as told: {rfqd.process.said()}")
        expect(ctl.run("status"), UNREACHABLE, "is rfqd running")
    finally:
        if parties:
            parties.kill()
        rfqd.clean()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        with Scratch("rfqctl") as directory:
            nobody_there(sys.argv[1], directory)
            not_allowed(sys.argv[1], directory)
            token(sys.argv[1], directory)
            doctor(sys.argv[1], directory)
            doctor_of_pages_and_nics(sys.argv[1], directory)
            misbehaving(sys.argv[1], directory)
            real(sys.argv[1], directory, sys.argv[2])
    except Failure as failure:
        sys.exit(f"rfqctl: {failure}")


main()
