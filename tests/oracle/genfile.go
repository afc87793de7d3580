package main

import (
	"fmt"
	"math/rand"
	"strings"
)

// Pieces of go.mod and go.work files.
var (
	directives = []string{"module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore", "use",
		"unknown", "\"require\"", "require(", "(", ")", "[", "=>"}
	comments = []string{"", "", "", "", " // indirect", "// indirect", " //indirect; why", " // indirect;why", " // Deprecated: use x",
		" // a <b> & \u2028 c", " //", " // \xff", "\t//  spaced\u00a0 ", " // indirect // twice"}
	above = []string{"", "", "", "// a comment\n", "// Deprecated: use other\n", "// one\n//\n// Deprecated:  two\n// lines\n//\n// three\n", "\n", "\n\n",
		"// alone\n\n", "//\n", "\t// indented\r\n", "// x\n\n// y\n", "// Deprecated:\n", "//Deprecated: no\n//\n//Deprecated: yes\n"}
	ends     = []string{"\n", "\n", "\n", "\n", "\r\n", "\n\n", " \n", ""}
	goods    = []string{"1.21", "1.21.3", "1.22rc1", "1.0", "1.21.x", "v1.21", "1", "01.2", "1.02", "1.2.3.4", "1.2.", "1.2-rc1", "\"1.21\"", "1.21beta"}
	chains   = []string{"go1.21.3", "default", "go1", "go1.", "go2", "go1.21-custom", "local", "\"go1.21\""}
	godebugs = []string{"a=b", "default=go1.21", "=x", "x=", "a", "a=b=c", "a=\"b\"", "a=b,c=d", "panicnil=1"}
	folders  = []string{"./x", "../x", ".", "..", "/abs", "x", "C:/x", "./a\\b", ".\\x", "\"./with space\"", "./vendor", "\"\"", "x@v1", "`raw`", "a'b", "a\"b\"c"}
	quirks   = []string{"\"a\\\nb\"", "\"unclosed", "`raw", "/* c */", "\x00", "\f", "\u00a0", "\ufeff", "a//b", "a/*b", "\"\\x41\\u00e9\\101\"", "\"\\ud800\"",
		"\"\\xff\"", "( )", "( x )", "é", "\"\\'\"", "\"<&>\"", "\\"}
)

// token writes a value bare, quoted, or broken.
func token(r *rand.Rand, s string) string {
	switch r.Intn(60) {
	case 0, 1, 2, 3, 4:
		return fmt.Sprintf("%q", s)
	case 5, 6:
		return fmt.Sprintf("%+q", s)
	case 7:
		return mutate(r, s)
	case 8:
		return pick(r, quirks)
	}
	return s
}

var someModules = []string{"example.com/a", "example.com/a/v2", "example.com/B", "gopkg.in/yaml.v2", "rsc.io/quote/v3", "x", "a.b/c", "gopkg.in/x.v1", "a.b/v1"}

var someVersions = []string{"v1.0.0", "v1.2.3", "v1.2", "v1", "v0.0.0-20060102150405-abcdef123456", "v2.0.0", "v2.1.0", "v3.0.0", "v2.0.0+incompatible",
	"v1.0.0+meta", "v1.2.3-pre", "master", "1.0.0", "v1.0.x"}

// fitting is a version that is mostly right for the path.
func fitting(r *rand.Rand, path string) string {
	if r.Intn(12) == 0 {
		return pick(r, someVersions)
	}
	for _, major := range []string{"2", "3"} {
		if strings.HasSuffix(path, "v"+major) {
			return "v" + major + pick(r, []string{".0.0", ".1.0", ".1", "", ".0.1-pre"})
		}
	}
	return pick(r, []string{"v1.0.0", "v1.2.3", "v1.2", "v1", "v1.0.0-pre", "v1.4.0", "v1.10.0", "v1.2.4-0.20060102150405-abcdef123456"})
}

func interval(r *rand.Rand) string {
	v := func() string { return token(r, pick(r, someVersions[:8])) }
	if r.Intn(2) == 0 {
		return v()
	}
	text := "[" + v() + pick(r, []string{",", ", ", " , ", " "}) + v() + pick(r, []string{"]", "]", "]", ")", ""})
	return text + pick(r, []string{"", "", "", " x"})
}

// operands are arguments that a directive mostly takes.
func operands(r *rand.Rand, directive string) string {
	path := pick(r, someModules)
	switch directive {
	case "module":
		return token(r, path)
	case "go":
		return token(r, pick(r, goods[:1+r.Intn(len(goods))]))
	case "toolchain":
		return token(r, pick(r, chains[:1+r.Intn(len(chains))]))
	case "godebug":
		return pick(r, godebugs)
	case "require", "exclude":
		return token(r, path) + pick(r, []string{" ", " ", "\t", "  "}) + token(r, fitting(r, path))
	case "replace":
		text := token(r, path)
		if r.Intn(2) == 0 {
			text += " " + token(r, fitting(r, path))
		}
		text += pick(r, []string{" => ", " => ", " => ", "=>", " "})
		if r.Intn(2) == 0 {
			return text + token(r, pick(r, folders))
		}
		path = pick(r, someModules)
		return text + token(r, path) + " " + token(r, fitting(r, path))
	case "retract":
		return interval(r)
	default:
		return token(r, pick(r, folders))
	}
}

func statement(r *rand.Rand, directive string) string {
	text := pick(r, above)
	end := func() string { return pick(r, comments) + pick(r, ends) }
	if r.Intn(3) > 0 {
		return text + directive + " " + operands(r, directive) + end()
	}
	text += directive + pick(r, []string{" (", "(", " ( "}) + end()
	for range r.Intn(4) {
		text += pick(r, above) + "\t" + operands(r, directive) + end()
	}
	return text + pick(r, above) + pick(r, []string{")", ")", ")", ")", ") x", ""}) + end()
}

// genFile makes a file of statements; one in three is then broken somewhere.
func genFile(known []string) func(r *rand.Rand) string {
	return func(r *rand.Rand) string {
		var text strings.Builder
		if r.Intn(4) > 0 {
			text.WriteString(statement(r, known[0]))
		}
		for range r.Intn(8) {
			directive := pick(r, known[1:])
			if r.Intn(30) == 0 {
				directive = pick(r, directives)
			}
			text.WriteString(statement(r, directive))
		}
		if r.Intn(3) == 0 {
			return mutate(r, text.String())
		}
		return text.String()
	}
}

var (
	genMod  = genFile([]string{"module", "go", "toolchain", "godebug", "require", "require", "require", "exclude", "replace", "retract", "retract", "tool", "ignore"})
	genWork = genFile([]string{"go", "toolchain", "godebug", "use", "use", "replace"})
)
