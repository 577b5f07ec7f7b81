#!/usr/bin/env python3
"""rfqd against QuickFIX: a FIX engine that shares no code with it, as takers and as LPs, on loopback.

T1 and L1 log on to rfqd; rfqd logs on to T2 and L2. Other sessions are there for the session layer only. QuickFIX checks
all that rfqd sends against a dictionary: the file that RFQD_FIX44_XML names, else the one of QuickFIX's package where it is
installed, else ours, generated from fix/dict.

At the end, over the whole run: QuickFIX refused no message of ours and we none of its but those provoked; every
application message that a party got was expected, once; sequence numbers never began again where no reset was asked for.

Waits on conditions only; ends only the processes it started.
"""

import argparse
import os
import signal
import sys
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

from appliance import Appliance, Failure, Scratch, free_port, wait_until  # noqa: E402
from party import Order, Party  # noqa: E402

SYMBOL = "EURUSD"


def hold(condition, what):
    if not condition:
        raise Failure(what)


class House(Appliance):
    """rfqd with the sessions of this test."""

    def __init__(self, build, directory):
        super().__init__(build, directory)
        self.t2, self.l2 = free_port(), free_port()
        connects = "reconnect_first_ms: 50, reconnect_max_ms: 200"
        with open(self.config, "w") as f:
            f.write(f"""
instance: interop
directory: {self.data}
shared: {self.shared}
ops_socket: {self.socket}
fix: {{listen: '127.0.0.1:{self.port}'}}
record: {{ring_gateway_mib: 8, ring_engine_mib: 16, lane_mib: 1, log_segment_mib: 16, store_map_gib: 4}}
settings: {{ack_timeout_ms: 20000, order_ack_timeout_ms: 30000, order_cancel_retry_ms: 30000,
            rfqs_max: 500, deliveries_max: 5000, quotes_max: 5000, orders_max: 1000, fills_max: 5000}}
cores: [{{cpu: -1, idle: backoff, run: [gateway, distribution, routing, log, control]}}]
instruments: [{{symbol: {SYMBOL}, quantity_min: 1000, quantity_max: 50000000, reference_price: 1.1, collar_percent: 5}}]
sessions:
  - {{name: T1, role: taker, target: T1, heartbeat_s: 10}}
  - {{name: T2, role: taker, target: T2, heartbeat_s: 10, connect: '127.0.0.1:{self.t2}', {connects}}}
  - {{name: L1, role: lp, target: L1, heartbeat_s: 10}}
  - {{name: L2, role: lp, target: L2, heartbeat_s: 10, connect: '127.0.0.1:{self.l2}', {connects},
      next_expected: true, time_precision: us}}
  - {{name: BEAT, role: taker, target: BEAT, heartbeat_s: 1}}
  - {{name: CALM, role: taker, target: CALM, heartbeat_s: 2}}
  - {{name: FRESH, role: taker, target: FRESH, admit_reset: true}}
  - {{name: FIRM, role: taker, target: FIRM}}
takers:
  - {{code: T1, session: T1}}
  - {{code: T2, session: T2}}
  - {{code: FRESH, session: FRESH}}
lps:
  - {{code: L1, session: L1}}
  - {{code: L2, session: L2, losers: response}}
""")

    def session(self, name):
        return next(s for s in self.ask("sessions") if s["session"] == name)

    def wait_session(self, name, state):
        return wait_until(lambda: self.session(name) if self.session(name)["state"] == state else None, 10,
                          f"session {name} to be {state}")

    def counter(self, name, label):
        return next((c["value"] for c in self.ask("counters") if c["name"] == name and label in c["labels"]), 0)


