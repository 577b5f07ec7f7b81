#!/usr/bin/env python3
"""A real rfqd on a disk that is full, hangs, or fails to sync, under load; then an auditor joins what everybody says.

    disk_test.py --build BUILD [TEST...]

Gets what it needs by itself (disks.ready): root or sudo, loop devices. Where it cannot, what needs only a full disk is
tried on a memory file system, and the rest fails, saying what is missing.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disks  # noqa: E402  (adds tests/e2e to the path)
from appliance import Failure, wait_until  # noqa: E402
from fixwire import Peer, utc  # noqa: E402
from market import Market  # noqa: E402

LOAD = 400
HANG_SECONDS = 2.0

build = "build/release"


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="rfqd-faults-")
        self.disk = self.market = None

    def tearDown(self):
        if self.market:
            self.market.close()
        if self.disk:
            self.disk.close()
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or \
            any(t is self for t, _ in (self._outcome.result.failures + self._outcome.result.errors))
        if failed:
            print(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def trade_on(self, disk, load=LOAD, **options):
        self.disk = disk
        self.market = Market(build, self.directory, load, data=os.path.join(disk.path, "data"), **options)
        self.rfqd = self.market.rfqd
        self.rfqd.start()
        self.market.start_parties()
        self.goes_on(50)

    def fills(self):
        """What the takers know of."""
        count = 0
        for name in ("T1", "T2"):
            with open(os.path.join(self.market.journals, name + ".journal"), "rb") as f:
                count += f.read().count(b"|150=F|")
        return count

    def refused(self, kind, why):
        """Takers were answered with this MsgType for want of room, as the text says, and it was counted."""
        def answers():
            found = []
            for name in ("T1", "T2"):
                with open(os.path.join(self.market.journals, name + ".journal"), encoding="utf-8") as f:
                    found += re.findall(rf" I \d+ .*\|35={kind}\|.*\|58=busy: (?:{why})[^|]*\|", f.read())
            return found
        found = wait_until(answers, 60, f"a {kind} that says: {why}")
        counted = sum(n for name, n in self.rfqd.counters().items() if name.startswith("rfqd_fix_busy_total"))
        self.assertGreaterEqual(counted, len(found))

    def cancels_pass(self):
        """A session begins and ends, and its cancel is answered, within the reserve that refusals leave alone."""
        peer = Peer(self.rfqd.port, "T3").logon(heartbeat=10)
        peer.send("F", [(41, "never-sent"), (11, "cancel"), (55, "EURUSD"), (54, "1"), (60, utc()), (38, "1000")])
        peer.expect("9", t11="cancel", t434="1")
        peer.logout()

    def goes_on(self, fills, seconds=20):
        """So many more fills reach the takers."""
        before = self.fills()
        wait_until(lambda: self.fills() >= before + fills, seconds, f"{fills} more fills")

    def counter(self, name):
        return self.rfqd.counters().get(name, 0)

    def status(self):
        return self.rfqd.ask("status", 5)[0]

    def all_is_well(self):
        """To the end of everything, then nothing was lost."""
        self.market.bring_to_end()
        self.market.take_dump()
        found = self.market.audit()
        self.assertEqual(found.complaints, [])
        self.assertGreater(found.numbers["fills"], 50)


class Full(Case):
    def test_the_log_finds_no_space(self):
        """Trading goes on as far as the rings reach; then what is new is refused by name, while logons and cancels pass; it
        goes on by itself when space returns."""
        self.goes_on_when_space_returns(disks.Disk(self.directory, 320))

    def test_a_write_finds_half_of_its_space(self):
        """As a memory file system gives it: page by page, to the last."""
        self.goes_on_when_space_returns(disks.Disk(self.directory, 320, in_memory=True))

    def goes_on_when_space_returns(self, disk):
        self.trade_on(disk, load=LOAD // 3, small_rings=True)
        self.disk.fill()
        wait_until(lambda: self.counter("rfqd_log_stalled"), 60, "the log to stall")
        self.rests()
        self.refused("AG", "no space on the log's disk")
        self.cancels_pass()
        self.assertRegex(self.status()["accepting"], "as far as the rings reach")
        self.assertRegex(self.status()["log_error"], "space")
        self.disk.empty()
        wait_until(lambda: not self.counter("rfqd_log_stalled"), 20, "the log to go on")
        self.goes_on(50)
        self.all_is_well()

    def rests(self):
        """The log's end stands still, rfqd lives and answers: waited for, not slept for."""
        def still():
            first = self.status()["log_end"]
            end = time.monotonic() + 1
            while time.monotonic() < end:
                if self.status()["log_end"] != first:
                    return False
            return True
        wait_until(still, 60, "the log to stand still")
        self.assertTrue(self.rfqd.running())

    def test_killed_while_full_and_started_again(self):
        """A start on a full disk goes on, or says that the disk is full; nothing is lost."""
        self.trade_on(disks.Disk(self.directory, 320), small_rings=True)
        self.disk.fill()
        wait_until(lambda: self.counter("rfqd_log_stalled"), 60, "the log to stall")
        self.rests()
        self.rfqd.kill9()
        try:
            self.rfqd.start()
        except Failure as failure:
            self.assertRegex(str(failure), "[Nn]o space|full")
            self.disk.empty()
            self.rfqd.start()
        else:
            self.disk.empty()
        self.goes_on(50)
        self.all_is_well()

    def test_the_store_finds_no_space(self):
        """The log has room: trading is unhurt; checkpoints wait, and catch up when space returns."""
        self.trade_on(disks.Disk(self.directory, 256))
        self.disk.fill()
        wait_until(lambda: self.counter("rfqd_replica_commit_errors_total"), 60, "a checkpoint without space")
        self.assertFalse(self.counter("rfqd_log_stalled"))
        self.assertRegex(self.status()["store_error"], "space|full")
        self.goes_on(50)
        self.disk.empty()
        wait_until(lambda: self.status()["checkpoint_lag_bytes"] < 1 << 20, 30, "checkpoints to catch up")
        self.goes_on(50)
        self.all_is_well()


