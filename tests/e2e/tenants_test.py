#!/usr/bin/env python3
"""Nothing of one tenant is visible to another. Two tenants trade at one rfqd; every operation of the API's description and
every op of the WebSocket is tried by users of each role of the one against what is there of the other, while events flow.
Both lists are read from the source: what is added there without a case here is a failure.

    tenants_test.py BUILD SOURCE
"""

import itertools
import json
import os
import re
import sys
import threading
import unittest

from api import ANN, MAX, OLGA, OZ, ROOT, SAM, SECRET, Connection, house, token
from appliance import Failure, Scratch, Sim, wait_until
from wswire import TEXT, Closed, WebSocket

BUILD, SOURCE = sys.argv[1], sys.argv[2]
METHODS = ("get", "post", "put", "patch", "delete")
KEYS = itertools.count()  # of idempotency: each is used by both tenants, for the same body
MIA = {**SAM, "user": "mia", "roles": ("manager",)}
OLA = {**SAM, "user": "ola", "roles": ("ops",)}
NO_RFQ, NO_ORDER, NO_QUOTE = "RFFFFFFF", "OFFFFFFF", "QFFFFFFF"

with open(os.path.join(SOURCE, "control/http/openapi.json")) as f:
    PATHS = json.load(f)["paths"]
OPERATIONS = [(method, path) for path, item in PATHS.items() for method in METHODS if method in item]
with open(os.path.join(SOURCE, "control/ws/ask.c")) as f:
    OPS = re.findall(r'\{"([a-z:.]+)", (?:ws_)?op_\w+\}|strcmp\(op, "(auth)"\)', f.read())
OPS = sorted({a or b for a, b in OPS})


class Tenant:
    """Its users, by role, and what it has: `marks` are words that nobody else may ever be shown."""

    def __init__(self, name, lps, quantity, users):
        self.name, self.lps, self.quantity = name, lps, quantity
        self.trader, self.manager, self.ops, self.admin = users
        self.users = users
        self.marks = {name, *lps, *(u["user"] for u in users), f"{name}-reference", f"{name}-late", quantity}
        self.live = self.filled = self.order = self.quote = None

    def learn(self, text):
        """Ids in what it was told itself are its own."""
        self.marks.update(re.findall(r'"([A-Z][0-9A-F]+)"', text))

    def found_in(self, text):
        return sorted(self.marks & set(re.findall(r"[\w-]+", text)))


class Listener(threading.Thread):
    """Keeps every text that one user gets, as it comes."""

    def __init__(self, port, user, op, **members):
        super().__init__(daemon=True)
        self.ws = WebSocket(port, bearer=token(**user))
        self.texts, self.problem = [], None
        answer = self.ws.ask(op, **members)
        if not answer["success"]:
            raise Failure(f"{user['user']}: {op}: {answer}")
        self.texts.append(json.dumps(answer))
        self.texts += [json.dumps(e) for e in self.ws.events]
        self.start()

    def run(self):
        try:
            while True:
                opcode, payload = self.ws.read_frame()
                if opcode == TEXT:
                    self.texts.append(payload.decode())
        except (Closed, OSError) as ended:
            self.problem = ended

    def all(self):
        return "\n".join(self.texts)

    def saw(self, event, word):
        return any(f'"event":"{event}"' in t and f'"{word}"' in t for t in list(self.texts))

    def end(self):
        self.ws.socket.shutdown(2)
        self.join(20)
        self.ws.close()


