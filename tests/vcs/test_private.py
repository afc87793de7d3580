"""A private module and its private dependency are built by the go command, with a key that only modgate has. The mirror
never hears of either."""

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
