"""The test server of src/http as an object, raw HTTP/1.1 and raw HTTP/2 frames."""

import json
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import hpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MODGATE_BUILD", os.path.join(ROOT, "build"))
PROGRAM = os.path.join(BUILD, "tests", "http", "http_testserver")
PATIENCE_S = float(os.environ.get("MODGATE_TEST_PATIENCE", "60"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 5, 8, 11


def wait_until(condition, what):
    """Returns the first true value of condition()."""
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


def make_certificate(folder, name, *key):
    cert, key_file = os.path.join(folder, f"{name}.crt"), os.path.join(folder, f"{name}.key")
    key = key or ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    subprocess.run(["openssl", "req", "-x509", *key, "-nodes", "-keyout", key_file, "-out", cert, "-days", "30",
                    "-subj", f"/CN={name}.example", "-addext", f"subjectAltName=DNS:{name}.example"],
                   check=True, capture_output=True)
    return cert, key_file


class Server:
    """One process. Options are those of http_testserver; loops=1 makes its counts whole."""

    def __init__(self, folder, cert=None, key=None, **options):
        options = {"loops": 1, "root": folder, "listen": "127.0.0.1:0", **options}
        if cert:
            options.update(tls="127.0.0.1:0", cert=cert, key=key)
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        # What AddressSanitizer keeps of freed memory would look like memory in use.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        self.process = subprocess.Popen([PROGRAM, *(f"{k}={v}" for k, v in options.items())],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=dict(os.environ, ASAN_OPTIONS=asan.lstrip(":")))
        self.port = self._read_port()
        self.tls_port = self._read_port() if cert else None

    def _read_port(self):
        line = self.process.stdout.readline()
        assert line.startswith("port "), f"the server did not start: {line}"
        return int(line.split()[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def connect_tls(self, alpn=("http/1.1",), session=None, **limits):
        context = limits.pop("context", None) or tls_context(alpn, **limits)
        raw = socket.create_connection(("127.0.0.1", self.tls_port), timeout=PATIENCE_S)
        return context.wrap_socket(raw, session=session)

    def get(self, path, method="GET", fields=()):
        with self.connect() as s:
            s.sendall(request(path, method, "Connection: close", *fields))
            return read_answer(s, method)

    def stats(self):
        return json.loads(self.get("/stats").body)

    def wait_stats(self, **wanted):
        """The asking connection and request count themselves."""
        def have():
            s = self.stats()
            return s if all(s[k] == v for k, v in wanted.items()) else None
        return wait_until(have, f"stats {wanted}; they are {self.stats()}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        self.signal(signal.SIGHUP)
        if select.select([self.process.stdout], [], [], 2)[0]:
            return self.process.stdout.readline()
        return ""

    def stop(self):
        """Ends it by a drain and looks for what the sanitizers have found."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.errors.seek(0)
        text = self.errors.read()
        self.errors.close()
        assert code == 0 and "Sanitizer" not in text and "runtime error" not in text, f"exit {code}: {text[-4000:]}"


def tls_context(alpn=("http/1.1",), lowest=ssl.TLSVersion.TLSv1_2, highest=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version, context.maximum_version = lowest, highest
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def request(path="/small", method="GET", *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: a.example", *fields, "", ""]
    return "\r\n".join(lines).encode()


class Answer:
    def __init__(self, status, version, fields, body):
        self.status, self.version, self.fields, self.body = status, version, fields, body


def read_head(s, kept=b""):
    """Status, version, fields and what has come behind them; None when the peer has closed before."""
    data = kept
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            assert not data, f"a cut answer: {data!r}"
            return None
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    version, status, _ = lines[0].split(" ", 2)
    fields = dict(line.split(": ", 1) for line in lines[1:])
    return int(status), version, fields, rest


def read_answer(s, method="GET", kept=None):
    """One answer. kept is a list with the bytes read too much, before and after."""
    kept = [b""] if kept is None else kept
    head = read_head(s, kept[0])
    if head is None:
        return None
    status, version, fields, rest = head
    has_body = method != "HEAD" and status not in (100, 204, 304)
    length = int(fields.get("content-length", 0)) if has_body else 0
    while len(rest) < length:
        more = s.recv(65536)
        assert more, f"the body ends after {len(rest)} of {length} bytes"
        rest += more
    kept[0] = rest[length:]
    return Answer(status, version, fields, rest[:length])


def read_all(s):
    """Until the peer closes; a reset counts as the end."""
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def is_closed(s):
    """Waits for the end of the connection, dropping what comes."""
    read_all(s)
    return True


def reset(s):
    """Closes with RST instead of FIN."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class H2:
    """Raw frames over a connection; reading never fails on what a well-behaved client would not see."""

    def __init__(self, s, settings=()):
        self.socket = s
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.data = b""
        self.next_id = 1
        payload = b"".join(struct.pack(">HI", k, v) for k, v in settings)
        self.send(PREFACE, frame(SETTINGS, 0, 0, payload), frame(SETTINGS, ACK))

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def send_quietly(self, *frames):
        """False when the peer has closed."""
        try:
            self.send(*frames)
            return True
        except OSError:
            return False

    def block(self, path="/small", method="GET", fields=()):
        base = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "a.example")]
        return self.encoder.encode(base + list(fields))

    def headers(self, path="/small", method="GET", fields=(), end=True):
        """A HEADERS frame on the next stream, and its id."""
        stream, self.next_id = self.next_id, self.next_id + 2
        flags = END_HEADERS | (END_STREAM if end else 0)
        return frame(HEADERS, flags, stream, self.block(path, method, fields)), stream

    def request(self, *args, **more):
        data, stream = self.headers(*args, **more)
        self.send(data)
        return stream

    def read_frame(self):
        """(kind, flags, stream, payload), or None at the end."""
        while True:
            if len(self.data) >= 9:
                length = int.from_bytes(self.data[:3], "big")
                if len(self.data) >= 9 + length:
                    kind, flags, stream = struct.unpack(">BBI", self.data[3:9])
                    payload, self.data = self.data[9:9 + length], self.data[9 + length:]
                    return kind, flags, stream & 0x7FFFFFFF, payload
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.data += more

    def read_until(self, wanted):
        """The first frame for which wanted(kind, flags, stream, payload) holds; None at the end."""
        while (f := self.read_frame()) and not wanted(*f):
            if f[0] == HEADERS:
                self.decoder.decode(f[3])
        return f

    def answer(self, stream):
        """Status, fields and body of one stream's answer; a RST_STREAM gives (None, code, body)."""
        fields, body = {}, b""
        while f := self.read_frame():
            kind, flags, at, payload = f
            decoded = dict(self.decoder.decode(payload)) if kind == HEADERS else None
            if at != stream:
                continue
            if kind == RST_STREAM:
                return None, int.from_bytes(payload, "big"), body
            if decoded is not None:
                fields.update(decoded)
            if kind == DATA:
                body += payload
            if flags & END_STREAM and kind in (HEADERS, DATA):
                return int(fields[":status"]), fields, body
        raise AssertionError(f"the connection ended before the answer on stream {stream}")

    def goaway(self):
        """The error code of the GOAWAY that ends the connection."""
        f = self.read_until(lambda kind, *_: kind == GOAWAY)
        assert f, "the connection ended without GOAWAY"
        code = int.from_bytes(f[3][4:8], "big")
        assert self.read_until(lambda *_: False) is None
        return code
