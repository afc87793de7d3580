package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// The generator writes modules in every shape that a mirror meets: several versions, upper-case
// paths, /v2, gopkg.in, +incompatible, pseudo-versions only, pre-releases, retractions, odd file
// names, tiny and large zips. Module number i needs some of the modules before it, so that the
// graph has no cycles, and every requirement names an existing version.

// shape is what is special about a module; they take turns.
type shape int

const (
	plain shape = iota
	upperCase
	majorTwo
	gopkgIn
	incompatible
	pseudoOnly
	preReleases
	retracting
	oddNames
	manyFiles
	noGoMod
	shapeCount
)

type genModule struct {
	index    int
	shape    shape
	path     string
	versions []string // oldest first
	times    []time.Time
	needs    []*genModule
}

func (m *genModule) newest() string {
	return m.versions[len(m.versions)-1]
}

func (m *genModule) packageName() string {
	return fmt.Sprintf("p%d", m.index)
}

var epoch = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

func generate(o *options) error {
	modules := make([]*genModule, o.gen)
	for i := range modules {
		// Each module has its own source, so that a module does not change with their number.
		rng := rand.New(rand.NewSource(o.seed*1_000_003 + int64(i)))
		modules[i] = planModule(i, modules[:i], rng)
		if err := writeModule(o, modules[i], rng); err != nil {
			return fmt.Errorf("%s: %w", modules[i].path, err)
		}
	}
	if err := writeToolchain(o); err != nil {
		return err
	}
	if o.mainDir != "" {
		return writeMain(o.mainDir, modules)
	}
	return nil
}

func planModule(i int, before []*genModule, rng *rand.Rand) *genModule {
	m := &genModule{index: i, shape: shape(i) % shapeCount}
	m.path = pathOf(i, m.shape)
	m.versions, m.times = versionsOf(m.shape, rng)
	if m.shape == incompatible || m.shape == noGoMod {
		return m
	}
	for range min(len(before), rng.Intn(4)) {
		need := before[rng.Intn(len(before))]
		if !contains(m.needs, need) {
			m.needs = append(m.needs, need)
		}
	}
	return m
}

func contains(list []*genModule, m *genModule) bool {
	for _, x := range list {
		if x == m {
			return true
		}
	}
	return false
}

func pathOf(i int, s shape) string {
	switch s {
	case upperCase:
		return fmt.Sprintf("gen.example.com/TeamA/BigMod%d", i)
	case majorTwo:
		return fmt.Sprintf("gen.example.com/major/m%d/v2", i)
	case gopkgIn:
		return fmt.Sprintf("gopkg.in/gen%d.v3", i)
	case oddNames:
		return fmt.Sprintf("gen.example.com/odd-names_and.dots~tilde/m%d", i)
	default:
		return fmt.Sprintf("gen.example.com/m%d", i)
	}
}

func versionsOf(s shape, rng *rand.Rand) ([]string, []time.Time) {
	n := 2 + rng.Intn(4)
	var versions []string
	var times []time.Time
	t := epoch.Add(time.Duration(rng.Intn(1000)) * time.Hour)
	for k := range n {
		t = t.Add(time.Duration(1+rng.Intn(500)) * time.Hour)
		times = append(times, t)
		versions = append(versions, versionName(s, k, n, t, rng))
	}
	return versions, times
}

func versionName(s shape, k, n int, t time.Time, rng *rand.Rand) string {
	switch s {
	case majorTwo:
		return fmt.Sprintf("v2.%d.%d", k, rng.Intn(3))
	case gopkgIn:
		return fmt.Sprintf("v3.0.%d", k)
	case incompatible:
		return fmt.Sprintf("v%d.0.0+incompatible", 2+k)
	case pseudoOnly:
		return fmt.Sprintf("v0.0.0-%s-%012x", t.Format("20060102150405"), rng.Int63n(1<<48))
	case preReleases:
		if k == 0 {
			return "v1.0.0-RC.1"
		}
		return fmt.Sprintf("v1.%d.0", k)
	default:
		return fmt.Sprintf("v1.%d.%d", k, rng.Intn(3))
	}
}

func writeModule(o *options, m *genModule, rng *rand.Rand) error {
	dir, err := versionDir(o, m.path)
	if err != nil {
		return err
	}
	var list strings.Builder
	for k, version := range m.versions {
		if err := writeVersion(o, m, k, dir, rng); err != nil {
			return err
		}
		if m.shape != pseudoOnly {
			fmt.Fprintln(&list, version)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "list"), []byte(list.String()), 0o644); err != nil {
		return err
	}
	return writeMutable(m, dir)
}

