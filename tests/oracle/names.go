package main

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

var paths = []string{
	"", "x", "x.y", "example.com", "example.com/m", "example.com/m/v2", "example.com/m/v1", "example.com/m/v0",
	"example.com/m/v02", "example.com/m/v1.2", "example.com/m/v2.", "example.com/m/v", "example.com/v2", "/v2", "v2",
	"gopkg.in/yaml.v2", "gopkg.in/yaml.v0", "gopkg.in/yaml.v00", "gopkg.in/yaml.v01", "gopkg.in/yaml", "gopkg.in/yaml.v",
	"gopkg.in/user/pkg.v3-unstable", "gopkg.in/pkg.v-unstable", "gopkg.in/yaml/v2", "gopkg.in/v2", "gopkg.in/.v2",
	"github.com/Azure/azure-sdk-for-go", "github.com/BurntSushi/toml", "github.com/user/Repo/sub/dir/v10",
	"-example.com/m", "example-.com/-m", "Example.com/m", "exam_ple.com/m", "example.com/a+b", "example.com/a~b/c~1",
	"example.com/con", "example.com/Con.txt", "example.com/com0", "example.com/LPT1.x", "example.com/x.aux",
	"example.com/.git", "example.com/a..b", "example.com/...", "example.com/a.", "example.com//a", "/example.com", "a/",
	"example.com/日本", "example.com/a b", "example.com/a!b", "example.com/a@b", "example.com/~", "example.com/a~", "a.b/~1.x",
	"example.com/a\x00b", "example.com/\xff", "golang.org/toolchain", "rsc.io/quote/v3",
}

var escapedPaths = append([]string{
	"github.com/!azure/azure-sdk-for-go", "github.com/!burnt!sushi/toml", "github.com/!!azure", "github.com/a!", "github.com/!1",
}, paths...)

var versions = []string{
	"", "v", "v1", "v1.2", "v1.2.3", "v0.0.0", "v01.2.3", "v1.02.3", "v1.2.03", "1.2.3", "v1.2.3.4", "v1.2.x",
	"v1.2.3-pre", "v1.2.3-pre.1", "v1.2.3-pre.01", "v1.2.3-0", "v1.2.3-00", "v1.2.3--", "v1.2.3-", "v1.2.3-a..b", "v1.2.3-a_b",
	"v1.2.3+meta", "v1.2.3+meta.01", "v1.2.3+", "v1.2.3-pre+meta", "v1.2-pre", "v1-pre", "v1+meta",
	"v1.2.3-alpha", "v1.2.3-alpha.1", "v1.2.3-alpha.beta", "v1.2.3-beta", "v1.2.3-beta.2", "v1.2.3-beta.11", "v1.2.3-rc.1", "v1.2.3-RC1",
	"v2.0.0", "v2.0.0+incompatible", "v2.0.0-pre+incompatible", "v3.1.0", "v10.0.0", "v9.0.0", "v99999999999999999999.0.0",
	"v0.0.0-20060102150405-abcdef123456", "v1.0.0-20060102150405-abcdef123456", "v2.0.0-20060102150405-abcdef123456+incompatible",
	"v1.2.4-0.20060102150405-abcdef123456", "v2.0.1-0.20060102150405-abcdef123456+incompatible", "v1.2.0-0.20060102150405-abcdef123456",
	"v1.2.3-pre.0.20060102150405-abcdef123456", "v2.2.3-pre.0.20060102150405-abcdef123456+incompatible", "v1.2.10-0.20060102150405-a",
	"v0.0.0-20200230150405-abcdef123456", "v0.0.0-20240229235959-abcdef123456", "v0.0.0-20230229235959-abcdef123456",
	"v0.0.0-20061302150405-abcdef123456", "v0.0.0-20060102240405-abcdef123456", "v0.0.0-00010101000000-000000000000",
	"v5.0.0-00010101000000-000000000000", "v0.0.0-00000101000000-abcdef123456", "v0.0.0-2006010215040-abcdef123456",
	"v0.0.0-20060102150405-abc-def", "v1.2.3-x-0.20060102150405-abcdef123456", "v1.2.3-20060102150405-abcdef123456",
	"v0.0.0-20190102150405-abcdef123456", "v0.0.1-0.20180102150405-abcdef123456", "v0.0.0-20190102150405-bbcdef123456",
	"v1.2.3-0.0.20060102150405-abcdef123456", "v1.0.0-20060102150405-ABCDEF", "v1.10.0-0.20060102150405-abc", "v1.2.100-0.20060102150405-abc",
	"master", "feature/x", "1234abc", "MASTER", "a!b", "con", "v1.2.3/go.mod", "latest",
}

var escapedVersions = append([]string{"v1.2.3-!r!c1", "!master", "!!", "!", "a!1"}, versions...)

