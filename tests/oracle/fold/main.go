// Command fold prints src/gomod/fold_table.inc: the code points whose case-folding representative is
// another one, for the Unicode version of the Go release that runs it.
//
//	cd tests/oracle && go run ./fold > ../../src/gomod/fold_table.inc
package main

import (
	"fmt"
	"unicode"
)

// foldMin is the member of r's orbit that stands for it: the smallest, and for ASCII letters the
// lower-case one.
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

type run struct{ first, last, stride, delta rune }

func runs() (list []run) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		delta := foldMin(r) - r
		if delta == 0 {
			continue
		}
		if n := len(list) - 1; n >= 0 && list[n].delta == delta {
			prev := &list[n]
			step := r - prev.last
			if step <= 2 && (prev.first == prev.last || prev.stride == step) {
				prev.last, prev.stride = r, step
				continue
			}
		}
		list = append(list, run{r, r, 1, delta})
	}
	return list
}

func main() {
	fmt.Printf("/* Unicode %s. Written by tests/oracle/fold; do not edit. */\n", unicode.Version)
	fmt.Println("static const struct fold_run fold_runs[] = {")
	for _, f := range runs() {
		fmt.Printf("    {0x%04x, 0x%04x, %d, %d},\n", f.first, f.last, f.stride, f.delta)
	}
	fmt.Println("};")
}
