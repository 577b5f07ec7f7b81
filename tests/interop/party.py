"""A quickfix_party process and what it said; the QuickFIX store behind it; an LP's view of an order."""

import os
import re
import signal
import subprocess
import threading
import time
from decimal import Decimal, InvalidOperation

from appliance import Failure

WAIT_SECONDS = 10  # for anything: nothing here takes a tenth of it unless it is broken


class Message:
    """FIX fields in their order, from a line with | for SOH."""

    def __init__(self, text):
        self.fields = [tuple(f.split("=", 1)) for f in text.split("|") if "=" in f]
        self.first = dict(reversed(self.fields))

    def __getitem__(self, tag):
        return self.first.get(str(tag))

    @property
    def type(self):
        return self[35]

    @property
    def seq(self):
        return int(self[34])

    @property
    def poss_dup(self):
        return self[43] == "Y"

    @property
    def admin(self):
        return self.type in ("0", "1", "2", "3", "4", "5", "A")

    def body(self):
        """What a resend must not change."""
        return [f for f in self.fields if f[0] not in ("9", "52", "43", "122", "10")]


class Seen:
    """An application message as QuickFIX's typed class reads it."""

    def __init__(self, text, message):
        parts = re.split(r" ([A-Za-z]+)=", text)
        self.type = parts[0]
        self.values = dict(zip(parts[1::2], parts[2::2]))
        self.message = message
        self.claimed = False

    def __getitem__(self, name):
        return self.values.get(name)

    def fits(self, values):
        return all(same(self[name], value) for name, value in values.items())


def same(is_there, wanted):
    if is_there is None or wanted is None:
        return is_there is wanted
    if is_there == str(wanted):
        return True
    try:
        return Decimal(is_there) == Decimal(str(wanted))
    except InvalidOperation:
        return False


class Party:
    """Its lines go on over restarts: self.lines is a list of (kind, text or Message or Seen)."""

    def __init__(self, desk, role, name, store=None, **options):
        self.desk, self.role, self.name, self.options = desk, role, name, options
        self.store = os.path.join(desk.directory, store or name)
        self.lines, self.changed = [], threading.Condition()
        self.process = self.reader = None
        os.makedirs(self.store, exist_ok=True)
        self.log = open(os.path.join(desk.directory, f"{store or name}.lines"), "w")
        desk.parties.append(self)

    # The process

    def start(self, **more):
        options = {"role": self.role, "name": self.name, "store": self.store, "dictionary": self.desk.dictionary,
                   "start": self.desk.session_start, **self.options, **more}
        self.process = subprocess.Popen([self.desk.program, *(f"{k}={v}" for k, v in options.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        mark = self.mark()
        self.reader.start()
        self.wait("ready", since=mark)
        return mark

    def _read(self, stream):
        got = None
        for line in stream:
            kind, _, text = line.rstrip("\n").partition(" ")
            item = text
            if kind in ("wire-in", "wire-out", "got"):
                item = Message(text)
                got = item if kind == "got" else got
            elif kind == "seen":
                item = Seen(text, got)
            with self.changed:
                self.log.write(f"{time.time():.6f} {line}")
                self.lines.append((kind, item))
                self.changed.notify_all()
        with self.changed:
            self.log.flush()

    def tell(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()

    def kill9(self):
        """Reads what it had still said."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stdin.close()
            self.reader.join(WAIT_SECONDS)
            self.process.stdout.close()
        self.process = None

    def quit(self):
        self.tell("quit")
        if self.process.wait(WAIT_SECONDS) != 0:
            raise Failure(f"{self.name} ended with {self.process.returncode}")
        self.kill9()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # What it said

    def mark(self):
        with self.changed:
            return len(self.lines)

    def wait(self, kind, fits=lambda item: True, since=0, seconds=WAIT_SECONDS, what=""):
        """The first such line."""
        end = time.monotonic() + seconds
        at = since
        with self.changed:
            while True:
                while at < len(self.lines):
                    if self.lines[at][0] == kind and fits(self.lines[at][1]):
                        return self.lines[at][1]
                    at += 1
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    raise Failure(f"{self.name} has no {kind} {what} in {seconds} s")

    def wait_wire(self, direction, kind, since=0, **fields):
        """A message on the wire: fields as t49="…"."""
        return self.wait(f"wire-{direction}",
                         lambda m: m.type == kind and all(same(m[t[1:]], v) for t, v in fields.items()), since,
                         what=f"35={kind} {fields}")

    def take(self, kind, **values):
        """The first message of that type, not taken before, that has these values. Each is taken once; what nobody
        takes is found by untaken()."""
        def free(seen):
            return not seen.claimed and seen.type == kind and seen.fits(values)
        try:
            seen = self.wait("seen", free)
        except Failure as failure:
            raise Failure(f"{failure}: {kind} {values}; untaken are {self.untaken()}") from None
        seen.claimed = True
        return seen

    def untaken(self):
        with self.changed:
            return [f"{s.type} {s.values}" for kind, s in self.lines if kind == "seen" and not s.claimed]

    def wire(self, direction, since=0):
        with self.changed:
            return [m for kind, m in self.lines[since:] if kind == f"wire-{direction}"]

    def said(self, kind, since=0):
        with self.changed:
            return [item for k, item in self.lines[since:] if k == kind]

    # Its store: what QuickFIX believes of the numbers

    def _numbers_file(self):
        return os.path.join(self.store, f"FIX.4.4-{self.name}-RFQD.seqnums")

    def numbers(self):
        """Next out, next in; the process does not run."""
        with open(self._numbers_file()) as f:
            out, into = f.read().split(":")
        return int(out), int(into)

    def set_numbers(self, out, into):
        with open(self._numbers_file(), "w") as f:
            f.write(f"{out:010d} : {into:010d}")


class Order:
    """An order as its LP has it: the D that came, and the reports about it."""

    count = 0

    def __init__(self, lp, seen):
        Order.count += 1
        self.lp, self.id = lp, f"{lp.name}-O{Order.count}"
        self.cl_ord_id, self.symbol, self.side = seen["ClOrdID"], seen["Symbol"], seen["Side"]
        self.quantity, self.price = Decimal(seen["OrderQty"]), Decimal(seen["Price"])
        self.filled = self.value = Decimal(0)
        self.reports = 0

    def _report(self, exec_type, status, last="-", price="-", leaves=None, cl_ord_id=None):
        self.reports += 1
        average = self.value / self.filled if self.filled else Decimal(0)
        leaves = self.quantity - self.filled if leaves is None else leaves
        self.lp.tell("report", cl_ord_id or self.cl_ord_id, self.cl_ord_id if cl_ord_id else "-", self.id,
                     f"{self.id}-{self.reports}", exec_type, status, self.symbol, self.side, self.quantity, last, price,
                     self.filled, leaves, average)

    def new(self):
        self._report("0", "0")

    def status(self):
        self._report("I", "1" if self.filled else "0")

    def fill(self, quantity, price=None):
        price = Decimal(price) if price else self.price
        self.filled += Decimal(quantity)
        self.value += Decimal(quantity) * price
        self._report("F", "2" if self.filled == self.quantity else "1", quantity, price)

    def reject(self):
        self._report("8", "8", leaves=0)

    def cancelled(self, cancel_id):
        self._report("4", "4", leaves=0, cl_ord_id=cancel_id)
