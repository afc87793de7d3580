"""What the audit costs a hit: the same server with it and without."""

import lib
from lib import Modgate, h2load, wrk
from results import Row

QUIET = ("--log-access", "false", "--log-level", "error")


def audit(bench):
    tree, data, seconds = f"{bench.folder}/audit-tree", f"{bench.folder}/audit-data", bench.o.seconds
    small = lib.write_module(tree, "bench.example.com/small", "v1.0.0", 2000)
    bench.fill(data, tree, [small])
    upstream = ("--upstream", "off", *QUIET)
    certificate = bench.certificates["ec"]

    def recorded(name):
        return ("--audit-file", f"{bench.folder}/audit-{name}.jsonl", "--audit-max-size", "64MiB", "--audit-keep", "2")

    with Modgate(data, *upstream) as plain, \
            Modgate(data, *upstream, *recorded("plain")) as plain_audit, \
            Modgate(data, *upstream, certificate=certificate) as tls, \
            Modgate(data, *upstream, *recorded("tls"), certificate=certificate) as tls_audit:
        for suffix in (".info", ".mod"):
            for name, with_audit, without, load, args in (
                    ("HTTP/1.1", plain_audit, plain, wrk, (64,)),
                    ("HTTP/2 over TLS, 64 streams", tls_audit, tls, h2load, (8, 64))):
                def run(server):
                    return load(server.pid, server.url + small + suffix, seconds, *args)
                ours, other = bench.alternate(lambda: run(with_audit), lambda: run(without))
                rate, plain_rate = lib.median([m.rate for m in ours]), lib.median([m.rate for m in other])
                cpu = lib.median([m.cpu_us for m in ours]) - lib.median([m.cpu_us for m in other])
                yield Row("audit", f"{suffix}, {name}, against no audit", "requests/s", rate, plain_rate,
                          rate / plain_rate, 0.9, note=f"a record costs {cpu:.2f} us")
