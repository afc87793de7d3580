package main

import "math/rand"

func pick[T any](r *rand.Rand, from []T) T {
	return from[r.Intn(len(from))]
}

// odd are pieces that names, versions and files break on.
var odd = []string{
	"", ".", "..", "/", "//", "-", "_", "~", "~1", "!", "!a", "!A", "@", "+", "*", "?", "[", "]", "\\",
	" ", "\t", "\n", "\r", "\x00", "\x7f", "\x80", "\xff", "\xc3", "é", "ſ", "K", "日本", "\u00a0",
	"\u2028", "\ufeff", "\U0001f600", "v", "v0", "v1", "v2", "/v2", ".v1", "0", "00", "1", "9", "A", "Z",
	"a", "z", "con", "CON", "com1", "lpt9", "aux.x", "+incompatible", "-unstable", "\"", "'", "`", "(", ")",
	"[a-c]", "=>", ",", "//x", "/*", "<>&", "-0", ".0",
}

// mutate changes s in up to three places: cuts, insertions of odd pieces, changed bytes, repetitions.
func mutate(r *rand.Rand, s string) string {
	for range r.Intn(4) {
		at := r.Intn(len(s) + 1)
		end := at + r.Intn(min(len(s)-at, 8)+1)
		switch r.Intn(5) {
		case 0:
			s = s[:at] + s[end:]
		case 1, 2:
			s = s[:at] + pick(r, odd) + s[at:]
		case 3:
			s = s[:end] + s[at:]
		case 4:
			s = s[:at] + string(rune(r.Intn(128))) + s[end:]
		}
	}
	return s
}

// mutated makes a generator of changed members of the lists, one list an argument.
func mutated(lists ...[]string) func(r *rand.Rand) []string {
	return func(r *rand.Rand) []string {
		var args []string
		for _, list := range lists {
			args = append(args, mutate(r, pick(r, list)))
		}
		return args
	}
}

// several makes a generator of lists of versions, most of them unchanged.
func several(list []string) func(r *rand.Rand) []string {
	return func(r *rand.Rand) []string {
		var args []string
		for range r.Intn(12) {
			s := pick(r, list)
			if r.Intn(4) == 0 {
				s = mutate(r, s)
			}
			args = append(args, s)
		}
		return args
	}
}

// each makes a table of one argument a row.
func each(list []string) [][]string {
	var table [][]string
	for _, s := range list {
		table = append(table, []string{s})
	}
	return table
}

// pairs makes a table of every combination.
func pairs(a, b []string) [][]string {
	var table [][]string
	for _, x := range a {
		for _, y := range b {
			table = append(table, []string{x, y})
		}
	}
	return table
}

// one makes a generator of one argument.
func one(gen func(r *rand.Rand) string) func(r *rand.Rand) []string {
	return func(r *rand.Rand) []string { return []string{gen(r)} }
}
