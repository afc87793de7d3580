"""Servers, loads and figures of a process, for run.py."""

import collections
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(ROOT, os.environ.get("BUILD", "build"), "modgate")
SERVER_CORE, LOAD_CORE = "0", "1"
CERTIFICATES = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["rsa:2048"]}

# What a load told: answers a second, the server's CPU time for each, the share of the time that the generator's own
# core was idle, and where it is known the 99th percentile of the waits.
Load = collections.namedtuple("Load", "rate cpu_us idle p99_ms", defaults=[0.0])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, *command):
    return ["taskset", "-c", core, *map(str, command)]


def run_json(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def median(values):
    return statistics.median(values)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(name + r":\s+(\d+)", file.read()).group(1))


def wait_for(url_or_port):
    """Waits until a port accepts connections."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", url_or_port)) == 0:
                return
        time.sleep(0.001)
    sys.exit(f"bench: nothing listens on port {url_or_port}")


def make_certificate(folder, kind):
    cert, key = f"{folder}/{kind}.pem", f"{folder}/{kind}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *CERTIFICATES[kind], "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


class Process:
    """A server that is stopped at the end of a with block."""

    def __init__(self, command, stderr=subprocess.DEVNULL, **kw):
        self.process = subprocess.Popen([str(c) for c in command], stderr=stderr, **kw)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Modgate(Process):
    def __init__(self, data, *flags, certificate=None, log=subprocess.DEVNULL, core=SERVER_CORE, wait=True, prefix=(),
                 env=None):
        self.port = free_port()
        scheme = "https" if certificate else "http"
        if certificate:
            flags += ("--tls-cert-file", certificate[0], "--tls-key-file", certificate[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        super().__init__(pinned(core, *prefix, PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir",
                                data, *flags), stderr=log, stdout=subprocess.DEVNULL, env=env)
        if wait:
            wait_for(self.port)


class Upstream(Process):
    """tests/upstream over a tree."""

    def __init__(self, binary, tree, *flags):
        super().__init__(pinned(LOAD_CORE, binary, "-dir", tree, *flags), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.url = ready["http"]
        self.flags = ("--upstream", self.url, "--sumdb", ready["sumdb"])  # asked through the mirror

    def fault(self, match, kind, **fields):
        body = json.dumps({"match": match, "kind": kind, **fields}).encode()
        urllib.request.urlopen(urllib.request.Request(self.url + "/_fault", body)).close()


NGINX = """
worker_processes 1;
worker_rlimit_nofile 40000;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err crit;
{user}
events {{ worker_connections 20000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    open_file_cache max=10000 inactive=10m;
    open_file_cache_valid 10m;
    types {{ application/json info; text/plain mod; application/zip zip; }}
    client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
    uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    server {{ listen 127.0.0.1:{plain}; root {root}; location = /healthz {{ return 200 "ok"; }} }}
    server {{ listen 127.0.0.1:{ec} ssl http2; root {root}; ssl_certificate {folder}/ec.pem;
        ssl_certificate_key {folder}/ec.key; location = /healthz {{ return 200 "ok"; }} }}
    server {{ listen 127.0.0.1:{rsa} ssl http2; root {root}; ssl_certificate {folder}/rsa.pem;
        ssl_certificate_key {folder}/rsa.key; location = /healthz {{ return 200 "ok"; }} }}
}}
"""


def first_child(pid, patience_s=10):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    sys.exit(f"bench: process {pid} has no child")


class Nginx(Process):
    """nginx with one worker over the store's own folder. pid is the worker's."""

    def __init__(self, folder, root):
        self.ports = {name: free_port() for name in ("plain", "ec", "rsa")}
        user = "user root;" if os.getuid() == 0 else ""
        path = f"{folder}/nginx.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=folder, root=root, user=user, **self.ports))
        command = pinned(SERVER_CORE, shutil.which("nginx") or "/usr/sbin/nginx", "-c", path, "-p", folder,
                         "-g", "daemon off;")
        super().__init__(command)
        for port in self.ports.values():
            wait_for(port)
        self.pid = first_child(self.pid)  # which may come after the socket


def in_ms(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def watched(pid, *command):
    """What a load generator prints; CPU seconds that the server used meanwhile; the generator's idle share."""
    def own_seconds():
        times = os.times()
        return times.children_user + times.children_system

    before, own_before, started = cpu_seconds(pid), own_seconds(), time.monotonic()
    text = subprocess.run(pinned(LOAD_CORE, *command), capture_output=True, text=True, check=True).stdout
    elapsed = time.monotonic() - started
    return text, cpu_seconds(pid) - before, max(0.0, 1 - (own_seconds() - own_before) / elapsed)


def wrk(pid, url, seconds, connections):
    """HTTP/1.1 from one thread, for small files."""
    text, used, idle = watched(pid, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url)
    if "Non-2xx" in text or "Socket errors" in text:
        print(f"bench: wrk {url}: {text}", file=sys.stderr)
    count = int(re.search(r"(\d+) requests in", text).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    return Load(rate, used / max(1, count) * 1e6, idle, in_ms(re.search(r"^ +99% +(\S+)", text, re.M).group(1)))


def pull(pid, url, seconds, connections, binary):
    """HTTP/1.1 of large files, which are thrown away unseen: see pull.c."""
    text, used, idle = watched(pid, binary, url, seconds, connections)
    found = json.loads(text)
    return Load(found["count"] / found["seconds"], used / max(1, found["count"]) * 1e6, idle)


def h2load(pid, url, seconds, connections, streams):
    text, used, idle = watched(pid, "h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}", url)
    if "Application protocol: h2\n" not in text:
        sys.exit(f"bench: {url} does not speak HTTP/2:\n{text}")
    rate = float(re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", text).group(1))
    good = int(re.search(r"status codes: (\d+) 2xx", text).group(1))
    failed = int(re.search(r"(\d+) failed", text).group(1))
    if failed > connections * streams:
        print(f"bench: h2load {url}: {text}", file=sys.stderr)
    return Load(rate, used / max(1, good) * 1e6, idle)


def write_module(tree, path, version, blob_bytes, is_random=True):
    """A module version with one large file. Zeros, stored, take hardly any disk in the upstream's tree."""
    folder = os.path.join(tree, path, "@v")
    os.makedirs(folder, exist_ok=True)
    base = os.path.join(folder, version)
    go_mod = f"module {path}\n\ngo 1.20\n".encode()
    with open(base + ".info", "w", encoding="utf-8") as file:
        file.write(json.dumps({"Version": version, "Time": "2024-05-06T07:08:09Z"}))
    with open(base + ".mod", "wb") as file:
        file.write(go_mod)
    with zipfile.ZipFile(base + ".zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{path}@{version}/go.mod", go_mod)
        archive.writestr(f"{path}@{version}/p.go", b"package p\n")
        archive.writestr(f"{path}@{version}/blob.bin", os.urandom(blob_bytes) if is_random else bytes(blob_bytes))
    return f"/{path}/@v/{version}"


def ask(url):
    with urllib.request.urlopen(url, timeout=600) as answer:
        return answer.read()
