package main

import (
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var rehomeChecks = []check{
	{"rehome_go", goFilesOfStd(), genGoHead, wantRehomeGo},
}

// goFilesOfStd is every twelfth Go file of the standard library, with packages of its own to move.
func goFilesOfStd() (table [][]string) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		panic(err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	n := 0
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		if n++; n%12 != 0 {
			return nil
		}
		source, err := os.ReadFile(path)
		if err == nil && parses(string(source)) {
			from := []string{"internal", "unicode", "io", "runtime", "cmd/compile/internal"}[n/12%5]
			table = append(table, []string{string(source), from, "corp.example/go.d/" + from})
		}
		return nil
	})
	return table
}

func parses(source string) bool {
	_, err := parser.ParseFile(gotoken.NewFileSet(), "x.go", source, parser.SkipObjectResolution)
	return err == nil
}

// genGoHead writes the head of a file in one of the many spellings that the language allows.
func genGoHead(r *rand.Rand) []string {
	for {
		if source := goHead(r); parses(source) {
			return []string{source, "old.example/m", "corp.example/new/m"}
		}
	}
}

func goHead(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.Intn(len(of))] }
	blank := func() string {
		return pick(" ", "\t", " /* import \"old.example/m\" */ ", " /**/", "/* \n */ ", "  ")
	}
	line := func() string {
		return pick("\n", ";", "\r\n", "\n\n// import \"old.example/m/x\"\n", " // c\n", ";;\n")
	}
	path := func() string {
		p := pick("old.example/m", "old.example/m/sub", "old.example/mm", "old.example/m/v2/x", "fmt", "C",
			"old.example", "x/old.example/m", "old.example/m.v2")
		return pick(`"`+p+`"`, "`"+p+"`", `"`+p+`"`, strconv.QuoteToASCII(p), `"\x6fld.example/m/esc"`)
	}
	spec := func() string { return pick("", "_ ", ". ", "m ", "é"+blank(), "_"+blank()) + path() }
	var b strings.Builder
	b.WriteString(pick("", "\ufeff", "// Copyright\n", "//go:build linux\n\n", "/* a */ /* b */"))
	b.WriteString("package" + blank() + pick("m", "main", "é") + line())
	for range r.Intn(5) {
		b.WriteString("import" + blank())
		if r.Intn(2) == 0 {
			b.WriteString(spec() + line())
			continue
		}
		b.WriteString("(" + pick("", "\n", blank()))
		for range r.Intn(4) {
			b.WriteString(spec() + line())
		}
		b.WriteString(")" + line())
	}
	b.WriteString(pick("", "var importer = `import \"old.example/m\"`\n", "func f() {}\n"))
	b.WriteString(pick("", "\n//go:linkname f old.example/m.f\n", "\n//go:linkname f old.example/m/a.b.(*T).f\nvar y = 1\n",
		"\n//go:linkname f\n", "\n //go:linkname f old.example/m.f\n", "\n//go:linkname  f  old.example/m/v2%2ex.f // c\n"))
	return b.String()
}

// moved is the path under its new prefix.
func moved(path, from, to string) (string, bool) {
	if path != from && !strings.HasPrefix(path, from+"/") {
		return path, false
	}
	return to + path[len(from):], true
}

var linkname = regexp.MustCompile(`(?m)^//go:linkname +\S+ +(\S+)`)

// movedSymbol is a linker symbol of a package under its new path.
func movedSymbol(symbol, from, to string) string {
	base := strings.LastIndexByte(symbol, '/') + 1
	dot := strings.IndexByte(symbol[base:], '.')
	if dot < 0 {
		return symbol
	}
	path, rest := strings.ReplaceAll(symbol[:base+dot], "%2e", "."), symbol[base+dot:]
	path, is := moved(path, from, to)
	if !is {
		return symbol
	}
	base = strings.LastIndexByte(path, '/') + 1
	return path[:base] + strings.ReplaceAll(path[base:], ".", "%2e") + rest
}

func wantRehomeGo(args []string) ([]string, error) {
	source, from, to := args[0], args[1], args[2]
	fset := gotoken.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	edits := map[int][2]string{} // by place: what stands there, and what shall
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if path, is := moved(path, from, to); is {
			quote := spec.Path.Value[:1]
			edits[fset.PositionFor(spec.Path.Pos(), false).Offset] = [2]string{spec.Path.Value, quote + path + quote}
		}
	}
	for _, at := range importComment.FindAllStringSubmatchIndex(source, 1) {
		old := source[at[2]:at[3]]
		path, err := strconv.Unquote(old)
		if path, is := moved(path, from, to); is && err == nil && at[0] < int(f.Name.Pos())+8 {
			edits[at[2]] = [2]string{old, old[:1] + path + old[:1]}
		}
	}
	for _, at := range linkname.FindAllStringSubmatchIndex(source, -1) {
		symbol := source[at[2]:at[3]]
		edits[at[2]] = [2]string{symbol, movedSymbol(symbol, from, to)}
	}
	var b strings.Builder
	for i := 0; i < len(source); {
		if edit, ok := edits[i]; ok {
			b.WriteString(edit[1])
			i += len(edit[0])
			continue
		}
		b.WriteByte(source[i])
		i++
	}
	return []string{b.String()}, nil
}

// importComment is that of the package clause, where the clause has no comment inside.
var importComment = regexp.MustCompile(`(?m)^package[ \t]+\w+[ \t;]*(?://|/\*)[ \t]*import[ \t]+("[^"\n]*")`)
