package main

import (
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// A fault breaks requests whose "METHOD host/path?query" matches a glob (* stands for any text).
//
//	status  answers with the status and a word
//	drop    closes the connection
//	hang    answers nothing until the faults are lifted or the client goes
//	cut     serves the true answer, and closes the connection after 60 bytes
//	slow    serves the true answer, a piece at a time
type fault struct {
	Match  string `json:"match"`
	Kind   string `json:"kind"`
	Status int    `json:"status"`
	Times  int    `json:"times"` // 0 = until lifted
	struck int
}

type faultList struct {
	mu      sync.Mutex
	list    []*fault
	free    chan struct{} // closed when the faults are lifted
	hanging int
}

func isMatch(glob, text string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}

func (l *faultList) add(f *fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, f)
}

func (l *faultList) lift() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
	close(l.free)
	l.free = make(chan struct{})
}

func (l *faultList) take(request string) *fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		if isMatch(f.Match, request) && (f.Times == 0 || f.struck < f.Times) {
			f.struck++
			return f
		}
	}
	return nil
}

func (l *faultList) hang(gone <-chan struct{}) {
	l.mu.Lock()
	free := l.free
	l.hanging++
	l.mu.Unlock()
	select {
	case <-free:
	case <-gone:
	}
	l.mu.Lock()
	l.hanging--
	l.mu.Unlock()
}

// strike does what has no true answer in it.
func (h *host) strike(w http.ResponseWriter, r *http.Request, f *fault) {
	switch f.Kind {
	case "status":
		if f.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="githost"`)
		}
		http.Error(w, "as the test wants: "+path.Base(r.URL.Path), f.Status)
		return
	case "hang":
		io.Copy(io.Discard, r.Body) // only then is it noticed that the client goes
		h.faults.hang(r.Context().Done())
	}
	panic(http.ErrAbortHandler)
}

// broken passes an answer on as the fault wants.
type broken struct {
	http.ResponseWriter
	kind string
	left int
}

func (b *broken) Write(data []byte) (int, error) {
	if b.kind == "cut" {
		if len(data) > b.left {
			b.ResponseWriter.Write(data[:b.left])
			http.NewResponseController(b.ResponseWriter).Flush()
			panic(http.ErrAbortHandler)
		}
		b.left -= len(data)
		return b.ResponseWriter.Write(data)
	}
	for done := 0; done < len(data); {
		n, err := b.ResponseWriter.Write(data[done:min(done+512, len(data))])
		if err != nil {
			return done, err
		}
		http.NewResponseController(b.ResponseWriter).Flush()
		time.Sleep(time.Millisecond)
		done += n
	}
	return len(data), nil
}
