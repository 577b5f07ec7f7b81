#!/usr/bin/env python3
"""GET /rfq (spec/50): who is let in, what frames and requests are taken, subscriptions and their rights, the life of an RFQ
as events, resume without gap or repeat across a lost connection, a slow reader's close and kill -9, and a planned stop.

    ws_test.py BUILD
"""

import contextlib
import json
import os
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api import SECRET, Connection, house, token  # noqa: E402
from appliance import Failure, Scratch, Sim, wait_until  # noqa: E402
from wswire import BINARY, CLOSE, PING, PONG, TEXT, Closed, Refused, WebSocket  # noqa: E402

BUILD = sys.argv.pop(1)
ANN, BOB = token("ann"), token("bob")
LPS = ("lp:name=LP1,ack=b,seed=1", "lp:name=LP2,ack=i,spread=0.0003,seed=2", "lp:name=LP3,ack=-,requote=40,seed=3")
CLIENTS = 100
ENDS = ("rfq:expired", "rfq:cancelled", "rfq:rejected")


def south(user, roles=("trader",)):
    return token(user, "south", roles, kid="k2", secret=SECRET[::-1])


class House(unittest.TestCase):
    """One appliance with the API for all tests of a class, and LPs that quote."""
    http = ""
    parties = LPS

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(Scratch("ws"))
        cls.rfqd = house(BUILD, cls.directory, http=cls.http, settings="retire_after_ms: 2000")
        cls.addClassCleanup(cls.rfqd.clean)
        cls.rfqd.start()
        cls.port = cls.rfqd.http_port
        if cls.parties:
            cls.addClassCleanup(Sim(BUILD, cls.directory, cls.rfqd, cls.parties, ("--linger",)).kill)
            cls.rfqd.wait_lps(len(cls.parties))

    def ws(self, bearer=ANN, **more):
        w = WebSocket(self.port, bearer=bearer, **more)
        self.addCleanup(w.close)
        return w

    def post(self, path, body, bearer=ANN, over=None, **headers):
        """over: a connection that is kept."""
        c = over or Connection(self.port)
        answer = c.ask("POST", "/api/v1" + path, bearer, body, list(headers.items()))
        if not over:
            c.close()
        return answer

    def create(self, bearer=ANN, timeout_ms=3000, quantity="1000000", side="buy", over=None):
        answer = self.post("/rfqs", {"symbol": "EURUSD", "side": side, "quantity": quantity, "timeoutMs": timeout_ms}, bearer, over)
        self.assertEqual(answer.status, 201, answer)
        return answer.json()["id"] if "id" in answer.json() else answer.json()["rfqId"]

    def counter(self, name, label=""):
        return sum(c["value"] for c in self.rfqd.ask("counters") if c["name"] == name and label in c["labels"])

    @contextlib.contextmanager
    def counts(self, reason=None, code=None, by=1):
        """What is done within is refused for this reason, closed with this code, so often, and for no other."""
        def all_of(name):
            return {c["labels"]: c["value"] for c in self.rfqd.ask("counters") if c["name"] == name}
        names = {"rfqd_ws_refused_total": f'reason="{reason}"' if reason else None,
                 "rfqd_ws_disconnects_total": f'code="{code}"' if code else None}
        before = {name: all_of(name) for name in names}
        yield
        for name, label in names.items():
            self.assertTrue(label is None or label in before[name], label)
            if name == "rfqd_ws_disconnects_total" and code is None:
                continue  # connections of earlier tests may go at any time
            rose = {k: v - before[name][k] for k, v in all_of(name).items() if v != before[name][k] and k != 'code="other"'}
            self.assertEqual(rose, {label: by} if label else {})


