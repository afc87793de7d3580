"""Publishing: what is taken, what is refused and why, and that go uses it."""

import json
import os
import shutil
import socket
import subprocess

import pytest

import harness
from publishing import (Packer, curl, h1_of, make_zip, path_of, send, settings, stage_is_empty, token)

LIB = "corp.example/lib"


@pytest.fixture(scope="session")
def packer(tmp_path_factory):
    binary = str(tmp_path_factory.mktemp("packer") / "packer")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=os.path.join(harness.ROOT, "tests", "packer"), check=True)
    return Packer(binary)


@pytest.fixture
def hosted(gateway_on, tmp_path):
    """A gateway with a hosted repository, and tokens: may publish all that it owns, may do anything."""
    def start(*flags, upstream="off", more="", **kw):
        data = tmp_path / "data"
        data.mkdir()
        tokens = {"token": token(data, "internal:*:publish"), "admin": token(data, "*:*:admin", name="root"),
                  "reader": token(data, "*:*:read", name="reader"),
                  "narrow": token(data, "internal:corp.example/other:publish", name="narrow")}
        gateway = gateway_on("off", "--config-file", settings(tmp_path, upstream, more), "--sumdb", "off", *flags,
                             data_dir=data, **kw)
        gateway.__dict__.update(tokens)
        return gateway
    return start


def put(gateway, module, version, body, bearer="", **kw):
    return send(gateway.url, "/internal" + path_of(module, version), body, gateway.token if bearer == "" else bearer, **kw)


def lib(tmp_path, version="v1.0.0", **kw):
    return make_zip(tmp_path / f"{version}.zip", LIB, version, **kw)


def test_a_version_by_http(hosted, tmp_path):
    gateway, body = hosted(), lib(tmp_path)
    answer = put(gateway, LIB, "v1.0.0", body)
    assert answer.status == 201, answer
    assert answer["location"] == "/internal/corp.example/lib/@v/v1.0.0.zip"
    assert answer["etag"] == f'"{h1_of(body)}"'
    zip_line, mod_line = answer.text.splitlines()
    assert zip_line == f"{LIB} v1.0.0 {h1_of(body)}" and mod_line.startswith(f"{LIB} v1.0.0/go.mod h1:")
    for mount in ("/internal", "/all", ""):
        assert gateway.get(mount + path_of(LIB, "v1.0.0")).body == body
        assert gateway.get(mount + path_of(LIB, "v1.0.0", "mod")).text == f"module {LIB}\n\ngo 1.22\n"
        info = gateway.get(mount + path_of(LIB, "v1.0.0", "info")).json()
        assert list(info) == ["Version", "Time"] and info["Version"] == "v1.0.0"
        assert gateway.get(mount + "/corp.example/lib/@v/list").text == "v1.0.0\n"
        assert gateway.get(mount + "/corp.example/lib/@latest").json() == info
    assert gateway.metric("http_server_request_duration_seconds_count", http_route="publish") == 1


def test_the_same_again_and_something_else(hosted, tmp_path):
    gateway = hosted()
    body, other = lib(tmp_path), lib(tmp_path, files={"lib.go": "package other\n"})
    assert put(gateway, LIB, "v1.0.0", body).status == 201
    again = put(gateway, LIB, "v1.0.0", body)
    assert again.status == 200 and again["etag"] == f'"{h1_of(body)}"'
    refused = put(gateway, LIB, "v1.0.0", other)
    assert refused.status == 409 and "never changes" in refused.text
    harness.assert_says_why(refused)
    early = put(gateway, LIB, "v1.0.0", other, headers={"X-Modgate-H1": h1_of(other)})
    assert early.status == 409
    assert gateway.get("/internal" + path_of(LIB, "v1.0.0")).body == body


