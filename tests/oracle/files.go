package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// asJSON is in the form of `go help mod edit`.
func asJSON(f *modfile.File) string {
	type nameJSON struct{ Path string }
	type requireJSON struct {
		Path     string
		Version  string `json:",omitempty"`
		Indirect bool   `json:",omitempty"`
	}
	type replaceJSON struct{ Old, New module.Version }
	type retractJSON struct {
		Low       string `json:",omitempty"`
		High      string `json:",omitempty"`
		Rationale string `json:",omitempty"`
	}
	var out struct {
		Module struct {
			Path       string
			Deprecated string `json:",omitempty"`
		}
		Go        string                        `json:",omitempty"`
		Toolchain string                        `json:",omitempty"`
		GoDebug   []struct{ Key, Value string } `json:",omitempty"`
		Require   []requireJSON
		Exclude   []module.Version
		Replace   []replaceJSON
		Retract   []retractJSON
		Tool      []nameJSON
		Ignore    []nameJSON
	}
	if f.Module != nil {
		out.Module.Path, out.Module.Deprecated = f.Module.Mod.Path, f.Module.Deprecated
	}
	if f.Go != nil {
		out.Go = f.Go.Version
	}
	if f.Toolchain != nil {
		out.Toolchain = f.Toolchain.Name
	}
	for _, g := range f.Godebug {
		out.GoDebug = append(out.GoDebug, struct{ Key, Value string }{g.Key, g.Value})
	}
	for _, r := range f.Require {
		out.Require = append(out.Require, requireJSON{r.Mod.Path, r.Mod.Version, r.Indirect})
	}
	for _, x := range f.Exclude {
		out.Exclude = append(out.Exclude, x.Mod)
	}
	for _, r := range f.Replace {
		out.Replace = append(out.Replace, replaceJSON{r.Old, r.New})
	}
	for _, r := range f.Retract {
		out.Retract = append(out.Retract, retractJSON{r.Low, r.High, r.Rationale})
	}
	for _, t := range f.Tool {
		out.Tool = append(out.Tool, nameJSON{t.Path})
	}
	for _, i := range f.Ignore {
		out.Ignore = append(out.Ignore, nameJSON{i.Path})
	}
	text, err := json.MarshalIndent(&out, "", "\t")
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

func wantModJSON(args []string) ([]string, error) {
	f, err := modfile.Parse("go.mod", []byte(args[0]), nil)
	if err != nil {
		return nil, err
	}
	f.SortBlocks()
	f.Cleanup()
	return []string{asJSON(f)}, nil
}

func wantModParse(args []string) ([]string, error) {
	parse := modfile.ParseLax
	if args[1] == "strict" {
		parse = modfile.Parse
	}
	f, err := parse("go.mod", []byte(args[0]), nil)
	if err != nil {
		return nil, err
	}
	results := []string{asJSON(f)}
	for _, r := range f.Require {
		results = append(results, strconv.Itoa(r.Syntax.Start.Line))
	}
	for _, r := range f.Retract {
		results = append(results, strconv.Itoa(r.Syntax.Start.Line))
	}
	return results, nil
}

func wantModFaults(args []string) ([]string, error) {
	_, err := modfile.Parse("go.mod", []byte(args[0]), nil)
	var faults modfile.ErrorList
	if !errors.As(err, &faults) {
		return nil, nil
	}
	var results []string
	for _, fault := range faults {
		results = append(results, strconv.Itoa(fault.Pos.Line))
	}
	if isSyntaxError(faults[0]) {
		results = append(results, strconv.Itoa(faults[0].Pos.LineRune))
	}
	return results, nil
}

// isSyntaxError reports whether parsing stopped before any directive was looked at; only the text
// tells.
func isSyntaxError(fault modfile.Error) bool {
	text := fault.Err.Error()
	for _, sign := range []string{"unexpected newline in string", "unexpected EOF in string", "unexpected input character",
		"mod files must use // comments", "syntax error"} {
		if strings.HasPrefix(text, sign) {
			return true
		}
	}
	return false
}

func wantGoWork(args []string) ([]string, error) {
	w, err := modfile.ParseWork("go.work", []byte(args[0]), nil)
	if err != nil {
		return nil, err
	}
	results := []string{"", ""}
	if w.Go != nil {
		results[0] = w.Go.Version
	}
	if w.Toolchain != nil {
		results[1] = w.Toolchain.Name
	}
	for _, g := range w.Godebug {
		results = append(results, g.Key, g.Value)
	}
	for _, u := range w.Use {
		results = append(results, u.Path)
	}
	for _, r := range w.Replace {
		results = append(results, r.Old.Path, r.Old.Version, r.New.Path, r.New.Version)
	}
	return results, nil
}

var hashes = []string{
	"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "h1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=", "h2:later",
	"h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=",
}

func sumVersion(r *rand.Rand) string {
	return pick(r, someVersions[:6]) + pick(r, []string{"", "/go.mod"})
}

func genSum(r *rand.Rand) []string {
	var file strings.Builder
	for range r.Intn(12) {
		fmt.Fprintf(&file, "%s%s%s %s%s", pick(r, someModules[:3]), pick(r, []string{" ", " ", "\t", "\u00a0"}), sumVersion(r), pick(r, hashes),
			pick(r, []string{"\n", "\n", "\n", "\r\n", "\n\n", " \n"}))
	}
	text := file.String()
	if r.Intn(6) == 0 {
		text = mutate(r, text)
	}
	return []string{text, pick(r, someModules[:3]), sumVersion(r), pick(r, hashes)}
}

// wantGoSum reads as the go command does (modfetch/fetch.go).
func wantGoSum(args []string) ([]string, error) {
	sums := map[module.Version][]string{}
	n := 0
	for i, line := range strings.Split(args[0], "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d: %d fields", i+1, len(f))
		}
		if f[2] == hashes[3] {
			continue
		}
		mod := module.Version{Path: f[0], Version: f[1]}
		sums[mod] = append(sums[mod], f[2])
		n++
	}
	known := sums[module.Version{Path: args[1], Version: args[2]}]
	results := append([]string{strconv.Itoa(n)}, known...)
	for _, hash := range known {
		if hash == args[3] {
			return append(results, "match"), nil
		}
		if strings.HasPrefix(hash, "h1:") {
			return append(results, "mismatch"), nil
		}
	}
	return append(results, "absent"), nil
}

