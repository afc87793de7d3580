"""What the real go command answers with GOPROXY=direct, for the modules of a world."""

import concurrent.futures
import json
import os

import harness
from world import SEMVER


def escaped(text):
    return "".join("!" + c.lower() if "A" <= c <= "Z" else c for c in text)


def is_version(query):
    return bool(SEMVER.match(query)) and ("+" not in query or query.endswith("+incompatible"))


def json_stream(text):
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        while at < len(text) and text[at].isspace():
            at += 1
        if at < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
    return found


class Answers:
    """By (kind, path) for "list" and "latest", by (kind, path, query) for "info", "mod" and "zip". An answer is a
    dictionary, with "Error" when the go command had none."""

    def __init__(self):
        self.of = {}

    def versions(self):
        return sum(kind[0] == "zip" and "Error" not in answer for kind, answer in self.of.items())


class DirectGo:
    def __init__(self, folder, environment):
        self.go = harness.Go(folder, "direct", GONOSUMDB="*", **environment)
        self.empty = f"{folder}/empty"
        os.makedirs(self.empty, exist_ok=True)

    def run(self, *args):
        done = self.go.run(*args, cwd=self.empty, check=False, timeout=600)
        return json_stream(done.stdout), done.stderr

    def list_m(self, flags, words):
        """One answer per word; those that go gives none for are errors."""
        if not words:
            return []
        found, stderr = self.run("list", "-m", "-e", "-json", *flags, *words)
        assert len(found) == len(words), (words, stderr)
        return [dict(a, Error=a["Error"]["Err"]) if "Error" in a else a for a in found]

    def ask_all(self, asked):
        """asked: the modules of one repository with their queries. Versions come first and are read from disk before
        branches are asked, because a branch's answer is written over that of the version it stands for."""
        answers = {}
        paths = [module.path for module, _ in asked]
        for path, answer in zip(paths, self.list_m(["-versions", "-retracted"], paths)):
            answers["list", path] = answer
        # What a later query finds in the cache tells less of where it came from.
        for path, answer in zip(paths, self.list_m([], [f"{p}@latest" for p in paths])):
            answers["latest", path] = answer
        words = [(m.path, q) for m, queries in asked for q in queries]
        self._ask(answers, [w for w in words if is_version(w[1])])
        self._download(answers, [w for w in words if "Error" not in answers.get(("info", *w), {"Error": ""})])
        self._ask(answers, [w for w in words if not is_version(w[1])])
        more = {(k[1], a["Version"]) for k, a in answers.items() if k[0] in ("info", "latest") and "Error" not in a}
        self._download(answers, sorted(w for w in more if ("zip", *w) not in answers), is_info=False)
        return answers

    def _ask(self, answers, words):
        for word, answer in zip(words, self.list_m([], ["@".join(w) for w in words])):
            answers["info", *word] = answer

    def _download(self, answers, words, is_info=True):
        if not words:
            return
        found, stderr = self.run("mod", "download", "-json", *["@".join(w) for w in words])
        assert found, stderr
        by_version = {(a["Path"], a["Version"]): a for a in found}
        for word in words:
            answer = by_version.get(word)
            if answer is None:
                continue  # asked as one version, given as another: the other is asked too
            answers["zip", *word] = answer
            if "GoMod" in answer:
                with open(answer["GoMod"], "rb") as file:
                    answers["mod", *word] = {"body": file.read()}
            if is_info and "Info" in answer:
                with open(answer["Info"], encoding="utf-8") as file:
                    answers["info", *word] = dict(json.load(file), body=file.name)


def ask_world(modules, rng, folder, environment, workers=3, batch=8):
    """All modules of all repositories. Some repositories share a go command and its caches, which keep them apart;
    that saves most of the starts."""
    repos = {}
    for module in modules:
        repos.setdefault(id(module.repo), []).append((module, module.queries(rng)))
    groups = list(repos.values())
    batches = [sum(groups[i::(len(groups) + batch - 1) // batch], []) for i in range((len(groups) + batch - 1) // batch)]

    def run(item):
        number, group = item
        place = f"{folder}/{number}"
        os.makedirs(place)
        return DirectGo(place, environment).ask_all(group)

    answers = Answers()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for found in pool.map(run, enumerate(batches)):
            answers.of.update(found)
    return answers