def test_lists_are_right_at_once(hosted, tmp_path):
    """Answers that loops have in memory, absences too, are forgotten."""
    gateway = hosted()
    for i in range(5):
        version = f"v1.{i}.0"
        assert gateway.get("/all" + path_of(LIB, version, "info")).status == 404
        assert put(gateway, LIB, version, lib(tmp_path, version)).status == 201
        assert gateway.get("/all" + path_of(LIB, version, "info")).status == 200
        assert gateway.get("/all/corp.example/lib/@v/list").text.split() == [f"v1.{k}.0" for k in range(i + 1)]
        assert gateway.get("/all/corp.example/lib/@latest").json()["Version"] == version


CASES = [  # module, version, go.mod, files, status, part of the text
    (LIB, "v1.0.0", "module corp.example/other\n", None, 422, "names"),
    (LIB, "v1.0.0", "module corp.example/lib\nrequire (\n", None, 422, "go.mod"),
    (LIB, "v1.0.0", "// nothing\n", None, 422, "no module"),
    (LIB, "v1.0.0", None, {"a.go": "x", "A.go": "y"}, 422, "case"),
    (LIB, "v1.0.0", None, {"a/go.mod": "module x\n"}, 422, "go.mod"),
    (LIB, "v1.0.0", None, {"con.go": "x"}, 422, "con"),
    (LIB, "v2.0.0", None, None, 400, "v2"),
    (LIB + "/v2", "v1.0.0", None, None, 400, "v1"),
    (LIB, "v2.0.0+incompatible", None, None, 422, "go.mod"),
    (LIB, "v1.0", None, None, 400, "version"),
    (LIB, "main", None, None, 400, "version"),
    ("elsewhere.example/lib", "v1.0.0", None, None, 403, "owns"),
]


@pytest.mark.parametrize("module,version,go_mod,files,status,text", CASES)
def test_what_is_refused(hosted, tmp_path, module, version, go_mod, files, status, text):
    gateway = hosted()
    bearer = gateway.admin
    body = make_zip(tmp_path / "bad.zip", module, version, files, go_mod)
    answer = put(gateway, module, version, body, bearer)
    assert answer.status == status and text in answer.text, answer
    harness.assert_says_why(answer)
    assert gateway.get("/internal/corp.example/lib/@v/list").status == 404
    harness.wait_until(lambda: stage_is_empty(gateway.data_dir), "the stage is empty")


def test_bodies_that_are_no_zip(hosted, tmp_path):
    gateway, body = hosted("--publish-max-size", "100KB"), lib(tmp_path)
    for bad in (b"", b"hello", body[:-10], body[:100], os.urandom(5000)):
        answer = put(gateway, LIB, "v1.0.0", bad)
        assert answer.status == (422 if bad else 400), answer
    wrong = make_zip(tmp_path / "w.zip", LIB, "v1.0.1")
    assert put(gateway, LIB, "v1.0.0", wrong).status == 422
    announced = put(gateway, LIB, "v1.0.0", body, headers={"X-Modgate-H1": h1_of(wrong)})
    assert announced.status == 422 and "announced" in announced.text
    assert put(gateway, LIB, "v1.0.0", bytes(200_000)).status == 413
    assert put(gateway, LIB, "v1.0.0", iter([bytes(50_000)] * 4)).status == 413
    harness.wait_until(lambda: stage_is_empty(gateway.data_dir), "the stage is empty")
    assert put(gateway, LIB, "v1.0.0", body).status == 201


