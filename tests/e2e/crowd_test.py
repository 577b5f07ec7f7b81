#!/usr/bin/env python3
"""A hundred clients of one stream, and thousands of events (spec/50): those that stop reading are closed with 1013 and nobody
waits for them; rfqd is killed under all of them at once, while some have not read for long; everybody resumes by epoch and
seq, and in the end has every event once, in the same bytes as everybody else.

    crowd_test.py BUILD
"""

import json
import os
import re
import selectors
import struct
import sys
import threading
import unittest
from array import array

from api import Connection, house, request, token
from appliance import Failure, Scratch, Sim, wait_until
from wswire import CLOSE, PING, PONG, TEXT, Closed, Refused, WebSocket

BUILD = sys.argv.pop(1)
ANN, OLGA = token("ann"), token("olga", roles=("ops",))
CLIENTS, SLEEPERS = 100, 30
BATCH = 40
RFQ = {"symbol": "EURUSD", "side": "buy", "quantity": "1000000", "timeoutMs": 20000}
EVENT = re.compile(rb'\{"prev":(\d+),(.*)', re.DOTALL)
SEQ = re.compile(rb'"seq":(\d+)')


def frames(buffer):
    """Whole frames of the bytes, and what is left."""
    at, got = 0, []
    while len(buffer) - at >= 2:
        size, head = buffer[at + 1] & 0x7f, 2
        if size == 126:
            head = 4
        elif size == 127:
            head = 10
        if len(buffer) - at < head:
            break
        if head > 2:
            size = int.from_bytes(buffer[at + 2:at + head], "big")
        if len(buffer) - at < head + size:
            break
        got.append((buffer[at] & 15, buffer[at + head:at + head + size]))
        at += head + size
    return got, buffer[at:]


class Log:
    """All that happened, {seq: text}; and since when something newer stood in an event's place."""

    def __init__(self, texts):
        self.texts = texts
        self.hashes = {seq: hash(text) for seq, text in texts.items()}
        self.names, self.newer = set(), {}
        ranked, replaced = {}, {}  # of an RFQ, of a quote: seq of what is newer
        for seq in sorted(texts, reverse=True):
            data = json.loads(b"{" + texts[seq])
            name, data = data["event"], data["data"]
            self.names.add(name)
            if name == "quotes:ranked":
                self.newer[seq] = ranked.get(data["rfqId"])
                ranked[data["rfqId"]] = seq
            elif name == "quote:received":
                self.newer[seq] = replaced.get(data["quoteId"])
                if data.get("replaces"):
                    replaced[data["replaces"]] = seq

    def stale_from(self, seq):
        return self.newer.get(seq) or float("inf")


class Client:
    """What one has had of the stream, over all its connections."""

    def __init__(self, port, number):
        self.port, self.number = port, number
        self.seqs, self.hashes = array("Q"), array("q")
        self.epoch = self.since = self.begin = None
        self.code = self.ws = None
        self.sleeps = False
        self.resumed = 0

    def connect(self):
        self.ws = WebSocket(self.port, bearer=OLGA, receive_buffer=4096 if self.number < SLEEPERS else None)
        self.code, self.prev = None, self.since
        if self.epoch is None:
            first = self.ws.ask("subscribe:tenant")
            self.epoch, self.begin = first["epoch"], first["seq"]
            self.since = self.prev = self.begin
            if self.ws.events:
                raise Failure("an event before the answer")
        else:
            self.ws.send({"op": "resume", "id": 1, "epoch": self.epoch, "since": self.since, "tenant": True})
        self.buffer = self.ws.buffer
        self.ws.socket.setblocking(False)
        return self

    def again(self):
        """A connection that goes on: as soon as one can be had."""
        def attempt():
            try:
                return self.connect()
            except (OSError, Closed, Refused):
                return None
        wait_until(attempt, 60, "a connection")
        self.resumed += 1

    def read(self):
        """False: it has ended, self.code says how."""
        try:
            data = self.ws.socket.recv(1 << 18)
        except BlockingIOError:
            return True
        except ConnectionError:
            data = b""
        if not data:
            return False
        got, self.buffer = frames(self.buffer + data)
        for opcode, payload in got:
            if opcode == TEXT:
                self.take(payload)
            elif opcode == PING:
                self.ws.frame(PONG, payload)
            elif opcode == CLOSE:
                self.code = struct.unpack(">H", payload[:2])[0]
                return False
        return True

    def take(self, payload):
        found = EVENT.match(payload)
        if found:
            prev, seq = int(found[1]), int(SEQ.search(payload)[1])
            if prev != self.prev or seq <= prev:
                raise Failure(f"client {self.number}: {payload[:200]} behind {self.prev}")
            self.prev = self.since = seq
            self.seqs.append(seq)
            self.hashes.append(hash(found[2]))
        elif payload.startswith(b'{"re":') and b'"success":true' not in payload:
            raise Failure(f"client {self.number}: {payload}")

    def end(self):
        if self.ws:
            self.ws.close()


