#!/usr/bin/env python3
"""A log that is damaged below its durable mark: a start refuses it by place, --repair says what can be done, a cut is
refused while the store knows of more, and with the store away the log is cut, and trading goes on.

    repair_test.py BUILD
"""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Process, run_in_scratch  # noqa: E402
from fixwire import Peer, utc  # noqa: E402


def trade(rfqd, names):
    taker, lp = Peer(rfqd.port, "T1"), Peer(rfqd.port, "LP1")
    for peer in (taker, lp):
        peer.connect()
        peer.send("A", [(98, 0), (108, 10), (141, "Y")])
        peer.expect("A")
        peer.in_step()
    rfqd.wait_lps(1)
    for name in names:
        taker.send("R", [(131, name), (146, 1), (55, "EURUSD"), (54, "1"), (38, "1000"), (126, utc(300))])
        lp.expect("R")
    for peer in (taker, lp):
        peer.close()


def repair(rfqd, way, code, *says):
    done = subprocess.run([rfqd.rfqd, way, rfqd.config], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    for pattern in says:
        if done.returncode != code or not re.search(pattern, said):
            raise Failure(f"{way}: exit {done.returncode}, {code} was due, with '{pattern}': {said}")


def with_size(rfqd, of_now, to):
    with open(rfqd.config) as f:
        text = f.read()
    if f"log_segment_mib: {of_now}" not in text:
        raise Failure(f"the configuration has no segments of {of_now} MiB")
    with open(rfqd.config, "w") as f:
        f.write(text.replace(f"log_segment_mib: {of_now}", f"log_segment_mib: {to}"))


def damage(rfqd, request):
    """One byte in the middle of the frame that holds this request."""
    for path in sorted(glob.glob(os.path.join(rfqd.data, "log", "*"))):
        with open(path, "r+b") as f:
            at = f.read().find(b"131=" + request.encode() + b"\x01")
            if at >= 0:
                f.seek(at)
                f.write(b"X")
                return
    raise Failure(f"{request} is in no segment")


def run(build, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1",), sessions=", admit_reset: true")
    try:
        rfqd.start()
        trade(rfqd, [f"early{i}" for i in range(5)])
        trade(rfqd, ["late"])
        rfqd.stop()
        repair(rfqd, "--repair", 0, "not damaged: all frames are good")
        with_size(rfqd, 16, 32)
        repair(rfqd, "--repair", 1, "segments of another size")
        with_size(rfqd, 32, 16)
        damage(rfqd, "late")
        refused = Process([rfqd.rfqd, rfqd.config])
        if refused.wait(60) == 0 or "the log is durable up to" not in refused.said():
            raise Failure(f"a damaged log is taken: {refused.said()}")
        repair(rfqd, "--repair", 1, r"(?m)^damaged: ", "--repair=cut .*gives up", "move it away, it is made anew")
        repair(rfqd, "--repair=drop", 1, "drop: ")
        repair(rfqd, "--repair=cut", 1, "the store is the state of more than would be left")
        os.rename(os.path.join(rfqd.data, "store"), os.path.join(rfqd.data, "store.away"))
        repair(rfqd, "--repair=cut", 0, "repaired: a new stream epoch begins")
        repair(rfqd, "--repair=cut", 0, "not damaged")
        rfqd.start()
        left = rfqd.ask("rfqs")
        if len(left) != 5:
            raise Failure(f"after the cut there are {left}")
        repair(rfqd, "--repair", 1, "another rfqd")
        trade(rfqd, ["anew"])
        rfqd.stop()
        if subprocess.run([os.path.join(build, "bin", "rfqd"), "--repair=glue", rfqd.config], capture_output=True, timeout=60).returncode != 2:
            raise Failure("an unknown way is taken")
    finally:
        rfqd.clean()


run_in_scratch("repair", run, __doc__)
