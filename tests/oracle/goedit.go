package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// compareWithGo compares `modgate mod json F` with `go mod edit -json F`: the same bytes and the
// same verdict.
func compareWithGo(modgate string, seed int64, count int) bool {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer os.RemoveAll(dir)
	r := rand.New(rand.NewSource(seed))
	inputs := slices.Clone(modFiles)
	for range count {
		inputs = append(inputs, genMod(r))
	}
	good, failed := 0, 0
	for _, input := range inputs {
		path := filepath.Join(dir, "f.mod")
		if err := os.WriteFile(path, []byte(input), 0o666); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return false
		}
		want, wantErr := output(dir, "go", "mod", "edit", "-json", path)
		got, gotErr := output(dir, modgate, "mod", "json", path)
		if wantErr == nil {
			good++
		}
		if (gotErr == nil) == (wantErr == nil) && bytes.Equal(got, want) {
			continue
		}
		if failed++; failed <= 5 {
			fmt.Printf("mod json %q:\n\tgot  %q (%v)\n\twant %q (%v)\n", input, got, gotErr, want, wantErr)
		}
	}
	fmt.Printf("%-20s %6d compared, %d of them valid, %d differ\n", "go_mod_edit", len(inputs), good, failed)
	return failed == 0
}

func output(dir string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=")
	return cmd.Output()
}
