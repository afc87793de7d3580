"""What the end-to-end tests are written with: the upstream, the gateway and the go command as objects."""

import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get("MODGATE", os.path.join(ROOT, "build", "modgate")))
# Sanitizers make everything slower; a test that waits so long has failed.
PATIENCE_S = float(os.environ.get("MODGATE_TEST_PATIENCE", "60"))
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:).*")


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Returns the first true value of condition()."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s:.0f} s in vain: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(**more):
    """The process environment without what would change what is tested."""
    keep = {k: v for k, v in os.environ.items()
            if not k.startswith(("GO", "MODGATE_")) and k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
    keep.update({k: v for k, v in more.items() if v is not None})
    return keep


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __getitem__(self, name):
        return self.headers.get(name.lower())

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def ask(base, path, method="GET", headers=None, timeout=PATIENCE_S, context=None):
    """One request on a connection of its own. The path is sent as it is."""
    url = urllib.parse.urlsplit(base)
    if url.scheme == "https":
        link = http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=context)
    else:
        link = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)
    try:
        link.putrequest(method, path, skip_accept_encoding=True, skip_host="host" in (headers or {}))
        for name, value in (headers or {}).items():
            link.putheader(name, value)
        link.endheaders()
        got = link.getresponse()
        return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
    finally:
        link.close()


class Upstream:
    """tests/upstream as a process: a mirror and a checksum database that misbehave on demand."""

    def __init__(self, binary, tree, ca_file, *flags):
        self.tree = tree
        self._command = [binary, "-dir", str(tree), "-ca", str(ca_file), *flags]
        self._http = self._https = "127.0.0.1:0"
        self.process = None
        self.start()

    def start(self):
        command = [*self._command, "-http", self._http, "-https", self._https]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "the upstream did not start"
        self.__dict__.update(json.loads(line))  # http, https, ca, dir, sumdb
        # The same ports after a stop: an upstream that is down comes back where it was.
        self._http = urllib.parse.urlsplit(self.http).netloc
        self._https = f"127.0.0.1:{urllib.parse.urlsplit(self.https).port}"

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def fault(self, match, kind, **fields):
        body = json.dumps({"match": match, "kind": kind, **fields}).encode()
        self._admin("POST", "/_fault", body)

    def no_faults(self):
        self._admin("DELETE", "/_fault")

    def reset(self):
        self._admin("POST", "/_reset")

    def count(self, match="*"):
        return self._admin("GET", "/_count?match=" + urllib.parse.quote(match)).get("total", 0)

    def requests(self):
        return self._admin("GET", "/_requests")

    def _admin(self, method, path, body=None):
        url = urllib.parse.urlsplit(self.http)
        link = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE_S)
        try:
            link.request(method, path, body)
            got = link.getresponse()
            data = got.read()
            assert got.status == 200, data
            return json.loads(data)
        finally:
            link.close()

    def file(self, path):
        """The bytes that the upstream has at a GOPROXY path."""
        with open(os.path.join(str(self.tree), path.lstrip("/")), "rb") as file:
            return file.read()