class Door(House):
    """Who is let in."""
    parties = ()
    http = ", origins: 'https://desk.example'"

    def refused(self, status, code, reason, bearer=ANN, **more):
        with self.assertRaises(Refused) as caught, self.counts(reason):
            WebSocket(self.port, bearer=bearer, **more).close()
        self.assertEqual((caught.exception.status, caught.exception.code), (status, code))
        return caught.exception

    def test_three_ways_to_bring_a_token(self):
        self.assertTrue(self.ws(ANN).ask("subscribe:trader")["success"])
        w = self.ws(None, protocol_token=ANN)
        self.assertTrue(w.ask("subscribe:trader")["success"])
        self.assertIn("sec-websocket-protocol: rfqd.v1", w.head.lower())
        self.assertNotIn("bearer", w.head.lower())
        w = self.ws(None)
        self.assertTrue(w.ask("auth", token=ANN)["success"])
        self.assertTrue(w.ask("subscribe:trader")["success"])

    def test_wrong_tokens(self):
        for wrong in (token("ann", secret=b"x" * 40), token("ann", ttl=-100), token("nobody"), token("ann", "south"), "a.b.c"):
            for ways in ({"bearer": wrong}, {"bearer": None, "protocol_token": wrong}):
                refused = self.refused(401, "unauthorized", "token", **ways)
                self.assertIn('www-authenticate: bearer error="invalid_token"', refused.head.lower())
            w = self.ws(None)
            with self.counts("token", 1008):
                w.send({"op": "auth", "id": 1, "token": wrong})
                self.assertFalse(w.read()["success"])
                self.assertEqual(w.closed()[0], 1008)
        self.refused(401, "unauthorized", "token", bearer=None, headers=("Authorization: Basic YTpi",))

    def test_a_token_that_is_too_long_is_none_the_less_a_token(self):
        fits, long = token("ann", x="x" * 2500), token("ann", x="x" * 3500)
        self.assertTrue(len(fits) < 4096 < len(long))
        for ways in ({"bearer": fits}, {"bearer": None, "protocol_token": fits}):
            self.assertTrue(self.ws(**ways).ask("subscribe:trader")["success"])
        for number, ways in enumerate(({"bearer": long}, {"bearer": None, "protocol_token": long}), 1):
            refused = self.refused(401, "unauthorized", "token", **ways)
            self.assertIn("more than 4096 characters", refused.body)
            self.assertEqual(self.counter("rfqd_auth_refused_total", '"too_long"'), number)
        w = self.ws(None)
        w.send({"op": "auth", "id": 1, "token": long})
        self.assertIn("more than 4096 characters", w.read()["detail"])
        self.assertEqual(w.closed()[0], 1008)
        self.assertEqual(self.counter("rfqd_auth_refused_total", '"too_long"'), 3)

    def test_nothing_is_answered_before_a_token(self):
        w = self.ws(None)
        with self.counts("token", 1008):
            w.send({"op": "subscribe:trader", "id": 1})
            self.assertEqual(w.closed(), (1008, "auth comes first"))
        w = self.ws(None)
        with self.counts("token", 1008):
            w.send("{")
            self.assertEqual(w.closed(), (1008, "auth comes first"))
        w = self.ws(None)
        with self.counts("no_token", 1008):
            self.assertEqual(w.closed(15), (1008, "no token came in time"))

    def test_origins(self):
        self.refused(403, "origin", "origin", headers=("Origin: https://evil.example",))
        self.refused(403, "origin", "origin", headers=("Origin: https://desk.example.evil",))
        self.ws(headers=("Origin: https://desk.example",))
        self.ws(headers=(f"Origin: http://127.0.0.1:{self.port}",))

    def test_what_is_no_handshake(self):
        self.refused(426, "upgrade_required", "upgrade", version="8")
        self.refused(426, "upgrade_required", "upgrade", key="short")
        c = Connection(self.port)
        with self.counts("upgrade"):
            answer = c.ask("GET", "/rfq", ANN)
        self.assertEqual((answer.status, answer.code), (426, "upgrade_required"))
        self.assertEqual(answer.headers["sec-websocket-version"], "13")

    def test_a_token_that_expires_ends_the_connection(self):
        w = self.ws(token("ann", ttl=-1))  # the leeway is 5 s
        self.assertTrue(w.ask("subscribe:trader")["success"])
        w.event("auth:expired")
        self.assertTrue(w.ask("unsubscribe:trader")["success"])  # it goes on until it is closed
        with self.counts(None, 1008):
            self.assertEqual(w.closed(15), (1008, "the token has expired"))

    def test_a_token_that_is_renewed_goes_on(self):
        w = self.ws(token("ann", ttl=-1))
        warned = w.event("auth:expired")
        with self.counts("other_user"):
            answer = w.ask("auth", token=BOB)
            self.assertEqual((answer["success"], answer["error"]), (False, "unauthorized"))
        self.assertTrue(w.ask("auth", token=token("ann", ttl=1))["success"])
        again = w.event("auth:expired")  # of that one
        self.assertGreater(again["data"]["closesAt"], warned["data"]["closesAt"])
        self.assertTrue(w.ask("auth", token=ANN)["success"])
        while w.event("heartbeat")["ts"] <= again["data"]["closesAt"]:
            pass
        self.assertTrue(w.ask("subscribe:trader")["success"])

    def test_a_token_of_fewer_roles_keeps_no_subscription(self):
        w = self.ws(token("root", roles=("admin", "trader")))
        self.assertTrue(w.ask("auth", token=token("root", roles=("admin",)))["success"])  # nothing was had with the other
        self.assertTrue(w.ask("subscribe:tenant")["success"])
        self.assertTrue(w.ask("auth", token=token("root", roles=("admin", "trader")))["success"])
        with self.counts("token", 1008):
            w.send({"op": "auth", "id": 9, "token": token("root", roles=("trader",))})
            self.assertEqual(w.closed()[0], 1008)


