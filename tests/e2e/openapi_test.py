#!/usr/bin/env python3
"""The API's description, held against the running server: every path and method of it is asked, every answer must be one
that it names, with the content type and the shape that it says; and the server has no route that it lacks.

    openapi_test.py BUILD SOURCE
"""

import json
import os
import re
import subprocess
import sys
import unittest

import jsonschema

from api import ANN, OLGA, SAM, Connection, house, token
from appliance import Scratch, Sim, wait_until

build, source = sys.argv[1], sys.argv[2]
FILE = os.path.join(os.path.abspath(source), "control/http/openapi.json")
LINTER = os.path.join(source, "tests/openapi")
METHODS = ("get", "post", "put", "patch", "delete")

with open(FILE) as f:
    doc = json.load(f)


def resolved(node):
    while "$ref" in node:
        at = doc
        for step in node["$ref"].lstrip("#/").split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        node = at
    return node


def operations():
    return [(method, path, item[method]) for path, item in doc["paths"].items() for method in METHODS if method in item]


def check(schema, value):
    """Refs lead into the document's components: so they come along."""
    jsonschema.Draft202012Validator({**schema, "components": doc["components"]}).validate(value)


class Description(unittest.TestCase):
    def test_is_linted(self):
        if not os.path.isdir(os.path.join(LINTER, "node_modules")):
            self.fail("the linter is not installed: tools/deps --tests")
        done = subprocess.run(["node", "lint.js", FILE], cwd=LINTER, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_has_every_route_of_the_server_and_no_other(self):
        with open(os.path.join(source, "control/http/routes.c")) as f:
            routes = re.findall(r'\{WEB_([A-Z]+), "([^"]+)"', f.read())
        self.assertGreater(len(routes), 20)
        self.assertEqual(sorted((m.lower(), p) for m, p in routes), sorted((m, p) for m, p, _ in operations()))

    def test_the_protocol_of_the_stream_has_every_name_of_the_source(self):
        def code(*names):
            text = ""
            for name in names:
                with open(os.path.join(source, "control", name)) as f:
                    text += f.read()
            return text
        ws = code(*(f"ws/{name}.c" for name in ("ask", "command", "conn", "fan", "resume", "ws")))
        shapes = re.findall(r'\{RECORD_\w+, [\w-]+, (?:"([a-z:_]+)"|NULL), (?:"([a-z._]+)"|NULL), data_', code("feed/event.c"))
        names = {
            "ops": re.findall(r'\{"([a-z:.]+)", (?:ws_)?op_\w+\}|strcmp\(op, "(auth)"\)', ws),
            "events of records": shapes,
            "events beside them": re.findall(r'\\"event\\":\\"([a-z_:]+)|told_begin\(c, "([a-z:]+)"|"event", "([a-z:]+)"', ws),
            "errors": re.findall(r'ws_ask_(?:refuse|fail)\(&?\w+, (?:WS_\w+, )?"([a-z_]+)"|web_problem\(r, \d+, "([a-z_]+)"', ws),
            "errors of bodies": re.findall(r'fail\(e\w*, 4\d\d, "([a-z_]+)"', code("body/body.c")),
            "close codes": re.findall(r"X\((1\d\d\d)\)", code("ws/inside.h")),
        }
        least = {"ops": 13, "events of records": 40, "events beside them": 6, "errors": 12, "errors of bodies": 6, "close codes": 8}
        protocol = set(re.findall(r"[a-z][a-z_]*(?:[:.][a-z_]+)?|1\d\d\d", code("ws/PROTOCOL.md")))
        for kind, found in names.items():
            self.assertGreaterEqual(len(found), least[kind], kind)
            wanted = {name for row in found for name in ([row] if isinstance(row, str) else row) if name}
            self.assertEqual(wanted - protocol, set(), f"{kind} that control/ws/PROTOCOL.md does not have")

    def test_names_what_every_operation_of_its_kind_may_answer(self):
        for method, path, operation in operations():
            wanted = set()
            if operation.get("security") != []:
                wanted = {"401", "429", "503"}
            if method == "post":
                wanted |= {"400", "403", "413", "415", "422", "504"}
            if path.startswith("/api/v1/admin/"):
                wanted |= {"403"}
            self.assertEqual(wanted - set(operation["responses"]), set(), f"{method} {path}")


def secured():
    """What wants a token: method, path, and something for the names in it."""
    known = {"id": "R1", "symbol": "EURUSD", "code": "LP1"}
    return [(method, path, {name: known[name] for name in re.findall(r"\{(\w+)\}", path)})
            for method, path, operation in operations() if operation.get("security") != []]


def upgrade(port):
    """A connection that asked for a WebSocket, and the answer."""
    c = Connection(port)
    return c, c.ask("GET", "/rfq", token(**ANN), headers=[
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), ("Sec-WebSocket-Protocol", "rfqd.v1")])


