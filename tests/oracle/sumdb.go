package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	oracleSigner = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
	oracleKey    = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	lineH1       = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="
)

var recordText = "example.com/m v1.0.0 " + lineH1 + "\nexample.com/m v1.0.0/go.mod " + lineH1 + "\n"

var noteTexts = []string{"hello\n", "go.sum database tree\n2\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=\n", "\n", "a\n\nb\n", "日本\n"}

var notes = func() (list []string) {
	for _, text := range noteTexts {
		list = append(list, signed(oracleSigner, text), signed(oracleSigner, text)+"— other x08goAAA\n")
	}
	return list
}()

var trees = []string{
	"go.sum database tree\n2\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=\n",
	"go.sum database tree\n0\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=\nmore\n",
	"go.sum database tree\n123456789012\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeI=\n",
}

var lookups = []string{
	"17\n" + recordText + "\nnote", "0\n" + recordText + "\n", "1\nexample.com/o v1.0.0 " + lineH1 + "\n\n" + recordText + "\n",
	"3\nexample.com/m v1.0.0 h9:x\n" + recordText + "\nx", "1\nexample.com/m v1.0.0 " + lineH1 + "\n\n",
}

var tilePaths = []string{
	"tile/8/0/000", "tile/8/0/000.p/1", "tile/8/data/x001/x234/067.p/255", "tile/8/7/999", "tile/8/1/x001/000", "tile/8/0/x000/001",
	"tile/8/0/000.p/256", "tile/8/0/000.p/0", "tile/8/0/00", "tile/8/data", "tile/8/0/x001",
}

// canonical says whether base64 is in the one form that modgate takes, with no stray bits.
func canonical(b64 string) bool {
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == b64
}

func signed(skey, text string) string {
	signer, err := note.NewSigner(skey)
	if err != nil {
		panic(err)
	}
	msg, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		panic(err)
	}
	return string(msg)
}

func wantVerifier(args []string) ([]string, error) {
	v, err := note.NewVerifier(args[0])
	if err != nil {
		return nil, err
	}
	if !canonical(strings.SplitN(args[0], "+", 3)[2]) {
		return nil, fmt.Errorf("not canonical")
	}
	return []string{v.Name(), strconv.FormatUint(uint64(v.KeyHash()), 10)}, nil
}

func wantSign(args []string) ([]string, error) {
	if _, err := note.NewSigner(args[0]); err != nil {
		return nil, err
	}
	if !canonical(strings.SplitN(args[0], "+", 5)[4]) {
		return nil, fmt.Errorf("not canonical")
	}
	return []string{oracleKey, signed(args[0], args[1])}, nil
}

func wantOpen(args []string) ([]string, error) {
	v, err := note.NewVerifier(args[0])
	if err != nil {
		return nil, err
	}
	n, err := note.Open([]byte(args[1]), note.VerifierList(v))
	if err != nil {
		return nil, err
	}
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) {
		if !canonical(s.Base64) {
			return nil, fmt.Errorf("not canonical")
		}
	}
	return []string{n.Text}, nil
}

func wantTree(args []string) ([]string, error) {
	t, err := tlog.ParseTree([]byte(args[0]))
	if err != nil {
		return nil, err
	}
	if t.N >= 1<<62 || !canonical(strings.Split(args[0], "\n")[2]) {
		return nil, fmt.Errorf("not canonical")
	}
	return []string{strconv.FormatInt(t.N, 10), t.Hash.String(), string(tlog.FormatTree(t))}, nil
}

