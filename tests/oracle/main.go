// Command oracle compares modgate's pure library with the go command and golang.org/x/mod: each
// check sends inputs from a table and a seeded generator through the driver (driver/) and expects
// the answers that the Go code gives.
package main

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A check compares one op of the driver. want is told the arguments and returns the results, or an
// error where the op must fail (its text may differ).
type check struct {
	op    string
	table [][]string
	gen   func(r *rand.Rand) []string
	want  func(args []string) ([]string, error)
}

type driver struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startDriver(path string) (*driver, func() error, error) {
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	stop := func() error {
		in.Close()
		return cmd.Wait()
	}
	return &driver{bufio.NewWriter(in), bufio.NewReaderSize(out, 1<<20)}, stop, nil
}

// call returns the results, or the error's text when the op failed.
func (d *driver) call(op string, args []string) (results []string, failure string, err error) {
	d.in.WriteString(op)
	for _, arg := range args {
		d.in.WriteString("\t" + hex.EncodeToString([]byte(arg)))
	}
	d.in.WriteString("\n")
	if err := d.in.Flush(); err != nil {
		return nil, "", fmt.Errorf("the driver died: %w", err)
	}
	line, err := d.out.ReadString('\n')
	if err == io.EOF {
		return nil, "", fmt.Errorf("the driver died")
	} else if err != nil {
		return nil, "", err
	}
	fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
	for _, field := range fields[1:] {
		result, err := hex.DecodeString(field)
		if err != nil {
			return nil, "", err
		}
		results = append(results, string(result))
	}
	if fields[0] == "err" {
		return nil, results[0], nil
	}
	return results, "", nil
}

// differs says how the driver's answer differs from the wanted one, or "", and whether the op had
// to succeed.
func (d *driver) differs(c check, args []string) (difference string, isGood bool, err error) {
	got, failure, err := d.call(c.op, args)
	if err != nil {
		return "", false, fmt.Errorf("%s%q: %w", c.op, args, err)
	}
	want, wantErr := c.want(slices.Clone(args))
	isGood = wantErr == nil
	switch {
	case wantErr != nil && failure == "":
		return fmt.Sprintf("%s%q: got %q, want the error %v", c.op, args, got, wantErr), isGood, nil
	case wantErr == nil && failure != "":
		return fmt.Sprintf("%s%q: got the error %s, want %q", c.op, args, failure, want), isGood, nil
	case wantErr == nil && !slices.Equal(got, want):
		return fmt.Sprintf("%s%q:\n\tgot  %q\n\twant %q", c.op, args, got, want), isGood, nil
	}
	return "", isGood, nil
}

// A tally counts the inputs of a check.
type tally struct {
	compared, good, failed int
}

// run compares all inputs of a check; it prints the first few differences.
func (d *driver) run(c check, seed int64, count int) (t tally, err error) {
	inputs := slices.Clone(c.table)
	if c.gen != nil {
		r := rand.New(rand.NewSource(seed))
		for range count {
			inputs = append(inputs, c.gen(r))
		}
	}
	for _, args := range inputs {
		difference, isGood, err := d.differs(c, args)
		if err != nil {
			return t, err
		}
		t.compared++
		if isGood {
			t.good++
		}
		if difference == "" {
			continue
		}
		if t.failed++; t.failed <= 5 {
			fmt.Println(difference)
		}
	}
	return t, nil
}

func envInt(name string, fallback int64) int64 {
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	return n
}

func main() {
	driverPath := flag.String("driver", "", "the driver program")
	modgate := flag.String("modgate", "", "the modgate program")
	only := flag.String("only", "", "run this check alone")
	flag.Parse()
	seed := envInt("MODGATE_ORACLE_SEED", 1)
	count := int(envInt("MODGATE_ORACLE_COUNT", 3000))
	fmt.Printf("seed %d, %d generated inputs for each check\n", seed, count)

	d, stop, err := startDriver(*driverPath)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bad := false
	for _, c := range checks {
		if *only != "" && *only != c.op {
			continue
		}
		t, err := d.run(c, seed, count)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%-20s %6d compared, %d of them valid, %d differ\n", c.op, t.compared, t.good, t.failed)
		bad = bad || t.failed > 0
	}
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		bad = true
	}
	if *only == "" || *only == "go_mod_edit" {
		bad = !compareWithGo(*modgate, seed, count/10) || bad
	}
	if *only == "" || *only == "folders" {
		bad = !compareFolders(*modgate, seed, count/10) || bad
	}
	if bad {
		os.Exit(1)
	}
}
