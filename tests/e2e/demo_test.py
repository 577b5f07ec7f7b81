#!/usr/bin/env python3
"""tools/demo --once carries an RFQ to its fill, twice on one directory: the second run goes on with the same
sequence numbers. Without --once it prints the page's address, with a token that is good, and ends well at Ctrl-C. And it
ends with an error, leaving nothing behind, where rfqd cannot start.

    demo_test.py BUILD SOURCE
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Failure, Process, Scratch, wait_until  # noqa: E402


def demo(source, build, directory, *options):
    process = subprocess.Popen([os.path.join(source, "tools", "demo"), "--build", build, "--dir", directory, *options],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.terminate()  # so that it ends what it has started
        out, err = process.communicate(timeout=60)
        raise Failure(f"tools/demo {' '.join(options)} has not ended in 120 s: {out}{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def once(source, build, directory):
    result = demo(source, build, directory, "--once")
    said = f"exit {result.returncode}\n{result.stdout}{result.stderr}"
    if result.returncode != 0:
        raise Failure(said)
    for pattern in (r"RFQ_CREATED", r"ORDER_FILLED", r"35=8\|.*\|39=2\|", r"COMPLETED +filled", r"SEQ +\+ns SINCE START"):
        if not re.search(pattern, result.stdout):
            raise Failure(f"'{pattern}' is missing: {said}")
    request = re.search(r"GATEWAY_IN session=\d+ generation=(\d+) seq=(\d+) .*\|35=R\|", result.stdout)
    return int(request[1]), int(request[2])


def live(source, build, directory):
    """The page is there, and its token sees RFQs living."""
    process = Process([os.path.join(source, "tools", "demo"), "--build", build, "--dir", directory])
    try:
        found = process.wait_line(r"the page: (http://127\.0\.0\.1:\d+/)#token=(\S+)", 60)
        with urllib.request.urlopen(found[1], timeout=10) as answer:
            if answer.headers.get_content_type() != "text/html" or b"/console/main.js" not in answer.read():
                raise Failure(f"what is at {found[1]} is not the page")

        def deals():
            request = urllib.request.Request(f"{found[1]}api/v1/rfqs?status=filled",
                                             headers={"Authorization": f"Bearer {found[2]}"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["rfqs"]

        wait_until(deals, 60, "an RFQ that is filled, by the API")
        process.signal(signal.SIGINT)
        code = process.wait(60)
        if code != 0:
            raise Failure(f"the demo ends with {code} at Ctrl-C: {process.said()}")
    finally:
        process.signal(signal.SIGTERM)
        process.wait(60)


def journal_numbers(directory):
    """Of what the taker sent for the first time: they go on, one after the other."""
    numbers = []
    with open(os.path.join(directory, "parties", "TAKER.journal"), encoding="latin-1") as f:
        for line in f:
            fields = line.split(" ", 3)
            if fields[1] == "O":
                numbers.append(int(fields[2]))
    return numbers


def processes_of(directory):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has just ended
        if os.path.basename(command[0]) in ("rfqd", "rfqsim", "rfqctl") and any(directory in c for c in command[1:]):
            found.append(f"{pid} {' '.join(command)}")
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    try:
        with Scratch("demo") as scratch:
            directory = os.path.join(scratch, "run")
            try:
                first = once(source, build, directory)
                second = once(source, build, directory)
                if first[0] != second[0] or second[1] <= first[1]:
                    raise Failure(f"sequence numbers did not go on: generation and number {first}, then {second}")
                numbers = journal_numbers(directory)
                if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                    raise Failure(f"the taker's numbers have gaps or repeats: {numbers}")

                live(source, build, directory)

                with open(os.path.join(directory, "instance"), "w") as f:
                    f.write("damaged")
                broken = demo(source, build, directory, "--once")
                if broken.returncode == 0 or "is not an instance's id" not in broken.stderr:
                    raise Failure(f"a start that fails: exit {broken.returncode}, {broken.stderr}")
                left = processes_of(directory)
                if left:
                    raise Failure(f"left running: {left}")
            finally:
                demo(source, build, directory, "--clean")
            if os.path.exists(directory):
                raise Failure("--clean leaves the directory")
    except Failure as failure:
        sys.exit(f"demo: {failure}")


main()
