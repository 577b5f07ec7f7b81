"""The HTTP API of a real rfqd: tokens, requests over the wire, and a house with two tenants to ask it of.

Requests are written and answers read here byte by byte, not by a library: tests send what no library would.
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import time

from appliance import Appliance, Failure, free_port

SECRET = b"a secret of at least thirty-two bytes, for tests only"


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(user, tenant="north", roles=("trader",), kid="k1", secret=SECRET, ttl=3600, alg="HS256", **claims):
    now = int(time.time())
    head = {"alg": alg, "typ": "JWT", "kid": kid}
    body = {"sub": user, "tenant": tenant, "roles": list(roles), "iat": now, "exp": now + ttl, **claims}
    text = part(json.dumps(head).encode()) + b"." + part(json.dumps({k: v for k, v in body.items() if v is not None}).encode())
    return (text + b"." + part(hmac.new(secret, text, hashlib.sha256).digest())).decode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.decode().splitlines()]

    @property
    def code(self):
        """Of a problem."""
        return self.json().get("code") if self.headers.get("content-type") == "application/problem+json" else None

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:400]!r}"


class Connection:
    """One connection; several requests may be asked on it. It ends with the object."""

    def __init__(self, port, timeout=30, window=None):
        self.socket = socket.socket()
        if window:  # small: what is not read stays with the sender
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.buffer = b""

    def close(self):
        self.socket.close()

    __del__ = close

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return len(data) > 0

    def ended(self):
        """True once the other side has closed, with nothing more to read."""
        try:
            while self.more():
                pass
        except (ConnectionResetError, BrokenPipeError):
            return True
        return True

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise Failure(f"the connection ended within an answer: {self.buffer[:300]!r}")
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise Failure("the connection ended within a body")
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n"), 16)
            body += self.exactly(size)
            if self.until(b"\r\n") != b"":
                raise Failure("a chunk is longer than it says")
            if size == 0:
                return body

    def answer(self, method="GET"):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        if status == 100:
            return self.answer(method)
        body = b""
        if method != "HEAD" and status not in (101, 204, 304):
            if headers.get("transfer-encoding") == "chunked":
                body = self.chunks()
            elif "content-length" in headers:
                body = self.exactly(int(headers["content-length"]))
        return Answer(status, headers, body)

    def ask(self, method, path, bearer=None, body=None, headers=()):
        self.send(request(method, path, bearer, body, headers))
        return self.answer(method)


def request(method, path, bearer=None, body=None, headers=()):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: rfqd"]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    names = [name.lower() for name, _ in headers]
    if body is not None and "content-type" not in names:
        lines.append("Content-Type: application/json")
    if body is not None or method in ("POST", "PATCH", "PUT"):
        lines.append(f"Content-Length: {len(data)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + data


def certificate(directory):
    """A key and a certificate for 127.0.0.1, by its own hand. Paths."""
    key, pem = os.path.join(directory, "tls.key"), os.path.join(directory, "tls.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=rfqd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem], check=True, capture_output=True)
    return key, pem


def house(build, directory, level="committed", http="", settings="", **more):
    """An appliance with the API: tenants north (LPs LP1 to LP4, users ann, bob and max of team fx, olga, root; key k1)
    and south (users sam and oz, key k2)."""
    os.makedirs(directory, exist_ok=True)
    for name, secret in (("k1", SECRET), ("k2", SECRET[::-1])):
        with open(os.path.join(directory, name), "wb") as f:
            f.write(secret)
    port = free_port()
    extra = (f"http: {{listen: '127.0.0.1:{port}'{http}}}\n"
             f"tenants:\n  - {{name: north, number: 0}}\n  - {{name: south, number: 1}}\n"
             f"users:\n  - {{name: ann, tenant: north, team: fx}}\n  - {{name: bob, tenant: north, team: metals}}\n"
             f"  - {{name: max, tenant: north, team: fx, role: manager}}\n  - {{name: olga, tenant: north, role: ops}}\n"
             f"  - {{name: root, tenant: north, role: admin}}\n"
             f"  - {{name: sam, tenant: south}}\n  - {{name: oz, tenant: south, role: admin}}\n"
             f"token_keys:\n  - {{id: k1, algorithm: HS256, file: {directory}/k1, tenant: north}}\n"
             f"  - {{id: k2, algorithm: HS256, file: {directory}/k2, tenant: south}}\n")
    small = "rfqs_max: 2000, deliveries_max: 20000, quotes_max: 20000, orders_max: 4000, fills_max: 8000"
    a = Appliance(build, directory, level=level, extra=extra, small_rings=True,
                  settings=f"{small}, {settings}" if settings else small, **more)
    a.http_port = port
    return a


ANN = dict(user="ann")
BOB = dict(user="bob")
MAX = dict(user="max", roles=("manager",))
OLGA = dict(user="olga", roles=("ops",))
ROOT = dict(user="root", roles=("admin",))
SAM = dict(user="sam", tenant="south", kid="k2", secret=SECRET[::-1])
OZ = dict(user="oz", tenant="south", kid="k2", secret=SECRET[::-1], roles=("admin",))
