#!/usr/bin/env python3
"""The HTTP API on a disk that hangs now and then: what was answered is read back, at both levels, also after a kill; while
nothing can be kept, nothing is taken.

    api_test.py --build BUILD

Needs root and loop devices; skipped with exit code 77 where they are missing.
"""

import argparse
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disks  # noqa: E402  (adds tests/e2e to the path)
from api import ANN, Connection, house, token  # noqa: E402
from appliance import Scratch, Sim, wait_until  # noqa: E402

HANG_SECONDS = 0.3
HANGS, HANGS_MAX = 5, 50
WRITES_MIN = 50  # fewer show little
build = "build/release"


class Hanging(threading.Thread):
    """Freezes and thaws the disk until it is told to stop."""

    def __init__(self, disk):
        super().__init__(daemon=True)
        self.disk, self.over, self.count = disk, threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            self.disk.freeze()
            self.over.wait(HANG_SECONDS)
            self.disk.thaw()
            self.count += 1
            self.over.wait(HANG_SECONDS)

    def stop(self):
        self.over.set()
        self.join()


class Case(unittest.TestCase):
    def read_after_write(self, level):
        if disks.Disk.lacking:
            self.skipTest(disks.Disk.lacking)
        with Scratch("api-disk") as directory:
            disk = disks.Disk(directory, 256)
            rfqd = house(build, os.path.join(directory, "house"), level=level, data=os.path.join(disk.path, "data"),
                         http=", requests_per_s_max: 100000", settings="retire_after_ms: 100")
            hanging, lp = Hanging(disk), None
            try:
                rfqd.start()
                lp = Sim(build, directory, rfqd, ("lp:name=LP1,ack=b,seed=1",), ("--linger",))  # else there is none to cancel
                rfqd.wait_lps(1)
                writer, reader = Connection(rfqd.http_port), Connection(rfqd.http_port)
                hanging.start()
                made, seconds = [], []
                while hanging.is_alive() and (hanging.count < HANGS or (len(made) <= WRITES_MIN and hanging.count < HANGS_MAX)):
                    made.append(self.write_and_read(writer, reader, len(made), seconds))
                hanging.stop()
                self.assertGreaterEqual(hanging.count, HANGS)
                self.assertGreater(len(made), WRITES_MIN)
                if level == "synced":
                    self.assertGreater(max(seconds), HANG_SECONDS / 2)  # the disk's hangs were met, and waited for
                    self.survives_a_kill(rfqd, made)
            finally:
                hanging.over.set()
                if hanging.is_alive():
                    hanging.join()
                if lp:
                    lp.kill()
                rfqd.clean()
                disk.close()

    def written(self, c, path, body, key, seconds):
        """The answer, once it is one. How long each took is noted."""
        def taken():
            began = time.monotonic()
            answer = c.ask("POST", f"/api/v1/rfqs{path}", token(**ANN), body, [("Idempotency-Key", key)])
            seconds.append(time.monotonic() - began)
            self.assertIn(answer.status, (200, 201, 503), answer)  # 503: the log waits for its disk
            return answer if answer.status != 503 else None
        return wait_until(taken, 30, "an answer").json()

    def write_and_read(self, writer, reader, n, seconds):
        """Whoever is answered may read it at once, on whatever connection."""
        bearer = token(**ANN)
        wish = {"symbol": "EURUSD", "side": "buy", "quantity": str(n + 1), "reference": f"n{n}"}
        one = self.written(writer, "", wish, f"n{n}", seconds)["id"]
        seen = reader.ask("GET", f"/api/v1/rfqs/{one}", bearer)
        self.assertEqual((seen.status, seen.json()["reference"]), (200, f"n{n}"))
        self.assertEqual(reader.ask("GET", "/api/v1/rfqs?limit=1", bearer).json()["rfqs"][0]["id"], one)
        if n % 2:
            self.written(writer, f"/{one}/cancel", {"reason": "lp_issue"}, f"c{n}", seconds)
            self.assertEqual(reader.ask("GET", f"/api/v1/rfqs/{one}", bearer).json()["status"], "cancelled")
        return one

    def survives_a_kill(self, rfqd, made):
        """Rings gone too, as after a power cut: what was answered at level synced is there."""
        rfqd.kill9()
        for name in os.listdir(rfqd.shared):
            if name.endswith(".ring"):
                os.unlink(os.path.join(rfqd.shared, name))
        rfqd.start()
        c = Connection(rfqd.http_port)
        for n, one in enumerate(made):
            seen = c.ask("GET", f"/api/v1/rfqs/{one}", token(**ANN))
            self.assertEqual((seen.status, seen.json()["reference"]), (200, f"n{n}"))
            if n % 2:
                self.assertEqual(seen.json()["status"], "cancelled")

    def test_what_was_written_is_read_at_level_committed(self):
        self.read_after_write("committed")

    def test_what_was_written_is_read_at_level_synced(self):
        self.read_after_write("synced")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=build)
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    why = disks.ready()
    if why:
        print(why)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *arguments.tests])