// wantLookup is x/mod's ParseRecord, and what its client takes from a record, made strict: exactly one
// h1 for each of both lines.
func wantLookup(args []string) ([]string, error) {
	id, text, rest, err := tlog.ParseRecord([]byte(args[0]))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(args[0], "\n")
	if first != strconv.FormatInt(id, 10) || id < 0 || id >= 1<<62 {
		return nil, fmt.Errorf("not canonical")
	}
	// x/mod lets a record begin with a blank line, which its own FormatRecord cannot write.
	if text[0] == '\n' {
		return nil, fmt.Errorf("begins with a blank line")
	}
	results := []string{strconv.FormatInt(id, 10), string(text), string(rest)}
	for _, suffix := range []string{"", "/go.mod"} {
		var found []string
		for line := range strings.SplitSeq(string(text), "\n") {
			if hash, ok := strings.CutPrefix(line, args[1]+" "+args[2]+suffix+" "); ok && strings.HasPrefix(hash, "h1:") {
				if len(hash) != 47 || hash[46] != '=' || !canonical(hash[3:]) {
					return nil, fmt.Errorf("malformed hash")
				}
				found = append(found, hash)
			}
		}
		if len(found) != 1 {
			return nil, fmt.Errorf("%d lines", len(found))
		}
		results = append(results, found[0])
	}
	return results, nil
}

func wantTile(args []string) ([]string, error) {
	t, err := tlog.ParseTilePath(args[0])
	if err != nil {
		return nil, err
	}
	if t.H != 8 || t.L > 7 || t.N >= 1<<54 {
		return nil, fmt.Errorf("not a tile here")
	}
	return []string{strconv.Itoa(t.L), strconv.FormatInt(t.N, 10), strconv.Itoa(t.W), t.Path()}, nil
}

func wantIndex(args []string) ([]string, error) {
	level, _ := strconv.Atoi(args[0])
	n, _ := strconv.ParseInt(args[1], 10, 64)
	index := tlog.StoredHashIndex(level, n)
	l, m := tlog.SplitStoredHashIndex(index)
	return []string{fmt.Sprint(index), fmt.Sprint(l), fmt.Sprint(m), fmt.Sprint(tlog.StoredHashCount(n))}, nil
}

// mangle changes, drops, doubles or inserts a few bytes.
func mangle(r *rand.Rand, s string) string {
	b := []byte(s)
	for range 1 + r.Intn(2) {
		if len(b) == 0 {
			return ""
		}
		i := r.Intn(len(b))
		switch r.Intn(5) {
		case 0:
			b[i] ^= 1 << r.Intn(8)
		case 1:
			b = slices.Delete(b, i, i+1)
		case 2:
			b = slices.Insert(b, i, b[i])
		case 3:
			b = slices.Insert(b, i, "\n +x0/."[r.Intn(7)])
		case 4:
			b = b[:i]
		}
	}
	return string(b)
}

func mangled(r *rand.Rand, list []string) string {
	s := list[r.Intn(len(list))]
	if r.Intn(4) == 0 {
		return s
	}
	return mangle(r, s)
}

// ---- trees ----

const maxTree = 600

type storedHashes []tlog.Hash

func (h storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, i := range indexes {
		list = append(list, h[i])
	}
	return list, nil
}

func (h storedHashes) text() string {
	var b strings.Builder
	for _, hash := range h {
		b.Write(hash[:])
	}
	return b.String()
}

var oracleLog = func() (h storedHashes) {
	for n := range int64(maxTree) {
		record := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
		more, err := tlog.StoredHashes(n, record[:], h)
		if err != nil {
			panic(err)
		}
		h = append(h, more...)
	}
	return h
}()

func treeTable() (table [][]string) {
	for size := int64(1); size <= maxTree; size++ {
		table = append(table, []string{oracleLog[:tlog.StoredHashCount(size)].text(), strconv.FormatInt(size, 10)})
	}
	return table
}

func wantProofs(args []string) ([]string, error) {
	size, _ := strconv.ParseInt(args[1], 10, 64)
	root, err := tlog.TreeHash(size, oracleLog)
	if err != nil {
		return nil, err
	}
	var all strings.Builder
	for n := range size {
		record, err := tlog.ProveRecord(size, n, oracleLog)
		if err != nil {
			return nil, err
		}
		tree, err := tlog.ProveTree(size, n+1, oracleLog)
		if err != nil {
			return nil, err
		}
		for _, h := range append([]tlog.Hash(record), tree...) {
			all.Write(h[:])
		}
	}
	return []string{root.String(), all.String()}, nil
}

