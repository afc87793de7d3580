"""A private module and its private dependency are built by the go command, with a key that only modgate has. The mirror
never hears of either."""

import re
import subprocess

import harness
from gitrepo import Repo
from world import go_mod

CORP = "corp.test.example"


def write_modules(root):
    lib = Repo(f"{CORP}/team/lib.git")
    lib.commit({"go.mod": go_mod(f"{CORP}/team/lib"), "lib.go": "package lib\n\nfunc Word() string { return \"from the library\" }\n"})
    lib.tag("v1.2.0")
    lib.write(root)
    app = Repo(f"{CORP}/team/app.git")
    app.commit({"go.mod": go_mod(f"{CORP}/team/app/v2", more=f"\nrequire {CORP}/team/lib v1.2.0\n"),
                "app.go": f"package app\n\nimport \"{CORP}/team/lib\"\n\nfunc Say() string {{ return lib.Word() }}\n"})
    app.tag("v2.0.0")
    app.write(root)


def test_a_private_build_with_a_key_that_only_modgate_has(githost, sshd, gateway_on, go_on, upstream_binary, tmp_path):
    write_modules(githost.dir)
    (tmp_path / "tree").mkdir()
    mirror = harness.Upstream(upstream_binary, tmp_path / "tree", tmp_path / "mirror-ca.pem")
    try:
        gateway = gateway_on(githost, "--private", CORP, "--vcs-rules", f"{CORP}/team/* = {sshd.url(CORP)}/team/*.git",
                             "--vcs-ssh-keys", f"127.0.0.1:{sshd.port} = {sshd.key}", "--vcs-known-hosts", sshd.known_hosts,
                             upstream=mirror.http, env={"NO_PROXY": "127.0.0.1"})
        go = go_on(githost, gateway.url, GIT_SSH_COMMAND="false")
        main = tmp_path / "main"
        main.mkdir()
        (main / "main.go").write_text(f'package main\n\nimport "{CORP}/team/app/v2"\n\nfunc main() {{ println(app.Say()) }}\n')
        (main / "go.mod").write_text("module main.test.example\n\ngo 1.24\n")
        go.run("get", f"{CORP}/team/app/v2@latest", cwd=main)
        done = go.run("run", ".", cwd=main)
        assert "from the library" in done.stdout + done.stderr
        assert "v1.2.0" in go.run("list", "-m", "all", cwd=main).stdout
        heard = [r for r in mirror.requests() if CORP in str(r)]
        assert not heard, heard
        assert all("go-get=1" in r for r in githost.requests()), "all came over ssh, but for pages of no module"
        assert {p.rsplit("/", 1)[1] for p in sshd.asked()} == {"app.git", "lib.git"}
    finally:
        mirror.stop()


def generated_tree(upstream_binary, folder):
    subprocess.run([upstream_binary, "-dir", str(folder), "-gen", "6", "-max-size", "20000", "-only-gen"], check=True)
    return folder


def test_one_checksum_database_for_private_and_public_modules(githost, gateway_on, upstream_binary, tmp_path):
    """One build of private modules, public ones and a toolchain, all looked up in the gateway's own database; nobody
    outside hears of the private ones, and a private tag that moves is found out."""
    write_modules(githost.dir)
    key = tmp_path / "sumdb.key"
    made = harness.modgate("sumdb", "keygen", "sum.test.example/2027", "--key-file", str(key), check=0).stdout
    vkey = re.search(r"verifier key:\s+(\S+)", made).group(1)
    mirror = harness.Upstream(upstream_binary, generated_tree(upstream_binary, tmp_path / "tree"), tmp_path / "mirror-ca.pem")
    try:
        ours = ["--private", CORP, "--sumdb", f"{mirror.sumdb} {mirror.http}", "--sumdb-host-key-file", str(key),
                "--vcs-rules", f"{CORP}/team/* = https://{CORP}/team/*.git"]
        gateway = gateway_on(githost, *ours, "--sumdb-host-scope", "all", upstream=mirror.http,
                             env={"NO_PROXY": "127.0.0.1"})

        def go(name):
            (tmp_path / name).mkdir()
            return harness.Go(tmp_path / name, gateway.url, vkey, **githost.environment())

        public = [(z[1:].split("/@v/")[0], z.split("/@v/")[1][:-4]) for z in harness.artefacts(mirror.tree)
                  if z.endswith(".zip") and "!" not in z]
        toolchain = [m for m in public if m[0] == "golang.org/toolchain"][0]
        library = [m for m in public if m[0] == "gen.example.com/m0"][-1]
        main = tmp_path / "main"
        main.mkdir()
        (main / "main.go").write_text(f'package main\n\nimport "{CORP}/team/app/v2"\n\nfunc main() {{ println(app.Say()) }}\n')
        (main / "go.mod").write_text("module main.test.example\n\ngo 1.24\n")
        first = go("first")
        first.run("get", f"{CORP}/team/app/v2@v2.0.0", f"{library[0]}@{library[1]}", cwd=main)
        first.run("run", ".", cwd=main)
        first.run("mod", "download", f"{toolchain[0]}@{toolchain[1]}", cwd=main)
        heard = [r for r in mirror.requests() if CORP in str(r)]
        assert not heard, heard
        looked_up = harness.modgate("sumdb", "audit", f"{gateway.url}/sumdb/sum.test.example/2027", "--key", vkey, check=0)
        assert int(re.search(r"size: (\d+)", looked_up.stdout).group(1)) >= 4

        # Another gateway gets another commit under the same tag; the record stays what it was.
        lib = Repo(f"{CORP}/team/lib.git")
        lib.commit({"go.mod": go_mod(f"{CORP}/team/lib"), "lib.go": "package lib\n\nfunc Word() string { return \"evil\" }\n"})
        lib.tag("v1.2.0")
        lib.write(githost.dir)
        other = gateway_on(githost, *ours[:4], *ours[6:], upstream=mirror.http, data_dir=tmp_path / "data2",
                           env={"NO_PROXY": "127.0.0.1"})
        (tmp_path / "second").mkdir()
        second = harness.Go(tmp_path / "second", other.url, f"{vkey} {gateway.url}/sumdb/sum.test.example/2027",
                            **githost.environment())
        done = second.run("mod", "download", f"{CORP}/team/lib@v1.2.0", check=False)
        assert done.returncode != 0 and "SECURITY ERROR" in done.stderr, done.stderr
    finally:
        mirror.stop()
