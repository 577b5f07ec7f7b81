"""WebSocket by hand (RFC 6455): frames as they are wanted, wrong ones too."""

import base64
import hashlib
import json
import os
import socket
import struct
import time

from appliance import Failure

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    """The peer closed: code and reason; code None without a close frame."""

    def __init__(self, code, reason):
        super().__init__(f"closed: {code} {reason}")
        self.code, self.reason = code, reason


class Refused(Exception):
    """The upgrade was answered by something else: status, and the problem's code."""

    def __init__(self, status, head, body):
        super().__init__(f"{status} {body}")
        self.status, self.head, self.body = status, head, body
        try:
            self.code = json.loads(body)["code"]
        except (ValueError, KeyError):
            self.code = None


class WebSocket:
    """One connection. bearer: by header; protocol_token: by subprotocol; tls: an ssl.SSLContext, for wss."""

    def __init__(self, port, bearer=None, protocol_token=None, headers=(), path="/rfq", receive_buffer=None,
                 seconds=20, version="13", key=None, host=None, tls=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.buffer = b""
        self.next_id = 0
        self.events = []
        key = key or base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Version: {version}", *headers]
        if bearer:
            lines.append(f"Authorization: Bearer {bearer}")
        if protocol_token:
            lines.append(f"Sec-WebSocket-Protocol: rfqd.v1, bearer.{protocol_token}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.head = head
        if self.status != 101:
            length = [int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("content-length")]
            body = self._take(length[0]).decode() if length else ""
            self.socket.close()
            raise Refused(self.status, self.head, body)
        wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if f"sec-websocket-accept: {wanted}".lower() not in head.lower():
            raise Failure(f"the handshake's answer is wrong: {head}")

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(None, "")
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        at = self.buffer.index(mark) + len(mark)
        data, self.buffer = self.buffer[:at], self.buffer[at:]
        return data

    def _take(self, size):
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    @staticmethod
    def made(opcode, payload=b"", fin=True, masked=True, rsv=0):
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        mask_bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([mask_bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([mask_bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([mask_bit | 127]) + struct.pack(">Q", len(payload))
        if masked:
            mask = os.urandom(4)
            head += mask
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        return head + payload

    def frame(self, opcode, payload=b"", **more):
        self.socket.sendall(self.made(opcode, payload, **more))

    def send(self, value):
        self.frame(TEXT, (value if isinstance(value, str) else json.dumps(value)).encode())

    def send_together(self, *values):
        self.socket.sendall(b"".join(self.made(TEXT, json.dumps(value).encode()) for value in values))

    def read_frame(self):
        """(opcode, payload); pings are answered."""
        while True:
            first, second = self._take(2)
            size = second & 0x7f
            if size == 126:
                size, = struct.unpack(">H", self._take(2))
            elif size == 127:
                size, = struct.unpack(">Q", self._take(8))
            payload = self._take(size)
            opcode = first & 15
            if opcode == PING:
                self.frame(PONG, payload)
                continue
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
                raise Closed(code, payload[2:].decode(errors="replace"))
            return opcode, payload

    def read(self):
        opcode, payload = self.read_frame()
        if opcode != TEXT:
            raise Failure(f"a text frame was expected, not opcode {opcode}")
        return json.loads(payload)

    def ask(self, op, **members):
        """The answer; events that come before it are kept for event()."""
        self.next_id += 1
        self.send({"op": op, "id": self.next_id, **members})
        while True:
            got = self.read()
            if got.get("re") == self.next_id:
                return got
            self.events.append(got)

    def event(self, name=None, seconds=20, **data):
        """The next event of this name whose data are these; others are dropped, None: whichever comes."""
        end = time.monotonic() + seconds
        while True:
            got = self.events.pop(0) if self.events else self.read()
            if name is None or (got.get("event") == name and
                                all(got.get("data", {}).get(k) == v for k, v in data.items())):
                return got
            if time.monotonic() > end:
                raise Failure(f"no event {name} {data} came in {seconds} s")

    def closed(self, seconds=20):
        """How the peer closes: (code, reason); what comes before is dropped."""
        self.socket.settimeout(seconds)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.read_frame()
            raise Failure(f"not closed in {seconds} s")
        except Closed as closed:
            return closed.code, closed.reason
        except (ConnectionResetError, BrokenPipeError):
            return None, ""

    def close(self):
        self.socket.close()
