#!/usr/bin/env python3
"""Two rfqds whose rings would lie in one place: the second is refused and touches nothing, the first trades on, and what
only its rings held is there after kill -9.

    shared_test.py BUILD
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, Scratch  # noqa: E402
from fixwire import Peer, utc  # noqa: E402

REFUSED = "another rfqd has its rings here"


def quoted(taker, lp, name):
    taker.send("R", [(131, name), (146, 1), (55, "EURUSD"), (54, "1"), (38, "1000"), (126, utc(300))])
    lp.send("S", [(131, lp.expect("R")[131]), (117, f"q-{name}"), (55, "EURUSD"), (133, "1.1001")])
    return taker.expect("S", t131=name)[117]


def refused(first, directory):
    """Everything is its own, but for `shared`."""
    second = Appliance(os.path.dirname(os.path.dirname(first.rfqd)), directory, shared=first.shared)
    with open(second.config) as f:
        text = f.read()
    with open(second.config, "w") as f:
        f.write(text.replace(f"ops_socket: {second.socket}", f"ops_socket: {directory}/ops.sock"))
    try:
        done = subprocess.run([second.rfqd, second.config], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"the second rfqd runs: {(late.stderr or b'').decode()}") from None
    if done.returncode != 1 or REFUSED not in done.stderr or f"{first.shared}/rings.lock" not in done.stderr:
        raise Failure(f"the second rfqd: exit {done.returncode}, {done.stderr!r}")


def run(build, directory):
    # What is only in the rings is what is asked about: the log is slow to take it to the disk.
    rfqd = Appliance(build, os.path.join(directory, "first"), takers=("T1",), lps=("LP1",),
                     record=", log_sync_interval_ms: 1000")
    try:
        rfqd.start()
        taker, lp = Peer(rfqd.port, "T1"), Peer(rfqd.port, "LP1")
        for peer in (taker, lp):
            peer.logon(heartbeat=10)
        rfqd.wait_lps(1)
        quotes = [quoted(taker, lp, "before")]
        refused(rfqd, os.path.join(directory, "second"))
        quotes.append(quoted(taker, lp, "after"))
        rfqd.kill9()
        for peer in (taker, lp):
            peer.close()
        rfqd.start()
        if "power_cut=false" not in rfqd.process.wait_line("rfqd: recovered .*", 1)[0]:
            raise Failure(f"the start after kill -9: {rfqd.process.said()}")
        kept = rfqd.ask("rfqs")
        if len(kept) != 2:
            raise Failure(f"two RFQs lived: {kept}")
        for peer in (taker, lp):
            peer.logon(heartbeat=10)
        for name, quote in zip(("a1", "a2"), quotes):
            taker.send("AJ", [(693, name), (117, quote), (694, 1), (11, name), (55, "EURUSD"), (54, "1"), (38, "1000"),
                              (44, "1.1001")])
            lp.expect("D")
        rfqd.stop()
    finally:
        rfqd.clean()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with Scratch("shared") as directory:
            run(os.path.abspath(sys.argv[1]), directory)
    except Failure as failure:
        sys.exit(f"shared: {failure}")


main()
