"""Clients that go directly are told by ?go-get=1 that the module comes from the gateway: the real go command, without any
setting for it, over TLS with a CA of the test."""

import os
import socket
import ssl
import subprocess
import threading
import zipfile

import pytest

import harness

NAME = "go.test.example"
MODULE = f"{NAME}/team/lib"


class Connect:
    """A proxy for CONNECT that leads every host to one port, so that no name must be resolved."""

    def __init__(self, port):
        self.port, self.hosts = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        head = b""
        while b"\r\n\r\n" not in head:
            part = link.recv(4096)
            if not part:
                return
            head += part
        self.hosts.append(head.split(b" ")[1].decode())
        there = socket.create_connection(("127.0.0.1", self.port))
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        back = threading.Thread(target=self._copy, args=(there, link), daemon=True)
        back.start()
        self._copy(link, there)

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()


def certificate(folder):
    cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key, ssl.create_default_context(cafile=cert)


def write_module(root):
    folder = f"{root}/{MODULE}/@v"
    os.makedirs(folder)
    files = {"go.mod": f"module {MODULE}\n\ngo 1.24\n", "lib.go": "package lib\n\nconst Word = 1\n"}
    with open(f"{folder}/list", "w", encoding="ascii") as file:
        file.write("v1.2.0\n")
    with open(f"{folder}/v1.2.0.info", "w", encoding="ascii") as file:
        file.write('{"Version":"v1.2.0","Time":"2024-01-02T03:04:05Z"}')
    with open(f"{folder}/v1.2.0.mod", "w", encoding="ascii") as file:
        file.write(files["go.mod"])
    with zipfile.ZipFile(f"{folder}/v1.2.0.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{MODULE}@v1.2.0/{name}", text)


@pytest.fixture
def vanity(gateway_on, tmp_path):
    write_module(tmp_path / "tree")
    cert, key, context = certificate(tmp_path)
    gateway = gateway_on(f"file://{tmp_path}/tree,off", "--sumdb", "off", "--tls-cert-file", cert, "--tls-key-file", key, "--vcs-vanity",
                         f"{NAME}, example.test.example/go/", "--public-url", f"https://{NAME}", scheme="https", context=context)
    return gateway, cert


@pytest.mark.parametrize("how", [{"GOPROXY": "direct"}, {"GOPROXY": "https://nowhere.test.example", "GOPRIVATE": NAME}])
def test_go_without_a_setting_for_the_gateway(vanity, tmp_path, how):
    gateway, cert = vanity
    proxy = Connect(int(gateway.address.rsplit(":", 1)[1]))
    try:
        go = harness.Go(tmp_path / "client", how["GOPROXY"], GONOSUMDB="*", HTTPS_PROXY=proxy.url, SSL_CERT_FILE=cert,
                        SSL_CERT_DIR="/nowhere", **{k: v for k, v in how.items() if k != "GOPROXY"})
        main = tmp_path / "main"
        main.mkdir()
        (main / "go.mod").write_text("module main.test.example\n\ngo 1.24\n")
        (main / "main.go").write_text(f'package main\n\nimport "{MODULE}"\n\nfunc main() {{ println(lib.Word) }}\n')
        os.makedirs(go.folder, exist_ok=True)
        go.run("get", f"{MODULE}@latest", cwd=main)
        go.run("build", "-o", os.devnull, ".", cwd=main)
        assert f"{MODULE} v1.2.0" in (main / "go.mod").read_text()
        assert set(proxy.hosts) == {f"{NAME}:443"}
    finally:
        proxy.stop()


def test_pages(vanity):
    gateway, _ = vanity

    def get(path, host=NAME):
        return gateway.get(path, {"host": host})

    def tag(prefix):
        return f'<meta name="go-import" content="{prefix} mod https://{NAME}">'

    for path in ("/team/lib", "/team", "/"):
        answer = get(f"{path}?go-get=1")
        assert answer.status == 200 and answer["content-type"].startswith("text/html"), answer
        assert tag(NAME) in answer.text
    assert tag(NAME) in get("/x?a=b&go-get=1", host=f"{NAME}:8443").text
    assert tag(NAME) in get(f"/{NAME}/x?go-get=1", host="127.0.0.1").text, "passed on with the whole path"
    assert tag("example.test.example/go") in get("/go/x?go-get=1", host="example.test.example").text
    for path, host in (("/gox?go-get=1", "example.test.example"), ("/?go-get=1", "example.test.example"),
                       ("/x?go-get=1", f"x.{NAME}"), ("/x?go-get=1", "127.0.0.1"), (f"/{NAME}x?go-get=1", "127.0.0.1")):
        answer = get(path, host)
        assert answer.status == 404, (path, host)
        harness.assert_says_why(answer)
    assert "go-import" not in get("/team/lib?go-get=0").text
    assert get(f"/{MODULE}/@v/list").text == "v1.2.0\n"


def test_nobody_is_told_without_the_setting(gateway_on):
    answer = gateway_on("off").get("/x?go-get=1", {"host": NAME})
    assert answer.status == 404 and "vcs.vanity" in answer.text
