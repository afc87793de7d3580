package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// talker is what a client remembers, and whom it asks.
type talker struct {
	vkey   string
	remote func(path string) ([]byte, error)
	mu     sync.Mutex
	latest []byte
	alarm  string
	cache  map[string][]byte
}

func (o *talker) ReadRemote(path string) ([]byte, error) { return o.remote(path) }

func (o *talker) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.vkey), nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.latest, nil
}

func (o *talker) WriteConfig(file string, old, new []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !bytes.Equal(old, o.latest) {
		return sumdb.ErrWriteConflict
	}
	o.latest = new
	return nil
}

func (o *talker) ReadCache(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data, ok := o.cache[file]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (o *talker) WriteCache(file string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache[file] = data
}

func (o *talker) Log(string) {}

func (o *talker) SecurityError(msg string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alarm = msg
}

func fromURL(base string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		answer, err := http.Get(base + path)
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
}

// A log's files; which record is whose is found by reading them all.
func fromDir(dir string) (func(string) ([]byte, error), error) {
	records, err := os.ReadFile(dir + "/records")
	if err != nil {
		return nil, err
	}
	ids := map[string]int{}
	var texts [][]byte
	for rest := records; len(rest) > 0; {
		text, more, ok := bytes.Cut(rest, []byte("\n\n"))
		if !ok {
			break
		}
		fields := strings.Fields(string(text))
		ids[fields[0]+"@"+fields[1]] = len(texts)
		texts = append(texts, append(bytes.Clone(text), '\n'))
		rest = more
	}
	return func(path string) ([]byte, error) {
		if name, ok := strings.CutPrefix(path, "/lookup/"); ok {
			escaped, version, _ := strings.Cut(name, "@")
			path, err := module.UnescapePath(escaped)
			id, found := ids[path+"@"+version]
			if err != nil || !found {
				return nil, fs.ErrNotExist
			}
			head, err := os.ReadFile(dir + "/head")
			if err != nil {
				return nil, err
			}
			msg, err := tlog.FormatRecord(int64(id), texts[id])
			return append(msg, head...), err
		}
		t, err := tlog.ParseTilePath(strings.TrimPrefix(path, "/"))
		if err != nil {
			return nil, err
		}
		return readAt(fmt.Sprintf("%s/hashes%d", dir, t.L), t.N*8192, t.W*32)
	}, nil
}

func readAt(path string, offset int64, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, n)
	_, err = f.ReadAt(data, offset)
	return data, err
}

func (o *talker) run(client **sumdb.Client, args []string) (string, error) {
	switch args[0] {
	case "url":
		o.remote = fromURL(args[1])
	case "dir":
		remote, err := fromDir(args[1])
		if err != nil {
			return "", err
		}
		o.remote = remote
	case "new":
		o.cache = map[string][]byte{}
		*client = sumdb.NewClient(o)
	case "latest":
		verifier, err := note.NewVerifier(o.vkey)
		if err != nil {
			return "", err
		}
		n, err := note.Open(o.latest, note.VerifierList(verifier))
		if err != nil {
			return "", err
		}
		tree, err := tlog.ParseTree([]byte(n.Text))
		return fmt.Sprint(tree.N), err
	case "lookup":
		lines, err := (*client).Lookup(args[1], args[2])
		return strings.Join(lines, "; "), err
	default:
		return "", errors.New("no such command")
	}
	return "", nil
}

// talk is the client of x/mod for a longer time: it keeps the newest head that it has seen, as the go command does.
// It reads a command a line and answers a line:
//
//	url URL            asks the database at URL from now on
//	dir DIR            asks the files of a log in DIR, as src/store/sumlog.h lays them out
//	lookup PATH VERS   "ok LINE; LINE" or "error TEXT" or "security TEXT"
//	latest             "ok SIZE", of the newest head
//	new                forgets records and tiles, but not the newest head
func talk(key string) error {
	o := &talker{vkey: key, cache: map[string][]byte{}}
	client := sumdb.NewClient(o)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		result, err := o.run(&client, strings.Fields(lines.Text()))
		word := "ok"
		if err != nil {
			word, result = "error", err.Error()
		}
		if o.alarm != "" {
			word, result = "security", o.alarm
		}
		fmt.Println(word, strings.ReplaceAll(result, "\n", " | "))
	}
	return lines.Err()
}