var globs = []string{
	"", "*", "example.com", "example.com/*", "*.example.com", "*/m", "example.com/m/", "example.com/m//", "a,b,example.com", ",,x.y,",
	"github.com/[A-Z]*", "github.com/[^A-Z]*", "ex?mple.com", "[", "[]", "[a", "[a-", "[a-]", "[]a]", "[^", "[\\]]*", "\\", "\\*", "exa\\mple.com",
	"*e*m*", "**", "e*/m", "example.com/*/v2", "*[a-z]", "é?", "[é-日]*", "example.com/m*,*", "x*/*/z", "a*b*c", "[a-z]*.com/*",
}

var targets = append([]string{
	"example.com/x/v2", "corp.example.com/m/n", "github.com/azure", "éa/b", "日本", "x/y/z", "aXbXc", "abcabc", "*", "[", "]x", "//", "a//b",
}, paths...)

func noResults(check func(string) error) func([]string) ([]string, error) {
	return func(args []string) ([]string, error) { return nil, check(args[0]) }
}

func oneResult(convert func(string) (string, error)) func([]string) ([]string, error) {
	return func(args []string) ([]string, error) {
		result, err := convert(args[0])
		return []string{result}, err
	}
}

func wantMajor(args []string) ([]string, error) {
	prefix, pathMajor, ok := module.SplitPathVersion(args[0])
	matches := strconv.FormatBool(module.MatchPathMajor(args[1], pathMajor))
	majorPrefix := strings.TrimSuffix(strings.TrimLeft(pathMajor, "/."), "-unstable")
	if pathMajor == "" || semver.IsValid(majorPrefix) {
		majorPrefix = module.PathMajorPrefix(pathMajor) // panics on what SplitPathVersion lets pass
	}
	return []string{strconv.FormatBool(ok), prefix, pathMajor, majorPrefix, matches, matches}, nil
}

func wantSemver(args []string) ([]string, error) {
	v := args[0]
	return []string{strconv.FormatBool(semver.IsValid(v)), semver.Canonical(v), semver.Major(v), semver.MajorMinor(v),
		semver.Prerelease(v), semver.Build(v), module.CanonicalVersion(v)}, nil
}

// isCanonical reports whether a module may be published under a version.
func isCanonical(v string) bool {
	return semver.IsValid(v) && module.CanonicalVersion(v) == v
}

// wantLatest knows the order of go.dev/ref/mod#version-queries.
func wantLatest(args []string) ([]string, error) {
	var release, prerelease, pseudo string
	var pseudoTime time.Time
	for _, v := range args {
		switch {
		case !isCanonical(v):
		case module.IsPseudoVersion(v):
			t, err := module.PseudoVersionTime(v)
			if err == nil && (t.After(pseudoTime) || t.Equal(pseudoTime) && semver.Compare(v, pseudo) > 0 || pseudo == "") {
				pseudo, pseudoTime = v, t
			}
		case semver.Prerelease(v) != "":
			if semver.Compare(v, prerelease) > 0 {
				prerelease = v
			}
		default:
			if semver.Compare(v, release) > 0 {
				release = v
			}
		}
	}
	for _, v := range []string{release, prerelease, pseudo} {
		if v != "" {
			return []string{v}, nil
		}
	}
	return []string{""}, nil
}

func wantList(args []string) ([]string, error) {
	args = slices.DeleteFunc(args, func(v string) bool { return !isCanonical(v) || module.IsPseudoVersion(v) })
	semver.Sort(args)
	return slices.Compact(args), nil
}

func genModules(r *rand.Rand) []string {
	var args []string
	for range r.Intn(10) {
		// The order of versions that are invalid, or equal to semver, is not defined.
		v := cmp.Or(semver.Canonical(pick(r, versions)), "v1.0.0")
		if r.Intn(3) == 0 {
			v += "/go.mod"
		}
		args = append(args, pick(r, paths), v)
	}
	return args
}

func wantModules(args []string) ([]string, error) {
	var list []module.Version
	for i := 0; i < len(args); i += 2 {
		list = append(list, module.Version{Path: args[i], Version: args[i+1]})
	}
	module.Sort(list)
	var results []string
	for _, m := range list {
		results = append(results, m.Path, m.Version)
	}
	return results, nil
}

func wantPseudo(args []string) ([]string, error) {
	v := args[0]
	seconds, rev, base := "0", "none", "none"
	t, timeErr := module.PseudoVersionTime(v)
	if timeErr == nil {
		seconds = strconv.FormatInt(t.Unix(), 10)
	}
	if s, err := module.PseudoVersionRev(v); err == nil {
		rev = s
	}
	s, baseErr := module.PseudoVersionBase(v)
	if baseErr == nil {
		base = s
	}
	return []string{strconv.FormatBool(module.IsPseudoVersion(v)), strconv.FormatBool(module.IsZeroPseudoVersion(v)),
		seconds, rev, base, strconv.FormatBool(timeErr == nil && baseErr == nil)}, nil
}

