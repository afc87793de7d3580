package main

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// forwardProxy is a small forward proxy: CONNECT tunnels and absolute URLs. Every host is dialled
// at 127.0.0.1, so that tests can use any name. What it was asked is recorded as /CONNECT/host:port
// and /FORWARD/host:port.
type forwardProxy struct {
	h    *handler
	auth string // the header that is asked for; "" = none
}

func startProxy(h *handler, l net.Listener, userPassword string) *http.Server {
	p := &forwardProxy{h: h}
	if userPassword != "" {
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(userPassword))
	}
	s := &http.Server{Handler: p}
	go s.Serve(l)
	return s
}

func (p *forwardProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := "/FORWARD/"
	if r.Method == http.MethodConnect {
		kind = "/CONNECT/"
	}
	seen := r.Clone(r.Context())
	seen.URL = &url.URL{Path: kind + r.Host}
	p.h.recorder.add(seen)
	if p.auth != "" && r.Header.Get("Proxy-Authorization") != p.auth {
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		http.Error(w, "the proxy wants credentials", http.StatusProxyAuthRequired)
		return
	}
	if f := p.h.faults.take(seen.URL.Path, false); f != nil {
		p.h.serveFault(w, r, f)
		return
	}
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	p.forward(w, r)
}

func atLoopback(host, defaultPort string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return net.JoinHostPort("127.0.0.1", defaultPort)
}

func (p *forwardProxy) tunnel(w http.ResponseWriter, r *http.Request) {
	target, err := net.Dial("tcp", atLoopback(r.Host, "443"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		target.Close()
		return
	}
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		io.Copy(target, buf)
		target.Close()
	}()
	io.Copy(client, target)
	client.Close()
}

func (p *forwardProxy) forward(w http.ResponseWriter, r *http.Request) {
	rp := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.Out.URL.Scheme = "http"
		pr.Out.URL.Host = atLoopback(r.Host, "80")
		pr.Out.Host = r.Host
		pr.Out.Header.Set("X-Test-Proxy", "1")
	}}
	rp.ServeHTTP(w, r)
}
