#!/usr/bin/python3
"""Measures modgate against nginx, its own upstream and the go command, all in one run, and writes RESULTS.md.

usage: bench/run.py [--rounds N] [--seconds S] [--only GROUP,…] [--no-write]

The server runs on core 0, the load generator on core 1; runs of ours and of the other alternate, and what is
told is the median over the rounds. nginx serves the folder of the store itself.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import audit
import lib
import results
import sumdb_host
import vcs
from lib import LOAD_CORE, Modgate, Nginx, Upstream, h2load, make_certificate, median, pinned, pull, wrk
from results import Row

QUIET = ("--log-access", "false", "--log-level", "error")
SMALL, MEDIUM, LARGE = "bench.example.com/small", "bench.example.com/medium", "bench.example.com/large"


class Bench:
    def __init__(self, options, folder):
        self.o, self.folder = options, folder
        self.upstream_binary = f"{folder}/upstream"
        self.tool = f"{folder}/tool"
        for source, target in (("tests/upstream", self.upstream_binary), ("bench/tool", self.tool)):
            subprocess.run(["go", "build", "-o", target, "."], cwd=os.path.join(lib.ROOT, source), check=True)
        self.puller = f"{folder}/pull"
        subprocess.run(["cc", "-O2", "-o", self.puller, os.path.join(lib.ROOT, "bench/pull.c"), "-lssl", "-lcrypto"],
                       check=True)
        self.certificates = {kind: make_certificate(folder, kind) for kind in lib.CERTIFICATES}

    def alternate(self, *measures):
        """Runs the measures one after the other, round by round; returns the list of results of each."""
        found = [[] for _ in measures]
        for _ in range(self.o.rounds):
            for list_, measure in zip(found, measures):
                list_.append(measure())
        return found

    def fill(self, data, tree, versions):
        """Fetches versions into a store."""
        with Upstream(self.upstream_binary, tree) as upstream, \
                Modgate(data, *upstream.flags, *QUIET) as gateway:
            for version in versions:
                for suffix in (".info", ".mod", ".zip"):
                    lib.ask(gateway.url + version + suffix)


def compare(bench, ours, other):
    """(rate of ours, rate of other, ratio of rates, a note on what the processors did)."""
    mine, theirs = bench.alternate(ours, other)
    rate, other_rate = median([m.rate for m in mine]), median([t.rate for t in theirs])
    cpu = median([t.cpu_us for t in theirs]) / max(0.001, median([m.cpu_us for m in mine]))
    idle, other_idle = (100 * median([m.idle for m in list_]) for list_ in (mine, theirs))
    return rate, other_rate, rate / other_rate, f"CPU {cpu:.2f}, idle {idle:.0f}/{other_idle:.0f} %"


def hits(bench):
    tree, data, seconds = f"{bench.folder}/tree", f"{bench.folder}/data", bench.o.seconds
    small, medium, large = (lib.write_module(tree, path, "v1.0.0", size) for path, size in
                            ((SMALL, 2000), (MEDIUM, 160_000), (LARGE, 2_000_000)))
    bench.fill(data, tree, (small, medium, large))
    upstream = ("--upstream", "off")
    with open(f"{bench.folder}/access.log", "w", encoding="utf-8") as log, \
            Nginx(bench.folder, f"{data}/cache/download") as nginx, \
            Modgate(data, *upstream, *QUIET) as plain, \
            Modgate(data, *upstream, *QUIET, certificate=bench.certificates["ec"]) as tls, \
            Modgate(data, *upstream, *QUIET, certificate=bench.certificates["rsa"]) as rsa, \
            Modgate(data, *upstream, log=log) as logged, \
            Modgate(data, *upstream, log=log, certificate=bench.certificates["ec"]) as logged_tls:
        nginx_plain, nginx_tls = (f"{s}://127.0.0.1:{nginx.ports[p]}" for s, p in (("http", "plain"), ("https", "ec")))

        def row(name, target, server, load, path, *args):
            base = nginx_plain if server in (plain, logged) else nginx_tls
            ours, other, ratio, note = compare(bench, lambda: load(server.pid, server.url + path, seconds, *args),
                                               lambda: load(nginx.pid, base + path, seconds, *args))
            return Row("hits", name, "requests/s", ours, other, ratio, target, note=note)

        for suffix in (".info", ".mod"):
            yield row(f"{suffix}, HTTP/1.1", 1.3, plain, wrk, small + suffix, 64)
            yield row(f"{suffix}, HTTP/1.1, our log on", 1.3, logged, wrk, small + suffix, 64)
            yield row(f"{suffix}, HTTP/2 over TLS, 64 streams", 4.0, tls, h2load, small + suffix, 8, 64)
            yield row(f"{suffix}, HTTP/2 over TLS, our log on", 4.0, logged_tls, h2load, small + suffix, 8, 64)
        for name, version in (("zip of 160 KB", medium), ("zip of 2 MB", large)):
            yield row(f"{name}, HTTP/1.1", 1.0, plain, pull, version + ".zip", 16, bench.puller)
            yield row(f"{name}, TLS", 1.0, tls, pull, version + ".zip", 16, bench.puller)
            yield row(f"{name}, HTTP/2 over TLS", 1.0, tls, h2load, version + ".zip", 8, 4)
        yield from handshakes(bench, nginx, tls, rsa)


def handshakes(bench, nginx, tls, rsa):
    def measure(pid, port):
        text, used, idle = lib.watched(pid, bench.tool, "handshakes", "-addr", f"127.0.0.1:{port}", "-d",
                                       f"{bench.o.seconds}s")
        found = json.loads(text)
        return lib.Load(found["per_second"], used / max(1, found["count"]) * 1e6, idle)

    for name, kind, server in (("RSA 2048", "rsa", rsa), ("ECDSA P-256", "ec", tls)):
        ours, other, ratio, note = compare(bench, lambda: measure(server.pid, server.port),
                                           lambda: measure(nginx.pid, nginx.ports[kind]))
        yield Row("hits", f"full TLS handshakes, {name}", "handshakes/s", ours, other, ratio, 0.9,
                  note=note)


def latency(bench):
    tree = f"{bench.folder}/slow-tree"
    small = lib.write_module(tree, SMALL, "v1.0.0", 2000)
    slow = [lib.write_module(tree, f"bench.example.com/slow{i}", "v1.0.0", 2_000_000) for i in range(8)]

    def p99(with_misses):
        data = tempfile.mkdtemp(dir=bench.folder)
        with Upstream(bench.upstream_binary, tree) as upstream, \
                Modgate(data, *upstream.flags, *QUIET) as gateway:
            lib.ask(gateway.url + small + ".info")
            links = []
            if with_misses:
                upstream.fault("*/slow*.zip", "drip", chunk=4096, delay_ms=20)
                for version in slow:
                    link = socket.create_connection(("127.0.0.1", gateway.port))
                    link.sendall(f"GET {version}.zip HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                    links.append(link)
                time.sleep(0.3)
            found = wrk(gateway.pid, gateway.url + small + ".info", bench.o.seconds, 16).p99_ms
            for link in links:
                link.close()
        return found

    alone, beside = map(median, bench.alternate(lambda: p99(False), lambda: p99(True)))
    yield Row("latency", "p99 of hits beside eight slow misses, against alone", "ms", beside, alone, beside / alone, 1.5,
              is_low_better=True)


def versions_of(tree, count):
    found = []
    for base, _, names in sorted(os.walk(tree)):
        found += ["/" + os.path.relpath(os.path.join(base, n[:-4]), tree) for n in sorted(names) if n.endswith(".zip")]
    return found[:count]


def cold(bench):
    tree, list_path = f"{bench.folder}/cold-tree", f"{bench.folder}/cold-list"
    subprocess.run([bench.upstream_binary, "-dir", tree, "-gen", "80", "-only-gen"], check=True)
    with open(list_path, "w", encoding="utf-8") as file:
        file.write("\n".join(versions_of(tree, 200)) + "\n")

    def fetch(base):
        found = lib.run_json(*pinned(LOAD_CORE, bench.tool, "fetch", "-base", base, "-list", list_path, "-c", 32))
        if found["errors"]:
            sys.exit(f"bench: {found['errors']} errors in the cold run")
        return found["seconds"]

    def through(*flags):
        data = tempfile.mkdtemp(dir=bench.folder)
        with Modgate(data, *flags, *QUIET) as gateway:
            return fetch(gateway.url)  # the folder stays: see below

    # For some seconds after files were removed, ext4 looks long for room for new ones. So nothing is removed
    # between the rounds, and what was removed before is left to be forgotten.
    time.sleep(10)
    for delay in ("0ms", "20ms"):
        with Upstream(bench.upstream_binary, tree, "-latency", delay) as upstream:
            plain, verified, straight = map(median, bench.alternate(
                lambda: through("--upstream", upstream.url, "--sumdb", "off"), lambda: through(*upstream.flags),
                lambda: fetch(upstream.url)))
        name = f"200 modules, 32 at a time, upstream latency {delay}"
        yield Row("cold", name, "s", plain, straight, plain / straight, 1.5, is_low_better=True)
        yield Row("cold", f"{name}, verified", "s", verified, straight, verified / straight, 2.0, is_low_better=True)


def verify(bench):
    tree, main, folder = (f"{bench.folder}/verify-{name}" for name in ("tree", "main", "go"))
    subprocess.run([bench.upstream_binary, "-dir", tree, "-main", main, "-gen", "320", "-only-gen"], check=True)
    env = dict(os.environ, GOPATH=folder, GOMODCACHE=f"{folder}/mod", GOFLAGS="-mod=mod -modcacherw", GOSUMDB="off",
               GOTOOLCHAIN="local", GOENV="off", GOWORK="off", NO_PROXY="127.0.0.1")
    with Upstream(bench.upstream_binary, tree) as upstream:
        subprocess.run(["go", "mod", "download", "all"], cwd=main, env=dict(env, GOPROXY=upstream.url), check=True)

    def timed(command, **kw):
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)
        return time.monotonic() - started

    ours, theirs = map(median, bench.alternate(
        lambda: timed([lib.PROGRAM, "verify", f"{folder}/mod"]),
        lambda: timed(["go", "mod", "verify"], cwd=main, env=dict(env, GOPROXY="off"))))
    yield Row("verify", "modgate verify against go mod verify, 320 modules", "s", ours, theirs, ours / theirs, 0.4,
              is_low_better=True)


def memory(bench):
    data = f"{bench.folder}/memory"
    with Modgate(data, "--upstream", "off", *QUIET) as gateway:
        lib.ask(gateway.url + "/healthz")
        yield Row("memory", "idle", "MB", lib.memory_kb(gateway.pid, "VmRSS") / 1024, None, None, 16.0,
                  is_low_better=True)
    yield from memory_of_zips(bench)
    for mode, target in (("plain", 2.0), ("tls", 20.0), ("h2", 40.0)):
        yield memory_of_idle(bench, mode, target)


def memory_of_zips(bench):
    tree, list_path, data = (f"{bench.folder}/big-{name}" for name in ("tree", "list", "data"))
    versions = [lib.write_module(tree, f"bench.example.com/big{i}", "v1.0.0", 100_000_000, is_random=False)
                for i in range(32)]
    with open(list_path, "w", encoding="utf-8") as file:
        file.write("\n".join(versions) + "\n")
    peak = {"RssAnon": 0, "VmRSS": 0}
    with Upstream(bench.upstream_binary, tree) as upstream, \
            Modgate(data, *upstream.flags, *QUIET) as gateway:
        done = threading.Event()

        def watch():
            while not done.wait(0.01):
                for name in peak:
                    peak[name] = max(peak[name], lib.memory_kb(gateway.pid, name))
        watcher = threading.Thread(target=watch)
        watcher.start()
        found = lib.run_json(*pinned(LOAD_CORE, bench.tool, "fetch", "-base", gateway.url, "-list", list_path, "-c", 32,
                                     "-suffixes", ".zip"))
        done.set()
        watcher.join()
        if found["errors"]:
            sys.exit(f"bench: {found['errors']} errors in the run of large zips")
        whole = lib.memory_kb(gateway.pid, "VmHWM") / 1024
    shutil.rmtree(data)
    shutil.rmtree(tree)
    yield Row("memory", "32 zips of 100 MB fetched at once, peak", "MB", whole, None, None, 64.0, is_low_better=True,
              note=f"anonymous {peak['RssAnon'] / 1024:.0f} MB")


def memory_of_idle(bench, mode, target, count=10_000):
    certificate = None if mode == "plain" else bench.certificates["ec"]
    data = f"{bench.folder}/memory"
    with Modgate(data, "--upstream", "off", *QUIET, certificate=certificate) as gateway:
        before = lib.memory_kb(gateway.pid, "VmRSS")
        client = subprocess.Popen(pinned(LOAD_CORE, bench.tool, "idle", "-addr", f"127.0.0.1:{gateway.port}", "-mode",
                                         mode, "-n", count), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        is_open = client.stdout.readline()
        each = (lib.memory_kb(gateway.pid, "VmRSS") - before) / count
        client.stdin.close()
        client.wait()
        if not is_open:
            sys.exit(f"bench: {count} idle connections ({mode}) could not be opened")
    return Row("memory", f"each of {count:,} idle connections, {mode}", "KB", each, None, None, target,
               is_low_better=True)


def start(bench):
    data = f"{bench.folder}/start"
    tree = f"{bench.folder}/start-tree"
    bench.fill(data, tree, [lib.write_module(tree, f"bench.example.com/m{i}", "v1.0.0", 2000) for i in range(100)])

    def first_answer():
        started = time.monotonic()
        with Modgate(data, "--upstream", "off", *QUIET) as gateway:
            lib.ask(gateway.url + "/bench.example.com/m0/@v/v1.0.0.mod")
            return (time.monotonic() - started) * 1000

    yield Row("start", "start to first answer", "ms", median([first_answer() for _ in range(bench.o.rounds * 2 + 1)]),
              None, None, 50.0, is_low_better=True)


GROUPS = {"hits": hits, "latency": latency, "cold": cold, "vcs": vcs.vcs, "verify": verify, "memory": memory,
          "sumdb": sumdb_host.sumdb_host, "audit": audit.audit, "start": start}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", default=",".join(GROUPS))
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="modgate-bench-", dir=os.environ.get("TMPDIR")) as folder:
        bench = Bench(options, folder)
        for name in options.only.split(","):
            for row in GROUPS[name](bench):
                print(row.text(), flush=True)
                rows.append(row)
    if not options.no_write and options.only == parser.get_default("only"):
        results.write(rows, options)


if __name__ == "__main__":
    main()
