#!/usr/bin/env python3
"""Names that were ever known keep their places: a start with one too many is refused with the numbers, and changes
nothing; with a known one it goes on.

    names_test.py BUILD
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Process, run_in_scratch  # noqa: E402

INSTRUMENTS_MAX = 4096


def instruments(names):
    return "[" + ", ".join(f"{{symbol: {name}}}" for name in names) + "]"


def run(build, directory):
    def configured(names):
        return Appliance(build, directory, takers=("T1",), lps=("LP1",), shared=first.shared,
                         instruments=instruments(names))

    first = Appliance(build, directory, takers=("T1",), lps=("LP1",),
                      instruments=instruments(f"I{i}" for i in range(INSTRUMENTS_MAX)))
    rfqd = first
    try:
        rfqd.start()
        rfqd.stop()
        rfqd = configured(["OTHER"])
        refused = Process([rfqd.rfqd, rfqd.config])
        try:
            code = refused.wait(60)
        finally:
            refused.kill()
        if code in (0, -6) or f"{INSTRUMENTS_MAX + 1} instruments of {INSTRUMENTS_MAX}" not in refused.said():
            raise Failure(f"a name too many: exit {code}: {refused.said()}")
        rfqd = configured(["I7"])
        rfqd.start()
        known = [row["symbol"] for row in rfqd.ask("instruments") if row["tradable"]]
        if known != ["I7"]:
            raise Failure(f"tradable after it: {known}")
        rfqd.stop()
    finally:
        rfqd.clean()
        first.clean()


run_in_scratch("names", run, __doc__)
