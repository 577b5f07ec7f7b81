#!/usr/bin/env python3
"""Every agent on a core of its own, all on one, and between: a market under load while operators ask whatever can be
asked, long answers too; then a stop in the middle of a dump. In a build with the thread sanitizer each rfqd ends with
an exit code of its own where it saw a race, and says it: so this is the test of all that threads share.

    threads_test.py BUILD [LAYOUT…]
"""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Failure, Scratch, wait_until  # noqa: E402
from market import Market  # noqa: E402

LAYOUTS = {  # one spins at most: on two CPUs, with a sanitizer, five that do would leave nothing to the rest
    "one": "[{idle: yield, run: [gateway, distribution, routing, log, control]}]",
    "two": "[{idle: pause, warm_us: 1000, run: [gateway, log]}, {idle: backoff, run: [distribution, routing, control]}]",
    "each": "[" + ", ".join(f"{{idle: backoff, run: [{agent}]}}"
                            for agent in ("gateway", "distribution", "routing", "log", "control")) + "]",
}
LOAD = 10  # a sanitizer makes everything many times slower
FILLS = 10
COMMANDS = ("status", "sessions", "lps", "rfqs", "orders", "latency", "counters", "verify", "dump", "events", "rfq")


class Operator(threading.Thread):
    """Asks one command again and again until told to end; remembers what went wrong."""

    def __init__(self, rfqd, command):
        super().__init__(daemon=True)
        self.rfqd, self.command = rfqd, command
        self.answers, self.failure = 0, None
        self.told = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.told.is_set():
                self.ask()
                self.answers += 1
        except (Failure, OSError) as failure:
            self.failure = failure
            self.answers += 1

    def ask(self):
        if self.command != "rfq":
            self.rfqd.ask(self.command, 120, lambda line: None)
            return
        for row in self.rfqd.ask("rfqs", 120)[-1:]:  # the newest: others may be forgotten meanwhile
            try:
                self.rfqd.ask(f"rfq {row['rfq']}", 120)
            except Failure as failure:
                if "there is no RFQ" not in str(failure):  # it may be forgotten meanwhile too
                    raise

    def end(self):
        self.told.set()
        self.join(120)
        if self.failure:
            raise Failure(f"{self.command}: {self.failure}")


def fills(market):
    count = 0
    for name in ("T1", "T2"):
        with open(os.path.join(market.journals, name + ".journal"), "rb") as f:
            count += f.read().count(b"|150=F|")
    return count


def has_timelines(rfqd):
    try:
        return rfqd.ask("dump history")
    except Failure:  # the table is made with its first row
        return False


def layout(build, directory, name):
    market = Market(build, directory, LOAD, cores=LAYOUTS[name], record=", retention_s: 2, digest_every_batches: 64")
    rfqd = market.rfqd
    operators = []
    try:
        rfqd.start(120)
        market.start_parties()
        wait_until(lambda: rfqd.ask("rfqs"), 60, "RFQs")
        wait_until(lambda: has_timelines(rfqd), 60, "the first timeline to be in the store")
        operators = [Operator(rfqd, command) for command in COMMANDS]
        wait_until(lambda: fills(market) >= FILLS, 300, f"{FILLS} fills")
        for operator in operators:
            wait_until(lambda: operator.answers, 120, f"an answer to {operator.command}")
        for operator in operators:
            operator.end()
        market.parties_live()
        warmed = sum(c["value"] for c in rfqd.ask("counters") if c["name"] == "rfqd_core_warmed_total")
        if bool(warmed) != ("pause" in LAYOUTS[name]):
            raise Failure(f"an idle core kept its ways warm {warmed} times")
        with socket.socket(socket.AF_UNIX) as reader:
            reader.connect(rfqd.socket)
            reader.sendall(b"dump\n")
            rfqd.ask("status")  # by then the dump has begun
            rfqd.stop(120)
    except Failure as failure:
        said = "\n".join(line for line in (rfqd.process.lines if rfqd.process else []) if line)
        raise Failure(f"cores {name}: {failure}\n{said}") from None
    finally:
        for operator in operators:
            operator.told.set()
        market.close()


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(LAYOUTS):
        sys.exit(__doc__)
    try:
        for name in sys.argv[2:] or LAYOUTS:
            with Scratch(f"threads-{name}") as directory:
                layout(sys.argv[1], directory, name)
    except Failure as failure:
        sys.exit(f"threads: {failure}")


main()
