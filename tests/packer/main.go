// Command packer is golang.org/x/mod/zip as a program, and a maker of folders with odd content:
//
//	packer make SEED COUNT DIR          makes DIR/0, DIR/1, … and prints a line of JSON for each
//	packer zip DIR PATH VERSION OUT     writes the zip and prints its h1; fails as x/mod does
//	packer tag REPO REV SUBDIR PATH VERSION OUT   the same of a revision of a git repository
//
// zip and tag also fail when go could not use the version: when the zip's go.mod does not parse or
// names another module, or a +incompatible version has one.
package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

func main() {
	args := os.Args[1:]
	err := fmt.Errorf("usage: packer make|zip|tag …")
	switch {
	case len(args) == 4 && args[0] == "make":
		err = makeAll(args[1], args[2], args[3])
	case len(args) == 5 && args[0] == "zip":
		m := module.Version{Path: args[2], Version: args[3]}
		err = pack(m, args[4], func(w io.Writer) error { return modzip.CreateFromDir(w, m, args[1]) })
	case len(args) == 7 && args[0] == "tag":
		m := module.Version{Path: args[4], Version: args[5]}
		err = pack(m, args[6], func(w io.Writer) error { return modzip.CreateFromVCS(w, m, args[1], args[2], args[3]) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pack(m module.Version, out string, create func(io.Writer) error) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := create(f); err != nil {
		return err
	}
	if err := checkGoMod(m, out); err != nil {
		return err
	}
	h1, err := dirhash.HashZip(out, dirhash.DefaultHash)
	if err == nil {
		fmt.Println(h1)
	}
	return err
}

func checkGoMod(m module.Version, zipFile string) error {
	r, err := zip.OpenReader(zipFile)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := r.Open(m.String() + "/go.mod")
	if err != nil {
		return nil // it has none
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if semver.Build(m.Version) == "+incompatible" {
		return fmt.Errorf("%s has a go.mod", m)
	}
	mod, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil {
		return err
	}
	if mod.Module == nil || mod.Module.Mod.Path != m.Path {
		return fmt.Errorf("the go.mod does not name %s", m.Path)
	}
	return nil
}

// folder is what a made folder is to be published as.
type folder struct{ Path, Version string }

var kinds = []folder{
	{"corp.example/lib", "v1.2.3"}, {"corp.example/lib", "v0.0.1-rc.1"}, {"corp.example/Lib", "v1.0.0"}, {"corp.example/lib/v2", "v2.0.0"},
	{"corp.example/lib", "v2.0.0+incompatible"}, {"corp.example/lib", "v2.0.0"}, {"corp.example/lib/v3", "v2.1.0"}, {"corp.example/lib", "v1.2"},
	{"corp.example/lib", "v0.0.0-20260102030405-0123456789ab"}, {"corp.example/a_b/~c", "v1.0.0"}, {"corp.example/lib", "v1.0.0+meta"},
}

var names = []string{
	"a.go", "sub/b.go", "sub/deep/c.go", "README.md", "readme.md", "LICENSE", "sub/LICENSE", "license", "été.go", "日本/語.go", "x y.txt", "x😀.go", "a:b.go", "con.go", "aux",
	"sub/go.mod", "sub/x/y.go", "Sub/other.go", "GO.MOD", "vendor/modules.txt", "vendor/x/y.go", "vendor/z.go", "sub/vendor/x/y.go", "longname1/vendor/y.go", ".git/config",
	".git/HEAD", ".gitignore", ".hg/store", ".hg_archival.txt", "sub/.git/config", "link.go", "run.sh", "big.bin", "empty", "go.sum", "K.go", "\u212a.go", "sub/.hidden/x", "node\\x.go", "trailing.",
	"testdata/go.mod", "testdata/x", "a/b/c/d/e/f/g.txt", "com1.txt", "x~1", "star*", "semi;colon.go", "it's.go", "dir/",
}

func makeAll(seed, count, dir string) error {
	s, err := strconv.ParseInt(seed, 10, 64)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewSource(s))
	for i := range n {
		made, err := makeOne(r, filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return err
		}
		line, _ := json.Marshal(made)
		fmt.Println(string(line))
	}
	return nil
}

// A third of the folders are plain, so that enough of them can be published.
func makeOne(r *rand.Rand, dir string) (folder, error) {
	kind := kinds[0]
	files := 1 + r.Intn(4)
	from := names[:6]
	if r.Intn(3) > 0 {
		kind, files, from = kinds[r.Intn(len(kinds))], r.Intn(8), names
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return kind, err
	}
	if text := goMod(r, kind); text != "" {
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o666); err != nil {
			return kind, err
		}
	}
	for range files {
		makeFile(r, dir, from[r.Intn(len(from))])
	}
	return kind, nil
}

func goMod(r *rand.Rand, kind folder) string {
	if strings.HasSuffix(kind.Version, "+incompatible") && r.Intn(3) > 0 {
		return ""
	}
	switch r.Intn(14) {
	case 0:
		return ""
	case 1:
		return "module corp.example/other\n"
	case 2:
		return "module " + kind.Path + "\nrequire (\n"
	case 3:
		return "module " + kind.Path + "\n\ngo 1.24\n"
	case 4:
		return "module " + kind.Path + "\n\ngo 1.30\n\nnewdirective x\n"
	default:
		return "module " + kind.Path + "\n\ngo 1.22\n"
	}
}

func makeFile(r *rand.Rand, dir, name string) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if strings.HasSuffix(name, "/") {
		os.MkdirAll(path, 0o777)
		return
	}
	os.MkdirAll(filepath.Dir(path), 0o777)
	switch {
	case name == "link.go":
		os.Symlink("a.go", path)
	case name == "big.bin":
		data := make([]byte, 3<<20)
		r.Read(data)
		os.WriteFile(path, data, 0o666)
	case strings.HasSuffix(name, "go.mod") || strings.HasSuffix(name, "GO.MOD"):
		os.WriteFile(path, []byte("module corp.example/nested\n"), 0o666)
	case name == "run.sh":
		os.WriteFile(path, []byte("#!/bin/sh\r\n"), 0o777)
	case name == "empty":
		os.WriteFile(path, nil, 0o444)
	default:
		os.WriteFile(path, []byte(strings.Repeat(name+"\n", r.Intn(200))), 0o666)
	}
}