def test_where_and_by_whom(hosted, gateway_on, tmp_path):
    gateway, body = hosted(), lib(tmp_path)
    for mount in ("/public", "/all", ""):
        answer = send(gateway.url, mount + path_of(LIB, "v1.0.0"), body, gateway.admin)
        assert answer.status == 405 and "hosted" in answer.text
    assert send(gateway.url, "/internal" + path_of(LIB, "v1.0.0", "info"), b"{}", gateway.admin).status == 405
    assert put(gateway, LIB, "v1.0.0", body, bearer=None).status == 401
    assert put(gateway, LIB, "v1.0.0", body, gateway.reader).status == 403
    assert put(gateway, LIB, "v1.0.0", body, gateway.narrow).status == 403
    assert put(gateway, LIB, "v1.0.0", body, bearer="mgt_nothing").status == 401
    assert gateway.get("/internal/corp.example/lib/@v/list").status == 404
    assert put(gateway, LIB, "v1.0.0", body).status == 201
    # With no token at all nobody may publish, though everybody may read.
    other = gateway_on("off", "--config-file", settings(tmp_path), "--sumdb", "off", data_dir=tmp_path / "other")
    answer = send(other.url, "/internal" + path_of(LIB, "v1.0.0"), body)
    assert answer.status == 401 and "publish corp.example/lib" in answer.text


@pytest.mark.parametrize("fields,status", [
    ({"X-Modgate-Time": "2024-02-29T12:00:00Z"}, 201),
    ({"X-Modgate-Time": "2024-02-30T12:00:00Z"}, 400), ({"X-Modgate-Time": "2999-01-01T00:00:00Z"}, 400),
    ({"X-Modgate-Time": "yesterday"}, 400), ({"X-Modgate-Origin": "git"}, 400),
    ({"X-Modgate-Origin": '{"VCS":"hg","URL":"https://a.example/b","Hash":"' + "a" * 40 + '"}'}, 400),
    ({"X-Modgate-Origin": '{"VCS":"git","URL":"https://me:pw@a.example/b","Hash":"' + "a" * 40 + '"}'}, 400),
    ({"X-Modgate-Origin": '{"VCS":"git","URL":"file:///etc","Hash":"' + "a" * 40 + '"}'}, 400),
    ({"X-Modgate-Origin": '{"VCS":"git","URL":"https://a.example/b","Hash":"12"}'}, 400),
    ({"X-Modgate-Origin": '{"VCS":"git","URL":"https://a.example/b","Hash":"' + "a" * 40 + '","Evil":"x"}'}, 400),
    ({"X-Modgate-Origin": '{"VCS":"git","URL":"https://a.example/b","Hash":"' + "a" * 40 + '","Ref":"refs/tags/v1.0.0"}'}, 201),
])
def test_what_a_publisher_says(hosted, tmp_path, fields, status):
    gateway = hosted()
    answer = put(gateway, LIB, "v1.0.0", lib(tmp_path), headers=fields)
    assert answer.status == status, answer
    if status == 201:
        info = gateway.get("/internal" + path_of(LIB, "v1.0.0", "info")).json()
        assert "X-Modgate-Time" not in fields or info["Time"] == fields["X-Modgate-Time"]
        assert "X-Modgate-Origin" not in fields or info["Origin"] == json.loads(fields["X-Modgate-Origin"])


def test_without_a_go_mod(hosted, tmp_path):
    gateway = hosted()
    for version in ("v1.0.0", "v3.1.0+incompatible"):
        body = make_zip(tmp_path / "old.zip", "corp.example/Old", version, go_mod="")
        assert put(gateway, "corp.example/Old", version, body).status == 201
        assert gateway.get("/internal" + path_of("corp.example/Old", version, "mod")).text == "module corp.example/Old\n"


def test_uploads_at_once_are_bounded(hosted, tmp_path):
    gateway = hosted("--publish-uploads", "2")
    host, port = gateway.address.rsplit(":", 1)
    head = (f"PUT /internal{path_of(LIB, 'v1.0.0')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token}\r\n"
            "Content-Length: 100000\r\n\r\n").encode()
    slow = [socket.create_connection((host, int(port))) for _ in range(2)]
    for link in slow:
        link.sendall(head + bytes(70000))
    body = lib(tmp_path)
    harness.wait_until(lambda: put(gateway, LIB, "v1.0.0", body).status == 503, "two are under way")
    for link in slow:
        link.close()
    harness.wait_until(lambda: put(gateway, LIB, "v1.0.0", body).status in (200, 201), "they are gone")
    harness.wait_until(lambda: stage_is_empty(gateway.data_dir), "the stage is empty")