class Crowd(House):
    """More connections than a tenant may have."""
    parties = ()
    http = ", connections_per_tenant_max: 2"

    def test_of_one_tenant_are_turned_away_and_the_other_tenant_comes_in(self):
        full = "the tenant has as many connections as http.connections_per_tenant_max says"
        first, second = self.ws(ANN), self.ws(BOB)
        for times in (1, 3):  # by the header; by the first frame, where the tenant is known only then
            with self.assertRaises(Refused) as caught:
                self.ws(ANN)
            self.assertEqual((caught.exception.status, caught.exception.code), (429, "connections_per_tenant"))
            self.assertEqual(self.counter("rfqd_ws_refused_total", '"connections_per_tenant"'), times)
            late = self.ws(None)
            late.send({"op": "auth", "id": 1, "token": ANN})
            answer = late.read()
            self.assertEqual((answer["success"], answer["error"], answer["detail"]), (False, "limit", full))
            self.assertEqual(late.closed(), (1013, full))
            self.assertEqual(self.counter("rfqd_ws_refused_total", '"connections_per_tenant"'), times + 1)
        self.assertEqual(self.counter("rfqd_ws_disconnects_total", '"1013"'), 2)
        self.assertTrue(first.ask("auth", token=ANN)["success"])  # again: that is no connection more
        self.assertTrue(self.ws(south("sam")).ask("subscribe:trader")["success"])
        second.frame(CLOSE, struct.pack(">H", 1000))
        self.assertEqual(second.closed()[0], 1000)
        self.assertTrue(self.ws(ANN).ask("subscribe:trader")["success"])  # who goes makes room


