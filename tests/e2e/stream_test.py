#!/usr/bin/env python3
"""Every event of the stream (spec/50) by its name, from a real rfqd: a script of an RFQ's turns and of what befalls LPs, in
which each name that control/feed/event.c can say comes at least once, and no other; each time with the members due to it.
The names are read from the source: one that is added there without a turn here is a failure.

    stream_test.py BUILD SOURCE
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api import ROOT, house, token  # noqa: E402
from appliance import Scratch  # noqa: E402
from ctl import FINE, Ctl, expect  # noqa: E402
from fixwire import Peer, utc  # noqa: E402
from wswire import WebSocket  # noqa: E402

BUILD, SOURCE = sys.argv[1], sys.argv[2]
LEFT_OUT = {"rfq:escalated"}  # its shortest time here is a matter of days: control_event_test has it
NO_RECORD = {"heartbeat", "rfq:countdown"}  # of the clock, and no part of the sequence

# spec/50: beyond rfqId, which all have but those for consoles.
MEMBERS = {
    "rfq:created": "symbol side quantity status",
    "rfq:status": "",  # status, state, or both: see a_status()
    "rfq:distributed": "status lpCount distributedAt",
    "rfq:quoted": "status",
    "rfq:awarded": "quoteId lpId plan",
    "rfq:filled": "tradeId price quantity symbol complete",
    "rfq:expired": "symbol",
    "rfq:cancelled": "symbol reason",
    "rfq:rejected": "symbol reason",
    "rfq:extended": "newExpiresAt",
    "rfq:countdown": "timeRemaining expiresAt",
    "quote:received": "quoteId lpId lpName bidPrice askPrice quantity validUntil status",
    "quotes:ranked": "rankings composite",
    "quote:expired": "quoteId lpId reason",
    "quote:withdrawn": "quoteId lpId reason",
    "order:status": "orderId state",
    "order:fill": "orderId price quantity",
    "lp:status": "lpId status",
    "session:state": "session state",
}
RANKING = "quoteId lpId ranking isBestBid isBestAsk"
COMPOSITE = "bestBid bestAsk spread quoteCount"
OF_NO_RFQ = {"lp:status", "session:state"}


def names_of_the_source():
    with open(os.path.join(SOURCE, "control/feed/event.c")) as f:
        table = re.search(r"shapes\[\] = \{\n(.*?)\n\};", f.read(), re.S)[1]
    rows = re.findall(r'\{RECORD_\w+,\s*[^,]+,\s*(NULL|"[a-z:_]+"),', table)
    if len(rows) != table.count("{"):
        raise AssertionError(f"{len(rows)} rows of {table.count('{')} are understood")
    return {row.strip('"') for row in rows if row != "NULL"}


class Console(WebSocket):
    """Whatever comes is kept."""

    def __init__(self, *arguments, **options):
        self.seen = []
        super().__init__(*arguments, **options)

    def read(self):
        got = super().read()
        if "event" in got:
            self.seen.append(got)
        return got


class Stream(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(Scratch("stream"))
        self.rfqd = house(BUILD, directory, takers=("T1",), lps=("LP1", "LP2"))
        self.addCleanup(self.rfqd.clean)
        self.rfqd.start()
        self.lps = [Peer(self.rfqd.port, name).logon(heartbeat=10) for name in ("LP1", "LP2")]
        for lp in self.lps:
            self.addCleanup(lp.close)
        self.rfqd.wait_lps(2)
        self.w = Console(self.rfqd.http_port, bearer=token(**ROOT))
        self.addCleanup(self.w.close)
        self.did("subscribe:tenant")

    def did(self, op, **members):
        answer = self.w.ask(op, **members)
        self.assertTrue(answer["success"], (op, answer))
        return answer

    def create(self, timeout_ms=60000):
        return self.did("rfq.create", symbol="EURUSD", side="buy", quantity="1000", timeoutMs=timeout_ms)["rfqId"]

    def quote(self, lp, rfq, name, price, more=()):
        """Its id. The LP is asked by now."""
        theirs = lp.expect("R")[131]
        lp.send("S", [(131, theirs), (117, name), (55, "EURUSD"), (133, price), *more])
        return theirs, self.w.event("quote:received", rfqId=rfq, lpId=lp.name)["data"]["quoteId"]

    def quoted(self):
        """An RFQ that both LPs have quoted, and the quotes' ids."""
        rfq = self.create()
        return rfq, *(self.quote(lp, rfq, f"{lp.name}-{rfq}", price)[1] for lp, price in zip(self.lps, ("1.1001", "1.1002")))

    def execute(self, lp, kind, status, last="0"):
        """One execution of the order that it was sent."""
        order = lp.expect("D")[11]
        traded = [(32, last), (31, "1.1002")] if kind == "F" else [(103, 99), (58, "no")]
        lp.send("8", [(37, f"{lp.name}-{order}"), (11, order), (17, f"{lp.name}-{order}"), (150, kind), (39, status),
                      (55, "EURUSD"), (54, 1), (38, 1000), *traded, (151, 0), (14, last), (6, "1.1002"), (60, utc())])

    # The script

    def quotes_come_and_go(self):
        rfq = self.create()
        _, short = self.quote(self.lps[0], rfq, "short", "1.1001", [(62, utc(1))])
        theirs, taken_back = self.quote(self.lps[1], rfq, "back", "1.1002")
        self.lps[1].send("Z", [(131, theirs), (117, "back"), (298, 1)])
        self.w.event("quote:withdrawn", quoteId=taken_back)
        self.w.event("quote:expired", quoteId=short)
        self.did("rfq.extend", rfqId=rfq, reason="more time")
        self.w.event("rfq:extended", rfqId=rfq)
        self.did("rfq.cancel", rfqId=rfq, reason="lp_issue")
        self.w.event("rfq:cancelled", rfqId=rfq)

    def an_lp_defaults_and_the_next_one_fills(self):
        rfq, first, second = self.quoted()
        self.did("rfq.accept", rfqId=rfq, quoteId=first)
        self.w.event("rfq:awarded", rfqId=rfq, lpId="LP1")
        self.execute(self.lps[0], "8", "8")
        self.w.event("rfq:status", rfqId=rfq, state="EVALUATION")
        self.did("rfq.accept", rfqId=rfq, quoteId=second)
        self.w.event("rfq:awarded", rfqId=rfq, lpId="LP2")
        self.execute(self.lps[1], "F", "2", "1000")
        self.w.event("rfq:status", rfqId=rfq, state="COMPLETED")

    def nobody_deals(self):
        self.w.event("rfq:expired", rfqId=self.create(timeout_ms=1000))

    def lps_go(self):
        with open(self.rfqd.config) as f:
            text = f.read()
        with open(self.rfqd.config, "w") as f:
            f.write(text.replace("{code: LP2, session: LP2,", "{code: LP2, session: LP2, status: suspended,"))
        expect(Ctl(BUILD, self.rfqd.socket).run("config", "reload"), FINE)
        self.w.event("lp:status", lpId="LP2", status="suspended")
        self.lps[0].logout()
        self.w.event("session:state", session="LP1", state="down")
        self.w.event("rfq:rejected", rfqId=self.create())

    def has(self, data, members, event):
        self.assertEqual([m for m in members.split() if m not in data], [], event)

    def a_status(self, data, event):
        """What went on: the state, what a taker is shown of it, or both."""
        self.assertTrue({"status", "state"} & set(data), event)

    def test_each_name_comes_with_its_members(self):
        self.quotes_come_and_go()
        self.an_lp_defaults_and_the_next_one_fills()
        self.nobody_deals()
        self.lps_go()
        self.assertEqual({e["event"] for e in self.w.seen} - NO_RECORD, names_of_the_source() - LEFT_OUT)
        for e in self.w.seen:
            name, data = e["event"], e.get("data")
            if name == "heartbeat":
                continue
            self.assertEqual("rfqId" in data, name not in OF_NO_RFQ, e)
            self.assertIn(name, MEMBERS)
            self.has(data, MEMBERS[name], e)
            if name == "rfq:status":
                self.a_status(data, e)
            if name == "quotes:ranked":
                self.has(data["composite"], COMPOSITE, e)
                for one in data["rankings"]:
                    self.has(one, RANKING, e)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
