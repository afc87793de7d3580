#!/usr/bin/python3
"""Compares the HTTP/1.1 reader with llhttp (by httptools) on generated and mutated requests.

usage: compare_llhttp.py BUILD [--count N] [--seed N] [--write docs/http-differences.md]

The rule: both understand a request alike (method, target, fields, length of the body, where it ends), or
we refuse it. Exit 1 when we take what llhttp refuses, or understand it differently.
"""

import argparse
import collections
import json
import os
import random
import struct
import subprocess
import sys

import httptools

METHODS = [b"GET"] * 10 + [b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"get", b"TRACE", b"CONNECT",
                           b"PROPFIND", b"BREW", b"G T", b"", b"GET\t", b"PRI", b"M-SEARCH", b"SOURCE"]
TARGETS = [b"/"] * 5 + [b"/a/@v/list", b"/!x/%21y?q=1", b"*", b"http://a.example/x", b"http://a.example",
                        b"http://a.example?q", b"https://b.example/", b"a", b"", b"//x", b"/a b", b"/a#b", b"/\xc3\xbc",
                        b"/\x01", b"/a\x7f", b"/?a?b", b"a.example:443", b"ftp://a.example/", b"http://u@a.example/",
                        b"/<>\"{}|\\^`", b"http:///x", b"/\x00"]
VERSIONS = [b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/11", b"http/1.1",
                                 b"HTTP/1.", b"HTTP/ 1.1", b"", b"RTSP/1.0", b"ICE/1.0", b"HTTP/9.9"]
ENDS = [b"\r\n"] * 40 + [b"\n", b"\r", b"\r\r\n", b"\n\n", b" \r\n"]
HOSTS = [b"Host: a.example"] * 12 + [b"Host: b.example", b"Host:", b"host:a.example", b"Host : a.example", b"Host: a b",
                                     b"Host: a.example\r\nHost: a.example", b"X: y", b"Host: a,b", b"Host: [::1]:80"]
FIELDS = [b"Accept: */*", b"User-Agent: x/1", b"X-Test: a  b", b"X-Empty:", b"X-Tab:\tx\t", b"Connection: close",
          b"Connection: keep-alive", b"Connection: close, x", b"Connection: upgrade\r\nUpgrade: h2c", b"Upgrade: x",
          b"Content-Length: 5", b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 05", b"Content-Length: +5",
          b"Content-Length: 5, 5", b"Content-Length: 5 5", b"Content-Length: 99999999999999999999", b"Content-Length: 5x",
          b"Content-Length:", b"Content-Length: -1", b"content-length:5", b"Content-Length: 70000",
          b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked",
          b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: identity",
          b"Transfer-Encoding: xchunked", b"Transfer-Encoding:", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
          b"Transfer-Encoding : chunked", b"Transfer-Encoding: \x0bchunked", b"Expect: 100-continue", b"Expect: x",
          b" folded", b"\tfolded", b"X: a\r\n b", b"X: \x01", b"X: \x7f", b"X: \x80\xff", b"X: a\x00b", b"X\x00: a",
          b"X y: z", b"X\xc3\xbc: z", b": z", b"no colon", b"(x): y", b"X: a\rb", b"X: a\nb", b"X:" + b" " * 50 + b"y",
          b"!#$%&'*+-.^_`|~09: x", b"Proxy-Connection: close", b"Trailer: x", b"TE: trailers"]
CHUNKS = [b"5\r\nhello\r\n", b"1\r\nx\r\n", b"A\r\n0123456789\r\n", b"5;a=b\r\nhello\r\n", b"5;a\r\nhello\r\n", b"05\r\nhello\r\n",
          b"5 \r\nhello\r\n", b"5\nhello\n", b"0x5\r\nhello\r\n", b"-5\r\nhello\r\n", b"5;\r\nhello\r\n", b"5;a=\"b\"\r\nhello\r\n",
          b"6\r\nhello\r\n", b"4\r\nhello\r\n", b"\r\nhello\r\n", b"fffffffffffffffff\r\nx\r\n", b"5;a;b=c;d\r\nhello\r\n",
          b"5;a =b\r\nhello\r\n", b"5;=b\r\nhello\r\n", b"g\r\n"]