def test_two_at_once(hosted, tmp_path):
    """Of different contents exactly one becomes the version; the same content is fine for all."""
    gateway = hosted()
    bodies = [lib(tmp_path, files={"lib.go": f"package lib // {i % 2}\n" + "x" * 50000}) for i in range(6)]
    answers = harness.together(6, lambda i: put(gateway, LIB, "v1.0.0", bodies[i]).status)
    winner = gateway.get("/internal" + path_of(LIB, "v1.0.0")).body
    assert sorted(answers) in ([200, 200, 201, 409, 409, 409],), answers
    for i, status in enumerate(answers):
        assert (status == 409) == (h1_of(bodies[i]) != h1_of(winner))


def test_the_command(hosted, tmp_path, go, packer):
    gateway = hosted()
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "go.mod").write_text(f"module {LIB}\n\ngo 1.22\n")
    (folder / "lib.go").write_text("package lib\n\nfunc Name() string { return \"lib\" }\n")
    (tmp_path / "token").write_text(gateway.token + "\n")
    to = ["--to", gateway.url + "/internal/"]
    plan = harness.modgate("publish", str(folder), "--version", "v1.0.0", "--dry-run", check=0).stdout
    h1 = packer.zip(folder, LIB, "v1.0.0", tmp_path / "x.zip")
    assert "+ go.mod (" in plan and "+ lib.go (" in plan and h1 in plan
    assert gateway.get("/internal/corp.example/lib/@v/list").status == 404
    done = harness.modgate("publish", str(folder), "--version", "v1.0.0", *to, "--token-file", str(tmp_path / "token"), check=0)
    assert f"published {LIB}@v1.0.0" in done.stdout and h1 in done.stdout and f"go get {LIB}@v1.0.0" in done.stdout
    again = harness.modgate("publish", "--version", "v1.0.0", *to, "--json", cwd=folder, env={"MODGATE_TOKEN": gateway.token}, check=0)
    assert json.loads(again.stdout)["outcome"] == "was-published"
    (folder / "lib.go").write_text("package lib\n")
    other = harness.modgate("publish", "--version", "v1.0.0", *to, cwd=folder, env={"MODGATE_TOKEN": gateway.token}, check=1)
    assert "answered 409" in other.stderr and "never changes" in other.stderr
    nobody = harness.modgate("publish", "--version", "v1.0.1", *to, cwd=folder, env={"HOME": str(tmp_path)}, check=1)
    assert "answered 401" in nobody.stderr
    assert gateway.token not in gateway.log
    client = go(gateway.url, sumdb="off")
    use_lib(client, "v1.0.0")


def use_lib(client, version):
    """A main module that builds with the published one."""
    folder = os.path.join(client.folder, "user")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    with open(os.path.join(folder, "main.go"), "w", encoding="utf-8") as file:
        file.write(f'package main\n\nimport "{LIB}"\n\nfunc main() {{ print(lib.Name()) }}\n')
    client.run("mod", "init", "user.example/main", cwd=folder)
    client.run("get", f"{LIB}@{version}", cwd=folder)
    client.run("build", "-o", os.devnull, ".", cwd=folder)
    return folder


def test_with_netrc_over_tls(hosted, tmp_path):
    cert, key, context = harness.server_context(tmp_path)
    gateway = hosted("--tls-cert-file", cert, "--tls-key-file", key, scheme="https", context=context)
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "go.mod").write_text(f"module {LIB}\n")
    (tmp_path / ".netrc").write_text(f"machine {gateway.address} login ci password {gateway.token}\n")
    publish = ["publish", str(folder), "--to", gateway.url + "/internal", "--ca-file", cert, "--version"]
    done = harness.modgate(*publish, "v1.0.0", env={"HOME": str(tmp_path)}, check=0)
    assert "published" in done.stdout
    (tmp_path / ".netrc").write_text("machine elsewhere.example login ci password " + gateway.token)
    assert "answered 401" in harness.modgate(*publish, "v1.0.1", env={"HOME": str(tmp_path)}, check=1).stderr


