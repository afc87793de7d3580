// Tool makes the loads of bench/run.py that wrk and h2load cannot. Each command prints one line of JSON.
//
//	tool fetch -base URL -list FILE -c 32 -suffixes .info,.mod,.zip
//	    the list's lines are "/<path>/@v/<version>"; each worker takes a version and asks its files
//	tool handshakes -addr HOST:PORT -c 4 -d 3s
//	    full TLS handshakes, one connection after the other on each worker
//	tool idle -addr HOST:PORT -mode plain|tls|h2 -n 10000
//	    opens connections, asks /healthz once on each, prints a line, holds them until standard input ends
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	commands := map[string]func([]string){"fetch": fetch, "handshakes": handshakes, "idle": idle}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "tool: fetch, handshakes or idle; see main.go")
		os.Exit(2)
	}
	commands[os.Args[1]](os.Args[2:])
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

func report(values map[string]any) {
	fail(json.NewEncoder(os.Stdout).Encode(values))
}

func readLines(path string) []string {
	file, err := os.Open(path)
	fail(err)
	defer file.Close()
	var lines []string
	for s := bufio.NewScanner(file); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

// fetchOne reads a whole answer and returns its length.
func fetchOne(client *http.Client, url string) (int64, error) {
	answer, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, answer.Status)
	}
	return n, err
}

func fetch(args []string) {
	flags := flag.NewFlagSet("fetch", flag.ExitOnError)
	base := flags.String("base", "", "URL before the paths")
	list := flags.String("list", "", "file with paths")
	workers := flags.Int("c", 32, "workers")
	suffixes := flags.String("suffixes", ".info,.mod,.zip", "what to ask of each version")
	flags.Parse(args)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *workers}, Timeout: 10 * time.Minute}
	versions := make(chan string)
	var bytes, requests, errors atomic.Int64
	var group sync.WaitGroup
	started := time.Now()
	for range *workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for version := range versions {
				for _, suffix := range strings.Split(*suffixes, ",") {
					n, err := fetchOne(client, *base+version+suffix)
					if err != nil {
						errors.Add(1)
						fmt.Fprintln(os.Stderr, "tool:", err)
					}
					bytes.Add(n)
					requests.Add(1)
				}
			}
		}()
	}
	for _, line := range readLines(*list) {
		versions <- line
	}
	close(versions)
	group.Wait()
	report(map[string]any{"seconds": time.Since(started).Seconds(), "bytes": bytes.Load(),
		"requests": requests.Load(), "errors": errors.Load()})
}

func handshakes(args []string) {
	flags := flag.NewFlagSet("handshakes", flag.ExitOnError)
	addr := flags.String("addr", "", "HOST:PORT")
	workers := flags.Int("c", 4, "workers")
	duration := flags.Duration("d", 3*time.Second, "how long")
	flags.Parse(args)
	// No session cache: each handshake is a full one. The cheapest key share leaves the client room.
	config := &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}
	var done, errors atomic.Int64
	var group sync.WaitGroup
	started := time.Now()
	for range *workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Since(started) < *duration {
				conn, err := tls.Dial("tcp", *addr, config)
				if err != nil {
					errors.Add(1)
					continue
				}
				done.Add(1)
				conn.Close()
			}
		}()
	}
	group.Wait()
	seconds := time.Since(started).Seconds()
	report(map[string]any{"count": done.Load(), "errors": errors.Load(), "seconds": seconds,
		"per_second": float64(done.Load()) / seconds})
}