CHUNK_ENDS = [b"0\r\n\r\n"] * 6 + [b"0\r\nt: v\r\n\r\n", b"00\r\n\r\n", b"0\n\n", b"0\r\n\n", b"0\r\n t: v\r\n\r\n", b"0;x\r\n\r\n",
                                   b"0\r\nt : v\r\n\r\n", b"0\r\nnocolon\r\n\r\n", b"0\r\nt: \x01\r\n\r\n",
                                   b"0\r\nContent-Length: 3\r\n\r\n", b"", b"0\r\n"]
BODIES = [b"", b"", b"hello", b"hello", b"hellohello", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"\n"]
BYTES = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b"\x7f", b"\x80", b"0", b"5", b",", b";", b"=", b"#", b"/", b"A", b"a"]


def generate(r):
    end = (lambda: b"\r\n") if r.random() < 0.7 else (lambda: r.choice(ENDS))
    out = r.choice([b""] * 20 + [b"\r\n", b"\n", b"\r\n\r\n", b" "])
    out += b" ".join([r.choice(METHODS), r.choice(TARGETS), r.choice(VERSIONS)]) + end()
    lines = [r.choice(HOSTS)] + [r.choice(FIELDS) for _ in range(r.choice([0, 0, 1, 1, 2, 3]))]
    r.shuffle(lines)
    out += b"".join(line + end() for line in lines) + end()
    if r.random() < 0.5 and b"hunked" in out:
        return out + b"".join(r.choice(CHUNKS[:3] if r.random() < 0.5 else CHUNKS) for _ in range(r.randrange(3))) + \
            r.choice(CHUNK_ENDS)
    return out + r.choice(BODIES)


