"""The rows on the checksum database that a gateway keeps: what it answers against nginx on the same bytes, and how
fast it grows while every record is durable before it is told."""

import os
import re
import subprocess
import time

import lib
from lib import LOAD_CORE, Modgate, Nginx, Upstream, median, pinned, wrk
from results import Row

NAME, RECORDS = "sum.bench.example", 600


def write_modules(tree):
    return [lib.write_module(tree, f"bench.example.com/s{i}", "v1.0.0", 500) for i in range(RECORDS)]


def lookup_of(version):
    return f"/sumdb/{NAME}/lookup/" + version[1:].replace("/@v/", "@")


def figure(gateway, name):
    return float(re.search(rf"^{name} (\S+)$", lib.ask(gateway.url + "/metrics").decode(), re.M).group(1))


def fetch(bench, gateway, paths, suffixes):
    """Seconds for all of them, 64 at a time."""
    path = f"{bench.folder}/sumdb-list"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(paths) + "\n")
    found = lib.run_json(*pinned(LOAD_CORE, bench.tool, "fetch", "-base", gateway.url, "-list", path, "-c", 64,
                                 f"-suffixes={suffixes}"))
    assert found["errors"] == 0, found
    return found["seconds"]


def serve(bench, data, upstream, *flags):
    return Modgate(data, *upstream.flags, "--sumdb-host-key-file", f"{bench.folder}/sumdb.key", "--sumdb-host-scope",
                   "all", "--log-access", "false", "--log-level", "error", *flags)


def grow(bench, data, upstream, versions):
    """(appends per second, records per commit, per fsync, milliseconds of one append alone)"""
    with serve(bench, data, upstream) as gateway:
        fetch(bench, gateway, versions, ".zip")
        started = time.monotonic()
        for version in versions[:20]:
            lib.ask(gateway.url + lookup_of(version))
        alone_ms = (time.monotonic() - started) / 20 * 1000
        commits, syncs = (figure(gateway, f"modgate_sumdb_host_{name}_total") for name in ("commits", "syncs"))
        seconds = fetch(bench, gateway, [lookup_of(v) for v in versions[20:]], "")
        new = RECORDS - 20
        return (new / seconds, new / (figure(gateway, "modgate_sumdb_host_commits_total") - commits),
                new / (figure(gateway, "modgate_sumdb_host_syncs_total") - syncs), alone_ms)


def save(gateway, root, paths):
    for path in paths:
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        with open(root + path, "wb") as file:
            file.write(lib.ask(gateway.url + path))


def sumdb_host(bench):
    tree, root = f"{bench.folder}/sumdb-tree", f"{bench.folder}/sumdb-root"
    versions, folders = write_modules(tree), []
    subprocess.run([lib.PROGRAM, "sumdb", "keygen", NAME, "--key-file", f"{bench.folder}/sumdb.key"], check=True,
                   stdout=subprocess.DEVNULL)
    with Upstream(bench.upstream_binary, tree) as upstream:
        def measure():
            folders.append(f"{bench.folder}/sumdb-data{len(folders)}")
            return grow(bench, folders[-1], upstream, versions)
        rates, per_commit, per_sync, alone = zip(*bench.alternate(measure)[0])
        yield Row("sumdb", "new records of a database, 64 askers", "records/s", median(rates), None, None, None,
                  note=f"{median(per_commit):.1f} per head, {median(per_sync):.1f} per fsync; one asker waits "
                       f"{median(alone):.1f} ms")
        paths = {"a lookup": lookup_of(versions[7]), "a tile of 8 KB": f"/sumdb/{NAME}/tile/8/0/000",
                 "a data tile": f"/sumdb/{NAME}/tile/8/data/000"}
        with Nginx(bench.folder, root) as nginx:
            with serve(bench, folders[0], upstream) as gateway:
                save(gateway, root, paths.values())
                for name, path in paths.items():
                    yield compared(bench, name, gateway, nginx, path)
            with serve(bench, folders[0], upstream, "--cache-memory", "0") as gateway:
                for name, path in paths.items():
                    # without our cache of small answers, and with nginx's of open files
                    yield compared(bench, f"{name}, read from the log each time", gateway, nginx, path, None)


def compared(bench, name, gateway, nginx, path, target=0.9):
    ours, theirs = bench.alternate(
        lambda: wrk(gateway.pid, gateway.url + path, bench.o.seconds, 64),
        lambda: wrk(nginx.pid, f"http://127.0.0.1:{nginx.ports['plain']}{path}", bench.o.seconds, 64))
    rate, other = (median([m.rate for m in list_]) for list_ in (ours, theirs))
    cpu = median([m.cpu_us for m in theirs]) / max(0.001, median([m.cpu_us for m in ours]))
    return Row("sumdb", f"{name}, HTTP/1.1", "requests/s", rate, other, rate / other, target, note=f"CPU {cpu:.2f}")
