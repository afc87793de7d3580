package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var errNoZip = errors.New("the content is not a zip")

// Faults of the content and of its validators: the transfer itself is in order.

// zeros is a reader of n zero bytes.
func zeros(n int64) io.Reader {
	return io.LimitReader(zeroReader{}, n)
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// sendBody answers 200 with the body under the headers of the true answer, without validators.
func sendBody(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Type", contentType(r.URL.Path))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func faultGzipEncoding(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(h.truth(r).Body.Bytes())
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	sendBody(w, r, b.Bytes())
}

func faultGzipBomb(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.Copy(z, zeros(orDefault(f.Size, 1<<30)))
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	sendBody(w, r, b.Bytes())
}

// moduleOf returns "path@version", unescaped, of a zip's URL path.
func moduleOf(urlPath string) string {
	path, version, _ := strings.Cut(strings.TrimPrefix(urlPath, "/"), "/@v/")
	name := path + "@" + strings.TrimSuffix(version, ".zip")
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '!' && i+1 < len(name) {
			i++
			out.WriteString(strings.ToUpper(name[i : i+1]))
			continue
		}
		out.WriteByte(name[i])
	}
	return out.String()
}

func faultZipBomb(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	mod := moduleOf(r.URL.Path)
	path, _, _ := strings.Cut(mod, "@")
	addEntry(z, mod+"/go.mod", []byte("module "+path+"\n"))
	e, _ := z.Create(mod + "/bomb.bin")
	io.Copy(e, zeros(orDefault(f.Size, 600<<20)))
	z.Close()
	sendBody(w, r, b.Bytes())
}

func addEntry(z *zip.Writer, name string, body []byte) {
	e, err := z.Create(name)
	check(err)
	e.Write(body)
}

// rezip copies a zip; change may give an entry another name and body; more adds entries.
func rezip(data []byte, change func(name string, body []byte) (string, []byte),
	more func(z *zip.Writer)) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, errNoZip
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range in.File {
		rc, err := e.Open()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(rc)
		rc.Close()
		if err != nil {
			return nil, err
		}
		name, body := change(e.Name, body)
		addEntry(z, name, body)
	}
	more(z)
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unchanged(name string, body []byte) (string, []byte) {
	return name, body
}

func noMore(*zip.Writer) {}

func sendZip(h *handler, w http.ResponseWriter, r *http.Request,
	change func(string, []byte) (string, []byte), more func(*zip.Writer)) {
	body, err := rezip(h.truth(r).Body.Bytes(), change, more)
	if err != nil {
		http.Error(w, fmt.Sprint("fault: ", err), http.StatusInternalServerError)
		return
	}
	sendBody(w, r, body)
}

func faultGomodMismatch(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	goMod := moduleOf(r.URL.Path) + "/go.mod"
	sendZip(h, w, r, func(name string, body []byte) (string, []byte) {
		if name == goMod {
			body = append(body, "\n// not what .mod says\n"...)
		}
		return name, body
	}, noMore)
}

func faultZipPrefix(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	prefix := moduleOf(r.URL.Path)
	sendZip(h, w, r, func(name string, body []byte) (string, []byte) {
		return "other.example.com/mod@v1.0.0" + strings.TrimPrefix(name, prefix), body
	}, noMore)
}

func faultZipExtra(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	sendZip(h, w, r, unchanged, func(z *zip.Writer) {
		addEntry(z, moduleOf(r.URL.Path)+"/backdoor.go", []byte("package backdoor\n"))
	})
}

func faultZipDotdot(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	sendZip(h, w, r, unchanged, func(z *zip.Writer) {
		addEntry(z, moduleOf(r.URL.Path)+"/../evil", []byte("evil\n"))
	})
}

func faultZipTruncated(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	body := h.truth(r).Body.Bytes()
	sendBody(w, r, body[:len(body)/2])
}

func faultFlip(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(r)
	body := t.Body.Bytes()
	if i := f.cutAt(len(body)-1, len(body)/2); i >= 0 {
		body[i] ^= 1
	}
	copyHeader(w, t.Header())
	w.WriteHeader(t.Code)
	w.Write(body)
}

// stripValidators takes away what a client could resume by; how is a kind of fault, or empty.
func stripValidators(header http.Header, how string) {
	switch how {
	case "no_validators":
		header.Del("ETag")
		header.Del("Last-Modified")
	case "weak_etag":
		header.Set("ETag", "W/"+header.Get("ETag"))
		header.Del("Last-Modified")
	}
}

func faultValidators(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(r)
	copyHeader(w, t.Header())
	stripValidators(w.Header(), f.Kind)
	w.WriteHeader(t.Code)
	w.Write(t.Body.Bytes())
}

func withoutRange(r *http.Request) *http.Request {
	r2 := r.Clone(r.Context())
	r2.Header.Del("Range")
	r2.Header.Del("If-Range")
	return r2
}

func faultNoRange(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	h.serveContent(w, withoutRange(r))
}

func faultWrongRange(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(withoutRange(r))
	body := t.Body.Bytes()
	copyHeader(w, t.Header())
	n := min(10, len(body))
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", n-1, len(body)))
	w.Header().Set("Content-Length", strconv.Itoa(n))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(body[:n])
}

func faultChanged(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	t := h.truth(withoutRange(r))
	body := t.Body.Bytes()
	for i := range body {
		body[i] ^= 0x55
	}
	w.Header().Set("Content-Type", contentType(r.URL.Path))
	w.Header().Set("ETag", `"changed"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
