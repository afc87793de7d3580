// Sumclient is the go command's own checksum database client, golang.org/x/mod/sumdb, with nothing in
// its cache.
//
//	sumclient lookup URL KEY            looks up each "path version" of standard input, through URL
//	sumclient talk KEY                  takes commands from standard input, see talk.go
//	sumclient evidence KEY FILE         judges the evidence of a fork, as a third party would
//
// URL is that of a database, or <proxy>/sumdb/<name>. It exits with 1 when something does not hold.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "lookup":
		err = lookup(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "talk":
		err = talk(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "evidence":
		err = evidence(os.Args[2], os.Args[3])
	default:
		err = errors.New("usage: see the comment in main.go")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sumclient:", err)
		os.Exit(1)
	}
}

// ops keeps everything in memory.
type ops struct {
	url, key string
	mu       sync.Mutex
	config   map[string][]byte
	cache    map[string][]byte
	asked    int
}

func (o *ops) ReadRemote(path string) ([]byte, error) {
	o.mu.Lock()
	o.asked++
	o.mu.Unlock()
	answer, err := http.Get(o.url + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, body)
	}
	return body, err
}

func (o *ops) ReadConfig(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if file == "key" {
		return []byte(o.key), nil
	}
	return o.config[file], nil
}

func (o *ops) WriteConfig(file string, old, new []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if string(o.config[file]) != string(old) {
		return sumdb.ErrWriteConflict
	}
	o.config[file] = new
	return nil
}

func (o *ops) ReadCache(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data, ok := o.cache[file]; ok {
		return data, nil
	}
	return nil, os.ErrNotExist
}

func (o *ops) WriteCache(file string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache[file] = data
}

func (o *ops) Log(msg string)           {}
func (o *ops) SecurityError(msg string) { fmt.Fprintln(os.Stderr, msg) }

func lookup(url, key string) error {
	o := &ops{url: url, key: key, config: map[string][]byte{}, cache: map[string][]byte{}}
	client := sumdb.NewClient(o)
	n := 0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); n++ {
		path, version, _ := strings.Cut(in.Text(), " ")
		for _, v := range []string{version, version + "/go.mod"} {
			lines, err := client.Lookup(path, v)
			if err != nil {
				return err
			}
			if len(lines) != 1 {
				return fmt.Errorf("%s@%s: %d lines", path, v, len(lines))
			}
		}
	}
	fmt.Printf("%d looked up with %d requests\n", n, o.asked)
	return nil
}

// sections are the indented texts of a file by the titles above them.
func sections(text string) map[string][]string {
	found, title := map[string][]string{}, ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if body, ok := strings.CutPrefix(line, "\t"); ok {
			found[title] = append(found[title], body)
		} else {
			title = strings.Trim(line, ":0123456789")
		}
	}
	return found
}

func openHead(key string, lines []string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open([]byte(strings.Join(lines, "\n")+"\n"), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.ParseTree([]byte(opened.Text))
}

func evidence(key, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	parts := sections(string(text))
	older, err := openHead(key, parts["older head"])
	if err != nil {
		return fmt.Errorf("older head: %v", err)
	}
	newer, err := openHead(key, parts["newer head"])
	if err != nil {
		return fmt.Errorf("newer head: %v", err)
	}
	root, err := tlog.ParseHash(parts[fmt.Sprintf("root of the newer tree's first %d records", older.N)][0])
	if err != nil {
		return err
	}
	var proof tlog.TreeProof
	for _, line := range parts["its consistency proof"] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, h)
	}
	if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, root); err != nil {
		return err
	}
	if root == older.Hash {
		return errors.New("the heads do not contradict each other")
	}
	fmt.Printf("the tree of size %d does not begin with that of size %d\n", newer.N, older.N)
	return nil
}
