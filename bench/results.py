"""The table of a bench run, on the terminal and in RESULTS.md."""

import datetime
import os
import platform
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# Why a target is missed, by the row's name: a sentence that stays true when the figures move a little.
H2_WHY = ("h2load on its one core is the limit: the server has idle time left, and a request costs nginx the multiple "
          "under CPU of what it costs us.")
COLD_WHY = ("what is given out is durable first: each answer waits for a sync of the journal, which those that wait share, "
            "and each version costs some twenty calls to the file system, while the upstream alone writes nothing.")
SENDFILE_WHY = ("about level: both spend nearly all of a request in the kernel's sendfile, which is the same for both, and "
                "runs differ by a twentieth either way.")
TLS_WHY = ("about level: nearly all of a request is AES and the copy of a record, done by the same OpenSSL; runs differ by a "
           "twentieth either way.")
LOG_WHY = ("a log line costs a seventh of a request: half of it its text and a copy into a ring, half the file system's work "
           "for 300 bytes; nginx runs without its log here.")
VCS_WHY = ("a fifteenth as many programs run as with go; what is left is git's own ls-remote and fetch for each repository, the "
           "packing and checking of each zip, and go's unpacking and hashing, which is the same both ways and a quarter of "
           "our time.")
AUDIT_WHY = ("a record is chained by SHA-256, which no batch can share: hash, copy and write take the writer's thread 0.4 us and the "
             "loop 0.1 us, on the one core that both have here; a hit over HTTP/2 is less than 2 us.")
WHY = {
    ".info, HTTP/2 over TLS, 64 streams, against no audit": AUDIT_WHY,
    ".mod, HTTP/2 over TLS, 64 streams, against no audit": AUDIT_WHY,
    "100 versions of ten repositories, cold": VCS_WHY,
    "a new version of a known repository": VCS_WHY,
    ".info, HTTP/2 over TLS, our log on": LOG_WHY,
    ".mod, HTTP/2 over TLS, our log on": LOG_WHY,
    ".info, HTTP/1.1, our log on": LOG_WHY,
    ".mod, HTTP/1.1, our log on": LOG_WHY,
    "zip of 160 KB, HTTP/1.1": SENDFILE_WHY,
    "zip of 2 MB, HTTP/1.1": SENDFILE_WHY,
    "zip of 2 MB, TLS": TLS_WHY,
    ".info, HTTP/2 over TLS, 64 streams": H2_WHY,
    ".mod, HTTP/2 over TLS, 64 streams": H2_WHY,
    "200 modules, 32 at a time, upstream latency 0ms": COLD_WHY,
    "200 modules, 32 at a time, upstream latency 20ms": COLD_WHY,
    "200 modules, 32 at a time, upstream latency 0ms, verified": COLD_WHY,
    "200 modules, 32 at a time, upstream latency 20ms, verified": COLD_WHY,
}


class Row:
    """One figure. ratio is ours to the other's; without another, ours is held against the target."""

    def __init__(self, group, name, unit, ours, other, ratio, target, is_low_better=False, note=""):
        self.group, self.name, self.unit, self.note = group, name, unit, note
        self.ours, self.other, self.ratio, self.target = ours, other, ratio, target
        self.is_low_better = is_low_better

    @property
    def is_met(self):
        if self.target is None:
            return True
        value = self.ours if self.ratio is None else self.ratio
        return value <= self.target if self.is_low_better else value >= self.target

    def cells(self):
        bound = "" if self.target is None else f"{'≤' if self.is_low_better else '≥'} {self.target:g}"
        return [self.name, number(self.ours), number(self.other), self.unit,
                "" if self.ratio is None else f"{self.ratio:.2f}", bound,
                "" if self.target is None else "yes" if self.is_met else "**no**", self.note]

    def text(self):
        name, ours, other, unit, ratio, bound, met, note = self.cells()
        return f"{name:58} {ours:>10} {other:>10} {unit:12} {ratio:>6} {bound:>7} {met.strip('*'):4} {note}"


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def first_line(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.split("\n")[0].strip()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) // (1 << 20)
    return (f"{os.cpu_count()} cores of {model.group(1) if model else platform.machine()}, {memory} GiB, "
            f"Linux {platform.release().split('-')[0]}")


def versions():
    found = [first_line("nginx", "-v").replace("nginx version: ", ""), first_line("wrk", "-v").split(" [")[0],
             first_line("h2load", "--version"), first_line("go", "version"), first_line("openssl", "version"),
             first_line("cc", "--version")]
    return "; ".join(found)


def write(rows, options):
    lines = ["# Measured", "",
             f"By `make bench` on {datetime.date.today().isoformat()}: {machine()}. {versions()}.", "",
             "The server runs on core 0 and the load generator on core 1. Runs of modgate and of what it is compared "
             f"with alternate; each figure is the median of {options.rounds} rounds, of {options.seconds} s each where "
             "it is a rate. nginx serves the store's own folder with open_file_cache and without an access log. "
             "wrk asks for small files over HTTP/1.1, h2load over HTTP/2, and for zips over HTTP/1.1 bench/pull.c, which "
             "throws away what it gets without copying or decrypting it: wrk and h2load take longer to read a zip than "
             "either server to send it. \"CPU\" is the processor time that nginx spends on a request divided by ours: "
             "it also tells the two apart where the load generator is the limit. \"Idle\" is the share of the time that "
             "the generator's core was idle, with modgate and with nginx: near 0, the generator was the limit.", ""]
    titles = {"hits": "Hits, against nginx", "latency": "Hits beside misses", "cold": "Cold, against the upstream itself",
              "vcs": "From version control, against go's direct mode",
              "verify": "Verifying a module cache, against go", "memory": "Memory",
              "sumdb": "A checksum database of one's own, against nginx",
              "audit": "Hits that are recorded in the audit file, against the same without", "start": "Start"}
    for group, title in titles.items():
        mine = [row for row in rows if row.group == group]
        if not mine:
            continue
        lines += [f"## {title}", "", "| | modgate | other | unit | ratio | target | met | |",
                  "|---|---:|---:|---|---:|---|---|---|"]
        lines += ["| " + " | ".join(row.cells()) + " |" for row in mine] + [""]
    missed = [row for row in rows if not row.is_met]
    lines += ["## What is missed, and why", ""]
    lines += [f"- {row.name}: {WHY.get(row.name, 'not yet understood.')}" for row in missed] or ["Nothing."]
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
