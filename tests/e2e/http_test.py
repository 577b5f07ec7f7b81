#!/usr/bin/env python3
"""The HTTP API of a real rfqd, from outside: bad input and its counters, peers that are slow or many, tenants kept apart,
keys that survive a kill, reads that see what was written.

    http_test.py BUILD SOURCE [TEST...]
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest

from api import ANN, BOB, MAX, OLGA, OZ, ROOT, SAM, Connection, house, request, token
from appliance import Scratch, Sim, wait_until
from fixwire import Peer

build, source = sys.argv[1], sys.argv[2]
RFQ = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": 30000}


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch("http")
        self.directory = self.scratch.__enter__()
        self.rfqd = self.lps = None
        self.connections = []

    def tearDown(self):
        for c in self.connections:
            c.close()
        if self.lps:
            self.lps.kill()
        if self.rfqd:
            self.rfqd.clean()
        self.scratch.__exit__(None, None, None)

    def open(self, http="", lps=2, level="committed", settings=""):
        self.rfqd = house(build, self.directory, level=level, http=", requests_per_s_max: 100000" + http,
                          settings=settings)
        self.rfqd.start()
        if lps:
            self.lps = Sim(build, self.directory, self.rfqd, [f"lp:name=LP{n},seed={n},spread=0.0002" for n in range(1, lps + 1)],
                           ("--linger",))
            self.rfqd.wait_lps(lps)
        self.c = self.connect()

    def connect(self):
        c = Connection(self.rfqd.http_port)
        self.connections.append(c)
        return c

    def ask(self, method, path, user=ANN, body=None, headers=(), on=None):
        return (on or self.c).ask(method, path, token(**user) if user else None, body, headers)

    def make(self, user=ANN, **changes):
        answer = self.ask("POST", "/api/v1/rfqs", user, {**RFQ, **changes})
        self.assertEqual(answer.status, 201, answer)
        return answer.json()["id"]

    def counter(self, name, label):
        return sum(c["value"] for c in self.rfqd.ask("counters") if c["name"] == name and label in c["labels"])


class BadInput(Case):
    def test_each_gets_its_answer_and_its_counter(self):
        self.open(lps=0)
        good = token(**ANN)
        post = "POST /api/v1/rfqs HTTP/1.1\r\nHost: a\r\n"
        bearer = f"Authorization: Bearer {good}\r\n"

        def body(text, kind="application/json", extra=""):
            data = text if isinstance(text, bytes) else text.encode()
            return f"{post}{bearer}{extra}Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        web, api, auth = "rfqd_http_refused_total", "rfqd_api_refused_total", "rfqd_auth_refused_total"
        deep = '{"a":' * 20 + "1" + "}" * 20
        rfq = '{"symbol":"EURUSD","side":"buy","quantity":%s}'
        table = [
            (b"\x00\x01\x02\x03\r\n\r\n", 400, "bad_request", web, "bad_request"),
            (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request", web, "bad_request"),
            (b"GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n", 505, "http_version", web, "http_version"),
            (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long", web, "target_too_long"),
            (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431, "head_too_large", web, "head_too_large"),
            (body("x" * 70000), 413, "body_too_large", web, "body_too_large"),
            ((post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n").encode(), 400, "bad_request", web, "bad_request"),
            ((post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n").encode(), 400, "bad_request", web, "bad_request"),
            ((post + "Expect: miracles\r\nContent-Length: 3\r\n\r\n").encode(), 417, "expectation", web, "expectation"),
            (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found", web, "not_found"),
            (b"DELETE /api/v1/rfqs HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed", web, "method_not_allowed"),
            (request("GET", "/api/v1/rfqs"), 401, "unauthorized", api, "token"),
            (request("GET", "/api/v1/rfqs", "a.b.c"), 401, "unauthorized", auth, "signature"),
            (request("GET", "/api/v1/rfqs", "a" * 5000), 401, "unauthorized", auth, "too_long"),
            (request("GET", "/api/v1/rfqs", headers=[("Authorization", "Basic YTpi")]), 401, "unauthorized", api, "token"),
            (request("GET", "/api/v1/rfqs", token(**ANN, ttl=-60)), 401, "unauthorized", auth, "expired"),
            (request("GET", "/api/v1/rfqs", token(**{**ANN, "roles": ["admin"]})), 401, "unauthorized", auth, "claims"),
            (request("GET", "/api/v1/rfqs", token(**ANN, alg="none")), 401, "unauthorized", auth, "signature"),
            (request("GET", "/api/v1/admin/lps", good), 403, "forbidden", api, "role"),
            (request("GET", "/api/v1/rfqs?status=odd", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/rfqs?status=%zz", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/rfqs?symbol=%00", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/rfqs?status", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/rfqs?limit=501", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/rfqs?cursor=R" + "F" * 100, good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?status=odd", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?cursor=%zz", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?cursor", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?cursor=x", good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?cursor=R1-O" + "F" * 100, good), 400, "bad_parameter", api, "parameter"),
            (request("GET", "/api/v1/orders?rfqId=O1", good), 400, "bad_parameter", api, "parameter"),
            (body("{}", kind="text/json"), 415, "unsupported_media_type", api, "media_type"),
            (body("{}", kind="application/jsonx"), 415, "unsupported_media_type", api, "media_type"),
            (body("nothing"), 400, "bad_json", api, "body"),
            (body(deep), 400, "bad_json", api, "body"),
            (body(b'{"symbol":"\xff\xfe"}'), 400, "bad_json", api, "body"),
            (body(rfq % "1" + "{}"), 400, "bad_json", api, "body"),
            (body('{"side":"buy","side":"sell"}'), 400, "duplicate_member", api, "body"),
            (body("[1]"), 400, "bad_json", api, "body"),
            (body("{}"), 422, "missing_member", api, "body"),
            (body(rfq % '"a lot"'), 422, "wrong_type", api, "body"),
            (body(rfq % "1e6"), 422, "wrong_type", api, "body"),
            (body(rfq % "-5"), 422, "out_of_range", api, "body"),
            (body(rfq % "1" "}"), 400, "bad_json", api, "body"),
            (body('{"colour":"red"}'), 422, "unknown_member", api, "body"),
            (body(rfq % "1", extra="Idempotency-Key: two words\r\n"), 400, "bad_idempotency_key", api, "idempotency_key"),
            (body(rfq % "1", extra="Idempotency-Key: " + "k" * 256 + "\r\n"), 400, "bad_idempotency_key", api, "idempotency_key"),
            (body(rfq % "1", extra="Idempotency-Key:\r\n"), 400, "bad_idempotency_key", api, "idempotency_key"),
        ]
        for data, status, code, name, reason in table:
            with self.subTest(code=code, data=data[:120]):
                before = self.counter(name, f'"{reason}"')
                c = self.connect()
                c.send(data)
                answer = c.answer()
                self.assertEqual((answer.status, answer.code), (status, code), answer)
                self.assertEqual(answer.json()["status"], status)
                self.assertEqual(self.counter(name, f'"{reason}"'), before + 1)
                self.answers_no_more(c, answer)
        self.assertEqual(self.ask("GET", "/healthz", None).status, 200)

    def answers_no_more(self, c, answer):
        """The next thing that comes is the end, or the answer to the next request, and nothing behind it."""
        if answer.headers.get("connection") == "close":
            self.assertTrue(c.ended())
        else:
            self.assertEqual(c.ask("GET", "/healthz").json(), {"status": "ok"})
            c.send(request("GET", "/healthz", headers=[("Connection", "close")]))
            self.assertEqual(c.answer().json(), {"status": "ok"})
            self.assertTrue(c.ended())
        self.assertEqual(c.buffer, b"")

    def test_says_what_the_engine_refuses(self):
        self.open()
        for changes, status, code in (({"symbol": "NONE"}, 422, "unknown_symbol"),
                                      ({"quantity": "2000000000"}, 422, "quantity_out_of_range"),
                                      ({"timeoutMs": 86400000}, 422, "deadline_too_far")):
            answer = self.ask("POST", "/api/v1/rfqs", ANN, {**RFQ, **changes})
            self.assertEqual((answer.status, answer.code), (status, code), answer)
            self.assertEqual(self.ask("GET", f"/api/v1/rfqs/{answer.json()['rfqId']}").json()["status"], "rejected")
        past = {k: v for k, v in RFQ.items() if k != "timeoutMs"}
        for then in ("2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
            answer = self.ask("POST", "/api/v1/rfqs", ANN, {**past, "expiresAt": then})
            self.assertEqual((answer.status, answer.code), (422, "deadline_past"), answer)
        one = self.make()
        self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/accept", ANN, {"quoteId": "Q1"}).code, "unknown_quote")
        for _ in range(3):
            self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/extend", ANN, {"reason": "more"}).status, 200)
        answer = self.ask("POST", f"/api/v1/rfqs/{one}/extend", ANN, {"reason": "more"})
        self.assertEqual((answer.status, answer.code), (409, "extension_refused"), answer)
        self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN).json()["status"], "cancelled")
        answer = self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {})
        self.assertEqual(answer.status, 409, answer)


class Peers(Case):
    def test_that_trickle_are_ended_and_delay_nobody(self):
        self.open(", head_timeout_ms: 2000, body_timeout_ms: 2000, idle_timeout_ms: 2500", lps=0)
        heads = [self.connect() for _ in range(20)]
        bodies = [self.connect() for _ in range(20)]
        idle = [self.connect() for _ in range(5)]
        silent = [self.c] + [self.connect() for _ in range(3)]
        for c in bodies:
            c.send(b"POST /api/v1/rfqs HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        for c in idle:
            self.assertEqual(c.ask("GET", "/healthz").status, 200)
        stop = threading.Event()

        def trickle():
            text = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 1000
            for n in range(len(text)):
                for c in heads + bodies:
                    try:
                        c.send(text[n:n + 1])
                    except OSError:
                        pass
                if stop.wait(0.05):
                    return
        slow = threading.Thread(target=trickle)
        slow.start()
        try:
            for kind, connections, code in (("head", heads, 408), ("body", bodies, 408)):
                for c in connections:
                    self.assertEqual(c.answer().status, code)
                    self.assertTrue(c.ended())
                    self.assertEqual(Connection(self.rfqd.http_port).ask("GET", "/healthz").status, 200)
                self.assertEqual(self.counter("rfqd_http_refused_total", f'"{kind}_timeout"'), len(connections))
            for c in idle + silent:
                self.assertTrue(c.ended())
            self.assertEqual(self.counter("rfqd_http_refused_total", '"no_request"'), len(silent))
            self.assertEqual(self.counter("rfqd_http_refused_total", '"idle_timeout"'), len(idle))
        finally:
            stop.set()
            slow.join()

    def test_that_are_too_many_are_turned_away_and_the_others_go_on(self):
        self.open(", connections_max: 40, connections_per_address_max: 30", lps=0)
        crowd = [self.connect() for _ in range(29)]
        for c in crowd:
            self.assertEqual(c.ask("GET", "/healthz").status, 200)
        for _ in range(20):
            self.assertTrue(Connection(self.rfqd.http_port).ended())
        self.assertEqual(self.ask("GET", "/healthz", None).status, 200)
        self.assertEqual(self.counter("rfqd_http_refused_total", '"connections_per_address"'), 20)
        for c in crowd:
            c.close()

        def served():
            try:
                return Connection(self.rfqd.http_port).ask("GET", "/healthz").status == 200
            except Exception:  # noqa: BLE001  turned away: not yet
                return False
        wait_until(served, 10, "a place")

    def test_that_are_more_than_there_may_be_are_turned_away_and_counted(self):
        self.open(", connections_max: 4, connections_per_address_max: 4", lps=0)
        crowd = [self.connect() for _ in range(3)]
        for c in [self.c] + crowd:
            self.assertEqual(c.ask("GET", "/healthz").status, 200)
        for turned_away in range(1, 8):
            self.assertTrue(Connection(self.rfqd.http_port).ended())
            self.assertEqual(self.counter("rfqd_http_refused_total", '"connections"'), turned_away)
        for c in [self.c] + crowd:
            self.assertEqual(c.ask("GET", "/healthz").status, 200)
        self.assertEqual(self.counter("rfqd_http_refused_total", '"connections_per_address"'), 0)

    def test_that_send_thousands_at_once_get_them_all_in_order(self):
        self.open(lps=0)
        c = self.connect()
        count = 3000
        data = b"".join(request("GET", f"/api/v1/rfqs/R{n + 1:X}", token(**ANN)) for n in range(count))
        threading.Thread(target=c.send, args=(data,)).start()
        for n in range(count):
            self.assertIn(f"RFQ R{n + 1:X}", c.answer().json()["detail"])


class Rate(Case):
    def test_limits_each_user_over_all_its_connections(self):
        self.rfqd = house(build, self.directory, http=", requests_per_s_max: 20")
        self.rfqd.start()
        connections = [self.connect() for _ in range(4)]
        answers = [self.ask("GET", "/api/v1/instruments", on=c) for _ in range(25) for c in connections]
        fine, refused = [a for a in answers if a.status == 200], [a for a in answers if a.status == 429]
        self.assertEqual(len(fine) + len(refused), 100)
        self.assertGreaterEqual(len(fine), 40)  # two seconds' worth at once
        self.assertTrue(refused)
        self.assertEqual(refused[0].code, "rate_limit")
        self.assertEqual(refused[0].headers["retry-after"], "1")
        self.assertEqual(self.counter("rfqd_api_refused_total", '"rate"'), len(refused))
        self.assertEqual(self.ask("GET", "/api/v1/instruments", BOB, on=connections[0]).status, 200)
        wait_until(lambda: self.ask("GET", "/api/v1/instruments", on=connections[0]).status == 200, 5, "its turn again")


class Tenants(Case):
    def test_see_nothing_of_each_other(self):
        self.open()
        one = self.make()

        def quoted():
            return self.ask("GET", f"/api/v1/rfqs/{one}/quotes").json()["quotes"]
        quote = wait_until(quoted, 10, "a quote")[0]["id"]
        self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/accept", ANN, {"quoteId": quote}).status, 200)
        wait_until(lambda: self.ask("GET", f"/api/v1/rfqs/{one}").json()["status"] == "filled", 10, "the fill")
        order = self.ask("GET", f"/api/v1/rfqs/{one}").json()["award"]["orderId"]
        with open(os.path.join(source, "control/http/openapi.json")) as f:
            paths = json.load(f)["paths"]
        tried = 0
        for path, item in paths.items():
            for method in ("get", "post"):
                operation = item.get(method)
                if not operation or operation.get("security") == []:
                    continue
                for stranger in (SAM, OZ, BOB):
                    tried += 1
                    self.stranger_sees_nothing(method, path, stranger, one, order, quote)
        self.assertGreater(tried, 50)
        for friend in (ANN, MAX, OLGA, ROOT):
            self.assertEqual(self.ask("GET", f"/api/v1/rfqs/{one}", friend).status, 200)
            self.assertIn(one, self.ask("GET", "/api/v1/rfqs", friend).body.decode())
            self.assertIn(one, self.ask("GET", "/api/v1/events", friend).body.decode())

    def stranger_sees_nothing(self, method, path, stranger, one, order, quote):
        body = {"quoteId": quote} if path.endswith("accept") else {"reason": "lp_issue"} if path.endswith("cancel") else \
            {"reason": "more"} if path.endswith("extend") else None
        mine, none = (order, "OFFF") if "/orders/" in path else (one, "RFFF")
        if path == "/api/v1/rfqs" and method == "post":
            return  # makes its own
        url = path.replace("{id}", mine).replace("{symbol}", "EURUSD").replace("{code}", "LP1")
        answer = self.ask(method.upper(), url, stranger, body)
        text = answer.body.decode()
        if "{id}" in path:
            unknown = self.ask(method.upper(), path.replace("{id}", none), stranger, body)
            self.assertEqual(answer.status, 404, (url, answer))
            self.assertEqual(text.replace(mine, none), unknown.body.decode(), "told apart from one that is not there")
            self.assertEqual({k: v for k, v in answer.headers.items() if k not in ("date", "content-length")},
                             {k: v for k, v in unknown.headers.items() if k not in ("date", "content-length")})
        else:
            for secret in (one, order, quote):
                self.assertNotIn(secret, text, url)
        if stranger is not BOB:
            self.assertFalse(re.search(r'"(LP\d|ann|bob)"', text), (url, text))


class Keys(Case):
    def post(self, key, user=ANN, on=None, **changes):
        return self.ask("POST", "/api/v1/rfqs", user, {**RFQ, **changes}, [("Idempotency-Key", key)], on)

    def survive(self, level):
        self.open(level=level)
        first = self.post("a").json()["id"]
        refused = self.post("bad", symbol="NONE")
        self.assertEqual(refused.status, 422)
        self.ask("POST", f"/api/v1/rfqs/{first}/cancel", ANN, {}, [("Idempotency-Key", "a")])
        for _ in range(3):
            self.rfqd.kill9()
            self.rfqd.start()
            self.c = self.connect()
            again = self.post("a")
            self.assertEqual((again.status, again.json()["id"]), (201, first), again)
            self.assertEqual(again.headers["idempotency-replayed"], "true")
            self.assertEqual(again.headers["location"], f"/api/v1/rfqs/{first}")
            other = self.post("a", side="sell")
            self.assertEqual((other.status, other.code), (422, "idempotency_key_reused"))
            repeated = self.post("bad", symbol="NONE")
            self.assertEqual((repeated.status, repeated.json()), (422, refused.json()))
            cancel = self.ask("POST", f"/api/v1/rfqs/{first}/cancel", ANN, {}, [("Idempotency-Key", "a")])
            self.assertEqual(cancel.status, 200, cancel)
        self.assertEqual(len(self.ask("GET", "/api/v1/rfqs").json()["rfqs"]), 2)

    def test_stand_for_the_request_however_its_path_is_written(self):
        self.open(lps=1)
        first = self.make()
        for path in (first, f"%52{first[1:]}"):
            answer = self.ask("POST", f"/api/v1/rfqs/{path}/cancel", ANN, {}, [("Idempotency-Key", "a")])
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers.get("idempotency-replayed"), "true")

    def test_survive_a_kill_at_level_committed(self):
        self.survive("committed")

    def test_survive_a_kill_at_level_synced(self):
        self.survive("synced")

    def test_belong_to_their_user(self):
        self.open()
        self.assertNotEqual(self.post("a").json()["id"], self.post("a", BOB).json()["id"])

    def test_let_the_second_of_two_at_once_wait_for_the_first(self):
        self.open()
        connections = [self.connect() for _ in range(16)]
        bearer = token(**ANN)
        for round_ in range(10):
            for c in connections:
                c.send(request("POST", "/api/v1/rfqs", bearer, RFQ, [("Idempotency-Key", f"k{round_}")]))
            answers = [c.answer() for c in connections]
            self.assertEqual({a.status for a in answers}, {201})
            self.assertEqual(len({a.json()["id"] for a in answers}), 1)
            self.assertEqual(sum("idempotency-replayed" not in a.headers for a in answers), 1)

    def test_what_was_asked_when_it_was_killed_is_done_once(self):
        """Commands in flight at the moment of the kill: each asked again under its key, each done exactly once."""
        self.open()
        for round_ in range(3):
            keys = [f"r{round_}k{n}" for n in range(40)]
            connections = [self.connect() for _ in range(10)]
            for n, key in enumerate(keys):
                connections[n % 10].send(request("POST", "/api/v1/rfqs", token(**ANN), {**RFQ, "reference": key},
                                                 [("Idempotency-Key", key)]))
            self.rfqd.kill9()
            self.rfqd.start()
            self.rfqd.wait_lps(2)
            self.c = self.connect()
            for key in keys:
                self.assertEqual(self.post(key, reference=key).status, 201)
        made = [r["reference"] for r in self.ask("GET", "/api/v1/rfqs?limit=500").json()["rfqs"]]
        self.assertEqual(sorted(made), sorted(f"r{r}k{n}" for r in range(3) for n in range(40)))


class Reading(Case):
    def read_after_write(self, level):
        self.open(level=level)
        for _ in range(100):
            one = self.make()
            seen = self.ask("GET", f"/api/v1/rfqs/{one}", on=self.connections[0])
            self.assertEqual((seen.status, seen.json()["id"]), (200, one))
            self.assertEqual(self.ask("GET", "/api/v1/rfqs?limit=1").json()["rfqs"][0]["id"], one)
            self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {})
            self.assertEqual(self.ask("GET", f"/api/v1/rfqs/{one}").json()["status"], "cancelled")
            self.assertIn("rfq.cancelled", self.ask("GET", f"/api/v1/rfqs/{one}/events").body.decode())

    def test_sees_what_was_written_at_level_committed(self):
        self.read_after_write("committed")

    def test_sees_what_was_written_at_level_synced(self):
        self.read_after_write("synced")

    def test_finds_what_has_left_memory_at_any_moment(self):
        """RFQs leave memory all the while: none is ever missing, none is there twice, in the list or by itself."""
        self.open(settings="retire_after_ms: 100")
        made = []
        for _ in range(60):
            made.append(self.make())
            self.ask("POST", f"/api/v1/rfqs/{made[-1]}/cancel", ANN, {})
            listed, cursor = [], ""
            while cursor is not None:
                page = self.ask("GET", f"/api/v1/rfqs?limit=7{cursor and '&cursor=' + cursor}").json()
                listed += [r["id"] for r in page["rfqs"]]
                cursor = page["next"]
            self.assertEqual(listed, made[::-1])
        for one in made:
            answer = self.ask("GET", f"/api/v1/rfqs/{one}")
            self.assertEqual((answer.status, answer.json()["status"]), (200, "cancelled"))
            self.assertEqual(len(self.ask("GET", f"/api/v1/rfqs/{one}/deliveries").json()["deliveries"]), 2)
            late = self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {})
            self.assertEqual(late.status, 409, late)
        wait_until(lambda: not self.rfqd.ask("rfqs"), 10, "memory to be left by all of them, as it was meant to be")

    def test_replays_everything_to_a_reader_that_takes_its_time(self):
        self.open()
        for _ in range(300):
            self.ask("POST", f"/api/v1/rfqs/{self.make()}/cancel", ANN, {})
        slow, quick = self.connect(), self.connect()
        for c in (slow, quick):
            c.send(request("GET", "/api/v1/events", token(**ROOT)))
        whole = quick.answer()
        time.sleep(0.2)  # the slow one's window is full by now; if not, it is only an easier test
        self.assertEqual(slow.answer().body, whole.body)
        seqs = [e["seq"] for e in whole.lines()]
        self.assertEqual(seqs, sorted(set(seqs)))
        self.assertGreater(len(seqs), 2000)


    def test_streams_a_timeline_that_is_long(self):
        self.open()
        one = self.make()
        wait_until(lambda: len(self.ask("GET", f"/api/v1/rfqs/{one}/quotes").json()["quotes"]) == 2, 10, "quotes")
        short = self.ask("GET", f"/api/v1/rfqs/{one}/transitions")
        self.assertIn("content-length", short.headers)
        for _ in range(300):  # each is refused, and a row
            self.ask("POST", f"/api/v1/rfqs/{one}/accept", ANN, {"quoteId": "Q1"})
        self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {})
        long = self.ask("GET", f"/api/v1/rfqs/{one}/transitions")
        self.assertEqual(long.headers.get("transfer-encoding"), "chunked")
        moves = long.json()["transitions"]
        self.assertEqual(moves[:-1], short.json()["transitions"])
        self.assertEqual(moves[-1]["to"], "CANCELLED")
        events = self.ask("GET", f"/api/v1/rfqs/{one}/events")
        self.assertEqual(events.headers.get("transfer-encoding"), "chunked")
        self.assertEqual(events.body, self.ask("GET", f"/api/v1/events?rfqId={one}").body)

    def quoted_often(self, lp, one, count):
        """The LP quotes, each time instead of its last."""
        rfq = lp.expect("R")[131]
        for n in range(count):
            lp.send("S", [(131, rfq), (117, f"x{n}"), (55, "EURUSD"), (133, f"1.1{n % 500:03d}")])
            if n % 200 == 199:
                lp.in_step()
        self.quoted_once(lp, rfq, f"x{count}")
        return rfq

    def quoted_once(self, lp, rfq, name):
        lp.send("S", [(131, rfq), (117, name), (55, "EURUSD"), (133, "1.1")])
        lp.in_step()

    def test_streams_quotes_that_are_many_as_they_were_when_it_began(self):
        self.open(lps=0, settings="retire_after_ms: 300")
        lp = Peer(self.rfqd.port, "LP1").logon(10)
        self.rfqd.wait_lps(1)
        one, count = self.make(), 4000
        path = f"/api/v1/rfqs/{one}/quotes"
        rfq = self.quoted_often(lp, one, count)
        whole = wait_until(lambda: (lambda a: a if len(a.json()["quotes"]) == count + 1 else None)(self.ask("GET", path)), 30,
                           "all quotes")
        self.assertEqual(whole.headers.get("transfer-encoding"), "chunked")
        quotes = whole.json()["quotes"]
        self.assertEqual([q["status"] for q in quotes], ["standing"] + ["replaced"] * count)
        self.assertEqual(len({q["id"] for q in quotes}), count + 1)
        slow = Connection(self.rfqd.http_port, window=4096)
        self.connections.append(slow)
        slow.send(request("GET", path, token(**ANN)))
        slow.until(b"\r\n\r\n")
        for n in range(50):  # what comes meanwhile is none of it; and everybody else is answered
            self.quoted_once(lp, rfq, f"y{n}")
            self.assertEqual(self.ask("GET", f"/api/v1/rfqs/{one}").status, 200)
        self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {}).status, 200)
        wait_until(lambda: not self.rfqd.ask("rfqs"), 10, "the RFQ to leave memory")
        self.assertEqual(slow.chunks(), whole.body)
        later = self.ask("GET", path).json()["quotes"]
        self.assertEqual({q["id"] for q in quotes} - {q["id"] for q in later}, set())
        self.assertEqual(len(later), count + 51)
        lp.close()

    def test_streams_an_order_whose_fills_are_many(self):
        self.open(lps=0, settings="retire_after_ms: 1000")
        lp = Peer(self.rfqd.port, "LP1").logon(10)
        self.rfqd.wait_lps(1)
        one, count = self.make(), 1000
        self.quoted_once(lp, lp.expect("R")[131], "x")
        quote = wait_until(lambda: self.ask("GET", f"/api/v1/rfqs/{one}/quotes").json()["quotes"], 10, "the quote")[0]["id"]
        self.assertEqual(self.ask("POST", f"/api/v1/rfqs/{one}/accept", ANN, {"quoteId": quote}).status, 200)
        accepted = self.ask("GET", f"/api/v1/rfqs/{one}/quotes").json()["quotes"]
        self.assertEqual([(q["id"], q["status"]) for q in accepted], [(quote, "accepted")])
        order = lp.expect("D")[11]
        for n in range(1, count + 1):
            lp.send("8", [(37, "theirs"), (11, order), (17, f"e{n}"), (150, "F"), (39, 2 if n == count else 1), (55, "EURUSD"),
                          (54, 1), (38, 1000000), (32, 1000), (31, "1.1"), (151, 1000000 - 1000 * n), (14, 1000 * n), (6, "1.1")])
            if n % 200 == 0:
                lp.in_step()
        wait_until(lambda: self.ask("GET", f"/api/v1/rfqs/{one}").json()["status"] == "filled", 30, "the last fill")
        path = f"/api/v1/orders/{self.ask('GET', f'/api/v1/rfqs/{one}').json()['award']['orderId']}"
        whole = self.ask("GET", path)
        self.assertEqual(whole.headers.get("transfer-encoding"), "chunked")
        self.assertEqual([f["execId"] for f in whole.json()["fills"]], [f"e{n}" for n in range(1, count + 1)])

        def has_left():
            """Nothing is missing, at whatever moment it is asked for."""
            left = not self.rfqd.ask("orders")
            self.assertEqual(self.ask("GET", path).json()["fills"], whole.json()["fills"])
            return left
        wait_until(has_left, 30, "the order to leave memory")
        lp.close()

    def test_replays_to_so_many_readers_of_one_user(self):
        self.open()
        whole = b""
        while len(whole) < 1500000:  # more than waits for a reader between here and there
            for _ in range(100):
                self.ask("POST", f"/api/v1/rfqs/{self.make()}/cancel", ANN, {})
            whole = self.ask("GET", "/api/v1/events", ROOT).body
        readers = [Connection(self.rfqd.http_port, window=4096) for _ in range(5)]
        self.connections += readers
        for c in readers[:4]:
            c.send(request("GET", "/api/v1/events", token(**ROOT)))
            c.until(b"\r\n\r\n")
        answer = self.ask("GET", "/api/v1/events", ROOT, on=readers[4])
        self.assertEqual((answer.status, answer.code, answer.headers["retry-after"]), (429, "too_many_streams", "1"))
        self.assertEqual(self.ask("GET", "/api/v1/events", OLGA).body, whole)
        for c in readers[:4]:
            self.assertEqual(c.chunks(), whole)
        self.assertEqual(self.ask("GET", "/api/v1/events", ROOT, on=readers[4]).body, whole)


class Sessions(Case):
    def test_are_those_of_the_tenant_as_the_operator_sees_them(self):
        self.open()
        wanted = {"name": "session", "role": "role", "state": "state", "targetCompId": "target", "generation": "generation",
                  "nextIn": "next_in", "nextOut": "next_out", "changedAt": "changed"}

        def same():
            """Heartbeats move the numbers, so both are looked at until nothing came between."""
            told = sorted([s[theirs] for theirs in wanted.values()] for s in self.rfqd.ask("sessions"))
            seen = self.ask("GET", "/api/v1/admin/sessions", OLGA).json()["sessions"]
            return seen if sorted([s[ours] for ours in wanted] for s in seen) == told else None
        seen = wait_until(same, 10, "the same of both")
        self.assertEqual({s["name"]: (s["role"], s["party"]) for s in seen},
                         {**{f"LP{n}": ("lp", f"LP{n}") for n in (1, 2, 3, 4)},
                          **{f"T{n}": ("taker", f"T{n}") for n in (1, 2)}})
        self.assertEqual(sorted(s["name"] for s in seen if s["state"] == "synced"), ["LP1", "LP2"])
        self.assertEqual(self.ask("GET", "/api/v1/admin/sessions", OZ).json(), {"sessions": [], "next": None})
        for stranger in (ANN, MAX, SAM):
            self.assertEqual(self.ask("GET", "/api/v1/admin/sessions", stranger).status, 403)


class Tags(Case):
    def quoted(self):
        """An RFQ about which nothing more will come by itself."""
        one = self.make()
        wait_until(lambda: [d["answer"] for d in self.ask("GET", f"/api/v1/rfqs/{one}/deliveries").json()["deliveries"]]
                   == ["quoted"] * 2, 10, "two quotes")
        return one

    def test_are_others_where_the_answer_is_another(self):
        self.open()
        for path, user in (("/api/v1/admin/lps/LP1", OLGA), ("/api/v1/admin/lps", OLGA), ("/api/v1/rfqs/{}", ANN)):
            with self.subTest(path=path):
                one = self.quoted()
                path = path.format(one)
                first = self.ask("GET", path, user)
                tag = first.headers["etag"]
                for known in (tag, f'"x,y", W/{tag.removeprefix("W/")}', "*"):
                    again = self.ask("GET", path, user, headers=[("If-None-Match", known)])
                    self.assertEqual((again.status, again.body, again.headers["etag"]), (304, b"", tag), known)
                self.assertEqual(self.ask("HEAD", path, user).headers["etag"], tag)
                self.ask("POST", f"/api/v1/rfqs/{one}/cancel", ANN, {})

                def another():
                    answer = self.ask("GET", path, user, headers=[("If-None-Match", tag)])
                    return answer if answer.status == 200 else None
                answer = wait_until(another, 10, "another answer")
                self.assertNotEqual(answer.headers["etag"], tag)
                self.assertNotEqual(answer.body, first.body)

    def test_are_in_no_answer_that_has_failed(self):
        self.open(lps=0)
        for path, user in (("/api/v1/instruments/NONE", ANN), ("/api/v1/admin/lps/LP9", OLGA), ("/api/v1/orders/OFFF", ANN)):
            answer = self.ask("GET", path, user, headers=[("If-None-Match", "*")])
            self.assertEqual((answer.status, answer.headers.get("etag")), (404, None), answer)


class Process(Case):
    def test_tells_pages_of_other_origins_what_they_may_read(self):
        self.open(", origins: 'https://desk.example https://other.example'", lps=0)
        page = [("Origin", "https://desk.example")]
        answer = self.ask("OPTIONS", "/api/v1/rfqs", None, headers=page + [("Access-Control-Request-Method", "POST")])
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.headers["access-control-allow-origin"], "https://desk.example")
        self.assertEqual(answer.headers["access-control-allow-methods"], "GET, HEAD, POST")
        self.assertIn("Idempotency-Key", answer.headers["access-control-allow-headers"])
        answer = self.ask("GET", "/api/v1/rfqs", ANN, headers=page)
        self.assertEqual(answer.headers["access-control-allow-origin"], "https://desk.example")
        self.assertEqual(answer.headers["vary"], "Origin")
        answer = self.ask("GET", "/api/v1/rfqs", None, headers=page)
        self.assertEqual((answer.status, answer.headers["access-control-allow-origin"]), (401, "https://desk.example"))
        for origin in ("https://evil.example", "https://desk.example.evil.example", "null"):
            answer = self.ask("GET", "/api/v1/rfqs", ANN, headers=[("Origin", origin)])
            self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_stops_while_clients_are_connected(self):
        self.open()
        for _ in range(10):
            self.connect().send(b"GET /healthz HTTP/1.1\r\nHost")  # half a request each
        self.make()
        self.rfqd.stop(20)

    def test_says_that_it_is_drained(self):
        self.open(lps=0)

        def ready():
            answer = self.ask("GET", "/readyz", None)
            return answer.status, answer.json()["ready"], answer.json()["checks"]["process"]
        self.assertEqual(ready(), (200, True, "ok"))
        self.rfqd.ask("drain")
        self.assertEqual(ready(), (503, False, "draining"))
        answer = self.ask("POST", "/api/v1/rfqs", ANN, RFQ)
        self.assertEqual((answer.status, answer.code, answer.headers.get("retry-after")), (503, "draining", "1"), answer)
        self.rfqd.ask("drain off")
        self.assertEqual(ready(), (200, True, "ok"))

    def test_shows_its_counters(self):
        self.open(lps=0)
        self.ask("GET", "/api/v1/instruments")
        text = self.ask("GET", "/metrics", None).body.decode()
        self.assertRegex(text, r'rfqd_api_requests_total\{method="GET",path="/api/v1/instruments"\} 1\n')
        self.assertRegex(text, r'rfqd_http_answers_total\{status="2xx"\} \d+\n')

    def test_is_seen_by_rfqctl_top(self):
        """What clients ask for and take counts as what FIX takers do."""
        self.open()
        top = subprocess.Popen([os.path.join(build, "bin", "rfqctl"), "--socket", self.rfqd.socket, "--json", "top", "--frames", "6"],
                               stdout=subprocess.PIPE, text=True)
        frames = [json.loads(top.stdout.readline())]
        made = [self.make() for _ in range(3)]
        quotes = wait_until(lambda: self.ask("GET", f"/api/v1/rfqs/{made[0]}/quotes").json()["quotes"], 10, "a quote")
        answer = self.ask("POST", f"/api/v1/rfqs/{made[0]}/accept", body={"quoteId": quotes[0]["id"]})
        self.assertEqual(answer.status, 200, answer)
        frames += [json.loads(line) for line in top.stdout]
        self.assertEqual(top.wait(30), 0)
        total = {name: round(sum(f["per_second"][name] * f["interval_ns"] / 1e9 for f in frames)) for name in ("requests", "awards")}
        self.assertEqual(total, {"requests": 3, "awards": 1})

    def test_renders_its_metrics_so_often_and_no_more(self):
        self.open(lps=0)
        began = time.monotonic()
        texts = {self.ask("GET", "/metrics", None).body for _ in range(20)}  # each would be another text
        self.assertLessEqual(len(texts), 2 + (time.monotonic() - began) // 0.25)
        wait_until(lambda: self.ask("GET", "/metrics", None).body not in texts, 10, "a later rendering")

    def test_takes_the_tokens_that_rfqctl_makes(self):
        self.open(lps=0)

        def made(**changes):
            wish = {"key": os.path.join(self.directory, "k1"), "kid": "k1", "user": "ann", "tenant": "north",
                    "role": "trader", "ttl": "5m", **changes}
            words = [w for name, value in wish.items() if value for w in ("--" + name, value)]
            return subprocess.run([os.path.join(build, "bin", "rfqctl"), "token", *words], capture_output=True, text=True)
        for wish in ({}, {"user": "root", "role": "ops,admin"}, {"ttl": None}):
            done = made(**wish)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.c.ask("GET", "/api/v1/rfqs", done.stdout.strip()).status, 200)
        refused = made(key=os.path.join(self.directory, "k2"))
        self.assertEqual(self.c.ask("GET", "/api/v1/rfqs", refused.stdout.strip()).status, 401)
        for wish, code, said in (({"key": None}, 2, "--key"), ({"role": "king"}, 2, "--role"), ({"ttl": "1y"}, 2, "--ttl"),
                                 ({"ttl": "0"}, 2, "--ttl"), ({"key": "/nowhere"}, 1, "No such file"),
                                 ({"key": __file__ + "c"}, 1, "No such file"), ({"colour": "red"}, 2, "colour")):
            done = made(**wish)
            self.assertEqual((done.returncode, done.stdout), (code, ""), wish)
            self.assertIn(said, done.stderr)

    def test_has_the_api_only_where_it_is_asked_for(self):
        from appliance import Appliance
        self.rfqd = Appliance(build, self.directory)
        self.rfqd.start()
        self.assertEqual([c for c in self.rfqd.ask("counters") if c["name"].startswith("rfqd_http")], [])
        self.rfqd.stop()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
