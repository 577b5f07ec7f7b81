#!/usr/bin/env python3
"""No secret is written anywhere (spec/70). Tokens, keys and passwords come in by every way there is, in good requests and in
bad ones, with the log at its finest; then every byte that rfqd wrote or says is searched for them.

    secrets_test.py BUILD SOURCE
"""

import base64
import os
import ssl
import sys
import unittest

from api import ANN, SECRET, Connection, certificate, house, token
from appliance import Scratch
from ctl import Ctl
from fixwire import Peer
from wswire import Closed, Refused, WebSocket

BUILD, SOURCE = sys.argv[1], sys.argv[2]
MARK = "plain-as-can-be"  # no secret: what it is not found in was not searched


class Secrets(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(Scratch("secrets"))
        self.key, pem = certificate(self.directory)
        self.rfqd = house(BUILD, self.directory, http=f", requests_per_s_max: 100000, certificate_file: {pem}, key_file: {self.key}",
                          sessions=", validate: false, logon_timeout_ms: 1000")
        with open(self.rfqd.config, "a") as f:
            f.write("log: {level: debug}\n")
        self.addCleanup(self.rfqd.clean)
        self.rfqd.start()
        self.ctl = Ctl(BUILD, self.rfqd.socket)
        self.words = {}  # secret → what it is

    def secret(self, what, text):
        self.words[text] = what
        return text

    def token(self, what, **changes):
        text = token(**{**ANN, **changes})
        self.secret(f"signature of {what}", text.rsplit(".", 1)[1])
        return text

    def http_connection(self):
        c = Connection(self.rfqd.http_port)
        c.socket = self.tls().wrap_socket(c.socket)
        return c

    def tls(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def by_http(self):
        good = self.token("a good token")
        bad = {"expired": self.token("an expired token", ttl=-100), "of another key": self.token("a forged token", secret=b"x" * 40),
               "of nobody": self.token("nobody's token", user="nobody"), "of another tenant": self.token("a strayed token", tenant="south")}
        basic = base64.b64encode(f"ann:{self.secret('a Basic password', 'BasicPassword-1a2b')}".encode()).decode()
        self.secret("a Basic header", basic)
        c = self.http_connection()
        self.assertEqual(c.ask("GET", "/api/v1/rfqs", good).status, 200)
        for what, text in bad.items():
            self.assertEqual(c.ask("GET", "/api/v1/rfqs", text).status, 401, what)
        self.assertEqual(c.ask("GET", "/api/v1/rfqs", headers=[("Authorization", f"Basic {basic}")]).status, 401)
        for query in (f"access_token={self.token('a token in a query')}", f"limit={self.token('a token for a number')}",
                      f"cursor={self.secret('a key in a query', 'QueryKey-3c4d')}"):
            self.assertEqual(c.ask("GET", f"/api/v1/rfqs?{query}", good).status, 400)
        self.assertEqual(c.ask("GET", f"/api/v1/{self.secret('a key in a path', 'PathKey-5e6f')}", good).status, 404)
        for body in ({"password": self.secret("a password in a body", "BodyPassword-7a8b")}, b'{"apiSecret":"%s"' % self.secret(
                "an API secret in a torn body", "BodySecret-9c0d").encode()):
            self.assertIn(c.ask("POST", "/api/v1/rfqs", good, body).status, (400, 422))
        key = self.secret("a token as an idempotency key with a blank", "Key-1e2f") + " and more"
        self.assertEqual(c.ask("POST", "/api/v1/rfqs", good, {}, [("Idempotency-Key", key)]).status, 422)
        made = c.ask("POST", "/api/v1/rfqs", good, {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "reference": MARK})
        self.assertIn(made.status, (201, 422))
        c.send(f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.token('a token of a broken head')}\r\nBroken\r\n\r\n".encode())
        self.assertEqual(c.answer().status, 400)

    def by_websocket(self):
        def open_(**how):
            w = WebSocket(self.rfqd.http_port, tls=self.tls(), **how)
            self.addCleanup(w.close)
            return w
        for how in ({"bearer": self.token("a token of an upgrade", jti="1")}, {"protocol_token": self.token("a subprotocol's token", jti="2")}):
            w = open_(**how)
            self.assertTrue(w.ask("auth", token=self.token("a token again", jti="3"))["success"])
            self.assertFalse(w.ask("login", password=self.secret("a password to an op", "OpPassword-3a4b"))["success"])
            self.assertFalse(w.ask("auth", token=self.token("a wrong token again", secret=b"y" * 40))["success"])
            w.send('{"op":"auth","token":"%s"' % self.token("a token in torn JSON", jti="4"))
            self.assertFalse(w.read()["success"])
        for how in ({"bearer": self.token("a wrong token of an upgrade", secret=b"z" * 40)},
                    {"protocol_token": self.token("a wrong subprotocol's token", ttl=-50)}):
            with self.assertRaises(Refused):
                open_(**how)
        w = open_()
        w.send({"op": "auth", "token": self.token("a wrong first token", secret=b"w" * 40)})
        with self.assertRaises(Closed):
            while True:
                w.read()

    def by_fix(self):
        def fields(n, *more):
            return [(98, 0), (108, 5), (58, MARK), *more, (553, "T1"), (554, self.secret(f"FIX password {n}", f"FixPassword-{n}-5c6d")),
                    (925, self.secret(f"new FIX password {n}", f"FixNewPassword-{n}-7e8f"))]
        good = Peer(self.rfqd.port, "T1")
        good.connect()
        good.send("A", fields(0))
        good.expect("A")
        raw = self.secret("RawData", "RawSecret-9a0b")
        tries = (("an unknown sender", Peer(self.rfqd.port, "NOBODY"), fields(1), {}),
                 ("a wrong checksum", Peer(self.rfqd.port, "T2"), fields(2), {"checksum_off": 1}),
                 ("a wrong version", Peer(self.rfqd.port, "T2"), fields(3), {"begin": "FIX.4.2"}),
                 ("a session that is up", Peer(self.rfqd.port, "T1"), fields(4), {}),
                 ("a number too low", Peer(self.rfqd.port, "T2"), fields(5), {"seq": 0}),
                 ("no interval", Peer(self.rfqd.port, "T2"), fields(6)[2:], {}),
                 ("passwords twice", Peer(self.rfqd.port, "T2"), fields(7) + fields(8)[4:], {}),
                 ("raw data", Peer(self.rfqd.port, "T2"), fields(9, (95, len(raw)), (96, raw)), {}))
        for what, peer, members, wrong in tries:
            with self.subTest(what):
                peer.connect()
                peer.send("A", members, **wrong)
                self.heard(peer)
                peer.close()
        good.send("A", fields(10))  # within a session
        self.heard(good)
        good.close()

    def heard(self, peer):
        """rfqd has dealt with it: there is an answer, or the end."""
        try:
            peer.socket.settimeout(20)
            peer.socket.recv(1)
        except ConnectionError:
            pass

    def by_configuration(self):
        with open(self.rfqd.config) as f:
            fine = f.read()
        for what, text in (("a secret under no key", "token_keys:\n  - {id: k3, algorithm: HS256, secret: %s, file: /nowhere}\n"),
                           ("a password under no key", "passwords: %s\n")):
            word = self.secret(what, "ConfigSecret-" + base64.b32encode(what.encode()).decode().strip("="))
            with open(self.rfqd.config, "w") as f:
                f.write(fine + text % word)
            self.assertNotEqual(self.ctl.run("config", "reload").returncode, 0)
            self.said += [self.ctl.run("config", "check", self.rfqd.config), self.ctl.run("--json", "config", "reload")]
        with open(self.rfqd.config, "w") as f:
            f.write(fine)
        self.said.append(self.ctl.run("config", "reload"))

    def test_none_is_written_or_said(self):
        self.said = []
        for name, text in (("the tokens' key", SECRET), ("the other tokens' key", SECRET[::-1])):
            self.secret(name, text.decode())
            self.secret(f"{name} in base64", base64.b64encode(text).decode().rstrip("="))
        with open(self.key) as f:
            self.secret("the TLS key", f.read().splitlines()[1])
        self.by_http()
        self.by_websocket()
        self.by_fix()
        self.by_configuration()
        self.assertGreater(len(self.words), 40)
        texts = self.what_is_said()
        self.rfqd.stop()
        texts["standard error"] = "\n".join(line for line in self.rfqd.process.lines if line).encode()
        texts.update(self.what_is_written())
        marked = [name for name, text in texts.items() if MARK.encode() in text]
        self.assertTrue(any("/log" in name for name in marked), marked)
        self.assertTrue(any(name.startswith("rfqctl fix log") for name in marked), marked)
        self.maxDiff = None
        found = [f"{what} in {name}" for name, text in texts.items() for word, what in self.words.items() if word.encode() in text]
        self.assertEqual(found, [])

    def what_is_said(self):
        texts = {f"rfqctl {i}": (r.stdout + r.stderr).encode() for i, r in enumerate(self.said)}
        for command in ("status", "sessions", "session T1", "session T2", "lps", "takers", "rfqs", "orders", "events", "fix log T1",
                        "fix log T2", "counters", "metrics", "log", "config show", "verify", "dump"):
            for form in ([], ["--json"]):
                r = self.ctl.run(*form, *command.split())
                self.assertEqual(r.returncode, 0, r)
                texts[f"rfqctl {command} {form}"] = (r.stdout + r.stderr).encode()
        texts["/metrics"] = self.http_connection().ask("GET", "/metrics").body
        self.assertTrue(texts["/metrics"])
        return texts

    def what_is_written(self):
        texts = {}
        for root in (self.rfqd.data, self.rfqd.shared):
            for at, _, names in os.walk(root):
                for name in names:
                    with open(os.path.join(at, name), "rb") as f:
                        texts[os.path.join(at, name)] = f.read()
        self.assertGreater(len(texts), 2)
        return texts


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
