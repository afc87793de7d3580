package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

var zipChecks = []check{
	{op: "fold_runes", table: [][]string{{"0", "55295"}, {"57344", "1114111"}}, want: wantFolds},
	{op: "go_mod_hash", table: [][]string{{""}, {"module x\n"}, {"module x\r\n\x00"}}, want: wantGoModHash},
	{op: "zip_hash", table: zipHashTable(), gen: genZipHash, want: wantZipHash},
	{op: "zip_verify", table: zipTable(), gen: genZipVerify, want: wantZipVerify},
}

// foldMin is the member of r's case-folding orbit that stands for it.
func foldMin(r rune) rune {
	least := r
	for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
		least = min(least, s)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

func wantFolds(args []string) ([]string, error) {
	first, _ := strconv.Atoi(args[0])
	last, _ := strconv.Atoi(args[1])
	h := sha256.New()
	for r := rune(first); r <= rune(last); r++ {
		binary.Write(h, binary.BigEndian, foldMin(r))
	}
	return []string{string(h.Sum(nil))}, nil
}

func wantGoModHash(args []string) ([]string, error) {
	h1, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(args[0])), nil
	})
	return []string{h1}, err
}

// withFile runs fn on a temporary file of that content.
func withFile(data string, fn func(name string) error) error {
	f, err := os.CreateTemp("", "modgate-oracle-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(data); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return fn(f.Name())
}

func wantZipHash(args []string) (results []string, err error) {
	if err := refusals(args[0]); err != nil {
		return nil, err
	}
	err = withFile(args[0], func(name string) error {
		h1, err := dirhash.HashZip(name, dirhash.DefaultHash)
		results = []string{h1}
		return err
	})
	return results, err
}

func wantZipVerify(args []string) (results []string, err error) {
	m := module.Version{Path: args[0], Version: args[1]}
	if err := refusals(args[2]); err != nil {
		return nil, err
	}
	err = withFile(args[2], func(name string) error {
		if _, err := modzip.CheckZip(m, name); err != nil {
			return err
		}
		h1, err := dirhash.HashZip(name, dirhash.DefaultHash)
		if err != nil {
			return err
		}
		results, err = describeZip(m, name)
		results = append([]string{h1}, results...)
		return err
	})
	return results, err
}

func describeZip(m module.Version, name string) ([]string, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var goMod []byte
	hasGoMod, size := false, uint64(0)
	for _, f := range z.File {
		if f.Name == m.Path+"@"+m.Version+"/go.mod" {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			goMod, err = io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			hasGoMod = true
		}
		if !strings.HasSuffix(f.Name, "/") {
			size += f.UncompressedSize64
		}
	}
	return []string{strconv.FormatBool(hasGoMod), string(goMod), fmt.Sprint(len(z.File)), fmt.Sprint(size)}, nil
}

// refusals says what modgate refuses in a zip though archive/zip reads it: all that two readers
// could understand in two ways.
func refusals(data string) error {
	end := strings.LastIndex(data, "PK\x05\x06")
	if end < 0 || end+22 > len(data) {
		return nil // archive/zip decides
	}
	if end+22+int(le16(data, end+20)) != len(data) {
		return errors.New("bytes after the end")
	}
	if le16(data, end+4) != 0 || le16(data, end+6) != 0 {
		return errors.New("several volumes")
	}
	count, size, offset := uint64(le16(data, end+10)), uint64(le32(data, end+12)), uint64(le32(data, end+16))
	if offset == 0xffffffff {
		return nil // 64-bit records
	}
	if offset+size != uint64(end) {
		return errors.New("the directory is not where its end says")
	}
	at, n := offset, uint64(0)
	for ; at < uint64(end); n++ {
		if !strings.HasPrefix(data[at:], "PK\x01\x02") || at+46 > uint64(end) {
			return errors.New("malformed entry")
		}
		name := uint64(le16(data, int(at)+28))
		header := uint64(le32(data, int(at)+42))
		next := at + 46 + name + uint64(le16(data, int(at)+30)) + uint64(le16(data, int(at)+32))
		if next > uint64(end) {
			return errors.New("malformed entry")
		}
		if header+30+name > uint64(len(data)) || uint64(le16(data, int(header)+26)) != name ||
			data[header+30:header+30+name] != data[at+46:at+46+name] {
			return errors.New("the local header names another file")
		}
		if header+30+name+uint64(le16(data, int(header)+28))+uint64(le32(data, int(at)+20)) > uint64(len(data)) {
			return errors.New("data beyond the end")
		}
		at = next
	}
	if n != count {
		return errors.New("another number of entries")
	}
	return nil
}

func le16(s string, at int) uint16 { return binary.LittleEndian.Uint16([]byte(s[at : at+2])) }
func le32(s string, at int) uint32 { return binary.LittleEndian.Uint32([]byte(s[at : at+4])) }

// entry is a file of a generated zip; the flags make it an odd or a wrong one.
type entry struct {
	name, content string
	stored        bool
	descriptor    bool
	noCRC         bool
	badCRC        bool
	method        uint16 // if not 0, the declared one
	grow          int64  // added to the declared size
	mode          os.FileMode
	extra         string
}

func deflate(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func makeZip(entries []entry) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		data, method := e.content, zip.Store
		if !e.stored {
			data, method = deflate(e.content), zip.Deflate
		}
		h := &zip.FileHeader{Name: e.name, Method: method, CRC32: crc32.ChecksumIEEE([]byte(e.content)),
			CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(int64(len(e.content)) + e.grow), Extra: []byte(e.extra)}
		if e.method != 0 {
			h.Method = e.method
		}
		if e.noCRC {
			h.CRC32 = 0
		}
		if e.badCRC {
			h.CRC32 ^= 0x10
		}
		if e.descriptor {
			h.Flags |= 8
		}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		raw, err := w.CreateRaw(h)
		if err != nil {
			panic(err)
		}
		io.WriteString(raw, data)
	}
	w.Close()
	return b.String()
}