class Answers(unittest.TestCase):
    """What was asked, and answered as the document says."""

    c = None
    seen = None  # (method, path, status)

    def ask(self, method, path, status, user=ANN, body=None, headers=(), values=(), query=""):
        """One request to a path of the document; the answer must be as the document says."""
        operation = doc["paths"][path][method]
        url = path
        for name, value in dict(values).items():
            url = url.replace("{%s}" % name, value)
        answer = self.c.ask(method.upper(), url + query, token(**user) if user else None, body, headers)
        where = f"{method} {url}{query}: {answer}"
        self.assertEqual(answer.status, status, where)
        self.assertIn(str(status), operation["responses"], where)
        self.hold(operation["responses"][str(status)], answer, where)
        if body is not None and status < 300:
            check(resolved(operation["requestBody"])["content"]["application/json"]["schema"], body)
        self.seen.add((method, path, status))
        return answer

    def hold(self, response, answer, where):
        response = resolved(response)
        for name in response.get("headers", {}):
            if name != "Idempotency-Replayed" and not (name == "Location" and answer.status != 201):
                self.assertIn(name.lower(), answer.headers, where)
        content = response.get("content")
        if not content:
            self.assertEqual(answer.body, b"", where)
            return
        kind = answer.headers["content-type"].split(";")[0]
        self.assertIn(kind, content, where)
        schema = content[kind]["schema"]
        values = answer.lines() if kind == "application/x-ndjson" else [] if kind.startswith(("text/", "image/")) else [answer.json()]
        for value in values:
            try:
                check(schema, value)
            except jsonschema.ValidationError as e:
                self.fail(f"{where}: {e.message} at {list(e.absolute_path)}")