class Desk:
    """The house, its counterparties, and what most scenarios begin with."""

    def __init__(self, build, directory):
        self.directory = directory
        self.program = os.path.join(build, "bin", "quickfix_party")
        self.dictionary = next(f for f in (os.environ.get("RFQD_FIX44_XML"), "/usr/share/quickfix/FIX44.xml",
                                           os.path.join(build, "gen", "fix", "quickfix.xml")) if f and os.path.exists(f))
        # QuickFIX resets a store at its session's start: half a day away from now
        self.session_start = (datetime.now(timezone.utc) - timedelta(hours=12)).strftime("%H:%M:%S")
        self.parties, self.count = [], 0
        self.house = House(build, directory)
        self.t1 = Party(self, "taker", "T1", connect=self.house.port)
        self.t2 = Party(self, "taker", "T2", listen=self.house.t2)
        self.l1 = Party(self, "lp", "L1", connect=self.house.port)
        self.l2 = Party(self, "lp", "L2", listen=self.house.l2)
        self.main = (self.t1, self.t2, self.l1, self.l2)

    def start(self):
        self.house.start()
        for party in self.main:
            party.start()
        self.all_synced()

    def all_synced(self):
        for party in self.main:
            self.house.wait_session(party.name, "synced")

    def close(self):
        for party in self.parties:
            party.kill9()
            party.log.close()
        self.house.clean()

    def id(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def settled(self, party):
        """Both sides have the same numbers, also in the store: QuickFIX counts a message only after it told of it."""
        def agree():
            session = self.house.session(party.name)
            return wait_numbers(party) == (session["next_in"], session["next_out"])
        wait_until(agree, 5, f"{party.name} and us to have the same numbers")

    def back(self, party, mark):
        """Logged on since then, a probe of ours answered, and the record, which what we show follows, past that."""
        party.wait("logon", since=mark)
        party.wait("wire-out", lambda m: m.type == "0" and m[112], since=mark, what="answer to a probe")
        self.settled(party)
        self.house.wait_session(party.name, "synced")

    # Trading

    def request(self, taker, side, quantity, lps=None):
        """The RFQ at each LP. Returns the taker's id of it and the LPs'."""
        request = self.id(f"{taker.name}-R")
        taker.tell("request", request, SYMBOL, side, quantity, 60)
        names = {lp.take("R", Symbol=SYMBOL, OrderQty=quantity)["QuoteReqID"] for lp in lps or (self.l1, self.l2)}
        hold(len(names) == 1, f"LPs were asked under different names: {names}")
        return request, names.pop()

    def quote(self, lp, taker, request, name, bid, ask, size, seconds=60):
        """As the taker gets it; its LP's id in lp_quote."""
        quote = self.id(f"{lp.name}-Q")
        lp.tell("quote", name, quote, SYMBOL, bid, ask, size, seconds)
        seen = taker.take("S", QuoteReqID=request, BidPx=bid, OfferPx=ask)
        seen.lp_quote = quote
        return seen

    def accept(self, taker, quote, side, quantity, price):
        order = self.id(f"{taker.name}-A")
        taker.tell("accept", self.id("RESP"), quote["QuoteID"], order, SYMBOL, side, quantity, price)
        return order

    def traded(self, taker, lp, side="1", quantity=1000000):
        """An order of the taker that the LP has acknowledged: its ClOrdID and the LP's side of it. The other LP did not
        quote, and hears of the end with the first fill."""
        request, name = self.request(taker, side, quantity)
        quote = self.quote(lp, taker, request, name, "1.0999", "1.1001", quantity)
        cl_ord_id = self.accept(taker, quote, side, quantity, "1.1001" if side == "1" else "1.0999")
        order = Order(lp, lp.take("D", QuoteID=quote.lp_quote))
        order.new()
        taker.take("8", ClOrdID=cl_ord_id, ExecType="0")
        order.name = name
        return cl_ord_id, order

    def loser_told(self, order):
        loser = self.l2 if order.lp is self.l1 else self.l1
        loser.take("Z", QuoteReqID=order.name, QuoteID=order.name, QuoteCancelType=4)

    def finish(self, taker, cl_ord_id, order, quantity=None):
        """What is left of the order, filled; as the taker gets it."""
        order.fill(quantity or order.quantity - order.filled)
        return taker.take("8", ClOrdID=cl_ord_id, ExecType="F", CumQty=order.filled)


# 1. Trading
# ---------------------------------------------------------------------------------------------------------------------

def accept_and_fill(d):
    request, name = d.request(d.t1, "1", 1000000)
    best = d.quote(d.l1, d.t1, request, name, "1.0999", "1.1001", 1000000)
    d.quote(d.l2, d.t1, request, name, "1.0998", "1.1002", 2000000)
    hold(best.fits({"QuoteType": 1, "Symbol": SYMBOL, "BidSize": 1000000, "OfferSize": 1000000}), f"quote {best.values}")
    cl_ord_id = d.accept(d.t1, best, "1", 1000000, "1.1001")
    at_lp = d.l1.take("D", QuoteID=best.lp_quote, Symbol=SYMBOL, Side=1, OrderQty=1000000, Price="1.1001", OrdType="D",
                      TimeInForce=3)
    order = Order(d.l1, at_lp)
    order.new()
    new = d.t1.take("8", ClOrdID=cl_ord_id, ExecType="0", OrdStatus="0", Symbol=SYMBOL, Side=1, OrderQty=1000000,
                    LeavesQty=1000000, CumQty=0, AvgPx=0, LastQty=None)
    order.fill(1000000)
    fill = d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2", LastQty=1000000, LastPx="1.1001", LeavesQty=0,
                     CumQty=1000000, AvgPx="1.1001", OrderID=new["OrderID"])
    hold(fill["ExecID"] != new["ExecID"], "two reports have one ExecID")
    d.l2.take("AJ", QuoteRespType=5, Symbol=SYMBOL)  # done away