func wantTiles(args []string) ([]string, error) {
	size, _ := strconv.ParseInt(args[1], 10, 64)
	var results []string
	for _, t := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(t, oracleLog)
		if err != nil {
			return nil, err
		}
		results = append(results, t.Path(), string(data))
	}
	return results, nil
}

// ---- a log of one's own ----

func logRecord(n int64) string {
	h1 := "h1:" + base64.StdEncoding.EncodeToString(sha256.New().Sum(fmt.Appendf(nil, "%032d", n))[:32])
	return fmt.Sprintf("example.com/m%d v1.%d.0 %s\nexample.com/m%d v1.%d.0/go.mod %s\n", n, n%7, h1, n, n%7, h1)
}

func logTable() (table [][]string) {
	var records strings.Builder
	for size := int64(1); size <= maxTree; size++ {
		records.WriteString(logRecord(size-1) + "\n")
		table = append(table, []string{oracleSigner, records.String(), strconv.FormatInt(size, 10)})
	}
	return table
}

// wantLog is what x/mod says that a server with these records has: the signed head, and of each level of tiles
// all of the size; beside a data tile what c2sp.org/tlog-tiles has of the same records.
func wantLog(args []string) ([]string, error) {
	size, _ := strconv.ParseInt(args[2], 10, 64)
	var hashes storedHashes
	for n := range size {
		more, err := tlog.StoredHashes(n, []byte(logRecord(n)), hashes)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, more...)
	}
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return nil, err
	}
	results := []string{signed(oracleSigner, string(tlog.FormatTree(tlog.Tree{N: size, Hash: root})))}
	for start := int64(0); start < size; start += 256 {
		var data, entries []byte
		end := min(start+256, size)
		for n := start; n < end; n++ {
			msg, err := tlog.FormatRecord(n, []byte(logRecord(n)))
			if err != nil {
				return nil, err
			}
			_, msg, _ = bytes.Cut(msg, []byte{'\n'})
			data = append(data, msg...)
			entries = binary.BigEndian.AppendUint16(entries, uint16(len(logRecord(n))))
			entries = append(entries, logRecord(n)...)
		}
		path := tlog.Tile{H: 8, L: -1, N: start / 256, W: int(end - start)}.Path()
		results = append(results, path, string(data), string(entries))
	}
	tiles := tlog.NewTiles(8, 0, size)
	for level := range 8 {
		for _, t := range tiles {
			if t.L != level {
				continue
			}
			data, err := tlog.ReadTileData(t, hashes)
			if err != nil {
				return nil, err
			}
			results = append(results, t.Path(), string(data))
		}
	}
	return results, nil
}

var sumdbChecks = []check{
	{"sumdb_verifier", [][]string{{oracleKey}, {oracleSigner}}, func(r *rand.Rand) []string { return []string{mangled(r, []string{oracleKey})} }, wantVerifier},
	{"sumdb_sign", nil, func(r *rand.Rand) []string {
		return []string{mangled(r, []string{oracleSigner}), noteTexts[r.Intn(len(noteTexts))]}
	}, wantSign},
	{"sumdb_open", nil, func(r *rand.Rand) []string { return []string{oracleKey, mangled(r, notes)} }, wantOpen},
	{"sumdb_tree", nil, func(r *rand.Rand) []string { return []string{mangled(r, trees)} }, wantTree},
	{"sumdb_lookup", nil, func(r *rand.Rand) []string {
		return []string{mangled(r, lookups), "example.com/m", "v1.0.0"}
	}, wantLookup},
	{"sumdb_tile", nil, func(r *rand.Rand) []string { return []string{mangled(r, tilePaths)} }, wantTile},
	{"sumdb_index", nil, func(r *rand.Rand) []string {
		level := r.Intn(40)
		return []string{strconv.Itoa(level), strconv.FormatInt(r.Int63n(1<<r.Intn(61-level)+1), 10)}
	}, wantIndex},
	{"sumdb_proofs", treeTable(), nil, wantProofs},
	{"sumdb_tiles", treeTable(), nil, wantTiles},
	{"sumdb_log", logTable(), nil, wantLog},
}