const zipPrefix = "example.com/m@v1.2.3/"

func zipOf(names ...string) []string {
	var entries []entry
	for _, name := range names {
		entries = append(entries, entry{name: zipPrefix + name, content: "content of " + name})
	}
	return []string{"example.com/m", "v1.2.3", makeZip(entries)}
}

func zipOfEntry(e entry) []string {
	e.name = zipPrefix + e.name
	return []string{"example.com/m", "v1.2.3", makeZip([]entry{e})}
}

func zipTable() [][]string {
	zero := strings.Repeat("\x00", 16<<20)
	good := zipOf("go.mod", "a/b.go")
	return [][]string{
		zipOf(), zipOf("go.mod"), zipOf("go.mod", "a.go", "b/c.go"), zipOf("", "a"), zipOf("a/", "a/b"), zipOf("a", "a/b"),
		zipOf("a", "a"), zipOf("a/", "a/"), zipOf("a/", "a"), zipOf("a", "A"), zipOf("a/x", "A/y"), zipOf("a/b/x", "a/B/y", "a/c"),
		zipOf("k", "K"), zipOf("s/x", "ſ/y"), zipOf("ǅ", "ǆ"), zipOf("σ/a", "ς/b", "Σ"), zipOf("a.go", "a/b", "a-b"), zipOf("ß", "ẞ"),
		zipOf("GO.MOD"), zipOf("a/go.mod"), zipOf("a/Go.mod"), zipOf("go.mod/"), zipOf("go.mod/x"), zipOf("x/go.mod/"),
		zipOf("a\nb"), zipOf("a\x00"), zipOf("a\xff"), zipOf("a//b"), zipOf("/a"), zipOf("./a"), zipOf("a/."), zipOf("../a"), zipOf("a/../b"),
		zipOf("日本/語.go"), zipOf("a😀"), zipOf("con"), zipOf("a/AUX.txt"), zipOf("a "), zipOf("a."), zipOf("a\\b"), zipOf("a:b"), zipOf("a~1"),
		zipOf(strings.Repeat("x/", 3000) + "x"), zipOf(strings.Repeat("x", 60000)),
		zipOfEntry(entry{name: "go.mod", content: zero}), zipOfEntry(entry{name: "go.mod", content: zero + "x"}),
		zipOfEntry(entry{name: "LICENSE", content: zero}), zipOfEntry(entry{name: "LICENSE", content: zero + "x"}),
		zipOfEntry(entry{name: "license", content: zero + "x"}), zipOfEntry(entry{name: "a", content: "", grow: 500 << 20}),
		zipOfEntry(entry{name: "a", content: zero, grow: -1}), zipOfEntry(entry{name: "a", content: zero, grow: 1}),
		zipOfEntry(entry{name: "a", grow: 500<<20 + 1}), zipOfEntry(entry{name: "a", content: "x", grow: 1 << 40}),
		zipOfEntry(entry{name: "a", content: "x", stored: true}), zipOfEntry(entry{name: "a", content: "xyz", stored: true, descriptor: true}),
		zipOfEntry(entry{name: "a", content: "x", stored: true, grow: 1}), zipOfEntry(entry{name: "a", content: "x", stored: true, grow: -1}),
		zipOfEntry(entry{name: "a", content: "x", method: 12}), zipOfEntry(entry{name: "a", content: "x", mode: os.ModeSymlink | 0o777}),
		zipOfEntry(entry{name: "a/", content: "x"}), zipOfEntry(entry{name: "a/", content: "", stored: true}), zipOfEntry(entry{name: "a/", content: ""}),
		zipOfEntry(entry{name: "a", content: "x", noCRC: true}), zipOfEntry(entry{name: "a", content: "x", badCRC: true}),
		zipOfEntry(entry{name: "a", content: "x", noCRC: true, descriptor: true}),
		zipOfEntry(entry{name: "a", content: "x", extra: "\x01\x00\x00\x00"}), zipOfEntry(entry{name: "a", content: "x", extra: "\x75\x70\x09\x00\x01\x00\x00\x00\x00evil"}),
		{"example.com/m", "v1.2.4", good[2]}, {"example.com/M", "v1.2.3", good[2]}, {"example.com/m", "v1.2", good[2]},
		{"example.com/m/v2", "v1.2.3", good[2]}, {"example.com/m", "v2.0.0", good[2]}, {"example.com/m", "v2.0.0+incompatible", good[2]},
		{"m", "v1.2.3", good[2]}, {"example.com/m", "v1.2.3+meta", good[2]}, {"example.com/m", "", good[2]},
		{"example.com/m", "v1.2.3", ""}, {"example.com/m", "v1.2.3", "PK"}, {"example.com/m", "v1.2.3", good[2][:len(good[2])-1]},
		{"example.com/m", "v1.2.3", good[2] + "x"}, {"example.com/m", "v1.2.3", "x" + good[2]}, {"example.com/m", "v1.2.3", manyFiles(70000)},
	}
}

