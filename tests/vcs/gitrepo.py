"""Writes git repositories with one git process each: commits, tags and refs of any shape through fast-import.

A Repo knows its own graph, so that the queries of a test can be worked out without asking git.
"""

import os
import shutil
import subprocess
import time

LINK, SUBMODULE, EXECUTABLE, PLAIN = b"120000", b"160000", b"100755", b"100644"
BARE = {}


def quoted(path):
    """A path as fast-import wants it: C-style, bytes above ASCII in octal."""
    raw = path if isinstance(path, bytes) else path.encode()
    out = b"".join(b"\\%03o" % c if c in b'"\\' or c < 32 or c > 126 else bytes([c]) for c in raw)
    return b'"' + out + b'"'


def stamp(when):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(when))


def git_environment(folder):
    keep = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return dict(keep, GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, HOME=str(folder),
                GIT_COMMITTER_NAME="T", GIT_COMMITTER_EMAIL="t@test.example", GIT_COMMITTER_DATE="1600000000 +0000")


def bare_copy(folder, object_format):
    """A copy of an empty bare repository; only the first of a kind costs a git process."""
    if object_format not in BARE or not os.path.isdir(BARE[object_format]):
        template = os.path.join(os.path.dirname(str(folder)), f".bare-{object_format}-{os.getpid()}")
        os.makedirs(template, exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", f"--object-format={object_format}",
                        "-b", "main", template], check=True, env=git_environment(template))
        with open(os.path.join(template, "config"), "a", encoding="ascii") as config:
            config.write("[uploadpack]\n\tallowFilter = true\n[fastimport]\n\tunpackLimit = 1\n[gc]\n\tauto = 0\n")
        BARE[object_format] = template
    shutil.copytree(BARE[object_format], folder)


class Commit:
    def __init__(self, mark, when, parents, files):
        self.mark, self.when, self.parents, self.files = mark, when, parents, files
        self.hash = None
        self.tags = []

    @property
    def short(self):
        return self.hash[:12]

    def history(self):
        """This commit and all its ancestors."""
        seen, todo = {}, [self]
        while todo:
            commit = todo.pop()
            if commit.mark not in seen:
                seen[commit.mark] = commit
                todo += commit.parents
        return list(seen.values())


class Repo:
    """Commits are made in memory; write() makes the bare repository."""

    def __init__(self, url_path, object_format="sha1", start=1_600_000_000):
        self.url_path, self.object_format = url_path, object_format  # "git.test.example/plain.git"
        self.clock = start
        self.commits, self.branches, self.tags = [], {}, {}
        self._lines, self._late, self._after = [], [], []
        self.head = "refs/heads/main"

    def commit(self, files=None, branch="main", parents=None, delete=(), when=None, zone=b"+0200", ref=None):
        """files: path -> bytes, or (mode, bytes). parents default to the branch's tip."""
        self.clock += 3607
        when = self.clock if when is None else when
        if parents is None:
            parents = [self.branches[branch]] if branch in self.branches else []
        tree = dict(parents[0].files) if parents else {}
        commit = Commit(len(self.commits) + 1, when, list(parents), tree)
        ref = ref or f"refs/heads/{branch}"
        # The branch of fast-import is one of our own: its tips are told at the end.
        out = [b"commit refs/import/%d" % commit.mark, b"mark :%d" % commit.mark,
               b"author A U Thor <author@test.example> %d +0000" % (max(0, when - 86400)),
               b"committer C O Mitter <committer@test.example> %d %s" % (when, zone),
               b"data 2\nc\n"]
        out += [(b"from" if i == 0 else b"merge") + b" :%d" % p.mark for i, p in enumerate(parents)]
        for path in delete:
            out.append(b"D " + quoted(path))
            tree.pop(path, None)
        for path, content in (files or {}).items():
            mode, data = content if isinstance(content, tuple) else (PLAIN, content)
            data = data if isinstance(data, bytes) else data.encode()
            tree[path] = data
            if mode == SUBMODULE:
                out.append(b"M 160000 %s %s" % (data, quoted(path)))
            else:
                out += [b"M %s inline %s" % (mode, quoted(path)), b"data %d" % len(data), data]
        self._lines += out + [b""]
        self.commits.append(commit)
        if ref.startswith("refs/heads/"):
            self.branches[ref[len("refs/heads/"):]] = commit
        else:
            self._late.append(b"reset %s\nfrom :%d\n" % (ref.encode(), commit.mark))
        return commit

    def tag(self, name, commit=None, annotated=False):
        commit = commit or self.branches["main"]
        self.tags[name] = commit
        commit.tags.append(name)
        if annotated:
            self._late.append(b"tag %s\nfrom :%d\ntagger T <t@test.example> %d +0000\ndata 2\nt\n"
                              % (name.encode(), commit.mark, self.clock))
        else:
            self._late.append(b"reset refs/tags/%s\nfrom :%d\n" % (name.encode(), commit.mark))
        return commit

    def drop_tag(self, name):
        self.tags.pop(name).tags.remove(name)
        self._late.append(b"reset refs/tags/%s\nfrom %s\n" % (name.encode(), b"0" * 40))

    def branch(self, name, commit):
        self.branches[name] = commit

    def after(self, *command):
        """A git command that is run in the repository once it is written; {n} is the hash of commit n."""
        self._after.append(command)

    def write(self, root):
        """Makes the repository, or brings one that was made before to what was said since."""
        folder = os.path.join(str(root), self.url_path)
        if not os.path.isdir(folder):
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            bare_copy(folder, self.object_format)
        tips = [b"reset refs/heads/%s\nfrom :%d\n" % (n.encode(), c.mark) for n, c in self.branches.items()]
        if self._lines or self._late:
            self._import(folder, tips)
        for command in self._after:
            command = [word.format(*(c.hash for c in [Commit(0, 0, [], {}), *self.commits])) for word in command]
            subprocess.run(["git", *command], cwd=folder, check=True, env=git_environment(folder), capture_output=True)
        with open(os.path.join(folder, "HEAD"), "w", encoding="ascii") as head:
            head.write(f"ref: {self.head}\n")
        self._lines, self._late, self._after = [], [], []
        return folder

    def _import(self, folder, tips):
        marks = os.path.join(folder, "marks")
        stream = b"\n".join(self._lines + self._late + tips) + b"\ndone\n"
        command = ["git", "fast-import", "--quiet", "--done", "--force", f"--import-marks-if-exists={marks}",
                   f"--export-marks={marks}"]
        subprocess.run(command, input=stream, cwd=folder, check=True, env=git_environment(folder))
        shutil.rmtree(os.path.join(folder, "refs", "import"), ignore_errors=True)
        self._read_marks(marks)

    def _read_marks(self, marks):
        with open(marks, encoding="ascii") as lines:
            for line in lines:
                mark, digest = line.split()
                self.commits[int(mark[1:]) - 1].hash = digest


def pseudo(base, commit, major="v0", short=None, when=None):
    """The pseudo-version of a commit above a base version ("" = none)."""
    tail = f"{stamp(commit.when if when is None else when)}-{short or commit.short}"
    if not base:
        return f"{major}.0.0-{tail}"
    if "-" in base:
        return f"{base}.0.{tail}"
    head, patch = base.rsplit(".", 1)
    return f"{head}.{int(patch) + 1}-0.{tail}"


def noise(rng, size):
    """Bytes that do not compress, the same for the same generator state."""
    return rng.randbytes(size)
