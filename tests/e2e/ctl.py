"""rfqctl as tests run it: exit codes, what it says, what it prints."""

import json
import os
import re
import subprocess

from appliance import Failure

FINE, FAILED, USAGE, UNREACHABLE, FORBIDDEN = 0, 1, 2, 3, 4


class Ctl:
    def __init__(self, build, path):
        self.program = os.path.join(build, "bin", "rfqctl")
        self.path = path

    def run(self, *arguments, where=True, environment=None, **how):
        target = ["--socket", self.path] if where else []
        return subprocess.run([self.program, *target, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, env={**os.environ, **(environment or {})}, **how)


def expect(result, code, *said, told=()):
    """Exit code, what it says on standard error, and what it prints."""
    text = f"{' '.join(result.args[1:])}: exit {result.returncode}\n{result.stdout}{result.stderr}"
    if result.returncode != code:
        raise Failure(f"exit {code} was expected: {text}")
    for pattern in said:
        if not re.search(pattern, result.stderr):
            raise Failure(f"'{pattern}' was expected on standard error: {text}")
    for pattern in told:
        if not re.search(pattern, result.stdout):
            raise Failure(f"'{pattern}' was expected: {text}")
    return result


def json_rows(ctl, *command):
    result = expect(ctl.run("--json", *command), FINE)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    if any(row.get("end") is True for row in rows):
        raise Failure(f"{command}: the protocol's end is shown")
    return rows
