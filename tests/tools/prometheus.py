"""A strict reader of the Prometheus text format 0.0.4.

parse(text) returns {family name: Family} or raises ValueError with the line. Beyond the grammar it
asks for what scrapers only warn of: HELP and TYPE once each, before the samples and next to them;
no series twice; counters named _total and not negative; buckets cumulative, ended by +Inf, and equal
to _count. As a program it runs the command it is given and reads what that prints.
"""
import math
import re
import subprocess
import sys
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?([eE][-+]?\d+)?|Inf)$|NaN$")
TYPES = ("counter", "gauge", "histogram")


@dataclass
class Family:
    name: str
    help: str
    type: str = ""
    samples: dict = field(default_factory=dict)  # (name, ((label, value), …)) -> number


def fail(number, line, why):
    raise ValueError(f"line {number}: {why}: {line}")


def parse_labels(text, number, line):
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match:
            fail(number, line, "malformed labels")
        labels.append((match[1], re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])))
        at = match.end()
        if match[3] == "," and at == len(text):
            fail(number, line, "comma at the end of labels")
    if len({name for name, _ in labels}) != len(labels):
        fail(number, line, "label twice")
    return tuple(labels)


def parse_number(text, number, line):
    if not NUMBER.match(text):
        fail(number, line, "malformed number")
    return float(text.replace("Inf", "inf"))


def belongs(name, family):
    if family.type == "histogram":
        return name in (family.name + "_bucket", family.name + "_sum", family.name + "_count")
    return name == family.name


def parse_comment(line, number, families, current):
    match = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
    if not match:
        fail(number, line, "neither HELP nor TYPE")
    kind, name, rest = match.groups()
    if kind == "HELP":
        if name in families:
            fail(number, line, "family twice")
        families[name] = Family(name, rest)
        return families[name]
    if not current or current.name != name or current.type or current.samples:
        fail(number, line, "TYPE that does not follow its HELP")
    if rest not in TYPES:
        fail(number, line, "unknown type")
    if (rest == "counter") != name.endswith("_total"):
        fail(number, line, "counters, and only they, end in _total")
    current.type = rest
    return current


def parse_sample(line, number, family):
    match = SAMPLE.match(line)
    if not match:
        fail(number, line, "malformed sample")
    name, labels, value = match[1], parse_labels(match[2] or "", number, line), match[3]
    if not family or not family.type or not belongs(name, family):
        fail(number, line, "sample outside its family")
    key = (name, tuple(sorted(labels)))
    if key in family.samples:
        fail(number, line, "series twice")
    family.samples[key] = parse_number(value, number, line)
    if family.type == "counter" and not family.samples[key] >= 0:
        fail(number, line, "negative counter")


def check_histogram(family):
    series = {}
    for (name, labels), value in family.samples.items():
        rest = tuple(l for l in labels if l[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            one["buckets"].append((float(dict(labels)["le"].replace("Inf", "inf")), value))
        else:
            one[name.rsplit("_", 1)[1]] = value
    for labels, one in series.items():
        bounds = [b for b, _ in one["buckets"]]
        counts = [c for _, c in one["buckets"]]
        if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != math.inf:
            raise ValueError(f"{family.name}{labels}: buckets out of order or without +Inf")
        if counts != sorted(counts):
            raise ValueError(f"{family.name}{labels}: buckets are not cumulative")
        if one.get("count") != counts[-1] or "sum" not in one:
            raise ValueError(f"{family.name}{labels}: _count or _sum is missing or wrong")


def parse(text):
    families, current = {}, None
    if not text.endswith("\n"):
        raise ValueError("no newline at the end")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        if line.startswith("#"):
            current = parse_comment(line, number, families, current)
        else:
            parse_sample(line, number, current)
    for family in families.values():
        if not family.type:
            raise ValueError(f"{family.name}: no TYPE")
        if family.type == "histogram":
            check_histogram(family)
    return families


def main():
    text = subprocess.run(sys.argv[1:], check=True, capture_output=True).stdout.decode("utf-8")
    families = parse(text)
    print(f"{len(families)} families, {sum(len(f.samples) for f in families.values())} series")
    for name in ("process_start_time_seconds", "process_resident_memory_bytes", "process_open_fds"):
        if not families[name].samples[(name, ())] > 0:
            raise ValueError(f"{name} is not positive")


if __name__ == "__main__":
    main()
