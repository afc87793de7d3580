"""modgate config, and settings as flags of commands."""

import json
import os
import subprocess
import sys

import pytest
from harness import PROGRAM, ROOT, clean_environment, free_port

sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import prometheus  # noqa: E402


@pytest.fixture
def run(tmp_path):
    """Runs modgate config with a home of its own: (exit code, standard output, standard error)."""

    def run(*args, stdin=None, **environment):
        env = clean_environment(HOME=str(tmp_path), XDG_CONFIG_HOME=None, XDG_DATA_HOME=None)
        env.pop("XDG_CONFIG_HOME", None)
        env.pop("XDG_DATA_HOME", None)
        env.update(environment)
        done = subprocess.run([PROGRAM, "config", *args], env=env, input=stdin, capture_output=True, text=True,
                              check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    return run


def write(path, text, mode=0o640):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def values(printed):
    return {key: row["value"] for key, row in json.loads(printed).items()}


def test_good_file(run, tmp_path):
    file = write(tmp_path / "m.yaml", "listen: ':0'\n")
    assert run("check", file) == (0, f"{file}: fine\n", "")
    assert run("check", "--config-file", file)[0] == 0
    code, out, _ = run("check", "--json", file)
    assert code == 0
    assert json.loads(out) == {"ok": True, "file": file, "findings": []}


def test_bad_file_says_where_and_what_was_meant(run, tmp_path):
    file = write(tmp_path / "m.yaml", "listen: ':0'\nstore:\n  max_sise: 10GiB\nlog: {level: loud}\n")
    findings = [f'{file}:3: store has no key "max_sise"; did you mean "max_size"?',
                f'{file}:4: log.level: "loud" is not one of debug, info, warn or error']
    assert run("check", file) == (1, "", "\n".join(findings) + "\n")
    code, out, _ = run("check", "--json", file)
    assert code == 1
    assert json.loads(out) == {"ok": False, "file": file, "findings": findings}
    assert run("print", "--config-file", file)[0] == 1


def test_file_from_a_pipe(run):
    assert run("check", "/dev/stdin", stdin="listen: ':0'\n")[0] == 0
    code, _, err = run("check", "/dev/stdin", stdin="lisen: ':0'\n")
    assert (code, err) == (1, '/dev/stdin:1: no key "lisen"; did you mean "listen"?\n')


def test_named_file_must_be_there(run, tmp_path):
    missing = str(tmp_path / "missing.yaml")
    for args, env in [(("check", missing), {}), (("print", "--config-file", missing), {}),
                      (("print",), {"MODGATE_CONFIG_FILE": missing})]:
        code, out, err = run(*args, **env)
        assert (code, out) == (1, "")
        assert "missing.yaml: No such file or directory" in err


def test_where_the_file_is_looked_for(run, tmp_path):
    write(tmp_path / ".config" / "modgate" / "modgate.yaml", "listen: ':1'\n")
    xdg = tmp_path / "xdg"
    write(xdg / "modgate" / "modgate.yaml", "listen: ':2'\n")
    by_variable = write(tmp_path / "variable.yaml", "listen: ':3'\n")
    by_flag = write(tmp_path / "flag.yaml", "listen: ':4'\n")
    env = {}
    for more, flags, port in [({}, (), ":1"), ({"XDG_CONFIG_HOME": str(xdg)}, (), ":2"),
                              ({"MODGATE_CONFIG_FILE": by_variable}, (), ":3"),
                              ({}, ("--config-file", by_flag), ":4")]:
        env.update(more)
        code, out, _ = run("print", "--json", *flags, **env)
        assert code == 0
        assert values(out)["listen"] == port


def test_flag_over_variable_over_file_over_default(run, tmp_path):
    file = write(tmp_path / "m.yaml", "log: {level: warn, format: text}\ncache: {list_ttl: 90s}\n")
    code, out, _ = run("print", "--json", "--config-file", file, "--log-level=error", "--store-max-size", "10 GiB",
                       MODGATE_LOG_LEVEL="debug", MODGATE_CACHE_LIST_TTL="2m")
    assert code == 0
    rows = json.loads(out)
    assert rows["log.level"] == {"value": "error", "source": "flag", "origin": "--log-level"}
    assert rows["cache.list_ttl"] == {"value": "2m", "source": "env", "origin": "MODGATE_CACHE_LIST_TTL"}
    assert rows["log.format"] == {"value": "text", "source": "file", "origin": f"{file}:1"}
    assert rows["fetch.retries"] == {"value": 3, "source": "default", "origin": "default"}
    assert rows["store.max_size"]["value"] == 10 << 30
    assert rows["log.access"]["value"] is True


def test_secrets_are_masked(run, tmp_path):
    secret = write(tmp_path / "secret", "from-file\n", 0o600)
    file = write(tmp_path / "m.yaml", "upstream: https://u:in-url@mirror.example.com\nfetch:\n  credentials:\n"
                 "    - {host: a.example.com, user: u, secret: in-file}\n"
                 "    - {host: b.example.com, secret_env: TOKEN}\n"
                 f"    - {{host: c.example.com, secret_file: {secret}}}\n")
    for flags in ((), ("--json",)):
        code, out, _ = run("print", "--config-file", file, *flags, TOKEN="in-variable")
        assert code == 0
        assert not any(hidden in out for hidden in ("in-url", "in-file", "from-file", "in-variable"))
        assert "c.example.com" in out
    os.chmod(file, 0o644)
    code, _, err = run("check", file, TOKEN="x")
    assert code == 1
    assert err == (f"{file}:3: the file holds a secret and everybody may read it: chmod o-r it, or move the secret "
                   "to a file of its own\n")


def test_check_goes_as_far_as_the_daemon(run, tmp_path):
    """What the daemon would refuse at its start is refused here: upstreams and what their files hold."""
    not_pem = write(tmp_path / "ca.pem", "no certificate\n")
    for flags, fault in [(("--upstream", "file://relative"), "file://relative"),
                         (("--upstream", "https://a b"), "https://a b"),
                         (("--upstream", "ftp://mirror.example.com"), "ftp://mirror.example.com"),
                         (("--fetch-ca-file", not_pem), not_pem),
                         (("--tls-cert-file", not_pem, "--tls-key-file", not_pem), "tls.cert_file"),
                         (("--sumdb", "sum.example.com ftp://x"), "sumdb"),
                         (("--private", "^corp"), "private")]:
        code, out, err = run("check", *flags)
        assert (code, out) == (1, "")
        assert fault in err
    code, _, err = run("check", "--upstream", "https://a b", "--sumdb", "sum.example.com ftp://x", "--tls-cert-file", not_pem,
                       "--tls-key-file", not_pem)
    assert code == 1 and len(err.splitlines()) == 3, err


def test_check_asks_hosts_of_version_control(run, tmp_path):
    """A rule's repository that does not answer is a finding; --offline asks nobody. Nothing is left behind."""
    for name in ("tmp", "data"):
        (tmp_path / name).mkdir()
    flags = ("--vcs-rules", f"a.test.example=http://127.0.0.1:{free_port()}/x.git", "--vcs-insecure", "a.test.example",
             "--data-dir", str(tmp_path / "data"))
    code, _, err = run("check", *flags, TMPDIR=str(tmp_path / "tmp"))
    assert code == 1 and err.startswith("vcs.rules: a.test.example: "), err
    code, out, err = run("check", "--offline", *flags, TMPDIR=str(tmp_path / "tmp"))
    assert (code, err) == (0, ""), out
    assert os.listdir(tmp_path / "tmp") == os.listdir(tmp_path / "data") == []


def test_printed_settings_and_sample_are_files(run, tmp_path):
    for part in ("print", "sample"):
        code, out, _ = run(part)
        assert code == 0
        assert run("check", write(tmp_path / f"{part}.yaml", out))[0] == 0


def test_slips_in_variables(run):
    code, _, err = run("check", MODGATE_LITSEN=":1", MODGATE_PORT="tcp://10.0.0.1:80")
    assert (code, err) == (1, '"MODGATE_LITSEN": no such variable; did you mean MODGATE_LISTEN?\n')


@pytest.mark.parametrize("args", [(), ("frobnicate",), ("check", "a", "b"), ("print", "a"), ("sample", "a"),
                                  ("print", "--lisen", ":1"), ("print", "--listen"), ("sample", "--listen", ":1")])
def test_usage_mistakes(run, args):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "modgate config" in err


def test_help_lists_settings_by_section(run):
    code, out, err = run("print", "--help")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "usage: modgate config print [options]"
    assert lines.index("cache:") < lines.index("fetch:") < lines.index("http:")
    assert any(line.startswith("      --store-max-size SIZE ") for line in lines)
    assert max(map(len, lines)) <= 100


@pytest.mark.threads
def test_secrets_of_upstreams_are_told_to_nobody(gateway_on):
    gateway = gateway_on("https://reader:hush-hush@127.0.0.1:1", "--fetch-retries", "0")
    failed = gateway.get("/example.com/m/@v/v1.0.0.info")
    assert failed.status in (502, 503, 504)
    metrics = gateway.get("/metrics").text
    assert "modgate_build_info" in metrics
    for told in (failed.text, metrics, gateway.get("/readyz").text, gateway.get("/readyz?verbose").text,
                 gateway.log):
        assert "hush-hush" not in told


def test_metrics_text_is_strict(gateway_on, upstream):
    """The whole of /metrics, rows of every room, before a reader that forgives nothing."""
    gateway = gateway_on(upstream.http)
    for path in ("/healthz", "/example.com/nothing/@v/list", "/-bad/@v/list", "/metrics"):
        gateway.get(path)
    answer = gateway.get("/metrics")
    assert answer["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = prometheus.parse(answer.text)
    assert families["http_server_request_duration_seconds"].type == "histogram"
