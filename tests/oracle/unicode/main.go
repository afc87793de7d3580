// Command unicode writes the ranges that src/gomod/text.c looks runes up in:
//
//	cd tests/oracle && go run ./unicode > ../../src/gomod/unicode_table.inc
package main

import (
	"fmt"
	"unicode"
)

func writeTable(name string, is func(rune) bool) {
	fmt.Printf("static const struct rune_range %s[] = {\n", name)
	for first := rune(0); first <= unicode.MaxRune; first++ {
		if !is(first) {
			continue
		}
		last := first
		for last < unicode.MaxRune && is(last+1) {
			last++
		}
		fmt.Printf("    {0x%04x, 0x%04x},\n", first, last)
		first = last
	}
	fmt.Println("};")
}

func main() {
	fmt.Printf("/* Unicode %s. Written by tests/oracle/unicode; do not edit. */\n", unicode.Version)
	writeTable("printable_ranges", unicode.IsPrint)
	writeTable("letter_ranges", unicode.IsLetter)
}