def test_retraction_needs_no_deletion(hosted, tmp_path, go):
    gateway = hosted()
    assert put(gateway, LIB, "v1.0.0", lib(tmp_path)).status == 201
    go_mod = f"module {LIB}\n\ngo 1.22\n\nretract v1.0.0 // it was wrong\n"
    assert put(gateway, LIB, "v1.0.1", lib(tmp_path, "v1.0.1", go_mod=go_mod)).status == 201
    client = go(gateway.url)
    folder = use_lib(client, "v1.0.0")
    listed = client.run("list", "-m", "-u", "-retracted", "-f", "{{.Retracted}} {{.Update.Version}}", LIB, cwd=folder).stdout
    assert "it was wrong" in listed and "v1.0.1" in listed
    assert client.run("list", "-m", "-versions", LIB, cwd=folder).stdout.split() == [LIB, "v1.0.1"]


def test_unpublish(hosted, tmp_path, go):
    gateway = hosted()
    first, second = lib(tmp_path), lib(tmp_path, "v1.1.0")
    assert put(gateway, LIB, "v1.0.0", first).status == 201
    assert put(gateway, LIB, "v1.1.0", second).status == 201
    assert gateway.get("/all/corp.example/lib/@latest").json()["Version"] == "v1.1.0"
    to = ["--to", gateway.url + "/internal", "--reason", "es enthält ein Passwort"]
    weak = harness.modgate("unpublish", f"{LIB}@v1.1.0", *to, env={"MODGATE_TOKEN": gateway.token}, check=1)
    assert "answered 403" in weak.stderr and gateway.get("/all" + path_of(LIB, "v1.1.0")).status == 200
    done = harness.modgate("unpublish", f"{LIB}@v1.1.0", *to, env={"MODGATE_TOKEN": gateway.admin}, check=0)
    assert f"withdrew {LIB}@v1.1.0" in done.stdout
    for kind in ("info", "mod", "zip"):
        for mount in ("/internal", "/all", ""):
            answer = gateway.get(mount + path_of(LIB, "v1.1.0", kind))
            assert answer.status == 403 and "es enthält ein Passwort" in answer.text, answer
    assert gateway.get("/all/corp.example/lib/@v/list").text == "v1.0.0\n"
    assert gateway.get("/all/corp.example/lib/@latest").json()["Version"] == "v1.0.0"
    for body in (second, lib(tmp_path, "v1.1.0", files={"x.go": "package x\n"})):
        answer = put(gateway, LIB, "v1.1.0", body)
        assert answer.status == 409 and "never be published again" in answer.text
    # The first reason stays, and doing it twice is fine.
    twice = send(gateway.url, "/internal" + path_of(LIB, "v1.1.0") + "?reason=other", None, gateway.admin, method="DELETE")
    assert twice.status == 200 and "Passwort" in twice.text
    # go stops: it does not ask the next proxy of its list.
    client = go(gateway.url + ",file:///nonexistent")
    failed = client.run("list", "-m", f"{LIB}@v1.1.0", check=False)
    assert failed.returncode and "Passwort" in failed.stderr and "nonexistent" not in failed.stderr
    tree = os.path.join(gateway.data_dir, "repositories", "internal")
    verified = harness.modgate("verify", tree)
    assert verified.returncode == 0, verified.stdout


