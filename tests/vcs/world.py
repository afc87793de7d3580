"""The repositories of the comparison with the go command, and what is asked of each.

handmade() has one repository per rule of cmd/go/internal/modfetch; random_repos() has histories,
tags and folders thrown together from the same parts, where rules meet. All follow from a seed.
"""

import io
import json
import os
import random
import re
import zipfile

from gitrepo import EXECUTABLE, LINK, SUBMODULE, Repo, noise, pseudo

HOST = "git.test.example"
NUMBER = r"(0|[1-9]\d*)"
SEMVER = re.compile(rf"v{NUMBER}\.{NUMBER}\.{NUMBER}(-(?!0\d+(\.|\+|$))[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")
# What the go command takes for a choice among versions, before it looks for a revision.
CHOICE = re.compile(r"(latest|upgrade|patch|none|v\d+(\.\d+)?)$|[<>]")


class Module:
    """A module path, where it stands in which repository, and the queries for it."""

    def __init__(self, path, repo, code_dir="", queries=(), derive=6):
        self.path, self.repo, self.code_dir = path, repo, code_dir
        self.extra, self.derive = list(queries), derive
        major = re.search(r"[./](v\d+)(-unstable)?$", path)
        self.major = major.group(1) if major else ""

    def queries(self, rng):
        """Versions, branches, commits and pseudo-versions, right and wrong; each once, in a fixed order."""
        found = [q(self) if callable(q) else q for q in self.extra]
        if self.derive:
            found += self._of_tags(rng) + self._of_commits(rng)
            found += [*self.repo.branches, *rng.sample(["HEAD", "nothing-like-it", "v0.0.99"], 1)]
        return [q for q in dict.fromkeys(found) if not CHOICE.match(q) and "/" not in q]

    def _of_tags(self, rng):
        prefix = self.code_dir + "/" if self.code_dir else ""
        found = []
        for tag in self.repo.tags:
            if tag.startswith(prefix):
                found.append(tag[len(prefix):])
                if re.match(r"v([2-9]|\d\d)", found[-1]):
                    found.append(found[-1] + "+incompatible")
        return sorted(rng.sample(found, min(len(found), 3 * self.derive)))

    def _of_commits(self, rng):
        commits = self.repo.commits
        picked = rng.sample(commits, min(len(commits), self.derive))
        found = []
        for n, commit in enumerate(picked):
            found += [commit.hash, commit.short, commit.hash[:7]][n % 3:n % 3 + 1]
            found += self._pseudo_versions(commit, rng)
        return found

    def _pseudo_versions(self, commit, rng):
        """One that fits, when there is one, and one that does not."""
        prefix = self.code_dir + "/" if self.code_dir else ""
        of = [t[len(prefix):] for t in self.repo.tags if t.startswith(prefix)]
        semver = [t for t in of if SEMVER.match(t) and "+" not in t]
        old = [t for t in semver if self.repo.tags[prefix + t] in commit.history()[1:]]
        strange = [t for t in semver if t not in old]
        right = [pseudo("", commit, self.major or "v0")] + [pseudo(t, commit) for t in old]
        wrong = [pseudo("", commit, self.major or "v0", when=commit.when + 1),
                 pseudo("", commit, self.major or "v0", short=commit.hash[:11]),
                 pseudo("", commit, self.major or "v0", short=commit.hash[:13]),
                 pseudo("", commit, "v1" if not self.major else "v7"),
                 pseudo("v0.77.0", commit), pseudo("", commit, self.major or "v0", short="0123456789ab")]
        wrong += [pseudo(t, commit) for t in strange]
        return [rng.choice(right), rng.choice(right[1:] or right), rng.choice(wrong)]


def go_mod(path, go="1.20", more=""):
    return f"module {path}\n\ngo {go}\n{more}"


def source(name="p", text=""):
    return f"package {name}\n{text}"


