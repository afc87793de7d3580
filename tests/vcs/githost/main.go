// Githost is the world of git servers that the tests of modules from version control talk to. Every
// host name there is leads to it: clients are given its proxy as HTTPS_PROXY and HTTP_PROXY, and it
// answers for each host with a certificate of its own CA. So the same module paths work for the go
// command, for git and for modgate, without any name that must be resolved.
//
//	githost -dir DIR -ca FILE
//
// DIR/<host>/<path>.git are bare repositories, served by git http-backend as https://<host>/<path>.git
// and without the .git. A page asked with ?go-get=1 is DIR/pages.json's entry for <host>/<path> (a
// list of go-import contents), else the one that a forge gives: the longest <host>/<path> that is a
// repository here. What else is asked is a file below DIR, so a GOPROXY tree may lie there too. DIR is
// read at each request.
//
// One line of JSON on standard output says that it is ready and where: {"proxy": …, "plain": …}. It
// stops at the end of standard input.
//
// Admin endpoints, on the plain listener:
//
//	POST   /_fault     {"match": GLOB, "kind": …, "status": n, "times": n}; see faults.go
//	DELETE /_fault     no faults, and what hangs is let go
//	POST   /_auth      {"prefix": "host/path", "user": …, "password": …, "token": …, "page": true}
//	GET    /_requests  every request since the last reset: ["GET host/path?query 200", …]
//	GET    /_hanging   how many requests hang just now
//	POST   /_reset     no faults, no requests, no authentication
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return l
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("githost: ")
	dir := flag.String("dir", "", "folder of the repositories")
	caFile := flag.String("ca", "", "file for the CA certificate")
	flag.Parse()
	execPath, err := exec.Command("git", "--exec-path").Output()
	check(err)
	h := &host{dir: *dir, backend: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend")}
	h.faults.free = make(chan struct{})
	certs := newCertificates()
	check(os.WriteFile(*caFile, certs.caPEM, 0o644))

	inner := newTunnels()
	quiet := log.New(io.Discard, "", 0)
	config := &tls.Config{GetCertificate: certs.forHost, NextProtos: []string{"http/1.1"}}
	go (&http.Server{Handler: h, ErrorLog: quiet}).Serve(tls.NewListener(inner, config))
	proxy, plain := listen(), listen()
	go (&http.Server{Handler: &forwardProxy{h, inner}, ErrorLog: quiet}).Serve(proxy)
	go (&http.Server{Handler: h, ErrorLog: quiet}).Serve(plain)
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"proxy": "http://" + proxy.Addr().String(), "plain": "http://" + plain.Addr().String(), "ca": *caFile}))
	io.Copy(io.Discard, os.Stdin)
}
