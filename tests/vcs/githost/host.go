package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

type auth struct {
	Prefix   string `json:"prefix"`
	User     string `json:"user"`
	Password string `json:"password"`
	Token    string `json:"token"`
	Page     bool   `json:"page"` // the go-get page wants them too
}

// host serves all hosts.
type host struct {
	dir, backend string
	faults       faultList
	mu           sync.Mutex
	requests     []string
	auths        []auth
}

func (h *host) record(method, what string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, fmt.Sprintf("%s %s %d", method, what, status))
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (h *host) ServeHTTP(plain http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_") {
		h.admin(plain, r)
		return
	}
	name, _, _ := strings.Cut(r.Host, ":")
	what := name + r.URL.Path
	full := what
	if r.URL.RawQuery != "" {
		full += "?" + r.URL.RawQuery
	}
	w := &statusWriter{plain, http.StatusOK}
	defer func() { h.record(r.Method, full, w.status) }()
	f := h.faults.take(r.Method + " " + full)
	switch {
	case f == nil:
		h.answer(w, r, what)
	case f.Kind == "cut" || f.Kind == "slow":
		h.answer(&broken{w, f.Kind, 60}, r, what)
	default:
		h.strike(w, r, f)
	}
}

func (h *host) answer(w http.ResponseWriter, r *http.Request, what string) {
	isPage := r.URL.Query().Get("go-get") == "1"
	if !h.isWelcome(r, what, isPage) {
		w.Header().Set("WWW-Authenticate", `Basic realm="githost"`)
		http.Error(w, "credentials, please", http.StatusUnauthorized)
		return
	}
	if isPage {
		h.page(w, what)
		return
	}
	h.git(w, r, what)
}

func (h *host) isWelcome(r *http.Request, what string, isPage bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.auths {
		if !strings.HasPrefix(what, a.Prefix) || (isPage && !a.Page) {
			continue
		}
		user, password, _ := r.BasicAuth()
		return a.Token != "" && (r.Header.Get("Authorization") == "Bearer "+a.Token || password == a.Token) ||
			a.User != "" && user == a.User && password == a.Password
	}
	return true
}

func isRepo(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "HEAD"))
	return err == nil
}

// page is what a forge gives for ?go-get=1.
func (h *host) page(w http.ResponseWriter, what string) {
	what = strings.TrimSuffix(what, "/")
	var pages map[string][]string
	if data, err := os.ReadFile(filepath.Join(h.dir, "pages.json")); err == nil {
		check(json.Unmarshal(data, &pages))
	}
	metas, found := pages[what]
	for root := what; !found && root != "."; root = filepath.Dir(root) {
		if isRepo(filepath.Join(h.dir, root+".git")) {
			metas, found = []string{root + " git https://" + root + ".git"}, true
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !found {
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprint(w, "<!DOCTYPE html>\n<html><head>\n<title>page</title>\n")
	for _, meta := range metas {
		fmt.Fprintf(w, "<meta name=\"go-import\" content=\"%s\">\n", html.EscapeString(meta))
	}
	fmt.Fprint(w, "</head><body>page of a repository</body></html>\n")
}

// git splits host/path into a repository and what is asked of it, and lets git answer.
func (h *host) git(w http.ResponseWriter, r *http.Request, what string) {
	for _, rest := range []string{"/info/refs", "/git-upload-pack"} {
		repo, found := strings.CutSuffix(what, rest)
		if !found {
			continue
		}
		if !strings.HasSuffix(repo, ".git") {
			repo += ".git"
		}
		if dir := filepath.Join(h.dir, repo); isRepo(dir) {
			r.URL.Path = "/" + repo + rest
			(&cgi.Handler{Path: h.backend, Env: []string{"GIT_PROJECT_ROOT=" + h.dir, "GIT_HTTP_EXPORT_ALL=1",
				"GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"), "HOME=" + h.dir, "GIT_CONFIG_NOSYSTEM=1"},
				Stderr: discard{}}).ServeHTTP(w, r)
			return
		}
	}
	if file := filepath.Join(h.dir, what); !strings.HasSuffix(file, "/") {
		http.ServeFile(w, r, file) // a GOPROXY tree
		return
	}
	http.NotFound(w, r)
}

type discard struct{}

func (discard) Write(data []byte) (int, error) { return len(data), nil }

func (h *host) admin(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var answer any = map[string]bool{"ok": true}
	switch r.Method + " " + r.URL.Path {
	case "POST /_fault":
		f := &fault{}
		check(json.NewDecoder(r.Body).Decode(f))
		h.faults.add(f)
	case "DELETE /_fault":
		h.faults.lift()
	case "POST /_auth":
		var a auth
		check(json.NewDecoder(r.Body).Decode(&a))
		h.auths = append(h.auths, a)
	case "GET /_requests":
		answer = append([]string{}, h.requests...)
	case "GET /_hanging":
		h.faults.mu.Lock()
		answer = h.faults.hanging
		h.faults.mu.Unlock()
	case "POST /_reset":
		h.requests, h.auths = nil, nil
		h.faults.lift()
	}
	json.NewEncoder(w).Encode(answer)
}