class Frames(House):
    """What a peer can do wrong: each its close code, or its answer."""
    parties = ()

    def test_close_codes(self):
        def binary(w):
            w.frame(BINARY, b"\x00")

        def unmasked(w):
            w.frame(TEXT, b"{}", masked=False)

        def reserved(w):
            w.frame(TEXT, b"{}", rsv=4)

        def unknown(w):
            w.frame(3, b"")

        def not_utf8(w):
            w.frame(TEXT, b"\xff\xfe")

        def too_long(w):
            w.frame(TEXT, b"x" * 70000)

        def long_ping(w):
            w.frame(PING, b"x" * 126)

        def long_close(w):
            w.frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124)

        def ping_in_pieces(w):
            w.frame(PING, b"x", fin=False)

        def long_size(w):  # 100 bytes need no 16 bits
            w.socket.sendall(bytes([0x80 | TEXT, 0x80 | 126, 0, 100]) + bytes(104))

        def half_a_code(w):
            w.frame(CLOSE, b"\x03")

        def no_code(w):
            w.frame(CLOSE, struct.pack(">H", 999))

        def orphan(w):
            w.frame(0, b"continued")

        for wrong, code in ((binary, 1003), (unmasked, 1002), (reserved, 1002), (unknown, 1002), (not_utf8, 1007),
                            (too_long, 1009), (orphan, 1002), (long_ping, 1002), (long_close, 1002), (ping_in_pieces, 1002),
                            (long_size, 1002), (half_a_code, 1002), (no_code, 1002)):
            with self.subTest(wrong.__name__), self.counts(None, code):
                w = self.ws()
                wrong(w)
                self.assertEqual(w.closed()[0], code)

    def test_in_pieces_and_by_bytes(self):
        w = self.ws()
        text = json.dumps({"op": "subscribe:trader", "id": 5}).encode()
        w.frame(TEXT, text[:10], fin=False)
        w.frame(PING, b"between")
        w.frame(0, text[10:], fin=True)
        frames = dict(w.read_frame() for _ in range(2))
        self.assertEqual(frames[PONG], b"between")
        self.assertTrue(json.loads(frames[TEXT])["success"])

    def test_the_closing_handshake(self):
        w = self.ws()
        with self.counts(None, 1000):
            w.frame(CLOSE, struct.pack(">H", 1000) + b"bye")
            self.assertEqual(w.closed()[0], 1000)

    def test_requests_that_are_none(self):
        w = self.ws()
        epoch = self.epoch(w)

        def resume_of(rfqs):
            return json.dumps({"op": "resume", "id": 1, "epoch": epoch, "since": 0, "rfqs": rfqs})
        reasons = {"bad_json": "json", "duplicate_member": "json", "not_subscribed": "not_subscribed",
                   "unrecoverable": "unrecoverable", "limit": "subscriptions"}
        for text, error in (("{", "bad_json"), ("[]", "bad_json"), ("{} {}", "bad_json"), ("null", "bad_json"),
                            ('{"op":"ping",}', "bad_json"), ("{'op':'ping'}", "bad_json"),
                            ('{"op":"ping","op":"ping"}', "duplicate_member"),
                            ('{"op":"nonsense","id":1}', "unknown_op"), ('{"id":1}', "unknown_op"),
                            ('{"op":"subscribe:rfq","id":1}', "unknown_rfq"),
                            ('{"op":"subscribe:rfq","id":1,"rfqId":"R1"}', "unknown_rfq"),
                            ('{"op":"subscribe:rfq","id":1,"rfqId":7}', "unknown_rfq"),
                            ('{"op":"unsubscribe:rfq","id":1,"rfqId":"R1"}', "not_subscribed"),
                            ('{"op":"unsubscribe:trader","id":1}', "not_subscribed"),
                            ('{"op":"unsubscribe:tenant","id":1}', "not_subscribed"),
                            ('{"op":"subscribe:tenant","id":1}', "forbidden"),
                            ('{"op":"subscribe:trader","id":1,"traderId":"bob"}', "unknown_trader"),
                            ('{"op":"subscribe:trader","id":1,"traderId":"sam"}', "unknown_trader"),
                            ('{"op":"resume","id":1}', "bad_request"),
                            ('{"op":"resume","id":1,"epoch":1,"since":-4}', "bad_request"),
                            ('{"op":"resume","id":1,"epoch":99,"since":1,"traders":["ann"]}', "unrecoverable"),
                            ('{"op":"resume","id":1,"epoch":%d,"since":0}' % epoch, "bad_subscription"),
                            ('{"op":"resume","id":1,"epoch":%d,"since":0,"rfqs":[7]}' % epoch, "bad_subscription"),
                            ('{"op":"resume","id":1,"epoch":%d,"since":0,"traders":"ann"}' % epoch, "bad_subscription"),
                            (resume_of(["R1"] * 1001), "limit"), (resume_of(["R1"] * 1000), "bad_subscription")):
            with self.subTest(text), self.counts(reasons.get(error, "request")):
                w.send(text)
                while "re" not in (got := w.read()):  # on a busy machine this lasts longer than a heartbeat's interval
                    self.assertEqual(got["event"], "heartbeat")
                self.assertEqual((got["success"], got["error"]), (False, error), text)
        deep = '{"op":"ping","x":' + "[" * 40 + "]" * 40 + "}"
        w.send(deep)
        self.assertEqual(w.read()["error"], "bad_json")
        w.send({"op": "ping"})
        self.assertEqual(w.read(), {"event": "pong"})
        for name in (7, "seven"):
            w.send({"op": "ping", "id": name})
            self.assertEqual(w.read(), {"event": "pong", "re": name})

    def test_what_comes_at_the_wrong_time(self):
        w = self.ws()
        epoch = w.ask("subscribe:trader")["epoch"]
        with self.counts("not_now"):
            self.assertEqual(w.ask("resume", epoch=epoch, since=0, traders=["ann"])["error"], "not_now")
        w = self.ws()
        with self.counts("not_now"):
            w.send_together({"op": "resume", "id": 1, "epoch": epoch, "since": 0, "traders": ["ann"]}, {"op": "ping", "id": 2})
            self.assertEqual(w.read(), {"re": 1, "success": True})
            self.assertEqual(w.read()["error"], "not_now")
        w.event("resumed")

    def epoch(self, w):
        got = w.ask("subscribe:trader")
        w.ask("unsubscribe:trader")
        return got["epoch"]

    def test_too_many_requests(self):
        w = self.ws()
        refused, before = [], self.counter("rfqd_ws_refused_total", '"rate"')
        for _ in range(10):  # as fast as it goes, which need not be within one second of the clock
            for _ in range(350):
                w.send({"op": "ping", "id": 1})
            answers = [w.read() for _ in range(350)]
            refused += [a for a in answers if a.get("error") == "limit"]
            if refused:
                break
        self.assertTrue(refused)
        self.assertEqual(self.counter("rfqd_ws_refused_total", '"rate"') - before, len(refused))
        self.assertIn("100 times a second", refused[0]["detail"])
        self.assertEqual({a["re"] for a in refused}, {1})