var goStrings = []string{
	"", "\"", "\"\"", "``", "`a`", "`a\rb`", "`a`b`", "\"a\"", "\"a\\n\\t\\\\\\\"\"", "\"\\x41\\xff\"", "\"\\u00e9\\U0001f600\"", "\"\\ud800\"",
	"\"\\U00110000\"", "\"\\101\\400\"", "\"\\377\"", "\"\\08\"", "\"\\'\"", "\"a\nb\"", "\"\\\n\"", "\"\xff\"", "\"é\"", "\"a\"b\"", "\"\\a\\b\\f\\r\\v\"",
	"\"\\", "\"\\\"", "\"\\x4\"", "\"\\u123\"", "\"\\UFFFFFFFF\"", "`\xff`", "a", "\"\\\x00\"",
}

func wantUnquote(args []string) ([]string, error) {
	if !strings.HasPrefix(args[0], "\"") && !strings.HasPrefix(args[0], "`") {
		return nil, errors.New("not in quotes")
	}
	s, err := strconv.Unquote(args[0])
	return []string{s}, err
}

func wantJSON(args []string) ([]string, error) {
	text, err := json.Marshal(args[0])
	return []string{string(bytes.TrimSpace(text))}, err
}

// modFiles are files that once were misread, or might be.
var modFiles = []string{
	"", "\n", "module m", "module m\n", "module \"m\"\n", "module `m`\n", "module m // Deprecated: gone\n", "// Deprecated: gone\nmodule m\n",
	"// Deprecated: gone\n\nmodule m\n", "// x\n//\n// Deprecated: a\n// b\n//\n// c\nmodule m\n", "// Deprecated: a\nmodule (\n\tm\n)\n",
	"module (\n\t// Deprecated: in\n\tm // too\n)\n", "module m\nmodule n\n", "module\n", "module m n\n", "module (\n)\n", "module ()\n", "go (\n1.21\n)\n",
	"require a.b/c v1.0.0 // indirect\nrequire \"x\\\ny\" v1 // indirect\n", "unknown \"x\\\ny\" // indirect\n",
	"require a.b/c v1.0.0\nunknown \"x\\\ny\" // indirect\n", "require (\n\ta.b/c v1.0.0\n\t\"x\\\ny\" v1.0.0 // indirect\n)\n",
	"retract v1.0.0\nunknown \"x\\\ny\" // why\n// alone\n\nunknown \"x\\\ny\" // why\n", "module m\nretract (\n\tv1.0.0 // one\n\n\tv1.1.0\n\n\n\t// two\n\tv1.2.0\n)\n",
	"// block\nretract (\n\tv1.0.0\n\n\t[v1.1.0,v1.2.0]\n\t// own\n\tv1.3.0 // and\n)\n", "retract [v1.0.0, v1.2]\nretract v1.0.0 x\n", "retract\n", "retract (\n(\n)\n",
	"exclude a.b/c v1.0.0\nexclude a.b/c v1.0.0\nexclude a.b/c v1.0\n", "replace a.b/c => ./x\nreplace a.b/c => ./y\nreplace a.b/c v1.0.0 => ./z\n",
	"tool x\ntool x\ntool \"\"\nignore a\nignore \"a\"\n", "godebug =x\ngodebug a=b\n", "require \"\" v1.0.0\nexclude \"\" v1.0.0\nreplace \"\" => ./x\n",
	"require a.b/c v2.0.0\n", "require a.b/c v2.0.0+incompatible\n", "require gopkg.in/check.v1 v0.0.0-20161208181325-20d25e280405\n", "require a.b/c/v1 v1.0.0\n",
	"module m\r\n\r\ngo 1.21\r\n", "go 1.21.x\n", "go v1.21\n", "\xef\xbb\xbfmodule m\n", "module m\x00\n", "module é\n", "module \xff\n", "module \"\\xff\\u2028<&>\"\n",
	"require (\n", "require ( a v1\n", "require a.b/c v1.0.0 (\n)\n", "require ( )\n", "require () // x\n", "require () x\n", "require (\n) x\n", ")\n", "(\n", "( ) // x\n",
	"module m // a\n// b\n", "module \"a\n", "module \"a", "module `a\nb`\n", "/* x */\n", "module m /* x */\n", "module m//c\n", "module a/*b\n", "module m\n//", "//\r\nmodule m",
	"replace a.b/c => d@v1\nreplace a.b/c => d\nreplace a.b/c => ./d v1.0.0\nreplace a.b/c v1 => d v1\nreplace a.b/c => .\\d\nreplace => x\nreplace a.b/v1 => ./x\n",
	"use ./x\n", "toolchain go1.21\ntoolchain default\n", "toolchain local\n", "foo (\nbar\n)\nfoo bar (\nbaz\n)\n", "require a.b/c v1.0.0 // indirect\n" + strings.Repeat("x\n", 300),
}

