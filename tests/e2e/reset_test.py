#!/usr/bin/env python3
"""An LP whose session is numbered anew while its orders work: an execution that it sent meanwhile can never be resent. So
each order there is asked about (OrderStatusRequest); a fill that was lost is found missing, and is booked when it comes;
nothing ends the order without it. While the numbers go on, nothing is asked. Once by the LP's 141=Y, once by an
operator's reset.

    reset_test.py BUILD
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, run_in_scratch, wait_until  # noqa: E402
from ctl import FINE, Ctl, expect, json_rows  # noqa: E402
from fixwire import Peer, utc  # noqa: E402


class Deal:
    """An order that the LP has acknowledged."""

    def __init__(self, taker, lp, name):
        self.taker, self.lp, self.name, self.said = taker, lp, name, 0
        taker.send("R", [(131, name), (146, 1), (55, "EURUSD"), (54, "1"), (38, "1000"), (126, utc(300))])
        lp.send("S", [(131, lp.expect("R")[131]), (117, f"q-{name}"), (55, "EURUSD"), (133, "1.1001")])
        taker.send("AJ", [(693, name), (117, taker.expect("S", t131=name)[117]), (694, 1), (11, f"c-{name}"),
                          (55, "EURUSD"), (54, "1"), (38, "1000"), (44, "1.1001")])
        self.order = lp.expect("D")[11]
        self.say("0", "0", 0)
        taker.expect("8", t150="0", t11=f"c-{name}")

    def say(self, exec_type, status, filled, last=()):
        self.said += 1
        self.lp.send("8", [(37, f"lp-{self.name}"), (11, self.order), (17, f"x-{self.name}-{self.said}"), (150, exec_type),
                           (39, status), (55, "EURUSD"), (54, "1"), (38, "1000"), *last, (151, 1000 - filled), (14, filled),
                           (6, "1.1001" if filled else "0")])

    def is_told_filled(self):
        self.taker.expect("8", t150="F", t39="2", t11=f"c-{self.name}")


def away(rfqd, lp):
    lp.close()
    rfqd.wait_lps(0)


def numbered_anew(lp, logon):
    lp.next_in = lp.next_out = 1
    lp.connect()
    lp.send("A", [(98, 0), (108, 10), *logon])
    lp.expect("A")


def loses_a_fill(rfqd, ctl, deal, working, reset):
    """While the LP is away it fills one of two orders."""
    lp = deal.lp
    away(rfqd, lp)
    reset()
    asked = [lp.expect("H")[11], lp.expect("H")[11]]
    if sorted(asked) != sorted([deal.order, working.order]):
        raise Failure(f"asked about {asked}, of {deal.order} and {working.order}")
    working.say("I", "0", 0)
    deal.say("I", "2", 1000)

    def missing():
        rows = json_rows(ctl, "events", "--type", "EXECUTION_BREAK")
        return [r for r in rows if r["record"]["reason"] == "executions_missing" and r["record"]["order"] == deal.order]
    wait_until(missing, 10, "the fill that is missing, in the log")
    deal.taker.send("F", [(11, f"f-{deal.name}"), (41, f"c-{deal.name}"), (55, "EURUSD"), (54, "1"), (38, "1000"), (60, utc())])
    cancel = lp.expect("F")
    lp.send("9", [(37, "NONE"), (11, cancel[11]), (41, deal.order), (39, "8"), (434, "1"), (102, 1)])
    deal.taker.expect("9", t11=f"f-{deal.name}")  # the LP forgot it: it is not cancelled for that
    deal.say("F", "2", 1000, [(32, "1000"), (31, "1.1001")])
    deal.is_told_filled()


def run(build, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1",), sessions=", admit_reset: true")
    try:
        rfqd.start()
        ctl = Ctl(build, rfqd.socket)
        taker, lp = Peer(rfqd.port, "T1").logon(heartbeat=10), Peer(rfqd.port, "LP1").logon(heartbeat=10)
        rfqd.wait_lps(1)
        working, first, second = (Deal(taker, lp, name) for name in ("working", "first", "second"))

        away(rfqd, lp)
        lp.logon(heartbeat=10)
        lp.in_step()
        if any(m.type == "H" for m in lp.inbox):
            raise Failure(f"asked though the numbers went on: {lp.inbox}")
        second.say("F", "2", 1000, [(32, "1000"), (31, "1.1001")])
        second.is_told_filled()

        loses_a_fill(rfqd, ctl, first, working, lambda: numbered_anew(lp, [(141, "Y")]))

        third = Deal(taker, lp, "third")

        def by_operator():
            expect(ctl.run("session", "LP1", "reset"), FINE)
            numbered_anew(lp, [])
        loses_a_fill(rfqd, ctl, third, working, by_operator)
        working.say("F", "2", 1000, [(32, "1000"), (31, "1.1001")])
        working.is_told_filled()
        rfqd.stop()
    finally:
        rfqd.clean()


run_in_scratch("reset", run, __doc__)