class Life(House):
    """Events of RFQs that live and trade."""

    def follow(self, w, rfq, until, seconds=30):
        """Events of one RFQ, countdowns left out, up to one of these names."""
        got = []
        while not got or got[-1]["event"] not in until:
            e = w.event(None, seconds)
            if e.get("data", {}).get("rfqId") == rfq and e["event"] != "rfq:countdown":
                got.append(e)
        return got

    def test_from_creation_to_fill(self):
        w = self.ws()
        self.assertTrue(w.ask("subscribe:trader")["success"])
        rfq = self.create(timeout_ms=10000)
        quotes = {}
        while not {"LP1", "LP2"} <= set(quotes):  # these two never quote again, so that theirs stand
            e = w.event("quote:received", rfqId=rfq)
            quotes[e["data"]["lpId"]] = e["data"]["quoteId"]
        ranked = w.event("quotes:ranked", rfqId=rfq)["data"]
        self.assertEqual([r["ranking"] for r in ranked["rankings"]], list(range(1, len(ranked["rankings"]) + 1)))
        state = w.ask("subscribe:rfq", rfqId=rfq)
        self.assertEqual(state["rfq"]["rfq"]["id"], rfq)
        self.assertIn(quotes["LP1"], [q["id"] for q in state["rfq"]["quotes"]])
        accepted = self.post(f"/rfqs/{rfq}/accept", {"quoteId": quotes["LP1"]})
        self.assertEqual(accepted.status, 200, accepted)
        names = [e["event"] for e in self.follow(w, rfq, ("rfq:filled", "rfq:expired"))]
        self.assertIn("rfq:awarded", names)
        self.assertIn("rfq:filled", names)

    def read_later(self, rfq):
        """The RFQ and its quotes by id, as HTTP has them."""
        c = Connection(self.port)
        state, quotes = (c.ask("GET", f"/api/v1/rfqs/{rfq}{what}", ANN) for what in ("", "/quotes"))
        c.close()
        self.assertEqual((state.status, quotes.status), (200, 200), (state, quotes))
        return state.json(), {q["id"]: q for q in quotes.json()["quotes"]}

    def test_a_snapshot_and_what_follows_are_one_story(self):
        """State from the snapshot plus the events behind it is what a later read says."""
        rfq = self.create(timeout_ms=1500)
        w = self.ws()
        snap = w.ask("subscribe:rfq", rfqId=rfq)
        seq, standing = snap["seq"], {q["id"] for q in snap["rfq"]["quotes"] if q["status"] == "standing"}
        told = ("lpId", "bidPrice", "askPrice", "quantity")
        state = {name: snap["rfq"]["rfq"][name] for name in ("status", "state", "expiresAt")}
        quotes = {q["id"]: {name: q[name] for name in told} for q in snap["rfq"]["quotes"]}
        ended = False
        while not ended:
            e = w.event()
            if "seq" not in e or "prev" not in e:
                continue
            self.assertEqual(e["prev"], seq)
            self.assertGreater(e["seq"], e["prev"])
            seq, data = e["seq"], e["data"]
            if e["event"] == "quote:received":
                standing.discard(data.get("replaces"))
                standing.add(data["quoteId"])
                quotes[data["quoteId"]] = {name: data[name] for name in told}
            elif e["event"] in ("quote:expired", "quote:withdrawn"):
                standing.discard(data["quoteId"])
            elif e["event"] == "quotes:ranked":
                self.assertEqual({r["quoteId"] for r in data["rankings"]} - standing, set())
            else:
                state.update({name: data[name] for name in state if name in data})
            ended = e["event"] in ENDS
        self.assertTrue(quotes)
        read, read_quotes = self.read_later(rfq)
        self.assertEqual({name: read[name] for name in state}, state)
        self.assertEqual({id: {name: read_quotes[id][name] for name in told} for id in quotes}, quotes)
        self.assertEqual({id for id, q in read_quotes.items() if q["status"] == "standing"} - standing, set())

    def test_countdown_goes_down(self):
        w = self.ws()
        w.ask("subscribe:trader")
        rfq = self.create(timeout_ms=4000)
        left = [w.event("rfq:countdown", rfqId=rfq)["data"]["timeRemaining"] for _ in range(3)]
        self.assertEqual(left, sorted(left, reverse=True))
        self.assertGreater(left[0], left[-1])

    def test_who_sees_what(self):
        ann, bob, sam = self.ws(ANN), self.ws(BOB), self.ws(south("sam"))
        manager, ops, other_ops = (self.ws(token("max", roles=("manager",))), self.ws(token("olga", roles=("ops",))),
                                   self.ws(south("oz", ("admin",))))
        for w in (ann, bob, sam):
            self.assertTrue(w.ask("subscribe:trader")["success"])
        self.assertTrue(manager.ask("subscribe:trader", traderId="ann")["success"])
        self.assertFalse(manager.ask("subscribe:trader", traderId="bob")["success"])
        for w in (ops, other_ops):
            self.assertTrue(w.ask("subscribe:tenant")["success"])
        rfq = self.create(ANN, timeout_ms=1000)
        for w in (ann, manager, ops):
            w.event("rfq:created", rfqId=rfq)
        for w, may in ((ann, True), (manager, True), (ops, True), (bob, False), (sam, False), (other_ops, False)):
            self.assertEqual(w.ask("subscribe:rfq", rfqId=rfq)["success"], may)
        ops.event("rfq:expired", rfqId=rfq)
        theirs = self.create(south("sam"), timeout_ms=1000)  # it has no LP: rejected at once
        other_ops.event("rfq:rejected", rfqId=theirs)
        for w in (bob, sam, other_ops):  # whatever came to them by now, it is not ann's
            w.send({"op": "ping"})
            while True:
                e = w.event()
                self.assertNotEqual(e.get("data", {}).get("rfqId"), rfq)
                if e["event"] == "pong":
                    break

    def test_unsubscribed_is_unsubscribed(self):
        w = self.ws()
        first, second = self.create(timeout_ms=1200), self.create(timeout_ms=1500)
        w.ask("subscribe:rfq", rfqId=first)
        w.ask("subscribe:rfq", rfqId=second)
        w.ask("unsubscribe:rfq", rfqId=first)
        w.events.clear()
        for e in self.follow(w, second, ENDS):
            self.assertNotEqual(e["data"]["rfqId"], first)