var workFiles = []string{
	"", "go 1.21\n", "go 1.21\nuse .\nuse (\n\t./a\n\t\"./b c\"\n)\nreplace a.b/c => ./d\ntoolchain go1.22\ngodebug x=y\n", "use\n", "use a b\n", "require a.b/c v1.0.0\n", "go (\n1.21\n)\n",
	"go v1.21\n", "use (\n\t./a // x\n", "use 'a'\n",
}

func genModParse(r *rand.Rand) []string {
	return []string{genMod(r), pick(r, []string{"lax", "lax", "strict"})}
}

var fileChecks = []check{
	{"mod_json", each(modFiles), one(genMod), wantModJSON},
	{"mod_parse", pairs(modFiles, []string{"lax", "strict"}), genModParse, wantModParse},
	{"mod_faults", each(modFiles[:len(modFiles)-1]), one(genMod), wantModFaults},
	{"module_path", each(modFiles), one(genMod), func(args []string) ([]string, error) {
		return []string{modfile.ModulePath([]byte(args[0]))}, nil
	}},
	{"go_work", each(workFiles), one(genWork), wantGoWork},
	{"go_sum", nil, genSum, wantGoSum},
	{"unquote", each(goStrings), mutated(goStrings), wantUnquote},
	{"quote_json", each(append(goStrings, odd...)), mutated(append(goStrings, odd...)), wantJSON},
}
