"""Sets modgate's answers beside those of the go command, and knows which differences are meant."""

import concurrent.futures
import fnmatch
import hashlib
import base64
import http.client
import io
import json
import os
import re
import threading
import urllib.parse
import zipfile

import harness
from gocommand import escaped

TABLE = os.path.join(harness.ROOT, "docs", "vcs-differences.md")
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (.+?) \| (.+?) \| (.+?) \|$")


def h1_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = "".join(f"{hashlib.sha256(archive.read(n)).hexdigest()}  {n}\n" for n in sorted(archive.namelist()))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


class Asker:
    """A connection per thread."""

    def __init__(self, url):
        self.place, self.own = urllib.parse.urlsplit(url).netloc, threading.local()

    def get(self, path):
        link = getattr(self.own, "link", None)
        if link is None:
            link = self.own.link = http.client.HTTPConnection(self.place, timeout=4 * harness.PATIENCE_S)
        link.request("GET", path)
        got = link.getresponse()
        return harness.Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())


def url_path(kind, path, query=""):
    base = "/" + urllib.parse.quote(escaped(path), safe="/!~")
    if kind == "list":
        return base + "/@v/list"
    if kind == "latest":
        return base + "/@latest"
    return f"{base}/@v/{urllib.parse.quote(escaped(query), safe='!+~')}.{kind}"


# A commit may be named by some ref too. Whether go's Origin says so depends on what its cache had before.
COMMIT = re.compile(r"[0-9a-f]{7,}$|.*[-.]\d{14}-[0-9a-f]+(\+incompatible)?$")


def info_of(key, answer):
    origin = answer.get("Origin")
    if origin and len(key) > 2 and COMMIT.match(key[2]):
        origin = {k: v for k, v in origin.items() if k != "Ref"}
    return {"Version": answer.get("Version"), "Time": answer.get("Time"), "Origin": origin}


def wanted(key, answer):
    """What of go's answer must be found again."""
    kind = key[0]
    if "Error" in answer:
        return "absent"
    if kind == "list":
        return sorted(answer.get("Versions", []))
    if kind == "mod":
        return answer["body"]
    if kind == "zip":
        return answer["Sum"]
    return info_of(key, answer)


def found(key, answer):
    kind = key[0]
    if answer.status in (404, 410) or (kind == "zip" and answer.status != 200):
        harness.assert_says_why(answer)
        return "absent"
    if answer.status != 200:
        return f"{answer.status}: {answer.text}"
    if kind == "list":
        return sorted(answer.text.split())
    if kind == "mod":
        return answer.body
    if kind == "zip":
        return h1_of(answer.body)
    return info_of(key, answer.json())


class Difference:
    def __init__(self, key, go, ours, why):
        self.path, self.asked, self.go, self.ours, self.why = key[1], " ".join((key[0], *key[2:])), go, ours, why
        if isinstance(go, dict) and isinstance(ours, dict) and {**ours, "Origin": None} == go:
            self.asked += " without Origin"

    def __repr__(self):
        return f"{self.path} {self.asked}:\n    go:      {self.go}\n    modgate: {self.ours}\n    ({self.why})"


def differences(answers, gateway, workers=4):
    """All answers of the go command that modgate does not give."""
    asker = Asker(gateway.url)

    def one(item):
        key, answer = item
        got = asker.get(url_path(*key))
        want, have = wanted(key, answer), found(key, got)
        if want == have:
            return None
        why = answer.get("Error") or (got.text.strip() if got.status != 200 else "")
        return Difference(key, want, have, why)

    # By kind, so that a version's .info comes before its .mod and .zip as a client would ask.
    order = ("list", "latest", "info", "mod", "zip")
    items = sorted(answers.of.items(), key=lambda item: (order.index(item[0][0]), item[0]))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return [d for d in pool.map(one, items) if d]


def explained():
    """The rows of the table of meant differences: (glob of paths, glob of what is asked)."""
    with open(TABLE, encoding="utf-8") as file:
        return [m.groups()[:2] for m in map(ROW.match, file.read().split("\n")) if m]


def unexplained(found_differences):
    """(differences without a row, rows without a difference)."""
    rows = explained()
    used, left = set(), []
    for d in found_differences:
        row = next((r for r in rows if fnmatch.fnmatchcase(d.path, r[0]) and fnmatch.fnmatchcase(d.asked, r[1])), None)
        if row:
            used.add(row)
        else:
            left.append(d)
    return left, [r for r in rows if r not in used]


def report(found_differences, most=40):
    return "\n".join(map(repr, found_differences[:most])) + f"\n{len(found_differences)} in all"


def summary(answers):
    counts = {}
    for key, answer in answers.of.items():
        name = key[0] + (" refused" if "Error" in answer else "")
        counts[name] = counts.get(name, 0) + 1
    return json.dumps(counts, sort_keys=True)
