package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// fault says what goes wrong with which requests. Kinds, with the fields that they read:
//
//	status           answers code (default 500) with body; retry_after sets that header
//	auth             401 unless the Authorization header is header
//	slow             waits delay_ms (default 1000), then answers as usual
//	hang             takes the request and never answers
//	drip             sends chunk bytes (default 1) every delay_ms (default 100)
//	stall            sends after bytes (default half), then nothing more, ever
//	short            sends after bytes (default half) of the length it announced, then closes
//	reset            sends after bytes (default 0: not even a status line), then resets
//	wrong_length     announces delta bytes (default +7) more or less than it sends, then closes
//	garbage          200 and size random bytes (default 4096) in place of the content
//	html             200 and a page of HTML, as a captive portal does
//	empty            200 and nothing
//	redirect         302 (or code) to url; a * in url is replaced by the path and query
//	redirect_loop    302 to itself with an ever new query
//	endless          200 and bytes without end, with no length
//	huge_header      adds size bytes (default 1 MiB) of headers
//	gzip_encoding    content packed with gzip and marked so, whatever was asked for
//	gzip_bomb        Content-Encoding: gzip, size bytes (default 1 GiB) when unpacked
//	bomb             a module zip with an entry of size bytes (default 600 MiB) when unpacked
//	gomod_mismatch   the true zip with another go.mod inside
//	zip_prefix       the true zip with another module's prefix on every name
//	zip_extra        the true zip with one more file (another h1)
//	zip_dotdot       the true zip with an entry named ../evil
//	zip_truncated    the first half of the zip as if it were all
//	flip             the true content with the bit at offset after flipped
//	no_validators    the true answer without ETag and Last-Modified
//	weak_etag        the true answer with a weak ETag and no Last-Modified
//	no_range         the true answer, Range ignored
//	wrong_range      206 with a range that was not asked for
//	changed          other content of the same length under another ETag
//	close            the true answer; the connection is closed afterwards (GOAWAY in HTTP/2)
//	expired_cert, wrong_host_cert, untrusted_cert   new TLS connections get such a certificate
//	                 (match is not looked at)
type fault struct {
	Match      string `json:"match"`
	Kind       string `json:"kind"`
	Times      int    `json:"times"`      // how often it strikes; 0 = for ever
	Skip       int    `json:"skip"`       // matching requests that are let through first
	RangeOnly  bool   `json:"range_only"` // only requests with a Range header
	Code       int    `json:"code"`
	Body       string `json:"body"`
	RetryAfter string `json:"retry_after"`
	Header     string `json:"header"`
	URL        string `json:"url"`
	DelayMs    int    `json:"delay_ms"`
	Chunk      int    `json:"chunk"`
	After      *int   `json:"after"`
	Delta      *int   `json:"delta"`
	Size       int64  `json:"size"`
	Strip      string `json:"strip"` // no_validators or weak_etag, besides short, stall and reset
	Struck     int    `json:"struck"`
}

var certKinds = map[string]bool{"expired_cert": true, "wrong_host_cert": true, "untrusted_cert": true}

// faultList is the faults in force. The first one that matches strikes.
type faultList struct {
	mu     sync.Mutex
	faults []*fault
}

func (l *faultList) addJSON(r io.Reader) error {
	f := &fault{}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return err
	}
	if faultKinds[f.Kind] == nil && !certKinds[f.Kind] {
		return fmt.Errorf("no fault of kind %q", f.Kind)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, f)
	return nil
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

func (l *faultList) list() []fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]fault, 0, len(l.faults))
	for _, f := range l.faults {
		out = append(out, *f)
	}
	return out
}

func (l *faultList) takeIf(matches func(f *fault) bool) *fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		if !matches(f) || f.Times > 0 && f.Struck >= f.Times {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Struck++
		return f
	}
	return nil
}

func (l *faultList) take(path string, hasRange bool) *fault {
	return l.takeIf(func(f *fault) bool {
		return !certKinds[f.Kind] && matchGlob(f.Match, path) && (hasRange || !f.RangeOnly)
	})
}

func (l *faultList) takeCert() string {
	f := l.takeIf(func(f *fault) bool { return certKinds[f.Kind] })
	if f == nil {
		return ""
	}
	return f.Kind
}

type faultFunc func(h *handler, w http.ResponseWriter, r *http.Request, f *fault)

