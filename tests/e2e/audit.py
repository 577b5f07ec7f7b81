#!/usr/bin/env python3
"""An independent auditor. It knows FIX text and the dump's JSON, and none of rfqd's code.

    audit.py JOURNALS DUMP        directories: <name>.journal of each party; <table>.json of each table

Takers' journals, LPs' journals and the dump must be one story: nothing lost, nothing doubled, nothing altered.
Each thing that does not fit is one line; exit 1 if there is any.

    journal line   <UTC ns> <I|O|R|N> <MsgSeqNum> <message, SOH as '|'>
                   I received, O sent, R sent again, N a note
"""

import json
import os
import sys
from decimal import Decimal

COMPLAINTS_MAX = 50
BEHIND_LOGOUT_MAX = 8  # messages

FINAL_RFQ = {"COMPLETED", "CANCELLED", "REJECTED", "EXPIRED", "ARCHIVED"}
FINAL_ORDER = {"filled": "2", "cancelled": "4", "rejected": "8"}
# What the taker is told of an RFQ's end: the message, and where it is a QuoteStatusReport, its status (297).
END_MESSAGE = {"REJECTED": "AG", "CANCELLED": "AI4", "EXPIRED": "AI7"}
# MsgTypes that the story is made of; the rest is counted only.
OF_TAKER = {"I": {"S", "8", "AG", "AI", "Z"}, "O": {"R", "AJ", "D"}}
OF_LP = {"I": {"R", "D", "F", "AI", "j"}, "O": {"S", "8"}}

amounts = {}


def amount(text):
    """Decimals are equal by value: 1000000, 1000000.0. Most come again and again."""
    value = amounts.get(text)
    if value is None:
        value = amounts[text] = Decimal(text)
    return value


def fields_of(text):
    """{tag: value}; the first of a tag counts (groups here have one entry)."""
    fields = {}
    for field in text.split("|"):
        tag, _, value = field.partition("=")
        if tag not in fields:
            fields[tag] = value
    return fields


def is_busy(text):
    return "|58=busy: " in text


class Party:
    """What one journal says."""

    def __init__(self, name):
        self.name = name
        self.messages = 0
        self.resent = 0
        self.next_in = 1
        self.next_out = 1
        self.next_out_told = 1  # after the last message that was not a Logon: one may go unanswered at the end
        # a taker's
        self.requests = {}  # QuoteReqID -> (symbol, side, quantity)
        self.ends = {}  # QuoteReqID -> [what it was told]
        self.accepts = {}  # ClOrdID -> (quote id, quantity, price)
        self.refused_accepts = {}  # ClOrdID -> count
        self.quotes = {}  # QuoteID -> (QuoteReqID, bid, ask)
        self.reports = {}  # OrderID -> [(ClOrdID, ExecType, OrdStatus, LastQty, LastPx, CumQty)]
        self.exec_ids = set()
        # an LP's
        self.asked = {}  # QuoteReqID -> times as new
        self.orders = {}  # ClOrdID -> (quantity, price, side, quote id)
        self.executions = {}  # ClOrdID of the order -> [(ExecID, ExecType, OrdStatus, LastQty, LastPx, CumQty)]
        self.said = {}  # ExecID -> (ClOrdID of the order, the same)
        self.sent_quotes = {}  # QuoteID -> (QuoteReqID, bid, ask)
        self.quote_times = {}  # QuoteID -> how often it was sent
        self.quotes_flagged = 0  # of them, with PossResend
        self.refused_quotes = {}  # QuoteID -> count
        # both
        self.busy = 0  # refused for want of room, before any decision


