"""The commands of docs/publishing.md, as they stand there; only the gateway's address and its folders are others."""

import os
import re
import subprocess

import harness


def commands():
    with open(os.path.join(harness.ROOT, "docs", "publishing.md"), encoding="utf-8") as page:
        text = page.read()
    blocks = re.findall(r"<!-- run -->\n *```sh\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 6
    return re.search(r"repositories:\n(?: {5}.*\n)+", text).group(0), "".join(re.sub(r"(?m)^   ", "", b) for b in blocks)


def test_the_commands_of_the_page(gateway_on, tmp_path):
    cert, key, context = harness.server_context(tmp_path)
    data, home, tools = tmp_path / "data", tmp_path / "home", tmp_path / "bin"
    for folder in (data, home, tools):
        folder.mkdir()
    (tools / "modgate").symlink_to(harness.PROGRAM)
    repositories, script = commands()
    file = tmp_path / "modgate.yaml"
    file.write_text(f"data_dir: {data}\nsumdb: \"off\"\n" + re.sub(r"(?m)^   ", "", repositories), encoding="utf-8")
    gateway = gateway_on("off", "--config-file", str(file), "--tls-cert-file", cert, "--tls-key-file", key, scheme="https",
                         context=context)
    script = script.replace("go.corp.example", gateway.address).replace("/etc/modgate/modgate.yaml", str(file))
    # A token is taken within a second; people are slower than this script.
    script = re.sub(r"(?m)^(modgate (?:un)?publish .* --to .*)$", r"for i in $(seq 60); do \1 && break; sleep 1; done; \1", script)
    env = harness.clean_environment(HOME=str(home), PATH=f"{tools}:{os.environ['PATH']}", SSL_CERT_FILE=cert, CURL_CA_BUNDLE=cert,
                                    GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@a", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@a")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=env, cwd=home, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, script + done.stdout + done.stderr
    assert "\npublished corp.example/lib@v1.0.0" in done.stdout and "tag v1.1.0" in done.stdout
    assert gateway.get("/internal/corp.example/lib/@v/list").text.split() == ["v1.0.0", "v1.1.0"]
    assert "holds a password" in gateway.get("/corp.example/lib/@v/v1.2.0.info").text
