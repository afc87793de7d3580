"""The log of a checksum database, killed while it grows: no head that anybody saw is ever lost or contradicted.

MODGATE_TEST_LOG_KILLS and MODGATE_TEST_LOG_APPENDS make it longer: so many kills, each after at most so many
appends (`make test-log-kills` runs 100 with 10,000)."""

import base64
import hashlib
import os
import random
import subprocess
import threading

import harness

BUILD = os.environ.get("MODGATE_BUILD", os.path.join(harness.ROOT, "build"))
DRIVER = os.path.join(BUILD, "tests", "sumdb", "sumlog_driver")
KILLS = int(os.environ.get("MODGATE_TEST_LOG_KILLS", "100"))
APPENDS = int(os.environ.get("MODGATE_TEST_LOG_APPENDS", "12"))


def heads_of(lines):
    """What "head SIZE ROOT" lines say, but for one that was cut off."""
    found = [line.split() for line in lines if line.startswith("head ") and line.endswith("=\n")]
    return [(int(size), root) for _, size, root in found]


def append_and_kill(log, rng, start):
    """Kills it after it has told of some heads, perhaps at once; returns the heads."""
    process = subprocess.Popen([DRIVER, "append", log, "8", str(start), str(10 * APPENDS)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(rng.randrange(1, APPENDS + 1))]
    killer = threading.Timer(rng.random() * 0.004, process.kill)
    killer.start()
    lines += process.stdout.readlines()
    process.wait()
    killer.join()
    err = process.stderr.read()
    assert not harness.SANITIZER.search(err) and "sumlog_driver:" not in err, err
    return heads_of(lines)


def test_kill_9_while_it_appends(sumclient, tmp_path):
    log, rng, roots, start = str(tmp_path / "log"), random.Random(20), {}, 0
    vkey = subprocess.run([DRIVER, "key"], capture_output=True, text=True, check=True).stdout.strip()
    client = subprocess.Popen([sumclient.binary, "talk", vkey], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)

    def say(*words):
        client.stdin.write(" ".join(map(str, words)) + "\n")
        client.stdin.flush()
        return client.stdout.readline().split(" ", 1)

    newest = 0
    for kill in range(KILLS):
        for size, root in append_and_kill(log, rng, start):
            assert roots.setdefault(size, root) == root, f"two heads of size {size}"
            newest = max(newest, size)
        done = subprocess.run([DRIVER, "open", log], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (size, root), = heads_of([done.stdout])
        assert roots.setdefault(size, root) == root and size >= newest, (kill, size, newest)
        newest = max(newest, size)
        start += 10 * APPENDS
        # The go command's client, which remembers the newest head that it saw, and has no tile in its cache.
        with open(f"{log}/records", encoding="utf-8") as file:
            paths = [line.split(" ")[0] for line in file if " v1.0.0 " in line]
        if not paths:
            continue
        assert say("new")[0] == "ok" and say("dir", log)[0] == "ok"
        for path in (paths[-1], rng.choice(paths)):
            word, text = say("lookup", path, "v1.0.0")
            assert word == "ok", (kill, word, text)
        assert int(say("latest")[1]) == size
    client.stdin.close()
    client.wait()
    harness.modgate("sumdb", "audit", log, "--key", vkey, check=0)
    # Whoever saw any of these heads has seen a beginning of this log.
    assert roots_at(log, roots) == roots
    assert len(roots) > KILLS


def roots_at(log, sizes):
    """The roots that the log of now has at these sizes: RFC 6962, 2.1, from the hashes of its records."""
    with open(f"{log}/hashes0", "rb") as file:
        data = file.read()
    stack, found = [], {}

    def node(left, right):
        return hashlib.sha256(b"\1" + left + right).digest()

    def root():
        value = stack[-1][1]
        for _, left in reversed(stack[:-1]):
            value = node(left, value)
        return base64.b64encode(value).decode()
    if 0 in sizes:
        found[0] = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    for i in range(len(data) // 32):
        stack.append((0, data[32 * i:32 * i + 32]))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (_, right), (level, left) = stack.pop(), stack.pop()
            stack.append((level + 1, node(left, right)))
        if i + 1 in sizes:
            found[i + 1] = root()
    return found