class DiskCase(Case):
    """Needs a disk that is one: nothing else can hang, or fail to sync."""

    def setUp(self):
        if disks.Disk.lacking:
            self.fail(disks.Disk.lacking)
        super().setUp()


class Fails(DiskCase):
    def test_a_sync_that_fails(self):
        """What lies under the file system has no space for what it promised: writes succeed, syncs do not. Nothing is
        accepted any more, everybody is told, and the process ends saying why; what was synced is there."""
        self.trade_on(disks.ThinDisk(self.directory, 512, 256))
        self.disk.starve()
        said = self.rfqd.process.wait_line("log_failed accepting=false why=(.*)", 60)
        self.assertRegex(said[1], "sync|write")
        self.assertNotEqual(self.rfqd.process.wait(30), 0)
        for name in ("T1", "LP1"):
            with open(os.path.join(self.market.journals, name + ".journal"), encoding="utf-8") as f:
                self.assertIn("|58=the record cannot be kept|", f.read())


class Hangs(DiskCase):
    def hang(self):
        """fills while the disk hung, and whether rfqd answered its operator meanwhile."""
        self.disk.freeze()
        began = time.monotonic()
        before, durable = self.fills(), self.status()["log_durable"]
        while time.monotonic() < began + HANG_SECONDS:
            self.status()  # within its time limit
            time.sleep(0.05)  # the hang's length is what is tried
        during = self.fills() - before
        moved = self.status()["log_durable"] - durable
        self.disk.thaw()
        return during, moved

    def test_committed_goes_on_meanwhile(self):
        self.trade_on(disks.Disk(self.directory, 512))
        during, moved = self.hang()
        self.assertGreater(during, LOAD * HANG_SECONDS / 20, "fills while the disk hung")
        self.assertLess(moved, 4 << 20, "the disk did hang")
        wait_until(lambda: self.status()["log_end"] - self.status()["log_durable"] < 1 << 20, 20, "the log to catch up")
        self.goes_on(50)
        self.all_is_well()
        print(f"\n{during} fills in {HANG_SECONDS} s of a hung disk", file=sys.stderr)

    def test_synced_waits(self):
        """Nothing leaves that is not durable; then everything does."""
        self.trade_on(disks.Disk(self.directory, 512), level="synced")
        during, _ = self.hang()
        self.assertLess(during, LOAD * HANG_SECONDS / 20, "what was under way may still come out")
        self.goes_on(50)
        self.all_is_well()

    def test_small_rings_stop_and_go_on(self):
        """Up to the ring's mark, then takers are refused by name; nothing is lost."""
        self.trade_on(disks.Disk(self.directory, 512), load=1500, small_rings=True)
        self.hang()
        self.refused("AG", "the record is not written|the log's disk does not keep up")
        self.goes_on(50)
        self.all_is_well()

    def test_killed_meanwhile(self):
        """kill -9 during the hang; the rings keep what the disk had not taken."""
        self.trade_on(disks.Disk(self.directory, 512))
        self.disk.freeze()
        self.goes_on(20)
        self.rfqd.process.process.kill()  # ends when the disk lets go of it
        self.disk.thaw()
        self.rfqd.process.wait(30)
        self.rfqd.start()
        self.goes_on(50)
        self.all_is_well()


def main():
    global build
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=build)
    options, rest = p.parse_known_args()
    build = os.path.abspath(options.build)
    why = disks.ready()
    if why:
        sys.exit(f"disk_test: {why}")
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    sys.exit(main())