class Reverted(House):
    """An LP that defaults, and time to choose again."""
    parties = ("lp:name=LP1,ack=b,order_reject=100,seed=1", "lp:name=LP2,ack=b,spread=0.0003,seed=2")

    def test_the_backup_deadline_is_counted_down_too(self):
        w = self.ws()
        w.ask("subscribe:trader")
        rfq, quotes = self.create(timeout_ms=600000), {}
        while len(quotes) < 2:
            e = w.event("quote:received", rfqId=rfq)
            quotes[e["data"]["lpId"]] = e["data"]["quoteId"]
        self.assertGreater(w.event("rfq:countdown", rfqId=rfq)["data"]["timeRemaining"], 500)
        self.assertTrue(w.ask("rfq.accept", rfqId=rfq, quoteId=quotes["LP1"])["success"])
        w.event("rfq:awarded", rfqId=rfq)
        w.event("rfq:status", rfqId=rfq, state="EVALUATION")  # again: by the LP's default
        state = w.ask("subscribe:rfq", rfqId=rfq)["rfq"]["rfq"]
        left = [w.event("rfq:countdown", rfqId=rfq)["data"] for _ in range(3)]
        self.assertEqual({e["expiresAt"] for e in left}, {state["expiresAt"]})
        self.assertLessEqual(left[0]["timeRemaining"], 10)  # the backup deadline, by default
        self.assertGreater(left[0]["timeRemaining"], left[-1]["timeRemaining"])
        self.assertTrue(w.ask("rfq.accept", rfqId=rfq, quoteId=quotes["LP2"])["success"])
        w.event("rfq:filled", rfqId=rfq)


class Commands(House):
    """What HTTP can ask, over the WebSocket: the same guards, the same keys."""

    def test_an_rfq_from_creation_to_fill(self):
        w = self.ws()
        w.ask("subscribe:trader")
        made = w.ask("rfq.create", symbol="EURUSD", side="buy", quantity="1000000", timeoutMs=10000)
        self.assertTrue(made["success"], made)
        rfq, quotes = made["rfqId"], {}
        while "LP1" not in quotes:
            e = w.event("quote:received", rfqId=rfq)
            quotes[e["data"]["lpId"]] = e["data"]["quoteId"]
        self.assertTrue(w.ask("rfq.extend", rfqId=rfq, reason="more time")["success"])
        w.event("rfq:extended", rfqId=rfq)
        taken = w.ask("rfq.accept", rfqId=rfq, quoteId=quotes["LP1"], side="buy")
        self.assertTrue(taken["success"], taken)
        w.event("rfq:filled", rfqId=rfq)
        again = w.ask("rfq.accept", rfqId=rfq, quoteId=quotes["LP1"])
        self.assertEqual((again["success"], again["error"]), (False, "already_awarded"))

    def test_cancel_and_its_guards(self):
        w, other = self.ws(), self.ws(south("sam"))
        rfq = w.ask("rfq.create", symbol="EURUSD", side="sell", quantity="1000000", timeoutMs=5000)["rfqId"]
        self.assertEqual(other.ask("rfq.cancel", rfqId=rfq)["error"], "unknown_rfq")
        self.assertEqual(self.ws(BOB).ask("rfq.cancel", rfqId=rfq)["error"], "unknown_rfq")
        self.assertTrue(w.ask("rfq.cancel", rfqId=rfq, reason="requirements_changed")["success"])
        self.assertEqual(w.ask("rfq.cancel", rfqId=rfq)["error"], "not_in_this_state")
        self.assertEqual(self.ws(token("olga", roles=("ops",))).ask("rfq.create", symbol="EURUSD", side="buy",
                                                                    quantity="1")["error"], "forbidden")

    def test_bodies_that_are_wrong(self):
        w = self.ws()
        for members, error in (({}, "missing_member"), ({"symbol": "EURUSD", "side": "up", "quantity": "1"}, "out_of_range"),
                               ({"symbol": "EURUSD", "side": "buy", "quantity": "1e6"}, "wrong_type"),
                               ({"symbol": "EURUSD", "side": "buy", "quantity": "1", "nonsense": 1}, "unknown_member"),
                               ({"symbol": "XXXYYY", "side": "buy", "quantity": "1"}, "unknown_symbol"),
                               ({"symbol": "EURUSD", "side": "buy", "quantity": "9999999999"}, "quantity_out_of_range")):
            got = w.ask("rfq.create", **members)
            self.assertFalse(got["success"])
            self.assertEqual(got["error"], error, got)

    def test_keys_that_are_none(self):
        w = self.ws()
        for key in ("", "a b", "k" * 256, "\u00e9", 7, None):
            got = w.ask("rfq.create", key=key, symbol="EURUSD", side="buy", quantity="1000000")
            self.assertEqual((got["success"], got.get("error")), (False, "bad_idempotency_key"), key)

    def test_a_key_is_one_request_by_whichever_way_and_whatever_happens(self):
        body = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": 2000}
        first = self.ws().ask("rfq.create", key="by-ws", **body)
        again = self.ws().ask("rfq.create", key="by-ws", **dict(reversed(body.items())))
        self.assertEqual((again["rfqId"], again.get("repeated")), (first["rfqId"], True))
        by_http = self.post("/rfqs", body, **{"Idempotency-Key": "by-ws"})
        self.assertEqual(by_http.json()["id"], first["rfqId"])
        self.rfqd.kill9()
        self.rfqd.start()
        after = self.ws().ask("rfq.create", key="by-ws", **body)
        self.assertEqual((after["rfqId"], after.get("repeated")), (first["rfqId"], True))
        other = self.ws().ask("rfq.create", key="by-ws", **{**body, "quantity": "2000000"})
        self.assertEqual(other["error"], "idempotency_key_reused")


