#!/usr/bin/env python3
"""rfqd as systemd sees it: this test listens where $NOTIFY_SOCKET says. And the unit file, by systemd-analyze.

    service_test.py BUILD SOURCE
"""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Process, Scratch  # noqa: E402

WATCHDOG_MS = 800
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # of waitpid: threads too
CORES = ("rfqd:gateway", "rfqd:log")  # by the first agent that each runs


class Systemd:
    """The other end of the socket: what was told, as {key: value} of one datagram."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def next(self, seconds, what):
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(4096).decode()
        except socket.timeout:
            raise Failure(f"not told in {seconds} s: {what}") from None
        for line in text.split("\n"):
            if "=" not in line:
                raise Failure(f"no KEY=value: {text!r}")
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hears_within(self, seconds):
        return bool(select.select([self.socket], [], [], seconds)[0]) and bool(self.next(0, "what is there"))

    def read_all(self):
        while self.hears_within(0):
            pass

    def until(self, key, seconds):
        """The first datagram with this key, and those before it."""
        before = []
        while True:
            told = self.next(seconds, f"{key} after {before}")
            if key in told:
                return told, before
            before.append(told)


def thread_named(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as f:
            if f.read().strip() == name:
                return int(tid)
    raise Failure(f"there is no thread {name}")


def one_core_stands(systemd, pid, name):
    """One thread alone is held, as a debugger holds it; all others run: the one that feeds the watchdog, too, unless it is
    the one that stands. Then it goes on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    tid = thread_named(pid, name)
    if libc.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
        raise Failure(f"the thread {name} cannot be held ({os.strerror(ctypes.get_errno())}): this test needs ptrace")
    libc.ptrace(PTRACE_INTERRUPT, tid, None, None)
    os.waitpid(tid, WALL)
    try:
        systemd.read_all()
        fed = 0
        while systemd.hears_within(2):  # five times what it takes
            fed += 1
            if fed > 1:  # one may be for the rounds before
                raise Failure(f"the watchdog is fed while the core of {name} stands still")
    finally:
        libc.ptrace(PTRACE_DETACH, tid, None, None)
    systemd.until("WATCHDOG", 20)


def lives(build, directory):
    systemd = Systemd(directory)
    rfqd = Appliance(build, directory, cores="[{run: [gateway, distribution, routing]}, {run: [log, control]}]")
    os.environ.update(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC=str(WATCHDOG_MS * 1000))
    try:
        rfqd.start()
        ready, before = systemd.until("READY", 60)
        if ready != {"READY": "1", "STATUS": "accepting"}:
            raise Failure(f"ready: {ready}")
        if before != [{"STATUS": "recovering what was recorded"}]:
            raise Failure(f"before it was ready: {before}")
        for _ in range(5):
            if systemd.next(20, "WATCHDOG=1") != {"WATCHDOG": "1"}:
                raise Failure("told something else while it ran")
        for name in CORES:
            one_core_stands(systemd, rfqd.process.process.pid, name)
        rfqd.process.signal(signal.SIGTERM)
        stopping, before = systemd.until("STOPPING", 20)
        if stopping != {"STOPPING": "1", "STATUS": "logging out"} or any(b != {"WATCHDOG": "1"} for b in before):
            raise Failure(f"stop: {before}, {stopping}")
        code = rfqd.process.wait(30)
        if code != 0:
            raise Failure(f"exit {code}: {rfqd.process.said()}")
    finally:
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
            os.environ.pop(name, None)
        rfqd.clean()


def wrong(build, directory):
    """A file that is wrong ends it with the code by which the unit knows that another start would not help."""
    rfqd = Appliance(build, directory, settings="ack_timeout_ms: 1")
    try:
        process = Process([rfqd.rfqd, rfqd.config])
        if process.wait(30) != 3 or "'ack_timeout_ms': '1' is out of range" not in process.said():
            raise Failure(f"a file that is wrong: {process.process.returncode}, {process.said()}")
        if os.path.exists(rfqd.data):
            raise Failure("it began all the same")
    finally:
        rfqd.clean()


def in_json(build, directory):
    """The same lines as objects, by the configuration."""
    rfqd = Appliance(build, directory)
    with open(rfqd.config, "a", encoding="utf-8") as f:
        f.write("log: {format: json, level: debug}\n")
    try:
        rfqd.process = Process([rfqd.rfqd, rfqd.config])
        rfqd.process.wait_line('"event":"ready"', 60)
        rfqd.stop()
        lines = [json.loads(line) for line in rfqd.process.lines if line]
        events = [line["event"] for line in lines]
        if events != ["first_start", "ready", "command", "stopping", "stopped"]:
            raise Failure(f"said: {events}")
        for line in lines:
            if list(line)[:3] != ["time", "level", "event"] or line["level"] != "info":
                raise Failure(f"a line: {line}")
        if lines[0]["frames"] != 0 or lines[0]["power_cut"] is not False:
            raise Failure(f"fields: {lines[0]}")
    finally:
        rfqd.clean()


def unit(build, source, directory):
    """Nothing in it that systemd does not know; the program it names is ours here."""
    if not shutil.which("systemd-analyze"):
        raise Failure("systemd-analyze is not there: tools/deps --tests")
    with open(os.path.join(source, "tools", "conf", "rfqd.service"), encoding="utf-8") as f:
        text = f.read()
    programs = [line.split("=", 1) for line in text.splitlines() if line.startswith("Exec")]
    # No ExecStartPre: RestartPreventExitStatus looks at the main process only.
    if [(name, program.split()[0]) for name, program in programs] != [("ExecStart", "/usr/bin/rfqd"),
                                                                      ("ExecReload", "/usr/bin/rfqctl")]:
        raise Failure(f"what the unit runs: {programs}")
    path = os.path.join(directory, "rfqd.service")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("/usr/bin/", os.path.join(build, "bin", "")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120)
    if done.returncode != 0 or "rfqd.service" in done.stderr:
        raise Failure(f"systemd-analyze verify: {done.returncode} {done.stderr}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    try:
        with Scratch("service") as directory:
            lives(build, directory)
            wrong(build, os.path.join(directory, "wrong"))
            in_json(build, os.path.join(directory, "json"))
            unit(build, source, directory)
    except Failure as failure:
        sys.exit(f"service: {failure}")


main()