def sound(r):
    """A request that both take, for mutations."""
    lines = [b"Host: a.example"] + r.sample([b"Accept: */*", b"X-Test: a  b", b"User-Agent: x/1"], r.randrange(3))
    body = r.choice([b"", b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n1\r\nx\r\n0\r\nt: v\r\n\r\n"])
    if body == b"hello":
        lines.append(b"Content-Length: 5")
    elif body:
        lines.append(b"Transfer-Encoding: chunked")
    r.shuffle(lines)
    method = b"POST" if body else r.choice([b"GET", b"HEAD"])
    return method + b" /a/@v/list?x=y HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body


def mutate(r, data):
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        at, n = r.randrange(len(data) + 1), r.choice([0, 1, 1, 2, 5])
        what = r.random()
        if what < 0.3:
            data = data[:at] + r.choice(BYTES) + data[at:]
        elif what < 0.6:
            data = data[:at] + r.choice(BYTES) + data[at + 1:]
        elif what < 0.8:
            data = data[:at] + data[at + n:]
        elif what < 0.9:
            data = data[:at] + bytes([r.randrange(256)]) + data[at + 1:]
        else:
            data = data[:at] + data[at:at + 20] + data[at:]
    return data


class Theirs:
    """What llhttp makes of the first request: fed byte by byte, so that its end is known."""

    def __init__(self, data):
        self.url, self.fields, self.body, self.is_done = b"", [], 0, False
        self.verdict, self.used = "more", 0
        parser = httptools.HttpRequestParser(self)
        for i in range(len(data)):
            try:
                parser.feed_data(data[i:i + 1])
            except httptools.HttpParserUpgrade:
                self.is_done = True
            except httptools.HttpParserError:
                # An error in the byte that ended the request is about what follows.
                self.verdict = "done" if self.is_done else "bad"
                break
            if self.is_done:
                self.verdict, self.used = "done", i + 1
                break
        if self.verdict == "done":
            self.method, self.minor = parser.get_method(), parser.get_http_version()
            self.keep_alive = parser.should_keep_alive()

    def on_url(self, part):
        self.url += part

    def on_header(self, name, value):
        self.fields.append((name.lower(), value.strip(b" \t")))

    def on_body(self, part):
        self.body += len(part)

    def on_message_complete(self):
        self.is_done = True


def ask_ours(build, inputs):
    data = b"".join(struct.pack("<I", len(i)) + i for i in inputs)
    run = subprocess.run([os.path.join(build, "tests", "http", "h1_driver")], input=data, capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def target_of(ours):
    path, query = (bytes.fromhex(ours[k]) for k in ("path", "query"))
    return path, query


def their_target(url):
    """Path and query of the target that llhttp found."""
    for scheme in (b"http://", b"https://"):
        if url.startswith(scheme):
            rest = url[len(scheme):]
            at = min([i for i in (rest.find(b"/"), rest.find(b"?")) if i >= 0], default=len(rest))
            url = rest[at:]
    path, _, query = url.partition(b"?")
    return path or b"/", query


def difference(ours, theirs):
    """Why two that both took the request do not understand it alike; None when they do."""
    names = [(bytes.fromhex(ours[f"name{i}"]).lower(), bytes.fromhex(ours[f"value{i}"])) for i in range(ours["fields"])]
    checks = {
        "method": bytes.fromhex(ours["method"]) == theirs.method,
        "target": target_of(ours) == their_target(theirs.url),
        # llhttp gives out trailers as if they were fields; they come last.
        "fields": names == theirs.fields[:len(names)] and (theirs.body or len(names) == len(theirs.fields)
                                                          or (b"transfer-encoding", b"chunked") in
                                                          [(n, v.lower()) for n, v in names]),
        "body": ours["body"] == theirs.body,
        "end": ours["used"] == theirs.used,
        "version": f"1.{ours['minor']}" == theirs.minor,
        # To close is always right. llhttp also listens to Proxy-Connection, which no standard knows.
        "keep-alive": not ours["keep_alive"] or theirs.keep_alive or b"proxy-connection" in dict(names),
    }
    return ", ".join(k for k, same in checks.items() if not same) or None


def compare(inputs, answers):
    """Counts by kind, and the violations with their inputs."""
    agree, refused, violations = collections.Counter(), collections.defaultdict(list), []
    for data, ours in zip(inputs, answers):
        theirs = Theirs(data)
        mine = ours["verdict"]
        if mine == "done" and theirs.verdict == "done":
            why = difference(ours, theirs)
            if why:
                violations.append((f"understood differently: {why}", data))
            else:
                agree["taken alike"] += 1
        elif mine == "done":
            violations.append((f"we take what llhttp calls {theirs.verdict}", data))
        elif mine == "bad" and theirs.verdict != "bad":
            refused[(ours["status"], ours["text"])].append(data)
        elif mine == "bad":
            agree["refused by both"] += 1
        else:
            agree["not whole yet" if theirs.verdict == "more" else "not judged before the line is whole"] += 1
            if theirs.verdict == "done":
                violations.append(("we wait for more", data))
    return agree, refused, violations


REASONS = {
    "malformed Host field": "RFC 9112, 3.2: an invalid value is answered 400. llhttp does not look at the value. An empty one names no host.",
    "malformed request target": "Bytes that no URI has, fragments, user information and schemes other than http and https. Origin-form, absolute-form and `OPTIONS *` are all a server needs.",
    "method not known": "Methods that no handler answers (501), CONNECT and TRACE among them.",
    "no Host field": "RFC 9112, 3.2: 400 in HTTP/1.1. llhttp leaves it to its user.",
    "more than one Host field": "RFC 9112, 3.2: 400; two hosts are two meanings.",
    "malformed request line": "Empty lines or blanks before it, or an unusual separator.",
    "this is not HTTP": "The first byte cannot start a method. More than one empty line before the request line is refused too.",
    "only HTTP/1.0 and HTTP/1.1 are spoken here": "505; llhttp also takes 0.9 and 2.0.",
    "no HTTP version in the request line": "HTTP/0.9 has no header and no end of its own; RTSP and ICE are other protocols.",
    "transfer coding not known": "Only chunked alone is known; what a lenient reader makes of others is how requests are smuggled (501).",
    "more than one Transfer-Encoding field": "Two fields are one list, and lists are refused.",
    "Transfer-Encoding in HTTP/1.0": "RFC 9112, 6.1: its framing is faulty.",
    "malformed Content-Length field": "At most 18 digits, nothing else.",
    "more than one Content-Length field": "Also when they are equal.",
    "both Content-Length and Transfer-Encoding": "RFC 9112, 6.3: an attempt at smuggling.",
    "expectation not known": "RFC 9110, 10.1.1: 417.",
    "a control byte in a field value": "No byte below blank but the tab, and not DEL.",
    "a field line does not start with a name (or is folded)": "Folded lines are obsolete (RFC 9112, 5.2); llhttp joins them.",
    "a field name is not followed by a colon": "RFC 9112, 5.1: no blank before the colon.",
    "a body in a request for another protocol": "With Upgrade, llhttp may count the body to the other protocol.",
    "a CR without LF": "llhttp takes any byte after the CR of the empty line for the LF.",
    "a name that begins as Transfer-Encoding": "llhttp compares only so far, and then refuses a coding that is not there.",
    "a line ends without CR": "A bare LF ends a line for some readers and not for others.",
    "the Host field and the request target disagree": "RFC 9112, 3.2.2 lets the target win; who sends two different hosts is refused.",
    "malformed chunked body": "Sizes of at most 15 digits, extensions of plain tokens, trailers of the form of fields; no bare LF, no blanks.",
    "chunk extensions or trailers are too large": "Bounded at 4 KB together.",
    "the body is too large": "Bodies are read and dropped, up to `http.max_body`.",
    "the header is too large": "`http.max_header`.",
    "the request line is too long": "`http.max_header`.",
    "too many header fields": "100 fields.",
}


def document(count, seed, agree, refused):
    lines = ["# Where the HTTP/1.1 reader differs from llhttp", "",
             "`src/http/h1_parse.c` takes less than llhttp, the parser of Node.js, does by default. This page is written by",
             f"`tests/http/compare_llhttp.py BUILD --write docs/http-differences.md` from {count} requests (seed {seed}), half of them",
             "generated from parts, half mutated from sound ones. The rule is: both understand a request alike, or it is",
             "refused here. No request of the run breaks it.", "",
             "| outcome | requests |", "|---|---|"]
    lines += [f"| {kind} | {n} |" for kind, n in sorted(agree.items())]
    lines += [f"| refused here, taken (or not yet refused) by llhttp | {sum(map(len, refused.values()))} |", "",
              "| refused here | status | requests | why |", "|---|---|---|---|"]
    for (status, text), found in sorted(refused.items(), key=lambda kv: -len(kv[1])):
        lines.append(f"| {text} | {status} | {len(found)} | {REASONS.get(text, 'NO REASON IS GIVEN')} |")
    return "\n".join(lines) + "\n"


def main():
    args = argparse.ArgumentParser()
    args.add_argument("build")
    args.add_argument("--count", type=int, default=10000)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--write")
    args = args.parse_args()
    r = random.Random(args.seed)
    inputs = [generate(r) if i % 2 else mutate(r, sound(r)) for i in range(args.count)]
    agree, refused, violations = compare(inputs, ask_ours(args.build, inputs))
    text = document(args.count, args.seed, agree, refused)
    if args.write and not violations:
        with open(args.write, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        print(text)
    for why, data in violations[:20]:
        print(f"VIOLATION: {why}: {data!r}", file=sys.stderr)
    unexplained = [text for _, text in refused if text not in REASONS]
    if unexplained:
        print(f"no reason is given for: {unexplained}", file=sys.stderr)
    print(f"{args.count} requests, {len(violations)} violations", file=sys.stderr)
    return 1 if violations or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