def order_and_partial_fills(d):
    request, name = d.request(d.t2, "-", 1000000)  # two-way: Side is left out
    best = d.quote(d.l2, d.t2, request, name, "1.0999", "1.1001", 1000000)
    other = d.quote(d.l1, d.t2, request, name, "1.0998", "1.1002", 1000000)
    cl_ord_id = d.id("T2-D")
    d.t2.tell("order", cl_ord_id, best["QuoteID"], SYMBOL, "2", 1000000, "1.0999")
    order = Order(d.l2, d.l2.take("D", QuoteID=best.lp_quote, Side=2, Price="1.0999"))
    order.new()
    d.t2.take("8", ClOrdID=cl_ord_id, ExecType="0", Side=2)
    order.fill(400000, "1.0999")
    d.t2.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="1", LastQty=400000, LastPx="1.0999", CumQty=400000,
              LeavesQty=600000, AvgPx="1.0999")
    order.fill(600000, "1.1")
    d.t2.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2", LastQty=600000, LastPx="1.1", CumQty=1000000,
              LeavesQty=0, AvgPx="1.09996")
    d.l1.take("Z", QuoteReqID=name, QuoteID=other.lp_quote, QuoteCancelType=1)
    # the same ClOrdID again is refused, and changes nothing
    d.t2.tell("order", cl_ord_id, best["QuoteID"], SYMBOL, "2", 1000000, "1.0999")
    d.t2.take("8", ClOrdID=cl_ord_id, ExecType="8", OrdStatus="8", OrdRejReason=6, CumQty=0)


def refused_requests(d):
    d.t1.tell("request", "UNKNOWN-1", "XXXYYY", "1", 1000000, 60)
    d.t1.take("AG", QuoteReqID="UNKNOWN-1", QuoteRequestRejectReason=1, Symbol="XXXYYY")
    d.t1.tell("request", "LARGE-1", SYMBOL, "1", 60000000, 60)
    d.t1.take("AG", QuoteReqID="LARGE-1", QuoteRequestRejectReason=3)
    # all LPs pass: one by AG, one by AI 297=11
    request, name = d.request(d.t1, "1", 1000000)
    d.l1.tell("refuse", name, SYMBOL, 99)
    d.l2.tell("status", name, SYMBOL, 11)
    d.t1.take("AG", QuoteReqID=request)
    d.l2.take("Z", QuoteReqID=name, QuoteCancelType=4)  # it declined, yet has the request; L1 refused it as such


