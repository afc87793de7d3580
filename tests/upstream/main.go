// Upstream is the mirror that modgate's tests talk to: it serves a GOPROXY tree and a checksum
// database, and misbehaves on demand.
//
//	go run . -dir /tmp/tree -gen 50 -seed 1 -https 127.0.0.1:0 -proxy 127.0.0.1:0
//
// Flags:
//
//	-dir DIR        the GOPROXY tree that is served; made when absent. Default: a temporary folder
//	                that is removed at the end
//	-gen N          write N generated modules into DIR first (the same N and seed: the same bytes)
//	-seed S         seed of the generator and of the checksum database's key (default 1)
//	-max-size B     size of the largest generated files in bytes (default 4000000)
//	-main DIR       also write a main module that needs all generated modules and imports them
//	-only-gen       generate and exit
//	-http ADDR      plain HTTP/1.1 (default 127.0.0.1:0 = any free port; "" = none)
//	-https ADDR     HTTP/1.1 and HTTP/2 over TLS, certificate for localhost, 127.0.0.1, ::1 and
//	                *.test.example (default: none)
//	-ca FILE        where to write the CA's certificate (default: DIR.ca.pem)
//	-proxy ADDR     a forward proxy: CONNECT and absolute URLs; every target host is dialled at
//	                127.0.0.1 with the port asked for (default: none)
//	-proxy-tls ADDR the same proxy, spoken to over TLS (needs -https)
//	-proxy-auth U:P the proxy asks for these (407 without)
//	-sumdb NAME     name of the checksum database (default sum.test.example; "" = none), served as
//	                /sumdb/NAME/… and, for clients that go there directly, as /lookup/, /tile/, /latest
//	-latency D      wait so long before each answer, for example 20ms
//	-linger         do not stop at the end of standard input
//
// One line of JSON on standard output says that it is ready, and where:
//
//	{"http":"http://127.0.0.1:…","https":"https://localhost:…","proxy":"http://127.0.0.1:…",
//	 "ca":"…/ca.pem","dir":"…","sumdb":"sum.test.example+hash+key"}
//
// It stops at the end of standard input.
//
// Admin endpoints, on every listener, never slowed down or broken:
//
//	POST   /_fault     {"match": "*/@v/*.zip", "kind": "short", "times": 2}; see faults.go for kinds
//	DELETE /_fault     no faults from here on
//	GET    /_fault     the faults in force, with how often each has struck
//	GET    /_count     {"path": requests, …}; with ?match=GLOB only {"total": n}
//	GET    /_requests  the last 20000 requests: path, headers of interest, status, connection
//	GET    /_conns     {"accepted": connections since the last reset, "open": now}
//	POST   /_reset     no faults, counts and records at zero
//
// In globs * stands for any text, slashes included.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

type options struct {
	dir, mainDir, httpAddr, httpsAddr, caFile, proxyAddr, proxyTLSAddr, proxyAuth, sumdb string
	gen, maxSize                                                                         int
	seed                                                                                 int64
	latency                                                                              time.Duration
	onlyGen, linger                                                                      bool
}

func parseFlags() *options {
	o := &options{}
	flag.StringVar(&o.dir, "dir", "", "GOPROXY tree")
	flag.StringVar(&o.mainDir, "main", "", "folder for a main module")
	flag.IntVar(&o.gen, "gen", 0, "number of modules to generate")
	flag.Int64Var(&o.seed, "seed", 1, "seed")
	flag.IntVar(&o.maxSize, "max-size", 4000000, "largest generated files")
	flag.BoolVar(&o.onlyGen, "only-gen", false, "generate and exit")
	flag.StringVar(&o.httpAddr, "http", "127.0.0.1:0", "plain HTTP address")
	flag.StringVar(&o.httpsAddr, "https", "", "TLS address")
	flag.StringVar(&o.caFile, "ca", "", "file for the CA certificate")
	flag.StringVar(&o.proxyAddr, "proxy", "", "forward proxy address")
	flag.StringVar(&o.proxyTLSAddr, "proxy-tls", "", "forward proxy address, over TLS")
	flag.StringVar(&o.proxyAuth, "proxy-auth", "", "user:password of the proxy")
	flag.StringVar(&o.sumdb, "sumdb", "sum.test.example", "name of the checksum database")
	flag.DurationVar(&o.latency, "latency", 0, "wait before each answer")
	flag.BoolVar(&o.linger, "linger", false, "go on after the end of standard input")
	flag.Parse()
	if flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "upstream: takes no operands; see the comment in main.go")
		os.Exit(2)
	}
	return o
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("upstream: ")
	o := parseFlags()
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "upstream")
		check(err)
		defer os.RemoveAll(dir)
		o.dir = filepath.Join(dir, "tree")
	}
	check(os.MkdirAll(o.dir, 0o755))
	if o.gen > 0 {
		check(generate(o))
	}
	if o.onlyGen {
		return
	}
	serve(o)
}

// serve starts the listeners, says where they are, and waits for the end of standard input.
func serve(o *options) {
	h := newHandler(o)
	ready := map[string]string{"dir": o.dir}
	if o.sumdb != "" {
		ready["sumdb"] = h.sumdb.verifierKey
	}
	var servers []*http.Server
	if o.httpAddr != "" {
		l := listen(o.httpAddr)
		ready["http"] = "http://" + l.Addr().String()
		servers = append(servers, start(h, l))
	}
	if o.httpsAddr != "" {
		l := listen(o.httpsAddr)
		certs := newCertificates(h.faults)
		if o.caFile == "" {
			o.caFile = filepath.Clean(o.dir) + ".ca.pem"
		}
		check(os.WriteFile(o.caFile, certs.caPEM, 0o644))
		ready["ca"] = o.caFile
		ready["https"] = fmt.Sprintf("https://localhost:%d", l.Addr().(*net.TCPAddr).Port)
		servers = append(servers, startTLS(h, l, certs))
		if o.proxyTLSAddr != "" {
			l := listen(o.proxyTLSAddr)
			ready["proxy_tls"] = fmt.Sprintf("https://localhost:%d", l.Addr().(*net.TCPAddr).Port)
			servers = append(servers, startProxy(h, certs.listen(l), o.proxyAuth))
		}
	}
	if o.proxyAddr != "" {
		l := listen(o.proxyAddr)
		ready["proxy"] = "http://" + l.Addr().String()
		servers = append(servers, startProxy(h, l, o.proxyAuth))
	}
	check(json.NewEncoder(os.Stdout).Encode(ready))
	if o.linger {
		select {}
	}
	io.Copy(io.Discard, os.Stdin)
	for _, s := range servers {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		s.Shutdown(ctx)
		s.Close()
		cancel()
	}
}

func listen(addr string) net.Listener {
	l, err := net.Listen("tcp", addr)
	check(err)
	return l
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