def test_unpublish_needs_a_reason_and_a_version(hosted, tmp_path):
    gateway = hosted()
    assert send(gateway.url, "/internal" + path_of(LIB, "v1.0.0"), None, gateway.admin, method="DELETE").status == 400
    answer = send(gateway.url, "/internal" + path_of(LIB, "v1.0.0") + "?reason=x", None, gateway.admin, method="DELETE")
    assert answer.status == 404
    assert send(gateway.url, "/all" + path_of(LIB, "v1.0.0") + "?reason=x", None, gateway.admin, method="DELETE").status == 405


def test_a_restart_finds_it_all(hosted, gateway_on, tmp_path):
    gateway = hosted()
    assert put(gateway, LIB, "v1.0.0", lib(tmp_path)).status == 201
    assert put(gateway, LIB, "v1.1.0", lib(tmp_path, "v1.1.0")).status == 201
    path = "/internal" + path_of(LIB, "v1.1.0")
    assert send(gateway.url, path + "?reason=why", None, gateway.admin, method="DELETE").status == 200
    gateway.kill()
    again = gateway_on("off", "--config-file", settings(tmp_path), "--sumdb", "off", data_dir=gateway.data_dir)
    assert again.get("/internal" + path_of(LIB, "v1.0.0")).status == 200
    assert again.get(path).status == 403
    assert send(again.url, path, lib(tmp_path, "v1.1.0"), gateway.token).status == 409


def test_the_hosted_checksum_database(hosted, tmp_path, go):
    keys = harness.modgate("sumdb", "keygen", "sum.corp.example", "--key-file", str(tmp_path / "key"), check=0)
    gateway = hosted("--sumdb-host-key-file", str(tmp_path / "key"))
    body = lib(tmp_path)
    assert put(gateway, LIB, "v1.0.0", body).status == 201
    found = gateway.get(f"/internal/sumdb/sum.corp.example/lookup/{LIB}@v1.0.0")
    assert found.status == 200 and f"{LIB} v1.0.0 {h1_of(body)}" in found.text
    vkey = [w for w in keys.stdout.split() if w.startswith("sum.corp.example+")][0]
    use_lib(go(gateway.url + "/internal", sumdb=vkey), "v1.0.0")


def test_curl_over_both_protocols(hosted, tmp_path):
    gateway = hosted()
    big = {"big.bin": os.urandom(6 << 20), "lib.go": "package lib\n"}
    for i, options in enumerate((["--http1.1"], ["--http2-prior-knowledge"], ["-H", "Transfer-Encoding: chunked"])):
        version = f"v1.{i}.0"
        body = lib(tmp_path, version, files=big)
        status, text = curl(f"{gateway.url}/internal{path_of(LIB, version)}", tmp_path / f"{version}.zip", gateway.token, *options)
        assert status == 201 and h1_of(body) in text
        assert gateway.get("/internal" + path_of(LIB, version)).body == body


COUNT = int(os.environ.get("MODGATE_TEST_PUBLISH_FOLDERS", "200"))


def test_folders_as_go_packs_them(hosted, tmp_path, packer):
    """`modgate publish`, curl of x/mod's zip, and x/mod's own h1 agree, or all refuse."""
    gateway = hosted()
    published = 0
    seen = {}
    for i, (folder, module, version) in enumerate(packer.make(7, COUNT, tmp_path / "made")):
        version = number(version, i)
        out = tmp_path / "theirs.zip"
        want = packer.zip(folder, module, version, out)
        done = harness.modgate("publish", folder, "--module", module, "--version", version, "--json",
                               "--to", gateway.url + "/internal", env={"MODGATE_TOKEN": gateway.token})
        assert (done.returncode == 0) == (want is not None), f"{folder} {module}@{version}: {want}\n{done.stdout}{done.stderr}"
        url = f"{gateway.url}/internal{path_of(module, version)}"
        if out.exists() and out.stat().st_size:
            status, text = curl(url, out, gateway.token)
            assert (status == 200) == (want is not None), f"{folder} {module}@{version}: {status} {text}"
        if want:
            published += 1
            seen[module, version] = want
            assert json.loads(done.stdout)["h1"] == want and want in text
            assert gateway.get("/internal" + path_of(module, version))["etag"] == f'"{want}"'
    assert published > COUNT / 5
    assert harness.modgate("verify", os.path.join(gateway.data_dir, "repositories", "internal")).returncode == 0


