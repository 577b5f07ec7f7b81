#!/usr/bin/env python3
"""wss (spec/50): the WebSocket over TLS, by either version of it: subscriptions and the life of an RFQ, frames larger than
TLS's records both ways and frames that share one, pings, ends good and bad, and a client that stops reading.

    wss_test.py BUILD
"""

import json
import os
import socket
import ssl
import struct
import sys
import unittest

from api import Connection, certificate, house, request, token
from appliance import Scratch, Sim, wait_until
from wswire import BINARY, CLOSE, PING, PONG, TEXT, Closed, Refused, WebSocket

BUILD = sys.argv.pop(1)
ANN, OLGA = token("ann"), token("olga", roles=("ops",))
FRAME_MAX = 65536
RFQ = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": 5000}


def context(pem, version):
    c = ssl.create_default_context(cafile=pem)
    c.minimum_version = c.maximum_version = version
    return c


class House(unittest.TestCase):
    """One appliance that speaks TLS only."""
    parties = ()
    http = ""

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(Scratch("wss"))
        key, pem = certificate(cls.directory)
        cls.rfqd = house(BUILD, cls.directory, settings="retire_after_ms: 100",
                         http=f", requests_per_s_max: 1000000, certificate_file: {pem}, key_file: {key}{cls.http}")
        cls.addClassCleanup(cls.rfqd.clean)
        cls.rfqd.start()
        cls.port = cls.rfqd.http_port
        cls.old, cls.new = context(pem, ssl.TLSVersion.TLSv1_2), context(pem, ssl.TLSVersion.TLSv1_3)
        if cls.parties:
            cls.addClassCleanup(Sim(BUILD, cls.directory, cls.rfqd, cls.parties, ("--linger",)).kill)
            cls.rfqd.wait_lps(len(cls.parties))

    def ws(self, bearer=ANN, tls=None, **more):
        w = WebSocket(self.port, bearer=bearer, tls=tls or self.new, **more)
        self.addCleanup(w.close)
        return w

    def both(self):
        return self.old, self.new

    def http_connection(self):
        c = Connection(self.port)
        c.socket = self.new.wrap_socket(c.socket, server_hostname="127.0.0.1")
        self.addCleanup(c.close)
        return c

    def counter(self, name, label=""):
        return sum(c["value"] for c in self.rfqd.ask("counters") if c["name"] == name and label in c["labels"])


class Life(House):
    parties = ("lp:name=LP1,ack=b,seed=1", "lp:name=LP2,ack=i,spread=0.0003,seed=2")

    def test_a_snapshot_and_every_event_to_the_end(self):
        for tls in self.both():
            w = self.ws(tls=tls)
            self.assertEqual(w.socket.version(), tls.maximum_version.name.replace("_", "."))
            made = w.ask("rfq.create", **RFQ)
            self.assertTrue(made["success"], made)
            snap = w.ask("subscribe:rfq", rfqId=made["rfqId"])
            self.assertEqual(snap["rfq"]["rfq"]["id"], made["rfqId"])
            seq, names = snap["seq"], []
            quote = next((q["id"] for q in snap["rfq"]["quotes"] if q["lpId"] == "LP1"), None)
            is_asked = False
            while "rfq:filled" not in names:
                if quote and not is_asked:
                    is_asked = w.ask("rfq.accept", rfqId=made["rfqId"], quoteId=quote)["success"]
                    self.assertTrue(is_asked)
                e = w.event()
                if "prev" not in e or "seq" not in e:
                    continue
                self.assertEqual(e["prev"], seq)
                seq = e["seq"]
                names.append(e["event"])
                if e["event"] == "quote:received" and e["data"]["lpId"] == "LP1":
                    quote = e["data"]["quoteId"]
            self.assertIn("rfq:awarded", names)
            self.assertTrue(w.ask("unsubscribe:rfq", rfqId=made["rfqId"])["success"])

    def test_tokens_and_pages(self):
        w = self.ws(None, protocol_token=ANN, headers=(f"Origin: https://127.0.0.1:{self.port}",))
        self.assertTrue(w.ask("subscribe:trader")["success"])
        self.assertNotIn("bearer", w.head.lower())
        w = self.ws(None)
        self.assertTrue(w.ask("auth", token=ANN)["success"])
        for more, status in ((dict(headers=("Origin: https://evil.example",)), 403), (dict(bearer="a.b.c"), 401)):
            with self.assertRaises(Refused) as caught:
                self.ws(**{"bearer": ANN, **more})
            self.assertEqual(caught.exception.status, status)