def refused_acceptances(d):
    d.t1.tell("accept", "RESP-NONE", "Q0", "CL-NONE", SYMBOL, "1", 1000000, "1.1")
    d.t1.take("AI", QuoteRespID="RESP-NONE", QuoteID="Q0", QuoteStatus=5)
    request, name = d.request(d.t1, "1", 1000000)
    quote = d.quote(d.l1, d.t1, request, name, "1.0999", "1.1001", 1000000)
    d.t1.tell("accept", "RESP-PRICE", quote["QuoteID"], "CL-PRICE", SYMBOL, "1", 1000000, "1.1000")
    d.t1.take("AI", QuoteRespID="RESP-PRICE", QuoteID=quote["QuoteID"], QuoteStatus=5)
    brief = d.quote(d.l2, d.t1, request, name, "1.0997", "1.1003", 1000000, seconds=3)
    until = datetime.strptime(brief["ValidUntilTime"], "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=timezone.utc).timestamp()
    wait_until(lambda: time.time() > until, 10, "the quote's expiry")
    d.t1.tell("accept", "RESP-LATE", brief["QuoteID"], "CL-LATE", SYMBOL, "1", 1000000, "1.1003")
    d.t1.take("AI", QuoteRespID="RESP-LATE", QuoteStatus=7)
    d.t1.tell("order", "CL-LATE", brief["QuoteID"], SYMBOL, "1", 1000000, "1.1003")
    d.t1.take("8", ClOrdID="CL-LATE", ExecType="8", OrdStatus="8")
    # the LP takes its quote back: the taker is told, and cannot take it
    d.l1.tell("withdraw", name, quote.lp_quote, SYMBOL)
    d.t1.take("Z", QuoteReqID=request, QuoteID=quote["QuoteID"], QuoteCancelType=1)
    d.t1.tell("accept", "RESP-GONE", quote["QuoteID"], "CL-GONE", SYMBOL, "1", 1000000, "1.1001")
    d.t1.take("AI", QuoteRespID="RESP-GONE", QuoteStatus=5)
    withdraw(d, d.t1, request, name, {})


def withdraw(d, taker, request, name, quotes):
    """quotes: LP → its quote that stands; the others have the request's name in 117."""
    taker.tell("withdraw", request, SYMBOL)
    taker.take("AI", QuoteReqID=request, QuoteStatus=4)
    for lp in (d.l1, d.l2):
        standing = quotes.get(lp)
        lp.take("Z", QuoteReqID=name, QuoteID=standing.lp_quote if standing else name,
                QuoteCancelType=1 if standing else 4)


def withdrawn_request(d):
    request, name = d.request(d.t2, "1", 1000000)
    quote = d.quote(d.l1, d.t2, request, name, "1.0999", "1.1001", 1000000)
    withdraw(d, d.t2, request, name, {d.l1: quote})
    d.t2.tell("withdraw", "NEVER-1", SYMBOL)
    d.t2.take("AI", QuoteReqID="NEVER-1", QuoteStatus=9)


def cancelled_order(d):
    cl_ord_id, order = d.traded(d.t1, d.l1)
    order.fill(250000)
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="1", CumQty=250000)
    d.loser_told(order)
    cancel = d.id("T1-C")
    d.t1.tell("cancel", cancel, cl_ord_id, SYMBOL, "1", 1000000)
    asked = d.l1.take("F", OrigClOrdID=order.cl_ord_id, OrderID=order.id, Symbol=SYMBOL, Side=1)
    order.cancelled(asked["ClOrdID"])
    d.t1.take("8", ClOrdID=cancel, OrigClOrdID=cl_ord_id, ExecType="4", OrdStatus="4", CumQty=250000, LeavesQty=0)
    d.t1.tell("cancel", d.id("T1-C"), cl_ord_id, SYMBOL, "1", 1000000)
    d.t1.take("9", OrigClOrdID=cl_ord_id, OrdStatus="4", CxlRejReason=0)
    d.t1.tell("cancel", "C-NONE", "NO-SUCH-ORDER", SYMBOL, "1", 1000000)
    d.t1.take("9", ClOrdID="C-NONE", OrigClOrdID="NO-SUCH-ORDER", CxlRejReason=1)


def rejected_order(d):
    request, name = d.request(d.t1, "1", 1000000)
    first = d.quote(d.l1, d.t1, request, name, "1.0999", "1.1001", 1000000)
    second = d.quote(d.l2, d.t1, request, name, "1.0998", "1.1002", 1000000)
    cl_ord_id = d.accept(d.t1, first, "1", 1000000, "1.1001")
    Order(d.l1, d.l1.take("D", QuoteID=first.lp_quote)).reject()
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="8", OrdStatus="8", CumQty=0, LeavesQty=0)
    again = d.t1.take("S", QuoteReqID=request, QuoteID=second["QuoteID"], OfferPx="1.1002")  # offered again
    cl_ord_id = d.accept(d.t1, again, "1", 1000000, "1.1002")
    order = Order(d.l2, d.l2.take("D", QuoteID=second.lp_quote))
    order.new()
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="0")
    hold(d.finish(d.t1, cl_ord_id, order)["OrdStatus"] == "2", "the second LP's fill")
    d.l1.take("Z", QuoteReqID=name)


# 2. Restarts
# ---------------------------------------------------------------------------------------------------------------------

def logon_goes_on(party, mark, sent_before):
    """The Logon's number goes on, without a reset."""
    logon = party.wait_wire("out", "A", since=mark)
    hold(logon.seq == sent_before, f"{party.name}'s Logon has {logon.seq}, {sent_before} was next")
    hold(logon[141] != "Y", f"{party.name} reset its numbers")


