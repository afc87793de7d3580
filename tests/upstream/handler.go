package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// handler serves the tree, the checksum database and the admin endpoints, and applies the faults.
type handler struct {
	o        *options
	faults   *faultList
	recorder recorder
	sumdb    *sumdbServer
	accepted atomic.Int64
	open     atomic.Int64
}

type connKey struct{}

func newHandler(o *options) *handler {
	h := &handler{o: o, faults: &faultList{}}
	h.recorder.reset()
	if o.sumdb != "" {
		h.sumdb = newSumdbServer(o)
	}
	return h
}

func (h *handler) server() *http.Server {
	return &http.Server{
		Handler:  h,
		ErrorLog: log.New(discardTLSNoise{}, "upstream: ", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			h.open.Add(1)
			return context.WithValue(ctx, connKey{}, h.accepted.Add(1))
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				h.open.Add(-1)
			}
		},
	}
}

func start(h *handler, l net.Listener) *http.Server {
	s := h.server()
	go s.Serve(l)
	return s
}

func startTLS(h *handler, l net.Listener, certs *certificates) *http.Server {
	s := h.server()
	s.TLSConfig = certs.config()
	go s.ServeTLS(l, "", "")
	return s
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_") {
		h.serveAdmin(w, r)
		return
	}
	rec := h.recorder.add(r)
	if h.o.latency > 0 {
		time.Sleep(h.o.latency)
	}
	sw := &statusWriter{ResponseWriter: w, rec: rec, recorder: &h.recorder}
	if f := h.faults.take(r.URL.Path, r.Header.Get("Range") != ""); f != nil {
		h.serveFault(sw, r, f)
		return
	}
	h.serveContent(sw, r)
}

// serveContent gives the true answer.
func (h *handler) serveContent(w http.ResponseWriter, r *http.Request) {
	if h.sumdb != nil && h.sumdb.serve(w, r) {
		return
	}
	h.serveFile(w, r)
}

func (h *handler) filePath(urlPath string) string {
	return filepath.Join(h.o.dir, filepath.FromSlash(filepath.Clean("/"+urlPath)))
}

func (h *handler) serveFile(w http.ResponseWriter, r *http.Request) {
	f, err := os.Open(h.filePath(r.URL.Path))
	if err != nil {
		http.Error(w, "not found: no such module or version in the tree", http.StatusNotFound)
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.IsDir() {
		http.Error(w, "not found: a folder", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", contentType(r.URL.Path))
	w.Header().Set("ETag", etagOf(st))
	http.ServeContent(w, r, "", st.ModTime(), f)
}

// etagOf is strong: it changes with name, size and time of the file.
func etagOf(st os.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", st.Name(), st.Size(), st.ModTime().UnixNano()))
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

func contentType(path string) string {
	switch filepath.Ext(path) {
	case ".info":
		return "application/json"
	case ".zip":
		return "application/zip"
	}
	if strings.HasSuffix(path, "/@latest") {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

func (h *handler) serveAdmin(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /_fault":
		if err := h.faults.addJSON(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, h.faults.list())
	case "DELETE /_fault":
		h.faults.clear()
		writeJSON(w, h.faults.list())
	case "GET /_fault":
		writeJSON(w, h.faults.list())
	case "GET /_count":
		writeJSON(w, h.recorder.counts(r.URL.Query().Get("match")))
	case "GET /_requests":
		writeJSON(w, h.recorder.requests())
	case "GET /_conns":
		writeJSON(w, map[string]int64{"accepted": h.accepted.Load(), "open": h.open.Load()})
	case "POST /_reset":
		h.faults.clear()
		h.recorder.reset()
		h.accepted.Store(0)
		writeJSON(w, map[string]bool{"ok": true})
	default:
		http.Error(w, "no such admin endpoint", http.StatusNotFound)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// request is what /_requests tells of one request.
type request struct {
	Method        string `json:"method"`
	Host          string `json:"host"`
	Path          string `json:"path"`
	RawPath       string `json:"raw_path"`
	Query         string `json:"query,omitempty"`
	Proto         string `json:"proto"`
	Status        int    `json:"status"`
	Conn          int64  `json:"conn"`
	Authorization string `json:"authorization,omitempty"`
	Cookie        string `json:"cookie,omitempty"`
	UserAgent     string `json:"user_agent,omitempty"`
	Accept        string `json:"accept,omitempty"`
	Encoding      string `json:"accept_encoding,omitempty"`
	Range         string `json:"range,omitempty"`
	IfRange       string `json:"if_range,omitempty"`
	RequestID     string `json:"request_id,omitempty"`
	ViaProxy      bool   `json:"via_proxy,omitempty"`
}

// recorder counts requests by path and keeps the last ones.
type recorder struct {
	mu    sync.Mutex
	count map[string]int
	last  []*request
}

const maxRecorded = 20000

func (c *recorder) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count = map[string]int{}
	c.last = nil
}

func (c *recorder) add(r *http.Request) *request {
	conn, _ := r.Context().Value(connKey{}).(int64)
	rec := &request{
		Method: r.Method, Host: r.Host, Path: r.URL.Path, RawPath: r.URL.EscapedPath(),
		Query: r.URL.RawQuery, Proto: r.Proto, Conn: conn,
		Authorization: r.Header.Get("Authorization"), Cookie: r.Header.Get("Cookie"),
		UserAgent: r.Header.Get("User-Agent"), Accept: r.Header.Get("Accept"),
		Encoding: r.Header.Get("Accept-Encoding"), Range: r.Header.Get("Range"),
		IfRange: r.Header.Get("If-Range"), RequestID: r.Header.Get("X-Request-Id"),
		ViaProxy: r.Header.Get("X-Test-Proxy") != "",
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[rec.Path]++
	if len(c.last) >= maxRecorded {
		c.last = append([]*request(nil), c.last[maxRecorded/2:]...)
	}
	c.last = append(c.last, rec)
	return rec
}

func (c *recorder) counts(match string) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	total := 0
	for path, n := range c.count {
		if match == "" {
			out[path] = n
		} else if matchGlob(match, path) {
			total += n
		}
	}
	if match != "" {
		out["total"] = total
	}
	return out
}

func (c *recorder) requests() []request {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]request, 0, len(c.last))
	for _, r := range c.last {
		out = append(out, *r)
	}
	return out
}

// statusWriter notes the status that is sent.
type statusWriter struct {
	http.ResponseWriter
	rec      *request
	recorder *recorder
}

func (w *statusWriter) note(status int) {
	w.recorder.mu.Lock()
	defer w.recorder.mu.Unlock()
	if w.rec.Status == 0 {
		w.rec.Status = status
	}
}

func (w *statusWriter) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// discardTLSNoise drops the server's lines on broken handshakes, which tests provoke.
type discardTLSNoise struct{}

func (discardTLSNoise) Write(p []byte) (int, error) {
	return len(p), nil
}
