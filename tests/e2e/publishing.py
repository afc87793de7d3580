"""What the tests of publishing share: a gateway with a hosted repository, tokens, and zips as golang.org/x/mod/zip makes them."""

import base64
import hashlib
import http.client
import io
import json
import os
import subprocess
import urllib.parse
import zipfile

import harness

SETTINGS = """
repositories:
  internal: {{kind: hosted, owns: 'corp.example'}}
  public: {{kind: proxy, upstream: '{upstream}'}}
  all: {{kind: group, members: 'internal,public'}}
{more}
"""


def settings(folder, upstream="off", more=""):
    """Writes the settings file; returns its path."""
    path = os.path.join(str(folder), "modgate.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SETTINGS.format(upstream=upstream, more=more))
    return path


def token(data, *scopes, name="ci"):
    """A fresh token for the gateway whose data folder that is."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    made = harness.modgate("token", "create", "--data-dir", str(data), "--name", name, *words, check=0)
    return made.stdout.strip()


def escape(text):
    """As module.EscapePath and EscapeVersion."""
    return "".join("!" + c.lower() if "A" <= c <= "Z" else c for c in text)


def path_of(module, version, kind="zip"):
    return f"/{escape(module)}/@v/{escape(version)}.{kind}"


def make_zip(path, module, version, files=None, go_mod=None):
    """A module zip; go_mod "" leaves that file out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        text = f"module {module}\n\ngo 1.22\n" if go_mod is None else go_mod
        if text:
            made.writestr(f"{module}@{version}/go.mod", text)
        for name, content in (files or {"lib.go": "package lib\n\nfunc Name() string { return \"lib\" }\n"}).items():
            made.writestr(f"{module}@{version}/{name}", content)
    with open(path, "rb") as file:
        return file.read()


def send(base, path, body, bearer=None, method="PUT", headers=None, context=None):
    """One request with a body; the answer, also when it comes before the body is out."""
    url = urllib.parse.urlsplit(base)
    make = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    more = {"context": context} if context else {}
    link = make(url.hostname, url.port, timeout=harness.PATIENCE_S, **more)
    fields = dict(headers or {})
    if bearer:
        fields["Authorization"] = f"Bearer {bearer}"
    try:
        try:
            link.request(method, path, body, fields)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent
        got = link.getresponse()
        return harness.Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    finally:
        link.close()


def curl(url, file, bearer, *options):
    """PUT by curl: (status, body)."""
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {bearer}", "-T", str(file),
                           *options, url], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def h1_of(zip_bytes):
    """dirhash.HashZip."""
    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
        lines = [f"{hashlib.sha256(archive.read(n)).hexdigest()}  {n}\n" for n in sorted(archive.namelist())]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def stage_is_empty(data):
    """Nothing of an upload is left below the folders of a hosted repository's stage."""
    stage = os.path.join(str(data), "repositories", "internal", "stage")
    left = []
    for base, _, names in os.walk(stage):
        left += [os.path.join(base, n) for n in names if n not in ("lock",) and not n.startswith("done-")]
    return not left


class Packer:
    """tests/packer: x/mod/zip as a program."""

    def __init__(self, binary):
        self.binary = binary

    def make(self, seed, count, folder):
        out = subprocess.run([self.binary, "make", str(seed), str(count), str(folder)], capture_output=True, text=True, check=True)
        return [(os.path.join(str(folder), str(i)), *json.loads(line).values()) for i, line in enumerate(out.stdout.splitlines())]

    def _pack(self, *args):
        done = subprocess.run([self.binary, *map(str, args)], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def zip(self, folder, module, version, out):
        """The h1, or None when x/mod refuses the folder, or go could not use the version."""
        return self._pack("zip", folder, module, version, out)

    def tag(self, repo, rev, subdir, module, version, out):
        return self._pack("tag", repo, rev, subdir, module, version, out)