def taker_restart(d):
    """Down while its order is filled: the reports come by resend, in order, once."""
    t1 = d.t1
    cl_ord_id, order = d.traded(t1, d.l1)
    d.settled(t1)
    t1.kill9()
    d.house.wait_session("T1", "down")
    out_before, in_before = t1.numbers()
    order.fill(300000)
    order.fill(700000)
    d.loser_told(order)
    wait_until(lambda: d.house.session("T1")["next_out"] >= in_before + 2, 5, "reports that wait for T1")
    mark = t1.start()
    logon_goes_on(t1, mark, out_before)
    first = t1.take("8", ClOrdID=cl_ord_id, ExecType="F", CumQty=300000)
    second = t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2", CumQty=1000000)
    hold(first.message.poss_dup and second.message.poss_dup, "a report that was missed is not marked as resent")
    hold((first.message.seq, second.message.seq) == (in_before, in_before + 1), "the reports are not in order")
    hold(t1.wait_wire("out", "2", since=mark)[7] == str(in_before), "QuickFIX asked for something else")
    hold(all(m[122] for m in (first.message, second.message)), "no OrigSendingTime")
    d.house.wait_session("T1", "synced")


def taker_lost_bytes(d):
    """What was on the wire when the taker died: we cannot know that it was not read until it asks."""
    t1 = d.t1
    cl_ord_id, order = d.traded(t1, d.l2)
    d.settled(t1)
    _, in_before = wait_numbers(t1)
    t1.pause()
    sent = d.house.session("T1")["next_out"]
    order.fill(1000000)
    wait_until(lambda: d.house.session("T1")["next_out"] > sent, 5, "the report to leave")
    d.loser_told(order)
    t1.kill9()
    d.house.wait_session("T1", "down")
    hold(t1.numbers()[1] == in_before, "the taker read what it should not have")
    t1.start()
    fill = t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2")
    hold(fill.message.poss_dup and fill.message.seq == in_before, "the report is not a resend")
    d.house.wait_session("T1", "synced")


def wait_numbers(party):
    """Next out, next in, of a running party."""
    mark = party.mark()
    party.tell("numbers")
    return tuple(int(n) for n in party.wait("numbers", since=mark).split())


def store_lags(d):
    """The taker's store is older than it should be: it asks for what it had, and gets the same again."""
    t1 = d.t1
    cl_ord_id, order = d.traded(t1, d.l1)
    d.finish(t1, cl_ord_id, order)
    d.loser_told(order)
    had = [m for m in t1.wire("in") if m[11] == cl_ord_id]
    t1.quit()
    d.house.wait_session("T1", "down")
    out, into = t1.numbers()
    t1.set_numbers(out, had[0].seq)
    mark = t1.start()
    logon_goes_on(t1, mark, out)
    t1.take("8", ClOrdID=cl_ord_id, ExecType="0")
    t1.take("8", ClOrdID=cl_ord_id, ExecType="F")
    d.house.wait_session("T1", "synced")
    again = [m for m in t1.wire("in", mark) if m[11] == cl_ord_id]
    hold([m.body() for m in again] == [m.body() for m in had], "a resent report differs from the first one")
    hold(all(m.poss_dup for m in again), "not marked as possible duplicates")
    hold(wait_numbers(t1)[1] > into, "the taker has not caught up")


def asked_by_hand(d):
    """ResendRequests by number: all of it, and a range. The answer covers the numbers without a hole."""
    for party, name in ((d.t1, "T1"), (d.l2, "L2")):
        first = {}  # as a resend where the party was down when it was first due
        for m in party.wire("in"):
            if not (m.poss_dup and m.admin):
                first.setdefault(m.seq, m)
        for begin, end in ((1, 0), (3, 5)):
            last = end or d.house.session(name)["next_out"] - 1
            mark = party.mark()
            party.tell("resend", begin, end)
            covered = lambda: resent_numbers(party.wire("in", mark))  # noqa: B023
            wait_until(lambda: set(range(begin, last + 1)) <= covered().keys(), 10, f"{name}: resend of {begin} to {end}")
            for seq, m in covered().items():
                hold(seq <= last or not end, f"{name}: {seq} was not asked for")
                if m.type == "4":
                    hold(m[123] == "Y" and (seq not in first or first[seq].admin or first[seq].type in "RS"),
                         f"{name}: {seq} was filled though it could be sent")
                else:
                    hold(not m.admin and m.body() == first[seq].body(), f"{name}: {seq} differs from what was sent")
                    hold(m[122] == (first[seq][122] or first[seq][52]), f"{name}: {seq} has another OrigSendingTime")


def resent_numbers(messages):
    """Number → the message that stands for it."""
    numbers = {}
    for m in messages:
        if m.poss_dup:
            for seq in range(m.seq, int(m[36]) if m.type == "4" else m.seq + 1):
                numbers[seq] = m
    return numbers