class Frames(House):
    def test_large_frames_go_both_ways(self):
        """An op that is not known comes back as it was, in one frame of four TLS records and more."""
        for tls in self.both():
            w = self.ws(tls=tls)
            for size in (100, 16384, 16385, 40000, 60000):
                got = w.ask("x" * size)
                self.assertEqual((got["error"], got["detail"]), ("unknown_op", "x" * size))
            empty = json.dumps({"op": "ping", "pad": ""})
            w.send({"op": "ping", "pad": "y" * (FRAME_MAX - len(empty))})
            self.assertEqual(w.read(), {"event": "pong"})
            w.send({"op": "ping", "pad": "y" * (FRAME_MAX + 1 - len(empty))})
            self.assertEqual(w.closed()[0], 1009)

    def test_frames_need_not_keep_to_records(self):
        for tls in self.both():
            w = self.ws(tls=tls)
            text = json.dumps({"op": "ping", "pad": "z" * 300}).encode()
            mask, head = b"\0\0\0\0", bytes([0x80 | TEXT, 0x80 | 126]) + struct.pack(">H", len(text))
            w.socket.sendall((head + mask + text) * 40)  # many in one record
            self.assertEqual([w.read() for _ in range(40)], [{"event": "pong"}] * 40)
            for byte in head + mask + text:  # one in many
                w.socket.sendall(bytes([byte]))
            self.assertEqual(w.read(), {"event": "pong"})
            w.frame(TEXT, text[:100], fin=False)
            w.frame(PING, b"between")
            w.frame(0, text[100:])
            self.assertEqual(w.read_frame(), (PONG, b"between"))
            self.assertEqual(w.read(), {"event": "pong"})

    def test_pings(self):
        both = [self.ws(tls=tls) for tls in self.both()]
        for w in both:
            for payload in (b"", b"p" * 125):
                w.frame(PING, payload)
                self.assertEqual(w.read_frame(), (PONG, payload))
        for w in both:
            self.assertEqual(w.event("heartbeat", 15)["event"], "heartbeat")

    def test_the_closing_handshake(self):
        for tls in self.both():
            w = self.ws(tls=tls)
            w.frame(CLOSE, struct.pack(">H", 1000) + b"bye")
            self.assertEqual(w.closed()[0], 1000)
            self.assertEqual(w.socket.recv(1), b"")  # and TLS's own end: an abrupt one would raise

    def test_bad_frames_have_their_close_codes(self):
        table = (("binary", 1003, lambda w: w.frame(BINARY, b"\0")),
                 ("unmasked", 1002, lambda w: w.frame(TEXT, b"{}", masked=False)),
                 ("reserved bits", 1002, lambda w: w.frame(TEXT, b"{}", rsv=4)),
                 ("unknown opcode", 1002, lambda w: w.frame(3)),
                 ("no UTF-8", 1007, lambda w: w.frame(TEXT, b"\xff\xfe")),
                 ("nothing to continue", 1002, lambda w: w.frame(0, b"more")),
                 ("too long", 1009, lambda w: w.frame(TEXT, b"x" * (FRAME_MAX + 1))))
        for tls in self.both():
            for name, code, wrong in table:
                with self.subTest(name):
                    w = self.ws(tls=tls)
                    wrong(w)
                    self.assertEqual(w.closed()[0], code)

    def test_what_is_no_tls_is_closed(self):
        before = self.counter("rfqd_http_refused_total", '"tls"')
        with self.assertRaises((Closed, ConnectionError)):
            WebSocket(self.port, bearer=ANN)
        wait_until(lambda: self.counter("rfqd_http_refused_total", '"tls"') == before + 1, 10, "the refusal to be counted")
        w = self.ws()
        raw = socket.socket(fileno=os.dup(w.socket.fileno()))
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)  # a record that nobody's key made, within the connection
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            w.read_frame()
        raw.close()
        self.assertTrue(self.ws().ask("subscribe:trader")["success"])


class Slow(House):
    """No LP is there: an RFQ is a few events at once. Only the queue may end a slow reader here."""
    http = ", write_timeout_ms: 600000"

    def test_one_that_stops_reading_is_closed_and_misses_nothing(self):
        for tls in self.both():
            self.slow(tls)

    def slow(self, tls):
        before = self.counter("rfqd_ws_slow_consumers_total")
        slow, quick = self.ws(OLGA, tls, receive_buffer=4096), self.ws(OLGA, tls)
        first = slow.ask("subscribe:tenant")
        quick.ask("subscribe:trader")
        http, asked = self.http_connection(), 0
        while self.counter("rfqd_ws_slow_consumers_total") == before:
            self.assertLess(asked, 60000, "never too slow")
            http.send(request("POST", "/api/v1/rfqs", ANN, RFQ) * 50)
            for _ in range(50):
                self.assertIn(http.answer().status, (201, 422))
            asked += 50
        self.assertEqual(self.counter("rfqd_ws_slow_consumers_total"), before + 1)
        self.assertTrue(quick.ask("unsubscribe:trader")["success"])
        got, code = [], None
        try:
            while True:
                e = slow.event()
                if "prev" in e and "seq" in e:
                    got.append(e)
        except Closed as closed:
            code = closed.code
        self.assertEqual(code, 1013)
        self.resumes(tls, first, got)

    def resumes(self, tls, first, got):
        since = got[-1]["seq"]
        w = self.ws(OLGA, tls)
        self.assertTrue(w.ask("resume", epoch=first["epoch"], since=since, tenant=True)["success"])
        end = False
        while not end:
            e = w.event()
            end = e["event"] == "resumed"
            if "prev" in e and "seq" in e:
                got.append(e)
        whole = self.ws(OLGA, tls)
        self.assertTrue(whole.ask("resume", epoch=first["epoch"], since=first["seq"], tenant=True)["success"])
        for e in got:
            other = whole.event()
            self.assertEqual({k: v for k, v in e.items() if k != "prev"}, {k: v for k, v in other.items() if k != "prev"})
        self.assertGreater(len(got), 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