class Tenants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(Scratch("tenants"))
        cls.north = Tenant("north", ("NBANK1", "NBANK2"), "1234567", (ANN, MAX, OLGA, ROOT))
        cls.south = Tenant("south", ("SBANK1", "SBANK2"), "7654321", (SAM, MIA, OLA, OZ))
        both = (cls.north, cls.south)
        cls.rfqd = house(BUILD, directory, http=", requests_per_s_max: 100000", lps=sum((t.lps for t in both), ()))
        cls.addClassCleanup(cls.rfqd.clean)
        # The south's own LPs; and a manager there whose team has the name of a team of the north.
        with open(cls.rfqd.config) as f:
            text = f.read()
        for lp in cls.south.lps:
            text = text.replace(f"{{code: {lp},", f"{{code: {lp}, tenant: 1,")
        text = text.replace("  - {name: sam, tenant: south}", "  - {name: sam, tenant: south, team: fx}\n"
                            "  - {name: mia, tenant: south, team: fx, role: manager}\n"
                            "  - {name: ola, tenant: south, role: ops}")
        with open(cls.rfqd.config, "w") as f:
            f.write(text)
        cls.rfqd.start()
        cls.sims = {}
        for t in both:
            cls.sims[t.name] = Sim(BUILD, directory, cls.rfqd,
                                   [f"lp:name={name},ack=b,spread=0.0002,seed={n}" for n, name in enumerate(t.lps)], ("--linger",))
            cls.addClassCleanup(cls.sims[t.name].kill)
        cls.rfqd.wait_lps(4)
        cls.port = cls.rfqd.http_port
        cls.c = Connection(cls.port)
        cls.addClassCleanup(cls.c.close)
        for t in both:
            cls.trade(t)

    @classmethod
    def ask(cls, method, path, user, body=None, headers=()):
        return cls.c.ask(method.upper(), path, token(**user) if user else None, body, headers)

    @classmethod
    def make(cls, t, timeout_ms=600000, reference="reference"):
        body = {"symbol": "EURUSD", "side": "buy", "quantity": t.quantity, "timeoutMs": timeout_ms, "reference": f"{t.name}-{reference}"}
        answer = cls.ask("post", "/api/v1/rfqs", t.trader, body)
        if answer.status != 201:
            raise Failure(f"no RFQ for {t.name}: {answer}")
        t.learn(answer.body.decode())
        return answer.json()["id"]

    @classmethod
    def trade(cls, t):
        """One RFQ that lives, with its quotes, and one that was filled."""
        t.live, t.filled = cls.make(t), cls.make(t)

        def quotes(rfq):
            answer = cls.ask("get", f"/api/v1/rfqs/{rfq}/quotes", t.trader)
            return answer.json()["quotes"] if len(answer.json()["quotes"]) == 2 else None
        t.quote = wait_until(lambda: quotes(t.live), 20, "quotes")[0]["id"]
        quote = wait_until(lambda: quotes(t.filled), 20, "quotes")[0]["id"]
        answer = cls.ask("post", f"/api/v1/rfqs/{t.filled}/accept", t.trader, {"quoteId": quote})
        if answer.status != 200:
            raise Failure(f"not accepted: {answer}")
        wait_until(lambda: cls.ask("get", f"/api/v1/rfqs/{t.filled}", t.trader).json()["status"] == "filled", 20, "the fill")
        t.order = cls.ask("get", f"/api/v1/rfqs/{t.filled}", t.trader).json()["award"]["orderId"]
        for path in (f"rfqs/{t.live}", f"rfqs/{t.filled}", f"rfqs/{t.live}/quotes", f"rfqs/{t.filled}/quotes",
                     f"rfqs/{t.filled}/deliveries", f"orders/{t.order}", f"events?rfqId={t.filled}"):
            answer = cls.ask("get", f"/api/v1/{path}", t.admin)
            if answer.status != 200:
                raise Failure(f"{path}: {answer}")
            t.learn(answer.body.decode())

    def pairs(self):
        """(who asks, what they are not to see)"""
        return (self.north, self.south), (self.south, self.north)

    def same(self, theirs, one, mine, none, where):
        """Two answers that differ in nothing but the id that was asked for."""
        self.assertEqual(one.status, mine.status, where)
        self.assertEqual(one.body.decode().replace(theirs, none), mine.body.decode(), where)
        left_out = ("date", "content-length")
        self.assertEqual({k: v for k, v in one.headers.items() if k not in left_out},
                         {k: v for k, v in mine.headers.items() if k not in left_out}, where)

    # Operations: each is a function of (method, path, who asks, own tenant, the other)

    def not_there(self, method, path, user, other, theirs, none, status, body=None, headers=()):
        """What is theirs is answered as what is not there."""
        found = self.ask(method, path.replace("{}", theirs), user, body, headers)
        missing = self.ask(method, path.replace("{}", none), user, body, headers)
        where = f"{method} {path} of {other.name}'s {theirs} by {user['user']}: {found}"
        self.assertEqual(found.status, status, where)
        self.same(theirs, found, missing, none, where)
        self.assertEqual(other.found_in(found.body.decode().replace(theirs, "")), [], where)

    def rfq_of_others(self, method, path, user, own, other, body=None):
        trades = user["user"] not in (OLGA["user"], OLA["user"])
        status = 404 if method == "get" or trades else 403
        for rfq in (other.live, other.filled):
            self.not_there(method, path.replace("{id}", "{}"), user, other, rfq, NO_RFQ, status, body)

    def rfq_with_tag(self, method, path, user, own, other):
        self.rfq_of_others(method, path, user, own, other)
        tag = self.ask("get", f"/api/v1/rfqs/{other.filled}", other.admin).headers["etag"]
        answer = self.ask("get", f"/api/v1/rfqs/{other.filled}", user, headers=[("If-None-Match", tag)])
        self.assertEqual(answer.status, 404, answer)

    def accept(self, method, path, user, own, other):
        self.rfq_of_others(method, path, user, own, other, {"quoteId": other.quote})
        if user in (own.trader, own.manager, own.admin):  # their quote for an RFQ that is one's own
            answers = [self.ask(method, path.replace("{id}", own.live), user, {"quoteId": q}) for q in (other.quote, NO_QUOTE)]
            self.assertEqual((answers[0].status, answers[0].code), (404, "unknown_quote"), answers[0])
            self.same(other.quote, answers[0], answers[1], NO_QUOTE, "a quote of others")

    def cancel(self, method, path, user, own, other):
        self.rfq_of_others(method, path, user, own, other, {"reason": "lp_issue"})

    def extend(self, method, path, user, own, other):
        self.rfq_of_others(method, path, user, own, other, {"reason": "more time"})

    def order_of_others(self, method, path, user, own, other):
        self.not_there(method, path.replace("{id}", "{}"), user, other, other.order, NO_ORDER, 404)

    def listed(self, path, user, own, other, needs):
        """A list holds something of one's own, so that it is known to be filled, and nothing of theirs."""
        answer = self.ask("get", path, user)
        where = f"{path} by {user['user']}: {answer}"
        self.assertEqual(answer.status, 200, where)
        text = answer.body.decode()
        self.assertEqual(other.found_in(text), [], where)
        for word in needs:
            self.assertIn(word, own.found_in(text), where)

    def rfqs(self, method, path, user, own, other):
        for query in ("", "?limit=500", "?symbol=EURUSD", "?status=filled,quoted,awarded"):
            self.listed(path + query, user, own, other, (own.filled,) if "status" in query else (own.live, own.filled))
        # A cursor is a position, by whomever it was had.
        cursor = self.ask("get", f"{path}?limit=1", other.admin).json()["next"]
        self.listed(f"{path}?limit=500&cursor={cursor}", user, own, other, ())

    def orders(self, method, path, user, own, other):
        self.listed(path, user, own, other, (own.order,))
        theirs, none = (self.ask("get", f"{path}?rfqId={rfq}", user) for rfq in (other.filled, NO_RFQ))
        self.same(other.filled, theirs, none, NO_RFQ, "orders of another's RFQ")

    def events(self, method, path, user, own, other):
        for query in ("", "?from=0", "?from=2020-01-01T00:00:00Z", "?type=rfq.created,order.filled,rfq.awarded"):
            self.listed(path + query, user, own, other, (own.filled,))
        theirs, none = (self.ask("get", f"{path}?rfqId={rfq}", user) for rfq in (other.filled, NO_RFQ))
        self.assertEqual(theirs.body, b"")
        self.same(other.filled, theirs, none, NO_RFQ, "events of another's RFQ")

    def create(self, method, path, user, own, other):
        """Under a key that the other has used for the same body: a new RFQ, and no answer of theirs."""
        body = {"symbol": "EURUSD", "side": "sell", "quantity": "1000000", "timeoutMs": 1000}
        key = [("Idempotency-Key", f"key-{next(KEYS)}")]
        first = self.ask(method, path, other.trader, body, key)
        answer = self.ask(method, path, user, body, key)
        if user is own.ops:
            self.assertEqual((answer.status, answer.code), (403, "forbidden"), answer)
        else:
            self.assertEqual((first.status, answer.status), (201, 201), answer)
            self.assertNotEqual(answer.json()["id"], first.json()["id"])
            self.assertNotIn("idempotency-replayed", answer.headers)
            own.learn(answer.body.decode())
        other.learn(first.body.decode())
        self.assertEqual(other.found_in(answer.body.decode()), [])

    def admin(self, user, own):
        return user in (own.ops, own.admin)

    def lps(self, method, path, user, own, other):
        if self.admin(user, own):
            self.listed(path, user, own, other, own.lps)
        else:
            self.forbidden(method, path, user, other)

    def forbidden(self, method, path, user, other):
        answer = self.ask(method, path, user)
        self.assertEqual((answer.status, answer.code), (403, "forbidden"), answer)
        self.assertEqual(other.found_in(answer.body.decode()), [])

    def lp(self, method, path, user, own, other):
        for code in other.lps:
            self.not_there(method, path.replace("{code}", "{}"), user, other, code, "NOBANK", 404 if self.admin(user, own) else 403)

    def everybodys(self, method, path, user, own, other):
        """Instruments are all tenants'; who is no operator reads them under their own path only."""
        path = path.replace("{symbol}", "EURUSD")
        if "/admin/" in path and not self.admin(user, own):
            self.forbidden(method, path, user, other)
        else:
            self.listed(path, user, own, other, ())

    def no_tenants(self, method, path, user, own, other):
        """Asked by whoever comes: nothing of anybody."""
        answer = self.ask(method, path.replace("{file}", "main.js"), user)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([t.found_in(answer.body.decode()) for t in (own, other)], [[], []], path)

    def metrics(self, method, path, user, own, other):
        """For the host, with the parties of all (rfqd.conf(5), http.metrics), but never an RFQ or an order or a quote."""
        text = self.ask(method, path, user).body.decode()
        self.assertIn("rfqd_", text)
        ids = {m for t in (own, other) for m in t.marks if re.fullmatch(r"[A-Z][0-9A-F]+", m)}
        self.assertEqual(ids & set(re.findall(r'"([^"]*)"', text)), set())

    def websocket(self, method, path, user, own, other):
        """The upgrade; what is asked behind it has its own cases."""
        w = WebSocket(self.port, bearer=token(**user))
        self.assertEqual(own.found_in(w.head) + other.found_in(w.head), [])
        w.close()

    CASES = {
        ("post", "/api/v1/rfqs"): create,
        ("get", "/api/v1/rfqs"): rfqs,
        ("get", "/api/v1/rfqs/{id}"): rfq_with_tag,
        ("get", "/api/v1/rfqs/{id}/quotes"): rfq_of_others,
        ("get", "/api/v1/rfqs/{id}/transitions"): rfq_of_others,
        ("get", "/api/v1/rfqs/{id}/deliveries"): rfq_of_others,
        ("get", "/api/v1/rfqs/{id}/events"): rfq_of_others,
        ("post", "/api/v1/rfqs/{id}/accept"): accept,
        ("post", "/api/v1/rfqs/{id}/cancel"): cancel,
        ("post", "/api/v1/rfqs/{id}/extend"): extend,
        ("get", "/api/v1/orders"): orders,
        ("get", "/api/v1/orders/{id}"): order_of_others,
        ("get", "/api/v1/instruments"): everybodys,
        ("get", "/api/v1/instruments/{symbol}"): everybodys,
        ("get", "/api/v1/events"): events,
        ("get", "/api/v1/admin/lps"): lps,
        ("get", "/api/v1/admin/lps/{code}"): lp,
        ("get", "/api/v1/admin/instruments"): everybodys,
        ("get", "/api/v1/admin/instruments/{symbol}"): everybodys,
        ("get", "/api/v1/admin/sessions"): lps,
        ("get", "/api/v1/openapi.json"): no_tenants,
        ("get", "/healthz"): no_tenants,
        ("get", "/readyz"): no_tenants,
        ("get", "/metrics"): metrics,
        ("get", "/"): no_tenants,
        ("get", "/console/{file}"): no_tenants,
        ("get", "/rfq"): websocket,
    }

    # Ops of the WebSocket: each is a function of (connection, who asks, own tenant, the other)

    @staticmethod
    def words(answer, was="", becomes=""):
        """All of an answer but which request it is of, as if another id had been asked for."""
        text = json.dumps({k: v for k, v in answer.items() if k != "re"})
        return text.replace(was, becomes) if was else text

    def refused(self, w, other, theirs, none, error, op, members):
        """members: a function of the id. Theirs is refused as one that is not there, in the same words."""
        found, missing = w.ask(op, **members(theirs)), w.ask(op, **members(none))
        where = f"{op} of {other.name}'s {theirs}: {found}"
        self.assertEqual((found["success"], found.get("error")), (False, error), where)
        self.assertEqual(self.words(found, theirs, none), self.words(missing), where)
        self.assertEqual(other.found_in(self.words(found, theirs, none)), [], where)

    def op_on_rfq(op, error, **members):
        def case(self, w, user, own, other):
            e = "forbidden" if op.startswith("rfq.") and user is own.ops else error
            for rfq in (other.live, other.filled):
                self.refused(w, other, rfq, NO_RFQ, e, op, lambda name: {"rfqId": name, **members})
        return case

    def op_on_trader(op, error):
        def case(self, w, user, own, other):
            for theirs in other.users:
                self.refused(w, other, theirs["user"], "nobody", error, op, lambda name: {"traderId": name})
        return case

    def op_accept(self, w, user, own, other):
        for rfq in (other.live, other.filled):
            self.refused(w, other, rfq, NO_RFQ, "forbidden" if user is own.ops else "unknown_rfq", "rfq.accept",
                         lambda name: {"rfqId": name, "quoteId": other.quote})
        if user is not own.ops:
            found, missing = (w.ask("rfq.accept", rfqId=own.live, quoteId=q) for q in (other.quote, NO_QUOTE))
            self.assertEqual(found["error"], "unknown_quote", found)
            self.assertEqual(self.words(found, other.quote, NO_QUOTE), self.words(missing))

    def op_create(self, w, user, own, other):
        """Under a key of theirs, as over HTTP."""
        body = {"symbol": "EURUSD", "side": "buy", "quantity": "2000000", "timeoutMs": 1000}
        key = f"key-{next(KEYS)}"
        first = self.ask("post", "/api/v1/rfqs", other.trader, body, [("Idempotency-Key", key)])
        other.learn(first.body.decode())
        got = w.ask("rfq.create", key=key, **body)
        self.assertEqual(other.found_in(json.dumps(got)), [])
        if user is own.ops:
            self.assertEqual(got["error"], "forbidden")
        else:
            self.assertEqual((got["success"], "repeated" in got), (True, False), got)
            own.learn(json.dumps(got))

    def op_tenant(self, w, user, own, other):
        """There is no asking for another: the tenant is the token's, whatever the request names."""
        got = w.ask("subscribe:tenant", tenant=other.name, tenantId=other.name)
        self.assertEqual(got["success"], self.admin(user, own), got)
        if got["success"]:
            mark = self.make(other, timeout_ms=1000, reference="late")
            mine = self.make(own, timeout_ms=1000, reference="late")
            seen = []
            while not seen or seen[-1].get("data", {}).get("rfqId") != mine:
                seen.append(w.event())
            self.assertNotIn(mark, json.dumps(seen))

    def op_no_tenant(self, w, user, own, other):
        got = w.ask("unsubscribe:tenant", tenant=other.name)
        self.assertEqual((got["success"], got["error"]), (False, "not_subscribed"))

    def op_resume(self, w, user, own, other):
        got = w.ask("subscribe:trader")
        w.ask("unsubscribe:trader")
        at = {"epoch": got["epoch"], "since": 0}
        for rfq in (other.live, other.filled):
            self.refused(w, other, rfq, NO_RFQ, "bad_subscription", "resume", lambda name: {**at, "rfqs": [name]})
            self.refused(w, other, rfq, NO_RFQ, "bad_subscription", "resume", lambda name: {**at, "rfqs": [own.live, name]})
        for theirs in other.users:
            self.refused(w, other, theirs["user"], "nobody", "bad_subscription", "resume", lambda name: {**at, "traders": [name]})
        # From the first event on: all of one's own, none of theirs.
        wanted = {"tenant": True} if self.admin(user, own) else {"traders": [own.trader["user"]]}
        self.assertTrue(w.ask("resume", **at, **wanted)["success"])
        seen = [w.event()]
        while seen[-1]["event"] != "resumed":
            seen.append(w.event())
        text = json.dumps(seen)
        self.assertEqual(other.found_in(text), [])
        self.assertIn(own.filled, own.found_in(text))

    def op_ping(self, w, user, own, other):
        w.send({"op": "ping", "tenant": other.name, "rfqId": other.live})
        self.assertEqual(w.read(), {"event": "pong"})

    def op_auth(self, w, user, own, other):
        """A token that names the other tenant, signed with what one has: no way over."""
        for claim in ({**user, "tenant": other.name}, {**other.admin, "kid": user.get("kid", "k1"), "secret": user.get("secret", SECRET)}):
            got = w.ask("auth", token=token(**claim))
            self.assertEqual((got["success"], got["error"]), (False, "unauthorized"), got)
            self.assertEqual(other.found_in(json.dumps(got)), [])
        self.assertFalse(w.ask("subscribe:rfq", rfqId=other.live)["success"])

    OP_CASES = {
        "auth": op_auth,
        "subscribe:rfq": op_on_rfq("subscribe:rfq", "unknown_rfq"),
        "unsubscribe:rfq": op_on_rfq("unsubscribe:rfq", "not_subscribed"),
        "subscribe:trader": op_on_trader("subscribe:trader", "unknown_trader"),
        "unsubscribe:trader": op_on_trader("unsubscribe:trader", "unknown_trader"),
        "subscribe:tenant": op_tenant,
        "unsubscribe:tenant": op_no_tenant,
        "rfq.create": op_create,
        "rfq.accept": op_accept,
        "rfq.cancel": op_on_rfq("rfq.cancel", "unknown_rfq", reason="lp_issue"),
        "rfq.extend": op_on_rfq("rfq.extend", "unknown_rfq", reason="more time"),
        "resume": op_resume,
        "ping": op_ping,
    }

    def test_each_operation_and_each_op_has_its_case(self):
        self.assertEqual(sorted(OPERATIONS), sorted(self.CASES))
        self.assertEqual(sorted(OPS), sorted(self.OP_CASES))

    def test_by_http(self):
        before = [self.standing(t) for t in (self.north, self.south)]
        for own, other in self.pairs():
            for method, path in OPERATIONS:
                for user in own.users:
                    with self.subTest(method=method, path=path, user=user["user"]):
                        self.CASES[method, path](self, method, path, user, own, other)
        self.assertEqual([self.standing(t) for t in (self.north, self.south)], before)

    def standing(self, t):
        """What a stranger's cancel, extend or accept would have changed."""
        rfq = self.ask("get", f"/api/v1/rfqs/{t.live}", t.admin).json()
        return rfq["status"], rfq["expiresAt"], rfq.get("award"), t.live

    def test_by_websocket(self):
        before = [self.standing(t) for t in (self.north, self.south)]
        for own, other in self.pairs():
            for op in OPS:
                for user in own.users:
                    with self.subTest(op=op, user=user["user"]):
                        w = WebSocket(self.port, bearer=token(**user))
                        try:
                            self.OP_CASES[op](self, w, user, own, other)
                        finally:
                            w.close()
                        self.assertEqual(other.found_in(json.dumps(w.events)), [])
        self.assertEqual([self.standing(t) for t in (self.north, self.south)], before)

    def test_while_events_flow(self):
        """Each tenant's listeners of all kinds get all that happens to it, its LPs' coming and going too, and never a word
        of the other."""
        listeners = {t.name: [Listener(self.port, t.trader, "subscribe:trader"),
                              Listener(self.port, t.manager, "subscribe:trader", traderId=t.trader["user"]),
                              Listener(self.port, t.admin, "subscribe:rfq", rfqId=t.live),
                              Listener(self.port, t.ops, "subscribe:tenant"), Listener(self.port, t.admin, "subscribe:tenant")]
                     for t in (self.north, self.south)}
        for name in listeners:
            for listener in listeners[name]:
                self.addCleanup(listener.end)
        last = {}
        for _ in range(30):
            for t in (self.north, self.south):
                last[t.name] = self.make(t, timeout_ms=1000)
        for t, _ in self.pairs():
            for listener in listeners[t.name]:
                if listener is not listeners[t.name][2]:
                    wait_until(lambda: listener.saw("rfq:expired", last[t.name]), 30, f"the last RFQ's end, by {t.name}")
        # An LP of each goes: their consoles are told, by its name.
        for own, _ in self.pairs():
            self.sims[own.name].kill()
            for listener in listeners[own.name][3:]:
                for lp in own.lps:
                    wait_until(lambda: listener.saw("session:state", lp), 30, f"{lp} to go")
        for own, other in self.pairs():
            for listener in listeners[own.name]:
                self.assertIsNone(listener.problem)
                text = listener.all()
                self.assertEqual(other.found_in(text), [])
                self.assertTrue(own.found_in(text))
            counted = [len(listener.texts) for listener in listeners[own.name]]
            self.assertGreater(min(counted[:2] + counted[3:]), 30 * 4, counted)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