def number(version, i):
    """Another patch version for each, as versions are published once."""
    parts = version.split(".", 2)
    if len(parts) < 3 or "-" in version.split("+")[0] and version.startswith("v0.0.0-2"):
        return version[:-4] + f"{i:04x}" if len(parts) == 3 else version
    digits = parts[2][0]
    return f"{parts[0]}.{parts[1]}.{i}{parts[2][len(digits):]}"


def git(folder, *args):
    env = dict(harness.clean_environment(HOME=str(folder)), GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@a",
               GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@a")
    return subprocess.run(["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A repository with a module at its root, one below it, and one of a major version, all tagged."""
    folder = tmp_path / "checkout"
    (folder / "sub" / "v2").mkdir(parents=True)
    (folder / "go.mod").write_text(f"module {LIB}\n\ngo 1.22\n")
    (folder / "lib.go").write_text("package lib\n\nfunc Name() string { return \"lib\" }\n")
    (folder / "dos.txt").write_bytes(b"a\r\n")
    (folder / ".gitattributes").write_text("*.txt text\n")
    (folder / "LICENSE").write_text("free\n")
    (folder / "sub" / "go.mod").write_text(f"module {LIB}/sub\n\ngo 1.22\n")
    (folder / "sub" / "v2" / "go.mod").write_text(f"module {LIB}/sub/v2\n\ngo 1.22\n")
    (folder / "sub" / "v2" / "s.go").write_text("package sub\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    for tag in ("v1.0.0", "sub/v1.0.0", "sub/v2.0.0"):
        git(folder, "tag", tag)
    git(folder, "remote", "add", "origin", "git@git.corp.example:team/lib.git")
    return folder


@pytest.mark.parametrize("subdir,module,version,tag", [("", LIB, "v1.0.0", "v1.0.0"), ("sub", LIB + "/sub", "v1.0.0", "sub/v1.0.0"),
                                                       ("sub/v2", LIB + "/sub/v2", "v2.0.0", "sub/v2.0.0")])
def test_a_git_tag(hosted, tmp_path, packer, checkout, subdir, module, version, tag):
    gateway = hosted()
    want = packer.tag(checkout, tag, subdir, module, version, tmp_path / "theirs.zip")
    assert want
    done = harness.modgate("publish", str(checkout / subdir), "--version", version, "--git-tag", "--json", "--to", gateway.url + "/internal",
                           env={"MODGATE_TOKEN": gateway.token}, check=0)
    told = json.loads(done.stdout)
    assert told["tag"] == tag and told["h1"] == want
    info = gateway.get("/internal" + path_of(module, version, "info")).json()
    origin = info["Origin"]
    assert origin["URL"] == "ssh://git@git.corp.example/team/lib.git" and origin["Ref"] == f"refs/tags/{tag}"
    assert origin["Hash"] == git(checkout, "rev-parse", "HEAD") and origin.get("Subdir", "") == subdir.removesuffix("/v2")
    assert info["Time"] == git(checkout, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ")


def test_a_git_tag_that_is_not_what_is_there(checkout):
    publish = ["publish", str(checkout), "--git-tag", "--dry-run", "--version"]
    assert harness.modgate(*publish, "v1.0.0", check=0)
    assert "there is no tag v1.0.9" in harness.modgate(*publish, "v1.0.9", check=1).stderr
    (checkout / "new.go").write_text("package lib\n")
    assert "new.go" in harness.modgate(*publish, "v1.0.0", check=1).stderr
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "two")
    assert "check the tag out" in harness.modgate(*publish, "v1.0.0", check=1).stderr
