"""A GOPROXY tree made by hand, for tests of rules: modules with times, licences and retractions of one's choice."""

import json
import os
import time
import zipfile

MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
OLD = "2020-01-02T03:04:05Z"


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Tree:
    def __init__(self, folder):
        self.folder = str(folder)
        self.url = f"file://{self.folder}"

    def _place(self, path, *names):
        place = os.path.join(self.folder, path, *names)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        return place

    def add(self, path, version, when=OLD, licence=MIT, go_mod=""):
        """A version; @latest becomes it."""
        mod = f"module {path}\n\ngo 1.20\n{go_mod}"
        info = json.dumps({"Version": version, "Time": when})
        package = path.rsplit("/", 1)[1]
        content = {"go.mod": mod, "lib.go": f"package {package}\n\nfunc Read() {{}}\n"}
        if licence:
            content["LICENSE"] = licence
        for name, text in ((version + ".info", info), (version + ".mod", mod)):
            with open(self._place(path, "@v", name), "w", encoding="utf-8") as file:
                file.write(text)
        with zipfile.ZipFile(self._place(path, "@v", version + ".zip"), "w") as made:
            for name, text in content.items():
                made.writestr(f"{path}@{version}/{name}", text)
        with open(self._place(path, "@v", "list"), "a", encoding="utf-8") as file:
            file.write(version + "\n")
        with open(self._place(path, "@latest"), "w", encoding="utf-8") as file:
            file.write(info)
        return self

    def query(self, path, name, version):
        """What a branch or a commit is."""
        with open(self._place(path, "@v", version + ".info"), encoding="utf-8") as info:
            text = info.read()
        with open(self._place(path, "@v", name + ".info"), "w", encoding="utf-8") as file:
            file.write(text)
