#!/usr/bin/env python3
"""The page, by real clicks and keys in headless Chromium, against a real rfqd with LPs over real FIX: signing in, a deal
by clicks and one by keys, a cancel, an extension, refusals in the server's words, rfqd killed and started again, what an
operator and a manager see, a thousand live RFQs, light and dark. tests/e2e/page/page.mjs has the steps; this is the house
around it, and does what a page cannot.

    page_test.py BUILD [--shots DIR]     keeps screenshots there
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api import ANN, BOB, MAX, OLGA, Connection, house, token  # noqa: E402
from appliance import Failure, Scratch, Sim  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
MANY = 1000
LPS = ("lp:name=LP1,spread=0.00008,seed=1", "lp:name=LP2,spread=0.00016,seed=2",
       "lp:name=LP3,spread=0.0003,seed=3,delay_us=100000,delay_max_us=300000")
SECONDS = 240  # for all of it


class House:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.rfqd = house(build, directory, http=", requests_per_s_max: 10000", lps=("LP1", "LP2", "LP3"),
                          settings="retire_after_ms: 600000",
                          instruments="[{symbol: EURUSD, tick: 0.00001, quantity_min: 1000, reference_price: 1.1, "
                                      "collar_percent: 5}]")
        self.lps = None

    def start(self):
        self.rfqd.start()
        if not self.lps:
            self.lps = Sim(self.build, self.directory, self.rfqd, LPS, ("--linger",))
        self.rfqd.wait_lps(len(LPS))

    def close(self):
        if self.lps:
            self.lps.kill()
        self.rfqd.clean()

    def api(self, method, path, body=None, who=ANN):
        c = Connection(self.rfqd.http_port)
        answer = c.ask(method, f"/api/v1{path}", token(**who), body)
        c.close()
        if answer.status >= 300:
            raise Failure(f"{method} {path}: {answer}")
        return answer.json()

    def create(self, timeout_ms, connection=None):
        body = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": timeout_ms}
        if not connection:
            return self.api("POST", "/rfqs", body)["id"]
        return connection.ask("POST", "/api/v1/rfqs", token(**ANN), body).json()["id"]

    # What the page's test asks for: each answers with something that is JSON.

    def kill(self):
        self.rfqd.kill9()
        return {}

    def restart_and_request(self):
        self.start()
        return {"id": self.create(3600000)}

    def list(self):
        return {"rfqs": self.api("GET", "/rfqs?limit=500")["rfqs"]}

    def many(self):
        c = Connection(self.rfqd.http_port)
        ids = [self.create(3600000, c) for _ in range(MANY)]
        c.close()
        return {"ids": ids}

    def cancel(self, rfq):
        return self.api("POST", f"/rfqs/{rfq}/cancel", {"reason": "taker_request"})

    def do(self, line):
        name, *arguments = line.split(" ") if line.startswith("cancel ") else [line.replace(" ", "_")]
        return getattr(self, name)(*arguments)


def serves_its_files(h):
    """Each with its type and policy; again only where it changed; and nothing else."""
    c = Connection(h.rfqd.http_port)
    for path, kind in (("/", "text/html; charset=utf-8"), ("/console/main.js", "text/javascript; charset=utf-8"),
                       ("/console/style.css", "text/css; charset=utf-8"), ("/console/icon.svg", "image/svg+xml")):
        first = c.ask("GET", path)
        wanted = {"content-type": kind, "cache-control": "no-cache", "x-frame-options": "DENY",
                  "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
        if first.status != 200 or any(first.headers.get(name) != value for name, value in wanted.items()):
            raise Failure(f"{path}: {first}")
        if not first.headers["content-security-policy"].startswith("default-src 'self';"):
            raise Failure(f"{path}: {first.headers['content-security-policy']}")
        etag = first.headers["etag"]
        for tags, status in ((etag, 304), (f'"x", W/{etag}', 304), ("*", 304), ('"x"', 200)):
            again = c.ask("GET", path, headers=[("If-None-Match", tags)])
            if (again.status, again.headers["etag"], again.body) != (status, etag, first.body if status == 200 else b""):
                raise Failure(f"{path} with If-None-Match {tags}: {again}")
        head = c.ask("HEAD", path)
        if head.status != 200 or int(head.headers["content-length"]) != len(first.body):
            raise Failure(f"HEAD {path}: {head}")
    for path in ("/console/", "/console/none.js", "/console/..%2frfqd.c", "/console/package.json"):
        answer = c.ask("GET", path)
        if answer.status != 404 or answer.code != "not_found":
            raise Failure(f"{path}: {answer}")
    c.close()


def drive(h, shots):
    """The page's test, as a process that asks and is answered."""
    given = {"url": f"http://127.0.0.1:{h.rfqd.http_port}/", "shots": shots,
             "tokens": {"ann": token(**ANN), "max": token(**MAX), "olga": token(**OLGA),
                        "bad": token(**BOB, secret=b"another secret, of more than 32 bytes")}}
    process = subprocess.Popen(["timeout", str(SECONDS), "node", os.path.join(HERE, "page.mjs"), json.dumps(given)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("@"):
            process.stdin.write(json.dumps(h.do(line[1:].rstrip("\n"))) + "\n")
            process.stdin.flush()
        else:
            print(line, end="", flush=True)
    if process.wait() != 0:
        raise Failure("the page is not as it should be")


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    shots = os.path.abspath(sys.argv[3]) if len(sys.argv) == 4 else None
    if not os.path.exists(os.path.join(HERE, "node_modules", "playwright-core")) or not os.path.exists("/usr/bin/chromium"):
        sys.exit("page: playwright-core or chromium is missing: tools/deps --tests installs them")
    try:
        with Scratch("page") as directory:
            h = House(build, directory)
            try:
                h.start()
                serves_its_files(h)
                drive(h, shots)
            finally:
                h.close()
    except Failure as failure:
        sys.exit(f"page: {failure}")


main()
