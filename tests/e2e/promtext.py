"""Prometheus text exposition (version 0.0.4), read strictly: whatever it does not allow is an error with its line."""

import re
from decimal import Decimal

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\d+(?:\.\d+)?)")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Malformed(Exception):
    """What the text has wrong."""


class Family:
    def __init__(self, name, sentence):
        self.name = name
        self.help = sentence
        self.type = None
        self.samples = {}  # (name with suffix, labels as a sorted tuple) → Decimal

    def value(self, suffix="", **labels):
        return self.samples[(self.name + suffix, tuple(sorted(labels.items())))]

    def sum(self, suffix="", **labels):
        """Over all series that have these labels."""
        wanted = set(labels.items())
        return sum(v for (name, have), v in self.samples.items() if name == self.name + suffix and wanted <= set(have))


def _labels(text, line):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found:
            raise Malformed(f"labels: {line}")
        if found[1] in labels:
            raise Malformed(f"label {found[1]} twice: {line}")
        labels[found[1]] = re.sub(r'\\["\\n]', lambda m: ESCAPES[m[0]], found[2])
        at = found.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise Malformed(f"labels: {line}")
            at += 1
    return labels


def _sample(family, line):
    found = SAMPLE.fullmatch(line)
    if not found:
        raise Malformed(f"no sample: {line}")
    suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
    if found[1] not in [family.name + s for s in suffixes]:
        raise Malformed(f"not of {family.name}: {line}")
    if found[2] == "":
        raise Malformed(f"empty braces: {line}")
    key = (found[1], tuple(sorted(_labels(found[2] or "", line).items())))
    if key in family.samples:
        raise Malformed(f"twice: {line}")
    family.samples[key] = Decimal(found[3])


def _check_histogram(family):
    """Of each series: edges that grow, counts that do not fall, +Inf last and equal to _count, and a sum."""
    series = {}
    for (name, labels), value in family.samples.items():
        rest = tuple((k, v) for k, v in labels if k != "le")
        series.setdefault(rest, {}).setdefault(name[len(family.name):], []).append((dict(labels).get("le"), value))
    for labels, parts in series.items():
        where = f"{family.name}{dict(labels)}"
        if set(parts) != {"_bucket", "_sum", "_count"}:
            raise Malformed(f"{where} has {set(parts)}")
        edges = [e for e, _ in parts["_bucket"]]
        counts = [c for _, c in parts["_bucket"]]
        if edges[-1] != "+Inf" or any(Decimal(a) >= Decimal(b) for a, b in zip(edges, edges[1:-1])):
            raise Malformed(f"{where}: edges {edges}")
        if counts != sorted(counts) or parts["_count"] != [(None, counts[-1])] or len(parts["_sum"]) != 1:
            raise Malformed(f"{where}: counts {counts}, {parts['_count']}, {parts['_sum']}")


def parse(text):
    """{name: Family}"""
    families, family = {}, None
    if not text.endswith("\n"):
        raise Malformed("the last line has no end")
    for line in text[:-1].split("\n"):
        help_line = re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\\n]|\\\\|\\n)+)", line)
        type_line = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line)
        if help_line:
            if help_line[1] in families:
                raise Malformed(f"a family in two places: {line}")
            family = families[help_line[1]] = Family(help_line[1], help_line[2])
        elif family is None:
            raise Malformed(f"before any family: {line}")
        elif type_line:
            if type_line[1] != family.name or family.type or family.samples:
                raise Malformed(f"a type out of place: {line}")
            family.type = type_line[2]
        elif line.startswith("#") or not family.type:
            raise Malformed(f"neither help nor type nor sample: {line}")
        else:
            _sample(family, line)
    for family in families.values():
        if family.type == "histogram":
            _check_histogram(family)
    return families
