package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"time"

	"golang.org/x/mod/module"
)

// memFile is a file of a module zip, held in memory.
type memFile struct {
	name string
	data []byte
}

func (f memFile) Path() string                 { return f.name }
func (f memFile) Lstat() (fs.FileInfo, error)  { return memInfo{f}, nil }
func (f memFile) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.data)), nil }

type memInfo struct{ f memFile }

func (i memInfo) Name() string       { return i.f.name }
func (i memInfo) Size() int64        { return int64(len(i.f.data)) }
func (i memInfo) Mode() fs.FileMode  { return 0o644 }
func (i memInfo) ModTime() time.Time { return epoch }
func (i memInfo) IsDir() bool        { return false }
func (i memInfo) Sys() any           { return nil }

// sourceFiles are the files of a version: a package with imports of what the module needs, and the
// oddities of its shape.
func sourceFiles(m *genModule, k, maxSize int, rng *rand.Rand) []memFile {
	files := []memFile{
		{"p.go", packageSource(m, k)},
		{"LICENSE", []byte("Do what you like.\n")},
		{"README.md", fmt.Appendf(nil, "# %s %s\n", m.path, m.versions[k])},
		{"data/blob.bin", randomBytes(blobSize(m.index, k, maxSize, rng), rng)},
	}
	switch m.shape {
	case oddNames:
		files = append(files, oddFiles()...)
	case manyFiles:
		for i := range 300 {
			name := fmt.Sprintf("sub%d/dir/f%d.go", i%17, i)
			files = append(files, memFile{name, fmt.Appendf(nil, "package dir\n\nconst C%d = %d\n", i, i)})
		}
	}
	return files
}

func packageSource(m *genModule, k int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Package %s is generated.\npackage %s\n\n", m.packageName(), m.packageName())
	for _, need := range m.needs {
		fmt.Fprintf(&b, "import %q\n", need.path)
	}
	fmt.Fprintf(&b, "\n// Value adds up what it needs.\nfunc Value() int {\n\tv := %d\n", m.index*10+k)
	for _, need := range m.needs {
		fmt.Fprintf(&b, "\tv += %s.Value()\n", need.packageName())
	}
	fmt.Fprintf(&b, "\treturn v\n}\n")
	return b.Bytes()
}

// oddFiles have names that the zip rules allow and careless code trips over.
func oddFiles() []memFile {
	return []memFile{
		{"with space/a file.txt", []byte("spaces\n")},
		{"grüße/文字.txt", []byte("unicode\n")},
		{"deep/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t.txt", []byte("deep\n")},
		{"empty", nil},
		{".hidden/.gitignore", []byte("*\n")},
		{"plus+and,comma=equals@at/(parens)[brackets]{braces}.txt", []byte("marks\n")},
		{"crlf.txt", []byte("one\r\ntwo\r\n")},
		{"bom.go", []byte("\xef\xbb\xbf// +build ignore\n\npackage main\n")},
		{"_underscore/x.go", []byte("package x\n")},
		{"testdata/~tilde", []byte("t\n")},
	}
}

// blobSize: most are tiny, some are of the size of real modules, few are large.
func blobSize(index, k, maxSize int, rng *rand.Rand) int {
	switch {
	case index%40 == 7 && k == 0:
		return maxSize
	case index%8 == 3:
		return min(maxSize, 20_000+rng.Intn(400_000))
	default:
		return rng.Intn(2000)
	}
}

func randomBytes(n int, rng *rand.Rand) []byte {
	b := make([]byte, n)
	rng.Read(b)
	return b
}

// writeToolchain writes a toolchain module, small and of no use but to be fetched.
func writeToolchain(o *options) error {
	m := &genModule{path: "golang.org/toolchain", times: []time.Time{epoch},
		versions: []string{"v0.0.1-go1.99.1.linux-amd64"}}
	dir, err := versionDir(o, m.path)
	if err != nil {
		return err
	}
	base := dir + "/" + m.versions[0]
	files := []memFile{
		{"bin/go", []byte("#!/bin/sh\necho go version go1.99.1 linux/amd64\n")},
		{"VERSION", []byte("go1.99.1\n")},
		{"pkg/blob", randomBytes(100_000, rand.New(rand.NewSource(o.seed)))},
	}
	if err := writeZip(base+".zip", module.Version{Path: m.path, Version: m.versions[0]}, files); err != nil {
		return err
	}
	if err := writeAt(base+".mod", []byte("module golang.org/toolchain\n"), epoch); err != nil {
		return err
	}
	return writeAt(base+".info", infoOf(m, 0), epoch)
}
