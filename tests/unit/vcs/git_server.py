#!/usr/bin/python3
"""usage: git_server.py ROOT [CERT]: git repositories below ROOT over http (https with a PEM file).

Prints its port, then a line per request, and one more for each that it leaves hanging. Path elements in front say what happens: auth wants user "u"
and password "p", bearer the token "t"; hang takes the request and never answers, once does so for the
first fetch only; away/HOST:PORT redirects there; busy is 503; dumb knows files only.
"""

import base64
import gzip
import http.server
import os
import ssl
import subprocess
import sys
import threading

ROOT = sys.argv[1]
NEVER = threading.Event()
HUNG = threading.Event()
WANTED = {
    "auth": "Basic " + base64.b64encode(b"u:p").decode(),
    "bearer": "Bearer t",
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    taken = None

    def log_message(self, *_):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.taken is not None:
            data, self.taken = self.taken, None
            return data
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline(), 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def backend(self, path, query):
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": ROOT,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        out = subprocess.run(["git", "http-backend"], input=self.body(), env=env, capture_output=True,
                             check=False).stdout
        head, _, body = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        status = int(fields.pop("Status", "200").split()[0])
        self.say(status, body, **fields)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        auth = self.headers.get("Authorization")
        print(self.command, self.path, auth or "-", flush=True)
        kind, _, rest = path.lstrip("/").partition("/")
        if kind in WANTED:
            if auth != WANTED[kind]:
                self.body()
                self.say(401, WWW_Authenticate='Basic realm="x"')
                return
            kind, _, rest = rest.partition("/")
        if kind == "hang" or (kind == "once" and self.command == "POST" and not HUNG.is_set()
                              and b"command=fetch" in self.peek()):
            HUNG.set()
            print("HANGS", self.path, flush=True)
            NEVER.wait()
        elif kind == "busy":
            self.say(503)
        elif kind == "away":
            host, _, rest = rest.partition("/")
            scheme = "https" if len(sys.argv) > 2 else "http"
            self.say(302, Location=f"{scheme}://{host}/{rest}?{query}")
        else:
            plain = kind in ("dumb", "once")
            self.backend("/" + (rest if plain else f"{kind}/{rest}"), "" if kind == "dumb" else query)

    def peek(self):
        self.taken = self.body()
        return self.taken

    do_POST = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
