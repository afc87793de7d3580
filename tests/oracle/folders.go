package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

var folderChecks = []check{
	{op: "zip_select", table: selectTable(), gen: genSelect, want: wantSelect},
}

// listed is a file of a list that exists nowhere.
type listed struct {
	name, content string
	mode          fs.FileMode
	size          int64
}

func (f listed) Path() string                 { return f.name }
func (f listed) Lstat() (os.FileInfo, error)  { return f, nil }
func (f listed) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(f.content)), nil }
func (f listed) Name() string                 { return filepath.Base(f.name) }
func (f listed) Size() int64                  { return f.size }
func (f listed) Mode() fs.FileMode            { return f.mode }
func (f listed) ModTime() time.Time           { return time.Time{} }
func (f listed) IsDir() bool                  { return f.mode.IsDir() }
func (f listed) Sys() any                     { return nil }

var modes = map[string]fs.FileMode{"file": 0, "link": fs.ModeSymlink, "folder": fs.ModeDir, "other": fs.ModeNamedPipe}

// wantSelect is told the go.mod and then name, kind and size of each file.
func wantSelect(args []string) (results []string, err error) {
	var files []modzip.File
	for i := 1; i < len(args); i += 3 {
		size, _ := strconv.ParseInt(args[i+2], 10, 64)
		files = append(files, listed{args[i], args[0], modes[args[i+1]], size})
		if args[i] == ".." || strings.HasPrefix(args[i], "../") {
			return nil, errors.New("modgate refuses what lies outside at once")
		}
	}
	checked, err := modzip.CheckFiles(files)
	return checked.Valid, err
}

var goMods = []string{
	"", "module x\n", "module x\ngo 1.23\n", "module x\ngo 1.23.9\n", "module x\ngo 1.24\n", "module x\ngo 1.24rc1\n", "module x\n\ngo 1.24.3 // x\n",
	"module x\ngo 2.0\n", "module x\ngo 1\n", "module x\ngo 1.9\n", "go 1.100\n", "module x\ngo 1.24x\n", "module x\ngo one\n", "junk\ngo 1.25\n",
	"module x\ngo (\n 1.24\n)\n", "module x\nrequire y v1.0.0\ngo 1.25\n", "module x\nrequire (\n", "\xff", "module x\ngo 1.24\ngo 1.25\n",
}

var selectNames = []string{
	"go.mod", "GO.MOD", "a/go.mod", "a/Go.Mod", "a/b/c.go", "a/b/go.mod", "a/b/c/d.go", "ab/c.go", "LICENSE", "license", "a/LICENSE", "README.md", "readme.md",
	"vendor/modules.txt", "vendor/x.go", "vendor/x/y.go", "vendor/vendor/x.go", "a/vendor/modules.txt", "a/vendor/x.go", "a/vendor/x/y.go", "abcdefgh/vendor/x.go",
	"abcdefg/vendor/y/z", "x/vendor/vendor/y", "vendors/x/y", "avendor/x/y", ".hg_archival.txt", "a/.hg_archival.txt", ".git/config", ".gitignore", "a/.git",
	"con", "a/aux.go", "é/ß.go", "É/ẞ.go", "日本.go", "x😀", "a b", "a:b", "a/./b", "a//b", "/a", "a/", ".", "./a", "../x", "a/../b", "b", "B/c", "k", "K",
	"vendor/a/../b", "vendor/x/a:b", "a/b/x:y", "vendor", "a", "go.sum", "pkg/vendor/vendor.go", "pkg/vendor/foo/foo.go", "longpath/vendor/z.go",
}

func selectArgs(goMod string, names ...string) []string {
	args := []string{goMod}
	for _, name := range names {
		args = append(args, name, "file", "10")
	}
	return args
}

func selectTable() (table [][]string) {
	for _, name := range selectNames {
		for _, goMod := range goMods[3:5] {
			table = append(table, selectArgs(goMod, "go.mod", name))
		}
	}
	for _, goMod := range goMods {
		table = append(table, selectArgs(goMod, "go.mod", "vendor/modules.txt", "x/vendor/y"))
		table = append(table, selectArgs(goMod, "vendor/modules.txt", "x/vendor/y"))
	}
	return append(table, []string{"", "go.mod", "file", fmt.Sprint(16 << 20)}, []string{"", "go.mod", "file", fmt.Sprint(16<<20 + 1)},
		[]string{"", "LICENSE", "file", fmt.Sprint(16 << 20)}, []string{"", "LICENSE", "file", fmt.Sprint(16<<20 + 1)},
		[]string{"", "a", "file", fmt.Sprint(500 << 20)}, []string{"", "a", "file", fmt.Sprint(500 << 20), "b", "file", "1"},
		[]string{"", "a", "link", fmt.Sprint(501 << 20)}, []string{"", "a", "file", fmt.Sprint(500<<20 + 1)})
}

