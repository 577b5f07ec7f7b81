#!/usr/bin/env python3
"""Long answers of the ops socket: of any length, whole, in little memory; and what ends them early.

    answers_test.py BUILD
"""

import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Failure, Scratch, wait_until  # noqa: E402
from market import Market  # noqa: E402

ANSWER_MIN = 8 << 20  # many times what rfqd keeps of it (STREAM_HALF_SIZE, twice) and any socket's buffer


def expect(condition, what):
    if not condition:
        raise Failure(what)


class Asking:
    """One request whose answer is read as the test likes."""

    def __init__(self, rfqd, request):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(rfqd.socket)
        self.socket.sendall(request.encode() + b"\n")

    def read(self):
        """All of it, to the end line or to the end of the connection."""
        answer = bytearray()
        while not answer.endswith(b'{"end":true}\n'):
            piece = self.socket.recv(30000)
            if not piece:
                break
            answer += piece
        self.socket.close()
        return bytes(answer)

    def close(self):
        self.socket.close()


def jobs(rfqd):
    return rfqd.counters()["rfqd_ops_jobs"]


def own_memory(rfqd):
    with open(f"/proc/{rfqd.process.process.pid}/status") as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1]) << 10


def long_answer_in_little_memory(rfqd):
    before = own_memory(rfqd)
    slow = Asking(rfqd, "dump")
    wait_until(lambda: jobs(rfqd) == 1, 20, "a dump under way")
    expect(rfqd.ask("status", 5), "others are answered while nobody reads the dump")
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(60)
        other.connect(rfqd.socket)
        other.sendall(b"dump\n")
        said = other.makefile().readline()
        expect(json.loads(said)["code"] == "busy", f"one dump at a time: {said}")
    answer = slow.read()
    grown = own_memory(rfqd) - before
    expect(len(answer) > ANSWER_MIN, f"the answer is long: {len(answer)} bytes")
    rows = answer.decode().splitlines()
    expect(rows[-1] == '{"end":true}', f"it has its end: {rows[-1]}")
    tables = {}
    for row in rows[:-1]:
        table = json.loads(row)["table"]
        tables[table] = tables.get(table, 0) + 1
    for table in ("history", "rfqs_ended", "sent"):
        alone = rfqd.ask(f"dump {table}")
        expect(len(alone) == tables[table], f"{table}: {tables[table]} rows of all, {len(alone)} by itself")
    expect(grown < ANSWER_MIN / 2, f"an answer of {len(answer)} bytes took {grown} bytes")


def who_asks_no_more_is_answered(rfqd):
    asking = Asking(rfqd, "dump history")
    asking.socket.shutdown(socket.SHUT_WR)
    expect(asking.read().endswith(b'\n{"end":true}\n'), "an answer for who only reads")


def who_goes_ends_the_work(rfqd):
    for command in ("dump", "verify"):
        asking = Asking(rfqd, command)
        wait_until(lambda: jobs(rfqd) == 1, 20, f"the {command} to be under way")
        asking.close()
        wait_until(lambda: jobs(rfqd) == 0, 20, f"the {command} nobody waits for to end")


def a_stop_does_not_wait_for_a_reader(rfqd):
    asking = Asking(rfqd, "dump")
    wait_until(lambda: jobs(rfqd) == 1, 20, "a dump under way")
    rfqd.stop(30)
    expect(not asking.read().endswith(b'{"end":true}\n'), "what was cut off does not look whole")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with Scratch("answers") as directory:
            market = Market(sys.argv[1], directory, 400)
            rfqd = market.rfqd
            try:
                rfqd.start()
                market.start_parties()
                wait_until(lambda: rfqd.counters()["rfqd_store_used_bytes"] > 3 * ANSWER_MIN, 120, "much to dump")
                market.bring_to_end()
                rfqd.start()
                wait_until(market.at_rest, 30, "everything to be in the store")
                long_answer_in_little_memory(rfqd)
                who_asks_no_more_is_answered(rfqd)
                who_goes_ends_the_work(rfqd)
                a_stop_does_not_wait_for_a_reader(rfqd)
            finally:
                market.close()
    except Failure as failure:
        sys.exit(f"answers: {failure}")


main()