def lp_restart(d, lp):
    """Killed with an order in hand, it reports after its restart; logged out, what it reports comes when we ask."""
    cl_ord_id, order = d.traded(d.t1, lp)
    d.settled(lp)
    lp.kill9()
    d.house.wait_session(lp.name, "down")
    out_before, _ = lp.numbers()
    mark = lp.start()
    d.house.wait_session(lp.name, "synced")
    logon_goes_on(lp, mark, out_before)
    order.fill(200000)
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="1", CumQty=200000)
    d.loser_told(order)
    mark = lp.mark()
    lp.tell("logout")
    lp.wait("logout", since=mark)
    d.house.wait_session(lp.name, "down")
    before = wait_numbers(lp)[0]
    order.fill(300000)
    order.fill(500000)
    wait_until(lambda: wait_numbers(lp)[0] == before + 2, 5, "the LP to number its reports")
    lp.tell("logon")
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="1", CumQty=500000)
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2", CumQty=1000000)
    asked = lp.wait_wire("in", "2", since=mark)
    hold(asked[7] == str(before), f"we asked {lp.name} from {asked[7]}, {before} is what we lacked")
    resent = [m for m in lp.wire("out", mark) if m.type == "8"]
    hold([m.seq for m in resent if m.poss_dup] == [before, before + 1], "the LP resent something else")
    d.house.wait_session(lp.name, "synced")


def lp_lost_order(d, lp):
    """The order was on the wire when the LP died: it asks, and gets it, marked, while the quote is valid. We ask too,
    how it stands, once nothing is left to be resent; and take the LP's answer."""
    request, name = d.request(d.t1, "1", 1000000)
    quote = d.quote(lp, d.t1, request, name, "1.0999", "1.1001", 1000000)
    d.settled(lp)
    lp.pause()
    sent = d.house.session(lp.name)["next_out"]
    cl_ord_id = d.accept(d.t1, quote, "1", 1000000, "1.1001")
    wait_until(lambda: d.house.session(lp.name)["next_out"] > sent, 5, "the order to leave")
    lp.kill9()
    d.house.wait_session(lp.name, "down")
    lp.start()
    seen = lp.take("D", QuoteID=quote.lp_quote)
    hold(seen.message.poss_dup and seen.message.seq == sent, "the order is not a resend")
    order = Order(lp, seen)
    order.name = name
    d.house.wait_session(lp.name, "synced")
    asked = lp.take("H", ClOrdID=order.cl_ord_id, Symbol=SYMBOL, Side=1)
    hold(not asked.message.poss_dup and asked.message.seq > sent, "the question came before the order")
    order.status()
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="0")
    d.finish(d.t1, cl_ord_id, order)
    d.loser_told(order)


def killed_house(d):
    """SIGKILL with an order half filled, a quote on offer, and messages of both sides while it is down."""
    cl_ord_id, order = d.traded(d.t1, d.l1)
    order.fill(400000)
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", CumQty=400000)
    d.loser_told(order)
    request, name = d.request(d.t2, "1", 1000000)
    quote = d.quote(d.l2, d.t2, request, name, "1.0999", "1.1001", 1000000)
    for party in d.main:
        d.settled(party)
    numbers = {p.name: wait_numbers(p) for p in d.main}
    marks = {p.name: p.mark() for p in d.main}
    d.house.kill9()
    for party in d.main:
        party.wait("logout", since=marks[party.name])
    order.fill(600000)
    d.t1.tell("logout")  # comes back when the LPs are there to be asked
    d.t1.tell("request", "WHILE-DOWN", SYMBOL, "1", 2000000, 60)
    recovered = d.house.start()
    hold(not recovered["first"], "it began anew")
    for party in (d.t2, d.l1, d.l2):
        d.back(party, marks[party.name])
    d.t1.tell("logon")
    d.back(d.t1, marks["T1"])
    d.t1.take("8", ClOrdID=cl_ord_id, ExecType="F", OrdStatus="2", CumQty=1000000)
    down_name = d.l1.take("R", OrderQty=2000000)["QuoteReqID"]
    d.l2.take("R", OrderQty=2000000, QuoteReqID=down_name)
    d.quote(d.l1, d.t1, "WHILE-DOWN", down_name, "1.0999", "1.1001", 2000000)
    d.t1.tell("withdraw", "WHILE-DOWN", SYMBOL)
    d.t1.take("AI", QuoteReqID="WHILE-DOWN", QuoteStatus=4)
    d.l1.take("Z", QuoteReqID=down_name)
    d.l2.take("Z", QuoteReqID=down_name)
    t2_order = d.accept(d.t2, quote, "1", 1000000, "1.1001")
    second = Order(d.l2, d.l2.take("D", QuoteID=quote.lp_quote))
    second.name = name
    second.new()
    d.t2.take("8", ClOrdID=t2_order, ExecType="0")
    d.finish(d.t2, t2_order, second)
    d.loser_told(second)
    for party in d.main:
        now, mark = wait_numbers(party), marks[party.name]
        hold(now[0] > numbers[party.name][0] and now[1] > numbers[party.name][1], f"{party.name}'s numbers went back")
        hold(not any(m[141] == "Y" for m in party.wire("in", mark) + party.wire("out", mark)), "a reset")


