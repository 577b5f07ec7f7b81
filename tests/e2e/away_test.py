#!/usr/bin/env python3
"""A taker that is away while LPs quote: what still counts reaches it when it is back, what does not is filled. Once its
connection drops, once rfqd is killed and the LPs are back before it.

    away_test.py BUILD
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, Failure, run_in_scratch, wait_until  # noqa: E402
from ctl import Ctl, json_rows  # noqa: E402
from fixwire import Peer, utc  # noqa: E402


class Market:
    def __init__(self, rfqd):
        self.taker, self.lps = Peer(rfqd.port, "T1"), [Peer(rfqd.port, name) for name in ("LP1", "LP2")]

    def request(self, name):
        self.taker.send("R", [(131, name), (146, 1), (55, "EURUSD"), (54, "1"), (38, "1000"), (126, utc(300))])
        self.asked = [lp.expect("R")[131] for lp in self.lps]

    def quote(self, lp, name, price, more=()):
        self.lps[lp].send("S", [(131, self.asked[lp]), (117, name), (55, "EURUSD"), (133, price), *more])
        self.lps[lp].in_step()

    def award(self, name, lp, quote, price):
        self.taker.send("AJ", [(693, name), (117, quote), (694, 1), (11, name), (55, "EURUSD"), (54, "1"), (38, "1000"),
                               (44, price)])
        self.lps[lp].expect("D")


def sees(taker, name, prices):
    """These quotes, in this order, said to be possible repetitions, and no other. Their ids."""
    taker.in_step()
    got = [m for m in taker.inbox if m.type == "S" and m[131] == name]
    if [m[133] for m in got] != prices or any(m[43] != "Y" for m in got):
        raise Failure(f"quotes of {name} for one who was away: {got}, {prices} were due")
    return [m[117] for m in got]


def decided(ctl, kind, count):
    rows = json_rows(ctl, "events", "--type", kind)
    if len(rows) != count:
        raise Failure(f"{len(rows)} {kind} in the log, {count} were due")


def dropped(rfqd, ctl, market):
    for peer in (market.taker, *market.lps):
        peer.logon(heartbeat=10)
        peer.in_step()
    rfqd.wait_lps(2)
    market.request("dropped")
    market.quote(0, "a", "1.1003")
    first = market.taker.expect("S", t133="1.1003")[117]
    market.taker.close()
    limit = utc(2)
    market.quote(1, "b", "1.1004", [(62, limit)])  # over before the taker is back
    market.quote(0, "c", "1.1001")  # in place of the first
    market.quote(1, "d", "1.1002")
    market.lps[1].send("Z", [(131, market.asked[1]), (117, "d"), (298, 1)])
    market.lps[1].in_step()
    decided(ctl, "QUOTE_ADDED", 4)
    wait_until(lambda: utc() > limit, 10, "the end of what was over")
    market.taker.logon(heartbeat=10)
    better, gone = sees(market.taker, "dropped", ["1.1001", "1.1002"])
    if market.taker.expect("Z", t131="dropped")[117] != gone:
        raise Failure("the withdrawal is of another quote")
    if better == first:
        raise Failure("the new quote has the old one's name")
    market.award("c1", 0, better, "1.1001")


def killed(rfqd, market):
    market.request("killed")
    market.quote(0, "e", "1.1003")
    market.taker.expect("S", t133="1.1003")
    rfqd.kill9()
    for peer in (market.taker, *market.lps):
        peer.close()
    rfqd.start()
    for lp in market.lps:
        lp.logon(heartbeat=10)
    market.quote(0, "f", "1.1001")
    market.quote(1, "g", "1.1002")
    market.taker.logon(heartbeat=10)
    best, _ = sees(market.taker, "killed", ["1.1001", "1.1002"])
    market.award("c2", 0, best, "1.1001")


def run(build, directory):
    rfqd = Appliance(build, directory, takers=("T1",), lps=("LP1", "LP2"))
    try:
        rfqd.start()
        market = Market(rfqd)
        dropped(rfqd, Ctl(build, rfqd.socket), market)
        killed(rfqd, market)
        rfqd.stop()
    finally:
        rfqd.clean()


run_in_scratch("away", run, __doc__)
