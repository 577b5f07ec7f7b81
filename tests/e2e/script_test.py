#!/usr/bin/env python3
"""Takers by script, against a real rfqd with LPs of different manner: what is expected comes; what does not come is
said, with the script's line and what came instead; and a script with errors starts nothing.

    script_test.py BUILD SOURCE
"""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Scratch, Sim  # noqa: E402

# As in tools/conf.
INSTRUMENTS = ("[{symbol: EURUSD, tick: 0.00001, lot: 1000, quantity_min: 1000, quantity_max: 50000000, reference_price: 1.1, "
               "collar_percent: 5}]")

# By rank of their quotes: the first fills in two parts, the second at once, the third refuses orders, the fourth
# never answers one.
FILLING = ("lp:name=LP1,partial=100", "lp:name=LP2,spread=0.002")
NOT_FILLING = ("lp:name=LP3,spread=0.004,order_reject=100", "lp:name=LP4,spread=0.006,order_silent=100")

MANNERS = """
rfq EURUSD buy 1000000 deadline 5s as a
expect quotes a 4 within 5s
accept a best
expect report a new within 5s
expect report a partial within 5s
expect report a filled within 5s

rfq EURUSD sell 1000000 deadline 5s as b
expect quotes b 4 within 5s
accept b rank 3 by order
expect report b rejected within 5s
accept b rank 2 by order            # the next one is offered
expect report b filled within 5s

rfq EURUSD buy 2000000 deadline 5s as c
expect quotes c 4 within 5s
accept c rank 4
wait 50ms
cancel order c
expect report c cancelled within 5s

rfq EURUSD buy 1000000 deadline 5s as d
expect quote d within 5s
resend d
expect message 35=AI|131=$d.request|297=0 within 5s
cancel d
expect status d cancelled
"""

# What is expected does not come; what is said of it.
FAILING = (
    ("rfq EURUSD buy 1000000 deadline 5s as a\nexpect quotes a 5 within 2s\n", 2,
     r"expect quotes a 5 within 2s: not so in 2000 ms; 4 of 5 came\n.* got nothing"),
    ("rfq EURUSD buy 1000000 deadline 5s as a\nexpect quotes a 4\naccept a rank 2\nexpect report a rejected within 3s  # no\n",
     4, r"expect report a rejected within 3s: not so in 3000 ms; 0 of 1 came\n(.*\n)*    35=8\|.*150=F.*39=2"),
    ("rfq EURUSD buy 1000000 deadline 5s as a\naccept a rank 5\n", 2, r"accept a rank 5: no quote of that rank stands"),
    ("rfq EURUSD buy 1000000 deadline 5s as a\nexpect nothing a within 5s\n", 2,
     r"expect nothing a within 5s: something came\n(.*\n)*    35=S"),
)


class Scripts:
    def __init__(self, build, directory, rfqd):
        self.build, self.directory, self.rfqd = build, directory, rfqd
        self.number = 0

    def run(self, text, session="T1"):
        """Exit code, the party's line of JSON, what was said, and the script's path."""
        self.number += 1
        path = os.path.join(self.directory, f"{self.number}.script")
        with open(path, "w") as f:
            f.write(text)
        sim = Sim(self.build, self.directory, self.rfqd, [f"taker:name={session},script={path}"])
        try:
            code, results = sim.finish(60)
        finally:
            sim.kill()
        return code, results, "\n".join(line for line in sim.lines if line is not None), path

    def passes(self, text):
        code, results, said, _ = self.run(text)
        if code != 0 or not results[0]["passed"]:
            raise Failure(f"exit {code}, {results}: {said}")
        return results[0]["steps"]

    def fails(self, text, line, pattern):
        code, results, said, path = self.run(text)
        if code != 1 or results[0]["passed"] or not re.search(f"^{re.escape(path)}:{line}: {pattern}", said, re.M):
            raise Failure(f"exit {code}, {results}: {said}; expected 1 and '{path}:{line}: {pattern}'")