// manyFiles needs the 64-bit records.
func manyFiles(n int) string {
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{name: fmt.Sprintf("%sf%d", zipPrefix, i), stored: true}
	}
	return makeZip(entries)
}

var zipNames = []string{
	"go.mod", "go.sum", "LICENSE", "README.md", "a.go", "a/b.go", "a/b/c.go", "A.go", "b/", "b/x", "internal/x/y.go", "vendor/modules.txt",
	"testdata/ä/日本.txt", "testdata/a b", "doc.go", "cmd/m/main.go", ".github/x.yml", ".gitignore", "k/K", "K/k", "s", "ſ",
}

func genEntries(r *rand.Rand) []entry {
	var entries []entry
	for _, name := range zipNames {
		if r.Intn(3) > 0 {
			continue
		}
		if r.Intn(12) == 0 {
			name = mutate(r, name)
		}
		e := entry{name: zipPrefix + name, stored: r.Intn(3) == 0, descriptor: r.Intn(3) == 0}
		if !strings.HasSuffix(name, "/") {
			e.content = strings.Repeat(pick(r, zipNames), r.Intn(1<<r.Intn(14)))
		}
		switch r.Intn(60) {
		case 0:
			e.name = mutate(r, e.name)
		case 1:
			e.noCRC = true
		case 2:
			e.badCRC = true
		case 3:
			e.grow = int64(r.Intn(7) - 3)
		case 4:
			e.mode = os.ModeSymlink | 0o777
		case 5:
			e.extra = "\x01\x00\x08\x00" + "12345678"
		}
		e.grow = max(e.grow, -int64(len(e.content)))
		e.name = e.name[:min(len(e.name), 60000)]
		entries = append(entries, e)
	}
	r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	return entries
}

// damage changes, cuts out or doubles a few bytes of half of the zips.
func damage(r *rand.Rand, data string) string {
	if r.Intn(2) == 0 {
		return data
	}
	b := []byte(data)
	for range 1 + r.Intn(3) {
		at := r.Intn(len(b))
		if r.Intn(2) == 0 { // most of the structure is near the end
			at = len(b) - 1 - r.Intn(min(len(b), 200))
		}
		switch r.Intn(5) {
		case 0:
			b = slices.Delete(b, at, at+1)
		case 1:
			b = slices.Insert(b, at, byte(r.Intn(256)))
		default:
			b[at] ^= 1 << r.Intn(8)
		}
	}
	return string(b)
}

func genZipVerify(r *rand.Rand) []string {
	return []string{"example.com/m", "v1.2.3", damage(r, makeZip(genEntries(r)))}
}

func zipHashTable() (table [][]string) {
	for _, args := range zipTable() {
		if len(args[2]) < 1<<16 {
			table = append(table, args[2:])
		}
	}
	return table
}

func genZipHash(r *rand.Rand) []string {
	return []string{damage(r, makeZip(genEntries(r)))}
}
