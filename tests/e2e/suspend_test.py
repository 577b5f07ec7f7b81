#!/usr/bin/env python3
"""An LP that is suspended while its quotes stand (spec/10, «LPs that drop off»): they become invalid, the taker is told,
and another LP's quote is awarded. Once by «config reload», once by a restart after kill -9.

    suspend_test.py BUILD
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, run_in_scratch, wait_until  # noqa: E402
from ctl import FINE, Ctl, expect, json_rows  # noqa: E402
from fixwire import Peer, utc  # noqa: E402


def suspend(rfqd, lp, suspended):
    with open(rfqd.config) as f:
        text = f.read()
    active, out = f"{{code: {lp}, session: {lp},", f"{{code: {lp}, session: {lp}, status: suspended,"
    with open(rfqd.config, "w") as f:
        f.write(text.replace(active, out) if suspended else text.replace(out, active))


class Market:
    def __init__(self, rfqd):
        self.taker, self.lps = Peer(rfqd.port, "T1"), [Peer(rfqd.port, name) for name in ("LP1", "LP2")]

    def logon(self):
        for peer in (self.taker, *self.lps):
            peer.logon(heartbeat=10)

    def quoted(self, name):
        """An RFQ that both LPs have quoted. Returns the quotes' ids, by LP."""
        self.taker.send("R", [(131, name), (146, 1), (55, "EURUSD"), (54, "1"), (38, "1000"), (126, utc(300))])
        quotes = []
        for lp, price in zip(self.lps, ("1.1001", "1.1002")):
            lp.send("S", [(131, lp.expect("R")[131]), (117, f"{name}-{lp.name}"), (55, "EURUSD"), (133, price)])
            quotes.append(self.taker.expect("S", t131=name)[117])
        return quotes

    def one_goes(self, name, quotes):
        """The first LP's quote is gone, and refused by name; the second's is awarded."""
        gone = self.taker.expect("Z", t131=name)
        if gone[117] != quotes[0]:
            raise Failure(f"another quote is withdrawn: {gone}")
        self.accept("c1-" + name, quotes[0])
        refused = self.taker.expect("AI", t693="c1-" + name)
        if "the LP was suspended" not in refused[58]:
            raise Failure(f"the acceptance of a quote that is gone: {refused}")
        self.accept("c2-" + name, quotes[1], "1.1002")
        self.lps[1].expect("D")

    def accept(self, name, quote, price="1.1001"):
        self.taker.send("AJ", [(693, name), (117, quote), (694, 1), (11, name), (55, "EURUSD"), (54, "1"), (38, "1000"),
                               (44, price)])


def run(build, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1", "LP2"))
    try:
        rfqd.start()
        ctl = Ctl(build, rfqd.socket)
        market = Market(rfqd)
        market.logon()
        rfqd.wait_lps(2)

        quotes = market.quoted("live")
        suspend(rfqd, "LP1", True)
        expect(ctl.run("config", "reload"), FINE)
        market.one_goes("live", quotes)

        suspend(rfqd, "LP1", False)
        expect(ctl.run("config", "reload"), FINE)
        quotes = market.quoted("killed")
        suspend(rfqd, "LP1", True)
        rfqd.kill9()
        for peer in (market.taker, *market.lps):
            peer.close()
        rfqd.start()
        market.logon()
        market.one_goes("killed", quotes)

        def ended():
            rows = json_rows(ctl, "events", "--type", "QUOTE_ENDED")
            return [r["record"]["reason"] for r in rows].count("lp_suspended")
        wait_until(lambda: ended() == 2, 10, "both in the log, with their reason")
        rfqd.stop()
    finally:
        rfqd.clean()


run_in_scratch("suspend", run, __doc__)