class Gateway:
    """`modgate serve` as a process. Its log is read as it comes."""

    def __init__(self, data_dir, *flags, env=None, listen=None, scheme="http", context=None, prefix=(), ready=True):
        self.data_dir = str(data_dir)
        self.address = listen or f"127.0.0.1:{free_port()}"
        self.url = f"{scheme}://{self.address}"
        self.context = context
        self.lines = []
        self._arrived = threading.Condition()
        command = [*prefix, PROGRAM, "serve", "--listen", self.address, "--data-dir", self.data_dir, *flags]
        self.process = subprocess.Popen(command, env=clean_environment(**(env or {})), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        errors="replace")
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if ready:
            self.wait_ready()

    def _read_log(self):
        for line in self.process.stderr:
            with self._arrived:
                self.lines.append(line.rstrip("\n"))
                self._arrived.notify_all()

    @property
    def log(self):
        return "\n".join(self.lines)

    def wait_ready(self):
        def is_up():
            assert self.process.poll() is None, f"modgate ended with {self.process.returncode}:\n{self.log}"
            try:
                return self.get("/healthz", timeout=5).status == 200
            except OSError:
                return False
        wait_until(is_up, f"/healthz of {self.url}")

    def get(self, path, headers=None, method="GET", timeout=PATIENCE_S):
        return ask(self.url, path, method, headers, timeout, self.context)

    def head(self, path, headers=None):
        return self.get(path, headers, "HEAD")

    def raw(self, data, timeout=PATIENCE_S):
        """Sends bytes as they are; returns all that comes until the other side closes."""
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=timeout) as link:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(65536), b""))

    def metric(self, name, **labels):
        """The sum of a metric's values over all label sets that have these labels."""
        total = 0.0
        for line in self.get("/metrics").text.split("\n"):
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if match and match.group(1) == name:
                found = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
                if all(found.get(k) == v for k, v in labels.items()):
                    total += float(match.group(3))
        return total

    def log_entries(self):
        entries = []
        for line in list(self.lines):
            try:
                entries.append(json.loads(line))
            except ValueError:
                pass
        return entries

    def wait_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log), f"'{pattern}' in the log:\n{self.log}")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, expect=0):
        """Ends it with SIGTERM; fails unless it ended well and no sanitizer had anything to say."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"modgate did not stop:\n{self.log[-4000:]}") from None
        self._reader.join(PATIENCE_S)
        report = SANITIZER.search(self.log)
        assert not report, self.log[max(0, report.start() - 200):][:8000]
        assert code in (expect, -signal.SIGKILL), f"exit {code}:\n{self.log[-4000:]}"


class Go:
    """The go command with caches of its own."""

    def __init__(self, folder, proxy, sumdb="off", **env):
        self.folder = str(folder)
        self.env = clean_environment(
            GOPROXY=proxy, GOSUMDB=sumdb, GOPATH=f"{folder}/gopath", GOMODCACHE=f"{folder}/modcache",
            GOCACHE=os.environ.get("MODGATE_TEST_GOCACHE", f"{folder}/cache"), GOFLAGS="-mod=mod -modcacherw",
            GOTOOLCHAIN="local", GOENV="off", GOWORK="off", GOTELEMETRY="off", HOME=str(folder), **env)
        self.modcache = self.env["GOMODCACHE"]

    def run(self, *args, cwd=None, check=True, timeout=300):
        done = subprocess.run(["go", *args], cwd=cwd or self.folder, env=self.env, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if check:
            assert done.returncode == 0, f"go {' '.join(args)}:\n{done.stdout}{done.stderr}"
        return done


def modgate(*args, check=None, **kw):
    """Runs a modgate command to its end."""
    done = subprocess.run([PROGRAM, *args], env=clean_environment(**kw.pop("env", {})), capture_output=True, text=True,
                          timeout=300, check=False, **kw)
    report = SANITIZER.search(done.stderr)
    assert not report, done.stderr[:8000]
    if check is not None:
        assert done.returncode == check, f"modgate {' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def drain_socket(link, patience_s=PATIENCE_S):
    """Reads until the other side closes; returns what came."""
    data, end = b"", time.monotonic() + patience_s
    while time.monotonic() < end:
        if select.select([link], [], [], 0.1)[0]:
            part = link.recv(65536)
            if not part:
                return data
            data += part
    raise AssertionError("the connection stayed open")


def server_context(folder):
    """A self-signed certificate for localhost: (certificate file, key file, client context)."""
    cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key, ssl.create_default_context(cafile=cert)


def together(count, call):
    """Runs call(0) … call(count - 1) at the same time, each on a thread; returns their results in order.
    What a call raises is its result."""
    results = [None] * count
    gate = threading.Barrier(count)

    def run(i):
        gate.wait()
        try:
            results[i] = call(i)
        except Exception as fault:  # pylint: disable=broad-except
            results[i] = fault
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def artefacts(tree):
    """The GOPROXY paths of all versions' files in a tree, sorted."""
    found = []
    for base, _, names in os.walk(str(tree)):
        for name in names:
            # main.info is the answer to a branch query, not a version's.
            if name.endswith((".info", ".mod", ".zip")) and name != "main.info":
                found.append("/" + os.path.relpath(os.path.join(base, name), str(tree)))
    return sorted(found)


def newest(tree, escaped_path):
    """The base of a module's newest version: "/<path>/@v/<version>"."""
    folder = os.path.join(str(tree), escaped_path, "@v")
    zips = sorted((os.path.getmtime(os.path.join(folder, n[:-4] + ".info")), n[:-4])
                  for n in os.listdir(folder) if n.endswith(".zip"))
    return f"/{escaped_path}/@v/{zips[-1][1]}"


def assert_says_why(answer):
    """An error that the go command prints: text/plain, UTF-8, one to three lines, at most 648 bytes."""
    assert answer["content-type"].startswith("text/plain"), answer
    text = answer.body.decode("utf-8")
    assert text.strip(), answer
    assert len(answer.body) <= 648 and len(text.strip().split("\n")) <= 3, answer
    assert "\n\n" not in text.strip(), answer