var faultKinds = map[string]faultFunc{
	"status":         faultStatus,
	"auth":           faultAuth,
	"slow":           faultSlow,
	"hang":           faultHang,
	"drip":           faultDrip,
	"stall":          faultStall,
	"short":          faultShort,
	"reset":          faultReset,
	"wrong_length":   faultWrongLength,
	"garbage":        faultGarbage,
	"html":           faultHTML,
	"empty":          func(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {},
	"redirect":       faultRedirect,
	"redirect_loop":  faultRedirectLoop,
	"endless":        faultEndless,
	"huge_header":    faultHugeHeader,
	"gzip_encoding":  faultGzipEncoding,
	"gzip_bomb":      faultGzipBomb,
	"bomb":           faultZipBomb,
	"gomod_mismatch": faultGomodMismatch,
	"zip_prefix":     faultZipPrefix,
	"zip_extra":      faultZipExtra,
	"zip_dotdot":     faultZipDotdot,
	"zip_truncated":  faultZipTruncated,
	"flip":           faultFlip,
	"no_validators":  faultValidators,
	"weak_etag":      faultValidators,
	"no_range":       faultNoRange,
	"wrong_range":    faultWrongRange,
	"changed":        faultChanged,
	"close":          faultClose,
}

func (h *handler) serveFault(w http.ResponseWriter, r *http.Request, f *fault) {
	faultKinds[f.Kind](h, w, r, f)
}

func orDefault[T int | int64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// truth is the answer that the server would have given.
func (h *handler) truth(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.serveContent(rec, r)
	return rec
}

func copyHeader(w http.ResponseWriter, from http.Header) {
	for k, v := range from {
		w.Header()[k] = v
	}
}

// cutAt is where to cut a body of n bytes.
func (f *fault) cutAt(n, def int) int {
	if f.After != nil {
		def = *f.After
	}
	return min(def, n)
}

// abort breaks the connection off (HTTP/1) or resets the stream (HTTP/2).
func abort() {
	panic(http.ErrAbortHandler)
}

func flush(w http.ResponseWriter) {
	http.NewResponseController(w).Flush()
}

func faultStatus(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(orDefault(f.Code, 500))
	io.WriteString(w, f.Body)
}

func faultAuth(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	if r.Header.Get("Authorization") == f.Header {
		h.serveContent(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="upstream"`)
	http.Error(w, "credentials please", http.StatusUnauthorized)
}

func faultSlow(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	pause(r, orDefault(f.DelayMs, 1000))
	h.serveContent(w, r)
}

func faultHang(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	<-r.Context().Done()
	abort()
}

// pause waits, but not longer than the client.
func pause(r *http.Request, ms int) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-r.Context().Done():
		abort()
	}
}

func faultDrip(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(r)
	body := t.Body.Bytes()
	copyHeader(w, t.Header())
	w.WriteHeader(t.Code)
	for chunk := orDefault(f.Chunk, 1); len(body) > 0; {
		n := min(chunk, len(body))
		w.Write(body[:n])
		flush(w)
		body = body[n:]
		pause(r, orDefault(f.DelayMs, 100))
	}
}

// sendPart announces the whole and sends the first part only.
func (h *handler) sendPart(w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(r)
	body := t.Body.Bytes()
	copyHeader(w, t.Header())
	stripValidators(w.Header(), f.Strip)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(t.Code)
	w.Write(body[:f.cutAt(len(body), len(body)/2)])
	flush(w)
}

func faultStall(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	h.sendPart(w, r, f)
	<-r.Context().Done()
	abort()
}

func faultShort(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	h.sendPart(w, r, f)
	abort()
}

func faultReset(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	if f.After != nil && *f.After > 0 {
		h.sendPart(w, r, f)
	}
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
		return
	}
	abort()
}

// faultWrongLength writes by hand what net/http refuses to; HTTP/2 streams end by a reset.
func faultWrongLength(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	delta := 7
	if f.Delta != nil {
		delta = *f.Delta
	}
	t := h.truth(r)
	body := t.Body.Bytes()
	length := max(0, len(body)+delta)
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		copyHeader(w, t.Header())
		w.Header().Set("Content-Length", strconv.Itoa(length))
		w.Write(body)
		return
	}
	defer conn.Close()
	fmt.Fprintf(buf, "HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", t.Code,
		t.Header().Get("Content-Type"), length)
	buf.Write(body)
	buf.Flush()
}

func faultGarbage(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	body := make([]byte, orDefault(f.Size, 4096))
	rand.New(rand.NewSource(int64(len(r.URL.Path)))).Read(body)
	w.Header().Set("Content-Type", contentType(r.URL.Path))
	w.Write(body)
}

func faultHTML(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<!DOCTYPE html><html><head><title>Log in</title></head><body>Welcome to the "+
		"hotel's network. <a href=\"/login\">Log in</a></body></html>\n")
}

func faultEndless(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	block := bytes.Repeat([]byte("v1.0.0\n"), 4096)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func faultHugeHeader(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	value := string(bytes.Repeat([]byte("x"), 8000))
	for i := int64(0); i < orDefault(f.Size, 1<<20)/8000; i++ {
		w.Header().Set(fmt.Sprintf("X-Filler-%d", i), value)
	}
	h.serveContent(w, r)
}

func faultClose(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	w.Header().Set("Connection", "close")
	h.serveContent(w, r)
}