class Resume(House):
    """Every event once, whatever happens to the connection or to rfqd."""
    http = ", requests_per_s_max: 100000"

    def everything(self, bearer, since=0):
        """All events of the tenant from the log, as a new connection reads them again."""
        w = WebSocket(self.port, bearer=bearer)
        try:
            epoch = w.ask("subscribe:tenant")["epoch"]
        finally:
            w.close()
        w = WebSocket(self.port, bearer=bearer)
        try:
            self.assertTrue(w.ask("resume", epoch=epoch, since=since, tenant=True)["success"])
            got = []
            while True:
                e = w.event()
                if e["event"] == "resumed":
                    return got
                if "seq" in e and "prev" in e:
                    got.append(e)
        finally:
            w.close()

    def check(self, got, since, all_events):
        """What a follower got is all there is, in order, each once."""
        wanted = [e["seq"] for e in all_events if e["seq"] > since and (not got or e["seq"] <= got[-1]["seq"])]
        self.assertEqual([e["seq"] for e in got], wanted)
        by_seq = {e["seq"]: e for e in all_events}
        for e in got:
            self.assertEqual({k: v for k, v in e.items() if k != "prev"},
                             {k: v for k, v in by_seq[e["seq"]].items() if k != "prev"})
        for before, after in zip(got, got[1:]):
            self.assertEqual(after["prev"], before["seq"])

    def follow(self, bearer, number, stop, state):
        """One client: reads, is cut now and then, and goes on where it was."""
        try:
            w = WebSocket(self.port, bearer=bearer)
            first = w.ask("subscribe:tenant")
            state.update(epoch=first["epoch"], since=first["seq"], begin=first["seq"])
            while not stop.is_set():
                try:
                    e = w.event()
                    if "seq" in e and "prev" in e:
                        state["got"].append(e)
                        state["since"] = e["seq"]
                        if (len(state["got"]) + number) % 197 == 0:
                            raise Closed(None, "cut by the client")
                except (Closed, OSError):
                    w.close()
                    w = self.again(bearer, state, stop)
            w.close()
        except Exception as problem:  # noqa: BLE001: whatever it is, the test tells it
            state["problem"] = repr(problem)

    def test_across_lost_connections_and_kill_9(self):
        ops, stop = token("olga", roles=("ops",)), threading.Event()
        states = [{"got": [], "problem": None} for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self.follow, args=(ops, i, stop, state)) for i, state in enumerate(states)]
        for thread in threads:
            thread.start()
        wait_until(lambda: all("begin" in s or s["problem"] for s in states), 60, "all to have subscribed")
        for _ in range(3):
            for i in range(15):
                self.create(ANN if i % 2 else BOB, timeout_ms=2000)
            self.rfqd.kill9()
            self.rfqd.start()
            self.rfqd.wait_lps(len(self.parties))
        last = self.create(timeout_ms=1000)

        def has_all(state):
            return state["problem"] or any(e["event"] in ENDS and e["data"].get("rfqId") == last for e in state["got"][-40:])
        wait_until(lambda: all(has_all(s) for s in states), 60, "the last RFQ's end, by all")
        stop.set()
        self.create(timeout_ms=1000)  # wakes them
        for thread in threads:
            thread.join(60)
        self.assertEqual([s["problem"] for s in states if s["problem"]], [])
        everything = self.everything(ops, min(s["begin"] for s in states))
        for state in states:
            self.assertGreater(len(state["got"]), 300)
            self.check(state["got"], state["begin"], everything)

    def again(self, bearer, position, stop):
        """A connection that goes on where the last one ended."""
        def attempt():
            if stop.is_set():
                return True
            try:
                w = WebSocket(self.port, bearer=bearer)
            except (OSError, Closed, Refused):
                return None
            try:
                if w.ask("resume", epoch=position["epoch"], since=position["since"], tenant=True)["success"]:
                    return w
            except (OSError, Closed):
                pass
            w.close()
            return None
        found = wait_until(attempt, 60, "a connection that resumes")
        return found if found is not True else WebSocket(self.port, bearer=bearer)

    def test_a_slow_reader_is_closed_and_misses_nothing(self):
        ops = token("olga", roles=("ops",))
        slow = WebSocket(self.port, bearer=ops, receive_buffer=4096)
        first = slow.ask("subscribe:tenant")
        wait_until(lambda: self.counter("rfqd_ws_connections") == 1, 10, "connections of other tests to be gone")
        quick = self.ws(ops)
        quick.ask("subscribe:trader")
        asked, kept = 0, Connection(self.port)
        self.addCleanup(kept.close)
        while asked % 25 or (self.counter("rfqd_ws_connections") == 2 and asked < 6000):  # by its queue, or its time
            self.create(timeout_ms=1000, over=kept)
            asked += 1
        self.assertEqual(self.counter("rfqd_ws_connections"), 1)
        closed = self.counter("rfqd_ws_slow_consumers_total") + self.counter("rfqd_http_refused_total", "write_timeout")
        self.assertEqual(closed, 1)
        got, code = [], None
        try:
            while True:
                e = slow.event()
                if "seq" in e and "prev" in e:
                    got.append(e)
        except Closed as closed:
            code = closed.code
        except ConnectionError:
            pass
        self.assertIn(code, (1013, None))
        slow.close()
        since = got[-1]["seq"] if got else first["seq"]
        w = self.ws(ops)
        self.assertTrue(w.ask("resume", epoch=first["epoch"], since=since, tenant=True)["success"])
        while True:
            e = w.event()
            if e["event"] == "resumed":
                break
            if "seq" in e and "prev" in e:
                got.append(e)
        everything = self.everything(ops, first["seq"])
        seqs = [e["seq"] for e in got]
        self.assertEqual(seqs, sorted(set(seqs)))
        missing = [e for e in everything if first["seq"] < e["seq"] <= seqs[-1] and e["seq"] not in set(seqs)]
        replaced = {e["data"].get("replaces") for e in everything if e["event"] == "quote:received"}
        for e in missing:  # what a newer one took the place of, and nothing else
            self.assertIn(e["event"], ("quotes:ranked", "quote:received"))
            self.assertTrue(e["event"] == "quotes:ranked" or e["data"]["quoteId"] in replaced, e)
        for name in ("quotes:ranked", "quote:received"):
            self.assertLessEqual(sum(e["event"] == name for e in missing),
                                 self.counter("rfqd_ws_coalesced_total", f'"{name}"'))
            self.assertGreater(self.counter("rfqd_ws_coalesced_total", f'"{name}"'), 0)

    def test_many_come_back_at_one_time_and_some_do_not_read(self):
        """Those who do not read must not keep the others from what they missed."""
        ops = token("olga", roles=("ops",))
        w = self.ws(ops)
        epoch = w.ask("subscribe:tenant")["epoch"]
        w.close()
        kept = Connection(self.port)
        self.addCleanup(kept.close)
        for _ in range(150):
            self.create(timeout_ms=1000, over=kept)
        for _ in range(80):
            idle = self.ws(ops, receive_buffer=4096)
            idle.send({"op": "resume", "id": 1, "epoch": epoch, "since": 0, "tenant": True})
        everything = self.everything(ops)
        self.assertGreater(len(everything), 1000)
        self.assertLessEqual(self.counter("rfqd_ws_resume_readers"), 64)


class Stop(House):
    parties = ()

    def test_going_away(self):
        w = self.ws()
        w.ask("subscribe:trader")
        self.rfqd.ask("stop")
        told = w.event("going_away")
        self.assertGreaterEqual(told["data"]["reconnectAfterMs"], 1000)
        self.assertEqual(w.closed()[0], 1001)
        self.assertEqual(self.rfqd.process.wait(30), 0)


if __name__ == "__main__":
    try:
        unittest.main(verbosity=2)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