def journal_holds(directory):
    """What the script said and got is in the taker's journal."""
    with open(os.path.join(directory, "T1.journal"), encoding="latin-1") as f:
        text = f.read()
    for pattern in (r" O \d+ .*\|35=R\|.*\|131=T1-s\d+\|", r" I \d+ .*\|35=S\|", r" O \d+ .*\|35=D\|", r" O \d+ .*\|35=F\|",
                    r" I \d+ .*\|35=8\|.*\|150=F\|", r" O \d+ .*\|97=Y\|131="):
        if not re.search(pattern, text):
            raise Failure(f"the journal has no '{pattern}'")
    numbers = [int(n) for n in re.findall(r"^\d+ O (\d+) ", text, re.M)]
    if numbers != list(range(1, len(numbers) + 1)):
        raise Failure(f"numbers do not go on over the scripts: {numbers}")


def starts_nothing(build, directory, rfqd):
    path = os.path.join(directory, "wrong.script")
    with open(path, "w") as f:
        f.write("rfq EURUSD buy 1 as a\naccept b best\nwait 5\n")
    result = subprocess.run([os.path.join(build, "bin", "rfqsim"), os.path.join(directory, "none"),
                             f"taker:name=T9,connect=127.0.0.1:{rfqd.port},script={path}"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    for line in (2, 3):
        if f"{path}:{line}: " not in result.stderr:
            raise Failure(f"line {line} is not complained about: {result.stderr}")
    if result.returncode != 2 or os.path.exists(os.path.join(directory, "none")):
        raise Failure(f"a script with errors: exit {result.returncode}, {os.listdir(directory)}")


def default_taker(build, directory, rfqd):
    """What it asks for when it is told nothing is a multiple of the lot in tools/conf."""
    sim = Sim(build, directory, rfqd, ["taker:name=T2,count=3"])
    try:
        code, results = sim.finish(60)
    finally:
        sim.kill()
    if code != 0 or results[0]["requests"] != 3 or results[0]["filled"] != 3:
        raise Failure(f"three requests by default: exit {code}, {results}")


def never_on(build, directory, rfqd):
    sim = Sim(build, directory, rfqd, ["taker:name=NOSUCH,count=1", "lp:name=NONE"], ("--seconds", "1"))
    try:
        code, _ = sim.finish(30)
    finally:
        sim.kill()
    said = [line for line in sim.lines if line]
    if code != 1 or len(said) != 2 or "NOSUCH never logged on" not in said[0] or "NONE never logged on" not in said[1]:
        raise Failure(f"two that are no parties: exit {code}, {said}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(os.path.join(source, "tools", "conf", "taker.script")) as f:
        example = f.read()
    try:
        with Scratch("script") as directory:
            rfqd = Appliance(build, directory, takers=("T1", "T2"), instruments=INSTRUMENTS, settings="deadline_min_ms: 100, order_ack_timeout_ms: 20000")
            lps = others = None
            try:
                rfqd.start()
                lps = Sim(build, directory, rfqd, FILLING, ("--linger",))
                others = Sim(build, directory, rfqd, NOT_FILLING, ("--linger",))
                rfqd.wait_lps(4)
                scripts = Scripts(build, directory, rfqd)
                if scripts.passes(MANNERS) != len(re.findall(r"^[a-z]", MANNERS, re.M)):
                    raise Failure("not every step was done")
                for row in FAILING:
                    scripts.fails(*row)
                others.kill()  # the example takes the best of what has come, and expects it to be filled
                rfqd.wait_lps(2)
                scripts.passes(example)
                journal_holds(directory)
                starts_nothing(build, directory, rfqd)
                default_taker(build, directory, rfqd)
                never_on(build, directory, rfqd)
                rfqd.stop()
                lps.signal(signal.SIGTERM)
                lps.finish(20)
            finally:
                for sim in (lps, others):
                    if sim:
                        sim.kill()
                rfqd.clean()
    except Failure as failure:
        sys.exit(f"script: {failure}")


main()