# 3. The session layer
# ---------------------------------------------------------------------------------------------------------------------

def silent_house(d):
    """We are silent: QuickFIX asks, and is answered."""
    calm = Party(d, "taker", "CALM", connect=d.house.port, heartbeat=2)  # its own clock ticks once a second
    calm.start()
    d.house.wait_session("CALM", "synced")
    mark = calm.mark()
    d.house.process.signal(signal.SIGSTOP)
    try:
        asked = calm.wait_wire("out", "1", since=mark)
    finally:
        d.house.process.signal(signal.SIGCONT)
    calm.wait_wire("in", "0", since=mark, t112=asked[112])
    hold(not calm.said("logout", mark), "the session ended")
    calm.kill9()


def heartbeats(d):
    beat = Party(d, "taker", "BEAT", connect=d.house.port, heartbeat=1)
    mark = beat.start()
    d.house.wait_session("BEAT", "synced")  # our TestRequest after logon was answered
    probe = beat.wait_wire("in", "1", since=mark)
    beat.wait_wire("out", "0", since=mark, t112=probe[112])
    beat.wait_wire("in", "0", since=mark, t112=None)
    beat.wait_wire("out", "0", since=mark, t112=None)
    beat.tell("test", "ARE-YOU-THERE")
    beat.wait_wire("in", "0", since=mark, t112="ARE-YOU-THERE")
    # it is silent: we ask, then close; it comes back with its numbers
    d.house.wait_session("BEAT", "synced")
    d.settled(beat)
    out_before, _ = wait_numbers(beat)
    mark = beat.mark()
    beat.pause()
    d.house.wait_session("BEAT", "down")
    beat.resume()
    beat.wait_wire("in", "1", since=mark)
    d.house.wait_session("BEAT", "synced")
    hold(beat.wait_wire("out", "A", since=mark).seq >= out_before, "BEAT began again")
    return beat


def logout_handshake(d, beat):
    mark = beat.mark()
    beat.tell("logout")
    out = beat.wait_wire("out", "5", since=mark)
    beat.wait_wire("in", "5", since=mark)
    d.house.wait_session("BEAT", "down")
    beat.wait("logout", since=mark)
    mark = beat.mark()
    beat.tell("logon")
    logon_goes_on(beat, mark, out.seq + 1)
    d.house.wait_session("BEAT", "synced")


def wrong_comp_id(d):
    def refused(reason):
        return d.house.counter("rfqd_fix_refused_total", f'reason="{reason}"')
    before = refused("unknown_comp_id")
    stranger = Party(d, "taker", "STRANGER", connect=d.house.port)
    stranger.start()
    wait_until(lambda: refused("unknown_comp_id") > before, 5, "the refusal of an unknown CompID")
    before = refused("session_is_live")
    second = Party(d, "taker", "BEAT", store="BEAT2", connect=d.house.port, heartbeat=1)
    second.start()
    wait_until(lambda: refused("session_is_live") > before, 5, "the refusal of a second logon")
    stranger.kill9()
    second.kill9()
    for party in (stranger, second):
        hold(not party.said("logon") and not party.wire("in"), f"{party.name} was let in or answered")
    hold(d.house.session("BEAT")["state"] != "down", "the second logon cost the first its session")