class Server(Answers):
    """One house, one RFQ carried to its fill, and every operation asked about it."""

    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(Scratch("openapi"))
        cls.rfqd = house(build, directory, http=", requests_per_s_max: 100000")
        cls.addClassCleanup(cls.rfqd.clean)
        cls.rfqd.start()
        cls.addClassCleanup(Sim(build, directory, cls.rfqd, [f"lp:name=LP{n},seed={n},spread=0.0002" for n in (1, 2, 3, 4)],
                                ("--linger",)).kill)
        cls.rfqd.wait_lps(4)
        cls.c = Connection(cls.rfqd.http_port)
        cls.addClassCleanup(cls.c.close)
        cls.seen = set()

    def rfq_that_is_filled(self):
        wanted = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": 20000, "reference": "one",
                  "settlDate": "2030-01-31", "allOrNone": False}
        key = [("Idempotency-Key", "make-one")]
        made = self.ask("post", "/api/v1/rfqs", 201, body=wanted, headers=key)
        again = self.ask("post", "/api/v1/rfqs", 201, body=wanted, headers=key)
        self.assertEqual(again.headers.get("idempotency-replayed"), "true")
        one = {"id": made.json()["id"]}
        self.assertEqual(made.headers["location"], f"/api/v1/rfqs/{one['id']}")
        self.ask("post", "/api/v1/rfqs/{id}/extend", 200, body={"reason": "more time", "extendMs": 5000}, values=one)

        def quoted():
            quotes = self.ask("get", "/api/v1/rfqs/{id}/quotes", 200, values=one).json()["quotes"]
            return quotes if len(quotes) == 4 else None
        quotes = wait_until(quoted, 15, "four quotes")
        self.ask("post", "/api/v1/rfqs/{id}/accept", 200, values=one,
                 body={"quoteId": quotes[0]["id"], "side": "buy", "price": quotes[0]["askPrice"], "quantity": 1000000})
        wait_until(lambda: self.ask("get", "/api/v1/rfqs/{id}", 200, values=one).json()["status"] == "filled", 15,
                   "the fill")
        return one

    def test_answers_as_it_says(self):
        one = self.rfq_that_is_filled()
        base = "/api/v1/rfqs/{id}"
        self.tagged(base, values=one)
        self.tagged(base + "/deliveries", values=one)
        for part in ("quotes", "transitions", "deliveries", "events"):
            answer = self.ask("get", f"{base}/{part}", 200, values=one)
            self.assertTrue(answer.lines() if part == "events" else answer.json()[part], part)
            self.ask("get", f"{base}/{part}", 404, values={"id": "RFFFF"})
        self.ask("get", base, 404, values={"id": "RFFFF"})
        two = {"id": self.ask("post", "/api/v1/rfqs", 201,
                              body={"symbol": "EURUSD", "side": "twoWay", "quantity": 2.5}).json()["id"]}
        self.ask("post", base + "/cancel", 200, body={"reason": "duplicate_rfq"}, values=two)
        for action, body in (("accept", {"quoteId": "Q1"}), ("cancel", {}), ("extend", {"reason": "late"})):
            path = f"{base}/{action}"
            self.ask("post", path, 404 if action == "accept" else 409, body=body, values=two)
            self.ask("post", path, 404, body=body, values={"id": "RFFFF"})
            self.ask("post", path, 400, body=b"{", values=two)
            self.ask("post", path, 422, body={"nonsense": 1}, values=two)
            self.ask("post", path, 415, body=b"a=b", values=two, headers=[("Content-Type", "text/plain")])
            self.ask("post", path, 403, user=OLGA, body=body, values=two)
        self.ask("post", base + "/accept", 409, values=one, body={"quoteId": self.standing(one)})
        for body in ({"symbol": "NONE", "side": "buy", "quantity": 1}, {"symbol": "EURUSD"}):
            self.ask("post", "/api/v1/rfqs", 422, body=body)
        self.ask("post", "/api/v1/rfqs", 400, body=b"[")
        self.ask("post", "/api/v1/rfqs", 415, body=b"x", headers=[("Content-Type", "text/plain")])
        self.ask("post", "/api/v1/rfqs", 403, user=OLGA, body={})
        self.lists(one)
        self.reference()
        self.process()
        self.refusals()
        covered = {(m, p) for m, p, status in self.seen if status < 400}
        self.assertEqual(sorted({(m, p) for m, p, _ in operations()} - covered), [], "never asked with success")

    def standing(self, one):
        return next(q["id"] for q in self.ask("get", "/api/v1/rfqs/{id}/quotes", 200, values=one).json()["quotes"])

    def lists(self, one):
        self.assertGreaterEqual(len(self.ask("get", "/api/v1/rfqs", 200).json()["rfqs"]), 2)
        page = self.ask("get", "/api/v1/rfqs", 200, query="?status=filled,cancelled&symbol=EURUSD&from=2020-01-01T00:00:00Z&limit=1")
        ended = "?status=filled,cancelled"  # no time remains that goes by
        tag = self.ask("get", "/api/v1/rfqs", 200, query=ended).headers["etag"]
        self.ask("get", "/api/v1/rfqs", 304, query=ended, headers=[("If-None-Match", tag)])
        rest = self.ask("get", "/api/v1/rfqs", 200, query=f"?limit=1&cursor={page.json()['next']}")
        self.assertNotEqual(page.json()["rfqs"][0]["id"], rest.json()["rfqs"][0]["id"])
        orders = self.ask("get", "/api/v1/orders", 200, query=f"?status=filled&rfqId={one['id']}&limit=5").json()["orders"]
        self.assertEqual(len(orders), 1)
        order = self.ask("get", "/api/v1/orders/{id}", 200, values={"id": orders[0]["id"]}).json()
        self.assertTrue(order["fills"])
        self.tagged("/api/v1/orders")
        self.tagged("/api/v1/orders/{id}", values={"id": orders[0]["id"]})
        self.ask("get", "/api/v1/orders/{id}", 404, values={"id": "OFFFF"})
        events = self.ask("get", "/api/v1/events", 200, query=f"?from=0&rfqId={one['id']}").lines()
        self.assertEqual(events, self.ask("get", "/api/v1/rfqs/{id}/events", 200, values=one).lines())
        seq = events[3]["seq"]
        later = self.ask("get", "/api/v1/events", 200, query=f"?since={seq}&rfqId={one['id']}").lines()
        self.assertEqual(later, events[4:])
        some = self.ask("get", "/api/v1/events", 200, query=f"?from={seq}&to={events[6]['seq']}&rfqId={one['id']}").lines()
        self.assertEqual(some, events[3:7])
        typed = self.ask("get", "/api/v1/events", 200, query="?type=rfq.created,order.filled").lines()
        self.assertEqual({e["eventType"] for e in typed}, {"rfq.created", "order.filled"})
        at = self.ask("get", "/api/v1/events", 200, query=f"?from={events[-1]['timestamp']}&rfqId={one['id']}").lines()
        self.assertEqual(at[-1], events[-1])
        for path, query in (("/api/v1/rfqs", "?limit=0"), ("/api/v1/rfqs", "?colour=red"), ("/api/v1/rfqs", "?status=blue"),
                            ("/api/v1/rfqs", "?from=yesterday"), ("/api/v1/rfqs", "?limit=1&limit=2"),
                            ("/api/v1/orders", "?cursor=x"), ("/api/v1/orders", "?rfqId=Q1"),
                            ("/api/v1/events", "?from=later"), ("/api/v1/events", "?type=nonsense"),
                            ("/api/v1/events", "?type=rfq.created,rfq:status"), ("/api/v1/events", "?type=rfq.created,"),
                            ("/api/v1/events", "?since=99999999999"),
                            ("/api/v1/instruments", "?x=1")):
            self.ask("get", path, 400, query=query)

    def tagged(self, path, user=ANN, values=()):
        """What has a tag is not sent a second time to who has it."""
        tag = self.ask("get", path, 200, user=user, values=values).headers["etag"]
        self.ask("get", path, 304, user=user, values=values, headers=[("If-None-Match", tag)])
        self.ask("get", path, 200, user=user, values=values, headers=[("If-None-Match", '"another"')])

    def reference(self):
        self.tagged("/api/v1/instruments")
        self.tagged("/api/v1/instruments/{symbol}", values={"symbol": "EURUSD"})
        self.ask("get", "/api/v1/instruments/{symbol}", 404, values={"symbol": "NONE"})
        for path, name, good, bad in (("lps", "code", "LP1", "LP9"), ("instruments", "symbol", "EURUSD", "NONE")):
            self.tagged(f"/api/v1/admin/{path}", OLGA)
            self.ask("get", f"/api/v1/admin/{path}", 403)
            self.tagged(f"/api/v1/admin/{path}/{{{name}}}", OLGA, {name: good})
            self.ask("get", f"/api/v1/admin/{path}/{{{name}}}", 404, user=OLGA, values={name: bad})
            self.ask("get", f"/api/v1/admin/{path}/{{{name}}}", 403, values={name: good})

        self.tagged("/api/v1/admin/sessions", OLGA)
        self.ask("get", "/api/v1/admin/sessions", 403)
        self.ask("get", "/api/v1/admin/sessions", 400, user=OLGA, query="?x=1")

    def process(self):
        served = self.ask("get", "/api/v1/openapi.json", 200, user=None)
        with open(FILE, "rb") as f:
            self.assertEqual(served.body, f.read())
        for path in ("/healthz", "/readyz", "/metrics"):
            self.ask("get", path, 200, user=None)
        self.assertIn(b"<html", self.ask("get", "/", 200, user=None).body)
        for file in ("main.js", "style.css", "icon.svg"):
            self.tagged("/console/{file}", None, {"file": file})
        self.tagged("/", None)
        self.ask("get", "/console/{file}", 404, user=None, values={"file": "none.js"})
        self.ask("get", "/rfq", 426, user=None)
        c, answer = upgrade(self.rfqd.http_port)
        self.assertEqual(answer.status, 101, answer)
        self.seen.add(("get", "/rfq", 101))
        c.close()

    def refusals(self):
        """No token, and another tenant's, on everything that wants one."""
        for method, path, values in secured():
            body = {} if method == "post" else None
            self.ask(method, path, 401, user=None, body=body, values=values)
            self.ask(method, path, 401, user={**SAM, "kid": "k1"}, body=body, values=values)
            if method == "post":
                self.ask(method, path, 413, body=b"x" * 70000, values=values)
                self.c.close()
                type(self).c = Connection(self.rfqd.http_port)


class Limits(Answers):
    """One request a second, one WebSocket."""

    def test_are_answered_as_it_says(self):
        directory = self.enterContext(Scratch("openapi"))
        rfqd = house(build, directory, http=", requests_per_s_max: 1, connections_per_tenant_max: 1")
        self.addCleanup(rfqd.clean)
        rfqd.start()
        c = Connection(rfqd.http_port)
        self.addCleanup(c.close)
        for method, path, values in secured():
            url = path.format(**values)
            answers = (c.ask(method.upper(), url, token(**ANN), {} if method == "post" else None) for _ in range(10))
            answer = next(a for a in answers if a.status == 429)
            self.hold(doc["paths"][path][method]["responses"]["429"], answer, f"{method} {path}")
        one, answer = upgrade(rfqd.http_port)
        self.assertEqual(answer.status, 101, answer)
        other, answer = upgrade(rfqd.http_port)
        self.hold(doc["paths"]["/rfq"]["get"]["responses"][str(answer.status)], answer, "/rfq")
        self.assertEqual((answer.status, answer.code), (429, "connections_per_tenant"), answer)
        one.close()
        other.close()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
