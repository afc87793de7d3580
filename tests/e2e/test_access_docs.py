"""The commands of docs/access.md, as they stand there; only the gateway's address and its folders are others."""

import os
import re
import subprocess

import access_parts as parts
import harness


def commands():
    with open(os.path.join(harness.ROOT, "docs", "access.md"), encoding="utf-8") as page:
        blocks = re.findall(r"<!-- run -->\n *```sh\n(.*?)```", page.read(), re.DOTALL)
    assert len(blocks) >= 4
    return "".join(re.sub(r"(?m)^   ", "", block) for block in blocks)


def test_the_commands_of_the_page(gateway_on, upstream, flags, tmp_path):
    cert, key, context = harness.server_context(tmp_path)
    data, home, tools = tmp_path / "data", tmp_path / "home", tmp_path / "bin"
    for folder in (data, home, tools):
        folder.mkdir()
    (tools / "modgate").symlink_to(harness.PROGRAM)
    file = parts.settings_file(tmp_path, f"data_dir: {data}\naccess: {{mode: required}}\n")
    gateway = gateway_on(upstream.http, *flags, "--config-file", file, *parts.tls_flags(cert, key), scheme="https",
                         context=context)
    script = commands().replace("machine go.corp.example", "machine 127.0.0.1")
    script = script.replace("go.corp.example", gateway.address).replace("/etc/modgate/modgate.yaml", file)
    # A token is taken within a second; people are slower than this script.
    script = re.sub(r"(?m)^(curl .*|GOPROXY=.*)$", r"for i in $(seq 200); do \1 && break; sleep 0.1; done; \1", script)
    env = harness.clean_environment(
        HOME=str(home), PATH=f"{tools}:{os.environ['PATH']}", SSL_CERT_FILE=cert, CURL_CA_BUNDLE=cert, GOSUMDB="off",
        GOMODCACHE=str(tmp_path / "modcache"), GOFLAGS="-modcacherw", GOTOOLCHAIN="local")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=env, cwd=home, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, script + done.stdout + done.stderr
    assert '"Path": "gen.example.com/m0"' in done.stdout and "revoked" in done.stdout
    gateway.wait_log('"identity":"token:alice"')
    gateway.wait_log('"identity":"token:build"')