class Audit:
    def __init__(self):
        self.complaints = []
        self.complaint_count = 0
        self.parties = {}
        self.numbers = {}

    def wrong(self, text):
        self.complaint_count += 1
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(text)

    def count(self, name, by=1):
        self.numbers[name] = self.numbers.get(name, 0) + by

    # Journals ------------------------------------------------------------------------------------------------

    def read_journal(self, path, name):
        party = self.parties[name] = Party(name)
        interesting = OF_LP if name.startswith("LP") else OF_TAKER
        take = self.lp_message if name.startswith("LP") else self.taker_message
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if not line.endswith("\n"):
                    break  # cut short by the end of its writer: it never counted
                _, kind, number, text = line.rstrip("\n").split(" ", 3)
                if kind == "N":
                    if text.startswith("next_in="):
                        self.gap_filled(party, int(text[8:]))
                    continue
                if kind == "R":
                    party.resent += 1
                    continue
                at = text.find("|35=") + 4
                kind_of = text[at:text.find("|", at)]
                party.busy += kind == "I" and is_busy(text)
                self.sequence(party, kind, int(number), kind_of)
                if kind == "O":
                    self.turn(name.startswith("LP"), kind_of, text)
                if kind_of == "A" and "|141=Y|" in text:
                    self.wrong(f"{name}: numbers were reset at logon: {text}")
                if kind_of in ("3", "j") and kind == "I" and not is_busy(text):
                    self.wrong(f"{name}: rfqd refuses a message of ours: {text}")
                if kind_of in interesting.get(kind, ()):
                    take(party, kind, kind_of, fields_of(text), text)

    def turn(self, of_lp, kind_of, text):
        """What a party did beside asking, quoting, accepting and filling."""
        if kind_of == "Z":
            self.count("quotes_withdrawn" if of_lp else "requests_withdrawn")
        elif kind_of == "F":
            self.count("orders_cancelled")
        elif kind_of == "AJ" and "|694=6|" in text:
            self.count("passes")
        elif kind_of == "R" and "|54=" not in text:
            self.count("two_way")
        elif kind_of == "9":
            self.count("cancels_refused")

    def sequence(self, party, kind, number, kind_of):
        party.messages += 1
        expected = party.next_in if kind == "I" else party.next_out
        if number != expected:
            what = "received" if kind == "I" else "sent"
            self.wrong(f"{party.name}: message {number} is {what} where {expected} was due")
        if kind == "I":
            party.next_in = number + 1
        else:
            party.next_out = number + 1
            if kind_of != "A":
                party.next_out_told = number + 1

    def gap_filled(self, party, number):
        if number < party.next_in:
            self.wrong(f"{party.name}: the number expected goes back from {party.next_in} to {number}")
        party.next_in = number

    def taker_message(self, party, kind, kind_of, f, text):
        if kind_of == "R":
            if f["131"] in party.requests:
                self.wrong(f"{party.name}: asks {f['131']} twice")
            party.requests[f["131"]] = (f["55"], f.get("54"), amount(f["38"]))
        elif kind_of == "AJ" and f["694"] == "6":  # a pass: the request ends as by Z
            pass
        elif kind_of in ("AJ", "D"):
            if f["11"] in party.accepts:
                self.wrong(f"{party.name}: accepts twice under {f['11']}")
            party.accepts[f["11"]] = (f["117"], amount(f["38"]), amount(f["44"]))
        elif kind_of == "S":
            party.quotes[f["117"]] = (f["131"], amount(f.get("132", "0")), amount(f.get("133", "0")))
        elif kind_of == "8":
            self.taker_report(party, f, text)
        elif kind_of == "AG":
            party.ends.setdefault(f["131"], []).append("AG")
        elif kind_of == "AI":
            if "693" in f:
                party.refused_accepts[f["693"]] = party.refused_accepts.get(f["693"], 0) + 1
            elif "131" in f and f["297"] in ("4", "7"):
                party.ends.setdefault(f["131"], []).append("AI" + f["297"])

    def taker_report(self, party, f, text):
        if f["17"] in party.exec_ids:
            self.wrong(f"{party.name}: execution {f['17']} is reported twice: {text}")
        party.exec_ids.add(f["17"])
        busy = f["150"] == "8" and is_busy(text)  # at its mark: there is no order, whatever the OrderID
        if f["37"] == "NONE" or busy:
            if f["150"] == "8":
                party.refused_accepts[f["11"]] = party.refused_accepts.get(f["11"], 0) + 1
            return
        party.reports.setdefault(f["37"], []).append(
            (f.get("41", f["11"]), f["150"], f["39"], amount(f.get("32", "0")), amount(f.get("31", "0")), amount(f["14"])))

    def lp_message(self, party, kind, kind_of, f, text):
        if kind_of == "R":
            if f.get("43") != "Y":
                party.asked[f["131"]] = party.asked.get(f["131"], 0) + 1
            else:
                party.asked.setdefault(f["131"], 0)
        elif kind_of == "D":
            if f["11"] in party.orders and f.get("43") != "Y":
                self.wrong(f"{party.name}: order {f['11']} came twice as new: {text}")
            party.orders[f["11"]] = (amount(f["38"]), amount(f["44"]), f["54"], f.get("117"))
        elif kind_of == "S":
            quote = (f["131"], amount(f.get("132", "0")), amount(f.get("133", "0")))
            if party.sent_quotes.setdefault(f["117"], quote) != quote:
                self.wrong(f"{party.name}: quote {f['117']} is sent again, altered")
            party.quote_times[f["117"]] = party.quote_times.get(f["117"], 0) + 1
            party.quotes_flagged += f.get("97") == "Y"
        elif kind_of in ("AI", "j"):  # j: one that may have been sent before is refused as busy
            quote = f["117"] if kind_of == "AI" else f["379"]
            party.refused_quotes[quote] = party.refused_quotes.get(quote, 0) + 1
        elif kind_of == "8":
            order = f.get("41", f["11"])
            execution = (f["17"], f["150"], f["39"], amount(f.get("32", "0")), amount(f.get("31", "0")), amount(f["14"]))
            if f["17"] in party.said:  # a sloppy LP: it counts once
                self.count("executions_said_again")
                if party.said[f["17"]] != (order, execution):
                    self.wrong(f"{party.name}: execution {f['17']} is said again, altered: {text}")
                return
            party.said[f["17"]] = (order, execution)
            party.executions.setdefault(order, []).append(execution)

    # The dump --------------------------------------------------------------------------------------------------

    def read_dump(self, directory):
        def rows(table):
            path = os.path.join(directory, table + ".json")
            if not os.path.exists(path):
                return
            with open(path, encoding="utf-8") as f:
                for line in f:
                    yield json.loads(line)

        def both(table, key):
            """Alive and ended ones: nothing may be in both."""
            found = {}
            for name in (table, table + "_ended"):
                for row in rows(name):
                    if key(row) in found:
                        self.wrong(f"dump: {table} {key(row)} is there twice")
                    found[key(row)] = row
            return found

        self.lp_rows = list(rows("lps"))
        self.lps = {row["id"]: row["code"] for row in self.lp_rows}
        self.takers = {row["id"]: row["code"] for row in rows("takers")}
        self.takers_by_session = {row["session"]: row["code"] for row in rows("takers")}
        self.sessions = {row["name"]: row for row in rows("sessions")}
        self.rfqs = both("rfqs", lambda row: row["id"])
        self.orders = both("orders", lambda row: row["id"])
        self.fills = both("fills", lambda row: row["id"])
        self.quotes = both("quotes", lambda row: row["id"])

    # Joining ---------------------------------------------------------------------------------------------------

    def join(self):
        self.join_sessions()
        self.join_requests()
        self.join_orders()
        self.join_fills()
        self.join_quotes()
        self.join_accepts()

    def join_sessions(self):
        for name, party in sorted(self.parties.items()):
            self.count("messages", party.messages + party.resent)
            self.count("refused_as_busy", party.busy)
            self.count("resent_by_parties", party.resent)
            row = self.sessions.get(name)
            if not row:
                self.wrong(f"dump: no session {name}")
                continue
            in_is_fine = party.next_out_told <= row["next_in"] <= party.next_out
            # What comes in while a planned stop logs out is still answered: behind the Logout, for the next logon to bring.
            out_is_fine = 0 <= row["next_out"] - party.next_in <= BEHIND_LOGOUT_MAX
            if not in_is_fine or not out_is_fine:
                self.wrong(f"{name}: numbers differ: rfqd expects {row['next_in']} and sends {row['next_out']} next, "
                           f"{name} sends {party.next_out} and expects {party.next_in}")

    def join_requests(self):
        """Each R came to one end, told once."""
        by_request = {}
        for rfq in self.rfqs.values():
            key = (self.takers.get(rfq["taker"]), rfq["request_id"])
            if key in by_request:
                self.wrong(f"dump: request {key[1]} of {key[0]} became two RFQs: {by_request[key]['id']}, {rfq['id']}")
            by_request[key] = rfq
        for party in self.parties.values():
            for request, asked in party.requests.items():
                self.count("requests")
                self.one_request(party, request, asked, by_request.pop((party.name, request), None))
        for taker, request in by_request:
            self.wrong(f"dump: RFQ {request} of {taker}, who never asked for it")

    def one_request(self, party, request, asked, rfq):
        told = party.ends.get(request, [])
        if rfq is None:
            if told != ["AG"]:
                self.wrong(f"{party.name}: request {request} is lost: no RFQ, and the taker was told {told or 'nothing'}")
            self.count("requests_refused")
            return
        side = {"buy": "1", "sell": "2"}.get(rfq["side"])
        if (rfq["symbol"], side, amount(rfq["quantity"])) != asked:
            self.wrong(f"{party.name}: request {request} asked {asked}, {rfq['id']} has "
                       f"{(rfq['symbol'], side, rfq['quantity'])}")
        state = rfq["state"]
        self.count("rfqs_" + state.lower())
        if state not in FINAL_RFQ:
            self.wrong(f"{rfq['id']} ({request}) has no end: {state}")
        expected = [END_MESSAGE[state]] if state in END_MESSAGE else []
        if told != expected:
            self.wrong(f"{party.name}: {rfq['id']} ({request}) ended {state}; the taker was told {told or 'nothing'}")
        if (state == "COMPLETED") != (amount(rfq["filled_quantity"]) > 0):
            self.wrong(f"{rfq['id']} ended {state} with {rfq['filled_quantity']} filled")

    def taker_of(self, order):
        """An order that was refused before its RFQ was known has its session only."""
        return self.takers.get(order["taker"]) or self.takers_by_session.get(order["taker_session"])

    def join_orders(self):
        """One award at a time; each order as its LP and its taker know it."""
        self.fills_of = {}
        for fill in self.fills.values():
            self.fills_of.setdefault(fill["order"], []).append(fill)
        orders_of = {}
        for order in self.orders.values():
            if order["rfq"]:
                orders_of.setdefault(order["rfq"], []).append(order)
            elif order["state"] != "rejected":
                self.wrong(f"dump: order {order['id']} of no RFQ is {order['state']}")
            self.one_order(order)
        for rfq_id, orders in orders_of.items():
            self.awards(rfq_id, orders)
        for party in self.parties.values():
            for order in party.orders:
                if order not in self.orders:
                    self.wrong(f"{party.name}: has order {order}, which the dump does not know")
            for order in party.reports:
                if order not in self.orders:
                    self.wrong(f"{party.name}: was told of order {order}, which the dump does not know")

    def awards(self, rfq_id, orders):
        rfq = self.rfqs.get(rfq_id)
        if not rfq:
            self.wrong(f"dump: order {orders[0]['id']} of {rfq_id}, which is not there")
            return
        accepted = sorted((o for o in orders if o["released_ns"]), key=lambda o: o["released_ns"])
        for first, second in zip(accepted, accepted[1:]):
            if second["released_ns"] < first["updated_ns"]:
                self.wrong(f"{rfq_id} has two awards at a time: {first['id']} and {second['id']}")
        filled = sum(amount(o["filled_quantity"]) for o in orders)
        if filled != amount(rfq["filled_quantity"]):
            self.wrong(f"{rfq_id} has {rfq['filled_quantity']} filled, its orders {filled}")
        if sum(1 for o in orders if amount(o["filled_quantity"]) > 0) > 1:
            self.wrong(f"{rfq_id} was filled by two orders")

    def one_order(self, order):
        self.count("orders")
        name, state = order["id"], order["state"]
        quantity, filled = amount(order["quantity"]), amount(order["filled_quantity"])
        fills = self.fills_of.get(name, [])
        if state not in FINAL_ORDER:
            self.wrong(f"{name} has no end: {state}")
            return
        if filled > quantity:
            self.wrong(f"{name} is filled beyond its quantity: {filled} of {quantity}")
        if sum(amount(f["quantity"]) for f in fills) != filled:
            self.wrong(f"{name} has {filled} filled, its fills sum up to {sum(amount(f['quantity']) for f in fills)}")
        if (state == "filled") != (filled == quantity):
            self.wrong(f"{name} is {state} with {filled} of {quantity}")
        self.order_at_lp(order, quantity, filled, state)
        self.order_at_taker(order, fills, filled, state)

    def order_at_lp(self, order, quantity, filled, state):
        name = order["id"]
        lp = self.parties.get(self.lps.get(order["lp"]))
        if not order["lp"] and state == "rejected":  # refused before there was a quote to send it to
            return
        if not lp:
            self.wrong(f"{name} is at LP {order['lp']}, which has no journal")
            return
        there = lp.orders.get(name)
        if not there:
            if filled:
                self.wrong(f"{name} is filled, and {lp.name} never got it")
            self.count("orders_never_left")
            return
        if there[0] != quantity or there[1] != amount(order["price"]) or there[3] != order["lp_quote_id"]:
            self.wrong(f"{name} reached {lp.name} altered: {there} for {quantity} at {order['price']}")
        last = lp.executions.get(name, [])
        if last and last[-1][2] != FINAL_ORDER[state]:
            self.wrong(f"{name} is {state}, and for {lp.name} in OrdStatus {last[-1][2]}")
        if last and last[-1][5] != filled:
            self.wrong(f"{name} has {filled} filled, for {lp.name} {last[-1][5]}")

    def order_at_taker(self, order, fills, filled, state):
        name = order["id"]
        taker = self.parties.get(self.taker_of(order))
        if not taker:
            self.wrong(f"{name} is of taker {order['taker']}, which has no journal")
            return
        reports = taker.reports.get(name, [])
        told = sorted((r[3], r[4]) for r in reports if r[1] == "F")
        real = sorted((amount(f["quantity"]), amount(f["price"])) for f in fills)
        if told != real:
            self.wrong(f"{name}: fills in the dump {plain(real)}, at {taker.name} {plain(told)}")
        if not reports:
            if order["cl_ord_id"] not in taker.refused_accepts:
                self.wrong(f"{name} is {state}, and {taker.name} was told nothing")
            return
        if any(r[0] != order["cl_ord_id"] for r in reports):
            self.wrong(f"{name} is {order['cl_ord_id']}, reported as {sorted({r[0] for r in reports})}")
        if reports[-1][2] != FINAL_ORDER[state]:
            self.wrong(f"{name} is {state}, for {taker.name} in OrdStatus {reports[-1][2]}")
        if reports[-1][5] != filled:
            self.wrong(f"{name} has {filled} filled, for {taker.name} {reports[-1][5]}")

    def join_fills(self):
        """Each fill of an LP is in the dump, once, and as the LP said it; and nothing else is."""
        in_dump = {}
        for fill in self.fills.values():
            self.count("fills")
            order = self.orders.get(fill["order"])
            if not order:
                self.wrong(f"dump: fill {fill['id']} of {fill['order']}, which is not there")
                continue
            key = (self.lps.get(order["lp"]), fill["exec_id"])
            if key in in_dump:
                self.wrong(f"dump: execution {key[1]} of {key[0]} is booked twice")
            in_dump[key] = (fill["order"], amount(fill["quantity"]), amount(fill["price"]))
        for party in self.parties.values():
            for order, executions in party.executions.items():
                for execution in executions:
                    if execution[1] == "F":
                        self.one_fill(party, order, execution, in_dump.pop((party.name, execution[0]), None))
        for (lp, execution), (order, quantity, price) in in_dump.items():
            self.wrong(f"dump: execution {execution} of {lp} ({order}, {quantity} at {price}), which {lp} never sent")

    def one_fill(self, lp, order, execution, booked):
        said = (order, execution[3], execution[4])
        if booked is None:
            self.wrong(f"{lp.name}: execution {execution[0]} ({order}, {said[1]} at {said[2]}) is not in the dump")
        elif booked != said:
            self.wrong(f"{lp.name}: execution {execution[0]} said {plain(said)}, booked as {plain(booked)}")

    def join_quotes(self):
        """Each quote of an LP was taken or refused; what takers saw is what LPs said."""
        if not self.quotes:
            return
        taken = {}
        for quote in self.quotes.values():
            self.count("quotes")
            lp = self.lps.get(quote["lp"])
            if (lp, quote["lp_quote_id"]) in taken:
                self.wrong(f"dump: quote {quote['lp_quote_id']} of {lp} is there twice")
            taken[(lp, quote["lp_quote_id"])] = quote
        for party in self.parties.values():
            untold = 0
            for quote, (rfq, bid, ask) in party.sent_quotes.items():
                row = taken.pop((party.name, quote), None)
                refused = party.refused_quotes.get(quote, 0)
                untold += row is None and not refused
                if (row is not None) + refused > party.quote_times[quote]:
                    self.wrong(f"{party.name}: quote {quote} was sent {party.quote_times[quote]} times, "
                               f"{'taken' if row else 'not taken'} and refused {refused} times")
                if row and (row["rfq"], amount(row["bid"]), amount(row["ask"])) != (rfq, bid, ask):
                    self.wrong(f"{party.name}: quote {quote} is altered in the dump")
                self.count("quotes_refused", refused)
            self.refusals(party, untold)
            for quote, (request, bid, ask) in party.quotes.items():
                row = self.quotes.get(quote)
                if not row:
                    self.wrong(f"{party.name}: was shown {quote}, which the dump does not know")
                elif (amount(row["bid"]), amount(row["ask"])) != (bid, ask) or \
                        self.rfqs.get(row["rfq"], {}).get("request_id") != request:
                    self.wrong(f"{party.name}: was shown {quote} as {bid}/{ask} for {request}, "
                               f"in the dump {row['bid']}/{row['ask']}")
        for lp, quote in taken:
            self.wrong(f"dump: quote {quote} of {lp}, which never sent it")

    def refusals(self, lp, untold):
        """A refusal that could not be sent while the session was down is not sent later; but it was decided and
        counted: what an LP sent is what was taken and what was refused. Only a quote that says that it may be a
        repetition, and is one, is neither."""
        row = next((row for row in self.lp_rows if row["code"] == lp.name), None)
        if row is None:
            return
        sent = sum(lp.quote_times.values())
        taken = sum(1 for quote in self.quotes.values() if quote["lp"] == row["id"])
        told = sum(lp.refused_quotes.values()) - lp.busy
        if row["quotes"] != taken:
            self.wrong(f"{lp.name}: {row['quotes']} quotes are counted as taken, {taken} are there")
        if row["quotes_refused"] < told + untold:
            self.wrong(f"{lp.name}: {row['quotes_refused']} quotes were refused; it was told of {told} and never "
                       f"heard of {untold}")
        decided = row["quotes"] + row["quotes_refused"] + lp.busy
        if not sent - lp.quotes_flagged <= decided <= sent:
            self.wrong(f"{lp.name}: sent {sent} quotes ({lp.quotes_flagged} as possible repetitions), {row['quotes']} "
                       f"were taken, {row['quotes_refused'] + lp.busy} were not")
        self.count("quotes_said_again", sent - len(lp.quote_times))
        self.count("quotes_refused_untold", untold)

    def join_accepts(self):
        """Each acceptance became an order, or was refused."""
        by_id = {}
        for order in self.orders.values():
            key = (self.taker_of(order), order["cl_ord_id"])
            if key in by_id:
                self.wrong(f"dump: {key[1]} of {key[0]} became two orders")
            by_id[key] = order
        for party in self.parties.values():
            for cl_ord_id, (_, quantity, price) in party.accepts.items():
                self.count("accepts")
                order = by_id.pop((party.name, cl_ord_id), None)
                refused = party.refused_accepts.get(cl_ord_id, 0)
                if refused:
                    self.count("accepts_refused")
                if order is None and refused != 1:
                    self.wrong(f"{party.name}: acceptance {cl_ord_id} became no order and was refused {refused} times")
                if order and refused and order["state"] != "rejected":
                    self.wrong(f"{party.name}: acceptance {cl_ord_id} was refused and is {order['id']}")
                if order and amount(order["quantity"]) != quantity:
                    self.wrong(f"{party.name}: {cl_ord_id} is for {quantity}, {order['id']} for {order['quantity']}")
        for taker, cl_ord_id in by_id:
            self.wrong(f"dump: order {cl_ord_id} of {taker}, who never sent it")


def plain(things):
    return "[" + ", ".join(" at ".join(str(x) for x in t) if isinstance(t, tuple) else str(t) for t in things) + "]"


def audit(journals, dump):
    a = Audit()
    names = sorted(n[:-8] for n in os.listdir(journals) if n.endswith(".journal"))
    for name in names:
        a.read_journal(os.path.join(journals, name + ".journal"), name)
    a.read_dump(dump)
    a.join()
    return a


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    a = audit(sys.argv[1], sys.argv[2])
    for text in a.complaints:
        print(text)
    if a.complaint_count > len(a.complaints):
        print(f"… and {a.complaint_count - len(a.complaints)} more")
    print(json.dumps(a.numbers))
    return 1 if a.complaint_count else 0


if __name__ == "__main__":
    sys.exit(main())