class Crowd(threading.Thread):
    """Reads for all clients that do not sleep. Whoever is cut resumes, wherever it was."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients, self.stopped, self.problem = clients, threading.Event(), None
        self.selector = selectors.DefaultSelector()
        self.lock = threading.Lock()

    def wake(self, client):
        with self.lock:
            client.sleeps = False
            self.selector.register(client.ws.socket, selectors.EVENT_READ, client)

    def sleep(self, client):
        with self.lock:
            client.sleeps = True
            self.selector.unregister(client.ws.socket)

    def run(self):
        try:
            while not self.stopped.is_set():
                with self.lock:
                    for key, _ in self.selector.select(0.02):
                        client = key.data
                        if not client.read():
                            self.selector.unregister(client.ws.socket)
                            client.ws.close()
                            client.codes.append(client.code)
                            client.again()
                            self.selector.register(client.ws.socket, selectors.EVENT_READ, client)
                self.stopped.wait(0.001)  # whoever wants the lock gets it
        except Exception as problem:  # noqa: BLE001: whatever it is, the test tells it
            self.problem = problem


class Streams(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(Scratch("crowd"))
        self.rfqd = house(BUILD, directory, http=", requests_per_s_max: 1000000, write_timeout_ms: 600000",
                          settings="retire_after_ms: 100")
        self.addCleanup(self.rfqd.clean)
        self.rfqd.start()
        self.addCleanup(Sim(BUILD, directory, self.rfqd, ("lp:name=LP1,ack=b,requote=40,seed=1", "lp:name=LP2,ack=i,spread=0.0003,seed=2"),
                            ("--linger",)).kill)
        self.rfqd.wait_lps(2)
        self.clients = [Client(self.rfqd.http_port, n).connect() for n in range(CLIENTS)]
        self.crowd = Crowd(self.clients)
        for client in self.clients:
            client.codes = []
            self.addCleanup(client.end)
            self.crowd.wake(client)
        self.addCleanup(lambda: (self.crowd.stopped.set(), self.crowd.join(60)))
        self.crowd.start()
        self.c = None

    def counter(self, name, label=""):
        return sum(c["value"] for c in self.rfqd.ask("counters") if c["name"] == name and label in c["labels"])

    def ask(self, requests):
        """All at once; the answers."""
        if not self.c:
            self.c = Connection(self.rfqd.http_port)
            self.addCleanup(self.c.close)
        self.c.send(b"".join(request("POST", path, ANN, body) for path, body in requests))
        return [self.c.answer() for _ in requests]

    def batch(self):
        """RFQs that live and end: most are cancelled, one trades where it has a quote by then."""
        made = [a.json()["id"] for a in self.ask([("/api/v1/rfqs", RFQ)] * BATCH) if a.status == 201]
        if made:
            path = f"/api/v1/rfqs/{made[0]}"
            quotes = self.c.ask("GET", path + "/quotes", ANN).json()["quotes"]
            if quotes:
                self.ask([(path + "/accept", {"quoteId": quotes[0]["id"]})])
        self.ask([(f"/api/v1/rfqs/{rfq}/cancel", {}) for rfq in made])
        if self.crowd.problem:
            raise self.crowd.problem

    def kill9(self):
        self.rfqd.kill9()
        self.c = None
        self.rfqd.start()
        self.rfqd.wait_lps(2)

    def everything(self):
        """The stream from where the first of them began, as a new client reads it from the log."""
        reader = Client(self.rfqd.http_port, CLIENTS)
        reader.epoch, reader.since = self.clients[0].epoch, min(c.begin for c in self.clients)
        reader.connect()
        self.addCleanup(reader.end)
        last = max(c.since for c in self.clients)
        texts = {}
        keep = reader.take

        def take(payload):
            keep(payload)
            found = EVENT.match(payload)
            if found:
                texts[reader.since] = found[2]
        reader.take = take
        with selectors.DefaultSelector() as selector:
            selector.register(reader.ws.socket, selectors.EVENT_READ)
            while reader.since < last:
                self.assertTrue(selector.select(30), "the log's reader waits")
                self.assertTrue(reader.read())
        return texts

    def check(self, client, log):
        """Every event once; but for rankings and quotes in whose place a newer one, which it has, came while it was slow."""
        seqs = client.seqs
        self.assertTrue(all(a < b for a, b in zip(seqs, seqs[1:])), "a repeat")
        has = dict(zip(seqs, client.hashes))
        self.assertEqual(has.keys() - log.hashes.keys(), set())
        other = [seq for seq, h in has.items() if log.hashes[seq] != h]
        self.assertEqual(other, [], f"client {client.number} had other bytes")
        for seq in log.hashes:
            if client.begin < seq <= client.since and seq not in has:
                self.assertLessEqual(log.stale_from(seq), client.since, f"client {client.number} lacks {log.texts[seq]}")

    def test_all_get_all(self):
        sleepers, others = self.clients[:SLEEPERS], self.clients[SLEEPERS:]
        # Some stop reading, until each of them is closed.
        for client in sleepers:
            self.crowd.sleep(client)
        batches = 0
        while self.counter("rfqd_ws_slow_consumers_total") < SLEEPERS:
            self.assertLess(batches, 2000, "not all were too slow")
            self.batch()
            batches += 1
        self.assertEqual(self.counter("rfqd_ws_connections"), CLIENTS - SLEEPERS)
        for client in sleepers:
            self.crowd.wake(client)
        wait_until(lambda: all(c.resumed for c in sleepers) or self.crowd.problem, 60, "all to have come back")
        # All were told so; whoever has not read up to it two seconds later finds the connection reset.
        self.assertEqual(self.counter("rfqd_ws_disconnects_total", '"1013"'), SLEEPERS)
        self.assertLessEqual({code for c in sleepers for code in c.codes}, {1013, None})
        self.assertEqual([c.codes for c in others], [[]] * len(others))
        # Killed under all of them, some of whom have read nothing for long, and others are still reading what they missed.
        for round_ in range(3):
            before = [c.resumed for c in self.clients]
            for client in sleepers[round_ * 10:(round_ + 1) * 10]:
                self.crowd.sleep(client)
            for _ in range(10):
                self.batch()
            self.kill9()
            for client in sleepers:
                if client.sleeps:
                    self.crowd.wake(client)
            wait_until(lambda: self.crowd.problem or all(c.resumed > n for c, n in zip(self.clients, before)), 60, "all to be back")
            self.batch()
        end = self.ask([("/api/v1/rfqs", {**RFQ, "timeoutMs": 1000})])[0].json()["id"]
        self.ask([(f"/api/v1/rfqs/{end}/cancel", {})])
        epoch = self.clients[0].epoch
        events = Connection(self.rfqd.http_port).ask("GET", f"/api/v1/events?rfqId={end}", OLGA).lines()
        last = next(e["seq"] for e in events if e["eventType"] == "rfq.cancelled")
        wait_until(lambda: self.crowd.problem or all(c.since >= last for c in self.clients), 90, "the last one's end, by all")
        self.crowd.stopped.set()
        self.crowd.join(60)
        if self.crowd.problem:
            raise self.crowd.problem
        self.assertEqual({c.epoch for c in self.clients}, {epoch})
        self.assertGreaterEqual(min(c.resumed for c in self.clients), 3)
        log = Log(self.everything())
        self.assertGreater(len(log.texts), 5000)
        self.assertGreaterEqual(log.names, {"rfq:created", "quote:received", "quotes:ranked", "rfq:filled", "rfq:cancelled"})
        for client in self.clients:
            self.check(client, log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
