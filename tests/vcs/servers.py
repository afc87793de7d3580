"""The servers of the tests as objects: githost (a world of https hosts), sshd, git daemon."""

import getpass
import http.client
import json
import os
import shutil
import socket
import subprocess
import urllib.parse

import harness
from gitrepo import git_environment

HERE = os.path.dirname(os.path.abspath(__file__))


class GitHost:
    """tests/vcs/githost as a process over a folder of repositories."""

    def __init__(self, binary, folder, dir_):
        self.dir = str(dir_)
        self.process = subprocess.Popen([binary, "-dir", self.dir, "-ca", f"{folder}/githost-ca.pem"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "githost did not start"
        self.__dict__.update(json.loads(line))  # proxy, plain, ca

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def environment(self):
        """What leads go, git and modgate to this world, and to nothing else."""
        return {"HTTPS_PROXY": self.proxy, "HTTP_PROXY": self.proxy, "https_proxy": self.proxy, "http_proxy": self.proxy,
                "NO_PROXY": None, "no_proxy": None, "SSL_CERT_FILE": self.ca, "SSL_CERT_DIR": "/nowhere",
                "GIT_SSL_CAINFO": self.ca, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
                "SSH_AUTH_SOCK": None}

    def fault(self, match, kind, **fields):
        self._admin("POST", "/_fault", json.dumps({"match": match, "kind": kind, **fields}))

    def no_faults(self):
        self._admin("DELETE", "/_fault")

    def auth(self, prefix, **fields):
        self._admin("POST", "/_auth", json.dumps({"prefix": prefix, **fields}))

    def reset(self):
        self._admin("POST", "/_reset")

    def requests(self):
        return self._admin("GET", "/_requests")

    def hanging(self):
        return self._admin("GET", "/_hanging")

    def _admin(self, method, path, body=None):
        link = http.client.HTTPConnection(urllib.parse.urlsplit(self.plain).netloc, timeout=harness.PATIENCE_S)
        try:
            link.request(method, path, body)
            got = link.getresponse()
            assert got.status == 200
            return json.loads(got.read())
        finally:
            link.close()


def ssh_key(path):
    if not os.path.exists(path):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


WRAPPER = """#!/bin/sh
# Serves git-upload-pack '/path' from a folder, and nothing else.
case "$SSH_ORIGINAL_COMMAND" in
"git-upload-pack '/"*"'" | "git upload-pack '/"*"'") ;;
*) echo "this account is for git only" >&2; exit 1 ;;
esac
path=${{SSH_ORIGINAL_COMMAND#*\\'}}
path=${{path%\\'}}
echo "$path" >>{folder}/asked
exec git -c safe.directory=* upload-pack {dir}"$path"
"""

SSHD_CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv GIT_PROTOCOL
MaxStartups 200
"""


class Sshd:
    """A private sshd that lets one key run git-upload-pack below a folder."""

    def __init__(self, folder, dir_):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.port, self.user = harness.free_port(), getpass.getuser()
        self.key, self.host_key = ssh_key(f"{folder}/client"), ssh_key(f"{folder}/host")
        with open(f"{folder}/wrapper", "w", encoding="utf-8") as file:
            file.write(WRAPPER.format(folder=folder, dir=dir_))
        os.chmod(f"{folder}/wrapper", 0o755)
        self.allow(self.key)
        with open(f"{folder}/config", "w", encoding="utf-8") as file:
            file.write(SSHD_CONFIG.format(port=self.port, folder=folder))
        self.known_hosts = f"{folder}/known_hosts"
        self.know(self.host_key)
        self.process = None
        self.start()

    def allow(self, key, options=""):
        with open(f"{key}.pub", encoding="ascii") as public, open(f"{self.folder}/authorized", "w", encoding="ascii") as file:
            file.write(f'restrict,{options}command="{self.folder}/wrapper" {public.read()}')

    def know(self, host_key):
        with open(f"{host_key}.pub", encoding="ascii") as public, open(self.known_hosts, "w", encoding="ascii") as file:
            file.write(f"[127.0.0.1]:{self.port} {' '.join(public.read().split()[:2])}\n")

    def url(self, path):
        return f"ssh://{self.user}@127.0.0.1:{self.port}/{path}"

    def start(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        self.process = subprocess.Popen([program, "-D", "-e", "-f", f"{self.folder}/config"], stdin=subprocess.DEVNULL,
                                        stderr=open(f"{self.folder}/log", "ab"))
        harness.wait_until(lambda: is_open(self.port), "sshd")

    def asked(self):
        try:
            with open(f"{self.folder}/asked", encoding="utf-8") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Daemon:
    """git daemon: the git:// protocol, no secrets."""

    def __init__(self, dir_):
        self.port = harness.free_port()
        self.process = subprocess.Popen(["git", "daemon", "--export-all", f"--base-path={dir_}", "--reuseaddr",
                                         "--listen=127.0.0.1", f"--port={self.port}", str(dir_)],
                                        env=git_environment(dir_), start_new_session=True, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        harness.wait_until(lambda: is_open(self.port), "git daemon")

    def stop(self):
        # git runs the daemon as a child: the whole session goes.
        os.killpg(self.process.pid, 15)
        self.process.wait(20)
