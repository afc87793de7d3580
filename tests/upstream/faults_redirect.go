package main

import (
	"net/http"
	"strconv"
	"strings"
)

func faultRedirect(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	to := strings.Replace(f.URL, "*", r.URL.RequestURI(), 1)
	w.Header().Set("Location", to)
	w.WriteHeader(orDefault(f.Code, http.StatusFound))
}

func faultRedirectLoop(h *handler, w http.ResponseWriter, r *http.Request, f *fault) {
	n, _ := strconv.Atoi(r.URL.RawQuery)
	w.Header().Set("Location", r.URL.Path+"?"+strconv.Itoa(n+1))
	w.WriteHeader(http.StatusFound)
}