class World:
    """All repositories and modules of a seed."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.repos, self.modules, self.pages, self.files = [], [], {}, {}

    def repo(self, name, host=HOST, **kw):
        repo = Repo(f"{host}/{name}.git", start=self.rng.randrange(1_300_000_000, 1_700_000_000), **kw)
        repo.root = f"{host}/{name}"
        self.repos.append(repo)
        return repo

    def module(self, repo, sub="", code_dir=None, **kw):
        path = f"{repo.root}/{sub}" if sub else repo.root
        if code_dir is None:
            code_dir = re.sub(r"(^|/)v\d+$", "", sub)
        self.modules.append(Module(path, repo, code_dir, **kw))

    def write(self, folder):
        for repo in self.repos:
            repo.write(folder)
        with open(os.path.join(str(folder), "pages.json"), "w", encoding="utf-8") as file:
            json.dump(self.pages, file)
        for path, data in self.files.items():
            path = os.path.join(str(folder), path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)


def plain_tags(w):
    r = w.repo("plain")
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), "LICENSE": "free\n"})
    r.tag("v0.1.0")
    r.commit({"a.go": source(text="// 2\n")})
    r.tag("v1.0.0")
    r.commit({"b.go": source(), "run.sh": (EXECUTABLE, "#!/bin/sh\n")}, zone=b"-0930")
    r.tag("v1.1.0", annotated=True)
    r.tag("v1.1.1-pre.1")
    r.commit({"b.go": source(text="// 4\n")}, branch="dev", parents=[r.branches["main"]])
    r.tag("v1.2.0-rc.1", r.branches["dev"], annotated=True)
    r.tag("v1.2.0-rc.10", r.branches["dev"])
    r.commit({"c.go": source()})
    r.tag("v1.2.0", annotated=True)
    r.commit({"c.go": source(text="// 6\n")})
    r.commit({"d/e/f/g/h/i/j/k/l/m/n/o/p/q.go": source()})
    w.module(r, derive=9)


def tags_on_one_commit(w):
    r = w.repo("tags")
    c = r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    for name in ("v1.0.0", "v1.0.1", "v1.0.0+build.5", "v1.0.2-beta", "v0.9.0", "v2.0.0", "release-1", "1.2.3",
                 "v1", "v1.2", "vv1.0.0", "v1.0.0.0", "V1.3.0", "v01.4.0", "v1.5.0-01", "v1.6.0-RC1",
                 "v0.0.0-20200101000000-abcdefabcdef"):
        r.tag(name, c, annotated=name in ("v1.0.1", "release-1"))
    c = r.commit({"a.go": source(text="// 2\n")})
    r.tag("v1.7.0+meta", c)
    r.tag("v1.7.1+incompatible", c)
    c = r.commit({"a.go": source(text="// 3\n")})
    r.tag("deadbeef", c)
    r.tag("same", c)
    r.branch("same", r.commits[0])
    r.branch("abcdef1", r.commits[1])
    w.module(r, derive=9)


def strange_tags(w):
    r = w.repo("strange-tags")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0", annotated=True)
    r.after("tag", "-m", "again", "v1.1.0", "v1.0.0")  # a tag of a tag
    r.after("tag", "v1.2.0", "{1}:a.go")  # of a file
    r.after("tag", "v1.3.0", "{1}^{{tree}}")
    r.after("update-ref", "refs/pull/1/head", "{2}")
    r.commit({"a.go": source(text="// not on a branch\n")}, branch="gone")
    r.after("update-ref", "-d", "refs/heads/gone")
    w.module(r, queries=["v1.1.0", "v1.2.0", "v1.3.0", lambda m: m.repo.commits[1].hash,
                         lambda m: pseudo("", m.repo.commits[1])])
    del r.branches["gone"]
    r.branch("tip", r.commits[0])


def sub_directories(w):
    r = w.repo("subs")
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), "LICENSE": "of the root\n",
              "sub/dir/go.mod": go_mod(r.root + "/sub/dir"), "sub/dir/s.go": source(),
              "sub/dir/inner/go.mod": go_mod(r.root + "/sub/dir/inner"), "sub/dir/inner/i.go": source(),
              "sub/own/go.mod": go_mod(r.root + "/sub/own"), "sub/own/LICENSE": "its own\n", "sub/own/o.go": source(),
              "sub/none/n.go": source(), "sub/LICENSE": "of sub\n"})
    for tag in ("v1.0.0", "sub/dir/v0.1.0", "sub/own/v0.5.0", "sub/none/v0.6.0", "sub/dir/inner/v1.9.0"):
        r.tag(tag, annotated="own" in tag)
    r.commit({"sub/dir/s.go": source(text="// 2\n")})
    r.tag("sub/dir/v0.2.0-pre")
    r.commit({"sub/dir/v2/go.mod": go_mod(r.root + "/sub/dir/v2"), "sub/dir/v2/s.go": source()})
    r.tag("sub/dir/v2.0.0")
    c = r.commit({"sub/dir/v2/s.go": source(text="// 4\n")})
    r.tag("sub/dir/v0.0.0-20200101000000-abcdefabcdef", c)
    # A tag of the root, on a commit above the same tag of the folder.
    r.tag("v0.1.0", c)
    for sub in ("", "sub/dir", "sub/dir/inner", "sub/own", "sub/none", "sub/dir/v2", "sub/dir/v3", "sub"):
        w.module(r, sub, derive=4, queries=[lambda m: pseudo("v0.1.0", m.repo.commits[3])])


def majors(w):
    r = w.repo("v2branch")
    one = r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    r.commit({"go.mod": go_mod(r.root + "/v2"), "a.go": source(text="// 2\n")}, branch="next", parents=[one])
    r.tag("v2.0.0", r.branches["next"])
    r.commit({"a.go": source(text="// 3\n")}, branch="next")
    r.tag("v2.1.0-beta.1", r.branches["next"], annotated=True)
    r.commit({"a.go": source(text="// 4\n")}, branch="next")
    for sub in ("", "v2", "v3"):
        w.module(r, sub, code_dir="", derive=5)

    r = w.repo("v2folder")
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), "LICENSE": "free\n"})
    r.tag("v1.0.0")
    r.commit({"v2/go.mod": go_mod(r.root + "/v2"), "v2/a.go": source()})
    r.tag("v2.0.0")
    r.commit({"v2/a.go": source(text="// 3\n")})
    r.tag("v2.0.1", annotated=True)
    for sub in ("", "v2"):
        w.module(r, sub, code_dir="", derive=5)

    r = w.repo("v2both")
    r.commit({"go.mod": go_mod(r.root + "/v2"), "v2/go.mod": go_mod(r.root + "/v2"), "v2/a.go": source()})
    r.tag("v2.0.0")
    r.commit({"v2/go.mod": go_mod(r.root + "/v9")})
    r.tag("v2.0.1")
    r.commit({"v2/go.mod": "// none\n"})
    r.tag("v2.0.2")
    w.module(r, "v2", code_dir="", derive=3)
    w.module(r, "v9", code_dir="", derive=3)

    r = w.repo("whole")
    r.root += "/v2"  # the page says that the whole path is the repository
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v2.0.0")
    r.tag("v1.0.0")
    r.commit({"v2/go.mod": go_mod(r.root), "v2/b.go": source()})
    r.tag("v2.1.0")
    w.pages[r.root] = [f"{r.root} git https://{r.url_path}"]
    w.module(r, code_dir="", derive=4)


def incompatible(w):
    r = w.repo("incompatible")
    for v in ("v1.0.0", "v2.0.0", "v2.1.0-pre", "v3.4.5"):
        r.commit({"a.go": source(text=f"// {v}\n")})
        r.tag(v)
    r.commit({"a.go": source(text="// after\n")})
    w.module(r, derive=6)

    r = w.repo("incompatible-dropped")
    r.commit({"a.go": source()})
    r.tag("v1.0.0")
    r.commit({"a.go": source(text="// 2\n")})
    r.tag("v2.0.0")
    r.commit({"go.mod": go_mod(r.root)})
    r.tag("v1.5.0")
    r.tag("v3.0.0")
    w.module(r, derive=6)

    r = w.repo("incompatible-major")
    r.commit({"a.go": source()})
    for v in ("v1.0.0", "v2.0.0", "v3.0.0"):
        r.tag(v)
    r.commit({"v4/go.mod": go_mod(r.root + "/v4")})
    r.tag("v4.0.0")
    r.commit({"go.mod": go_mod(r.root + "/v2")})
    r.tag("v2.1.0")
    r.commit({"b.go": source()})
    for sub in ("", "v2", "v4"):
        w.module(r, sub, code_dir="", derive=5)


def dotted_majors(w):
    for name, go_mods in (("seed.v1", True), ("seed.v2", False), ("seed.v3-unstable", True)):
        r = w.repo(name, host="gopkg.in")
        r.commit({"a.go": source()})
        r.tag("v1.0.0")
        r.commit({"go.mod": go_mod(r.root)} if go_mods else {"b.go": source()})
        for tag in ("v1.1.0", "v2.0.0", "v3.0.0"):
            r.tag(tag)
        r.commit({"c.go": source()})
        w.pages[r.root] = [f"{r.root} git https://{r.url_path}"]
        w.module(r, code_dir="", derive=5)
    r = w.repo("fork")
    r.commit({"go.mod": go_mod("gopkg.in/seed.v3"), "a.go": source()})
    r.tag("v1.0.0")
    r.tag("v3.0.0")
    w.module(r, derive=3)


def bases(w):
    r = w.repo("untagged")
    for i in range(4):
        r.commit({"a.go": source(text=f"// {i}\n"), **({"go.mod": go_mod(r.root)} if i else {})})
    w.module(r, derive=8)

    r = w.repo("merges")
    a = r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v0.1.0")
    left = r.commit({"l.go": source()}, branch="left", parents=[a])
    r.tag("v0.2.0-left", left)
    right = r.commit({"r.go": source()}, branch="right", parents=[a])
    r.tag("v0.3.0-right.1", right, annotated=True)
    merged = r.commit({"m.go": source()}, parents=[a, left, right])
    r.commit({"n.go": source()})
    r.tag("v0.4.0", r.commit({"x.go": source()}, branch="left"))
    r.branch("merged", merged)
    orphan = r.commit({"go.mod": go_mod(r.root)}, branch="orphan", parents=[])
    r.tag("v0.9.0", orphan)
    w.module(r, derive=9)


def retractions(w):
    r = w.repo("retracted")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    r.commit({"a.go": source(text="// 2\n")})
    r.tag("v1.0.1")
    r.tag("v1.0.2")
    r.commit({"a.go": source(text="// 3\n")})
    r.tag("v1.1.0")
    r.tag("v1.2.0-pre")
    r.commit({"go.mod": go_mod(r.root, more="\nretract [v1.0.1, v1.0.5] // broken\nretract (\n\tv1.2.0-pre\n\tv1.3.0\n)\n"
                                            "exclude example.com/x v1.0.0\n")})
    r.tag("v1.3.0")
    r.commit({"a.go": source(text="// 5\n")})
    w.module(r, derive=9)
    r = w.repo("all-retracted")
    r.commit({"go.mod": go_mod(r.root, more="\nretract [v0.0.0, v1.99.0]\n"), "a.go": source()})
    r.tag("v1.0.0")
    r.commit({"a.go": source(text="// 2\n")})
    w.module(r, derive=3)


def go_mods(w):
    forms = {"crlf": lambda p: go_mod(p).replace("\n", "\r\n"), "bom": lambda p: "\ufeff" + go_mod(p),
             "quoted": lambda p: f'module "{p}"\n', "raw": lambda p: f"module `{p}`\n",
             "block": lambda p: f"module (\n\t{p}\n)\n", "late": lambda p: f"go 1.20\n// text\nmodule {p} // end\n",
             "broken": lambda p: f"module {p}\n\nrequire (\n", "none": lambda p: "go 1.20\n", "empty": lambda p: "",
             "other": lambda p: go_mod("elsewhere.example/other"), "other-major": lambda p: go_mod(p + "/v3"),
             "malformed": lambda p: "module not-a-path/v1\n", "comment": lambda p: f"/* module x */ module {p}\n",
             "no-newline": lambda p: f"module {p}", "deprecated": lambda p: f"// Deprecated: old\nmodule {p}\n"}
    for name, make in forms.items():
        r = w.repo(f"mod/{name}")
        r.commit({"go.mod": make(r.root), "a.go": source()})
        r.tag("v1.0.0")
        r.tag("v3.0.0")
        w.module(r, queries=["v1.0.0", "v3.0.0", "v3.0.0+incompatible", "main"], derive=0)
    r = w.repo("mod/link")
    r.commit({"go.mod": (LINK, "real.mod"), "real.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    w.module(r, derive=2)
    r = w.repo("mod/folder")
    r.commit({"go.mod/x.go": source(), "a.go": source()})
    r.tag("v1.0.0")
    r.tag("v2.0.0")
    w.module(r, derive=2)


def attributes(w):
    r = w.repo("eol")
    files = {"crlf.txt": b"a\r\nb\r\n", "mixed.txt": b"a\r\nb\n", "lf.txt": b"a\nb\n", "x.bat": b"a\nb\n", "y.sh": b"a\r\nb\n",
             "z.bin": b"a\nb\n\0", "auto.dat": b"a\r\nb", "hidden.txt": b"h\n", "subst.txt": b"$Format:%H %d$\n",
             "ident.txt": b"$Id$\n", "utf16.txt": "a\nb\n".encode(), "sub/in.txt": b"a\nb\n", "sub/in.bat": b"a\r\nb\r\n",
             "forced.txt": b"a\r\nb\r\n"}
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), **files})
    r.tag("v1.0.0")
    r.commit({".gitattributes": "*.txt text\n*.bat text eol=crlf\n*.sh text eol=lf\n*.bin -text\n*.dat text=auto\n"
                                "hidden.txt export-ignore\nsubst.txt export-subst\nident.txt ident\n"
                                "utf16.txt working-tree-encoding=UTF-16LE\nforced.txt eol=crlf\n"})
    r.tag("v1.1.0")
    r.commit({".gitattributes": "* text=auto\n", "sub/.gitattributes": "*.txt eol=crlf\n*.bat binary\n"})
    r.tag("v1.2.0")
    r.commit({".gitattributes": "[attr]mine text eol=crlf\n*.txt mine\nsub/** -text\n*.md crlf=input\n/a.go text eol=crlf\n"
                                "sub export-ignore\n", "sub/go.mod": go_mod(r.root + "/sub"), "sub/.gitattributes": "*.txt text\n"})
    r.tag("v1.3.0")
    r.tag("sub/v1.3.0")
    w.module(r, derive=3)
    w.module(r, "sub", derive=3)
    r = w.repo("lfs")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab" * 32 + "\nsize 12345\n"
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), "big.bin": pointer,
              ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    r.tag("v1.0.0")
    w.module(r, derive=2)


def odd_files(w):
    r = w.repo("links")
    r.commit({"go.mod": go_mod(r.root), "a.go": source(), "link.go": (LINK, "a.go"), "dangling": (LINK, "nowhere"),
              "dir/b.go": source(), "folder": (LINK, "dir"), "module": (SUBMODULE, "ab" * 20), "LICENSE": (LINK, "a.go"),
              ".gitmodules": "[submodule \"module\"]\n\tpath = module\n\turl = https://x.test.example/x.git\n",
              "run": (EXECUTABLE, "#!/bin/sh\n"), ".hidden/x": "x", "_under/y.go": source(), "testdata/z": "z"})
    r.tag("v1.0.0")
    r.commit({"sub/go.mod": go_mod(r.root + "/sub"), "sub/LICENSE": (LINK, "../a.go"), "sub/s.go": source()})
    r.tag("sub/v1.0.0")
    w.module(r, derive=2)
    w.module(r, "sub", derive=2)
    # One repository per name, because one bad name spoils a zip.
    names = {"case": {"File.go": "1", "file.go": "2"}, "case-folder": {"Dir/a.go": "1", "dir/b.go": "2"},
             "fold": {"K.go": "1", "\u212a.go": "2"}, "latin": {"caf\u00e9.go": "1"}, "han": {"\u4e16.txt": "1"},
             "invalid": {b"bad\xff.go": "1"}, "colon": {"a:b": "1"}, "space": {"a b.go": "1"}, "device": {"con.txt": "1"},
             "aux": {"sub/AUX": "1"}, "backslash": {"a\\b": "1"}, "dot": {"end.": "1"}, "star": {"a*b": "1"},
             "dash": {"-a": "1"}, "tilde": {"GIT~1/x": "1", "p~2.go": "2"}, "quote": {"a'b\"c": "1"}, "newline": {"a\nb": "1"},
             "controls": {"a\x01b": "1"}, "emoji": {"\U0001f600": "1"}, "combining": {"e\u0301.go": "1"}, "plus": {"a+b=c,d@e": "1"},
             "gomod-case": {"sub/GO.MOD": "1", "sub/x.go": "2"}, "git": {"sub/.gitignore": "x"}, "hg": {".hg_archival.txt": "1"},
             "parens": {"a(b)[c]{d}$e%f&g!h^i": "1"}, "deep": {"/".join(["d" * 20] * 12) + "/x.go": "1"}}
    for name, files in names.items():
        r = w.repo(f"name/{name}")
        r.commit({"go.mod": go_mod(r.root), "a.go": source(), **files})
        r.tag("v1.0.0")
        w.module(r, queries=["v1.0.0"], derive=0)


def vendors(w):
    files = {"vendor/modules.txt": "# x\n", "vendor/example.com/x/x.go": source("x"), "vendor/note.txt": "1",
             "inner/vendor/modules.txt": "# y\n", "inner/vendor/y/y.go": source("y"), "inner/vendor/z.go": source("z"),
             "vendored/v.go": source("v"), "inner/vendor.go": source("inner"), "inner/vendor/y/vendor/q.go": source("q"),
             "sub/go.mod": "module sub.example/x\n", "sub/vendor/a/a.go": source("a")}
    for name, go in (("old", "1.13"), ("before", "1.23.9"), ("since", "1.24"), ("new", "1.25.1"), ("none", None)):
        r = w.repo(f"vendor/{name}")
        mod = {"go.mod": go_mod(r.root, go)} if go else {}
        r.commit({"a.go": source(), **mod, **files})
        r.tag("v1.0.0")
        w.module(r, queries=["v1.0.0"], derive=0)
    r = w.repo("vendor/future")
    r.commit({"a.go": source(), "go.mod": go_mod(r.root, "1.99")})
    r.tag("v1.0.0")
    w.module(r, queries=["v1.0.0"], derive=0)


def sizes(w):
    for name, files in (("mod", {"go.mod": "// " + "x" * (16 << 20) + "\n"}), ("license", {"LICENSE": "y" * ((16 << 20) + 1)}),
                        ("fits", {"LICENSE": "y" * (16 << 20)})):
        r = w.repo(f"size/{name}")
        r.commit({"go.mod": go_mod(r.root), "a.go": source(), **files})
        r.tag("v1.0.0")
        w.module(r, queries=["v1.0.0"], derive=0)
    r = w.repo("size/sub")
    r.commit({"sub/go.mod": go_mod(r.root + "/sub"), "LICENSE": "y" * ((16 << 20) + 1), "noise": noise(w.rng, 300_000)})
    r.tag("sub/v1.0.0")
    w.module(r, "sub", queries=["v1.0.0"], derive=0)


def shapes(w):
    r = w.repo("empty")
    w.module(r, queries=["v1.0.0", "main"], derive=0)
    r = w.repo("headless")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()}, branch="trunk")
    r.head = "refs/heads/main"
    w.module(r, queries=["trunk"], derive=0)
    r = w.repo("trunk")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()}, branch="trunk")
    r.head = "refs/heads/trunk"
    w.module(r, derive=2)
    r = w.repo("empty-tree")
    r.commit({})
    r.tag("v1.0.0")
    w.module(r, derive=1)
    r = w.repo("only-mod")
    r.commit({"go.mod": go_mod(r.root)})
    r.tag("v1.0.0")
    w.module(r, derive=1)
    r = w.repo("times")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()}, when=0)
    r.commit({"a.go": source(text="// 1\n")}, when=86399)
    r.tag("v1.0.0")
    r.commit({"a.go": source(text="// 2\n")}, when=4102444800)
    r.commit({"a.go": source(text="// 3\n")}, when=1330559999, zone=b"+1400")
    w.module(r, derive=9)
    r = w.repo("sha256", object_format="sha256")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    r.commit({"a.go": source(text="// 2\n")})
    w.module(r, derive=3)
    r = w.repo("many-tags")
    c = None
    for i in range(20):
        c = r.commit({"go.mod": go_mod(r.root), "a.go": source(text=f"// {i}\n")})
    for i in range(10_000):
        r.tag(f"v0.{i // 100}.{i % 100}", r.commits[i % 20])
    w.module(r, queries=["v0.0.7", "v0.99.99", "main", lambda m: m.repo.commits[3].hash], derive=0)


def discoveries(w):
    r = w.repo("mono")
    r.commit({"go/part/go.mod": go_mod(f"{HOST}/part"), "go/part/p.go": source(), "LICENSE": "free\n",
              "go/part/deep/go.mod": go_mod(f"{HOST}/part/deep"), "go/part/v2/go.mod": go_mod(f"{HOST}/part/v2")})
    for tag in ("go/part/v1.0.0", "go/part/deep/v1.1.0", "go/part/v2.0.0", "v1.2.0"):
        r.tag(tag)
    r.commit({"go/part/p.go": source(text="// 2\n")})
    r.root = f"{HOST}/part"
    meta = [f"{r.root} git https://{r.url_path} go/part"]
    for sub in ("", "/deep", "/v2"):
        w.pages[r.root + sub] = meta
    w.module(r, code_dir="go/part", derive=4)
    w.module(r, "deep", code_dir="deep/go/part", derive=2)
    w.module(r, "v2", code_dir="go/part", derive=2)

    r = w.repo("group/inner/repo")
    r.commit({"go.mod": go_mod(r.root), "x/go.mod": go_mod(r.root + "/x"), "x/x.go": source(), "a.go": source()})
    r.tag("v1.0.0")
    r.tag("x/v1.0.0")
    w.module(r, derive=2)
    w.module(r, "x", derive=2)

    r = w.repo("acme/known", host="github.com")
    r.commit({"go.mod": go_mod(r.root), "Sub/go.mod": go_mod(r.root + "/Sub"), "Sub/s.go": source(), "a.go": source()})
    r.tag("v1.0.0")
    r.tag("Sub/v1.0.0")
    w.module(r, derive=2)
    w.module(r, "Sub", derive=2)
    r = w.repo("acme/bucket", host="bitbucket.org")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    w.module(r, derive=1)

    r = w.repo("with/suffix")
    r.root = f"{HOST}/with/suffix.git"
    r.commit({"go.mod": go_mod(r.root), "m/go.mod": go_mod(r.root + "/m"), "m/m.go": source()})
    r.tag("v1.0.0")
    r.tag("m/v1.0.0")
    w.module(r, derive=1)
    w.module(r, "m", derive=1)

    r = w.repo("pages")
    r.commit({"go.mod": go_mod(r.root), "a.go": source()})
    r.tag("v1.0.0")
    url = f"https://{r.url_path}"
    strange = {"none": [], "elsewhere": [f"other.test.example/x git {url}"], "twice": [f"{HOST}/p/twice git {url}"] * 2,
               "two": [f"{HOST}/p/two git {url}", f"other.test.example/x git {url}x"], "hg": [f"{HOST}/p/hg cvs {url}"],
               "file": [f"{HOST}/p/file git file:///tmp/x.git"], "scheme": [f"{HOST}/p/scheme git {r.url_path}"],
               "dash": [f"{HOST}/p/dash git {url} -x"], "slash": [f"{HOST}/p/slash git {url} /x"],
               "words": [f"{HOST}/p/words git"], "disagree": [f"{HOST}/p git {url}"], "five": [f"{HOST}/p/five git {url} a b"],
               "absent": [f"{HOST}/p/absent git https://{HOST}/absent.git"]}
    for name, metas in strange.items():
        w.pages[f"{HOST}/p/{name}"] = metas
        w.modules.append(Module(f"{HOST}/p/{name}", r, "", ["v1.0.0"], 0))
    w.modules.append(Module(f"{HOST}/not/there", r, "", ["v1.0.0"], 0))
    w.modules.append(Module("github.com/acme/missing", r, "", ["v1.0.0"], 0))


def by_proxy(w):
    """A page may name a GOPROXY tree instead of a repository."""
    path, version = f"{HOST}/by-proxy", "v1.0.0"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{path}@{version}/go.mod", go_mod(path))
        archive.writestr(f"{path}@{version}/a.go", source())
    base = f"{HOST}/tree/{path}/@v/"
    w.files.update({base + "list": b"v1.0.0\n", base + "v1.0.0.info": b'{"Version":"v1.0.0","Time":"2024-01-02T03:04:05Z"}',
                    base + "v1.0.0.mod": go_mod(path).encode(), base + "v1.0.0.zip": packed.getvalue()})
    w.pages[path] = [f"{path} mod https://{HOST}/tree", f"{path} git https://{HOST}/pages.git"]
    w.modules.append(Module(path, w.repos[-1], "", ["v1.0.0", "v1.1.0"], 0))


HANDMADE = (plain_tags, tags_on_one_commit, strange_tags, sub_directories, majors, incompatible, dotted_majors, bases,
            retractions, go_mods, attributes, odd_files, vendors, sizes, shapes, discoveries, by_proxy)


def handmade(w):
    for make in HANDMADE:
        make(w)
    return w


def random_repos(w, count):
    for i in range(count):
        random_repo(w, f"random/r{i}")
    return w


def random_repo(w, name):
    """A history with branches and merges; go.mod files come, go and change; tags fall on any commit."""
    rng = w.rng
    r = w.repo(name)
    subs = rng.sample(["", "a", "a/b", "v2", "a/v2", "c/d"], rng.randint(2, 4))
    r.commit({"a.go": source(), **({"go.mod": go_mod(r.root)} if rng.random() < 0.6 else {})})
    for step in range(rng.randint(4, 10)):
        branch = rng.choice([*r.branches, f"b{step}"])
        parents = None if branch in r.branches else [rng.choice(r.commits)]
        if rng.random() < 0.25 and branch in r.branches:
            parents = [r.branches[branch], rng.choice(r.commits)]
            parents = parents[:1] if parents[0] is parents[1] else parents
        r.commit(random_files(r, subs, rng, step), branch=branch, parents=parents)
        for _ in range(rng.choice((0, 1, 1, 2))):
            random_tag(r, subs, rng)
    for sub in dict.fromkeys([*subs, ""]):
        w.module(r, sub, derive=3)
    if rng.random() < 0.3:
        w.module(r, "v3", code_dir="", derive=1)


def odd_files(r, step):
    """What git archive treats in its own way; drawn by themselves, so that they move nothing else."""
    rng = random.Random(f"{r.root} {step}")
    folder = rng.choice(["", "a/", "a/b/", "x/"])
    kinds = [
        {f"{folder}.gitattributes": rng.choice(["*.txt text eol=crlf\n", "*.txt ident\n", "* export-ignore\n",
                                                "*.txt export-subst\n", "*.txt -text\n", "*.txt text=auto\n"])},
        {f"{folder}t.txt": rng.choice([b"$Id$\r\nx\n", b"$Format:%H$\n", b"a\r\nb", b""])},
        {f"{folder}link": (LINK, "t.txt")}, {f"{folder}run": (EXECUTABLE, "#!/bin/sh\n")},
        {f"{folder}module": (SUBMODULE, "cd" * 20)}, {f"{folder}empty.go": b""}, {}, {},
    ]
    return {**rng.choice(kinds), **rng.choice(kinds)}


def random_files(r, subs, rng, step):
    files = {rng.choice(["a.go", "x/b.go", "a/c.go", "a/b/d.go", "v2/e.go", "LICENSE", "vendor/x/f.go"]): source(text=f"// {step}\n")}
    if rng.random() < 0.5:
        sub = rng.choice(subs)
        suffix = rng.choice(["", "", "", "/v2", "/v3"])
        retract = rng.choice(["", "", "\nretract v1.0.0\n", "\nretract [v0.0.0, v0.9.9]\n"])
        files[f"{sub}/go.mod".lstrip("/")] = go_mod(f"{r.root}/{sub}".rstrip("/") + suffix, rng.choice(["1.17", "1.24"]), retract)
    return {**odd_files(r, step), **files}


def random_tag(r, subs, rng):
    version = (f"v{rng.choice((0, 1, 1, 2, 2, 3))}.{rng.randint(0, 2)}.{rng.randint(0, 1)}"
               + rng.choice(["", "", "", "-rc.1", "-0.x", "+m"]))
    sub = re.sub(r"(^|/)v\d+$", "", rng.choice(subs))
    tag = f"{sub}/{version}" if sub else version
    if tag not in r.tags:
        r.tag(tag, rng.choice(r.commits), annotated=rng.random() < 0.4)