func genSelect(r *rand.Rand) []string {
	args := []string{pick(r, goMods)}
	seen := map[string]bool{}
	for range r.Intn(10) {
		name := pick(r, selectNames)
		if r.Intn(5) == 0 {
			name = mutate(r, name)
		}
		if seen[name] || strings.Contains(name, "..") && r.Intn(10) > 0 {
			continue
		}
		seen[name] = true
		kind := "file"
		if r.Intn(6) == 0 {
			kind = pick(r, []string{"link", "folder", "other"})
		}
		args = append(args, name, kind, "10")
	}
	return args
}

// genFolder makes files, links and folders below dir; what the file system refuses is left out.
func genFolder(r *rand.Rand, dir string) {
	for range r.Intn(12) {
		name := pick(r, selectNames)
		if r.Intn(6) == 0 {
			name = mutate(r, name)
		}
		if strings.Contains(name, "..") || strings.HasPrefix(name, "/") || strings.Contains(name, "\x00") {
			continue
		}
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o777)
		switch r.Intn(12) {
		case 0:
			os.Symlink(pick(r, []string{"a", "go.mod", "/nonexistent", "."}), path)
		case 1:
			os.MkdirAll(path, 0o777)
		default:
			content := strings.Repeat(name, r.Intn(1<<r.Intn(15)))
			if filepath.Base(name) == "go.mod" {
				content = pick(r, goMods)
			}
			os.WriteFile(path, []byte(content), 0o666)
		}
	}
}

func createFromDir(m module.Version, dir, out string) (string, error) {
	f, err := os.Create(out)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := modzip.CreateFromDir(f, m, dir); err != nil {
		return "", err
	}
	return dirhash.HashZip(out, dirhash.DefaultHash)
}

// agree compares a program's line with the wanted one.
func agree(what, dir, want string, wantErr error, got []byte, gotErr error) bool {
	line := strings.TrimSuffix(string(got), "\n")
	if (wantErr == nil) == (gotErr == nil) && (wantErr != nil || line == want) {
		return true
	}
	fmt.Printf("%s: got %q (%v), want %q (%v)\n", what, line, gotErr, want, wantErr)
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		fmt.Printf("\t%v %q\n", d.Type(), path)
		return nil
	})
	return false
}

// compareFolders compares `modgate mod zip` with zip.CreateFromDir and `modgate mod hash` with
// dirhash.HashDir on generated folders.
func compareFolders(modgate string, seed int64, count int) bool {
	r := rand.New(rand.NewSource(seed))
	good, failed := 0, 0
	for range count {
		top, err := os.MkdirTemp("", "oracle")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return false
		}
		m := module.Version{Path: "example.com/m", Version: "v1.2.3"}
		dir, ours := filepath.Join(top, "dir"), filepath.Join(top, "ours.zip")
		os.Mkdir(dir, 0o777)
		genFolder(r, dir)

		want, wantErr := createFromDir(m, dir, filepath.Join(top, "theirs.zip"))
		got, gotErr := output(top, modgate, "mod", "zip", dir, m.String(), "-o", ours)
		ok := agree("mod zip", dir, want, wantErr, got, gotErr)
		if wantErr == nil && ok {
			good++
			_, checkErr := modzip.CheckZip(m, ours)
			hash, hashErr := dirhash.HashZip(ours, dirhash.DefaultHash)
			ok = agree("the zip of mod zip", dir, want, nil, []byte(hash), errors.Join(checkErr, hashErr))
		}
		want, wantErr = dirhash.HashDir(dir, m.String(), dirhash.DefaultHash)
		got, gotErr = output(top, modgate, "mod", "hash", "--prefix", m.String(), dir)
		ok = agree("mod hash", dir, want, wantErr, got, gotErr) && ok
		if !ok {
			failed++
		}
		os.RemoveAll(top)
		if failed > 5 {
			break
		}
	}
	fmt.Printf("%-20s %6d compared, %d of them valid, %d differ\n", "folders", count, good, failed)
	return failed == 0
}
