"""The daemon as a process: start, settings, reload, drain, health, metrics, log."""

import json
import re
import signal
import socket
import threading

import pytest

import harness
from harness import modgate, newest, wait_until

MODULE = "gen.example.com/m0"


def write_config(path, **lines):
    path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()), encoding="utf-8")
    return str(path)


def test_health_version_and_readiness(gateway):
    assert gateway.get("/healthz").status == 200
    ready = gateway.get("/readyz")
    assert ready.status == 200, ready
    assert gateway.get("/version").json()["version"] == modgate("version", check=0).stdout.split()[1]
    for path in ("/healthz", "/readyz", "/version", "/metrics"):
        assert "no-store" in gateway.get(path)["cache-control"], path
        assert gateway.head(path).status == 200, path


def test_metrics_are_well_formed_and_count(gateway, upstream):
    path = newest(upstream.tree, MODULE)
    for suffix in (".zip", ".zip", ".info"):
        gateway.get(path + suffix)
    wait_until(lambda: gateway.metric("http_server_request_duration_seconds_count", http_route="zip") == 2,
               "two requests for zips")
    assert gateway.metric("modgate_cache_requests_total", kind="zip", result="miss") == 1
    assert gateway.metric("modgate_cache_requests_total", kind="zip", result="hit") == 1
    answer = gateway.get("/metrics")
    assert answer["content-type"].startswith("text/plain")
    seen, typed = set(), {}
    for line in answer.text.rstrip("\n").split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed, f"{name} twice"
            typed[name] = kind
            continue
        if line.startswith("#"):
            continue
        match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)
        assert match, line
        float(match.group(3))
        series = line.rsplit(" ", 1)[0]
        assert series not in seen, series
        seen.add(series)
        family = match.group(1)
        assert family in typed or re.sub(r"_(bucket|sum|count)$", "", family) in typed, f"no TYPE for {family}"


def test_one_log_line_per_request_with_the_id_that_the_client_got(gateway, upstream):
    answer = gateway.get(newest(upstream.tree, MODULE) + ".mod")
    wanted = answer["x-request-id"]
    wait_until(lambda: wanted in gateway.log, "the request's line")
    lines = [e for e in gateway.log_entries() if wanted in json.dumps(e)]
    assert len(lines) == 1 and lines[0].get("status") == 200, lines
    assert gateway.get("/healthz")["x-request-id"] != wanted


def test_secrets_reach_neither_log_nor_upstream(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--log-level", "debug")
    base = newest(upstream.tree, MODULE)
    assert gateway.get(base + ".zip", {"Authorization": "Bearer s3cr3t-of-a-client", "Cookie": "c=s3cr3t"}).status == 200
    gateway.get(base + ".info?token=s3cr3t")
    assert not any("s3cr3t" in json.dumps(r) for r in upstream.requests())
    gateway.stop()
    assert "s3cr3t" not in gateway.log.replace("?token=s3cr3t", "")


def test_reload_takes_good_settings_and_keeps_the_old_for_bad_ones(gateway_on, upstream, flags, tmp_path):
    config = tmp_path / "modgate.yaml"
    write_config(config, private="a.example")
    gateway = gateway_on(upstream.http, *flags, "--config-file", str(config))
    # A private path is asked of version control only, where its host does not exist. That is not remembered, so
    # asking it again and again tells which settings are in force.
    path = "/gen.example.com/!team!a/!big!mod1/@v/list"

    write_config(config, private="gen.example.com/TeamA")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("modgate_config_last_reload_success_timestamp_seconds") > 0
               and gateway.get("/gen.example.com/!team!a/none/@v/list").status == 502, "the new private list")
    assert gateway.get(path).status == 502
    assert gateway.metric("modgate_config_last_reload_successful") == 1

    write_config(config, privat="a.example")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("modgate_config_last_reload_successful") == 0, "the refusal")
    assert gateway.get(path).status == 502
    gateway.wait_log(r"modgate\.yaml:1.*privat")

    write_config(config, private="a.example")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.get(path).status == 200, "the old list again")
    assert gateway.metric("modgate_config_last_reload_successful") == 1


def test_reload_takes_a_new_certificate(gateway_on, upstream, flags, tmp_path):
    cert, key, context = harness.server_context(tmp_path)
    gateway = gateway_on(upstream.http, *flags, "--tls-cert-file", cert, "--tls-key-file", key, scheme="https",
                         context=context)
    _, _, new_context = harness.server_context(tmp_path)
    gateway.signal(signal.SIGHUP)

    def new_is_used():
        try:
            return harness.ask(gateway.url, "/healthz", context=new_context).status == 200
        except OSError:
            return False
    wait_until(new_is_used, "the new certificate")
    gateway.context = new_context
    with open(cert, "w", encoding="utf-8") as file:
        file.write("no certificate")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: gateway.metric("modgate_config_last_reload_successful") == 0, "the refusal")
    assert gateway.get("/healthz").status == 200


@pytest.mark.threads
def test_drain_lets_running_requests_finish(gateway, upstream):
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    upstream.fault("*" + path, "slow", delay_ms=800)
    answers = []
    asker = threading.Thread(target=lambda: answers.append(gateway.get(path)))
    asker.start()
    wait_until(lambda: upstream.count(path) == 1, "the fetch")
    gateway.signal(signal.SIGTERM)

    def is_closed():
        try:
            gateway.get("/healthz", timeout=5)
            return False
        except OSError:
            return True
    wait_until(is_closed, "no new connections")
    asker.join()
    assert answers[0].status == 200 and answers[0].body == upstream.file(path)
    gateway.stop()


def test_drain_ends_after_its_time(gateway_on, upstream, flags):
    gateway = gateway_on(upstream.http, *flags, "--http-drain-timeout", "300ms", "--fetch-stall-timeout", "20s")
    path = newest(upstream.tree, "gen.example.com/m9") + ".zip"
    upstream.fault("*" + path, "hang")
    host, port = gateway.address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as link:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: upstream.count(path) >= 1, "the fetch")
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(15)
    gateway.stop()


def test_idle_connections_do_not_hold_up_the_end(gateway):
    host, port = gateway.address.rsplit(":", 1)
    links = [socket.create_connection((host, int(port))) for _ in range(20)]
    gateway.stop()
    for link in links:
        link.close()


@pytest.mark.parametrize("flags_, words", [
    (["--listen", "nonsense"], "listen"),
    (["--no-such-flag"], "no-such-flag"),
    (["--upstream", "ftp://x.example"], "upstream"),
    (["--fetch-retries", "many"], "fetch-retries"),
    (["--tls-cert-file", "/does/not/exist.pem", "--tls-key-file", "/does/not/exist.pem"], "exist.pem"),
    (["--config-file", "/does/not/exist.yaml"], "exist.yaml"),
])
def test_bad_settings_end_the_start_with_a_word(tmp_path, flags_, words):
    done = modgate("serve", "--data-dir", str(tmp_path / "data"), *flags_)
    assert done.returncode in (1, 2)
    assert words in done.stderr, done.stderr


def test_an_address_in_use_is_said(gateway, tmp_path):
    done = modgate("serve", "--listen", gateway.address, "--data-dir", str(tmp_path / "other"))
    assert done.returncode != 0 and gateway.address.rsplit(":", 1)[1] in done.stderr
