#!/usr/bin/env python3
"""rfqd --check: every fault of a configuration is an error that names file, line, key and what is allowed; all of
them at once; and nothing is started or made.

    config_test.py BUILD SOURCE
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

GOOD = """instance: t
directory: {directory}/data
fix: {{listen: '127.0.0.1:9880'}}
instruments:
  - {{symbol: EURUSD}}
sessions:
  - {{name: A, role: lp, target: A}}
  - {{name: B, role: taker, target: B}}
lps:
  - {{code: A, session: A}}
takers:
  - {{code: B, session: B}}
"""

# What goes together, though it looks as if it did not: (what is replaced, by what)
FINE = (
    ("takers:", "http: {{listen: '127.0.0.2:9880'}}\ntakers:"),
    ("instance: t", "instance: t\nsettings: {{deadline_max_ms: 30000}}"),
    ("symbol: EURUSD", "symbol: EURUSD, lot: 1000"),
    ("symbol: EURUSD", "symbol: EURUSD, reference_price: 1.1"),
)

# (what is replaced, by what, the line or None, what the error says)
FAULTS = (
    ("instance: t", "instnce: t", 1, r"'instnce' is unknown .*known are: .*instance"),
    ("instance: t", "", None, r"'instance' is missing"),
    ("instance: t", "instance: t\ninstance: u", 2, r"'instance' is given twice"),
    ("instance: t", "instance: a/b", 1, r"instance: 'a/b' has a slash"),
    ("instance: t", "instance: " + "x" * 40, 1, r"'instance': 'x+' .*31"),
    ("instance: t", "instance: [t]", 1, r"'instance' takes a single value"),
    ("instance: t", "instance: t\nlevel: durable", 2, r"'level': 'durable' .*committed, synced"),
    ("listen: '127.0.0.1:9880'", "listen: here", 3, r"'listen': 'here'"),
    ("listen: '127.0.0.1:9880'", "listen: '127.0.0.1:99999'", 3, r"'listen': '127.0.0.1:99999'"),
    ("listen: '127.0.0.1:9880'", "connections_max: 256", 7, r"fix.listen is empty"),
    ("listen: '127.0.0.1:9880'", "listen: '127.0.0.1:9880', connections_max: 33", 3,
     r"fix.connections_max: 33 are too few for 2 sessions and 32 connections that have not logged on yet"),
    ("fix: {{listen: '127.0.0.1:9880'}}", "fix: 5", 3, r"fix takes keys with values"),
    ("symbol: EURUSD", "symbol: EURUSD, tick: -1", 5, r"'tick': '-1'"),
    ("symbol: EURUSD", "symbol: EURUSD, tick: 0.000000001", 5, r"'tick': '0.000000001'"),
    ("symbol: EURUSD", "symbol: EURUSD, tradable: maybe", 5, r"'tradable': 'maybe' .*true"),
    ("symbol: EURUSD", "symbol: EURUSD, quantity_min: 9, quantity_max: 8", 5, r"'EURUSD': quantity_min is above"),
    ("symbol: EURUSD", "symbol: EURUSDEURUSDEURUSD", 5, r"'symbol': 'EURUSDEURUSDEURUSD' .*15"),
    ("symbol: EURUSD", "currency: USD", 5, r"'symbol' is missing"),
    ("  - {{symbol: EURUSD}}", "  - {{symbol: X}}\n  - {{symbol: X}}", 6, r"instrument 'X' is given twice"),
    ("instruments:\n  - {{symbol: EURUSD}}", "instruments: EURUSD", 4, r"'instruments' takes a sequence"),
    ("role: lp", "role: bank", 7, r"'role': 'bank' .*taker, lp"),
    ("role: lp, target: A", "role: lp, target: A, heartbeat_s: 0", 7, r"'heartbeat_s': '0' .*1.*3600"),
    ("role: lp, target: A", "role: lp, target: A, heartbeat_s: 5x", 7, r"'heartbeat_s': '5x'"),
    ("role: lp, target: A", "role: lp, target: A, heartbeat_s: 99999999999999999999", 7, r"'heartbeat_s'"),
    ("role: lp, target: A", "role: lp, target: A, reconnect_first_ms: 9000", 7, r"'A': reconnect_first_ms is above"),
    ("target: A}}", "target: B}}", 8, r"sessions 'A' and 'B' have the same pair of CompIDs"),
    ("code: A, session: A", "code: A, session: Z", 10, r"LP 'A': there is no session 'Z'"),
    ("code: A, session: A", "code: A, session: B", 10, r"LP 'A': session 'B' has another role"),
    ("  - {{code: A, session: A}}", "  - {{code: A, session: A}}\n  - code: C\n    session: A", 11, r"LPs 'A' and 'C' share session 'A'"),
    ("  - {{code: B, session: B}}", "  - {{code: B, session: B}}\n  - {{code: D, session: B}}", 13,
     r"takers 'B' and 'D' share session 'B'"),
    ("code: A, session: A", "code: A, session: A, size_min: 2, size_max: 1", 10, r"LP 'A': size_min is above size_max"),
    ("instance: t", "instance: t\nhttp:\n  key_file: k.pem", 3, r"http: certificate_file and key_file go together"),
    ("takers:", "users:\n  - {{name: U, tenant: none}}\ntakers:", 12, r"user 'U': there is no tenant 'none'"),
    ("takers:", "token_keys:\n  - {{id: k, algorithm: HS256, file: '{directory}/none'}}\ntakers:", 12,
     r"token key 'k': file: .*/none: No such file"),
    ("takers:", "token_keys:\n  - {{id: k, algorithm: HS256, file: '{directory}'}}\ntakers:", 12,
     r"token key 'k': file: .*: it is not a regular file"),
    ("takers:", "token_keys:\n  - {{id: k, algorithm: HS256, file: '{directory}/bad.yaml'}}\n"
                "  - {{id: p, algorithm: RS256, file: '{directory}/bad.yaml'}}\ntakers:", 13,
     r"token key 'p': file: .*/bad.yaml: is not a public key in PEM"),
    ("takers:", "http: {{listen: '127.0.0.1:9', certificate_file: '{directory}/crt',\n"
                "       key_file: '{directory}/key'}}\ntakers:", 12, r"http.key_file: .*/key: No such file"),
    ("takers:", "http: {{listen: '127.0.0.1:9880'}}\ntakers:", 11, r"http.listen takes the port of fix.listen"),
    ("takers:", "http: {{listen: '0.0.0.0:9880'}}\ntakers:", 11, r"http.listen takes the port of fix.listen"),
    ("instance: t", "instance: t\nsettings: {{deadline_max_ms: 29999}}", 2, r"settings.deadline_default_ms is above deadline_max_ms"),
    ("instance: t", "instance: t\nsettings: {{deadline_max_ms: 5000, deadline_default_ms: 5000,\n  deadline_min_ms: 5001}}", 3,
     r"settings.deadline_min_ms is above deadline_max_ms"),
    ("symbol: EURUSD", "symbol: EURUSD, collar_percent: 5", 5, r"'EURUSD': collar_percent has nothing .* reference_price"),
    ("symbol: EURUSD", "symbol: EURUSD, lot: 1000, quantity_min: 1500", 5, r"'EURUSD': quantity_min is not a multiple of lot"),
    ("instance: t", "instance: t\nrecord: {{retention_s: -1}}", 2, r"'retention_s': '-1' .*0 to 3155760000 s"),
    ("instance: t", "instance: t\nrecord: {{sent_messages: 5}}", 2, r"'sent_messages': '5' .*1000 to"),
    ("instance: t", "instance: t\nrecord: {{ring_gateway_mib: 3}}", 2, r"ring_gateway_mib: 3 MiB is not a power of two"),
    ("instance: t", "instance: t\ncores: [{{run: [gateway, brain]}}]", 2, r"no agent 'brain'; known are gateway"),
    ("instance: t", "instance: t\ncores: [{{run: [gateway]}}]", 2, r"agent 'log' runs on 0 cores"),
    ("instance: t", "instance: [", 3, r"did not find expected"),
    ("instance: t", 'instance: "a\\0b"', 1, r"'instance': 'a' has a zero byte"),
)


def check(rfqd, path):
    return subprocess.run([rfqd, "--check", path], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def fine(rfqd, directory, what, by):
    path = os.path.join(directory, "good.yaml")
    with open(path, "w") as f:
        f.write(GOOD.replace(what, by, 1).format(directory=directory))
    result = check(rfqd, path)
    return f"{by!r} should be fine: {result.stderr}" if result.returncode != 0 else None


def fault(rfqd, directory, what, by, line, says):
    text = GOOD.replace(what, by, 1)
    assert text != GOOD, what
    path = os.path.join(directory, "bad.yaml")
    with open(path, "w") as f:
        f.write(text.format(directory=directory))
    result = check(rfqd, path)
    where = re.escape(path) + (f":{line}: " if line else ":.*")
    if result.returncode != 3 or not re.search(f"^rfqd: {where}.*{says}", result.stderr, re.M):
        return f"{by!r}: exit {result.returncode}, {result.stderr.strip()!r}; expected 3 and '{where}…{says}'"
    return None


def several(rfqd, directory):
    """All errors, not the first."""
    path = os.path.join(directory, "several.yaml")
    with open(path, "w") as f:
        f.write(GOOD.format(directory=directory).replace("role: lp", "role: x").replace("symbol:", "smbol:"))
    said = check(rfqd, path).stderr
    wrong = [key for key in ("'smbol' is unknown", "'symbol' is missing", "'role': 'x'") if key not in said]
    return f"several faults: not said: {wrong}: {said}" if wrong else None


def example(directory, path):
    """One of tools/conf, with a key where it names one."""
    key = os.path.join(directory, "token.key")
    with open(key, "w") as f:
        f.write("k" * 32)
    copy = os.path.join(directory, os.path.basename(path))
    with open(path) as f, open(copy, "w") as to:
        to.write(re.sub(r"file: \S*token\.key", f"file: {key}", f.read()))
    return copy


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rfqd = os.path.join(sys.argv[1], "bin", "rfqd")
    failures = []
    with tempfile.TemporaryDirectory(prefix="rfqd-config-") as directory:
        good = os.path.join(directory, "good.yaml")
        with open(good, "w") as f:
            f.write(GOOD.format(directory=directory))
        examples = [example(directory, path) for path in glob.glob(os.path.join(sys.argv[2], "tools", "conf", "*.yaml"))]
        for path in [good, *examples]:
            result = check(rfqd, path)
            if result.returncode != 0:
                failures.append(f"{path} should be fine: {result.stderr}")
        failures += [fault(rfqd, directory, *row) for row in FAULTS]
        failures += [fine(rfqd, directory, *row) for row in FINE]
        failures.append(several(rfqd, directory))
        if check(rfqd, os.path.join(directory, "none.yaml")).returncode != 3:
            failures.append("a file that is not there is no error")
        keys = subprocess.run([rfqd, "--keys"], capture_output=True, text=True, timeout=30)
        if keys.returncode != 0 or "retire_after_ms" not in keys.stdout:
            failures.append("--keys does not list the keys")
        for key, says in (("retire_after_ms", r"\d+ to \d+ ms\."), ("collar_percent", r"A decimal \(percent\), 0 to \d+\."),
                          ("instance", r"1 to \d+ characters\. Required"), ("level", "One of: committed, synced")):
            if not re.search(rf"(?m)^  {key} .*{says}", keys.stdout):
                failures.append(f"--keys does not say '{says}' of {key}")
        version = subprocess.run([rfqd, "--version"], capture_output=True, text=True, timeout=30)
        if version.returncode != 0 or not re.fullmatch(r"rfqd \d+\.\d+\.\d+\n", version.stdout):
            failures.append(f"--version: {version}")
        made = sorted(set(os.listdir(directory)) - {"good.yaml", "bad.yaml", "several.yaml", "token.key", "demo.yaml", "two-cores.yaml"})
        if made:
            failures.append(f"--check made {made}")
    failures = [f for f in failures if f]
    if failures:
        sys.exit("\n".join(failures))


main()
