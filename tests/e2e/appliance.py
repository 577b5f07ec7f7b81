"""A real rfqd and real rfqsim processes, for tests: a directory of their own, ports of their own, an end for each.

Everything waits on conditions with bounds (wait_until); only processes started here are ever ended, by their pid.
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
import threading
import time


class Failure(Exception):
    """What a test says when something does not hold."""


def wait_until(condition, seconds, what):
    """The first true value of condition(); Failure names what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """One process; its stderr is kept, line by line. It does not outlive whoever started it, however that ends."""

    def __init__(self, arguments, output=None):
        self.name = os.path.basename(arguments[0])
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments], stdin=subprocess.DEVNULL, stdout=output or subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)  # its end
            self.changed.notify_all()

    def wait_line(self, pattern, seconds):
        """The match of the first line that fits."""
        end = time.monotonic() + seconds
        at = 0
        with self.changed:
            while True:
                while at < len(self.lines):
                    line = self.lines[at]
                    at += 1
                    if line is None:
                        raise Failure(f"{self.name} ended before it said '{pattern}': {self.said()}")
                    found = re.search(pattern, line)
                    if found:
                        return found
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    raise Failure(f"{self.name} has not said '{pattern}' in {seconds} s: {self.said()}")

    def said(self):
        return " / ".join(line for line in self.lines[-8:] if line) or "nothing"

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def wait(self, seconds):
        """Its exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} has not ended in {seconds} s: {self.said()}") from None
        self.reader.join(10)
        return code

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()
        self.reader.join(10)


# What waits takes no CPU from the tests beside it, nor does a start, which touches all memory that may ever be needed.
SETTINGS = "rfqs_max: 4096, deliveries_max: 20480, quotes_max: 32768, orders_max: 8192, fills_max: 16384"
CORES = "[{idle: backoff, run: [gateway, distribution, routing, log, control]}]"


class Appliance:
    """rfqd with a configuration of its own. `settings` etc. are YAML flow maps as text; extra: more sections."""

    def __init__(self, build, directory, level="committed", takers=("T1", "T2"), lps=("LP1", "LP2", "LP3", "LP4"),
                 fix="", record="", settings="", instruments=None, data=None, shared=None, sessions="",
                 small_rings=False, cores=CORES, extra=""):
        self.rfqd = os.path.join(build, "bin", "rfqd")
        if not os.path.exists(self.rfqd):
            raise Failure(f"{self.rfqd} is not built")
        self.directory = directory
        self.port = free_port()
        # A Unix socket's path is short; the shared memory must be in memory.
        self.shared = shared or tempfile.mkdtemp(prefix="rfqd-e2e-", dir="/dev/shm")
        self.socket = os.path.join(self.shared, "ops.sock")
        self.config = os.path.join(directory, "rfqd.yaml")
        self.data = data or os.path.join(directory, "data")
        self.process = None
        os.makedirs(directory, exist_ok=True)
        ring, segment = (2, 1) if small_rings else (32, 16)
        if "rfqs_max" not in settings:
            settings = f"{SETTINGS}, {settings}" if settings else SETTINGS
        instruments = instruments or "[{symbol: EURUSD, reference_price: 1.1, collar_percent: 5}]"
        parties = "sessions:\n"
        for role, names in (("taker", takers), ("lp", lps)):
            for name in names:
                parties += f"  - {{name: {name}, role: {role}, target: {name}, heartbeat_s: 10{sessions}}}\n"
        parties += "takers:\n" + "".join(f"  - {{code: {t}, session: {t}}}\n" for t in takers)
        parties += "lps:\n" + "".join(
            f"  - {{code: {name}, session: {name}, concurrent_rfqs_max: 100000, losers: {('cancel', 'response')[i % 2]}}}\n"
            for i, name in enumerate(lps))
        with open(self.config, "w") as f:
            f.write(f"instance: e2e\ndirectory: {self.data}\nshared: {self.shared}\nops_socket: {self.socket}\n"
                    f"level: {level}\nfix: {{listen: '127.0.0.1:{self.port}'{fix}}}\n"
                    f"record: {{ring_gateway_mib: {ring}, ring_engine_mib: {ring}, log_segment_mib: {segment}{record}}}\n"
                    f"settings: {{{settings}}}\ncores: {cores}\n"
                    f"instruments: {instruments}\n{parties}{extra}")

    def start(self, seconds=60):
        """Until it is ready. Returns what it says about its recovery: {frames, batches, redelivered, us, first}."""
        self.process = Process([self.rfqd, self.config])
        return self.wait_ready(seconds)

    def wait_ready(self, seconds=60):
        found = self.process.wait_line(r"rfqd: (first_start|recovered) frames=(\d+) batches=(\d+) redelivered=(\d+) "
                                       r"took_us=(\d+)", seconds)
        self.process.wait_line("rfqd: ready", seconds)
        return {"first": found[1] == "first_start", "frames": int(found[2]), "batches": int(found[3]),
                "redelivered": int(found[4]), "us": int(found[5])}

    def wait_lps(self, count, seconds=60):
        """Until so many may be asked. Their sessions are up a moment earlier than that: in sync they must be."""
        wait_until(lambda: sum(lp["session_state"] == "synced" for lp in self.ask("lps")) == count, seconds, f"{count} LPs")

    def running(self):
        return self.process is not None and self.process.running()

    def kill9(self):
        if not self.running():
            raise Failure(f"rfqd ended by itself: {self.process.said()}")
        self.process.signal(signal.SIGKILL)
        self.process.wait(60)  # a call to a busy disk is let to its end

    def stop(self, seconds=60):
        """The operator's way; complete only with exit code 0."""
        self.ask("stop")
        code = self.process.wait(seconds)
        if code != 0:
            raise Failure(f"rfqd stopped with {code}: {self.process.said()}")

    def ask(self, command, seconds=60, visit=None):
        """The objects of one answer of the ops socket. visit: is given each line as text instead."""
        answer = []
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            s.connect(self.socket)
            s.sendall(command.encode() + b"\n")
            with s.makefile("r", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.startswith('{"end":true'):
                        end = json.loads(line)
                        if "error" in end:
                            raise Failure(f"{command}: {end['error']}")
                        return answer
                    if visit:
                        visit(line)
                    else:
                        answer.append(json.loads(line))
        raise Failure(f"{command}: the answer has no end")

    def counters(self):
        """{name: sum over its labels}."""
        sums = {}
        for c in self.ask("counters"):
            sums[c["name"]] = sums.get(c["name"], 0) + c["value"]
        return sums

    def clean(self):
        if self.process:
            self.process.kill()
        shutil.rmtree(self.shared, ignore_errors=True)


class Sim(Process):
    """rfqsim with some parties: texts as `lp:name=LP1,spread=0.0002`, connected to the appliance."""

    def __init__(self, build, directory, appliance, parties, options=()):
        self.results = os.path.join(directory, f"rfqsim-{len(parties)}-{parties[0].split(',')[0].split('=')[-1]}.json")
        self.output = open(self.results, "w")
        texts = [f"{p},connect=127.0.0.1:{appliance.port}" for p in parties]
        super().__init__([os.path.join(build, "bin", "rfqsim"), *options, directory, *texts], output=self.output)

    def kill(self):
        super().kill()
        self.output.close()

    def finish(self, seconds):
        """Exit code and one object a party."""
        code = self.wait(seconds)
        self.output.close()
        with open(self.results) as f:
            return code, [json.loads(line) for line in f]


class Scratch:
    """A directory that goes away, unless kept or something failed."""

    def __init__(self, name, keep=False):
        self.path = tempfile.mkdtemp(prefix=f"rfqd-{name}-")
        self.keep = keep

    def __enter__(self):
        return self.path

    def __exit__(self, kind, value, trace):
        if self.keep or kind:
            print(f"kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        return False


def run_in_scratch(name, run, usage):
    """A test whose one argument is the build: run(build, directory)."""
    if len(sys.argv) != 2:
        sys.exit(usage)
    try:
        with Scratch(name) as directory:
            run(sys.argv[1], directory)
    except Failure as failure:
        sys.exit(f"{name}: {failure}")
