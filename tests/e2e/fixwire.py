"""FIX by hand: a peer that says exactly what it is told to, over a raw socket. Knows nothing of rfqd's code.

Numbers go on over connections, as a peer's must. Heartbeats, TestRequests and ResendRequests (answered by a gap fill)
are dealt with while waiting; everything else waits in `inbox` until a test asks for it.
"""

import datetime
import select
import socket
import time

SOH = "\x01"


class Unexpected(Exception):
    pass


def utc(seconds_from_now=0.0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return t.strftime("%Y%m%d-%H:%M:%S.") + f"{t.microsecond // 1000:03d}"


def frame(fields, body_length=None, checksum_off=0, begin="FIX.4.4", order=None):
    """Bytes of a message from [(tag, value)], 35 first; what is wrong with it as the arguments say."""
    body = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
    length = len(body.encode()) if body_length is None else body_length
    head = [f"8={begin}{SOH}", f"9={length}{SOH}"]
    text = "".join(head) + body if order is None else order(head, body)
    total = (sum(text.encode()) + checksum_off) % 256
    return (text + f"10={total:03d}{SOH}").encode()


class Message:
    def __init__(self, raw):
        self.raw = raw
        self.fields = [tuple(f.split("=", 1)) for f in raw.decode("utf-8", "replace").rstrip(SOH).split(SOH)]
        self.first = {}
        for tag, value in self.fields:
            self.first.setdefault(int(tag), value)

    def __getitem__(self, tag):
        return self.first.get(tag)

    @property
    def type(self):
        return self.first.get(35)

    def __repr__(self):
        return "|".join(f"{tag}={value}" for tag, value in self.fields)


class Peer:
    def __init__(self, port, name, target="RFQD"):
        self.port, self.name, self.target = port, name, target
        self.next_in = self.next_out = 1
        self.socket = None
        self.bytes = b""
        self.inbox = []
        self.closed = True
        self.asked = False  # for what we missed
        self.heartbeat = None  # TestReqID of the last Heartbeat

    # The connection

    def connect(self):
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""
        self.inbox = []
        self.asked = False
        self.closed = False

    def logon(self, heartbeat=30):
        self.connect()
        self.send("A", [(98, 0), (108, heartbeat)])
        self.expect("A")
        return self

    def logout(self):
        self.send("5", [])
        self.expect("5")
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.closed = None, True

    # Out

    def header(self, kind, seq, more=()):
        return [(35, kind), (49, self.name), (56, self.target), (34, seq), (52, utc()), *more]

    def make(self, kind, fields, seq=None, header=(), **wrong):
        """Bytes; the number is used up by send() only."""
        return frame(self.header(kind, self.next_out if seq is None else seq, header) + list(fields), **wrong)

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, kind, fields, **options):
        self.send_raw(self.make(kind, fields, **options))
        self.next_out += 1
        return self.next_out - 1

    # In

    def _frames(self):
        while True:
            at = self.bytes.find(b"\x0110=")
            end = self.bytes.find(b"\x01", at + 1) if at >= 0 else -1
            if end < 0:
                return
            raw, self.bytes = self.bytes[:end + 1], self.bytes[end + 1:]
            self._check(raw)
            self._take(Message(raw))

    @staticmethod
    def _check(raw):
        at = raw.rfind(b"\x0110=") + 1
        if int(raw[at + 3:-1]) != sum(raw[:at]) % 256:
            raise Unexpected(f"rfqd's checksum is wrong: {raw}")
        begin = raw.find(b"\x01", raw.find(b"\x019=") + 1) + 1
        if int(raw[raw.find(b"\x019=") + 3:begin - 1]) != at - begin:
            raise Unexpected(f"rfqd's BodyLength is wrong: {raw}")

    def _take(self, m):
        seq = int(m[34])
        if m.type == "4":
            self.next_in = int(m[36])
            return
        if seq < self.next_in and m[43] != "Y":
            raise Unexpected(f"{self.name}: rfqd's number goes back to {seq}, {self.next_in} was due: {m}")
        if seq > self.next_in and m.type == "A":  # what was for us while we were away was kept: we ask for it
            self.inbox.append(m)
            self.asked = True
            self.send("2", [(7, self.next_in), (16, 0)])
            return
        if seq > self.next_in and m.type == "5":  # our Logon is refused, and what was kept for us comes another time
            self.inbox.append(m)
            return
        if seq > self.next_in and self.asked:  # on its way before our question came: it is said again
            if m.type == "1":
                self.send("0", [(112, m[112])])
            return
        self.asked = False
        if seq > self.next_in:
            raise Unexpected(f"{self.name}: rfqd's number {seq} leaves out {self.next_in}: {m}")
        self.next_in = max(self.next_in, seq + 1)
        if m.type == "1":
            self.send("0", [(112, m[112])])
        elif m.type == "2":
            self.inbox.append(m)
            self._fill(int(m[7]), int(m[16]) + 1 if m[16] != "0" else self.next_out)
        elif m.type == "0":
            self.heartbeat = m[112]
        else:
            self.inbox.append(m)

    def _fill(self, begin, next_out):
        """Nothing of ours is sent again."""
        self.send_raw(frame(self.header("4", begin, [(43, "Y"), (122, utc())]) + [(123, "Y"), (36, next_out)]))

    def poll(self, seconds=0.0):
        """Reads what is there."""
        if self.closed or not select.select([self.socket], [], [], seconds)[0]:
            return
        try:
            data = self.socket.recv(262144)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
        self.bytes += data
        self._frames()

    def expect(self, kind, seconds=10, **tags):
        """The first message of this type whose tags are as given (t297="5"); those before it stay."""
        end = time.monotonic() + seconds
        while True:
            for m in self.inbox:
                if m.type == kind and all(m[int(t[1:])] == v for t, v in tags.items()):
                    self.inbox.remove(m)
                    return m
            if self.closed:
                raise Unexpected(f"{self.name}: closed while waiting for {kind} {tags}; came: {self.inbox}")
            left = end - time.monotonic()
            if left <= 0:
                raise Unexpected(f"{self.name}: no {kind} {tags} in {seconds} s; came: {self.inbox}")
            self.poll(left)

    def expect_closed(self, seconds=10):
        end = time.monotonic() + seconds
        while not self.closed:
            left = end - time.monotonic()
            if left <= 0:
                raise Unexpected(f"{self.name}: not disconnected in {seconds} s; came: {self.inbox}")
            self.poll(left)
        self.close()

    def in_step(self):
        """A TestRequest and its answer: everything before is dealt with on both sides."""
        wanted = f"step{self.next_out}"
        self.send("1", [(112, wanted)])
        end = time.monotonic() + 10
        while self.heartbeat != wanted:
            if self.closed:
                raise Unexpected(f"{self.name}: closed instead of answering a TestRequest; came: {self.inbox}")
            if time.monotonic() > end:
                raise Unexpected(f"{self.name}: a TestRequest is not answered; came: {self.inbox}")
            self.poll(max(0, end - time.monotonic()))
