"""TLS: versions, resumption, reload, and those who do not get so far."""

import os
import random
import shutil
import socket
import ssl

import pytest

from http_harness import (Server, is_closed, make_certificate, read_all, read_answer, request, reset, tls_context,
                          wait_until)

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def own(tmp_path):
    """A server with certificate files of its own."""
    cert, key = make_certificate(str(tmp_path), "own")
    server = Server(str(tmp_path), cert, key, header_timeout_ms=1000)
    yield server
    server.stop()


def name_of(s):
    pem = ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))
    for name in ("own", "two", "three", "rsa"):
        if f"{name}.example".encode() in ssl.PEM_cert_to_DER_cert(pem):
            return name
    return None


@pytest.mark.parametrize("version,text", [(V12, "TLSv1.2"), (V13, "TLSv1.3")])
def test_versions(server, version, text):
    with server.connect_tls(lowest=version, highest=version) as s:
        assert s.version() == text and s.selected_alpn_protocol() == "http/1.1"
        s.sendall(request())
        assert read_answer(s).status == 200


def test_old_versions_are_refused(server):
    context = tls_context(lowest=ssl.TLSVersion.TLSv1, highest=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        server.connect_tls(context=context)
    assert server.wait_stats(connections_open=1)["tls_failures_total"] == 1


def test_alpn(server):
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1", "h2"), "h2"), (("http/1.1",), "http/1.1")):
        with server.connect_tls(alpn=offered) as s:
            assert s.selected_alpn_protocol() == chosen
    with server.connect_tls(alpn=()) as s:
        s.sendall(request())
        assert read_answer(s).status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        server.connect_tls(alpn=("spdy/1",))


@pytest.mark.parametrize("version", [V12, V13])
def test_sessions_are_resumed_also_after_a_reload(own, tmp_path, version):
    context = tls_context(lowest=version, highest=version)
    session = None
    for i in range(3):
        with own.connect_tls(context=context, session=session) as s:
            assert s.session_reused == (i > 0)
            s.sendall(request())
            assert read_answer(s).status == 200  # with TLS 1.3 the ticket has come by now
            session = s.session
        if i == 1:
            assert own.reload() == "reloaded\n"


def test_reload_changes_new_connections_only(own, tmp_path):
    with own.connect_tls() as before:
        assert name_of(before) == "own"
        for name in ("two", "rsa"):
            key = ("-newkey", "rsa:2048") if name == "rsa" else ()
            cert, key_file = make_certificate(str(tmp_path), name, *key)
            shutil.copy(cert, tmp_path / "own.crt")
            shutil.copy(key_file, tmp_path / "own.key")
            assert own.reload() == "reloaded\n"
            with own.connect_tls() as after:
                assert name_of(after) == name
                after.sendall(request())
                assert read_answer(after).status == 200
        before.sendall(request())
        assert read_answer(before).status == 200


@pytest.mark.parametrize("damage", ["garbage", "missing", "other key"])
def test_a_bad_reload_keeps_the_old(own, tmp_path, damage):
    if damage == "garbage":
        (tmp_path / "own.crt").write_text("no certificate")
    elif damage == "missing":
        os.remove(tmp_path / "own.key")
    else:
        shutil.copy(make_certificate(str(tmp_path), "three")[1], tmp_path / "own.key")
    assert own.reload() == ""
    with own.connect_tls() as s:
        assert name_of(s) == "own"
        s.sendall(request())
        assert read_answer(s).status == 200


def test_http_in_clear_is_told(own):
    with socket.create_connection(("127.0.0.1", own.tls_port), timeout=60) as s:
        s.sendall(request())
        a = read_answer(s)
        assert a.status == 400 and b"https://" in a.body
        assert is_closed(s)
    assert own.wait_stats(connections_open=1)["tls_failures_total"] == 1


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01\x00\x02", random.Random(1).randbytes(500)])
def test_what_is_no_handshake(own, data):
    with socket.create_connection(("127.0.0.1", own.tls_port), timeout=60) as s:
        s.sendall(data)
        assert is_closed(s)
    assert own.wait_stats(connections_open=1)["tls_failures_total"] == 1


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_that_does_not_go_on(own, data):
    with socket.create_connection(("127.0.0.1", own.tls_port), timeout=60) as s:
        s.sendall(data)
        assert is_closed(s)
    own.wait_stats(connections_open=1)


def test_a_hello_in_pieces(own):
    """go's ClientHello fills two segments; others cut it anywhere."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context().wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", own.tls_port), timeout=60) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def run(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for b in outgoing.read():
                        raw.sendall(bytes([b]))
                    incoming.write(raw.recv(65536))

        run(tls.do_handshake)
        tls.write(request())
        for b in outgoing.read():
            raw.sendall(bytes([b]))
        assert run(lambda: tls.read(15)) == b"HTTP/1.1 200 OK"


def test_leaving_during_the_handshake(own):
    for leave in (socket.socket.close, reset):
        s = socket.create_connection(("127.0.0.1", own.tls_port))
        s.sendall(b"\x16\x03\x01\x02\x00")
        leave(s)
    own.wait_stats(connections_open=1)


def test_close_is_said(server):
    """An end without close_notify would look like an attack to the client."""
    with server.connect_tls() as s:
        s.sendall(request("/small", "GET", "Connection: close"))
        assert read_answer(s).status == 200
        assert s.recv(1) == b""  # raises on an end without close_notify


def test_renegotiation_is_refused(server):
    run = wait_until(lambda: _openssl_renegotiation(server.tls_port), "openssl s_client runs")
    assert b"no renegotiation" in run.stderr + run.stdout or run.returncode != 0


def _openssl_renegotiation(port):
    import subprocess
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], input=b"R\n",
                          capture_output=True, timeout=60, check=False)