// genPseudo makes a valid pseudo-version and sometimes breaks it.
func genPseudo(r *rand.Rand) []string {
	args := genPseudoParts(r)
	made, _ := wantMakePseudo(args)
	if r.Intn(2) == 0 {
		return made[:1]
	}
	return []string{mutate(r, made[0])}
}

func genPseudoParts(r *rand.Rand) []string {
	seconds := r.Int63n(253402300800+62167219200) - 62167219200 // the years 0 to 9999
	if r.Intn(2) == 0 {
		seconds = r.Int63n(2_000_000_000)
	}
	older := pick(r, versions)
	if r.Intn(3) == 0 {
		older = fmt.Sprintf("v%d.%d.%s9", r.Intn(3), r.Intn(20), pick(r, []string{"", "1", "99", "109", "18446744073709551615"}))
	}
	return []string{pick(r, []string{"", "v0", "v1", "v2", "v10"}), older, strconv.FormatInt(seconds, 10),
		pick(r, []string{"abcdef123456", "a", "000000000000", "ABC"})}
}

func wantMakePseudo(args []string) ([]string, error) {
	seconds, _ := strconv.ParseInt(args[2], 10, 64)
	return []string{module.PseudoVersion(args[0], args[1], time.Unix(seconds, 0), args[3]),
		module.ZeroPseudoVersion(args[0])}, nil
}

// tableUnicode is the version that src/gomod/unicode_table.inc was made from; another toolchain may
// have another.
const tableUnicode = "15.0.0"

// allRunes is a table that covers every code point, surrogates included.
func allRunes() [][]string {
	var table [][]string
	if unicode.Version != tableUnicode {
		fmt.Printf("this toolchain has Unicode %s, the table %s: runes are not compared\n", unicode.Version, tableUnicode)
		return nil
	}
	for first := 0; first <= unicode.MaxRune; first += 0x1000 {
		table = append(table, []string{strconv.Itoa(first), strconv.Itoa(first + 0xfff)})
	}
	return table
}

func wantRunes(args []string) ([]string, error) {
	first, _ := strconv.Atoi(args[0])
	last, _ := strconv.Atoi(args[1])
	var classes []byte
	for r := rune(first); r <= rune(last); r++ {
		class := byte('0')
		if unicode.IsSpace(r) {
			class |= 1
		}
		if unicode.IsPrint(r) {
			class |= 2
		}
		if unicode.IsLetter(r) {
			class |= 4
		}
		classes = append(classes, class)
	}
	return []string{string(classes)}, nil
}

func wantText(args []string) ([]string, error) {
	return append([]string{strings.TrimSpace(args[0])}, strings.Fields(args[0])...), nil
}

var texts = []string{"", "a b c", "  a\tb\r\n", "\u00a0a\u2028b\u3000", "\xe2\x80", "a\xa0b\x85", "\u0085", "日 本", "\u1680x\u205f", "\xe3\x80\x80\x80"}

var nameChecks = []check{
	{"check_path", each(paths), mutated(paths), noResults(module.CheckPath)},
	{"check_import_path", each(paths), mutated(paths), noResults(module.CheckImportPath)},
	{"check_file_path", each(paths), mutated(paths), noResults(module.CheckFilePath)},
	{"check", pairs(paths, versions), mutated(paths, versions),
		func(args []string) ([]string, error) { return nil, module.Check(args[0], args[1]) }},
	{"escape_path", each(paths), mutated(paths), oneResult(module.EscapePath)},
	{"escape_version", each(versions), mutated(versions), oneResult(module.EscapeVersion)},
	{"unescape_path", each(escapedPaths), mutated(escapedPaths), oneResult(module.UnescapePath)},
	{"unescape_version", each(escapedVersions), mutated(escapedVersions), oneResult(module.UnescapeVersion)},
	{"major", pairs(paths, versions), mutated(paths, versions), wantMajor},
	{"match_patterns", pairs(globs, targets), mutated(globs, targets), func(args []string) ([]string, error) {
		return []string{strconv.FormatBool(module.MatchPrefixPatterns(args[0], args[1]))}, nil
	}},
	{"semver", each(versions), mutated(versions), wantSemver},
	{"compare", pairs(versions, versions), mutated(versions, versions), func(args []string) ([]string, error) {
		return []string{strconv.Itoa(semver.Compare(args[0], args[1]))}, nil
	}},
	{"sort", [][]string{versions}, several(versions), func(args []string) ([]string, error) {
		semver.Sort(args)
		return args, nil
	}},
	{"latest", [][]string{versions, nil}, several(versions), wantLatest},
	{"sort_for_list", [][]string{versions}, several(versions), wantList},
	{"sort_modules", nil, genModules, wantModules},
	{"pseudo", each(versions), genPseudo, wantPseudo},
	{"make_pseudo", nil, genPseudoParts, wantMakePseudo},
	{"runes", allRunes(), nil, wantRunes},
	{"text", each(texts), mutated(texts), wantText},
}
