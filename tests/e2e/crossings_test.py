#!/usr/bin/env python3
"""ARCHITECTURE.md's tables name every message that crosses between agents, with its writer, and nothing else.

    crossings_test.py SOURCE
"""

import glob
import os
import re
import sys

TYPES = re.compile(r"X\(([A-Z_]+), *\d+,")
BY_NAME = re.compile(r"emit_begin\(\s*e,\s*RECORD_([A-Z_]+),")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def addressed_by_engines(source):
    """{(record, writer)}: an emit_begin that an emit_to follows before the emit_end, in one function."""
    found = set()
    for writer in ("distribution", "routing"):
        for path in glob.glob(os.path.join(source, "dataplane", "engine", writer, "*.c")):
            text = read(path)
            for match in BY_NAME.finditer(text):
                body = text[match.end():]
                body = re.split(r"emit_end|^}", body, maxsplit=1, flags=re.M)[0]
                if "emit_to(" in body:
                    found.add((match[1], writer))
    return found


def addressed_by_gateway(source):
    found = {(name, "gateway") for name in TYPES.findall(read(source, "dataplane", "model", "record_type.h"))
             if name.startswith("COMMAND_") and not name.startswith("COMMAND_CLIENT_")}
    for path in glob.glob(os.path.join(source, "dataplane", "gateway", "*.c")):
        text = read(path)
        for match in re.finditer(r"record_add\([^;]*RECORD_(GATEWAY_[A-Z_]+)[^;]*;", text):
            body = text[match.end():]
            body = body[:body.index("gateway_record_done")]
            if "head.dest" in body:
                found.add((match[1], "gateway"))
    return found


def addressed_by_control(source):
    return {(name, "control") for name in TYPES.findall(read(source, "dataplane", "model", "record_type.h"))
            if name.startswith("COMMAND_CLIENT_")}


def documented(source):
    """{(record, writer)} of the rows whose first cells are records in backquotes and a writer."""
    found = set()
    for line in read(source, "ARCHITECTURE.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) >= 4 and cells[1] in ("gateway", "distribution", "routing", "control"):
            found |= {(name, cells[1]) for name in re.findall(r"`([A-Z_]+)`", cells[0])}
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = sys.argv[1]
    code = addressed_by_engines(source) | addressed_by_gateway(source) | addressed_by_control(source)
    if len(code) < 25:
        sys.exit(f"only {len(code)} messages were found in the code: this test has lost its way")
    text = documented(source)
    known = set(TYPES.findall(read(source, "dataplane", "model", "record_type.h")))
    complaints = [f"{writer} addresses {name}: not in ARCHITECTURE.md" for name, writer in sorted(code - text)]
    complaints += [f"ARCHITECTURE.md has {name} of {writer}: not in the code" for name, writer in sorted(text - code)]
    complaints += [f"ARCHITECTURE.md names {name}: there is no such record"
                   for name in sorted({n for n in re.findall(r"`([A-Z]+_[A-Z_]+)`", read(source, "ARCHITECTURE.md"))}
                                      - known) if not name.endswith(("_MAX", "_MIN", "_NS", "_SIZE", "_SOCKET"))]
    if complaints:
        sys.exit("\n".join(complaints))


main()