// writeMutable writes @latest for two modules of three (some mirrors have none) and a branch query.
func writeMutable(m *genModule, dir string) error {
	info := infoOf(m, len(m.versions)-1)
	if m.index%3 != 0 {
		if err := os.WriteFile(filepath.Join(dir, "..", "@latest"), info, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "main.info"), info, 0o644)
}

func versionDir(o *options, path string) (string, error) {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(o.dir, filepath.FromSlash(escaped), "@v")
	return dir, os.MkdirAll(dir, 0o755)
}

func infoOf(m *genModule, k int) []byte {
	info := map[string]any{"Version": m.versions[k], "Time": m.times[k].Format(time.RFC3339)}
	if m.index%2 == 0 {
		info["Origin"] = map[string]string{"VCS": "git", "URL": "https://" + m.path,
			"Hash": fmt.Sprintf("%040x", m.index*100+k), "Ref": "refs/tags/" + m.versions[k]}
	}
	data, err := json.Marshal(info)
	check(err)
	return data
}

func writeVersion(o *options, m *genModule, k int, dir string, rng *rand.Rand) error {
	version, err := module.EscapeVersion(m.versions[k])
	if err != nil {
		return err
	}
	mod := modFileOf(m, k)
	files := sourceFiles(m, k, o.maxSize, rng)
	if m.shape != incompatible && m.shape != noGoMod {
		files = append(files, memFile{"go.mod", mod})
	}
	base := filepath.Join(dir, version)
	if err := writeZip(base+".zip", module.Version{Path: m.path, Version: m.versions[k]}, files); err != nil {
		return err
	}
	if err := writeAt(base+".mod", mod, m.times[k]); err != nil {
		return err
	}
	return writeAt(base+".info", infoOf(m, k), m.times[k])
}

func writeAt(path string, data []byte, t time.Time) error {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	return os.Chtimes(path, t, t)
}

func writeZip(path string, m module.Version, files []memFile) error {
	var b bytes.Buffer
	list := make([]modzip.File, len(files))
	for i, f := range files {
		list[i] = f
	}
	if err := modzip.Create(&b, m, list); err != nil {
		return err
	}
	return writeAt(path, b.Bytes(), epoch)
}

// modFileOf is the go.mod of a version. Requirements of older versions name older versions.
func modFileOf(m *genModule, k int) []byte {
	var b bytes.Buffer
	if m.shape == incompatible || m.shape == noGoMod {
		fmt.Fprintf(&b, "module %s\n", m.path)
		return b.Bytes()
	}
	if m.shape == retracting && k == len(m.versions)-1 {
		fmt.Fprintf(&b, "// Deprecated: use something else.\n")
	}
	fmt.Fprintf(&b, "module %s\n\ngo 1.20\n", m.path)
	if len(m.needs) > 0 {
		fmt.Fprintf(&b, "\nrequire (\n")
		for _, need := range m.needs {
			fmt.Fprintf(&b, "\t%s %s\n", need.path, need.versions[min(k, len(need.versions)-1)])
		}
		fmt.Fprintf(&b, ")\n")
	}
	if m.shape == retracting && k == len(m.versions)-1 {
		fmt.Fprintf(&b, "\nretract %s // lost a file\n", m.versions[0])
	}
	return b.Bytes()
}

// writeMain writes a module that needs every generated one at its newest version and imports it.
func writeMain(dir string, modules []*genModule) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var mod, src strings.Builder
	fmt.Fprintf(&mod, "module main.example.com/app\n\ngo 1.20\n\nrequire (\n")
	fmt.Fprintf(&src, "package main\n\nimport (\n")
	for _, m := range modules {
		fmt.Fprintf(&mod, "\t%s %s\n", m.path, m.newest())
		fmt.Fprintf(&src, "\t%q\n", m.path)
	}
	fmt.Fprintf(&mod, ")\n")
	fmt.Fprintf(&src, ")\n\nfunc main() {\n\tsum := 0\n")
	for _, m := range modules {
		fmt.Fprintf(&src, "\tsum += %s.Value()\n", m.packageName())
	}
	fmt.Fprintf(&src, "\tprintln(sum)\n}\n")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.go"), []byte(src.String()), 0o644)
}