def resets(d):
    fresh = Party(d, "taker", "FRESH", connect=d.house.port)
    fresh.start()
    d.house.wait_session("FRESH", "synced")
    fresh.tell("request", "FRESH-1", "XXXYYY", "1", 1000000, 60)
    fresh.take("AG", QuoteReqID="FRESH-1")
    fresh.quit()
    before = d.house.wait_session("FRESH", "down")
    mark = fresh.start(reset="Y")
    d.house.wait_session("FRESH", "synced")
    for direction in ("out", "in"):
        logon = fresh.wait_wire(direction, "A", since=mark)
        hold(logon.seq == 1 and logon[141] == "Y", f"reset Logon {direction}: {logon.fields}")
    after = d.house.session("FRESH")
    hold(after["generation"] == before["generation"] + 1 and after["next_in"] < before["next_in"], f"no reset: {after}")
    fresh.tell("request", "FRESH-2", "XXXYYY", "1", 1000000, 60)
    fresh.take("AG", QuoteReqID="FRESH-2")
    fresh.kill9()

    firm = Party(d, "taker", "FIRM", connect=d.house.port)
    firm.start()
    d.house.wait_session("FIRM", "synced")
    firm.quit()
    d.house.wait_session("FIRM", "down")
    out, into = firm.numbers()
    before = d.house.session("FIRM")
    mark = firm.start(reset="Y")
    refusal = firm.wait_wire("in", "5", since=mark)
    firm.kill9()
    hold("141" in refusal[58] and "not admitted" in refusal[58], f"refused with {refusal[58]}")
    hold(not firm.said("logon", mark), "the reset was taken")
    after = d.house.session("FIRM")
    hold((after["generation"], after["next_in"]) == (before["generation"], before["next_in"]), "it changed the numbers")
    return firm, out, into


def too_low(d, firm, out, into):
    firm.set_numbers(1, into)
    mark = firm.start()
    text = firm.wait_wire("in", "5", since=mark)[58]
    firm.kill9()
    hold("too low" in text and f"expecting {out}" in text and "received 1" in text, f"Logout says: {text}")
    hold(d.house.session("FIRM")["next_in"] == out, "a message too low was counted")
    firm.set_numbers(out, into)
    mark = firm.start()
    d.house.wait_session("FIRM", "synced")
    logon_goes_on(firm, mark, out)
    firm.kill9()


def planned_stop(d, beat):
    """All are logged out by us, answer, and nothing is left to recover."""
    parties = (*d.main, beat)
    marks = {p: p.mark() for p in parties}
    d.house.stop()
    for party in parties:
        party.wait_wire("in", "5", since=marks[party])
        party.wait_wire("out", "5", since=marks[party])


# The whole run
# ---------------------------------------------------------------------------------------------------------------------

def nothing_refused(d):
    for party in d.parties:
        for direction in ("in", "out"):
            for m in party.wire(direction):
                hold(m.type not in ("3", "j"), f"{party.name} {direction}: {m.fields}")
        hold(not party.untaken(), f"{party.name} got what nobody expected: {party.untaken()}")
        hold(not party.said("error"), f"{party.name}: {party.said('error')}")
        for text in party.said("event"):
            hold("Invalid message" not in text and "rejected" not in text.lower(), f"{party.name}: {text}")


def nothing_doubled(d):
    """Each fill once, but where the store was made to forget; numbers in order."""
    for party in (d.t2, d.l1, d.l2):
        for tag in ((17,) if party.role == "taker" else (11,)):
            ids = [m[tag] for m in party.said("got") if m.type in ("8", "D")]
            hold(len(ids) == len(set(ids)), f"{party.name} got something twice")
        numbers = [m.seq for m in party.said("got")]
        hold(numbers == sorted(set(numbers)), f"{party.name}: application messages out of order")
    verify = d.house.ask("verify", 60)[-1]
    hold(verify["equal"], f"the record does not verify: {verify}")
    breaks = d.house.ask("dump breaks") if any(t.get("table") == "breaks" for t in d.house.ask("dump")) else []
    hold(not breaks, f"breaks: {breaks}")


def run(d):
    def step(scenario, *arguments):
        began = time.monotonic()
        result = scenario(d, *arguments)
        names = " ".join(a.name for a in arguments if isinstance(a, Party))
        print(f"{time.monotonic() - began:6.2f} s  {scenario.__name__} {names}", flush=True)
        return result

    print(f"dictionary: {d.dictionary}")
    d.start()
    for scenario in (accept_and_fill, order_and_partial_fills, refused_requests, refused_acceptances, withdrawn_request,
                     cancelled_order, rejected_order, taker_restart, taker_lost_bytes, store_lags):
        step(scenario)
    for lp in (d.l1, d.l2):
        step(lp_restart, lp)
        step(lp_lost_order, lp)
    step(asked_by_hand)
    step(killed_house)
    step(silent_house)
    beat = step(heartbeats)
    step(logout_handshake, beat)
    step(wrong_comp_id)
    step(too_low, *step(resets))
    step(nothing_doubled)
    step(planned_stop, beat)
    step(nothing_refused)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--keep", action="store_true", help="keep the directory of the run")
    options = parser.parse_args()
    began = time.monotonic()
    with Scratch("interop", options.keep) as directory:
        desk = Desk(options.build, directory)
        try:
            run(desk)
        finally:
            desk.close()
    print(f"{time.monotonic() - began:6.2f} s  in all")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
